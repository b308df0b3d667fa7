"""Erases a person's data (GDPR, article 17): messages, addresses, contacts. The audit log stays, and a legal hold wins."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, delete, func, join, literal, not_, or_, select, true, update
from sqlmodel import Session, col

from triage.access import dual_control, scope as access
from triage.actor import Actor, Role
from triage.addressing.envelope import Envelope
from triage.compliance.privacy import person_traces
from triage.compliance.privacy.data_subject import SENT, Whose, find_data_subject
from triage.config.settings import Settings
from triage.delivery.journal import JOURNAL
from triage.delivery.recall import related_messages
from triage.errors import ApprovalNeeded, BadInput, NotAllowedNow, NotFound
from triage.ids import format_id
from triage.message.authentication import Authentication
from triage.message.summary import Summary
from triage.quarantine.campaigns import assign as campaigns, traits
from triage.quarantine.decisions.approvals import Act
from triage.quarantine.search import legal_hold, message_words
from triage.say import say
from triage.store import ledger, pack_records
from triage.store.db import UNSEEN, is_among
from triage.store.delivery_state import FINAL, Event, State
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.approvals import PendingAct
from triage.store.models.assignments import Assignment, Comment, Snooze
from triage.store.models.campaigns import MessageTrait
from triage.store.models.compliance import LegalHold, PersonErasure
from triage.store.models.deliveries import AbuseReport, Attempt, Delivery
from triage.store.models.directory import Person
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Content, Message, MessageWords
from triage.store.queue.grouping import in_states

BY = Actor.system("privacy")
SLICE = 500  # deliveries of one transaction
NOWHERE = "erased.invalid"  # RFC 2606: no such domain exists
DECIDABLE = frozenset({State.HELD, State.BOUNCED})  # waits for a person, who has said now what is to become of it
WORDS = ("author_name", "subject", "search", "detail", "note", "last_reply", "reason")
EMPTY: dict[str, Any] = dict.fromkeys(WORDS, "") | {"signals": [], "why_here": [], "beside": [], "forms": None}


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers of deliveries that an erasure would erase now."""

    kind: str  # outside, here
    deliveries: int
    under_way: int  # that are erased when they have come to an end
    kept: int  # by legal holds


def preview_erasure(session: Session, text: str, *, by: Actor) -> Found:
    """Counts what an erasure would find; nothing is changed. For administrators of the whole company."""
    access.over_everything(by, Role.ADMIN)
    whose = find_data_subject(session, text)
    kept = legal_hold.on_legal_hold(session)
    unfinished = and_(not_(kept), col(Delivery.state).not_in(FINAL | DECIDABLE))
    total, under_way, held = (
        session.scalar(select(func.count()).select_from(Delivery).where(whose.messages, one)) or 0 for one in (true(), unfinished, kept)
    )
    return Found("here" if whose.uid else "outside", total, under_way, held)


def begin_erasure(
    session: Session,
    text: str,
    *,
    by: Actor,
    reason: str,
    now: datetime,
    settings: Settings,
    with_rules: bool = False,
    second: Actor | None = None,
) -> PersonErasure:
    """Erase what is kept about an address, or about somebody who has left; `carry_on` does it, slice by slice.

    NotAllowedNow while that person works here, or is under a legal hold. ApprovalNeeded where the company wants two keys.
    """
    access.over_everything(by, Role.ADMIN)
    reason = " ".join(reason.split())[:500]
    if not reason:
        raise BadInput(say("say why; the audit log keeps it, so name nobody in it"), field="reason")
    whose = find_data_subject(session, text)
    may_be_erased(session, whose)
    if pending := session.scalars(select(PersonErasure).where(col(PersonErasure.address) == whose.address)).first():
        return pending
    dual_control.require_second_person(
        [dual_control.PERSON_ERASURE] if dual_control.PERSON_ERASURE in settings.policy.approvals else [], by, second
    )
    row = PersonErasure(
        address=whose.address,
        uid=whose.uid,
        pseudonym=f"erased-{secrets.token_hex(5)}",
        with_rules=with_rules,
        reason=reason,
        asked_at=now,
        asked_by=str(by),
        asked_by_shown=by.shown,
        second_by=str(second or ""),
        second_by_shown=second.shown if second else "",
    )
    session.add(row)
    session.flush()
    detail = {"about": whose.digest, "reason": reason, "rules": with_rules} | ({"second_key": str(second)} if second else {})
    ledger.write_act(session, "erase-person-data", erasure_subject(row), by=by, now=now, detail=detail)
    return row


def erasure_subject(row: PersonErasure) -> str:
    """Returns the subject of an erasure in the audit log."""
    return f"person-erasure:{format_id(row.id)}"


