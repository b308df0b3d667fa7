"""The recaller's verbs: claim what is to be taken out of mailboxes or put back, secure it, settle what became of it."""

import contextlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, select, update
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.delivery import recalled_copies
from triage.delivery.recall import related_messages
from triage.delivery.recall.related_messages import Related
from triage.delivery.recalled_copies import BY, IN_MAILBOX, Copy
from triage.delivery.routes import next_hop_of, place_of
from triage.directory import reassigned_addresses, renamed_mailboxes
from triage.errors import NotFound
from triage.ids import format_id, made_at
from triage.say import form_of, join_parts, say
from triage.store import bodies, ledger, restore_pause
from triage.store.db import is_among
from triage.store.delivery_state import Event, State
from triage.store.message_columns import named_id
from triage.store.models.columns import sentence_columns
from triage.store.models.deliveries import Attempt, Delivery, reply_columns
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Content, Message

LEASE = timedelta(minutes=4)  # a session with one mailbox ends before
DUE = frozenset({State.RECALLING, State.RESTORING})
MOST = 100  # deliveries of one mailbox in one session
LOOKED_AT = 1000  # due deliveries that one claim sorts by mailbox
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(hours=1)  # pauses before a mailbox is tried again
JITTER = 0.2
GONE = ("taken", "missing")  # endings after which there is no copy in the mailbox
ANOTHERS = say("The address now belongs to somebody else, and the message is not in their mailbox.")


@dataclass(frozen=True, slots=True)
class RecallJob:
    """Delivery that a worker may remove from its mailbox, or restore there, until the lease ends."""

    delivery_id: int
    number: int  # of the attempt; fences late answers of a dead worker
    restoring: bool
    mailbox: str
    place: str  # maildir:DIRECTORY or the IMAP server's URL; "" when there is no way in
    marker: str  # the value of X-Mailroom-Message
    message_id: str  # the Message-ID, "" without one
    received_at: datetime
    content: bytes | None  # as received; None when erased
    sure: bool = True  # False: the next hop did not answer or the relay's worker died, so nobody knows whether it was delivered
    copies: tuple[Copy, ...] = ()  # restoring: what to put back
    gone: bool = False  # restoring: there was no copy when it was taken
    earlier: tuple[str, ...] = ()  # what the mailbox was called before, where it may lie all the same
    anothers: bool = False  # whose mail it is has left, and somebody else has the address now

    @property
    def irreplaceable(self) -> bool:
        """Whether the copies that it restores are all that there are."""
        return self.restoring and self.content is None and bool(self.copies)


@dataclass(frozen=True, slots=True)
class Ending:
    """Result of a recall: taken, missing, restored, there (still), absent, deferred or refused; and the sentence about it."""

    kind: str
    why: str = ""
    related: tuple[Related, ...] = ()  # what lies beside, for the person who purges
    pause: float = 0.0  # seconds that the server wants to be left alone


def claim_mailboxes(
    session: Session, *, mailboxes: int, busy: Iterable[str] = (), settings: Settings, now: datetime
) -> list[list[RecallJob]]:
    """Take everything that is due in at most so many mailboxes, none of them in `busy`; the jobs of each mailbox."""
    taken = set(busy)
    due = col(Delivery.state).in_(DUE) & (col(Delivery.due_at) <= now) & col(Delivery.mailbox).not_in(taken) & restore_pause.is_running()
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.mailbox))
        .where(due)
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(LOOKED_AT)
        .with_for_update(skip_locked=True)
    )
    found: dict[int, str] = dict(rows.all())
    moved = renamed_mailboxes.current_mailboxes(session, found)
    picked: dict[str, list[int]] = {}
    for delivery_id, mailbox in (found | moved).items():
        if mailbox in picked or (len(picked) < mailboxes and mailbox not in taken):
            picked.setdefault(mailbox, []).append(delivery_id)
    ids = [delivery_id for some in picked.values() for delivery_id in some[:MOST]]
    if not ids:
        return []
    renamed_mailboxes.follow_renamed_mailboxes(session, {one: moved[one] for one in ids if one in moved})
    ledger.record_many(
        session,
        is_among(session, col(Delivery.id), ids) & col(Delivery.state).in_(DUE),
        Event.CLAIM,
        by=BY,
        now=now,
        attempts=col(Delivery.attempts) + 1,
        due_at=now + LEASE,
    )
    jobs = {job.delivery_id: job for job in prepare_jobs(session, ids, settings, now)}
    mine = ([jobs[one] for one in some[:MOST] if one in jobs] for some in picked.values())
    return [some for some in mine if some]


