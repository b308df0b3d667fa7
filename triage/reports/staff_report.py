"""Reports about those who decide, in sentences and tables: the work, what was taken back, the hours saved. Pure."""

from collections.abc import Iterable

from triage.reports.mail_metrics import HOURS
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.reports.staff_metrics import Candour, Mistakes, Pace, Saved, Work
from triage.say import say
from triage.text.csv_export import Cell
from triage.text.numbers import format_span, hour_words, plural, rule_words, were

VERBS = {"release": say("released"), "redirect": say("redirected"), "purge": say("removed"), "reject": say("rejected")}
PERSON = (
    Column("who", "Who", "text"),
    Column("cards", "Cards"),
    Column("cards_an_hour", "An hour", "number"),
    Column("p50_seconds", "Seconds, half within", "seconds"),
    Column("p90_seconds", "Nine in ten", "seconds"),
    Column("p50_keys", "Keys, half within", "number"),
    Column("undone", "Undone"),
)
FORMULA = (
    Column("what", "What", "text"),
    Column("count", "Count"),
    Column("seconds", "Each", "seconds"),
    Column("hours", "Hours", "number"),
)


def report_work(found: Work, candour: Candour, period: Period) -> Report:
    """How much is decided, when, and how fast."""
    total = found.total
    tables = []
    if total:
        tables.append(Table("total", "All of them", PERSON, (pace_cells(total, say("all together")),)))
    if found.hours is not None:
        hours = tuple((hour_words(hour), number) for hour, number in zip(HOURS, found.hours, strict=True))
        columns = (Column("hour", "Hour", "text"), Column("cards", "Cards"))
        tables.append(Table("hours", "Cards decided over the day", columns, hours, Plot("bars", ("cards",))))
    if found.persons:
        tables.append(
            Table("people", "By person", PERSON, tuple(pace_cells(one, one.shown) for one in found.persons), Plot("bars", ("cards",)))
        )
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
        yield "Keys and time are not measured here."
    elif pace.seconds.p50 is not None and pace.keys.p50 is not None:
        yield f"Half of all decisions took up to {format_span(pace.seconds.p50)} and {plural(round(pace.keys.p50), 'key')}."


def too_few(candour: Candour, what: str) -> str:
    """Why something is not told."""
    return f"Fewer than {candour.fewest} people decided: {what} would be about one of them, so it is not told."


def report_mistakes(found: Mistakes | None, by_rule: Iterable[tuple[str, int]], candour: Candour, period: Period) -> Report:
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


def report_savings(found: Saved, period: Period) -> Report:
    """What it brings and costs in hours, with the formula."""
    mails, away, card = found.by_rules + found.by_staff, f"{found.employee_seconds:g} s", card_words(found)
    how = "the median measured" if found.measured else "as the settings say"
    return Report(
        "saved",
        "Hours saved",
        period,
        (
            f"About {found.hours:.1f} hours were saved." if found.hours >= 0 else f"It cost {-found.hours:.1f} hours more than it saved.",
            f"({found.by_rules:,} + {found.by_staff:,}) mails × {away} − {found.cards:,} cards × {card} = {found.hours:.1f} hours.",
        ),
        f"{plural(mails, 'mail')} that no employee had to look at, purged on arrival or decided by the staff, at {away} each, "
        f"less the cards of the staff at {card} each ({how}). What was let go saves nothing here.",
        (Table("formula", "How it is calculated", FORMULA, tuple(savings_formula(found))),),
    )


def card_words(found: Saved) -> str:
    """How long a card takes."""
    return f"{found.seconds_per_card:.1f} s" if found.measured else f"{found.seconds_per_card:g} s"


def savings_formula(found: Saved) -> Iterable[tuple[Cell, ...]]:
    """The hours and what they are made of."""
    for what, mails in ((say("removed on arrival"), found.by_rules), (say("removed or rejected by the staff"), found.by_staff)):
        yield what, mails, found.employee_seconds, round(mails * found.employee_seconds / 3600, 2)
    yield say("cards decided"), found.cards, found.seconds_per_card, round(-found.spent, 2)
    yield say("saved"), None, None, round(found.hours, 2)


def pace_cells(one: Pace, who: str) -> tuple[Cell, ...]:
    """The cells of somebody's pace."""
    return who, one.cards, round(one.cards_an_hour, 1), one.seconds.p50, one.seconds.p90, one.keys.p50, one.undone
