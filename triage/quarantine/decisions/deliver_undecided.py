"""Delivers held messages without warnings that nobody decided about in time: a decision of Mailroom itself, which people can undo.

Nothing is learned from it: its verb is none that says that staff wants a message.
"""

from datetime import datetime

from sqlalchemy import and_, true
from sqlmodel import Session, col

from triage.actor import EVERYTHING, Actor
from triage.config.settings import Settings
from triage.directory import reassigned_addresses
from triage.quarantine.decisions.carry_out import change_deliveries, row_changes
from triage.quarantine.decisions.decision_request import AIMS, Verb
from triage.quarantine.decisions.outcomes import Item, decision_of, file_decision
from triage.quarantine.search import undecided
from triage.quarantine.search.selection import Selection
from triage.quarantine.search.undecided import Candidate, Terms
from triage.say import say
from triage.store import ledger
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery

BY = Actor("system", "undecided", None, EVERYTHING, "Mailroom")
VERB = "deliver"
SLICE = 50  # messages of one transaction


def is_due(session: Session, wanted: Terms) -> bool:
    """Whether there is anything to do: terms in the settings, or such as were noted before."""
    return bool(wanted.minutes or undecided.known_terms(session).minutes)


def deliver_slice(session: Session, *, settings: Settings, now: datetime, after: Candidate | None = None) -> tuple[int, Candidate | None]:
    """Delivers the messages of the next slice that are due; returns how many, and the message to go on from, None at the end.

    Each is locked before it is asked whether somebody works on it. Whoever is faster decides, and a second process finds it decided.
    """
    terms = undecided.note_terms(session, Terms.of_settings(settings), now)
    where = and_(terms.is_maybe_due(now), undecided.comes_after(after) if after else true())
    found = undecided.find_candidates(session, where, SLICE) if terms.minutes else []
    due = [one for one in found if terms.is_due(one.department, one.received_at, now)]
    locked = {one for one, state, _ in lock_candidates(session, due) if state is State.HELD}
    anew = undecided.find_candidates(session, is_among(session, col(Delivery.id), locked), SLICE) if locked else []
    free = undecided.find_free(session, anew, terms, now)
    delivered = sum(deliver_message(session, one, terms.minutes[one.department], settings=settings, now=now) for one in free)
    return delivered, found[-1] if len(found) == SLICE else None


def lock_candidates(session: Session, due: list[Candidate]) -> list[tuple[int, State, datetime]]:
    """Locks these messages by their ids."""
    return ledger.lock_deliveries(session, is_among(session, col(Delivery.id), [one.id for one in due])) if due else []


def deliver_message(session: Session, about: Candidate, minutes: int, *, settings: Settings, now: datetime) -> int:
    """Delivers one message, as a decision of its own; 0 where its address is somebody else's now."""
    barred = reassigned_addresses.find_barred(session, [about.id])
    if barred:
        return 0
    why = say("Delivered after {minutes} minutes without a decision: no warnings.", minutes=minutes)
    decision = decision_of(BY, VERB, Selection(ids=(about.id,)).as_json(), str(why), now, count=1)
    aim = AIMS[Verb.RELEASE]
    changes = row_changes(session, aim.event, "", now, settings)
    items = change_deliveries(session, decision, [(about.id, State.HELD)], aim, changes, {}, by=BY)
    file_decision(session, decision, [Item(one.delivery_id, one.before, one.outcome, one.why or why) for one in items], by=BY, now=now)
    return sum(one.outcome == "done" for one in items)
