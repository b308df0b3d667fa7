"""The first day: years of sent mail in Dovecot are read, and whoever was written to comes straight through, with proof only."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import recall_section
from tests.peers import company
from tests.peers.company import DOMAIN, Company
from tests.peers.mail import dovecot as dovecot_peer
from tests.peers.outside import STRANGER, SUPPLIER, OutsideMessage

pytestmark = pytest.mark.peers

PEOPLE = 30
ONE, LAST = f"p1@{DOMAIN}", f"p30@{DOMAIN}"
KNOWN = f"anna@{SUPPLIER.name}"
ROBOT_WROTE_TO = f"curious@{SUPPLIER.name}"
UNPROVEN = f"old.friend@{STRANGER.name}"
FOLDERS = ("Sent", "Gesendete Objekte", "Éléments envoyés", "Отправленные", "送信済みアイテム", "Sent Items")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company of thirty whose people have written for years, each with a sent folder in the language of their program."""
    directory = tmp_path_factory.mktemp("seeding")
    with dovecot_peer.running() as store:
        hop, more = f"lmtp://127.0.0.1:{store.lmtp_port}", recall_section(store, directory)
        with company.running(directory, f"sqlite:///{directory}/mailroom.db", hop, more=more) as running:
            with (directory / "company.toml").open("a") as file:
                file.writelines(person(number) for number in range(1, PEOPLE + 1))
            running.run("sync", check=True)
            for number in range(1, PEOPLE + 1):
                fill(store, number)
            yield running


def person(number: int) -> str:
    """An entry of the directory."""
    return f'\n[[person]]\nuid = "p{number}"\nname = "Person {number}"\ndepartment = "it"\nmailbox = "p{number}@{DOMAIN}"\n'


def fill(store: dovecot_peer.Server, number: int) -> None:
    """Fill the sent folder of one person."""
    me, folder = f"p{number}@{DOMAIN}", FOLDERS[number % len(FOLDERS)]
    messages = [written(me, f"friend{number}@partner{count}.example", count) for count in range(3)]
    if number == 1:
        messages += [written(me, KNOWN, 3), written(me, UNPROVEN, 4), written(me, ROBOT_WROTE_TO, 5, "Auto-Submitted: auto-replied\r\n")]
    with store.client(me) as client:
        client.create_folder(folder)
        for mail in messages:
            client.append(folder, mail)
        client.append("INBOX", written("x@nobody.example", me, 9))


def written(author: str, to: str, number: int, more: str = "") -> bytes:
    """A message as it lies in a sent folder."""
    about = f"Date: Tue, {number + 1:02} Sep 2026 10:00:00 +0200\r\nMessage-ID: <{number}.{author}>\r\n{more}"
    return f"From: {author}\r\nTo: {to}\r\nSubject: hello\r\n{about}\r\nhello\r\n".encode()


@pytest.mark.long
def test_whoever_was_once_written_to_comes_straight_through(house: Company, tmp_path: Path) -> None:
    dry = report(house, "--dry-run")
    assert report(house) == dry | {"dry_run": False}
    assert {name: dry[name] for name in ("accounts", "done", "failed", "folders", "messages", "learned", "skipped")} == {
        "accounts": PEOPLE + 6,  # the four that every company of these tests has, and two departments
        "done": PEOPLE + 6,
        "failed": 0,
        "folders": PEOPLE,
        "messages": 3 * PEOPLE + 3,
        "learned": 3 * PEOPLE + 2,
        "skipped": {"automatic": 1},
    }
    again = report(house)
    assert (again["messages"], again["learned"]) == (0, 0)
    with house.signed_in() as desk:
        house.take(OutsideMessage(KNOWN, ONE, "your order"))
        (passed,) = desk.wait_for(q="your order")
        assert (passed["verdict"]["rule"], passed["state"] != "held") == ("allowed-sender", True)
        assert passed["verdict"]["reason"].startswith(f"Person 1 wrote to {KNOWN} on 04 Sep 2026")
        house.take(OutsideMessage(KNOWN, LAST, "to a colleague"))
        assert desk.wait_for(q="to a colleague")[0]["state"] == "held"
        unsigned = OutsideMessage(KNOWN, ONE, "without proof").raw(signed=False)
        with house.smtp() as client:
            client.sendmail(f"x@{STRANGER.name}", [ONE], unsigned)
        assert desk.wait_for(q="without proof")[0]["state"] == "held"
        house.take(OutsideMessage(ROBOT_WROTE_TO, ONE, "answer to a robot"))
        assert desk.wait_for(q="answer to a robot")[0]["state"] == "held"
        house.take(OutsideMessage(UNPROVEN, ONE, "no record but a signature"))
        assert desk.wait_for(q="no record but a signature")[0]["verdict"]["rule"] == "allowed-sender"


def report(house: Company, *words: str) -> dict[str, object]:
    """Run `mailroom seed imap`; return the last line of its report."""
    lines = house.run("seed", "imap", *words, check=True).stdout.splitlines()
    last: dict[str, object] = json.loads(lines[-1])
    return last
