"""Allows the senders of a category of the start list: the plan that is shown is the plan that is carried out, and undone as a whole."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import dual_control, scope as access
from triage.actor import Actor
from triage.addressing.envelope import ancestor_domains
from triage.addressing.open_platforms import platform_of
from triage.config.settings import Settings
from triage.errors import ApprovalNeeded, BadInput, NotAllowed, NotAllowedNow, NotFound, Stale
from triage.ids import format_id, new_id
from triage.message.signals.severity import Severity
from triage.policy.rules import remove_rules, store as rules
from triage.policy.rules.rule_request import RuleOrder, check_order
from triage.policy.rules_in_force import in_force
from triage.policy.start_list.current_list import ListInForce, list_in_force
from triage.policy.start_list.list_file import CATEGORIES, ListedSender
from triage.policy.start_list.sightings import Sighting, find_sightings
from triage.policy.suggestions.candidates import is_nobodys
from triage.policy.suggestions.threshold import DAYS
from triage.quarantine.decisions.approvals import Act
from triage.quarantine.rules import rule_confirmation
from triage.say import mark, say, say_count
from triage.store import ledger
from triage.store.models.approvals import PendingAct
from triage.store.models.rules import Rule, StartListAct

ALLOWED, UNDONE = "allow-start-list", "undo-start-list"  # acts
ACTS_SHOWN = 20


class Standing(StrEnum):
    """Standing of a listed sender by the company's own history."""

    OFFERED = "offered"
    ALLOWED = "allowed"
    UNSEEN = "unseen"
    PLATFORM = "platform"
    STOPPED = "stopped"
    REMOVED = "removed"
    SUSPICIOUS = "suspicious"
    SECOND_LOOK = "second-look"
    SHARED = "shared"


WHY = {  # of each standing
    Standing.OFFERED: mark("Its proven messages were seen here."),
    Standing.ALLOWED: mark("It is allowed for the company already."),
    Standing.UNSEEN: mark("None of its proven messages was seen here in {days} days."),
    Standing.PLATFORM: mark("Anybody can send messages through it: decide about each message."),
    Standing.STOPPED: mark("A rule blocks or holds messages from there."),
    Standing.REMOVED: mark("Staff removed or rejected messages from there."),
    Standing.SUSPICIOUS: mark("A message from there looks suspicious."),
    Standing.SECOND_LOOK: mark("A held message from there needs a second look first."),
    Standing.SHARED: mark("Anybody can have an address there, or it is your own domain."),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A domain of a listed sender, and whether its category's act allows it."""

    domain: str  # of the authors; of an unseen sender as the list has it
    listed: ListedSender
    standing: Standing
    messages: int = 0  # proven by DMARC, in 90 days
    time_limited: int = 0
    would_pass: int = 0
    people: int = 0

    @property
    def why(self) -> str:
        """Says why it is offered, or is not."""
        message = WHY[self.standing]
        return say(message, days=DAYS) if "{days}" in message else say(message)


@dataclass(frozen=True, slots=True)
class CategoryPlan:
    """Effect of the act of one category now: it allows exactly the offered domains."""

    category: str
    version: str  # of the list
    offers: tuple[Offer, ...]  # the offered ones first

    @property
    def allowed(self) -> tuple[Offer, ...]:
        """The domains that the act allows."""
        return tuple(one for one in self.offers if one.standing is Standing.OFFERED)

    @property
    def fence(self) -> str:
        """A digest of what the act does: equal fences, equal rules."""
        said = [self.category, self.version, *(one.domain for one in self.allowed)]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:24]

    @property
    def sentence(self) -> str:
        """The effect of the act, in words."""
        if not self.allowed:
            return say("No sender of this category can be allowed now.")
        return say_count(
            "Allows {count} domain for the whole company, with DMARC. It would have released {messages} of the last {days} days.",
            "Allows {count} domains for the whole company, each with DMARC. They would have released {messages} of the last {days} days.",
            count=len(self.allowed),
            messages=say_count("{count} message", "{count} messages", count=sum(one.would_pass for one in self.allowed)),
            days=DAYS,
        )


def may_look(by: Actor) -> None:
    """NotAllowed for those who do not see the whole company: the evidence is of everybody's messages."""
    if not by.scope.company:
        raise NotAllowed(say("the start list is about the whole company: it needs the scope company"))


