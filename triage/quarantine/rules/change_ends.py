"""Ends of several rules changed in one step, all or none, and taken back in one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.policy.rules import remove_rules, store
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.rules.rule_confirmation import collect_questions, newly_released
from triage.say import join_parts
from triage.store.models.rules import Rule


@dataclass(frozen=True, slots=True)
class RuleEnd:
    """End of a rule: a date, or days after its last message. Both: it lapses so, but not later than at that date if nothing comes."""

    rule_id: int
    until: datetime | None
    lapse_days: int

    def changes(self) -> dict[str, Any]:
        """The fields of a rule that it changes."""
        return {"until": None if self.lapse_days else self.until, "lapse_days": self.lapse_days}


def lock_ends(session: Session, rule_ids: Sequence[int], *, by: Actor, now: datetime, fence: str | None) -> list[Rule]:
    """The rules of these that are in force, locked, newest first. Stale where `fence` is given and is no longer theirs."""
    planned = remove_rules.lock_rules(session, rule_ids, by=by, now=now)
    remove_rules.check_fence(planned, fence)
    return planned


def list_ends(planned: Sequence[Rule]) -> list[RuleEnd]:
    """The ends of these rules as they are now."""
    return [RuleEnd(rule.id, rule.until, rule.lapse_days) for rule in planned]


def change_ends(
    session: Session,
    planned: Sequence[Rule],
    ends: Sequence[RuleEnd],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
) -> None:
    """Gives locked rules these ends, each in the audit log.

    BadInput names the rule that cannot have its end. SecondLookNeeded once for all, where allow rules would then release held messages that
    nobody should allow unseen.
    """
    ends_of = {one.rule_id: one for one in ends}
    orders = [order_with_end(session, rule, ends_of[rule.id], by=by, now=now, settings=settings) for rule in planned]
    found = {order: newly_released(session, rule, order, by=by, now=now) for rule, order in zip(planned, orders, strict=True)}
    names = collect_questions(session, found).confirmed(confirm, fence, by=by)
    for rule, order in zip(planned, orders, strict=True):
        end = ends_of[rule.id]
        store.write_change(session, rule, order, end.changes(), by=by, now=now, confirmed=names, lapses_at=end.until)


def order_with_end(session: Session, rule: Rule, end: RuleEnd, *, by: Actor, now: datetime, settings: Settings) -> RuleOrder:
    """The order of a rule with another end."""
    try:
        return store.plan_change(session, rule.id, end.changes(), by=by, now=now, settings=settings)[1]
    except BadInput as fault:
        raise BadInput(join_parts(": ", (rule.value, fault.sentence)), field="ends") from None
