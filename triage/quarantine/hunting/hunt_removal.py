"""Removal of what a hunt found: the evidence sheet, and one decision over chosen messages that can be undone."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from triage.access import dual_control
from triage.access.dual_control import HUNT_REMOVAL, LARGE_PURGE, REMOVE_DELIVERED
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery.recall import hunted_messages
from triage.delivery.recall.hunt_criteria import HUNT
from triage.delivery.recall.hunted_messages import OUT_OF_REACH
from triage.errors import ApprovalNeeded, BadInput, NotAllowedNow, NotFound, Stale
from triage.ids import format_id, parse_id
from triage.quarantine.decisions import outcomes
from triage.quarantine.decisions.approvals import Act
from triage.quarantine.decisions.mailbox_sweep import VERB
from triage.quarantine.decisions.outcomes import DecisionReport, decision_of
from triage.quarantine.hunting.hunts import require_hunter, show_hunt, shown_messages
from triage.quarantine.removal.second_person import may_alone
from triage.say import say, say_count
from triage.store import ledger
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.mailboxes import HuntedMessage, SweptMailbox

MOST = 500  # messages of one decision
FREQUENT = 10


@dataclass(frozen=True, slots=True)
class HuntEvidence:
    """Summary of what a removal would take, for a review before the decision."""

    count: int
    mailboxes: int
    read: int  # messages that their owner has read
    known: int  # from contacts: left alone unless somebody says so
    ours: int  # that came through Mailroom and are removed there
    taken: int  # that a decision removes already
    senders: tuple[tuple[str, int], ...]  # most frequent first, at most ten
    subjects: tuple[tuple[str, int], ...]
    first_at: datetime | None
    newest_at: datetime | None
    removable: tuple[int, ...]  # ids: neither ours nor taken; those of contacts only where they are wanted
    fence: str  # of the removable ones; changes when they do


def gather_evidence(session: Session, hunt_id: int, *, by: Actor, known: bool = False, chosen: Sequence[int] | None = None) -> HuntEvidence:
    """The evidence sheet of what a hunt found, or of the chosen messages. `known`: with those from contacts."""
    return evidence_of(shown_messages(session, hunt_id, by=by, chosen=chosen), known=known)


def evidence_of(rows: Sequence[HuntedMessage], *, known: bool) -> HuntEvidence:
    """The evidence sheet of these messages."""
    dates = [row.internal_date for row in rows]
    free = [row for row in rows if row.delivery_id is None and not is_taken(row) and (known or not row.known)]
    return HuntEvidence(
        count=len(rows),
        mailboxes=len({row.mailbox for row in rows}),
        read=sum(row.read for row in rows),
        known=sum(row.known for row in rows),
        ours=sum(row.delivery_id is not None for row in rows),
        taken=sum(map(is_taken, rows)),
        senders=tuple(Counter(row.author for row in rows).most_common(FREQUENT)),
        subjects=tuple(Counter(row.subject for row in rows).most_common(FREQUENT)),
        first_at=min(dates, default=None),
        newest_at=max(dates, default=None),
        removable=tuple(row.id for row in free),
        fence=fence_of(free),
    )


def is_taken(row: HuntedMessage) -> bool:
    """Whether a decision removes this message already, and did not fail to reach its mailbox."""
    return row.claimed_by is not None and row.outcome != OUT_OF_REACH


def fence_of(rows: Sequence[HuntedMessage]) -> str:
    """A short digest of what would be removed."""
    return hashlib.sha256("".join(f"{row.id} {row.claimed_by}\n" for row in rows).encode()).hexdigest()[:24]


def remove_or_ask(
    session: Session,
    hunt_id: int,
    chosen: Sequence[int],
    *,
    by: Actor,
    reason: str,
    fence: str,
    known: bool,
    now: datetime,
    settings: Settings,
) -> DecisionReport | PendingAct:
    """Removes the chosen messages as `remove_hunted` does, or returns the act that now waits for the second person's approval."""
    try:
        return remove_hunted(session, hunt_id, chosen, by=by, reason=reason, fence=fence, known=known, now=now, settings=settings)
    except ApprovalNeeded as need:
        order = {"hunt": format_id(hunt_id), "known": known, "fence": fence}
        return dual_control.ask_second_person(session, HUNT_REMOVAL, order, need, by=by, reason=reason, key=None, now=now)


