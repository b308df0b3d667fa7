"""Copies that were taken out of mailboxes: kept byte for byte beside the content, and released when they are over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, literal, not_, null, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.directory import reassigned_addresses
from triage.errors import NotFound
from triage.say import form_of, join_parts, list_with_and, say
from triage.store import bodies, ledger
from triage.store.db import UNSEEN, is_among
from triage.store.delivery_state import Event, State
from triage.store.models.columns import Instant, sentence_columns
from triage.store.models.decisions import DecisionItem
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.mailboxes import Recalled
from triage.text.sanitize import escape_visible

BY = Actor.system("recall")
IN_MAILBOX = "in_mailbox"  # detail of the audit log: the deliveries that were taken out of their mailbox, or are back there
ENDS_THERE, ENDS_AWAY = ("delivered", "restored", "there"), ("taken",)  # endings of attempts: in the mailbox, out of it
UNANSWERED = "unanswered"  # how an attempt ends that got no answer after the final dot


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy of a message in a mailbox."""

    folder: str
    flags: tuple[str, ...]  # IMAP flags and keywords, without \\Recent
    internal_date: datetime
    raw: bytes
    uid_validity: int = 0
    uid: int = 0
    name: str = ""  # Maildir: the file's name below the folder

    @property
    def place(self) -> tuple[str, int, int, str]:
        """Place of the copy: no two copies of a mailbox share it."""
        return (self.folder, self.uid_validity, self.uid, self.name.partition(":")[0].rpartition("/")[2])


def record_copies(session: Session, found: Iterable[tuple[int, bytes | None, Iterable[Copy]]], *, now: datetime) -> None:
    """Write down what is about to be taken, before it is taken: of each delivery its content and the copies.

    What is written down already stays as it was seen first, unless its owner has moved it since.
    """
    some = [(delivery_id, content, list(copies)) for delivery_id, content, copies in found]
    known = current_copies(session, (delivery_id for delivery_id, _, copies in some if copies))
    for delivery_id, content, copies in some:
        rows = {place_of(row): row for row in known.get(delivery_id, ())}
        missing = [row for place, row in rows.items() if place not in {copy.place for copy in copies}]
        for copy in copies:
            if copy.place not in rows:
                moved = next((row for row in missing if row.size == len(copy.raw)), None)
                if moved:
                    missing.remove(moved)
                    session.delete(moved)
                session.add(row_of(delivery_id, content, copy, now))
    session.flush()


def row_of(delivery_id: int, content: bytes | None, copy: Copy, now: datetime) -> Recalled:
    """A copy as it is kept: what differs from the content at the top, and how many last bytes are the content's."""
    tail = shared_tail(copy.raw, content or b"")
    return Recalled(
        delivery_id=delivery_id,
        found_at=now,
        folder=copy.folder,
        uid_validity=copy.uid_validity,
        uid=copy.uid,
        name=copy.name,
        flags=list(copy.flags),
        internal_date=copy.internal_date,
        size=len(copy.raw),
        tail=tail,
        head=bodies.compress_body(copy.raw[: len(copy.raw) - tail]),
    )


def record_absence(session: Session, delivery_ids: Iterable[int], *, now: datetime) -> None:
    """Write down that there was no copy of these any more."""
    session.add_all(Recalled(delivery_id=one, found_at=now, gone=True) for one in delivery_ids)
    session.flush()


def current_copies(session: Session, delivery_ids: Iterable[int]) -> dict[int, list[Recalled]]:
    """The copies of these that were taken and not put back, in the order they were found."""
    mine = is_among(session, col(Recalled.delivery_id), delivery_ids)
    found: dict[int, list[Recalled]] = {}
    for row in session.scalars(select(Recalled).where(mine, col(Recalled.ended_at).is_(None)).order_by(col(Recalled.id))):
        found.setdefault(row.delivery_id, []).append(row)
    return found


def copy_of(row: Recalled, content: bytes | None) -> Copy:
    """A kept copy with its bytes. NotFound when they have been erased."""
    if row.head is None or not is_whole(row, content):
        raise NotFound(say("this copy was erased: its retention period is over"))
    head = zstandard.ZstdDecompressor().decompress(row.head, max_output_size=row.size)
    raw = head + (content[-row.tail :] if row.tail and content else b"")
    assert row.internal_date is not None
    return Copy(row.folder, tuple(row.flags), row.internal_date, raw, row.uid_validity, row.uid, row.name)


