"""A person decides over a selection: release, redirect, purge, reject, restore, hold. One record, an outcome for each item."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, not_, select, true, update
from sqlmodel import Session, col

from triage.access import dual_control, scope as access
from triage.access.confidential_folders import PEOPLE
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import groups, recalled_copies, rejections, sender_notices
from triage.directory import reassigned_addresses, recipients
from triage.errors import NotFound, Stale
from triage.policy import copies
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import checked, checked_scope
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import ask_keepers, consent
from triage.quarantine.decisions.outcome_text import OUT_OF_REACH, who_was_faster
from triage.quarantine.decisions.outcomes import DecisionReport, Item, NothingDone, decision_of, filed, report
from triage.quarantine.removal import late_copies, removal_plan, second_person
from triage.quarantine.removal.removal_plan import BlockWish
from triage.quarantine.rules.rules_with_decision import MOST_RULES, NotOffered, not_allowed, of_agreed, rule_orders
from triage.quarantine.search import confirmations, selection
from triage.quarantine.search.confirmations import Question
from triage.quarantine.search.selection import Selection
from triage.store import ledger
from triage.store.db import among
from triage.store.delivery_state import Event, State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.queue.grouping import in_states

FLYING = {State.RELAYING: "It is being delivered this moment.", State.RESTORING: "It is being put back this moment."}
IN_MAILBOXES = {
    (Event.PURGE, State.DELIVERED): "recalling",
    (Event.PUT_BACK, State.DELIVERED): "restoring",
}  # the recaller has the last word
AGAIN = frozenset({Event.REDELIVER, Event.PUT_BACK})  # of what was delivered
SAYS_WANTED = frozenset({"release", "redirect", "undo"})  # verbs after which other senders are wanted
LETS_OUT = frozenset({"release", "redirect", "redeliver", "restore"})
NEEDS_CONTENT = frozenset({Event.RESTORE, Event.RELEASE, Event.REDIRECT, Event.REDELIVER, Event.PUT_BACK})


class Verb(StrEnum):
    """What a person may do to mail."""

    RELEASE = "release"
    REDIRECT = "redirect"
    PURGE = "purge"
    REJECT = "reject"
    RESTORE = "restore"
    HOLD = "hold"
    REDELIVER = "redeliver"


class Effort(NamedTuple):
    """What a decision took the person, since its card came under their cursor."""

    keys: int
    milliseconds: int


class Aim(NamedTuple):
    """Which states a verb changes, and which it counts as its business when it selects by features."""

    event: Event
    changes: frozenset[State]
    counts: frozenset[State]


HELD, QUEUED, PURGED = frozenset({State.HELD}), frozenset({State.QUEUED}), frozenset({State.PURGED, State.EXPIRED, State.REJECTED})
DELIVERED = frozenset({State.DELIVERED})
HELD_OR_BOUNCED = frozenset({State.HELD, State.BOUNCED})
PURGEABLE = frozenset({State.HELD, State.QUEUED, State.BOUNCED})
IN_FLIGHT = frozenset({State.RELAYING, State.RESTORING})
AIMS = {
    Verb.RELEASE: Aim(Event.RELEASE, HELD_OR_BOUNCED, HELD),
    Verb.REDIRECT: Aim(Event.REDIRECT, HELD_OR_BOUNCED, HELD),
    Verb.PURGE: Aim(Event.PURGE, PURGEABLE, PURGEABLE | IN_FLIGHT | DELIVERED),
    Verb.REJECT: Aim(Event.REJECT, HELD, HELD),
    Verb.RESTORE: Aim(Event.RESTORE, PURGED, PURGED),
    Verb.HOLD: Aim(Event.HOLD, QUEUED, QUEUED),
    Verb.REDELIVER: Aim(Event.REDELIVER, DELIVERED, DELIVERED),
}


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
    template: str = "",
    text: str = "",
    rule: RuleOrder | None = None,
    block: BlockWish | None = None,
    expect: int | None = None,
    fence: str | None = None,
    idempotency_key: str | None = None,
    look_first: bool = True,
    second: Actor | None = None,
    effort: Effort | None = None,
    confirm: Collection[str] = (),
) -> DecisionReport:
    """Do one thing to every selected delivery that the actor may see, and make a rule about their senders if asked.

    `block`: a purge blocks along what `removal_plan.plan` says.
    `to`: where a redirect goes; `template` or `text`: what a sender is told who is rejected (reject.templates).
    `expect` is the count of what is changed and `fence` the token of the evidence sheet that the actor saw: Stale when it changed since.
    NotFound when nothing is selected, NothingDone when others were faster everywhere. The same idempotency key from
    the same actor gives the first decision again. A redelivery looks first, where there is a way into the mailboxes,
    whether the copy is still there, unless `look_first` is False. SecondLookNeeded where something that needs a second look would be
    released, or its sender allowed, unless exactly its names are in `confirm` and the fence is given. SecondKeyNeeded, and nothing is
    changed, where the company wants two keys for it and no `second` person has turned theirs.
    """
    access.may_decide(by)
    aim = aim_of(verb, settings, look_first=look_first)
    if block and block.scope:
        checked_scope(session, block.scope)
    meant = found(session, selected, verb, aim, by, fence, settings=settings, now=now)  # locked: nobody moves until this is decided
    key = own_key(by, idempotency_key)
    if earlier := made_before(session, key):
        return report(session, earlier, by=by)
    seen, meant = meant, with_agreed(session, rule, meant)
    check_number(expect, len(meant))
    if not meant and rule is None:
        raise NotFound("nothing that is selected can be changed this way")
    states = () if selected.states else aim.counts
    outside = selection.outside(session, selected, len(seen), by=by, states=states)
    selected_ones, meant = meant, with_copies(session, meant) if verb is Verb.PURGE else meant
    ids = [delivery_id for delivery_id, _ in meant]
    orders, blocks, late = rules_beside(session, verb, rule, block, selected, ids, to=to, by=by, settings=settings, now=now)
    about = among(session, col(Delivery.id), [delivery_id for delivery_id, _ in selected_ones])
    confirmed = confirmed_looks(session, selected, about, verb, aim, orders, confirm, fence, by=by)
    dual_control.require(keys_for(session, verb, meant, orders, settings, selected, by), by, second, selected_ones)
    decision = decision_of(
        by,
        verb,
        selected.as_json(),
        reason,
        now,
        count=len(meant),
        outside=outside,
        confirmed=confirmed,
        confidential=ask_keepers.concern(session, selected, verb, by=by),
        second_by=str(second or ""),
        second_by_shown=second.shown if second else "",
        target=chosen(session, verb, settings, to=to, template=template, text=text, now=now),
        idempotency_key=key,
        agreed=agreed(session, rule, orders, seen, meant, settings),
        **measured(effort, settings),
    )
    order = {"to": to, "template": template, "text": text, "look_first": look_first}
    items = act(session, decision, meant, verb, order, by=by, now=now, settings=settings)
    if items and all(item.outcome == "refused" for item in items):
        raise NothingDone(items[0].why, tuple(items))
    add_rules(session, orders, by=by, now=now, settings=settings, decision_id=decision.id, second=second)
    rules.add_blocks(session, blocks, by=by, now=now, settings=settings, decision_id=decision.id)
    late_copies.make(session, late, by=by, now=now, settings=settings, decision_id=decision.id, second=second)
    ask_keepers.ask(session, decision, selected, by=by, now=now)
    report_of_it = filed(session, decision, items, by=by, now=now)
    sort_copies(session, decision, items, settings=settings)
    return report_of_it


def confirmed_looks(
    session: Session,
    selected: Selection,
    about: ColumnElement[bool],
    verb: Verb,
    aim: Aim,
    orders: Iterable[RuleOrder],
    confirm: Collection[str],
    fence: str | None,
    *,
    by: Actor,
) -> list[str]:
    """The names of the second look that these deliveries need for this verb and these rules, all of them confirmed; else SecondLookNeeded.

    `about`: the deliveries that are meant.
    """
    asked = second_looks(session, about, verb, aim, any(one.effect == "allow" for one in orders), by)
    current = selection.fence(session, and_(selection.condition(selected), access.visible(by))) if asked or confirm else ""
    return confirmations.check(asked, confirm, by=by, fence=fence, current=current)


def second_looks(session: Session, about: ColumnElement[bool], verb: Verb, aim: Aim, allows: bool, by: Actor) -> tuple[Question, ...]:
    """Why this verb needs a second look of the deliveries that are meant: of those that it releases, and where a rule allows their senders,
    of all. Mailroom's own parts are not asked."""
    if by.kind not in PEOPLE:
        return ()
    lets_out = leaving(verb, aim)
    where = about if allows else None if lets_out is None else and_(about, lets_out)
    return () if where is None else confirmations.questions(session, where)


