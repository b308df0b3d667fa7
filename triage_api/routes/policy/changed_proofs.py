"""Domains of known senders that send differently: which, renewing or refusing their proof, and undo."""

from triage.policy.known_senders import renew_proofs
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.policy import changed_proofs as schemas

router = resource_router("rules", "/changed-proofs")
RENEWING = describe_refusals(401, 403, 404, 409, 422)


@router.get("", response_model=schemas.ChangedProofs, responses=describe_refusals(401))
def list_changed_proofs(session: Read, by: Staff) -> schemas.ChangedProofs:
    """Known senders' domains that prove themselves in another way than before, and those renewed or refused in the last seven days."""
    return schemas.ChangedProofs.model_validate({"items": renew_proofs.list_changed(session, by=by, now=utcnow())})


@router.post("/{domain}/renew", response_model=schemas.ChangedProof, responses=RENEWING)
def renew_proof(domain: str, order: schemas.ProofOrder, session: Tx, by: Staff) -> schemas.ChangedProof:
    """Accept a domain's new way of sending, for all rules. Held messages stay held: they have other warnings."""
    found = renew_proofs.renew_proof(session, domain, order.ways, by=by, reason=order.reason, now=utcnow())
    wake_after(session)
    return schemas.ChangedProof.model_validate(found)


@router.post("/{domain}/refuse", response_model=schemas.ChangedProof, responses=RENEWING)
def refuse_proof(domain: str, order: schemas.ProofOrder, session: Tx, by: Staff) -> schemas.ChangedProof:
    """Refuse a domain's new way of sending: messages sent that way are held with any warning, and it renews only by hand."""
    found = renew_proofs.refuse_proof(session, domain, order.ways, by=by, reason=order.reason, now=utcnow())
    wake_after(session)
    return schemas.ChangedProof.model_validate(found)


@router.post("/{domain}/undo", response_model=schemas.ChangedProof, responses=RENEWING)
def undo_proof_renewal(domain: str, order: schemas.ProofUndoOrder, session: Tx, by: Staff) -> schemas.ChangedProof:
    """Undo a renewal of the last seven days, also one that came by itself: the way of sending is new again."""
    found = renew_proofs.undo_renewal(session, domain, by=by, reason=order.reason, now=utcnow())
    wake_after(session)
    return schemas.ChangedProof.model_validate(found)
