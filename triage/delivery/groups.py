"""Groups: who their members are, one delivery for each when the group's own leaves, and the way back for all of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, func, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.addressing.envelope import Address
from triage.config.settings import Company
from triage.delivery import recalled_copies
from triage.directory import enforcement, leavers, recipients
from triage.ids import new_id
from triage.policy import emergency
from triage.policy.decide import KNOWN, Disposition, assistant_reason
from triage.say import form_of, forms_of, load_sentence, say, say_count
from triage.store import ledger
from triage.store.db import is_among, is_postgresql
from triage.store.delivery_state import FOR_ASSISTANT, Event, State
from triage.store.models.decisions import DecisionItem
from triage.store.models.deliveries import Delivery, reply_columns
from triage.store.models.directory import KnownRecipient, MailGroup, Person
from triage.store.queue.grouping import in_states


@dataclass(frozen=True, slots=True)
class Member:
    """Member of a distribution list, who gets a copy of its messages."""

    mailbox: str
    department: str
    person: str  # uid; "" for a department's mailbox, a group that is not expanded, somebody outside


def list_members(session: Session, group: MailGroup, company: Company) -> tuple[Member, ...]:
    """Lists the members of a distribution list and its nested lists, each once, in directory order. People who left are omitted."""
    found: dict[str, Member] = {}
    seen: set[str] = set()  # groups may contain each other
    waiting = [group]
    while waiting:
        one = waiting.pop(0)
        if one.address in seen:
            continue
        seen.add(one.address)
        inside = members_here(session, one, company)
        nested = find_expanding(session, (member.mailbox for member in inside))
        waiting.extend(nested.values())
        outside = (Member(address, one.department, "") for address in one.external)
        for member in (*inside, *outside):
            if member.mailbox not in nested:
                found.setdefault(member.mailbox, member)
    return tuple(found.values())


def members_here(session: Session, group: MailGroup, company: Company) -> list[Member]:
    """Lists members that the group itself names, as far as they are at the company."""
    people = session.scalars(
        select(Person).where(col(Person.uid).in_([one for one in group.members if "@" not in one]), col(Person.active))
    )
    named = {person.uid: Member(person.mailbox, person.department, person.uid) for person in people}
    addresses = [one for one in group.members if "@" in one]
    for known in session.scalars(
        select(KnownRecipient).where(col(KnownRecipient.address).in_(addresses), col(KnownRecipient.kind) != leavers.GONE)
    ):
        named[known.address] = Member(known.mailbox, known.department, known.person)
    for address in addresses:
        if address not in named and (meant := recipients.resolve_address(session, Address.parse(address), company)):
            named[address] = Member(meant.mailbox, meant.department, meant.person)
    return [named[one] for one in group.members if one in named]


def closed_addresses(session: Session) -> frozenset[str]:
    """The addresses of groups that take mail from inside only."""
    theirs = col(KnownRecipient.mailbox) == col(MailGroup.address)
    wanted = select(col(KnownRecipient.address)).join(MailGroup, theirs).where(col(KnownRecipient.kind) == "group", col(MailGroup.closed))
    return frozenset(session.scalars(wanted))


def find_expanding(session: Session, mailboxes: Iterable[str]) -> dict[str, MailGroup]:
    """Returns those of the mailboxes that are groups whose members get a copy each."""
    wanted = set(mailboxes)
    rows = session.scalars(select(MailGroup).where(col(MailGroup.address).in_(wanted), col(MailGroup.expand))) if wanted else ()
    return {group.address: group for group in rows}


def expand_list(session: Session, delivery_id: int, group: MailGroup, company: Company, *, by: Actor, now: datetime) -> None:
    """A group's delivery, just claimed, leaves: each member gets one of their own, who has none of this message yet.

    A group without members is shown as bounced.
    """
    parent = session.get_one(Delivery, delivery_id, populate_existing=True)
    wanted = list_members(session, group, company)
    if not wanted:
        empty = say("the distribution list {name} has no members", name=group.name)
        ledger.record_event(session, parent.id, Event.BOUNCE, by=by, now=now, due_at=None, **reply_columns(empty))
        return
    of_this = select(col(Delivery.mailbox), col(Delivery.recipient), brought_nothing()).where(col(Delivery.message_id) == parent.message_id)
    present = session.execute(of_this).all()
    having, taken = {mailbox for mailbox, _, none in present if not none}, {address for _, address, _ in present}
    revive_copies(session, parent, {member.mailbox for member in wanted}, by=by, now=now)
    assisted = find_assisted(session, parent, company, now)
    copies: list[Delivery] = []
    for member in wanted:
        if member.mailbox not in having:
            address = free_address(session, member, taken, group)
            taken.add(address)
            copy = copy_for_member(parent, member, address, group, now)
            copies.append(hold_copy(copy, assisted[member.person]) if member.person in assisted else copy)
    reply = say_count(
        "the only member of {name} gets a copy", "each of the {count} members of {name} gets a copy", count=len(wanted), name=group.name
    )
    ledger.branch_delivery(session, parent.id, copies, by=by, now=now, detail={"group": group.address, "members": len(wanted)})
    detail = {"reply": str(reply), "reply_form": form_of(reply)}
    ledger.record_event(
        session, parent.id, Event.DELIVER, by=by, now=now, detail=detail, due_at=None, expanded=True, **reply_columns(reply)
    )


def find_assisted(session: Session, parent: Delivery, company: Company, now: datetime) -> dict[str, str]:
    """The names of the people whose copies of a list's message are held for their assistants, by uid; nobody where a person released it.

    As for messages of their own: a known sender's, of no limited time, outside an emergency.
    """
    passed = parent.rule in KNOWN and parent.verdict == "relay" and parent.decision_id is None and parent.time_limited_until is None
    if not passed or emergency.current_emergency(session, now):
        return {}
    return enforcement.assisted_names(session, enforcement.now_in_force(session, company, now))


def hold_copy(copy: Delivery, name: str) -> Delivery:
    """The same copy, held for the assistant of its member."""
    reason = assistant_reason(name, load_sentence(copy.reason, (copy.forms or {}).get("reason")))
    copy.state, copy.due_at, copy.queued_at = State.HELD, None, None
    copy.verdict, copy.rule, copy.reason = Disposition.QUARANTINE, FOR_ASSISTANT, str(reason)
    copy.forms = (copy.forms or {}) | (forms_of(reason=reason) or {})
    return copy


def brought_nothing() -> ColumnElement[bool]:
    """Condition: deliveries that brought nothing to their mailbox: they were redirected to it, and then removed."""
    return col(Delivery.redirected) & in_states((State.PURGED, State.REJECTED, State.EXPIRED))


def free_address(session: Session, member: Member, taken: set[str], group: MailGroup) -> str:
    """The member's address for their copy; another one where what came for that was redirected to somebody else.

    Of one message each address has one delivery. Where all of theirs have one, the copy is named after the group too, which is no address.
    """
    if member.mailbox not in taken:
        return member.mailbox
    others = select(col(KnownRecipient.address)).where(col(KnownRecipient.mailbox) == member.mailbox).order_by(col(KnownRecipient.address))
    return next((address for address in session.scalars(others) if address not in taken), f"{group.address}:{member.mailbox}")


def copy_for_member(parent: Delivery, member: Member, address: str, group: MailGroup, now: datetime) -> Delivery:
    """A member's copy: judged and decided as the group's own."""
    note = say("Addressed to the distribution list {name}.", name=group.name)
    own: dict[str, Any] = {
        "id": new_id(),
        "parent_id": parent.id,
        "state": State.QUEUED,
        "recipient": address,
        "listed": member.mailbox,
        "detail": "",
        "redirected": False,
        "department": member.department,
        "person": member.person,
        "mailbox": member.mailbox,
        "note": str(note),
        "forms": (parent.forms or {}) | (forms_of(note=note) or {}),
        "search": f"{parent.search} {member.mailbox} {member.person}",
        "due_at": now,
        "queued_at": now,
        "attempts": 0,
        "last_reply": "",
        "waits_for": "",
        "expanded": False,
    }
    return Delivery(**parent.model_dump() | own)


def revive_copies(session: Session, parent: Delivery, mailboxes: set[str], *, by: Actor, now: datetime) -> None:
    """Members' copies of an earlier release that were taken back go out again; those on their way back when they are there."""
    again = select(Delivery).where(col(Delivery.parent_id) == parent.id).order_by(col(Delivery.id))
    locked = again.with_for_update().execution_options(populate_existing=True)  # a recaller may be settling them this moment
    mine = [row for row in session.scalars(locked) if row.mailbox in mailboxes]
    purged = is_among(session, col(Delivery.id), [row.id for row in mine if row.state == State.PURGED and row.erased_at is None])
    said: dict[str, Any] = {"by": by, "now": now, "decision_id": parent.decision_id}
    for delivery_id, _ in ledger.record_many(session, purged, Event.RESTORE, **said):
        recalled_copies.end_copies(session, [delivery_id], now=now)
    ledger.record_many(session, purged, Event.RELEASE, **said, due_at=now, queued_at=now, last_reply="")
    for row in mine:
        if row.state == State.RELAYING:
            recalled_copies.record_outcome(
                session, row.purge_wanted_by, row.id, "refused", say("It was sent again to the distribution list.")
            )
    flying = is_among(session, col(Delivery.id), [row.id for row in mine if row.state == State.RELAYING])
    session.execute(update(Delivery).where(flying).values(purge_wanted_by=None))
    leaving = is_among(session, col(Delivery.id), [row.id for row in mine if row.state == State.RECALLING and row.back_to != "mailbox"])
    recalled_copies.request_return(session, leaving, "queued", parent.decision_id or 0)


