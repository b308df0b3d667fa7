"""The week before unknown senders are held: simulate on the messages in Dovecot, observe, hold for one department, import a backlog."""

import json
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, recall_section, sign_in
from tests.peers import company, processes
from tests.peers.company import DOMAIN, Company, Desk
from tests.peers.mail import dovecot as dovecot_peer
from tests.peers.outside import STRANGER, SUPPLIER, OutsideMessage
from triage.times import utcnow

ADA, LUC = f"ada.byron@{DOMAIN}", f"luc.moreau@{DOMAIN}"
KNOWN, UNKNOWN = f"orders@{SUPPLIER.name}", f"new@{STRANGER.name}"


@pytest.fixture(scope="module")
def store() -> Iterator[dovecot_peer.Server]:
    """Message store of the company."""
    with dovecot_peer.running() as running:
        yield running


@pytest.fixture(scope="module")
def house(store: dovecot_peer.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company with Mailroom in place, its mailboxes in Dovecot."""
    directory = tmp_path_factory.mktemp("roll-out")
    hop, more = f"lmtp://127.0.0.1:{store.lmtp_port}", recall_section(store, directory)
    with company.running(directory, f"sqlite:///{directory}/mailroom.db", hop, more=more) as running:
        running.run("allow", SUPPLIER.name, check=True)
        yield running


@pytest.fixture
def desk(house: Company) -> Iterator[Desk]:
    """An administrator who has signed in."""
    with house.signed_in() as signed_in:
        yield signed_in


def append(store: dovecot_peer.Server, mailbox: str, raw: bytes, folder: str = "INBOX") -> None:
    """A message that has lain there for two hours; its signature is of now, which the slack of clocks allows."""
    before = utcnow() - timedelta(hours=2)
    trace = f"Received: from somewhere ([192.0.2.7]) by mx.old.example; {format_datetime(before)}\r\n".encode()
    with store.client(mailbox) as client:
        if folder != "INBOX" and not client.folder_exists(folder):
            client.create_folder(folder)
        client.append(folder, (trace if folder == "INBOX" else b"") + raw, msg_time=before)


@pytest.mark.peers
@pytest.mark.long
def test_the_rehearsal_reads_dovecot_and_says_what_was_wanted(house: Company, store: dovecot_peer.Server, tmp_path: Path) -> None:
    wanted = OutsideMessage(UNKNOWN, ADA, "a question", headers={"X-Number": "1"})
    raw = wanted.raw()
    message_id = next(line for line in raw.decode().splitlines() if line.startswith("Message-ID: ")).partition(": ")[2]
    append(store, ADA, OutsideMessage(KNOWN, ADA, "your order").raw())
    append(store, ADA, raw)
    append(store, ADA, f"From: {ADA}\r\nTo: {ADA}\r\nSubject: a note\r\nMessage-ID: <note@{DOMAIN}>\r\n\r\nmilk\r\n".encode())
    append(store, ADA, f"From: {ADA}\r\nTo: {ADA}\r\nMessage-ID: <note@{DOMAIN}>\r\n\r\nmilk\r\n".encode(), "Sent")
    answer = f"From: {ADA}\r\nTo: {UNKNOWN}\r\nMessage-ID: <answer@{DOMAIN}>\r\nIn-Reply-To: {message_id}\r\n\r\nyes\r\n"
    append(store, ADA, answer.encode(), "Sent")
    append(store, LUC, OutsideMessage(UNKNOWN, LUC, "another one").raw())
    report = tmp_path / "report.html"
    said = house.run("simulate", "imap", "--days", "7", "--json", "--html", str(report))
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["total"] == {"messages": 3, "passed": 1, "held": 2, "purged": 0}
    assert found["left_out"] == {"between employees": 1}
    assert (found["wanted"]["answered"], found["wanted"]["held"]) == (1, 1)
    assert {one["remedy"]["value"]: one["messages"] for one in found["proposals"]} == {UNKNOWN: 2}
    assert report.read_text().startswith("<!doctype html>")
    with house.signed_in() as desk:
        assert desk.deliveries() == []


@pytest.mark.long
@pytest.mark.peers
def test_departments_close_one_by_one_while_mail_flows(house: Company, desk: Desk) -> None:
    house.run("enforcement", "record-only", "--reason", "first week", check=True)
    house.take(OutsideMessage(UNKNOWN, ADA, "watched"))
    (watched,) = desk.wait_for(q="watched", state="delivered")
    assert (watched["verdict"]["rule"], "record only; it would have been stopped" in watched["verdict"]["reason"]) == ("observe", True)
    house.run("enforcement", "hold-unknown", "--from", "now", "--department", watched["department"], check=True)
    house.take(OutsideMessage(UNKNOWN, ADA, "closed now"))
    house.take(OutsideMessage(UNKNOWN, LUC, "still open"))
    assert desk.wait_for(q="closed now")[0]["state"] == "held"
    assert desk.wait_for(q="still open", state="delivered")
    house.run("enforcement", "reset", check=True)
    house.take(OutsideMessage(UNKNOWN, LUC, "closed for all"))
    assert desk.wait_for(q="closed for all")[0]["state"] == "held"


@pytest.mark.peers
@pytest.mark.long
def test_administrators_change_the_enforcement_in_the_console(house: Company, store: dovecot_peer.Server, page: Page) -> None:
    sign_in(page, House(house, store))
    page.get_by_role("link", name="Enforcement").click()
    expect(page.get_by_role("heading", name="Enforcement")).to_be_visible()
    page.get_by_label("Reason (for the audit log)").fill("too early")
    page.get_by_role("button", name="Record only IT").click()
    expect(page.get_by_text("too early")).to_be_visible()
    assert "record-only" in house.run("enforcement", "list", check=True).stdout
    page.get_by_role("button", name="Use the settings IT").click()
    expect(page.get_by_role("button", name="Record only IT")).to_be_visible()
    assert "record-only" not in house.run("enforcement", "list", check=True).stdout


@pytest.mark.peers
@pytest.mark.long
def test_a_backlog_comes_in_and_what_is_released_reaches_its_mailbox(
    house: Company, desk: Desk, store: dovecot_peer.Server, tmp_path: Path
) -> None:
    backlog = tmp_path / "backlog"
    messages = [OutsideMessage(author, ADA, f"backlog {number}").raw() for number, author in enumerate((KNOWN, UNKNOWN))]
    backlog.write_bytes(b"".join(b"From x@y Tue Nov 24 10:00:00 2026\n" + raw.replace(b"\r\n", b"\n") + b"\n" for raw in messages))
    said = house.run("import", "mbox", str(backlog), "--to", ADA)
    assert (said.returncode, said.stdout) == (0, "2 messages imported: 1 held, 1 queued\n"), said.stderr
    assert desk.wait_for(q="backlog 0", state="delivered")
    (held,) = desk.wait_for(q="backlog 1", state="held")
    assert desk.decide("release", {"ids": [held["id"]]}).status_code == 201
    assert desk.wait_for(q="backlog 1", state="delivered")

    def arrived() -> bool:
        with store.client(ADA) as client:
            client.select_folder("INBOX")
            return len(client.search(["SUBJECT", "backlog"])) == 2

    processes.until(arrived, "both are in the mailbox")
    assert "2 already there" in house.run("import", "mbox", str(backlog), "--to", ADA).stdout
