"""The identity role at a provider that lies, fails, is late or is another one: nobody is identified, and the sentence says why."""

import base64
import contextlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt

from identity import identity_role, provider_metadata
from identity.identity_role import Desk
from tests.identity.hostile_provider import CLIENT, KEYS, HostileProvider, running
from triage.config.identity_providers import Provider
from triage.config.settings import Identity, Settings
from triage.errors import Unanswered, Untrusted
from triage.runtime import identity_socket
from triage.runtime.bounded_http import Http

REDIRECT = "https://mailroom.example/api/v1/session/providers/company/callback"
LOGOUT = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "jti": "1"}


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    with running() as made:
        yield made


@pytest.fixture
def desk(provider: HostileProvider, settings: Settings) -> Desk:
    """The role's work for this provider."""
    return Desk(with_provider(settings, provider))


def with_provider(settings: Settings, provider: HostileProvider, **more: Any) -> Settings:
    """The settings with this provider."""
    known = Provider("company", provider.issuer, CLIENT, groups=("crew => triage company", "chiefs => admin company"), **more)
    return replace(settings, identity=Identity(providers=(known,), timeout=2))


def finish(desk: Desk, provider: HostileProvider, code: str = "c", **asked: Any) -> dict[str, Any]:
    """A whole sign-in; what comes of it."""
    begun = desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT, "is_fresh": asked.get("is_fresh", False)})["ok"]
    provider.nonce = begun["nonce"]
    kept = {name: begun[name] for name in ("nonce", "verifier")}
    return desk.answer({"provider": "company", "want": "finish", "code": code, "redirect_uri": REDIRECT} | kept | asked)


def test_who_is_identified(desk: Desk, provider: HostileProvider) -> None:
    provider.claims |= {"preferred_username": "nora", "name": "Nora", "groups": ["crew", "others"], "sid": "s1", "amr": ["pwd", "otp"]}
    found = finish(desk, provider)["ok"]
    assert found.pop("id_token").startswith("ey")
    assert found == {
        "issuer": provider.issuer,
        "sub": "sub-nora",
        "login": "nora",
        "name": "Nora",
        "groups": ["crew"],
        "sends_groups": True,
        "sid": "s1",
        "has_factor": True,
    }


@pytest.mark.parametrize(
    ("means", "second"),
    [
        *((["mfa"], True), (["phr"], True), (["phrh"], True), (["pwd", "otp"], True), (["hwk", "fpt"], True)),
        *((["otp"], False), (["sms", "tel"], False), (["pwd", "pin"], False), (["face"], False), ([], False)),
    ],
)
def test_only_two_different_kinds_are_a_second_factor(desk: Desk, provider: HostileProvider, means: object, second: bool) -> None:
    provider.claims["amr"] = means
    assert finish(desk, provider)["ok"]["has_factor"] is second


def test_the_browser_is_sent_with_pkce_nonce_and_state(desk: Desk, provider: HostileProvider) -> None:
    begun = desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT})["ok"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun["url"]).query).items()}
    assert begun["url"].startswith(f"{provider.issuer}/auth?")
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] != begun["verifier"]
    assert (asked["state"], asked["nonce"], asked["redirect_uri"]) == (begun["state"], begun["nonce"], REDIRECT)
    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://evil.example"}, "not for this sign-in"),
        ({"aud": "another"}, "not for this sign-in"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "not for this sign-in"),
        ({"nonce": "another sign-in's"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": None}, "sub"),
        ({"iat": timedelta(seconds=600)}, "clock is [0-9]+ s ahead of ours"),
        ({"iat": timedelta(seconds=-900), "exp": timedelta(seconds=-600)}, "its clock may be behind ours"),
        ({"iat": None}, "when it was issued"),
        ({"exp": None}, "not for this sign-in"),
        ({"at_hash": "AAAA"}, "at_hash"),
        ({"groups": [f"g{number}" for number in range(6000)]}, "sends 6000 groups"),
        ({"_claim_names": {"groups": "src1"}}, "a link instead of groups"),
    ],
    ids=str,
)
def test_claims_of_another_one_or_another_time(desk: Desk, provider: HostileProvider, claims: dict[str, Any], why: str) -> None:
    now = time.time()
    provider.claims |= {name: now + value.total_seconds() if isinstance(value, timedelta) else value for name, value in claims.items()}
    answer = finish(desk, provider)
    assert "ok" not in answer
    assert re.search(why, answer["untrusted"]), answer


def test_five_hundred_groups_are_read_and_only_those_of_the_settings_are_told(desk: Desk, provider: HostileProvider) -> None:
    provider.claims["groups"] = [f"g{number}" for number in range(500)] + ["chiefs"]
    assert finish(desk, provider)["ok"]["groups"] == ["chiefs"]


