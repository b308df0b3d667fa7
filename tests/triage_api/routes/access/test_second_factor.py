"""Second factors over HTTP: signing in with one, setting one up, and giving it once more before acts that ask for it."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage_api.conftest import Browser, NewBrowser, token_key
from triage.access.second_factor import authenticator_app, factor_policy
from triage.actor import Actor
from triage.config.settings import Settings
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.sign_in import AuthenticatorApp, SignInStep
from triage.store.models.staff import StaffSession
from triage.times import utcnow

RULE = {"effect": "allow", "match": "domain", "value": "partner.example", "scope": "company"}
NAMELESS = (
    "passkeys need a host name: open the console by its name, not by an IP address (on the server itself: http://localhost with its port)"
)
OWN = {"app": False, "passkeys": [], "no_passkeys": NAMELESS, "recovery_codes": 0, "required": False}
SYSTEM = Actor.system("test")


def code_of(secret: str, at: datetime | None = None) -> str:
    """Code that the app shows."""
    return authenticator_app.generator_of(secret).generate(int((at or utcnow()).timestamp())).decode()


@pytest.fixture
def secret(engine: Engine) -> str:
    """Secret of Ida's app, whose last code was used two minutes ago."""
    secret, before = authenticator_app.make_secret(), utcnow() - timedelta(minutes=2)
    with transaction(engine) as session:
        authenticator_app.store_app(session, "ida", secret, code_of(secret, before), by=SYSTEM, now=before)
    return secret


def half_signed_in(new_browser: NewBrowser, login: str = "ida", **asked: Any) -> Browser:
    """A browser whose password was right."""
    browser = new_browser()
    answer = browser.sign_in(login)
    assert answer.status_code == 202
    assert answer.json() == {"factors": {"app": True, "passkeys": 0, "recovery_codes": 0}, "set_up": False, "return_to": "/"} | asked
    assert browser.get("/me").status_code == 401
    return browser


def test_a_password_alone_does_not_sign_in_and_a_code_counts_once(new_browser: NewBrowser, secret: str, app: Any) -> None:
    browser, other = half_signed_in(new_browser), half_signed_in(new_browser)
    assert browser.get("/session/second-factor").json()["factors"]["app"]
    code = code_of(secret)
    answer = browser.post("/session/second-factor", {"code": f" {code[:3]} {code[3:]}"})
    assert (answer.status_code, answer.json()["login"]) == (201, "ida")
    assert browser.get("/me").status_code == 200
    refused = other.post("/session/second-factor", {"code": code})
    assert refused.status_code == 401
    assert refused.json()["detail"] == "This second factor is wrong, or was used already. Wait for the app's next code, or use another one."
    assert other.get("/me").status_code == 401


def test_a_sign_in_belongs_to_the_browser_that_began_it_and_is_over_after_ten_minutes(
    new_browser: NewBrowser, engine: Engine, secret: str
) -> None:
    browser = half_signed_in(new_browser)
    assert new_browser().post("/session/second-factor", {"code": code_of(secret)}).status_code == 404
    with transaction(engine) as session:
        session.execute(update(SignInStep).values(at=utcnow() - timedelta(minutes=10)))
    answer = browser.post("/session/second-factor", {"code": code_of(secret)})
    assert (answer.status_code, answer.json()["detail"]) == (404, "this took longer than ten minutes, or was done already; begin again")


def test_guessing_codes_is_slow_also_with_the_password_in_between(new_browser: NewBrowser, engine: Engine, secret: str) -> None:
    browser = half_signed_in(new_browser)
    wrong = "000000" if code_of(secret) != "000000" else "111111"
    assert [browser.post("/session/second-factor", {"code": wrong}).status_code for _ in range(2)] == [401, 401]
    browser.sign_in("ida")
    answers = [browser.post("/session/second-factor", {"code": given}).status_code for given in (wrong, code_of(secret))]
    assert answers == [401, 429]
    with read_transaction(engine) as session:
        failed = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "sign-in-failed")).all()
    assert [(one.subject, one.detail["why"]) for one in failed] == [("staff:ida", "second factor")] * 3


def test_recovery_codes_replace_a_lost_phone_once_each(new_browser: NewBrowser, engine: Engine, secret: str) -> None:
    browser = half_signed_in(new_browser)
    browser.post("/session/second-factor", {"code": code_of(secret)})
    codes = browser.post("/second-factors/recovery-codes").json()["codes"]
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", one) for one in codes)
    for status in (201, 401):
        other = new_browser()
        assert other.sign_in("ida").status_code == 202
        assert other.post("/session/second-factor", {"recovery_code": codes[0].upper().replace("-", " ")}).status_code == status
    assert browser.get("/second-factors").json() == OWN | {"app": True, "recovery_codes": 9}
    again = browser.post("/second-factors/recovery-codes").json()["codes"]
    assert not set(codes) & set(again)
    other.sign_in("ida")
    assert other.post("/session/second-factor", {"recovery_code": codes[1]}).status_code == 401


