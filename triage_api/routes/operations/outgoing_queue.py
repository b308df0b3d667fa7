"""Routes of the outgoing queue: what waits for which next hop; retry, hold, give up."""

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import queue_admin, routes
from triage.quarantine import delivery_history
from triage.quarantine.decisions.decide import decide_messages
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing
from triage.quarantine.search.selection import MOST_IDS, Selection
from triage.store.models.deliveries import Delivery
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import GivenId, Text
from triage_api.schemas.operations import outgoing_queue as schemas
from triage_api.schemas.pagination import Cursor, Limit, cursor_of, next_cursor, place_of
from triage_api.schemas.queue import deliveries

router = resource_router("outgoing")


@router.get("/outgoing", response_model=schemas.Outgoing, responses=describe_refusals(401, 422))
def list_outgoing(session: Read, by: Staff, here: Here, limit: Limit = 200, cursor: Cursor = None) -> schemas.Outgoing:
    """Deliveries that wait, are under way or were refused by a next hop, the newest first, and the state of each next hop."""
    settings = here.settings
    page = listing.list_queue(session, by=by, limit=limit, after=place_of(cursor, datetime, int))
    items = page.items
    listed = [
        schemas.OutgoingDelivery(**deliveries.Delivery.model_validate(one).model_dump(), next_hop=find_way(one, settings, by))
        for one in items
    ]
    standings = [
        replace(one, next_hop=routes.shown_hop(settings, one.next_hop, by=by))
        for one in queue_admin.list_standings(session, by=by, settings=settings)
    ]
    return schemas.Outgoing.model_validate({"items": listed, "next_cursor": cursor_of(page.following), "next_hops": standings})


def find_way(one: listing.Listed, settings: Settings, by: Actor) -> str:
    """Finds the next hop of a delivery in a staff member's scope, under the name that they may see."""
    return routes.shown_hop(settings, routes.next_hop_of(settings, department=one.department, mailbox=one.mailbox, direction="in"), by=by)


@router.post(
    "/outgoing/{delivery_id}/retry",
    status_code=202,
    response_model=deliveries.Delivery,
    responses=describe_refusals(401, 403, 404, 409, 422),
)
def retry_delivery(delivery_id: GivenId, session: Tx, by: Staff, here: Here) -> deliveries.Delivery:
    """Retry a waiting or bounced delivery now."""
    queue_admin.retry_deliveries(session, [delivery_id], settings=here.settings, by=by, now=utcnow())
    return announce_change(session, delivery_id, by)


@router.post(
    "/outgoing/{delivery_id}/give-up",
    status_code=202,
    response_model=deliveries.Delivery,
    responses=describe_refusals(401, 403, 404, 409, 422),
)
def give_up_delivery(delivery_id: GivenId, session: Tx, by: Staff, here: Here) -> deliveries.Delivery:
    """Give up a waiting delivery: it bounces, and can be retried later."""
    queue_admin.give_up(session, [delivery_id], settings=here.settings, by=by, now=utcnow())
    return announce_change(session, delivery_id, by)


@router.post(
    "/outgoing/{delivery_id}/hold",
    status_code=202,
    response_model=deliveries.Delivery,
    responses=describe_refusals(401, 403, 404, 409, 422),
)
def hold_delivery(delivery_id: GivenId, session: Tx, by: Staff, here: Here) -> deliveries.Delivery:
    """Return a waiting delivery to its folder: a decision that can be undone."""
    hold_deliveries(session, (delivery_id,), by, here.settings)
    return announce_change(session, delivery_id, by)


@router.get("/outgoing/unsent", response_model=schemas.UnsentPage, responses=describe_refusals(401, 422))
def list_unsent(session: Read, by: Staff, here: Here, next_hop: Text = "", limit: Limit = 50, cursor: Cursor = None) -> schemas.UnsentPage:
    """Deliveries that wait, are under way or were refused, those due first. Administrators see every kind, also employees' messages."""
    only = routes.find_destination(here.settings, next_hop, by=by) if next_hop else None
    place = place_of(cursor, int, int)
    found = queue_admin.list_outgoing(session, by=by, only=only, limit=limit + 1, after=(place[0], place[1]) if place else None)
    items = [schemas.Unsent.model_validate(one.model_dump() | {"next_hop": way_of(one, here.settings, by)}) for one in found[:limit]]
    return schemas.UnsentPage(items=items, next_cursor=next_cursor(found, limit, queue_admin.place_of))


def way_of(one: Delivery, settings: Settings, by: Actor) -> str:
    """Finds the next hop of a delivery of any direction, under the name that the actor may see."""
    hop = routes.next_hop_of(settings, department=one.department, mailbox=one.mailbox, direction=one.direction)
    return routes.shown_hop(settings, hop, by=by)


@router.post("/outgoing/retry", status_code=202, response_model=schemas.Count, responses=describe_refusals(401, 403, 404, 409, 422))
def retry_all(order: schemas.NextHopOrder, session: Tx, by: Staff, here: Here) -> schemas.Count:
    """Retry these deliveries, or all for a next hop, now."""
    if order.ids:
        count = queue_admin.retry_deliveries(session, order.ids, settings=here.settings, by=by, now=utcnow())
    else:
        count = queue_admin.retry_all(session, routes.find_destination(here.settings, order.next_hop, by=by), by=by, now=utcnow())
    wake_after(session, "relay")
    return schemas.Count(count=count)


@router.post("/outgoing/give-up", status_code=202, response_model=schemas.Count, responses=describe_refusals(401, 403, 404, 409, 422))
def give_up_all(order: schemas.NextHopOrder, session: Tx, by: Staff, here: Here) -> schemas.Count:
    """Give up these deliveries, or all for a next hop."""
    if order.ids:
        count = queue_admin.give_up(session, order.ids, settings=here.settings, by=by, now=utcnow())
    else:
        destination = routes.find_destination(here.settings, order.next_hop, by=by)
        count = queue_admin.give_up_all(session, destination, settings=here.settings, by=by, now=utcnow())
    wake_after(session, "relay")
    return schemas.Count(count=count)


@router.post("/outgoing/hold", status_code=202, response_model=schemas.Count, responses=describe_refusals(401, 403, 404, 409, 422))
def hold_all(order: schemas.HoldOrder, session: Tx, by: Staff, here: Here) -> schemas.Count:
    """Return these deliveries, or all for a next hop, to their folders, at most 5,000 at once: a decision that can be undone."""
    ids = tuple(order.ids)
    if not ids:
        ids = tuple(queue_admin.waiting_for(session, routes.find_destination(here.settings, order.next_hop, by=by), by=by, limit=MOST_IDS))
    count = hold_deliveries(session, ids, by, here.settings, order.reason) if ids else 0
    wake_after(session, "relay")
    return schemas.Count(count=count)


def hold_deliveries(session: Session, ids: tuple[int, ...], by: Actor, settings: Settings, reason: str = "") -> int:
    """Holds deliveries by one decision; returns how many are held now."""
    return decide_messages(session, DecisionRequest(Selection.of(ids=ids), Verb.HOLD, reason), by=by, now=utcnow(), settings=settings).done


def announce_change(session: Session, delivery_id: int, by: Actor) -> deliveries.Delivery:
    """The relay and the browsers hear of it after the commit; the delivery as it is now."""
    wake_after(session, "relay")
    return deliveries.Delivery.model_validate(delivery_history.get_delivery(session, delivery_id, by=by).listed)
