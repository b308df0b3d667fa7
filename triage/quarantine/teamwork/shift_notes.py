"""Notes to the next shift: a text for staff who see all that it is about, until somebody is done with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access, staff_members
from triage.actor import Actor, Scope
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.ids import format_id
from triage.say import list_with_and, say
from triage.store import db, ledger
from triage.store.db import is_among
from triage.store.models.assignments import DismissedNote, ShiftNote
from triage.store.models.directory import Department, Person
from triage.store.models.staff import StaffMember

LONGEST = 2_000  # characters of a note
MOST = 50  # notes that are listed, and open notes of one person
LOOKED_AT = 1_000  # notes among which those of a scope are looked for, the newest
BY = Actor.system("retention")


@dataclass(frozen=True, slots=True)
class NoteScope:
    """Folders that a note may be about, and who reads it then."""

    scope: tuple[str, ...]
    name: str
    readers: tuple[str, ...]  # names of colleagues


@dataclass(frozen=True, slots=True)
class Note:
    """A note as somebody reads it."""

    id: int
    at: datetime
    by: str
    by_shown: str
    scope: tuple[str, ...]
    scope_name: str
    text: str
    done_at: datetime | None
    done_by_shown: str
    dismissed: bool  # the reader put it out of their way


def list_scopes(session: Session, *, by: Actor, now: datetime) -> tuple[NoteScope, ...]:
    """Lists what the actor may write notes about: all that they see, and each department. Colleagues who would read each are named.

    Confidential folders are apart: a note is about one only if it names it. NotAllowed for those who write none.
    """
    require_writer(by)
    readers = [(one.shown, confidential_folders.closed_scopes(session, one), one) for one in list_colleagues(session, by, now)]
    return tuple(
        NoteScope(scope, name_scope(session, scope), tuple(name for name, closed, one in readers if sees_all(session, one, scope, closed)))
        for scope in possible_scopes(session, by)
    )


def possible_scopes(session: Session, by: Actor) -> list[tuple[str, ...]]:
    """Lists the folders that the actor may write notes about, all that they see first."""
    closed = confidential_folders.closed_scopes(session, by)
    whole = tuple(by.scope.words())
    sealed = [word for word in sorted(confidential_folders.list_confidential(session)) if sees_all(session, by, (word,), closed)]
    names = dict(iter(session.execute(select(col(Department.code), col(Department.name)))))
    codes = sorted(names if by.scope.company else by.scope.departments, key=lambda code: names.get(code, code))
    choices = [whole, tuple(dict.fromkeys((*whole, *sealed))), *((word,) for word in sealed), *((f"department:{code}",) for code in codes)]
    return [scope for scope in dict.fromkeys(choices) if scope and sees_all(session, by, scope, closed)]


def list_colleagues(session: Session, by: Actor, now: datetime) -> list[Actor]:
    """Lists the other staff who decide, by name, as they are today."""
    deciding = select(col(StaffMember.login)).where(col(StaffMember.active), col(StaffMember.role).in_(access.DECIDING))
    logins = session.scalars(deciding.where(col(StaffMember.login) != by.name).order_by(col(StaffMember.name), col(StaffMember.login)))
    found = (staff_members.find_staff_actor(session, login, now) for login in logins.all())
    return [one for one in found if one is not None]


def sees_all(session: Session, by: Actor, scope: tuple[str, ...], closed: frozenset[str]) -> bool:
    """Whether the actor sees all that a note with this scope is about. `closed`: `confidential_folders.closed_scopes`."""
    return closed.isdisjoint(scope) and all(sees_word(session, by, word) for word in scope)


def sees_word(session: Session, by: Actor, word: str) -> bool:
    """Whether a folder lies in the actor's scope; a person's folder lies in that of their department too."""
    kind, _, name = word.partition(":")
    person = session.get(Person, name) if kind == "person" else None
    return by.scope.covers(Scope.parse((word,))) or bool(person and person.department in by.scope.departments)


def may_read(session: Session, by: Actor, scope: tuple[str, ...]) -> bool:
    """Whether the actor reads notes with this scope today."""
    return sees_all(session, by, scope, confidential_folders.closed_scopes(session, by))


def name_scope(session: Session, scope: tuple[str, ...]) -> str:
    """Names the folders that a note is about, for a person to read."""
    return list_with_and(name_folder(session, word) for word in scope)


def name_folder(session: Session, word: str) -> str:
    """A folder as people call it."""
    kind, _, name = word.partition(":")
    if kind == "company":
        return say("the whole company")
    row: Department | Person | None = session.get(Department, name) if kind == "department" else session.get(Person, name)
    return row.name if row else name


def write_note(session: Session, text: str, scope: tuple[str, ...], *, by: Actor, now: datetime) -> Note:
    """Writes a note and returns it. The audit log says who wrote it about which folders, not the text: it cannot forget.

    BadInput for no text or too much of it, NotAllowed for folders that the actor does not see, NotAllowedNow for too many open notes.
    """
    require_writer(by)
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise BadInput(say("a note has 1 to {longest} characters", longest=LONGEST), field="text")
    if scope not in possible_scopes(session, by):
        raise NotAllowed(say("write about all that you see, or about a department that you see"))
    own = select(col(ShiftNote.id)).where(col(ShiftNote.by) == str(by), col(ShiftNote.done_at).is_(None)).limit(MOST)
    if len(session.scalars(own).all()) == MOST:
        raise NotAllowedNow(say("you have {most} open notes; mark some as done first", most=MOST))
    row = ShiftNote(by=str(by), by_shown=by.shown, at=now, scope=list(scope), text=words)
    session.add(row)
    session.flush()
    put_on_record(session, "write-note", row, by=by, now=now)
    return note_of(session, row, dismissed=False)


def require_writer(by: Actor) -> None:
    """NotAllowed unless a person who decides does it: notes are from colleague to colleague."""
    access.may_decide(by)
    if by.kind != "person":
        raise NotAllowed(say("notes are for people at a console: only somebody who is signed in writes and ends them"))


def list_notes(session: Session, *, by: Actor, is_open: bool = False) -> tuple[Note, ...]:
    """Lists the notes that the actor may read, newest first, at most MOST. `is_open`: those of others, not done or dismissed."""
    hidden = set(session.scalars(select(col(DismissedNote.note_id)).where(col(DismissedNote.login) == by.name)))
    known = select(col(ShiftNote.id), col(ShiftNote.scope)).order_by(col(ShiftNote.id).desc()).limit(LOOKED_AT)
    if is_open:
        known = known.where(col(ShiftNote.done_at).is_(None), col(ShiftNote.by) != str(by))
    rows = session.execute(known).all()
    closed = confidential_folders.closed_scopes(session, by)
    may = {scope: sees_all(session, by, scope, closed) for scope in {tuple(row.scope) for row in rows}}
    ids = [row.id for row in rows if may[tuple(row.scope)] and not (is_open and row.id in hidden)][:MOST]
    found = session.scalars(select(ShiftNote).where(is_among(session, col(ShiftNote.id), ids)).order_by(col(ShiftNote.id).desc()))
    return tuple(note_of(session, one, dismissed=one.id in hidden) for one in found)


def written_by(session: Session, login: str, by: Actor) -> ColumnElement[bool]:
    """Condition: notes of a member of staff that the actor may read."""
    rows = session.execute(select(col(ShiftNote.id), col(ShiftNote.scope)).where(col(ShiftNote.by) == f"person:{login}")).all()
    closed = confidential_folders.closed_scopes(session, by)
    return is_among(session, col(ShiftNote.id), [row.id for row in rows if sees_all(session, by, tuple(row.scope), closed)])


def note_of(session: Session, row: ShiftNote, *, dismissed: bool) -> Note:
    """A note as it is read."""
    scope = tuple(row.scope)
    name = name_scope(session, scope)
    return Note(row.id, row.at, row.by, row.by_shown, scope, name, row.text, row.done_at, row.done_by_shown, dismissed)


def change_note(
    session: Session, note_id: int, *, done: bool | None = None, dismissed: bool | None = None, by: Actor, now: datetime
) -> Note:
    """Marks a note as done for all or open again, puts it out of the actor's way or back there; what is None stays.

    NotFound for what the actor may not read.
    """
    require_writer(by)
    row = session.scalar(select(ShiftNote).where(col(ShiftNote.id) == note_id).with_for_update())
    if row is None or not may_read(session, by, tuple(row.scope)):
        raise NotFound(say("there is no note {note_id}", note_id=format_id(note_id)))
    if done is not None and done != (row.done_at is not None):
        row.done_at, row.done_by, row.done_by_shown = (now, str(by), by.shown) if done else (None, "", "")
        put_on_record(session, "end-note" if done else "reopen-note", row, by=by, now=now)
    if dismissed:
        db.insert_missing(session, DismissedNote, [{"note_id": row.id, "login": by.name}])
    elif dismissed is False:
        session.execute(delete(DismissedNote).where(col(DismissedNote.note_id) == row.id, col(DismissedNote.login) == by.name))
    session.flush()
    own = select(col(DismissedNote.note_id)).where(col(DismissedNote.note_id) == row.id, col(DismissedNote.login) == by.name)
    return note_of(session, row, dismissed=session.scalar(own) is not None)


def put_on_record(session: Session, act: str, row: ShiftNote, *, by: Actor, now: datetime) -> None:
    """Puts in the audit log what was done with a note; its details are for those who see its confidential folders."""
    ledger.write_act(session, act, f"shift-note:{format_id(row.id)}", by=by, now=now, detail={"scope": list(row.scope)})


def erase_notes(session: Session, *, settings: Settings, now: datetime, limit: int = MOST) -> int:
    """Erases notes that are older than messages are kept after their removal (`retention.purged_days`); how many, at most `limit`."""
    old = col(ShiftNote.at) < now - timedelta(days=settings.retention.purged_days)
    ids = list(session.scalars(select(col(ShiftNote.id)).where(old).limit(limit)))
    if ids:
        session.execute(delete(DismissedNote).where(is_among(session, col(DismissedNote.note_id), ids)))
        session.execute(delete(ShiftNote).where(is_among(session, col(ShiftNote.id), ids)))
        ledger.write_act(session, "erase", "shift notes", by=BY, now=now, items=len(ids))
    return len(ids)
