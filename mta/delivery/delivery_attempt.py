"""Delivery attempt: a worker's deliveries of one transaction over a next hop, with a log line for each."""

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from mta.delivery.arc_seal import Sealer
from mta.delivery.next_hop import NextHop
from mta.delivery.trace_fields import passed_on, stamp_message
from mta.spool.line_endings import normalise_crlf
from triage.config.settings import Settings
from triage.delivery import journal_report
from triage.delivery.journal import JOURNAL
from triage.delivery.queue import MOST_RECIPIENTS, Claim, Outcome
from triage.ids import format_id
from triage.runtime import metrics
from triage.say import say
from triage.text.sanitize import escape_visible
from triage.times import utcnow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryBatch:
    """Claims of one message that share a transaction."""

    claims: tuple[Claim, ...]
    since: float = field(default_factory=time.monotonic)  # when they were claimed

    @property
    def size(self) -> int:
        """Bytes of the message."""
        return len(self.claims[0].raw)


def group_claims(claims: Iterable[Claim]) -> list[DeliveryBatch]:
    """The claims, in their order, as few transactions as possible of at most MOST_RECIPIENTS each."""
    groups: dict[tuple[object, ...], list[Claim]] = {}
    for claim in claims:
        groups.setdefault(claim.together, []).append(claim)
    return [
        DeliveryBatch(tuple(group[begin : begin + MOST_RECIPIENTS]))
        for group in groups.values()
        for begin in range(0, len(group), MOST_RECIPIENTS)
    ]


def deliver_claims(batch: DeliveryBatch, hop: NextHop, settings: Settings, next_hop: str, sealer: Sealer | None = None) -> list[Outcome]:
    """The trace fields and the seal on top, and over to the next hop; an outcome for each claim."""
    first = batch.claims[0]
    try:
        raw = first.raw if first.direction in ("notice", "report") else prepare_message(first, settings, sealer)
        outcomes = hop.send(first.reverse_path, [claim.mailbox for claim in batch.claims], raw)
    except Exception:  # a fault of ours is no reason to lose mail or a worker
        log.exception("message %(message)s: attempt broke off", {"message": format_id(first.message_id)})
        hop.close()
        outcomes = [Outcome("unanswered", say("an internal fault ended this attempt; the log says more"), next_hop)] * len(batch.claims)
    metrics.observe_seconds("mailroom_transaction_seconds", time.monotonic() - batch.since)
    log_outcomes(batch.claims, outcomes)
    return [replace(outcome, at=utcnow()) for outcome in outcomes]


def prepare_message(claim: Claim, settings: Settings, sealer: Sealer | None) -> bytes:
    """A message that came in, with our trace fields and our seal; an employee's with our Received; for the archive a journal report."""
    if claim.direction == JOURNAL:
        return for_archive(claim, settings)
    if claim.direction == "outbound":
        return passed_on(claim.raw, envelope=claim.envelope, hostname=settings.company.hostname)
    raw = stamp_message(
        claim.raw,
        envelope=claim.envelope,
        authentication=claim.authentication,
        hostname=settings.company.hostname,
        authserv_id=settings.authserv_id,
        message_id_text=format_id(claim.message_id),
        rule=claim.rule,
        evidence=claim.evidence,
        marks=claim.marks,
    )
    return sealer.sealed(raw, claim.authentication, utcnow()) if sealer else raw


def for_archive(claim: Claim, settings: Settings) -> bytes:
    """The journal report of a message; the same one each time it is sent."""
    return journal_report.write_journal_report(
        claim.envelope,
        normalise_crlf(claim.raw),
        sender=settings.sender,
        to=claim.mailbox,
        hostname=settings.company.hostname,
        number=format_id(claim.message_id),
        boundary=f"=_{hashlib.sha256(claim.raw).hexdigest()[:32]}",
        now=claim.envelope.received_at,
    )


def log_outcomes(claims: Sequence[Claim], outcomes: Sequence[Outcome]) -> None:
    """Logs a line for each delivery, whatever its outcome."""
    for claim, outcome in zip(claims, outcomes, strict=True):
        metrics.count_event("mailroom_attempts", outcome=outcome.kind)
        log.log(
            logging.INFO if outcome.kind == "delivered" else logging.WARNING,
            "delivery %(delivery)s of message %(message)s to %(mailbox)s: %(outcome)s in attempt %(attempt)d by %(next_hop)s: %(reply)s",
            {
                "delivery": format_id(claim.delivery_id),
                "message": format_id(claim.message_id),
                "mailbox": escape_visible(claim.mailbox),
                "outcome": outcome.kind,
                "attempt": claim.number,
                "next_hop": outcome.next_hop,
                "reply": outcome.reply,
            },
        )
