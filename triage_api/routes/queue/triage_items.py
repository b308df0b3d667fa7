"""The queue as rows: deliveries that are decided together."""

from datetime import datetime
from typing import Annotated

from fastapi import Query

from triage.quarantine.triage_items import item_list, row_facets
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.pagination import cursor_of, place_of
from triage_api.schemas.queue import triage_items as schemas

router = resource_router("triage")


@router.get("/triage", response_model=schemas.TriageItems, responses=describe_refusals(401, 422))
def list_triage(wanted: Annotated[schemas.TriageQuery, Query()], session: Read, by: Staff) -> schemas.TriageItems:
    """Rows of the queue in your scope: urgent ones, time-limited ones (the soonest first), then by priority and age."""
    after, at, before = (place_of(cursor, datetime, int, datetime, str) for cursor in (wanted.cursor, wanted.at, wanted.before))
    page = item_list.list_items(
        session,
        wanted.selection(),
        by=by,
        now=utcnow(),
        group=wanted.group,
        limit=wanted.limit,
        after=after,
        at=at,
        before=before,
        position=wanted.position,
        end=wanted.end,
        most_ids=wanted.ids,
        section=wanted.section,
        order=wanted.sort,
        only=wanted.only(),
        snoozed=wanted.snoozed,
    )
    facets = None
    if wanted.facets:
        facets = row_facets.list_facets(
            session, wanted.selection(), by=by, now=utcnow(), group=wanted.group, only=wanted.only(), snoozed=wanted.snoozed
        )
    return schemas.TriageItems.model_validate(
        {
            "items": page.items,
            "next_cursor": cursor_of(page.following),
            "previous_cursor": cursor_of(page.preceding),
            "position": page.position,
            "total_deliveries": page.deliveries,
            "total_items": page.rows,
            "hidden_items": page.hidden,
            "snoozed_items": page.snoozed,
            "snoozed_until": page.back_at,
            "facets": facets,
        }
    )


@router.get("/triage/anchors", response_model=schemas.Anchors, responses=describe_refusals(401, 422))
def list_anchors(wanted: Annotated[schemas.TriageFilter, Query()], session: Read, by: Staff) -> schemas.Anchors:
    """Lists every 200th place of the same list, so that a long list can be entered anywhere: pass one as `at` of `/triage`."""
    found = item_list.list_anchors(
        session,
        wanted.selection(),
        by=by,
        now=utcnow(),
        group=wanted.group,
        order=wanted.sort,
        only=wanted.only(),
        snoozed=wanted.snoozed,
    )
    items = [{"position": position, "at": cursor_of(place)} for position, place in found.items]
    return schemas.Anchors.model_validate({"items": items, "total_items": found.rows})
