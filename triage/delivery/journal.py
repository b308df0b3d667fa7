"""Queues a copy of every accepted message for the archive, in the transaction that enters the message, whatever its verdict."""

from dataclasses import replace

from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery.passthrough import unread_delivery
from triage.say import say
from triage.store.new_rows import NewDelivery

JOURNAL = "journal"  # direction of such a copy: it shares the message's content, and nobody triages it


def journal_deliveries(message_id: int, envelope: Envelope, settings: Settings) -> list[NewDelivery]:
    """The archive's delivery of a message; none where there is no archive, or where the message is an old one that was brought in."""
    to = settings.journal.address
    if not to or envelope.protocol == "local":
        return []
    copy = unread_delivery(
        message_id,
        to,
        received_at=envelope.received_at,
        recipient=f"{JOURNAL}:{to}",  # no address: one that the message itself is for stays free
        author=envelope.reverse_path.casefold(),
        folder=("", ""),
        direction=JOURNAL,
        rule=JOURNAL,
        reason=say("every accepted message is copied to the archive"),
        now=envelope.received_at,
    )
    return [replace(copy, author_domain="")]  # so that nobody takes it for mail of their domain that was accepted (standing)
