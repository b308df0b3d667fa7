"""ID tokens and logout tokens: whose signature, for whom, when, and for which sign-in."""

import time
from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from identity.provider_metadata import Known
from triage.errors import Untrusted
from triage.runtime.bounded_http import Http

LOGOUT = "http://schemas.openid.net/event/backchannel-logout"  # OpenID Connect Back-Channel Logout 1.0, 2.4
LONGEST = 128 * 1024  # bytes of a token
OLDEST = 300  # seconds since a logout token was issued
FRESH = 120  # seconds that a re-authentication may be old


def id_token(known: Known, http: Http, given: Mapping[str, Any], nonce: str, skew: int, *, is_fresh: bool) -> dict[str, Any]:
    """The claims of an ID token that belongs to this sign-in (OpenID Connect Core 1.0, 3.1.3.7). Untrusted says what is wrong."""
    token = decoded(known, http, given.get("id_token"))
    check_times(token.claims, skew)
    options = {"iss": {"essential": True, "values": [known.provider.issuer]}, "aud": {"essential": True, "value": known.provider.client_id}}
    params = {"nonce": nonce, "client_id": known.provider.client_id, "access_token": given.get("access_token")}
    try:
        CodeIDToken(token.claims, token.header, options, params).validate(leeway=skew)
    except (JoseError, ValueError, TypeError) as fault:
        raise Untrusted(f"its ID token is not for this sign-in: {fault}") from fault
    if is_fresh and not is_recent(token.claims, skew):
        raise Untrusted("it was to ask for the password again (prompt=login, max_age) and did not")
    return dict(token.claims)


def logout_token(known: Known, http: Http, given: str, skew: int) -> dict[str, Any]:
    """The claims of a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6)."""
    claims: dict[str, Any] = decoded(known, http, given).claims
    check_times(claims, skew)
    if claims.get("exp") is None or not claims["iat"] >= time.time() - OLDEST - skew:
        raise Untrusted("the logout token has no exp, or was issued too long ago")
    events, audience = claims.get("events"), claims.get("aud")
    audience = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != known.provider.issuer or known.provider.client_id not in audience:
        raise Untrusted("the logout token is another one's")
    if not isinstance(events, dict) or LOGOUT not in events or "nonce" in claims or not (claims.get("sub") or claims.get("sid")):
        raise Untrusted("this is no logout token")
    if not isinstance(claims.get("jti"), str):
        raise Untrusted("the logout token has no jti")
    return claims


def decoded(known: Known, http: Http, text: object) -> jwt.Token:
    """A token whose signature is the provider's. Its keys are read again when it names one that is not known yet."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise Untrusted("it sends no token, or one that is too long")
    registry = JWSRegistry(algorithms=known.algorithms(http), strict_check_header=False)
    for anew in (False, True):
        try:
            return jwt.decode(text, known.key_set(http, anew=anew), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            continue
        except (JoseError, ValueError, TypeError) as fault:
            raise Untrusted(f"its token is not signed as it must be: {fault}") from fault
    raise Untrusted("its token is not signed with a key that it publishes")


def check_times(claims: Mapping[str, Any], skew: int) -> None:
    """Untrusted when the token is of another time; where the clocks differ it says so."""
    now, issued, ends = time.time(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or (ends is not None and not isinstance(ends, int | float)):
        raise Untrusted("its token does not say when it was issued")
    if issued > now + skew:
        raise Untrusted(f"its clock is {issued - now:.0f} s ahead of ours, and [identity] clock_skew allows {skew} s: set the clocks right")
    if ends is not None and ends < now - skew:
        raise Untrusted(f"its token ended {now - ends:.0f} s ago: its clock may be behind ours; set the clocks right")


def is_recent(claims: Mapping[str, Any], skew: int) -> bool:
    """Whether somebody has just signed in at the provider."""
    at = claims.get("auth_time")
    return isinstance(at, int | float) and at >= time.time() - FRESH - skew
