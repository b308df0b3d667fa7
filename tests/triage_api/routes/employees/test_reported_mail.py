"""Reported mail over HTTP: listed, on its row, answered; and what employees expect, at their own page."""

from sqlalchemy import Engine

from tests.triage.arriving import NOW
from tests.triage_api.conftest import Browser, Came
from triage import ids
from triage.store.db import transaction
from triage.store.models.employees import MailReport


def reported(engine: Engine, delivery: str, person: str = "joe.fern", shown: str = "Joe Fern") -> str:
    made = ids.new_id()
    with transaction(engine) as session:
        about = {"author": "odd@evil.example", "subject": "Gift cards", "how": "message id", "department": "it"}
        session.add(MailReport(id=made, delivery_id=ids.parse_id(delivery), person=person, person_shown=shown, at=NOW, spool_id=1, **about))  # type: ignore[arg-type]
    return ids.format_id(made)


def test_it_is_listed_on_one_row_and_answered_once(ana: Browser, came: Came, engine: Engine) -> None:
    (mail,) = came(author="odd@evil.example")
    came(author="fine@x.example")
    first, second = reported(engine, mail), reported(engine, mail, "mara.berg", "Mara Berg")
    (item,) = ana.get("/triage?reported=true").json()["items"]
    assert [(one["by_name"], one["delivery"]) for one in item["reports"]] == [("Joe Fern", mail), ("Mara Berg", mail)]
    assert [one["id"] for one in ana.get("/deliveries?reported=true").json()["items"]] == [mail]
    assert {len(one["reports"]) for one in ana.get("/triage").json()["items"]} == {0, 2}
    assert ana.get("/requests").json()["reported"] == 2
    page = ana.get("/reported?limit=1").json()
    assert [(one["id"], one["others"], one["delivery"]["id"]) for one in page["items"]] == [(second, 1, mail)]
    (rest,) = ana.get(f"/reported?limit=1&cursor={page['next_cursor']}").json()["items"]
    assert rest["id"] == first
    assert ana.post(f"/reported/{first}/answer", {"verdict": "perhaps"}).status_code == 422
    answered = ana.post(f"/reported/{first}/answer", {"verdict": "good", "comment": "ours"})
    assert (answered.status_code, answered.json()) == (200, {"reporters": 2})
    assert ana.post(f"/reported/{second}/answer", {"verdict": "bad"}).status_code == 409
    assert ana.get("/reported").json()["items"] == ana.get("/triage?reported=true").json()["items"] == []
    history = [one["sentence"] for one in ana.get(f"/deliveries/{mail}").json()["history"]]
    assert "Ana Roth answered the report: harmless." in history


def test_what_was_taken_away_is_reported_no_more(ana: Browser, came: Came, engine: Engine) -> None:
    (mail,) = came()
    reported(engine, mail)
    ana.post("/decisions", {"verb": "purge", "select": {"ids": [mail]}})
    assert ana.get("/reported").json()["items"] == []
    assert ana.get("/triage?reported=true&state=purged").json()["items"] == []