def may_be_erased(session: Session, whose: Whose) -> None:
    """NotAllowedNow for somebody who works here, or whom a legal hold is about."""
    person = session.get(Person, whose.uid) if whose.uid else None
    if person and person.active:
        raise NotAllowedNow(say("{uid} is in the directory: remove them there first, then erase the rest", uid=whose.uid))
    if whose.uid and session.scalar(select(col(LegalHold.id)).where(legal_hold.in_force(), col(LegalHold.person) == whose.uid)):
        raise NotAllowedNow(say("their messages are under a legal hold: lift it first (`mailroom legal-hold list`)"))


def list_erasures(session: Session, *, by: Actor, limit: int = 50, before: int | None = None) -> list[PersonErasure]:
    """Erasures, newest first. For administrators and auditors of the whole company."""
    access.over_everything(by, Role.ADMIN, Role.AUDITOR)
    rows = select(PersonErasure).order_by(col(PersonErasure.id).desc()).limit(limit)
    return list(session.scalars(rows if before is None else rows.where(col(PersonErasure.id) < before)))


def get_erasure(session: Session, erasure_id: int, *, by: Actor) -> PersonErasure:
    """Returns an erasure and its progress."""
    access.over_everything(by, Role.ADMIN, Role.AUDITOR)
    row = session.get(PersonErasure, erasure_id)
    if row is None:
        raise NotFound(say("there is no erasure {erasure_id}", erasure_id=format_id(erasure_id)))
    return row


def due_erasures(session: Session) -> list[int]:
    """The erasures that are not done."""
    return list(session.scalars(select(col(PersonErasure.id)).where(col(PersonErasure.done_at).is_(None))))


def carry_on(session: Session, erasure_id: int, *, now: datetime, limit: int = SLICE) -> bool:
    """Erases one slice; returns whether there is more to do at once. Waits for what is under way: done when nothing is left."""
    row = session.scalars(select(PersonErasure).where(col(PersonErasure.id) == erasure_id).with_for_update()).first()
    if row is None or row.done_at is not None:
        return False
    whose = Whose(row.address, row.uid)
    legal_hold.take_turn(session)
    free = and_(whose.messages, not_(legal_hold.on_legal_hold(session)))
    put_away(session, free, now=now)
    reports_first = case((col(Delivery.id).in_(whose.reports()), 0), else_=1)
    over = select(col(Delivery.id)).where(free, in_states(FINAL), not_(whose.waits_for_report))
    ids = list(session.scalars(over.order_by(reports_first, col(Delivery.id)).limit(limit)))
    if ids:
        row.contents += erase_deliveries(session, whose, row.pseudonym, ids, now=now)
        row.deliveries += len(ids)
        session.flush()
        return True
    if session.scalar(select(literal(1)).select_from(Delivery).where(free).limit(1)) is None:
        end_erasure(session, row, whose, now=now)
    return False


def put_away(session: Session, where: ColumnElement[bool], *, now: datetime) -> None:
    """Purges messages that wait for a decision: nobody is to decide about them any more."""
    waiting = session.scalars(select(col(Delivery.id)).where(where, in_states(DECIDABLE)).limit(SLICE)).all()
    if waiting:
        ledger.record_many(session, is_among(session, col(Delivery.id), waiting), Event.PURGE, by=BY, now=now, due_at=None)


def erase_deliveries(session: Session, whose: Whose, pseudonym: str, ids: Sequence[int], *, now: datetime) -> int:
    """Empty these deliveries, and erase the messages that nobody else has a part in; how many contents."""
    alone, gone = exclusive_messages(session, ids)
    emptied = EMPTY | {"time_limited_until": None, "erased_at": now} | pseudonymised_values(whose, pseudonym)
    session.execute(update(Delivery).where(is_among(session, col(Delivery.id), ids)).values(**emptied), execution_options=UNSEEN)
    session.execute(update(Attempt).where(is_among(session, col(Attempt.delivery_id), ids)).values(reply=""))
    session.execute(update(Recalled).where(is_among(session, col(Recalled.delivery_id), ids)).values(head=None, name=""))
    for about in (Comment, Assignment, Snooze):
        session.execute(delete(about).where(is_among(session, col(about.delivery_id), ids)))
    session.execute(delete(AbuseReport).where(is_among(session, col(AbuseReport.delivery_id), ids)))
    related_messages.forget_related(session, ids)
    if alone:
        campaigns.forget_messages(session, select(col(Message.id)).where(is_among(session, col(Message.id), alone)))
        traits.forget_traits(session, is_among(session, col(MessageTrait.message_id), alone))
        message_words.erase_words(session, is_among(session, col(MessageWords.message_id), alone))
        theirs = select(Message).where(is_among(session, col(Message.id), alone)).order_by(col(Message.id)).with_for_update()
        messages = session.scalars(theirs.execution_options(populate_existing=True)).all()
        pack_records.rewrite_records(session, [(one.id, erased_record(one)) for one in messages])
        session.execute(update(Message).where(is_among(session, col(Message.id), alone)).values(text=""), execution_options=UNSEEN)
        session.expire_all()
        session.execute(update(Content).where(is_among(session, col(Content.id), gone)).values(zstd=None, erased_at=now))
    return len(gone)


