"""Signing in at a provider through the API: the browser's way there and back, and every way in which somebody tries to misuse it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from sqlalchemy import Engine, select, update
from sqlmodel import col

from identity.identity_role import Desk
from tests.identity.hostile_provider import CLIENT, HostileProvider, running
from tests.triage_api.conftest import Browser, opened
from triage.access.second_factor import authenticator_app
from triage.actor import Actor
from triage.config.identity_providers import Provider
from triage.config.settings import Identity, Settings
from triage.runtime import identity_socket, json_socket
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.sign_in import SignInStep
from triage.store.models.staff import StaffSession
from triage.times import utcnow

GROUPS = ("crew => triage company",)


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    with running() as made:
        made.claims |= {"preferred_username": "nora", "name": "Nora Falk", "groups": ["crew"], "sid": "s1"}
        yield made


@pytest.fixture
def browser(settings: Settings, sqlite_engine: Engine, sqlite_url: str, provider: HostileProvider) -> Iterator[Browser]:
    """A browser at an API whose staff sign in at the provider only."""
    known = tuple(Provider(name, provider.issuer, CLIENT, title=name.title(), groups=GROUPS) for name in ("company", "partner"))
    own = replace(
        settings,
        database=replace(settings.database, url=sqlite_url),
        api=replace(settings.api, sign_in=("oidc",)),
        identity=Identity(providers=known),
    )
    stop = threading.Event()
    listener = json_socket.open_listener(identity_socket.path_of(own.spool.directory))
    role = threading.Thread(target=json_socket.answer_all, args=(listener, Desk(own).answer, stop))
    role.start()
    with opened(own, sqlite_engine) as app, start_blocking_portal() as portal, listener:
        made = Browser(portal, app, "192.0.2.9")
        yield made
        made.close()
        stop.set()
        role.join(60)


def go_there(browser: Browser, provider: HostileProvider, **given: Any) -> str:
    """Go to the provider; the state with which it sends somebody back."""
    answer = browser.post("/session/providers/company", given)
    assert answer.status_code == 200
    asked = parse_qs(urlsplit(answer.json()["url"]).query)
    provider.nonce = asked["nonce"][0]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8080/api/v1/session/providers/company/callback"]
    return str(asked["state"][0])


def come_back(browser: Browser, state: str, name: str = "company", code: str = "c") -> httpx.Response:
    """As the provider sends the browser."""
    return browser.get(f"/session/providers/{name}/callback", params={"code": code, "state": state})


def refused(browser: Browser, answer: httpx.Response) -> str:
    """Refusal that the sign-in page shows."""
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/#sign-in=")
    assert browser.get("/me").status_code == 401
    told: str = browser.get("/session/outcome", params={"key": answer.headers["location"].partition("=")[2]}).json()["refused"]
    return told


def records(engine: Engine, act: str) -> list[dict[str, Any]]:
    with read_transaction(engine) as session:
        return list(session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == act)))


def test_there_and_back(browser: Browser, provider: HostileProvider, sqlite_engine: Engine) -> None:
    assert browser.get("/session/ways").json()["password"] is False
    answer = come_back(browser, go_there(browser, provider, return_to="/rules?q=x"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules?q=x")
    me = browser.get("/me").json()
    assert (me["login"], me["role"], me["provider"]) == ("nora", "triage", {"name": "company", "title": "Company"})
    assert records(sqlite_engine, "sign-in") == [{"client": "192.0.2.9", "method": "oidc", "provider": "company"}]
    assert browser.sign_in("ana").status_code == 403, "no password counts here"
    gone = browser.post("/session/provider-logout").json()["url"]
    assert gone.startswith(f"{provider.issuer}/end?")
    assert "&id_token_hint=ey" in gone
    assert browser.get("/me").status_code == 401


def test_a_provider_that_asks_for_no_second_factor_leaves_that_to_us(
    browser: Browser, provider: HostileProvider, sqlite_engine: Engine
) -> None:
    come_back(browser, go_there(browser, provider))
    made = browser.post("/second-factors/app").json()
    before = utcnow() - timedelta(minutes=2)
    with transaction(sqlite_engine) as session:
        generator = authenticator_app.generator_of(made["secret"])
        code = generator.generate(int(before.timestamp())).decode()
        authenticator_app.store_app(session, "nora", made["secret"], code, by=Actor.system("test"), now=before)
    browser.delete("/session")
    answer = come_back(browser, go_there(browser, provider, return_to="/rules"), code="d")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#second-factor")
    assert browser.get("/me").status_code == 401
    assert browser.get("/session/second-factor").json()["return_to"] == "/rules"
    assert browser.post("/session/second-factor", {"code": generator.generate(int(utcnow().timestamp())).decode()}).status_code == 201
    assert records(sqlite_engine, "sign-in")[-1] == {"client": "192.0.2.9", "method": "oidc", "provider": "company", "second_factor": True}


def test_a_locked_console_whose_cookie_was_deleted_asks_for_a_fresh_sign_in(
    browser: Browser, provider: HostileProvider, sqlite_engine: Engine
) -> None:
    come_back(browser, go_there(browser, provider))
    with transaction(sqlite_engine) as session:
        session.execute(update(StaffSession).values(seen_at=utcnow() - timedelta(minutes=30)))
    browser.client.cookies.clear()
    again = come_back(browser, go_there(browser, provider, return_to="/rules"), code="d")
    asked = parse_qs(urlsplit(again.headers["location"]).query)
    assert (again.headers["location"].startswith(provider.issuer), asked["prompt"]) == (True, ["login"])
    assert browser.get("/me").status_code == 401
    provider.nonce = asked["nonce"][0]
    provider.claims["auth_time"] = int(utcnow().timestamp())
    assert come_back(browser, asked["state"][0], code="e").headers["location"] == "/rules"
    browser.client.cookies.clear()
    provider.claims.pop("auth_time")
    assert come_back(browser, go_there(browser, provider), code="f").headers["location"] == "/", "the locked session is over"


def test_six_wrong_pins_or_a_colleagues_sign_in_leave_a_lock_that_only_the_provider_opens(
    browser: Browser, provider: HostileProvider, sqlite_engine: Engine
) -> None:
    """The provider's own session in that browser is alive: it would open the session for whoever sits there."""
    office = browser.app.state.office
    office.settings = replace(office.settings, api=replace(office.settings.api, sign_in=("oidc", "local"), pin_networks=("192.0.2.0/24",)))
    for number, colleague in enumerate(("", "ana")):
        provider.claims["auth_time"] = int(utcnow().timestamp())
        come_back(browser, go_there(browser, provider, fresh=True), code=f"in {number}")
        assert browser.request("PUT", "/session/pin", json={"pin": "804715"}).status_code == 204
        for _ in range(6):
            assert browser.post("/session/unlock", {"login": "nora", "pin": "111111"}).status_code == 401
        if colleague:
            assert browser.sign_in(colleague).status_code == 201
            assert browser.delete("/session").status_code == 204
        browser.client.cookies.clear()
        provider.claims.pop("auth_time")
        again = come_back(browser, go_there(browser, provider), code=f"again {number}")
        assert again.headers["location"].startswith(provider.issuer)
        assert parse_qs(urlsplit(again.headers["location"]).query)["prompt"] == ["login"]
        assert browser.get("/me").status_code == 401


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/api/v1/tokens", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(browser: Browser, provider: HostileProvider, path: str) -> None:
    assert come_back(browser, go_there(browser, provider, return_to=path)).headers["location"] == "/"


