"""Routes of notes to the next shift: read, write, dismiss, mark as done."""

from typing import Annotated

from fastapi import Query

from triage.errors import BadInput
from triage.quarantine.teamwork import shift_notes
from triage.say import say
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import GivenId
from triage_api.schemas.queue import shift_notes as schemas

router = resource_router("colleagues", "/shift-notes")
Open = Annotated[bool, Query(alias="open", description="only those of others that are neither done nor dismissed by you")]


@router.get("", response_model=schemas.Notes, responses=describe_refusals(401, 422))
def list_notes(session: Read, by: Staff, is_open: Open = False) -> schemas.Notes:
    """Notes to the next shift, newest first; the newest 50 whose folders you all see. Erased after `retention.purged_days`."""
    return schemas.Notes.model_validate({"items": shift_notes.list_notes(session, by=by, is_open=is_open)})


@router.get("/scopes", response_model=schemas.NoteScopes, responses=describe_refusals(401, 403))
def list_note_scopes(session: Read, by: Staff) -> schemas.NoteScopes:
    """Folders that you may write a note about, and the colleagues who would read it: those who see all of these folders today."""
    return schemas.NoteScopes.model_validate({"items": shift_notes.list_scopes(session, by=by, now=utcnow())})


@router.post("", status_code=201, response_model=schemas.Note, responses=describe_refusals(401, 403, 409, 422))
def write_note(order: schemas.NoteOrder, session: Tx, by: Staff) -> schemas.Note:
    """Write a note to the next shift. The audit log has who wrote it about which folders, not the text."""
    note = shift_notes.write_note(session, order.text, tuple(order.scope), by=by, now=utcnow())
    wake_after(session)
    return schemas.Note.model_validate(note)


@router.patch("/{note_id}", response_model=schemas.Note, responses=describe_refusals(401, 403, 404, 422))
def change_note(note_id: GivenId, order: schemas.NoteChange, session: Tx, by: Staff) -> schemas.Note:
    """Mark a note as done for all, or dismiss it for yourself; either can be undone."""
    if order.done is None and order.dismissed is None:
        raise BadInput(say("say what changes: done or dismissed"))
    note = shift_notes.change_note(session, note_id, done=order.done, dismissed=order.dismissed, by=by, now=utcnow())
    wake_after(session)
    return schemas.Note.model_validate(note)
