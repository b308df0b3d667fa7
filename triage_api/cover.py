"""Who looks after which folder now; saying that somebody is away."""

from fastapi import APIRouter

from triage import cover, large_removals, paused
from triage.actor import Role
from triage.times import utcnow
from triage_api.office import Here
from triage_api.once import Once
from triage_api.problems import described
from triage_api.session import Staff
from triage_api.shapes import session as shapes
from triage_api.transactions import Read, Tx, ring_after

router = APIRouter(route_class=Once, tags=["staff"])


@router.get("/cover", response_model=shapes.CoverNow, responses=described(401))
def get_cover(session: Read, here: Here, by: Staff) -> shapes.CoverNow:
    """Who is on duty for the folders in your scope; for administrators with the company in their scope those that nobody looks at.

    `restored`: for all staff to know.
    """
    now, settings = utcnow(), here.settings.cover
    folders = [one for one in cover.folders(session, settings, now) if cover.looks_after(by, one.code)]
    alarm = cover.unseen(folders, settings, now) if by.role is Role.ADMIN else []
    return shapes.CoverNow.model_validate(
        {
            "out_of_hours": cover.is_out_of_hours(settings, now),
            "away_until": cover.away_until(session, by.name, now),
            "alarm": alarm,
            "folders": folders,
            "restored": paused.pause_of(session),
            "removals": large_removals.shown_to(session, by=by, settings=here.settings),
        }
    )


@router.put("/away", status_code=204, responses=described(401, 403, 404, 422))
def set_away(order: shapes.AwayOrder, session: Tx, by: Staff) -> None:
    """Say until when you are away, null when you are back; administrators also for somebody else within their scope."""
    cover.set_away(session, order.login or by.name, order.until, by=by, now=utcnow())
    ring_after(session)
