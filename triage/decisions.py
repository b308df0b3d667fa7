"""A person decides over a selection: release, redirect, purge, restore, hold. One record, an outcome per item, undo."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, insert, select, update
from sqlmodel import Session, col

from triage import access, directory, ledger, rules, selection
from triage.actor import Actor
from triage.authentication import Authentication
from triage.db import among
from triage.envelope import Address
from triage.errors import BadInput, NotAllowedNow, NotFound, Overtaken, Stale
from triage.ids import new_id, show
from triage.models import Decision, DecisionItem, Delivery, Message, Person, Rule
from triage.rules import RuleOrder
from triage.selection import Selection
from triage.settings import Settings
from triage.states import Event, State

MOST_RULES = 20
SHOWN_ITEMS = 500


class Verb(StrEnum):
    """What a person may do to mail."""

    RELEASE = "release"
    REDIRECT = "redirect"
    PURGE = "purge"
    RESTORE = "restore"
    HOLD = "hold"


class Aim(NamedTuple):
    """Which states a verb changes, and which it counts as its business when it selects by features."""

    event: Event
    changes: frozenset[State]
    counts: frozenset[State]


HELD, QUEUED, PURGED = frozenset({State.HELD}), frozenset({State.QUEUED}), frozenset({State.PURGED, State.EXPIRED, State.REJECTED})
PURGEABLE = frozenset({State.HELD, State.QUEUED, State.BOUNCED})
AIMS = {
    Verb.RELEASE: Aim(Event.RELEASE, frozenset({State.HELD, State.BOUNCED}), HELD),
    Verb.REDIRECT: Aim(Event.REDIRECT, HELD, HELD),
    Verb.PURGE: Aim(Event.PURGE, PURGEABLE, PURGEABLE | {State.RELAYING, State.DELIVERED}),
    Verb.RESTORE: Aim(Event.RESTORE, PURGED, PURGED),
    Verb.HOLD: Aim(Event.HOLD, QUEUED, QUEUED),
}
DONE = {
    Verb.RELEASE: "Released",
    Verb.REDIRECT: "Redirected",
    Verb.PURGE: "Purged",
    Verb.RESTORE: "Restored",
    Verb.HOLD: "Held again",
    "undo": "Undone",
}


NOT_DONE = {"in flight": "in flight", "out of reach": "delivered already, out of reach", "refused": "changed by others before"}


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one delivery: done, in flight, out of reach or refused, and why."""

    delivery_id: int
    before: str
    outcome: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class DecisionReport:
    """A decision and what became of it, as values."""

    id: int
    at: datetime
    by: str
    by_shown: str
    verb: str
    selection: dict[str, Any]
    reason: str
    count: int
    done: int
    in_flight: int
    out_of_reach: int
    refused: int
    to: str
    rules: tuple[Rule, ...]
    undone_by: int | None
    undoes: int | None
    undoable: bool
    sentence: str
    items: tuple[Item, ...] = ()


class NothingDone(Overtaken):
    """Not one of the selected deliveries could be changed; says who was faster, and each item's outcome."""

    def __init__(self, sentence: str, items: tuple[Item, ...]) -> None:
        super().__init__(sentence)
        self.items = items