class TestRequired:
    """Administrators must have one."""

    @pytest.fixture
    def api_settings(self, api_settings: Settings) -> Settings:
        return replace(api_settings, api=replace(api_settings.api, require_second_factor=("admin",)))

    def test_who_has_none_sets_up_an_app_at_the_sign_in(self, new_browser: NewBrowser) -> None:
        assert new_browser().sign_in("ana").status_code == 201
        browser = half_signed_in(new_browser, set_up=True, factors={"app": False, "passkeys": 0, "recovery_codes": 0})
        assert browser.post("/session/second-factor", {"code": "123456"}).status_code == 401
        shown = browser.post("/session/second-factor/app").json()
        assert shown == browser.post("/session/second-factor/app").json(), "asked for again, the QR code stays"
        assert shown["uri"].startswith("otpauth://totp/Mailroom:ida?")
        assert f"secret={shown['secret']}" in shown["uri"]
        assert set("".join(shown["rows"])) == {"0", "1"}
        assert browser.post("/session/second-factor", {"code": code_of(shown["secret"])}).status_code == 201
        assert browser.get("/second-factors").json() == OWN | {"app": True, "required": True}
        other = half_signed_in(new_browser)
        assert other.post("/session/second-factor/app").status_code == 403, "a stolen password sets up no second app"

    def test_a_session_from_before_the_setting_acts_with_a_factor_only(self, new_browser: NewBrowser) -> None:
        ida = new_browser("ida")
        assert needs_factor(ida.post("/rules", RULE))
        made = ida.post("/second-factors/app").json()
        assert (
            ida.request("PUT", "/second-factors/app", json={"ticket": made["ticket"], "code": code_of(made["secret"])}).status_code == 204
        )
        assert ida.post("/rules", RULE).status_code == 201


def needs_factor(answer: httpx.Response) -> bool:
    """Whether it asks for the second factor once more."""
    return answer.status_code == 403 and answer.json()["type"] == "urn:mailroom:second-factor-needed"


def grow_old(engine: Engine) -> None:
    """Ten minutes pass since second factors were given."""
    with transaction(engine) as session:
        session.execute(
            update(StaffSession).where(col(StaffSession.factor_at).is_not(None)).values(factor_at=utcnow() - timedelta(minutes=10))
        )


ASKING = {
    "an allow rule for a domain": ("POST", "/rules", RULE),
    "the emergency": ("PUT", "/emergency", {"until": (utcnow() + timedelta(hours=1)).isoformat(), "reason": "a storm"}),
    "a person's data": ("POST", "/person-data/export", {"address": "joe@elsewhere.example", "reason": "asked"}),
    "a token": ("POST", "/tokens", {"name": "nightly", "grants": ["read"]}),
}


@pytest.mark.parametrize(("method", "path", "order"), ASKING.values(), ids=ASKING.keys())
def test_acts_that_ask_for_it_once_more(
    new_browser: NewBrowser, engine: Engine, secret: str, method: str, path: str, order: dict[str, Any]
) -> None:
    ida = new_browser("ida")
    assert needs_factor(ida.request(method, path, json=order))
    assert ida.post("/second-factors/proof", {"code": "1"}).status_code == 403
    assert ida.post("/second-factors/proof", {"code": code_of(secret)}).status_code == 204
    assert ida.request(method, path, json=order).status_code in (200, 201)
    grow_old(engine)
    assert needs_factor(ida.request(method, path, json=order))


def test_who_has_none_is_not_asked_and_a_token_is_no_person(new_browser: NewBrowser, engine: Engine, secret: str) -> None:
    assert new_browser("ana").post("/rules", RULE).status_code == 201
    program = new_browser().with_token(token_key(engine, "admin", "read", "rules"))
    assert program.get("/second-factors").status_code == 403
    assert program.post("/second-factors/recovery-codes").status_code == 403


def test_an_open_session_alone_changes_no_second_factor(new_browser: NewBrowser, engine: Engine, secret: str) -> None:
    ida = new_browser("ida")
    for method, path in (("POST", "/second-factors/app"), ("DELETE", "/second-factors/app"), ("POST", "/second-factors/recovery-codes")):
        assert needs_factor(ida.request(method, path))
    ida.post("/second-factors/proof", {"code": code_of(secret)})
    assert ida.delete("/second-factors/app").status_code == 204
    assert new_browser().sign_in("ida").status_code == 201


def test_a_wrong_first_code_sets_up_nothing_and_says_what_to_look_at(new_browser: NewBrowser, engine: Engine) -> None:
    ana = new_browser("ana")
    made = ana.post("/second-factors/app").json()
    late = code_of(made["secret"], utcnow() - timedelta(minutes=10))
    answer = ana.request("PUT", "/second-factors/app", json={"ticket": made["ticket"], "code": late})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "code: this is not the app's present code; check that the clocks of the phone and of the Mailroom server are right"
    )
    stolen = new_browser("ida").request("PUT", "/second-factors/app", json={"ticket": made["ticket"], "code": code_of(made["secret"])})
    assert stolen.status_code == 404, "a ticket is its account's"
    with read_transaction(engine) as session:
        assert session.scalars(select(AuthenticatorApp)).all() == []


def test_after_a_reset_the_password_is_enough_and_sessions_are_over(new_browser: NewBrowser, engine: Engine, secret: str) -> None:
    ida = new_browser("ida")
    with transaction(engine) as session:
        assert factor_policy.reset_factors(session, " IDA", by=SYSTEM, now=utcnow()) == 1
    assert ida.get("/me").status_code == 401
    assert new_browser().sign_in("ida").status_code == 201
