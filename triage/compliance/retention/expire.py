"""The time runs out: held messages expire, and content whose copies are all final is erased. In slices that never hurt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, delete, func, or_, select, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import sender_notices
from triage.delivery.journal import JOURNAL
from triage.delivery.recall import related_messages
from triage.ids import first_id_at
from triage.quarantine.campaigns import assign as campaigns, traits
from triage.quarantine.search import expiry, legal_hold, message_words
from triage.store import bodies, ledger
from triage.store.db import due_window, is_among
from triage.store.delivery_state import FINAL, Event, State
from triage.store.models.assignments import Comment, Snooze
from triage.store.models.campaigns import MessageTrait
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Content, Message, MessageWords
from triage.store.queue.grouping import in_states

BY = Actor.system("retention")
WINDOW = 2_000  # contents that are looked at in one go
SLICE = 200  # contents that are erased in one go


@dataclass(frozen=True, slots=True)
class Expiring:
    """Held messages of one folder that expires soon."""

    department: str
    person: str  # uid; "" is the department's shared folder
    messages: int
    soonest: datetime


def list_expiring(session: Session, *, by: Actor, settings: Settings, now: datetime) -> list[Expiring]:
    """Lists the messages that expire within a day unless somebody decides, folder by folder in the actor's scope."""
    days = settings.retention.held_days
    soon = and_(
        expiry.expired_condition(now + expiry.SOON, expiry.expiry_terms(settings)),
        ~legal_hold.on_legal_hold(session),
        access.countable_deliveries(by),
    )
    rows = session.execute(
        select(col(Delivery.department), col(Delivery.person), func.count(), func.min(expiry.time_start(), type_=Instant))
        .outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id))
        .where(soon)
        .group_by(col(Delivery.department), col(Delivery.person))
        .order_by(col(Delivery.department), col(Delivery.person))
    )
    return [Expiring(department, person, messages, begun + timedelta(days=days)) for department, person, messages, begun in rows]


def count_overdue(session: Session, *, settings: Settings, then: datetime) -> tuple[int, int]:
    """Counts what is overdue: held messages to expire, contents to erase. None, where `mailroom upkeep` runs."""
    held = select(func.count()).where(expiry.expired_condition(then, expiry.expiry_terms(settings)), ~legal_hold.on_legal_hold(session))
    kept = select(func.count()).select_from(erasable_contents(session, settings, then).order_by(None).subquery())
    return session.scalar(held) or 0, session.scalar(kept) or 0


def count_unseen(session: Session, *, settings: Settings, now: datetime) -> int:
    """Counts held messages that are past their time and cannot expire, because their recipients were never told of them."""
    terms = expiry.expiry_terms(settings)
    if terms.unseen:
        return 0
    held = select(func.count()).where(expiry.unseen_condition(now, terms), ~legal_hold.on_legal_hold(session))
    return session.scalar(held) or 0


def expire_messages(session: Session, *, settings: Settings, now: datetime, limit: int = 500) -> int:
    """Expire mail held for `retention.held_days` since it was entered, or since somebody restored it; how many, at most `limit`.

    What its recipient was never told of stays held, unless `retention.expire_unseen` says otherwise.
    """
    legal_hold.take_turn(session)
    over = (expiry.expired_condition(now, expiry.expiry_terms(settings)), ~legal_hold.on_legal_hold(session))
    ids = list(session.scalars(select(col(Delivery.id)).where(*over).order_by(col(Delivery.received_at)).limit(limit)))
    if not ids:
        return 0
    expired = [one for one, _ in ledger.record_many(session, is_among(session, col(Delivery.id), ids), Event.EXPIRE, by=BY, now=now)]
    sender_notices.notify_expired(session, expired, settings=settings, now=now)
    return len(expired)


def due_contents(session: Session, *, settings: Settings, now: datetime, after: int = 0, limit: int = WINDOW) -> tuple[list[int], int]:
    """Returns which of the next contents are due for erasure, and the last one that was looked at; 0: these were all.

    Looking is apart from erasing, since nearly all that is kept is still needed: it takes long, and nobody waits for it.
    """
    return due_window(session, col(Content.id), old_enough(settings, now), erasable_contents(session, settings, now), after, limit)


