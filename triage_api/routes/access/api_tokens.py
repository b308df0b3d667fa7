"""Tokens for programs: list, make, revoke."""

from sqlmodel import Session

from triage.access import api_tokens
from triage.store.models.staff import ApiToken
from triage.times import utcnow
from triage_api.http.idempotency import mark_secret
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.access import api_tokens as schemas
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor

router = resource_router("tokens", "/tokens")


@router.get("", response_model=schemas.Tokens, responses=describe_refusals(401, 403, 422))
def list_tokens(session: Read, by: Staff, limit: Limit = 50, cursor: Cursor = None) -> schemas.Tokens:
    """Tokens within your scope, also ended and revoked ones, the youngest first. For administrators."""
    before = id_of(cursor)
    found = api_tokens.list_tokens(session, by=by, limit=limit + 1, before=before)
    return schemas.Tokens(items=[show_token(session, one) for one in found[:limit]], next_cursor=next_cursor(found, limit))


def show_token(session: Session, one: ApiToken) -> schemas.Token:
    """A token, and whether it is good for anything now."""
    return schemas.Token.model_validate(one.model_dump() | {"in_force": api_tokens.in_force(session, one, utcnow())})


@router.post("", status_code=201, response_model=schemas.MadeToken, responses=describe_refusals(401, 403, 422))
def create_token(order: schemas.NewToken, session: Tx, by: Staff) -> schemas.MadeToken:
    """Make a token within your scope; `key` is shown this once. For administrators who have signed in: no token makes tokens."""
    mark_secret(session)
    made, key = api_tokens.create_token(session, order.order(), by=by, now=utcnow())
    wake_after(session)
    return schemas.MadeToken.model_validate(made.model_dump() | {"in_force": True, "key": key})


@router.delete("/{token_id}", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def revoke_token(token_id: GivenId, session: Tx, by: Staff) -> None:
    """Revoke a token at once."""
    api_tokens.revoke_token(session, token_id, by=by, now=utcnow())
    wake_after(session)
