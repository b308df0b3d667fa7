"""Takes the items of a decision back: each one that nobody has changed since, out of mailboxes and into them too."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, not_, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import groups, recalled_copies, rejections, sender_notices
from triage.directory import reassigned_addresses
from triage.ids import format_id
from triage.quarantine.decisions import mailbox_sweep
from triage.quarantine.decisions.outcome_text import OUT_OF_REACH, earlier_decision_sentence
from triage.quarantine.decisions.outcomes import CHANGING, LATEST, UNDER_WAY, Item
from triage.say import say
from triage.store import ledger
from triage.store.db import is_among
from triage.store.delivery_state import SHOWN, Event, State
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.queue.grouping import in_states

WAY_BACK = {
    "release": (Event.HOLD, State.QUEUED),
    "redirect": (Event.HOLD, State.QUEUED),
    "deliver": (Event.HOLD, State.QUEUED),
    "purge": (Event.RESTORE, State.PURGED),
    "sweep": (Event.RESTORE, State.PURGED),
    "take": (Event.RESTORE, State.PURGED),
    "reject": (Event.RESTORE, State.REJECTED),
    "restore": (Event.PURGE, State.HELD),
    "hold": (Event.RELEASE, State.HELD),
}
BACK_TO = {
    "release": "held",
    "redirect": "held",
    "deliver": "held",
    "restore": "",
}  # where what was delivered goes when it is out of the mailbox
LEFT = frozenset({"release", "redirect", "deliver"})  # what these released may have become the copies of a group's members
STOPPABLE = frozenset({State.HELD, State.QUEUED, State.BOUNCED})  # a member's copy that no mailbox has got
CHANGED_OUTCOMES = CHANGING | UNDER_WAY | {"already gone"}  # outcomes of items that there is something to take back of
SWEEPS = frozenset({"sweep", "take"})  # verbs that enter copies which never came through us
LEAVING = frozenset({State.QUEUED, State.RELAYING, State.RESTORING})  # what was on its way before a purge goes on its way again


def take_back(
    session: Session,
    decision: Decision,
    undoing_id: int,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    only: Sequence[int] | None = None,
    confirmed: Sequence[str] = (),
) -> list[Item]:
    """Put the items of a decision back; the outcome of each. `only`: of these, which are neighbours by id. `confirmed`: what of a second
    look was, for the record.
    """
    before, met = lock_changed(session, decision, only)
    act = Act(session, decision, undoing_id, by, now, settings, confirmed)
    mine = is_among(session, col(Delivery.id), before) & (col(Delivery.decision_id) == decision.id)
    spared = spare_in_flight(session, decision, list(before))
    is_recalling = decision.verb == "purge" and State.RECALLING in met
    stay, called_back = call_off_recalls(act, mine, before) if is_recalling else (set(), set())
    goes_further = decision.verb == "hold" or State.RECALLING in met or any(state is not State.HELD for state in before.values())
    strangers = reassigned_addresses.find_barred(session, before) if goes_further else {}
    from_mailboxes = decision.verb in SWEEPS or (decision.verb == "purge" and goes_further)
    restoring = put_back_into_mailboxes(act, mine, before, strangers) if from_mailboxes else set()
    reopened = groups.open_again(session, mine, by=by, now=now, decision_id=undoing_id) if decision.verb == "purge" else set()
    gathered, of_members = take_from_members(act, mine) if decision.verb in LEFT and State.DELIVERED in met else (set(), [])
    to = BACK_TO.get(decision.verb) if met & (LEAVING | {State.DELIVERED}) else None
    recalling, in_flight = take_out_of_mailboxes(act, mine, to) if to is not None else (set(), set())
    sought = seek_waiting(act, mine) if decision.verb in LEFT and settings.reaches_mailboxes else set()
    told = rejections.refuse_rejected(session, before) if decision.verb == "reject" else strangers if decision.verb == "hold" else {}
    changed = undo_states(act, mine & not_(is_among(session, col(Delivery.id), told))) | called_back
    if decision.verb == "reject":
        sender_notices.follow_deliveries(session, changed, settings=settings, now=now)
    if decision.verb == "purge":
        release_again(act, [one for one in changed if before[one] in LEAVING and one not in strangers])
    done = changed | reopened | gathered | stay | spared
    outcome = dict.fromkeys(done, "done") | dict.fromkeys(restoring, "restoring") | dict.fromkeys(recalling | sought, "recalling")
    said = dict.fromkeys(stay, say("It had not been removed yet.")) | dict.fromkeys(sought, say("It may have been delivered."))
    why = explain_not_undone(session, [one for one in before if one not in outcome and one not in in_flight], decision, now)
    why |= {one: ("refused", reason) for one, reason in told.items()}
    flying = dict.fromkeys(in_flight, ("in flight", say("It will be taken back once it has been delivered.")))
    return (
        [Item(one, before[one], outcome[one], said.get(one, "")) for one in before if one in outcome]
        + [Item(one, before[one], *(flying | why)[one]) for one in before if one not in outcome]
        + of_members
    )


class Act(NamedTuple):
    """The undoing under way."""

    session: Session
    decision: Decision
    undoing_id: int
    by: Actor
    now: datetime
    settings: Settings
    confirmed: Sequence[str] = ()  # of a second look

    @property
    def leaves(self) -> datetime:
        """Time at which deliveries that are released again leave."""
        return self.now + timedelta(seconds=self.settings.policy.undo_seconds)

    def record(self, where: ColumnElement[bool], event: Event, **changes: Any) -> set[int]:
        """Writes an event to the audit log; the deliveries that it changed."""
        detail: dict[str, Any] = {"undoes": format_id(self.decision.id)}
        detail |= {"confirmed": self.confirmed} if self.confirmed else {}
        changed = ledger.record_many(
            self.session, where, event, by=self.by, now=self.now, decision_id=self.undoing_id, detail=detail, **changes
        )
        return {delivery_id for delivery_id, _ in changed}


def undo_states(act: Act, mine: ColumnElement[bool]) -> set[int]:
    """Undoes states at once, for messages that no mailbox has got."""
    event, possible = WAY_BACK[act.decision.verb]
    where = mine & in_states((possible,)) & col(Delivery.erased_at).is_(None)
    changes: dict[str, Any] = {"due_at": act.leaves, "queued_at": act.leaves} if event is Event.RELEASE else {"due_at": None}
    changed = act.record(where, event, **changes)
    if event is Event.RESTORE:
        recalled_copies.end_copies(act.session, changed, now=act.now)
    if act.decision.verb == "redirect":
        reassigned_addresses.readdress_deliveries(
            act.session, is_among(act.session, col(Delivery.id), changed)
        )  # to whom they were meant at first
    return changed


def release_again(act: Act, ids: list[int]) -> None:
    """Queues again what was queued before it was purged."""
    if ids:
        act.record(is_among(act.session, col(Delivery.id), ids), Event.RELEASE, due_at=act.leaves, queued_at=act.leaves)


def call_off_recalls(act: Act, mine: ColumnElement[bool], before: dict[int, State]) -> tuple[set[int], set[int]]:
    """A recall that has taken nothing yet is over: copies that stay where they are, and what was only looked for, purged no more."""
    session = act.session
    idle = mine & in_states((State.RECALLING,)) & not_(recalled_copies.is_copy_saved())
    ids = set(session.scalars(select(col(Delivery.id)).where(idle)))
    unsent = {one for one in ids if before[one] in STOPPABLE}
    unsent |= set(session.scalars(select(col(Delivery.id)).where(is_among(session, col(Delivery.id), ids), never_confirmed())))
    nothing: dict[str, Any] = {"due_at": None, "last_reply": ""}
    stay = act.record(is_among(session, col(Delivery.id), ids - unsent), Event.GIVE_UP, **nothing)
    purged = act.record(is_among(session, col(Delivery.id), unsent), Event.RECALL, **nothing)
    back = act.record(is_among(session, col(Delivery.id), purged), Event.RESTORE)
    recalled_copies.set_outcomes(session, [(act.decision.id, one, "done", say("Cancelled before it was removed.")) for one in ids])
    return stay, back


def never_confirmed() -> ColumnElement[bool]:
    """Condition: deliveries that may have arrived, though no next hop ever confirmed it."""
    delivered = (col(Attempt.delivery_id) == col(Delivery.id)) & (col(Attempt.outcome) == "delivered")
    return recalled_copies.may_have_arrived() & not_(exists().where(delivered))


def put_back_into_mailboxes(act: Act, mine: ColumnElement[bool], before: dict[int, State], strangers: Collection[int]) -> set[int]:
    """Puts back into mailboxes what a purge removed, or is removing this moment; deliveries that were held before are held again.

    So is what would get into a mailbox that is somebody else's now: `strangers`. What a sweep did not get is looked for, and put back
    where the server has removed it after all.
    """
    if act.decision.verb in SWEEPS:
        mailbox_sweep.expedite_undone(act.session, act.decision.id, act.now)
    under_way = mine & in_states((State.RECALLING,))
    was_held = is_among(act.session, col(Delivery.id), [one for one, state in before.items() if state is State.HELD or one in strangers])
    wanted = recalled_copies.request_return(act.session, under_way & was_held, "held", act.undoing_id)
    wanted |= recalled_copies.request_return(act.session, under_way & not_(was_held), "mailbox", act.undoing_id)
    recalled_copies.expedite_recall(act.session, wanted, now=act.now)
    own = not_(is_among(act.session, col(Delivery.id), strangers))
    states = (State.PURGED, State.DELIVERED) if act.decision.verb in SWEEPS else (State.PURGED,)
    found = mine & in_states(states) & recalled_copies.is_restorable() & own
    return wanted | act.record(found, Event.PUT_BACK, due_at=act.now, queued_at=act.now)


def take_from_members(act: Act, mine: ColumnElement[bool]) -> tuple[set[int], list[Item]]:
    """The members' copies of what left for groups are taken back: the groups' own deliveries, held again, and each copy's outcome."""
    session = act.session
    parents = groups.delivered_parents(session, mine)
    before = dict(groups.copies_of(session, parents))
    theirs = is_among(session, col(Delivery.id), before) & (col(Delivery.decision_id) == act.decision.id)
    stoppable = theirs & in_states(STOPPABLE)
    in_doubt = stoppable & recalled_copies.may_have_arrived()
    sought = act.record(in_doubt, Event.SEEK, **recalled_copies.to_seek(act.now)) if act.settings.reaches_mailboxes else set()
    outcome = dict.fromkeys(act.record(stoppable, Event.PURGE, due_at=None), "done")
    recalling, in_flight = take_out_of_mailboxes(act, theirs & not_(is_among(session, col(Delivery.id), sought)), "")
    outcome |= dict.fromkeys(recalling | sought, "recalling") | dict.fromkeys(in_flight, "in flight")
    why = explain_not_undone(session, [one for one in before if one not in outcome], act.decision, act.now)
    groups.close_parents(
        session, parents, by=act.by, now=act.now, decision_id=act.undoing_id, detail={"undoes": format_id(act.decision.id)}
    )
    held = is_among(session, col(Delivery.id), parents)
    act.record(held, Event.RESTORE, due_at=None, expanded=False)
    reassigned_addresses.readdress_deliveries(session, held)
    return parents, [Item(one, state, outcome[one]) if one in outcome else Item(one, state, *why[one]) for one, state in before.items()]


