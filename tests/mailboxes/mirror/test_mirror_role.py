"""The mirror with a real Dovecot: each outcome of docs/how-to/mail-clients.md."""

import itertools
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from mailboxes.imap.imap_client import Client
from mailboxes.mailbox import Unreachable
from mailboxes.mirror import mirror_role
from mailboxes.mirror.mirror_account import Contents, MirrorAccount
from tests.mailboxes.mirroring import FS_LAYOUT, JOE, RELEASED, SHARED, TO_ALL, TO_JOE, Town, mirroring, town, undressed
from tests.peers import processes
from tests.peers.mail import dovecot
from tests.triage.arriving import COMPANY, DMARC_FAIL, DMARC_PASS, SYNC
from triage.config.settings import Mirror, Settings
from triage.directory import apply as directory
from triage.errors import BadInput
from triage.ids import format_id
from triage.quarantine.decisions.decision_request import Verb
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

pytestmark = pytest.mark.peers
until = processes.until


@pytest.fixture(scope="module")
def server() -> Iterator[dovecot.Server]:
    with dovecot.running(more=FS_LAYOUT) as running:
        yield running


@pytest.fixture
def here(sqlite_engine: Engine, sqlite_url: str, settings: Settings, server: dovecot.Server, tmp_path: Path) -> Iterator[Town]:
    """The department, with its mirror at work."""
    made = town(sqlite_engine, replace(settings, database=replace(settings.database, url=sqlite_url)), server, tmp_path)
    with mirroring(made.settings):
        yield made


# what is shown


def test_held_mail_lies_in_the_folder_of_whose_it_is(here: Town) -> None:
    code = here.comes(
        TO_JOE, text="Your verification code is 123456. It is valid for 10 minutes.", subject="Your Supplier code", dmarc=DMARC_PASS
    )
    role = here.comes(TO_ALL, text="X-Mailroom-Message: forged")
    here.shows(code)
    here.shows(role, folder=SHARED)
    (copy,) = here.lying(JOE)
    with transaction(here.engine) as session:
        delivery = session.get_one(Delivery, code)
        number, reason = format_id(delivery.message_id), delivery.reason
        is_time_limited, received_at = delivery.time_limited_until is not None, delivery.received_at
    assert copy.startswith(f"X-Mailroom-Message: {number}\r\nAuthentication-Results: mx.company.example;\r\n".encode())
    assert b"\tdmarc=pass header.from=supplier.example" in copy
    assert b"\r\nX-Mailroom-Verified: dmarc supplier.example\r\nX-Mailroom-Risk: none\r\nX-Mailroom-Why: " in copy
    assert reason[1:].encode() in copy.partition(b"X-Mailroom-Why: ")[2].partition(b"\r\n")[0]
    with here.client() as client:
        client.select_folder(JOE, readonly=True)
        (answer,) = client.fetch(client.search(), ["FLAGS", "INTERNALDATE"]).values()
    assert (b"\\Flagged" in answer[b"FLAGS"], is_time_limited) == (True, True)
    assert b"$MDNSent" in answer[b"FLAGS"]  # no program asks whether to send a receipt, or sends one
    assert abs((answer[b"INTERNALDATE"] - received_at).total_seconds()) < 2


