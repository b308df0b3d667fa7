"""Mail that was here before there were campaigns is put into them, the oldest first, in slices that never hurt."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.message.summary import Summary, fingerprint_of
from triage.quarantine.campaigns import assign as campaigns
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.models.messages import Message

MARKER = "campaigns.caught-up"  # its number: the last delivery that was looked at; its text: whether that was all
DONE = "done"


def catch_up(session: Session, *, now: datetime, limit: int = 25) -> int:
    """Look at the next deliveries; how many, 0 when there are none left. Once it was through, it has nothing to do for ever."""
    marker = session.get(Marker, MARKER, with_for_update=True)
    if marker is None:
        marker = Marker(name=MARKER)
        session.add(marker)
    if marker.text == DONE:
        return 0
    columns = (col(Delivery.id), col(Delivery.message_id), col(Delivery.campaign_id), col(Delivery.direction), col(Delivery.erased_at))
    rows = session.execute(select(*columns).where(col(Delivery.id) > marker.number).order_by(col(Delivery.id)).limit(limit)).all()
    late = {row.message_id for row in rows if row.campaign_id is None and row.direction == "in" and row.erased_at is None}
    for message_id in sorted(late):
        sort_message(session, message_id, now=now)
    if rows:
        marker.number = rows[-1].id
    else:
        marker.text = DONE
    return len(rows)


def sort_message(session: Session, message_id: int, *, now: datetime) -> None:
    """Put one message into its campaign; one whose record is damaged has none."""
    record, text = session.execute(select(col(Message.record), col(Message.text)).where(col(Message.id) == message_id)).one()
    fingerprint = None if record.fault else fingerprint_of(Summary.from_json(record.summary | {"text": text}))
    campaign_id = campaigns.assign_campaign(session, fingerprint, now=now)
    if campaign_id is not None:
        copies = select(col(Delivery.id)).where(col(Delivery.message_id) == message_id, col(Delivery.campaign_id).is_(None))
        campaigns.move_deliveries(session, db.is_among(session, col(Delivery.id), session.scalars(copies)), campaign_id=campaign_id)