def seek_waiting(act: Act, mine: ColumnElement[bool]) -> set[int]:
    """Looks in mailboxes for deliveries that wait for another attempt, after one without an answer; holds what it finds. Returns them."""
    waiting = mine & in_states((State.QUEUED,)) & col(Delivery.erased_at).is_(None)
    sought = act.record(waiting & recalled_copies.may_have_arrived(), Event.SEEK, **recalled_copies.to_seek(act.now))
    recalled_copies.request_return(act.session, is_among(act.session, col(Delivery.id), sought), BACK_TO[act.decision.verb], act.undoing_id)
    return sought


def take_out_of_mailboxes(act: Act, mine: ColumnElement[bool], to: str) -> tuple[set[int], set[int]]:
    """Removes delivered messages from mailboxes, and those that are being delivered once they have arrived; returns the two sets.
    `to`: where they go then.

    Without access to mailboxes only those that are being delivered, if the attempt fails.
    """
    session = act.session
    there = mine & col(Delivery.erased_at).is_(None)
    reached = select(col(Delivery.id)).where(there, in_states((State.DELIVERED,)))
    delivered = set(session.scalars(reached)) if act.settings.reaches_mailboxes else set()
    flying = request_return_in_flight(act, there & in_states((State.RELAYING, State.RESTORING)))
    both = is_among(session, col(Delivery.id), delivered | flying)
    if to:
        recalled_copies.request_return(session, both, to, act.undoing_id)
    if delivered:
        act.record(is_among(session, col(Delivery.id), delivered), Event.PURGE, **recalled_copies.due_values(act.now))
    return delivered, flying