def leaving(verb: Verb, aim: Aim) -> ColumnElement[bool] | None:
    """Which deliveries this verb sends to people, or puts back into mailboxes; None: none at all."""
    if verb not in LETS_OUT:
        return None
    there = and_(in_states(aim.changes), col(Delivery.erased_at).is_(None))
    return and_(there, recalled_copies.was_taken()) if verb is Verb.RESTORE else there


def preview(
    session: Session, selected: Selection, verb: Verb | None, rule: RuleOrder | None, *, by: Actor, settings: Settings
) -> tuple[tuple[Question, ...], tuple[NotOffered, ...]]:
    """What a decision would have to confirm, and the senders whom its allow cannot be about. Nothing is held or changed."""
    verb = verb or Verb.HOLD
    aim = aim_of(verb, settings, look_first=True)
    about = its_business(selected, aim, and_(selection.looked_up(session, selected), access.visible(by)))
    allows = rule is not None and rule.effect == "allow"
    if rule is None or not allows:
        return second_looks(session, about, verb, aim, allows, by), ()
    ids = session.scalars(select(col(Delivery.id)).where(about)).all()
    kept = about if ids == (named := of_agreed(session, rule, ids)) else among(session, col(Delivery.id), named)
    return second_looks(session, kept, verb, aim, allows, by), tuple(not_allowed(session, rule, ids, settings.own_domains))


