"""The record of a message goes when its time is over: who wrote to whom, about what, and what was decided. In slices that never hurt.

Its content was erased long before. What stays is the record of acts. The numbers that reports are made of go as well
(`triage/reports/daily_counts.py`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, delete, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.ids import first_id_at, parse_id
from triage.quarantine.campaigns import assign as campaigns, traits
from triage.quarantine.decisions import regroup
from triage.quarantine.search import legal_hold, message_words
from triage.store import bodies, ledger, pack_records
from triage.store.db import UNSEEN, due_window, is_among
from triage.store.delivery_state import FINAL
from triage.store.models.assignments import Escalation
from triage.store.models.campaigns import MessageTrait
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import AbuseReport, Delivery, Notice
from triage.store.models.employees import MailReport, OutsideReport
from triage.store.models.mailboxes import HuntedMessage, SweptMailbox
from triage.store.models.messages import Content, Message, MessageWords
from triage.store.provable_rows import row_sums

BY = Actor.system("retention")
FORGET = row_sums.FORGET
WINDOW = 2_000  # messages or decisions that are looked at in one go
SLICE = 100  # deliveries or decisions that are forgotten in one go: each is in a dozen indexes
OF_A_DELIVERY = (
    "abuse_report",
    "attempt",
    "comment",
    "decision_item",
    "digest_entry",
    "escalated",
    "assignment",
    "hunted_message",
    "known_message",
    "legally_held",  # by holds that were lifted
    "mail_report",
    "mail_request",
    "mirror_copy",
    "notice",
    "outside_report",
    "recalled",
    "related_mail",
    "snooze",
)
"""Tables whose rows are about one delivery (`delivery_id`), and mean nothing without it."""


def due_messages(session: Session, *, settings: Settings, now: datetime, after: int = 0, limit: int = WINDOW) -> tuple[list[int], int]:
    """Returns which of the next messages are due for deletion, and the last one that was looked at; 0: these were all.

    As in `retention.due` nobody waits for the looking.
    """
    old = select(col(Message.id)).where(col(Message.id) < first_id_at(oldest_record(settings, now)))
    return due_window(session, col(Message.id), old, forgettable_messages(session, settings, now), after, limit)


def count_deliveries(session: Session, found: Sequence[int]) -> dict[int, int]:
    """Counts the deliveries of each of these messages: there may be a thousand, and they go together."""
    mine = is_among(session, col(Delivery.message_id), found)
    return dict(session.execute(select(col(Delivery.message_id), func.count()).where(mine).group_by(col(Delivery.message_id))).all())


def forget_messages(session: Session, found: Sequence[int], *, settings: Settings, now: datetime) -> int:
    """Forget those of these messages whose time is over still, with their deliveries and all that is about them; how many that were."""
    legal_hold.take_turn(session)
    bodies.lock_bodies(session, list(session.scalars(select(col(Message.content_id)).where(is_among(session, col(Message.id), found)))))
    messages = list(session.scalars(forgettable_messages(session, settings, now).where(is_among(session, col(Message.id), found))))
    if not messages:
        return 0
    of_these = is_among(session, col(Delivery.message_id), messages)
    columns = (col(Delivery.id), col(Delivery.campaign_id), col(Delivery.wave_id))
    locked = select(*columns).where(of_these).order_by(col(Delivery.id)).with_for_update()  # their states are summed
    deliveries = session.execute(locked).all()
    kept_in = session.scalars(select(col(Message.content_id)).where(is_among(session, col(Message.id), messages)).distinct()).all()
    gone = [one for one, _, _ in deliveries]
    sums = row_sums.read_sums(session, row_sums.STATE, of_these)
    sums.merge(row_sums.read_sums(session, row_sums.ITEM, is_among(session, col(DecisionItem.delivery_id), gone)))
    for name in OF_A_DELIVERY:
        about = SQLModel.metadata.tables[name].c.delivery_id
        session.execute(delete(about.table).where(is_among(session, about, gone)))
    session.execute(delete(Notice).where(is_among(session, col(Notice.message_id), messages)), execution_options=UNSEEN)
    session.execute(delete(AbuseReport).where(is_among(session, col(AbuseReport.message_id), messages)), execution_options=UNSEEN)
    session.execute(delete(Delivery).where(of_these), execution_options=UNSEEN)
    traits.forget_traits(session, is_among(session, col(MessageTrait.message_id), messages))
    message_words.erase_words(session, is_among(session, col(MessageWords.message_id), messages))
    session.execute(delete(Message).where(is_among(session, col(Message.id), messages)), execution_options=UNSEEN)
    pack_records.forget_parts(session, messages)  # now that nobody packs them any more
    drop_contents(session, kept_in)
    campaigns.drop_empty(session, {one for _, *both in deliveries for one in both if one is not None})
    ledger.write_act(session, FORGET, "records of mail", by=BY, now=now, items=len(messages), digest=sums.times(-1).format_digest())
    return len(messages)


def decisions_due(session: Session, *, settings: Settings, now: datetime, after: int = 0, limit: int = WINDOW) -> tuple[list[int], int]:
    """Returns which of the next decisions are due for deletion, and the last one that was looked at; 0: these were all."""
    last = first_id_at(oldest_record(settings, now))
    old = select(col(Decision.id)).where(col(Decision.id) < last)
    return due_window(session, col(Decision.id), old, about_nothing(last), after, limit)


def forget_decisions(session: Session, found: Sequence[int], *, settings: Settings, now: datetime) -> int:
    """Forget those of these decisions that are about no messages any more; how many that were."""
    ids = list(session.scalars(about_nothing(first_id_at(oldest_record(settings, now))).where(is_among(session, col(Decision.id), found))))
    if not ids:
        return 0
    regrouped = (is_among(session, col(Decision.id), ids), col(Decision.verb).in_(sorted(regroup.VERBS)))
    said = session.scalars(select(col(Decision.selection)).where(*regrouped)).all()  # a campaign may have no messages since, for their undo
    for whose in (HuntedMessage.decision_id, HuntedMessage.claimed_by):
        session.execute(delete(HuntedMessage).where(is_among(session, col(whose), ids)), execution_options=UNSEEN)
    session.execute(delete(SweptMailbox).where(is_among(session, col(SweptMailbox.decision_id), ids)), execution_options=UNSEEN)
    session.execute(delete(Escalation).where(is_among(session, col(Escalation.decision_id), ids)), execution_options=UNSEEN)
    sums = row_sums.read_sums(session, row_sums.DECISION, is_among(session, col(Decision.id), ids))
    session.execute(delete(Decision).where(is_among(session, col(Decision.id), ids)), execution_options=UNSEEN)
    campaigns.drop_empty(session, {parse_id(one[name]) for one in said for name in ("campaign", "into")})
    ledger.write_act(session, FORGET, "decisions", by=BY, now=now, items=len(ids), digest=sums.times(-1).format_digest())
    return len(ids)


def forget_reports(session: Session, *, settings: Settings, now: datetime, limit: int = SLICE) -> int:
    """Forget what was reported that never came through us; how many, at most `limit`. Other reports go with their mail."""
    forgotten = sum(forget_reports_of(session, table, oldest_record(settings, now), limit) for table in (MailReport, OutsideReport))
    if forgotten:
        ledger.write_act(session, FORGET, "reports of mail", by=BY, now=now, items=forgotten)
    return forgotten


def forget_reports_of(session: Session, table: type[MailReport | OutsideReport], oldest: datetime, limit: int) -> int:
    """Forgets reports of a table that are about no message of ours; how many."""
    ids = list(session.scalars(select(col(table.id)).where(col(table.delivery_id).is_(None), col(table.at) < oldest).limit(limit)))
    session.execute(delete(table).where(is_among(session, col(table.id), ids)), execution_options=UNSEEN)
    return len(ids)


def count_overdue(session: Session, *, settings: Settings, then: datetime) -> int:
    """Counts messages that should have been deleted by then and are not: none, where `mailroom upkeep` runs."""
    left = forgettable_messages(session, settings, then).order_by(None).subquery()
    return session.scalar(select(func.count()).select_from(left)) or 0


def oldest_record(settings: Settings, now: datetime) -> datetime:
    """Since when records are kept."""
    return now - timedelta(days=settings.retention.record_days)


def forgettable_messages(session: Session, settings: Settings, now: datetime) -> Select[int]:
    """Messages that are erased, and all of whose deliveries were final long enough ago; none is legally held.

    What a sender was told outlives the message that it was about, so that nobody is told twice, nor of what is taken back then.
    """
    old = oldest_record(settings, now)
    over = and_(col(Delivery.state).in_(FINAL), col(Delivery.settled_at) < old)
    of_another = (col(Notice.delivery_id) == col(Delivery.id), col(Notice.message_id) != col(Delivery.message_id))
    tells = exists().where(*of_another).correlate(Delivery)
    needed = select(col(Delivery.id)).where(
        col(Delivery.message_id) == col(Message.id), or_(~over, tells, legal_hold.on_legal_hold(session))
    )
    return (
        select(col(Message.id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .where(col(Message.id) < first_id_at(old), col(Content.zstd).is_(None), ~needed.exists())
        .order_by(col(Message.id))
    )


def about_nothing(last: int) -> Select[int]:
    """Decisions before `last` whose mail is forgotten, or that were about none. A decision and its undo go together, the undo last."""
    undone = aliased(Decision)
    item = exists().where(col(DecisionItem.decision_id) == col(Decision.id))
    sweeping = exists().where(col(SweptMailbox.decision_id) == col(Decision.id), col(SweptMailbox.due_at).is_not(None))
    undo_is_old = or_(col(Decision.undone_by).is_(None), col(Decision.undone_by) < last)
    undoes = exists().where(col(undone.id) == col(Decision.undoes)).correlate(Decision)
    return select(col(Decision.id)).where(col(Decision.id) < last, ~item, ~sweeping, undo_is_old, ~undoes).order_by(col(Decision.id))


def drop_contents(session: Session, found: Iterable[int]) -> None:
    """Deletes those of these erased contents that no message has any more."""
    used = exists().where(col(Message.content_id) == col(Content.id)).correlate(Content)
    session.execute(delete(Content).where(is_among(session, col(Content.id), found), ~used), execution_options=UNSEEN)
