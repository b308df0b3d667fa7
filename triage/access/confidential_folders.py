"""Confidential departments and persons (HR, legal, medical, works council): only the staff named for them see what waits there."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, literal, or_, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.store.confidential_rows import NOBODY, SEALED, is_confidential
from triage.store.db import is_among
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import ConfidentialFolder, Person
from triage.store.models.rules import Rule

PEOPLE = frozenset({"person", "shell", "token"})  # kinds of actors that a seal blocks; Mailroom's own parts carry mail unread


def away_from(by: Actor, table: Any = Delivery) -> ColumnElement[bool]:
    """SQL condition for deliveries, or rows of another table about folders, that are confidential to this actor.

    Staff named for a person but not for the department see nothing of the department.
    """
    return or_(
        col(table.department).in_(names_closed("department", by)),
        col(table.person).in_(names_closed("person", by)),
    )


def scopes_of(session: Session, ids: Sequence[int]) -> dict[str, list[str]]:
    """The confidential folders that some of these deliveries lie in: so the audit log tells a note or a reason only to those named for
    them.
    """
    lies = (
        select(col(Delivery.department), col(Delivery.person)).where(is_among(session, col(Delivery.id), ids), is_confidential()).distinct()
    )
    found = {word for code, uid in session.execute(lies) for word in (f"department:{code}", f"person:{uid}")}
    return {"scope": sorted(found)} if found else {}


def closed_folders_over(session: Session, ids: Iterable[int]) -> set[frozenset[str]]:
    """Returns the confidential folders that these deliveries lie in, each combination once; an empty one for those that lie in none."""
    under = list_confidential(session)
    lies = select(col(Delivery.department), col(Delivery.person)).where(is_among(session, col(Delivery.id), list(ids))).distinct()
    return {under & {f"department:{code}", f"person:{uid}"} for code, uid in session.execute(lies)}


def names_closed(kind: str, by: Actor) -> Select[str]:
    """The codes or uids that are confidential and that the actor is not named for."""
    opened = select(col(ConfidentialFolder.name)).where(col(ConfidentialFolder.kind) == kind, col(ConfidentialFolder.login) == by.name)
    return SEALED[kind].where(col(ConfidentialFolder.name).not_in(opened))


SEALED_OR_OPEN = select(col(ConfidentialFolder.login), col(ConfidentialFolder.kind), col(ConfidentialFolder.name)).where(
    or_(col(ConfidentialFolder.login) == NOBODY, col(ConfidentialFolder.login) == bindparam("login"))
)


def closed_folders(session: Session, by: Actor) -> frozenset[str]:
    """The confidential folders that the actor does not see into, as words of a scope."""
    if by.kind not in PEOPLE:
        return frozenset()
    found: dict[str, set[str]] = {NOBODY: set(), by.name: set()}
    for login, kind, name in session.execute(SEALED_OR_OPEN, {"login": by.name}):
        found[login].add(f"{kind}:{name}")
    return frozenset(found[NOBODY] - found[by.name])


def closed_scopes(session: Session, by: Actor) -> frozenset[str]:
    """The same, and the people of the confidential departments: what names one of them tells of mail that waits there."""
    return with_people(session, closed_folders(session, by), names_closed("department", by))


def with_people(session: Session, folders: frozenset[str], departments: Select[str]) -> frozenset[str]:
    """Returns these folders with the people of these departments, which are among them."""
    if not any(word.startswith("department:") for word in folders):
        return folders
    theirs = select(col(Person.uid)).where(col(Person.department).in_(departments))
    return folders.union(f"person:{uid}" for uid in session.scalars(theirs))


def closed_rules(session: Session, by: Actor) -> ColumnElement[bool]:
    """SQL condition for rules for a folder that is confidential to the actor."""
    return col(Rule.scope).in_(sorted(closed_scopes(session, by)))


def about_confidential(by: Actor) -> ColumnElement[bool]:
    """SQL condition for decisions about messages that are confidential to the actor, or may have been before their deletion."""
    items = select(literal(1)).select_from(DecisionItem).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
    away = items.where(col(DecisionItem.decision_id) == col(Decision.id), away_from(by)).correlate(Decision).exists()
    return or_(away, may_hide_confidential(by))


def may_hide_confidential(by: Actor) -> ColumnElement[bool]:
    """SQL condition for decisions with deleted messages, where any folder is confidential to this actor: they may have been in it."""
    left = select(func.count()).where(col(DecisionItem.decision_id) == col(Decision.id)).correlate(Decision).scalar_subquery()
    closed = or_(names_closed("department", by).exists(), names_closed("person", by).exists())
    return and_(closed, left < col(Decision.count))


FOLDERS = select(col(ConfidentialFolder.kind), col(ConfidentialFolder.name)).where(col(ConfidentialFolder.login) == NOBODY)


def list_confidential(session: Session) -> frozenset[str]:
    """Lists the confidential folders, in the form of scopes."""
    return frozenset(f"{kind}:{name}" for kind, name in session.execute(FOLDERS))


def list_confidential_scopes(session: Session) -> frozenset[str]:
    """The same, and the people of the confidential departments."""
    return with_people(session, list_confidential(session), SEALED["department"])


def hides_person(session: Session, person: str) -> bool:
    """Whether this person is confidential to anybody, apart from their department."""
    return session.get(ConfidentialFolder, ("person", person, NOBODY)) is not None


def is_hidden(folders: Collection[str], department: str, person: str) -> bool:
    """Whether this person, or the department, is among the confidential folders. Then others do not learn who it was."""
    return f"department:{department}" in folders or f"person:{person}" in folders


def list_entries(session: Session) -> tuple[ConfidentialEntry, ...]:
    """All seals, by their folders."""
    found: dict[str, list[str]] = {}
    for kind, name, login in session.execute(
        select(col(ConfidentialFolder.kind), col(ConfidentialFolder.name), col(ConfidentialFolder.login))
    ):
        found.setdefault(f"{kind}:{name}", []).append(login)
    return tuple(ConfidentialEntry(folder, tuple(sorted(login for login in found[folder] if login))) for folder in sorted(found))


def equalise_confidential(session: Session, wanted: Iterable[ConfidentialEntry]) -> None:
    """Make the table hold exactly these seals."""
    wanted = tuple(wanted)
    if list_entries(session) == wanted:
        return
    session.execute(delete(ConfidentialFolder))
    rows = [
        {"kind": kind, "name": name, "login": login}
        for entry in wanted
        for kind, _, name in [entry.folder.partition(":")]
        for login in (NOBODY, *entry.staff)
    ]
    if rows:
        session.execute(insert(ConfidentialFolder), rows)
