"""Telling a sender no: the texts that there are, and what would be said to whom. The act itself is a decision."""

from triage.delivery.templates import in_language
from triage.quarantine.decisions import rejection_preview
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.decisions import rejections as schemas

router = resource_router("decisions", "/rejections")


@router.get("/templates", response_model=schemas.Templates, responses=describe_refusals(401))
def list_templates(here: Here, _by: Staff) -> schemas.Templates:
    """Rejection texts of the settings (reject.templates), in their order; built-in texts are in the company's language."""
    language = here.settings.company.language
    items = [{"name": name, "text": in_language(text, language)} for name, text in here.settings.reject.templates]
    return schemas.Templates.model_validate({"items": items})


@router.post("/preview", response_model=schemas.Rejection, responses=describe_refusals(401, 422))
def preview_rejection(order: schemas.RejectionOrder, session: Read, by: Staff, here: Here) -> schemas.Rejection:
    """Preview of a rejection: the notice for the senders of held messages in your scope, and senders who would get none.

    Changes nothing.
    """
    seen = rejection_preview.preview_rejection(
        session, order.select.selection(), template=order.template, text=order.text, by=by, settings=here.settings
    )
    refused = [{"reason": reason, "count": count} for reason, count in seen.refused]
    return schemas.Rejection.model_validate(
        {"notices": seen.notices, "messages": seen.messages, "deliveries": seen.deliveries, "refused": refused}
    )