def test_it_is_gone_when_it_was_decided_elsewhere_and_back_when_restored(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    decision = here.decides(Verb.PURGE, mail)
    here.shows()
    here.undoes(decision)
    here.shows(mail)
    assert [one.ended_at is None for one in here.copies()] == [False, True]  # a new copy, which may decide again


def test_two_mirrors_show_one_picture(here: Town) -> None:
    with mirroring(here.settings):
        messages = [here.comes() for _ in range(5)]
        here.shows(*messages)
        here.decides(Verb.PURGE, messages[0])
        here.shows(*messages[1:])


# acts


@pytest.mark.parametrize(
    ("folder", "states", "rules"),
    [
        ("Release", RELEASED, []),
        ("Allow sender", RELEASED, [("allow", "sales@supplier.example", "person:joe.fern")]),
        ("Remove", ("purged",), []),
        ("Redirect/joe.fern", RELEASED, []),
    ],
)
def test_moving_it_is_the_decision(here: Town, folder: str, states: tuple[str, ...], rules: list[tuple[str, str, str]]) -> None:
    mail = here.comes(dmarc=DMARC_PASS)
    here.shows(mail)
    here.moves(folder)
    here.becomes(mail, *states)
    here.shows(mail, folder="Done")
    until(lambda: not here.lying(folder), "it is laid aside")
    assert [by for by, _ in here.decisions()] == ["person:ana"]
    assert here.rules() == rules
    assert here.notes("Done") == []


def test_many_at_once_are_decided_each(here: Town) -> None:
    messages = [here.comes(author=f"a{number}@x.example") for number in range(12)]
    here.shows(*messages)
    here.moves("Release")
    until(lambda: all(here.state(mail) in RELEASED for mail in messages), "all are released")
    until(lambda: len(here.lying("Done")) == 12, "all are laid aside")
    assert len(here.decisions()) == 12


def test_deleting_it_is_no_decision(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    with here.client() as client:
        client.create_folder("Trash")
        here.moves("Trash", client=client)
        until(lambda: not here.lying("Trash"), "it is back from the trash")
        here.shows(mail)
        client.select_folder(JOE)
        client.delete_messages(client.search())
        client.expunge()
    here.shows(mail)
    assert (here.state(mail), here.decisions()) == ("held", [])
    here.moves("Release")  # and it can be decided all the same
    here.becomes(mail, *RELEASED)


def test_a_copy_that_turns_up_after_its_lines_have_changed_goes(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    (old,) = here.lying(JOE)
    with transaction(here.engine) as session:
        session.get_one(Delivery, mail).reason = "Held since it was looked at again."
    with here.client() as client:
        client.select_folder(JOE)
        client.delete_messages(client.search())
        client.expunge()
        until(lambda: [one for one in here.lying(JOE) if b"looked at again" in one], "it is back, with what is said of it now")
        client.append(JOE, old)
    until(lambda: [b"looked at again" in one for one in here.lying(JOE)] == [True], "the old one goes")
    here.shows(mail)


@pytest.mark.parametrize("behind", [False, True])
def test_moved_while_the_folders_are_read_it_returns_to_its_own(here: Town, monkeypatch: pytest.MonkeyPatch, behind: bool) -> None:
    """`behind`: the server answers STATUS of the trash as it was before, until somebody opens it."""
    mail, shown, moved = here.comes(), MirrorAccount.shown, threading.Event()
    status, uids, empty = Client.folder_status, MirrorAccount.uids, list[dict[bytes, int]]()
    here.shows(mail)
    with here.client() as client:
        client.create_folder("Trash")

    def moving(account: MirrorAccount, folder: str, *, whole: bool) -> Contents | None:
        if folder == JOE and "Trash" in account.seen and not moved.is_set():  # the trash was read, and was empty
            here.moves("Trash")
            moved.set()
        return shown(account, folder, whole=whole)

    def answering(client: Client, folder: str, items: list[str]) -> dict[bytes, int]:
        if folder == "Trash" and moved.is_set() and empty:
            return empty[-1]
        answer: dict[bytes, int] = status(client, folder, items)
        if folder == "Trash" and behind:
            empty.append(answer)
        return answer

    def opening(account: MirrorAccount, folder: str) -> list[int]:
        if folder == "Trash" and moved.is_set():
            empty.clear()
        return uids(account, folder)

    monkeypatch.setattr(Client, "folder_status", answering)
    monkeypatch.setattr(MirrorAccount, "uids", opening)
    monkeypatch.setattr(MirrorAccount, "shown", moving)
    until(moved.is_set, "it is moved")
    until(lambda: not here.lying("Trash"), "it is back from the trash")
    here.shows(mail)
    assert (here.state(mail), here.decisions()) == ("held", [])


def test_copied_it_is_decided_once_and_the_second_copy_says_so(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    with here.client() as client:
        client.select_folder(JOE)
        uids = client.search()
        client.copy(uids, "Release")
        here.becomes(mail, *RELEASED)
        here.shows()
        until(lambda: len(here.lying("Done")) == 1, "the copy is laid aside")
        client.select_folder("Done")
        client.copy(client.search(), "Remove")  # a program that is late, or somebody else
    until(lambda: here.notes("Done"), "a note says who was faster")
    (note,) = here.notes("Done")
    assert b"Subject: A colleague was faster: Remove" in note
    assert re.search(rb"Released by Ana Roth \d+ seconds? ago\.", note)
    assert (here.state(mail) in RELEASED, here.decisions()) == (True, [("person:ana", "release")])


def test_taken_back_before_it_was_seen_it_is_no_decision(
    sqlite_engine: Engine, sqlite_url: str, settings: Settings, server: dovecot.Server, tmp_path: Path
) -> None:
    """As programs without MOVE take it back: a copy at home, and the one in the folder for acts waits for an EXPUNGE."""
    here = town(sqlite_engine, replace(settings, database=replace(settings.database, url=sqlite_url)), server, tmp_path)
    mail = here.comes()
    with mirroring(here.settings):
        here.shows(mail)
    with here.client() as client:
        here.moves("Release", client=client)
        client.select_folder("Release")
        uids = client.search()
        client.copy(uids, JOE)
        client.delete_messages(uids)
    with mirroring(here.settings):
        until(lambda: not here.lying("Release"), "nothing is left there")
        here.shows(mail)
        assert (here.state(mail), here.decisions(), here.notes(JOE)) == ("held", [], [])
        here.moves("Release")  # and it can be decided all the same
        here.becomes(mail, *RELEASED)


def test_two_people_on_one_mail(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    here.decides(Verb.RELEASE, mail)
    here.moves("Remove")  # before the mirror has taken it away, or nothing is left to move
    here.shows()
    assert here.state(mail) in RELEASED
    assert [verb for _, verb in here.decisions()] == ["release"]


def test_a_late_program_does_not_decide_what_was_restored_since(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    (old,) = here.lying(JOE)
    decision = here.decides(Verb.PURGE, mail)
    here.shows()
    here.undoes(decision)
    here.shows(mail)
    with here.client() as client:
        client.append("Release", old)  # what it moved while it was offline
    until(lambda: here.notes("Done"), "a note says why not")
    assert b"A newer copy has taken its place" in here.notes("Done")[0]
    assert here.state(mail) == "held"
    here.shows(mail)


@pytest.mark.parametrize("dropped", [b"X-", b"X-Mailroom-Why"], ids=["it drops our line", "it keeps it"])
def test_a_program_that_rewrites_headers_is_understood(here: Town, dropped: bytes) -> None:
    mail = here.comes(text="The offer that you asked for, in full length.")
    here.shows(mail)
    (copy,) = here.lying(JOE)
    unfolded = copy.split(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    kept = [line for line in unfolded.split(b"\r\n") if not line.startswith(dropped)]
    rewritten = b"\r\n".join([b"X-Mozilla-Status: 0001", *reversed(kept), b"", b""]) + copy.split(b"\r\n\r\n", 1)[1]
    with here.client() as client:
        client.append("Release", rewritten)
    here.becomes(mail, *RELEASED)
    here.shows()


def test_a_forged_header_does_nothing(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    (copy,) = here.lying(JOE)
    forged = copy.split(b"\r\n\r\n")[0] + b"\r\n\r\nSomething else.\r\n"
    with here.client() as client:
        client.append("Release", forged)
        until(lambda: here.notes("INBOX"), "it is given back")
        client.append(JOE, forged)
    assert b"not a held message" in here.notes("INBOX")[0]
    here.decides(Verb.PURGE, mail)
    until(lambda: here.lying(JOE) == [forged], "only ours is taken away")
    assert [verb for _, verb in here.decisions()] == ["purge"]


def test_what_may_not_be_is_given_back_with_a_note(here: Town) -> None:
    mail = here.comes(author="sales@company.example", dmarc=DMARC_FAIL)  # nobody makes a rule about ourselves
    here.shows(mail)
    here.moves("Allow sender")
    until(lambda: here.notes(JOE), "a note lies on top")
    until(lambda: len(here.lying(JOE)) == 2, "and the mail is back")
    until(lambda: not here.lying("Allow sender"), "and nowhere else")
    (note,) = here.notes(JOE)
    assert b"Subject: Nothing was done: Allow sender" in note
    assert (here.state(mail), here.decisions()) == ("held", [])


def test_staff_acts_as_themselves_in_their_own_account(
    sqlite_engine: Engine, sqlite_url: str, settings: Settings, server: dovecot.Server, tmp_path: Path
) -> None:
    own = f"ben{next(_own)}@company.example"
    settings = replace(settings, database=replace(settings.database, url=sqlite_url))
    here = town(sqlite_engine, settings, server, tmp_path, staff=(f"ben={own}", f"ana=ana.{own}"))
    with mirroring(here.settings):
        mail = here.comes()
        here.shows(mail)
        (copy,) = here.lying(JOE)
        with here.client(own) as ben, here.client(f"ana.{own}") as ana:
            until(lambda: ben.folder_exists("Mailroom/Release") and ana.folder_exists("Mailroom/Remove"), "they have the folders")
            ben.append("Mailroom/Release", copy)  # Ben looks after legal only
            until(lambda: here.notes("Mailroom/Done", own), "he reads that he may not")
            assert here.state(mail) == "held"
            ana.append("Mailroom/Remove", copy)
            here.becomes(mail, "purged")
        here.shows()
    assert here.decisions() == [("person:ana", "purge")]


_own = itertools.count(1)


# what goes wrong


def test_folders_that_somebody_renames_or_deletes_are_made_anew(here: Town) -> None:
    messages = [here.comes(), here.comes()]
    here.shows(*messages)
    with here.client() as client:
        client.rename_folder(JOE, "Old")
        here.shows(*messages)
        until(lambda: not here.lying("Old"), "nothing is left in the other one")
        client.delete_folder(JOE)
        client.delete_folder("Release")
        here.shows(*messages)
        until(lambda: client.folder_exists("Release"), "the folder for acts is back")
    assert here.decisions() == []


def test_numbered_anew_it_is_found_again(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    with here.client() as client:
        client.select_folder(JOE, readonly=True)
        before = client.folder_status(JOE, ["UIDVALIDITY"])[b"UIDVALIDITY"]
    until(lambda: time.time() > before + 1, "Dovecot numbers a folder by the second")
    for file in (here.server.directory / "mail" / here.account / "Maildir").rglob("dovecot-uidlist*"):
        file.unlink()
    for file in (here.server.directory / "mail" / here.account / "Maildir").rglob("dovecot.index*"):
        file.unlink()
    with here.client() as client:
        assert client.folder_status(JOE, ["UIDVALIDITY"])[b"UIDVALIDITY"] != before
    here.comes(author="other@x.example")
    until(lambda: len(here.lying(JOE)) == 2, "it goes on, and shows nothing twice")
    here.decides(Verb.PURGE, mail)
    until(lambda: len(here.lying(JOE)) == 1, "it is taken away by its new number")


def test_a_server_that_is_down_is_waited_for(here: Town) -> None:
    first = here.comes()
    here.shows(first)
    here.server.stop()
    here.decides(Verb.PURGE, first)
    second = here.comes()
    here.server.start()
    here.shows(second)
    assert here.state(second) == "held"


# settings


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (Mirror(departments=("it",)), "mirror.departments: “it” must be NAME=VALUE"),
        (Mirror(departments=("it=it@company.example",)), "mirror.act_as: name who acts in the account of it"),
        (Mirror(departments=("it=a@b.example",), act_as=("it=ana",), staff=("=x",)), "mirror.staff"),
        (Mirror(departments=("it=a@b.example", "hr=A@b.example"), act_as=("it=ana", "hr=ana")), "mirror: a@b.example is named twice"),
        (Mirror(departments=("it=a@b.example",), act_as=("it=ana",), staff=("ana=a@b.example",)), "is named twice"),
    ],
)
def test_accounts_that_make_no_sense(settings: Mirror, fault: str) -> None:
    with pytest.raises(BadInput, match=fault):
        mirror_role.mirror_accounts(settings)


def test_the_lines_on_top_are_all_that_was_added(here: Town) -> None:
    mail = here.comes(subject="Grüße \x1b[31m")
    here.shows(mail)
    (copy,) = here.lying(JOE)
    assert undressed(copy) == here.raw(mail)
    assert copy.count(b"X-Mailroom-Why:") == 1


def test_without_anybody_who_may_see_it_nothing_is_shown(here: Town) -> None:
    mail = here.comes()
    here.shows(mail)
    with transaction(here.engine) as session:
        directory.apply_directory(session, replace(COMPANY, staff=()), here.settings.company, by=SYNC, now=utcnow())
    here.shows()
    assert here.state(mail) == "held"


def test_on_either_database(engine: Engine, database_url: str, settings: Settings, server: dovecot.Server, tmp_path: Path) -> None:
    here = town(engine, replace(settings, database=replace(settings.database, url=database_url)), server, tmp_path)
    with mirroring(here.settings):
        first, second = here.comes(author="a@x.example"), here.comes(author="b@x.example", text="Hello again")
        here.shows(first, second)
        here.moves("Remove", only=b"again")
        here.becomes(second, "purged")
        here.moves("Block sender")
        until(lambda: here.lying("Confirm"), "the block is asked about")
        here.moves("Yes", out_of="Confirm")
        here.becomes(first, "purged")
        here.shows()
    assert len(here.rules()) == 1


def test_a_folder_that_the_server_will_not_show_is_passed_over(here: Town, caplog: pytest.LogCaptureFixture) -> None:
    first, box = here.comes(), here.server.directory / "mail" / here.account / "Maildir"
    here.shows(first)
    with here.client() as client:
        client.create_folder("Old")
    for name in ("cur", "new", "tmp"):
        (box / "Old" / name).rmdir()
        (box / "Old" / name).write_text("no folder")
    second = here.comes(author="b@x.example")
    here.shows(first, second)
    here.moves("Remove")
    here.becomes(second, "purged")
    assert caplog.text.count("the folder Old of the account") == 1


def test_what_its_own_folder_does_not_show_is_not_put_there_again(here: Town, caplog: pytest.LogCaptureFixture) -> None:
    first = here.comes()
    here.shows(first)
    folder = here.server.directory / "mail" / here.account / "Maildir" / JOE
    (folder / "cur").rename(folder / "away")
    (folder / "cur").write_text("no folder")
    until(lambda: "is passed over" in caplog.text, "it cannot be read")
    role = here.comes(TO_ALL)
    here.shows(role, folder=SHARED)
    (folder / "cur").unlink()
    (folder / "away").rename(folder / "cur")
    second = here.comes(author="b@x.example")
    here.shows(first, second)
    here.shows(role, here.comes(TO_ALL, author="b@x.example"), folder=SHARED)  # a later turn, so the one before is over
    here.shows(first, second)


def test_a_mail_over_which_the_server_breaks_off_keeps_no_other_waiting(here: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    put = MirrorAccount.put

    def breaking(account: MirrorAccount, folder: str, raw: bytes, **more: Any) -> None:
        if b"too much for it" in raw:
            account.client.shutdown()
            raise Unreachable("a mail could not be put there: socket error: EOF")
        put(account, folder, raw, **more)

    monkeypatch.setattr(MirrorAccount, "put", breaking)
    here.comes(text="too much for it")
    here.shows(here.comes(author="b@x.example"))
