"""Deliveries: the list, and one with its history."""

from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import Query

from triage.delivery import routes
from triage.quarantine import delivery_history
from triage.quarantine.search import expiry, listing
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Search
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import cursor_of, place_of
from triage_api.schemas.queue import deliveries as schemas

router = resource_router("deliveries")


@router.get("/deliveries", response_model=schemas.Deliveries, responses=describe_refusals(401, 422))
def list_deliveries(wanted: Annotated[schemas.DeliveryQuery, Query()], session: Search, by: Staff) -> schemas.Deliveries:
    """Deliveries in your scope, newest first. `total_estimate` counts up to 100,000.

    A search that has no time to fill the page says how far it looked (`looked_back_to`).
    """
    selected = wanted.selection()
    page = listing.list_deliveries(
        session,
        selected,
        by=by,
        rule_id=wanted.rule_id,
        rule=wanted.rule,
        expiring_by=utcnow() + expiry.SOON if wanted.expiring else None,
        decision_id=wanted.decision,
        limit=wanted.limit,
        after=place_of(wanted.cursor, *listing.place_kinds(selected)),
    )
    found = {"total_estimate": page.total, "total_is_at_least": page.is_at_least, "looked_back_to": page.looked_back_to}
    return schemas.Deliveries.model_validate({"items": page.items, "next_cursor": cursor_of(page.following), **found})


@router.get("/deliveries/{delivery_id}", response_model=schemas.DeliveryDetail, responses=describe_refusals(401, 404, 422))
def get_delivery(delivery_id: GivenId, session: Read, by: Staff, here: Here) -> schemas.DeliveryDetail:
    """Returns a delivery with its history."""
    name = partial(routes.shown_hop, here.settings, by=by)
    found = delivery_history.name_hops(delivery_history.get_delivery(session, delivery_id, by=by), name)
    return schemas.DeliveryDetail.model_validate(
        asdict(found.listed) | {"suggested_act": found.listed.suggested_act, "history": found.history, "attempts_made": found.attempts_made}
    )
