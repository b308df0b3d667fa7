"""Services that send as domains of ours, by DMARC aggregate reports."""

from triage.reports import sending_services
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.policy import sending_services as schemas

router = resource_router("reports", "/sending-services")


@router.get("", response_model=schemas.SendingServices, responses=describe_refusals(401))
def list_sending_services(session: Read, here: Here, _by: Staff) -> schemas.SendingServices:
    """Services that sent as your domains in the last 30 days, as receivers reported: those that need something first.

    Only reports that pass DMARC count, each once. `address`: where reports go; empty: the settings name none.
    """
    found = sending_services.list_services(session, now=utcnow())
    return schemas.SendingServices.model_validate({"items": found, "address": here.settings.reports.dmarc_address})
