"""Audit log as an administrator or an auditor reads it: entries about messages confidential to them are listed without details."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, not_, select
from sqlmodel import Session, col

from triage import ids
from triage.access import confidential_folders, scope as access
from triage.actor import Actor, Role, Scope
from triage.compliance.audit import hash_chain, search_entries
from triage.directory import rename_records
from triage.directory.renames import ASIDE
from triage.quarantine import viewings
from triage.store import message_ids
from triage.store.db import is_among
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import FormerName
from triage.store.models.markers import Marker
from triage.store.models.rules import Rule

HIDDEN = {"sealed": True}  # stands in the place of what may not be told
WITHHELD = "withheld"  # in the place of who viewed a message, for those who may not know it
PLACES = ("from", "stands_in_for")  # details that tell who it was
ABOUT_SEVERAL = "deliveries"  # the subject of an act over many: nobody knows which ones, and a reply may name them


@dataclass(frozen=True, slots=True)
class OnRecord:
    """Entry of the audit log."""

    id: int
    at: datetime
    by: str
    act: str
    subject: str
    detail: dict[str, Any]
    items: int
    sequence: int | None  # None until it is chained


@dataclass(frozen=True, slots=True)
class Acts:
    """Page of the audit log, newest first; `following` is the id to continue from, None at the end.

    A filter that has no time to fill the page says how far it looked (`looked_back_to`); the next page begins there.
    """

    items: tuple[OnRecord, ...]
    following: tuple[int] | None
    looked_back_to: datetime | None = None


def list_entries(
    session: Session,
    *,
    by: Actor,
    limit: int = 50,
    before: int | None = None,
    who: str = "",
    act: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    words: str = "",
) -> Acts:
    """The record of all acts, newest first, for administrators and auditors of the whole company. `before` is an id.

    `who`: only of this actor (a login alone is a person), `act`: only such, `subject`: only about this. Who viewed messages is told to
    auditors and data protection officers: for others WITHHELD stands there, and `who` finds only what they viewed themselves. `subject` may
    be an id alone: then all that was done with that message. `words` occur in the act, the subject or the details; in no details where any
    folder is confidential to this actor.
    """
    require_auditor(by)
    span: list[ColumnElement[bool]] = []
    if subject:
        span.append(col(AuditRecord.subject).in_(subjects_of(session, subject)))
    if since:
        span.append(col(AuditRecord.id) >= ids.first_id_at(since))
    if until:
        span.append(col(AuditRecord.id) < ids.first_id_at(until))
    found = search_entries.find_entries(session, span, kinds_of(session, who, act, words.strip(), by), limit, before)
    kept_back = entries_to_withhold(session, found.entries, by)
    items = tuple(
        OnRecord(one.id, one.at, who_of(one, by), one.act, one.subject, detail_of(one, kept_back, by), one.items, one.sequence)
        for one in found.entries[:limit]
    )
    following = found.reached or (items[-1].id if len(found.entries) > limit else None)
    return Acts(items, (following,) if following else None, ids.made_at(found.reached) if found.reached else None)


def kinds_of(session: Session, who: str, act: str, words: str, by: Actor) -> list[ColumnElement[bool]]:
    """SQL conditions for which there is no index: who, which act, which text."""
    kinds: list[ColumnElement[bool]] = []
    if who:
        kinds.append(col(AuditRecord.by) == (who if ":" in who else str(Actor.person(who.casefold(), Role.TRIAGE, Scope()))))
        if not access.may_see_viewers(by):
            kinds.append(not_(viewings.of_others(by)))
    if act:
        kinds.append(col(AuditRecord.act) == act)
    if words:
        kinds.append(search_entries.has_words(session, words, by))
    return kinds


def subjects_of(session: Session, subject: str) -> list[str]:
    """The subjects that somebody asks about; an id alone names a message and its deliveries."""
    return message_ids.audit_subjects(session, ids.parse_id(subject)) if ids.is_like(subject) else [subject]


def chained_entries(session: Session, after: int, *, by: Actor) -> list[dict[str, Any]]:
    """The next acts of the chain as plain values, in its order; empty at its end. `after`: a sequence."""
    some = hash_chain.chained_after(session, after)
    kept_back = entries_to_withhold(session, some, by)
    return [one.model_dump(mode="json") | {"by": who_of(one, by), "detail": detail_of(one, kept_back, by)} for one in some]


def who_of(record: AuditRecord, by: Actor) -> str:
    """Returns who did an act, as far as this actor may know."""
    return WITHHELD if is_withheld(record, by) else record.by


def detail_of(record: AuditRecord, kept_back: set[int], by: Actor) -> dict[str, Any]:
    """Returns the details of an act, as far as this actor may know."""
    if record.id in kept_back:
        return HIDDEN
    return {name: value for name, value in record.detail.items() if not (name in PLACES and is_withheld(record, by))}


def is_withheld(record: AuditRecord, by: Actor) -> bool:
    """Whether a record says that somebody else viewed a message, and this actor may not know who."""
    return viewings.is_of_others(record, by) and not access.may_see_viewers(by)


def require_auditor(by: Actor) -> None:
    """NotAllowed for anybody but administrators and auditors of the whole company."""
    access.over_everything(by, Role.ADMIN, Role.AUDITOR)


def entries_to_withhold(session: Session, records: Sequence[AuditRecord], by: Actor) -> set[int]:
    """The entries whose details are about messages that are confidential to this actor."""
    closed = former_folders(session, confidential_folders.closed_scopes(session, by))
    if not closed:
        return set()
    about: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))  # kind -> id -> records
    several = set()
    for one in records:
        kind, colon, name = one.subject.partition(":")
        if one.subject == ABOUT_SEVERAL:
            several.add(one.id)
        elif colon and kind in FINDERS:
            about[kind][ids.parse_id(name)].append(one.id)
    hidden = {
        record_id for kind, subjects in about.items() for found in FINDERS[kind](session, subjects, by) for record_id in subjects[found]
    }
    return hidden | several | {one.id for one in records if not closed.isdisjoint(scopes_of(one))}


def former_folders(session: Session, closed: frozenset[str]) -> frozenset[str]:
    """Adds to these folders the former names of their people, because audit entries keep the name of their time.

    A former name may belong to another person today; an entry does not say which of them it means.
    """
    uids = {word.removeprefix("person:") for word in closed if word.startswith("person:")}
    had = (col(FormerName.kind) == rename_records.PERSON, is_among(session, col(FormerName.now), uids))
    aside = {uid.rpartition(ASIDE)[0] for uid in uids if ASIDE in uid}
    return closed.union(f"person:{name}" for name in aside.union(session.scalars(select(col(FormerName.name)).where(*had))))


def scopes_of(record: AuditRecord) -> Sequence[str]:
    """The folders that an entry names: the one of a rule or a legal hold, all of a token, the confidential ones of a note."""
    named = record.detail.get("scope", ())
    return (named,) if isinstance(named, str) else named


def withheld_deliveries(session: Session, subjects: Iterable[int], by: Actor) -> Iterable[int]:
    """The deliveries among these that are confidential to the actor, or forgotten: nobody knows any more whose they were."""
    some = set(subjects)
    told = select(col(Delivery.id)).where(is_among(session, col(Delivery.id), some), not_(confidential_folders.away_from(by)))
    return some.difference(session.scalars(told))


def withheld_messages(session: Session, subjects: Iterable[int], by: Actor) -> Iterable[int]:
    """The messages among these that have a delivery which is confidential to the actor, or are forgotten."""
    some = set(subjects)
    there = select(col(Delivery.message_id)).where(is_among(session, col(Delivery.message_id), some)).distinct()
    return some.difference(session.scalars(there)).union(session.scalars(there.where(confidential_folders.away_from(by))))


def withheld_decisions(session: Session, subjects: Iterable[int], by: Actor) -> Iterable[int]:
    """The decisions among these that are about a delivery which is confidential to the actor, or made a rule for such a folder."""
    some = set(subjects)
    made = select(col(Rule.decision_id)).where(
        is_among(session, col(Rule.decision_id), some), confidential_folders.closed_rules(session, by)
    )
    return about_confidential(session, some, by).union(session.scalars(made))


def about_confidential(session: Session, some: set[int], by: Actor) -> set[int]:
    """The decisions among these that are about confidential messages, or may have been, or were deleted themselves."""
    told = select(col(Decision.id)).where(is_among(session, col(Decision.id), some), not_(confidential_folders.about_confidential(by)))
    return some.difference(session.scalars(told))


def withheld_rules(session: Session, subjects: Iterable[int], by: Actor) -> Iterable[int]:
    """The rules among these that are for a folder which is confidential to the actor, or were made with a decision about
    confidential messages.
    """
    rows = session.execute(
        select(col(Rule.id), col(Rule.decision_id), confidential_folders.closed_rules(session, by)).where(
            is_among(session, col(Rule.id), subjects)
        )
    ).all()
    hidden = about_confidential(session, {decision for _, decision, _ in rows if decision is not None}, by)
    return [rule for rule, decision, closed in rows if closed or decision in hidden]


def withheld_approvals(session: Session, subjects: Iterable[int], by: Actor) -> Iterable[int]:
    """Yields pending approvals among these that are about messages or a folder confidential to the actor."""
    closed = confidential_folders.closed_scopes(session, by)
    for one in session.scalars(select(PendingAct).where(is_among(session, col(PendingAct.id), subjects))):
        rule = one.order if one.kind == "rule" else one.order.get("rule")
        if (rule and rule["scope"] in closed) or any(withheld_deliveries(session, [ids.parse_id(item) for item in one.items], by)):
            yield one.id


FINDERS = {
    "delivery": withheld_deliveries,
    "message": withheld_messages,
    "decision": withheld_decisions,
    "rule": withheld_rules,
    "approval": withheld_approvals,
    "second-key": withheld_approvals,  # its name in entries before 0.1.0
}


def number_of_acts(session: Session) -> int:
    """Counts acts that have changed something: grows with each, in whatever order their ids were made. Viewing changes nothing."""
    chained = select(func.coalesce(func.max(col(Marker.number)), 0)).where(col(Marker.name) == hash_chain.LOUD).scalar_subquery()
    waiting = (col(AuditRecord.sequence).is_(None), col(AuditRecord.act).not_in(hash_chain.QUIET))
    unsealed = select(func.count()).where(*waiting).select_from(AuditRecord).scalar_subquery()
    return session.scalar(select(chained + unsealed)) or 0