def decide(
    session: Session,
    selected: Selection,
    verb: Verb,
    *,
    by: Actor,
    reason: str,
    now: datetime,
    settings: Settings,
    to: str = "",
    rule: RuleOrder | None = None,
    expect: int | None = None,
    fence: str | None = None,
    idempotency_key: str | None = None,
) -> DecisionReport:
    """Do one thing to every selected delivery that the actor may see, and make a rule about their senders if asked.

    `expect` is the count and `fence` the token of the evidence sheet that the actor saw: Stale when it changed since.
    NotFound when nothing is selected, NothingDone when others were faster everywhere. The same idempotency key from
    the same actor gives the first decision again.
    """
    access.may_decide(by)
    key = f"{by}:{idempotency_key}" if idempotency_key else None
    if key and (earlier := session.scalar(select(col(Decision.id)).where(col(Decision.idempotency_key) == key))):
        return report(session, earlier, by=by)
    where = and_(selection.condition(selected), access.visible(by))
    if fence is not None and fence != selection.fence(session, where):
        raise Stale("what you selected has changed since you looked: look again, then decide")
    aim = AIMS[verb]
    meant = found(session, where, aim, selected)
    if expect is not None and expect != len(meant):
        raise Stale(f"you expected {expect}, but {len(meant)} are selected now: look again, then decide")
    if not meant and rule is None:
        raise NotFound("nothing that is selected can be changed this way")
    changes = changes_of(session, verb, to, now, settings)
    orders = rule_orders(session, rule, selected, meant) if rule else []
    decision = Decision(
        at=now,
        by=str(by),
        by_shown=by.shown,
        verb=verb,
        selection=selected.as_json(),
        reason=reason[:1000],
        count=len(meant),
        done=0,
        target=str(changes.get("mailbox", "")),
        idempotency_key=key,
    )
    items = carry_out(session, decision.id, meant, aim, changes, by=by, reason=reason, now=now)
    if items and all(item.outcome == "refused" for item in items):
        raise NothingDone(items[0].why, tuple(items))
    for order in orders:
        rules.add(session, order, by=by, now=now, settings=settings, decision_id=decision.id)
    return filed(session, decision, items, by=by, now=now)


def filed(session: Session, decision: Decision, items: list[Item], *, by: Actor, now: datetime) -> DecisionReport:
    """Write the decision and its items down."""
    decision.done = sum(item.outcome == "done" for item in items)
    session.add(decision)
    session.flush()
    if items:
        rows = [
            {"decision_id": decision.id, "delivery_id": item.delivery_id, "before": item.before, "outcome": item.outcome, "why": item.why}
            for item in items
        ]
        session.execute(insert(DecisionItem), rows)
    if not decision.done:  # what changed nothing is on the record all the same
        ledger.write(
            session, decision.verb, f"decision:{show(decision.id)}", by=by, now=now, detail={"reason": decision.reason}, items=len(items)
        )
    return report(session, decision.id, by=by)


def found(session: Session, where: ColumnElement[bool], aim: Aim, selected: Selection) -> list[tuple[int, State]]:
    """The deliveries that are meant: every one that was named by id; by features those that the verb is about."""
    if not selected.ids and not selected.states:
        where = and_(where, col(Delivery.state).in_(aim.counts))
    rows = session.execute(select(col(Delivery.id), col(Delivery.state)).where(where).order_by(col(Delivery.id)))
    return [(delivery_id, State(state)) for delivery_id, state in rows]


def changes_of(session: Session, verb: Verb, to: str, now: datetime, settings: Settings) -> dict[str, Any]:
    """What changes on the row along with the state."""
    leaves = now + timedelta(seconds=settings.policy.undo_seconds)
    if verb is Verb.RELEASE:
        return {"due_at": leaves, "queued_at": leaves}
    if verb is Verb.REDIRECT:
        return {"due_at": leaves, "queued_at": leaves, "mailbox": mailbox_of(session, to)}
    return {"due_at": None}


def mailbox_of(session: Session, to: str) -> str:
    """Where a redirect goes: a person's uid or any address of somebody here. Nothing is redirected to the outside."""
    person = session.get(Person, to.strip().casefold())
    if person is not None and person.active:
        return person.mailbox
    try:
        recipient = directory.resolve(session, Address.parse(to))
    except ValueError:
        recipient = None
    if recipient is None:
        raise BadInput(f"to: {to[:80]!r} is nobody here; name a person or an address of the company")
    return recipient.mailbox


