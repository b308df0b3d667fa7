"""Approvals (dual control): what one person asks for another one confirms or declines, and nothing is changed until then."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import select, true
from sqlmodel import Session, col

from triage import ids
from triage.access import actor_lookup, api_tokens, confidential_folders, dual_control, scope as access
from triage.access.scope import NO_NAMES, ScopeNames
from triage.access.second_factor import factor_policy
from triage.actor import Actor, Right, Role
from triage.config.settings import Settings
from triage.delivery.recall.hunt_criteria import Criteria
from triage.errors import ApprovalNeeded, NotAllowed, NotAllowedNow, NotFound, Stale
from triage.ids import format_id
from triage.policy.content_rules.describe_conditions import describe_conditions
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import CONTENT, conditions_json
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decision_plan
from triage.quarantine.decisions.decide import decide_messages
from triage.quarantine.decisions.decision_plan import Meant, Plan
from triage.quarantine.decisions.decision_request import DecisionRequest, rule_json, rule_of
from triage.quarantine.decisions.outcome_text import count_mailboxes
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.rules import rule_confirmation, rules_with_decision
from triage.quarantine.rules.content_trial import NO_TRIALS, TrialCounts, Trials
from triage.quarantine.rules.trial_sentence import content_sentence
from triage.say import format_day, list_with_and, mark, quote_text, say, say_count
from triage.store.models.approvals import PendingAct
from triage.store.models.rules import Rule


class Act(Protocol):
    """Carries out an act of a kind of its own that two people agreed to; returns the id of what came of it, if that has one."""

    def __call__(
        self, session: Session, asked: PendingAct, first: Actor, *, by: Actor, now: datetime, settings: Settings
    ) -> int | None: ...


NO_ACTS: Mapping[str, Act] = {}


def add_rule(
    session: Session,
    order: RuleOrder,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
    tried: Trials = NO_TRIALS,
) -> Rule | PendingAct:
    """Adds a rule as rules.add does, or returns the act that now waits for the second person's approval.

    SecondLookNeeded where an allow is about messages that need a second look: held ones of the sender that it would allow.
    """
    access.may_make_rule(session, by, order.scope)
    confirmed = rule_confirmation.confirmed_looks(session, order, confirm, fence, by=by, settings=settings, now=now, tried=tried)
    try:
        return rules.add_rule(session, order, by=by, now=now, settings=settings, confirmed=confirmed)
    except ApprovalNeeded as need:
        trial = next((found.counts.as_json() for found in tried.values()), None)  # of this order: there is no other
        asked = rule_json(order) | {"confirmed": confirmed, "trial": trial}
        return dual_control.ask_second_person(session, "rule", asked, need, by=by, reason=order.note, key=None, now=now)


def confirm_approval(
    session: Session,
    pending_id: int,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    reason: str = "",
    confirm: Collection[str] = (),
    fence: str | None = None,
    acts: Mapping[str, Act] = NO_ACTS,
    tried: Trials = NO_TRIALS,
    planned: Plan | None = None,
) -> PendingAct:
    """Turn the second person's approval: the act is done now, in the name of both.

    FactorNeeded where this person has to prove their second factor again first. SecondLookNeeded where what is released needs a second
    look and this person has not confirmed exactly its names, with its fence: both look. `acts` carry out what packages above know, by
    its kind. `planned`: the result of `plan_requested` from before this transaction; the decision is carried out in slices.

    NotAllowed for the one who asked and for those whose scope does not cover all of it, NotAllowedNow when it is over or the one who
    asked may no longer do it, Stale when the message is not what it was when it was asked for.
    """
    asked = lock_waiting(session, pending_id, by, now)
    first = check_confirmer(session, asked, by, now)
    result: int | None
    if asked.kind == "rule":
        order = rule_of(asked.order)
        access.may_make_rule(session, by, order.scope)
        looked: dict[str, Any] = {"settings": settings, "now": now, "tried": tried}
        confirmed = rule_confirmation.confirmed_looks(session, order, confirm, fence, by=by, **looked)
        result = rules.add_rule(session, order, by=first, now=now, settings=settings, second=by, confirmed=confirmed).id
    elif act := acts.get(asked.kind):
        result = act(session, asked, first, by=by, now=now, settings=settings)
    else:
        result = decide_requested(
            session, asked, first, by=by, now=now, settings=settings, confirm=confirm, fence=fence, planned=planned
        ).id
    dual_control.settle_approval(session, asked, dual_control.CONFIRMED, by=by, reason=reason, now=now, result=result)
    return asked


def try_requested_rule(session: Session, pending_id: int, *, by: Actor, now: datetime, settings: Settings) -> Trials:
    """The trial of a rule on content that waits for approval, before the transaction that makes it."""
    asked = session.get(PendingAct, pending_id)
    if asked is None or asked.kind != "rule" or asked.state != dual_control.WAITING or not may_know_of(session, asked, by):
        return NO_TRIALS
    return rule_confirmation.try_ahead(session, [rule_of(asked.order)], by=by, now=now, settings=settings)


def decide_requested(
    session: Session,
    asked: PendingAct,
    first: Actor,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str],
    fence: str | None,
    planned: Plan | None,
) -> DecisionReport:
    """The decision that was asked for, in the name of both."""
    request = DecisionRequest.from_json(asked.order, reason=asked.reason, confirm=confirm, fence=fence)
    for actor in (first, by) if planned is None else ():
        check_unchanged(
            session, asked, decision_plan.lock_meant(session, request, by=actor, settings=settings, now=now), beyond=actor is by, by=by
        )
    if rule := request.rule:
        for scope in (
            [rule.scope] if rule.scope else rules_with_decision.scopes_of(session, [ids.parse_id(one) for one in asked.items], first)
        ):
            access.may_make_rule(session, by, scope)
    second = None if first is by else by
    return decide_messages(session, request, by=first, second=second, now=now, settings=settings, planned=planned)


def plan_requested(
    session: Session,
    pending_id: int,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
) -> Plan | None:
    """The plan of a decision over very many deliveries that this actor is about to approve; None where it is decided at once. Only reads.

    Made before the transaction that begins the decision, so that nobody waits for the counting. Refusals as for `confirm_approval`.
    """
    asked = session.get(PendingAct, pending_id)
    if asked is None or asked.kind != "decision" or len(asked.items) <= decision_plan.LARGE:
        return None
    check_waiting(session, asked, pending_id, by, now)
    first = check_confirmer(session, asked, by, now)
    request = DecisionRequest.from_json(asked.order, reason=asked.reason, confirm=confirm, fence=fence)
    plan = decision_plan.plan_large(session, request, by=first, now=now, settings=settings)
    seen = decision_plan.read_large(session, request, by=by, now=now, settings=settings)  # the fence is that of the first person's messages
    if plan is None or seen is None:
        return None
    check_unchanged(session, asked, plan.selected, beyond=False, by=by)
    check_unchanged(session, asked, seen.chosen, beyond=True, by=by)
    return replace(plan, approved=asked.id)


def check_unchanged(session: Session, asked: PendingAct, meant: Meant, *, beyond: bool, by: Actor) -> None:
    """Stale unless these deliveries, in these states, are what was asked for; NotAllowed where what is `beyond` the actor's scope makes the
    difference.
    """
    if dual_control.fence_of(meant) == asked.fence:
        return
    if beyond and not dual_control.is_within_scope(session, [ids.parse_id(one) for one in asked.items], by):
        raise NotAllowed(say("this is outside your scope: a person who may see all of it has to approve it"))
    raise Stale(say("the messages have changed since this was requested: decline it, and have it requested again"))


def check_confirmer(session: Session, asked: PendingAct, by: Actor, now: datetime) -> Actor:
    """Returns who asked. NotAllowed where this actor may not approve it, FactorNeeded where their second factor has to be proven first.

    Whoever asked in a mail program confirms that themselves, where the act needs nobody else.
    """
    if dual_control.may_confirm_alone(asked, by):
        return by
    first = find_asker(session, asked, now)
    if by.kind == "token":
        raise NotAllowed(say("an approval needs a person: a token cannot give it"))
    factor_policy.require_proof(by)
    if first.name == by.name or api_tokens.find_token_maker(session, asked.asked_by) == str(by):
        raise NotAllowed(say("you asked for this: somebody else has to approve it"))
    return first


def decline_approval(session: Session, pending_id: int, *, by: Actor, now: datetime, reason: str = "") -> PendingAct:
    """Say no; the one who asked withdraws it."""
    asked = lock_waiting(session, pending_id, by, now)
    dual_control.settle_approval(
        session, asked, dual_control.WITHDRAWN if asked.asked_by == str(by) else dual_control.DECLINED, by=by, reason=reason, now=now
    )
    return asked


def lock_waiting(session: Session, pending_id: int, by: Actor, now: datetime) -> PendingAct:
    """Locks a pending approval, as it is now. NotFound when it does not concern the actor, NotAllowedNow when it is over."""
    asked = session.get(PendingAct, pending_id, with_for_update=True, populate_existing=True)
    return check_waiting(session, asked, pending_id, by, now)


def check_waiting(session: Session, asked: PendingAct | None, pending_id: int, by: Actor, now: datetime) -> PendingAct:
    """The pending approval. NotFound when it does not concern the actor, NotAllowedNow when it is over."""
    access.may_decide(by)
    if asked is None or not may_know_of(session, asked, by):
        raise NotFound(say("there is no approval request {pending_id}", pending_id=format_id(pending_id)))
    if asked.state != dual_control.WAITING:
        raise NotAllowedNow(say("{name} already {state} it", name=asked.settled_by_shown, state=dual_control.ANSWERED[asked.state]))
    if asked.lapses_at <= now:
        raise NotAllowedNow(say("the request has expired: it has to be made again"))
    return asked


def find_asker(session: Session, asked: PendingAct, now: datetime) -> Actor:
    """The one who asked, with the role and scope of today. NotAllowedNow when they may no longer decide."""
    found = actor_lookup.find_actor(session, asked.asked_by, asked.asked_by_shown, now)
    if found is None or found.role not in access.DECIDING:
        raise NotAllowedNow(
            say("{asked_by_shown} may no longer decide: somebody else has to request it", asked_by_shown=asked.asked_by_shown)
        )
    return found


def may_know_of(session: Session, asked: PendingAct, by: Actor) -> bool:
    """Whether the actor may know of it: it is their own, or they see every message it is about."""
    if asked.asked_by == str(by):
        return True
    if asked.kind == dual_control.PERSON_ERASURE:
        return by.role is Role.ADMIN and by.scope.company
    if asked.kind == dual_control.START_LIST:
        return by.scope.company
    if asked.kind in dual_control.HUNTS:
        return Right.HUNT in by.rights and by.scope.company
    closed = confidential_folders.closed_scopes(session, by)
    order = asked.order if asked.kind == "rule" else asked.order.get("rule")
    scope = order["scope"] if order else ""  # "": as far as the message goes
    if scope and (scope in closed or (not by.scope.company and scope not in by.scope.words())):
        return False
    return dual_control.is_within_scope(session, [ids.parse_id(one) for one in asked.items], by)


def list_approvals(session: Session, *, by: Actor, now: datetime, limit: int = 200, before: int | None = None) -> list[PendingAct]:
    """Lists pending approvals that concern the actor, the newest first. `before`: the id to go on from."""
    rows = session.scalars(
        select(PendingAct)
        .where(col(PendingAct.state) == dual_control.WAITING, col(PendingAct.lapses_at) > now)
        .where(true() if before is None else col(PendingAct.id) < before)
        .order_by(col(PendingAct.id).desc())
    )
    return list(islice((one for one in rows if may_know_of(session, one, by)), limit))


NEEDS = {
    dual_control.DOMAIN_ALLOW: say("it allows a whole domain or mailing list for the whole company"),
    dual_control.UNCHECKED_ALLOW: say("it lets a sender pass whatever a message says"),
    dual_control.PLATFORM_ALLOW: say("it allows a service through which anybody can send"),
    dual_control.CONTENT_RULE: say("it removes or redirects messages by their content"),
    dual_control.LARGE_PURGE: say("it affects many mailboxes"),
    dual_control.REMOVE_DELIVERED: say("it removes delivered messages from mailboxes"),
    dual_control.RISKY_RELEASE: say("a signal says that the sender impersonates a colleague"),
    dual_control.PERSON_ERASURE: say("erasing cannot be undone"),
    dual_control.HUNT: say("it shows messages of other people's mailboxes"),
}
VERBS = {
    "release": mark("release {messages}"),
    "redirect": mark("redirect {messages}"),
    "purge": mark("remove {messages}"),
    "reject": mark("reject {messages}"),
    "restore": mark("restore {messages}"),
    "hold": mark("hold {messages}"),
    "redeliver": mark("deliver {messages} again"),
}
ALONG = {
    ("allow", True): say("allow the domain"),
    ("allow", False): say("allow the sender"),
    ("block", True): say("block the domain"),
    ("block", False): say("block the sender"),
}


EVERYWHERE = mark("remove {messages} everywhere")


def is_everywhere(asked: PendingAct) -> bool:
    """Whether it is a removal of whatever belongs together, not of messages that were named one by one."""
    return bool(asked.order["verb"] == "purge" and not asked.order["select"].get("ids"))


def names_in_requests(session: Session, requests: Iterable[PendingAct]) -> ScopeNames:
    """Returns the names of the departments and people that these requests are for."""
    return access.scope_names(session, (str(one.order.get(key) or "") for one in requests for key in ("scope", "to")))


def approval_sentence(asked: PendingAct, names: ScopeNames = NO_NAMES) -> str:
    """Sentence about the requested decision; `names` are those of `names_in_requests`."""
    about: dict[str, str] = {"name": asked.asked_by_shown, "what": describe_request(asked, names)}
    if asked.needs == [dual_control.MAIL_PROGRAM]:
        return say("{name} asks in a mail program: {what}.", **about)
    about["why"] = list_with_and(NEEDS[one] for one in asked.needs if one != dual_control.MAIL_PROGRAM)
    return say("{name} asks for approval: {what}. A second person is needed because {why}.", **about)


def describe_content_rule(order: RuleOrder, names: ScopeNames) -> str:
    """Describes a content rule to the second person: its effect, its conditions, the recipients and the end date."""
    about = {"value": quote_text(order.value), "conditions": describe_conditions(order.conditions)}
    if order.effect == "redirect":
        target = names.get(order.to, order.to)
        does = say("make the rule {value}, which redirects messages with {conditions} to {target}", target=target, **about)
    else:
        does = say("make the rule {value}, which removes messages with {conditions}", **about)
    return describe_scope_and_end(does, order, names)


def shown_rule(asked: PendingAct) -> dict[str, Any] | None:
    """The rule on content that is asked for, with what it would have done when it was; None of everything else."""
    if asked.kind != "rule" or asked.order["match"] != CONTENT:
        return None
    order, trial = rule_of(asked.order), asked.order.get("trial")
    sentence = content_sentence(order.effect, TrialCounts.from_json(trial)) if trial else ""
    return asdict(order) | {"conditions": conditions_json(order.conditions), "trial": sentence}


def describe_scope_and_end(does: str, order: RuleOrder, names: ScopeNames) -> str:
    """The same with the scope of the rule and its end."""
    scope = access.describe_scope(order.scope, names)
    if order.until is None:
        return say("{does}, for {scope} and without an end", does=does, scope=scope)
    return say("{does}, for {scope} and until {day}", does=does, scope=scope, day=format_day(order.until))


def describe_hunt(order: dict[str, Any]) -> str:
    """Describes what the second person of a hunt agrees to."""
    criteria = Criteria.from_json(order["criteria"]).describe()
    return say_count(
        "show {count} message with {criteria} in {mailboxes}",
        "show {count} messages with {criteria} in {mailboxes}",
        count=order["found"],
        criteria=criteria,
        mailboxes=count_mailboxes(order["mailboxes"]),
    )


def describe_request(asked: PendingAct, names: ScopeNames = NO_NAMES) -> str:
    """Describes the effect of the requested decision."""
    if asked.kind == "rule" and asked.order["match"] == CONTENT:
        return describe_content_rule(rule_of(asked.order), names)
    if asked.kind == "rule":
        return say("allow {value} for the whole company", value=asked.order["value"])
    if asked.kind == dual_control.PERSON_ERASURE:
        return say("erase the data of {whom}", whom=asked.order.get("address") or say("a person"))
    if asked.kind == dual_control.HUNT:
        return describe_hunt(asked.order)
    if asked.kind == dual_control.START_LIST:
        return say("allow {senders} for the whole company, from the start list", senders=list_with_and(asked.order["domains"]))
    messages = say_count("{count} message", "{count} messages", count=len(asked.items))
    if asked.kind == dual_control.HUNT_REMOVAL:
        return say("remove {messages} that a hunt found from mailboxes", messages=messages)
    if asked.kind == dual_control.ASSIGNMENT:
        return say("assign {messages} to {name}", messages=messages, name=asked.order["to"])
    what: str = say(EVERYWHERE if is_everywhere(asked) else VERBS[asked.order["verb"]], messages=messages)
    if asked.order.get("block") is not None:
        what = list_with_and([what, say("block their senders")])
    if to := asked.order["to"]:
        what = say("{what} to {target}", what=what, target=names.get(to, to))
    if not (rule := asked.order["rule"]):
        return what
    return list_with_and([what, ALONG.get((rule["effect"], rule["match"] in ("domain", "subdomains")), rule["effect"])])
