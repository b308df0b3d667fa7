"""Read-only: the life of a message as one list, from the SMTP session to the next hop's reply."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.errors import NotFound
from triage.ids import format_id
from triage.message import authentication
from triage.message.authentication import Authentication
from triage.quarantine import delivery_history
from triage.quarantine.search.listing import Listed
from triage.say import join_parts, mark, say
from triage.store import message_ids
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.text.sanitize import escape_visible

MOST_DELIVERIES = 50  # that a trace follows; a message may have hundreds


@dataclass(frozen=True, slots=True)
class Step:
    """Event in the life of a message, or of one of its deliveries."""

    at: datetime
    by: str  # the actor
    act: str
    sentence: str
    delivery: int | None = None  # None: it concerns the whole message
    recipient: str = ""
    next_hop: str = ""  # of an attempt to send it
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A message's steps, oldest first. `left_out`: how many deliveries are not followed."""

    id: int
    steps: tuple[Step, ...]
    left_out: int


def trace_message(session: Session, number: int, *, by: Actor) -> Trace:
    """The life of a message, named by its id, the id in the 250 reply or the id of a delivery.

    Only the deliveries in the actor's scope are followed. NotFound when there is none of them.
    """
    asked = message_ids.named_message(number) | (col(Delivery.id) == number)
    rows = session.execute(select(col(Delivery.id), col(Delivery.message_id)).where(and_(asked, access.readable_deliveries(by)))).all()
    if not rows:
        raise NotFound(
            say(
                "there is no message {message_id}; one that was accepted just now may wait in the spool for its verdict",
                message_id=format_id(number),
            )
        )
    message = session.get_one(Message, rows[0].message_id)
    mine = and_(col(Delivery.message_id) == message.id, access.readable_deliveries(by))
    found = list(session.scalars(select(col(Delivery.id)).where(mine).order_by(col(Delivery.id))))
    details = [delivery_history.get_delivery(session, one, by=by) for one in found[:MOST_DELIVERIES]]
    steps = [*describe_arrival(message), *(step for one in details for step in steps_of(one))]
    return Trace(message.id, tuple(sorted(drop_repeated(steps), key=lambda step: step.at)), len(found) - len(details))


def describe_arrival(message: Message) -> Iterator[Step]:
    """Yields the steps of a message's arrival, and what DNS says of its sender: before any verdict, which has the time of arrival too."""
    envelope, found = Envelope.from_json(message.envelope), Authentication.from_json(message.authentication)
    yield Step(message.received_at, "system:receive", "received", received_sentence(envelope, format_id(message.spool_id)))
    if found.author or found.spf or found.dkim:
        yield Step(message.received_at, "system:judge", "authenticated", f"{list_results(found)}. {authentication.proof_sentence(found)}")


def received_sentence(envelope: Envelope, number: str) -> str:
    """Says from whom a message came, and which id the reply named."""
    client = envelope.client or envelope.edge or "this machine"
    with_tls = f", {envelope.tls}" if envelope.tls else ""
    sender = escape_visible(envelope.reverse_path) or "<>"
    return say(
        "Received from {client} ({helo}) with {protocol}{tls}, sender {sender}, queued as {number}.",
        client=client,
        helo=escape_visible(envelope.helo),
        protocol=envelope.protocol,
        tls=with_tls,
        sender=sender,
        number=number,
    )


def list_results(found: Authentication) -> str:
    """The result words of RFC 8601, each with its domain."""
    words = [f"SPF {one.result} ({escape_visible(one.domain)})" for one in found.spf[:1]]
    words += [f"DKIM {one.result} ({escape_visible(one.domain)})" for one in found.dkim]
    return ", ".join([*words, f"DMARC {found.dmarc.result}"])


def steps_of(detailed: delivery_history.Detailed) -> Iterator[Step]:
    """Yields the steps of one delivery. A step that concerns all deliveries has no delivery of its own."""
    about = detailed.listed
    for past in detailed.history:
        own = past.act not in delivery_history.OF_THE_MESSAGE
        yield Step(
            past.at,
            past.by,
            past.act,
            verdict_sentence(about) if past.act == "receive" else past.sentence,
            about.id if own else None,
            about.recipient if own else "",
            str(past.detail.get("next_hop", "")),
            attempt_of(past.detail),
        )


def attempt_of(detail: dict[str, Any]) -> int | None:
    """The number of an attempt, where the step is one."""
    number = detail.get("attempt")
    return number if isinstance(number, int) else None


VERDICTS = {
    "relay": mark("Not held, by rule {rule}: {reason}."),
    "quarantine": mark("Held by rule {rule}: {reason}."),
    "purge": mark("Removed on arrival by rule {rule}: {reason}."),
}


def verdict_sentence(about: Listed) -> str:
    """Says what the policy decided, by which rule and why."""
    said = say(VERDICTS[about.verdict.disposition], rule=about.verdict.rule, reason=about.verdict.reason)
    return join_parts(" ", [said, about.note]) if about.note else said


def drop_repeated(steps: list[Step]) -> list[Step]:
    """The steps without those that every delivery tells alike."""
    return list(dict.fromkeys(steps))
