"""Several people at one queue: who is there, the next free row for each, messages assigned to a colleague, comments, and snoozed rows."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Query
from sqlmodel import Session

from triage.actor import Actor
from triage.ids import format_id
from triage.quarantine import assignment, next_free_row, presence
from triage.quarantine.teamwork import comments, snoozes
from triage.quarantine.teamwork.comments import Discussion
from triage.store import db, ledger
from triage.times import utcnow
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.routes.messages.messages import Reason
from triage_api.schemas.fields import GivenId
from triage_api.schemas.queue import colleagues as schemas

router = resource_router("colleagues")


@router.put("/presence", response_model=schemas.Presence, responses=describe_refusals(401, 403, 422))
def keep_presence(order: schemas.PresenceOrder, here: Here, by: Staff) -> schemas.Presence:
    """Report your presence and the message that you look at, every five seconds; every minute while you look at none.

    The answer names your colleagues. It locks nothing.
    """
    now = utcnow()
    db.try_transaction(here.engine, lambda session: presence.look_at(session, order.delivery, by=by, now=now))
    with db.read_transaction(here.engine) as session:
        there = presence.list_others(session, by=by, now=now)
        return schemas.Presence.model_validate({"colleagues": there, "assigned": assignment.number_for(session, by)})


@router.delete("/presence", status_code=204, responses=describe_refusals(401))
def end_presence(session: Tx, by: Staff) -> None:
    """End your presence in the queue."""
    presence.leave_console(session, by=by)


@router.post("/presence/next", response_model=schemas.NextItem, responses=describe_refusals(401, 403, 422))
def take_next(order: schemas.NextOrder, session: Tx, by: Staff) -> schemas.NextItem:
    """Reserve the next row that no colleague looks at. Two callers at the same time get different rows."""
    item = next_free_row.next_free(
        session,
        order.selection(),
        by=by,
        now=utcnow(),
        group=order.group,
        skip=order.skip,
        order=order.sort,
        only=order.only(),
    )
    return schemas.NextItem.model_validate({"item": item})


@router.get("/colleagues", response_model=schemas.Candidates, responses=describe_refusals(401))
def list_colleagues(session: Read, by: Staff) -> schemas.Candidates:
    """Colleagues to whom messages can be assigned."""
    return schemas.Candidates.model_validate({"items": assignment.list_candidates(session, by=by, now=utcnow())})


@router.get("/deliveries/{delivery_id}/comments", response_model=schemas.Comments, responses=describe_refusals(401, 404, 422))
def list_comments(delivery_id: GivenId, here: Here, by: Staff, reason: Reason) -> schemas.Comments:
    """Comments of staff about a message, oldest first: about each of its copies that you may read; the newest 200.

    The texts about a confidential copy need a reason, which the audit log keeps.
    """
    return show_comments(here, lambda session: comments.list_comments(session, delivery_id, by=by, reason=reason), by, reason)


@router.get("/comments", response_model=schemas.Comments, responses=describe_refusals(401, 422))
def list_selected_comments(wanted: Annotated[schemas.CommentQuery, Query()], here: Here, by: Staff, reason: Reason) -> schemas.Comments:
    """Comments of staff about all messages of a row, oldest first, each with whose copy it is about; the newest 200.

    The texts about a confidential copy need a reason, which the audit log keeps.
    """
    selected = wanted.selection()
    return show_comments(here, lambda session: comments.list_selected_comments(session, selected, by=by, reason=reason), by, reason)


def show_comments(here: Office, read: Callable[[Session], Discussion], by: Actor, reason: str) -> schemas.Comments:
    """Reads comments; that confidential ones are opened goes in the audit log before they leave."""
    with db.read_transaction(here.engine) as session:
        found = read(session)
    if found.opened:
        acts = [("open", f"message:{format_id(one)}", {"reason": reason}) for one in found.opened]
        with db.transaction(here.engine) as session:
            ledger.write_all(session, acts, by=by, now=utcnow())
        here.wake(["change"])
    return schemas.Comments.model_validate({"items": found.items})


@router.post(
    "/deliveries/{delivery_id}/comments",
    status_code=201,
    response_model=schemas.Comment,
    responses=describe_refusals(401, 403, 404, 409, 410, 422),
)
def add_comment(delivery_id: GivenId, order: schemas.CommentOrder, session: Tx, by: Staff) -> schemas.Comment:
    """Comment on a message, without assigning it. Staff who may read this copy see the comment; it is erased with the message.

    The audit log records who commented, not the text.
    """
    comment = comments.add_comment(session, delivery_id, order.text, by=by, now=utcnow())
    wake_after(session)
    return schemas.Comment.model_validate(comment)


@router.post("/assignments", response_model=schemas.AssignedCount, responses=describe_refusals(401, 403, 404, 422))
def assign_messages(order: schemas.AssignOrder, session: Tx, by: Staff) -> schemas.AssignedCount:
    """Assign held messages to a colleague with a note, or take them back (`to` empty). Anybody in scope may still decide."""
    selected, now = order.select.selection(), utcnow()
    if order.to:
        count = assignment.assign_messages(session, selected, order.to, order.note, by=by, now=now)
    else:
        count = assignment.take_back(session, selected, by=by, now=now)
    wake_after(session)
    return schemas.AssignedCount(count=count)


@router.post("/snoozes", response_model=schemas.SnoozedCount, responses=describe_refusals(401, 403, 404, 409, 422))
def snooze_messages(order: schemas.SnoozeOrder, session: Tx, here: Here, by: Staff) -> schemas.SnoozedCount:
    """Snooze held messages until a time, or bring them back (`until` null). Others still see them, with who snoozed them until when.

    A row is back in your queue at that time, when another message joins it, and when you sign out or are away. Time-limited messages
    cannot be snoozed, and none past the target of its department, its expiry or the end of your session.
    """
    selected, now = order.select.selection(), utcnow()
    if order.until is None:
        count = snoozes.wake_messages(session, selected, by=by, now=now)
    else:
        count = snoozes.snooze_messages(session, selected, order.until, by=by, settings=here.settings, now=now)
    wake_after(session)
    return schemas.SnoozedCount(count=count)
