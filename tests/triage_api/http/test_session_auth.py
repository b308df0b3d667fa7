"""Signing in over HTTP: the cookie, the throttle, and everything that ends a session."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage_api.conftest import PASSWORD, Browser, NewBrowser
from triage.access import staff_login
from triage.config.settings import Settings
from triage.runtime import sandbox
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import StaffMember, StaffSession
from triage.times import utcnow
from triage_api.app import make_app

ME = {
    "login": "ben",
    "name": "Ben Okafor",
    "role": "triage",
    "scope": ["department:legal"],
    "company": {"domains": ["company.example"], "enforcement": "hold-unknown", "time_zone": "UTC"},
    "undo_seconds": 10,
    "preferences": dict.fromkeys(("theme", "density", "letters", "language", "group", "undo_seconds", "notifications", "keys")),
    "substitutes_for": [],
    "recalls": True,
    "previews": True,
    "no_previews": "",
    "measures": True,
    "looks_after_outgoing": False,
    "verbs": ["release", "redirect", "purge", "reject", "restore", "hold"],
    "last_sign_in": None,
    "provider": None,
    "grants": None,
}


def test_a_whole_session(new_browser: NewBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "can_draw", lambda: True)
    browser = new_browser()
    assert browser.get("/me").status_code == 401
    answer = browser.sign_in("ben")
    assert (answer.status_code, answer.json()) == (201, ME)
    name, _, attributes = answer.headers["set-cookie"].partition("=")
    assert name == "mailroom"
    assert set(attributes.partition("; ")[2].split("; ")) == {"HttpOnly", "Path=/", "SameSite=strict"}
    assert browser.get("/me").json() == ME
    key = browser.client.cookies["mailroom"]
    assert browser.delete("/session").status_code == 204
    assert "mailroom" not in browser.client.cookies
    assert browser.get("/me", headers={"Cookie": f"mailroom={key}"}).status_code == 401


@pytest.mark.parametrize(
    ("login", "password"),
    [("ben", "wrong"), ("nobody", PASSWORD), ("ben", ""), ("", PASSWORD)],
    ids=["password", "name", "empty", "no name"],
)
def test_a_wrong_sign_in_does_not_say_what_was_wrong(new_browser: NewBrowser, login: str, password: str) -> None:
    answer = new_browser().sign_in(login, password)
    assert answer.status_code == 401
    assert answer.json() == {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Name or password is wrong."}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers


def test_after_five_failures_an_account_waits_and_nobody_else_there(new_browser: NewBrowser, engine: Engine) -> None:
    browser = new_browser(address="192.0.2.66")
    with transaction(engine) as session:
        for _ in range(4):
            staff_login.begin_attempt(session, "ben", "192.0.2.66", now=utcnow())
    assert [browser.sign_in("ben", "guess").status_code for _ in range(2)] == [401, 429]
    answer = browser.sign_in("ben")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 900
    assert new_browser(address="192.0.2.7").sign_in("ben").status_code == 429
    assert browser.sign_in("ana").status_code == 201


def test_each_sign_in_has_a_new_key_and_ends_the_one_before(ana: Browser) -> None:
    before = ana.client.cookies["mailroom"]
    assert ana.sign_in("ana").status_code == 201
    assert ana.client.cookies["mailroom"] != before
    assert ana.get("/me", headers={"Cookie": f"mailroom={before}"}).status_code == 401


@pytest.mark.parametrize(("column", "ago"), [("seen_at", timedelta(minutes=30)), ("started_at", timedelta(hours=12))], ids=["idle", "old"])
def test_sessions_end_by_themselves(ana: Browser, engine: Engine, column: str, ago: timedelta) -> None:
    with transaction(engine) as session:
        session.execute(update(StaffSession).values({column: utcnow() - ago + timedelta(minutes=1)}))
    assert ana.get("/me").status_code == 200
    with transaction(engine) as session:
        session.execute(update(StaffSession).values({column: utcnow() - ago}))
    assert ana.get("/me").status_code == 401


def test_a_request_keeps_the_session_awake(ana: Browser, engine: Engine) -> None:
    asleep = utcnow() - timedelta(minutes=20)
    with transaction(engine) as session:
        session.execute(update(StaffSession).values(seen_at=asleep))
    ana.get("/me", headers={"X-Mailroom-Background": "1"})
    with transaction(engine) as session:
        assert session.scalars(select(col(StaffSession.seen_at))).one() == asleep, "an open console by itself does not"
    ana.get("/me")
    with transaction(engine) as session:
        assert session.scalars(select(col(StaffSession.seen_at))).one() > asleep


def test_the_last_sign_in_is_told(new_browser: NewBrowser) -> None:
    first, second = new_browser(address="192.0.2.66"), new_browser(address="192.0.2.7")
    assert first.sign_in("ben").json()["last_sign_in"] is None
    told = second.sign_in("ben").json()["last_sign_in"]
    assert told["client"] == "192.0.2.66"
    assert second.get("/me").json()["last_sign_in"] == told
    assert first.get("/me").json()["last_sign_in"] is None


def test_signing_out_everywhere(new_browser: NewBrowser) -> None:
    here, there, other = new_browser("ben"), new_browser("ben"), new_browser("ana")
    listed = here.get("/sessions").json()["items"]
    assert sorted(one["current"] for one in listed) == [False, True]
    assert {one["login"] for one in listed} == {"ben"}
    answer = here.delete("/sessions")
    assert (answer.status_code, answer.json()) == (200, {"ended": 2})
    assert "mailroom" not in here.client.cookies
    assert (there.get("/me").status_code, other.get("/me").status_code) == (401, 200)


def test_only_administrators_see_and_end_the_sessions_of_others(new_browser: NewBrowser) -> None:
    ben, ida = new_browser("ben"), new_browser("ida")
    assert ben.get("/sessions", params={"login": "ida"}).status_code == 403
    assert ben.delete("/sessions", params={"login": "ida"}).status_code == 403
    assert [one["login"] for one in ida.get("/sessions", params={"login": "ben"}).json()["items"]] == ["ben"]
    assert ida.delete("/sessions", params={"login": "nobody"}).status_code == 404
    assert ida.delete("/sessions", params={"login": "ben"}).json() == {"ended": 1}
    assert (ben.get("/me").status_code, ida.get("/me").status_code) == (401, 200)


def test_who_is_removed_is_out_at_once_and_a_new_scope_counts_at_once(ana: Browser, engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ana").values(scope=["department:it"]))
    assert ana.get("/me").json()["scope"] == ["department:it"]
    with transaction(engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ana").values(active=False))
    assert ana.get("/me").status_code == 401


@pytest.mark.parametrize("key", ["", "x", "é" * 10, "a" * 5000])
def test_an_unknown_key_is_nobody(new_browser: NewBrowser, key: str) -> None:
    assert new_browser().get("/me", headers={"Cookie": f"mailroom={key}".encode()}).status_code == 401


def test_behind_tls_the_cookie_is_bound_to_the_host(api_settings: Settings, app: FastAPI, new_browser: NewBrowser) -> None:
    secure = replace(api_settings, api=replace(api_settings.api, public_url="https://mailroom.company.example"))
    browser = new_browser()
    other = Browser(browser.portal, behind := make_app(secure), "192.0.2.9")
    answer = other.post("/session", {"login": "ana", "password": PASSWORD}, headers={"Origin": "https://mailroom.company.example"})
    assert answer.headers["set-cookie"].startswith("__Host-mailroom=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert "Domain" not in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    other.close()
    behind.state.office.close()


def test_a_wrong_password_is_on_the_record_and_what_was_typed_as_a_login_is_not(new_browser: NewBrowser, engine: Engine) -> None:
    browser = new_browser()
    for login in ("ana", "MyPassword!"):
        assert browser.post("/session", {"login": login, "password": "wrong"}).status_code == 401
    with read_transaction(engine) as session:
        failed = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "sign-in-failed").order_by(col(AuditRecord.id))).all()
    assert [(one.subject, one.detail) for one in failed] == [("staff:ana", {"client": "192.0.2.9"}), ("staff", {"client": "192.0.2.9"})]
