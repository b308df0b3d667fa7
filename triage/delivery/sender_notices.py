"""Notices to outside senders: at most one a message, only to proven senders, through the queue."""

import contextlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery import dsn, recalled_copies
from triage.delivery.passthrough import message_of_ours, unread_delivery
from triage.delivery.templates import EXPIRY, FAILURE, REJECTION, FilledNotice, fill_notice
from triage.errors import NotAllowedNow
from triage.ids import format_id, new_id
from triage.message.authentication import Authentication
from triage.message.summary import Summary
from triage.policy.backscatter import Circumstances, may_notify
from triage.say import error_sentence, form_of, say
from triage.store import bodies, db, ledger
from triage.store.db import is_among
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery, Notice
from triage.store.models.messages import Message
from triage.text.i18n.translate import translate_sentence

BY = Actor.system("notices")
ABOUT = {FAILURE: State.BOUNCED, REJECTION: State.REJECTED, EXPIRY: State.EXPIRED}  # the state of the deliveries that a notice is about
ENDS = frozenset(ABOUT.values())
SENDER_REASONS = {
    FAILURE: say("it tells a sender that a message could not be delivered"),
    REJECTION: say("it tells a sender that a message was rejected"),
    EXPIRY: say("it tells a sender that a message expired"),
}
UNSENT = frozenset({State.QUEUED, State.PURGED, State.BOUNCED})  # of a notice that has not reached anybody


def why_not(session: Session, message: Message, settings: Settings, *, direction: str = "in") -> str:
    """Returns why the sender of a message must not get a notice, "" when they may. Of a damaged record nobody knows who wrote it."""
    if message.record.fault:
        return error_sentence(message.record.fault)
    envelope = Envelope.from_json(message.envelope)
    summary = Summary.from_json(message.summary)
    return may_notify(
        Circumstances(
            reverse_path=envelope.reverse_path,
            authentication=Authentication.from_json(message.authentication),
            summary=summary,
            own_domains=settings.own_domains,
            normalised=envelope.normalised,
            direction=direction,
            already_notified=find_notice(session, envelope.reverse_path, lock_notice(message)) is not None,
            way_out=bool(settings.relay.smarthost) or settings.relay.next_hop.startswith("smtp"),
        )
    )


def lock_notice(message: Message) -> str:
    """Returns the key of a notice: the same message in several transactions gets one notice."""
    return message.summary.get("message_id") or format_id(message.id)


def find_notice(session: Session, sender: str, subject: str) -> Notice | None:
    """The one notice that this sender gets or got about this message."""
    where = (col(Notice.sender) == sender, col(Notice.about) == subject)
    return session.scalars(select(Notice).where(*where)).first()


def notify_failed(session: Session, ids: Iterable[int], *, settings: Settings, now: datetime) -> None:
    """Tells senders that deliveries bounced, where that may be. Failures of one message within notices.delay go together."""
    if settings.notices.failures:
        notify_senders(session, ids, FAILURE, settings.notices.failure_text, settings=settings, now=now)


def notify_expired(session: Session, ids: Iterable[int], *, settings: Settings, now: datetime) -> None:
    """Tells senders that nobody decided in time about their messages, where the company wants that and where it may be."""
    if settings.notices.expiry:
        notify_senders(session, ids, EXPIRY, settings.notices.expiry_text, settings=settings, now=now)


def notify_senders(session: Session, ids: Iterable[int], kind: str, text: str, *, settings: Settings, now: datetime) -> None:
    """Tell the senders of these deliveries, each once a message; who must not be told is in the audit log with the reason."""
    due = now + timedelta(seconds=settings.notices.delay)
    for message in messages_of(session, ids):
        if message.id in waiting_notices(session, [message.id]):
            with contextlib.suppress(NotAllowedNow):  # it has left: more is not said
                follow_changes(session, [message.id], settings=settings, now=now)
        elif why := why_not(session, message, settings):
            ledger.write_act(
                session, "not_told", f"message:{format_id(message.id)}", by=BY, now=now, detail={"why": why, "why_form": form_of(why)}
            )
        else:
            make_notice(session, message, kind, text, settings=settings, due=due, now=now)


