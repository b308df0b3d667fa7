"""History of a sender, an address or a domain: messages by day, decisions, rules added and removed, reports by employees."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, func, or_, select, true, type_coerce
from sqlmodel import Session, col

from triage.access import scope as access
from triage.access.api_tokens import actor_of
from triage.access.scope import describe_scope, scope_names
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery.recall.hunt_criteria import HUNT
from triage.errors import NotFound
from triage.ids import parse_id
from triage.policy.rules import store as rules
from triage.quarantine.search.selection import resolved_condition
from triage.quarantine.sender_profile import sender_condition
from triage.quarantine.viewings import shown_names
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.say import format_minute, say, say_count
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.rules import Rule
from triage.store.models.staff import ApiToken
from triage.text.csv_export import Cell
from triage.text.numbers import format_percent
from triage.times import from_micros

DAYS = 90  # today included
MOST = 100_000  # deliveries that are counted, the newest
LISTED = 200  # rules and reports that are listed, the newest
QUARTER = 900_000_000  # microseconds: time zones differ by multiples of a quarter of an hour
DAY_COLUMNS = (
    Column("day", say("Day"), "day"),
    Column("messages", say("Messages")),
    Column("proven", say("Really from the sender (DMARC)")),
)
DECISIONS = (
    Column("what", say("Decision"), "text"),
    Column("decisions", say("Decisions")),
    Column("copies", say("Copies")),
    Column("undone", say("Undone since")),
    Column("last_at", say("Last"), "text"),
    Column("by", say("By"), "text"),
)
RULES = (
    Column("at", say("When"), "text"),
    Column("what", say("What"), "text"),
    Column("effect", say("Rule"), "text"),
    Column("value", say("Sender"), "text"),
    Column("scope", say("For"), "text"),
    Column("by", say("By"), "text"),
)
REPORTS = (Column("at", say("When"), "text"), Column("by", say("By"), "text"), Column("answer", say("Answer"), "text"))
VERBS = {
    "release": say("Released"),
    "redirect": say("Redirected"),
    "purge": say("Removed"),
    "reject": say("Rejected"),
    "restore": say("Restored"),
    "hold": say("Held"),
    "redeliver": say("Delivered again"),
    "deliver": say("Delivered without a decision"),
    "sweep": say("Removed by a sweep"),
    "take": say("Removed as related"),
    "join": say("Campaigns merged"),
    "split": say("Campaign split off"),
    "escalate": say("Escalated"),
    "undo": say("Undone"),
}
EFFECTS = {"allow": say("Allow"), "block": say("Block"), "redirect": say("Redirect"), "hold": say("Hold")}
ANSWERS = {"good": say("Harmless"), "bad": say("Dangerous"), "": say("Open")}


def report_sender(session: Session, name: str, *, by: Actor, settings: Settings, now: datetime) -> Report:
    """Builds the history of an address, or of a domain with its subdomains, over the last 90 days.

    It covers messages that the actor may decide about, at most the newest 100,000 copies. NotFound unless some are in the actor's scope.
    """
    zone = ZoneInfo(settings.coverage.time_zone)
    whose = and_(resolved_condition(session, sender_condition(name)), access.real_deliveries(by))
    if session.scalar(select(col(Delivery.id)).where(whose).limit(1)) is None:
        raise NotFound(say("no message of this sender is in your scope"))
    midnight = datetime.combine(now.astimezone(zone).date() - timedelta(days=DAYS - 1), time.min, zone).astimezone(UTC)
    since, is_cut = begin_count(session, whose, midnight)
    theirs = and_(whose, col(Delivery.received_at) >= since)
    period = Period(since, now, settings.coverage.time_zone)
    days = count_days(session, theirs, period)
    decided = list_verbs(session, theirs, zone, by)
    reported = list_reports(session, theirs, zone)
    return Report(
        "sender",
        say("The last {days} days", days=DAYS),
        period,
        tuple(describe_sender(days, decided, count_reports(session, theirs), is_cut=is_cut)),
        say("Decisions and reports are those about messages of this time. Confidential folders that are closed to you are left out."),
        (
            Table("days", say("Messages by day"), DAY_COLUMNS, days, Plot("bars", ("proven", "messages"))),
            Table("decisions", say("Decisions by kind"), DECISIONS, decided),
            Table("rules", say("Rules added and removed"), RULES, tuple(list_rule_changes(session, name, zone, by=by, now=now))),
            Table("reports", say("Reports by employees"), REPORTS, reported),
        ),
    )


def begin_count(session: Session, whose: ColumnElement[bool], since: datetime) -> tuple[datetime, bool]:
    """Returns from when on deliveries are counted, and whether that is later than wished because there are too many."""
    recent = and_(whose, col(Delivery.received_at) >= since)
    if (session.scalar(select(func.count()).select_from(Delivery).where(recent)) or 0) <= MOST:
        return since, False
    too_old = select(col(Delivery.received_at)).where(recent).order_by(col(Delivery.received_at).desc()).offset(MOST).limit(1)
    return session.scalars(too_old).one() + timedelta(microseconds=1), True


def count_days(session: Session, theirs: ColumnElement[bool], period: Period) -> tuple[tuple[Cell, ...], ...]:
    """Rows of DAY_COLUMNS: messages by day as clocks of the company show it, and those among them with proof by DMARC."""
    quarter = (type_coerce(col(Delivery.received_at), BigInteger) // QUARTER).label("quarter")
    proven = func.count(case((col(Delivery.proof) == "dmarc", col(Delivery.message_id))).distinct())
    rows = session.execute(select(quarter, func.count(col(Delivery.message_id).distinct()), proven).where(theirs).group_by(quarter))
    messages: Counter[str] = Counter()
    genuine: Counter[str] = Counter()
    for number, some, with_proof in rows:
        day = from_micros(number * QUARTER).astimezone(period.zone).date().isoformat()
        messages[day] += some
        genuine[day] += with_proof
    first, last = (moment.astimezone(period.zone).date() for moment in (period.since, period.until))
    days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    return tuple((day, messages[day], genuine[day]) for day in days)


def list_verbs(session: Session, theirs: ColumnElement[bool], zone: ZoneInfo, by: Actor) -> tuple[tuple[Cell, ...], ...]:
    """Rows of DECISIONS: how often each kind of decision was made about these deliveries, the last one when and by whom."""
    told = true() if access.may_see_hunts(by) else or_(col(Decision.verb) != HUNT, col(Decision.by) == str(by))
    of_item, decisions = col(DecisionItem.decision_id), func.count(col(DecisionItem.decision_id).distinct())
    undone = func.count(case((col(Decision.undone_by).is_not(None), of_item)).distinct())
    counted: Select[Any, int, int, int, int] = (
        select(col(Decision.verb).label("verb"), decisions, func.count(), undone, func.max(of_item).label("last"))
        .join(DecisionItem, of_item == col(Decision.id))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(theirs, told)
        .group_by(col(Decision.verb))
    )
    found = session.execute(counted).all()
    last = {one.id: one for one in session.scalars(select(Decision).where(col(Decision.id).in_([row.last for row in found])))}
    return tuple(
        (VERBS.get(verb, verb), number, copies, back, format_minute(last[newest].at.astimezone(zone)), last[newest].by_shown)
        for verb, number, copies, back, newest in sorted(found, key=lambda row: -row.last)
    )


def list_rule_changes(session: Session, name: str, zone: ZoneInfo, *, by: Actor, now: datetime) -> Iterator[tuple[Cell, ...]]:
    """Yields rows of RULES, newest first: rules about the sender that the actor may know of, made, ended and removed."""
    wanted = select(Rule).where(rules.rules_about(name.casefold().strip().removeprefix("@")), *rules.known_conditions(session, by))
    found = session.scalars(wanted.order_by(col(Rule.id).desc()).limit(LISTED)).all()
    removers = {rule.removed_by for rule in found}
    names = shown_names(session, removers) | token_names(session, removers)
    scopes = scope_names(session, (rule.scope for rule in found))
    changes = [change for rule in found for change in changes_of(rule, names, now)]
    for at, what, rule, who in sorted(changes, key=lambda change: change[0], reverse=True):
        scope = describe_scope(rule.scope, scopes)
        yield format_minute(at.astimezone(zone)), what, EFFECTS.get(rule.effect, rule.effect), rule.value, scope, who


def changes_of(rule: Rule, names: dict[str, str], now: datetime) -> Iterator[tuple[datetime, str, Rule, str]]:
    """Yields when a rule was made, and when it was removed or ended, each with by whom."""
    yield rule.created_at, say("Made"), rule, rule.author
    if rule.removed_at is not None:
        yield rule.removed_at, say("Removed"), rule, names.get(rule.removed_by) or name_program(rule.removed_by)
    elif rule.until is not None and rule.until <= now:
        yield rule.until, say("Ended"), rule, ""


def token_names(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """The names of the tokens among these actors."""
    tokens = [parse_id(actor.removeprefix("token:")) for actor in actors if actor.startswith("token:")]
    found = session.scalars(select(ApiToken).where(col(ApiToken.id).in_(tokens)))
    return {str(one): one.shown for one in map(actor_of, found)}


def name_program(actor: str) -> str:
    """Returns the name of an actor that is no person of the staff, as it is shown beside its other acts."""
    kind, _, name = actor.partition(":")
    return Actor.shell(name, "").shown if kind == "shell" else name


def reports_about(theirs: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL condition: reports by employees about these deliveries."""
    return col(MailReport.delivery_id).in_(select(col(Delivery.id)).where(theirs))


