"""Moves that only ask: two mail programs at a real Dovecot, the answer in Confirm, and Yes."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from imapclient.exceptions import IMAPClientError  # type: ignore[import-untyped]
from sqlalchemy import Engine, func, select
from sqlmodel import col

from mailboxes.mirror import mirror_role
from tests.mailboxes.mirroring import FS_LAYOUT, JOE, RELEASED, TO_JOE, Town, mirroring, town
from tests.peers import processes
from tests.peers.mail import dovecot
from tests.triage import arriving
from tests.triage.arriving import DMARC_FAIL, DMARC_PASS
from triage.config.settings import Mirror, Settings
from triage.quarantine.decisions.decision_request import Verb
from triage.store.db import read_transaction, transaction
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

pytestmark = pytest.mark.peers
until = processes.until
log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def server() -> Iterator[dovecot.Server]:
    with dovecot.running(more=FS_LAYOUT) as running:
        yield running


@pytest.fixture
def quiet(sqlite_engine: Engine, sqlite_url: str, settings: Settings, server: dovecot.Server, tmp_path: Path) -> Town:
    """The department; its mirror is not at work yet."""
    return town(sqlite_engine, replace(settings, database=replace(settings.database, url=sqlite_url)), server, tmp_path)


@pytest.fixture
def here(quiet: Town) -> Iterator[Town]:
    with mirroring(quiet.settings):
        yield quiet


def answer_in(here: Town, *words: str) -> bytes:
    """Waits for the one answer in Confirm that says this."""
    until(lambda: len(found := here.lying("Confirm")) == 1 and all(one.encode() in found[0] for one in words), f"an answer says {words}")
    return here.lying("Confirm")[0]


def says_yes(here: Town) -> None:
    here.moves("Yes", out_of="Confirm")


def test_two_programs_ask_and_one_says_yes(here: Town) -> None:
    mail, copy = here.comes(), here.comes("legal+mara.berg@company.example")
    here.shows(mail)
    with here.client() as first, here.client() as second:
        for client in (first, second):
            client.select_folder(JOE)
        uids = first.search()
        first.move(uids, "Remove everywhere")
        with contextlib.suppress(IMAPClientError):  # as the program then says: the other one has taken it already
            second.move(uids, "Release")
        answer_in(here, "Subject: Confirm: remove 2 messages everywhere")
        here.shows(mail)
        assert (here.decisions(), here.state(copy)) == ([], "held")
        third = here.comes()
        says_yes(here)
        answer_in(here, "remove 3 messages everywhere", "3 messages to 2 people")  # nothing was done, and this is told again
        assert here.decisions() == []
        says_yes(here)
    for one in (mail, copy, third):
        here.becomes(one, "purged")
    until(lambda: any(b"Subject: Done: Yes" in one and b"Removed 3 messages" in one for one in here.lying("Done")), "the result is told")
    until(lambda: not here.lying("Yes") and not here.lying("Confirm"), "the answer is laid aside")
    here.shows()
    assert here.decisions() == [("person:ana", "purge")]


def move_and_hear(here: Town, folder: str, *, out_of: str = JOE, answer: str) -> None:
    """Moves all messages of a folder, and waits until IDLE (RFC 2177) tells another program that something came into `answer`."""
    with here.client() as program, here.client() as listener:
        listener.select_folder(answer)
        listener.idle()
        began = time.monotonic()
        here.moves(folder, out_of=out_of, client=program)
        said: list[Any] = [b""]
        while said and not any(b"EXISTS" in one for one in said):
            said = listener.idle_check(timeout=processes.HANG)
        assert said, f"nothing came into {answer}"
        log.info("%s was answered after %.2f s", folder, time.monotonic() - began)
        listener.idle_done()


@pytest.mark.long
def test_idle_tells_of_an_answer_once_it_is_true(quiet: Town) -> None:
    """At the interval that an installation has."""
    with mirroring(replace(quiet.settings, mirror=replace(quiet.settings.mirror, interval=Mirror().interval))):
        released = quiet.comes(dmarc=DMARC_PASS)
        quiet.shows(released)
        move_and_hear(quiet, "Release", answer="Done")
        assert (quiet.state(released) in RELEASED, quiet.decisions()) == (True, [("person:ana", "release")])
        removed = quiet.comes()
        quiet.shows(removed)
        move_and_hear(quiet, "Remove everywhere", answer="Confirm")
        assert len(quiet.lying("Confirm")) == len(quiet.decisions()) == 1
        move_and_hear(quiet, "Yes", out_of="Confirm", answer="Done")
        assert (quiet.state(removed), len(quiet.decisions())) == ("purged", 2)


@pytest.mark.long
def test_what_needs_a_second_look_is_let_out_by_yes(here: Town) -> None:
    mail = here.comes(dmarc=DMARC_FAIL)
    here.shows(mail)
    here.moves("Release")
    answer = answer_in(here, "Confirm: release 1 message", "DMARC fails")
    here.shows(mail)
    with here.client() as client:
        client.append("Yes", answer.replace(b"DMARC fails", b"DMARC passes"))  # a rewritten answer is confirmed as it was made
    here.becomes(mail, *RELEASED)


@pytest.mark.long
def test_answers_that_are_settled_elsewhere_or_deleted_decide_nothing(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    here.moves("Block sender")
    answer = answer_in(here, "block the sender")
    with here.client() as client:
        client.select_folder("Confirm")
        client.delete_messages(client.search())
        client.expunge()
        here.moves("Block sender", client=client)  # asked again, it is the same question
        answer_in(here, "block the sender")
        here.decides(Verb.RELEASE, mail)
        client.append("Yes", answer)
    until(lambda: here.notes("Done"), "a note says that it is over")
    assert [verb for _, verb in here.decisions()] == ["release"]
    assert here.rules() == []
    until(lambda: not here.lying("Confirm"), "and no question is left")


@pytest.mark.long
def test_a_message_in_yes_and_an_answer_in_release_decide_nothing(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    here.moves("Yes")
    until(lambda: here.notes(JOE), "a note says what is confirmed there")
    assert b"Only an answer from the folder Confirm" in here.notes(JOE)[0].replace(b"\r\n", b" ")
    here.moves("Remove everywhere", only=b"Hello")
    answer_in(here, "everywhere")
    here.moves("Release", out_of="Confirm")
    until(lambda: len(here.lying("Confirm")) == 2, "the answer is back, with a note")
    assert (here.state(mail), here.decisions()) == ("held", [])


@pytest.mark.long
def test_a_message_in_confirm_goes_back_to_its_folder(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    here.moves("Confirm")
    until(lambda: not here.lying("Confirm") and here.lying(JOE), "it is back")
    here.shows(mail)
    assert here.lying("Done") == []  # where only what is decided lies
    assert here.state(mail) == "held"


@pytest.mark.long
@pytest.mark.parametrize("number", [25, 400])
def test_many_moves_within_a_minute_pause_and_ask(here: Town, number: int) -> None:
    messages = [here.comes(author=f"a{one}@x.example") for one in range(number)]
    here.shows(*messages)
    began = time.monotonic()
    here.moves("Release")
    answer_in(here, f"Confirm: release {number} messages")
    log.info("%d moves were asked about after %.1f s", number, time.monotonic() - began)
    here.shows(*messages)
    assert here.decisions() == []
    says_yes(here)
    until(lambda: all(here.state(mail) in RELEASED for mail in messages), "all are released")
    assert len(here.decisions()) == 1


@pytest.mark.long
def test_a_move_of_five_thousand_is_one_question_and_loses_none(here: Town) -> None:
    number, step = 5_000, 250
    with transaction(here.engine) as session:
        for one in range(number):
            arriving.arrive(session, here.settings, TO_JOE, author=f"a{one}@x.example", at=utcnow())
    for shown in range(step, number + 1, step):
        until(lambda shown=shown: count(here, JOE) >= shown, f"{shown} are shown")  # type: ignore[misc]
    began = time.monotonic()
    here.moves("Release")
    answer_in(here, f"Confirm: release {number:,} messages")
    log.info("%d moves were asked about after %.1f s", number, time.monotonic() - began)
    until(lambda: (count(here, JOE), count(here, "Release")) == (number, 0), "all are back")
    assert (here.decisions(), states(here)) == ([], {"held": number})
    began = time.monotonic()
    says_yes(here)
    until(lambda: count(here, JOE) == 0, "none is shown")
    log.info("%d messages were released after %.1f s", number, time.monotonic() - began)
    assert (here.decisions(), states(here)) == ([("person:ana", "release")], {"queued": number})


def count(here: Town, folder: str) -> int:
    """Messages in a folder."""
    with here.client() as client:
        return int(client.folder_status(folder, ["MESSAGES"])[b"MESSAGES"]) if client.folder_exists(folder) else 0


def states(here: Town) -> dict[str, int]:
    """Deliveries by state."""
    with read_transaction(here.engine) as session:
        found = session.execute(select(col(Delivery.state), func.count()).group_by(col(Delivery.state)))
        return {str(state): number for state, number in found}


@pytest.mark.long
def test_a_slow_hand_is_not_asked(here: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_role, "MOST_MOVES", 2)
    monkeypatch.setattr(mirror_role, "MINUTE", 0.0)
    for _ in range(3):
        mail = here.comes(dmarc=DMARC_PASS)
        here.shows(mail)
        here.moves("Release")
        here.becomes(mail, *RELEASED)
        here.shows()
    assert here.notes("Confirm") == []


@pytest.mark.long
def test_assigned_to_somebody_who_may_not_see_it_is_back_in_its_folder(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    with here.client() as client:
        until(lambda: client.folder_exists("Assign/ben") and client.folder_exists("Reject/not-wanted"), "the folders are made")
        here.moves("Assign/ben", client=client)
    until(lambda: here.notes(JOE), "a note says that Ben may not see it")
    assert b"Ben Okafor may not see all of these messages" in here.notes(JOE)[0]
    assert here.state(mail) == "held"


@pytest.mark.long
def test_folders_of_before_are_renamed_and_stay_subscribed(quiet: Town) -> None:
    with quiet.client() as client:
        for folder in ("Approve sender", "Purge", "Purge and block"):
            client.create_folder(folder)
            client.subscribe_folder(folder)
        client.append("Purge", b"Subject: from before\r\n\r\nHello\r\n")
        with mirroring(quiet.settings):
            until(lambda: client.folder_exists("Yes"), "the folders are made")
            until(lambda: quiet.lying("INBOX"), "what lay there is given back")
            names = {name for _, _, name in client.list_folders()}
            subscribed = {name for _, _, name in client.list_sub_folders()}
    assert {"Allow sender", "Remove", "Block sender"} <= names & subscribed
    assert {"Approve sender", "Purge", "Purge and block"} & (names | subscribed) == set()


@pytest.mark.long
def test_people_make_folders_for_others(here: Town) -> None:
    mail = here.comes(dmarc=DMARC_PASS)
    here.shows(mail)
    with here.client() as client:
        client.create_folder("Redirect/nobody")
        here.moves("Redirect/nobody", client=client)
        until(lambda: here.notes(JOE) and len(here.lying(JOE)) == 2, "it is back, and a note says that there is nobody of that name")
        client.rename_folder("Redirect/nobody", "Redirect/Mara.Berg")
        here.moves("Redirect/Mara.Berg", client=client, only=b"Hello")
    here.becomes(mail, *RELEASED)
    assert here.decisions() == [("person:ana", "redirect")]


@pytest.mark.long
def test_a_folder_that_is_made_this_moment_counts(quiet: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the mirror's look at the folders for acts and its look at all folders."""
    show, is_held = mirror_role.Desk.show, threading.Event()

    def make_and_move(self: mirror_role.Desk, *words: Any) -> bool:
        if is_held.is_set():
            with quiet.client() as client:
                if not client.folder_exists("Redirect/Mara.Berg"):
                    client.create_folder("Redirect/Mara.Berg")
                    quiet.moves("Redirect/Mara.Berg", client=client)
        return show(self, *words)

    monkeypatch.setattr(mirror_role.Desk, "show", make_and_move)
    with mirroring(quiet.settings):
        mail = quiet.comes(dmarc=DMARC_PASS)
        quiet.shows(mail)
        is_held.set()
        quiet.becomes(mail, *RELEASED)
    assert quiet.decisions() == [("person:ana", "redirect")]
