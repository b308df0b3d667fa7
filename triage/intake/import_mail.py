"""Old messages come in: judged by the policy like any other, entered once however often it is brought."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.addressing.envelope import Address, Envelope
from triage.config.settings import Settings
from triage.directory import recipients
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.intake.stages import Arrival
from triage.message.authentication import Authentication
from triage.message.summary import Summary
from triage.store import ledger
from triage.store.db import is_among
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message


@dataclass(frozen=True, slots=True)
class PastMessage:
    """Old message, and what can still be found out about it. The id of its envelope follows from its bytes and its recipient."""

    envelope: Envelope
    raw: bytes
    authentication: Authentication
    summary: Summary


def import_destination(session: Session, to: str, settings: Settings) -> str:
    """The address that old messages are brought in for; BadInput when it is nobody's here."""
    try:
        address = Address.parse(to)
    except ValueError as fault:
        raise BadInput(f"--to: {fault}") from fault
    if recipients.resolve_address(session, address, settings.company) is None:
        raise BadInput(f"--to: {to[:80]} is nobody's address here; see `mailroom sync --dry-run` for who is")
    return str(address)


def imported_ids(session: Session, ids: Iterable[int]) -> set[int]:
    """Returns those of these envelope ids that are imported already."""
    return set(session.scalars(select(col(Message.spool_id)).where(is_among(session, col(Message.spool_id), ids))))


def import_messages(
    session: Session, messages: Iterable[PastMessage], *, by: Actor, source: str, settings: Settings, now: datetime
) -> list[Delivery]:
    """Enter those that have not come in yet, as received now, in the audit log; their deliveries.

    The time that they are held begins now. A signature was checked as of when the message arrived then.
    """
    access.require_role(by, Role.ADMIN)
    messages = list(messages)
    known = imported_ids(session, [one.envelope.spool_id for one in messages])
    once = {one.envelope.spool_id: one for one in messages if one.envelope.spool_id not in known}
    arrivals = [
        Arrival(replace(one.envelope, received_at=now), one.raw, one.authentication, one.summary, imported=True) for one in once.values()
    ]
    entered: list[int] = []
    for ids in intake.receive_all(session, arrivals, settings=settings, now=now):
        if isinstance(ids, Exception):
            raise ids
        entered += ids
    if entered:
        detail = {"source": source[:500], "to": sorted({to for one in messages for to in one.envelope.recipients})}
        ledger.write_act(session, "import", "deliveries", by=by, now=now, detail=detail, items=len(entered))
    return list(session.scalars(select(Delivery).where(is_among(session, col(Delivery.id), entered))))
