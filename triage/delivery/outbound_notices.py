"""Delay and failure notices (RFC 3464) to employees about their outgoing messages, by the queue to the inner server."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import dsn, internal_mail
from triage.delivery.templates import FAILURE, as_written, describe_failure
from triage.ids import format_id, new_id
from triage.message.summary import make_summary
from triage.say import error_sentence, form_of, format_minute, mark, say
from triage.store import bodies, ledger
from triage.store.db import UNSEEN, is_among
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.text.i18n.translate import translate_sentence
from triage.text.sanitize import escape_visible

BY = Actor.system("outbound")
OUTBOUND = "outbound"  # direction of the message that was sent on
ON_ITS_WAY = (State.QUEUED, State.RELAYING)
DELAY = "delay"
MOST_NAMED = 50  # recipients that are named in the text; a program reads of all


@dataclass(frozen=True, slots=True)
class Story:
    """Content of a notice about some deliveries of one message, in words and for programs."""

    kind: str
    opening: str  # follows the subject and the date, before the recipients
    closing: str
    recipients: tuple[dsn.Failed, ...]
    replies: tuple[str, ...]  # what the servers outside have said of each
    reason: str


def note_bounced(session: Session, ids: Iterable[int], *, settings: Settings, now: datetime) -> None:
    """Tells employees that their outgoing messages bounced, once a message; other deliveries among these are left out."""
    where = (is_among(session, col(Delivery.id), ids), col(Delivery.direction) == OUTBOUND)
    rows = session.scalars(select(Delivery).where(*where).order_by(col(Delivery.id)).execution_options(populate_existing=True))
    for message, bounced in by_message(session, rows):
        if why := why_not(message, settings):
            ledger.write_act(
                session, "not_told", f"message:{format_id(message.id)}", by=BY, now=now, detail={"why": why, "why_form": form_of(why)}
            )
        else:
            queue_report(session, message, bounced, bounce_story(message, bounced), settings=settings, now=now)


def note_delayed(session: Session, *, settings: Settings, now: datetime, limit: int = 100) -> int:
    """Tell whoever of ours wrote a message that has not left for `outbound.delay_warning_hours`, once and never of a program's mail.

    How many deliveries were looked at, at most `limit`; call it until that is 0.
    """
    overdue = late_deliveries(settings, now)
    if overdue is None:
        return 0
    some = session.scalars(select(col(Delivery.message_id)).where(overdue).order_by(col(Delivery.id)).limit(limit)).all()
    theirs = (
        is_among(session, col(Delivery.message_id), some),
        col(Delivery.direction) == OUTBOUND,
        col(Delivery.delay_notice_at).is_(None),
    )
    marked = update(Delivery).where(*theirs).values(delay_notice_at=now).returning(col(Delivery.id))
    ids = session.scalars(marked, execution_options=UNSEEN).all()  # whoever else looks gets none of them
    where = (is_among(session, col(Delivery.id), ids), col(Delivery.state).in_(ON_ITS_WAY))
    rows = session.scalars(select(Delivery).where(*where).order_by(col(Delivery.id)).execution_options(populate_existing=True))
    for message, waiting in by_message(session, rows):
        if not why_not(message, settings) and not message.summary.get("automatic"):
            queue_report(session, message, waiting, delay_story(message, waiting, settings), settings=settings, now=now)
    return len(ids)


def any_late(session: Session, *, settings: Settings, now: datetime) -> bool:
    """Whether `note_delayed` has anything to do."""
    overdue = late_deliveries(settings, now)
    return overdue is not None and session.scalars(select(col(Delivery.id)).where(overdue).limit(1)).first() is not None


def late_deliveries(settings: Settings, now: datetime) -> ColumnElement[bool] | None:
    """Condition: late deliveries without a notice; None where notices are off. A delivery that is given up next is not late but failed."""
    hours = settings.outbound.delay_warning_hours
    if not hours:
        return None
    return and_(
        col(Delivery.state).in_(ON_ITS_WAY),
        col(Delivery.direction) == OUTBOUND,
        col(Delivery.delay_notice_at).is_(None),
        col(Delivery.queued_at) <= now - timedelta(hours=hours),
        col(Delivery.queued_at) > now - timedelta(hours=settings.relay.give_up_after),
    )


def by_message(session: Session, rows: Iterable[Delivery]) -> list[tuple[Message, list[Delivery]]]:
    """Deliveries, those of a message together."""
    together: dict[int, list[Delivery]] = defaultdict(list)
    for one in rows:
        together[one.message_id].append(one)
    return [(session.get_one(Message, message_id), theirs) for message_id, theirs in together.items()]


def why_not(message: Message, settings: Settings) -> str:
    """Returns why no notice is sent, "" when one is: only to our own domains, so that a forged sender never gets one."""
    if message.record.fault:
        return error_sentence(message.record.fault)
    sender = message.envelope["reverse_path"]
    if not sender:
        return say("the message names no sender to reply to")
    return say("its sender is not at your company") if internal_mail.is_outside(sender, settings) else ""


def bounce_story(message: Message, bounced: Sequence[Delivery]) -> Story:
    """Builds the failure notice's content."""
    return Story(
        kind=FAILURE,
        opening=mark("Your message “{subject}” of {time} UTC could not be delivered to:"),
        closing="",
        recipients=tuple(describe_failure(known_recipient(one, message), one, FAILURE) for one in bounced),
        replies=tuple(one.last_reply for one in bounced),
        reason=say("it tells an employee that a message could not be delivered"),
    )


