"""OpenID Connect sign-in: sends the browser to the provider, and reads the provider's answer when it returns."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.client import OAuth2Client

from identity import signed_tokens
from identity.provider_metadata import Known
from triage.config.identity_providers import LONGEST_NAME, LONGEST_SUB, Provider
from triage.config.secret_files import held_here
from triage.config.settings import Identity
from triage.errors import BadInput, Unanswered, Untrusted
from triage.runtime.bounded_http import Http
from triage.text.sanitize import escape_visible

FORM = {"content-type": "application/x-www-form-urlencoded"}
MOST_GROUPS, LONGEST_GROUP = 5000, 512
STRONG = frozenset({"mfa", "phr", "phrh"})  # amr that alone say that there was a second factor (RFC 8176, 2; EAP ACR)
KINDS = (  # amr by what they prove: knowledge, possession, a body
    *(frozenset({"pwd", "pin", "kba"}), frozenset({"otp", "hwk", "swk", "sc", "pop", "sms", "tel"})),
    frozenset({"fpt", "face", "iris", "retina", "vbm"}),
)
QUOTED = 200  # characters of an error


def begin_sign_in(known: Known, http: Http, redirect_uri: str, *, is_fresh: bool) -> dict[str, str]:
    """Returns where to send the browser, and what proves later that its answer belongs to it (RFC 7636, RFC 9700)."""
    metadata = known.described(http)
    state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
    asked = {"prompt": "login", "max_age": "0"} if is_fresh else {}
    client = client_of(known.provider, redirect_uri)
    url, _ = client.create_authorization_url(metadata["authorization_endpoint"], state=state, code_verifier=verifier, nonce=nonce, **asked)
    return {"url": url, "state": state, "nonce": nonce, "verifier": verifier}


def finish_sign_in(known: Known, http: Http, asked: Mapping[str, Any], settings: Identity) -> dict[str, Any]:
    """Returns the identity that the provider has proven: a Proof's issuer, sub, … id_token. Untrusted or Unanswered says why nobody."""
    provider, metadata = known.provider, known.described(http)
    check_issuer(metadata, provider, asked.get("iss"))
    given = exchanged(known, http, str(asked["code"]), str(asked["redirect_uri"]), str(asked["verifier"]))
    claims = signed_tokens.id_token(known, http, given, str(asked["nonce"]), settings.clock_skew, is_fresh=bool(asked.get("is_fresh")))
    if not {provider.login_claim, provider.groups_claim} <= claims.keys() and (endpoint := metadata.get("userinfo_endpoint")):
        claims = with_userinfo(claims, http.get(endpoint, {"authorization": f"Bearer {given['access_token']}"}))
    return identified(provider, claims) | {"id_token": given["id_token"]}


def check_issuer(metadata: Mapping[str, Any], provider: Provider, said: object) -> None:
    """Whether the answer is this provider's (RFC 9207, 2.4). Another one could have sent the browser here with its own code."""
    if said is None and not metadata.get("authorization_response_iss_parameter_supported"):
        return
    if said != provider.issuer:
        raise Untrusted(f"the answer names “{said}” as its issuer: it is another provider's")


