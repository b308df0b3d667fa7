"""Outcomes of decisions as values, for everybody whom they concern."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, insert, literal, not_, or_, select, true
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery.recall import related_messages
from triage.delivery.recall.hunt_criteria import HUNT
from triage.directory.reassigned_addresses import REDIRECT_IT
from triage.errors import NotFound
from triage.ids import format_id
from triage.policy.rules import store as rules
from triage.quarantine.decisions.outcome_text import (
    Along,
    hunted_sentence,
    outcome_sentence,
    say_resumed,
    sweep_sentence,
    to_come,
    with_answers,
    with_more,
)
from triage.quarantine.known_messages.answers import ANSWERED
from triage.quarantine.search import selection
from triage.quarantine.search.passed_on import PassedOn, list_passed_on
from triage.quarantine.search.selection import Selection
from triage.say import load_sentence, say
from triage.store import db, ledger
from triage.store.delivery_state import State
from triage.store.models.columns import sentence_columns
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient
from triage.store.models.mailboxes import SweptMailbox
from triage.store.models.rules import Rule
from triage.store.provable_rows import row_sums

SHOWN_ITEMS = 500
CHANGING = frozenset({"done", "recalling", "restoring"})  # outcomes of items that the decision changes
SENDING = frozenset({"release", "redirect", "deliver", "redeliver", "restore", "undo"})  # verbs after which mail may leave
FROM_MAILBOXES = frozenset({"purge", "sweep", "take", "undo"})  # verbs that take messages out of mailboxes
REMOVALS = frozenset({"purge", "sweep", "take"})
UNDER_WAY = frozenset({"in flight", "recalling", "restoring"})  # outcomes that are not the last word
LATEST: ColumnElement[Any] = func.coalesce(col(Delivery.purge_wanted_by), col(Delivery.decision_id))  # the last decision about it
EVERY = true()


@dataclass(frozen=True, slots=True)
class Item:
    """Outcome of one delivery, with its reason: a word of outcome_text.NOT_DONE, or done."""

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
    recalling: int
    restoring: int
    already_gone: int
    out_of_reach: int
    refused: int
    second_by_shown: str  # who turned the second person's approval, where two were needed
    outside: int  # in the selection but outside the decider's scope: left as they are
    confirmed: tuple[str, ...]  # names of the second look that the decider confirmed
    confidential: str  # what was done about confidential folders that are closed to the decider: asked, left out
    to: str
    rules: tuple[Rule, ...]  # but for those in `blocked`
    undone_by: int | None
    undoes: int | None
    undoable: bool
    sentence: str
    blocked: dict[str, int] = field(default_factory=dict)  # blocks made with a removal: how many of each match
    refused_meanwhile: int = 0  # copies that these blocks have refused at SMTP time: an undo does not bring them back
    mailboxes: int = 0  # of a sweep or a taking: to look through
    mailboxes_left: int = 0  # and how many of them nobody has looked through yet
    left: int = 0  # of a large decision: deliveries that it has not come to yet
    related: int = 0  # messages seen beside those taken out of mailboxes, that may be taken too
    unsent: int = 0  # of messages to send: deliveries that the next hop has not answered yet
    in_mailboxes: int = 0  # deliveries that it released and that are in mailboxes now
    agreed: dict[str, Any] = field(default_factory=dict)  # of a release with an allow: the rules agreed to, and who was left out
    list_unsearched: tuple[tuple[str, str], ...] = ()  # of a sweep or a taking: mailboxes that cannot be searched, and what
    items: tuple[Item, ...] = ()
    passed_on: tuple[PassedOn, ...] = ()  # of a removal, where asked for: what took copies on to where it does not reach

    @property
    def under_way(self) -> int:
        """Items that nobody knows the end of yet."""
        return self.in_flight + self.recalling + self.restoring + self.mailboxes_left + self.left


def decision_of(by: Actor, verb: str, selected: dict[str, Any], reason: str, now: datetime, *, count: int, **more: Any) -> Decision:
    """Builds a decision before anything is done: actor, verb, messages, reason. `more`: what else is stored."""
    said: dict[str, Any] = {"by": str(by), "by_shown": by.shown, "verb": verb, "selection": selected, "reason": reason[:1000]}
    return Decision(at=now, count=count, done=0, **said, **more)


def file_decision(session: Session, decision: Decision, items: list[Item], *, by: Actor, now: datetime) -> DecisionReport:
    """Write the decision and its items down."""
    decision.done = sum(item.outcome == "done" for item in items)
    session.add(decision)
    session.flush()
    if items:
        rows = [
            {"decision_id": decision.id, "delivery_id": item.delivery_id, "before": item.before, "outcome": item.outcome}
            | sentence_columns("why", item.why)
            for item in items
        ]
        session.execute(insert(DecisionItem), rows)
    row_sums.enter_items(session, decision.id, ((item.delivery_id, item.before) for item in items))
    if not any(item.outcome in (*CHANGING, ANSWERED) for item in items):  # what changed nothing is in the audit log all the same
        detail: dict[str, Any] = {"reason": decision.reason} | ({"confidential": decision.confidential} if decision.confidential else {})
        detail |= {"confirmed": decision.confirmed} if decision.confirmed else {}
        ledger.write_act(session, decision.verb, f"decision:{format_id(decision.id)}", by=by, now=now, detail=detail, items=len(items))
    return get_decision(session, decision.id, by=by)


def concerns_actor(session: Session, decision: Decision, by: Actor) -> bool:
    """Whether this actor may know of the decision: it is their own, or about messages in their scope."""
    if decision.by == str(by):
        return True
    if decision.verb == HUNT:
        return access.may_see_hunts(by)
    item = (
        select(col(DecisionItem.delivery_id))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id) == decision.id, access.visible_deliveries(by))
        .limit(1)
    )
    alone = select(col(Decision.id)).where(col(Decision.id) == decision.id, only_made_rules(session, by))
    return session.scalar(item) is not None or session.scalar(alone) is not None


def only_made_rules(session: Session, by: Actor) -> ColumnElement[bool]:
    """Condition: decisions about no messages that this actor may see. With the company as scope all but those with a rule for a closed
    folder, and those that searched the mailbox of one: their counts tell of messages too.
    """
    items = select(literal(1)).select_from(DecisionItem).where(col(DecisionItem.decision_id) == col(Decision.id)).correlate(Decision)
    made = col(Rule.decision_id) == col(Decision.id)
    rules = select(literal(1)).select_from(Rule).where(made, confidential_folders.closed_rules(session, by)).correlate(Decision)
    swept = select(literal(1)).where(col(SweptMailbox.decision_id) == col(Decision.id), closed_mailbox(by)).correlate(Decision)
    if not by.scope.company:
        return false()
    return not_(items.exists()) & not_(rules.exists()) & not_(swept.exists()) & not_(confidential_folders.may_hide_confidential(by))


def closed_mailbox(by: Actor) -> ColumnElement[bool]:
    """Condition: searched mailboxes that belong to folders confidential to the actor."""
    return col(SweptMailbox.mailbox).in_(select(col(KnownRecipient.mailbox)).where(confidential_folders.away_from(by, KnownRecipient)))


def decision_sources(session: Session, decision_ids: list[int], *, by: Actor) -> dict[int, frozenset[str]]:
    """The senders, and the ids of the campaigns, of what these decisions were about in the actor's scope, by decision."""
    columns = (col(DecisionItem.decision_id), col(Delivery.author), col(Delivery.campaign_id), col(Delivery.wave_id))
    mine = select(*columns).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
    found: dict[int, set[str]] = {}
    for decision_id, author, *campaigns in session.execute(
        mine.where(col(DecisionItem.decision_id).in_(decision_ids), access.visible_deliveries(by)).distinct()
    ):
        found.setdefault(decision_id, set()).update({author, *(format_id(one) for one in campaigns if one is not None)})
    return {decision_id: frozenset(names) for decision_id, names in found.items()}


