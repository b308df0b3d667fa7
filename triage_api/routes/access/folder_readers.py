"""Routes that name who can read a folder."""

from typing import Annotated

from fastapi import Query

from triage.access import folder_readers
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.access import folder_readers as schemas
from triage_api.schemas.fields import Word

router = resource_router("staff")


@router.get("/folder-readers", response_model=schemas.FolderReaders, responses=describe_refusals(401, 403, 404, 422))
def list_folder_readers(
    folder: Annotated[Word, Query(description="`department:CODE`, `person:UID`, or the code or uid alone")],
    session: Read,
    by: Staff,
    here: Here,
) -> schemas.FolderReaders:
    """Readers of a folder, and why they may: for administrators and auditors with the folder in their scope, and keepers of a
    confidential one.
    """
    found = folder_readers.list_readers(session, folder, by=by, settings=here.settings, now=utcnow())
    return schemas.FolderReaders.model_validate(found)
