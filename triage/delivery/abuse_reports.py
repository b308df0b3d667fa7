"""Reports messages that staff removed to an abuse address, in the Abuse Reporting Format (ARF, RFC 5965), by the outgoing queue."""

import secrets
from datetime import datetime
from email.utils import format_datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import dsn, internal_mail
from triage.delivery.passthrough import message_of_ours, unread_delivery
from triage.ids import format_id, new_id
from triage.policy.learning import decision_feedback
from triage.policy.learning.decision_feedback import REMOVED, Example
from triage.say import say
from triage.store import bodies, ledger, versions
from triage.store.models.deliveries import AbuseReport
from triage.text.sanitize import escape_visible

BY = Actor.system("feedback")
MARKER = "feedback-abuse"
RULE, REASON = "abuse-report", say("it reports a message that staff removed")
TEXT = "This is a report about a message that was received from {client} on {date}. Staff of {company} removed it as unwanted.\n"


def report_next(session: Session, *, settings: Settings, now: datetime) -> int | None:
    """Queue the reports about the next removal, once; how many. None where there is nothing to report."""
    versions.lock_version(session, MARKER)  # another judge may be reporting the same one
    lesson = decision_feedback.next_lesson(session, MARKER, verbs=REMOVED, now=now)
    if lesson is None:
        return None
    for example in lesson.examples:
        queue_report(session, example, settings=settings, now=now)
    decision_feedback.save_lesson_sent(session, MARKER, lesson)
    if lesson.examples:
        detail = {"to": settings.notices.abuse_reports_to}
        ledger.write_act(
            session, RULE, f"decision:{format_id(lesson.decision_id)}", by=BY, now=now, detail=detail, items=len(lesson.examples)
        )
    return len(lesson.examples)


def queue_report(session: Session, example: Example, *, settings: Settings, now: datetime) -> None:
    """Queues an abuse report; its recipients are outside, or a team of ours."""
    to, number = settings.notices.abuse_reports_to, new_id()
    raw = write_report(example, settings, number=format_id(number), boundary=f"=_{secrets.token_hex(12)}", now=now)
    content_id, content = bodies.keep_body(session, raw)
    message = message_of_ours(number, content_id, to, settings.sender, hostname=settings.company.hostname, now=now)
    delivery = unread_delivery(
        message.id,
        to,
        received_at=now,
        recipient=to.casefold(),
        author=settings.sender,
        folder=example.folder,  # it holds their message: whoever may not see that one, sees no report
        direction="notice" if internal_mail.is_outside(to, settings) else internal_mail.REPORT,
        rule=RULE,
        reason=REASON,
        now=now,
    )
    ledger.enter_message(session, message, content, [delivery], by=BY, now=now)
    session.add(AbuseReport(delivery_id=delivery.id, message_id=example.message_id))
    session.flush()


def write_report(example: Example, settings: Settings, *, number: str, boundary: str, now: datetime) -> bytes:
    """The report as it leaves, with CRLF: text for people, fields for programs, and the message as it was received (RFC 5965, 2)."""
    head = (
        f"Date: {format_datetime(now)}",
        f"From: <{settings.sender}>",
        f"To: <{settings.notices.abuse_reports_to}>",
        "Subject: Abuse report",
        f"Message-ID: <{number}@{settings.company.hostname}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=feedback-report;\n\tboundary="{boundary}"',
    )
    date = format_datetime(example.received_at)
    text = TEXT.format(client=escape_visible(example.client) or "?", date=date, company=settings.company.domains[0])
    parts = (
        dsn.write_part("text/plain; charset=utf-8", text.encode(), "8bit"),
        dsn.write_part("message/feedback-report", feedback_fields(example, settings)),
        dsn.write_part("message/rfc822", example.raw, "7bit" if example.raw.isascii() else "8bit"),
    )
    return dsn.write_multipart(head, parts, boundary)


def feedback_fields(example: Example, settings: Settings) -> bytes:
    """Returns the fields of the report for programs (RFC 5965, 3). Recipients are not named here; the message itself may name them."""
    fields = {
        "Feedback-Type": "abuse",
        "User-Agent": "Mailroom/1",
        "Version": "1",
        "Original-Mail-From": f"<{example.reverse_path}>",
        "Arrival-Date": format_datetime(example.received_at),
        "Reporting-MTA": f"dns; {settings.company.hostname}",
        "Source-IP": example.client,
    }
    lines = (f"{name}: {escape_visible(value)}" for name, value in fields.items() if value)
    return "\n".join(lines).encode("ascii", "backslashreplace") + b"\n"