def get_decision(session: Session, decision_id: int, *, by: Actor, quoted: ColumnElement[bool] = EVERY) -> DecisionReport:
    """Returns a decision with its first items in the actor's scope. NotFound when the actor may not see it.

    `quoted`: condition on Delivery, messages whose subject may be in the sentence.
    """
    decision = find_own_decision(session, decision_id, by)
    items = items_of(session, decision_id, by=by, limit=SHOWN_ITEMS)
    (found,) = decision_values(session, [decision], items, by=by, quoted=quoted)
    found = replace(found, unsent=count_unsent(session, decision), in_mailboxes=in_mailboxes(session, decision))
    return replace(found, list_unsearched=list_unsearched(session, decision_id, by=by))


def list_passed_on_of(session: Session, found: DecisionReport, *, by: Actor, settings: Settings) -> tuple[PassedOn, ...]:
    """Returns what took copies on to where this removal does not reach; none of other decisions, and of one that was undone."""
    if found.verb not in REMOVALS or found.undone_by is not None:
        return ()
    items = select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == found.id)
    return list_passed_on(session, and_(col(Delivery.id).in_(items), access.visible_deliveries(by)), settings)


def find_own_decision(session: Session, decision_id: int, by: Actor) -> Decision:
    """A decision that is the actor's business; NotFound when it is none."""
    decision = session.get(Decision, decision_id)
    if decision is None or not concerns_actor(session, decision, by):
        raise NotFound(say("there is no decision {decision_id}", decision_id=format_id(decision_id)))
    return decision


