"""Installation, read-only: findings of `mailroom doctor` that need no network, and the settings in force."""

from dataclasses import replace

from fastapi import Request

from triage.access import scope as access
from triage.actor import Role
from triage.text.i18n import choose_accepted
from triage.text.i18n.translate import translate_template
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.schemas.operations import installation as schemas

router = resource_router("installation", "/installation")


@router.get("/findings", response_model=schemas.Findings, responses=describe_refusals(401, 403))
def list_findings(here: Here, by: Staff) -> schemas.Findings:
    """Findings about this installation, at most a minute old. For administrators of the whole company."""
    access.over_everything(by, Role.ADMIN)
    return schemas.Findings.model_validate(here.installation.examination())


@router.get("/settings", response_model=schemas.SettingsInForce, responses=describe_refusals(401, 403))
def list_settings(request: Request, here: Here, by: Staff) -> schemas.SettingsInForce:
    """Settings in force and where each comes from, without secrets. For administrators of the whole company."""
    access.over_everything(by, Role.ADMIN)
    language = choose_accepted(request.headers.get("accept-language", ""))
    items = [replace(one, meaning=translate_template(one.meaning, language)) for one in here.installation.values]
    return schemas.SettingsInForce.model_validate({"file": here.installation.file, "items": items})
