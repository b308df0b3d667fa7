"""Read-only: the queue as rows, deliveries that are decided together."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal, not_, select, true
from sqlmodel import Session, col

from triage.access import confidential_folders
from triage.actor import Actor
from triage.config.alert_types import HARDLY_WANTED
from triage.errors import BadInput
from triage.message.signals.second_look import in_order, reason_names
from triage.message.signals.severity import Severity
from triage.quarantine import assignment
from triage.quarantine.requests.employee_notes import Note
from triage.quarantine.requests.open_requests import REQUESTS
from triage.quarantine.requests.reported_messages import REPORTS
from triage.quarantine.search import confirmations, expiry, legal_hold, undecided
from triage.quarantine.search.folder_totals import by_index, in_piles
from triage.quarantine.search.listing import Listed, list_some, visible_selection
from triage.quarantine.search.selection import CLAIMED, COPIES, UNPROVEN, Selection
from triage.quarantine.teamwork import snoozes
from triage.quarantine.teamwork.snoozes import SnoozedBy
from triage.quarantine.triage_items import cached_items, computed_items, delivered_copies, folder_counts, single_items
from triage.quarantine.triage_items.cached_items import CachedItems, Part, Pile, Piles
from triage.quarantine.triage_items.delivered_copies import NONE_OUT
from triage.quarantine.triage_items.folder_views import View
from triage.quarantine.triage_items.row_order import EVERY_ROW, Place, RowColumns, RowFilter, RowOrder, Snoozes, standing_place
from triage.quarantine.triage_items.single_items import ListQuery
from triage.say import say
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.assignments import Comment
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.queue import assistant_lane, grouping, sections, waiting_targets
from triage.store.queue.grouping import HELD, NEVER, Group, in_states
from triage.store.queue.sections import Section
from triage.store.queue.waiting_targets import Targets

ITEM_IDS = 50  # deliveries of a row that carries the ids of all of them
ANCHOR_EVERY = 200  # rows between two anchors
LOOKED_AT = 500  # deliveries of a row, of which it is read why each needs a second look
WALKED = 100  # rows of a page, about
MOST_URGENT = 1000  # more than any
OF_DELIVERY = RowColumns(
    grouping.severity_column(), grouping.verified_column(), grouping.attachments_column(), grouping.language_column()
)  # where each is a row


@dataclass(frozen=True, slots=True)
class TriageItem:
    """A row of the queue: deliveries that are decided together."""

    key: str
    count: int
    apart: int  # more of the same campaign or sender that prove differently who sent them: other rows
    people: int  # distinct
    departments: int  # distinct
    newest_at: datetime
    weight: int  # the greatest
    severity: Severity  # the worst
    second_look: tuple[str, ...]  # why releasing it has to be confirmed; of a large row that of its lead and its severity
    urgency: int  # the greatest
    section: Section  # of the queue; the rows of one stand together
    time_limited_until: datetime | None  # the soonest that has not passed
    lifetime_assumed: bool  # the message does not say so: it is what is usual
    delivered: int  # to act on: copies in mailboxes, as far as the actor sees them
    opened: int | None  # and how many of these were read or answered; None: no mailbox tells
    expires_at: datetime | None  # the soonest that does, where that is within a day
    target_at: datetime | None  # when the first possibly wanted one has waited as long as its department's target; None: no target
    deliver_at: datetime | None  # when the first of it is delivered unless somebody decides; None: not
    lead: Listed
    ids: tuple[int, ...]  # newest first; of a row of more than ITEM_IDS the lead's alone
    select: Selection  # all of it, whatever its state
    asked: tuple[Note, ...] = ()  # who requested which message, the oldest first
    suspected: tuple[Note, ...] = ()  # who finds which of it unusual, the oldest first
    snoozed: tuple[SnoozedBy, ...] = ()  # who has put all of it off, the soonest end first; of a large row its lead
    comments: int = 0  # of staff, about all its copies


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Page of rows of the queue. `rows` and `deliveries` count all pages, `hidden` the rows that a filter does not show, `snoozed` those
    that the actor has snoozed, with when the first message of these is back, and `position` the rows before this page, where that is known.
    """

    items: tuple[TriageItem, ...]
    following: Place | None
    preceding: Place | None
    position: int | None
    deliveries: int
    rows: int
    hidden: int = 0
    snoozed: int = 0
    back_at: datetime | None = None