def list_items(
    session: Session, decision_id: int, *, by: Actor, outcome: str = "", limit: int = 50, after: int | None = None
) -> tuple[Item, ...]:
    """Outcomes of the deliveries in the actor's scope, by id; `after` is the id to go on from. NotFound as for `get_decision`."""
    find_own_decision(session, decision_id, by)
    return items_of(session, decision_id, by=by, outcome=outcome, limit=limit, after=after)


def items_of(session: Session, decision_id: int, *, by: Actor, outcome: str = "", limit: int, after: int | None = None) -> tuple[Item, ...]:
    """Lists some items of an existing decision."""
    where = [col(DecisionItem.decision_id) == decision_id, access.visible_deliveries(by)]
    if outcome:
        where.append(col(DecisionItem.outcome) == outcome)
    if after is not None:
        where.append(col(DecisionItem.delivery_id) > after)
    mine = select(DecisionItem).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id)).where(*where)
    rows = session.scalars(mine.order_by(col(DecisionItem.delivery_id)).limit(limit))
    return tuple(Item(row.delivery_id, row.before, row.outcome, load_sentence(row.why, row.why_form)) for row in rows)


def count_unsent(session: Session, decision: Decision) -> int:
    """Counts deliveries of a decision that wait for their first attempt or are being delivered."""
    if decision.verb not in SENDING:
        return 0
    waits = (col(Delivery.state) == State.QUEUED) & (col(Delivery.last_reply) == "") | (col(Delivery.state) == State.RELAYING)
    mine = select(func.count()).select_from(DecisionItem).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
    return session.scalar(mine.where(col(DecisionItem.decision_id) == decision.id, col(DecisionItem.outcome) == "done", waits)) or 0


def in_mailboxes(session: Session, decision: Decision) -> int:
    """Counts deliveries that a decision released and that are in mailboxes, as it left them: an undo reaches in there."""
    if decision.verb not in SENDING:
        return 0
    there = and_(col(Delivery.decision_id) == decision.id, col(Delivery.state) == State.DELIVERED)
    mine = select(func.count()).select_from(DecisionItem).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
    return session.scalar(mine.where(col(DecisionItem.decision_id) == decision.id, there)) or 0


def agreed_as_seen(decision: Decision, by: Actor, closed: frozenset[str]) -> dict[str, Any]:
    """Consent as far as the actor may know of it: no name from messages that they cannot see."""
    if not decision.agreed:
        return {}
    knows_all = decision.by == str(by) or by.scope.company
    made = [one for one in decision.agreed["rules"] if access.knows_rule(by, one["scope"], closed)]
    return {"rules": made, "left_out": decision.agreed["left_out"] if knows_all else []}


def list_unsearched(session: Session, decision_id: int, *, by: Actor) -> tuple[tuple[str, str], ...]:
    """The mailboxes that cannot be searched, and what; none that is confidential to the actor."""
    hindered = (col(SweptMailbox.decision_id) == decision_id) & (col(SweptMailbox.why) != "") & not_(closed_mailbox(by))
    rows = session.scalars(select(SweptMailbox).where(hindered).order_by(col(SweptMailbox.mailbox)))
    return tuple((one.mailbox, load_sentence(one.why, one.why_form)) for one in rows)


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Decisions that are wanted: of a person, of a time, with a verb, with words."""

    who: str = ""  # a login, or an actor such as token:NAME
    verb: str = ""
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""  # in the reason, or all of them in a message that it changed

    def conditions(self, by: Actor) -> list[ColumnElement[bool]]:
        """SQL conditions on Decision. Words find no message outside the scope of the actor."""
        found: list[ColumnElement[bool]] = []
        if self.who:
            found.append(col(Decision.by) == (self.who if ":" in self.who else f"person:{self.who.casefold()}"))
        if self.verb:
            found.append(col(Decision.verb) == self.verb)
        if self.since:
            found.append(col(Decision.at) >= self.since)
        if self.until:
            found.append(col(Decision.at) < self.until)
        if self.words.strip():
            about = Selection(q=self.words, proof=selection.ANY_PROOF).with_known_fields()
            said = col(Decision.reason).icontains(self.words.strip(), autoescape=True)
            found.append(or_(said, changed_any(about, by)))
        return found


def changed_any(about: Selection, by: Actor) -> ColumnElement[bool]:
    """SQL condition: decisions that did something to a delivery of a selection in the actor's scope."""
    items = select(col(DecisionItem.decision_id)).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
    return col(Decision.id).in_(items.where(selection.selection_condition(about), access.visible_deliveries(by)))


