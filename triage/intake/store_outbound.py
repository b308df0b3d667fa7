"""A message of somebody here leaves: one delivery for each recipient, queued for the smarthost or held by the brake, hidden from triage."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.addressing.envelope import Address, Envelope, fold_text
from triage.config.settings import Settings
from triage.delivery import journal
from triage.delivery.outbound_notices import OUTBOUND
from triage.delivery.passthrough import message_of, unread_delivery
from triage.directory import recipients
from triage.message.summary import Summary
from triage.policy.learning.writers import Lookup
from triage.policy.outbound_brakes.brake_outgoing import BRIEFLY, Braking, brake_message
from triage.policy.outbound_brakes.new_recipients import NEW
from triage.quarantine import outbound_brakes
from triage.say import say
from triage.store import bodies, ledger, message_ids
from triage.store.bodies import Packed
from triage.store.delivery_state import State
from triage.store.new_rows import NewDelivery

BY = Actor.system("outbound")


@dataclass(frozen=True, slots=True)
class Departed:
    """A message of somebody here is in the queue."""

    message_id: int
    teaches: bool  # the brake lets it teach whom the company knows


def store_outgoing(
    session: Session, envelope: Envelope, packed: Packed, summary: Summary, *, settings: Settings, now: datetime
) -> Departed | None:
    """Queue a message that was accepted from inside, or hold it where the brake says so; None when that was done before.

    Idempotent by `envelope.spool_id`. Of what it says only its author and Message-ID are kept beside its bytes, and those
    only for `outbound.keep_days`.
    """
    envelope, entered = message_ids.identify_envelope(session, envelope)
    if entered is not None:
        return None
    ((content_id, content),) = bodies.keep_all(session, [packed])
    kept = replace(Summary(), parsed=summary.parsed, author=summary.author, message_id=summary.message_id, automatic=summary.automatic)
    message = message_of(envelope, content_id, kept)
    author = summary.author or envelope.reverse_path.casefold()
    folder = folder_of(session, envelope.reverse_path or summary.author, settings)
    once = {recipient_of(text): text for text in envelope.recipients}
    sender = Lookup(session, settings).owner(envelope.reverse_path or summary.author)
    braking = brake_message(session, sender, list(once), settings=settings, now=now)
    deliveries = [
        braked(
            unread_delivery(
                message.id,
                text,
                received_at=message.received_at,
                recipient=one,
                author=author,
                folder=folder,
                direction=OUTBOUND,
                rule=OUTBOUND,
                reason=say("an employee sent it"),
                now=now,
            ),
            braking,
            now,
        )
        for one, text in once.items()
    ]
    copies = journal.journal_deliveries(message.id, envelope, settings) if settings.journal.outbound else []
    ledger.enter_message(session, message, content, deliveries + copies, by=BY, now=now)
    if braking.brake is not None and braking.is_first:
        outbound_brakes.note_tripped(session, braking.brake, settings=settings, now=now)
    return Departed(message.id, braking.teaches)


def braked(delivery: NewDelivery, braking: Braking, now: datetime) -> NewDelivery:
    """The same, as the brake lets it leave."""
    if delivery.recipient in braking.new:
        delivery.rule = NEW
    if delivery.recipient in braking.held:
        delivery.state, delivery.verdict, delivery.due_at, delivery.queued_at = State.HELD, "quarantine", None, None
        delivery.reason = "the account wrote to many new recipients"
    elif delivery.recipient in braking.later:
        delivery.due_at = now + BRIEFLY
    return delivery


def recipient_of(text: str) -> str:
    """A recipient as deliveries hold it: two spellings of one address are one."""
    try:
        return str(Address.parse(text))
    except ValueError:
        return fold_text(text)


def folder_of(session: Session, reverse_path: str, settings: Settings) -> tuple[str, str]:
    """Returns the folder of an outgoing message's author; none where the directory does not know the address."""
    try:
        meant = recipients.resolve_address(session, Address.parse(reverse_path), settings.company)
    except ValueError:
        return "", ""
    return (meant.department, meant.person) if meant else ("", "")