def messages_of(session: Session, ids: Iterable[int]) -> Sequence[Message]:
    """The messages of deliveries that came in, locked: who tells of another copy at the same time waits, and joins what is said."""
    theirs = select(col(Delivery.message_id)).where(is_among(session, col(Delivery.id), ids), col(Delivery.direction) == "in")
    rows = select(Message).where(col(Message.id).in_(theirs)).order_by(col(Message.id))
    return session.scalars(rows.with_for_update(key_share=True)).all()


def waiting_notices(session: Session, message_ids: Iterable[int]) -> dict[int, Notice]:
    """The notices about these messages that have not left, by message."""
    return {notice.message_id: notice for notice, may_have_left in queued_notices(session, message_ids) if not may_have_left}


def queued_notices(session: Session, message_ids: Iterable[int]) -> Sequence[tuple[Notice, bool]]:
    """The notices about these messages that are to be sent, and whether the sender may have them already: nobody answered an attempt."""
    rows = select(Notice, recalled_copies.may_have_left()).join(Delivery, col(Delivery.id) == col(Notice.delivery_id))
    where = (is_among(session, col(Notice.message_id), message_ids), col(Delivery.state) == State.QUEUED)
    return [(notice, may_have_left) for notice, may_have_left in session.execute(rows.where(*where))]


def make_notice(session: Session, message: Message, kind: str, text: str, *, settings: Settings, due: datetime, now: datetime) -> None:
    """Queue the notice about every delivery of this message that has ended so.

    Nothing where nothing may be said of them, or where somebody else has told the sender meanwhile.
    """
    concerned = concerned_by(session, message.id, kind)
    filled = fill_notice(message, concerned, kind, text, settings)
    number = new_id()
    if filled is None or not reserve_notice(session, number, message, kind, text, due):
        return
    written = enter_notice(session, number, message, filled, kind, concerned[0], settings=settings, due=due, now=now)
    detail = {"kind": kind, "to": filled.to, "said": filled.text, "notice": format_id(written)}
    ledger.write_act(session, "notice", f"message:{format_id(message.id)}", by=BY, now=now, detail=detail)


def reserve_notice(session: Session, number: int, message: Message, kind: str, text: str, due: datetime) -> bool:
    """Be the one notice that this sender gets about this message; False when there is one."""
    sender = message.envelope["reverse_path"]
    values = {"message_id": message.id, "sender": sender, "about": lock_notice(message), "kind": kind, "text": text, "due_at": due}
    db.insert_if_missing(session, Notice, delivery_id=number, **values)
    return session.get(Notice, number) is not None


def concerned_by(session: Session, message_id: int, kind: str) -> Sequence[Delivery]:
    """The deliveries that a notice of this kind is about."""
    where = (col(Delivery.message_id) == message_id, col(Delivery.direction) == "in", col(Delivery.state) == ABOUT[kind])
    rows = select(Delivery).where(*where).order_by(col(Delivery.id)).execution_options(populate_existing=True)
    return session.scalars(rows).all()


