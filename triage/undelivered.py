"""What somebody here is told whose mail to the outside could not be delivered (RFC 3464): through the queue, to the inner server."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage import contents, dsn, inward, ledger
from triage.actor import Actor
from triage.backscatter import claims_ours
from triage.content import summarise
from triage.db import among
from triage.errors import NotFound
from triage.ids import new_id, show
from triage.letters import FAILURE, as_written, failure
from triage.models import Delivery, Message
from triage.settings import Settings
from triage.visible import visible

BY = Actor.system("outbound")
OUTBOUND = "outbound"  # direction of the mail that was sent on
MOST_TOLD = 50  # recipients that are named in the text; a program reads of all


def failed(session: Session, ids: Iterable[int], *, settings: Settings, now: datetime) -> None:
    """Of these deliveries those that were to leave have bounced: tell whoever of ours sent them, once a message."""
    together: dict[int, list[Delivery]] = defaultdict(list)
    where = (among(session, col(Delivery.id), ids), col(Delivery.direction) == OUTBOUND)
    for one in session.scalars(select(Delivery).where(*where).order_by(col(Delivery.id)).execution_options(populate_existing=True)):
        together[one.message_id].append(one)
    for message_id, bounced in together.items():
        message = session.get_one(Message, message_id)
        if why := why_not(message, settings):
            ledger.write(session, "not_told", f"message:{show(message_id)}", by=BY, now=now, detail={"why": why})
        else:
            tell(session, message, bounced, settings=settings, now=now)


def why_not(message: Message, settings: Settings) -> str:
    """Why nobody is told, "" when somebody is: only our own domains are written to, so that a forged sender never is."""
    sender = message.envelope["reverse_path"]
    if not sender:
        return "it names no sender to answer to"
    if not claims_ours(sender.rpartition("@")[2], settings.own_domains):
        return "its sender is not one of us"
    return ""


def tell(session: Session, message: Message, bounced: Sequence[Delivery], *, settings: Settings, now: datetime) -> None:
    """Queue the report: a null reverse-path, so that no answer ever comes of it."""
    number, to = new_id(), message.envelope["reverse_path"]
    original = original_of(session, message)
    subject = summarise(original, headers_only=True).subject
    notice = dsn.Notice(
        kind=FAILURE,
        sender=inward.sender(settings),
        to=to,
        subject=subject,
        text=in_words(subject, message, bounced, settings),
        failed=tuple(failure(as_written(one, message) or one.mailbox, one, FAILURE) for one in bounced),
        hostname=settings.company.hostname,
        arrived_at=message.received_at,
        message_id=message.summary.get("message_id", ""),
        original=original,
    )
    raw = dsn.written(notice, number=show(number), boundary=f"=_{secrets.token_hex(12)}", now=now)
    folder, reason = (bounced[0].department, bounced[0].person), "it tells somebody here that their mail could not be delivered"
    report_id = inward.enter(
        session, raw, to, number=number, folder=folder, rule="undelivered", reason=reason, settings=settings, by=BY, now=now
    )
    detail = {"to": to, "report": show(report_id), "deliveries": [show(one.id) for one in bounced][:MOST_TOLD]}
    ledger.write(session, "told", f"message:{show(message.id)}", by=BY, now=now, detail=detail)


def in_words(subject: str, message: Message, bounced: Sequence[Delivery], settings: Settings) -> str:
    """What is said to people: which mail, to whom, and what the servers outside have answered."""
    lines = [
        f"Your message “{visible(subject) or '(no subject)'}” of {message.received_at:%d %b %Y %H:%M} UTC could not be delivered to:",
        "",
    ]
    for one in bounced[:MOST_TOLD]:
        lines += [f"  {visible(as_written(one, message) or one.mailbox)}", f"    {visible(one.last_reply) or 'no answer'}"]
    if len(bounced) > MOST_TOLD:
        lines.append(f"  and {len(bounced) - MOST_TOLD} more")
    return "\n".join([*lines, "", f"This was written by the mail system of {settings.company.domains[0]}.", ""])


def original_of(session: Session, message: Message) -> bytes:
    """The bytes of the mail, as far as they are there."""
    try:
        return contents.load(session, message.content_id)
    except NotFound:
        return b""
