"""Layouts of Postfix as postconf shows them: what quickstart understands of each, and where it writes no commands."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers import processes
from triage_cli.quickstart import write_directory
from triage_cli.quickstart.mail_server import MailServer
from triage_cli.quickstart.read_postfix import is_routed, open_postfix, read_postfix, split_value

pytestmark = pytest.mark.peers

VIRTUAL = """
myhostname = mail.company.example
mydestination = mail.company.example, localhost
mynetworks = 127.0.0.0/8 [::1]/128 192.168.7.0/24
virtual_mailbox_domains = company.example other.example
virtual_mailbox_maps = inline:{ {anna@company.example = x}, {ben@company.example = x}, {ben@other.example = x} }
virtual_transport = lmtp:unix:private/dovecot-lmtp
virtual_alias_maps = inline:{ {info@company.example = anna@company.example},
  {all@company.example = anna@company.example ben@company.example},
  {out@company.example = friend@elsewhere.example}, {@other.example = ben@other.example}, {tickets@company.example = "|/usr/bin/tickets"} }
"""
SYSTEM = """
myhostname = mail.company.example
mydomain = company.example
mydestination = $myhostname, $mydomain, localhost.$mydomain, localhost
local_recipient_maps = inline:{ {anna = x} } $alias_maps
alias_maps = inline:{ {office = anna} }
"""
THIRD = "relay_domains = third.example\n"
MASTER = "smtp inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n"

Read = Callable[..., MailServer]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """`read(main, master)`: a Postfix with these files."""
    processes.need("postfix", "postfix")

    def of(main: str, master: str = MASTER) -> MailServer:
        (tmp_path / "main.cf").write_text(f"compatibility_level = 3.6\nalias_database =\n{main}")
        (tmp_path / "master.cf").write_text(master)
        postfix = open_postfix(str(tmp_path))
        assert postfix is not None
        return read_postfix(postfix)

    return of


def test_virtual_mailboxes_and_their_aliases(read: Read) -> None:
    found = read(VIRTUAL)
    assert found.unsure == []
    assert (found.domains, found.way_back) == (("company.example", "other.example"), "lmtp:unix:private/dovecot-lmtp")
    assert sorted(found.mailboxes) == ["anna@company.example", "ben@company.example", "ben@other.example"]
    assert found.own_networks == ("127.0.0.0/8", "::1/128", "192.168.7.0/24")
    assert found.owner_of("info@company.example") == "anna@company.example"
    assert any("catch-all" in one for one in found.notes)
    assert any("tickets@company.example is delivered to a program" in one for one in found.notes)
    written = write_directory.format_directory(found)
    assert 'aliases = ["info@company.example"]' in written
    assert 'address = "all@company.example"' in written
    assert 'external = ["friend@elsewhere.example"]' in written
    assert 'uid = "ben.other"' in written


def test_a_subdomain_is_a_domain_of_its_own(read: Read) -> None:
    both = VIRTUAL.replace("other.example", "build.company.example")
    found = read(both)
    assert (found.unsure, found.domains) == ([], ("company.example", "build.company.example"))
    written = write_directory.format_directory(found)
    assert {person["mailbox"] for person in tomllib.loads(written)["person"]} == set(found.mailboxes)
    assert len({person["uid"] for person in tomllib.loads(written)["person"]}) == len(found.mailboxes)


def test_people_with_accounts_on_the_machine_and_sendmails_aliases(read: Read) -> None:
    found = read(SYSTEM)
    assert (found.unsure, found.domains, found.way_back) == ([], ("company.example",), "local:")
    assert found.aliases == {"office@company.example": ("anna@company.example",)}


@pytest.mark.parametrize(
    ("main", "master", "why"),
    [
        (VIRTUAL + "content_filter = smtp-amavis:[127.0.0.1]:10024\n", MASTER, "content_filter is set in main.cf"),
        (VIRTUAL, "smtp inet n - y - - smtpd -o content_filter=lmtp:[127.0.0.1]:10024\n", "content_filter is set in smtp/inet"),
        (
            VIRTUAL + "relay_domains = third.example\ntransport_maps = inline:{{third.example = relay:[10.0.0.1]}}\n",
            MASTER,
            "different ways",
        ),
        (VIRTUAL + THIRD, MASTER, "MX records, which lead to this machine"),
        (
            VIRTUAL + "relay_domains = third.example\ntransport_maps = regexp:{{/x/ smtp:y}}\n",
            MASTER,
            "{{/x/ smtp:y}} cannot be listed",
        ),
        (VIRTUAL + "recipient_delimiter = _\n", MASTER, 'recipient_delimiter is "_"'),
        (VIRTUAL + "multi_instance_directories = /etc/postfix-out\n", MASTER, "several instances"),
        ("virtual_mailbox_domains = regexp:{{/x/ y}}\nmydestination =\n", MASTER, "the domains are not known"),
        ("myhostname = localhost\nmydestination =\n", MASTER, "no domain has mailboxes here"),
    ],
)
def test_where_a_layout_is_not_understood_it_says_so(read: Read, main: str, master: str, why: str) -> None:
    assert any(why in one for one in read(main, master).unsure), read(main, master).unsure


@pytest.mark.parametrize(
    ("more", "master", "note"),
    [
        ("smtpd_milters = inet:127.0.0.1:11332\n", MASTER, "A milter that changes bodies"),
        ("header_checks = regexp:{{/x/ IGNORE}}\n", MASTER, "removes Received fields"),
        ("mydestination =\n", MASTER, "mydestination is empty"),
        ("", "smtp inet n - y - 1 postscreen\n", "postscreen stands in front"),
        ("", "smtp inet n - y - - smtpd\n", "no submission service"),
        ("virtual_alias_maps = regexp:{{/x/ y}}\n", MASTER, "its aliases are missing in company.toml"),
        ("transport_maps = inline:{{lists.example = mailman:}}\n", MASTER, "Mailroom's table goes in front"),
    ],
)
def test_what_an_administrator_should_know_is_said(read: Read, more: str, master: str, note: str) -> None:
    found = read(VIRTUAL + more, master)
    assert found.unsure == []
    assert any(note in one for one in found.notes), found.notes


def test_a_postfix_that_has_the_routes_already_is_known(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\ntransport_maps = texthash:/etc/postfix/mailroom-transport\n")
    (tmp_path / "master.cf").write_text(MASTER)
    postfix = open_postfix(str(tmp_path))
    assert postfix is not None
    assert is_routed(postfix)
    assert open_postfix(str(tmp_path / "nowhere")) is None


def test_braces_keep_words_together() -> None:
    assert split_value("a, inline:{ {x = y}, {z=1} } hash:b") == ["a", "inline:{ {x = y}, {z=1} }", "hash:b"]
