"""Reports about mail, in sentences and tables: how long it waits, the queue, the rules, campaigns. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

from triage.ids import format_id
from triage.reports.mail_metrics import HOURS, Campaigns, Counts, Queue, Spread, Stopped, Waiting
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.say import say
from triage.text.csv_export import Cell
from triage.text.numbers import WEEKDAYS, format_percent, format_span, hour_words, plural, rule_words, were

MOST_CAMPAIGNS = 10  # that are listed
WANTED = (
    "Wanted is mail that was held, that the staff released or redirected, and that was neither undone nor purged since; or that the "
    "person whom it was for has answered since. It waited from its arrival until that decision."
)
SPREAD = (
    Column("mails", "Mails"),
    Column("p50_seconds", "Half within", "seconds"),
    Column("p90_seconds", "Nine in ten", "seconds"),
    Column("p99_seconds", "99 in 100", "seconds"),
)
RULE = (
    Column("rule", "Because", "text"),
    Column("name", "Rule", "text"),
    Column("mails", "Mails"),
    Column("share", "Of all mail", "share"),
)
VERDICT_TABLES = (
    ("passed", "Let through, by rule", "relay"),
    ("held", "Held, by rule", "quarantine"),
    ("purged", "Purged on arrival, by rule", "purge"),
)


def report_waiting(found: Waiting, period: Period, names: Mapping[str, str], oldest: float | None) -> Report:
    """How long wanted mail waits. `names` of departments by code; `oldest`: seconds that the oldest mail has waited by now."""
    departments = tuple((names.get(code) or code or say("(none)"), code, *spread_cells(one)) for code, one in found.departments)
    hours = tuple((hour_words(hour), *spread_cells(one)) for hour, one in zip(HOURS, found.hours, strict=True))
    return Report(
        "waiting",
        "Waiting time of wanted mail",
        period,
        tuple(waiting_words(found, oldest)),
        f"{WANTED} Of fewer than five mails no times are told.",
        (
            Table("total", "All of it", (Column("what", "What", "text"), *SPREAD), ((say("wanted messages"), *spread_cells(found.total)),)),
            Table(
                "departments",
                "By department",
                (Column("name", "Department", "text"), Column("code", "Code", "text"), *SPREAD),
                departments,
                Plot("bars", ("p50_seconds", "p90_seconds")),
            ),
            Table(
                "hours",
                "By the hour at which it came in",
                (Column("hour", "Hour", "text"), *SPREAD),
                hours,
                Plot("bars", ("p50_seconds", "p90_seconds")),
            ),
        ),
    )


def waiting_words(found: Waiting, oldest: float | None) -> Iterable[str]:
    """Sentences about the waiting."""
    total = found.total
    if not total.count:
        yield "No wanted mail was held."
    elif total.p50 is None or total.p90 is None or total.p99 is None:
        yield f"{plural(total.count, 'wanted mail')} {were(total.count)} held: too few to say how long such mail waits."
    else:
        yield (
            f"{plural(total.count, 'wanted mail')} were held. Half of them waited up to {format_span(total.p50)}, "
            f"nine in ten up to {format_span(total.p90)}, 99 in 100 up to {format_span(total.p99)}."
        )
    if found.answered:
        yield f"{plural(found.answered, 'of them has', 'of them have')} been answered since."
    yield f"The oldest mail that waits now has waited {format_span(oldest)}." if oldest is not None else "Nothing waits now."


def report_queue(found: Queue, held: Mapping[date, int], let_go: Counter[date], kept_away: Counter[date], period: Period) -> Report:
    """How much waits over the day, and what came and went day by day."""
    days = tuple((day.isoformat(), held[day], let_go[day], kept_away[day]) for day in sorted(held))
    hours = tuple((hour_words(hour), *(one or (None, None))) for hour, one in zip(HOURS, found.hours, strict=True))
    grid: tuple[tuple[Cell, ...], ...] = tuple((day, *means) for day, means in zip(WEEKDAYS, found.week, strict=True))
    return Report(
        "queue",
        "The queue",
        period,
        tuple(queue_words(found, sum(held.values()), let_go.total(), kept_away.total(), period)),
        "How much is held is looked at, at each full hour. A mail that several people got counts once for each of them. "
        "Undone decisions do not count.",
        (
            Table(
                "days",
                "Held, let go and kept away each day",
                (
                    Column("day", "Day", "day"),
                    Column("held", "Held"),
                    Column("let_go", "Let go"),
                    Column("kept_away", "Kept away"),
                ),
                days,
                Plot("lines", ("held", "let_go", "kept_away")),
            ),
            Table(
                "hours",
                "What waits over the day",
                (Column("hour", "Hour", "text"), Column("mean", "Mean", "number"), Column("most", "Most")),
                hours,
                Plot("bars", ("mean", "most")),
            ),
            Table(
                "week",
                "When mail waits, hour by hour",
                (Column("weekday", "Weekday", "text"), *(Column(f"h{hour:02d}", str(hour), "number") for hour in HOURS)),
                grid if found.looks else (),
                Plot("week", tuple(f"h{hour:02d}" for hour in HOURS)),
            ),
        ),
    )


def queue_words(found: Queue, held: int, let_go: int, kept_away: int, period: Period) -> Iterable[str]:
    """Sentences about the queue."""
    yield (f"{plural(held, 'mail')} came and {were(held)} held. The staff let {let_go:,} go and kept {kept_away:,} away.")
    if found.most_at is None:
        yield "How much waits over the day is not known yet: it is looked at, at each full hour."
        return
    at = found.most_at.astimezone(period.zone)
    yield f"At full hours {found.mean:.0f} waited on average, and at most {found.most:,}: on {WEEKDAYS[at.weekday()]}, {at:%d %b, %H:%M}."


def report_rules(found: Counts, period: Period) -> Report:
    """What lets mail through."""
    return Report(
        "rules",
        "What the rules did",
        period,
        (rules_sentence(found),),
        "A mail that several people got counts once for each of them; mail to a group counts once.",
        tuple(
            Table(name, title, RULE, tuple(rules_that(verdict, found)), Plot("bars", ("mails",))) for name, title, verdict in VERDICT_TABLES
        ),
    )


def rules_that(verdict: str, found: Counts) -> Iterable[tuple[Cell, ...]]:
    """The rules that gave this verdict, and of how many mails."""
    total = found.total()
    for (rule, given), number in found.most_common():
        if given == verdict and number:
            yield rule_words(rule), rule, number, number / total


def rules_sentence(found: Counts) -> str:
    """The verdicts in a sentence."""
    total = found.total()
    if not total:
        return "No mail came in."
    verdicts: Counter[str] = Counter()
    for (_, verdict), number in found.items():
        verdicts[verdict] += number
    passed, held, purged = (format_percent(verdicts[verdict], total) for _, _, verdict in VERDICT_TABLES)
    return f"{plural(total, 'mail')} came in: {passed} went straight through, {held} {were(total)} held, {purged} purged on arrival."


def report_campaigns(found: Campaigns, period: Period, subjects: Mapping[int, str]) -> Report:
    """What purges removed, and how soon. `subjects`: of the listed campaigns, of which the asker may see a message."""
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
        "Campaigns stopped",
        period,
        tuple(campaign_words(found)),
        "What purges took away that were not undone. A campaign is stopped when at least two copies of it were; its time runs from the "
        f"first of these copies until the first of these purges. The {MOST_CAMPAIGNS} of the most copies are listed.",
        (
            Table(
                "copies",
                "What became of the copies",
                (Column("place", "Where", "text"), Column("copies", "Copies")),
                found.copies,
                Plot("bars", ("copies",)),
            ),
            Table(
                "campaigns",
                "The largest",
                (
                    Column("subject", "Subject", "text"),
                    Column("copies", "Copies"),
                    Column("first_on", "First copy", "day"),
                    Column("seconds", "Until it was purged", "seconds"),
                    Column("campaign", "Campaign", "text"),
                ),
                listed,
            ),
        ),
    )


def listed_of(found: Campaigns) -> tuple[Stopped, ...]:
    """The campaigns that are listed, those with the most copies."""
    return found.stopped[:MOST_CAMPAIGNS]


def campaign_words(found: Campaigns) -> Iterable[str]:
    """Sentences about the campaigns."""
    yield f"{plural(len(found.stopped), 'campaign')} {were(len(found.stopped))} stopped, {plural(found.removed, 'copy', 'copies')} removed."
    times = found.times
    if times.p50 is not None and times.p90 is not None:
        half, most = format_span(times.p50), format_span(times.p90)
        yield f"From the first copy to the purge it took half of them up to {half}, nine in ten up to {most}."


def spread_cells(one: Spread) -> tuple[Cell, ...]:
    """The cells of a spread."""
    return one.count, one.p50, one.p90, one.p99