class Question(NamedTuple):
    """Deliveries that are listed as rows, and the cached counts of them."""

    where: ColumnElement[bool]
    of_piles: ColumnElement[bool]  # the same where something else than their states finds them
    group: Group
    now: datetime
    kept: CachedItems | None  # None: they are counted now
    order: RowOrder = "priority"
    only: RowFilter = EVERY_ROW
    snoozed: Snoozes | None = None  # None: the actor has snoozed nothing of it
    listed: ColumnElement[bool] = true()  # where each delivery is a row: those that are listed
    back_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Anchors:
    """Places in a list of rows, each with its position."""

    items: tuple[tuple[int, Place], ...]
    rows: int


def list_items(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    now: datetime,
    group: Group = "sender",
    limit: int = 50,
    after: Place | None = None,
    at: Place | None = None,
    before: Place | None = None,
    position: int = 0,
    end: bool = False,
    most_ids: int = ITEM_IDS,
    section: Section | None = None,
    order: RowOrder = "priority",
    only: RowFilter = EVERY_ROW,
    snoozed: bool = False,
) -> ItemPage:
    """Deliveries in the actor's scope as rows: what must be acted on now, then by deadline, then by urgency, then the newest.

    `order`: by risk, by the longest wait or by the sender's address instead, without sections. `only`: which of the rows.
    What proves differently who sent it is never on one row: nobody lets a forgery go along with what it copies.
    `after` is the place of the last row seen: (pressing or NEVER, urgency, newest_at, key); `at` the place of the first one wanted,
    `before` that of the one that follows the last one wanted. `position`: so many rows come before the first one, in a long list about.
    `end`: the last ones of all, instead. `most_ids`: a row of more deliveries carries one id, its lead's. `section`: only its rows, from
    its beginning on where no place is given; what is counted is all of the list. `snoozed`: only rows of what is held that the actor has
    snoozed, which are left out otherwise.
    """
    if section and order != "priority":
        raise BadInput(say("only the order of the queue has sections; leave sort out"), field="section")
    question = asked_for(session, wanted, by, group, now, snoozed=snoozed)._replace(order=order, only=only)
    if position:
        at = place_at(session, question, position)
    elif section and not (after or at or before or end):
        at = beginning_of(section)
    part = Part(limit + 1, after, at, before, end or bool(position and at is None), order, only, question.snoozed)
    piles, sizes, numbers = some_piles(session, question, part)
    if section:
        piles = [pile for pile in piles if sections.section_of(pile.pressing) is section]
    page = piles[-limit:] if part.backwards else piles[:limit]
    items = tuple(laid_out(session, question, page, sizes, most_ids, by=by))
    more, inside = len(piles) > limit, after is not None or at is not None
    preceding = standing_place(order, page[0]) if page and (more if part.backwards else inside) else None
    following = standing_place(order, page[-1]) if page and not part.end and (more or before is not None) else None
    return ItemPage(
        items,
        following,
        preceding,
        page_start(part, position, numbers[0] - len(page)),
        numbers[1],
        numbers[0],
        *numbers[2:],
        question.back_at,
    )


def count_assigned(session: Session, *, by: Actor, group: Group, now: datetime) -> int:
    """Counts the rows of what is assigned to the actor and held, without those they have snoozed."""
    if by.kind != "person" or not assignment.number_for(session, by):
        return 0
    question = asked_for(session, Selection(states=(State.HELD,), assigned_to=by.name), by, group, now)
    return some_piles(session, question, Part(1, snoozed=question.snoozed))[2][0]


