"""Blocks that go along with a removal: the campaign, the domains that sent nothing wanted, else single addresses."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor, Grant
from triage.addressing.public_suffix import is_shared
from triage.config.settings import Settings
from triage.ids import format_id
from triage.message.authentication import Authentication
from triage.policy.contacts import wanted_senders
from triage.policy.contacts.wanted_senders import Sender, Wanted
from triage.policy.rules.rule_request import CLAIMED, RuleOrder, covers_own_domain, is_possible
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.search import selection
from triage.quarantine.search.selection import ANY_PROOF, COPIES, UNPROVEN, Selection, selection_condition, settled_proof, who_proves
from triage.say import say
from triage.store.db import is_among
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.queue.grouping import proven_as

NOTE = say("made with a removal")
LOOKS_BACK = timedelta(days=30)  # how far a block is replayed
CAMPAIGN_DAYS = 7  # a campaign's block ends so long after its last copy
KINDS = ((True, False), (False, False), (False, True))  # of messages: proven or not, and whether they only claim their author
Came = dict[tuple[str, str, tuple[bool, bool]], list[int]]  # by match, value and kind: how many came, and how many staff released


@dataclass(frozen=True, slots=True)
class Block:
    """A block that a removal makes, and what it would have stopped lately."""

    match: str  # campaign, domain, address
    value: str
    count: int  # messages of the removal that it is about
    proof: str = ""  # of a campaign: only what this domain or address proves to have sent; of a sender: CLAIMED
    unproven_only: bool = False  # it leaves alone what the sender proves to have sent
    unsigned_only: bool = False
    stopped: int = 0  # other messages of the last 30 days that it would have stopped
    released: int = 0  # those of them that staff released

    @property
    def claimed_only(self) -> bool:
        """Whether it stops only messages without a clear author that claim to be from this sender."""
        return self.proof == CLAIMED

    @property
    def ticked(self) -> bool:
        """Whether it is made unless somebody says otherwise.

        Not where staff released what it would have stopped; a campaign's only holds that.
        """
        return self.match == "campaign" or not self.released


@dataclass(frozen=True, slots=True)
class NotBlocked:
    """A sender who is not blocked along, and why: own, contact, allowed, released, none (no address), impossible, flood (its senders)."""

    value: str
    why: str
    of: str  # whose contact it is
    count: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks that go along with a removal, and senders that are not blocked."""

    made: tuple[Block, ...] = ()
    not_made: tuple[NotBlocked, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Messages of a removal that one sender sent: their number, and the domain or address that they prove."""

    author: str
    domain: str
    proven: str
    count: int
    claimed: bool = False  # they only claim to be from there: nobody is spared for that


def plan_blocks(
    session: Session,
    selected: Selection,
    where: ColumnElement[bool],
    *,
    by: Actor,
    settings: Settings,
    now: datetime,
) -> Blocks:
    """Plans the blocks of a removal. `where`: the deliveries that are removed.

    A domain is blocked as a whole only where the removal is about what messages say, the domain proves to have sent them, and nothing
    wanted ever came from there. What nobody proves is blocked by its address, and only where it proves nothing (mailflow.md 5). Nobody is
    blocked for a mail bomb: somebody else signed the recipient up with them.
    """
    flooding = of_mail_bombs(selected)
    groups = groups_of(session, and_(where, not_(flooding)))
    flooded = sum(one.count for one in groups_of(session, and_(where, flooding)))
    asked = {Sender(one.author, one.proven) for one in groups if not one.claimed}
    wanted = wanted_senders.wanted_among(session, asked, settings=settings, now=now)
    whole = domains_to_block(session, selected, groups, wanted, settings=settings, now=now)
    sender_blocks, not_made = sort_senders(session, groups, wanted, whole, settings)
    of_campaigns = campaign_blocks(session, selected, sum(one.count for one in groups))
    made = [*of_campaigns, *with_signatures(session, where, sender_blocks)]
    of_floods = [NotBlocked("", "flood", "", flooded)] if flooded else []
    return Blocks(tuple(replay_blocks(session, made, where, by=by, now=now)), (*of_floods, *not_made))


def of_mail_bombs(selected: Selection) -> ColumnElement[bool]:
    """Returns which deliveries a selection names as part of a mail bomb: not by sender, one by one, or as copies of a campaign in it."""
    named = (selected, *selected.any_of)
    by_who = [one for one in named if one.ids or one.sender or one.domain]
    if selected in by_who:
        return false()
    copies = [one.campaign for one in named if one.campaign is not None]
    chosen = or_(false(), col(Delivery.wave_id).in_(copies), *map(selection_condition, by_who))
    return and_(col(Delivery.flood).is_(True), not_(func.coalesce(chosen, false())))


def domains_to_block(
    session: Session, selected: Selection, groups: Sequence[Group], wanted: Mapping[Sender, Wanted], *, settings: Settings, now: datetime
) -> set[str]:
    """The domains that may be blocked as a whole: of the selection's own choice, or those that prove copies and sent nothing wanted."""
    if selected.ids or selected.sender:
        return set()
    proven = {one.proven for one in groups if one.proven and "@" not in one.proven}
    candidates = proven | ({one.domain for one in groups} if selected.domain else set())
    spoiled = {one.author.rpartition("@")[2] for one in wanted}
    shared = {one for one in candidates if one in settings.policy.freemail_domains or is_shared(one)}
    contacts = wanted_senders.domains_with_contacts(session, candidates, now=now)
    return candidates - spoiled - shared - contacts


def sort_senders(
    session: Session, groups: Sequence[Group], wanted: Mapping[Sender, Wanted], whole: set[str], settings: Settings
) -> tuple[list[Block], list[NotBlocked]]:
    """Returns the senders to block, each once, and those not to block."""
    counts: Counter[tuple[str, str, bool, str]] = Counter()
    left: list[NotBlocked] = []
    unproven = {one.author for one in groups if not (one.claimed or one.proven)}
    for one in groups:
        spared = None if one.claimed else wanted.get(Sender(one.author, one.proven))
        if spared and one.domain not in whole:
            left.append(NotBlocked(one.author, spared.why, spared.of, one.count))
        elif one.domain in whole and one.proven:
            counts["domain", one.domain, False, ""] += one.count
        else:
            alone = one.claimed and (one.author not in unproven or Sender(one.author, "") in wanted)
            counts["address", one.author, not one.proven, CLAIMED if alone else ""] += one.count
    made: list[Block] = []
    for (match, value, is_unproven, proof), count in counts.items():
        why = why_not(session, match, value, settings)
        if why:
            left.append(NotBlocked(value, why, "", count))
        else:
            made.append(Block(match, value, count, proof, unproven_only=is_unproven))
    return sorted(made, key=lambda one: (one.match != "domain", -one.count, one.value)), left


def why_not(session: Session, match: str, value: str, settings: Settings) -> str:
    """Returns why such a block is not possible; "" where it is."""
    order = RuleOrder("block", match, value, "company")
    if not value:
        return "none"
    if any(covers_own_domain(order, own) for own in settings.own_domains) or value.rpartition("@")[2] in settings.own_domains:
        return "own"
    return "" if is_possible(session, order, settings) else "impossible"


def campaign_blocks(session: Session, selected: Selection, count: int) -> list[Block]:
    """The block of each campaign that was named, as far as it was. None of a mail bomb: what lies in it has nothing in common."""
    named = [one for one in (selected, *selected.any_of) if one.campaign is not None and not (one.ids or one.sender or one.domain)]
    return [campaign_block(session, one, count) for one in named if not campaigns.is_flood(session, one.campaign or 0)]


def campaign_block(session: Session, selected: Selection, count: int) -> Block:
    """The block of a campaign: all of it, or what one proves, or what nobody does."""
    proof, value = settled_proof(session, selected), format_id(selected.campaign or 0)
    if proof in (COPIES, ANY_PROOF):
        return Block("campaign", value, count)
    return Block("campaign", value, count, proof=who_proves(proof), unproven_only=proof in (UNPROVEN, selection.CLAIMED, selection.FORGED))


def with_signatures(session: Session, where: ColumnElement[bool], blocks: Sequence[Block]) -> list[Block]:
    """The blocks of unproven addresses, each with whether the SMTP server may use it: only where the domain publishes nothing to prove."""
    domains = {one.value.rpartition("@")[2] for one in blocks if one.unproven_only and not one.proof}
    mine = and_(where, col(Delivery.proof) == "", col(Delivery.claimed).is_(False), is_among(session, col(Delivery.author_domain), domains))
    newest = select(col(Delivery.author_domain), func.max(col(Delivery.message_id))).where(mine).group_by(col(Delivery.author_domain))
    message_of: dict[str, int] = dict(session.execute(newest).all()) if domains else {}
    results = select(col(Message.id), col(Message.record)).where(is_among(session, col(Message.id), message_of.values()))
    known = skip_damaged(session.execute(results))
    said = {message_id: Authentication.from_json(record.authentication).publishes_nothing for message_id, record in known}
    nothing = {domain for domain, message_id in message_of.items() if said.get(message_id)}
    return [replace(one, unsigned_only=one.unproven_only and not one.proof and one.value.rpartition("@")[2] in nothing) for one in blocks]


def replay_blocks(session: Session, blocks: Sequence[Block], where: ColumnElement[bool], *, by: Actor, now: datetime) -> list[Block]:
    """The blocks with what each would have stopped of the last 30 days, beside what is removed, as far as the actor sees it."""
    addresses = {one.value for one in blocks if one.match == "address"}
    domains = {one.value for one in blocks if one.match == "domain"}
    lately = and_(
        col(Delivery.received_at) >= now - LOOKS_BACK,
        col(Delivery.direction) == "in",
        access.visible_deliveries(by),
        not_(func.coalesce(where, false())),
    )
    came: Came = {}
    for match, column, values in (("address", col(Delivery.author), addresses), ("domain", col(Delivery.author_domain), domains)):
        if not values:
            continue
        kinds = (col(Delivery.proof) != "", col(Delivery.claimed), wanted_senders.was_released())
        rows = select(column, *kinds, func.count()).where(is_among(session, column, values), lately).group_by(column, *kinds)
        for value, is_proven, is_claimed, was_released, count in session.execute(rows):
            entry = came.setdefault((match, value, (bool(is_proven), bool(is_claimed))), [0, 0])
            entry[0] += count
            entry[1] += count if was_released else 0
    return [with_replay(one, came) for one in blocks]


def with_replay(block: Block, came: Came) -> Block:
    """Adds a block's counts: a block of unproven messages stops none that is proven, a block of claims nothing else."""
    kinds = KINDS[-1:] if block.proof == CLAIMED else KINDS[1:] if block.unproven_only else KINDS
    found = [came.get((block.match, block.value, kind), (0, 0)) for kind in kinds]
    return replace(block, stopped=sum(stopped for stopped, _ in found), released=sum(released for _, released in found))


def groups_of(session: Session, where: ColumnElement[bool]) -> list[Group]:
    """Groups deliveries by sender, the most first."""
    proof = proven_as()
    columns = (col(Delivery.author), col(Delivery.author_domain), proof, col(Delivery.claimed))
    rows = session.execute(select(*columns, func.count()).where(where).group_by(*columns).order_by(func.count().desc(), *columns))
    return [Group(author, domain, proven, count, claimed) for author, domain, proven, claimed, count in rows]


def scopes_of(session: Session, selected: Selection, by: Actor) -> list[str]:
    """Scopes of the blocks: the folder that was named, else all that the decider may decide about; no folder closed to them."""
    if by.grants is not None and Grant.RULES not in by.grants:
        return []
    if selected.person == "":
        return []
    if selected.person:
        named = [f"person:{selected.person.casefold()}"]
    else:
        named = [f"department:{selected.department.casefold()}"] if selected.department else by.scope.words()
    closed = confidential_folders.closed_scopes(session, by)
    return [one for one in named if one not in closed and (by.scope.company or one in by.scope.words())]


def orders_of(blocks: Iterable[Block], scopes: Sequence[str], *, settings: Settings, now: datetime) -> list[RuleOrder]:
    """The rules that make these blocks. They hold what they stop for a while, so that undo is whole, and end by themselves."""
    holds = now + timedelta(hours=settings.policy.block_hold_hours)
    return [order_of(one, scope, holds, settings, now) for one in blocks for scope in scopes]


def order_of(block: Block, scope: str, holds_until: datetime, settings: Settings, now: datetime) -> RuleOrder:
    """Builds the order of one block rule."""
    order = RuleOrder("block", block.match, block.value, scope, note=NOTE, holds_until=holds_until)
    if block.match == "campaign":
        return replace(order, lapse_days=CAMPAIGN_DAYS, proof=block.proof, unproven_only=block.unproven_only)
    until = now + timedelta(days=settings.policy.block_days)
    return replace(order, until=until, proof=block.proof, unproven_only=block.unproven_only, unsigned_only=block.unsigned_only)
