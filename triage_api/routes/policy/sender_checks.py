"""Checks of known senders: what each does, and letting one hold again."""

from triage.policy.known_senders import checks
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx
from triage_api.schemas.policy import sender_checks as schemas

router = resource_router("rules", "/sender-checks")


@router.get("", response_model=schemas.SenderChecks, responses=describe_refusals(401))
def list_sender_checks(session: Read, here: Here, _by: Staff) -> schemas.SenderChecks:
    """Checks of known senders: off, on trial (report only), holding, or reporting again because a check held too much."""
    return schemas.SenderChecks.model_validate({"items": checks.list_checks(session, here.settings.policy, utcnow())})


@router.post("/{check}/resume", response_model=schemas.SenderCheck, responses=describe_refusals(401, 403, 404, 422))
def resume_sender_check(check: str, order: schemas.ResumeOrder, session: Tx, here: Here, by: Staff) -> schemas.SenderCheck:
    """Make a check hold from the next message on: after its fuse, or before its trial ends. For company-wide administrators."""
    found = checks.resume_check(session, check, settings=here.settings, by=by, reason=order.reason, now=utcnow())
    return schemas.SenderCheck.model_validate(found)
