"""Read-only: the departments and people with how much is held for each."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.quarantine.triage_items import folder_counts, item_list, row_counts
from triage.quarantine.triage_items.row_counts import RowCounts
from triage.store.models.directory import Department, Person
from triage.store.queue.grouping import Group


@dataclass(frozen=True, slots=True)
class PersonFolder:
    """A person's folder and how much is held in it."""

    uid: str
    name: str
    held: int
    sealed: bool = False  # to who asks: they see how much waits, not what
    rows: int = 0  # of the queue, that who asks finds there
    lane_rows: int = 0  # of `rows`, those of known senders' messages that are held for an assistant


@dataclass(frozen=True, slots=True)
class Folder:
    """A department with the folders of its people; `shared_held` lies in its own folder."""

    code: str
    name: str
    held: int
    shared_held: int
    people: tuple[PersonFolder, ...]
    sealed: bool = False  # to who asks
    rows: int = 0  # of the queue: one that spans several people counts once
    shared_rows: int = 0
    lane_rows: int = 0


@dataclass(frozen=True, slots=True)
class Folders:
    """The departments that somebody sees, and the rows of their whole queue and of what is assigned to them."""

    items: tuple[Folder, ...]
    rows: int
    assigned_rows: int
    lane_rows: int


@dataclass(frozen=True, slots=True)
class Colleague:
    """Employee of the directory."""

    uid: str
    name: str
    department: str
    department_name: str
    mailbox: str  # "" outside the scope of who asks


def list_folders(session: Session, *, by: Actor, now: datetime, group: Group = "sender") -> Folders:
    """The departments and people in the actor's scope with how much is held for each, and in how many rows of the queue; who has left
    stays while mail is held."""
    groups = () if group == "none" else (group,)
    counts = folder_counts.count_folders(session, access.directory_scope(by), groups)
    held = {place: one.held for place, one in counts.items() if in_scope(by, *place)}
    active = session.execute(select(col(Person.department), col(Person.uid), col(Person.name)).where(col(Person.active)))
    people = {(code, uid): name for code, uid, name in active if in_scope(by, code, uid)}
    people |= {place: place[1] for place in held if place[1] and place not in people}
    names = dict(session.execute(select(col(Department.code), col(Department.name))).all())
    codes = {code for code in names if in_scope(by, code, "")} | {code for code, _ in [*people, *held] if code}
    closed = confidential_folders.closed_folders(session, by)
    counted = row_counts.count_rows(session, codes, counts, by=by, group=group, now=now)
    lane = row_counts.count_lane(session, by=by, group=group, now=now)
    found = [build_folder(code, names.get(code) or code, held, people, closed, counted, lane) for code in codes]
    in_order = tuple(sorted(found, key=lambda one: one.name.casefold()))
    assigned = item_list.count_assigned(session, by=by, group=group, now=now)
    return Folders(in_order, counted.total, assigned, lane.total)


def in_scope(by: Actor, department: str, person: str) -> bool:
    """Whether this folder is one that the actor sees."""
    return by.scope.company or department in by.scope.departments or (person != "" and person in by.scope.persons)


def build_folder(
    code: str,
    name: str,
    held: dict[tuple[str, str], int],
    people: dict[tuple[str, str], str],
    closed: frozenset[str],
    counted: RowCounts,
    lane: RowCounts,
) -> Folder:
    """Folder of a department with those of its people, by name; `closed`: confidential to the person who asks."""
    whole, shared = f"department:{code}" in closed, held.get((code, ""), 0)
    inside = [
        PersonFolder(
            uid,
            full_name,
            held.get((home, uid), 0),
            whole or f"person:{uid}" in closed,
            counted.folders[home, uid],
            lane.folders[home, uid],
        )
        for (home, uid), full_name in people.items()
        if home == code
    ]
    inside.sort(key=lambda person: person.name.casefold())
    total = shared + sum(person.held for person in inside)
    rows, shared_rows, lane_rows = counted.departments[code], counted.folders[code, ""], lane.departments[code]
    return Folder(code, name, total, shared, tuple(inside), whole, rows, shared_rows, lane_rows)


def list_people(
    session: Session, q: str = "", *, by: Actor, limit: int = 50, after: tuple[str, str] | None = None
) -> tuple[Colleague, ...]:
    """Lists employees by name: a redirect may go to any of them. Every word of `q` occurs in uid, name, department or mailbox.

    Outside the actor's scope a mailbox is not shown, and found only by its whole address. `after`: folded name and uid of the last one
    seen.
    """
    rows = session.execute(
        select(Person, func.coalesce(col(Department.name), col(Person.department)))
        .outerjoin(Department, col(Department.code) == col(Person.department))
        .where(col(Person.active))
    )
    words = q.casefold().split()
    everybody = (Colleague(person.uid, person.name, person.department, name, person.mailbox) for person, name in rows)
    shown = ((one if in_scope(by, one.department, one.uid) else replace(one, mailbox=""), one.mailbox) for one in everybody)
    fitting = [one for one, mailbox in shown if all(is_found(word, " ".join(asdict(one).values()), mailbox) for word in words)]
    in_order = sorted(fitting, key=place_of)
    return tuple([one for one in in_order if after is None or place_of(one) > after][:limit])


def is_found(word: str, shown: str, address: str) -> bool:
    """Whether a word occurs in what is shown, or is the whole address."""
    return word in shown.casefold() or word == address.casefold()


def place_of(one: Colleague) -> tuple[str, str]:
    """Sort key of a colleague in the list."""
    return one.name.casefold(), one.uid
