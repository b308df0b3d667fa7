"""Groups deliveries into rows of the queue: the same campaign or sender, and the same proof. As SQL, for whoever counts or lists rows."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ColumnElement, Integer, String, and_, case, cast, func, literal, select, true
from sqlmodel import col

from triage.message.signals.severity import DANGEROUS_FROM, SUSPICIOUS_FROM, UNCLEAR_FROM, Severity
from triage.store.delivery_state import State
from triage.store.message_columns import count_attachments
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

Group = Literal["campaign", "sender", "none"]
COPIES = "*"  # in the place of a proof: it is one of the copies of its campaign
KNOWN = "known"  # direction of a copy of a decided message, put into the queue to see what reviewers answer
SHOWN = col(Delivery.direction).in_(("in", KNOWN))  # what staff find in the queue
HELD = (col(Delivery.state) == State.HELD) & SHOWN
HELD_MAIL = (col(Delivery.state) == State.HELD) & (col(Delivery.direction) == "in")  # without those copies: for all that counts or acts
CLAIMED = "claimed"  # in the place of a proof: it only claims to be from its author
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # sorts messages without a time limit last


def proven_as() -> ColumnElement[str]:
    """SQL expression for who is proven to have sent a delivery, "" for nobody: a domain, at a free-mail provider an address.

    Older messages without this column count as proven for their author alone until maintenance has filled it in.
    """
    by_address = case((col(Delivery.proof) != "", col(Delivery.author)), else_=literal("", String))
    return func.coalesce(col(Delivery.proven_as), by_address)


def separates_rows() -> ColumnElement[str]:
    """The same, in which what is decided together must not differ: but in a mail bomb everything does, and copies are one row."""
    flood, copies = (col(Delivery.flood).is_(True), literal("", String)), (col(Delivery.is_copy).is_(True), literal(COPIES, String))
    return case(flood, copies, else_=proven_as())


def pile_key(group: Group) -> ColumnElement[str]:
    """SQL expression for what belongs together whoever is proven to have sent it. One like no other, without an author, stays alone."""
    alone = literal("#", String) + cast(col(Delivery.id), String)
    by_sender = case((col(Delivery.author) != "", col(Delivery.author)), else_=alone)
    if group == "campaign":
        return func.coalesce(cast(col(Delivery.campaign_id), String), by_sender)
    return by_sender if group == "sender" else alone


def item_key(group: Group) -> ColumnElement[str]:
    """The row: the pile, and apart from the rest of it what somebody has proven to be their own."""
    if group == "none":
        return pile_key(group)
    usual = separates_rows() if group == "campaign" else proven_as()
    apart = case((and_(col(Delivery.claimed).is_(True), is_by_author(group)), literal(CLAIMED, String)), else_=usual)
    return case((apart != "", pile_key(group) + literal(" ", String) + apart), else_=pile_key(group))


def is_by_author(group: Group) -> ColumnElement[bool]:
    """Returns whether the pile is of one author: claims to be them are decided apart from their own messages."""
    return and_(col(Delivery.author) != "", col(Delivery.campaign_id).is_(None) if group == "campaign" else true())


def severity_column() -> ColumnElement[int]:
    """SQL expression for the severity of a delivery; of older messages without this column, by their weight."""
    weight = col(Delivery.weight)
    steps = ((DANGEROUS_FROM, Severity.DANGEROUS), (SUSPICIOUS_FROM, Severity.SUSPICIOUS), (UNCLEAR_FROM, Severity.UNCLEAR))
    by_weight = case(*((weight >= least, literal(int(step), Integer)) for least, step in steps), else_=literal(0, Integer))
    return func.coalesce(col(Delivery.severity), by_weight)


def verified_column() -> ColumnElement[bool]:
    """SQL expression for whether a delivery is proven to be from its author's domain."""
    return col(Delivery.proof) != ""


def attachments_column() -> ColumnElement[bool]:
    """SQL expression for whether a delivery has an attachment; of older deliveries without this column, as their message says."""
    number = select(func.coalesce(count_attachments(), 0)).where(col(Message.id) == col(Delivery.message_id))
    return func.coalesce(col(Delivery.has_attachments), number.correlate(Delivery).scalar_subquery() > 0)


def language_column() -> ColumnElement[str]:
    """SQL expression for the language of a delivery, "" where it is unknown."""
    return func.coalesce(col(Delivery.language), "")


def as_number(column: ColumnElement[bool]) -> ColumnElement[int]:
    """SQL expression: 1 where this holds, else 0."""
    return case((column, literal(1)), else_=literal(0))


def all_true(column: ColumnElement[bool]) -> ColumnElement[int]:
    """SQL aggregate: 1 where this holds for every delivery, else 0."""
    return func.min(as_number(column))


def any_true(column: ColumnElement[bool]) -> ColumnElement[int]:
    """SQL aggregate: 1 where this holds for one of the deliveries, else 0."""
    return func.max(as_number(column))


def common_text(column: ColumnElement[str]) -> ColumnElement[str]:
    """SQL aggregate: the text that all deliveries have in this column, "" where they differ."""
    return case((func.min(column) == func.max(column), func.max(column)), else_=literal("", String))


def time_limit_at(now: datetime) -> ColumnElement[datetime]:
    """SQL expression for when a time-limited delivery is of no use any more; NEVER for others, and once that is past."""
    return case((col(Delivery.time_limited_until) > now, col(Delivery.time_limited_until)), else_=literal(NEVER, Instant))


def in_states(states: Iterable[str]) -> ColumnElement[bool]:
    """SQL condition for deliveries in one of these states that never uses an index of states, which would lead through all that is held.

    SQLite, which has no statistics here, prefers such an index as soon as there is more than one way to the piles.
    """
    return func.coalesce(col(Delivery.state), "").in_(list(states))
