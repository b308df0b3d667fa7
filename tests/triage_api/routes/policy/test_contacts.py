"""Contacts over HTTP: what scripts report, what staff decide, and the source of each."""

from sqlalchemy import Engine

from tests.triage.arriving import NOW
from tests.triage_api.conftest import Browser
from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.contacts.contact_evidence import Reason, Sent
from triage.policy.learning import learn_contacts
from triage.store.db import transaction
from triage.store.models.contacts import PostedList

JOE, MARA = "joe.fern@company.example", "mara.berg@company.example"


def learn_body(employee: str, address: str, **more: object) -> dict[str, object]:
    return {"items": [{"employee": employee, "address": address, **more}]}


def test_a_script_says_whom_somebody_knows(ana: Browser) -> None:
    one = learn_body("joe.fern", "Ann@Supplier.example", at="2026-11-20T08:00:00Z", message_id="1@company.example")
    assert ana.post("/learn", one).json() == {"learned": 1, "known": 0, "pending": 0, "skipped": {}}
    before = ana.get("/contacts").json()["items"]
    assert ana.post("/learn", one).json() == {"learned": 0, "known": 1, "pending": 0, "skipped": {}}
    (known,) = ana.get("/contacts").json()["items"]
    assert [known["sent"], known["id"]] == [before[0]["sent"], before[0]["id"]]
    assert (known["address"], known["scope"], known["how"], known["state"]) == ("ann@supplier.example", "person:joe.fern", "api", "known")
    assert known["provenance"] == "Joe Fern wrote to ann@supplier.example on 20 Nov 2026 (Message-ID <1@company.example>)"


def test_an_alias_and_a_role_address_are_employees_too(ana: Browser) -> None:
    addresses = ("m.berg@company.example", "info@company.example")
    items = [{"employee": who, "address": f"{number}@x.example"} for number, who in enumerate(addresses)]
    assert ana.post("/learn", {"items": items}).json()["learned"] == 2
    assert {one["scope"] for one in ana.get("/contacts").json()["items"]} == {"person:mara.berg", "department:it"}


def test_what_is_no_contact_is_said_with_its_reason(ana: Browser) -> None:
    addresses = ("noreply@x.example", "no address", "joe.fern@company.example")
    items = [learn_body("joe.fern", one)["items"][0] for one in addresses]  # type: ignore[index]
    assert ana.post("/learn", {"items": items}).json()["skipped"] == {"no-reply": 1, "malformed": 1, "own-domain": 1}
    reasons = {one["reason"]: (one["how"], one["count"]) for one in ana.get("/contacts/reasons?days=1").json()["items"]}
    assert reasons == {"no-reply": ("api", 1), "malformed": ("api", 1), "own-domain": ("api", 1)}


def test_who_is_nobody_here_is_named_and_nothing_is_learned(ana: Browser) -> None:
    items = [learn_body("joe.fern", "ann@x.example")["items"][0], learn_body("nobody", "bob@x.example")["items"][0]]  # type: ignore[index]
    refused = ana.post("/learn", {"items": items})
    assert (refused.status_code, "the directory has no “nobody”" in refused.json()["detail"]) == (422, True)
    assert ana.get("/contacts").json()["items"] == []
    assert ana.post("/learn", {"items": []}).status_code == 422


def test_staff_says_it_for_their_own_people_only(ben: Browser) -> None:
    assert ben.post("/learn", learn_body("mara.berg", "ann@x.example")).json()["learned"] == 1
    refused = ben.post("/learn", learn_body("joe.fern", "ann@x.example"))
    assert (refused.status_code, refused.json()["detail"]) == (403, "employee: “joe.fern” is outside your scope")


def test_what_was_parked_is_accepted_or_dropped(ana: Browser, engine: Engine, api_settings: Settings) -> None:
    messages = [Sent(JOE, tuple(f"{number}@x.example" for number in range(52)), JOE, NOW, "1@company.example")]
    with transaction(engine) as session:
        learn_contacts.learn_many(session, messages, how="outbound", settings=api_settings, by=Actor.system("outbound"), now=NOW)
    parked = ana.get("/contacts?state=pending").json()["items"]
    assert sorted(one["address"] for one in parked) == ["50@x.example", "51@x.example"]
    first, second = (one["id"] for one in parked)
    assert ana.post("/contacts/accept", {"ids": [first]}).json() == {"count": 1}
    assert ana.post("/contacts/remove", {"ids": [second]}).json() == {"count": 1}
    assert ana.post("/contacts/accept", {"ids": ["0000000000000"]}).status_code == 404
    states = {state: len(ana.get(f"/contacts?state={state}&limit=100").json()["items"]) for state in ("known", "pending", "removed")}
    assert states == {"known": 51, "pending": 0, "removed": 1}
    assert ana.get("/contacts?state=odd").status_code == 422
    assert [one["reason"] for one in ana.get("/contacts/reasons?days=400").json()["items"]] == [str(Reason.DAILY_CAP)]


def test_the_list_is_read_page_by_page(ana: Browser) -> None:
    ana.post("/learn", {"items": [learn_body("joe.fern", f"{number}@x.example")["items"][0] for number in range(5)]})  # type: ignore[index]
    first = ana.get("/contacts?limit=3").json()
    rest = ana.get(f"/contacts?limit=3&cursor={first['next_cursor']}").json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (3, 2, None)
    assert ana.get("/contacts?q=3@x&person=joe.fern").json()["items"][0]["address"] == "3@x.example"
    assert ana.get("/contacts?person=mara.berg").json()["items"] == []


def test_lists_that_somebody_posts_to_are_proposed(ana: Browser, ben: Browser, engine: Engine, api_settings: Settings) -> None:
    messages = [Sent(JOE, ("users@lists.debian.example",), JOE, NOW)]
    with transaction(engine) as session:
        learn_contacts.learn_many(session, messages, how="outbound", settings=api_settings, by=Actor.system("outbound"), now=NOW)
    (one,) = ana.get("/contacts/lists").json()["items"]
    assert (one["address"], one["posts"], one["person"], one["list_id"]) == ("users@lists.debian.example", 1, "joe.fern", "")
    assert ben.get("/contacts/lists").json()["items"] == []
    with transaction(engine) as session:
        for name, posts in (("b", 3), ("a", 3), ("c", 9)):
            session.add(PostedList(address=f"{name}@l.example", posts=posts, person="joe.fern"))
    first = ana.get("/contacts/lists?limit=2").json()
    rest = ana.get(f"/contacts/lists?limit=2&cursor={first['next_cursor']}").json()
    addresses = [one["address"] for one in (*first["items"], *rest["items"])]
    assert (addresses, rest["next_cursor"]) == (["c@l.example", "a@l.example", "b@l.example", "users@lists.debian.example"], None)