def list_decisions(
    session: Session,
    *,
    by: Actor,
    mine: bool = False,
    about: Selection | None = None,
    wanted: DecisionFilter = DecisionFilter(),
    limit: int = 50,
    before: int | None = None,
) -> list[DecisionReport]:
    """Decisions that are the actor's business, newest first, without their items; `before` is the id to go on from.

    `about`: only those that did something to a delivery of this selection in the actor's scope.
    """
    where = wanted.conditions(by)
    if about is not None:
        where.append(changed_any(about, by))
    if mine:
        where.append(col(Decision.by) == str(by))
    elif not sees_everything(session, by):
        items = select(col(DecisionItem.decision_id)).where(col(DecisionItem.decision_id) == col(Decision.id))
        seen = db.correlate_condition(session, access.visible_deliveries(by))  # by the items of each decision, never from all that one sees
        concerned = items.join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id)).where(seen).exists()
        where.append(or_(col(Decision.by) == str(by), concerned, only_made_rules(session, by)))
    if not access.may_see_hunts(by):
        where.append(or_(col(Decision.verb) != HUNT, col(Decision.by) == str(by)))
    if before is not None:
        where.append(col(Decision.id) < before)
    rows = session.scalars(select(Decision).where(*where).order_by(col(Decision.id).desc()).limit(limit))
    return list(decision_values(session, list(rows), by=by))


def sees_everything(session: Session, by: Actor) -> bool:
    """Whether the actor sees all messages there is."""
    return by.scope.company and not confidential_folders.closed_folders(session, by)


def decision_values(
    session: Session, decisions: list[Decision], items: tuple[Item, ...] = (), *, by: Actor, quoted: ColumnElement[bool] = EVERY
) -> Iterable[DecisionReport]:
    """Decisions as values, with how many items ended how and the rules made along, as far as the actor may know of them."""
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
    closed = confidential_folders.closed_scopes(session, by)
    own = and_(col(Rule.decision_id).in_(ids), col(Rule.origin) != rules.REMOVAL)
    for rule in session.scalars(select(Rule).where(own).order_by(col(Rule.id))):
        if access.knows_rule(by, rule.scope, closed):
            made.setdefault(rule.decision_id or 0, []).append(rules.as_seen(rule, by))
    blocked = blocked_along(session, [*ids, *(one.undoes for one in decisions if one.undoes)], by=by, closed=closed)
    swept = swept_by(session, ids)
    emptied = [one.id for one in decisions if one.verb in FROM_MAILBOXES]
    offered = related_messages.count_offered(session, emptied, by=by) if emptied else {}
    names = access.scope_names(session, (rule.scope for some in made.values() for rule in some))
    subjects = subjects_of(session, [decision.id for decision in decisions if decision.count == 1], by, quoted)
    answers = read_answers(session, [one for one, ended in outcomes.items() if ANSWERED in ended])
    passed = with_passed(session, [one for one, ended in outcomes.items() if "refused" in ended])
    for decision in decisions:
        ended = outcomes.get(decision.id, {})
        rules_made = tuple(made.get(decision.id, ()))
        total, left, found = swept.get(decision.id, (0, 0, 0))
        along = blocked.get(decision.undoes or decision.id, Along())
        about: dict[str, Any] = {"passed": decision.id in passed, "along": along, "names": names}
        said = outcome_sentence(decision, ended, rules_made, subjects.get(decision.id, ""), **about)
        if total:
            hunted = HUNT in decision.selection
            sweep = (total, left, found)
            said = hunted_sentence(decision, ended.get("done", 0), *sweep) if hunted else sweep_sentence(decision, ended, *sweep)
        said = with_more(said, say_resumed(decision))
        if ended.get(ANSWERED):
            said = with_answers(said, answers.get(decision.id, ()), alone=is_answer(ended))
        shown = report_of(decision, ended, rules_made, items, said)
        shown = replace(shown, blocked={} if decision.undoes else along.matches, refused_meanwhile=along.refused)
        agreed = agreed_as_seen(decision, by, closed)
        yield replace(shown, mailboxes=total, mailboxes_left=left, related=offered.get(decision.id, 0), agreed=agreed)


