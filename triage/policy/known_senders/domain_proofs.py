"""Proofs by which domains of known senders are verified: which are usual for each, and which are new and become usual after some days.

The proof belongs to the domain, whichever rules and contacts let its messages in. At a free-mail provider there is nothing to know.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, not_, or_, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.message.authentication import Authentication
from triage.message.mailing_lists import rewritten_author
from triage.message.sender_proof import SenderProof, awaited_ways, lasting_ways, proof_ways
from triage.message.signals.severity import Severity
from triage.message.summary import Summary
from triage.policy.backscatter import claims_ours
from triage.policy.contacts.sender_history import ACCEPTED
from triage.policy.decide import DIFFERENT
from triage.store import confidential_rows, db, ledger
from triage.store.db import OneOf
from triage.store.delivery_state import State
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import DomainProof

BY = Actor.system("domain-proofs")
EARLIER = 50  # messages of a domain that tell what was usual before anything was kept
DAY = timedelta(days=1)
MOST_WAYS = 20  # usual ones of a domain, and as many new ones
UNUSED = 30 * DAY  # after which a new way is forgotten
MOST_HELD = 20  # messages of a domain with any warning that are held for a new proof; further ones only where they look suspicious
TURNED_DOWN = (State.PURGED, State.REJECTED, State.RECALLING, State.EXPIRED)
READ = (
    col(DomainProof.domain),
    col(DomainProof.way),
    col(DomainProof.last_at),
    col(DomainProof.usual_at),
    col(DomainProof.held),
    col(DomainProof.refused_at),
)
KEPT = select(*READ).where(OneOf(col(DomainProof.domain), "domains"))


@dataclass(frozen=True, slots=True)
class StoredProofs:
    """Stored proofs of one domain."""

    usual: Mapping[str, datetime]  # and when each was seen last, to a day
    held: Mapping[str, int]  # messages of each new way
    refused: frozenset[str]  # new ways that staff refused


NOTHING_KEPT = StoredProofs({}, {}, frozenset())


class Came(NamedTuple):
    """A message of a known sender came in: delivered, or held because of its new proof."""

    proof: SenderProof
    is_held: bool
    is_warned: bool = False  # delivered all the same, as in Record only: such a day says nothing

    @property
    def is_news(self) -> bool:
        """Whether it tells more than is stored already."""
        proof = self.proof
        return proof.is_new or not proof.is_recorded or not proof.is_fresh or not proof.usual.issuperset(proof.confirmed)


def look_up_proofs(session: Session, domains: Collection[str]) -> dict[str, StoredProofs]:
    """Reads the stored proofs of these domains."""
    found: dict[str, list[Any]] = {}
    asked = sorted(set(domains) - {""})
    for row in session.execute(KEPT, {"domains": asked}) if asked else ():
        found.setdefault(row.domain, []).append(row)
    return {domain: keep_together(rows) for domain, rows in found.items()}


def keep_together(rows: Sequence[Any]) -> StoredProofs:
    """The rows of one domain as a value."""
    usual = {row.way: row.last_at for row in rows if row.usual_at is not None}
    new = [row for row in rows if row.usual_at is None]
    refused = frozenset(row.way for row in new if row.refused_at is not None)
    return StoredProofs(usual, {row.way: row.held for row in new}, refused)


def compare_proof(
    session: Session,
    kept: Mapping[str, StoredProofs],
    envelope: Envelope,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
) -> SenderProof | None:
    """Returns how a message of a known sender proves its domain, beside what is usual. None where the message says nothing about that."""
    domain = compared_domain(summary.author, settings)
    is_its_own = summary.author == authentication.author and not envelope.normalised and not rewritten_author(summary)
    ways = proof_ways(authentication, envelope.client) if domain and is_its_own else ()
    if not ways:
        return None
    known = kept.get(domain, NOTHING_KEPT)
    usual = frozenset(known.usual) or earlier_ways(session, is_accepted_from(domain)) - known.refused
    is_fresh = all(known.usual.get(way, now) > now - DAY for way in ways)
    held = max(known.held.get(way, 0) for way in ways)
    is_refused = not known.refused.isdisjoint(ways)
    return SenderProof(domain, ways, usual, awaited_ways(authentication), bool(known.usual), is_fresh, held, is_refused)


def is_warned(proof: SenderProof, severity: Severity) -> bool:
    """Whether a message is held for how it looks beside its new proof. Where many are held already, only what looks suspicious is, unless
    staff refused that proof."""
    is_any = proof.is_refused or proof.held < MOST_HELD
    return proof.is_new and severity >= (Severity.UNCLEAR if is_any else Severity.SUSPICIOUS)


def compared_domain(author: str, settings: Settings) -> str:
    """The domain whose proof is compared, "" for providers where everybody is on their own, for our own domains, and where that is off."""
    domain = author.rpartition("@")[2]
    is_left_out = domain in settings.policy.freemail_domains or claims_ours(domain, settings.own_domains)
    return "" if is_left_out or not settings.policy.renew_proof_days else domain


def is_accepted_from(domain: str) -> ColumnElement[bool]:
    """SQL condition for deliveries from a domain that show which proofs are usual."""
    return and_(col(Delivery.author_domain) == domain, ACCEPTED)


def earlier_ways(session: Session, which: ColumnElement[bool]) -> frozenset[str]:
    """Returns the proofs of the last proven deliveries among these, outside confidential folders."""
    rows = session.execute(
        select(col(Message.record))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(which, col(Delivery.proof) != "", not_(confidential_rows.is_confidential()))
        .order_by(col(Delivery.received_at).desc())
        .limit(EARLIER)
    )
    read = ((Authentication.from_json(record.authentication), record.envelope.get("client", "")) for (record,) in skip_damaged(rows))
    return frozenset(way for found, client in read for way in lasting_ways(proof_ways(found, client), awaited_ways(found)))


def record_proofs(session: Session, came: Collection[Came], *, settings: Settings, now: datetime) -> None:
    """Messages of known senders came in. A domain of which nothing was known begins with what is usual for it; a new proof that is
    delivered on `renew_proof_days` days becomes usual, unless messages of it are held."""
    for one in sorted(came, key=lambda each: (each.proof.domain, each.proof.ways)):
        proof = one.proof
        if proof.is_new:
            add_ways(session, proof.domain, proof.ways, now, is_new=True)
            count_new(session, one, now)
            limit_ways(session, proof.domain, col(DomainProof.usual_at).is_(None))
        elif one.is_news:
            add_ways(session, proof.domain, proof.confirmed, now)
            session.execute(update(DomainProof).where(is_one_of(proof.domain, proof.ways)).values(last_at=now))
            limit_ways(session, proof.domain, col(DomainProof.usual_at).is_not(None))
    renew_lasting(session, {one.proof.domain for one in came if one.proof.is_new}, settings.policy.renew_proof_days, now)


def add_ways(session: Session, domain: str, ways: Iterable[str], now: datetime, *, is_new: bool = False) -> None:
    """Keep these ways of a domain that are not kept yet."""
    more = {"first_at": now, "last_at": now, "usual_at": None if is_new else now, "was_new": is_new}
    rest = {"by_shown": "", "days": 0, "day": "", "held": 0, "refused_at": None}
    db.insert_missing(session, DomainProof, [{"domain": domain, "way": way} | more | rest for way in sorted(ways)])


def limit_ways(session: Session, domain: str, which: ColumnElement[bool]) -> None:
    """Forget those of the domain's ways that were not used for longest where there are very many. What staff refused stays."""
    mine = and_(col(DomainProof.domain) == domain, col(DomainProof.refused_at).is_(None), which)
    rest = select(col(DomainProof.way)).where(mine).order_by(col(DomainProof.last_at).desc(), col(DomainProof.way)).offset(MOST_WAYS)
    if old := session.scalars(rest).all():
        session.execute(delete(DomainProof).where(is_one_of(domain, old)))


