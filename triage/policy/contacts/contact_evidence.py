"""Evidence in an employee's outgoing message: which recipients become contacts, and why the others are skipped. Pure."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.addressing.envelope import Address
from triage.message.summary import Summary
from triage.policy.backscatter import NOBODY, claims_ours
from triage.say import say


class Reason(StrEnum):
    """Reason why a message, or one address of it, is not learned from."""

    NULL_SENDER = "null-sender"
    AUTOMATIC = "automatic"
    BULK = "bulk"
    LIST = "list"
    RECEIPT = "receipt"
    BOUNCE = "bounce"
    CALENDAR_REPLY = "calendar-reply"
    RESOURCE = "resource"
    NOT_OURS = "not-ours"
    FORWARD = "forward"
    UNREADABLE = "unreadable"
    NO_RECIPIENT = "no-recipient"
    # of single addresses
    MALFORMED = "malformed"
    OWN_DOMAIN = "own-domain"
    NO_REPLY = "no-reply"
    UNSUBSCRIBE = "unsubscribe"
    ONE_TIME = "one-time"
    LIST_POST = "list-post"
    DAILY_CAP = "daily-cap"


WORDS = {
    Reason.NULL_SENDER: say("it has no sender address, so a program sent it"),
    Reason.AUTOMATIC: say("it is an automatic reply, such as an out-of-office notice"),
    Reason.BULK: say("it was sent in bulk"),
    Reason.LIST: say("it was sent through one of our mailing lists"),
    Reason.RECEIPT: say("it is a read receipt"),
    Reason.BOUNCE: say("it reports that a message could not be delivered"),
    Reason.CALENDAR_REPLY: say("it is a calendar's answer to an invitation"),
    Reason.RESOURCE: say("a meeting room or another resource sent it"),
    Reason.NOT_OURS: say("its sender is no employee"),
    Reason.FORWARD: say("its From field and its envelope name different senders: it was forwarded, or written in somebody else's name"),
    Reason.UNREADABLE: say("it could not be read"),
    Reason.NO_RECIPIENT: say("it names no recipient"),
    Reason.MALFORMED: say("it is not an email address"),
    Reason.OWN_DOMAIN: say("it is one of our own addresses"),
    Reason.NO_REPLY: say("it is a no-reply address"),
    Reason.UNSUBSCRIBE: say("it is an address to unsubscribe at"),
    Reason.ONE_TIME: say("it is an address for a single message"),
    Reason.LIST_POST: say("it is a mailing list: Mailroom suggests a rule for the list instead"),
    Reason.DAILY_CAP: say("too many new addresses in one day: staff have to review it"),
}

REPLYING, FORWARDING = "re|aw|antw|sv|vs|odp|res", "fwd?|wg|tr"
ANSWERS = re.compile(rf"(?:(?:{REPLYING}|{FORWARDING})(?:\[\d+\])?: *)*", re.IGNORECASE)  # before a subject
OUT_OF_OFFICE = re.compile(  # how the automatic answers begin that carry no field by which they say so
    rf"(?>(?:(?:{REPLYING})(?:\[\d+\])?: *)*)"  # whoever forwards one writes by hand
    r"(?:auto(?:matic)?[ -]?(?:reply|response)|out of (?:the )?office|away from (?:my|the) office|vacation (?:reply|response)"
    r"|automatische (?:antwort|beantwoording)|abwesenheits(?:notiz|nachricht|assistent)|nicht im büro|afwezigheidsbericht"
    r"|réponse automatique|absence du bureau|respuesta automática|fuera de (?:la )?oficina|risposta automatica|fuori ufficio"
    r"|autosvar|automaattinen vastaus|odpowiedź automatyczna)\b",
    re.IGNORECASE,
)
BULK = frozenset({"precedence", "feedback-id"})
# Local parts (RFC 3834, 2, and what is seen in mail)
NO_REPLY = re.compile(r"(?:.*[-_.+])?(?:no|do-?not)[-_.]?reply(?:[-_.+].*)?|devnull|dev-null|nobody", re.ASCII)
ENDING = (
    "un-?subscribe|unsub|opt-?out|signoff|remove-me|abmeld(?:en|ung)|abbestell(?:en|ung)|des-?(?:inscription|abonnement)"
    "|afmeld(?:en|ing)?|uitschrijven|disiscri(?:viti|zione)|avmeld(?:ing)?|avregistrera"
)
UNSUBSCRIBE = re.compile(
    rf"(?:.*[-_.+])?(?:{ENDING}|listserv|majordomo|sympa|mailman)(?:[-_.+=].*)?"
    r"|leave[-+].*|.*[-+]leave|.*-(?:request|subscribe|unsubscribe|confirm)(?:[+=-].*)?",
    re.ASCII,
)
LEAVING = re.compile(  # of these, where one can only go
    rf"(?:.*[-_.+])?(?:{ENDING})(?:[-_.+=].*)?|leave[-+].*|.*[-+]leave", re.ASCII
)
LEAVES = re.compile(  # a subject (RFC 2369, 3.2)
    r"\s*(?:un-?subscribe|(?:newsletter )?(?:abmelden|abbestellen)|newsletter-?abmeldung|désinscription|désabonnement|se désabonner"
    r"|afmelden|uitschrijven|darse de baja|disiscrizione|avregistrera)(?:[ :_-]++[^\s\d]*+\d\S*+)?\s*",
    re.IGNORECASE,
)
LEAVING_PROGRAM = re.compile(r"\b(?:apple|ios) mail\b", re.IGNORECASE)  # names itself in what it writes then, in whatever language
ONE_TIME = re.compile(r".*=.*|(?:srs[01]|prvs|btv1|msprvs\d?|bounces?|return|verp|confirm|token|ticket)[-+=].*", re.ASCII)
TOKEN = re.compile(r"[-+._]")
LONG_TOKEN, MANY_DIGITS = 16, 4  # letters of a part of an address that only a program writes, and how many are digits at least
LIST_DOMAIN = re.compile(
    r"(?:e?lists?|groups|mailman|listserv|listes|listen|maillists?|ml)\..+\..+|googlegroups\.com|(?:.+\.)?groups\.io|freelists\.org"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that somebody here sent, as far as it can teach. `why_not`: it teaches nothing for this reason."""

    sender: str  # the reverse-path, or the address of the account whose sent folder it lies in
    recipients: tuple[str, ...]  # of the envelope; without one those that the header names
    author: str  # the one address in From, folded; "" when there is not exactly one
    at: datetime
    message_id: str = ""  # without brackets
    subject_digest: str = ""
    uid: str = ""  # of a calendar entry that somebody is invited to
    why_not: Reason | None = None