def sort_copies(session: Session, decision: Decision, items: list[Item], *, settings: Settings) -> None:
    """Whose message was released, or is no longer, is wanted or is not: their other messages stand in another row."""
    if decision.verb in SAYS_WANTED:
        copies.sort_senders_of(session, [one.delivery_id for one in items], settings=settings, now=decision.at)


def add_rules(
    session: Session,
    orders: list[RuleOrder],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    decision_id: int,
    second: Actor | None = None,
) -> None:
    """Make the rules that were asked for along with a decision; very many blocks together."""
    if len(orders) > MOST_RULES and all(one.effect == "block" for one in orders):
        rules.add_blocks(session, orders, by=by, now=now, settings=settings, decision_id=decision_id, origin="staff")
        return
    for one in orders:
        rules.add(session, one, by=by, now=now, settings=settings, decision_id=decision_id, second=second)


def own_key(by: Actor, idempotency_key: str | None) -> str | None:
    """An idempotency key as it is kept: nobody meets another one's."""
    return f"{by}:{idempotency_key}" if idempotency_key else None


def check_number(expected: int | None, selected: int) -> None:
    """Stale where somebody decides about another number of deliveries than they saw."""
    if expected is not None and expected != selected:
        raise Stale(f"you expected {expected}, but {selected} are selected now: look again, then decide")


def rules_beside(
    session: Session,
    verb: Verb,
    rule: RuleOrder | None,
    block: BlockWish | None,
    selected: Selection,
    ids: list[int],
    *,
    to: str,
    by: Actor,
    settings: Settings,
    now: datetime,
) -> tuple[list[RuleOrder], list[RuleOrder], list[RuleOrder]]:
    """The rules that are made along with a decision: those that were asked for, the blocks of a removal, else that of its late copies."""
    made: list[RuleOrder] = []
    if rule:
        goes_along = rule.effect == "redirect" and not rule.to
        made = rule_orders(session, replace(rule, to=to) if goes_along else rule, selected, ids, by=by, own_domains=settings.own_domains)
    if verb is not Verb.PURGE:
        return made, [], []
    if block:
        return made, removal_plan.orders_along(session, selected, ids, block, by=by, settings=settings, now=now), []
    return made, [], [] if rule else late_copies.orders(session, selected, ids, by=by, settings=settings, now=now)


