"""Read-only: what is already out of the rows that must be acted on now: copies in mailboxes, how many were opened, and reports of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.quarantine.requests import reported_messages
from triage.quarantine.requests.employee_notes import Note
from triage.quarantine.search.folder_totals import by_index, campaigns_among, in_piles
from triage.quarantine.search.listing import Listed
from triage.quarantine.search.selection_summary import was_answered, was_read
from triage.store.db import is_among
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping
from triage.store.queue.grouping import Group
from triage.store.queue.sections import is_out


@dataclass(frozen=True, slots=True)
class Out:
    """Copies of a row's messages that are already in mailboxes, and reports of them, as far as the actor may see them."""

    delivered: int = 0
    opened: int | None = None  # read when a copy was taken out before, or answered since; None: no mailbox tells
    reports: tuple[Note, ...] = ()  # of messages on the same row of campaigns, wherever they are


NONE_OUT = Out()


def of_items(
    session: Session, where: ColumnElement[bool], items: Mapping[str, str], large: Mapping[str, Listed], group: Group, *, by: Actor
) -> dict[str, Out]:
    """The same of each of these rows, which are given with their piles. Of `large` ones of a sender, given with their newest message too,
    it is that of the campaign of the newest."""
    if not items:
        return {}
    small = items if group == "campaign" else {key: pile for key, pile in items.items() if key not in large}
    rows = rows_of(session, where, small, group)
    rows += [row_of(key, lead) for key, lead in large.items() if key in items and key not in small and lead.campaign is not None]
    copies = count_delivered(session, {campaign for _, campaign, is_copy, _ in rows if is_copy}, by=by)
    reports = reported_messages.of_rows(session, {row for *_, row in rows}, access.visible_deliveries(by))
    found = {}
    for key in items:
        mine = [one for one in rows if one[0] == key]
        numbers = [copies[campaign] for campaign in {campaign for _, campaign, is_copy, _ in mine if is_copy} if campaign in copies]
        opened = sum(opened for _, opened in numbers)
        told = [report for row in {row for *_, row in mine} for report in reports.get(row, ())]
        found[key] = Out(sum(delivered for delivered, _ in numbers), opened or None, tuple(told))
    return found


def rows_of(session: Session, where: ColumnElement[bool], items: Mapping[str, str], group: Group) -> list[tuple[str, int, bool, str]]:
    """Returns for each row the campaigns of its deliveries, whether as copies, and the keys of their rows among campaigns."""
    if group == "campaign":  # a row says so itself: of a wave nobody goes through all copies
        of_campaigns = campaigns_among(set(items.values()), group)
        copies = f" {grouping.COPIES}"
        return [(name, int(pile), name.endswith(copies), name) for name, pile in items.items() if pile in of_campaigns]
    key, row = grouping.item_key(group), grouping.item_key("campaign")
    found = []
    for piles in by_index(set(items.values()), group):
        these = and_(where, in_piles(session, piles, group), key.in_(list(items)), col(Delivery.campaign_id).is_not(None))
        columns = select(key, col(Delivery.campaign_id), col(Delivery.is_copy), row)
        found += [(name, campaign, bool(is_copy), of) for name, campaign, is_copy, of in session.execute(columns.where(these).distinct())]
    return found


def row_of(key: str, lead: Listed) -> tuple[str, int, bool, str]:
    """The same of one message."""
    apart = "" if lead.flood else grouping.COPIES if lead.is_copy else lead.proven_as
    return key, lead.campaign or 0, lead.is_copy, f"{lead.campaign} {apart}".rstrip()


def count_delivered(session: Session, campaigns: set[int], *, by: Actor) -> dict[int, tuple[int, int]]:
    """Counts copies of each campaign in mailboxes of the actor's scope, and how many of these were opened."""
    these = and_(is_among(session, col(Delivery.campaign_id), campaigns), is_out(Delivery), access.visible_deliveries(by))
    opened = func.count().filter(or_(was_read(), was_answered()))
    rows = session.execute(select(col(Delivery.campaign_id), func.count(), opened).where(these).group_by(col(Delivery.campaign_id)))
    return {campaign: (delivered, read) for campaign, delivered, read in rows}
