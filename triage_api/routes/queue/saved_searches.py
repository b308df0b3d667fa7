"""Searches kept by a name: list, keep, remove."""

from typing import Annotated

from fastapi import Query

from triage.quarantine.search import saved_searches
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import GivenId
from triage_api.schemas.queue import saved_searches as schemas

router = resource_router("searches", "/searches")

Counts = Annotated[bool, Query(description="Count the waiting messages of each, up to 1,000.")]


@router.get("", response_model=schemas.SavedSearches, responses=describe_refusals(401, 422))
def list_searches(session: Read, by: Staff, counts: Counts = False) -> schemas.SavedSearches:
    """Your own saved searches and those shared with you, by name."""
    return schemas.SavedSearches.model_validate({"items": saved_searches.list_searches(session, by=by, counts=counts)})


@router.post("", status_code=201, response_model=schemas.SavedSearch, responses=describe_refusals(401, 403, 422))
def save_search(order: schemas.SavedSearchOrder, session: Tx, by: Staff) -> schemas.SavedSearch:
    """Save a search under a name; it replaces one of yours with the same name. Each person sees results in their own scope."""
    kept = saved_searches.save_search(session, saved_searches.Wish(**order.model_dump()), by=by, now=utcnow())
    wake_after(session)
    return schemas.SavedSearch.model_validate(kept)


@router.delete("/{search_id}", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def remove_search(search_id: GivenId, session: Tx, by: Staff) -> None:
    """Remove a saved search."""
    saved_searches.remove_search(session, search_id, by=by)
    wake_after(session)