def remove_hunted(
    session: Session,
    hunt_id: int,
    chosen: Sequence[int],
    *,
    by: Actor,
    reason: str,
    fence: str,
    known: bool,
    now: datetime,
    settings: Settings,
    second: Actor | None = None,
) -> DecisionReport:
    """Decide that these messages go out of their mailboxes; the recaller carries it out, and an undo puts them back.

    NotFound for a message that the hunt does not show, Stale where they are not as they were looked at, NotAllowedNow where one is
    removed already, came through Mailroom, or is from a contact and `known` does not say so, ApprovalNeeded as for other removals.
    """
    require_hunter(by, settings)
    rows = chosen_rows(session, hunt_id, chosen, by=by)
    found = evidence_of(rows, known=known)
    check_removable(found, known=known)
    if found.fence != fence:
        raise Stale(say("the messages have changed since you looked: review them, then decide again"))
    needs = [REMOVE_DELIVERED] if not may_alone(by, settings) else []
    needs += [LARGE_PURGE] if LARGE_PURGE in settings.policy.approvals and len(rows) > settings.policy.approval_purge_copies else []
    dual_control.require_second_person(needs, by, second, [(row.id, State.DELIVERED) for row in rows])
    selection = {HUNT: format_id(hunt_id), "copies": [format_id(row.id) for row in rows]}
    twice = {"second_by": str(second), "second_by_shown": second.shown} if second else {}
    decision = decision_of(by, VERB, selection, reason, now, count=len(rows), **twice)
    session.add(decision)
    session.flush()
    hunted_messages.promise_rows(session, rows, decision.id)
    mailboxes = sorted({row.mailbox for row in rows})
    session.add_all(SweptMailbox(decision_id=decision.id, mailbox=one, due_at=now, begun_at=now) for one in mailboxes)
    session.flush()
    detail = {"reason": decision.reason, "hunt": format_id(hunt_id), "mailboxes": mailboxes}
    detail |= {"second_key": str(second)} if second else {}
    ledger.write_act(session, VERB, f"decision:{format_id(decision.id)}", by=by, now=now, detail=detail, items=len(rows))
    return outcomes.get_decision(session, decision.id, by=by)


def chosen_rows(session: Session, hunt_id: int, chosen: Sequence[int], *, by: Actor) -> list[HuntedMessage]:
    """The chosen messages, locked until the decision is made."""
    if not 0 < len(set(chosen)) <= MOST:
        raise BadInput(say("name the messages to remove, at most {most} at once", most=MOST))
    rows = shown_messages(session, hunt_id, by=by, chosen=chosen)
    if unknown := set(chosen) - {row.id for row in rows}:
        raise NotFound(say("this hunt shows no message {unknown}", unknown=format_id(min(unknown))))
    for row in rows:
        session.refresh(row, with_for_update=True)
    return rows


def check_removable(found: HuntEvidence, *, known: bool) -> None:
    """NotAllowedNow where one of the messages is not to be removed like this."""
    if found.taken:
        raise NotAllowedNow(say_count("{count} message is removed already", "{count} messages are removed already", count=found.taken))
    if found.ours:
        raise NotAllowedNow(
            say_count(
                "{count} message came through Mailroom: remove it there",
                "{count} messages came through Mailroom: remove them there",
                count=found.ours,
            )
        )
    if found.known and not known:
        raise NotAllowedNow(
            say_count(
                "{count} message is from a contact: leave it out, or confirm that it is meant",
                "{count} messages are from contacts: leave them out, or confirm that they are meant",
                count=found.known,
            )
        )


def remove_as_asked(session: Session, asked: PendingAct, first: Actor, *, by: Actor, now: datetime, settings: Settings) -> int:
    """The removal that was asked for, in the name of both."""
    require_hunter(by, settings)
    order, chosen = asked.order, [parse_id(one) for one in asked.items]
    made = remove_hunted(
        session,
        parse_id(order["hunt"]),
        chosen,
        by=first,
        second=by,
        reason=asked.reason,
        fence=order["fence"],
        known=order["known"],
        now=now,
        settings=settings,
    )
    return made.id


ACTS: Mapping[str, Act] = {dual_control.HUNT: show_hunt, HUNT_REMOVAL: remove_as_asked}
