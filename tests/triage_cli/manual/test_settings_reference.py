"""The pages of settings and of commands are those that the program prints."""

from pathlib import Path

import pytest

from tests.triage_cli.conftest import Shell
from triage_cli.manual import man_pages
from triage_cli.manual.settings_reference import write_reference


def test_the_page_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"
    assert page.read_text("utf-8") == write_reference(), "run: mailroom settings > docs/reference/settings.md"


def test_the_page_of_commands_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
    assert page.read_text("utf-8") == man_pages.write_markdown_page(), "run: mailroom man --markdown > docs/reference/cli.md"


def test_the_command_prints_it(shell: Shell) -> None:
    assert "| `undo_seconds` | `10` |" in shell("settings").out


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("SMTP__LISTEN", "0.0.0.0:99999", "smtp.listen must be HOST:PORT"),
        ("SMTP__LMTP_LISTEN", "127.0.0.1:2525", "smtp.listen and smtp.lmtp_listen are both 127.0.0.1:2525"),
        ("SMTP__WORKERS", "0", "smtp.workers must be from 1 to"),
        ("SMTP__TRUSTED_EDGES", "10.0.0.0/33", "smtp.trusted_edges: “10.0.0.0/33” is no network"),
        ("SMTP__TLS_CERT", "/etc/tls.crt", "smtp.tls_cert and smtp.tls_key: set both, or neither"),
        ("DATABASE__URL", "mysql://db/mailroom", "database.url must begin with"),
        ("RELAY__NEXT_HOP", "127.0.0.1:2400", "the next hop “127.0.0.1:2400” is not known"),
        ("RELAY__ROUTES", "sales=smtp://inner.example:25", "is no route"),
        ("NOTICES__ABUSE_REPORTS_TO", "abuse desk", "abuse desk"),
        ("POLICY__RSPAMD_LEARN_URL", "rspamd:11334", "rspamd_learn_url"),
        ("RELAY__ARC_DOMAIN", "company.example", "arc_domain, arc_selector and arc_key_file belong together"),
        ("DIRECTORY__SOURCE", "ldap", "[directory] url must be ldap://HOST"),
        ("OUTBOUND__NETWORKS", "0.0.0.0/0", "is the whole internet"),
        ("RECALL__IMAP", "dovecot.company.example", "recall.imap must be imaps://"),
        ("MIRROR__DEPARTMENTS", "it=it@company.example", "mirror.imap must be imaps://"),
        ("POLICY__CLAMD", "clamd", "neither the path of a socket nor HOST:PORT"),
        ("DNS__NAMESERVERS", "resolver", "dns"),
        ("API__LISTEN", "8080", "api.listen must be HOST:PORT"),
        ("API__METRICS", "everybody", "api.metrics must be networks"),
        ("API__PROXIES", "10.0.0.5/8", "api.proxies must be networks"),
        ("API__SIGN_IN", "directory", 'needs [directory] source = "ldap"'),
    ],
)
def test_a_check_says_what_a_role_would_refuse(shell: Shell, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"MAILROOM_{setting}", value)
    refused = shell("settings", "--check")
    assert (refused.code, says in refused.err, refused.out) == (2, True, "")


def test_a_check_names_every_fault(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_API__LISTEN", "8080")
    monkeypatch.setenv("MAILROOM_RELAY__NEXT_HOP", "inner")
    assert shell("settings", "--check").err.count("mailroom: ") == 2


def test_a_check_reads_the_directory_as_a_sync_will(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text('[company]\npostmaster = "ana"\n[[department]]\ncode = "it"\nname = "IT"\nsealed = true\n')
    refused = shell("settings", "--check")
    assert (refused.code, refused.out) == (2, "")
    assert "there is no key “sealed”; it is now confidential" in refused.err


def test_settings_can_be_checked_before_anything_starts_with_them(shell: Shell, config: Path) -> None:
    assert shell("settings", "--check").code == 0
    config.write_text(config.read_text() + "\n[smtp]\nlisen = 'x'\n")
    refused = shell("settings", "--check")
    assert refused.code == 2
    assert "did you mean “listen”" in refused.err
