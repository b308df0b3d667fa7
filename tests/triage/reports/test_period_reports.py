"""Reports equal to hand counts: two days of a small company, written down below, and every number worked out by hand."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, OTTO
from triage import ids
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Company as HouseCompany, Relay, Retention, Settings
from triage.errors import BadInput, NotFound
from triage.message.authentication import Dmarc, Result
from triage.message.signals.severity import Severity
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Effort, Verb
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import fold_counts
from triage.reports import daily_counts, period_reports, reading
from triage.reports.report_values import Period, Report, Table
from triage.store import db
from triage.store.models.contacts import Contact
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.text.csv_export import Cell

BERLIN = ZoneInfo("Europe/Berlin")
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
WAVE = "Your parcel waits at the depot. Pay the open charge within two days, or it returns to its sender and the fee is lost."
TOGETHER = {"friend": "friend@partner.example", "bad": "bad@blocked.example", "wave": "wave@parcel.example", "pen": "pen@friend.example"}
ARRIVALS = """
mon 08:00 a joe    | mon 08:00 b joe    | mon 08:00 c joe   | mon 08:10 d joe     | mon 08:10 e joe | mon 08:20 f joe
mon 09:00 pass1 joe friend | mon 09:00 pass2 mara friend | tue 09:00 pass3 joe friend
mon 10:00 g mara   | mon 10:00 h mara   | mon 11:00 i joe   | mon 11:00 j joe     | mon 11:30 k joe | mon 11:30 l joe pen
mon 13:00 w1 both wave | mon 13:05 w2 joe wave | mon 13:20 w3 joe wave
mon 14:00 n mara   | mon 14:30 o mara
tue 10:00 no1 joe bad | tue 10:00 no2 joe bad
"""
ACTS = """
mon 08:01 ana release a 2s 1k | mon 08:02 ana release b 4s 1k | mon 08:03 ida release c 4s 2k | mon 08:14 ana release d 6s 2k
mon 08:15 ana redirect e 10s 5k | mon 09:20 ida release f 8s 1k | mon 10:10 ben release g | mon 10:20 ben release h
mon 11:01 ana release i | mon 11:01:05 ana undo i | mon 11:05 ana purge i | mon 11:02 ida release j | mon 11:05 ida undo j
mon 11:31 ana release k | mon 11:32 ana release l | mon 12:00:30 ida purge k | mon 12:01 ida purge l
mon 13:10 ana purge wave | mon 14:01 ben purge n | mon 14:03 ben undo n | mon 14:31 ben reject o
"""
ACTORS = {"ana": ANA, "ben": BEN, "ida": IDA}
PERIOD = "mon 00:00", "tue 12:00"


def at(text: str) -> datetime:
    """`mon 08:00` as clocks in Berlin show it."""
    day, clock = text.split()
    hour, minute, second = [*map(int, clock.split(":")), 0][:3]
    return datetime(2026, 11, {"mon": 23, "tue": 24}[day], hour, minute, second, tzinfo=BERLIN).astimezone(UTC)


@dataclass
class Clock:
    """Clock for ids."""

    now: datetime = field(default_factory=lambda: at("mon 07:00"))

    def time_ns(self) -> int:
        return int(self.now.timestamp()) * 10**9


@dataclass
class Company:
    """The company and its two days."""

    engine: Engine
    settings: Settings
    clock: Clock
    messages: dict[str, list[int]] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)

    def live(self) -> "Company":
        """Play all events, in order."""
        happens: list[tuple[datetime, Callable[[Session], object]]] = [(at(f"mon {hour:02d}:00"), self.look) for hour in range(8, 16)]
        for line in ARRIVALS.strip().replace("\n", "|").split("|"):
            happens.append((at(" ".join(line.split()[:2])), self.arrival(*line.split()[2:])))
        for line in ACTS.strip().replace("\n", "|").split("|"):
            happens.append((at(" ".join(line.split()[:2])), self.act(*line.split()[2:])))
        happens += [(at("mon 11:45"), self.joe_answers), (at("mon 15:10"), self.joe_reports), (at("mon 15:20"), self.codes_end)]
        for then, what in sorted(happens, key=lambda one: one[0]):
            self.clock.now = then
            with db.transaction(self.engine) as session:
                what(session)
        return self

    def look(self, session: Session) -> None:
        """Upkeep folds what was touched, and takes the sample of the hour."""
        while fold_counts.fold_counts(session, now=self.clock.now):
            pass
        assert daily_counts.sample_held(session, self.clock.now)

    def arrival(self, name: str, to: str, who: str = "") -> Callable[[Session], object]:
        """A message, of a stranger of its own or of somebody who writes more than once."""
        recipients = {"joe": (JOE,), "mara": (MARA,), "both": (JOE, MARA)}[to]
        author = TOGETHER.get(who, f"{name}@stranger.example")
        domain = author.rpartition("@")[2]
        dmarc = Dmarc(Result.PASS, domain, domain, "reject", ("spf", "dkim"))
        text = WAVE if who == "wave" else ""

        def come(session: Session) -> None:
            self.messages[name] = list(
                arriving.arrive(
                    session,
                    self.settings,
                    *recipients,
                    author=author,
                    subject=name,
                    dmarc=dmarc,
                    spf=Result.PASS,
                    text=text,
                    at=self.clock.now,
                )
            )

        return come

    def act(self, who: str, verb: str, about: str, seconds: str = "", keys: str = "") -> Callable[[Session], object]:
        """Make a decision of a staff member."""
        said: dict[str, Any] = {"by": ACTORS[who], "reason": "", "settings": self.settings}
        effort = Effort(int(keys[:-1]), 1000 * int(seconds[:-1])) if keys else None

        def decide(session: Session) -> None:
            if verb == "undo":
                undoing.undo_decision(session, self.made[about], now=self.clock.now, **said)
                return
            more: dict[str, Any] = {"redirect": {"to": "mara.berg@company.example"}, "reject": {"template": "not-wanted"}}.get(verb, {})
            request = DecisionRequest(self.selected(session, about), Verb(verb), effort=effort, **more)
            found = decisions.decide_messages(session, request, by=ACTORS[who], now=self.clock.now, settings=self.settings)
            self.made[about] = found.id
            assert found.done == found.count > 0, (verb, about)

        return decide

    def selected(self, session: Session, about: str) -> Selection:
        """Selects a message, or the campaign."""
        if about == "wave":
            return Selection.of(campaign=session.get_one(Delivery, self.messages["w1"][0]).campaign_id)
        return Selection.of(ids=tuple(self.messages[about]))

    def newest_of_the_wave(self) -> tuple[str, str]:
        """The subject of its newest message, and its id."""
        with db.read_transaction(self.engine) as session:
            number = session.get_one(Delivery, self.messages["w1"][0]).campaign_id
            newest = select(Delivery).where(col(Delivery.campaign_id) == number).order_by(col(Delivery.id).desc()).limit(1)
            return session.scalars(newest).one().subject, ids.format_id(number or 0)

    def joe_answers(self, session: Session) -> None:
        """Note that Joe wrote to a sender whose message was released."""
        said: dict[str, Any] = dict.fromkeys(("learned_at", "first_sent_at", "last_sent_at", "last_mail_at"), self.clock.now)
        session.add(Contact(address=TOGETHER["pen"], person="joe.fern", **said))

    def joe_reports(self, session: Session) -> None:
        """Joe reports two released messages; staff calls the second one harmless."""
        for number, (name, verdict) in enumerate((("a", ""), ("b", "good"))):
            said: dict[str, Any] = {"person_shown": "Joe Fern", "department": "it", "how": "trace field", "author": "", "subject": name}
            report = MailReport(id=number, person="joe.fern", at=self.clock.now, spool_id=number, verdict=verdict, **said)
            report.delivery_id = self.messages[name][0]
            session.add(report)

    def codes_end(self, session: Session) -> None:
        """Codes ended: in time for c, before the release of f, while j waited, and in i, which staff removed. f looked suspicious. A
        release of j was refused before that.
        """
        for name, end in (("c", "mon 08:10"), ("f", "mon 08:30"), ("j", "mon 11:20"), ("i", "mon 11:04")):
            session.get_one(Delivery, self.messages[name][0]).time_limited_until = at(end)
        session.get_one(Delivery, self.messages["f"][0]).severity = Severity.SUSPICIOUS
        said: dict[str, Any] = {"by": str(IDA), "by_shown": IDA.shown, "verb": "release", "reason": "", "count": 1, "done": 0}
        refused = Decision(at=at("mon 11:10"), **said)
        session.add_all(
            (refused, DecisionItem(decision_id=refused.id, delivery_id=self.messages["j"][0], before="held", outcome="refused"))
        )

    def report(self, name: str, by: Actor = OTTO, **more: Any) -> Report:
        """Makes a report about both days. `targets`: of departments."""
        since, until = map(at, more.pop("period", PERIOD))
        notices = replace(self.settings.notices, targets=more.pop("targets", ()))
        settings = replace(self.settings, notices=notices, reports=replace(self.settings.reports, **more))
        with db.read_transaction(self.engine) as session:
            asked = period_reports.parse_period(since, until, settings=settings, now=at("tue 12:00"))
            return period_reports.get_report(session, name, period=asked, by=by, settings=settings, now=at("tue 12:00"))

    def days_end(self) -> int:
        """Upkeep counts the days that are over; how many."""
        for number in range(10):
            with db.read_transaction(self.engine) as session:
                day = daily_counts.next_day(session, "Europe/Berlin", at("tue 12:00"))
                rows = daily_counts.count_day(session, day) if day else []
            if day is None:
                return number
            with db.transaction(self.engine) as session:
                daily_counts.record_day(session, day, rows, "Europe/Berlin")
        raise AssertionError("it never ends")


def lived(engine: Engine, settings: Settings) -> Company:
    """The company after its two days."""
    clock = Clock()
    out = replace(settings.relay, smarthost="smtp://smarthost.example:25")
    settings = replace(settings, relay=out, coverage=replace(settings.coverage, time_zone="Europe/Berlin"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "time", SimpleNamespace(time_ns=clock.time_ns))
        patch.setattr(ids, "_last", 0)
        with db.transaction(engine) as session:
            arriving.set_up(session, settings)
            for effect, value in (("allow", TOGETHER["friend"]), ("block", TOGETHER["bad"])):
                rules.add_rule(session, RuleOrder(effect, "address", value, "company"), by=ANA, now=clock.now, settings=settings)
        fold_counts.build_views(engine, now=clock.now)
        return Company(engine, settings, clock).live()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """The company's two days in a file."""
    directory = tmp_path_factory.mktemp("lived")
    shutil.copyfile(sqlite_template, directory / "lived.db")
    engine = db.open_engine(f"sqlite:///{directory}/lived.db")
    lived(
        engine,
        Settings(HouseCompany(domains=("company.example",), hostname="mx.company.example"), relay=Relay(next_hop=f"maildir:{directory}")),
    )
    engine.dispose()
    return directory / "lived.db"