def delivered_parents(session: Session, where: ColumnElement[bool]) -> set[int]:
    """The groups' own deliveries whose members have got their copies."""
    own = where & col(Delivery.expanded) & in_states((State.DELIVERED,))
    return set(session.scalars(select(col(Delivery.id)).where(own)))


def is_copy_within(decision_id: int) -> ColumnElement[bool]:
    """Condition: members' copies whose group's own delivery is part of the same decision. They belong to it."""
    items = select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == decision_id)
    return func.coalesce(col(Delivery.parent_id).in_(items), false())


def copies_of(session: Session, parents: Iterable[int]) -> list[tuple[int, State]]:
    """The members' copies of these deliveries and their states, locked."""
    ids = list(parents)
    return (
        [(one, state) for one, state, _ in ledger.lock_deliveries(session, is_among(session, col(Delivery.parent_id), ids))] if ids else []
    )


def read_copies(session: Session, where: ColumnElement[bool]) -> list[tuple[int, State]]:
    """The members' copies of the groups' own deliveries among these, and their states; nothing is locked."""
    parents = select(col(Delivery.id)).where(where, col(Delivery.expanded), in_states((State.DELIVERED,)))
    rows = session.execute(select(col(Delivery.id), col(Delivery.state)).where(col(Delivery.parent_id).in_(parents)))
    return [(delivery_id, State(state)) for delivery_id, state in rows]


