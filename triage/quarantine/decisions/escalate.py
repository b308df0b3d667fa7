"""Escalate: hand a message to a duty (security, management, legal, data protection), keep it as evidence, and wait until they confirm.

No message changes its state. The evidence is a legal hold, and the SHA-256 of each message's bytes stands in the audit log.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, func, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access, staff_addresses
from triage.actor import Actor
from triage.config import duties
from triage.config.duties import Duty
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice, Line, Section
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound, Stale
from triage.ids import format_id, new_id
from triage.quarantine.decisions import outcomes
from triage.quarantine.decisions.outcomes import Item, decision_of, file_decision
from triage.quarantine.search import legal_hold
from triage.quarantine.search.selection import Selection, selection_condition
from triage.say import format_day, join_parts, quote_text, say, say_count
from triage.store import db, ledger
from triage.store.db import is_among
from triage.store.models.assignments import Escalated, Escalation
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message

VERB = "escalate"
MOST = 200  # deliveries that are escalated at once
BY = Actor.system("escalation")
RULE, NOTICE = "escalation", say("it tells the people in charge about escalated messages")
ERASED = say("Its content was erased: the retention period is over.")


@dataclass(frozen=True, slots=True)
class Shown:
    """An escalation as it is listed."""

    id: int  # of its decision
    duty: str
    title: str
    phone: str
    reason: str
    at: datetime
    by_shown: str
    count: int  # deliveries
    deliveries: tuple[int, ...]  # of them that the asker sees, the first ones
    hold: int
    notified: int  # people and addresses that got a notice
    confirmed_at: datetime | None
    confirmed_by_shown: str
    ended_at: datetime | None  # it was undone
    may_confirm: bool


def escalate_messages(
    session: Session, selected: Selection, to: str, *, by: Actor, reason: str, now: datetime, settings: Settings, expect: int | None = None
) -> Shown:
    """Escalate what the actor sees of a selection to a duty: a decision that changes no state, with a legal hold and a notice.

    NotFound when nothing is selected, Stale when it is another number than `expect`, BadInput without a reason or a duty, and where
    the messages are not all under the same seal: their reason and number would be told to whoever sees one of them.
    """
    access.may_decide(by)
    duty = duties.find_duty(settings.escalation.duties, to)
    if duty is None:
        raise BadInput(
            say(
                "there is no duty {to}; there are {known}",
                to=quote_text(to),
                known=", ".join(one.name for one in settings.escalation.duties) or "none",
            ),
            field="to",
        )
    reason = legal_hold.checked_reason(reason)
    legal_hold.take_turn(session)  # nothing of it is erased between the promise and the hold
    meant = lock_selected(session, selected, by)
    if expect is not None and expect != len(meant):
        raise Stale(
            say(
                "you expected {expected}, but {selected} are selected now: review the selection, then decide again",
                expected=expect,
                selected=len(meant),
            )
        )
    evidence = content_digests(session, meant)
    if not evidence:
        raise NotAllowedNow(say("its content was erased: there is no evidence left to preserve"))
    if len(confidential_folders.closed_folders_over(session, meant)) > 1:
        raise BadInput(
            say("messages in confidential folders are escalated separately: select those of one folder at a time"), field="select"
        )
    under_seal = confidential_folders.scopes_of(session, list(meant))
    why = "" if under_seal else f": {reason}"  # a hold is listed to administrators from whom the folder may be confidential
    hold = legal_hold.place_hold(session, Selection.of(ids=evidence), by=by, reason=f"Escalated to {duty.title}{why}", now=now)
    items = [Item(one, state, "done") if one in evidence else Item(one, state, "refused", ERASED) for one, state in meant.items()]
    decision = decision_of(by, VERB, selected.as_json(), reason, now, count=len(meant), id=new_id(), target=duty.title)
    notified = notify_duty(session, duty, by, reason, len(evidence), settings=settings, now=now)
    row = Escalation(
        decision_id=decision.id,
        duty=duty.name,
        title=duty.title,
        reason=reason,
        at=now,
        by=str(by),
        by_shown=by.shown,
        hold_id=hold.id,
        notified=notified,
    )
    session.add(row)
    file_decision(session, decision, items, by=by, now=now)
    point_to(session, evidence, decision.id)
    detail = {
        "to": duty.name,
        "reason": reason,
        "hold": format_id(hold.id),
        "sha256": {format_id(one): digest for one, digest in evidence.items()},
    }
    ledger.write_act(session, VERB, escalation_subject(decision.id), by=by, now=now, detail=detail | under_seal, items=len(evidence))
    return escalation_of_row(session, row, by=by, settings=settings)


def lock_selected(session: Session, selected: Selection, by: Actor) -> dict[int, str]:
    """The deliveries that are meant and their states, which nobody changes meanwhile."""
    where = and_(selection_condition(selected), access.visible_deliveries(by))
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state)).where(where).order_by(col(Delivery.id)).limit(MOST + 1).with_for_update()
    )
    found = dict(rows.all())
    if not found:
        raise NotFound(say("the selection contains nothing that you may see"))
    if len(found) > MOST:
        raise BadInput(say("escalate at most {most} messages at once; select those that are evidence", most=MOST), field="select")
    return found


def content_digests(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """The SHA-256 of the bytes of each of these deliveries whose content is still there."""
    rows = session.execute(
        select(col(Delivery.id), col(Content.sha256))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .where(is_among(session, col(Delivery.id), ids), col(Content.zstd).is_not(None))
        .order_by(col(Delivery.id))
    )
    return dict(rows.all())


def point_to(session: Session, ids: Iterable[int], decision_id: int) -> None:
    """Makes this the escalation that is shown with these deliveries."""
    found = list(ids)
    session.execute(delete(Escalated).where(is_among(session, col(Escalated.delivery_id), found)))
    db.insert_all(session, Escalated, [{"delivery_id": one, "decision_id": decision_id} for one in found])


def notify_duty(session: Session, duty: Duty, by: Actor, reason: str, count: int, *, settings: Settings, now: datetime) -> int:
    """Send a notice to everybody of the duty whose address is known; to how many. It names no sender and no subject."""
    people = [staff_addresses.of_staff(session, login, settings) for login in duty.staff]
    found = {one.address: one for one in (*people, staff_addresses.of_address(duty.address, settings)) if one}
    for one in found.values():
        notice = write_notice(one.address, duty, by, reason, count, settings)
        internal_mail.send_notice(session, notice, folder=one.folder, rule=RULE, reason=NOTICE, settings=settings, by=BY, now=now)
    return len(found)


def write_notice(address: str, duty: Duty, by: Actor, reason: str, count: int, settings: Settings) -> EmployeeNotice:
    """Notice to a duty."""
    messages = say_count("{count} message", "{count} messages", count=count)
    notified = say("{name} escalated {messages} to {duty}.", name=by.shown, messages=messages, duty=duty.title)
    first = Line(notified, (say("Reason: {reason}", reason=reason),))
    console = say("Mailroom: {url}", url=settings.api.public_url) if settings.api.public_url else ""
    footer = say("Please confirm in Mailroom that you take over. Until then staff see the escalation there. Nothing is erased.")
    subject = say("Escalated to {duty}: {messages}", duty=duty.title, messages=messages)
    return EmployeeNotice(address, subject, (Section(say("Please review this today"), (first,)),), join_parts("\n", (console, footer)))


def confirm_escalation(session: Session, decision_id: int, *, by: Actor, now: datetime, settings: Settings) -> Shown:
    """Confirms an escalation: somebody of the duty has it. The legal hold stays.

    NotAllowed for those who are not of the duty, NotAllowedNow when it was confirmed or undone before.
    """
    row = session.scalars(select(Escalation).where(col(Escalation.decision_id) == decision_id).with_for_update()).first()
    if row is None or not is_concerned(session, row, by, settings):
        raise NotFound(say("there is no escalation {decision_id}", decision_id=format_id(decision_id)))
    if not may_confirm(row, by, settings):
        raise NotAllowed(
            say(
                "only {title} can confirm this: {who}",
                title=duties.known_title(row.title),
                who=", ".join(staff_of(row, settings)) or say("staff who decide about messages"),
            )
        )
    if row.ended_at is not None:
        raise NotAllowedNow(say("it was undone: there is nothing left to confirm"))
    if row.confirmed_at is not None:
        raise NotAllowedNow(
            say(
                "{confirmed_by_shown} already confirmed it on {confirmed_at}",
                confirmed_by_shown=row.confirmed_by_shown,
                confirmed_at=format_day(row.confirmed_at),
            )
        )
    row.confirmed_at, row.confirmed_by, row.confirmed_by_shown = now, str(by), by.shown
    session.flush()
    ledger.write_act(session, "confirm-escalation", escalation_subject(decision_id), by=by, now=now, detail={"to": row.duty})
    return escalation_of_row(session, row, by=by, settings=settings)


def undo_escalation(session: Session, decision: Decision, *, by: Actor, now: datetime, undoing_id: int) -> list[Item]:
    """End an escalation that nobody has confirmed, and its legal hold; the outcome of each item."""
    row = session.scalars(select(Escalation).where(col(Escalation.decision_id) == decision.id).with_for_update()).one()
    if row.confirmed_at is not None:
        raise NotAllowedNow(
            say(
                "{confirmed_by_shown} confirmed it: {title} is in charge now, and an administrator can lift the legal hold",
                confirmed_by_shown=row.confirmed_by_shown,
                title=duties.known_title(row.title),
            )
        )
    row.ended_at = now
    legal_hold.end_hold(session, row.hold_id, by=by, reason="The escalation was undone", now=now)
    items = select(DecisionItem).where(col(DecisionItem.decision_id) == decision.id, col(DecisionItem.outcome) == "done")
    found = {one.delivery_id: one.before for one in session.scalars(items)}
    session.flush()
    point_back(session, list(found), decision.id)
    ledger.write_act(
        session, "undo", escalation_subject(undoing_id), by=by, now=now, detail={"undoes": format_id(decision.id)}, items=len(found)
    )
    return [Item(one, before, "done") for one, before in found.items()]


def point_back(session: Session, ids: Sequence[int], decision_id: int) -> None:
    """Shows the previous escalation of each of these deliveries again, if there is one that was not undone."""
    session.execute(delete(Escalated).where(is_among(session, col(Escalated.delivery_id), ids), col(Escalated.decision_id) == decision_id))
    left = select(col(Escalated.delivery_id)).where(is_among(session, col(Escalated.delivery_id), ids))
    before = (
        select(col(DecisionItem.delivery_id), func.max(col(DecisionItem.decision_id)))
        .join(Escalation, col(Escalation.decision_id) == col(DecisionItem.decision_id))
        .where(
            is_among(session, col(DecisionItem.delivery_id), ids), col(DecisionItem.outcome) == "done", col(Escalation.ended_at).is_(None)
        )
        .where(col(DecisionItem.delivery_id).not_in(left))
        .group_by(col(DecisionItem.delivery_id))
    )
    rows = [{"delivery_id": one, "decision_id": earlier} for one, earlier in session.execute(before)]
    db.insert_all(session, Escalated, rows)


def list_escalations(
    session: Session, *, by: Actor, settings: Settings, confirmed: bool = False, limit: int = 50, before: int | None = None
) -> list[Shown]:
    """Escalations that concern the actor and that nobody has confirmed, with `confirmed` all of them, newest first."""
    rows = select(Escalation).order_by(col(Escalation.decision_id).desc())
    if not confirmed:
        rows = rows.where(col(Escalation.confirmed_at).is_(None), col(Escalation.ended_at).is_(None))
    if before is not None:
        rows = rows.where(col(Escalation.decision_id) < before)
    found: list[Shown] = []
    for row in session.scalars(rows):
        if len(found) == limit:
            break
        if is_concerned(session, row, by, settings):
            found.append(escalation_of_row(session, row, by=by, settings=settings))
    return found


def is_concerned(session: Session, row: Escalation, by: Actor, settings: Settings) -> bool:
    """Whether the actor may know of it: it is theirs, about messages that they see, or for a duty of theirs."""
    return is_of_duty(row, by, settings) or outcomes.concerns_actor(session, session.get_one(Decision, row.decision_id), by)


def staff_of(row: Escalation, settings: Settings) -> tuple[str, ...]:
    """The logins of those who confirm; none where anybody who decides does, and where the settings no longer name the duty."""
    duty = duties.find_duty(settings.escalation.duties, row.duty)
    return duty.staff if duty else ()


def is_of_duty(row: Escalation, by: Actor, settings: Settings) -> bool:
    """Whether the settings name this person for the duty."""
    return by.kind == "person" and by.name.casefold() in staff_of(row, settings)


def may_confirm(row: Escalation, by: Actor, settings: Settings) -> bool:
    """Whether the actor is of the duty; where the settings name nobody for it, whether they decide at all."""
    return is_of_duty(row, by, settings) if staff_of(row, settings) else by.role in access.DECIDING


def escalation_of_row(session: Session, row: Escalation, *, by: Actor, settings: Settings) -> Shown:
    """An escalation as a value."""
    duty = duties.find_duty(settings.escalation.duties, row.duty)
    items = select(col(DecisionItem.delivery_id)).where(
        col(DecisionItem.decision_id) == row.decision_id, col(DecisionItem.outcome) == "done"
    )
    count = session.scalar(select(func.count()).select_from(items.subquery())) or 0
    seen = select(col(Delivery.id)).where(col(Delivery.id).in_(items), access.visible_deliveries(by)).order_by(col(Delivery.id)).limit(MOST)
    is_open = row.confirmed_at is None and row.ended_at is None
    return Shown(
        id=row.decision_id,
        duty=row.duty,
        title=duties.known_title(row.title),
        phone=duty.phone if duty else "",
        reason=row.reason,
        at=row.at,
        by_shown=row.by_shown,
        count=count,
        deliveries=tuple(session.scalars(seen)),
        hold=row.hold_id,
        notified=row.notified,
        confirmed_at=row.confirmed_at,
        confirmed_by_shown=row.confirmed_by_shown,
        ended_at=row.ended_at,
        may_confirm=is_open and may_confirm(row, by, settings),
    )


def escalation_subject(decision_id: int) -> str:
    """Subject of an escalation in the audit log."""
    return f"decision:{format_id(decision_id)}"
