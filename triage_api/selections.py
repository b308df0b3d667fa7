"""The evidence sheet: what a selection holds, before it is decided."""

from fastapi import APIRouter

from triage import confidential, decisions, evidence, listings, rules, whole_provider
from triage.outcome_words import confidential_words
from triage.times import utcnow
from triage_api import shapes
from triage_api.office import Here
from triage_api.once import Once
from triage_api.problems import described
from triage_api.session import Staff
from triage_api.transactions import Read

router = APIRouter(route_class=Once, tags=["selections"])


@router.post("/selections/preview", response_model=shapes.Evidence, responses=described(401, 403, 422))
def preview_selection(order: shapes.PreviewOrder, session: Read, by: Staff, here: Here) -> shapes.Evidence:
    """What the selection holds of the mail in your scope. Nothing is changed; `fence` goes with the decision."""
    wanted, now = order.select.selection(), utcnow()
    sheet = evidence.evidence(session, wanted, by=by, now=now)
    return shapes.Evidence.model_validate(
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
            "by_proof": sheet.by_proof,
            "opened": sheet.opened,
            "answered": sheet.answered,
            "least_weight": sheet.least_weight,
            "least_severity": sheet.least_severity,
            "senders": [{"author": author, "count": count} for author, count in sheet.senders],
            "subjects": [{"subject": subject, "count": count} for subject, count in sheet.subjects],
            "examples": listings.some(session, sheet.examples, by=by),
            "least_alike": listings.some(session, sheet.least_alike, by=by),
            "rules_contradicted": rules.known_to(session, sheet.rules_contradicted, by=by),
            "caution": whole_provider.caution(session, wanted.domain, here.settings.policy.freemail_domains, by=by, now=now),
            "needs": decisions.needs_of(session, wanted, by=by, settings=here.settings),
            "confidential": confidential_words(confidential.concern(session, wanted, confidential.REMOVAL, by=by)),
            "fence": sheet.fence,
        }
    )
