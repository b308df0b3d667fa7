"""Sender rules: list, make, remove."""

from typing import Any

from fastapi import APIRouter, Response

from triage import rules, second_key
from triage.errors import NotFound
from triage.ids import show
from triage.models import PendingAct
from triage.times import utcnow
from triage_api import shapes
from triage_api.office import Here
from triage_api.once import Once
from triage_api.pages import Cursor, Limit, cursor_of, place_of
from triage_api.problems import described
from triage_api.second_keys import accepted
from triage_api.session import Staff
from triage_api.transactions import Read, Tx, ring_after

router = APIRouter(route_class=Once, tags=["rules"])


@router.get("/rules", response_model=shapes.Rules, responses=described(401, 422))
def list_rules(session: Read, by: Staff, q: shapes.Word = "", limit: Limit = 50, cursor: Cursor = None) -> shapes.Rules:
    """Rules in force that reach into your scope, newest first."""
    (before,) = place_of(cursor, int) or (None,)
    found = rules.listing(session, utcnow(), by=by, q=q, limit=limit + 1, before=before)
    following = (found[limit - 1].id,) if len(found) > limit else None
    return shapes.Rules.model_validate({"items": found[:limit], "next_cursor": cursor_of(following)})


ASKED: dict[int | str, dict[str, Any]] = {202: {"model": shapes.PendingAct, "description": "It waits for a second person's key."}}


@router.post("/rules", status_code=201, response_model=shapes.Rule, responses=ASKED | described(401, 403, 422))
def create_rule(order: shapes.SenderRule, session: Tx, by: Staff, here: Here) -> shapes.Rule | Response:
    """Make a rule; 202 when it needs a second person's key. An equal one that is in force is kept and answered."""
    made = second_key.add_rule(session, order.order(), by=by, now=utcnow(), settings=here.settings)
    if isinstance(made, PendingAct):
        ring_after(session)
        return accepted(made, by)
    ring_after(session, "door")
    return shapes.Rule.model_validate(made)


@router.delete("/rules/{rule_id}", status_code=204, responses=described(401, 403, 404, 422))
def delete_rule(rule_id: shapes.GivenId, session: Tx, by: Staff) -> None:
    """Take a rule out of force; it stays on the record."""
    if not rules.known_to(session, [rule_id], by=by):
        raise NotFound(f"there is no rule {show(rule_id)}")
    rules.remove(session, rule_id, by=by, now=utcnow())
    ring_after(session, "door")
