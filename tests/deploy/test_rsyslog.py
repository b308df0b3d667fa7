"""deploy/rsyslog: log lines of the roles get to another machine over TLS, and wait while that is away."""

import json
import logging
import socket
from pathlib import Path

import pytest

from tests.peers import processes
from tests.webhooks import syslog_server
from tests.webhooks.syslog_server import Papers, Rsyslog
from triage_cli.services.log_format import JsonLines

DROP_IN = Path(__file__).parents[2] / "deploy" / "rsyslog" / "mailroom.conf"
SENDER = """
global(workDirectory="{directory}" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{directory}/log")
include(file="{directory}/drop-in.conf")
"""

pytestmark = pytest.mark.peers


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return syslog_server.make_papers(tmp_path / "papers")


def here(text: str, papers: Papers, port: int) -> str:
    """The drop-in with the names of this machine: each must be in it."""
    for name, ours in {
        "logs.company.example": "localhost",
        '"6514"': f'"{port}"',
        "/etc/ssl/certs/ca-certificates.crt": papers.ca_file,
        "/etc/rsyslog.d/mailroom.pem": papers.path_of("mailroom.pem"),
        "/etc/rsyslog.d/mailroom.key": papers.path_of("mailroom.key"),
        'action.resumeInterval="10"': 'action.resumeInterval="1"',
    }.items():
        assert name in text, name
        text = text.replace(name, ours)
    return text


def line_about(message: str) -> str:
    """A line as a role writes it."""
    record = logging.LogRecord("mta.session", logging.INFO, __file__, 1, "accepted %(message)s", ({"message": message},), None)
    return JsonLines("receive").format(record)


def test_lines_arrive_whole_also_after_the_server_was_away(papers: Papers, tmp_path: Path) -> None:
    program, directory = processes.need("rsyslogd", syslog_server.PACKAGES), tmp_path / "sender"
    directory.mkdir()
    (tmp_path / "central").mkdir()
    central = Rsyslog(tmp_path / "central", papers)
    (directory / "drop-in.conf").write_text(here(DROP_IN.read_text(), papers, central.port))
    (directory / "rsyslog.conf").write_text(SENDER.format(directory=directory))
    log = directory / "rsyslog.log"
    sender = processes.start([program, "-n", "-f", str(directory / "rsyslog.conf"), "-i", str(directory / "pid")], log)
    try:
        processes.until((directory / "log").exists, "the sender listens", sender, log)
        for words in (f"<30>mailroom-receive[7]: {line_about('first')}", "<30>cron[9]: nothing of ours"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
                client.sendto(words.encode(), str(directory / "log"))
        central.open()  # it was away when the line was written
        processes.until(lambda: bool(central.came), "the line has arrived", sender, log)
    finally:
        central.close()
        processes.stop(sender)
    (line,) = set(central.came)  # rsyslog may send it twice when the connection is new
    facility, severity, _host, program_name, _id, said = line.split(" ", 5)
    assert (facility, severity, program_name) == ("daemon", "info", "mailroom-receive")
    assert {"message": "first", "role": "receive", "level": "info"}.items() <= json.loads(said).items()