def read_sent(summary: Summary, sender: str, recipients: tuple[str, ...], at: datetime) -> Sent:
    """Builds a `Sent` from the summary of a sent message; a summary of the header alone is enough."""
    return Sent(
        sender=sender,
        recipients=recipients,
        author=summary.author,
        at=at,
        message_id=summary.message_id,
        subject_digest=digest_subject(summary.subject),
        uid=summary.calendar_uid if summary.calendar_method in INVITING else "",
        why_not=why_not(summary, sender),
    )


INVITING = frozenset({"request", "add", "publish", "counter", "cancel"})  # methods after which somebody may answer (RFC 5546, 1.4)
ANSWERING = frozenset({"reply", "refresh", "declinecounter"})


def why_not(summary: Summary, sender: str) -> Reason | None:
    """Returns the reason in the message itself why nothing is learned from it; None when something may be."""
    if not sender:
        return Reason.NULL_SENDER
    if summary.report_type == "disposition-notification":
        return Reason.RECEIPT
    if summary.content_type in ("multipart/report", "message/delivery-status"):
        return Reason.BOUNCE
    if summary.calendar_method in ANSWERING:
        return Reason.CALENDAR_REPLY
    if summary.list_id or summary.automatic.startswith("list-") or summary.precedence == "list":
        return Reason.LIST
    if summary.automatic in BULK:
        return Reason.BULK
    if summary.automatic:
        return Reason.AUTOMATIC
    return Reason.UNSUBSCRIBE if is_left_by_program(summary) else why_not_subject(summary.subject)


def is_left_by_program(summary: Summary) -> bool:
    """Did a mail program write it to end a subscription (RFC 2369, 3.2)? Whoever wrote the newsletter chose to whom, and which subject.

    It says nothing, answers nothing and brings nothing along, or has no subject and says which program it is from.
    """
    if not summary.parsed or summary.in_reply_to or summary.attachments or summary.calendar_method:
        return False
    return not summary.text or (not summary.subject and LEAVING_PROGRAM.search(summary.text) is not None)


def why_not_subject(subject: str) -> Reason | None:
    """The same by its subject alone."""
    if LEAVES.fullmatch(subject):
        return Reason.UNSUBSCRIBE
    return Reason.AUTOMATIC if OUT_OF_OFFICE.match(subject) else None


def why_not_address(address: Address, own_domains: frozenset[str]) -> Reason | None:
    """Returns the reason why a recipient's address does not become a contact; None when it does."""
    if claims_ours(address.domain, own_domains):
        return Reason.OWN_DOMAIN
    if UNSUBSCRIBE.fullmatch(address.local):
        return Reason.UNSUBSCRIBE
    if NO_REPLY.fullmatch(address.local) or (NOBODY.fullmatch(address.local) and not ONE_TIME.fullmatch(address.local)):
        return Reason.NO_REPLY
    if ONE_TIME.fullmatch(address.local) or has_token(address.local):
        return Reason.ONE_TIME
    return Reason.LIST_POST if LIST_DOMAIN.fullmatch(address.domain) else None


def may_answer(address: Address, reason: Reason | None) -> bool:
    """Whether somebody may answer from where this recipient is. Whoever only left a list wants nothing from there."""
    return reason not in (Reason.OWN_DOMAIN, Reason.LIST_POST) and not LEAVING.fullmatch(address.local)


def has_token(local: str) -> bool:
    """Whether a part of it looks as if a program had made it for one message: long, with letters and digits mixed."""
    parts = [part for part in TOKEN.split(local) if len(part) >= LONG_TOKEN]
    return any(sum(map(str.isdigit, part)) >= MANY_DIGITS and not part.isdigit() for part in parts)


def digest_subject(subject: str) -> str:
    """A short digest of a subject without the words that answering puts before it: enough to know it again, not to read it."""
    plain = " ".join(ANSWERS.sub("", subject, count=1).casefold().split())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:16] if plain else ""