def prepare_jobs(session: Session, ids: list[int], settings: Settings, now: datetime) -> list[RecallJob]:
    """All that workers need, as values; the attempts are in the audit log before anybody dials."""
    rows = session.execute(
        select(Delivery, named_id(), col(Message.received_at), col(Message.content_id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(is_among(session, col(Delivery.id), ids))
        .order_by(col(Delivery.id))
        .execution_options(populate_existing=True)
    ).all()
    hops, kept = delivered_by(session, ids), recalled_copies.current_copies(session, ids)
    in_doubt = set(
        session.scalars(select(col(Delivery.id)).where(is_among(session, col(Delivery.id), ids), recalled_copies.may_have_arrived()))
    )
    known = contents_of(session, {content_id for _, _, _, content_id in rows})
    names = renamed_mailboxes.earlier_mailboxes(session, (delivery.mailbox for delivery, *_ in rows))
    anothers = reassigned_addresses.find_barred(session, ids)
    jobs = []
    for delivery, message_id, received_at, content_id in rows:
        hop = hops.get(delivery.id, "")
        way = hop or next_hop_of(settings, department=delivery.department, mailbox=delivery.mailbox, direction=delivery.direction)
        restoring = State(delivery.state) is State.RESTORING
        content = known.get(content_id)
        copies = kept.get(delivery.id, []) if restoring else []
        jobs.append(
            RecallJob(
                delivery_id=delivery.id,
                number=delivery.attempts,
                restoring=restoring,
                mailbox=delivery.mailbox,
                place=place_of(way, settings),
                marker=format_id(delivery.message_id),
                message_id=message_id or "",
                received_at=received_at,
                content=content,
                sure=bool(hop) or delivery.id not in in_doubt,
                copies=tuple(recalled_copies.copy_of(row, content) for row in copies if recalled_copies.is_whole(row, content)),
                gone=any(row.gone for row in copies),
                earlier=tuple(name for name, until in names.get(delivery.mailbox, ()) if made_at(delivery.id) <= until),
                anothers=delivery.id in anothers,
            )
        )
    session.add_all(Attempt(delivery_id=one.delivery_id, number=one.number, started_at=now, next_hop=one.place) for one in jobs)
    session.flush()
    return jobs


def contents_of(session: Session, ids: Iterable[int]) -> dict[int, bytes]:
    """The bytes of each content that is not erased, once however many mailboxes it is to be taken out of."""
    rows = session.execute(
        select(col(Content.id), col(Content.zstd), col(Content.size)).where(
            is_among(session, col(Content.id), ids), col(Content.zstd).is_not(None)
        )
    )
    found: dict[int, bytes] = {}
    for content_id, zstd, size in rows:
        with contextlib.suppress(NotFound):  # damaged: as if it were erased
            found[content_id] = bodies.unpack_body(zstd, size)
    return found


def delivered_by(session: Session, ids: list[int]) -> dict[int, str]:
    """The next hop that took each of these over."""
    rows = session.execute(
        select(col(Attempt.delivery_id), col(Attempt.next_hop))
        .where(is_among(session, col(Attempt.delivery_id), ids), col(Attempt.outcome) == "delivered")
        .order_by(col(Attempt.number))
    )
    return dict(rows.all())


def secure_copies(session: Session, found: Sequence[tuple[RecallJob, Sequence[Copy]]], *, now: datetime) -> set[int]:
    """Write down the copies that are about to be taken (mailflow.md 13).

    Only of these deliveries they may be taken: of the others another worker has taken over.
    """
    held = lock_jobs(session, [job for job, _ in found])
    mine = [(job, copies) for job, copies in found if job.delivery_id in held]
    recalled_copies.record_copies(session, ((job.delivery_id, job.content, copies) for job, copies in mine), now=now)
    return set(held)


def settle_jobs(session: Session, ended: Sequence[tuple[RecallJob, Ending]], *, settings: Settings, now: datetime) -> set[int]:
    """Write down how jobs ended; of which deliveries. Of the others another worker has taken over: its word counts."""
    held = lock_jobs(session, [job for job, _ in ended])
    mine = see_removals(session, [Settled(held[job.delivery_id], job, ending) for job, ending in ended if job.delivery_id in held])
    end_attempts(session, mine, now)
    gone, there = [], []
    for one in mine:
        over = now - (one.delivery.queued_at or now) >= timedelta(hours=settings.recall.give_up_after)
        if one.ending.kind == "deferred" and (one.job.irreplaceable or not over):
            defer_recall(session, one.delivery, one.ending, now)
        elif one.ending.kind in GONE and one.job.anothers and not recalled_copies.current_copies(session, [one.delivery.id]):
            leave_copy(session, one._replace(ending=Ending("refused", ANOTHERS)), now)
        elif one.ending.kind in GONE:
            gone.append(one)
        elif one.ending.kind in ("restored", "there"):
            there.append(one)
        elif one.job.restoring:
            deliver_anew(session, one, now)
        else:
            leave_copy(session, one, now)
    settle_gone(session, gone, now)
    settle_there(session, there, now)
    return set(held)


class Settled(NamedTuple):
    """A delivery whose job has ended."""

    delivery: Delivery
    job: RecallJob
    ending: Ending


def lock_jobs(session: Session, jobs: Sequence[RecallJob]) -> dict[int, Delivery]:
    """The deliveries, locked, of which the job's attempt is the last one."""
    mine = is_among(session, col(Delivery.id), (job.delivery_id for job in jobs))
    ordered = select(Delivery).where(mine).order_by(col(Delivery.id)).with_for_update().execution_options(populate_existing=True)
    rows = {delivery.id: delivery for delivery in session.scalars(ordered)}
    return {
        job.delivery_id: delivery
        for job in jobs
        if (delivery := rows.get(job.delivery_id)) and delivery.attempts == job.number and State(delivery.state) in DUE
    }


def end_attempts(session: Session, settled: Sequence[Settled], now: datetime) -> None:
    """Saves the outcome of each attempt."""
    mine = (col(Attempt.delivery_id) == bindparam("one")) & (col(Attempt.number) == bindparam("attempt"))
    what = (
        update(Attempt).where(mine).values(ended_at=now, outcome=bindparam("became"), reply=bindparam("said"), reply_form=bindparam("form"))
    )
    ended = [(one.job, one.ending) for one in settled]
    rows = [
        {"one": job.delivery_id, "attempt": job.number, "became": ending.kind, "said": str(ending.why), "form": form_of(ending.why)}
        for job, ending in ended
    ]
    if rows:
        session.connection().execute(what, rows)


def defer_recall(session: Session, delivery: Delivery, ending: Ending, now: datetime) -> None:
    """Try it again later: the longer it has not worked, the later; and not before the server wants to hear of it again."""
    usual = min(max(now - (delivery.queued_at or now), SHORTEST), LONGEST) * random.uniform(1 - JITTER, 1 + JITTER)
    pause, why = max(usual, timedelta(seconds=ending.pause)), ending.why
    session.execute(update(Delivery).where(col(Delivery.id) == delivery.id).values(due_at=now + pause, **reply_columns(why)))
    under_way = "restoring" if State(delivery.state) is State.RESTORING else "recalling"
    recalled_copies.record_outcome(session, delivery.decision_id, delivery.id, under_way, say("Will be tried again: {why}", why=why))


def settle_gone(session: Session, gone: Sequence[Settled], now: datetime) -> None:
    """Settles recalls whose messages are out of the mailbox, or were not there any more. Those wanted back by an undo start to return."""
    copies = recalled_copies.current_copies(session, (one.delivery.id for one in gone))
    recalled_copies.record_absence(session, (one.delivery.id for one in gone if one.job.sure and one.delivery.id not in copies), now=now)
    told = []
    events: dict[Event, list[Settled]] = {Event.RECALL: [], Event.MISS: []}
    for one in gone:
        found = copies.get(one.delivery.id, [])
        taken = bool(found) and one.ending.kind == "taken"
        events[Event.RECALL if taken else Event.MISS].append(one)
        said = recalled_copies.describe_copies(found) or describe_absence(one.job)
        why = join_parts(
            " ", [said if taken or not found else say("{place} It was gone before it could be removed.", place=said), one.ending.why]
        )
        related_messages.record_related(session, one.delivery.decision_id, one.delivery, one.ending.related, now)
        told.append((one.delivery.decision_id, one.delivery.id, "done" if taken or not one.job.sure else "already gone", why))
    wanted = [one.delivery.id for one in gone if one.delivery.back_wanted_by is not None]
    for event, some in events.items():
        by_decision(session, some, event, now, named=event is Event.RECALL)
    recalled_copies.set_outcomes(session, told)
    for delivery_id in wanted:
        recalled_copies.bring_back(session, delivery_id, now=now)


def see_removals(session: Session, settled: Sequence[Settled]) -> list[Settled]:
    """The same, where a copy is missing that a worker had found, and died before it could say so: that worker removed it."""
    found = recalled_copies.current_copies(session, [one.delivery.id for one in settled if one.ending.kind == "missing"])
    return [
        one._replace(ending=replace(one.ending, kind="taken")) if was_found_before(one, found.get(one.delivery.id, ())) else one
        for one in settled
    ]


def was_found_before(one: Settled, found: Sequence[Recalled]) -> bool:
    """Whether one of these copies was found before the running attempt."""
    claimed = (one.delivery.due_at or one.delivery.received_at) - LEASE
    return any(row.found_at < claimed for row in found)


def settle_there(session: Session, there: Sequence[Settled], now: datetime) -> None:
    """Settles recalls whose messages are in their mailbox again, or still. A purge that met them on the way is carried out."""
    words = {"there": "still there", "restored": "done"}
    told = [(one.delivery.decision_id, one.delivery.id, words[one.ending.kind], one.ending.why) for one in there]
    purges = [(delivery.id, delivery.purge_wanted_by) for delivery, _, _ in there if delivery.purge_wanted_by is not None]
    for is_back in (True, False):
        some = [one for one in there if (one.ending.kind == "restored") is is_back]
        by_decision(session, some, Event.DELIVER, now, named=is_back)
    recalled_copies.end_copies(session, [one.delivery.id for one in there], now=now)
    recalled_copies.set_outcomes(session, told)
    for delivery_id, purge in purges:
        carry_out_purge(session, delivery_id, purge, now)
        recalled_copies.record_outcome(session, purge, delivery_id, "recalling", "")


def by_decision(session: Session, settled: Sequence[Settled], event: Event, now: datetime, *, named: bool) -> None:
    """The event in the audit log, once for all items of a decision. `named`: with their ids, since a mailbox was changed."""
    decisions: dict[int | None, list[int]] = {}
    for one in settled:
        decisions.setdefault(one.delivery.decision_id, []).append(one.delivery.id)
    for decision_id, ids in decisions.items():
        mine = is_among(session, col(Delivery.id), ids)
        detail = {IN_MAILBOX: [format_id(one) for one in ids]} if named else None
        ledger.record_many(session, mine, event, by=BY, now=now, detail=detail, decision_id=decision_id, due_at=None, last_reply="")


def leave_copy(session: Session, one: Settled, now: datetime) -> None:
    """A copy that cannot be taken stays where it is. What may never have arrived is purged without."""
    delivery, why = one.delivery, one.ending.why
    purge, undone_by = delivery.decision_id, delivery.back_wanted_by
    if not one.job.sure and not recalled_copies.current_copies(session, [delivery.id]):
        ledger.record_event(
            session, delivery.id, Event.RECALL, by=BY, now=now, decision_id=purge, detail=sentence_columns("why", why), due_at=None
        )
        recalled_copies.record_outcome(
            session, purge, delivery.id, "done", say("It may have been delivered, and the mailbox could not be checked: {why}", why=why)
        )
        recalled_copies.bring_back(session, delivery.id, now=now)
        return
    changes: dict[str, Any] = {"due_at": None, "back_wanted_by": None, "back_to": ""} | reply_columns(why)
    ledger.record_event(session, delivery.id, Event.GIVE_UP, by=BY, now=now, detail=sentence_columns("why", why), **changes)
    recalled_copies.end_copies(session, [delivery.id], now=now)
    recalled_copies.record_outcome(session, purge, delivery.id, "out of reach", why)
    if undone_by not in (None, purge):
        recalled_copies.record_outcome(session, undone_by, delivery.id, "done", say("It never left the mailbox."))


def deliver_anew(session: Session, one: Settled, now: datetime) -> None:
    """Sends a delivery that cannot be put back, or is no longer there, to the next hop again; or purges it where a purge met it on the
    way.
    """
    delivery, why = one.delivery, one.ending.why
    decision, purge = delivery.decision_id, delivery.purge_wanted_by
    ledger.record_event(
        session, delivery.id, Event.GIVE_UP, by=BY, now=now, detail=sentence_columns("why", why), due_at=now, queued_at=now, last_reply=""
    )
    recalled_copies.end_copies(session, [delivery.id], now=now)
    recalled_copies.record_outcome(session, decision, delivery.id, "done", why)
    if purge is not None:
        carry_out_purge(session, delivery.id, purge, now)
        recalled_copies.record_outcome(session, purge, delivery.id, "done", "")
        recalled_copies.bring_back(session, delivery.id, now=now)


def carry_out_purge(session: Session, delivery_id: int, decision_id: int, now: datetime) -> None:
    """The purge that met this delivery while it was being put back."""
    ledger.record_event(
        session, delivery_id, Event.PURGE, by=BY, now=now, decision_id=decision_id, purge_wanted_by=None, **recalled_copies.due_values(now)
    )


def describe_absence(job: RecallJob) -> str:
    """Says why there was no copy to take."""
    return say("It was not in the mailbox any more.") if job.sure else say("It never arrived.")


def next_due(session: Session) -> datetime | None:
    """Returns when the next recall is due, or a dead worker's lease ends; None when nothing waits."""
    found: datetime | None = session.scalar(
        select(func.min(col(Delivery.due_at))).where(
            col(Delivery.state).in_(DUE), col(Delivery.due_at).is_not(None), restore_pause.is_running()
        )
    )
    return found