def count_reports(session: Session, theirs: ColumnElement[bool]) -> int:
    """Counts reports by employees about these deliveries."""
    return session.scalar(select(func.count()).select_from(MailReport).where(reports_about(theirs))) or 0


def list_reports(session: Session, theirs: ColumnElement[bool], zone: ZoneInfo) -> tuple[tuple[Cell, ...], ...]:
    """Rows of REPORTS, newest first."""
    columns = (type_coerce(col(MailReport.at), Instant), col(MailReport.person_shown), col(MailReport.verdict))
    rows = session.execute(select(*columns).where(reports_about(theirs)).order_by(col(MailReport.at).desc()).limit(LISTED))
    return tuple((format_minute(at.astimezone(zone)), who, ANSWERS.get(verdict, verdict)) for at, who, verdict in rows)


def describe_sender(days: Iterable[tuple[Cell, ...]], decided: Iterable[tuple[Cell, ...]], reports: int, *, is_cut: bool) -> Iterator[str]:
    """Yields sentences about the history of a sender."""
    messages, genuine = (sum(int(row[place] or 0) for row in days) for place in (1, 2))
    decisions = sum(int(row[1] or 0) for row in decided)
    if is_cut:
        yield say("Only the newest {number} copies are counted.", number=MOST)
    if not messages:
        yield say("No message came in this time.")
        return
    percent = format_percent(genuine, messages)
    yield say_count(
        "{count} message came; {percent} really from the sender (DMARC).",
        "{count} messages came; {percent} of them really from the sender (DMARC).",
        count=messages,
        percent=percent,
    )
    yield say_count("There was {count} decision about it.", "There were {count} decisions about them.", count=decisions)
    yield say_count("Employees sent {count} report.", "Employees sent {count} reports.", count=reports)
