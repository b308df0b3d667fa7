"""Standing verdicts: who was purged stays out for a while, so that late copies of the same wave are caught too. Undone with the purge."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor, Grant
from triage.config.settings import Settings
from triage.ids import format_id
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import CLAIMED, RuleOrder, is_possible
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.search.selection import ANY_PROOF, Selection, who_proves
from triage.say import say
from triage.store import ledger
from triage.store.db import is_among
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.queue.grouping import proven_as

NOTE = say("late copies of what was removed")


def list_orders(
    session: Session, selected: Selection, these: ColumnElement[bool], *, by: Actor, settings: Settings, now: datetime
) -> list[RuleOrder]:
    """The rules that a purge of `these` leaves behind: about the sender, domain or campaign that it named, as far as the decider's scope
    reaches.

    None where it chose by other features too: then it was not about whoever sends this. And none of a token that makes no rules.
    """
    if by.grants is not None and Grant.RULES not in by.grants:
        return []
    if not settings.policy.late_copies_hours or not names_one(selected):
        return []
    if selected.campaign and campaigns.is_flood(session, selected.campaign):
        return []  # what lies in a mail bomb has nothing in common that the next one would have
    until = now + timedelta(hours=settings.policy.late_copies_hours)
    order = RuleOrder("block", "address", "", "company", until=until, note=NOTE)
    whole = of_campaign(session, order, selected, these) if selected.campaign else of_sender(session, order, selected, these)
    if whole.match == "domain" and whole.value.strip("@. ").casefold() in settings.policy.freemail_domains:
        return []
    closed = confidential_folders.closed_scopes(session, by)
    mine = None if by.scope.company else by.scope.words()
    scopes = [one for one in scopes_of(selected, by) if one not in closed and (mine is None or one in mine)]
    made = [replace(whole, scope=scope) for scope in scopes]
    return [one for one in made if is_possible(session, one, settings)]


def names_one(selected: Selection) -> bool:
    """Whether it names one sender, domain or campaign, and choose by nothing else."""
    others = (selected.ids, selected.any_of, selected.reads_content, selected.since, selected.until, selected.delivered_since)
    named = [name for name in ("sender", "domain", "campaign") if getattr(selected, name)]
    return len(named) == 1 and not any(others)


def of_sender(session: Session, order: RuleOrder, selected: Selection, these: ColumnElement[bool]) -> RuleOrder:
    """The block of the sender or domain that was named; where some of it proved nothing only of what does not (mailflow.md 5).

    Where all of it only claimed to be from there, only of what claims so too.
    """
    unproven = select(func.min(cast(col(Delivery.claimed), Integer))).where(these, col(Delivery.proof) == "")
    claimed = session.scalar(unproven)
    match, value = ("address", selected.sender) if selected.sender else ("domain", selected.domain)
    return replace(order, match=match, value=value, proof=CLAIMED if claimed else "", unproven_only=claimed is not None)


def of_campaign(session: Session, order: RuleOrder, selected: Selection, these: ColumnElement[bool]) -> RuleOrder:
    """The block of the campaign: of what proves the same, or of what nothing proves, unless all of it was named."""
    order = replace(order, match="campaign", value=format_id(selected.campaign or 0))
    if selected.proof == ANY_PROOF:
        return order
    usual = select(proven_as()).where(these).limit(1)
    proven = who_proves(selected.proof) if selected.proof else session.scalar(usual) or ""
    return replace(order, proof=proven, unproven_only=not proven)


def scopes_of(selected: Selection, by: Actor) -> list[str]:
    """Scopes of late copies' removal: the folder that was named, else all that the decider may decide about."""
    if selected.person:
        return [f"person:{selected.person.casefold()}"]
    if selected.person == "":
        return []
    return [f"department:{selected.department.casefold()}"] if selected.department else by.scope.words()


def make_rules(
    session: Session, wanted: Sequence[RuleOrder], *, by: Actor, now: datetime, settings: Settings, decision_id: int, second: Actor | None
) -> None:
    """Make them, along with the purge."""
    for order in wanted:
        rules.add_rule(session, order, by=by, now=now, settings=settings, origin=rules.STANDING, decision_id=decision_id, second=second)


def hold_late_copies(session: Session, made: Sequence[Rule], *, by: Actor, now: datetime, decision_id: int) -> list[int]:
    """The purge is undone: the late copies that these rules caught are held again, for a person to see; which."""
    standing = [rule for rule in made if rule.origin in (rules.STANDING, rules.REMOVAL)]
    if not standing:
        return []
    since = (col(Delivery.state) == State.PURGED) & (col(Delivery.received_at) >= min(rule.created_at for rule in standing))
    caught = since & is_among(session, col(Delivery.rule_id), [rule.id for rule in standing]) & col(Delivery.erased_at).is_(None)
    mine = caught & col(Delivery.decision_id).is_(None) & access.visible_deliveries(by)
    changed = ledger.record_many(session, mine, Event.RESTORE, by=by, now=now, decision_id=decision_id, due_at=None)
    return [delivery_id for delivery_id, _ in changed]
