"""The time runs out: held mail expires, and content whose copies are all final is erased. In slices that never hurt."""

from datetime import datetime, timedelta

from sqlalchemy import Select, and_, or_, select, update
from sqlmodel import Session, col

from triage import campaigns, ledger, related
from triage.actor import Actor
from triage.db import among
from triage.ids import first_id_at
from triage.models import Content, Decision, Delivery, Message, Recalled
from triage.settings import Settings
from triage.states import FINAL, Event, State

BY = Actor.system("retention")


def expire(session: Session, *, settings: Settings, now: datetime, limit: int = 500) -> int:
    """Expire mail held for `retention.held_days` since it came in, or since somebody restored it; how many, at most `limit`."""
    old = now - timedelta(days=settings.retention.held_days)
    decided_lately = select(col(Decision.id)).where(col(Decision.id) == col(Delivery.decision_id), col(Decision.at) >= old)
    held = (
        select(col(Delivery.id))
        .where(col(Delivery.state) == State.HELD, col(Delivery.received_at) < old, ~decided_lately.exists())
        .order_by(col(Delivery.received_at))
        .limit(limit)
    )
    ids = list(session.scalars(held))
    return len(ledger.record_many(session, among(session, col(Delivery.id), ids), Event.EXPIRE, by=BY, now=now)) if ids else 0


def erase(session: Session, *, settings: Settings, now: datetime, limit: int = 200) -> int:
    """Erase the bytes of messages whose every delivery has been final long enough; the records stay. How many contents."""
    found = list(session.scalars(erasable(settings, now).limit(limit)))
    if not found:
        return 0
    lock(session, found)
    ids = list(session.scalars(erasable(settings, now).where(among(session, col(Content.id), found))))
    if not ids:
        return 0
    session.execute(update(Content).where(among(session, col(Content.id), ids)).values(zstd=None, erased_at=now))
    of_these = select(col(Message.id)).where(among(session, col(Message.content_id), ids))
    session.execute(update(Message).where(among(session, col(Message.content_id), ids)).values(text=""))
    session.execute(update(Delivery).where(col(Delivery.message_id).in_(of_these)).values(erased_at=now))
    campaigns.forget(session, of_these)
    deliveries = select(col(Delivery.id)).where(col(Delivery.message_id).in_(of_these))
    session.execute(update(Recalled).where(col(Recalled.delivery_id).in_(deliveries)).values(head=None))
    related.forget(session, session.scalars(deliveries))
    ledger.write(session, "erase", "contents", by=BY, now=now, items=len(ids))
    return len(ids)


def forget(session: Session, *, settings: Settings, now: datetime, limit: int = 200) -> int:
    """Erase the copies that were taken out of mailboxes and can be put back no longer; how many, at most `limit`."""
    gone = now - timedelta(days=settings.retention.purged_days)
    over = (
        select(col(Recalled.id))
        .join(Delivery, col(Delivery.id) == col(Recalled.delivery_id))
        .where(col(Recalled.head).is_not(None), col(Delivery.state) == State.PURGED, col(Delivery.settled_at) < gone)
        .limit(limit)
    )
    ids = list(session.scalars(over))
    if ids:
        session.execute(update(Recalled).where(among(session, col(Recalled.id), ids)).values(head=None))
        ledger.write(session, "erase", "recalled copies", by=BY, now=now, items=len(ids))
    return len(ids)


def lock(session: Session, content_ids: list[int]) -> None:
    """Let nobody restore these or receive them again until they are erased; who comes later finds them erased."""
    contents = select(col(Content.id)).where(among(session, col(Content.id), content_ids)).order_by(col(Content.id))
    session.scalars(contents.with_for_update()).all()
    copies = (
        select(col(Delivery.id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(among(session, col(Message.content_id), content_ids))
        .order_by(col(Delivery.id))
    )
    session.scalars(copies.with_for_update(of=Delivery)).all()


def erasable(settings: Settings, now: datetime) -> Select[int]:
    """Contents none of whose deliveries is still needed."""
    gone = now - timedelta(days=settings.retention.purged_days)
    sent = now - timedelta(days=settings.retention.released_days)
    told = now - timedelta(days=settings.retention.notice_days)
    passed = now - timedelta(days=settings.outbound.keep_days)
    over = or_(
        and_(col(Delivery.direction).in_(["outbound", "report"]), col(Delivery.state).in_(FINAL), col(Delivery.settled_at) < passed),
        and_(col(Delivery.direction) == "notice", col(Delivery.state).in_(FINAL), col(Delivery.settled_at) < told),
        and_(col(Delivery.state) == State.DELIVERED, col(Delivery.settled_at) < sent),
        and_(col(Delivery.state).in_([state for state in FINAL if state is not State.DELIVERED]), col(Delivery.settled_at) < gone),
    )
    needed = (
        select(col(Delivery.id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(col(Message.content_id) == col(Content.id), ~over)
    )
    old_enough = col(Content.id) < first_id_at(max(gone, sent, told, passed))  # spares the walk over what came lately
    return select(col(Content.id)).where(old_enough, col(Content.zstd).is_not(None), ~needed.exists()).order_by(col(Content.id))