def carry_out(
    session: Session,
    decision_id: int,
    meant: list[tuple[int, State]],
    aim: Aim,
    changes: dict[str, Any],
    *,
    by: Actor,
    reason: str,
    now: datetime,
) -> list[Item]:
    """Change what can be changed; the outcome of each item."""
    ids = [delivery_id for delivery_id, _ in meant]
    where = among(session, col(Delivery.id), ids) & col(Delivery.state).in_(aim.changes)
    if aim.event is Event.RESTORE:
        where &= col(Delivery.erased_at).is_(None)
    detail = {"reason": reason[:1000]} if reason else {}
    changed = dict(ledger.record_many(session, where, aim.event, by=by, now=now, decision_id=decision_id, detail=detail, **changes))
    in_flight = want_purged(session, ids, decision_id) if aim.event is Event.PURGE else set()
    left = {delivery_id: state for delivery_id, state in meant if delivery_id not in changed and delivery_id not in in_flight}
    why = explanations(session, list(left), aim, now)
    return (
        [Item(one, state, "done") for one, state in changed.items()]
        + [Item(one, state, "in flight", "It is being delivered this moment.") for one, state in meant if one in in_flight]
        + [Item(one, state, *why[one]) for one, state in left.items()]
    )


def want_purged(session: Session, ids: list[int], decision_id: int) -> set[int]:
    """Mark what is under way this moment: the relay purges it when the attempt fails."""
    relaying = among(session, col(Delivery.id), ids) & (col(Delivery.state) == State.RELAYING)
    marked = set(session.scalars(select(col(Delivery.id)).where(relaying).with_for_update()))
    if marked:
        session.execute(update(Delivery).where(among(session, col(Delivery.id), sorted(marked))).values(purge_wanted_by=decision_id))
    return marked


def explanations(session: Session, ids: list[int], aim: Aim, now: datetime) -> dict[int, tuple[str, str]]:
    """For each delivery that was not changed: outcome, and in words who was faster or what is in the way."""
    found: dict[int, tuple[str, str]] = {}
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state), col(Delivery.erased_at), Decision)
        .outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id))
        .where(among(session, col(Delivery.id), ids))
    )
    for delivery_id, state, erased_at, decision in rows:
        if aim.event is Event.PURGE and state == State.DELIVERED:
            found[delivery_id] = ("out of reach", "It was delivered already.")
        elif aim.event is Event.RESTORE and erased_at is not None:
            found[delivery_id] = ("refused", "Its content has been erased: the retention time is over.")
        else:
            found[delivery_id] = ("refused", who_was_faster(state, decision, now))
    return found


def who_was_faster(state: str, decision: Decision | None, now: datetime) -> str:
    """ "Released by Maria K. 4 seconds ago." """
    if decision is None:
        return f"It is {state} already."
    return f"{DONE.get(decision.verb, decision.verb)} by {decision.by_shown} {ago(now - decision.at)}."


def ago(span: timedelta) -> str:
    """A span of time in words."""
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'s' if number != 1 else ''} ago"
    return f"{seconds} second{'s' if seconds != 1 else ''} ago"


def rule_orders(session: Session, order: RuleOrder, selected: Selection, meant: list[tuple[int, State]]) -> list[RuleOrder]:
    """The rules to make: about the value that was given, or about every sender of the selected mail."""
    if order.value:
        return [order]
    if order.match not in ("address", "domain"):
        raise BadInput("rule: a list rule needs its value, the List-Id")
    senders = senders_of(session, [delivery_id for delivery_id, _ in meant], order.match)
    named = selected.sender if order.match == "address" else selected.domain
    if not senders and named:
        return [replace(order, value=named)]
    if not 0 < len(senders) <= MOST_RULES:
        raise BadInput(
            f"rule: the selection has {len(senders)} different senders; between 1 and {MOST_RULES} can be made into rules at once"
        )
    return [with_proof(order, value, proofs) for value, proofs in senders.items()]


class Proofs(NamedTuple):
    """What the selected mail of one sender could prove."""

    proofs: frozenset[str]  # of the deliveries: dmarc, aligned, ""
    publishes_nothing: bool  # no unproven one's domain publishes SPF or DMARC


