"""Messages to partner companies that reported something to us: a receipt and the verdict, by the outgoing queue."""

import secrets
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery.internal_mail import EmployeeNotice, write_notice_bytes
from triage.delivery.passthrough import message_of_ours, unread_delivery
from triage.ids import format_id, new_id
from triage.message.authentication import Authentication, Result
from triage.message.summary import Summary
from triage.policy.backscatter import NOBODY
from triage.say import say
from triage.store import bodies, ledger
from triage.text.i18n import ENGLISH
from triage.text.i18n.translate import translate_sentence

BY = Actor.system("notices")
REASON = say("it answers a partner company that reported a message")


def address_to_answer(summary: Summary, found: Authentication, settings: Settings) -> str:
    """Returns the author's address; "" where it is not proven, nobody reads it, or nothing leaves for the outside."""
    local, _, domain = summary.author.rpartition("@")
    proven = found.dmarc.result is Result.PASS and summary.author == found.author and domain == found.dmarc.domain
    return summary.author if proven and has_way_out(settings) and not NOBODY.fullmatch(local.casefold()) else ""


def has_way_out(settings: Settings) -> bool:
    """Whether a server takes our messages to the outside."""
    return bool(settings.relay.smarthost) or settings.relay.next_hop.startswith("smtp")


def send_answer(session: Session, notice: EmployeeNotice, *, folder: tuple[str, str], rule: str, settings: Settings, now: datetime) -> None:
    """Queues a message to a partner. `folder`: department and uid of the report, whoever may not see which sees no answer."""
    number = new_id()
    names = {"number": format_id(number), "boundary": f"=_{secrets.token_hex(12)}", "hostname": settings.company.hostname}
    raw = write_notice_bytes(in_both_languages(notice, settings.company.language), settings.sender, **names, now=now)
    content_id, content = bodies.keep_body(session, raw)
    message = message_of_ours(number, content_id, notice.to, settings.sender, hostname=settings.company.hostname, now=now)
    delivery = unread_delivery(
        message.id,
        notice.to,
        received_at=now,
        recipient=notice.to.casefold(),
        author=settings.sender,
        folder=folder,
        direction="notice",
        rule=rule,
        reason=REASON,
        now=now,
    )
    ledger.enter_message(session, message, content, [delivery], by=BY, now=now)


def in_both_languages(notice: EmployeeNotice, language: str) -> EmployeeNotice:
    """The notice in the company's language, with English below it."""
    if language == ENGLISH:
        return notice
    subject, opening, footer = (translate_sentence(text, language) for text in (notice.subject, notice.opening, notice.footer))
    below = f"{footer}\n\n{notice.opening}\n\n{notice.footer}"
    return replace(notice, subject=subject, opening=opening, footer=below, language=language)
