"""History of a sender: what came each day, what was decided, which rules came and went, and who reported it; all within a scope."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, IDA, NOW, arrive
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.errors import NotFound
from triage.ids import format_id, new_id
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions, undo
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.reports import report_values, sender_report
from triage.store.db import read_transaction, transaction
from triage.store.models.employees import MailReport
from triage.store.models.staff import ApiToken
from triage.text.csv_export import Cell

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
SALES, POST, DOMAIN = "sales@supplier.example", "post@mail.supplier.example", "supplier.example"
DAY = timedelta(days=1)


class House:
    """The small company, where messages of a supplier come in, are decided about and reported."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings
        with transaction(engine) as session:
            arriving.set_up(session, settings)

    def came(self, *recipients: str, author: str = SALES, at: datetime = NOW, proven: bool = False) -> tuple[int, ...]:
        with transaction(self.engine) as session:
            dmarc = DMARC_PASS if proven else arriving.NO_DMARC
            return arrive(session, self.settings, *recipients, author=author, at=at, dmarc=dmarc)

    def decides(self, verb: Verb, *ids: int, by: Actor = ANA, at: datetime = NOW) -> int:
        with transaction(self.engine) as session:
            request = DecisionRequest(Selection.of(ids=ids), verb)
            return decisions.decide_messages(session, request, by=by, now=at, settings=self.settings).id

    def undoes(self, decision: int) -> None:
        with transaction(self.engine) as session:
            undo.undo_decision(session, decision, by=IDA, reason="", now=NOW, settings=self.settings)

    def rule(self, effect: str, match: str, value: str, scope: str = "company", **more: object) -> int:
        with transaction(self.engine) as session:
            order = RuleOrder(effect, match, value, scope, **more)  # type: ignore[arg-type]
            return rules.add_rule(session, order, by=ANA, now=NOW - 5 * DAY, settings=self.settings).id

    def reports(self, delivery: int, who: str = "Joe Fern", verdict: str = "") -> None:
        with transaction(self.engine) as session:
            who_and_what = {"person": who, "person_shown": who, "how": "", "author": "", "subject": "", "verdict": verdict}
            row = {"id": new_id(), "delivery_id": delivery, "at": NOW, "department": "it", "spool_id": new_id()} | who_and_what
            session.add(MailReport(**row))  # type: ignore[arg-type]

    def read(self, name: str = SALES, by: Actor = ANA, now: datetime = NOW) -> report_values.Report:
        with read_transaction(self.engine) as session:
            return sender_report.report_sender(session, name, by=by, settings=self.settings, now=now)

    def rows(self, table: str, name: str = SALES, by: Actor = ANA, now: datetime = NOW) -> list[tuple[Cell, ...]]:
        """The rows of a table; of days only those with messages."""
        found = next(one for one in self.read(name, by, now).tables if one.name == table)
        return [row for row in found.rows if table != "days" or row[1]]


@pytest.fixture
def house(engine: Engine, settings: Settings) -> House:
    return House(engine, replace(settings, coverage=replace(settings.coverage, time_zone="Europe/Berlin")))


def test_messages_by_day_of_the_company_s_clocks_each_once_whoever_got_it(house: House) -> None:
    house.came(JOE, MARA, proven=True)
    house.came(JOE)
    house.came(JOE, at=datetime.fromisoformat("2026-11-22T23:30:00+00:00"), proven=True)  # half past midnight in Berlin
    house.came(JOE, at=NOW - 89 * DAY)  # in summer time
    house.came(JOE, at=NOW - 91 * DAY)  # before
    assert house.rows("days") == [("2026-08-27", 1, 0), ("2026-11-23", 1, 1), ("2026-11-24", 2, 1)]
    (days, *_) = house.read().tables
    assert (len(days.rows), days.rows[0][0], days.rows[-1][0]) == (90, "2026-08-27", "2026-11-24")
    assert house.read().sentences[0] == "4 messages came; 50 % of them really from the sender (DMARC)."


def test_a_domain_has_what_lies_below_it_and_nobody_elses(house: House) -> None:
    house.came(JOE)
    house.came(JOE, author=POST)
    house.came(JOE, author="sales@othersupplier.example")
    assert house.rows("days", "@Supplier.example") == [("2026-11-24", 2, 0)]
    assert house.rows("days", POST.upper()) == [("2026-11-24", 1, 0)]


