"""The queue of what is to be sent on."""

from fastapi import APIRouter

from triage import reports, waiting
from triage.times import utcnow
from triage_api import shapes
from triage_api.problems import described
from triage_api.session import Staff
from triage_api.transactions import Read, Tx, ring_after

router = APIRouter(tags=["queue"])


@router.get("/queue", response_model=shapes.Queue, responses=described(401))
def get_queue(session: Read, by: Staff) -> shapes.Queue:
    """What waits, is under way or was refused by the next hop: the newest 200."""
    return shapes.Queue.model_validate({"items": reports.queue(session, by=by)})


@router.post("/queue/{delivery_id}/retry", status_code=202, response_model=shapes.Delivery, responses=described(401, 403, 404, 409, 422))
def retry_delivery(delivery_id: shapes.GivenId, session: Tx, by: Staff) -> shapes.Delivery:
    """Try a waiting delivery at once, or a bounced one anew."""
    waiting.retry(session, [delivery_id], by=by, now=utcnow())
    ring_after(session, "relay")
    return shapes.Delivery.model_validate(reports.delivery(session, delivery_id, by=by).listed)
