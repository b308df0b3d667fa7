"""The settings that quickstart writes are ones that Mailroom reads, and they say what happens out of hours."""

from pathlib import Path

from triage.config.settings_loader import read_settings
from triage_cli.quickstart.mail_server import MailServer
from triage_cli.quickstart.write_settings import Ports, format_settings


def test_the_settings_of_the_first_day(tmp_path: Path) -> None:
    server = MailServer("Postfix", "3.10", "mail.company.example", domains=("company.example",), own_networks=("192.0.2.0/24",))
    file = tmp_path / "mailroom.toml"
    file.write_text(format_settings(server, tmp_path, Ports(2525, 10025, 8080)))
    settings = read_settings(str(file), {})
    assert (settings.company.enforcement, settings.smtp.unknown_recipients) == ("record-only", "defer")
    assert (settings.coverage.hours, settings.coverage.out_of_hours) == ((), "wait")
    assert settings.relay.next_hop == "smtp://127.0.0.1:10025"
