"""Locked sessions and PINs over HTTP: opened again within two seconds, by whoever set the PIN in this browser, and by nobody else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlmodel import Session, col

from tests.triage_api.conftest import PASSWORD_HASH, Browser, NewBrowser
from tests.triage_api.routes.access.test_second_factor import code_of, needs_factor
from triage.access import accounts, break_glass, external_accounts, sessions
from triage.access.second_factor import authenticator_app, factor_policy
from triage.actor import Actor
from triage.config.settings import Settings
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import BrowserPin, StaffMember, StaffSession
from triage.times import utcnow

ANAS, BENS = "804715", "290643"
SYSTEM = Actor.system("test")
ADMIN = Actor.shell("root", "")
GONE = {"status": 403, "detail": "no PIN opens a session here any more; sign in"}
ELSEWHERE = "no PIN works here: this address is not in the networks for PINs"


@pytest.fixture
def api_settings(api_settings: Settings) -> Settings:
    """PINs count at the reception."""
    return replace(api_settings, api=replace(api_settings.api, pin_networks=("192.0.2.0/24",)))


def set_pin(browser: Browser, pin: str = ANAS) -> Browser:
    """Set a PIN in this session."""
    assert browser.request("PUT", "/session/pin", json={"pin": pin}).status_code == 204
    return browser


def unlock(browser: Browser, login: str = "ana", pin: str = ANAS) -> tuple[int, str]:
    """Status, and who is in or why not."""
    answer = browser.post("/session/unlock", {"login": login, "pin": pin})
    return answer.status_code, answer.json()["login" if answer.status_code == 201 else "detail"]


def holders(browser: Browser) -> list[str]:
    """Logins whose sessions the sign-in page of this browser offers to unlock."""
    return [one["login"] for one in browser.get("/session/ways").json()["pins"]]


def grow_idle(engine: Engine, minutes: int, column: str = "seen_at") -> None:
    """Set all sessions back as if idle for this many minutes."""
    with transaction(engine) as session:
        session.execute(update(StaffSession).values({column: utcnow() - timedelta(minutes=minutes)}))


def test_after_a_short_absence_a_pin_opens_the_session_and_after_a_long_one_it_does_not(new_browser: NewBrowser, engine: Engine) -> None:
    browser = set_pin(new_browser("ana"))
    assert browser.get("/session/pin").json() == {"is_set": True, "refused": None, "minutes": 240}
    before = browser.client.cookies["mailroom"]
    grow_idle(engine, 239)
    assert browser.get("/me").status_code == 401
    assert holders(browser) == ["ana"]
    assert unlock(browser) == (201, "ana")
    assert browser.get("/me").status_code == 200
    assert browser.get("/me", headers={"Cookie": f"mailroom={before}"}).status_code == 401, "the key is a new one"
    grow_idle(engine, 240)
    assert holders(browser) == []
    assert unlock(browser) == (403, GONE["detail"])


def test_it_ends_when_the_sign_in_would_have(new_browser: NewBrowser, engine: Engine) -> None:
    browser = set_pin(new_browser("ana"))
    grow_idle(engine, 11 * 60, "started_at")
    assert unlock(browser) == (201, "ana")
    grow_idle(engine, 12 * 60, "started_at")
    assert unlock(browser) == (403, GONE["detail"])


def test_the_cookie_is_out_of_reach_and_the_pin_is_kept_as_a_slow_hash_with_the_browsers_secret(
    new_browser: NewBrowser, engine: Engine
) -> None:
    browser = new_browser("ana")
    answer = browser.request("PUT", "/session/pin", json={"pin": ANAS})
    name, _, attributes = answer.headers["set-cookie"].partition("=")
    secret, _, attributes = attributes.partition("; ")
    assert name == "mailroom-browser"
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(attributes.split("; "))
    with read_transaction(engine) as session:
        kept = session.scalars(select(BrowserPin)).one()
    assert kept.pin_hash.startswith("$argon2id$")
    assert secret not in str(kept.model_dump())
    assert ANAS not in str(kept.model_dump())


def test_a_pin_set_in_one_browser_is_nothing_in_another(new_browser: NewBrowser) -> None:
    here, there = set_pin(new_browser("ana")), new_browser("ana")
    assert unlock(there) == (403, GONE["detail"])
    assert there.get("/session/pin").json()["is_set"] is False
    set_pin(there, BENS)
    assert unlock(here, pin=BENS) == (401, "This PIN is wrong. 5 tries are left.")
    assert (unlock(here), unlock(there, pin=BENS)) == ((201, "ana"), (201, "ana"))
    there.client.cookies.set("mailroom-browser", "another", domain="127.0.0.1")
    assert unlock(there, pin=BENS) == (403, GONE["detail"])


def test_after_six_wrong_ones_only_a_sign_in_opens_and_all_is_on_the_record(new_browser: NewBrowser, engine: Engine) -> None:
    browser = set_pin(new_browser("ana"))
    browser.post("/session/lock")
    assert unlock(browser, pin="111111") == (401, "This PIN is wrong. 5 tries are left.")
    assert unlock(browser) == (201, "ana")
    browser.post("/session/lock")
    wrong = [unlock(browser, pin=str(pin)) for pin in range(111111, 111115)]
    assert wrong[-1] == (401, "This PIN is wrong. 1 try is left."), "the wrong one of before still counts"
    used_up = "This PIN was wrong too often and is removed. Sign in; then you can set a new one."
    assert unlock(browser, pin="x" * 200) == (401, used_up)
    assert unlock(browser) == (403, GONE["detail"])
    assert browser.sign_in("ana").status_code == 201
    assert browser.get("/session/pin").json()["is_set"] is False
    with read_transaction(engine) as session:
        failed = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "sign-in-failed").order_by(col(AuditRecord.id))).all()
        locks = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "sign-in-locked")).all()
    assert {one.subject for one in failed} == {"staff:ana"}
    assert [one.detail["why"] for one in failed] == ["PIN"] * 5 + ["PIN, 6 times: it is removed"]
    assert locks == [{"client": "192.0.2.9", "number": 6, "why": "PIN"}]


def test_the_right_pin_at_the_sixth_try_opens_and_a_full_sign_in_begins_the_count_anew(new_browser: NewBrowser) -> None:
    browser = set_pin(new_browser("ana"))
    for _ in range(5):
        unlock(browser, pin=BENS)
    assert holders(browser) == ["ana"]
    assert unlock(browser) == (201, "ana")
    assert unlock(browser) == (201, "ana"), "a right one takes its own try back only"
    assert browser.sign_in("ana").status_code == 201
    assert unlock(browser, pin=BENS) == (401, "This PIN is wrong. 5 tries are left.")


def test_two_people_at_one_desk_change_places(new_browser: NewBrowser) -> None:
    desk = set_pin(new_browser("ana"))
    assert desk.sign_in("ben").status_code == 201
    assert holders(desk) == ["ana"], "ana waits locked, ben has no PIN"
    set_pin(desk, BENS)
    bens = desk.client.cookies["mailroom"]
    assert unlock(desk) == (201, "ana")
    assert desk.get("/me", headers={"Cookie": f"mailroom={bens}"}).status_code == 401, "ben's is locked meanwhile"
    assert sorted(holders(desk)) == ["ana", "ben"]
    assert unlock(desk, "ben", ANAS) == (401, "This PIN is wrong. 5 tries are left.")
    assert unlock(desk, "ben", BENS) == (201, "ben")
    assert unlock(desk) == (201, "ana")


def test_whoever_takes_a_browser_over_ends_the_session_of_somebody_without_a_pin(new_browser: NewBrowser, engine: Engine) -> None:
    desk = new_browser("ana")
    assert desk.sign_in("ben").status_code == 201
    with read_transaction(engine) as session:
        assert session.scalars(select(col(StaffSession.login))).all() == ["ben"]


def test_whoever_takes_a_browser_over_locks_the_session_of_before_also_where_its_secret_was_deleted(new_browser: NewBrowser) -> None:
    desk = set_pin(new_browser("ana"))
    anas = desk.client.cookies["mailroom"]
    desk.client.cookies.delete("mailroom-browser")
    assert desk.sign_in("ben").status_code == 201
    assert desk.get("/me", headers={"Cookie": f"mailroom={anas}"}).status_code == 401


def test_the_break_glass_account_takes_the_browser_over_and_no_pin_opens_its_session(new_browser: NewBrowser, engine: Engine) -> None:
    desk = set_pin(new_browser("ida"), BENS)
    assert desk.sign_in("ana").status_code == 201
    anas = set_pin(desk).client.cookies["mailroom"]
    with transaction(engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ida").values(source=accounts.LOCAL))
        first, second = break_glass.prepare_break_glass(session, "ida", by=ADMIN, now=utcnow())
    assert desk.post("/session/break-glass", {"login": "ida", "first": first, "second": second}).status_code == 201
    assert desk.get("/me", headers={"Cookie": f"mailroom={anas}"}).status_code == 401
    desk.post("/session/lock")
    assert holders(desk) == ["ana"]
    assert unlock(desk, "ida", BENS) == (403, GONE["detail"])


def test_an_open_browser_without_a_second_factor_sets_a_pin_soon_after_the_sign_in_only(new_browser: NewBrowser, engine: Engine) -> None:
    browser = set_pin(new_browser("ana"))
    grow_idle(engine, 10, "started_at")
    answer = browser.request("PUT", "/session/pin", json={"pin": BENS})
    too_late = "your sign-in is too long ago: sign out and in to set a PIN"
    assert (answer.status_code, answer.json()["detail"]) == (403, too_late)
    assert browser.get("/session/pin").json() == {"is_set": True, "refused": too_late, "minutes": 240}
    assert unlock(browser) == (201, "ana"), "the PIN of before is still the one"


def test_a_secret_that_nobody_here_has_made_up_is_not_taken(new_browser: NewBrowser) -> None:
    browser = new_browser("ana")
    browser.client.cookies.set("mailroom-browser", "planted", domain="127.0.0.1")
    answer = browser.request("PUT", "/session/pin", json={"pin": ANAS})
    assert "mailroom-browser=planted" not in answer.headers["set-cookie"]


def test_behind_a_proxy_that_is_not_believed_no_pin_counts(new_browser: NewBrowser) -> None:
    browser, through = set_pin(new_browser("ana")), {"X-Forwarded-For": "198.51.100.7"}
    hidden = "no PIN works here: a proxy hides your address; an administrator can change that"
    assert browser.get("/session/pin", headers=through).json()["refused"] == hidden
    assert browser.request("PUT", "/session/pin", json={"pin": BENS}, headers=through).status_code == 403
    assert browser.get("/session/ways", headers=through).json()["pins"] == []
    answer = browser.post("/session/unlock", {"login": "ana", "pin": ANAS}, headers=through)
    assert (answer.status_code, answer.json()["detail"]) == (403, hidden)


def test_a_session_that_waits_for_its_pin_is_among_the_sessions(new_browser: NewBrowser, engine: Engine) -> None:
    set_pin(new_browser("ana"))
    grow_idle(engine, 60)
    there = new_browser("ana", address="198.51.100.7")

    def listed() -> list[tuple[bool, bool]]:
        return [(one["current"], one["is_locked"]) for one in there.get("/sessions").json()["items"]]

    assert listed() == [(True, False), (False, True)]
    grow_idle(engine, 240)
    there = new_browser("ana", address="198.51.100.7")
    assert listed() == [(True, False)]


def test_a_locked_session_is_nobodys_until_it_is_opened(new_browser: NewBrowser) -> None:
    browser = set_pin(new_browser("ana"))
    assert browser.post("/session/lock").status_code == 204
    assert [browser.request(*one).status_code for one in (("GET", "/me"), ("DELETE", "/session"), ("POST", "/session/lock"))] == [401] * 3
    assert unlock(browser) == (201, "ana")


def store_app(session: Session) -> None:
    """Ana sets up an app."""
    secret = authenticator_app.make_secret()
    authenticator_app.store_app(session, "ana", secret, code_of(secret), by=SYSTEM, now=utcnow())


ENDING: dict[str, Callable[[Session], Any]] = {
    "signing out everywhere": lambda session: sessions.end_all(session, by=ADMIN, login="ana", now=utcnow()),
    "a new password": lambda session: accounts.set_password(session, "ana", PASSWORD_HASH, by=SYSTEM, now=utcnow()),
    "a reset of second factors": lambda session: factor_policy.reset_factors(session, "ana", by=SYSTEM, now=utcnow()),
    "another second factor": store_app,
    "a closed account": lambda session: external_accounts.close_account(
        session, session.get_one(StaffMember, "ana"), by=SYSTEM, now=utcnow(), why=""
    ),
    "a removed account": lambda session: accounts.remove_account(session, "ana", by=SYSTEM, now=utcnow()),
}


@pytest.mark.parametrize("end", ENDING.values(), ids=ENDING.keys())
def test_what_ends_a_pin(new_browser: NewBrowser, engine: Engine, end: Callable[[Session], Any]) -> None:
    browser = set_pin(new_browser("ana"))
    with transaction(engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ana").values(source=accounts.LOCAL))
        end(session)
    assert holders(browser) == []
    assert unlock(browser) == (403, GONE["detail"])
    with read_transaction(engine) as session:
        assert session.scalars(select(BrowserPin)).all() == []


def test_after_signing_out_it_opens_nothing_until_the_next_sign_in(new_browser: NewBrowser) -> None:
    browser = set_pin(new_browser("ana"))
    assert browser.delete("/session").status_code == 204
    assert unlock(browser) == (403, GONE["detail"])
    assert browser.sign_in("ana").status_code == 201
    browser.post("/session/lock")
    assert unlock(browser) == (201, "ana")


def test_a_pin_is_no_second_factor_and_sets_no_other_pin(new_browser: NewBrowser, engine: Engine) -> None:
    secret, before = authenticator_app.make_secret(), utcnow() - timedelta(minutes=2)
    with transaction(engine) as session:
        authenticator_app.store_app(session, "ida", secret, code_of(secret, before), by=SYSTEM, now=before)
    browser = new_browser("ida")
    assert needs_factor(browser.request("PUT", "/session/pin", json={"pin": ANAS})), "an open browser alone sets no PIN"
    browser.post("/second-factors/proof", {"code": code_of(secret)})
    set_pin(browser)
    tokens = ("POST", "/tokens", {"name": "nightly", "grants": ["read"]})
    assert unlock(browser, "ida") == (201, "ida")
    assert needs_factor(browser.request(*tokens[:2], json=tokens[2])), "given before the lock, it counts no more"
    answer = browser.request("PUT", "/session/pin", json={"pin": BENS})
    assert (answer.status_code, answer.json()["detail"]) == (403, "this session was opened with a PIN: sign in to set another one")


def test_elsewhere_no_pin_counts(new_browser: NewBrowser, app: Any) -> None:
    here, there = set_pin(new_browser("ana")), new_browser("ana", address="198.51.100.7")
    assert there.get("/session/pin").json()["refused"] == ELSEWHERE
    assert there.request("PUT", "/session/pin", json={"pin": ANAS}).status_code == 403
    there.client.cookies.set("mailroom-browser", here.client.cookies["mailroom-browser"], domain="127.0.0.1")
    assert (unlock(there), holders(there)) == ((403, ELSEWHERE), [])


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("48151", "a PIN has 6 to 12 digits"),
        ("4815162342481", "a PIN has 6 to 12 digits"),
        ("48151a", "a PIN has 6 to 12 digits"),
        ("٤٨١٥١٦", "a PIN has 6 to 12 digits"),
        ("112112", "this PIN is one of the first that are guessed; choose another one"),
        ("123456", "this PIN is one of the first that are guessed; choose another one"),
        ("987654", "this PIN is one of the first that are guessed; choose another one"),
    ],
)
def test_pins_that_are_refused(ana: Browser, pin: str, why: str) -> None:
    answer = ana.request("PUT", "/session/pin", json={"pin": pin})
    assert (answer.status_code, answer.json()["detail"]) == (422, f"pin: {why}")


def test_who_removes_it_signs_in_again(ana: Browser, engine: Engine) -> None:
    set_pin(ana)
    assert ana.delete("/session/pin").status_code == 204
    assert (holders(ana), unlock(ana)) == ([], (403, GONE["detail"]))
    with transaction(engine) as session:
        changes = session.scalars(
            select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "staff").order_by(col(AuditRecord.id))
        ).all()
        assert [one["what"] for one in changes if one["what"].startswith("pin")] == ["pin", "pin-removed"]
        session.execute(delete(StaffSession))


def test_nobody_sets_one_where_the_settings_name_no_network(sqlite_ana: Browser) -> None:
    sqlite_ana.app.state.office.settings = replace(
        sqlite_ana.app.state.office.settings, api=replace(sqlite_ana.app.state.office.settings.api, pin_networks=())
    )
    assert sqlite_ana.request("PUT", "/session/pin", json={"pin": ANAS}).status_code == 403
