"""Preview of a decision over a selection: its messages, and its effects. For the console's sheet and for mail programs."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import consent, decision_plan, request_keepers
from triage.quarantine.decisions.consent import Consent
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcome_text import describe_confidential
from triage.quarantine.removal import late_copies, removal_plan
from triage.quarantine.rules.rules_with_decision import NotOffered
from triage.quarantine.search import selection_summary
from triage.quarantine.search.confirmations import Question
from triage.quarantine.search.selection_summary import Evidence


@dataclass(frozen=True, slots=True)
class Preview:
    """Preview of a decision. Nothing is changed or locked."""

    sheet: Evidence
    removal: removal_plan.Plan | None  # of a removal
    second_look: tuple[Question, ...]
    not_allowed: tuple[NotOffered, ...]  # senders whom an allow along cannot be about
    allow: Consent | None  # whom it allows, where a release allows the selection's senders
    needs: tuple[str, ...]  # why a removal needs a second person
    late: tuple[RuleOrder, ...]  # which late copies a removal without blocks removes too
    confidential: str  # what a removal says of confidential folders that are closed to the actor


def preview_decision(session: Session, request: DecisionRequest, *, by: Actor, settings: Settings, now: datetime) -> Preview:
    """Previews a decision of this actor, from the code that then carries it out. BadInput and Stale as for the decision."""
    wanted, rule = request.selected, request.rule
    plan = removal_plan.plan_removal(session, wanted, by=by, settings=settings, now=now) if request.verb is Verb.PURGE else None
    asks_whom = rule is not None and rule.effect == "allow" and not rule.value and request.verb is Verb.RELEASE
    allow = preview_allowed(session, request, by=by, settings=settings, now=now) if asks_whom else None
    asked, refused = decision_plan.preview_decision(session, request, by=by, settings=settings)
    return Preview(
        sheet=selection_summary.selection_evidence(session, wanted, by=by, now=now, only=plan.where if plan else None),
        removal=plan,
        second_look=asked,
        not_allowed=refused,
        allow=allow,
        needs=tuple(decision_plan.removal_needs(session, wanted, plan.where, by=by, settings=settings)) if plan else (),
        late=tuple(preview_late(session, request, plan, by=by, settings=settings, now=now)) if plan else (),
        confidential=describe_confidential(request_keepers.find_concerned(session, wanted, request_keepers.REMOVAL, by=by)),
    )


def preview_late(
    session: Session, request: DecisionRequest, plan: removal_plan.Plan, *, by: Actor, settings: Settings, now: datetime
) -> list[RuleOrder]:
    """Rules about late copies that a removal makes where it makes no others."""
    if request.rule or not plan.count:
        return []
    return late_copies.list_orders(session, request.selected, plan.where, by=by, settings=settings, now=now)


def preview_allowed(session: Session, request: DecisionRequest, *, by: Actor, settings: Settings, now: datetime) -> Consent:
    """Senders whom a release with an allow rule would allow."""
    assert request.rule is not None
    ids = decision_plan.meant_ids(session, request, by=by, settings=settings)
    return consent.preview_consent(session, request.selected, request.rule, ids, by=by, settings=settings, now=now)
