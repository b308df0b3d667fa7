"""Removal: the plan of taking messages away everywhere. The sheet, the API, the shell and the act share it, so that none says less."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.message.signals.severity import Severity
from triage.policy.contacts import wanted_senders
from triage.policy.contacts.wanted_senders import Sender, Wanted
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.campaigns import find_related
from triage.quarantine.campaigns.find_related import Related
from triage.quarantine.removal import removal_blocks
from triage.quarantine.removal.removal_blocks import Block, Blocks, groups_of
from triage.quarantine.search.passed_on import PassedOn, list_passed_on
from triage.quarantine.search.selection import (
    ANY_PROOF,
    CLAIMED,
    COPIES,
    FORGED,
    UNPROVEN,
    Selection,
    selection_condition,
    selection_fence,
    states_condition,
)
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping

KINDS = frozenset({"campaign", "domain", "address"})
REMOVABLE = frozenset(
    {State.HELD, State.QUEUED, State.BOUNCED, State.RELAYING, State.RESTORING, State.DELIVERED}
)  # what a removal counts as its business


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Authors whose messages a removal leaves alone: what they prove to have sent, and what claims to be theirs and nothing refutes."""

    proven: tuple[str, ...] = ()
    claimed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.proven or self.claimed)

    def condition(self, session: Session, selected: Selection) -> ColumnElement[bool]:
        """Condition: deliveries of a selection from senders that are left out."""
        proof = col(Delivery.proof)
        by_proof = and_(is_among(session, col(Delivery.author), self.proven), proof != "")
        by_claim = and_(is_among(session, col(Delivery.author), self.claimed), proof == "", not_(wanted_senders.is_refuted()))
        return and_(or_(by_proof, by_claim), not_(items_by_author(selected)))


@dataclass(frozen=True, slots=True)
class NotIncluded:
    """Messages of the selection that a removal leaves alone, because their sender is wanted."""

    sender: str
    proven: bool
    count: int
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class BlockWish:
    """Blocks wanted along with a removal: those that are planned, without those unticked, and with those ticked."""

    without: frozenset[str] = frozenset()  # values of blocks that are left out
    also: frozenset[str] = frozenset()  # values of blocks that are made though staff released what they would have stopped
    scope: str = ""  # for whom they are; "": as far as the decider's scope reaches
    kinds: frozenset[str] = KINDS  # matches of blocks that are made at all

    def takes(self, block: Block) -> bool:
        """Whether this block is to be made."""
        return block.match in self.kinds and block.value not in self.without and (block.ticked or block.value in self.also)


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a removal, as of one moment."""

    count: int  # deliveries that go
    by_state: dict[str, int]
    severity: Severity  # the worst of them
    mildest: Severity  # that of the row that looks best; of one campaign, sender or domain: the worst of them
    not_included: tuple[NotIncluded, ...]
    blocks: Blocks
    scopes: tuple[str, ...]  # for whom blocks are made; none: the actor makes no rules here
    related: Related  # what shares traits with it and stays
    passed_on: tuple[PassedOn, ...]  # what takes copies on to where no removal reaches
    fence: str
    where: ColumnElement[bool] = field(compare=False, repr=False)  # the deliveries that go

    @property
    def blocks_by_default(self) -> bool:
        """Whether it also blocks, unless somebody chooses otherwise."""
        return self.mildest >= Severity.SUSPICIOUS and bool(self.scopes) and any(one.ticked for one in self.blocks.made)

    def orders(self, wish: BlockWish, *, settings: Settings, now: datetime) -> list[RuleOrder]:
        """The rules that make the blocks that are wished for."""
        scopes = [wish.scope] if wish.scope else self.scopes
        return removal_blocks.orders_of(filter(wish.takes, self.blocks.made), scopes, settings=settings, now=now)


def plan_removal(session: Session, selected: Selection, *, by: Actor, settings: Settings, now: datetime) -> Plan:
    """The plan of removing what the actor may see of a selection. Writes nothing."""
    seen = and_(selection_condition(selected), access.visible_deliveries(by))
    left, not_included = leave_out(session, selected, seen, settings=settings, now=now)
    where = and_(seen, not_(left.condition(session, selected))) if left else seen
    goes = where if selected.states else and_(where, states_condition(selected, sorted(REMOVABLE)))
    states = session.execute(select(col(Delivery.state), func.count()).where(goes).group_by(col(Delivery.state))).all()
    by_state: dict[str, int] = dict(states)
    rows = select(func.max(grouping.severity_column()).label("worst")).where(goes).group_by(grouping.item_key("campaign")).subquery()
    worst, mildest = session.execute(select(func.coalesce(func.max(rows.c.worst), 0), func.coalesce(func.min(rows.c.worst), 0))).one()
    return Plan(
        count=sum(by_state.values()),
        by_state=by_state,
        severity=Severity(worst),
        mildest=Severity(worst if selected.campaign or selected.sender or selected.domain else mildest),
        not_included=tuple(not_included),
        blocks=removal_blocks.plan_blocks(session, selected, goes, by=by, settings=settings, now=now),
        scopes=tuple(removal_blocks.scopes_of(session, selected, by)),
        related=find_related.find_related(session, goes, by=by, now=now) if worst >= Severity.SUSPICIOUS else find_related.NONE,
        passed_on=list_passed_on(session, goes, settings),
        fence=selection_fence(session, where),
        where=where,
    )


def leave_out(
    session: Session, selected: Selection, where: ColumnElement[bool], *, settings: Settings, now: datetime
) -> tuple[LeftOut, list[NotIncluded]]:
    """Returns the senders whose deliveries a removal leaves alone, with the number of deliveries.

    None where senders or messages were named one by one, or where known senders were asked for.
    """
    chosen = named_in_selection(selected)
    if selected.known or chosen is None:
        return LeftOut(), []
    goes = and_(where, states_condition(selected, sorted(REMOVABLE)), not_(chosen))
    senders = {Sender(one.author, one.proven) for one in groups_of(session, goes) if not one.claimed}
    wanted = wanted_senders.wanted_among(session, senders, settings=settings, now=now)
    proven, claimed = (tuple(sorted({one.author for one in wanted if bool(one.proven_as) is is_proven})) for is_proven in (True, False))
    left = LeftOut(proven, claimed)
    rows = groups_of(session, and_(goes, left.condition(session, selected))) if left else []
    found = [NotIncluded(one.author, bool(one.proven), one.count, wanted[Sender(one.author, one.proven)]) for one in rows]
    return (left, found) if found else (LeftOut(), [])


def named_in_selection(selected: Selection) -> ColumnElement[bool] | None:
    """Condition: deliveries that a selection names by their sender or one by one; None: all of them."""
    if by_who(selected):
        return None
    return None if selected.any_of and all(map(by_who, selected.any_of)) else items_by_author(selected)


def items_by_author(selected: Selection) -> ColumnElement[bool]:
    """Condition: deliveries on a selection's rows that name a sender."""
    return or_(false(), *(selection_condition(one) for one in selected.any_of if by_who(one)))


