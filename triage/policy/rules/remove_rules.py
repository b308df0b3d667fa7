"""Removes several rules at once: all or none, as a preview said, and so that one undo restores all of them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.errors import NotAllowedNow, NotFound, Stale
from triage.ids import format_id
from triage.policy.rules import store
from triage.policy.rules.restore_rules import belongs_to_decision, undone_decisions
from triage.policy.rules_in_force import exists_at
from triage.say import say
from triage.store.db import is_among
from triage.store.models.rules import Rule


def plan_removal(session: Session, rule_ids: Sequence[int], *, by: Actor, now: datetime) -> list[Rule]:
    """The rules of these that a removal takes out of force, locked, newest first; rules that are removed or over are left out.

    NotFound for a rule that the actor may not know of, NotAllowed for one that they may not make. NotAllowedNow for one that belongs to a
    removal of messages: an undo could not restore it.
    """
    access.may_make_rules(by)
    these = select(Rule).where(is_among(session, col(Rule.id), rule_ids)).order_by(col(Rule.id))
    closed = confidential_folders.closed_scopes(session, by)
    known = {rule.id: rule for rule in session.scalars(these.with_for_update()) if access.knows_rule(by, rule.scope, closed)}
    if missing := [one for one in rule_ids if one not in known]:
        raise NotFound(say("there is no rule {rule_id}", rule_id=format_id(missing[0])))
    kept = session.scalars(select(Rule).where(is_among(session, col(Rule.id), known), exists_at(now)).order_by(col(Rule.id).desc())).all()
    undone = undone_decisions(session, kept)
    for rule in kept:
        access.may_make_rule(session, by, rule.scope)
        if belongs_to_decision(rule, undone):
            raise NotAllowedNow(say("the rule for {value} belongs to a decision about messages; remove it alone", value=rule.value))
    return list(kept)


def removal_fence(planned: Sequence[Rule]) -> str:
    """A digest of rules as they are now: equal fences, equal rules."""
    return hashlib.sha256("".join(f"{rule.id} {store.version_of(rule)}\n" for rule in planned).encode()).hexdigest()[:24]


def remove_planned(session: Session, planned: Sequence[Rule], *, fence: str | None, by: Actor, now: datetime) -> None:
    """Takes planned rules out of force, each in the audit log. Stale where `fence` is given and is no longer theirs."""
    if fence is not None and fence != removal_fence(planned):
        raise Stale(say("some of these rules were changed or removed in the meantime: look at them again"))
    store.remove_all(session, planned, by=by, now=now)
