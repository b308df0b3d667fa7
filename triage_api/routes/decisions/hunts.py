"""Hunts in mailboxes: counted first, shown once a second person agrees, removed with a decision that can be undone."""

from typing import Any

from fastapi import Response

from triage.delivery.recall.hunt_criteria import Criteria
from triage.quarantine.hunting import hunt_removal, hunts
from triage.store.models.approvals import PendingAct
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.routes.decisions.approvals import answer_accepted
from triage_api.routes.decisions.decisions import ASKED, answer_decision
from triage_api.schemas.decisions import approvals as approval_schemas, hunts as schemas
from triage_api.schemas.decisions.decisions import Decision
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor

router = resource_router("decisions", "/hunts")
ACTING = describe_refusals(401, 403, 404, 409, 422)


@router.post("", status_code=201, response_model=schemas.Hunt, responses=describe_refusals(401, 403, 409, 422))
def begin_hunt(order: schemas.HuntOrder, session: Tx, by: Staff, here: Here) -> schemas.Hunt:
    """Count messages in every mailbox but those of confidential folders. Needs the right `hunt` for the whole company, and a reason.

    Off by default. Auditors get a notice.
    """
    now = utcnow()
    criteria = Criteria.of(order.since, now, **order.model_dump(exclude={"since", "reason"}))
    begun = hunts.begin_hunt(session, criteria, by=by, reason=order.reason, now=now, settings=here.settings)
    wake_after(session, "recall")
    return schemas.Hunt.model_validate(begun)


@router.get("", response_model=schemas.Hunts, responses=describe_refusals(401, 422))
def list_hunts(session: Read, by: Staff, limit: Limit = 50, cursor: Cursor = None) -> schemas.Hunts:
    """Hunts, newest first. For staff with the right `hunt`, and auditors."""
    found = hunts.list_hunts(session, by=by, limit=limit + 1, before=id_of(cursor))
    return schemas.Hunts.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


@router.get("/{hunt_id}", response_model=schemas.Hunt, responses=describe_refusals(401, 404, 422))
def get_hunt(hunt_id: GivenId, session: Read, by: Staff) -> schemas.Hunt:
    """Returns a hunt: its progress and the number of matching messages."""
    return schemas.Hunt.model_validate(hunts.get_hunt(session, hunt_id, by=by))


@router.post("/{hunt_id}/show", status_code=202, response_model=approval_schemas.PendingApproval, responses=ACTING)
def show_hunt(hunt_id: GivenId, order: schemas.HuntReason, session: Tx, by: Staff, here: Here) -> Response:
    """Ask a second person to agree that the messages are shown. Once they agree, the mailboxes with a match are searched again."""
    asked = hunts.ask_to_show(session, hunt_id, by=by, reason=order.reason, now=utcnow(), settings=here.settings)
    wake_after(session)
    return answer_accepted(session, asked, by)


@router.get("/{hunt_id}/messages", response_model=schemas.HuntedMessages, responses=ACTING)
def list_hunted(hunt_id: GivenId, session: Read, by: Staff) -> schemas.HuntedMessages:
    """Lists the messages that a hunt found, for seven days. 409 until a second person agreed."""
    return schemas.HuntedMessages.model_validate({"items": hunts.shown_messages(session, hunt_id, by=by)})


@router.post("/{hunt_id}/preview", response_model=schemas.HuntEvidence, responses=ACTING)
def preview_hunt_removal(hunt_id: GivenId, order: schemas.HuntPreview, session: Read, by: Staff) -> schemas.HuntEvidence:
    """The evidence sheet of a removal. Changes nothing."""
    found = hunt_removal.gather_evidence(session, hunt_id, by=by, known=order.known, chosen=order.messages)
    return schemas.HuntEvidence.model_validate(found)


@router.post("/{hunt_id}/removals", status_code=201, response_model=Decision, responses=ASKED | ACTING | describe_refusals(412))
def remove_hunted(hunt_id: GivenId, order: schemas.HuntRemoval, session: Tx, by: Staff, here: Here) -> Decision | Response:
    """Remove messages that a hunt found from their mailboxes: a decision that can be undone. 202 when a second person must approve it."""
    said: dict[str, Any] = {"reason": order.reason, "fence": order.fence, "known": order.known}
    made = hunt_removal.remove_or_ask(session, hunt_id, order.messages, by=by, now=utcnow(), settings=here.settings, **said)
    if isinstance(made, PendingAct):
        wake_after(session)
        return answer_accepted(session, made, by)
    return answer_decision(session, made, by)


@router.post("/{hunt_id}/close", response_model=schemas.Hunt, responses=ACTING)
def close_hunt(hunt_id: GivenId, session: Tx, by: Staff, here: Here) -> schemas.Hunt:
    """End a hunt and forget what it found. Removals stay."""
    return schemas.Hunt.model_validate(hunts.close_hunt(session, hunt_id, by=by, now=utcnow(), settings=here.settings))
