"""Routes of the directory: folders in scope, distribution lists, and recipients for a redirect."""

from triage.directory import address_changes, sync_state
from triage.quarantine import folders, recipients_view
from triage.store.queue.grouping import Group
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.access import people as schemas
from triage_api.schemas.fields import Word
from triage_api.schemas.pagination import Cursor, Limit, next_cursor, place_of

router = resource_router("people")


@router.get("/departments", response_model=schemas.Folders, responses=describe_refusals(401, 422))
def list_departments(session: Read, by: Staff, group: Group = "sender") -> schemas.Folders:
    """Departments and people in your scope, each with the number of its held messages and of its rows in the queue."""
    return schemas.Folders.model_validate(folders.list_folders(session, by=by, group=group, now=utcnow()))


@router.get("/directory", response_model=schemas.DirectoryState, responses=describe_refusals(401))
def get_directory(session: Read, by: Staff) -> schemas.DirectoryState:
    """State of the directory and of its last sync. Readers of the audit log also see the latest changes."""
    return schemas.DirectoryState.model_validate(sync_state.get_sync_state(session, by=by))


@router.post("/directory/address-changes", response_model=schemas.AddressChanges, responses=describe_refusals(401, 403, 404, 422))
def answer_address_changes(order: schemas.AddressAnswer, session: Tx, by: Staff) -> schemas.AddressChanges:
    """Approve or decline new owners of addresses. The next sync carries out the approved changes.

    Nobody approves an address for themselves.
    """
    rows = address_changes.answer_changes(session, order.addresses, approve=order.approve, by=by, now=utcnow())
    wake_after(session)
    return schemas.AddressChanges.model_validate({"items": rows})


@router.get("/people", response_model=schemas.People, responses=describe_refusals(401, 422))
def list_people(session: Read, by: Staff, q: Word = "", limit: Limit = 50, cursor: Cursor = None) -> schemas.People:
    """Lists the people of the company whose name, department or mailbox matches, by name; mailboxes inside your scope only."""
    found = folders.list_people(session, q, by=by, limit=limit + 1, after=place_of(cursor, str, str))
    return schemas.People.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit, folders.place_of)})


@router.get("/recipients", response_model=schemas.Recipients, responses=describe_refusals(401, 422))
def list_recipients(session: Read, by: Staff, q: Word = "") -> schemas.Recipients:
    """Lists possible recipients of a redirect by name or address: people, then departments with a mailbox and distribution lists, at
    most 50 each."""
    people = [
        schemas.Recipient(kind="person", to=f"person:{one.uid}", name=one.name, place=one.department_name, mailbox=one.mailbox)
        for one in folders.list_people(session, q, by=by)
    ]
    boxes = [
        schemas.Recipient(kind=one.kind, to=one.to, name=one.name, place=one.kind, mailbox=one.mailbox)  # type: ignore[arg-type]
        for one in recipients_view.list_boxes(session, q, by=by)
    ]
    return schemas.Recipients(items=people + boxes)


@router.get("/distribution-lists", response_model=schemas.DistributionLists, responses=describe_refusals(401, 422))
def list_distribution_lists(
    session: Read, by: Staff, here: Here, q: Word = "", limit: Limit = 50, cursor: Cursor = None
) -> schemas.DistributionLists:
    """The company's distribution lists by address; inside your scope with their members as the directory has them now."""
    (after,) = place_of(cursor, str) or ("",)
    found = recipients_view.list_groups(session, here.settings.company, q, by=by, limit=limit + 1, after=after)
    return schemas.DistributionLists.model_validate(
        {"items": found[:limit], "next_cursor": next_cursor(found, limit, lambda one: (one.address,))}
    )