def ids_of_copies(session: Session, parents: Iterable[int]) -> list[int]:
    """The members' copies of these deliveries, which are locked together with them: who settles them locks all deliveries by id."""
    ids = list(parents)
    return list(session.scalars(select(col(Delivery.id)).where(is_among(session, col(Delivery.parent_id), ids)))) if ids else []


def lock_with_copies(session: Session, where: ColumnElement[bool]) -> None:
    """Locks deliveries and the members' copies of the lists among them, all in the order of ids; nothing where no list has copies."""
    if is_postgresql(session) and (copies := ids_of_copies(session, delivered_parents(session, where))):
        ids = session.scalars(select(col(Delivery.id)).where(where)).all()
        ledger.lock_deliveries(session, is_among(session, col(Delivery.id), [*ids, *copies]))


def close_parents(session: Session, parents: set[int], *, by: Actor, now: datetime, decision_id: int, detail: Mapping[str, Any]) -> None:
    """Groups' own deliveries that have left are purged: no mailbox holds them, their copies are purged one by one."""
    mine = is_among(session, col(Delivery.id), parents)
    for event in (Event.PURGE, Event.RECALL) if parents else ():
        ledger.record_many(session, mine, event, by=by, now=now, decision_id=decision_id, detail=detail, due_at=None)


def open_again(session: Session, where: ColumnElement[bool], *, by: Actor, now: datetime, decision_id: int) -> set[int]:
    """Marks group deliveries that `close_parents` has purged as delivered again; returns them."""
    closed = where & col(Delivery.expanded) & in_states((State.PURGED,))
    changed = ledger.record_many(session, closed, Event.PUT_BACK, by=by, now=now, decision_id=decision_id, due_at=None)
    ids = {delivery_id for delivery_id, _ in changed}
    mine = is_among(session, col(Delivery.id), ids)
    ledger.record_many(session, mine, Event.DELIVER, by=by, now=now, decision_id=decision_id, due_at=None)
    return ids