def with_agreed(session: Session, rule: RuleOrder | None, meant: list[tuple[int, State]]) -> list[tuple[int, State]]:
    """The deliveries without those of senders who were left out of an allow: their messages stay as they are."""
    kept = set(of_agreed(session, rule, [one for one, _ in meant]))
    return [one for one in meant if one[0] in kept]


def agreed(
    session: Session,
    rule: RuleOrder | None,
    orders: list[RuleOrder],
    seen: list[tuple[int, State]],
    meant: list[tuple[int, State]],
    settings: Settings,
) -> dict[str, Any]:
    """Whom a decision lets in for good and whom it leaves out, as it is kept; nothing where it allows nobody."""
    if rule is None or rule.effect != "allow":
        return {}
    left = consent.left_out(session, rule, [one for one, _ in seen], [one for one, _ in meant])
    return consent.record([checked(session, one, settings) for one in orders], left)


def measured(effort: Effort | None, settings: Settings) -> dict[str, Any]:
    """What a decision took, as it is kept; nothing where the company wants nothing measured."""
    return effort._asdict() if effort and settings.reports.staff != "none" else {}


def made_before(session: Session, key: str | None) -> int | None:
    """The decision that was made with this key."""
    return session.scalar(select(col(Decision.id)).where(col(Decision.idempotency_key) == key)) if key else None


def chosen(session: Session, verb: Verb, settings: Settings, *, to: str, template: str, text: str, now: datetime) -> str:
    """Where a redirect goes; "" for the others. BadInput when that, or what rejected senders would be told, cannot be."""
    if verb is Verb.REJECT:
        rejections.text_of(settings, template=template, text=text)
    return str(changes_of(session, AIMS[verb].event, to, now, settings).get("mailbox", ""))


def act(
    session: Session,
    decision: Decision,
    meant: list[tuple[int, State]],
    verb: Verb,
    order: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
) -> list[Item]:
    """Do it to these deliveries; the outcome of each. `order`: what else was said, as `decide` takes it."""
    aim = aim_of(verb, settings, look_first=order.get("look_first", True))
    meant = with_copies(session, meant) if verb is Verb.PURGE else meant
    changes = changes_of(session, aim.event, order["to"], now, settings)
    barred = barred_from(session, verb, [one for one, _ in meant], settings)
    items = carry_out(session, decision, meant, aim, changes, barred, by=by)
    if verb is Verb.REJECT and any(one.outcome == "done" for one in items):
        said = rejections.text_of(settings, template=order["template"], text=order["text"])
        rejections.tell(session, [one.delivery_id for one in items if one.outcome == "done"], said, settings=settings, now=now)
    sender_notices.follow_deliveries(
        session, [one.delivery_id for one in items if one.before in sender_notices.ENDS], settings=settings, now=now
    )
    return items


def aim_of(verb: Verb, settings: Settings, *, look_first: bool) -> Aim:
    """What a verb aims at; where there is a way into mailboxes a purge reaches into them, and a redelivery looks into them."""
    aim = AIMS[verb]
    if verb is Verb.PURGE and settings.reaches_mailboxes:
        return aim._replace(changes=aim.changes | DELIVERED)
    return aim._replace(event=Event.PUT_BACK) if verb is Verb.REDELIVER and settings.reaches_mailboxes and look_first else aim


