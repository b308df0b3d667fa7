"""Services that send as domains of ours, by the aggregate reports of receivers: how many messages, how proven, and what each needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select
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
PROVEN = frozenset({"dkim", "spf"})
WANTING = frozenset({"none", "elsewhere", "spf"})


@dataclass(frozen=True, slots=True)
class Sending:
    """One service that sends as a domain of ours."""

    domain: str
    name: str  # a domain or a network; "" for the rest of long reports
    proof: str
    proven: bool
    wanting: bool  # is there something to do?
    messages: int
    reporters: tuple[str, ...]  # who tells it
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
    db.insert_all(session, SendingService, [row | {"messages": one.messages} for row, one in zip(rows, services, strict=True)])
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
    """The services of the last thirty days: those that need something first, then the busiest."""
    about = col(SendingService.domain), col(SendingService.name), col(SendingService.proof)
    messages, last = func.sum(col(SendingService.messages)), func.max(col(DmarcReport.until), type_=Instant)
    counted = (
        select(*about, messages, last)
        .join(DmarcReport, col(DmarcReport.id) == col(SendingService.report))
        .where(col(DmarcReport.until) > now - PERIOD)
        .group_by(*about)
        .order_by(messages.desc(), *about)
        .limit(MOST)
    )
    told = reporters_of(session, now)
    rows = (((domain, name, proof), count, at) for domain, name, proof, count, at in session.execute(counted))
    found = [describe_sending(*key, count, told[key], at) for key, count, at in rows]
    return sorted(found, key=lambda one: (list(NEEDS).index(one.proof), -one.messages))


def reporters_of(session: Session, now: datetime) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Returns the receivers whose DMARC reports name each service."""
    about = col(SendingService.domain), col(SendingService.name), col(SendingService.proof)
    rows = session.execute(
        select(*about, col(DmarcReport.reporter))
        .join(DmarcReport, col(DmarcReport.id) == col(SendingService.report))
        .where(col(DmarcReport.until) > now - PERIOD)
        .distinct()
        .order_by(col(DmarcReport.reporter))
    )
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for domain, name, proof, reporter in rows:
        found[domain, name, proof] = (*found.get((domain, name, proof), ()), reporter)
    return found


def describe_sending(domain: str, name: str, proof: str, messages: int, reporters: Sequence[str], last_at: datetime) -> Sending:
    """A service with the step that it needs."""
    given = {"domain": domain, "name": name}
    needs = say(NEEDS[proof], **{one: value for one, value in given.items() if f"{{{one}}}" in NEEDS[proof]})
    return Sending(domain, name, proof, proof in PROVEN, proof in WANTING, int(messages), tuple(reporters), last_at, needs)


def forget_reports(session: Session, *, settings: Settings, now: datetime) -> None:
    """Deletes DMARC reports that were counted too long ago."""
    old = select(col(DmarcReport.id)).where(col(DmarcReport.until) < now - timedelta(days=settings.reports.dmarc_days))
    session.execute(delete(SendingService).where(col(SendingService.report).in_(old)))
    session.execute(delete(DmarcReport).where(col(DmarcReport.id).in_(old)))
