"""A person puts campaigns together or takes mail out of one, as a decision that can be undone. No messages changes its state."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.errors import BadInput, NotFound
from triage.ids import format_id, new_id, parse_id
from triage.message.fingerprint import Fingerprint, pack_features
from triage.message.similarity import MOST_REPRESENTATIVES
from triage.message.summary import Summary, fingerprint_of
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.campaigns.notified_recipients import REGROUPING
from triage.quarantine.decisions.outcomes import DecisionReport, Item, decision_of, file_decision
from triage.say import say
from triage.store import db, ledger
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.campaigns import JUDGE, Campaign, Representative
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.provable_rows import row_sums

VERBS = frozenset(REGROUPING)
OVERTAKEN = say("It is in another campaign now.")


def join_campaigns(session: Session, campaign_id: int, into: int, *, by: Actor, reason: str, now: datetime) -> DecisionReport:
    """Moves everything of a campaign that the actor may see to another campaign.

    New messages that are like it goes there too when the actor's scope is the whole company: how mail is sorted is everybody's.
    NotFound unless mail of both is in the actor's scope.
    """
    access.may_decide(by)
    for one in (campaign_id, into):
        if not session.scalar(select(func.count()).select_from(Delivery).where(campaign_deliveries(one), access.visible_deliveries(by))):
            raise NotFound(say("there is no campaign {one}", one=format_id(one)))
        not_a_flood(session, one)
    if campaign_id == into:
        raise BadInput(say("a campaign cannot be merged with itself"), field="into")
    both = select(Campaign).where(col(Campaign.id).in_((campaign_id, into))).order_by(col(Campaign.id)).with_for_update()
    session.scalars(both).all()  # after notices about either that are being sent
    moved = lock_states(session, and_(campaign_deliveries(campaign_id), access.visible_deliveries(by)))
    kept = move_representatives(session, col(Representative.campaign_id) == campaign_id, into) if by.scope.company else []
    return record_move(session, "join", campaign_id, into, moved, kept, by=by, reason=reason, now=now)


def split_campaign(session: Session, ids: Iterable[int], campaign_id: int, *, by: Actor, reason: str, now: datetime) -> DecisionReport:
    """The messages with these deliveries are from now on a campaign of their own, all their deliveries that the actor may see.

    New messages that are more like them than like what they came from joins them when the actor's scope is the whole company.
    BadInput when that is all that the actor sees of the campaign, or not only of it; NotFound when the actor sees none.
    """
    access.may_decide(by)
    chosen = and_(is_among(session, col(Delivery.id), ids), access.visible_deliveries(by))
    pairs = session.execute(select(col(Delivery.campaign_id), col(Delivery.message_id)).where(chosen).distinct()).all()
    if not pairs:
        raise NotFound(say("there is no such message"))
    if {found for found, _ in pairs} != {campaign_id}:
        raise BadInput(say("some of these messages are not in the campaign {campaign_id}", campaign_id=format_id(campaign_id)), field="ids")
    not_a_flood(session, campaign_id)
    messages = [message_id for _, message_id in pairs]
    mine = and_(campaign_deliveries(campaign_id), is_among(session, col(Delivery.message_id), messages), access.visible_deliveries(by))
    moved = lock_states(session, mine)
    if session.scalar(
        select(func.count()).select_from(Delivery).where(campaign_deliveries(campaign_id), access.visible_deliveries(by))
    ) == len(moved):
        raise BadInput(say("those are all messages of the campaign that you may see; leave some out"), field="ids")
    target = new_id()
    session.add(Campaign(id=target, begun_at=now, made_by=str(by)))
    session.flush()
    kept = take_along(session, campaign_id, target, messages) if by.scope.company else []
    return record_move(session, "split", campaign_id, target, moved, kept, by=by, reason=reason, now=now)


def take_along(session: Session, source: int, target: int, messages: list[int]) -> list[int]:
    """Lets new messages be compared with these messages for their new campaign; returns the representatives taken over from the old
    one.
    """
    prints = stored_fingerprints(session, messages)
    kept = move_representatives(session, and_(col(Representative.campaign_id) == source, col(Representative.features).in_(prints)), target)
    taken = set(session.scalars(select(col(Representative.features)).where(col(Representative.campaign_id) == target)))
    for features in list(set(prints) - taken)[: max(0, MOST_REPRESENTATIVES - len(taken))]:
        campaigns.add_representative(session, target, prints[features])
    return kept


def stored_fingerprints(session: Session, messages: list[int]) -> dict[bytes, Fingerprint]:
    """The fingerprints of those messages whose text is still there, by their features."""
    rows = session.execute(select(col(Message.record), col(Message.text)).where(is_among(session, col(Message.id), messages)))
    found = (fingerprint_of(Summary.from_json(record.summary | {"text": text})) for record, text in skip_damaged(rows))
    return {pack_features(one.features): one for one in found if one}


def undo_regroup(session: Session, decision: Decision, *, by: Actor, now: datetime, undoing_id: int) -> list[Item]:
    """Put everything back into the campaign it came from, unless somebody has moved it since; the outcome of each."""
    source, target = (parse_id(decision.selection[name]) for name in ("campaign", "into"))
    items = list(session.scalars(select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == decision.id)))
    back = lock_states(session, and_(is_among(session, col(Delivery.id), items), campaign_deliveries(target)))
    db.insert_if_missing(session, Campaign, id=source, begun_at=now, made_by=JUDGE)  # it went with the last of its other messages
    move_to_campaign(session, back, source)
    kept = [parse_id(one) for one in decision.selection["representatives"]]
    move_representatives(session, and_(is_among(session, col(Representative.id), kept), col(Representative.campaign_id) == target), source)
    if decision.verb == "split":  # what was made for it only: the old campaign knows that message again
        move_representatives(session, col(Representative.campaign_id) == target, source)
    write_record(session, "undo", undoing_id, back, by=by, now=now, detail={"undoes": format_id(decision.id)})
    return [Item(one, back[one], "done") if one in back else Item(one, "", "refused", OVERTAKEN) for one in items]


def not_a_flood(session: Session, campaign_id: int) -> None:
    """BadInput when it is a mail bomb."""
    if campaigns.is_flood(session, campaign_id):
        raise BadInput(say("a mail bomb is not a campaign: its messages do not belong together"))


def campaign_deliveries(campaign_id: int | None) -> ColumnElement[bool]:
    """The deliveries of a campaign."""
    return col(Delivery.campaign_id) == campaign_id


def lock_states(session: Session, where: ColumnElement[bool]) -> dict[int, State]:
    """Deliveries and their states, held until the transaction ends."""
    return {delivery_id: state for delivery_id, state, _ in ledger.lock_deliveries(session, where)}


def move_to_campaign(session: Session, deliveries: Iterable[int], campaign_id: int) -> None:
    """Moves deliveries to this campaign."""
    campaigns.move_deliveries(session, is_among(session, col(Delivery.id), deliveries), campaign_id=campaign_id)


def move_representatives(session: Session, where: ColumnElement[bool], campaign_id: int) -> list[int]:
    """Moves representatives to this campaign; returns their ids."""
    ids = list(session.scalars(select(col(Representative.id)).where(where)))
    session.execute(update(Representative).where(is_among(session, col(Representative.id), ids)).values(campaign_id=campaign_id))
    return ids


def record_move(
    session: Session,
    verb: str,
    source: int,
    target: int,
    moved: dict[int, State],
    kept: list[int],
    *,
    by: Actor,
    reason: str,
    now: datetime,
) -> DecisionReport:
    """Move the deliveries, and write the decision down."""
    move_to_campaign(session, moved, target)
    selection: dict[str, Any] = {
        "campaign": format_id(source),
        "into": format_id(target),
        "representatives": [format_id(one) for one in kept],
    }
    decision = decision_of(by, verb, selection, reason, now, count=len(moved), id=new_id())
    detail = {"campaign": format_id(source), "into": format_id(target), "reason": decision.reason}
    row_sums.promise_rows(session, decision, moved.items())
    write_record(session, verb, decision.id, moved, by=by, now=now, detail=detail)
    return file_decision(session, decision, [Item(one, state, "done") for one, state in moved.items()], by=by, now=now)


def write_record(
    session: Session, act: str, decision_id: int, moved: dict[int, State], *, by: Actor, now: datetime, detail: dict[str, str]
) -> None:
    """Writes the move to the audit log."""
    ledger.write_act(session, act, f"decision:{format_id(decision_id)}", by=by, now=now, detail=detail, items=len(moved))