def keys_for(
    session: Session,
    verb: Verb,
    meant: list[tuple[int, State]],
    orders: list[RuleOrder],
    settings: Settings,
    selected: Selection,
    by: Actor,
) -> list[str]:
    """Why this needs a second key; nothing where the company wants none."""
    if not settings.policy.two_keys:
        return []
    needs = dual_control.of_rules([(one.effect, one.match, one.scope) for one in orders], settings)
    if verb is Verb.PURGE:
        named = among(session, col(Delivery.id), [one for one, _ in meant])
        needs += dual_control.of_purge(meant, settings) + second_person.needs(session, selected, named, by=by, settings=settings)
    lets_go = verb in (Verb.RELEASE, Verb.REDIRECT)
    return needs + (dual_control.of_release(session, [one for one, _ in meant], settings) if lets_go else [])


def needs_of(session: Session, selected: Selection, goes: ColumnElement[bool], *, by: Actor, settings: Settings) -> list[str]:
    """Why a removal of this selection would need a second person now; nothing is held or changed. `goes`: what `removal_plan.plan`
    takes."""
    if not settings.policy.two_keys:
        return []
    there = and_(goes, col(Delivery.state) == State.DELIVERED)
    meant = with_copies(session, [(one, State.DELIVERED) for one in session.scalars(select(col(Delivery.id)).where(there))])
    return keys_for(session, Verb.PURGE, meant, [], settings, selected, by)


def meant_by(
    session: Session, selected: Selection, verb: Verb, *, rule: RuleOrder | None = None, by: Actor, settings: Settings, now: datetime
) -> list[tuple[int, State]]:
    """Which deliveries, in which states, this verb of this actor would be about now; locked."""
    aim = aim_of(verb, settings, look_first=True)
    return with_agreed(session, rule, found(session, selected, verb, aim, by, None, settings=settings, now=now))


def ids_meant(session: Session, selected: Selection, verb: Verb, *, by: Actor, settings: Settings) -> list[int]:
    """The deliveries that this verb of this actor would be about now, before any sender is left out; nothing is locked."""
    where = its_business(selected, aim_of(verb, settings, look_first=True), selection.condition(selected) & access.visible(by))
    return list(session.scalars(select(col(Delivery.id)).where(where)))


def its_business(selected: Selection, aim: Aim, where: ColumnElement[bool]) -> ColumnElement[bool]:
    """What of a selection a verb is about: of what is selected by features, only the states that it counts."""
    return where if selected.ids or selected.states else and_(where, col(Delivery.state).in_(aim.counts))


def barred_from(session: Session, verb: Verb, ids: list[int], settings: Settings) -> dict[int, str]:
    """Which of these the verb must leave alone whatever their state, and why."""
    if verb is Verb.REJECT:
        return rejections.refused(session, ids, settings)
    if verb in (Verb.RELEASE, Verb.REDELIVER):
        return reassigned_addresses.barred(session, ids)
    return rejections.told(session, ids) if verb is Verb.RESTORE else {}


def found(
    session: Session, selected: Selection, verb: Verb, aim: Aim, by: Actor, fence: str | None, *, settings: Settings, now: datetime
) -> list[tuple[int, State]]:
    """The deliveries that are meant, locked: every one that was named by id; by features those that the verb is about.

    A purge leaves out what is from wanted senders, unless they were named.
    """
    where = and_(selection.condition(selected), access.visible(by))
    narrow = not selected.ids and not selected.states
    locked = ledger.lock(session, where if fence is not None else its_business(selected, aim, where))
    rows = without_wanted(session, selected, verb, locked, settings=settings, now=now)
    if fence is not None and fence != selection.fence_of(rows):
        raise Stale("what you selected has changed since you looked: look again, then decide")
    return [(delivery_id, state) for delivery_id, state, _ in rows if not narrow or state in aim.counts]


def without_wanted(
    session: Session, selected: Selection, verb: Verb, rows: list[tuple[int, State, datetime]], *, settings: Settings, now: datetime
) -> list[tuple[int, State, datetime]]:
    """The locked deliveries without those that a purge leaves alone."""
    if verb is not Verb.PURGE:
        return rows
    left = removal_plan.ids_left_out(session, selected, [one for one, *_ in rows], settings=settings, now=now)
    return [row for row in rows if row[0] not in left] if left else rows