def senders_of(session: Session, ids: list[int], match: str) -> dict[str, Proofs]:
    """The selected deliveries' senders, as addresses or as domains, and what their mail proved."""
    column = col(Delivery.author) if match == "address" else col(Delivery.author_domain)
    found: dict[str, tuple[set[str], list[bool]]] = {}
    rows = session.execute(
        select(column, col(Delivery.proof), col(Message.authentication))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(among(session, col(Delivery.id), ids))
    )
    for value, proof, authentication in rows:
        proofs, silent = found.setdefault(value, (set(), []))
        proofs.add(proof)
        silent.append(bool(proof) or Authentication.from_json(authentication).publishes_nothing)
    return {value: Proofs(frozenset(proofs), all(silent)) for value, (proofs, silent) in found.items() if value}


def with_proof(order: RuleOrder, value: str, shown: Proofs) -> RuleOrder:
    """An allow asks for the proof that this sender can give; a block made from unproven mail leaves proven mail alone (mailflow.md 5)."""
    if order.effect == "allow":
        return replace(order, value=value, proof=order.proof or ("dmarc" if "dmarc" in shown.proofs else "aligned"))
    unproven = "" in shown.proofs
    return replace(order, value=value, unproven_only=unproven, unsigned_only=unproven and shown.publishes_nothing)


def undo(session: Session, decision_id: int, *, by: Actor, reason: str, now: datetime, settings: Settings) -> DecisionReport:
    """Take a decision back as a whole: every item that nobody has changed since, and the rules made along with it.

    A released mail that was delivered is out of reach until recall exists. Overtaken when it was undone before.
    """
    access.may_decide(by)
    decision = session.scalars(select(Decision).where(col(Decision.id) == decision_id).with_for_update()).first()
    if decision is None or not touches(session, decision, by):
        raise NotFound(f"there is no decision {show(decision_id)}")
    if decision.undone_by is not None:
        other = session.get_one(Decision, decision.undone_by)
        raise Overtaken(who_was_faster("undone", other, now))
    if decision.undoes is not None:
        raise NotAllowedNow("this is itself an undo: decide anew instead")
    undoing = Decision(
        id=new_id(),
        at=now,
        by=str(by),
        by_shown=by.shown,
        verb="undo",
        selection=decision.selection,
        reason=reason[:1000],
        count=0,
        done=0,
        undoes=decision.id,
    )
    items = take_back(session, decision, undoing.id, by=by, now=now, settings=settings)
    undoing.count = len(items)
    made = list(session.scalars(select(Rule).where(col(Rule.decision_id) == decision.id, col(Rule.removed_at).is_(None))))
    if items and not made and all(item.outcome != "done" for item in items):
        raise NothingDone(items[0].why, tuple(items))
    for rule in made:
        rules.remove(session, rule.id, by=by, now=now)
    decision.undone_by = undoing.id
    return filed(session, undoing, items, by=by, now=now)


WAY_BACK = {
    Verb.RELEASE: (Event.HOLD, QUEUED),
    Verb.REDIRECT: (Event.HOLD, QUEUED),
    Verb.PURGE: (Event.RESTORE, frozenset({State.PURGED})),
    Verb.RESTORE: (Event.PURGE, HELD),
    Verb.HOLD: (Event.RELEASE, HELD),
}


