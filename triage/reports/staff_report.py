"""Reports about staff, in sentences and tables: work, undone decisions, hours saved. Pure."""

from collections.abc import Iterable

from triage.reports.mail_metrics import HOURS
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.reports.staff_metrics import Disclosure, Mistakes, Pace, Saved, Work
from triage.say import say, say_count
from triage.text.csv_export import Cell
from triage.text.numbers import describe_policy_rule, format_hour, spell_span

VERBS = {"release": say("released"), "redirect": say("redirected"), "purge": say("removed"), "reject": say("rejected")}
PERSON = (
    Column("who", say("Who"), "text"),
    Column("rows", say("Rows")),
    Column("rows_an_hour", say("Rows an hour"), "number"),
    Column("p50_seconds", say("Median seconds"), "seconds"),
    Column("p90_seconds", say("90th percentile"), "seconds"),
    Column("p50_keys", say("Median keys"), "number"),
    Column("undone", say("Undone")),
)
FORMULA = (
    Column("what", say("What"), "text"),
    Column("count", say("Count")),
    Column("seconds", say("Each"), "seconds"),
    Column("hours", say("Hours"), "number"),
)


def report_work(found: Work, disclosure: Disclosure, period: Period) -> Report:
    """Builds the report on the work: how many rows are decided, when, and how fast."""
    total = found.total
    tables = []
    if total:
        tables.append(Table("total", say("Total"), PERSON, (pace_cells(total, say("all together")),)))
    if found.hours is not None:
        hours = tuple((format_hour(hour), number) for hour, number in zip(HOURS, found.hours, strict=True))
        columns = (Column("hour", say("Hour"), "text"), Column("rows", say("Rows")))
        tables.append(Table("hours", say("Rows decided over the day"), columns, hours, Plot("bars", ("rows",))))
    if found.persons:
        tables.append(
            Table("people", say("By person"), PERSON, tuple(pace_cells(one, one.shown) for one in found.persons), Plot("bars", ("rows",)))
        )
    return Report(
        "work",
        say("The work"),
        period,
        tuple(describe_team_work(found, disclosure)),
        say(
            "A row is one decision that released, redirected, removed or rejected held messages. Rows an hour count only hours of the "
            "clock in which somebody decided. Seconds and keys count from the moment when the row is selected in the console."
        ),
        tuple(tables),
    )


NOTHING_DECIDED = say("No row was decided.")


def describe_team_work(found: Work, disclosure: Disclosure) -> Iterable[str]:
    """Sentences about the work."""
    if not found.rows:
        yield NOTHING_DECIDED
        return
    people = say_count("{count} person", "{count} people", count=found.people)
    decided = say_count("{count} row was decided by {people}", "{count} rows were decided by {people}", count=found.rows, people=people)
    if found.by_programs:
        yield say("{decided}, {number} of them by programs.", decided=decided, number=found.by_programs)
    else:
        yield say("{decided}.", decided=decided)
    if found.total is None:
        yield say(
            "Fewer than {number} people decided, so their speed is not shown: it would describe one person.", number=disclosure.fewest
        )
        return
    pace = found.total
    yield say("In an hour of work one person decides {rows} rows.", rows=round(pace.rows_an_hour, 1))
    if disclosure.staff == "none":
        yield say("Keys and time are not measured here.")
    elif pace.seconds.p50 is not None and pace.keys.p50 is not None:
        keys = say_count("{count} key", "{count} keys", count=round(pace.keys.p50))
        yield say("A decision took {time} and {keys} (median).", time=spell_span(pace.seconds.p50), keys=keys)


