"""Warns before a whole public mail provider is blocked or removed: anybody can have an address there."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.policy.contacts.sender_history import NOT_SWEPT
from triage.say import join_parts, say, say_count
from triage.store.delivery_state import RELEASED
from triage.store.models.deliveries import Delivery

DAYS = 30


def warn_about_provider(session: Session, domain: str, freemail: Collection[str], *, by: Actor, now: datetime) -> str:
    """Warns that a domain is a public mail provider, with how many people there wrote to us and how many of them had messages released,
    among messages that the actor may see; "" for other domains."""
    domain = domain.strip("@. ").casefold()
    named = [one for one in freemail if domain and (one == domain or one.endswith(f".{domain}"))]
    if not named:
        return ""
    lately = and_(col(Delivery.received_at) >= now - timedelta(days=DAYS), access.visible_deliveries(by))
    writers = func.count(col(Delivery.author).distinct())
    heard = writers.filter(col(Delivery.state).in_(RELEASED), NOT_SWEPT)
    people, accepted = session.execute(select(writers, heard).where(col(Delivery.author_domain).in_(named), lately)).one()
    return join_parts(
        " ",
        (say("{domain} is a public mail provider: anybody can have an address there.", domain=domain), *senders_there(people, accepted)),
    )


def senders_there(people: int, accepted: int) -> tuple[str, ...]:
    """Says how many people of a provider wrote to us lately, and for how many of them messages were released or passed."""
    if not people:
        return (say("Nobody there wrote to us in the last {days} days.", days=DAYS),)
    wrote = say_count(
        "{count} person there wrote to us in the last {days} days.",
        "{count} people there wrote to us in the last {days} days.",
        count=people,
        days=DAYS,
    )
    if not accepted:
        return (wrote, say("None of their messages were released or passed."))
    return (
        wrote,
        say_count(
            "Messages of {count} of them were released or passed.", "Messages of {count} of them were released or passed.", count=accepted
        ),
    )