def take_back(session: Session, decision: Decision, undoing_id: int, *, by: Actor, now: datetime, settings: Settings) -> list[Item]:
    """Put the items of a decision back; the outcome of each."""
    event, possible = WAY_BACK[Verb(decision.verb)]
    rows = session.execute(
        select(col(DecisionItem.delivery_id), col(DecisionItem.before))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id) == decision.id, col(DecisionItem.outcome).in_(["done", "in flight"]), access.visible(by))
    )
    before = {delivery_id: State(state) for delivery_id, state in rows}
    untouched = among(session, col(Delivery.id), list(before)) & (col(Delivery.decision_id) == decision.id)
    session.execute(
        update(Delivery)
        .where(among(session, col(Delivery.id), list(before)), col(Delivery.purge_wanted_by) == decision.id)
        .values(purge_wanted_by=None)
    )
    original_mailboxes = mailboxes_before(session, list(before)) if decision.verb == Verb.REDIRECT else {}
    where = untouched & col(Delivery.state).in_(possible) & col(Delivery.erased_at).is_(None)
    leaves = now + timedelta(seconds=settings.policy.undo_seconds)
    changes: dict[str, Any] = {"due_at": leaves, "queued_at": leaves} if event is Event.RELEASE else {"due_at": None}
    changed = dict(
        ledger.record_many(session, where, event, by=by, now=now, decision_id=undoing_id, detail={"undoes": show(decision.id)}, **changes)
    )
    for delivery_id, mailbox in original_mailboxes.items():
        if delivery_id in changed:
            session.execute(update(Delivery).where(col(Delivery.id) == delivery_id).values(mailbox=mailbox))
    was_queued = [one for one in changed if before[one] is State.QUEUED]
    if event is Event.RESTORE and was_queued:
        again = {"due_at": leaves, "queued_at": leaves}
        ledger.record_many(
            session,
            among(session, col(Delivery.id), was_queued),
            Event.RELEASE,
            by=by,
            now=now,
            decision_id=undoing_id,
            detail={"again": True},
            **again,
        )
    left = [one for one in before if one not in changed]
    why = not_taken_back(session, left, decision, now)
    return [Item(one, state, "done") for one, state in changed.items()] + [Item(one, before[one], *why[one]) for one in left]


def mailboxes_before(session: Session, ids: list[int]) -> dict[int, str]:
    """Where redirected deliveries were meant to go at first."""
    rows = session.execute(select(col(Delivery.id), col(Delivery.recipient)).where(among(session, col(Delivery.id), ids)))
    found = {}
    for delivery_id, recipient in rows:
        known = directory.resolve(session, Address.parse(recipient))
        found[delivery_id] = known.mailbox if known else recipient
    return found


def not_taken_back(session: Session, ids: list[int], decision: Decision, now: datetime) -> dict[int, tuple[str, str]]:
    """Why these items could not be taken back."""
    found: dict[int, tuple[str, str]] = {}
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state), col(Delivery.decision_id)).where(among(session, col(Delivery.id), ids))
    )
    for delivery_id, state, changed_by in rows:
        if changed_by != decision.id and changed_by is not None:
            found[delivery_id] = ("refused", who_was_faster(state, session.get(Decision, changed_by), now))
        elif state == State.DELIVERED:
            found[delivery_id] = ("out of reach", "It was delivered already.")
        elif state == State.RELAYING:
            found[delivery_id] = ("in flight", "It is being delivered this moment.")
        else:
            found[delivery_id] = ("refused", f"It is {state} now.")
    return found


def touches(session: Session, decision: Decision, by: Actor) -> bool:
    """May this actor know of the decision: is it their own, or does it concern mail in their scope?"""
    if decision.by == str(by) or by.scope.company:
        return True
    item = (
        select(col(DecisionItem.delivery_id))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id) == decision.id, access.visible(by))
        .limit(1)
    )
    return session.scalar(item) is not None


def report(session: Session, decision_id: int, *, by: Actor) -> DecisionReport:
    """One decision with the first items in the actor's scope. NotFound when it is none of the actor's business."""
    decision = session.get(Decision, decision_id)
    if decision is None or not touches(session, decision, by):
        raise NotFound(f"there is no decision {show(decision_id)}")
    rows = session.scalars(
        select(DecisionItem)
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id) == decision_id, access.visible(by))
        .order_by(col(DecisionItem.delivery_id))
        .limit(SHOWN_ITEMS)
    )
    items = tuple(Item(row.delivery_id, row.before, row.outcome, row.why) for row in rows)
    return next(iter(reports(session, [decision], items)))