def request_return_in_flight(act: Act, where: ColumnElement[bool]) -> set[int]:
    """Marks deliveries that are being delivered, and nobody else has purged, to be purged on arrival or on failure; returns them."""
    flying = set(act.session.scalars(select(col(Delivery.id)).where(where, col(Delivery.purge_wanted_by).is_(None))))
    if flying:
        wanted = is_among(act.session, col(Delivery.id), flying)
        act.session.execute(update(Delivery).where(wanted).values(purge_wanted_by=act.undoing_id))
    return flying


def has_way_back(decision: Decision) -> ColumnElement[bool]:
    """Condition: items of the decision that there is something to take back of, also what a sweep may have removed without a word."""
    taken = col(DecisionItem.outcome).in_(CHANGED_OUTCOMES)
    if decision.verb not in SWEEPS:
        return taken
    kept = exists().where(col(Delivery.id) == col(DecisionItem.delivery_id), recalled_copies.is_copy_saved())
    return taken | ((col(DecisionItem.outcome) == "out of reach") & kept)


def lock_changed(session: Session, decision: Decision, only: Sequence[int] | None) -> tuple[dict[int, State], set[State]]:
    """The deliveries that the decision changed or meant to, with their states before, and all states that they are in now; locked with the
    copies of a group's members, so that nobody moves meanwhile.
    """
    items = (
        select(col(DecisionItem.delivery_id), col(DecisionItem.before))
        .where(col(DecisionItem.decision_id) == decision.id, has_way_back(decision))
        .order_by(col(DecisionItem.delivery_id))
    )
    if only is not None:
        items = items.where(col(DecisionItem.delivery_id).between(only[0], only[-1]))
    before = {delivery_id: State(state) for delivery_id, state in session.execute(items)}
    copies = groups.ids_of_copies(session, before) if decision.verb in LEFT else []
    locked = ledger.lock_deliveries(session, is_among(session, col(Delivery.id), [*before, *copies]))
    return before, {state for _, state, _ in locked}