def erased_record(message: Message) -> MessageRecord:
    """Record of an erased message: when it came, and whether it could be read."""
    envelope = Envelope(message.spool_id, message.received_at, "", (), "", "")
    is_parsed = not message.record.fault and message.summary["parsed"]
    return MessageRecord(envelope.as_json(), Authentication("").as_json(), Summary(parsed=is_parsed).as_json(), [])


def exclusive_messages(session: Session, ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """The messages, and the contents that are still there, all of whose deliveries are among these or need them no more."""
    archived = and_(col(Delivery.direction) == JOURNAL, col(Delivery.state) == State.DELIVERED)
    free = or_(is_among(session, col(Delivery.id), ids), col(Delivery.erased_at).is_not(None), archived)
    letters = select(col(Delivery.message_id)).where(is_among(session, col(Delivery.id), ids))
    needed = select(literal(1)).where(col(Delivery.message_id) == col(Message.id), not_(free)).correlate(Message).exists()
    alone = list(session.scalars(select(col(Message.id)).where(col(Message.id).in_(letters), not_(needed))))
    elsewhere = (
        select(literal(1))
        .select_from(join(Delivery, Message, col(Message.id) == col(Delivery.message_id)))
        .where(col(Message.content_id) == col(Content.id), not_(free))
        .correlate(Content)
        .exists()
    )
    theirs = select(col(Message.content_id)).where(is_among(session, col(Message.id), alone))
    gone = select(col(Content.id)).where(col(Content.id).in_(theirs), col(Content.zstd).is_not(None), not_(elsewhere))
    return alone, list(session.scalars(gone.order_by(col(Content.id)).with_for_update()))


def pseudonymised_values(whose: Whose, pseudonym: str) -> dict[str, Any]:
    """Returns the values that replace the person's name: as author of what they wrote, as recipient of what was written to them."""
    to_them = col(Delivery.direction) != "outbound" if whose.uid else col(Delivery.direction).in_(SENT)
    nobody = literal("erased-", String) + cast(col(Delivery.id), String) + literal(f"@{NOWHERE}", String)  # one recipient a message
    values: dict[str, Any] = {
        "author": case((to_them, col(Delivery.author)), else_=f"{pseudonym}@{NOWHERE}"),
        "author_domain": case((to_them, col(Delivery.author_domain)), else_=NOWHERE),
        "recipient": case((to_them, nobody), else_=col(Delivery.recipient)),
        "mailbox": case((to_them, nobody), else_=col(Delivery.mailbox)),
        "listed": case((to_them, ""), else_=col(Delivery.listed)),
    }
    return values | ({"person": pseudonym} if whose.uid else {"proven_as": ""})


def end_erasure(session: Session, row: PersonErasure, whose: Whose, *, now: datetime) -> None:
    """Ends an erasure when only what a legal hold keeps is left: the rest goes, and then whose it was."""
    row.kept = session.scalar(select(func.count()).select_from(Delivery).where(whose.messages)) or 0
    row.rules_left = person_traces.forget_person(session, whose, row.pseudonym, with_rules=row.with_rules, now=now)
    row.address, row.uid, row.done_at = "", "", now
    session.flush()
    counts = {"deliveries": row.deliveries, "contents": row.contents, "kept": row.kept, "rules_left": row.rules_left}
    ledger.write_act(session, "person-data-erased", erasure_subject(row), by=BY, now=now, detail=counts)


def erase_person(
    session: Session, address: str, *, by: Actor, reason: str, now: datetime, settings: Settings, with_rules: bool = False
) -> PersonErasure | PendingAct:
    """As `begin_erasure`, or what now waits for the second person's approval."""
    more: dict[str, Any] = {"by": by, "reason": reason, "now": now, "settings": settings, "with_rules": with_rules}
    try:
        return begin_erasure(session, address, **more)
    except ApprovalNeeded as need:
        order = {"address": address, "with_rules": with_rules}
        return dual_control.ask_second_person(session, dual_control.PERSON_ERASURE, order, need, by=by, reason=reason, key=None, now=now)


def carry_out(session: Session, asked: PendingAct, first: Actor, *, by: Actor, now: datetime, settings: Settings) -> int:
    """Begin the erasure that the first person asked for and an administrator confirms."""
    access.over_everything(by, Role.ADMIN)
    wanted: dict[str, Any] = asked.order | {"by": first, "reason": asked.reason, "now": now, "settings": settings, "second": by}
    return begin_erasure(session, wanted.pop("address"), **wanted).id


ACTS: Mapping[str, Act] = {dual_control.PERSON_ERASURE: carry_out}