def test_an_answer_belongs_to_the_browser_that_asked(browser: Browser, provider: HostileProvider) -> None:
    state = go_there(browser, provider)
    assert "begun in another browser" in refused(browser, come_back(browser, "another state"))
    assert "this sign-in has expired" in refused(browser, come_back(browser, state)), "a step is good once"
    state = go_there(browser, provider)
    assert "this sign-in has expired" in refused(browser, come_back(browser, state, name="partner")), "another provider's answer"
    state = go_there(browser, provider)
    browser.client.cookies.clear()
    assert "this sign-in has expired" in refused(browser, come_back(browser, state))


def test_why_nobody_is_signed_in_is_said_and_on_the_record(browser: Browser, provider: HostileProvider, sqlite_engine: Engine) -> None:
    provider.claims["groups"] = ["nobody's"]
    assert "no group of yours" in refused(browser, come_back(browser, go_there(browser, provider)))
    provider.claims["iss"] = "https://evil.example"
    assert "is invalid" in refused(browser, come_back(browser, go_there(browser, provider), code="d"))
    state = go_there(browser, provider)
    denied = browser.get("/session/providers/company/callback", params={"error": "access_denied", "state": state})
    assert "did not sign you in" in refused(browser, denied)
    assert [one["provider"] for one in records(sqlite_engine, "sign-in-failed")] == ["company"] * 3