def enter_notice(
    session: Session,
    number: int,
    message: Message,
    filled: FilledNotice,
    kind: str,
    first: Delivery,
    *,
    settings: Settings,
    due: datetime,
    now: datetime,
) -> int:
    """The notice as a message with one delivery, in the folder of what it is about; the id of its message."""
    notice = notice_of(session, message, filled, kind, settings)
    raw = dsn.write_dsn(notice, number=format_id(number), boundary=f"=_{secrets.token_hex(12)}", now=now)
    content_id, content = bodies.keep_body(session, raw)
    subject = f"{kind}: {notice.subject}"
    notice_message = message_of_ours(
        number, content_id, filled.to, notice.sender, hostname=notice.hostname, now=now, subject=subject, text=filled.text
    )
    delivery = unread_delivery(
        notice_message.id,
        filled.to,
        received_at=now,
        recipient=filled.to.casefold(),
        author=notice.sender,
        folder=(first.department, first.person),
        direction="notice",
        rule="notice",
        reason=SENDER_REASONS[kind],
        now=due,
    )
    shown = replace(delivery, id=number, subject=subject, search=f"{subject} {notice.sender} {filled.to}".casefold())
    ledger.enter_message(session, notice_message, content, [shown], by=BY, now=now)
    return notice_message.id


def notice_of(session: Session, message: Message, filled: FilledNotice, kind: str, settings: Settings) -> dsn.Notice:
    """Builds the notice to the sender of this message, as a value."""
    return dsn.Notice(
        kind=kind,
        sender=settings.sender,
        to=filled.to,
        subject=message.summary.get("subject", ""),
        text=filled.text,
        failed=filled.failed,
        hostname=settings.company.hostname,
        arrived_at=message.received_at,
        message_id=message.summary.get("message_id", ""),
        original=bodies.find_body(session, message.content_id) or b"",
        title=translate_sentence(dsn.title_of(kind, message.summary.get("subject", "")), settings.company.language),
    )


def follow_changes(session: Session, message_ids: Iterable[int], *, settings: Settings, now: datetime) -> None:
    """Rewrites or cancels queued notices about these messages after their state changed.

    A sender gets at most one notice, so one that may have left is not rewritten. NotAllowedNow when it is leaving at this moment.
    """
    concerned = list(message_ids)
    for notice, may_have_left in queued_notices(session, concerned) if concerned else ():
        message_id, kind, text, due = notice.message_id, notice.kind, notice.text, notice.due_at
        is_so = bool(concerned_by(session, message_id, kind))
        if may_have_left and is_so:
            continue
        call_off(session, notice.delivery_id, now)
        if may_have_left:
            continue
        session.delete(notice)
        session.flush()
        if is_so:
            make_notice(session, session.get_one(Message, message_id), kind, text, settings=settings, due=max(due, now), now=now)


def call_off(session: Session, delivery_id: int, now: datetime) -> None:
    """A notice that waits is not sent. NotAllowedNow when a relay has taken it meanwhile."""
    unsent = (col(Delivery.id) == delivery_id) & (col(Delivery.state) == State.QUEUED)
    if not ledger.record_many(session, unsent, Event.PURGE, by=BY, now=now, due_at=None):
        raise NotAllowedNow(say("the notice to the sender is being sent right now: try again"))


def follow_deliveries(session: Session, ids: Iterable[int], *, settings: Settings, now: datetime) -> None:
    """Follows changes as `follow_changes` does, for the messages of these deliveries."""
    given = list(ids)
    theirs = select(col(Notice.message_id)).join(Delivery, col(Delivery.message_id) == col(Notice.message_id))
    messages = set(session.scalars(theirs.where(is_among(session, col(Delivery.id), given)))) if given else set()
    follow_changes(session, messages, settings=settings, now=now)


def notified_deliveries(session: Session, ids: Iterable[int]) -> set[int]:
    """Returns those rejected deliveries whose sender got a notice, may have got one, or is getting one this moment: they cannot be
    restored.
    """
    sent = (
        select(col(Notice.message_id))
        .join(Delivery, col(Delivery.id) == col(Notice.delivery_id))
        .where(col(Notice.kind) == REJECTION, col(Delivery.state).not_in(UNSENT) | recalled_copies.may_have_left())
    )
    rejected = (is_among(session, col(Delivery.id), ids), col(Delivery.state) == State.REJECTED)
    return set(session.scalars(select(col(Delivery.id)).where(*rejected, col(Delivery.message_id).in_(sent))))
