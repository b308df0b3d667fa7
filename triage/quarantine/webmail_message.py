"""Read-only: a message as webmail shows it beside the mail program's own view: what was found out, and which deliveries an act is about."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.errors import NotFound
from triage.ids import format_id
from triage.message.authentication import proof_sentence
from triage.message.signals.severity import Severity, of_row
from triage.quarantine.campaigns import campaign_list
from triage.quarantine.open_message import open_message
from triage.quarantine.requests import reported_messages, suspicion_reports
from triage.quarantine.search.listing import Listed
from triage.say import say
from triage.store.models.directory import Person
from triage.store.models.mailboxes import MirrorCopy
from triage.store.models.messages import Message


@dataclass(frozen=True, slots=True)
class WebmailMessage:
    """A message for staff. `message_id_field`: by which webmail sees that it is the one on its screen."""

    message_id_field: str
    proof: str
    proof_sentence: str
    group: int  # messages of its campaign; 0: it is like no other
    deliveries: tuple[Listed, ...]  # of a mirrored copy only the one that it shows


@dataclass(frozen=True, slots=True)
class OwnCopy:
    """A message for its recipient."""

    id: int
    message_id_field: str
    author: str
    subject: str
    severity: Severity
    proven_as: str  # who proves to have sent it; "": nobody
    reported_at: datetime | None


def find_webmail_message(session: Session, message_id: int, *, copy: int | None, by: Actor) -> WebmailMessage:
    """A message in the actor's scope; with the number of a mirrored copy, only the delivery that the copy shows. NotFound otherwise."""
    opened = open_message(session, message_id, by=by)
    deliveries = opened.deliveries
    if copy is not None:
        shown = session.get(MirrorCopy, copy)
        deliveries = tuple(one for one in deliveries if shown and one.id == shown.delivery_id)
    if not deliveries:
        raise NotFound(say("there is no message {message_id}", message_id=format_id(message_id)))
    campaign = deliveries[0].campaign
    group = campaign_list.get_campaign(session, campaign, by=by).wave.messages if campaign is not None else 0
    found = opened.authentication
    return WebmailMessage(opened.summary.message_id, found.proof, proof_sentence(found), group, deliveries)


def find_own_copy(session: Session, message_id: int, *, by: Actor, now: datetime) -> OwnCopy:
    """A message that came to this employee. NotFound where it did not come to them through Mailroom."""
    person = session.get_one(Person, by.name)
    own = reported_messages.find_own_copy(session, message_id, person=person.uid, department=person.department, now=now)
    if own is None:
        raise NotFound(say("there is no message {message_id}", message_id=format_id(message_id)))
    message = session.get_one(Message, own.message_id)
    severity = of_row(own.severity, own.weight, (one["name"] for one in own.signals))
    report = suspicion_reports.find_own_report(session, own, person.uid)
    proven = own.proven_as if own.proven_as is not None else own.author if own.proof else ""
    return OwnCopy(own.id, message.named_id or "", own.author, own.subject, severity, proven, report.at if report else None)
