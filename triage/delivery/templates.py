"""Texts of notices: a template filled for some deliveries of one message, with no more than the sender may know."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triage.addressing.envelope import Address
from triage.config.settings import Notices, Reject, Settings
from triage.delivery import dsn
from triage.say import format_day, say
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.text.i18n import ENGLISH
from triage.text.i18n.translate import translate_sentence, translate_template
from triage.text.sanitize import escape_visible

FAILURE, REJECTION, EXPIRY = "failure", "rejection", "expiry"
STATUS = {REJECTION: "5.7.1", EXPIRY: "5.4.7"}  # RFC 3463; of a failure the next hop says it
PLACEHOLDER = re.compile(r"\{(subject|recipient|sender|date|company)\}")
BETWEEN = "– In English:"
LONGEST_TEXT = 4000  # characters of a template or of somebody's own words
VALUE_LENGTH = 200  # characters of what a placeholder stands for


@dataclass(frozen=True, slots=True)
class FilledNotice:
    """Text of a notice to a sender about some deliveries of one message."""

    to: str
    text: str
    failed: tuple[dsn.Failed, ...]


def fill_notice(message: Message, concerned: Sequence[Delivery], kind: str, text: str, settings: Settings) -> FilledNotice | None:
    """Fills a notice about these deliveries; None when none of them has an address that the sender wrote to, and for a damaged record."""
    if message.record.fault:
        return None
    failures = [describe_failure(written, one, kind) for one in concerned if (written := as_written(one, message))]
    if not failures:
        return None  # members of a group: who they are is nobody's business outside
    return FilledNotice(message.envelope["reverse_path"], fill_template(text, message, failures, settings), tuple(failures))


def as_written(delivery: Delivery, message: Message) -> str:
    """The recipient as the sender wrote it, "" when the sender did not."""
    return next((one for one in message.envelope["recipients"] if fold_recipient(one) == delivery.recipient), "")


def describe_failure(recipient: str, delivery: Delivery, kind: str) -> dsn.Failed:
    """Describes one recipient's failure in the notice."""
    if kind in STATUS:
        return dsn.Failed(recipient, STATUS[kind])
    status, code = dsn.status_of(delivery.last_reply)
    return dsn.Failed(recipient, status, code)


def fold_recipient(address: str) -> str:
    """A recipient as deliveries hold it."""
    try:
        return str(Address.parse(address))
    except ValueError:
        return address.casefold()


def fill_template(text: str, message: Message, failures: Sequence[dsn.Failed], settings: Settings) -> str:
    """The words of a template. Those that Mailroom brings along are said in the company's language, and in English for whoever reads that.

    What the company has written itself is all that is said.
    """
    language = settings.company.language
    ours = in_language(text, language)
    if ours == text:
        return filled_in(text, message, failures, settings, language)
    there, english = filled_in(ours, message, failures, settings, language), filled_in(text, message, failures, settings, ENGLISH)
    return f"{there}\n{BETWEEN}\n\n{english}"


def in_language(template: str, language: str) -> str:
    """A template that Mailroom brings along, in a language; what the company has written stays as it is."""
    notices = Notices()
    ours = {notices.failure_text, notices.expiry_text, *(text for _, text in Reject().templates)}
    return translate_template(template, language) if template in ours else template


def filled_in(text: str, message: Message, failures: Sequence[dsn.Failed], settings: Settings, language: str) -> str:
    """The template with its placeholders filled in, in one pass: what a value says is never a placeholder."""
    values = {
        "subject": message.summary.get("subject") or translate_sentence(say("(no subject)"), language),
        "recipient": ", ".join(one.recipient for one in failures),
        "sender": message.envelope["reverse_path"],
        "date": translate_sentence(format_day(message.received_at), language),
        "company": settings.company.domains[0],
    }
    filled = PLACEHOLDER.sub(lambda found: escape_visible(values[found[1]])[:VALUE_LENGTH], text)
    reasons = dict.fromkeys(translate_sentence(one.reason, language) for one in failures) if "{reason}" in text else {}
    return filled.replace("{reason}", " ".join(reasons)).strip() + "\n"
