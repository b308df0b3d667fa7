"""Updates the proven sender of held messages when the list of free-mail providers changes, in short slices."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, literal, select, update
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.store import db, ledger
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.queue import dirty_counts
from triage.store.queue.grouping import HELD

MARKER = "providers"  # its text: of which list; its number: down to which delivery it has come, 0 when that was all
NEWEST = 2**62  # above every id


def catch_up(session: Session, *, settings: Settings, limit: int = 1000) -> int:
    """Look at the next older deliveries; how many, 0 when there are none left. The newest come first: those are decided about."""
    freemail = sorted(settings.policy.freemail_domains)
    wanted = hashlib.sha256(" ".join(freemail).encode()).hexdigest()[:16]
    marker = session.get(Marker, MARKER, with_for_update=True) or Marker(name=MARKER)
    session.add(marker)
    if marker.text != wanted:
        marker.text, marker.number = wanted, NEWEST
    ids = session.scalars(
        select(col(Delivery.id)).where(col(Delivery.id) < marker.number).order_by(col(Delivery.id).desc()).limit(limit)
    ).all()
    marker.number = ids[-1] if ids else 0
    correct_identity(session, ids, proven_as(freemail))
    return len(ids)


def correct_identity(session: Session, ids: Sequence[int], right: ColumnElement[str]) -> None:
    """Write it where it says something else."""
    wrong = and_(db.is_among(session, col(Delivery.id), ids), col(Delivery.proven_as).is_distinct_from(right))
    these = db.is_among(session, col(Delivery.id), [delivery_id for delivery_id, *_ in ledger.lock_deliveries(session, wrong)])
    session.execute(update(Delivery).where(these).values(proven_as=right), execution_options=db.UNSEEN)
    dirty_counts.touch_where(session, and_(these, HELD, col(Delivery.proof) != ""))


def proven_as(freemail: list[str]) -> ColumnElement[str]:
    """As `proof.proven_as` says."""
    address = col(Delivery.author_domain).in_(freemail)
    return case((col(Delivery.proof) == "", literal("")), (address, col(Delivery.author)), else_=col(Delivery.author_domain))
