"""A second look as a careful person takes it: what a decision has to confirm, with the fence of what was looked at."""

from typing import Any

from sqlalchemy import and_
from sqlmodel import Session

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions.decision_plan import preview_decision
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import selection
from triage.quarantine.search.selection import Selection


def looked(
    session: Session, settings: Settings, selected: Selection, verb: Verb, *, by: Actor, rule: RuleOrder | None = None
) -> dict[str, Any]:
    """Confirmation that `decisions.decide` asks for after a preview; empty where it asks for none."""
    asked, _ = preview_decision(session, DecisionRequest(selected, verb, rule=rule), by=by, settings=settings)
    fence = selection.selection_fence(session, and_(selection.selection_condition(selected), access.visible_deliveries(by)))
    return {"confirm": [one.name for one in asked], "fence": fence} if asked else {}
