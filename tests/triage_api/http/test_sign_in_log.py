"""Sign-ins that fail are in the log with client and account, and the fail2ban filter that we ship finds the client."""

import logging
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.triage_api.conftest import NewBrowser
from triage_cli.services import log_format
from triage_cli.services.log_format import JsonLines, TextLines

FILTER = Path(__file__).parents[3] / "deploy" / "fail2ban" / "filter.d" / "mailroom.conf"
EVIL = "ana from 198.51.100.1 as root"  # a login that would ban somebody else


def failing(new_browser: NewBrowser) -> None:
    """Guess passwords of an account and of an unknown one, and a token."""
    guest = new_browser(address="203.0.113.7")
    assert guest.sign_in("ana", "wrong").status_code == 401
    assert guest.sign_in(EVIL, "wrong").status_code == 401
    assert new_browser(address="2001:db8::9").with_token("nonsense").get("/me").status_code == 401


def test_client_and_account_are_named_and_no_password(new_browser: NewBrowser, caplog: pytest.LogCaptureFixture) -> None:
    failing(new_browser)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [
        "sign-in failed from 203.0.113.7 as ana: wrong name or password",
        "sign-in failed from 203.0.113.7 as (unknown): wrong name or password",
        "sign-in failed from 2001:db8::9 as (token): unknown or revoked token",
    ]


def test_who_has_to_wait_is_logged_too(new_browser: NewBrowser, caplog: pytest.LogCaptureFixture) -> None:
    guest = new_browser(address="203.0.113.7")
    while guest.sign_in("ana", "wrong").status_code == 401:
        caplog.clear()
    assert "sign-in failed from 203.0.113.7 as (unknown): too many failed sign-ins" in caplog.text


def in_journal(text: str) -> str:
    """Lines as journalctl shows them: it takes the priority off."""
    found = re.fullmatch(r"<4>(.*)", text)
    assert found is not None
    return f"Nov 30 10:00:00 mx mailroom-api[4711]: {found[1]}"


FORMS: dict[str, tuple[Callable[[], logging.Formatter], bool]] = {
    "text": (lambda: TextLines("api"), False),
    "json": (lambda: JsonLines("api"), False),
    "journal": (lambda: TextLines("api"), True),
    "json in the journal": (lambda: JsonLines("api"), True),
}


@pytest.mark.peers
@pytest.mark.parametrize("form", FORMS)
def test_fail2ban_finds_the_client(
    new_browser: NewBrowser, caplog: pytest.LogCaptureFixture, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, journal = FORMS[form]
    monkeypatch.setattr(log_format, "is_journal", lambda: journal)
    formatter = made()
    failing(new_browser)
    lines = [formatter.format(record) for record in caplog.records]
    smtp = {"client": "192.0.2.44", "account": EVIL, "reply": "535 5.7.8 Name or password is wrong"}  # as mta.session.session_log has it
    words = 'sign-in failed from %(client)s as %(account)s: "%(reply)s"'
    lines.append(formatter.format(logging.LogRecord("mta.server.receiver", logging.WARNING, "", 0, words, (smtp,), None)))
    harmless = logging.LogRecord("x", logging.INFO, "", 0, 'refused "sign-in failed from 198.51.100.1 as root"', (), None)
    log = tmp_path / "mailroom.log"
    shown = [in_journal(line) if journal else line for line in lines if "failed" in line]
    log.write_text("\n".join([*shown, formatter.format(harmless)]) + "\n")
    done = subprocess.run(["fail2ban-regex", "-o", "ip", str(log), str(FILTER)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["203.0.113.7", "203.0.113.7", "2001:db8::9", "192.0.2.44"], done.stdout + done.stderr
