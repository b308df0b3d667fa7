"""Copies: the deliveries of a campaign that form one row, whoever proves to have sent each, because they are suspicious and unwanted."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, update
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.message.signals.severity import Severity
from triage.policy.contacts import wanted_senders
from triage.policy.contacts.wanted_senders import Sender
from triage.store import db, ledger
from triage.store.db import is_among
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.models.deliveries import Delivery
from triage.store.new_rows import NewDelivery
from triage.store.queue import dirty_counts, grouping
from triage.store.queue.grouping import in_states

WANTED_ANYHOW = frozenset({*wanted_senders.ACCEPTING_RULES, "postmaster", FOR_ASSISTANT})  # the policy's rules about senders that are known
MOST = 20_000  # held deliveries that are sorted again at once


def mark_copies(session: Session, arrived: Iterable[tuple[NewDelivery, bool]], *, settings: Settings, now: datetime) -> None:
    """Say of deliveries that come in whether they are copies. Each with whether its author's own domain refutes it (DMARC)."""
    may_be = [(one, refuted) for one, refuted in arrived if may_be_copy(one)]
    known = wanted_senders.wanted_among(session, {sender_of(one) for one, refuted in may_be if not refuted}, settings=settings, now=now)
    for one, refuted in may_be:
        one.is_copy = refuted or sender_of(one) not in known


def may_be_copy(one: NewDelivery) -> bool:
    """Whether a delivery could be a copy, whoever sent it.

    Also one that went on because nothing was held then, and none that was wanted.
    """
    suspicious = one.severity >= Severity.SUSPICIOUS and one.campaign_id is not None and one.direction == "in"
    return suspicious and one.state in (State.HELD, State.QUEUED) and one.rule not in WANTED_ANYHOW


def sender_of(one: NewDelivery) -> Sender:
    """Sender of a delivery, as `wanted_senders` takes it."""
    return Sender(one.author, one.proven_as or "")


def sort_anew(session: Session, where: ColumnElement[bool], *, settings: Settings, now: datetime) -> int:
    """Say again of held deliveries whether they are copies, after what is known of their senders has changed; how many changed.

    A sender who was released once stands in a row of their own from now on.
    """
    columns = (col(Delivery.id), col(Delivery.author), grouping.proven_as(), wanted_senders.is_refuted(), col(Delivery.is_copy))
    rows = session.execute(select(*columns).where(where, may_form_row()).order_by(col(Delivery.id)).limit(MOST)).all()
    asked = {Sender(author, proven) for _, author, proven, refuted, _ in rows if not refuted}
    known = wanted_senders.wanted_among(session, asked, settings=settings, now=now)
    is_one = {one: bool(refuted) or Sender(author, proven) not in known for one, author, proven, refuted, _ in rows}
    wrong = [one for one, *_, was in rows if is_one[one] != was]
    for is_copy in (True, False):
        change_copies(session, [one for one in wrong if is_one[one] is is_copy], is_copy)
    return len(wrong)


def may_form_row() -> ColumnElement[bool]:
    """Condition: held deliveries that are copies where nobody wants their senders."""
    suspicious = grouping.severity_column() >= int(Severity.SUSPICIOUS)
    of_campaign = and_(col(Delivery.campaign_id).is_not(None), col(Delivery.flood).is_(False))
    return and_(in_states((State.HELD,)), col(Delivery.direction) == "in", suspicious, of_campaign)


def held_of_senders(session: Session, ids: Iterable[int]) -> Sequence[int]:
    """The held deliveries, in the order of ids, that `sort_senders_of` would sort again. For a caller that sorts some of them at a time."""
    theirs = and_(of_senders_of(session, ids), may_form_row())
    return session.scalars(select(col(Delivery.id)).where(theirs).order_by(col(Delivery.id))).all()


def change_copies(session: Session, ids: Sequence[int], is_copy: bool) -> None:
    """Write it down; cached counts follow."""
    if ids:
        these = is_among(
            session,
            col(Delivery.id),
            [delivery_id for delivery_id, *_ in ledger.lock_deliveries(session, is_among(session, col(Delivery.id), ids))],
        )
        dirty_counts.touch_where(session, these)
        session.execute(update(Delivery).where(these).values(is_copy=is_copy), execution_options=db.UNSEEN)
        dirty_counts.touch_where(session, these)


def sort_senders_of(session: Session, ids: Iterable[int], *, settings: Settings, now: datetime) -> int:
    """The same of all that the senders of these deliveries sent: something was decided about one of them."""
    return sort_anew(session, of_senders_of(session, ids), settings=settings, now=now)


def of_senders_of(session: Session, ids: Iterable[int]) -> ColumnElement[bool]:
    """The deliveries of everybody who sent one of these: whose mail is sorted again when something is decided about one of them."""
    rows = session.execute(
        select(col(Delivery.author), col(Delivery.author_domain), col(Delivery.proof))
        .where(is_among(session, col(Delivery.id), ids))
        .distinct()
    ).all()
    domains = {domain for _, domain, proof in rows if proof}
    authors = {author for author, _, _ in rows}
    return is_among(session, col(Delivery.author), authors) | (
        is_among(session, col(Delivery.author_domain), domains) & (col(Delivery.proof) != "")
    )