def beginning_of(section: Section) -> Place:
    """The place before the first row of a section."""
    return (sections.BEGINNINGS[section], MOST_URGENT, NEVER, "")


def asked_for(session: Session, wanted: Selection, by: Actor, group: Group, now: datetime, *, snoozed: bool = False) -> Question:
    """The question for these deliveries, as far as they are in the actor's scope. `snoozed`: as in `list_items`."""
    of_piles = and_(visible_selection(replace(wanted, states=()), by), in_states(wanted.states) if wanted.states else true())
    question = Question(visible_selection(wanted, by), of_piles, group, now, cached_for(session, wanted, by, group, now))
    queued = wanted.states == (State.HELD,) and wanted.campaign is None
    until = snoozes.snoozed_messages(session, by=by, now=now) if queued else {}
    if not until and not snoozed:
        return question
    which = db.is_among(session, col(Delivery.id), until)
    mine = Snoozes(which, snoozed)
    question = question._replace(snoozed=mine, back_at=min(until.values(), default=None), listed=which if snoozed else not_(which))
    return only_snoozed(session, question, mine) if snoozed else without_snoozed(session, question, mine)


def only_snoozed(session: Session, question: Question, mine: Snoozes) -> Question:
    """The same about nothing but what is snoozed: the rows are counted now, from the few piles that can have any."""
    few = mine.which
    if question.group != "none":
        piles = session.scalars(select(grouping.pile_key(question.group)).where(question.of_piles, mine.which).distinct()).all()
        few = in_piles(session, piles, question.group)
    return question._replace(where=and_(question.of_piles, few), of_piles=and_(question.of_piles, few), kept=None)


def without_snoozed(session: Session, question: Question, mine: Snoozes) -> Question:
    """The same without the cached rows that are snoozed whole."""
    if question.kept is None or question.group == "none":
        return question
    key = grouping.item_key(question.group)
    numbers = session.execute(select(key, func.count()).where(question.of_piles, mine.which).group_by(key))
    return question._replace(kept=cached_items.leave_out_snoozed(session, question.kept, dict(numbers.all())))


def some_piles(session: Session, question: Question, part: Part) -> Piles:
    """A part of the rows."""
    if question.group == "none":
        return one_by_one(session, question, part)
    if question.kept is None:
        return computed_items.compute_page(session, question.where, question.group, question.now, part)
    return read_cached(session, question, question.kept, part)


def laid_out(
    session: Session, question: Question, page: list[Pile], sizes: dict[str, int], most_ids: int, *, by: Actor
) -> Iterator[TriageItem]:
    """The rows of a page with what is shown on them: a lead that is away by now takes its row along."""
    where, group, now = question.where, question.group, question.now
    ids = ids_of(session, where, page, group, most_ids)
    leads = {lead.id: lead for lead in list_some(session, [pile.lead for pile in page], by=by)}
    large = {pile.key: leads[pile.lead] for pile in page if pile.number > ITEM_IDS and pile.lead in leads}
    out = delivered_copies.of_items(session, question.of_piles, to_act_on(page), large, group, by=by)
    ends = first_expiries(session, question.of_piles, page, group, now)
    asleep = snoozes.who_snoozed(session, ids, now)
    wishes = REQUESTS.of_items(session, where, [pile.key for pile in page], group)
    doubts = REPORTS.of_items(session, where, [pile.key for pile in page], group)
    looks = looks_of(session, where, page, group)
    targets = waiting_targets.known_targets(session)
    limits = target_ends(session, where, page, group, targets)
    said = count_comments(session, where, page, ids, group)
    delivered = undecided.deliver_times(session, [one for some in ids.values() for one in some], now)
    for pile in page:
        if lead := leads.get(pile.lead):
            looked = looks.get(pile.key) or by_lead(pile, lead)
            plain = make_item(pile, sizes[pile.pile], lead, ids[pile.key], expires_soon(pile, lead, ends, now), group, looked)
            copies = out.get(pile.key, NONE_OUT)
            reports = sorted({*doubts.get(pile.key, ()), *copies.reports}, key=lambda one: one.id)
            wished = tuple(wishes.get(pile.key, ()))
            yield replace(
                plain,
                asked=wished,
                suspected=tuple(reports),
                delivered=copies.delivered,
                opened=copies.opened,
                target_at=limits.get(pile.key) or end_by_lead(pile, lead, targets),
                deliver_at=min((delivered[one] for one in ids[pile.key] if one in delivered), default=None),
                snoozed=asleep.get(pile.key, ()),
                comments=said.get(pile.key, lead.comments),
            )