def exchanged(known: Known, http: Http, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
    """The tokens for a code. Untrusted when the provider refuses it: it was used before, or is another sign-in's."""
    client = client_of(known.provider, redirect_uri)
    url = known.described(http)["token_endpoint"]
    body = urlencode({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier})
    url, headers, body = client.client_auth(method_of(known, http, client)).prepare("POST", url, dict(FORM), body)
    answer = http.request("POST", url, headers, body)
    if answer.status >= 500:
        raise Unanswered(f"{url} answered {answer.status}")
    if answer.status != 200:
        why = " ".join(str(answer.values.get(name, "")) for name in ("error", "error_description")).strip()
        raise Untrusted(f"it does not accept the code ({answer.status} {escape_visible(why)[:QUOTED]})")
    if not isinstance(answer.values.get("access_token"), str):
        raise Untrusted("its answer has no access token")
    return answer.values


def client_of(provider: Provider, redirect_uri: str) -> OAuth2Client:
    """Returns our OAuth client at the provider."""
    return OAuth2Client(
        None,
        client_id=provider.client_id,
        client_secret=secret_of(provider),
        scope=" ".join(provider.scopes),
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )


def secret_of(provider: Provider) -> str | None:
    """Our secret there, read again each time; None for a public client."""
    if not provider.client_secret_file:
        return None
    try:
        return held_here(provider.client_secret_file).read_text("utf-8").strip()
    except OSError as fault:
        raise BadInput(f"[identity] {provider.name}: client_secret_file {provider.client_secret_file}: {fault.strerror}") from fault


def method_of(known: Known, http: Http, client: OAuth2Client) -> str:
    """Returns how we prove who we are at the token endpoint (OpenID Connect Core 1.0, 9)."""
    if client.client_secret is None:
        return "none"
    said = known.described(http).get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return "client_secret_post" if "client_secret_basic" not in said and "client_secret_post" in said else "client_secret_basic"


def with_userinfo(claims: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Claims that the provider gives only there; those of somebody else are not taken (OpenID Connect Core 1.0, 5.3.2)."""
    if more.get("sub") != claims["sub"]:
        raise Untrusted("its user information is about somebody else (sub)")
    return dict(more) | claims


def identified(provider: Provider, claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims as the API wants them."""

    def text(name: str) -> str:
        return str(claims.get(name) or "")

    if not text("sub"):
        raise Untrusted("it does not say who it is (sub)")
    if len(text("sub")) > LONGEST_SUB or not text("sub").isprintable():
        raise Untrusted(f"its identifier (sub) has more than {LONGEST_SUB} characters, or some that cannot be printed")
    means = claims.get("amr")
    return {
        "issuer": provider.issuer,
        "sub": text("sub"),
        "login": text(provider.login_claim),
        "name": "".join(one for one in text(provider.name_claim) if one.isprintable())[:LONGEST_NAME],
        "groups": groups_of(provider, claims),
        "sends_groups": bool(claims.get(provider.groups_claim)),
        "sid": text("sid"),
        "has_factor": provider.second_factor or (isinstance(means, list) and has_second_factor(frozenset(map(str, means)))),
    }


def has_second_factor(means: frozenset[str]) -> bool:
    """Whether these amr values name two factors of different kinds."""
    return not means.isdisjoint(STRONG) or sum(not means.isdisjoint(kind) for kind in KINDS) > 1


def groups_of(provider: Provider, claims: Mapping[str, Any]) -> list[str]:
    """The groups that mean something here, however many there are. A provider that sends a link instead of them is told apart."""
    given = claims.get(provider.groups_claim, [])
    if provider.groups_claim in (claims.get("_claim_names") or {}):  # Entra ID: more than 200 groups
        raise Untrusted("it sends a link instead of groups, because there are too many: let it send only groups assigned to Mailroom")
    listed = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    if len(listed) > MOST_GROUPS:
        raise Untrusted(f"it sends {len(listed)} groups; {MOST_GROUPS} are read: let it send only groups assigned to Mailroom")
    named = {line.rpartition("=>")[0].strip() for line in provider.groups}
    return sorted({one for one in listed if isinstance(one, str) and len(one) <= LONGEST_GROUP} & named)


def logout_url(known: Known, http: Http, back_to: str, hint: str) -> str:
    """Returns the URL that ends the browser's session (OpenID Connect RP-Initiated Logout 1.0); "" where the provider has no such page.

    `hint` is the ID token of the sign-in, "" when it is not known: some providers, such as Glewlwyd, do nothing without it.
    """
    endpoint = known.described(http).get("end_session_endpoint")
    if not endpoint:
        return ""
    asked = [("client_id", known.provider.client_id), ("post_logout_redirect_uri", back_to)]
    if hint:
        asked.append(("id_token_hint", hint))
    return str(add_params_to_uri(endpoint, asked))