def delay_story(message: Message, waiting: Sequence[Delivery], settings: Settings) -> Story:
    """Builds the delay notice's content."""
    until = max(one.queued_at or message.received_at for one in waiting) + timedelta(hours=settings.relay.give_up_after)
    return Story(
        kind=DELAY,
        opening=mark("Your message “{subject}” of {time} UTC has not been delivered yet to:"),
        closing=say("Do not send it again: Mailroom retries until {until} UTC, and tells you if that fails.", until=format_minute(until)),
        recipients=tuple(dsn.delayed_recipient(known_recipient(one, message), one.last_reply, until) for one in waiting),
        replies=tuple(one.last_reply for one in waiting),
        reason=say("it tells an employee that a message is delayed"),
    )


def queue_report(
    session: Session, message: Message, concerned: Sequence[Delivery], story: Story, *, settings: Settings, now: datetime
) -> None:
    """Queue the report: a null reverse-path, so that no answer ever comes of it."""
    number, to = new_id(), message.envelope["reverse_path"]
    original = bodies.find_body(session, message.content_id) or b""
    subject = make_summary(original, headers_only=True).subject
    notice = dsn.Notice(
        kind=story.kind,
        sender=settings.sender,
        to=to,
        subject=subject,
        text=write_outbound_notice(subject, message, story, settings),
        failed=story.recipients,
        hostname=settings.company.hostname,
        arrived_at=message.received_at,
        message_id=message.summary.get("message_id", ""),
        original=original,
        title=translate_sentence(dsn.title_of(story.kind, subject), settings.company.language),
    )
    raw = dsn.write_dsn(notice, number=format_id(number), boundary=f"=_{secrets.token_hex(12)}", now=now)
    folder = concerned[0].department, concerned[0].person
    report_id = internal_mail.queue_bytes(
        session, raw, to, number=number, folder=folder, rule="undelivered", reason=story.reason, settings=settings, by=BY, now=now
    )
    listed = [format_id(one.id) for one in concerned][:MOST_NAMED]
    detail = {"kind": story.kind, "to": to, "report": format_id(report_id), "deliveries": listed}
    ledger.write_act(session, "notify", f"message:{format_id(message.id)}", by=BY, now=now, detail=detail)


def known_recipient(delivery: Delivery, message: Message) -> str:
    """A recipient as whoever wrote knows it."""
    return as_written(delivery, message) or delivery.mailbox


def write_outbound_notice(subject: str, message: Message, story: Story, settings: Settings) -> str:
    """Returns the text of a notice: which message, to which recipients, and what the servers outside have replied."""
    named = escape_visible(subject) or say("(no subject)")
    lines = [say(story.opening, subject=named, time=format_minute(message.received_at)), ""]
    for one, reply in list(zip(story.recipients, story.replies, strict=True))[:MOST_NAMED]:
        lines += [
            f"  {escape_visible(one.recipient)}",
            f"    {escape_visible(reply) or translate_sentence(say('no answer'), settings.company.language)}",
        ]
    if len(story.recipients) > MOST_NAMED:
        lines.append(say("  and {count} more", count=len(story.recipients) - MOST_NAMED))
    lines += ["", story.closing] if story.closing else []
    lines += ["", say("The mail system of {company} generated this message.", company=settings.company.domains[0]), ""]
    return "\n".join(translate_sentence(line, settings.company.language) for line in lines)
