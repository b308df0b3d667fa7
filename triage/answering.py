"""A person answers a proposal: the rule is made, with the second key where the company wants one, or nobody is asked again."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from triage import proposals, second_key
from triage.actor import Actor
from triage.errors import BadInput
from triage.models import Proposal
from triage.settings import Settings

ANSWERS = ("accept", "refuse", "open")


def answer(
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
    """accept, refuse, or open: take one's own answer back. Overtaken when somebody else was faster or has it in hand.

    SecondLookNeeded as for a rule.
    """
    if given not in ANSWERS:
        raise BadInput(f"answer: {', '.join(ANSWERS)}, not {given!r}")
    if given == "open":
        return proposals.open_again(session, proposal_id, by=by, now=now)
    row = proposals.at_hand(session, proposal_id, by=by, now=now)
    if given == "accept":
        made = second_key.add_rule(session, proposals.order_of(row), by=by, now=now, settings=settings, confirm=confirm, fence=fence)
        proposals.answered(session, row, proposals.ACCEPTED, by=by, now=now, made=made)
    else:
        proposals.answered(session, row, proposals.REFUSED, by=by, now=now)
    return row
