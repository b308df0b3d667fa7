"""The start list: what it offers, the act that allows a category, its undo, and the import of another list."""

from typing import Any

from fastapi import Response

from triage.policy.start_list import current_list
from triage.policy.start_list.list_file import CATEGORIES, SENDS
from triage.quarantine.start_list import allow_category as allowing
from triage.quarantine.start_list.allow_category import CategoryPlan, Offer, Standing
from triage.say import say
from triage.store.models.approvals import PendingAct
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.routes.decisions.approvals import answer_accepted
from triage_api.routes.policy.rules import ASKED
from triage_api.schemas.fields import GivenId, Word
from triage_api.schemas.policy import start_list as schemas

router = resource_router("rules", "/start-list")
COUNTED = {"offered": Standing.OFFERED, "allowed": Standing.ALLOWED, "unseen": Standing.UNSEEN, "platforms": Standing.PLATFORM}


@router.get("", response_model=schemas.StartList, responses=describe_refusals(401, 403))
def get_start_list(session: Read, by: Staff, here: Here) -> schemas.StartList:
    """The start list in force: its categories, each with what its act would allow now, and the latest acts. Needs a company-wide scope.

    Nobody is allowed by the list itself: only domains are offered of which this company saw messages that DMARC proves.
    """
    planned = allowing.plan_categories(session, by=by, now=utcnow(), settings=here.settings)
    current = current_list.list_in_force(session)
    return schemas.StartList.model_validate(
        {
            "version": current.list.version,
            "senders": len(current.list.senders),
            "imported_at": current.imported_at,
            "imported_by_name": current.by_shown,
            "categories": [show_category(one) for one in planned.values()],
            "acts": allowing.list_acts(session, by=by),
        }
    )


@router.get("/{category}", response_model=schemas.StartListPlan, responses=describe_refusals(401, 403, 404))
def get_start_list_category(category: Word, session: Read, by: Staff, here: Here) -> schemas.StartListPlan:
    """Each sender of a category, and whether its act allows it now. `POST` to the same path with its `fence` does exactly this."""
    planned = allowing.plan_category(session, category, by=by, now=utcnow(), settings=here.settings)
    return schemas.StartListPlan.model_validate(show_category(planned) | {"items": [show_offer(one) for one in planned.offers]})


@router.post("/import", response_model=schemas.StartListImport, responses=describe_refusals(401, 403, 422))
def import_start_list(order: schemas.StartListText, session: Tx, by: Staff, here: Here) -> schemas.StartListImport:
    """Replace the start list, or nothing: 422 names what is wrong in which line (`lines`). Allows nobody, and changes no rule.

    Administrators of the whole company only. Its first line has a later day than the list in force.
    """
    if order.dry_run:
        planned = current_list.plan_import(session, order.text, by=by, settings=here.settings)
    else:
        planned = current_list.import_list(session, order.text, by=by, now=utcnow(), settings=here.settings)
        wake_after(session)
    return schemas.StartListImport.model_validate(planned)


@router.post("/acts/{act_id}/undo", response_model=schemas.StartListAct, responses=describe_refusals(401, 403, 404))
def undo_start_list_act(act_id: GivenId, session: Tx, by: Staff) -> schemas.StartListAct:
    """Take the rules of an act out of force, all together. What they accepted stays delivered. A second undo changes nothing."""
    undone = allowing.undo_act(session, act_id, by=by, now=utcnow())
    wake_after(session, "door")
    return schemas.StartListAct.model_validate(undone)


@router.post(
    "/{category}", status_code=201, response_model=schemas.StartListAct, responses=ASKED | describe_refusals(401, 403, 404, 409, 412, 422)
)
def allow_start_list_category(
    category: Word, order: schemas.CategoryOrder, session: Tx, by: Staff, here: Here
) -> schemas.StartListAct | Response:
    """Allow the offered domains of a category for the whole company, each with DMARC, in one act; 202 when a second person must approve it.

    412 when they are no longer those of the preview, 409 when none is offered. Never a platform, nor a domain that was not seen here.
    """
    made = allowing.allow_category(session, category, order.fence, by=by, now=utcnow(), settings=here.settings)
    if isinstance(made, PendingAct):
        wake_after(session)
        return answer_accepted(session, made, by)
    wake_after(session, "door")
    return schemas.StartListAct.model_validate(made)


def show_category(planned: CategoryPlan) -> dict[str, Any]:
    """A category with its counts."""
    standings = [one.standing for one in planned.offers]
    counts = {name: standings.count(standing) for name, standing in COUNTED.items()}
    return {
        "name": planned.category,
        "title": say(CATEGORIES[planned.category]),
        "version": planned.version,
        "sentence": planned.sentence,
        "fence": planned.fence,
        "refused": len(standings) - sum(counts.values()),
    } | counts


def show_offer(one: Offer) -> dict[str, Any]:
    """A domain with what the list says of its sender."""
    return {
        "domain": one.domain,
        "listed": one.listed.domain,
        "sends": [say(SENDS[name]) for name in one.listed.sends],
        "dkim": one.listed.dkim,
        "sources": one.listed.sources,
        "standing": one.standing.value,
        "why": one.why,
        "messages": one.messages,
        "time_limited": one.time_limited,
        "would_pass": one.would_pass,
        "people": one.people,
    }
