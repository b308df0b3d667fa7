"""Fetched and viewed over HTTP: one entry for each body that leaves, a restart loses none, and who viewed is not told to colleagues."""

import io
import json
import zipfile
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.effort import examples
from tests.triage_api.conftest import Browser, Came, NewBrowser, session_key, token_key
from triage import ids
from triage.actor import EVERYTHING, Actor, Role
from triage.compliance.audit import hash_chain
from triage.config.settings import Settings
from triage.quarantine import viewings
from triage.store import db
from triage.store.models.audit import AuditRecord, Viewing
from triage.store.models.directory import ConfidentialFolder, Person
from triage.store.models.messages import Content
from triage.store.models.staff import StaffMember
from triage.times import utcnow
from triage_api.app import make_app
from triage_api.http.dependencies import Office
from triage_api.routes.messages.messages import put_fetch_on_record

BODIES = 12  # messages whose bodies a token fetches over HTTP
MANY = examples(400)  # of which the same is put on record by what lies below each of these routes


def message_of(browser: Browser, delivery: str) -> str:
    found: str = browser.get(f"/deliveries/{delivery}").json()["message_id"]
    return found


def acts(engine: Engine, *kinds: str) -> list[tuple[str, str, str]]:
    """(who, act, about) of those who looked, oldest first."""
    wanted = select(AuditRecord).where(col(AuditRecord.act).in_(kinds or sorted(viewings.LOOKS))).order_by(col(AuditRecord.id))
    with db.read_transaction(engine) as session:
        return [(one.by, one.act, one.subject.partition(":")[2]) for one in session.scalars(wanted)]


def waiting(engine: Engine) -> list[int]:
    """Number of unsettled requests that read ahead, for each message."""
    with db.read_transaction(engine) as session:
        return sorted(one.ahead for one in session.scalars(select(Viewing)) if one.ahead)


def settle(engine: Engine, minutes: int) -> None:
    """As upkeep does it, so many minutes from now."""
    with db.transaction(engine) as session:
        viewings.settle_fetches(session, now=utcnow() + timedelta(minutes=minutes))


@pytest.mark.parametrize("query", ["", "?ahead=true"])
def test_a_token_leaves_an_entry_for_each_body_whatever_it_says(engine: Engine, new_browser: NewBrowser, came: Came, query: str) -> None:
    program = new_browser().with_token(token_key(engine, "read"))
    messages = [message_of(program, came(subject=f"Order {number}")[0]) for number in range(BODIES)]
    for message in messages:
        assert program.get(f"/messages/{message}/view{query}").status_code == 200
    found = acts(engine)
    assert [about for _, _, about in found] == messages
    assert {(by.partition(":")[0], act) for by, act, _ in found} == {("token", "fetch")}
    assert waiting(engine) == []
    assert program.get(f"/messages/{messages[0]}/text").status_code == 200
    assert len(acts(engine)) == BODIES + 1, "each request is one"
    assert program.post(f"/messages/{messages[0]}/viewed").status_code == 403


def test_each_of_very_many_bodies_leaves_an_entry(sqlite_engine: Engine) -> None:
    token, here = Actor("token", "0000000000001", Role.TRIAGE, EVERYTHING), cast(Office, SimpleNamespace(engine=sqlite_engine))
    messages = [ids.new_id() for _ in range(MANY)]
    for number, message in enumerate(messages):
        put_fetch_on_record(here, message, "html", token, ahead=number % 2 == 1)
        if number in (0, MANY // 2):
            assert len(acts(sqlite_engine)) == number + 1, "before the body leaves"
    assert acts(sqlite_engine) == [(str(token), "fetch", ids.format_id(message)) for message in messages]
    assert waiting(sqlite_engine) == []


def test_a_read_ahead_is_on_the_record_after_ten_minutes_also_when_the_api_starts_anew(
    app: FastAPI, ana: Browser, engine: Engine, api_settings: Settings, came: Came
) -> None:
    seen, unseen = (message_of(ana, came(subject=subject)[0]) for subject in ("Seen", "Unseen"))
    for message in (seen, unseen, unseen):
        assert ana.get(f"/messages/{message}/view?ahead=true").status_code == 200
    assert (acts(engine), waiting(engine)) == ([], [1, 2])
    again = make_app(api_settings, None)
    try:
        with start_blocking_portal() as portal:
            browser = Browser(portal, again, "192.0.2.9")
            browser.client.cookies.set("mailroom", session_key(engine, "ana"), domain="127.0.0.1")
            assert browser.post(f"/messages/{seen}/viewed").status_code == 204
            browser.close()
    finally:
        again.state.feed.close()
        again.state.office.close()
    settle(engine, 9)
    assert acts(engine) == [("person:ana", "viewed", seen)]
    settle(engine, 10)
    assert acts(engine) == [("person:ana", "viewed", seen), ("person:ana", "fetch", unseen)]
    with db.read_transaction(engine) as session:
        (one,) = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "fetch"))
    assert (one.detail["what"], one.detail["times"], one.detail["from"]) == ("ahead", 2, "192.0.2.9")


def test_what_needs_a_reason_is_never_read_ahead(engine: Engine, new_browser: NewBrowser, came: Came) -> None:
    hana = new_browser("hana")
    with db.transaction(engine) as session:
        session.add_all(ConfidentialFolder(kind="person", name="joe.fern", login=login) for login in ("", "hana"))
    message = message_of(hana, came()[0])
    assert hana.get(f"/messages/{message}/view?ahead=true").status_code == 428
    assert acts(engine) == []
    assert hana.post(f"/messages/{message}/viewed").status_code == 409
    assert hana.get(f"/messages/{message}/view?ahead=true&reason=she+asked").status_code == 200
    assert [act for _, act, _ in acts(engine)] == ["open", "fetch"]
    assert waiting(engine) == []