def erase_contents(session: Session, found: Sequence[int], *, settings: Settings, now: datetime) -> int:
    """Erase the bytes of those of these contents whose every delivery has been final long enough; the records stay. How many that were."""
    legal_hold.take_turn(session)
    bodies.lock_bodies(session, found)
    ids = list(session.scalars(erasable_contents(session, settings, now).where(is_among(session, col(Content.id), found))))
    if not ids:
        return 0
    session.execute(update(Content).where(is_among(session, col(Content.id), ids)).values(zstd=None, erased_at=now))
    of_these = select(col(Message.id)).where(is_among(session, col(Message.content_id), ids))
    session.execute(update(Message).where(is_among(session, col(Message.content_id), ids)).values(text=""))
    session.execute(update(Delivery).where(col(Delivery.message_id).in_(of_these)).values(erased_at=now))
    campaigns.forget_messages(session, of_these)
    traits.forget_traits(session, col(MessageTrait.message_id).in_(of_these))
    message_words.erase_words(session, col(MessageWords.message_id).in_(of_these))
    deliveries = select(col(Delivery.id)).where(col(Delivery.message_id).in_(of_these))
    session.execute(update(Recalled).where(col(Recalled.delivery_id).in_(deliveries)).values(head=None))
    for about in (Comment, Snooze):
        session.execute(delete(about).where(col(about.delivery_id).in_(deliveries)))
    related_messages.forget_related(session, session.scalars(deliveries))
    ledger.write_act(session, "erase", "contents", by=BY, now=now, items=len(ids))
    return len(ids)


def forget_recalled_copies(session: Session, *, settings: Settings, now: datetime, limit: int = 200) -> int:
    """Erase the copies that were taken out of mailboxes and can be put back no longer; how many, at most `limit`."""
    legal_hold.take_turn(session)
    gone = now - timedelta(days=settings.retention.purged_days)
    over = (
        select(col(Recalled.id))
        .join(Delivery, col(Delivery.id) == col(Recalled.delivery_id))
        .where(col(Recalled.head).is_not(None), in_states((State.PURGED, State.DELIVERED)), col(Delivery.settled_at) < gone)
        .where(~legal_hold.on_legal_hold(session))
        .limit(limit)
    )
    ids = list(session.scalars(over))
    if ids:
        session.execute(update(Recalled).where(is_among(session, col(Recalled.id), ids)).values(head=None))
        ledger.write_act(session, "erase", "recalled copies", by=BY, now=now, items=len(ids))
    return len(ids)


def old_enough(settings: Settings, now: datetime) -> Select[int]:
    """Contents that came so long ago that the shortest time may be over for them, and that are still there."""
    shortest = min(
        settings.retention.purged_days, settings.retention.released_days, settings.retention.notice_days, settings.outbound.keep_days
    )
    return select(col(Content.id)).where(col(Content.id) < first_id_at(now - timedelta(days=shortest)), col(Content.zstd).is_not(None))


def erasable_contents(session: Session, settings: Settings, now: datetime) -> Select[int]:
    """Contents none of whose deliveries is still needed, or legally held."""
    gone = now - timedelta(days=settings.retention.purged_days)
    sent = now - timedelta(days=settings.retention.released_days)
    told = now - timedelta(days=settings.retention.notice_days)
    passed = now - timedelta(days=settings.outbound.keep_days)
    archived = now - timedelta(days=settings.journal.keep_days)
    over = or_(
        and_(col(Delivery.direction) == JOURNAL, col(Delivery.state) == State.DELIVERED),  # it has no content of its own
        and_(col(Delivery.direction) == JOURNAL, col(Delivery.state).in_(FINAL), col(Delivery.settled_at) < archived),
        and_(col(Delivery.direction).in_(["outbound", "report"]), col(Delivery.state).in_(FINAL), col(Delivery.settled_at) < passed),
        and_(col(Delivery.direction) == "notice", col(Delivery.state).in_(FINAL), col(Delivery.settled_at) < told),
        and_(col(Delivery.state) == State.DELIVERED, col(Delivery.settled_at) < sent),
        and_(
            col(Delivery.direction) != JOURNAL,
            col(Delivery.state).in_([state for state in FINAL if state is not State.DELIVERED]),
            col(Delivery.settled_at) < gone,
        ),
    )
    needed = (
        select(col(Delivery.id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(col(Message.content_id) == col(Content.id), or_(~over, legal_hold.on_legal_hold(session)))
    )
    return old_enough(settings, now).where(~needed.exists()).order_by(col(Content.id))
