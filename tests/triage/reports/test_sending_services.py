"""Services that send for our domains, by proven DMARC reports on our domains, each counted once; the advice for each service."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import NOW, authentication, envelope, summary
from triage.addressing.envelope import Address
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.intake.build_recipient_map import build_recipient_map
from triage.intake.stages import Arrival
from triage.message.authentication import Dmarc, Result
from triage.message.dmarc_reports.aggregate_report import AggregateReport, Service
from triage.policy.decide import REPORT
from triage.reports import sending_services
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.store.models.counts import DmarcReport, SendingService
from triage.store.models.deliveries import Delivery

RUA = "dmarc@company.example"
PROVEN = Dmarc(Result.PASS, "receiver.example", "receiver.example", "none", ("dkim",))
FORGED = Dmarc(Result.FAIL, "receiver.example", "receiver.example", "none")
SERVICES = (
    Service("company.example", "bulk.example", "elsewhere", 40),
    Service("company.example", "192.0.2.0/24", "dkim", 900),
    Service("company.example", "203.0.113.0/24", "none", 3),
    Service("news.company.example", "letters.example", "spf", 70),
    Service("other.example", "203.0.113.0/24", "none", 9999),
)


@pytest.fixture
def counting(settings: Settings, engine: Engine) -> Settings:
    """A company with an address for reports."""
    with transaction(engine) as session:
        arriving.set_up(session, settings)
    return replace(settings, reports=replace(settings.reports, dmarc_address="DMARC@company.example"))


def about(report_id: str = "r1", *services: Service, end: datetime = NOW, domain: str = "company.example") -> AggregateReport:
    """A report of the day before."""
    return AggregateReport(report_id, domain, int((end - timedelta(days=1)).timestamp()), int(end.timestamp()), services or SERVICES)


def came(session: Session, settings: Settings, report: AggregateReport | None, dmarc: Dmarc = PROVEN, *recipients: str) -> Delivery:
    """A report comes in."""
    sender = "dmarc@receiver.example"
    arrival = Arrival(
        envelope(*recipients or (RUA,), reverse_path=sender), b"", authentication(sender, dmarc), summary(sender), report=report
    )
    (entered,) = intake.receive_all(session, [arrival], settings=settings, now=NOW)
    assert not isinstance(entered, Exception)
    return session.get_one(Delivery, entered[0])


def list_in_short(session: Session) -> list[tuple[str, str, str, int]]:
    """The list, in short."""
    return [(one.domain, one.name, one.proof, one.messages) for one in sending_services.list_services(session, now=NOW)]


def test_a_proven_report_is_counted_and_nobody_has_to_read_it(engine: Engine, counting: Settings) -> None:
    with transaction(engine) as session:
        found = came(session, counting, about())
        assert (found.state, found.rule, found.reason) == (State.PURGED, REPORT, "it is a DMARC report, which was counted")
        assert list_in_short(session) == [
            ("company.example", "203.0.113.0/24", "none", 3),
            ("company.example", "bulk.example", "elsewhere", 40),
            ("news.company.example", "letters.example", "spf", 70),
            ("company.example", "192.0.2.0/24", "dkim", 900),
        ]
        first, second, third, last = sending_services.list_services(session, now=NOW)
        assert [one.wanting for one in (first, second, third, last)] == [True, True, True, False]
        assert [one.proven for one in (first, second, third, last)] == [False, False, True, True]
        assert second.needs == ("Proven as bulk.example only. Set up DKIM for company.example there, or stop sending as company.example.")
        assert (second.reporters, second.last_at, last.needs) == (("receiver.example",), NOW, "Proven. Nothing to do.")


def test_a_forged_report_convinces_nobody(engine: Engine, counting: Settings) -> None:
    with transaction(engine) as session:
        found = came(session, counting, about(), FORGED)
        assert (found.state, found.rule == REPORT) == (State.HELD, False)
        assert list_in_short(session) == []


def test_a_report_counts_once_by_its_reporter_id_and_domain(engine: Engine, counting: Settings) -> None:
    one = Service("company.example", "bulk.example", "dkim", 1)
    with transaction(engine) as session:
        for report, dmarc in (
            (about("r1", one), PROVEN),
            (about("r1", one), PROVEN),  # the same again
            (about("r2", one), PROVEN),
            (about("r1", one, domain="news.company.example"), PROVEN),
            (about("r1", one), replace(PROVEN, domain="mx.example")),
        ):
            came(session, counting, report, dmarc)
        assert list_in_short(session) == [("company.example", "bulk.example", "dkim", 4)]
        (found,) = sending_services.list_services(session, now=NOW)
        assert found.reporters == ("mx.example", "receiver.example")


AGO = "it is a DMARC report that was not counted: it is about a time too long ago or still to come"


@pytest.mark.parametrize("step", ["record-only", "hold-unknown"])
@pytest.mark.parametrize(
    ("report", "state", "reason"),
    [
        (
            about("foreign", Service("other.example", "bulk.example", "dkim", 5)),
            State.HELD,
            "it is a DMARC report that was not counted: it is about none of our domains",
        ),
        (about("ahead", end=NOW + timedelta(days=9)), State.PURGED, AGO),
        (about("old", end=NOW - timedelta(days=500)), State.PURGED, AGO),
    ],
    ids=["foreign", "ahead", "old"],
)
def test_reports_on_others_and_of_other_times_are_not_counted_and_say_so(
    engine: Engine, counting: Settings, step: str, report: AggregateReport, state: State, reason: str
) -> None:
    counting = replace(counting, company=replace(counting.company, enforcement=step))
    with transaction(engine) as session:
        found = came(session, counting, report)
        assert (found.state, found.rule, found.reason) == (state, REPORT, reason)
        assert session.scalar(select(func.count()).select_from(DmarcReport)) == 0


@pytest.mark.parametrize(("limit", "domains"), [("A_DAY", ["receiver.example"]), ("A_DAY_IN_ALL", [f"r{one}.example" for one in range(5)])])
def test_neither_one_reporter_nor_many_can_fill_the_database(
    engine: Engine, counting: Settings, monkeypatch: pytest.MonkeyPatch, limit: str, domains: list[str]
) -> None:
    monkeypatch.setattr(sending_services, limit, 3)
    with transaction(engine) as session:
        for number in range(5):
            proof = replace(PROVEN, domain=domains[number % len(domains)])
            last = came(session, counting, about(f"r{number}", Service("company.example", "bulk.example", "dkim", 1)), proof)
        assert list_in_short(session) == [("company.example", "bulk.example", "dkim", 3)]
        assert last.reason == "it is a DMARC report that was not counted: too many came within 24 hours"
        again = came(session, counting, about("r0"), replace(PROVEN, domain=domains[0]))
        assert again.reason == "it is a DMARC report that was counted before"


def test_invented_numbers_push_no_need_off_the_list(engine: Engine, counting: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_services, "MOST", 3)
    ours, other = (Service("company.example", name, "none", 3) for name in ("203.0.113.0/24", "198.51.100.0/24"))
    invented = tuple(Service("company.example", f"{one}.example", "none", 1 << 40) for one in range(2))
    with transaction(engine) as session:
        for number in range(sending_services.NAMED + 1):
            came(session, counting, about("r1", ours, other), replace(PROVEN, domain=f"r{number}.example"))
        came(
            session,
            counting,
            about("r1", *invented, Service("company.example", "2.example", "dkim", 1 << 40)),
            replace(PROVEN, domain="made.example"),
        )
        assert [(name, messages) for _, name, _, messages in list_in_short(session)] == [
            ("198.51.100.0/24", 18),
            ("203.0.113.0/24", 18),
            ("0.example", sending_services.A_REPORT),
        ]
        first, _, last = sending_services.list_services(session, now=NOW)
        assert (len(first.reporters), last.reporters) == (sending_services.NAMED, ("made.example",))


def test_a_report_to_another_address_is_a_message_like_any_other(engine: Engine, counting: Settings) -> None:
    with transaction(engine) as session:
        assert came(session, counting, about(), PROVEN, "it+joe.fern@company.example").state == State.HELD
        assert list_in_short(session) == []


def test_what_is_no_report_is_held_and_the_address_needs_no_mailbox(engine: Engine, counting: Settings) -> None:
    with transaction(engine) as session:
        assert came(session, counting, None).state == State.HELD
        recipient_map = build_recipient_map(session, settings=counting, now=NOW)
    assert recipient_map
    assert recipient_map.admits(Address.parse(RUA))


def test_counts_are_kept_for_their_days(engine: Engine, counting: Settings) -> None:
    counting = replace(counting, reports=replace(counting.reports, dmarc_days=30))
    with transaction(engine) as session:
        came(session, counting, about("new"))
        came(session, counting, about("older", end=NOW - timedelta(days=29)))
        came(session, counting, about("oldest", end=NOW - timedelta(days=29)))
        then = NOW + timedelta(days=2)
        assert [sending_services.forget_reports(session, settings=counting, now=then, limit=1) for _ in range(3)] == [1, 1, 0]
        assert session.scalars(select(col(DmarcReport.report_id))).all() == ["new"]
        assert session.scalar(select(func.count()).select_from(SendingService)) == 4
