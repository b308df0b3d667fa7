"""Listed senders in the company's own history: which of them were seen, proven by DMARC and signed by a listed domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlmodel import Session, col

from triage.addressing.open_platforms import platform_of
from triage.config.settings import Settings
from triage.message.authentication import Authentication, Result
from triage.policy.start_list.current_list import list_in_force
from triage.policy.start_list.list_file import ListedSender, StartList
from triage.policy.suggestions.candidates import WAITS, is_nobodys
from triage.policy.suggestions.superseded import had_messages_removed_of, recent_strangers, was_removed
from triage.store.db import is_among
from triage.store.delivery_state import RELEASED
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping

PASSING_STRANGERS = ("observe", "emergency", "out-of-hours")  # rules that deliver what nobody knows


@dataclass(frozen=True, slots=True)
class Sighting:
    """Messages of the last 90 days from an author's domain that a listed sender covers, all proven by DMARC."""

    domain: str  # of the authors
    listed: ListedSender
    messages: int
    time_limited: int
    would_pass: int  # were held as first contacts, or would have been
    people: int  # and departments, who got them
    removed: int  # by staff
    severity: int  # of the worst of them


def find_sightings(session: Session, current: StartList, now: datetime) -> list[Sighting]:
    """The sightings of all listed senders, by domain."""
    seen = session.scalars(select(col(Delivery.author_domain)).distinct())
    listed = {domain: one for domain in seen if (one := current.find(domain)) is not None}
    return [*count_messages(session, listed, now)]


def count_messages(session: Session, listed: Mapping[str, ListedSender], now: datetime) -> list[Sighting]:
    """Counts the proven messages of these domains."""

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    rows = session.execute(
        select(
            col(Delivery.author_domain),
            func.count(),
            number(col(Delivery.time_limited_until).is_not(None)),
            number(or_(col(Delivery.rule) == WAITS, col(Delivery.withheld) == WAITS)),
            func.count(func.distinct(Delivery.department + "/" + Delivery.person)),
            number(was_removed()),
            func.max(grouping.severity_column()),
        )
        .where(is_among(session, col(Delivery.author_domain), listed), proven_strangers(now))
        .group_by(col(Delivery.author_domain))
        .order_by(col(Delivery.author_domain))
    )
    return [Sighting(row[0], listed[row[0]], *row[1:]) for row in rows]


def proven_strangers(now: datetime) -> ColumnElement[bool]:
    """SQL condition for messages of the last 90 days that DMARC proves, outside confidential folders."""
    return and_(recent_strangers(now), col(Delivery.proof) == "dmarc")


def listed_code_sender(session: Session, authentication: Authentication, *, settings: Settings, now: datetime) -> str:
    """The listed domain whose time-limited messages pass at any hour; "" where this message is none of those.

    DMARC passes, a listed domain signed it, nobody else can send through the sender, an earlier message of the author's domain that DMARC
    proved was accepted here by staff or a rule that knows it, and staff removed none.
    """
    domain = authentication.author.rpartition("@")[2]
    if not settings.coverage.pass_listed_codes or authentication.proof != "dmarc" or is_nobodys(domain, settings):
        return ""
    listed = list_in_force(session).list.find(domain)
    if listed is None or listed.platform or platform_of(domain, settings.policy.open_platforms) or not is_signed(authentication, listed):
        return ""
    decided = or_(col(Delivery.decision_id).is_not(None), col(Delivery.rule).not_in(PASSING_STRANGERS))
    earlier = select(col(Delivery.id)).where(
        col(Delivery.author_domain) == domain, proven_strangers(now), col(Delivery.state).in_(RELEASED), decided
    )
    if session.scalars(earlier.limit(1)).first() is None or session.scalar(select(had_messages_removed_of(domain, now))):
        return ""
    return listed.domain


def is_signed(authentication: Authentication, listed: ListedSender) -> bool:
    """Whether a signature of a listed domain, or one below it, passes."""
    signers = [one.domain for one in authentication.dkim if one.result is Result.PASS]
    return any(one == domain or one.endswith(f".{domain}") for one in signers for domain in listed.dkim)
