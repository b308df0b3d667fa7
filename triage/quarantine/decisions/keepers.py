"""Keepers of confidential folders answer removals: they confirm or decline to remove a campaign's copies there, or have agreed beforehand.

What they confirm is a decision of their own over the copies in their folder. They can undo it, and nobody else learns of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, not_, or_, select
from sqlmodel import Session, col

from triage import ids
from triage.access import confidential_folders, scope as access
from triage.access.dual_control import ANSWERED
from triage.actor import Actor, Role, Scope
from triage.config.settings import Settings
from triage.errors import NotAllowedNow, NotFound, Refused
from triage.ids import format_id
from triage.quarantine.decisions.decide import decide_messages
from triage.quarantine.decisions.decision_request import AIMS, DecisionRequest, Verb
from triage.quarantine.decisions.request_keepers import WAITING
from triage.quarantine.decisions.undo import undo_decision
from triage.quarantine.search import selection
from triage.quarantine.search.selection import MOST_IDS, Selection
from triage.say import say, say_count
from triage.store import confidential_rows, ledger
from triage.store.delivery_state import State
from triage.store.models.approvals import KeepersRequest
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import ConfidentialFolder

CONFIRMED, DECLINED, JOINED, UNDONE = "confirmed", "declined", "joined", "undone"
SUBJECT = "confidential"  # of the record: which folder it was is among the details, which are kept back from others
UPKEEP = Actor.system("keepers")
AGREEMENT = "confidential-folders"  # who removes where the keepers have agreed
JOIN_FROM = 10  # people outside of confidential folders who had a copy: what fewer had may be meant for somebody
REMEMBERED = timedelta(days=30)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request as a keeper sees it: with the copies that are in the folder now."""

    id: int
    folder: str
    asked_by_shown: str
    asked_at: datetime
    lapses_at: datetime
    reason: str
    count: int
    delivered: int  # of them in mailboxes
    items: tuple[int, ...]  # the newest
    sentence: str
    state: str
    result_id: int | None = None


def list_requests(session: Session, *, by: Actor, now: datetime, limit: int = 200, before: int | None = None) -> list[ShownRequest]:
    """The requests to the actor as a keeper that wait and have copies in the folder, the newest first; of equal ones the newest.

    `before`: the id to go on from.
    """
    mine = open_ones(now).where(col(KeepersRequest.folder).in_(sorted(folders_of_keeper(session, by))))
    seen: set[str] = set()
    found: list[ShownRequest] = []
    for row in session.scalars(mine.order_by(col(KeepersRequest.id).desc())):
        what = repr(sorted(row.selection.items(), key=str))
        shown = show_request(session, row, by) if what not in seen and len(found) < limit else None
        seen.add(what)
        if shown and shown.count and (before is None or shown.id < before):
            found.append(shown)
    return found


def open_ones(now: datetime) -> Any:
    """The requests that wait, of removals that nobody has taken back."""
    removal = select(col(Decision.undone_by)).where(col(Decision.id) == col(KeepersRequest.decision_id)).scalar_subquery()
    return select(KeepersRequest).where(
        col(KeepersRequest.is_over).is_(False), col(KeepersRequest.state) == WAITING, col(KeepersRequest.lapses_at) > now, removal.is_(None)
    )


def folders_of_keeper(session: Session, by: Actor) -> set[str]:
    """The confidential folders whose keeper the actor is. A token is nobody's keeper."""
    if by.kind not in confidential_folders.PEOPLE or by.kind == "token":
        return set()
    rows = session.execute(
        select(col(ConfidentialFolder.kind), col(ConfidentialFolder.name)).where(col(ConfidentialFolder.login) == by.name)
    )
    return {f"{kind}:{name}" for kind, name in rows}


def show_request(session: Session, row: KeepersRequest, by: Actor) -> ShownRequest:
    """A request with what the actor sees of it."""
    counted = (
        select(col(Delivery.state), func.count()).where(removable_copies(row), access.visible_deliveries(by)).group_by(col(Delivery.state))
    )
    states: dict[str, int] = dict(session.execute(counted).all())
    newest = (
        select(col(Delivery.id)).where(removable_copies(row), access.visible_deliveries(by)).order_by(col(Delivery.id).desc()).limit(SHOWN)
    )
    count = sum(states.values())
    return ShownRequest(
        row.id,
        row.folder,
        row.asked_by_shown,
        row.asked_at,
        row.lapses_at,
        row.reason,
        count,
        states.get(State.DELIVERED, 0),
        tuple(session.scalars(newest)) if count else (),
        request_sentence(row, count),
        row.state,
        ids.parse_id(row.results[-1]) if row.results else None,
    )