def changes_of(session: Session, event: Event, to: str, now: datetime, settings: Settings) -> dict[str, Any]:
    """What changes on the row along with the state."""
    leaves = now + timedelta(seconds=settings.policy.undo_seconds)
    if event in (Event.RELEASE, Event.REDELIVER):
        return {"due_at": leaves, "queued_at": leaves, "waits_for": ""}
    if event is Event.REDIRECT:
        return {"due_at": leaves, "queued_at": leaves, "waits_for": ""} | to_another(session, to, settings)
    if event is Event.PUT_BACK:
        return {"due_at": now, "queued_at": now, "last_reply": ""}
    if event is Event.RESTORE:
        return {"due_at": None, "expanded": False}
    return recalled_copies.due(now) if event is Event.PURGE else {"due_at": None}


def with_copies(session: Session, meant: list[tuple[int, State]]) -> list[tuple[int, State]]:
    """The copies of a group's members along with what the group got: whoever may purge that reaches all of them."""
    parents = groups.left(session, among(session, col(Delivery.id), [delivery_id for delivery_id, _ in meant]))
    return sorted(dict(groups.copies_of(session, parents)).items() | dict(meant).items())


def to_another(session: Session, to: str, settings: Settings) -> dict[str, Any]:
    """What a redirect changes beside."""
    return {"mailbox": recipients.destination(session, to, settings.company), "redirected": True}


def carry_out(
    session: Session,
    decision: Decision,
    meant: list[tuple[int, State]],
    aim: Aim,
    changes: dict[str, Any],
    barred: dict[int, str],
    *,
    by: Actor,
) -> list[Item]:
    """Change what can be changed and is not barred; the outcome of each item."""
    event, now = aim.event, decision.at
    ids = [delivery_id for delivery_id, _ in meant if delivery_id not in barred]
    where = among(session, col(Delivery.id), ids) & in_states(aim.changes)
    said = {"reason": decision.reason, "to": decision.target, "second_key": decision.second_by}
    detail: dict[str, Any] = {name: text for name, text in said.items() if text}
    detail |= {"confirmed": decision.confirmed} if decision.confirmed else {}
    closed = groups.left(session, among(session, col(Delivery.id), ids)) if event is Event.PURGE else set()
    groups.close(session, closed, by=by, now=now, decision_id=decision.id, detail=detail)
    back = put_back(session, where, ids, decision, detail, by=by) if event is Event.RESTORE else set()
    where &= possible(event)
    sought = seek(session, where, decision, detail, by=by) if event is Event.PURGE and aim.changes >= DELIVERED else {}
    changed = dict(ledger.record_many(session, where, event, by=by, now=now, decision_id=decision.id, detail=detail, **changes))
    follow_up(session, event, changed, now)
    in_flight = want_purged(session, meant, decision) if event is Event.PURGE else set()
    settled = changed.keys() | sought.keys() | in_flight | back | closed
    left = {delivery_id: state for delivery_id, state in meant if delivery_id not in settled}
    why = explanations(session, list(left), aim, now) | {one: ("refused", reason) for one, reason in barred.items()}
    return (
        [Item(one, state, IN_MAILBOXES.get((event, state), "done")) for one, state in changed.items()]
        + [Item(one, state, "recalling", "It may have been delivered.") for one, state in sought.items()]
        + [Item(one, state, "done", "With the copies of its members.") for one, state in meant if one in closed]
        + [Item(one, state, "restoring") for one, state in meant if one in back]
        + [Item(one, state, "in flight", FLYING[state]) for one, state in meant if one in in_flight]
        + [Item(one, state, *why[one]) for one, state in left.items()]
    )


def possible(event: Event) -> ColumnElement[bool]:
    """What a delivery must be for this event, beside its state: not erased, and no group's own where each member has got a copy."""
    unerased = col(Delivery.erased_at).is_(None) if event in NEEDS_CONTENT else true()
    return unerased & not_(col(Delivery.expanded)) if event in AGAIN else unerased