def encoded(part: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def unsigned(provider: HostileProvider) -> str:
    """alg none."""
    parts = ({"alg": "none"}, provider.usual_claims() | {"nonce": provider.nonce})
    return ".".join(encoded(json.dumps(one).encode()) for one in parts) + "."


def by_our_own_secret(provider: HostileProvider) -> str:
    """HS256 with what everybody knows: its public key."""
    claims = provider.usual_claims() | {"nonce": provider.nonce}
    parts = [encoded(json.dumps(one).encode()) for one in ({"alg": "HS256", "kid": provider.key.kid}, claims)]
    proof = hmac.digest(provider.key.as_pem(private=False), ".".join(parts).encode(), "sha256")
    return ".".join([*parts, encoded(proof)])


def by_another(provider: HostileProvider) -> str:
    """The right key's name, another key."""
    return str(jwt.encode({"alg": "RS256", "kid": provider.key.kid}, provider.usual_claims() | {"nonce": provider.nonce}, KEYS[1]))


@pytest.mark.parametrize("forge", [unsigned, by_our_own_secret, by_another, lambda _: "x", lambda _: "a" * 200_000])
def test_a_token_that_the_provider_did_not_sign(desk: Desk, provider: HostileProvider, forge: Callable[[HostileProvider], str]) -> None:
    begun = desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT})["ok"]
    provider.nonce = begun["nonce"]
    provider.id_token = forge(provider)
    asked = {"provider": "company", "want": "finish", "code": "c", "redirect_uri": REDIRECT, "nonce": begun["nonce"], "verifier": "v"}
    assert "untrusted" in desk.answer(asked)


def test_a_provider_that_says_it_signs_with_nothing(desk: Desk, provider: HostileProvider) -> None:
    provider.metadata["id_token_signing_alg_values_supported"] = ["none", "HS256"]
    assert "signs with none of" in finish(desk, provider)["untrusted"]


def test_a_code_is_good_once(desk: Desk, provider: HostileProvider) -> None:
    assert "ok" in finish(desk, provider, "once")
    assert "does not accept the code (400 invalid_grant code was used)" in finish(desk, provider, "once")["untrusted"]


def test_the_answer_of_another_provider(desk: Desk, provider: HostileProvider) -> None:
    """Mix-up (RFC 9207): it says whose it is, or it had to."""
    assert "another provider's" in finish(desk, provider, iss="https://evil.example")["untrusted"]
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    desk.known["company"].read_at = -provider_metadata.KEEP
    assert "another provider's" in finish(desk, provider)["untrusted"]
    assert "ok" in finish(desk, provider, "second", iss=provider.issuer)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"issuer": "https://evil.example"}, "“https://evil.example”"),
        ({"token_endpoint": "http://evil.example/token"}, "token_endpoint is no https"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri is no https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint is no https"),
        ({"end_session_endpoint": "http://evil.example/"}, "end_session_endpoint is no https"),
        ({"token_endpoint": None}, "token_endpoint is no https"),
    ],
    ids=str,
)
def test_metadata_that_lead_elsewhere(desk: Desk, provider: HostileProvider, metadata: dict[str, Any], why: str) -> None:
    provider.metadata |= metadata
    assert why in desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT})["untrusted"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((302, b"http://127.0.0.1:1/"), "unanswered"),
        ((500, b""), "unanswered"),
        ((200, b"<html>"), "untrusted"),
        ((200, b"[]"), "untrusted"),
        ((200, b"x" * 600_000), "untrusted"),
        ((200, b"[" * 100_000), "untrusted"),
    ],
    ids=["elsewhere", "broken", "a page", "a list", "long", "deep"],
)
def test_answers_that_are_none(desk: Desk, provider: HostileProvider, answer: tuple[int, bytes], kind: str) -> None:
    provider.answers["/.well-known/openid-configuration"] = answer
    assert kind in desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT})


def test_a_provider_that_hangs_is_waited_for_as_long_as_the_settings_say(desk: Desk, provider: HostileProvider) -> None:
    provider.stalls = threading.Event()
    began = time.monotonic()
    assert "within 2 s" in desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT})["unanswered"]
    assert time.monotonic() - began < 20


def test_new_keys_are_read_when_a_token_names_them(desk: Desk, provider: HostileProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_metadata, "ANEW", 0.0)
    assert "ok" in finish(desk, provider, "first")
    provider.key = KEYS[1]
    assert "ok" in finish(desk, provider, "second")


def test_unknown_key_names_do_not_make_us_ask_again_and_again(desk: Desk, provider: HostileProvider) -> None:
    provider.header["kid"] = "nobody's"
    for number in range(5):
        assert "untrusted" in finish(desk, provider, f"c{number}")
    assert provider.asked.count("/keys") == 1


def test_user_information_of_somebody_else_is_not_taken(desk: Desk, provider: HostileProvider) -> None:
    provider.userinfo = {"sub": "sub-nora", "preferred_username": "nora", "groups": ["crew"]}
    desk.known["company"].read_at = -provider_metadata.KEEP
    assert finish(desk, provider)["ok"]["groups"] == ["crew"]
    provider.userinfo["sub"] = "sub-otto"
    assert "somebody else" in finish(desk, provider, "second")["untrusted"]


