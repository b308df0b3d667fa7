"""Who works here: the folders in scope, and the people a mail can be redirected to."""

from fastapi import APIRouter

from triage import reports
from triage_api import shapes
from triage_api.problems import described
from triage_api.session import Staff
from triage_api.transactions import Read

router = APIRouter(tags=["people"])


@router.get("/departments", response_model=list[shapes.Folder], responses=described(401))
def list_departments(session: Read, by: Staff) -> list[shapes.Folder]:
    """The departments and people in your scope with how much is held for each."""
    return [shapes.Folder.model_validate(folder) for folder in reports.folders(session, by=by)]


@router.get("/people", response_model=shapes.People, responses=described(401, 422))
def list_people(session: Read, _by: Staff, q: shapes.Word = "") -> shapes.People:
    """Everybody in the company whose name, department or mailbox fits, at most 50."""
    return shapes.People.model_validate({"items": reports.people(session, q)})
