"""The answer to a known message: what a decision about one does, which is nothing but to say whether it was right, and why."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.quarantine.training import UNTELLING
from triage.quarantine.training_messages import RELEASE_IT, REMOVE_IT
from triage.say import join_parts, say
from triage.store import ledger
from triage.store.db import is_among
from triage.store.delivery_state import Event, State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.staff import KnownMessage
from triage.store.queue.grouping import in_states

Meant = Sequence[tuple[int, State]]  # deliveries and their states

ANSWERED = "answered"  # outcome of a known message: nothing became of it, and its decision was an answer
Outcome = tuple[int, State, str, str]  # of a delivery: its state before, what became of it, and why

GIVEN = {"release": RELEASE_IT, "redirect": RELEASE_IT, "purge": REMOVE_IT, "reject": REMOVE_IT}  # decisions that are an answer
SOURCE = {RELEASE_IT: say("Staff had released the real one."), REMOVE_IT: say("Staff had removed the real one.")}
HIT = {
    RELEASE_IT: say("This was a known message, and you were right: it is harmless."),
    REMOVE_IT: say("This was a known message, and you were right: it is harmful."),
}
MISS = {
    RELEASE_IT: say("This was a known message, and it is harmless: release was right."),
    REMOVE_IT: say("This was a known message, and it is harmful: removal was right."),
}
OVER = say("It was a known message, and is over.")
ALONE = say("A known message was among them. Decide about the others again.")
MOST_CLUES = 3  # signals that are named


def find_known(session: Session, ids: Iterable[int]) -> set[int]:
    """Finds the known messages among these deliveries."""
    return set(session.scalars(select(col(KnownMessage.delivery_id)).where(is_among(session, col(KnownMessage.delivery_id), ids))))


def without_known(session: Session, meant: Meant) -> Meant:
    """The deliveries without known messages."""
    known = find_known(session, [one for one, _ in meant])
    return [one for one in meant if one[0] not in known] if known else meant


def is_answer(session: Session, meant: Meant) -> bool:
    """Whether a decision about these is an answer and nothing else: known messages are all of it that is held.

    What else a row reaches for, such as copies in mailboxes, was found because of the known message.
    """
    held = {one for one, state in meant if state is State.HELD}
    return bool(held) and held <= find_known(session, held)


def answer_known(session: Session, decision: Decision, known: Meant, *, by: Actor) -> list[Outcome]:
    """Takes a decision about known messages as their answer. Nothing else becomes of them."""
    given = GIVEN.get(decision.verb, "")
    held = [one for one, state in known if state is State.HELD] if given else []
    where = is_among(session, col(Delivery.id), held) & in_states((State.HELD,))
    changes = {"claimed": True}  # from now on it says nothing of its author
    detail = {"given": given}
    changed = dict(
        ledger.record_many(session, where, Event.ANSWER, by=by, now=decision.at, decision_id=decision.id, detail=detail, **changes)
        if held
        else ()
    )
    login = by.name if by.kind == "person" else ""
    rows = is_among(session, col(KnownMessage.delivery_id), changed)
    session.execute(update(KnownMessage).where(rows).values(answered_at=decision.at, login=login, given=given))
    why = explain_answers(session, changed)
    return [(one, state, ANSWERED, why[one]) if one in changed else (one, state, "refused", OVER) for one, state in known]


def explain_answers(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Says for each of these known messages whether its answer was right, and why."""
    rows = session.execute(
        select(KnownMessage, col(Message.record))
        .join(Delivery, col(Delivery.id) == col(KnownMessage.delivery_id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(is_among(session, col(KnownMessage.delivery_id), ids))
        .execution_options(populate_existing=True)
    )
    found: dict[int, str] = {}
    for one, record in rows:
        result = (HIT if one.given == one.expected else MISS)[one.expected]
        signals = () if record.fault else record.signals
        clues = [signal["sentence"] for signal in signals if signal["name"] not in UNTELLING][:MOST_CLUES]
        found[one.delivery_id] = join_parts(" ", [result, SOURCE[one.expected], *clues])
    return found


def leave_others(meant: Meant) -> list[Outcome]:
    """Outcomes of what a decision reached for because of a known message: nothing was done about it."""
    return [(one, state, "refused", ALONE) for one, state in meant]