def is_whole(row: Recalled, content: bytes | None) -> bool:
    """Whether all of its bytes are there."""
    return row.head is not None and (not row.tail or content is not None)


def place_of(row: Recalled) -> tuple[str, int, int, str]:
    """Returns the place of a copy, as Copy.place does."""
    return (row.folder, row.uid_validity, row.uid, row.name.partition(":")[0].rpartition("/")[2])


def shared_tail(one: bytes, other: bytes) -> int:
    """Counts the last bytes that two texts have in common; a mailbox's copy ends like the content, below the trace fields on top."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[len(one) - middle :] == other[len(other) - middle :]:
            least = middle
        else:
            most = middle - 1
    return least


def end_copies(session: Session, delivery_ids: Iterable[int], *, now: datetime) -> None:
    """Ends copies that are back in their place, or no longer wanted: their bytes are released, the record stays."""
    open_rows = is_among(session, col(Recalled.delivery_id), delivery_ids) & col(Recalled.ended_at).is_(None)
    session.execute(update(Recalled).where(open_rows).values(ended_at=now, head=None), execution_options=UNSEEN)


def describe_copies(rows: list[Recalled]) -> str:
    """Says where copies were and what their owner had done with them; "" without one."""
    lay = [say("in {folder}, {done}", folder=escape_visible(row.folder), done=done_with(row.flags)) for row in rows if not row.gone]
    return say("It was {places}.", places=join_parts("; ", lay)) if lay else ""


def done_with(flags: list[str]) -> str:
    """Says what the owner did with a message, by its flags."""
    folded = {flag.casefold() for flag in flags}
    words = (("\\seen", say("read")), ("\\answered", say("answered")), ("$forwarded", say("forwarded")))
    done = [word for flag, word in words if flag in folded]
    return list_with_and(done) if done else say("unread")


def is_restorable() -> ColumnElement[bool]:
    """Condition: deliveries that were purged from a mailbox and can be put back there. Held ones are left out: they are held again."""
    item = (col(DecisionItem.decision_id) == col(Delivery.decision_id)) & (col(DecisionItem.delivery_id) == col(Delivery.id))
    was_held = exists().where(item & (col(DecisionItem.before) == State.HELD))
    return is_copy_saved() & not_(was_held)


def is_copy_saved() -> ColumnElement[bool]:
    """Condition: deliveries for which the copy found in the mailbox is saved, or that there was none."""
    of_it = (col(Recalled.delivery_id) == col(Delivery.id)) & col(Recalled.ended_at).is_(None)
    return exists().where(of_it & (col(Recalled.gone) | col(Recalled.head).is_not(None)))


def is_taken() -> ColumnElement[bool]:
    """Condition on copies: of this delivery, taken out of its mailbox, and not back there."""
    return and_(col(Recalled.delivery_id) == col(Delivery.id), col(Recalled.gone).is_(False), col(Recalled.ended_at).is_(None))


def find_taken(session: Session, delivery_ids: Iterable[int]) -> dict[int, int]:
    """Returns those that were taken out of their mailbox and have not come back, each with the last decision about it."""
    ends = is_among(session, col(Attempt.delivery_id), delivery_ids) & col(Attempt.outcome).in_((*ENDS_THERE, *ENDS_AWAY))
    number = func.max(col(Attempt.number)).label("number")
    newest = select(col(Attempt.delivery_id).label("delivery"), number).where(ends).group_by(col(Attempt.delivery_id)).subquery()
    of_it = (col(Attempt.delivery_id) == newest.c.delivery) & (col(Attempt.number) == newest.c.number)
    rows = select(col(Delivery.id), col(Delivery.decision_id)).join(newest, newest.c.delivery == col(Delivery.id)).join(Attempt, of_it)
    return dict(session.execute(rows.where(col(Attempt.outcome).in_(ENDS_AWAY), col(Delivery.decision_id).is_not(None))).all())


def may_have_arrived() -> ColumnElement[bool]:
    """Condition: messages to employees that no next hop has confirmed, though one may have them."""
    return (col(Delivery.direction) == "in") & may_have_left()


def may_have_left() -> ColumnElement[bool]:
    """Condition: deliveries that a next hop may have, without an answer: none came, or the worker died."""
    unanswered = (col(Attempt.outcome) == UNANSWERED) | ((col(Attempt.outcome) == "") & (col(Attempt.next_hop) == ""))
    of_it = exists().where((col(Attempt.delivery_id) == col(Delivery.id)) & unanswered)
    return (col(Delivery.attempts) > 0) & of_it


def to_seek(now: datetime) -> dict[str, Any]:
    """Returns the column values of a delivery that is to be looked for in the mailbox."""
    return {"due_at": now, "queued_at": now, "last_reply": ""}


def due_values(now: datetime) -> dict[str, Any]:
    """Returns the column values of a purge: delivered messages are due for the recaller at once, the others never."""
    delivered = col(Delivery.state) == State.DELIVERED
    return {
        "due_at": case((delivered, literal(now, Instant)), else_=null()),
        "queued_at": case((delivered, literal(now, Instant)), else_=col(Delivery.queued_at)),
        "last_reply": case((delivered, ""), else_=col(Delivery.last_reply)),  # what the recaller says is shown from now on
    }


def request_return(session: Session, where: ColumnElement[bool], to: str, decision_id: int) -> set[int]:
    """Note that an undo wants these back, once the recaller or the relay is through with them; which ones."""
    ids = set(session.scalars(select(col(Delivery.id)).where(where)))
    if ids:
        wanted = {"back_wanted_by": decision_id, "back_to": to}
        session.execute(update(Delivery).where(col(Delivery.id).in_(ids)).values(**wanted))
    return ids


def expedite_recall(session: Session, ids: Iterable[int], *, now: datetime) -> None:
    """Makes deliveries due now that wait for another attempt of the recaller. Attempts that are running go on."""
    last = (col(Attempt.delivery_id) == col(Delivery.id)) & (col(Attempt.number) == col(Delivery.attempts))
    waiting = is_among(session, col(Delivery.id), ids) & exists().where(last & col(Attempt.ended_at).is_not(None))
    session.execute(update(Delivery).where(waiting, col(Delivery.due_at) > now).values(due_at=now))


def bring_back(session: Session, delivery_id: int, *, now: datetime) -> None:
    """Starts the return of a delivery that is purged now, if an undo wanted it back meanwhile."""
    delivery = session.get_one(Delivery, delivery_id, populate_existing=True)
    wanted_by, to = delivery.back_wanted_by, delivery.back_to
    if wanted_by is None:
        return
    event = Event.PUT_BACK if to == "mailbox" else Event.RESTORE
    leaves = now if event is Event.PUT_BACK else None
    changes: dict[str, Any] = {"due_at": leaves, "queued_at": leaves, "back_wanted_by": None, "back_to": ""}
    ledger.record_event(session, delivery_id, event, by=BY, now=now, decision_id=wanted_by, **changes)
    if event is Event.RESTORE:
        end_copies(session, [delivery_id], now=now)
        reassigned_addresses.readdress_deliveries(session, col(Delivery.id) == delivery_id)  # to whom it was meant at first
        record_outcome(session, wanted_by, delivery_id, "done")
    if to == "queued":
        ledger.record_event(
            session, delivery_id, Event.RELEASE, by=BY, now=now, decision_id=wanted_by, due_at=now, queued_at=now, last_reply=""
        )


def record_outcome(session: Session, decision_id: int | None, delivery_id: int, outcome: str, why: str | None = None) -> None:
    """Write down what became of one item of a decision; without `why` that stays as it is."""
    mine = (col(DecisionItem.decision_id) == decision_id) & (col(DecisionItem.delivery_id) == delivery_id)
    values = {"outcome": outcome} | ({} if why is None else sentence_columns("why", why))
    session.execute(update(DecisionItem).where(mine).values(**values))


def set_outcomes(session: Session, told: Sequence[tuple[int | None, int, str, str]]) -> None:
    """The same for many: decision, delivery, outcome and why."""
    mine = (col(DecisionItem.decision_id) == bindparam("of")) & (col(DecisionItem.delivery_id) == bindparam("one"))
    what = update(DecisionItem).where(mine).values(outcome=bindparam("became"), why=bindparam("because"), why_form=bindparam("form"))
    if told:
        rows = [
            {"of": of, "one": one, "became": became, "because": str(because), "form": form_of(because)} for of, one, became, because in told
        ]
        session.connection().execute(what, rows)