def follow_up(session: Session, event: Event, changed: dict[int, State], now: datetime) -> None:
    """What else is so about deliveries that this event has changed."""
    if event is Event.RESTORE:
        recalled_copies.end(session, changed, now=now)
    if event in (Event.RELEASE, Event.REDELIVER):  # a redirect that was taken back and a mailbox that moved are forgotten
        held = [one for one, state in changed.items() if state is State.HELD]
        meant_for = among(session, col(Delivery.id), held) | among(session, col(Delivery.id), changed) & not_(col(Delivery.redirected))
        recipients.address_anew(session, meant_for)


def seek(session: Session, where: ColumnElement[bool], decision: Decision, detail: dict[str, Any], *, by: Actor) -> dict[int, State]:
    """What a next hop may have got without an answer is looked for in the mailbox before it is purged; which deliveries."""
    in_doubt, changes = where & recalled_copies.may_have_arrived(), recalled_copies.to_seek(decision.at)
    return dict(
        ledger.record_many(session, in_doubt, Event.SEEK, by=by, now=decision.at, decision_id=decision.id, detail=detail, **changes)
    )


def put_back(
    session: Session, where: ColumnElement[bool], ids: list[int], decision: Decision, detail: dict[str, Any], *, by: Actor
) -> set[int]:
    """What was purged out of mailboxes sets out on its way back there, but into no stranger's; which deliveries."""
    now = decision.at
    taken = where & recalled_copies.was_taken() & not_(among(session, col(Delivery.id), reassigned_addresses.barred(session, ids)))
    changed = ledger.record_many(
        session, taken, Event.PUT_BACK, by=by, now=now, decision_id=decision.id, detail=detail, due_at=now, queued_at=now
    )
    return {delivery_id for delivery_id, _ in changed}


def want_purged(session: Session, meant: list[tuple[int, State]], decision: Decision) -> set[int]:
    """Mark what is under way this moment: relay and recaller purge it when it has landed, or the attempt fails.

    An undo that wanted it back gives way; a purge that somebody else has wanted before stands.
    """
    flying = among(session, col(Delivery.id), [delivery_id for delivery_id, state in meant if state in IN_FLIGHT])
    free = col(Delivery.purge_wanted_by).is_(None) | col(Delivery.back_wanted_by).is_not(None)
    marked = dict(session.execute(select(col(Delivery.id), col(Delivery.back_wanted_by)).where(flying, free)).all())
    for delivery_id, undone_by in marked.items():
        recalled_copies.tell(session, undone_by, delivery_id, "refused", "It was purged since.")
    if marked:
        values = {"purge_wanted_by": decision.id, "back_wanted_by": None, "back_to": ""}
        session.execute(update(Delivery).where(among(session, col(Delivery.id), marked)).values(**values))
        recalled_copies.hurry(session, marked, now=decision.at)
    return set(marked)


def explanations(session: Session, ids: list[int], aim: Aim, now: datetime) -> dict[int, tuple[str, str]]:
    """For each delivery that was not changed: outcome, and in words who was faster or what is in the way."""
    found: dict[int, tuple[str, str]] = {}
    blocked = exists().where(col(Rule.decision_id) == col(Decision.id), col(Rule.effect) == "block", col(Rule.origin) != rules.STANDING)
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state), col(Delivery.erased_at), col(Delivery.expanded), Decision, blocked)
        .outerjoin(Decision, col(Decision.id) == func.coalesce(col(Delivery.purge_wanted_by), col(Delivery.decision_id)))
        .where(among(session, col(Delivery.id), ids))
    )
    for delivery_id, state, erased_at, expanded, decision, with_block in rows:
        if aim.event in AGAIN and state == State.DELIVERED and expanded:
            found[delivery_id] = ("refused", "Each member has got a copy: deliver those again.")
        elif aim.event is Event.PURGE and state == State.DELIVERED:
            found[delivery_id] = ("out of reach", OUT_OF_REACH)
        elif aim.event in NEEDS_CONTENT and erased_at is not None:
            found[delivery_id] = ("refused", "Its content has been erased: the retention time is over.")
        else:
            found[delivery_id] = ("refused", who_was_faster(state, decision, now, blocked=with_block))
    return found
