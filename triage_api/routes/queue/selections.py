"""The evidence sheet: what a selection holds, before it is decided."""

from collections.abc import Sequence
from typing import Any

from triage.config.settings import Settings
from triage.policy.rules import provider_warning, store as rules
from triage.quarantine import selection_preview
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.removal import removal_plan
from triage.quarantine.search import listing
from triage.quarantine.search.listing import Listed
from triage.quarantine.selection_preview import Preview
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.queue import selections as schemas

MOST = 50  # senders and blocks that a preview names
router = resource_router("selections")


@router.post("/selections/preview", response_model=schemas.Evidence, responses=describe_refusals(401, 403, 412, 422))
def preview_selection(order: schemas.PreviewOrder, session: Read, by: Staff, here: Here) -> schemas.Evidence:
    """Preview of a selection: the messages in your scope and, with a verb, its effect. Changes nothing.

    Send the `fence` with the decision.
    """
    wanted, now = order.select.selection(), utcnow()
    rule = order.rule.order() if order.rule else None
    request = DecisionRequest(wanted, Verb(order.verb or Verb.HOLD), rule=rule)  # a look without a verb lets nothing out
    found = selection_preview.preview_decision(session, request, by=by, settings=here.settings, now=now)
    sheet, plan = found.sheet, found.removal
    return schemas.Evidence.model_validate(
        {
            "count": sheet.count,
            "outside": sheet.outside,
            "apart": sheet.apart,
            "people": sheet.people,
            "departments": sheet.departments,
            "by_state": sheet.by_state,
            "in_mailboxes": sheet.in_mailboxes if here.settings.reaches_mailboxes else 0,
            "out_of_reach": 0 if here.settings.reaches_mailboxes else sheet.in_mailboxes,
            "proven": sheet.proven,
            "claimed": sheet.claimed,
            "by_proof": sheet.by_proof,
            "opened": sheet.opened,
            "answered": sheet.answered,
            "least_risk": sheet.least_weight,
            "least_severity": sheet.least_severity,
            "senders": [{"author": author, "count": count} for author, count in sheet.senders],
            "subjects": [{"subject": subject, "count": count} for subject, count in sheet.subjects],
            "examples": listing.list_some(session, sheet.examples, by=by),
            "least_alike": listing.list_some(session, sheet.least_alike, by=by),
            "rules_contradicted": rules.known_to(session, sheet.rules_contradicted, by=by),
            "caution": provider_warning.warn_about_provider(session, wanted.domain, here.settings.policy.freemail_domains, by=by, now=now),
            "needs": list(found.needs),
            "confidential": found.confidential,
            "fence": sheet.fence,
            "allow": found.allow,
            "second_look": found.second_look,
            "not_allowed": found.not_allowed,
            "removal": removal_shape(found, listing.list_some(session, plan.related.examples, by=by), here.settings) if plan else None,
        }
    )


def removal_shape(found: Preview, related: Sequence[Listed], settings: Settings) -> dict[str, Any]:
    """The plan of a removal as the API says it."""
    assert found.removal is not None
    plan = found.removal
    made, not_made = plan.blocks.made, plan.blocks.not_made
    return {
        "severity": plan.severity,
        "default": "remove_and_block" if plan.blocks_by_default else "remove",
        "not_included": [not_included_shape(one) for one in plan.not_included[:MOST]],
        "not_included_count": sum(one.count for one in plan.not_included),
        "blocks": made[:MOST],
        "blocked": {match: sum(one.match == match for one in made) for match in ("campaign", "domain", "address")},
        "would_have_stopped": sum(one.stopped for one in made if one.ticked),
        "would_have_released": sum(one.released for one in made),
        "not_blocked": not_made[:MOST],
        "not_blocked_count": len(not_made),
        "scopes": list(plan.scopes),
        "related": {"count": plan.related.count, "by_kind": plan.related.by_kind, "examples": related},
        "passed_on": plan.passed_on,
        "hold_hours": settings.policy.block_hold_hours,
        "block_days": settings.policy.block_days,
        "late_hours": settings.policy.late_copies_hours if found.late else 0,
    }


def not_included_shape(one: removal_plan.NotIncluded) -> dict[str, Any]:
    """A sender whose messages are left alone."""
    return {"sender": one.sender, "proven": one.proven, "count": one.count, "why": one.wanted.why, "of": one.wanted.of}
