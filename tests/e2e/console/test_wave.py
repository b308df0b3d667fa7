"""The main job on real systems: a wave from 300 signing domains, a third of it in Dovecot, goes with two keys and comes back with one."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, recall_section, sign_in
from tests.peers import company, outside, processes
from tests.peers.mail import dovecot as dovecot_peer
from tests.peers.outside import Domain, OutsideMessage
from tests.peers.postgresql import Server

pytestmark = pytest.mark.peers

PEOPLE = ("russell.coker", "ada.byron", "hanne.dahl", "luc.moreau")
PAGE = (
    "<p>Dear user {number},</p><p>the password of your mailbox expires today. If you do nothing your mailbox will be closed and its"
    " contents deleted. Confirm your mailbox on the page below with your user name and your current password. The check takes less than a"
    ' minute.</p><p><a href="https://portal.{domain}/{number}">https://password.company.example/renew</a></p>'
)
VARIANTS = [
    pytest.param(("sqlite", 600, 300, 200), id="600 of 300 domains", marks=pytest.mark.long),
    pytest.param(("sqlite", 40, 20, 12), id="sqlite"),
    pytest.param(("postgresql", 40, 20, 12), id="postgresql", marks=[pytest.mark.postgresql, pytest.mark.long]),
]


@pytest.fixture(params=VARIANTS)
def hit(
    request: pytest.FixtureRequest, tmp_path: Path, dovecot: dovecot_peer.Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[House, int, int, int]]:
    """A company whose DNS knows the throw-away domains; how many copies, domains, and copies that were delivered."""
    kind, copies, domains, passed = request.param
    throwaway = tuple(Domain(f"throw-away-{place}.example", dmarc="none") for place in range(domains))
    monkeypatch.setattr(outside, "OUTSIDE", (*outside.OUTSIDE, *throwaway))
    database = f"sqlite:///{tmp_path}/mailroom.db"
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgresql_server")
        database = server.create(tmp_path.name)
    more = recall_section(dovecot, tmp_path)
    with company.running(tmp_path, database, f"lmtp://127.0.0.1:{dovecot.lmtp_port}", undo_seconds=1, more=more) as running:
        yield House(running, dovecot), copies, domains, passed


def copy(number: int, domains: int) -> OutsideMessage:
    """Copy of the wave, from a sender of its own."""
    domain = f"throw-away-{number % domains}.example"
    text = f"Your password expires. Ticket {number}"
    to = f"{PEOPLE[number % len(PEOPLE)]}@{company.DOMAIN}"
    return OutsideMessage(f"desk{number}@{domain}", to, "Your password expires today", text, html=PAGE.format(number=number, domain=domain))


def in_mailboxes(house: House) -> int:
    """Count the copies in Dovecot, in all folders."""
    assert house.dovecot is not None
    found = 0
    for name in PEOPLE:
        with house.dovecot.client(f"{name}@{company.DOMAIN}") as client:
            for folder in ("INBOX", "Archive"):
                if client.folder_exists(folder):
                    client.select_folder(folder, readonly=True)
                    found += len(client.search(["SUBJECT", "password expires today"]))
    return found


def file_one_away(house: House) -> str:
    """Ada flags a copy and files it in a folder of hers; its Message-ID."""
    assert house.dovecot is not None
    with house.dovecot.client(f"ada.byron@{company.DOMAIN}") as client:
        if not client.folder_exists("Archive"):
            client.create_folder("Archive")
        client.select_folder("INBOX")
        uid = client.search(["SUBJECT", "password expires today"])[0]
        client.add_flags([uid], [b"\\Flagged", b"\\Seen"])
        identity: bytes = client.fetch([uid], ["ENVELOPE"])[uid][b"ENVELOPE"].message_id
        client.copy([uid], "Archive")
        client.delete_messages([uid])
        client.expunge()
        return identity.decode()


def filed(house: House, identity: str) -> set[bytes]:
    """The flags of that copy in her folder; none when it is not there."""
    assert house.dovecot is not None
    with house.dovecot.client(f"ada.byron@{company.DOMAIN}") as client:
        client.select_folder("Archive", readonly=True)
        uids = client.search(["HEADER", "Message-ID", identity])
        return set(client.fetch(uids, ["FLAGS"])[uids[0]][b"FLAGS"]) - {b"\\Recent"} if uids else set()


def number_of(desk: company.Desk, **features: object) -> int:
    """Count the deliveries with these features."""
    words: dict[str, object] = {"limit": 200, "q": "password expires today", **features}
    found = 0
    while True:
        page = desk.client.get("/deliveries", params=words).json()  # type: ignore[arg-type]
        found += len(page["items"])
        if not page["next_cursor"]:
            return found
        words["cursor"] = page["next_cursor"]


def test_a_wave_goes_with_two_keys_and_comes_back_with_one(hit: tuple[House, int, int, int], page: Page) -> None:
    house, copies, domains, passed = hit
    friend = OutsideMessage(f"rosa@{outside.SUPPLIER.name}", f"ada.byron@{company.DOMAIN}", f"Fwd: Your password expires {uuid4().hex[:8]}")
    house.company.run("allow", friend.author, check=True)
    house.company.take(friend)
    house.arrived("ada.byron", friend.subject)
    before = in_mailboxes(house)
    house.company.run("emergency", "--until", "1h", "--reason", "nobody is here", check=True)
    for number in range(passed):
        house.company.take(copy(number, domains))
    processes.until(lambda: in_mailboxes(house) == before + passed, "copies are delivered", log=house.company.log)
    house.company.run("emergency", "--close", check=True)
    for number in range(passed, copies):
        house.company.take(copy(number, domains))
    with house.company.signed_in() as desk:
        processes.until(lambda: number_of(desk, state="held") == copies - passed, "the others are held", log=house.company.log)
        (one, *_) = desk.deliveries(q="password expires today", state="held")
        assert {found["is_copy"] for found in desk.deliveries(campaign=one["campaign"], state=["held", "delivered"])} == {True}
        identity = file_one_away(house)

        sign_in(page, house)
        page.get_by_role("listbox", name="Held messages").get_by_role("option").filter(has_text="password expires").click()
        page.keyboard.press("p")
        sheet = page.get_by_role("dialog")
        expect(sheet.get_by_role("button", name=f"Remove {copies} messages and block")).to_be_enabled()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="Removed and blocked")).to_be_visible()
        processes.until(lambda: in_mailboxes(house) == before, "all copies are gone from the mailboxes", log=house.company.log)
        assert number_of(desk, state="held") == 0
        assert len(house.with_text("ada.byron", friend.subject)) == 1
        (decision,) = (one for one in desk.client.get("/decisions").json()["items"] if one["verb"] == "purge")
        assert decision["blocked"] == {"campaign": 1, "domain": domains}

        house.company.take(copy(copies, domains))
        (late,) = desk.wait_for(q="password expires today", state="held")
        assert late["verdict"]["rule"] == "held-by-block"

        undo = ("decisions", "undo", decision["id"], "--wait")
        asked = re.search(
            r"--confirm (\S+)", house.company.run(*undo).stdout
        )  # they would lie in mailboxes again: that needs a second look
        house.company.run(*undo, *(("--confirm", asked[1]) if asked else ()), check=True)
        processes.until(lambda: in_mailboxes(house) == before + passed, "they are back in the mailboxes", log=house.company.log)
        assert filed(house, identity) == {b"\\Flagged", b"\\Seen"}
        assert number_of(desk, state="held") == copies - passed + 1
        assert [rule for rule in desk.client.get("/rules").json()["items"] if rule["effect"] == "block"] == []
