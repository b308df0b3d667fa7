"""Searches that staff keep by a name: their own, or shared with everybody who looks after a department or the company."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor, Role, Scope
from triage.errors import BadInput, NotAllowed, NotFound
from triage.ids import format_id
from triage.quarantine.search.selection import Selection, selection_condition
from triage.say import error_sentence, say
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import SavedSearch

MOST = 50  # of one owner
COUNTED = 1000  # more messages than that nobody reads one by one


@dataclass(frozen=True, slots=True)
class Wish:
    """A search that shall be kept: words, a folder or both."""

    name: str
    q: str = ""
    tab: str = "held"
    department: str | None = None
    person: str | None = None  # uid; "" is the department's shared folder
    shared_with: str = ""  # a scope; "": with nobody


@dataclass(frozen=True, slots=True)
class ShownSearch:
    """A search as somebody sees it."""

    id: int
    name: str
    q: str
    tab: str
    department: str | None
    person: str | None
    shared_with: str
    by_shown: str
    mine: bool
    held: int | None  # how many messages of it wait, up to COUNTED; None where that is not asked for, or the search can no longer be read


def save_search(session: Session, wish: Wish, *, by: Actor, now: datetime) -> ShownSearch:
    """Keep it; one of the actor's own with the same name becomes this one. BadInput names what is wrong, NotAllowed beyond one's scope."""
    name = wish.name.strip()
    if not name:
        raise BadInput(say("give the search a name"), field="name")
    selection_condition(Selection.of(q=wish.q.strip(), department=wish.department, person=wish.person))
    if wish.shared_with:
        may_share(wish.shared_with, by)
    own = select(SavedSearch).where(col(SavedSearch.owner) == str(by))
    row = session.scalar(own.where(col(SavedSearch.name) == name))
    if row is None and (session.scalar(select(func.count()).select_from(own.subquery())) or 0) >= MOST:
        raise BadInput(say("you can save at most {most} searches; remove one first", most=MOST), field="name")
    about: dict[str, Any] = {"by_shown": by.shown, "q": wish.q.strip(), "tab": wish.tab}
    about |= {"department": wish.department, "person": wish.person, "shared_with": wish.shared_with}
    row = row or SavedSearch(owner=str(by), name=name, made_at=now, **about)
    row.sqlmodel_update(about)
    session.add(row)
    session.flush()
    return search_value(row, by)


def list_searches(session: Session, *, by: Actor, counts: bool = False) -> tuple[ShownSearch, ...]:
    """The actor's own and those that are shared with them, by name."""
    rows = session.scalars(select(SavedSearch).order_by(func.lower(col(SavedSearch.name)), col(SavedSearch.id))).all()
    closed = confidential_folders.closed_scopes(session, by)
    return tuple(search_value(row, by, count_held(session, row, by) if counts else None) for row in rows if is_known_to(row, by, closed))


def remove_search(session: Session, search_id: int, *, by: Actor) -> None:
    """Keep it no longer. A shared one is removed by who made it, or by an administrator with the scope that it is shared with."""
    row = session.get(SavedSearch, search_id)
    if row is None or not is_known_to(row, by, confidential_folders.closed_scopes(session, by)):
        raise NotFound(say("there is no saved search {search_id}", search_id=format_id(search_id)))
    if row.owner != str(by):
        access.require_role(by, Role.ADMIN)
        may_share(row.shared_with, by)
    session.delete(row)


def may_share(scope: str, by: Actor) -> None:
    """A search is shared as far as one's own scope reaches; BadInput when it is none."""
    try:
        Scope.parse([scope])
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="shared_with") from fault
    if not by.scope.company and scope not in by.scope.words():
        raise NotAllowed(say("your scope is {yours}: you cannot share a search with {scope}", yours=access.scope_shown(by), scope=scope))


def is_known_to(row: SavedSearch, by: Actor, closed: frozenset[str]) -> bool:
    """Whether it is the actor's own, or shared with them. `closed`: what is sealed to them, whose searches are for those named for it."""
    if row.owner == str(by):
        return True
    return (
        bool(row.shared_with) and row.shared_with not in closed and (by.scope.company or row.shared_with in ("company", *by.scope.words()))
    )


def count_held(session: Session, row: SavedSearch, by: Actor) -> int | None:
    """Counts the held messages that a saved search finds, as far as the actor may see them; up to COUNTED. None: it is not readable."""
    try:
        wanted = selection_condition(Selection(q=row.q, department=row.department, person=row.person, states=(State.HELD,)))
    except BadInput:
        return None
    some = select(col(Delivery.id)).where(access.visible_deliveries(by), wanted).limit(COUNTED)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def search_value(row: SavedSearch, by: Actor, held: int | None = None) -> ShownSearch:
    """A row as the actor sees it."""
    about = (row.id, row.name, row.q, row.tab, row.department, row.person, row.shared_with, row.by_shown)
    return ShownSearch(*about, mine=row.owner == str(by), held=held)
