"""The SMTP server on its own: what it knows comes from a file that the judge writes, and stays in force when everything else is down."""

import contextlib
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import processes
from tests.peers.company import DIRECTORY, DOMAIN, Company

ADA, NEW = f"ada.byron@{DOMAIN}", f"new.here@{DOMAIN}"
JOINER = f'\n[[person]]\nuid = "new.here"\nname = "Nora New"\ndepartment = "it"\nmailbox = "{NEW}"\n'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Company]:
    """A company's files and database, and only its receiver under way; nobody was taken over yet."""
    company = Company(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes")
    company.lay_out()
    with role(company, "receive"):
        processes.until(company.greets, "SMTP says 220", log=company.log)
        yield company


@contextlib.contextmanager
def role(company: Company, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Role as a process of its own."""
    process = processes.start([*company.command, name], company.log, environment=company.environment)
    try:
        yield process
    finally:
        processes.stop(process)


def says(company: Company, recipient: str, sender: str = "a@stranger.example") -> str:
    """The SMTP server's reply to RCPT."""
    with smtplib.SMTP("127.0.0.1", company.smtp_port, "client.example", timeout=processes.HANG) as client:
        client.ehlo()
        client.mail(sender)
        code, words = client.rcpt(recipient)
    return f"{code} {words.decode()}"


@pytest.mark.long  # tests/mta/spool/test_recipient_map_file.py and tests/mta/server/test_receiver.py have each part of it
def test_it_puts_off_until_it_knows_somebody_then_follows_and_outlives_the_rest(site: Company) -> None:
    assert says(site, ADA).startswith("451 4.3.0 ")
    with role(site, "judge"):
        processes.until(lambda: "nobody is known here yet" in site.log.read_text(), "the judge has looked", log=site.log)
        assert says(site, ADA).startswith("451 4.3.0 "), "a directory that nobody has taken over refuses nobody"
        site.run("sync", check=True)
        processes.until(lambda: says(site, ADA).startswith("250 "), "a person is known", log=site.log)
        assert says(site, NEW).startswith("550 5.1.1 ")
        (site.directory / "company.toml").write_text(DIRECTORY + JOINER, "utf-8")
        site.run("sync", check=True)
        processes.until(lambda: says(site, NEW).startswith("250 "), "a joiner is known", log=site.log)
        leaver = JOINER + "active = false\n"
        (site.directory / "company.toml").write_text(DIRECTORY + leaver, "utf-8")
        site.run("sync", check=True)
        refused = "550 5.1.6 The person who had this address has left"
        processes.until(lambda: says(site, NEW) == refused, "a leaver is known", log=site.log)
        assert says(site, f"it+new.here+shop@{DOMAIN}") == refused
        (site.directory / "company.toml").write_text(DIRECTORY + leaver + 'leaver = "folder:sales"\n', "utf-8")
        site.run("sync", check=True)
        processes.until(lambda: says(site, NEW).startswith("250 "), "the leaver's mail goes on", log=site.log)
        site.run("block", "mallory@stranger.example", "--scope", "company", check=True)
        blocked = "mallory@stranger.example"
        processes.until(lambda: says(site, ADA, blocked).startswith("550 5.7.1 "), "a block is known", log=site.log)
        site.run("block", "ruth@stranger.example", "--scope", "department:it", check=True)
        assert says(site, ADA, "ruth@stranger.example").startswith("250 "), "what is narrower than the company is the judge's"
    for file in site.directory.glob("mailroom.db*"):
        file.unlink()
    (site.directory / "company.toml").unlink()
    assert says(site, ADA).startswith("250 ")
    assert says(site, f"nobody@{DOMAIN}").startswith("550 5.1.1 ")
    assert says(site, ADA, blocked).startswith("550 5.7.1 ")
    (site.directory / "spool" / "door.snapshot").write_bytes(b"damaged")
    assert says(site, ADA).startswith("250 ")
