"""A second look as a careful person takes it: what a decision has to confirm, with the fence of what was looked at."""

from typing import Any

from sqlalchemy import and_
from sqlmodel import Session

from triage import access, decisions, selection
from triage.actor import Actor
from triage.decisions import Verb
from triage.rules import RuleOrder
from triage.selection import Selection
from triage.settings import Settings


def looked(
    session: Session, settings: Settings, selected: Selection, verb: Verb, *, by: Actor, rule: RuleOrder | None = None
) -> dict[str, Any]:
    """What `decisions.decide` wants said after looking: nothing where nothing is asked."""
    asked, _ = decisions.preview(session, selected, verb, rule, by=by, settings=settings)
    fence = selection.fence(session, and_(selection.condition(selected), access.visible(by)))
    return {"confirm": [one.name for one in asked], "fence": fence} if asked else {}