def test_decisions_by_kind_the_last_one_by_whom(house: House) -> None:
    first, second, third = (house.came(JOE, MARA) for _ in range(3))
    house.decides(Verb.PURGE, *first, at=NOW - timedelta(hours=2))
    made = house.decides(Verb.PURGE, *second, by=IDA, at=NOW - timedelta(hours=1))
    house.decides(Verb.RELEASE, third[1], by=BEN)
    house.undoes(made)
    assert house.rows("decisions") == [
        ("Undone", 1, 2, 0, "24 Nov 2026, 10:30", "Ida Lind"),
        ("Released", 1, 1, 0, "24 Nov 2026, 10:30", "Ben Okafor"),
        ("Removed", 2, 4, 1, "24 Nov 2026, 09:30", "Ida Lind"),
    ]
    assert house.rows("decisions", by=BEN)[2] == ("Removed", 2, 2, 1, "24 Nov 2026, 09:30", "Ida Lind")
    assert "There were 4 decisions about them." in house.read().sentences


def test_programs_are_named_without_their_kind(house: House, engine: Engine) -> None:
    actors = ("system:retention", "shell:root", "person:gone")
    assert [sender_report.name_program(one) for one in actors] == ["retention", "root (shell)", "gone"]
    with transaction(engine) as session:
        token = ApiToken(id=7, name="ticket system", key_sha256="x", made_by="person:ida", made_at=NOW, expires_at=NOW)
        session.add(token)
        session.flush()
        assert sender_report.token_names(session, {"person:ana", f"token:{format_id(7)}"}) == {
            f"token:{format_id(7)}": "ticket system (token)"
        }


def test_rules_that_were_made_removed_and_ended(house: House, engine: Engine) -> None:
    house.came(JOE)
    gone = house.rule("block", "address", SALES)
    house.rule("hold", "domain", DOMAIN, until=NOW - DAY, note="an account was taken over")
    house.rule("allow", "address", "else@supplier.example")
    with transaction(engine) as session:
        rules.remove_rule(session, gone, by=ANA, now=NOW)
    assert house.rows("rules") == [
        ("24 Nov 2026, 10:30", "Removed", "Block", SALES, "the whole company", "Ana Roth"),
        ("23 Nov 2026, 10:30", "Ended", "Hold", DOMAIN, "the whole company", ""),
        ("19 Nov 2026, 10:30", "Made", "Hold", DOMAIN, "the whole company", "Ana Roth"),
        ("19 Nov 2026, 10:30", "Made", "Block", SALES, "the whole company", "Ana Roth"),
    ]


def test_only_what_the_reader_may_see_is_counted(house: House, engine: Engine) -> None:
    joes, maras = house.came(JOE, MARA)
    house.came(JOE, author=POST)
    house.rule("allow", "address", SALES, "department:it")
    house.rule("allow", "address", SALES, "department:legal")
    assert [row[4] for row in house.rows("rules")] == ["the department Legal", "the department IT"]
    house.reports(joes)
    house.reports(maras, "Mara Berg", "bad")
    house.decides(Verb.RELEASE, joes)
    assert [len(house.rows(table, by=BEN)) for table in ("days", "decisions", "rules", "reports")] == [1, 0, 1, 1]
    assert house.rows("reports", by=BEN) == [("24 Nov 2026, 10:30", "Mara Berg", "Dangerous")]
    assert [len(house.rows(table)) for table in ("days", "decisions", "rules", "reports")] == [1, 1, 2, 2]
    with pytest.raises(NotFound, match="in your scope"):
        house.read(POST, by=BEN)
    with transaction(engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    assert [len(house.rows(table)) for table in ("decisions", "rules", "reports")] == [1, 1, 1]
    assert "Employees sent 1 report." in house.read().sentences


def test_of_very_many_copies_the_newest_are_counted_and_it_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_report, "MOST", 3)
    for number in range(4):
        house.came(JOE, MARA, at=NOW - number * DAY)
    report = house.read()
    assert report.sentences[0] == "Only the newest 3 copies are counted."
    assert house.rows("days") == [("2026-11-24", 1, 0)]  # no message is counted in part
    assert report.tables[0].rows == (("2026-11-23", 0, 0), ("2026-11-24", 1, 0))


def test_who_wrote_long_ago_has_no_days(house: House) -> None:
    house.came(JOE, at=NOW - 200 * DAY)
    assert (house.rows("days"), house.read().sentences) == ([], ("No message came in this time.",))
    with pytest.raises(NotFound):
        house.read("nobody@nowhere.example")


def test_each_table_is_csv(house: House) -> None:
    house.came(JOE, proven=True)
    found = house.read()
    assert report_values.as_csv(found).splitlines()[-1] == '"2026-11-24","1","1"'
    assert report_values.as_csv(found, "rules") == '"at","what","effect","value","scope","by"\n'