def plan_categories(session: Session, *, by: Actor, now: datetime, settings: Settings) -> dict[str, CategoryPlan]:
    """Plans the act of each category. Only reads."""
    may_look(by)
    current = list_in_force(session)
    offers = find_offers(session, current, by=by, now=now, settings=settings)
    version = current.list.version.isoformat()
    return {name: CategoryPlan(name, version, in_order(one for one in offers if one.listed.category == name)) for name in CATEGORIES}


def in_order(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """Offers in the order in which they are shown."""
    places = list(Standing)
    return tuple(sorted(offers, key=lambda one: (places.index(one.standing), -one.would_pass, -one.messages, one.domain)))


def find_offers(session: Session, current: ListInForce, *, by: Actor, now: datetime, settings: Settings) -> list[Offer]:
    """Each listed sender with its standing, by the domains that were seen of it."""
    sightings = find_sightings(session, current.list, now)
    stopped, allowed = ruled_domains(session, now)
    standings = {one.domain: standing_of(one, stopped, allowed, settings) for one in sightings}
    offered = [one.domain for one, standing in zip(sightings, standings.values(), strict=True) if standing is Standing.OFFERED]
    standings |= held_back(session, offered, by=by, now=now, settings=settings)
    seen = [
        Offer(one.domain, one.listed, standings[one.domain], one.messages, one.time_limited, one.would_pass, one.people)
        for one in sightings
    ]
    met = {one.listed.domain for one in seen}
    unseen = [
        Offer(one.domain, one, Standing.PLATFORM if one.platform else Standing.UNSEEN)
        for one in current.list.senders.values()
        if one.domain not in met
    ]
    return [*seen, *unseen]


def ruled_domains(session: Session, now: datetime) -> tuple[set[str], set[str]]:
    """The domains that a rule blocks or holds, an address of theirs too; and those that a rule allows for the company."""
    about = select(col(Rule.value)).where(in_force(now), col(Rule.match).in_(["domain", "subdomains"]))
    allowed = set(session.scalars(about.where(col(Rule.effect) == "allow", col(Rule.scope) == "company")))
    stops = select(col(Rule.value)).where(in_force(now), col(Rule.effect).in_(["block", "hold"]))
    named = {value.rpartition("@")[2] for value in session.scalars(stops.where(col(Rule.match).in_(["address", "domain", "subdomains"])))}
    return named, allowed


def standing_of(one: Sighting, stopped: Collection[str], allowed: Collection[str], settings: Settings) -> Standing:
    """Returns the standing of a seen domain by history and rules. Reasons against it come first."""
    above = ancestor_domains(one.domain)
    if any(name in stopped for name in above):
        return Standing.STOPPED
    if one.removed:
        return Standing.REMOVED
    if one.domain in allowed:
        return Standing.ALLOWED
    if one.listed.platform or platform_of(one.domain, settings.policy.open_platforms):
        return Standing.PLATFORM
    if is_nobodys(one.domain, settings):
        return Standing.SHARED
    return Standing.SUSPICIOUS if one.severity >= Severity.SUSPICIOUS else Standing.OFFERED


def held_back(session: Session, domains: Sequence[str], *, by: Actor, now: datetime, settings: Settings) -> dict[str, Standing]:
    """The domains among these that cannot be allowed together with others: no such rule can be, or a held message needs a second look."""
    orders: dict[str, RuleOrder] = {}
    found: dict[str, Standing] = {}
    for domain in domains:
        try:
            orders[domain] = check_order(session, order_for(domain, ""), settings)
        except BadInput:
            found[domain] = Standing.SHARED
    asked = rule_confirmation.collect_new_questions(session, orders.values(), by=by, now=now)
    return found | {domain: Standing.SECOND_LOOK for domain, order in orders.items() if asked.names_of.get(order)}


def order_for(domain: str, note: str) -> RuleOrder:
    """The rule that allows a domain of a listed sender."""
    return RuleOrder("allow", "domain", domain, "company", proof="dmarc", note=note)


def allow_category(
    session: Session, category: str, fence: str, *, by: Actor, now: datetime, settings: Settings, second: Actor | None = None
) -> StartListAct | PendingAct:
    """Allows the offered domains of a category in one act, in the audit log; or returns the act that waits for a second person's approval.

    Stale where they are no longer those of the preview (`fence`), NotAllowedNow where none is offered.
    """
    access.may_make_rule(session, by, "company")
    dual_control.require_proof_of_rule("allow", "domain", "company", by)
    planned = plan_category(session, category, by=by, now=now, settings=settings)
    if planned.fence != fence:
        raise Stale(say("what this would allow has changed in the meantime: review it again"))
    if not planned.allowed:
        raise NotAllowedNow(say("no sender of this category can be allowed now: none was seen here with DMARC and without a warning"))
    orders = [order_for(one.domain, note_of(planned)) for one in planned.allowed]
    try:
        dual_control.require_second_person(dual_control.of_rules(orders, settings), by, second)
    except ApprovalNeeded as need:
        asked = {"category": category, "fence": fence, "domains": [one.domain for one in planned.allowed]}
        return dual_control.ask_second_person(session, dual_control.START_LIST, asked, need, by=by, reason="", key=None, now=now)
    return carry_out_plan(session, planned, orders, by=by, now=now, settings=settings, second=second)


def plan_category(session: Session, category: str, *, by: Actor, now: datetime, settings: Settings) -> CategoryPlan:
    """Plans the act of one category."""
    planned = plan_categories(session, by=by, now=now, settings=settings).get(category)
    if planned is None:
        raise NotFound(say("there is no category {name}; there are {names}", name=category[:40], names=", ".join(CATEGORIES)))
    return planned


def note_of(planned: CategoryPlan) -> str:
    """The note of a rule that the act makes."""
    return say("start list of {version}: {category}", version=planned.version, category=say(CATEGORIES[planned.category]))


def carry_out_plan(
    session: Session,
    planned: CategoryPlan,
    orders: Sequence[RuleOrder],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    second: Actor | None,
) -> StartListAct:
    """Makes the rules of a plan. One that stands already by now is not of this act: an undo leaves it."""
    newer_than = new_id()
    made = [rules.add_rule(session, order, by=by, now=now, settings=settings, second=second) for order in orders]
    fresh = [rule for rule in made if rule.id > newer_than]
    act = StartListAct(
        category=planned.category,
        version=planned.version,
        domains=[rule.value for rule in fresh],
        rule_ids=[rule.id for rule in fresh],
        at=now,
        by_shown=by.shown,
    )
    session.add(act)
    session.flush()
    detail = {"category": act.category, "version": act.version, "domains": act.domains, "second_key": str(second or "")}
    ledger.write_act(session, ALLOWED, f"start-list-act:{format_id(act.id)}", by=by, now=now, detail=detail, items=len(fresh))
    return act


def confirm_category(session: Session, asked: PendingAct, first: Actor, *, by: Actor, now: datetime, settings: Settings) -> int | None:
    """Allows what a second person agreed to, in the name of both."""
    access.may_make_rule(session, by, "company")
    order = asked.order
    done = allow_category(session, order["category"], order["fence"], by=first, now=now, settings=settings, second=by)
    return done.id


def undo_act(session: Session, act_id: int, *, by: Actor, now: datetime) -> StartListAct:
    """Takes the rules of an act out of force, all together, in the audit log; those that are gone already stay gone. Once is enough."""
    access.may_make_rule(session, by, "company")
    act = session.get(StartListAct, act_id, with_for_update=True)
    if act is None:
        raise NotFound(say("there is no act {act_id} of the start list", act_id=format_id(act_id)))
    if act.undone_at is not None:
        return act
    kept = remove_rules.plan_removal(session, act.rule_ids, by=by, now=now)
    remove_rules.remove_planned(session, kept, fence=None, by=by, now=now)
    act.undone_at, act.undone_by_shown = now, by.shown
    session.add(act)
    detail = {"category": act.category, "version": act.version, "domains": [rule.value for rule in kept]}
    ledger.write_act(session, UNDONE, f"start-list-act:{format_id(act.id)}", by=by, now=now, detail=detail, items=len(kept))
    return act


def list_acts(session: Session, *, by: Actor) -> list[StartListAct]:
    """The latest acts, the newest first."""
    may_look(by)
    return list(session.scalars(select(StartListAct).order_by(col(StartListAct.id).desc()).limit(ACTS_SHOWN)))


ACTS: Mapping[str, Act] = {dual_control.START_LIST: confirm_category}
