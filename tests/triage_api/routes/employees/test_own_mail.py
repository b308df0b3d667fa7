"""Employees and their own mail over HTTP: apart from staff, and nothing else is open to them."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage_api.conftest import Browser, Came, opened, session_key
from tests.triage_api.test_scope import OWN, STREAM, operations
from triage.config.settings import Notices, Settings
from triage.ids import parse_id
from triage.quarantine.requests import own_mail
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import EmployeeSession
from triage.times import utcnow

RIGHT = "the directory's password"
OPEN = {  # to whoever signs in
    *("healthz", "readyz", "create_session", "open_break_glass", "list_sign_in_ways", "get_sign_in_outcome"),
    *("get_asked_factor", "set_up_app_at_sign_in", "finish_sign_in"),
    *("ask_for_passkey_at_sign_in", "begin_passkey_sign_in", "sign_in_with_passkey", "unlock_session", "sign_in_by_proxy"),
    *("begin_provider_sign_in", "finish_provider_sign_in", "end_provider_sessions"),
}


@pytest.fixture
def api_settings(settings: Settings, sqlite_url: str) -> Settings:
    """A company that lets its employees ask, on SQLite: the house is tested on both."""
    return replace(settings, database=replace(settings.database, url=sqlite_url), notices=Notices(requests=True, digest_at="16:00"))


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


@pytest.fixture
def app(api_settings: Settings, engine: Engine) -> Iterator[FastAPI]:
    with opened(api_settings, engine, lambda login, password: password == RIGHT) as made:
        yield made


@pytest.fixture
def joe(app: FastAPI) -> Iterator[Browser]:
    with start_blocking_portal() as portal:
        browser = Browser(portal, app, "192.0.2.9")
        yield browser
        browser.close()


def signed_in(browser: Browser, login: str = "joe.fern", password: str = RIGHT) -> int:
    return browser.post("/me/session", {"login": login, "password": password}).status_code


def test_one_sees_ones_own_mail_and_asks_for_it(joe: Browser, came: Came, engine: Engine) -> None:
    (mail,) = came(author="hotel@inn.example", subject="Your room")
    (foreign,) = came("legal+mara.berg@company.example", subject="A contract")
    assert joe.get("/me/messages").status_code == 401
    assert signed_in(joe, "Joe.Fern ") == 201
    (one,) = joe.get("/me/messages").json()["items"]
    assert (one["id"], one["author"], one["subject"], one["held"], one["asked_at"]) == (mail, "hotel@inn.example", "Your room", True, None)
    assert set(one) == {
        "id", "author", "author_name", "claimed", "subject", "received_at", "held", "removed_at", "expires_at", "asked_at", "counted",
        "declined", "viewed",
    }  # fmt: skip
    made = joe.post("/me/requests", {"delivery": mail, "comment": "my booking"}, headers={"Idempotency-Key": "one"})
    assert made.status_code == 201
    assert joe.post("/me/requests", {"delivery": mail}).json() == made.json()
    assert joe.post("/me/requests", {"delivery": foreign}).status_code == 404
    (one,) = joe.get("/me/messages").json()["items"]
    assert one["asked_at"]
    assert one["held"], "asking releases nothing"
    joe.client.cookies.set("mailroom", session_key(engine, "ana"), domain="127.0.0.1")
    (asked,) = joe.get("/requests").json()["items"]
    assert (asked["by_name"], asked["recorded_by_name"], asked["comment"]) == ("Joe Fern", "", "my booking")
    assert joe.delete("/me/session").status_code == 204
    assert joe.get("/me/messages").status_code == 401


def test_a_claimed_author_is_said_to_be_one(joe: Browser, came: Came, engine: Engine) -> None:
    (mail,), (clear,) = came(subject="Claims"), came(subject="Clear")
    with db.transaction(engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == parse_id(mail)).values(claimed=True))
    signed_in(joe)
    found = {one["id"]: one["claimed"] for one in joe.get("/me/messages").json()["items"]}
    assert found == {mail: True, clear: False}


def test_one_sees_who_viewed_ones_own_mail(joe: Browser, came: Came, engine: Engine) -> None:
    deliveries = [came(subject=subject)[0] for subject in ("Seen", "Read ahead")]
    joe.client.cookies.set("mailroom", session_key(engine, "ana"), domain="127.0.0.1")
    messages = [joe.get(f"/deliveries/{mail}").json()["message_id"] for mail in deliveries]
    for message in messages:
        assert joe.get(f"/messages/{message}/view?ahead=true").status_code == 200
    assert joe.post(f"/messages/{messages[0]}/viewed").status_code == 204
    joe.delete("/session")
    signed_in(joe)
    found = {one["id"]: one["viewed"] for one in joe.get("/me/messages").json()["items"]}
    assert [[seen["by_name"] for seen in found[mail]] for mail in deliveries] == [["Ana Roth"], []]
    assert all(seen["at"] for seen in found[deliveries[0]])


def test_one_sees_who_can_read_ones_own_mail(joe: Browser) -> None:
    assert joe.get("/me/folder-readers").status_code == 401
    signed_in(joe)
    found = joe.get("/me/folder-readers").json()
    assert found["folder"] == "person:joe.fern"
    assert {one["access"] for one in found["readers"]} == {"content"}
    assert "ana" in [one["name"] for one in found["readers"]]
    assert "ben" not in [one["name"] for one in found["readers"]]


def test_all_of_ones_own_mail_can_be_had(joe: Browser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_mail, "AT_ONCE", 2)
    messages = [came(subject=f"Mail {number}")[0] for number in range(5)]
    signed_in(joe)
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = joe.get(f"/me/messages?cursor={cursor}").json()
        found += [one["id"] for one in page["items"]]
        cursor = page["more_held"]
        assert page["more_removed"] is None
    assert sorted(found) == sorted(messages)
    for mail in messages:
        assert mail in [one["id"] for one in joe.get(f"/me/messages?message={mail}").json()["items"]]
    assert [joe.get(f"/me/messages?{words}").status_code for words in ("cursor=bad", "message=bad")] == [422, 422]


def test_a_mail_of_somebody_else_is_not_among_ones_own(joe: Browser, came: Came) -> None:
    (foreign,) = came("legal+mara.berg@company.example", subject="A contract")
    signed_in(joe)
    assert joe.get(f"/me/messages?message={foreign}").json()["items"] == []


@pytest.mark.parametrize(("severity", "counted"), [(2, False), (3, True)])
def test_what_the_digest_only_counts_is_marked_and_can_be_asked_for(
    joe: Browser, came: Came, engine: Engine, severity: int, counted: bool
) -> None:
    (mail,) = came(subject="Your password expires")
    with db.transaction(engine) as session:
        session.execute(update(Delivery).values(severity=severity))
    signed_in(joe)
    (one,) = joe.get("/me/messages").json()["items"]
    assert (one["subject"], one["counted"]) == ("Your password expires", counted)
    assert joe.post("/me/requests", {"delivery": mail}).status_code == 201


def test_one_says_whether_one_wants_the_letter(joe: Browser) -> None:
    assert joe.request("PUT", "/me/digest", json={"wanted": False}).status_code == 401
    assert signed_in(joe) == 201
    assert joe.get("/me/messages").json()["digest"] is True
    assert joe.request("PUT", "/me/digest", json={"wanted": False}).status_code == 204
    assert joe.get("/me/messages").json()["digest"] is False


def test_who_signs_in_anew_leaves_no_session_behind(joe: Browser, engine: Engine) -> None:
    assert (signed_in(joe), signed_in(joe)) == (201, 201)
    with db.read_transaction(engine) as session:
        assert len(session.scalars(select(EmployeeSession)).all()) == 1


def test_wrong_passwords_are_on_the_record_under_the_name_of_nobody_who_is_not_here(joe: Browser, engine: Engine) -> None:
    for login in ("joe.fern", "typed.a.password"):
        assert signed_in(joe, login, "wrong") == 401
    with db.read_transaction(engine) as session:
        tries = select(col(AuditRecord.subject)).where(col(AuditRecord.act) == "sign-in-failed").order_by(col(AuditRecord.id))
        assert session.scalars(tries).all() == ["employee:joe.fern", "employee"]


def test_nothing_of_staff_is_open_to_an_employee(joe: Browser, app: FastAPI, came: Came) -> None:
    (mail,) = came()
    assert signed_in(joe) == 201
    for name, method, path in operations():
        if name in OWN or name in OPEN:
            continue
        made = path.replace("{message}", mail).replace("{name}", "waiting").replace("{number}", "1")
        made = re.sub(r"\{[a-z]+_id\}", mail, made)
        answer = joe.get("/events") if name == STREAM else joe.request(method, "/" + made, json={} if method != "GET" else None)
        assert (name, answer.status_code) == (name, 401)


def test_the_password_is_the_directorys_and_guessing_is_slow(joe: Browser) -> None:
    assert signed_in(joe, password="wrong") == 401
    assert signed_in(joe, "nobody.here") == 401
    assert [signed_in(joe, password="wrong") for _ in range(5)][-1] == 429
    assert signed_in(joe) == 429
    assert signed_in(joe, "mara.berg") == 201, "a colleague behind the same address"


def test_who_has_left_or_whose_hour_is_over_is_out(joe: Browser, came: Came, engine: Engine) -> None:
    assert signed_in(joe) == 201
    with db.transaction(engine) as session:
        session.execute(update(Person).where(col(Person.uid) == "joe.fern").values(active=False))
    assert joe.get("/me/messages").status_code == 401
    with db.transaction(engine) as session:
        session.execute(update(Person).where(col(Person.uid) == "joe.fern").values(active=True))
    assert joe.get("/me/messages").status_code == 200
    with db.transaction(engine) as session:
        session.execute(update(EmployeeSession).values(started_at=utcnow().replace(year=2020)))
    assert joe.get("/me/messages").status_code == 401


def test_another_site_cannot_ask_in_ones_name(joe: Browser, came: Came) -> None:
    (mail,) = came()
    assert signed_in(joe) == 201
    joe.client.headers["Origin"] = "https://evil.example"
    assert joe.post("/me/requests", {"delivery": mail}).status_code == 403
    joe.client.headers.pop("Origin")
    assert joe.post("/me/requests", {"delivery": mail}).status_code == 403


@pytest.mark.parametrize("setting", ["requests off", "no directory"])
def test_where_nobody_is_to_ask_nobody_signs_in(api_settings: Settings, engine: Engine, setting: str) -> None:
    off = replace(api_settings, notices=Notices())
    given = (off, engine, lambda login, password: True) if setting == "requests off" else (api_settings, engine)
    with opened(*given) as app, start_blocking_portal() as portal:
        browser = Browser(portal, app, "192.0.2.9")
        answer = browser.post("/me/session", {"login": "joe.fern", "password": RIGHT})
        assert (answer.status_code, "Employees cannot sign in here" in answer.json()["detail"]) == (403, True)
        browser.close()


def test_one_says_from_whom_one_expects_mail(joe: Browser, came: Came, ana: Browser) -> None:
    assert joe.post("/me/expected-senders", {"sender": "ann@supplier.example"}).status_code == 401
    signed_in(joe)
    made = joe.post("/me/expected-senders", {"sender": "Ann@Supplier.Example", "comment": "the offer"})
    assert made.status_code == 201
    (mail,) = came(author="ann@supplier.example")
    why = [one["sentence"] for one in ana.get(f"/deliveries/{mail}").json()["why_here"]]
    assert any(one.startswith("Joe Fern expects messages from ann@supplier.example (“the offer”).") for one in why)
    (one,) = joe.get("/me/messages").json()["expected"]
    assert (one["id"], one["sender"]) == (made.json()["id"], "ann@supplier.example")
    refused = joe.post("/me/expected-senders", {"sender": "joe.fern@company.example"})
    assert (refused.status_code, "outside your company" in refused.json()["detail"]) == (422, True)
    assert joe.delete(f"/me/expected-senders/{one['id']}").status_code == 204
    assert joe.delete(f"/me/expected-senders/{one['id']}").status_code == 404
    assert joe.get("/me/messages").json()["expected"] == []
