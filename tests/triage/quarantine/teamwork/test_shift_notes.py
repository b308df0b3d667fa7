"""Notes to the next shift: for staff who see all that a note is about, until it is done, and erased in time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests import company_rows
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC
from triage.access import staff_members
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.quarantine.teamwork import shift_notes
from triage.quarantine.teamwork.shift_notes import Note
from triage.store.db import transaction
from triage.store.models.audit import AuditRecord

STAFF = (
    StaffEntry("ana", ANA.shown, "triage", ("company",)),
    StaffEntry("ben", BEN.shown, "triage", ("company",)),
    StaffEntry("ida", IDA.shown, "admin", ("company",)),
    StaffEntry("otto", OTTO.shown, "auditor", ("company",)),
    StaffEntry("leo", "Leo It", "triage", ("department:it",)),
    StaffEntry("jo", "Jo Fern", "triage", ("person:joe.fern",)),
)
SEALED = ConfidentialEntry("person:mara.berg", ("ben",))
IT, ALL, WITH_MARA = ("department:it",), ("company",), ("company", "person:mara.berg")


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    """On each kind of database: a company where Mara's folder is confidential and Ben reads it."""
    with transaction(engine) as session:
        company_rows.enter(session, replace(COMPANY, staff=STAFF, sealed=(SEALED,)), settings.company, by=SYNC, now=NOW)
        yield session


def staff(session: Session, login: str) -> Actor:
    found = staff_members.find_staff_actor(session, login, NOW)
    assert found
    return found


def write(session: Session, login: str, scope: tuple[str, ...], text: str = "Call back at nine.") -> Note:
    return shift_notes.write_note(session, text, scope, by=staff(session, login), now=NOW)


def readers(session: Session, *, is_open: bool) -> list[str]:
    every = [one.login for one in STAFF]
    return [login for login in every if shift_notes.list_notes(session, by=staff(session, login), is_open=is_open)]


@pytest.mark.parametrize(
    ("writer", "scope", "read"),
    [
        ("ana", ALL, ["ben", "ida", "otto"]),  # auditors read too; they write none
        ("ana", IT, ["ben", "ida", "otto", "leo"]),
        ("leo", IT, ["ana", "ben", "ida", "otto"]),
        ("jo", ("person:joe.fern",), ["ana", "ben", "ida", "otto", "leo"]),
        ("ben", WITH_MARA, []),  # nobody else sees into her folder
        ("ben", ("person:mara.berg",), []),
    ],
)
def test_only_who_sees_all_of_it_reads_a_note(session: Session, writer: str, scope: tuple[str, ...], read: list[str]) -> None:
    by = staff(session, writer)
    (said,) = [one.readers for one in shift_notes.list_scopes(session, by=by, now=NOW) if one.scope == scope]
    note = write(session, writer, scope)
    assert readers(session, is_open=True) == read
    assert sorted(said) == sorted(one.name for one in STAFF if one.login in read and one.role != "auditor"), "said before as it is after"
    for one in STAFF:
        if one.login not in (*read, writer):
            with pytest.raises((NotFound, NotAllowed)):
                shift_notes.change_note(session, note.id, done=True, by=staff(session, one.login), now=NOW)
    assert [(one.text, one.by_shown) for one in shift_notes.list_notes(session, by=by)] == [("Call back at nine.", by.shown)]
    assert shift_notes.list_notes(session, by=by, is_open=True) == (), "it is no news to who wrote it"


def test_what_a_note_may_be_about(session: Session) -> None:
    scopes = {
        login: [one.scope for one in shift_notes.list_scopes(session, by=staff(session, login), now=NOW)] for login in ("ben", "leo", "jo")
    }
    assert scopes["ben"][:3] == [ALL, WITH_MARA, ("person:mara.berg",)]
    assert IT in scopes["ben"]
    assert (scopes["leo"], scopes["jo"]) == ([IT], [("person:joe.fern",)])
    for login, scope in (("ana", WITH_MARA), ("leo", ALL), ("leo", ("department:legal",)), ("jo", IT), ("otto", ALL), ("ana", ())):
        with pytest.raises(NotAllowed):
            write(session, login, scope)


def test_dismissed_for_oneself_done_for_all_and_back(session: Session) -> None:
    note = write(session, "ana", ALL)
    ben, ida = staff(session, "ben"), staff(session, "ida")
    assert shift_notes.change_note(session, note.id, dismissed=True, by=ben, now=NOW).dismissed
    assert readers(session, is_open=True) == ["ida", "otto"]
    shift_notes.change_note(session, note.id, dismissed=False, by=ben, now=NOW)
    assert readers(session, is_open=True) == ["ben", "ida", "otto"]
    done = shift_notes.change_note(session, note.id, done=True, by=ida, now=NOW)
    assert (done.done_at, done.done_by_shown) == (NOW, IDA.shown)
    assert shift_notes.change_note(session, note.id, done=True, by=ben, now=NOW + timedelta(hours=1)) == done, "the first one did it"
    assert readers(session, is_open=True) == []
    assert readers(session, is_open=False) == ["ana", "ben", "ida", "otto"]
    shift_notes.change_note(session, note.id, done=False, by=ben, now=NOW)
    assert readers(session, is_open=True) == ["ben", "ida", "otto"]
    records = session.scalars(
        select(AuditRecord).where(col(AuditRecord.subject).startswith("shift-note:")).order_by(col(AuditRecord.id))
    ).all()
    assert [(one.act, one.by) for one in records] == [("write-note", str(ANA)), ("end-note", str(IDA)), ("reopen-note", str(BEN))]
    assert {tuple(one.detail) for one in records} == {("scope",)}, "what cannot be erased does not hold the text"


@pytest.mark.parametrize("text", ["", " \n", "x" * 2_001])
def test_a_note_has_some_text_and_not_too_much(session: Session, text: str) -> None:
    with pytest.raises(BadInput):
        write(session, "ana", ALL, text)
    assert write(session, "ana", ALL, "x" * 2_000).text == "x" * 2_000


def test_one_person_has_so_many_open_notes_at_most(session: Session) -> None:
    first, *_ = [write(session, "ana", ALL) for _ in range(shift_notes.MOST)]
    with pytest.raises(NotAllowedNow):
        write(session, "ana", ALL)
    shift_notes.change_note(session, first.id, done=True, by=staff(session, "ben"), now=NOW)
    write(session, "ana", ALL)


def test_a_note_is_erased_after_the_days_of_removed_messages(session: Session, settings: Settings) -> None:
    note = write(session, "ana", ALL)
    shift_notes.change_note(session, note.id, dismissed=True, by=staff(session, "ben"), now=NOW)
    last = NOW + timedelta(days=settings.retention.purged_days)
    assert shift_notes.erase_notes(session, settings=settings, now=last) == 0
    assert shift_notes.erase_notes(session, settings=settings, now=last + timedelta(seconds=1)) == 1
    assert readers(session, is_open=False) == []


def test_a_folder_that_has_become_confidential_takes_its_notes_along(session: Session, settings: Settings) -> None:
    write(session, "ana", IT)
    company_rows.enter(
        session,
        replace(COMPANY, staff=STAFF, sealed=(SEALED, ConfidentialEntry("department:it", ("leo",)))),
        settings.company,
        by=SYNC,
        now=NOW,
    )
    assert readers(session, is_open=False) == ["leo"]
