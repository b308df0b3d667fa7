"""What to know before all of a public mail provider is blocked or taken away: anybody can have an address there."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.store.delivery_state import RELEASED
from triage.store.models.deliveries import Delivery
from triage.text.numbers import format_count

DAYS = 30


def warn_about_provider(session: Session, domain: str, freemail: Collection[str], *, by: Actor, now: datetime) -> str:
    """How many people write to us from there, and whose mail came in, of the mail that the actor may see; "" for other domains."""
    domain = domain.strip("@. ").casefold()
    named = [one for one in freemail if domain and (one == domain or one.endswith(f".{domain}"))]
    if not named:
        return ""
    lately = and_(col(Delivery.received_at) >= now - timedelta(days=DAYS), access.visible_deliveries(by))
    writers = func.count(col(Delivery.author).distinct())
    heard = writers.filter(col(Delivery.state).in_(RELEASED))
    people, let_in = session.execute(select(writers, heard).where(col(Delivery.author_domain).in_(named), lately)).one()
    what = f"{domain} is a public mail provider: anybody can have an address there."
    if not people:
        return f"{what} Nobody there wrote to us in the last {DAYS} days."
    number = format_count(people, "person", "people")
    came_in = f"mail of {let_in:,} of them" if let_in else "none of their mail"
    return f"{what} {number} there wrote to us in the last {DAYS} days, and {came_in} came in."
