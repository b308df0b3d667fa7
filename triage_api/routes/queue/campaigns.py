"""Campaigns: which there are, what they are made of, and a person's word on what belongs together."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Response

from triage.ids import format_id
from triage.quarantine.campaigns import campaign_list, incident, incident_pdf, timeline
from triage.quarantine.decisions import regroup
from triage.quarantine.removal import notify_opened
from triage.quarantine.search.selection import UNPROVEN
from triage.store import db
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import OwnSettings, Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.routes.decisions.decisions import answer_decision
from triage_api.schemas.decisions.decisions import Decision
from triage_api.schemas.fields import GivenId
from triage_api.schemas.language import say_in_language, use_language
from triage_api.schemas.pagination import cursor_of, place_of
from triage_api.schemas.queue import campaigns as schemas, incidents

router = resource_router("campaigns")


@router.get("/campaigns", response_model=schemas.Campaigns, responses=describe_refusals(401, 422))
def list_campaigns(wanted: Annotated[schemas.CampaignQuery, Query()], session: Read, by: Staff) -> schemas.Campaigns:
    """Campaigns of messages in your scope, the largest first; of held messages unless `state` says otherwise."""
    after = place_of(wanted.cursor, int, int)
    place = (after[0], after[1]) if after else None
    page = campaign_list.list_campaigns(session, wanted.selection(), by=by, fewest=wanted.min_messages, limit=wanted.limit, after=place)
    return schemas.Campaigns.model_validate({"items": page.items, "next_cursor": cursor_of(page.following)})


@router.get("/campaigns/{campaign_id}", response_model=schemas.CampaignDetail, responses=describe_refusals(401, 404, 422))
def get_campaign(campaign_id: GivenId, session: Read, by: Staff) -> schemas.CampaignDetail:
    """Returns a campaign with its states, proofs, senders and subjects."""
    found = campaign_list.get_campaign(session, campaign_id, by=by)
    return schemas.CampaignDetail.model_validate(
        schemas.Campaign.model_validate(found.wave).model_dump()
        | {
            "made_by": found.made_by,
            "representatives": found.representatives,
            "copies": found.copies,
            "by_state": [{"state": state, "count": count} for state, count in found.by_state],
            "by_proof": [{"proof": who or UNPROVEN, "count": count} for who, count in found.by_proof],
            "by_sender": [{"author": author, "count": count} for author, count in found.by_sender],
            "by_subject": [{"subject": subject, "count": count} for subject, count in found.by_subject],
            "examples": found.examples,
        }
    )


INCIDENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}, "description": "The record."}
}
Format = Annotated[Literal["json", "pdf"], Query(description="pdf: for people, at most 500 rows of each table.")]


@router.get(
    "/campaigns/{campaign_id}/incident",
    response_model=incidents.Incident,
    responses=INCIDENT | describe_refusals(401, 404, 422),
    dependencies=[Depends(use_language)],
)
def get_incident(campaign_id: GivenId, session: Read, by: Staff, here: Here, format: Format = "json") -> incidents.Incident | Response:
    """Incident record of a campaign: its copies, who opened one, who removed them when, hashes, and what is out of reach.

    Messages that are confidential to you are left out. The audit log records the export.
    """
    now = utcnow()
    found = incident.read_incident(session, campaign_id, by=by, settings=here.settings, now=now)
    with db.transaction(here.engine) as writing:
        incident.record_export(writing, found, form=format, by=by, now=now)
    if format == "json":
        return incidents.Incident.model_validate(found)
    written = incident_pdf.write_pdf(found, zone=here.settings.coverage.time_zone, put=say_in_language)
    name = f"incident-{format_id(campaign_id)}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(written, media_type="application/pdf", headers=headers)


@router.get("/campaigns/{campaign_id}/timeline", response_model=schemas.Timeline, responses=describe_refusals(401, 404, 422))
def get_timeline(campaign_id: GivenId, session: Read, by: Staff) -> schemas.Timeline:
    """Timeline of a campaign: first copy, reports, decisions and their undo, copies out of mailboxes, late copies."""
    return schemas.Timeline.model_validate({"items": timeline.list_moments(session, campaign_id, by=by)})


@router.get("/campaigns/{campaign_id}/opened", response_model=schemas.Opened, responses=describe_refusals(401, 404, 422))
def get_opened(campaign_id: GivenId, session: Read, by: Staff, settings: OwnSettings) -> schemas.Opened:
    """Lists who had opened a copy of a campaign before it was removed, with the notice that tells them. Nothing is sent."""
    found = notify_opened.list_notices(session, campaign_id, by=by, settings=settings)
    return schemas.Opened.model_validate(
        {"items": found.notices, "may_notify": notify_opened.may_notify(by, settings), "fence": found.fence}
    )


@router.post(
    "/campaigns/{campaign_id}/opened",
    status_code=201,
    response_model=schemas.NoticesSent,
    responses=describe_refusals(401, 403, 404, 412, 422),
)
def notify_who_opened(
    campaign_id: GivenId, order: schemas.NotifyOrder, session: Tx, by: Staff, settings: OwnSettings
) -> schemas.NoticesSent:
    """Sends these notices, each person once for a campaign unless asked again; the audit log names who did it.

    Needs the right to remove delivered messages without a second person.
    """
    number = notify_opened.notify_opened(session, campaign_id, again=order.again, fence=order.fence, by=by, settings=settings, now=utcnow())
    wake_after(session, "relay")
    return schemas.NoticesSent(notified=number)


@router.post(
    "/campaigns/{campaign_id}/join", status_code=201, response_model=Decision, responses=describe_refusals(401, 403, 404, 409, 422)
)
def join_campaign(campaign_id: GivenId, order: schemas.JoinOrder, session: Tx, by: Staff) -> Decision:
    """Merge this campaign into another one: a decision, which can be undone."""
    return answer_decision(session, regroup.join_campaigns(session, campaign_id, order.into, by=by, reason=order.reason, now=utcnow()), by)


@router.post(
    "/campaigns/{campaign_id}/split", status_code=201, response_model=Decision, responses=describe_refusals(401, 403, 404, 409, 422)
)
def split_campaign(campaign_id: GivenId, order: schemas.SplitOrder, session: Tx, by: Staff) -> Decision:
    """Make these messages a campaign of their own: a decision, which can be undone; `selection.into` names it."""
    made = regroup.split_campaign(session, order.ids, campaign_id, by=by, reason=order.reason, now=utcnow())
    return answer_decision(session, made, by)
