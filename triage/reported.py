"""A report as it is shown everywhere: sentences first, then tables, each of which may be drawn. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from triage.errors import NotFound
from triage.figures import WEEKDAYS, percent, plural, rule_words, span, were
from triage.ids import show
from triage.measures import HOURS, Campaigns, Candour, Mistakes, Pace, Queue, Saved, Spread, Waiting, Work
from triage.sheets import Cell, csv_of

MOST_CAMPAIGNS = 10  # that are listed
WANTED = (
    "Wanted is mail that was held, that the staff released or redirected, and that was neither undone nor purged since; or that the "
    "person whom it was for has answered since. It waited from its arrival until that decision."
)
VERBS = {"release": "released", "redirect": "redirected", "purge": "purged", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class Period:
    """From some moment on, before another one; days and hours as clocks of the company show them."""

    since: datetime
    until: datetime
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        """Where days and hours are told."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    says: str
    kind: str = "count"  # text, count, number, seconds, share (0 to 1), day


@dataclass(frozen=True, slots=True)
class Plot:
    """How a table is drawn: bars a row, lines over the rows, or a week of hours."""

    kind: str  # bars, lines, week
    of: tuple[str, ...] = ()  # columns


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers in rows; the first column names the row."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    plot: Plot | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    name: str
    title: str
    period: Period
    sentences: tuple[str, ...]
    definition: str  # what its words mean, and how it was counted
    tables: tuple[Table, ...]


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values; each row is an object by its columns' names."""
    period = {"since": report.period.since, "until": report.period.until, "time_zone": report.period.time_zone}
    said = {"name": report.name, "title": report.title, "sentences": list(report.sentences), "definition": report.definition}
    return said | period | {"tables": [table_json(table) for table in report.tables]}


def table_json(table: Table) -> dict[str, Any]:
    """A table as plain values."""
    names = [column.name for column in table.columns]
    return {
        "name": table.name,
        "title": table.title,
        "columns": [asdict(column) for column in table.columns],
        "rows": [dict(zip(names, row, strict=True)) for row in table.rows],
        "plot": {"kind": table.plot.kind, "of": list(table.plot.of)} if table.plot else None,
    }


def from_json(values: Mapping[str, Any]) -> Report:
    """The report that `as_json` wrote, also where instants have become text on the way."""
    since, until = (one if isinstance(one, datetime) else datetime.fromisoformat(one) for one in (values["since"], values["until"]))
    tables = tuple(
        Table(
            one["name"],
            one["title"],
            tuple(Column(**column) for column in one["columns"]),
            tuple(tuple(row[column["name"]] for column in one["columns"]) for row in one["rows"]),
            Plot(one["plot"]["kind"], tuple(one["plot"]["of"])) if one["plot"] else None,
        )
        for one in values["tables"]
    )
    period = Period(since, until, values["time_zone"])
    return Report(values["name"], values["title"], period, tuple(values["sentences"]), values["definition"], tables)


def as_csv(report: Report, name: str = "") -> str:
    """One of its tables, the first unless another one is named. NotFound when there is none of this name."""
    table = next((one for one in report.tables if name in ("", one.name)), None)
    if table is None:
        names = ", ".join(one.name for one in report.tables)
        raise NotFound(f"the report {report.name} has no table {name[:40]!r}: it has {names}" if names else report.sentences[-1])
    return csv_of([column.name for column in table.columns], table.rows)


SPREAD = (
    Column("mails", "Mails"),
    Column("p50_seconds", "Half within", "seconds"),
    Column("p90_seconds", "Nine in ten", "seconds"),
    Column("p99_seconds", "99 in 100", "seconds"),
)
PERSON = (
    Column("who", "Who", "text"),
    Column("cards", "Cards"),
    Column("cards_an_hour", "An hour", "number"),
    Column("p50_seconds", "Seconds, half within", "seconds"),
    Column("p90_seconds", "Nine in ten", "seconds"),
    Column("p50_keys", "Keys, half within", "number"),
    Column("undone", "Undone"),
)


