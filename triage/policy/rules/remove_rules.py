"""Removes several rules at once: all or none, as a preview said, and so that one undo restores all of them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.errors import NotAllowedNow, Stale
from triage.policy.rules import store
from triage.policy.rules.restore_rules import belongs_to_decision, undone_decisions
from triage.policy.rules_in_force import exists_at
from triage.say import say
from triage.store.db import is_among
from triage.store.models.rules import Rule


def lock_rules(session: Session, rule_ids: Sequence[int], *, by: Actor, now: datetime) -> list[Rule]:
    """The rules of these that are in force, locked, newest first; rules that are removed or over are left out.

    NotFound for a rule that the actor may not know of, NotAllowed for one that they may not make.
    """
    known = store.lock_known(session, rule_ids, by=by)
    kept = session.scalars(select(Rule).where(is_among(session, col(Rule.id), known), exists_at(now)).order_by(col(Rule.id).desc())).all()
    for rule in kept:
        access.may_make_rule(session, by, rule.scope)
    return list(kept)


def plan_removal(session: Session, rule_ids: Sequence[int], *, by: Actor, now: datetime) -> list[Rule]:
    """The rules that a removal takes out of force, as `lock_rules` gives them.

    NotAllowedNow for one that belongs to a removal of messages: an undo could not restore it.
    """
    kept = lock_rules(session, rule_ids, by=by, now=now)
    undone = undone_decisions(session, kept)
    for rule in kept:
        if belongs_to_decision(rule, undone):
            raise NotAllowedNow(say("the rule for {value} belongs to a decision about messages; remove it alone", value=rule.value))
    return kept


def rules_fence(planned: Sequence[Rule]) -> str:
    """A digest of rules as they are now: equal fences, equal rules."""
    return hashlib.sha256("".join(f"{rule.id} {store.version_of(rule)}\n" for rule in planned).encode()).hexdigest()[:24]


def check_fence(planned: Sequence[Rule], fence: str | None) -> None:
    """Stale where a fence is given that is no longer that of these rules."""
    if fence is not None and fence != rules_fence(planned):
        raise Stale(say("some of these rules were changed or removed in the meantime: review them again"))


def remove_planned(session: Session, planned: Sequence[Rule], *, fence: str | None, by: Actor, now: datetime) -> None:
    """Takes planned rules out of force, each in the audit log. Stale where `fence` is given and is no longer theirs."""
    check_fence(planned, fence)
    store.remove_all(session, planned, by=by, now=now)
