"""A person answers a proposal: the rule is made, with the second person's approval where the company wants one, or nobody is asked
again.
"""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.policy.suggestions import rule_suggestions
from triage.quarantine.decisions import approvals
from triage.say import quote_text, say
from triage.store.models.rules import Proposal

ANSWERS = ("accept", "refuse", "open")


def answer_suggestion(
    session: Session,
    proposal_id: int,
    given: str,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
) -> Proposal:
    """accept, refuse, or open: take one's own answer back. Conflict when somebody else was faster or has it in hand.

    SecondLookNeeded as for a rule.
    """
    if given not in ANSWERS:
        raise BadInput(say("{names}, not {given}", names=", ".join(ANSWERS), given=quote_text(given)), field="answer")
    if given == "open":
        return rule_suggestions.open_again(session, proposal_id, by=by, now=now)
    row = rule_suggestions.at_hand(session, proposal_id, by=by, now=now)
    if given == "accept":
        made = approvals.add_rule(session, rule_suggestions.order_of(row), by=by, now=now, settings=settings, confirm=confirm, fence=fence)
        rule_suggestions.settle_suggestion(session, row, rule_suggestions.ACCEPTED, by=by, now=now, made=made)
    else:
        rule_suggestions.settle_suggestion(session, row, rule_suggestions.REFUSED, by=by, now=now)
    return row