def to_act_on(page: list[Pile]) -> dict[str, str]:
    """The keys of the rows that must be acted on now, with their piles."""
    return {pile.key: pile.pile for pile in page if sections.section_of(pile.pressing) is Section.ACT_NOW}


def page_start(part: Part, position: int, all_but_page: int) -> int | None:
    """Counts the rows before a page; None where that is unknown."""
    if part.end:
        return max(0, all_but_page)
    return None if part.after or part.before or (part.at and not position) else position


def cached_for(session: Session, wanted: Selection, by: Actor, group: Group, now: datetime) -> CachedItems | None:
    """Returns the cached rows of a selection; None where it has to be counted: counts are cached for held deliveries, by folder."""
    plain = Selection(proof=wanted.proof, department=wanted.department, states=(State.HELD,))
    if wanted != plain or by.kind not in confidential_folders.PEOPLE:
        return None
    view = View.of(session, by, (wanted.department or "").casefold())
    return cached_items.cached_view(session, view, "sender" if group == "none" else group, now)


def read_cached(session: Session, question: Question, kept: CachedItems, part: Part) -> Piles:
    """Rows from the cached counts, and beside them those of the piles that were touched since."""
    piles = cached_items.cached_page(session, kept, part)
    items, deliveries = cached_items.count_cached(session, kept)
    every = items
    if part.only != EVERY_ROW:
        items, deliveries = cached_items.count_filtered(session, kept, part.only)
    hidden, snoozed = every - items, len(kept.snoozed)
    sizes = cached_items.pile_sizes(session, kept, {pile.pile for pile in piles})
    if kept.touched:
        touched = and_(question.of_piles, in_piles(session, kept.touched, question.group))
        fresh, own, numbers = computed_items.compute_page(session, touched, question.group, question.now, part)
        piles, sizes = part.of(merge_items(session, piles, fresh, part.order)), sizes | own
        items, deliveries, hidden, snoozed = (one + more for one, more in zip((items, deliveries, hidden, snoozed), numbers, strict=True))
    return piles, sizes, (items, deliveries, hidden, snoozed)


def merge_items(session: Session, kept: list[Pile], fresh: list[Pile], order: RowOrder) -> list[Pile]:
    """Merges two lists of rows into the list's order. Where names decide, the database sorts them: its alphabet need not be Python's."""
    ranks = {pile.key: pile.rank(order) for pile in kept + fresh}
    alike = {ranks[pile.key][:-1] for pile in kept} & {ranks[pile.key][:-1] for pile in fresh}
    names = db.in_order(session, {rank[-1] for rank in ranks.values()}) if alike else []
    place = {name: number for number, name in enumerate(names)}
    return sorted(kept + fresh, key=lambda pile: (*ranks[pile.key][:-1], place.get(ranks[pile.key][-1], 0)))


def one_by_one(session: Session, question: Question, part: Part) -> Piles:
    """Each delivery as a row of its own."""
    every, snoozed = numbers_of(session, question)
    piles = single_items.single_page(session, one_by_one_of(question, few=is_few(session, every)), question.now, part)
    matching = and_(question.where, question.listed, part.only.condition(OF_DELIVERY))
    shown = every if part.only == EVERY_ROW else count_where(session, matching)
    return piles, dict.fromkeys((pile.pile for pile in piles), 1), (shown, shown, every - shown, snoozed)


