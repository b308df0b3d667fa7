"""Tokens over HTTP: made, shown, used, refused, slowed down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from anyio.from_thread import start_blocking_portal
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_api.conftest import Browser, Came, NewBrowser, opened, session_key, token_key
from triage.access.api_tokens import NEW_PLACE
from triage.config.settings import Settings
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import ApiToken
from triage.times import utcnow
from triage_api.http.rate_limit import Pace, Sightings, TooFast
from triage_api.http.token_scopes import needed_grant

JOE = "it+joe.fern@company.example"
LETS_A_DOMAIN_IN = {"effect": "allow", "match": "domain", "value": "dell.example", "scope": "company"}


@pytest.fixture
def ida(new_browser: NewBrowser) -> Browser:
    """Administrator of the company."""
    return new_browser("ida")


@contextmanager
def clients(settings: Settings, engine: Engine, grants: tuple[str, ...], *logins: str) -> Iterator[list[Browser]]:
    """The app with these settings: a program with a token, then a browser for each login."""
    with opened(settings, engine) as app, start_blocking_portal() as portal:
        made = [Browser(portal, app, "192.0.2.9") for _ in ("token", *logins)]
        made[0].with_token(token_key(engine, *grants))
        for browser, login in zip(made[1:], logins, strict=True):
            browser.client.cookies.set("mailroom", session_key(engine, login), domain="127.0.0.1")
        yield made
        for browser in made:
            browser.close()


def test_a_token_that_only_decides_purges_a_sender_and_leaves_no_rule_behind(
    ana: Browser, new_browser: NewBrowser, engine: Engine, came: Came
) -> None:
    came(JOE, author="wave@bad.example")
    program = new_browser().with_token(token_key(engine, "read", "decide"))
    made = program.post("/decisions", {"verb": "purge", "select": {"sender": "wave@bad.example"}})
    assert (made.status_code, made.json()["done"], made.json()["rules"]) == (201, 1, [])
    came(JOE, author="other@bad.example")
    assert len(ana.post("/decisions", {"verb": "purge", "select": {"sender": "other@bad.example"}}).json()["rules"]) == 1


@pytest.mark.parametrize("host", ["x/api/v1/me?", "x/api/v1/me#", "127.0.0.1"])
def test_what_a_token_may_does_not_depend_on_the_name_it_asks_by(new_browser: NewBrowser, engine: Engine, came: Came, host: str) -> None:
    (mail,) = came(JOE)
    program = new_browser().with_token(token_key(engine, "learn"))
    assert program.get(f"/deliveries/{mail}", headers={"Host": host}).status_code == 403
    assert program.get("/me", headers={"Host": host}).status_code == 200


def test_a_token_is_made_used_shown_and_revoked(ida: Browser, new_browser: NewBrowser, came: Came) -> None:
    (mail,) = came(JOE)
    made = ida.post("/tokens", {"name": "export", "grants": ["read", "decide"]})
    assert made.status_code == 201
    program = new_browser(address="198.51.100.4").with_token(made.json()["key"])
    assert program.get(f"/deliveries/{mail}").status_code == 200
    decided = program.post("/decisions", {"verb": "purge", "select": {"ids": [mail]}})
    assert (decided.status_code, decided.json()["by_name"]) == (201, "export (token)")
    assert program.get("/me").json()["grants"] == ["decide", "read"]
    (listed,) = ida.get("/tokens").json()["items"]
    assert (listed["name"], listed["client"], listed["used_at"] is not None) == ("export", "198.51.100.4", True)
    assert "key" not in listed
    assert ida.delete(f"/tokens/{made.json()['id']}").status_code == 204
    refused = program.get("/me")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.json()["detail"] == "This token is unknown, expired or revoked, or the person who created it may no longer do this."


def test_pages_meet(ida: Browser) -> None:
    for name in ("one", "two", "three"):
        ida.post("/tokens", {"name": name, "grants": ["read"]})
    first = ida.get("/tokens?limit=2").json()
    second = ida.get(f"/tokens?limit=2&cursor={first['next_cursor']}").json()
    assert [one["name"] for one in first["items"] + second["items"]] == ["three", "two", "one"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("header", ["Basic aWRhOng=", "Bearer", "Bearer nonsense", "bearer ", "Bearer \xe9"])
def test_what_is_no_token_is_nobody_even_beside_a_good_cookie(ida: Browser, header: str) -> None:
    answer = ida.get("/me", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")


def test_a_token_needs_no_origin_and_a_cookie_does(ida: Browser, new_browser: NewBrowser, engine: Engine) -> None:
    order = {"effect": "block", "match": "domain", "value": "bad.example", "scope": "company"}
    assert new_browser().with_token(token_key(engine, "rules")).post("/rules", order).status_code == 201
    ida.client.headers["Origin"] = "https://evil.example"
    assert ida.post("/rules", order).status_code == 403


def test_an_answer_lets_no_other_site_read_it(new_browser: NewBrowser) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    preflight = new_browser().request("OPTIONS", "/me", headers=asked)
    assert preflight.status_code >= 400
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_over_is_over(new_browser: NewBrowser, engine: Engine) -> None:
    program = new_browser().with_token(token_key(engine, "read"))
    assert program.get("/me").status_code == 200
    with transaction(engine) as session:
        session.scalars(select(ApiToken)).one().expires_at = utcnow() - timedelta(seconds=1)
    assert program.get("/me").status_code == 401


def test_a_token_that_asks_too_often_waits_and_nobody_else(api_settings: Settings, engine: Engine) -> None:
    slow = replace(api_settings, api=replace(api_settings.api, token_requests_per_minute=2))
    with clients(slow, engine, ("read",), "ana") as (program, ana):
        program.app.state.office.pace.clock = lambda: 0.0
        answers = [program.get("/me") for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"] == "30"
        assert [ana.get("/me").status_code for _ in range(3)] == [200] * 3


def test_a_short_burst_from_another_network_is_on_the_record(new_browser: NewBrowser, engine: Engine) -> None:
    key = token_key(engine, "read")
    at_home, thief = (new_browser(address=address).with_token(key) for address in ("192.0.2.9", "203.0.113.7"))
    for program in (at_home, thief, at_home, thief):
        assert program.get("/me").status_code == 200
    with read_transaction(engine) as session:
        details = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "token").order_by(col(AuditRecord.id)))
        assert [one["client"] for one in details if one["what"] == NEW_PLACE] == ["192.0.2.9", "203.0.113.7"]
        assert session.scalars(select(ApiToken)).one().client == "203.0.113.7"


def test_a_use_from_each_network_is_written_every_half_minute() -> None:
    clock = [0.0]
    sightings = Sightings(lambda: clock[0])
    assert sightings.is_due(1, "192.0.2.9")
    sightings.note(1, "192.0.2.9")
    due = [sightings.is_due(*one) for one in ((1, "192.0.2.9"), (2, "192.0.2.9"), (1, "203.0.113.7"))]
    assert due == [False, True, True]
    clock[0] = 30.0
    assert sightings.is_due(1, "192.0.2.9")


def test_a_bucket_fills_within_a_minute() -> None:
    clock = [0.0]
    pace = Pace(2, lambda: clock[0])
    pace.take(1)
    pace.take(1)
    with pytest.raises(TooFast) as refused:
        pace.take(1)
    assert refused.value.wait == timedelta(seconds=30)
    pace.take(2)
    clock[0] = 30.0
    pace.take(1)
    with pytest.raises(TooFast):
        pace.take(1)
    unlimited = Pace(0)
    for _ in range(10_000):
        unlimited.take(1)


@pytest.mark.parametrize(
    ("method", "path", "grant"),
    [
        ("GET", "/deliveries", "read"),
        ("GET", "/rules", "read"),
        ("POST", "/selections/preview", "read"),
        ("POST", "/rules/explain", "read"),
        ("POST", "/rules/import", "rules"),
        ("PATCH", "/rules/X", "rules"),
        ("POST", "/decisions/X/undo", "decide"),
        ("POST", "/campaigns/join", "decide"),
        ("POST", "/learn", "learn"),
        ("GET", "/audit", "admin"),
        ("GET", "/tokens", "admin"),
        ("POST", "/something/new", "admin"),
        ("GET", "/me", None),
    ],
)
def test_what_a_token_needs(method: str, path: str, grant: str | None) -> None:
    assert needed_grant(method, path) == grant


def test_who_made_a_token_does_not_turn_the_second_key_for_it(api_settings: Settings, engine: Engine) -> None:
    asking = replace(api_settings, policy=replace(api_settings.policy, approvals=("domain-allow",)))
    with clients(asking, engine, ("rules", "decide"), "ida", "ana") as (program, ida, ana):
        asked = program.post("/rules", LETS_A_DOMAIN_IN)
        assert asked.status_code == 202
        path = f"/approvals/{asked.json()['id']}/confirm"
        assert program.post(path).status_code == 403
        assert (ida.post(path).status_code, ida.post(path).json()["detail"]) == (403, "you asked for this: somebody else has to approve it")
        assert ana.post(path).status_code == 200