@pytest.fixture
def company(kept: Path, settings: Settings, tmp_path: Path) -> Iterator[Company]:
    """The company after its two days, on SQLite."""
    shutil.copyfile(kept, tmp_path / "lived.db")
    engine = db.open_engine(f"sqlite:///{tmp_path}/lived.db")
    yield Company(engine, replace(settings, coverage=replace(settings.coverage, time_zone="Europe/Berlin")), Clock())
    engine.dispose()


def table(report: Report, name: str) -> Table:
    return next(one for one in report.tables if one.name == name)


def rows(report: Report, name: str, *columns: str) -> list[tuple[Cell, ...]]:
    """Rows of a table, with these columns."""
    found = table(report, name)
    places = [[column.name for column in found.columns].index(column) for column in columns]
    return [tuple(row[place] for place in places) for row in found.rows]


def test_every_number_is_the_hand_count(engine: Engine, settings: Settings) -> None:
    company = lived(engine, settings)
    hand_counts(company)
    now_counted = [company.report(name) for name in period_reports.REPORTS]
    assert company.days_end() == 1  # Tuesday is not over
    assert company.days_end() == 0
    assert [company.report(name) for name in period_reports.REPORTS] == now_counted
    bens_counts(company)
    with db.transaction(company.engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    what_is_sealed(company)


def hand_counts(company: Company) -> None:
    """Figures for the whole company, worked out by hand."""
    times = ("messages", "p50_seconds", "p90_seconds", "p99_seconds")
    waiting = company.report("waiting")
    assert rows(waiting, "total", *times) == [(9, 240, 3600, 3600)]  # a to h, and l, which was answered
    assert rows(waiting, "departments", "code", *times) == [("it", 7, 180, 3600, 3600), ("legal", 2, None, None, None)]
    by_hour = {row[0]: row[1:] for row in rows(waiting, "hours", "hour", *times) if row[1]}
    assert by_hour == {"08:00": (6, 180, 3600, 3600), "10:00": (2, None, None, None), "11:00": (1, None, None, None)}
    assert waiting.sentences == (
        "9 wanted messages were held. They waited 4 minutes (median), 1 hour (90th percentile) and 1 hour (99th percentile).",
        "1 of them has been answered since.",
        "The oldest held message has waited 1 day.",
    )

    queue = company.report("queue")
    assert rows(queue, "days", "day", "held", "released", "removed") == [("2026-11-23", 17, 10, 5), ("2026-11-24", 0, 0, 0)]
    seen = {row[0]: row[1:] for row in rows(queue, "hours", "hour", "mean", "most") if row[1] is not None}
    assert seen == {f"{hour:02d}:00": (held, held) for hour, held in zip(range(8, 16), (0, 1, 0, 0, 1, 1, 1, 2), strict=True)}
    assert table(queue, "week").rows[0][1 + 15] == 2
    assert queue.sentences == (
        "17 messages were held. Staff released 10 and removed 5.",
        "Held at full hours: 1 on average, 2 at most (on Monday, 23 Nov 15:00).",
    )

    passed = company.report("rules")
    assert rows(passed, "passed", "name", "messages", "share") == [("allowed-sender", 3, 3 / 23)]
    assert rows(passed, "held", "name", "messages", "share") == [("first-contact", 17, 17 / 23)]
    assert rows(passed, "purged", "name", "messages", "share") == [("blocked-sender", 3, 3 / 23)]  # two, and a late copy

    work = company.report("work")
    assert rows(work, "total", "rows", "rows_an_hour", "p50_seconds", "p90_seconds", "p50_keys", "undone") == [(16, 2.0, 4, 10, 1, 3)]
    assert [row[1] for row in table(work, "hours").rows if row[1]] == [5, 1, 2, 5, 1, 2]
    assert work.sentences == (
        "16 rows were decided by 3 people.",
        "In an hour of work one person decides 2 rows.",
        "A decision took 4 seconds and 1 key (median).",
    )

    mistakes = company.report("mistakes")
    assert rows(mistakes, "verbs", "verb", "rows", "undone") == [
        ("released", 11, 2),
        ("removed", 3, 1),
        ("redirected", 1, 0),
        ("rejected", 1, 0),
    ]
    assert rows(mistakes, "rules", "name", "messages") == [("first-contact", 3)]
    assert mistakes.sentences == (
        "3 of 16 decisions were undone, 1 of them before anything was delivered.",
        "3 of 12 released messages were undone or removed after delivery: 25.0 wrong releases in a hundred.",
    )

    campaigns = company.report("campaigns")
    assert rows(campaigns, "copies", "place", "copies") == [("held here", 4), ("on the way", 2), ("late copies, on arrival", 1)]
    assert rows(campaigns, "campaigns", "copies", "seconds") == [(3, 600)]
    assert rows(campaigns, "campaigns", "subject", "campaign") == [company.newest_of_the_wave()]
    assert campaigns.sentences[0] == "1 campaign was stopped, 7 copies removed."

    saved = company.report("saved")
    assert rows(saved, "formula", "count", "seconds", "hours") == [(7, 20, 0.04), (16, 4, -0.02), (None, None, 0.02), (3, None, None)]
    assert saved.sentences == (
        "≈ 1.3 minutes saved.",
        "7 copies × 20 s − 16 rows × 4.0 s = 0 h.",
        "3 more messages were blocked on arrival. They are not part of the time saved.",
    )
    first_look(company)


def first_look(company: Company) -> None:
    """Headline figures, load and harm, worked out by hand."""
    assert rows(company.report("headlines", targets=("it=3",)), "figures", "name", "unit", "now", "before", "change") == [
        ("held", "count", 17, 0, 17),
        ("released", "count", 10, 0, 10),
        ("removed", "count", 5, 0, 5),
        ("median_wait", "seconds", 240, None, None),
        ("p90_wait", "seconds", 3600, None, None),
        ("within_target", "share", 4 / 7, None, None),  # a, b, c and l, of those and d, e, f
        ("oldest", "seconds", 25 * 3600, None, None),  # j
        ("campaigns", "count", 1, 0, 1),
        ("saved", "seconds", 7 * 20 - 16 * 4, 0, 76),
    ]
    assert company.report("headlines").sentences == (
        "17 messages were held.",
        "Staff released 10, half of the wanted ones within 4 minutes, and removed 5.",
        "Compared with 21 Nov 2026 to 22 Nov 2026.",
    )
    assert rows(company.report("headlines"), "figures", "now")[5] == (None,)
    own = company.report("headlines", targets=("it=3", "person:joe.fern=0"))
    assert rows(own, "figures", "now")[5] == (None,), "all that IT's target concerned was to Joe"

    queue = company.report("queue")
    assert rows(queue, "departments", "code", "held", "released", "removed", "waiting") == [("it", 12, 8, 3, 1), ("legal", 5, 2, 2, 1)]
    assert rows(queue, "ages", "messages") == [(0,), (0,), (0,), (2,)]
    assert rows(queue, "longest", "subject", "waited", "department") == [("j", 25 * 3600, "IT"), ("n", 22 * 3600, "Legal")]

    harm = {
        "long_wait": (1, 9),  # f
        "expired_codes": (2, 3),  # f and j, of those and c
        "reported": (1, 12),  # a
        "undecided": (0, 0),
        "restored": (1, 6),  # n, of that, i, o and three of the wave
        "wrongly_held": (1, 9),  # f
    }
    assert {name: cells for name, *cells in rows(company.report("harm"), "harm", "name", "messages", "of")} == {
        name: list(cells) for name, cells in harm.items()
    }
    assert company.report("harm").sentences == ("1 of 9 wanted messages waited more than 30 minutes (11 %).",)


def test_a_part_of_a_day_counts_as_a_part(company: Company) -> None:
    company.days_end()
    some = company.report("rules", period=("mon 09:30", "mon 13:10"))
    assert rows(some, "held", "messages") == [(9,)]  # g to l, w1 twice, w2
    assert table(some, "passed").rows == ()
    assert rows(company.report("waiting", period=("mon 09:00", "mon 11:00")), "total", "messages") == [
        (3,)
    ]  # f, g and h, by when they were released


def bens_counts(company: Company) -> None:
    """Figures for one department, worked out by hand."""
    assert company.report("rules", by=BEN).sentences == ("6 messages arrived: 17 % delivered at once, 83 % held, 0 % removed on arrival.",)
    assert rows(company.report("waiting", by=BEN), "departments", "code", "messages") == [("legal", 2)]
    assert rows(company.report("queue", by=BEN), "days", "held", "released", "removed") == [(5, 2, 2), (0, 0, 0)]
    assert table(company.report("queue", by=BEN), "week").rows[0][1 + 15] == 1  # n
    assert company.report("campaigns", by=BEN).sentences[0] == "0 campaigns were stopped, 1 copy removed."
    assert company.report("work", by=BEN).sentences == (
        "5 rows were decided by 2 people.",
        "Fewer than 3 people decided, so their speed is not shown: it would describe one person.",
    )
    assert rows(company.report("queue", by=BEN), "departments", "code", "held", "waiting") == [("legal", 5, 1)]
    assert rows(company.report("queue", by=BEN), "longest", "subject") == [("n",)]
    assert rows(company.report("harm", by=BEN), "harm", "messages", "of") == [(0, 2), (0, 0), (None, 2), (0, 0), (None, 3), (0, 2)]
    assert company.report("work", by=BEN).tables == company.report("mistakes", by=BEN).tables == ()


def what_is_sealed(company: Company) -> None:
    """The same where the legal department is confidential, and Ben alone named for it: it counts for nobody else."""
    assert rows(company.report("rules"), "held", "messages") == [(12,)]
    assert rows(company.report("queue"), "days", "held", "released", "removed") == [(12, 8, 3), (0, 0, 0)]
    assert table(company.report("queue"), "week").rows[0][1 + 15] == 1  # j
    assert rows(company.report("waiting"), "departments", "code") == [("it",)]
    assert company.report("work").sentences[0] == "12 rows were decided by 2 people."
    assert rows(company.report("rules", by=BEN), "held", "messages") == [(5,)]
    assert rows(company.report("queue"), "departments", "code") == [("it",)]
    assert rows(company.report("queue"), "longest", "subject") == [("j",)]
    assert rows(company.report("harm"), "harm", "of")[4] == (3,)  # i and two of the wave


@pytest.mark.parametrize(
    ("staff", "by", "told"),
    [
        ("totals", IDA, None),
        ("none", IDA, None),
        ("people", OTTO, [("Ana Roth", 9, 1), ("Ben Okafor", 4, 1), ("Ida Lind", 3, 1)]),
        ("people", ANA, [("Ana Roth", 9, 1)]),
    ],
)
def test_people_are_told_of_only_where_the_company_wants_it(
    company: Company, staff: str, by: Actor, told: list[tuple[Cell, ...]] | None
) -> None:
    work, mistakes = (company.report(name, by=by, staff=staff) for name in ("work", "mistakes"))
    if told is None:
        assert all(one.name != "people" for report in (work, mistakes) for one in report.tables)
        return
    assert rows(work, "people", "who", "rows", "undone") == told
    wrong = {row[0]: row[1:] for row in rows(mistakes, "people", "who", "released", "wrong", "wrong_per_hundred")}
    assert wrong["Ana Roth"] == (7, 2, 28.6)
    assert len(wrong) == len(told)


def test_of_fewer_people_than_the_company_wants_no_total_is_told(company: Company) -> None:
    assert company.report("work", least_people=4).tables == ()
    assert company.report("saved", least_people=4).sentences[1] == "7 copies × 20 s − 16 rows × 20 s = -0.1 h."


def test_nothing_is_measured_where_the_company_wants_nothing_measured(company: Company) -> None:
    with db.transaction(company.engine) as session:
        settings = replace(company.settings, reports=replace(company.settings.reports, staff="none"))
        (one,) = arriving.arrive(session, settings, JOE, author="late@stranger.example")
        request = DecisionRequest(Selection.of(ids=(one,)), Verb.RELEASE, effort=Effort(3, 900))
        made = decisions.decide_messages(session, request, by=ANA, now=at("tue 11:00"), settings=settings)
        assert session.get_one(Decision, made.id).keys is None


def test_another_time_zone_counts_all_days_anew(company: Company) -> None:
    company.days_end()
    with db.read_transaction(company.engine) as session:
        day = daily_counts.next_day(session, "UTC", at("tue 12:00"))
        assert day is not None
        assert day.since == datetime(2026, 11, 23, tzinfo=UTC)
        found = daily_counts.count_arrivals(session, [day], by=OTTO, zone="UTC")
    assert found[day].total() == 20


def test_a_period_is_four_weeks_unless_something_else_is_asked(settings: Settings) -> None:
    now = at("tue 12:00")
    usual = period_reports.parse_period(None, None, settings=settings, now=now)
    assert (usual.since, usual.until) == (datetime(2026, 10, 28, tzinfo=UTC), now)
    for since in (now, now - timedelta(days=367)):
        with pytest.raises(BadInput, match="since"):
            period_reports.parse_period(since, None, settings=settings, now=now)
    for year in (1, 9999):
        with pytest.raises(BadInput, match="until"):
            period_reports.parse_period(None, datetime(year, 1, 5, tzinfo=UTC), settings=settings, now=now)


def test_a_period_begins_when_there_are_records_of_it(settings: Settings) -> None:
    now, short = at("tue 12:00"), replace(settings, retention=Retention(record_days=7))
    week_ago = now - timedelta(days=7)
    assert period_reports.parse_period(None, None, settings=short, now=now).since == week_ago
    for since, until in ((week_ago - timedelta(seconds=1), None), (None, week_ago)):
        with pytest.raises(BadInput, match=r"kept for 7 days: a report begins on 17 Nov 2026 or later"):
            period_reports.parse_period(since, until, settings=short, now=now)


@pytest.mark.parametrize(
    ("since", "until", "before"),
    [
        ("2026-11-02T00:00", "2026-11-29T12:00", ("2026-10-05T00:00", "2026-11-01T12:00")),
        ("2026-11-23T00:00", "2026-11-30T00:00", ("2026-11-16T00:00", "2026-11-23T00:00")),
        ("2026-03-30T00:00", "2026-03-31T00:00", ("2026-03-29T00:00", "2026-03-30T00:00")),  # a day of 23 hours
    ],
)
def test_the_period_before_has_the_same_weekdays_and_clock_times(since: str, until: str, before: tuple[str, str]) -> None:
    begun, ended = (datetime.fromisoformat(one).replace(tzinfo=BERLIN).astimezone(UTC) for one in (since, until))
    found = reading.period_before(Period(begun, ended, "Europe/Berlin"))
    assert tuple(f"{one.astimezone(BERLIN):%Y-%m-%dT%H:%M}" for one in (found.since, found.until)) == before


def test_nothing_is_compared_with_records_that_are_erased(company: Company) -> None:
    short = replace(company.settings, retention=Retention(record_days=3))
    with db.read_transaction(company.engine) as session:
        asked = period_reports.parse_period(at("mon 00:00"), at("tue 12:00"), settings=short, now=at("tue 12:00"))
        found = period_reports.get_report(session, "headlines", period=asked, by=OTTO, settings=short, now=at("tue 12:00"))
    assert {row[0] for row in rows(found, "figures", "before")} == {None}
    assert found.sentences[-1] == "There is no period to compare with: its records are already erased."


def test_there_is_no_report_of_any_other_name(engine: Engine, settings: Settings) -> None:
    asked = period_reports.parse_period(None, None, settings=settings, now=at("tue 12:00"))
    with db.read_transaction(engine) as session, pytest.raises(NotFound, match="there are headlines, harm, waiting"):
        period_reports.get_report(session, "weather", period=asked, by=OTTO, settings=settings, now=at("tue 12:00"))


def test_of_nothing_there_is_little_to_tell(engine: Engine, settings: Settings) -> None:
    with db.read_transaction(engine) as session:
        asked = period_reports.parse_period(None, None, settings=settings, now=at("tue 12:00"))
        found = period_reports.all_reports(session, period=asked, by=OTTO, settings=settings, now=at("tue 12:00"))
    assert [one.sentences[0] for one in found[2:5]] == [
        "No wanted message was held.",
        "0 messages were held. Staff released 0 and removed 0.",
        "No message arrived.",
    ]
