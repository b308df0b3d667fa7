"""Routes of webhooks, which only the settings create and change: state, test call, resume."""

from typing import Annotated

from fastapi import Path

from triage.notifications.webhooks import outbox
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.operations import webhooks as schemas

router = resource_router("webhooks", "/webhooks")

Name = Annotated[str, Path(max_length=100, description="As the settings name it.")]


@router.get("", response_model=schemas.Webhooks, responses=describe_refusals(401, 403))
def list_webhooks(session: Read, here: Here, by: Staff) -> schemas.Webhooks:
    """Webhooks of the settings: whether each works, and what it has not received yet. For company-wide administrators and auditors."""
    return schemas.Webhooks.model_validate({"items": outbox.list_webhooks(session, here.settings, by=by)})


@router.post("/{hook}/test", status_code=202, response_model=schemas.WebhookTried, responses=describe_refusals(401, 403, 404, 422))
def test_webhook(hook: Name, session: Tx, here: Here, by: Staff) -> schemas.WebhookTried:
    """Send a test call now, also to a stopped or paused webhook. It names only the person who asked. For company-wide administrators."""
    tried = outbox.hook_named(here.settings, hook, by=by)
    event = outbox.try_out(session, tried, by=by, now=utcnow(), link=here.settings.api.public_url)
    wake_after(session)
    return schemas.WebhookTried(event=event)


@router.post("/{hook}/resume", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def resume_webhook(hook: Name, session: Tx, here: Here, by: Staff) -> None:
    """Resume a webhook that answered 410, or is paused after failures. For company-wide administrators."""
    outbox.resume_webhook(session, outbox.hook_named(here.settings, hook, by=by).name, by=by, now=utcnow())
    wake_after(session)