def removable_copies(row: KeepersRequest) -> ColumnElement[bool]:
    """The copies in the folder that a removal would be about now."""
    wanted = selection.from_json(row.selection)
    where = selection.selection_condition(wanted)
    return where if wanted.states else and_(where, selection.states_condition(wanted, AIMS[Verb.PURGE].counts))


def request_sentence(row: KeepersRequest, count: int) -> str:
    """Sentence of a request to a keeper."""
    return say_count(
        "{name} removed a campaign from the rest of the company. Remove its {count} message from this folder too?",
        "{name} removed a campaign from the rest of the company. Remove its {count} messages from this folder too?",
        count=count,
        name=row.asked_by_shown,
    )


def confirm_request(
    session: Session, request_id: int, *, by: Actor, now: datetime, settings: Settings, reason: str = "", expect: int | None = None
) -> ShownRequest:
    """Remove the copies in the folder: the keeper's own decision, which they can undo. The person who asked is the second person of it.

    NotFound for who is no keeper of the folder, NotAllowedNow when it was answered or is over, Stale when `expect` is not the number of
    copies any more.
    """
    row = lock_waiting_request(session, request_id, by, now)
    request = DecisionRequest(selection.from_json(row.selection), Verb.PURGE, reason or row.reason, expect=expect)
    made = decide_messages(session, request, by=by, second=second_of(row, by), now=now, settings=settings)
    row.results = [format_id(made.id)]
    settle_request(session, row, CONFIRMED, by=by, now=now, reason=reason)
    return show_request(session, row, by)


def decline_request(session: Session, request_id: int, *, by: Actor, now: datetime, reason: str = "") -> ShownRequest:
    """Leave the copies where they are. NotFound and NotAllowedNow as for `confirm_request`."""
    row = lock_waiting_request(session, request_id, by, now)
    settle_request(session, row, DECLINED, by=by, now=now, reason=reason)
    return show_request(session, row, by)


def lock_waiting_request(session: Session, request_id: int, by: Actor, now: datetime) -> KeepersRequest:
    """A request that waits for this keeper, locked."""
    access.may_decide(by)
    row = session.scalars(select(KeepersRequest).where(col(KeepersRequest.id) == request_id).with_for_update()).first()
    if row is None or row.folder not in folders_of_keeper(session, by) or not show_request(session, row, by).count:
        raise NotFound(say("there is no request {request_id} to keepers of confidential folders", request_id=format_id(request_id)))
    if row.state != WAITING:
        raise NotAllowedNow(say("{name} already {state} it", name=row.settled_by_shown, state=ANSWERED.get(row.state, row.state)))
    if row.lapses_at <= now:
        raise NotAllowedNow(say("the request has expired: it has to be made again"))
    if session.get_one(Decision, row.decision_id).undone_by is not None:
        raise NotAllowedNow(
            say("the removal by {asked_by_shown} was undone: there is nothing left to confirm", asked_by_shown=row.asked_by_shown)
        )
    return row


def second_of(row: KeepersRequest, by: Actor) -> Actor | None:
    """The person who removed the campaign elsewhere, as the second person of the keeper's decision; None where that is the keeper now."""
    kind, _, name = row.asked_by.partition(":")
    return None if name == by.name else Actor(kind, name, shown=row.asked_by_shown)


def settle_request(session: Session, row: KeepersRequest, state: str, *, by: Actor, now: datetime, reason: str = "") -> None:
    """Settles a request, in the audit log. Folder and request are among the details, which others do not see."""
    row.state, row.settled_by, row.settled_by_shown, row.settled_at = state, str(by), by.shown, now
    session.flush()
    detail = {"scope": row.folder, "request": format_id(row.id), "reason": reason[:1000], "decisions": row.results}
    ledger.write_act(session, "answer-keepers-request", SUBJECT, by=by, now=now, detail=detail | {"answer": state})


def lapse_requests(session: Session, *, now: datetime) -> int:
    """Close the requests whose time is over, answered or not, and put each on record alike; how many. Old ones are forgotten."""
    late = session.scalars(select(KeepersRequest).where(col(KeepersRequest.is_over).is_(False), col(KeepersRequest.lapses_at) <= now)).all()
    for row in late:
        row.is_over = True
        detail = {"scope": row.folder, "request": format_id(row.id), "answer": row.state}
        ledger.write_act(session, "keepers-request-over", SUBJECT, by=UPKEEP, now=now, detail=detail)
    session.execute(delete(KeepersRequest).where(col(KeepersRequest.is_over), col(KeepersRequest.lapses_at) < now - REMEMBERED))
    return len(late)