def is_one_of(domain: str, ways: Iterable[str]) -> ColumnElement[bool]:
    """SQL condition for rows about these proofs of a domain."""
    return and_(col(DomainProof.domain) == domain, col(DomainProof.way).in_(sorted(ways)))


def count_new(session: Session, one: Came, now: datetime) -> None:
    """A message with a new proof was held, or delivered: the latter counts once a day."""
    mine, today = and_(is_one_of(one.proof.domain, one.proof.ways), col(DomainProof.usual_at).is_(None)), f"{now:%Y-%m-%d}"
    if one.is_held:
        session.execute(update(DomainProof).where(mine).values(held=col(DomainProof.held) + 1, last_at=now))
        return
    if one.is_warned:
        session.execute(update(DomainProof).where(mine).values(last_at=now))
        return
    another = update(DomainProof).where(mine, col(DomainProof.day) != today)
    session.execute(another.values(days=col(DomainProof.days) + 1, day=today, last_at=now))


def renew_lasting(session: Session, domains: Collection[str], days: int, now: datetime) -> None:
    """Makes new proofs usual that were delivered on so many days, unless a message with a new proof of that domain is still held."""
    if not domains:
        return
    new = and_(col(DomainProof.usual_at).is_(None), col(DomainProof.refused_at).is_(None))
    lasting = and_(new, col(DomainProof.days) >= days, col(DomainProof.first_at) <= now - days * DAY)
    waits = exists().where(is_held_for(col(DomainProof.domain)))
    of_these = col(DomainProof.domain).in_(sorted(domains))
    renewed = (
        update(DomainProof).where(lasting, of_these, ~waits).values(usual_at=now).returning(col(DomainProof.domain), col(DomainProof.way))
    )
    found = session.execute(renewed, execution_options={"synchronize_session": False}).all()
    acts = [("renew-proof", f"domain:{domain}", {"ways": [way], "days": days}) for domain, way in sorted(found)]
    ledger.write_all(session, acts, by=BY, now=now)