def listing(session: Session, *, by: Actor, mine: bool = False, limit: int = 50, before: int | None = None) -> list[DecisionReport]:
    """Decisions that are the actor's business, newest first, without their items; `before` is the id to go on from."""
    where: list[ColumnElement[bool]] = []
    if mine:
        where.append(col(Decision.by) == str(by))
    elif not by.scope.company:
        concerned = (
            select(col(DecisionItem.decision_id))
            .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
            .where(access.visible(by))
        )
        where.append((col(Decision.by) == str(by)) | col(Decision.id).in_(concerned))
    if before is not None:
        where.append(col(Decision.id) < before)
    rows = session.scalars(select(Decision).where(*where).order_by(col(Decision.id).desc()).limit(limit))
    return list(reports(session, list(rows)))


def reports(session: Session, decisions: list[Decision], items: tuple[Item, ...] = ()) -> Iterable[DecisionReport]:
    """Decisions as values, with how many items ended how and the rules made along."""
    ids = [decision.id for decision in decisions]
    outcomes: dict[int, dict[str, int]] = {}
    counted = (
        select(col(DecisionItem.decision_id), col(DecisionItem.outcome), func.count())
        .where(col(DecisionItem.decision_id).in_(ids))
        .group_by(col(DecisionItem.decision_id), col(DecisionItem.outcome))
    )
    for decision_id, outcome, number in session.execute(counted):
        outcomes.setdefault(decision_id, {})[outcome] = number
    made: dict[int, list[Rule]] = {}
    for rule in session.scalars(select(Rule).where(col(Rule.decision_id).in_(ids)).order_by(col(Rule.id))):
        made.setdefault(rule.decision_id or 0, []).append(rule)
    subjects = subjects_of(session, [decision.id for decision in decisions if decision.count == 1])
    for decision in decisions:
        ended = outcomes.get(decision.id, {})
        rules_made = tuple(made.get(decision.id, ()))
        said = sentence(decision, ended, rules_made, subjects.get(decision.id, ""))
        yield report_of(decision, ended, rules_made, items, said)


def subjects_of(session: Session, decision_ids: list[int]) -> dict[int, str]:
    """The subject of the one mail that each of these decisions was about."""
    about = (
        select(col(DecisionItem.decision_id), col(Delivery.subject))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id).in_(decision_ids))
    )
    return dict(session.execute(about).all())


def report_of(decision: Decision, outcomes: dict[str, int], made: tuple[Rule, ...], items: tuple[Item, ...], said: str) -> DecisionReport:
    """One decision as a value."""
    return DecisionReport(
        id=decision.id,
        at=decision.at,
        by=decision.by,
        by_shown=decision.by_shown,
        verb=decision.verb,
        selection=decision.selection,
        reason=decision.reason,
        count=decision.count,
        done=outcomes.get("done", 0),
        in_flight=outcomes.get("in flight", 0),
        out_of_reach=outcomes.get("out of reach", 0),
        refused=outcomes.get("refused", 0),
        to=decision.target,
        rules=made,
        undone_by=decision.undone_by,
        undoes=decision.undoes,
        undoable=decision.undone_by is None and decision.undoes is None,
        sentence=said,
        items=items,
    )


def sentence(decision: Decision, outcomes: dict[str, int], made: tuple[Rule, ...], subject: str) -> str:
    """What became of it, for a person to read; `subject` is that of its only mail, "" when it is about several."""
    done = outcomes.get("done", 0)
    what = f"“{subject}”" if subject and done else f"{done} mail{'s' if done != 1 else ''}"
    parts = [f"{DONE[decision.verb]} {what}" + (f" to {decision.target}" if decision.target else "")]
    parts += [f"{outcomes[outcome]} {words}" for outcome, words in NOT_DONE.items() if outcomes.get(outcome)]
    parts += [f"{rule.value} {'allowed' if rule.effect == 'allow' else 'blocked'} for {scope_words(rule.scope)}" for rule in made]
    return "; ".join(parts) + "."


def scope_words(scope: str) -> str:
    """A scope for a person to read."""
    kind, _, name = scope.partition(":")
    return "the whole company" if kind == "company" else f"the department {name}" if kind == "department" else name
