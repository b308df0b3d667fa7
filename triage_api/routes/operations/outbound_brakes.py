"""Brakes on employees' outgoing messages: what waits, releasing and removing it; announced runs."""

from triage.policy.outbound_brakes import announced_runs
from triage.policy.outbound_brakes.announced_runs import Announcement
from triage.quarantine import outbound_brakes
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import GivenId
from triage_api.schemas.operations import outbound_brakes as schemas

router = resource_router("outgoing", "/outgoing")
DECIDING = describe_refusals(401, 403, 404, 409, 422)


@router.get("/brakes", response_model=schemas.OutboundBrakes, responses=describe_refusals(401, 403))
def list_brakes(session: Read, by: Staff) -> schemas.OutboundBrakes:
    """Employees' accounts that wrote to many new recipients: with messages held by the brake, or braked within the last seven days.

    For company-wide administrators and staff with the right `outgoing`.
    """
    return schemas.OutboundBrakes.model_validate({"items": outbound_brakes.list_brakes(session, by=by, now=utcnow())})


@router.post("/brakes/{brake_id}/release", response_model=schemas.OutboundBrake, responses=DECIDING)
def release_brake(brake_id: GivenId, order: schemas.BrakeOrder, session: Tx, by: Staff) -> schemas.OutboundBrake:
    """Send all held messages of an account. For 24 hours the brake does not apply to it."""
    found = outbound_brakes.release_brake(session, brake_id, by=by, reason=order.reason, now=utcnow())
    wake_after(session, "relay")
    return schemas.OutboundBrake.model_validate(found)


@router.post("/brakes/{brake_id}/remove", response_model=schemas.OutboundBrake, responses=DECIDING)
def remove_brake(brake_id: GivenId, order: schemas.BrakeOrder, session: Tx, by: Staff, here: Here) -> schemas.OutboundBrake:
    """Remove all messages of an account that the brake holds; its owner gets a notice. `restore` undoes it while the content is kept."""
    found = outbound_brakes.remove_brake(session, brake_id, by=by, reason=order.reason, settings=here.settings, now=utcnow())
    wake_after(session, "relay")
    return schemas.OutboundBrake.model_validate(found)


@router.post("/brakes/{brake_id}/restore", response_model=schemas.OutboundBrake, responses=DECIDING)
def restore_brake(brake_id: GivenId, order: schemas.BrakeOrder, session: Tx, by: Staff) -> schemas.OutboundBrake:
    """Undo a removal: the messages are held again."""
    found = outbound_brakes.restore_brake(session, brake_id, by=by, reason=order.reason, now=utcnow())
    wake_after(session)
    return schemas.OutboundBrake.model_validate(found)


@router.get("/runs", response_model=schemas.OutboundRuns, responses=describe_refusals(401, 403))
def list_runs(session: Read, by: Staff) -> schemas.OutboundRuns:
    """Announced runs in force."""
    return schemas.OutboundRuns.model_validate({"items": announced_runs.list_runs(session, by=by, now=utcnow())})


@router.post("/runs", status_code=201, response_model=schemas.OutboundRun, responses=describe_refusals(401, 403, 422))
def announce_run(order: schemas.RunOrder, session: Tx, by: Staff, here: Here) -> schemas.OutboundRun:
    """Announce that an employee will write to many new recipients: the brake lets so many pass."""
    announced = Announcement(order.employee, order.recipients, order.until, order.reason)
    run = announced_runs.announce_run(session, announced, settings=here.settings, by=by, now=utcnow())
    wake_after(session)
    return schemas.OutboundRun.model_validate(run)


@router.delete("/runs/{run_id}", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def end_run(run_id: GivenId, session: Tx, by: Staff) -> None:
    """End an announced run now."""
    announced_runs.end_run(session, run_id, by=by, now=utcnow())
    wake_after(session)