def waiting(found: Waiting, period: Period, names: Mapping[str, str], oldest: float | None) -> Report:
    """How long wanted mail waits. `names` of departments by code; `oldest`: seconds that the oldest mail has waited by now."""
    departments = tuple((names.get(code) or code or "(none)", code, *numbers(one)) for code, one in found.departments)
    hours = tuple((hour_words(hour), *numbers(one)) for hour, one in zip(HOURS, found.hours, strict=True))
    return Report(
        "waiting",
        "Waiting time of wanted mail",
        period,
        tuple(waiting_words(found, oldest)),
        f"{WANTED} Of fewer than five mails no times are told.",
        (
            Table("total", "All of it", (Column("what", "What", "text"), *SPREAD), (("wanted mail", *numbers(found.total)),)),
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
            f"{plural(total.count, 'wanted mail')} were held. Half of them waited up to {span(total.p50)}, "
            f"nine in ten up to {span(total.p90)}, 99 in 100 up to {span(total.p99)}."
        )
    if found.answered:
        yield f"{plural(found.answered, 'of them has', 'of them have')} been answered since."
    yield f"The oldest mail that waits now has waited {span(oldest)}." if oldest is not None else "Nothing waits now."


def queue(found: Queue, held: Mapping[date, int], let_go: Counter[date], kept_away: Counter[date], period: Period) -> Report:
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


def rules(found: Counter[tuple[str, str]], period: Period) -> Report:
    """What lets mail through."""
    total = found.total()
    verdicts: Counter[str] = Counter()
    for (_, verdict), number in found.items():
        verdicts[verdict] += number
    columns = (
        Column("rule", "Because", "text"),
        Column("name", "Rule", "text"),
        Column("mails", "Mails"),
        Column("share", "Of all mail", "share"),
    )
    tables = (
        Table(
            name,
            title,
            columns,
            tuple(
                (rule_words(rule), rule, number, number / total) for (rule, one), number in found.most_common() if one == verdict and number
            ),
            Plot("bars", ("mails",)),
        )
        for name, title, verdict in (
            ("passed", "Let through, by rule", "relay"),
            ("held", "Held, by rule", "quarantine"),
            ("purged", "Purged on arrival, by rule", "purge"),
        )
    )
    passed, held, purged = (verdicts[verdict] for verdict in ("relay", "quarantine", "purge"))
    return Report(
        "rules",
        "What the rules did",
        period,
        (
            f"{plural(total, 'mail')} came in: {percent(passed, total)} went straight through, {percent(held, total)} "
            f"{were(total)} held, {percent(purged, total)} purged on arrival.",
        )
        if total
        else ("No mail came in.",),
        "A mail that several people got counts once for each of them; mail to a group counts once.",
        tuple(tables),
    )


def work(found: Work, candour: Candour, period: Period) -> Report:
    """How much is decided, when, and how fast."""
    total = found.total
    tables = []
    if total:
        tables.append(Table("total", "All of them", PERSON, (pace(total, "all together"),)))
    if found.hours is not None:
        hours = tuple((hour_words(hour), number) for hour, number in zip(HOURS, found.hours, strict=True))
        columns = (Column("hour", "Hour", "text"), Column("cards", "Cards"))
        tables.append(Table("hours", "Cards decided over the day", columns, hours, Plot("bars", ("cards",))))
    if found.persons:
        tables.append(Table("people", "By person", PERSON, tuple(pace(one, one.shown) for one in found.persons), Plot("bars", ("cards",))))
    return Report(
        "work",
        "The work",
        period,
        tuple(work_words(found, candour)),
        "A card is one decision that released, redirected, purged or rejected held mail. Cards an hour: in those hours of the clock in "
        "which somebody decided one. Seconds and keys count from when the card came under the cursor in the console.",
        tuple(tables),
    )


def work_words(found: Work, candour: Candour) -> Iterable[str]:
    """Sentences about the work."""
    if not found.cards:
        yield "No card was decided."
        return
    programs = f", {found.by_programs:,} of them by programs" if found.by_programs else ""
    yield f"{plural(found.cards, 'card')} {were(found.cards)} decided by {plural(found.people, 'person', 'people')}{programs}."
    if found.total is None:
        yield too_few(candour, "how fast")
        return
    pace = found.total
    yield f"In an hour of work somebody decides {pace.cards_an_hour:.1f} cards."
    if candour.staff == "none":
        yield "Keys and time are not measured here (reports.staff)."
    elif pace.seconds.p50 is not None and pace.keys.p50 is not None:
        yield f"Half of all decisions took up to {span(pace.seconds.p50)} and {plural(round(pace.keys.p50), 'key')}."


def too_few(candour: Candour, what: str) -> str:
    """Why something is not told."""
    return f"Fewer than {candour.fewest} people decided: {what} would be about one of them, so it is not told (reports.fewest)."


def mistakes(found: Mistakes | None, by_rule: Iterable[tuple[str, int]], candour: Candour, period: Period) -> Report:
    """What was taken back."""
    definition = (
        "A decision counts as a mistake when it was undone; one that was undone before anything had left did no harm. A mail was let go "
        "wrongly when its release was undone, or it was purged, after it had left."
    )
    title = "Decisions taken back"
    if found is None:
        return Report("mistakes", title, period, (too_few(candour, "what they took back"),), definition, ())
    tables = [
        Table(
            "verbs",
            "By what was decided",
            (Column("verb", "Decision", "text"), Column("cards", "Cards"), Column("undone", "Undone"), Column("share", "Share", "share")),
            tuple((VERBS[verb], cards, undone, undone / cards) for verb, cards, undone in found.verbs),
            Plot("bars", ("undone",)),
        ),
        Table(
            "rules",
            "By why the mail had been held, or not",
            (Column("rule", "Because", "text"), Column("name", "Rule", "text"), Column("mails", "Mails put back")),
            tuple((rule_words(rule), rule, number) for rule, number in by_rule),
            Plot("bars", ("mails",)),
        ),
    ]
    if found.persons:
        columns = (
            Column("who", "Who", "text"),
            Column("cards", "Cards"),
            Column("undone", "Undone"),
            Column("let_go", "Mails let go"),
            Column("wrong", "Wrongly"),
            Column("wrong_per_hundred", "In a hundred", "number"),
        )
        rows = tuple((one.shown, one.cards, one.undone, one.let_go, one.taken_back, per_hundred(one)) for one in found.persons)
        tables.append(Table("people", "By person", columns, rows))
    return Report("mistakes", title, period, tuple(mistake_words(found)), definition, tuple(tables))


def mistake_words(found: Mistakes) -> Iterable[str]:
    """Sentences about the mistakes."""
    if not found.cards:
        yield "No card was decided."
        return
    yield (
        f"{found.undone:,} of {plural(found.cards, 'decision')} {were(found.undone)} undone"
        + (f", {found.in_time:,} of them before anything had left." if found.undone else ".")
    )
    if found.let_go:
        yield (
            f"Of {plural(found.let_go, 'mail')} that {were(found.let_go)} let go {found.taken_back:,} "
            f"{were(found.taken_back)} taken back after {'it' if found.taken_back == 1 else 'they'} had left: "
            f"{100 * found.taken_back / found.let_go:.1f} wrong releases in a hundred."
        )


def per_hundred(one: Pace) -> float | None:
    """Wrong releases per hundred of somebody; None of nothing."""
    return round(100 * one.taken_back / one.let_go, 1) if one.let_go else None


def campaigns(found: Campaigns, period: Period) -> Report:
    """What purges removed, and how soon."""
    listed = tuple(
        (show(one.campaign), one.copies, one.first_at.astimezone(period.zone).date().isoformat(), one.seconds)
        for one in found.stopped[:MOST_CAMPAIGNS]
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
                    Column("campaign", "Campaign", "text"),
                    Column("copies", "Copies"),
                    Column("first_on", "First copy", "day"),
                    Column("seconds", "Until it was purged", "seconds"),
                ),
                listed,
            ),
        ),
    )


