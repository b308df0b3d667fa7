"""The same morning in two mail programs and at the console: every message is decided once, and all three show the same."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientError  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, choose, sign_in
from tests.mailboxes.mirroring import FS_LAYOUT
from tests.peers import company, outside, processes
from tests.peers.mail import dovecot
from tests.peers.outside import OutsideMessage

pytestmark = pytest.mark.peers
DESK, JON, RUSSELL = f"it@{company.DOMAIN}", f"jon.halder@{company.DOMAIN}", f"russell.coker@{company.DOMAIN}"
FOLDER = "russell.coker"
MESSAGES, DECIDED = 18, 15
MIRROR = """
[mirror]
departments = ["it={desk}"]
act_as = ["it=maria"]
staff = ["jon={jon}"]
imap = "imap://127.0.0.1:{port}"
password_file = "{passwords}"
"""


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[House]:
    """A company whose IT is mirrored."""
    passwords = tmp_path / "passwords"
    passwords.write_text(f"{DESK}:{dovecot.PASSWORD}\n{JON}:{dovecot.PASSWORD}\n")
    with dovecot.running(more=FS_LAYOUT) as server:
        more = MIRROR.format(desk=DESK, jon=JON, port=server.imap_port, passwords=passwords)
        next_hop = f"lmtp://127.0.0.1:{server.lmtp_port}"
        with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", next_hop, more=more) as made:
            yield House(made, server)


def subject(number: int) -> str:
    return f"Offer number {number:02}"


def lying(client: IMAPClient, folder: str) -> dict[str, int]:
    """Subjects and numbers of the messages in a folder; empty where the folder does not exist."""
    if not dovecot.open_folder(client, folder, readonly=False):
        return {}
    answers = client.fetch(uids, ["ENVELOPE"]) if (uids := client.search()) else {}
    return {one[b"ENVELOPE"].subject.decode(): uid for uid, one in answers.items() if b"ENVELOPE" in one}


def moved(house: House, numbers: range, folder: str) -> None:
    """The desk's program moves these, as far as it still sees them."""
    assert house.dovecot
    with house.dovecot.client(DESK) as client:
        for number in numbers:
            if uid := lying(client, FOLDER).get(subject(number)):
                with contextlib.suppress(IMAPClientError):  # another one took it this moment, as the program then says
                    client.move([uid], folder)


def dragged(house: House, numbers: range, folder: str) -> None:
    """Jon's program drags these into his own account: it reads, writes there, and deletes here."""
    assert house.dovecot
    with house.dovecot.client(DESK) as shared, house.dovecot.client(JON) as own:
        for number in numbers:
            if uid := lying(shared, FOLDER).get(subject(number)):
                raw = shared.fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]")
                if raw is not None:
                    own.append(folder, raw)
                    shared.delete_messages([uid])
                    shared.uid_expunge([uid])


def decided(desk: company.Desk, numbers: range, verb: str) -> None:
    """Decide these messages one by one at the console."""
    for one in desk.deliveries():
        if one["subject"] in {subject(number) for number in numbers}:
            desk.decide(verb, {"ids": [one["id"]]})


def at_once(*deeds: Callable[[], None]) -> None:
    """All of it at the same time."""
    faults: list[BaseException] = []

    def do(deed: Callable[[], None]) -> None:
        try:
            deed()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def decisions_about(desk: company.Desk, delivery: str) -> list[tuple[str, str]]:
    """Actors and verbs of the decisions that changed a message, by its history."""
    history: list[dict[str, Any]] = desk.client.get(f"/deliveries/{delivery}").json()["history"]
    return [(one["by"], one["act"]) for one in history if one["detail"].get("outcome") == "done" and "decision" in one["detail"]]


@pytest.mark.long
def test_two_programs_and_the_console_decide_one_morning_without_a_contradiction(alone: House, page: Page) -> None:
    assert alone.dovecot
    for number in range(MESSAGES):
        alone.company.take(OutsideMessage(f"a{number}@{outside.STRANGER.name}", RUSSELL, subject(number)))
    with alone.company.signed_in("jon") as desk, alone.dovecot.client(DESK) as program:
        desk.wait_for(MESSAGES, state="held")
        processes.until(lambda: len(lying(program, FOLDER)) == MESSAGES, "all of it is in the program", log=alone.company.log)
        with alone.dovecot.client(JON) as own:
            processes.until(lambda: own.folder_exists("Mailroom/Remove"), "Jon has his folders", log=alone.company.log)
        sign_in(page, alone)
        choose(page, subject(14))
        at_once(
            lambda: moved(alone, range(6), "Release"),
            lambda: moved(alone, range(6, 9), "Remove"),
            lambda: dragged(alone, range(4, 8), "Mailroom/Release"),
            lambda: dragged(alone, range(8, 10), "Mailroom/Remove"),
            lambda: decided(desk, range(8, 12), "purge"),
            lambda: decided(desk, range(2, 5), "release"),
            lambda: decided(desk, range(12, 14), "release"),
        )
        page.keyboard.press("r")
        expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()

        left = {subject(number) for number in range(DECIDED, MESSAGES)}
        processes.until(
            lambda: {one["subject"] for one in desk.deliveries(state="held")} == left, "the rest is held", log=alone.company.log
        )
        processes.until(lambda: set(lying(program, FOLDER)) == left, "and shown in the program", log=alone.company.log)
        page.reload()  # what others decided stays in the list until then, and says so
        options = page.get_by_role("listbox", name="Held messages").get_by_role("option")
        expect(options).to_have_count(len(left))

        found = {one["subject"]: one for one in desk.deliveries()}
        released = set()
        for number in range(DECIDED):
            one = found[subject(number)]
            ((by, verb),) = decisions_about(desk, one["id"])  # exactly one, whoever was first
            assert by in ("person:maria", "person:jon")
            released |= {subject(number)} if verb == "release" else set()
            assert (verb == "release") == (one["state"] != "purged"), one
        processes.until(lambda: len(alone.mailbox(FOLDER)) >= len(released), "what was released arrives", log=alone.company.log)
        arrived = [re.findall(rb"Subject: (Offer number \d\d)", raw)[0].decode() for raw in alone.mailbox(FOLDER)]
        assert sorted(arrived) == sorted(released)  # each once, and nothing else