def test_a_fresh_sign_in_is_one(desk: Desk, provider: HostileProvider) -> None:
    provider.claims["auth_time"] = time.time() - 3600
    assert "ok" in finish(desk, provider, "first")
    assert "prompt=login" in finish(desk, provider, "second", is_fresh=True)["untrusted"]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({}, ""),
        ({"nonce": "x"}, "no logout token"),
        ({"events": {}}, "no logout token"),
        ({"sub": None}, "no logout token"),
        ({"aud": "another"}, "another one's"),
        ({"iss": "https://evil.example"}, "another one's"),
        ({"jti": None}, "jti"),
        ({"iat": 1, "exp": 2}, "clock"),
        ({"exp": None}, "no exp"),
        ({"iat": 1}, "too long ago"),
    ],
    ids=str,
)
def test_a_logout_token(desk: Desk, provider: HostileProvider, claims: dict[str, Any], why: str) -> None:
    given = provider.usual_claims() | LOGOUT | claims
    token = provider.signed({name: value for name, value in given.items() if value is not None})
    answer = desk.answer({"provider": "company", "want": "back-channel", "token": token})
    assert ("ok" in answer) if not why else (why in answer["untrusted"])


def test_an_id_token_is_no_logout_token(desk: Desk, provider: HostileProvider) -> None:
    token = provider.signed(provider.usual_claims())
    assert "untrusted" in desk.answer({"provider": "company", "want": "back-channel", "token": token})


def test_the_role_answers_over_its_socket_and_ends(provider: HostileProvider, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    own, stop = with_provider(settings, provider), threading.Event()
    role = threading.Thread(target=identity_role.run_role, args=(own, stop))
    role.start()
    spool = own.spool.directory
    try:
        while not identity_socket.path_of(spool).exists():
            time.sleep(0.01)
        assert identity_socket.ask_identity(
            spool, {"provider": "company", "want": "logout", "back_to": "https://m.example/"}, 2
        ).startswith(f"{provider.issuer}/end?client_id=mailroom&post_logout_redirect_uri=https")
        with pytest.raises(Untrusted):
            identity_socket.ask_identity(spool, {"provider": "nobody"}, 2)
    finally:
        stop.set()
        role.join(60)
    with pytest.raises(Unanswered):
        identity_socket.ask_identity(spool, {"provider": "company", "want": "logout", "back_to": ""}, 2)
    assert "the role identity does not answer" in caplog.text, "no provider is blamed for it"


def test_a_provider_elsewhere_leads_nobody_to_this_machine() -> None:
    provider = Provider("company", "https://id.company.example", CLIENT)
    told = {name: f"https://id.company.example/{name}" for name in provider_metadata.NEEDED} | {"issuer": provider.issuer}
    assert provider_metadata.checked(provider, told) == told
    with pytest.raises(Untrusted, match="jwks_uri"):
        provider_metadata.checked(provider, told | {"jwks_uri": "http://127.0.0.1:8080/keys"})
    with pytest.raises(Untrusted, match="no https"):
        Http(2, provider.issuer).get("http://127.0.0.1:8080/keys")


def test_headers_that_never_end_are_cut_off() -> None:
    """The server sends byte by byte, so that no single read takes long."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):
                peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                for _ in range(200):
                    peer.sendall(b"x")
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        issuer, began = f"http://127.0.0.1:{listener.getsockname()[1]}", time.monotonic()
        with pytest.raises(Unanswered):
            Http(1, issuer).get(issuer)
        assert time.monotonic() - began < 10


def test_one_provider_does_not_use_all_threads(desk: Desk, provider: HostileProvider) -> None:
    while desk.free["company"].acquire(blocking=False):
        pass
    assert "too many" in desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT})["unanswered"]


def test_who_waits_for_another_reader_waits_no_longer_than_the_time(desk: Desk) -> None:
    with desk.known["company"].lock:
        assert "keeps others waiting" in desk.answer({"provider": "company", "want": "begin", "redirect_uri": REDIRECT})["unanswered"]


def test_sub_and_name_are_short_and_printable(desk: Desk, provider: HostileProvider) -> None:
    provider.claims["name"] = "Nora\x1b[2J\n" + "x" * 500
    assert finish(desk, provider)["ok"]["name"] == "Nora[2J" + "x" * 113
    for number, sub in enumerate(("x" * 256, "a\nb")):
        provider.claims["sub"] = sub
        assert "identifier (sub)" in finish(desk, provider, f"c{number}")["untrusted"]


def test_unverified_addresses_link_no_accounts() -> None:
    with pytest.raises(ValueError, match="unverified addresses"):
        Provider.parse("company", {"issuer": "https://id.example", "client_id": "m", "login_claim": "email", "link_by_login": True})