def campaign_words(found: Campaigns) -> Iterable[str]:
    """Sentences about the campaigns."""
    yield f"{plural(len(found.stopped), 'campaign')} {were(len(found.stopped))} stopped, {plural(found.removed, 'copy', 'copies')} removed."
    times = found.times
    if times.p50 is not None and times.p90 is not None:
        yield f"From the first copy to the purge it took half of them up to {span(times.p50)}, nine in ten up to {span(times.p90)}."


def saved(found: Saved, period: Period) -> Report:
    """What it brings and costs in hours, with the formula."""
    mails, away = found.by_rules + found.by_staff, f"{found.employee_seconds:g} s"
    card = f"{found.seconds_per_card:.1f} s" if found.measured else f"{found.seconds_per_card:g} s"
    formula = f"({found.by_rules:,} + {found.by_staff:,}) mails × {away} − {found.cards:,} cards × {card} = {found.hours:.1f} hours"
    how = "the median measured" if found.measured else "as reports.staff_seconds says"
    return Report(
        "saved",
        "Hours saved",
        period,
        (
            f"About {found.hours:.1f} hours were saved." if found.hours >= 0 else f"It cost {-found.hours:.1f} hours more than it saved.",
            f"{formula}.",
        ),
        f"{plural(mails, 'mail')} that no employee had to look at, purged on arrival or decided by the staff, at {away} each "
        f"(reports.employee_seconds), less the cards of the staff at {card} each ({how}). What was let go saves nothing here.",
        (
            Table(
                "formula",
                "How it is calculated",
                (
                    Column("what", "What", "text"),
                    Column("count", "Count"),
                    Column("seconds", "Each", "seconds"),
                    Column("hours", "Hours", "number"),
                ),
                (
                    ("purged on arrival", found.by_rules, found.employee_seconds, round(found.by_rules * found.employee_seconds / 3600, 2)),
                    (
                        "purged or rejected by the staff",
                        found.by_staff,
                        found.employee_seconds,
                        round(found.by_staff * found.employee_seconds / 3600, 2),
                    ),
                    ("cards decided", found.cards, found.seconds_per_card, round(-found.spent, 2)),
                    ("saved", None, None, round(found.hours, 2)),
                ),
            ),
        ),
    )


def numbers(one: Spread) -> tuple[Cell, ...]:
    """The cells of a spread."""
    return one.count, one.p50, one.p90, one.p99


def pace(one: Pace, who: str) -> tuple[Cell, ...]:
    """The cells of somebody's pace."""
    return who, one.cards, round(one.cards_an_hour, 1), one.seconds.p50, one.seconds.p90, one.keys.p50, one.undone


def hour_words(hour: int) -> str:
    """An hour of the day."""
    return f"{hour:02d}:00"
