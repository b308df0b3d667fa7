"""GET /campaigns/{id}/incident: JSON, PDF, 404, and the audit log."""

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage.ids import format_id, new_id, parse_id
from triage.store.db import transaction
from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled
from triage.times import utcnow

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


@pytest.fixture
def campaign(ana: Browser, came: Came, engine: Engine) -> str:
    """A campaign of two copies; Ana has removed one."""
    copies = came(JOE, MARA, author="x@wave.example")
    number = new_id()
    with transaction(engine) as session:
        session.add(Campaign(id=number, begun_at=utcnow(), made_by="system:judge"))
        for one in copies:
            session.get_one(Delivery, parse_id(one)).campaign_id = number
    order = {"verb": "purge", "select": {"ids": [copies[0]]}, "reason": "phishing"}
    assert ana.post("/decisions", order).status_code == 201
    return format_id(number)


def test_the_record_as_json_and_as_pdf(campaign: str, ana: Browser, ben: Browser, new_browser: NewBrowser) -> None:
    record = ana.get(f"/campaigns/{campaign}/incident").json()
    assert [(one["recipient"], one["removed_by"], one["outcome"]) for one in record["copies"]] == [
        (JOE, "Ana Roth", "done"),
        (MARA, "", ""),
    ]
    assert record["removals"][0]["reason"] == "phishing"
    assert [one["recipient"] for one in ben.get(f"/campaigns/{campaign}/incident").json()["copies"]] == [MARA]
    pdf = ana.get(f"/campaigns/{campaign}/incident", params={"format": "pdf", "language": "de"})
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert f"incident-{campaign}.pdf" in pdf.headers["content-disposition"]
    exported = [(one["by"], one["detail"]["format"]) for one in new_browser("ida").get("/audit?act=export").json()["items"]]
    assert exported == [("person:ana", "pdf"), ("person:ben", "json"), ("person:ana", "json")]
    assert ana.get(f"/campaigns/{format_id(new_id())}/incident").status_code == 404
    assert ana.get(f"/campaigns/{campaign}/incident?format=doc").status_code == 422


def test_the_timeline_in_the_reader_s_language(campaign: str, ana: Browser, ben: Browser) -> None:
    found = ana.get(f"/campaigns/{campaign}/timeline", headers={"Accept-Language": "de"}).json()["items"]
    assert [(one["kind"], one["count"]) for one in found] == [("first", 1), ("copies", 1), ("decision", 1)]
    assert found[0]["sentence"] == f"Erste Kopie, für {JOE}."
    assert [one["kind"] for one in ben.get(f"/campaigns/{campaign}/timeline").json()["items"]] == ["first"]
    assert ana.get(f"/campaigns/{format_id(new_id())}/timeline").status_code == 404


def test_who_had_opened_it_is_told_once(campaign: str, ana: Browser, engine: Engine, new_browser: NewBrowser) -> None:
    where = f"/campaigns/{campaign}/opened"
    assert ana.get(where).json()["items"] == []
    with transaction(engine) as session:
        (removed,) = session.scalars(select(Delivery).where(col(Delivery.state) == "purged"))
        session.add(Recalled(delivery_id=removed.id, found_at=utcnow(), flags=["\\Seen"]))
    shown = ana.get(where).json()
    (notice,) = shown["items"]
    assert (notice["mailbox"], notice["name"], notice["notified_at"], shown["may_notify"]) == (
        "joe.fern@company.example",
        "Joe Fern",
        None,
        True,
    )
    assert "was harmful" in notice["text"]
    for answer, status in (({"fence": "0"}, 412), ({"fence": shown["fence"]}, 201), ({"fence": shown["fence"]}, 412)):
        assert ana.post(where, answer).status_code == status
    assert ana.get(where).json()["items"][0]["notified_by"] == "Ana Roth"
    assert ana.get(f"/campaigns/{campaign}/timeline").json()["items"][-1]["kind"] == "notified"
    assert new_browser("otto").post(where, {"fence": shown["fence"]}).status_code == 403


def test_decisions_and_audit_entries_filtered(campaign: str, ana: Browser, ben: Browser, new_browser: NewBrowser) -> None:
    for asked, number in {
        "who=ana": 1,
        "who=ben": 0,
        "verb=purge": 1,
        "verb=release": 0,
        "words=phish": 1,
        "since=2099-01-01T00:00:00Z": 0,
        "until=2099-01-01T00:00:00Z": 1,
    }.items():
        assert len(ana.get(f"/decisions?{asked}").json()["items"]) == number, asked
    assert ana.get("/decisions?verb=dance").json()["field"] == "verb"
    csv = ana.get("/decisions?format=csv&verb=purge")
    assert csv.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[4:8] for line in csv.text.splitlines()[1:]] == [['"purge"', '"1"', '"1"', '"phishing"']]
    ida = new_browser("ida")
    for asked, acts in {
        "words=phishing&act=purge": ["purge"],
        "words=DECISIONS&act=export": ["export"],
        "words=nowhere": [],
        "since=2099-01-01T00:00:00Z": [],
        "until=2001-01-01T00:00:00Z": [],
    }.items():
        assert [one["act"] for one in ida.get(f"/audit?{asked}").json()["items"]] == acts, (asked, acts, campaign)


def test_an_exported_decision_is_no_formula_and_nobody_elses_business(ana: Browser, ben: Browser, came: Came) -> None:
    for recipient, reason in ((JOE, "=HYPERLINK(1)"), (MARA, "@SUM(1)")):
        (one,) = came(recipient)
        assert ana.post("/decisions", {"verb": "purge", "select": {"ids": [one]}, "reason": reason}).status_code == 201
    reasons = {
        name: [line.split('","')[7] for line in browser.get("/decisions?format=csv").text.splitlines()[1:]]
        for name, browser in (("ana", ana), ("ben", ben))
    }
    assert reasons == {"ana": ["'@SUM(1)", "'=HYPERLINK(1)"], "ben": ["'@SUM(1)"]}
    assert ben.get("/decisions", params={"format": "csv", "words": "HYPERLINK"}).text.count("\n") == 1


def test_words_of_other_alphabets_are_found_in_the_details_of_the_audit_log(ana: Browser, came: Came, new_browser: NewBrowser) -> None:
    (one,) = came(JOE)
    reason = 'Rückfrage bei "Müller"'
    assert ana.post("/decisions", {"verb": "purge", "select": {"ids": [one]}, "reason": reason}).status_code == 201
    ida = new_browser("ida")
    for words, number in ((reason, 1), ("rückfrage", 1), ("MÜLLER", 1), ("Möller", 0)):
        found = ida.get("/audit", params={"act": "purge", "words": words}).json()["items"]
        assert len(found) == number, words