def one_by_one_of(question: Question, *, few: bool) -> ListQuery:
    """The deliveries of a question, each by itself. `few`: it is quicker to sort them all than to walk along an index of what is held.

    Other orders than that of priority are sorted in any case: from what is held, never from all that there ever was.
    """
    matching = and_(question.only.condition(OF_DELIVERY), question.listed)
    where = question.of_piles if few and question.order == "priority" else question.where
    return ListQuery(and_(where, matching), and_(question.of_piles, matching), question.order)


def is_few(session: Session, deliveries: int) -> bool:
    """Whether it is quicker to sort so many than to look for a page of them along the index of all that is held: not for all of these."""
    held = folder_counts.number_held(session)
    return deliveries < held and deliveries**2 < WALKED * held


def place_at(session: Session, question: Question, position: int) -> Place | None:
    """Returns the place of the row at this position; None where there are fewer.

    Of a long list in which each delivery is a row it is about there: as far down as among all that is held.
    """
    where, group, now, kept = question.where, question.group, question.now, question.kept
    order, only = question.order, question.only
    if group != "none" and kept:
        return cached_items.place_at(session, kept, position, order, only)
    if group != "none":
        return computed_items.place_at(session, where, group, now, position, Part(1, order=order, only=only, snoozed=question.snoozed))
    mine, _ = numbers_of(session, question)
    few = is_few(session, mine)
    if few or kept is None or order != "priority" or only != EVERY_ROW:
        return single_items.place_at(session, one_by_one_of(question, few=few), now, position)
    everything = folder_counts.number_held(session)
    begins, place = cached_items.anchor_before(session, cached_items.EVERYTHING, group, position * everything // mine) or (0, None)
    return single_items.place_at(session, one_by_one_of(question, few=False), now, max(0, position - begins * mine // everything), place)


def numbers_of(session: Session, question: Question) -> tuple[int, int]:
    """Counts the deliveries of the question that are listed, each by itself, and those that the actor has snoozed."""
    if question.snoozed is None:
        return number_in_all(session, question), 0
    snoozed = count_where(session, and_(question.of_piles, question.snoozed.which))
    return (snoozed if question.snoozed.shown else number_in_all(session, question) - snoozed), snoozed


def number_in_all(session: Session, question: Question) -> int:
    """The same with those that are snoozed."""
    if question.kept is None:
        return count_where(session, question.where)
    deliveries = cached_items.count_cached(session, question.kept)[1]
    if question.kept.touched:
        touched = and_(question.of_piles, in_piles(session, question.kept.touched, "sender"))
        deliveries += count_where(session, touched)
    return deliveries


def count_where(session: Session, where: ColumnElement[bool]) -> int:
    """Counts deliveries."""
    return session.scalar(select(func.count()).select_from(Delivery).where(where)) or 0


def list_anchors(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    now: datetime,
    group: Group = "sender",
    order: RowOrder = "priority",
    only: RowFilter = EVERY_ROW,
    snoozed: bool = False,
) -> Anchors:
    """Lists anchors for jumping into a long list: where every so many rows begin. Cached ones are some seconds old; those of another order
    or of a filter are counted now."""
    question = asked_for(session, wanted, by, group, now, snoozed=snoozed)
    found = question.kept if order == "priority" and only == EVERY_ROW else None
    if found is not None and group != "none":
        return Anchors(tuple(cached_items.cached_anchors(session, found.view, group)), cached_items.count_cached(session, found)[0])
    if found is not None and (all_of := cached_items.cached_anchors(session, cached_items.EVERYTHING, group)):
        mine, everything = numbers_of(session, question)[0], folder_counts.number_held(session)
        if not is_few(session, mine):
            return Anchors(tuple((position * mine // everything, place) for position, place in all_of), mine)
    part = Part(1, order=order, only=only, snoozed=question.snoozed)
    return Anchors(*computed_items.compute_anchors(session, question.where, group, now, ANCHOR_EVERY, part))


def ids_of(session: Session, where: ColumnElement[bool], piles: list[Pile], group: Group, most: int) -> dict[str, list[int]]:
    """The ids of each of these rows, newest first; of those of more deliveries the lead's alone."""
    key, small = grouping.item_key(group), [pile for pile in piles if 1 < pile.number <= most]
    found = {pile.key: [pile.lead] for pile in piles} | {pile.key: [] for pile in small}
    for some_of in by_index({pile.pile for pile in small}, group):
        these = and_(where, in_piles(session, some_of, group), key.in_([pile.key for pile in small]))
        for name, one in session.execute(select(key, col(Delivery.id)).where(these)):
            found[name].append(one)
    return {name: sorted(ids, reverse=True) for name, ids in found.items()}


def first_expiries(session: Session, where: ColumnElement[bool], piles: list[Pile], group: Group, now: datetime) -> dict[str, datetime]:
    """Returns when the first delivery of each of these rows expires, by the row's key, where that is within a day."""
    terms, several = expiry.known_terms(session), [pile for pile in piles if pile.number > 1]
    if terms is None or not several:
        return {}
    soon, key = expiry.expired_condition(now + expiry.SOON, terms), grouping.item_key(group)
    if session.scalar(select(literal(1)).select_from(Delivery).where(soon).limit(1)) is None:
        return {}
    these = and_(where, soon, not_(legal_hold.marked_condition()), in_piles(session, {pile.pile for pile in several}, group))
    begun = func.min(expiry.time_start(), type_=Instant)
    rows = select(key, begun).outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id)).where(these).group_by(key)
    return {name: first + timedelta(days=terms.days) for name, first in session.execute(rows)}


def target_ends(session: Session, where: ColumnElement[bool], piles: list[Pile], group: Group, targets: Targets) -> dict[str, datetime]:
    """Returns when the first message of each of these rows will have waited as long as it may, by the row's key; none for rows of one
    message and for those of more than LOOKED_AT, which are not read.
    """
    several = [pile for pile in piles if 1 < pile.number <= LOOKED_AT] if targets.has_any else []
    key, found = grouping.item_key(group), defaultdict[str, list[datetime]](list)
    for some_of in by_index({pile.pile for pile in several}, group):
        these = and_(where, HELD, in_piles(session, some_of, group), key.in_([pile.key for pile in several]))
        wanted = and_(these, col(Delivery.urgency) >= HARDLY_WANTED, targets.scope)
        first = func.min(col(Delivery.received_at), type_=Instant)
        place = (col(Delivery.department), targets.owner)
        for name, department, person, came in session.execute(select(key, *place, first).where(wanted).group_by(key, *place)):
            if end := targets.end_of(department, person, came, HARDLY_WANTED):
                found[name].append(end)
    return {name: min(ends) for name, ends in found.items()}


def end_by_lead(pile: Pile, lead: Listed, targets: Targets) -> datetime | None:
    """The same of a row of which only the lead is read: of a large one that of its oldest message, with the folder of its lead."""
    is_apart = assistant_lane.holds(lead.verdict.rule, lead.severity) and lead.person not in targets.people
    if 1 < pile.number <= LOOKED_AT or lead.state != State.HELD or is_apart:
        return None
    return targets.end_of(lead.department, lead.person, pile.oldest, pile.urgency)


def expires_soon(pile: Pile, lead: Listed, ends: dict[str, datetime], now: datetime) -> datetime | None:
    """Returns when the first delivery of a row expires, where that is within a day."""
    if pile.number > 1:
        return ends.get(pile.key)
    return lead.expires_at if lead.expires_at and lead.expires_at <= now + expiry.SOON else None


def looks_of(session: Session, where: ColumnElement[bool], piles: list[Pile], group: Group) -> dict[str, tuple[str, ...]]:
    """Returns why each of these rows needs a second look; none for rows of one delivery and for those of more than LOOKED_AT, which
    are not read.
    """
    key, several = grouping.item_key(group), [pile for pile in piles if 1 < pile.number <= LOOKED_AT]
    found = {pile.key: 0 for pile in several}
    for some_of in by_index({pile.pile for pile in several}, group):
        these = and_(where, in_piles(session, some_of, group), key.in_([pile.key for pile in several]))
        for name, looks in session.execute(select(key, confirmations.due_looks()).where(these)):
            found[name] |= looks
    return {name: reason_names(looks) for name, looks in found.items() if looks}


def count_comments(
    session: Session, where: ColumnElement[bool], piles: list[Pile], ids: dict[str, list[int]], group: Group
) -> dict[str, int]:
    """Counts the comments about each of these rows that has several messages; of a large one the few comments are gone through."""
    small = {one: pile.key for pile in piles if 1 < pile.number == len(ids[pile.key]) for one in ids[pile.key]}
    large = [pile.key for pile in piles if pile.number > len(ids[pile.key])]
    found = dict.fromkeys([*small.values(), *large], 0)
    if small:
        about = select(col(Comment.delivery_id)).where(db.is_among(session, col(Comment.delivery_id), list(small)))
        for one in session.scalars(about):
            found[small[one]] += 1
    if large:
        key, copy = grouping.item_key(group), col(Delivery.id) == col(Comment.delivery_id)
        name_of = select(key).where(copy).correlate(Comment).scalar_subquery()
        shown = select(literal(1)).select_from(Delivery).where(copy, where, key.in_(large)).correlate(Comment).exists()
        for name in session.scalars(select(name_of).select_from(Comment).where(shown)):
            found[name] += 1
    return found


def by_lead(pile: Pile, lead: Listed) -> tuple[str, ...]:
    """The same of a row of which only the lead is read: its own reasons, and of a large row its severity."""
    if pile.number <= LOOKED_AT:
        return lead.second_look if pile.number == 1 else ()
    worst = Severity(pile.severity)
    return tuple(in_order({*lead.second_look, *([worst.word] if worst >= Severity.SUSPICIOUS else [])}))


def make_item(
    pile: Pile, size: int, lead: Listed, ids: list[int], expires_at: datetime | None, group: Group, looks: tuple[str, ...]
) -> TriageItem:
    """A row as a value."""
    section = sections.section_of(pile.pressing)
    deadline, assumed = deadline_of(pile, lead) if section is not Section.TIME_LIMITED else sections.deadline_of(pile.pressing)
    return TriageItem(
        key=pile.key,
        count=pile.number,
        apart=size - pile.number,
        people=pile.people,
        departments=pile.departments,
        newest_at=pile.newest,
        weight=pile.weight,
        severity=Severity(pile.severity),
        second_look=looks,
        urgency=pile.urgency,
        section=section,
        time_limited_until=deadline,
        lifetime_assumed=assumed,
        delivered=0,
        opened=None,
        expires_at=expires_at,
        target_at=None,
        deliver_at=None,
        lead=lead,
        ids=tuple(ids),
        select=item_members(lead, group),
    )


def deadline_of(pile: Pile, lead: Listed) -> tuple[datetime | None, bool]:
    """Returns until when a row outside the time-limited ones is useful, and whether that is only assumed."""
    return None if pile.time_limited_until == NEVER else pile.time_limited_until, lead.lifetime_assumed


def item_members(lead: Listed, group: Group) -> Selection:
    """All that is on the row of this delivery."""
    if group == "campaign" and lead.campaign is not None:
        return Selection(campaign=lead.campaign, proof=UNPROVEN if lead.flood else COPIES if lead.is_copy else lead.proven_as or UNPROVEN)
    proof = CLAIMED if lead.claimed else lead.proven_as or UNPROVEN
    return Selection(sender=lead.author, proof=proof) if group != "none" and lead.author else Selection(ids=(lead.id,))