def is_held_for(domain: Any) -> ColumnElement[bool]:
    """SQL condition for deliveries of a domain (a name or a column) that are held because of a new proof."""
    return and_(col(Delivery.author_domain) == domain, col(Delivery.rule) == DIFFERENT, col(Delivery.state) == State.HELD)


def refuse_ways(session: Session, ids: Collection[int], now: datetime) -> None:
    """Staff removed or rejected these deliveries: new ways in which they were proven no longer become usual by themselves.

    A damaged record does not say which way it was: then no new way of the domain becomes usual by itself.
    """
    new = and_(col(DomainProof.usual_at).is_(None), col(DomainProof.refused_at).is_(None))
    rows = session.execute(
        select(col(Delivery.author_domain), col(Message.record))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(db.is_among(session, col(Delivery.id), ids), exists().where(col(DomainProof.domain) == col(Delivery.author_domain), new))
    )
    refused: dict[str, set[str]] = {}
    unknown: set[str] = set()
    for domain, record in rows:
        if record.fault:
            unknown.add(domain)
            continue
        found, client = Authentication.from_json(record.authentication), record.envelope.get("client", "")
        refused.setdefault(domain, set()).update(proof_ways(found, client))
    for domain in sorted(refused.keys() | unknown):
        meant = col(DomainProof.domain) == domain if domain in unknown else is_one_of(domain, refused[domain])
        session.execute(update(DomainProof).where(meant, new).values(refused_at=now))


def begin_with_rule(session: Session, match: str, value: str, *, settings: Settings, now: datetime, decision_id: int | None = None) -> None:
    """Takes the proof of messages that staff allow as usual, where nothing is known of the domain yet. Counts the messages of the
    decision, or, for a rule without a decision, all of the sender's that staff did not turn down."""
    domain = compared_domain(value if match == "address" else f"@{value}", settings)
    if not domain or match not in ("address", "domain") or look_up_proofs(session, [domain]):
        return
    theirs = col(Delivery.author) == value if match == "address" else col(Delivery.author_domain) == domain
    meant = col(Delivery.state).not_in(TURNED_DOWN) if decision_id is None else col(Delivery.decision_id) == decision_id
    add_ways(session, domain, earlier_ways(session, and_(theirs, meant)), now)


def forget_unused(session: Session, domain: str) -> None:
    """Forget how a domain is proven of whose messages none is left: it may have been one person's."""
    there = exists().where(col(Delivery.author_domain) == domain)
    session.execute(delete(DomainProof).where(col(DomainProof.domain) == domain, ~there), execution_options={"synchronize_session": False})


def forget_proofs(session: Session, *, settings: Settings, now: datetime) -> int:
    """Forget ways that no message used for as long as contacts are kept; how many."""
    old = col(DomainProof.last_at) < now - timedelta(days=settings.outbound.lapse_days)
    unused = and_(col(DomainProof.usual_at).is_(None), col(DomainProof.refused_at).is_(None), col(DomainProof.last_at) < now - UNUSED)
    return len(session.scalars(delete(DomainProof).where(or_(old, unused)).returning(col(DomainProof.way))).all())