def test_a_provider_that_is_down(browser: Browser, provider: HostileProvider) -> None:
    provider.answers["/.well-known/openid-configuration"] = (503, b"")
    answer = browser.post("/session/providers/company", {})
    assert answer.status_code == 503
    assert "Company does not answer; sign in another way" in answer.json()["detail"]
    assert browser.post("/session/providers/nobody", {}).status_code == 404


def test_the_provider_ends_a_session_without_a_browser(browser: Browser, provider: HostileProvider, sqlite_engine: Engine) -> None:
    come_back(browser, go_there(browser, provider))
    event = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "jti": "1", "sid": "s1"}
    good = provider.signed(provider.usual_claims() | event)
    for token, status in ((good[:-8] + "AAAAAAAA", 422), (good, 200)):
        asked = httpx.Request("POST", "http://x", data={"logout_token": token})
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": "https://id.company.example"}
        answer = browser.request("POST", "/session/providers/company/back-channel-logout", content=asked.read(), headers=headers)
        assert answer.status_code == status
        assert browser.get("/me").status_code == (401 if status == 200 else 200)
    assert records(sqlite_engine, "sign-out")[-1]["back_channel"] is True


def test_after_the_idle_lock_the_provider_asks_again(browser: Browser, provider: HostileProvider, sqlite_engine: Engine) -> None:
    come_back(browser, go_there(browser, provider))
    with transaction(sqlite_engine) as session:
        session.scalars(select(StaffSession)).one().seen_at -= timedelta(hours=11)
    asked = parse_qs(urlsplit(browser.post("/session/providers/company", {}).json()["url"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    provider.claims["auth_time"] = time.time() - 3600
    assert "did not" in refused(browser, come_back(browser, go_there(browser, provider), code="d"))
    provider.claims["auth_time"] = time.time()
    assert come_back(browser, go_there(browser, provider), code="e").headers["location"] == "/"


def test_nobody_floods_the_steps_or_the_record(browser: Browser, provider: HostileProvider, sqlite_engine: Engine) -> None:
    assert "this sign-in has expired" in refused(browser, come_back(browser, "no state"))
    with read_transaction(sqlite_engine) as session:
        assert session.scalars(select(SignInStep)).all() == []
    assert records(sqlite_engine, "sign-in-failed") == []
    for number in range(30):
        assert browser.post("/session/providers/company", {}).status_code == 200, number
    answer = browser.post("/session/providers/company", {})
    assert (answer.status_code, answer.headers["retry-after"].isdigit()) == (429, True)


def test_only_names_of_errors_go_on_the_record(browser: Browser, provider: HostileProvider, sqlite_engine: Engine) -> None:
    for error in ("access_denied", "Call 555 0100 now"):
        state = go_there(browser, provider)
        refused(browser, browser.get("/session/providers/company/callback", params={"error": error, "state": state}))
    first, second = (one["why"] for one in records(sqlite_engine, "sign-in-failed"))
    assert (first, "555" in second) == ("access_denied", False)
