"""Domains of known senders that send differently, as staff sees them: one entry a domain; renewing its proof for all rules, and undo."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import parse_or_none
from triage.errors import NotAllowedNow, NotFound
from triage.message.sender_proof import list_ways
from triage.policy.known_senders.domain_proofs import is_held_for
from triage.say import format_span, quote_text, say
from triage.store import confidential_rows, ledger
from triage.store.message_columns import has_signal
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import DomainProof

RECENT = timedelta(days=7)  # how long a renewed proof is listed, and can be undone
DIFFERS = "sends-differently"  # a signal
NEW, RENEWED, REFUSED = "new", "renewed", "refused"
MOST = 50  # domains that are listed
IS_REFUSED = and_(col(DomainProof.usual_at).is_(None), col(DomainProof.refused_at).is_not(None), col(DomainProof.by_shown) != "")
IS_OPEN = and_(col(DomainProof.usual_at).is_(None), or_(col(DomainProof.refused_at).is_(None), col(DomainProof.by_shown) == ""))


@dataclass(frozen=True, slots=True)
class ChangedProof:
    """A domain that sends differently, as far as the actor may see its messages."""

    domain: str
    state: str  # new, renewed, refused
    ways: tuple[str, ...]  # the new ones, as an act names them
    now: tuple[str, ...]  # the new ways, in words
    before: tuple[str, ...]  # the usual ones
    first_at: datetime
    last_at: datetime
    messages: int
    people: int  # whom they are for
    held: int  # deliveries that wait for a decision
    days: int  # with messages that were delivered
    renewed_at: datetime | None
    by_shown: str  # who renewed or refused it; "" for nobody, where days did


def list_changed(session: Session, *, by: Actor, now: datetime) -> list[ChangedProof]:
    """The domains whose proof is new, and those whose proof was renewed or refused within the last seven days, the newest first."""
    lately = or_(col(DomainProof.usual_at) > now - RECENT, and_(IS_REFUSED, col(DomainProof.refused_at) > now - RECENT))
    which = (col(DomainProof.was_new), or_(IS_OPEN, lately))
    newest = select(col(DomainProof.domain)).where(*which).group_by(col(DomainProof.domain))
    newest = newest.order_by(func.max(col(DomainProof.first_at)).desc(), col(DomainProof.domain)).limit(MOST)
    rows = session.scalars(select(DomainProof).where(*which, col(DomainProof.domain).in_(newest)).order_by(col(DomainProof.way))).all()
    found = (describe_changed(session, domain, some, by) for domain, some in by_domain(rows).items())
    return sorted((one for one in found if one), key=lambda one: one.first_at, reverse=True)


def by_domain(rows: Iterable[DomainProof]) -> dict[str, list[DomainProof]]:
    """Rows by their domain: of each the new ones, and only where there are none those that were decided."""
    found: dict[str, list[DomainProof]] = {}
    for row in rows:
        found.setdefault(row.domain, []).append(row)
    return {domain: [row for row in some if is_open(row)] or some for domain, some in found.items()}


def is_open(row: DomainProof) -> bool:
    """Whether nobody has decided about a new way; that its messages were removed decides nothing."""
    return row.usual_at is None and not (row.refused_at and row.by_shown)


def describe_changed(
    session: Session, domain: str, rows: Sequence[DomainProof], by: Actor, *, since: datetime | None = None
) -> ChangedProof | None:
    """Describes a domain whose ways of sending changed; None where the actor sees no message since
    `since`, or since the first of these ways."""
    which = and_(is_different(domain, since or min(row.first_at for row in rows)), access.real_deliveries(by))
    newest = func.max(col(Delivery.received_at), type_=Instant)
    counted = select(func.count(col(Delivery.message_id).distinct()), func.count(col(Delivery.person).distinct()), newest)
    messages, people, last_at = session.execute(counted.where(which)).one()
    if not messages:
        return None
    held = session.scalar(select(func.count()).select_from(Delivery).where(is_held_for(domain), access.real_deliveries(by))) or 0
    renewed_at = max((row.usual_at for row in rows if row.usual_at), default=None)
    return ChangedProof(
        domain,
        NEW if any(map(is_open, rows)) else RENEWED if renewed_at else REFUSED,
        tuple(row.way for row in rows),
        tuple(list_ways([row.way for row in rows])),
        tuple(list_ways(usual_before(session, domain, rows))),
        min(row.first_at for row in rows),
        last_at,
        messages,
        people,
        held,
        max(row.days for row in rows),
        renewed_at,
        next((row.by_shown for row in rows if row.by_shown), ""),
    )


def usual_before(session: Session, domain: str, rows: Sequence[DomainProof]) -> list[str]:
    """The ways of a domain that were usual before these."""
    usual = (col(DomainProof.domain) == domain, col(DomainProof.usual_at).is_not(None))
    ways = session.scalars(select(col(DomainProof.way)).where(*usual).order_by(col(DomainProof.way)))
    return [way for way in ways if way not in {row.way for row in rows}]


def is_different(domain: Any, since: Any) -> ColumnElement[bool]:
    """SQL condition for deliveries of a domain that came with a new proof since an instant, values or columns, outside confidential
    folders."""
    theirs = and_(col(Delivery.author_domain) == domain, col(Delivery.received_at) >= since, ~confidential_rows.is_confidential())
    marked = has_signal(DIFFERS)
    return and_(theirs, exists().where(col(Message.id) == col(Delivery.message_id), marked).correlate(Delivery))


def renew_proof(session: Session, domain: str, ways: Collection[str], *, by: Actor, reason: str, now: datetime) -> ChangedProof:
    """Make these new ways of a domain usual, for all rules and contacts. What is held stays held: it has other warnings.

    NotFound, or NotAllowedNow where somebody was faster, or another way has come since. For whoever may make rules for the whole company.
    """
    rows = take_rows(session, domain, by)
    new = take_new(rows, ways, now)
    for row in new:
        row.usual_at, row.by_shown, row.refused_at = now, by.shown, None
    return settle(session, rows, new, "renew-proof", by=by, reason=reason, now=now)


def refuse_proof(session: Session, domain: str, ways: Collection[str], *, by: Actor, reason: str, now: datetime) -> ChangedProof:
    """Say of these new ways that they are not the domain's: they never become usual by themselves, and are held with any warning. Until
    somebody renews them. Errors as of `renew_proof`."""
    rows = take_rows(session, domain, by)
    new = [row for row in take_new(rows, ways, now) if is_open(row)]
    if not new:
        raise NotAllowedNow(why_not_now(rows, now))
    for row in new:
        row.refused_at, row.by_shown = now, by.shown
    return settle(session, rows, new, "refuse-proof", by=by, reason=reason, now=now)


def take_new(rows: Sequence[DomainProof], ways: Collection[str], now: datetime) -> list[DomainProof]:
    """The rows of these ways. NotAllowedNow where they are not all that is new, or nothing is."""
    new = [row for row in rows if row.usual_at is None]
    if not new:
        raise NotAllowedNow(why_not_now(rows, now))
    meant = [row for row in new if row.way in ways]
    if len(meant) != len(set(ways)) or any(is_open(row) for row in new if row.way not in ways):
        raise NotAllowedNow(say("its new ways have changed since you looked: review them again, then decide"))
    return meant


def undo_renewal(session: Session, domain: str, *, by: Actor, reason: str, now: datetime) -> ChangedProof:
    """Undo a renewal of the last seven days; its days begin again. Errors as of `renew_proof`."""
    rows = take_rows(session, domain, by)
    renewed = [row for row in rows if row.usual_at is not None and row.usual_at > now - RECENT]
    if not renewed:
        raise NotAllowedNow(say("its proof was not renewed within the last {days} days", days=RECENT.days))
    for row in renewed:
        row.usual_at, row.by_shown, row.days, row.day, row.refused_at = None, "", 0, "", now
    return settle(session, rows, renewed, "undo-renew-proof", by=by, reason=reason, now=now)


def take_rows(session: Session, domain: str, by: Actor) -> list[DomainProof]:
    """The ways of a domain that came later, held until the transaction ends. NotFound where the actor sees none of its messages."""
    access.may_make_rule(session, by, "company")
    named = parse_or_none(f"postmaster@{domain}")
    which = (col(DomainProof.domain) == (named.domain if named else ""), col(DomainProof.was_new))
    rows = session.scalars(select(DomainProof).where(*which).with_for_update().execution_options(populate_existing=True)).all()
    if not rows or not describe_changed(session, rows[0].domain, rows, by):
        raise NotFound(say("no known sender of {domain} sends differently", domain=quote_text(domain)))
    return list(rows)


def why_not_now(rows: Sequence[DomainProof], now: datetime) -> str:
    """Says who renewed the proof before, or that it was renewed automatically."""
    row = max(rows, key=lambda one: one.usual_at or one.refused_at or one.first_at)
    if row.refused_at and row.by_shown:
        return say("Refused by {name} {ago}.", name=row.by_shown, ago=format_span(now - row.refused_at))
    if row.usual_at and row.by_shown:
        return say("Renewed by {name} {ago}.", name=row.by_shown, ago=format_span(now - row.usual_at))
    return say("Renewed by itself: its messages came on several days without warnings.")


def settle(
    session: Session,
    rows: Sequence[DomainProof],
    decided: Sequence[DomainProof],
    act: str,
    *,
    by: Actor,
    reason: str,
    now: datetime,
) -> ChangedProof:
    """Write down what was decided."""
    session.flush()
    detail = {"ways": [row.way for row in decided]} | ({"reason": reason} if reason else {})
    ledger.write_act(session, act, f"domain:{rows[0].domain}", by=by, now=now, detail=detail)
    found = describe_changed(session, rows[0].domain, decided, by, since=min(row.first_at for row in rows))
    assert found is not None  # take_rows has seen its messages
    return found


def count_new(session: Session) -> tuple[int, datetime | None]:
    """Counts domains that send differently, and returns since when the newest one does."""
    there = exists().where(is_different(col(DomainProof.domain), col(DomainProof.first_at))).correlate(DomainProof)
    new = and_(col(DomainProof.was_new), IS_OPEN, there)
    columns = (func.count(col(DomainProof.domain).distinct()), func.max(col(DomainProof.first_at), type_=Instant))
    number, newest = session.execute(select(*columns).where(new)).one()
    return number, newest