def spare_in_flight(session: Session, decision: Decision, ids: list[int]) -> set[int]:
    """Call off the purge of what it met under way; which deliveries that saves."""
    wanted = is_among(session, col(Delivery.id), ids) & (col(Delivery.purge_wanted_by) == decision.id)
    spared = set(session.scalars(select(col(Delivery.id)).where(wanted)))
    if spared:
        session.execute(update(Delivery).where(wanted).values(purge_wanted_by=None))
        recalled_copies.set_outcomes(session, [(decision.id, one, "done", say("Cancelled before it was carried out.")) for one in spared])
    return spared


def explain_not_undone(session: Session, ids: list[int], decision: Decision, now: datetime) -> dict[int, tuple[str, str]]:
    """Returns why these items could not be taken back."""
    if not ids:
        return {}
    found: dict[int, tuple[str, str]] = {}
    rows = session.execute(select(col(Delivery.id), col(Delivery.state), LATEST).where(is_among(session, col(Delivery.id), ids)))
    for delivery_id, state, changed_by in rows:
        if changed_by != decision.id and changed_by is not None:
            found[delivery_id] = ("refused", earlier_decision_sentence(state, session.get(Decision, changed_by), now))
        elif state == State.DELIVERED:
            found[delivery_id] = ("out of reach", OUT_OF_REACH)
        elif state == State.RELAYING:
            found[delivery_id] = ("in flight", say("It is being delivered right now."))
        else:
            found[delivery_id] = ("refused", say("It is {state} now.", state=SHOWN[state]))
    return found
