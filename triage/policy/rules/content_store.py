"""Rules on content as rows: their names are unique, there are only so many, and each can be paused and resumed."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, cast, func, select
from sqlmodel import Session, col

from triage.access import confidential_folders, dual_control, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, NotFound
from triage.ids import format_id
from triage.policy.content_rules.active_rules import CONTENT
from triage.policy.content_rules.conditions import as_conditions
from triage.policy.rules.rule_request import RuleOrder
from triage.policy.rules_in_force import VERSION, exists_at
from triage.say import quote_text, say
from triage.store import ledger, versions
from triage.store.models.rules import Rule

MOST_RULES = 1_000
IMPORTED = "import"


def make_room(session: Session, order: RuleOrder, origin: str, *, by: Actor, now: datetime) -> Rule | None:
    """The rule on content that says the same already. A file replaces one of the same name; else that is refused, and one too many."""
    others = select(Rule).where(col(Rule.match) == CONTENT, exists_at(now))
    named = session.scalars(others.where(col(Rule.value) == order.value)).first()
    if named is not None and says_same(named, order):
        return named
    if named is not None:
        replace_rule(session, named, origin, by=by, now=now)
    elif (session.scalar(select(func.count()).select_from(others.subquery())) or 0) >= MOST_RULES:
        raise BadInput(say("there are {most} rules on content, as many as there can be; remove one", most=MOST_RULES), field="value")
    return None


def find_same(session: Session, order: RuleOrder, now: datetime) -> Rule | None:
    """The rule on content that says all of this already."""
    named = (col(Rule.match) == CONTENT, col(Rule.value) == order.value, exists_at(now))
    found = session.scalars(select(Rule).where(*named)).first()
    return found if found is not None and says_same(found, order) else None


def says_same(rule: Rule, order: RuleOrder) -> bool:
    """Whether a rule on content says what an order asks for."""
    said = (rule.effect, as_conditions(rule.conditions), rule.scope, rule.target, rule.note, rule.until, rule.paused_at is not None)
    return said == (order.effect, order.conditions, order.scope, order.to, order.note, order.until, order.paused)


def names_address(address: str) -> ColumnElement[bool]:
    """SQL condition for content rules that name this address in a condition."""
    return and_(col(Rule.match) == CONTENT, cast(col(Rule.conditions), String).contains(json.dumps(address), autoescape=True))


def replace_rule(session: Session, rule: Rule, origin: str, *, by: Actor, now: datetime) -> None:
    """Take a rule out of force for one of the same name that a file has. Of one that somebody makes alone the name is taken."""
    if not access.knows_rule(by, rule.scope, confidential_folders.closed_scopes(session, by)):
        raise BadInput(say("this name is taken; choose another one"), field="value")
    if origin != IMPORTED:
        raise BadInput(say("there is a rule {name} already; remove it or choose another name", name=quote_text(rule.value)), field="value")
    access.may_make_rule(session, by, rule.scope)
    rule.removed_at, rule.removed_by = now, str(by)
    session.flush()
    detail = {"effect": rule.effect, "value": rule.value, "scope": rule.scope}
    ledger.write_act(session, "remove-rule", f"rule:{format_id(rule.id)}", by=by, now=now, detail=detail)


def pause_rule(
    session: Session, rule_id: int, *, paused: bool, by: Actor, now: datetime, settings: Settings, confirmed: Sequence[str] = ()
) -> Rule:
    """Pause a rule on content, or resume it. Doing so again changes nothing.

    ApprovalNeeded where a rule that nobody approved is to be resumed, and the company wants a second person for it by now.
    `confirmed`: names of a second look, for the record.
    """
    rule = session.scalars(select(Rule).where(col(Rule.id) == rule_id, exists_at(now)).with_for_update()).first()
    if rule is None or not access.knows_rule(by, rule.scope, confidential_folders.closed_scopes(session, by)):
        raise NotFound(say("there is no rule {rule_id}", rule_id=format_id(rule_id)))
    access.may_make_rule(session, by, rule.scope)
    if rule.match != CONTENT:
        raise BadInput(say("only a rule on content can be paused; remove this one, or change when it ends"), field="paused")
    if not paused and not rule.second_by:
        dual_control.require_second_person(dual_control.of_rules([rule], settings), by, None)
    if paused != (rule.paused_at is not None):
        rule.paused_at = now if paused else None
        session.flush()
        detail = {"value": rule.value, "scope": rule.scope} | ({"confirmed": list(confirmed)} if confirmed else {})
        ledger.write_act(session, "pause-rule" if paused else "resume-rule", f"rule:{format_id(rule.id)}", by=by, now=now, detail=detail)
        versions.advance_version(session, VERSION)
    return rule
