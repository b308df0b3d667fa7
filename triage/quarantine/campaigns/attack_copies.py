"""Conditions for dangerous messages and copies of an attack: a digest only counts them, unless a mistake of ours may be among them."""

from functools import cache

from sqlalchemy import ColumnElement, String, and_, cast, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import col

from triage.message.signals.severity import Severity
from triage.store.models.contacts import Contact
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.queue import grouping

BLOCKED = "blocked-sender"  # the policy's rule
REMOVING = ("purge", "reject")  # verbs
NAMES_CAMPAIGN = '"campaign": '  # a selection in JSON that names one


@cache
def is_counted() -> ColumnElement[bool]:
    """Messages that a digest only counts. A sender to whom the recipient ever wrote is always listed, whatever the message looks like."""
    attack = or_(is_dangerous(), and_(is_attack_copy(), ~is_from_blocked_sender()))
    return and_(attack, ~is_from_contact())


def is_dangerous() -> ColumnElement[bool]:
    """Messages that look dangerous."""
    return grouping.severity_column() >= int(Severity.DANGEROUS)


def is_attack_copy() -> ColumnElement[bool]:
    """Copies of a campaign that looks suspicious, or that staff removed as a campaign."""
    suspicious = and_(grouping.severity_column() >= int(Severity.SUSPICIOUS), has_copies())
    return and_(col(Delivery.campaign_id).is_not(None), or_(suspicious, was_removed_as_campaign(), is_stopped_by_campaign_block()))


def has_copies() -> ColumnElement[bool]:
    """Messages with another delivery of the same campaign."""
    other = aliased(Delivery)
    same = (col(other.campaign_id) == col(Delivery.campaign_id), col(other.id) != col(Delivery.id))
    return exists().where(*same).correlate(Delivery)


def was_removed_as_campaign() -> ColumnElement[bool]:
    """Messages whose last decision removed a campaign."""
    campaign = cast(col(Decision.selection), String).contains(NAMES_CAMPAIGN, autoescape=True)
    decided = (col(Decision.id) == col(Delivery.decision_id), col(Decision.verb).in_(REMOVING), campaign)
    return exists().where(*decided).correlate(Delivery)


def is_from_blocked_sender() -> ColumnElement[bool]:
    """Messages that a block of their sender stopped. A block of a campaign says nothing about a sender."""
    return and_(col(Delivery.rule) == BLOCKED, ~is_stopped_by_campaign_block())


def is_stopped_by_campaign_block() -> ColumnElement[bool]:
    """Messages that a block of their campaign stopped."""
    block = (col(Rule.id) == col(Delivery.rule_id), col(Rule.match) == "campaign")
    return and_(col(Delivery.rule) == BLOCKED, exists().where(*block).correlate(Delivery))


def is_from_contact() -> ColumnElement[bool]:
    """Messages of a sender to whom the recipient has ever written, whatever staff said about the contact later."""
    contact = (col(Contact.address) == col(Delivery.author), col(Contact.person) == col(Delivery.person))
    return exists().where(*contact).correlate(Delivery)