def is_answer(outcomes: Iterable[str]) -> bool:
    """Whether a decision with these outcomes was an answer to known messages and nothing else."""
    words = set(outcomes)
    return ANSWERED in words and words <= {ANSWERED, "refused"}


def read_answers(session: Session, decision_ids: list[int]) -> dict[int, list[str]]:
    """Reads the answers to known messages, by decision."""
    found: dict[int, list[str]] = {}
    if decision_ids:
        where = (col(DecisionItem.decision_id).in_(decision_ids), col(DecisionItem.outcome) == ANSWERED)
        for one in session.scalars(select(DecisionItem).where(*where).order_by(col(DecisionItem.delivery_id))):
            found.setdefault(one.decision_id, []).append(load_sentence(one.why, one.why_form))
    return found


def blocked_along(session: Session, decision_ids: list[int], *, by: Actor, closed: frozenset[str]) -> dict[int, Along]:
    """The blocks that went along with removals, as far as the actor may know of them: one made for several scopes counts once."""
    columns = (col(Rule.decision_id), col(Rule.match), col(Rule.value), col(Rule.scope), col(Rule.refused))
    made = and_(col(Rule.decision_id).in_(decision_ids), col(Rule.origin) == rules.REMOVAL)
    known = [row for row in session.execute(select(*columns).where(made)) if access.knows_rule(by, row.scope, closed)]
    found: dict[int, Along] = {}
    for one in {row.decision_id for row in known}:
        mine = [row for row in known if row.decision_id == one]
        matches = Counter(match for match, _ in {(row.match, row.value) for row in mine})
        found[one] = Along(dict(matches), sum(row.refused for row in mine))
    return found


def swept_by(session: Session, decision_ids: list[int]) -> dict[int, tuple[int, int, int]]:
    """Returns for each sweep the number of mailboxes, of those not searched yet, and of messages found."""
    left = func.count(col(SweptMailbox.due_at))  # NULLs are over
    rows = session.execute(
        select(col(SweptMailbox.decision_id), func.count(), left, func.sum(col(SweptMailbox.found)))
        .where(col(SweptMailbox.decision_id).in_(decision_ids))
        .group_by(col(SweptMailbox.decision_id))
    )
    return {decision_id: (total, left, int(found)) for decision_id, total, left, found in rows}


def subjects_of(session: Session, decision_ids: list[int], by: Actor, quoted: ColumnElement[bool]) -> dict[int, str]:
    """The subject of the one message that each of these decisions was about, if the actor may see it and it may be quoted."""
    about = (
        select(col(DecisionItem.decision_id), col(Delivery.subject))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id).in_(decision_ids), db.correlate_condition(session, access.visible_deliveries(by)), quoted)
    )
    return dict(session.execute(about).all())


def report_of(decision: Decision, outcomes: dict[str, int], made: tuple[Rule, ...], items: tuple[Item, ...], said: str) -> DecisionReport:
    """Converts a decision into its report."""
    left = to_come(decision, outcomes)
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
        recalling=outcomes.get("recalling", 0),
        restoring=outcomes.get("restoring", 0),
        already_gone=outcomes.get("already gone", 0),
        out_of_reach=outcomes.get("out of reach", 0),
        refused=outcomes.get("refused", 0),
        second_by_shown=decision.second_by_shown,
        outside=decision.outside,
        confirmed=tuple(decision.confirmed),
        confidential=decision.confidential,
        to=decision.target,
        rules=made,
        undone_by=decision.undone_by,
        undoes=decision.undoes,
        undoable=decision.undone_by is None
        and not is_answer(outcomes)
        and decision.undoes is None
        and decision.verb not in ("redeliver", HUNT)
        and not decision.selection.get("dry_run"),
        sentence=said,
        left=left,
        items=items,
    )


def with_passed(session: Session, decision_ids: list[int]) -> set[int]:
    """Decisions among these that left messages alone because the address has a new owner."""
    left = or_(*(col(DecisionItem.why).endswith(ending) for ending in REDIRECT_IT)) & (col(DecisionItem.outcome) == "refused")
    mine = select(col(DecisionItem.decision_id)).where(col(DecisionItem.decision_id).in_(decision_ids), left).distinct()
    return set(session.scalars(mine)) if decision_ids else set()
