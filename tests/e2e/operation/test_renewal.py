"""SIGHUP to `mailroom serve`: the SMTP server takes over the settings as they are now, and nothing else stops."""

import signal
import smtplib
from pathlib import Path

import pytest

from tests.peers import company, outside, processes

pytestmark = [pytest.mark.peers, pytest.mark.long]


def greeting(of: company.Company) -> str:
    """Greeting of the SMTP server; "" while it gives none."""
    try:
        with smtplib.SMTP(timeout=processes.HANG) as client:
            return client.connect("127.0.0.1", of.smtp_port)[1].decode()
    except (OSError, smtplib.SMTPException):
        return ""


def test_new_settings_at_the_door_without_a_restart(tmp_path: Path) -> None:
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes") as made:
        assert made.process is not None
        file = tmp_path / "mailroom.toml"
        before, others = greeting(made), processes.list_children(made.process.pid)
        name = before.split()[0]
        file.write_text(file.read_text().replace(f'hostname = "{name}"', 'hostname = "renewed.company.example"'))
        made.process.send_signal(signal.SIGHUP)
        processes.until(lambda: greeting(made).startswith("renewed.company.example"), "the door greets with its new name", log=made.log)
        assert processes.list_children(made.process.pid) == others
        letter = outside.OutsideMessage(f"ana@{outside.STRANGER.name}", f"russell.coker@{company.DOMAIN}", "After the renewal")
        made.take(letter)
        with made.signed_in() as desk:
            desk.wait_for(q=letter.subject)
