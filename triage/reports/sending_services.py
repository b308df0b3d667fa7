"""Services that send as domains of ours, by the aggregate reports of receivers: how many messages, how proven, and what each needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, func, select, tuple_
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.ids import new_id
from triage.message.authentication import Dmarc, Result
from triage.message.dmarc_reports.aggregate_report import AggregateReport, Standing, about_domains
from triage.say import mark, say
from triage.store import db
from triage.store.models.columns import Instant
from triage.store.models.counts import DmarcReport, SendingService

PERIOD = timedelta(days=30)  # that a list is about
AHEAD = timedelta(days=2)  # of which the end of a report may be: clocks and time zones differ
A_DAY = 200  # reports of one reporter that are counted within 24 hours
A_DAY_IN_ALL = 2_000  # the same of all reporters: anybody can register domains that pass
DAY = timedelta(days=1)
MOST = 500  # services of a list
NAMED = 5  # reporters of a service that are named
A_REPORT = 1_000_000  # messages of a service that one report may add: whoever invents numbers outweighs nobody
SLICE = 200  # reports that are deleted at once
NEEDS = {  # by proof, the most urgent first; what is none of these is proven
    "none": mark(
        "Nothing proves these messages. If the service is yours, list it in the SPF record of {domain} and sign with DKIM. If not, a DMARC "
        "policy of reject stops them."
    ),
    "elsewhere": mark("Proven as {name} only. Set up DKIM for {domain} there, or stop sending as {domain}."),
    "spf": mark("Proven by SPF only, which ends when a message is forwarded. Set up DKIM for {domain} there."),
    "forwarded": mark("Forwarders or lists passed these messages on. Nothing to do."),
    "dkim": mark("Proven. Nothing to do."),
}
Key = tuple[str, str, str]  # domain, name and proof of a service
ABOUT = col(SendingService.domain), col(SendingService.name), col(SendingService.proof)
PROVEN = frozenset({"dkim", "spf"})
WANTING = frozenset({"none", "elsewhere", "spf"})


@dataclass(frozen=True, slots=True)
class Sending:
    """Service that sends as a domain of ours."""

    domain: str
    name: str  # a domain or a network; "" for the rest of long reports
    proof: str
    proven: bool
    wanting: bool  # is there something to do?
    messages: int
    reporters: tuple[str, ...]  # a few of those who tell it
    last_at: datetime  # end of the newest report
    needs: str  # the step, a sentence


def count_report(session: Session, report: AggregateReport, proof: Dmarc, *, settings: Settings, now: datetime) -> bool:
    """Counts a report that passes DMARC itself, is about domains of ours, and was not counted before; returns whether it was counted."""
    if judge_report(session, report, proof, settings=settings, now=now) != "counted":
        return False
    services = tuple(about_domains(report, settings.own_domains))
    since, until = (datetime.fromtimestamp(one, UTC) for one in (report.begin, report.end))
    number = new_id()
    session.add(
        DmarcReport(
            id=number,
            reporter=proof.domain,
            report_id=report.report_id,
            domain=report.domain,
            since=since,
            until=until,
            received_at=now,
        )
    )
    session.flush()
    rows = [{"id": new_id(), "report": number, "domain": one.domain, "name": one.name, "proof": one.proof} for one in services]
    messages = [{"messages": min(one.messages, A_REPORT)} for one in services]
    db.insert_all(session, SendingService, [row | more for row, more in zip(rows, messages, strict=True)])
    return True


def judge_report(session: Session, report: AggregateReport, proof: Dmarc, *, settings: Settings, now: datetime) -> Standing:
    """Returns what becomes of a report, and changes nothing."""
    until = datetime.fromtimestamp(report.end, UTC)
    if proof.result is not Result.PASS:
        return ""
    if not any(about_domains(report, settings.own_domains)):
        return "foreign"
    if not now - timedelta(days=settings.reports.dmarc_days) < until < now + AHEAD:
        return "untimely"
    mine = col(DmarcReport.reporter) == proof.domain
    same = (mine, col(DmarcReport.report_id) == report.report_id, col(DmarcReport.domain) == report.domain)
    if session.scalar(select(col(DmarcReport.id)).where(*same)) is not None:
        return "again"
    many = count_lately(session, now, mine) >= A_DAY or count_lately(session, now) >= A_DAY_IN_ALL
    return "many" if many else "counted"


def count_lately(session: Session, now: datetime, *of: ColumnElement[bool]) -> int:
    """Returns the number of reports that were counted within 24 hours."""
    return session.scalar(select(func.count()).select_from(DmarcReport).where(col(DmarcReport.received_at) > now - DAY, *of)) or 0


def list_services(session: Session, *, now: datetime) -> list[Sending]:
    """The services of the last thirty days: those that need something first, then those of most reporters, then the busiest."""
    messages, last = func.sum(col(SendingService.messages)), func.max(col(DmarcReport.until), type_=Instant)
    reporters = func.count(col(DmarcReport.reporter).distinct())
    urgency = case({proof: place for place, proof in enumerate(NEEDS)}, value=col(SendingService.proof))
    counted = select(*ABOUT, messages, last).where(*is_recent(now)).group_by(*ABOUT)
    listed = session.execute(counted.order_by(urgency, reporters.desc(), messages.desc(), *ABOUT).limit(MOST))
    rows = [((domain, name, proof), count, at) for domain, name, proof, count, at in listed]
    told = reporters_of(session, {key for key, _, _ in rows}, now)
    return [describe_sending(*key, count, told[key], at) for key, count, at in rows]


def is_recent(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions on services: a report of the last thirty days names them."""
    return col(DmarcReport.id) == col(SendingService.report), col(DmarcReport.until) > now - PERIOD


def reporters_of(session: Session, keys: Collection[Key], now: datetime) -> dict[Key, list[str]]:
    """Returns a few of the receivers whose DMARC reports name each of these services."""
    place = func.row_number().over(partition_by=ABOUT, order_by=col(DmarcReport.reporter)).label("place")
    asked = select(*ABOUT, col(DmarcReport.reporter), place).where(*is_recent(now), tuple_(*ABOUT).in_(keys))
    pairs = asked.group_by(*ABOUT, col(DmarcReport.reporter)).subquery()
    found: dict[Key, list[str]] = {key: [] for key in keys}
    for domain, name, proof, reporter, _ in session.execute(select(pairs).where(pairs.c.place <= NAMED).order_by(pairs.c.place)):
        found[domain, name, proof].append(reporter)
    return found


def describe_sending(domain: str, name: str, proof: str, messages: int, reporters: Sequence[str], last_at: datetime) -> Sending:
    """A service with the step that it needs."""
    given = {"domain": domain, "name": name}
    needs = say(NEEDS[proof], **{one: value for one, value in given.items() if f"{{{one}}}" in NEEDS[proof]})
    return Sending(domain, name, proof, proof in PROVEN, proof in WANTING, int(messages), tuple(reporters), last_at, needs)


def forget_reports(session: Session, *, settings: Settings, now: datetime, limit: int = SLICE) -> int:
    """Let go of what was counted too long ago; returns the number of reports, at most `limit`."""
    due = col(DmarcReport.until) < now - timedelta(days=settings.reports.dmarc_days)
    old = list(session.scalars(select(col(DmarcReport.id)).where(due).limit(limit)))
    session.execute(delete(SendingService).where(col(SendingService.report).in_(old)))
    session.execute(delete(DmarcReport).where(col(DmarcReport.id).in_(old)))
    return len(old)
