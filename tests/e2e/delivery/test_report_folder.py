"""A folder “Report” in employees' mailboxes reports what is moved there, by Dovecot's imapsieve (docs/how-to/mail-clients.md)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mta.outbound.test_outbound_processor import JOE, listening, set_up
from tests.peers import processes
from tests.peers.mail import dovecot
from tests.triage import arriving
from triage.config.settings import Settings
from triage.ids import format_id
from triage.store.db import open_engine, transaction
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport

pytestmark = pytest.mark.peers
REPORT = "report@company.example"
SCRIPT = """require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];
if environment :matches "imap.user" "*" { set "user" "${1}"; }
pipe :copy "report" ["${user}"];
"""
# in place of   exec /usr/sbin/sendmail -i -f "$1" report@company.example
SENDMAIL = """#!/usr/bin/python3
import smtplib, sys
smtplib.SMTP("127.0.0.1", {port}).sendmail(sys.argv[1], "{to}", sys.stdin.buffer.read())
"""
CONFIGURATION = """
protocol imap {{
  mail_plugins {{
    imap_sieve = yes
  }}
}}
sieve_plugins {{
  sieve_imapsieve = yes
  sieve_extprograms = yes
}}
sieve_global_extensions {{
  vnd.dovecot.pipe = yes
}}
sieve_pipe_bin_dir = {place}
namespace inbox {{
  mailbox Report {{
    auto = subscribe
    sieve_script report {{
      type = before
      cause = copy append
      path = {place}/report.sieve
    }}
  }}
}}
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Directory of script and program, readable by the user that Dovecot runs them as."""
    with processes.short_directory("sieve") as directory:
        directory.chmod(0o777)
        yield directory


def test_what_is_moved_there_is_reported(settings: Settings, sqlite_url: str, place: Path) -> None:
    settings = set_up(settings, sqlite_url)
    settings = replace(settings, outbound=replace(settings.outbound, report_address=REPORT))
    engine = open_engine(sqlite_url)
    with transaction(engine) as session:
        (mail,) = arriving.arrive(session, settings, "it+joe.fern@company.example", author="odd@evil.example", subject="Gift cards")
        number = session.get_one(Delivery, mail).message_id
    engine.dispose()
    with listening(settings) as door:
        (place / "report.sieve").write_text(SCRIPT)
        (place / "report").write_text(SENDMAIL.format(port=door.address[1], to=REPORT))
        (place / "report").chmod(0o755)
        with dovecot.running(more=CONFIGURATION.format(place=place)) as server, server.client(JOE) as program:
            head = f"X-Mailroom-Message: {format_id(number)}\r\nFrom: <odd@evil.example>\r\nSubject: Gift cards\r\n"
            program.append("INBOX", head.encode() + b"Precedence: bulk\r\n\r\nBuy some.\r\n")
            program.append("INBOX", b"From: <friend@other.example>\r\nSubject: Hello\r\n\r\nThat never came through Mailroom.\r\n")
            program.select_folder("INBOX")
            program.move(program.search(), "Report")
            processes.until(lambda: door.rows(MailReport), "it is reported")
            assert [one.rule for one in door.deliveries(2) if one.direction == "report"] == ["report-thanks"]
    (report,) = door.rows(MailReport)
    assert isinstance(report, MailReport)
    assert (report.delivery_id, report.person, report.how) == (mail, "joe.fern", "trace field")