def test_a_view_is_said_by_who_may_read_the_message_and_has_fetched_it(
    ana: Browser, ben: Browser, engine: Engine, new_browser: NewBrowser, came: Came
) -> None:
    message = message_of(ana, came()[0])
    viewed = f"/messages/{message}/viewed"
    refused = ana.post(viewed)
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "nothing of this message was fetched for you, so you cannot have viewed it: open it first",
    )
    assert ana.get(f"/messages/{message}").status_code == 200
    assert ana.post(viewed).status_code == 409, "what is known about it is not its content"
    assert ana.get(f"/messages/{message}/view").status_code == 200
    assert [ana.post(viewed).status_code for _ in range(3)] == [204, 204, 204]
    assert acts(engine, "viewed") == [("person:ana", "viewed", message)]
    assert [who.post(viewed).status_code for who in (ben, new_browser())] == [404, 401]
    assert ana.post("/messages/nonsense/viewed").status_code == 422
    with db.transaction(engine) as session:
        session.execute(update(Content).values(zstd=None, erased_at=utcnow()))
    assert ana.post(viewed).status_code == 410, "nothing is shown any more"


@pytest.fixture
def viewed(ana: Browser, engine: Engine, new_browser: NewBrowser, came: Came) -> tuple[str, str]:
    """A message to Joe that Ana viewed, and that Sam's console read ahead and did not show: its delivery, and itself."""
    (delivery,) = came()
    message = message_of(ana, delivery)
    for who in (ana, new_browser("sam")):
        assert who.get(f"/messages/{message}/view?ahead=true").status_code == 200
    assert ana.post(f"/messages/{message}/viewed").status_code == 204
    settle(engine, 10)
    with db.transaction(engine) as session:
        session.get_one(StaffMember, "hana").rights = ["data-protection"]
        session.get_one(Person, "joe.fern").login = "hugo"  # Joe is staff, as an auditor of something else
        session.get_one(StaffMember, "hugo").role = "triage"
        while hash_chain.seal_entries(session):
            pass
    return delivery, message


LOOKED, AHEAD = "Viewed by Ana Roth.", "Fetched in advance by the console of Sam Reed, and not shown."


@pytest.mark.parametrize(
    ("login", "told"),
    [
        ("ana", [LOOKED]),  # her own
        ("sam", [AHEAD]),
        ("ida", []),  # administers the company, and is a colleague
        ("otto", [LOOKED, AHEAD]),  # auditor
        ("hana", [LOOKED, AHEAD]),  # has the right data-protection
        ("hugo", [LOOKED, AHEAD]),  # whose message it is
    ],
)
def test_a_history_tells_who_viewed(viewed: tuple[str, str], new_browser: NewBrowser, login: str, told: list[str]) -> None:
    history = new_browser(login).get(f"/deliveries/{viewed[0]}").json()["history"]
    assert [past["sentence"] for past in history if past["act"] in viewings.LOOKS] == told


@pytest.mark.parametrize(("login", "told"), [("otto", ["person:ana", "person:sam"]), ("ida", ["withheld", "withheld"])])
def test_the_audit_log_and_its_export_tell_who_viewed(
    viewed: tuple[str, str], new_browser: NewBrowser, login: str, told: list[str]
) -> None:
    browser = new_browser(login)
    listed = browser.get(f"/audit?subject=message:{viewed[1]}").json()["items"][::-1]
    exported = [json.loads(line) for line in browser.get("/audit/export").text.splitlines()]
    for found in (listed, exported):
        looks = [one for one in found if one["act"] in viewings.LOOKS]
        assert [(one["by"], one["act"]) for one in looks] == list(zip(told, ("viewed", "fetch"), strict=True))
        assert [("from" in one["detail"]) for one in looks] == [login == "otto"] * 2
    found = browser.get("/audit?by=ana&act=viewed").json()["items"]
    assert len(found) == (login == "otto")
    assert browser.get("/audit/verify").json()["fault"] == ""


def test_a_token_of_an_administrator_is_told_what_tokens_fetch_and_not_who_viewed(
    viewed: tuple[str, str], engine: Engine, new_browser: NewBrowser
) -> None:
    program = new_browser().with_token(token_key(engine, "admin", "read"))
    assert program.get(f"/messages/{viewed[1]}/headers").status_code == 200
    found = program.get(f"/audit?subject=message:{viewed[1]}").json()["items"]
    assert [one["by"].partition(":")[0] for one in found if one["act"] in viewings.LOOKS] == ["token", "withheld", "withheld"]
    assert [past["act"] for past in program.get(f"/deliveries/{viewed[0]}").json()["history"]] == ["receive", "fetch"]


@pytest.mark.parametrize(("address", "told"), [("joe.fern", True), ("sales@supplier.example", False)])
def test_the_export_of_a_person_s_data_tells_that_person_who_viewed(
    viewed: tuple[str, str], new_browser: NewBrowser, address: str, told: bool
) -> None:
    taken = new_browser("ida").post("/person-data/export", {"address": address, "reason": "they asked"})
    archive = zipfile.ZipFile(io.BytesIO(taken.content))
    assert ("views.json" in archive.namelist()) is told
    if told:
        views = json.loads(archive.read("views.json"))
        assert [(one["message"], one["act"], one["who"]) for one in views] == [
            (viewed[1], "viewed", "Ana Roth"),
            (viewed[1], "fetch", "Sam Reed"),
        ]
        assert all(one["at"] for one in views)
    assert "Ana Roth" not in "".join(archive.read(name).decode() for name in archive.namelist() if name != "views.json")
