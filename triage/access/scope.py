"""Whether this actor may do this to these deliveries. The scope is a SQL condition, so that no row outside it is ever read."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, false, literal, not_, or_, select, true, union_all
from sqlmodel import Session, col

from triage.access import confidential_folders
from triage.actor import Actor, Grant, Right, Role, Scope
from triage.errors import NotAllowed
from triage.say import list_with_or, say
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.staff import StaffMember
from triage.store.queue.grouping import KNOWN, SHOWN

REMEMBERED = 256  # actors whose conditions are not made again for each question: making one takes as long as asking
ScopeNames = Mapping[str, str]  # scope of a rule -> name of its department or person
NO_NAMES: ScopeNames = MappingProxyType({})
DECIDING = frozenset({Role.TRIAGE, Role.ADMIN})


@lru_cache(REMEMBERED)
def visible_deliveries(by: Actor) -> ColumnElement[bool]:
    """SQL condition for deliveries that this actor may decide about. Outgoing messages, bounces and notices are not in the queue.

    Known messages are, which look like all others: what counts or learns asks for `real_deliveries`.
    """
    return and_(SHOWN, within_scope(by))


@lru_cache(REMEMBERED)
def real_deliveries(by: Actor) -> ColumnElement[bool]:
    """SQL condition for the same without known messages: for reports, and for what acts by itself."""
    return and_(col(Delivery.direction) == "in", within_scope(by))


def readable_deliveries(by: Actor) -> ColumnElement[bool]:
    """SQL condition for deliveries that this actor may read: those they may decide about, simulations, bounces, and notices to senders.

    The shell on the machine itself reads every kind.
    """
    if by.kind == "shell":
        return within_scope(by)
    return and_(col(Delivery.direction).in_(["in", KNOWN, "simulation", "bounce", "notice"]), within_scope(by))


def sent_by(by: Actor) -> ColumnElement[bool]:
    """SQL condition for deliveries that this actor may see in the outgoing list: those they may read, and for administrators of the
    whole company also employees' own messages and notices about them. Nobody reads those."""
    if by.role is Role.ADMIN and by.scope.company:
        return within_scope(by)
    return readable_deliveries(by)


def within_scope(by: Actor, table: Any = Delivery) -> ColumnElement[bool]:
    """The actor's scope, without what is confidential to them: of the deliveries, or of another table that tells of folders."""
    return (
        and_(directory_scope(by, table), not_(confidential_folders.away_from(by, table)))
        if by.kind in confidential_folders.PEOPLE
        else directory_scope(by, table)
    )


def countable_deliveries(by: Actor) -> ColumnElement[bool]:
    """SQL condition for deliveries that this actor may count, folder by folder: confidential ones too, of which they see nothing else."""
    return and_(col(Delivery.direction) == "in", directory_scope(by))


def beyond_scope(by: Actor) -> ColumnElement[bool]:
    """SQL condition for deliveries outside the actor's scope. Without confidential ones: a number about a sender would reveal them."""
    return and_(col(Delivery.direction) == "in", not_(directory_scope(by)), not_(confidential_folders.away_from(by)))


def directory_scope(by: Actor, table: Any = Delivery) -> ColumnElement[bool]:
    """The actor's scope as the directory gives it, whatever is confidential in it."""
    scope = by.scope
    if scope.company:
        return true()
    allowed = []
    if scope.departments:
        allowed.append(col(table.department).in_(sorted(scope.departments)))
    if scope.persons:
        allowed.append(col(table.person).in_(sorted(scope.persons)))
    return or_(*allowed) if allowed else false()


def require_role(by: Actor, *roles: Role) -> None:
    """NotAllowed unless the actor has one of these roles."""
    if by.role not in roles:
        raise NotAllowed(say("this needs the role {names}; yours is {role}", names=list_with_or(roles), role=by.role))


def over_everything(by: Actor, *roles: Role) -> None:
    """NotAllowed unless the actor has one of these roles for the whole company."""
    require_role(by, *roles)
    if not by.scope.company:
        raise NotAllowed(say("this is about the whole company; your scope is {yours}", yours=scope_shown(by)))


def scope_shown(by: Actor) -> str:
    """The actor's scope as it is written in settings and commands."""
    return ", ".join(by.scope.words()) or say("empty")


def scope_names(session: Session, scopes: Iterable[str]) -> ScopeNames:
    """Returns the names of the departments and people in these scopes of rules, without those that the directory no longer has."""
    parts = [scope.partition(":") for scope in set(scopes)]
    codes, uids = ([name for kind, _, name in parts if kind == wanted] for wanted in ("department", "person"))
    departments = select(literal("department:") + col(Department.code), col(Department.name)).where(col(Department.code).in_(codes))
    people = select(literal("person:") + col(Person.uid), col(Person.name)).where(col(Person.uid).in_(uids))
    return dict(session.execute(union_all(departments, people)).all()) if codes or uids else NO_NAMES