def agreed_due(session: Session, settings: Settings, now: datetime) -> list[int]:
    """The requests to folders whose keepers have agreed, and that a look may change: copies to remove, or a removal that was undone."""
    agreed = sorted(settings.confidential.join_removals)
    if not agreed:
        return []
    theirs = col(KeepersRequest.folder).in_(agreed) & col(KeepersRequest.state).in_((WAITING, JOINED))
    rows = session.scalars(
        select(KeepersRequest).where(theirs, col(KeepersRequest.is_over).is_(False), col(KeepersRequest.lapses_at) > now)
    )
    return [row.id for row in rows if is_removal_undone(session, row) or to_join(session, row, settings)]


def join_removal(session: Session, request_id: int, *, settings: Settings, now: datetime) -> int:
    """Remove the copies in a folder whose keepers have agreed, or put them back where the removal was undone; how many decisions."""
    row = session.get_one(KeepersRequest, request_id, with_for_update=True)
    by = agreement_actor(row.folder)
    if is_removal_undone(session, row):
        return undo_joined(session, row, by, settings, now)
    some = to_join(session, row, settings)
    if not some:
        return 0
    request = DecisionRequest(Selection(ids=some), Verb.PURGE, row.reason)
    try:
        with session.begin_nested():
            made = decide_messages(session, request, by=by, now=now, settings=settings)
    except Refused:  # others were faster everywhere: what is left is looked at again
        return 0
    row.results = [*row.results, format_id(made.id)]
    settle_request(session, row, JOINED, by=by, now=now)
    return 1


def agreement_actor(folder: str) -> Actor:
    """Actor of removals to which keepers have agreed in advance: a part of Mailroom, for this folder alone."""
    return Actor("system", AGREEMENT, Role.TRIAGE, Scope.parse((folder,)), "Keepers' agreement")


def to_join(session: Session, row: KeepersRequest, settings: Settings) -> tuple[int, ...]:
    """The copies to remove now: of a removal that is carried out and that nobody has taken back, here or elsewhere."""
    removal = session.get_one(Decision, row.decision_id)
    stopped = removal.undone_by is not None or any(is_undone(session, one) for one in row.results)
    if stopped or removal.last is not None:
        return ()
    some = agreed_copies(session, row, settings)
    return some if some and is_wide_enough(session, row) else ()


def agreed_copies(session: Session, row: KeepersRequest, settings: Settings) -> tuple[int, ...]:
    """The copies in the folder that no decision of this agreement was about yet, and that lie under no seal without an agreement."""
    earlier = select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id).in_([ids.parse_id(one) for one in row.results]))
    others = sorted(confidential_folders.list_confidential(session).difference(settings.confidential.join_removals))
    mine = and_(removable_copies(row), col(Delivery.direction) == "in", col(Delivery.id).not_in(earlier), not_(in_folders(others)))
    return tuple(session.scalars(select(col(Delivery.id)).where(mine).order_by(col(Delivery.id)).limit(MOST_IDS)))


def in_folders(folders: Iterable[str]) -> ColumnElement[bool]:
    """Condition: deliveries in one of these folders."""
    named: dict[str, list[str]] = {"department": [], "person": []}
    for folder in folders:
        kind, _, name = folder.partition(":")
        named[kind].append(name)
    return or_(col(Delivery.department).in_(named["department"]), col(Delivery.person).in_(named["person"]))


def is_wide_enough(session: Session, row: KeepersRequest) -> bool:
    """Whether at least JOIN_FROM people outside of confidential folders had a copy."""
    everywhere = selection.selection_condition(replace(selection.from_json(row.selection), department=None, person=None, states=()))
    people = select(col(Delivery.department), col(Delivery.person)).where(
        everywhere, col(Delivery.direction) == "in", not_(confidential_rows.is_confidential())
    )
    return (session.scalar(select(func.count()).select_from(people.distinct().limit(JOIN_FROM).subquery())) or 0) >= JOIN_FROM


def is_removal_undone(session: Session, row: KeepersRequest) -> bool:
    """Whether the removal was undone after copies were removed with it, and these are not restored yet."""
    undone = session.get_one(Decision, row.decision_id).undone_by is not None
    return undone and any(not is_undone(session, one) for one in row.results)


def is_undone(session: Session, shown: str) -> bool:
    """Whether somebody has undone this decision."""
    made = session.get(Decision, ids.parse_id(shown))
    return made is None or made.undone_by is not None


def undo_joined(session: Session, row: KeepersRequest, by: Actor, settings: Settings, now: datetime) -> int:
    """The removal was undone: so is what was removed along with it."""
    number = 0
    for one in row.results:
        try:
            with session.begin_nested():
                undo_decision(session, ids.parse_id(one), by=by, reason=row.reason, now=now, settings=settings, ask=False)
            number += 1
        except Refused:  # somebody was faster
            continue
    row.state = UNDONE
    return number