def report_mistakes(found: Mistakes | None, by_rule: Iterable[tuple[str, int]], disclosure: Disclosure, period: Period) -> Report:
    """Builds the report on decisions that were undone."""
    definition = say(
        "A decision counts as a mistake when it was undone. If it was undone before anything was delivered, it did no harm. A release was "
        "wrong when it was undone, or the message was removed, after delivery."
    )
    title = say("Decisions undone")
    if found is None:
        return Report(
            "mistakes",
            title,
            period,
            (
                say(
                    "Fewer than {number} people decided, so what they undid is not shown: it would describe one person.",
                    number=disclosure.fewest,
                ),
            ),
            definition,
            (),
        )
    tables = [
        Table(
            "verbs",
            say("By decision"),
            (
                Column("verb", say("Decision"), "text"),
                Column("rows", say("Rows")),
                Column("undone", say("Undone")),
                Column("share", say("Share"), "share"),
            ),
            tuple((VERBS[verb], rows, undone, undone / rows) for verb, rows, undone in found.verbs),
            Plot("bars", ("undone",)),
        ),
        Table(
            "rules",
            say("By the rule that had decided"),
            (Column("rule", say("Reason"), "text"), Column("name", say("Rule"), "text"), Column("messages", say("Messages put back"))),
            tuple((describe_policy_rule(rule), rule, number) for rule, number in by_rule),
            Plot("bars", ("messages",)),
        ),
    ]
    if found.persons:
        columns = (
            Column("who", say("Who"), "text"),
            Column("rows", say("Rows")),
            Column("undone", say("Undone")),
            Column("released", say("Messages released")),
            Column("wrong", say("Wrong")),
            Column("wrong_per_hundred", say("Wrong per hundred"), "number"),
        )
        rows = tuple((one.shown, one.rows, one.undone, one.released, one.wrong, per_hundred(one)) for one in found.persons)
        tables.append(Table("people", say("By person"), columns, rows))
    return Report("mistakes", title, period, tuple(describe_mistakes(found)), definition, tuple(tables))


def describe_mistakes(found: Mistakes) -> Iterable[str]:
    """Sentences about the mistakes."""
    if not found.rows:
        yield NOTHING_DECIDED
        return
    all_of_them = say_count("{count} decision", "{count} decisions", count=found.rows)
    undone = say_count("{count} of {decisions} was undone", "{count} of {decisions} were undone", count=found.undone, decisions=all_of_them)
    if found.undone:
        yield say("{undone}, {number} of them before anything was delivered.", undone=undone, number=found.in_time)
    else:
        yield say("{undone}.", undone=undone)
    if found.released:
        yield say_count(
            "{count} of {released} released messages was undone or removed after delivery: {rate} wrong releases in a hundred.",
            "{count} of {released} released messages were undone or removed after delivery: {rate} wrong releases in a hundred.",
            count=found.wrong,
            released=found.released,
            rate=f"{100 * found.wrong / found.released:.1f}",
        )


def per_hundred(one: Pace) -> float | None:
    """Wrong releases per hundred of somebody; None of nothing."""
    return round(100 * one.wrong / one.released, 1) if one.released else None


def report_savings(found: Saved, period: Period) -> Report:
    """Builds the report on hours saved and spent, with the formula."""
    away, row = f"{found.employee_seconds:g} s", describe_row_time(found)
    how = say("the measured median") if found.measured else say("from the settings")
    return Report(
        "saved",
        say("Hours saved"),
        period,
        (
            say("≈ {time} saved.", time=spell_span(3600 * found.hours))
            if found.hours >= 0
            else say("It cost {time} more than it saved.", time=spell_span(-3600 * found.hours)),
            say(
                "{copies} copies × {away} − {rows} rows × {row} = {hours} h.",
                copies=found.by_staff,
                away=away,
                rows=found.rows,
                row=row,
                hours=round(found.hours, 1),
            ),
            say_count(
                "{count} more message was blocked on arrival. It is not part of the time saved.",
                "{count} more messages were blocked on arrival. They are not part of the time saved.",
                count=found.blocked,
            ),
        ),
        say(
            "Copies that staff removed, held ones and those taken out of mailboxes, at {away} each, less the rows of staff at {row} each "
            "({how}). Released messages save nothing.",
            away=away,
            row=row,
            how=how,
        ),
        (Table("formula", say("Calculation"), FORMULA, tuple(savings_formula(found))),),
    )


def describe_row_time(found: Saved) -> str:
    """Says how long one row takes."""
    return f"{found.seconds_per_row:.1f} s" if found.measured else f"{found.seconds_per_row:g} s"


def savings_formula(found: Saved) -> Iterable[tuple[Cell, ...]]:
    """The hours and what they are made of."""
    yield say("copies that staff removed"), found.by_staff, found.employee_seconds, round(found.gross, 2)
    yield say("rows decided"), found.rows, found.seconds_per_row, round(-found.spent, 2)
    yield say("saved"), None, None, round(found.hours, 2)
    yield say("blocked on arrival, not counted"), found.blocked, None, None


def pace_cells(one: Pace, who: str) -> tuple[Cell, ...]:
    """The cells of somebody's pace."""
    return who, one.rows, round(one.rows_an_hour, 1), one.seconds.p50, one.seconds.p90, one.keys.p50, one.undone