def describe_scope(scope: str, names: ScopeNames = NO_NAMES) -> str:
    """The scope of a rule, "company", "department:CODE" or "person:UID", for a person to read; `names` are those of `scope_names`."""
    kind, _, code = scope.partition(":")
    name = names.get(scope, code)
    if kind == "company":
        return say("the whole company")
    return say("the department {name}", name=name) if kind == "department" else name


def may_see_viewers(by: Actor) -> bool:
    """Whether the actor may see who viewed messages: an auditor, a data protection officer, or who is at the machine's own keyboard."""
    return by.role is Role.AUDITOR or Right.DATA_PROTECTION in by.rights


def may_see_hunts(by: Actor) -> bool:
    """Whether the actor may know of hunts in mailboxes: who has the right, and auditors, of the whole company."""
    return by.scope.company and (Right.HUNT in by.rights or by.role is Role.AUDITOR)


def is_administrator_over(by: Actor, member: StaffMember) -> bool:
    """Whether the actor is an administrator whose scope covers that of this member of staff."""
    return by.role is Role.ADMIN and by.scope.covers(Scope.parse(tuple(member.scope)))


def require_grant(by: Actor, grant: Grant) -> None:
    """NotAllowed for a token that was not made for this."""
    if by.grants is not None and grant not in by.grants:
        raise NotAllowed(
            say("this needs a token with the scope {grant}; yours has {names}", grant=grant, names=", ".join(sorted(by.grants)))
        )


def may_decide(by: Actor) -> None:
    """NotAllowed for those who only look."""
    require_role(by, *sorted(DECIDING))
    require_grant(by, Grant.DECIDE)


def may_see_outgoing(by: Actor) -> None:
    """NotAllowed unless the actor looks after employees' outgoing messages: administrators of the whole company, and who has the right."""
    require_grant(by, Grant.ADMIN)
    require_role(by, *sorted(DECIDING))
    if not looks_after_outgoing(by):
        raise NotAllowed(say("this needs the right {right}, or an administrator of the whole company", right=Right.OUTGOING))


def looks_after_outgoing(by: Actor) -> bool:
    """Whether the actor looks after employees' outgoing messages."""
    return by.role in DECIDING and (Right.OUTGOING in by.rights or (by.role is Role.ADMIN and by.scope.company))


def may_decide_outgoing(by: Actor) -> None:
    """NotAllowed for those who may not decide about employees' outgoing messages."""
    may_see_outgoing(by)
    require_grant(by, Grant.DECIDE)


def may_make_rules(by: Actor) -> None:
    """NotAllowed for those who make no rules anywhere."""
    require_role(by, *sorted(DECIDING))
    require_grant(by, Grant.RULES)


def may_make_rule(session: Session, by: Actor, scope: str) -> None:
    """A rule may reach only as far as its maker's own scope, and into no confidential folder that they do not see into."""
    may_make_rules(by)
    scope = scope.casefold()  # as the rule will have it
    if scope in confidential_folders.closed_scopes(session, by):
        raise NotAllowed(say("{scope} is a confidential folder: only staff named for it create rules there", scope=scope))
    kind, _, name = scope.partition(":")
    if by.scope.company:
        return
    if (kind == "department" and name in by.scope.departments) or (kind == "person" and name in by.scope.persons):
        return
    raise NotAllowed(say("your scope is {yours}: you cannot create a rule for {scope}", yours=scope_shown(by), scope=scope))


def knows_rule(by: Actor, scope: str, closed: frozenset[str]) -> bool:
    """Whether the actor may know of a rule with this scope, because it reaches into theirs.

    `closed`: `confidential_folders.closed_scopes`.
    """
    return scope not in closed and (by.scope.company or scope in ("company", *by.scope.words()))


def knows_uses(by: Actor, scope: str) -> bool:
    """Whether the actor may know how a rule is used, and read its note. Where it reaches beyond their scope both tell of others' mail."""
    return by.scope.company or scope in by.scope.words()


def verbs_of(by: Actor) -> list[str]:
    """Returns the decisions that the console offers this actor."""
    may = by.role in DECIDING and (by.grants is None or Grant.DECIDE in by.grants)
    return ["release", "redirect", "purge", "reject", "restore", "hold"] if may else []


def scope_condition(scope: str) -> ColumnElement[bool]:
    """Mail for whom the rule is."""
    kind, _, name = scope.partition(":")
    return true() if kind == "company" else (col(Delivery.department) if kind == "department" else col(Delivery.person)) == name
