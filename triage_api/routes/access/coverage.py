"""Routes of coverage: who is on duty for which folder, and who is away."""

from triage.actor import Role
from triage.quarantine import coverage
from triage.quarantine.removal import large_removals
from triage.store import restore_pause
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.access import session as schemas

router = resource_router("staff")


@router.get("/coverage", response_model=schemas.Coverage, responses=describe_refusals(401))
def get_coverage(session: Read, here: Here, by: Staff) -> schemas.Coverage:
    """Lists the staff on duty for the folders in your scope. Company-wide administrators also see the folders that nobody covers.

    `restored` is for all staff.
    """
    now, settings = utcnow(), here.settings.coverage
    folders = [one for one in coverage.list_coverage(session, settings, now) if coverage.looks_after(by, one.code)]
    uncovered = coverage.waiting_folders(folders, settings, now) if by.role is Role.ADMIN else []
    return schemas.Coverage.model_validate(
        {
            "out_of_hours": coverage.is_out_of_hours(settings, now),
            "away_until": coverage.away_until(session, by.name, now),
            "uncovered": uncovered,
            "folders": folders,
            "restored": restore_pause.pause_of(session),
            "removals": large_removals.shown_to(session, by=by, settings=here.settings),
        }
    )


@router.put("/away", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def set_away(order: schemas.AwayOrder, session: Tx, by: Staff) -> None:
    """Say until when you are away; null means that you are back. Administrators may set it for staff in their scope."""
    coverage.set_away(session, order.login or by.name, order.until, by=by, now=utcnow())
    wake_after(session)
