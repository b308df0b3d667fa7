"""Rule proposals that staff's own blocks, removals and rules have superseded since they were found: nobody is asked about those.

Proposals are looked for once an hour; what staff does meanwhile counts at once.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, literal, or_
from sqlmodel import col

from triage.policy.contacts.sender_history import REMOVED
from triage.policy.rules import store as rules
from triage.policy.suggestions.threshold import DAYS
from triage.store import confidential_rows
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Proposal, Rule


def recent_strangers(now: datetime) -> ColumnElement[bool]:
    """Strangers' mail of the last DAYS, outside confidential folders."""
    return and_(
        col(Delivery.received_at) > now - timedelta(days=DAYS), col(Delivery.direction) == "in", ~confidential_rows.is_confidential()
    )


def was_removed() -> ColumnElement[bool]:
    """SQL condition for deliveries that staff removed or rejected."""
    return and_(REMOVED, col(Delivery.decision_id).is_not(None))


def is_superseded(now: datetime) -> ColumnElement[bool]:
    """SQL condition for open proposals that the next search would not find any more. A "_" in a name matches any letter here."""
    listed = exists().where(rules.in_force(now), col(Rule.match) == "list", col(Rule.value) == col(Proposal.value))
    return case((col(Proposal.match) == "list", listed), else_=or_(has_rule(now), had_messages_removed(now)))


def has_rule(now: datetime) -> ColumnElement[bool]:
    """SQL condition for a proposed domain that has a rule: it, a parent domain or an address there is blocked or held, or the domain is
    allowed for the company."""
    name, value = col(Proposal.value), col(Rule.value)
    stops = col(Rule.effect).in_(["block", "hold"])
    about_domain = and_(col(Rule.match).in_(["domain", "subdomains"]), or_(value == name, name.like(literal("%.").concat(value))))
    about_address = and_(stops, col(Rule.match) == "address", value.like(literal("%@").concat(name)))
    return exists().where(rules.in_force(now), or_(and_(or_(stops, col(Rule.scope) == "company"), about_domain), about_address))


def had_messages_removed(now: datetime) -> ColumnElement[bool]:
    """SQL condition for a proposed domain from which staff removed proven messages."""
    return had_messages_removed_of(col(Proposal.value), now)


def had_messages_removed_of(domain: Any, now: datetime) -> ColumnElement[bool]:
    """SQL condition: staff removed proven messages of this domain, a name or a column."""
    return exists().where(was_removed(), recent_strangers(now), col(Delivery.author_domain) == domain, col(Delivery.proof) != "")
