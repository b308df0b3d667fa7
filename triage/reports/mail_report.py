"""Reports about mail, in sentences and tables: how long it waits, the queue, the rules, campaigns. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from triage.ids import format_id
from triage.reports.mail_metrics import HOURS, Campaigns, Counts, Queue, Spread, Stopped, Waiting
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.say import format_minute, join_parts, say, say_count
from triage.text.csv_export import Cell
from triage.text.numbers import WEEKDAYS, describe_policy_rule, format_hour, format_percent, spell_span

MOST_CAMPAIGNS = 10  # that are listed
WANTED = say(
    "Wanted messages were held and then released or redirected, and this was not undone; or the recipient has answered them since. "
    "They waited from their arrival until that decision. For fewer than five messages no times are shown."
)
SPREAD = (
    Column("messages", say("Messages")),
    Column("p50_seconds", say("Median"), "seconds"),
    Column("p90_seconds", say("90th percentile"), "seconds"),
    Column("p99_seconds", say("99th percentile"), "seconds"),
)
RULE = (
    Column("rule", say("Reason"), "text"),
    Column("name", say("Rule"), "text"),
    Column("messages", say("Messages")),
    Column("share", say("Of all messages"), "share"),
)
LOAD = (
    Column("name", say("Department"), "text"),
    Column("code", say("Code"), "text"),
    Column("held", say("Held")),
    Column("released", say("Released")),
    Column("removed", say("Removed")),
    Column("waiting", say("Waiting now")),
)
AGES = (say("under 15 minutes"), say("15 to 60 minutes"), say("1 to 4 hours"), say("4 hours or more"))
LONGEST = (
    Column("subject", say("Subject"), "text"),
    Column("waited", say("Waiting"), "seconds"),
    Column("department", say("Department"), "text"),
    Column("delivery", say("Message"), "text"),
)
VERDICT_TABLES = (
    ("passed", say("Delivered, by rule"), "relay"),
    ("held", say("Held, by rule"), "quarantine"),
    ("purged", say("Removed on arrival, by rule"), "purge"),
)


def report_waiting(found: Waiting, period: Period, names: Mapping[str, str], oldest: float | None) -> Report:
    """Builds the report on the waiting time of wanted messages. `names` of departments by code; `oldest`: seconds that the oldest message
    has waited by now.
    """
    departments = tuple((names.get(code) or code or say("(none)"), code, *spread_cells(one)) for code, one in found.departments)
    hours = tuple((format_hour(hour), *spread_cells(one)) for hour, one in zip(HOURS, found.hours, strict=True))
    return Report(
        "waiting",
        say("Waiting time of wanted messages"),
        period,
        tuple(describe_waiting(found, oldest)),
        WANTED,
        (
            Table(
                "total",
                say("Total"),
                (Column("what", say("What"), "text"), *SPREAD),
                ((say("wanted messages"), *spread_cells(found.total)),),
            ),
            Table(
                "departments",
                say("By department"),
                (Column("name", say("Department"), "text"), Column("code", say("Code"), "text"), *SPREAD),
                departments,
                Plot("bars", ("p50_seconds", "p90_seconds")),
            ),
            Table(
                "hours",
                say("By hour of arrival"),
                (Column("hour", say("Hour"), "text"), *SPREAD),
                hours,
                Plot("bars", ("p50_seconds", "p90_seconds")),
            ),
        ),
    )


def describe_waiting(found: Waiting, oldest: float | None) -> Iterable[str]:
    """Sentences about the waiting."""
    total = found.total
    if not total.count:
        yield say("No wanted message was held.")
    elif total.p50 is None or total.p90 is None or total.p99 is None:
        yield say_count(
            "{count} wanted message was held: too few to show waiting times.",
            "{count} wanted messages were held: too few to show waiting times.",
            count=total.count,
        )
    else:
        yield say(
            "{number} wanted messages were held. They waited {median} (median), {p90} (90th percentile) and {p99} (99th percentile).",
            number=total.count,
            median=spell_span(total.p50),
            p90=spell_span(total.p90),
            p99=spell_span(total.p99),
        )
    if found.answered:
        yield say_count("{count} of them has been answered since.", "{count} of them have been answered since.", count=found.answered)
    if oldest is None:
        yield say("Nothing is held now.")
    else:
        yield say("The oldest held message has waited {time}.", time=spell_span(oldest))


def describe_lane(lane: int) -> Iterable[str]:
    """Says how much is held for an assistant only, and that it is left out of what waits now."""
    if lane:
        yield say_count(
            "{count} message from a known sender, held for an assistant, is not counted as waiting.",
            "{count} messages from known senders, held for an assistant, are not counted as waiting.",
            count=lane,
        )


def report_queue(
    found: Queue,
    held: Mapping[date, int],
    released: Counter[date],
    removed: Counter[date],
    period: Period,
    *,
    load: Sequence[tuple[Cell, ...]],
    ages: Sequence[int],
    longest: Sequence[tuple[Cell, ...]],
    lane: int = 0,
) -> Report:
    """Builds the report on the queue: held messages over the day, how many came and went day by day, by department, and what waits now.

    `load`: rows of LOAD; `ages`: held messages by AGES; `longest`: rows of LONGEST;
    `lane`: messages of known senders that are held for an assistant, and do not wait for a decision.
    """
    told = describe_lane(lane)
    days = tuple((day.isoformat(), held[day], released[day], removed[day]) for day in sorted(held))
    hours = tuple((format_hour(hour), *(one or (None, None))) for hour, one in zip(HOURS, found.hours, strict=True))
    grid: tuple[tuple[Cell, ...], ...] = tuple((day, *means) for day, means in zip(WEEKDAYS, found.week, strict=True))
    return Report(
        "queue",
        say("The queue"),
        period,
        (*describe_queue(found, sum(held.values()), released.total(), removed.total(), period), *told),
        say(
            "Held messages are counted at each full hour. A message to several people counts once for each of them. "
            "Undone decisions do not count."
        ),
        (
            Table(
                "days",
                say("Held, released and removed each day"),
                (
                    Column("day", say("Day"), "day"),
                    Column("held", say("Held")),
                    Column("released", say("Released")),
                    Column("removed", say("Removed")),
                ),
                days,
                Plot("lines", ("held", "released", "removed")),
            ),
            Table("departments", say("Load by department"), LOAD, tuple(load), Plot("bars", ("held", "waiting"))),
            Table(
                "ages",
                say("Queue age now"),
                (Column("age", say("Waiting"), "text"), Column("messages", say("Messages"))),
                tuple(zip(AGES, ages, strict=True)),
                Plot("bars", ("messages",)),
            ),
            Table("longest", say("Waiting longest"), LONGEST, tuple(longest)),
            Table(
                "hours",
                say("Held over the day"),
                (Column("hour", say("Hour"), "text"), Column("mean", say("Mean"), "number"), Column("most", say("Maximum"))),
                hours if found.looks else (),
                Plot("bars", ("mean", "most")),
            ),
            Table(
                "week",
                say("Held by weekday and hour"),
                (Column("weekday", say("Weekday"), "text"), *(Column(f"h{hour:02d}", str(hour), "number") for hour in HOURS)),
                grid if found.looks else (),
                Plot("week", tuple(f"h{hour:02d}" for hour in HOURS)),
            ),
        ),
    )


def describe_queue(found: Queue, held: int, released: int, removed: int, period: Period) -> Iterable[str]:
    """Sentences about the queue."""
    staff = say("Staff released {released} and removed {removed}.", released=released, removed=removed)
    yield join_parts(" ", (say_count("{count} message was held.", "{count} messages were held.", count=held), staff))
    if found.most_at is None:
        yield say("The number of held messages over the day is not known yet: it is counted at each full hour.")
        return
    at = found.most_at.astimezone(period.zone)
    yield say(
        "Held at full hours: {mean} on average, {most} at most (on {weekday}, {time}).",
        mean=round(found.mean),
        most=found.most,
        weekday=WEEKDAYS[at.weekday()],
        time=format_minute(at, year=False),
    )


def report_rules(found: Counts, risky: Counter[date], period: Period) -> Report:
    """Builds the report on rules that deliver messages. `risky`: delivered by a rule although suspicious or worse, by day."""
    days = tuple((day.isoformat(), number) for day, number in sorted(risky.items()))
    suspicious = Table(
        "suspicious",
        say("Delivered by a rule although suspicious"),
        (Column("day", say("Day"), "day"), Column("messages", say("Messages"))),
        days,
        Plot("lines", ("messages",)),
    )
    return Report(
        "rules",
        say("What the rules did"),
        period,
        (rules_sentence(found),),
        say("A message to several people counts once for each of them; a message to a distribution list counts once."),
        (
            *(
                Table(name, title, RULE, tuple(rules_that(verdict, found)), Plot("bars", ("messages",)))
                for name, title, verdict in VERDICT_TABLES
            ),
            suspicious,
        ),
    )


def rule_table(name: str, title: str, rows: Iterable[tuple[Cell, ...]]) -> Table:
    """Rules with how many messages each decided about."""
    return Table(name, title, RULE, tuple(rows), Plot("bars", ("messages",)))


def rules_that(verdict: str, found: Counts) -> Iterable[tuple[Cell, ...]]:
    """The rules that gave this verdict, and of how many messages."""
    total = found.total()
    for (rule, given), number in found.most_common():
        if given == verdict and number:
            yield describe_policy_rule(rule), rule, number, number / total


def rules_sentence(found: Counts) -> str:
    """The verdicts in a sentence."""
    total = found.total()
    if not total:
        return say("No message arrived.")
    verdicts: Counter[str] = Counter()
    for (_, verdict), number in found.items():
        verdicts[verdict] += number
    passed, held, purged = (format_percent(verdicts[verdict], total) for _, _, verdict in VERDICT_TABLES)
    return say_count(
        "{count} message arrived: {passed} delivered at once, {held} held, {removed} removed on arrival.",
        "{count} messages arrived: {passed} delivered at once, {held} held, {removed} removed on arrival.",
        count=total,
        passed=passed,
        held=held,
        removed=purged,
    )


def report_campaigns(found: Campaigns, period: Period, subjects: Mapping[int, str]) -> Report:
    """Builds the report on campaigns: what purges removed, and how soon. `subjects`: of the listed campaigns, of which the asker may see a
    message.
    """
    listed = tuple(
        (
            subjects.get(one.campaign, ""),
            one.copies,
            one.first_at.astimezone(period.zone).date().isoformat(),
            one.seconds,
            format_id(one.campaign),
        )
        for one in listed_of(found)
    )
    return Report(
        "campaigns",
        say("Campaigns stopped"),
        period,
        tuple(describe_campaigns(found)),
        say(
            "Counts removals that were not undone. A campaign is stopped when at least two of its copies were removed. Its time runs from "
            "the first of these copies to the first of these removals. The {number} largest campaigns are listed.",
            number=MOST_CAMPAIGNS,
        ),
        (
            Table(
                "copies",
                say("Where the copies were"),
                (Column("place", say("Place"), "text"), Column("copies", say("Copies"))),
                found.copies,
                Plot("bars", ("copies",)),
            ),
            Table(
                "campaigns",
                say("Largest campaigns"),
                (
                    Column("subject", say("Subject"), "text"),
                    Column("copies", say("Copies")),
                    Column("first_on", say("First copy"), "day"),
                    Column("seconds", say("Time to removal"), "seconds"),
                    Column("campaign", say("Campaign"), "text"),
                ),
                listed,
            ),
        ),
    )


def listed_of(found: Campaigns) -> tuple[Stopped, ...]:
    """The campaigns that are listed, those with the most copies."""
    return found.stopped[:MOST_CAMPAIGNS]


def describe_campaigns(found: Campaigns) -> Iterable[str]:
    """Sentences about the campaigns."""
    copies = say_count("{count} copy removed", "{count} copies removed", count=found.removed)
    yield say_count(
        "{count} campaign was stopped, {copies}.", "{count} campaigns were stopped, {copies}.", count=len(found.stopped), copies=copies
    )
    times = found.times
    if times.p50 is not None and times.p90 is not None:
        half, most = spell_span(times.p50), spell_span(times.p90)
        yield say("From the first copy to the removal: {median} (median), {p90} (90th percentile).", median=half, p90=most)


def spread_cells(one: Spread) -> tuple[Cell, ...]:
    """The cells of a spread."""
    return one.count, one.p50, one.p90, one.p99
