"""GET /reports: everybody's own, as JSON and as CSV; and what decisions say that they took."""

import csv
import io
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_api.conftest import Browser, Came, NewBrowser, token_key
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
NAMES = ["headlines", "harm", "waiting", "queue", "rules", "work", "mistakes", "campaigns", "saved"]


@pytest.fixture
def decided(ana: Browser, came: Came) -> Browser:
    """Ana has released one message to each of two departments, and says what that took."""
    for number, (to, effort) in enumerate(((JOE, {"keys": 2, "milliseconds": 4500}), (MARA, None))):
        (one,) = came(to, author=f"one{number}@far.example")
        order = {"verb": "release", "select": {"ids": [one]}} | ({"effort": effort} if effort else {})
        assert ana.post("/decisions", order).status_code == 201
    return ana


def test_every_report_and_one_of_them(decided: Browser, ben: Browser) -> None:
    everything = decided.get("/reports").json()["items"]
    assert [one["name"] for one in everything] == NAMES
    assert decided.get("/reports/waiting").json()["tables"] == everything[2]["tables"]
    departments = {name: browser.get("/reports/waiting").json()["tables"][1]["rows"] for name, browser in (("ana", decided), ("ben", ben))}
    assert {name: [row["code"] for row in rows] for name, rows in departments.items()} == {"ana": ["it", "legal"], "ben": ["legal"]}
    unknown = decided.get("/reports/weather")
    assert (unknown.status_code, "there are headlines, harm, waiting" in unknown.json()["detail"]) == (404, True)


def test_one_table_as_csv(decided: Browser, ben: Browser, new_browser: NewBrowser) -> None:
    answer = decided.get("/reports/waiting?format=csv&table=departments")
    assert answer.headers["content-type"].startswith("text/csv")
    assert [(row["code"], row["messages"]) for row in csv.DictReader(io.StringIO(answer.text))] == [("it", "1"), ("legal", "1")]
    assert '"it"' not in ben.get("/reports/waiting?format=csv&table=departments").text
    exported = [(act["by"], act["subject"]) for act in new_browser("ida").get("/audit").json()["items"] if act["act"] == "export"]
    assert exported == [("person:ben", "report:waiting"), ("person:ana", "report:waiting")]
    missing = ben.get("/reports/work?format=csv")
    assert (missing.status_code, "Fewer than 3 people decided" in missing.json()["detail"]) == (404, True)


def test_the_history_of_a_sender_as_csv_is_on_record_with_the_sender(decided: Browser, engine: Engine) -> None:
    assert decided.get("/senders/far.example/history?format=csv&table=days").status_code == 200
    with db.read_transaction(engine) as session:
        exported = session.execute(select(col(AuditRecord.subject), col(AuditRecord.detail)).where(col(AuditRecord.act) == "export")).all()
    assert [(subject, detail["sender"]) for subject, detail in exported] == [("report:sender", "far.example")]


@pytest.mark.parametrize(
    "asked", ["since=2020-01-01T00:00:00Z", "since=2099-01-01T00:00:00Z", "since=yesterday", "until=now", "format=xml"]
)
def test_what_cannot_be_asked_says_which_field(sqlite_ana: Browser, asked: str) -> None:
    answer = sqlite_ana.get(f"/reports/waiting?{asked}")
    assert (answer.status_code, answer.json()["field"]) == (422, asked.partition("=")[0])


def test_a_token_that_reads_may_read_them(sqlite_ana: Browser) -> None:
    engine = sqlite_ana.app.state.office.engine
    for grant, status in (("read", 200), ("rules", 403)):
        program = Browser(sqlite_ana.portal, sqlite_ana.app, "192.0.2.9").with_token(token_key(engine, grant))
        assert program.get("/reports").status_code == status
        program.close()


def test_what_a_decision_took_is_kept(decided: Browser, engine: Engine) -> None:
    assert decided.get("/me").json()["measures"] is True
    with db.read_transaction(engine) as session:
        kept = session.execute(select(col(Decision.keys), col(Decision.milliseconds)).order_by(col(Decision.id))).all()
    assert [tuple(row) for row in kept] == [(2, 4500), (None, None)]


@pytest.mark.parametrize("effort", [{"keys": -1, "milliseconds": 1}, {"keys": 1}, {"keys": 1, "milliseconds": 10**9}, "quick"])
def test_what_no_decision_can_take(sqlite_ana: Browser, effort: object) -> None:
    answer = sqlite_ana.post("/decisions", {"verb": "release", "select": {"sender": "a@b.example"}, "effort": effort})
    assert (answer.status_code, answer.json()["field"].startswith("effort")) == (422, True)


def test_nothing_is_measured_where_nobody_wants_it(sqlite_ana: Browser) -> None:
    office = sqlite_ana.app.state.office
    office.settings = replace(office.settings, reports=replace(office.settings.reports, staff="none"))
    assert sqlite_ana.get("/me").json()["measures"] is False