def by_who(selected: Selection) -> bool:
    """Whether it names senders, by what proves them too, or messages one by one."""
    return bool(
        selected.ids or selected.sender or selected.domain or selected.proof not in {"", ANY_PROOF, UNPROVEN, COPIES, CLAIMED, FORGED}
    )


def ids_left_out(session: Session, selected: Selection, ids: Iterable[int], *, settings: Settings, now: datetime) -> set[int]:
    """Returns the locked deliveries that a removal leaves alone; checks exactly these, whatever came in since."""
    these = is_among(session, col(Delivery.id), ids)
    left, _ = leave_out(session, selected, these, settings=settings, now=now)
    return set(session.scalars(select(col(Delivery.id)).where(these, left.condition(session, selected)))) if left else set()


def orders_along(
    session: Session, selected: Selection, ids: Iterable[int], wish: BlockWish, *, by: Actor, settings: Settings, now: datetime
) -> list[RuleOrder]:
    """The rules that go along with the removal of these deliveries: what `plan_removal` said of the same."""
    these = is_among(session, col(Delivery.id), ids)
    scopes = [wish.scope] if wish.scope else removal_blocks.scopes_of(session, selected, by)
    blocks = removal_blocks.plan_blocks(session, selected, these, by=by, settings=settings, now=now)
    return removal_blocks.orders_of(filter(wish.takes, blocks.made), scopes, settings=settings, now=now)


def wish_json(wish: BlockWish | None) -> dict[str, Any] | None:
    """A wish as plain values."""
    if wish is None:
        return None
    return {"without": sorted(wish.without), "also": sorted(wish.also), "kinds": sorted(wish.kinds), "scope": wish.scope}


def wish_from_json(values: Mapping[str, Any] | None) -> BlockWish | None:
    """The wish that `wish_json` wrote."""
    if values is None:
        return None
    return BlockWish(frozenset(values["without"]), frozenset(values["also"]), values["scope"], frozenset(values["kinds"]))
