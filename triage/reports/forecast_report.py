"""The forecast of a simulation as reports: the same sentences and tables for a terminal and for a page. Pure."""

from collections.abc import Iterable, Iterator

from triage.reports.forecast import Forecast, Proposal, Share
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.say import say
from triage.text.csv_export import Cell
from triage.text.numbers import WEEKDAYS, format_percent, format_span, hour_words, plural, rule_words

HOURS = range(24)
SHARES = (Column("mails", "Mails"), Column("passed", "Pass"), Column("held", "Held"), Column("purged", "Purged"))
SHARE_HELD = Column("share_held", "Share held", "share")
BEEN = {"relay": say("passed on"), "quarantine": say("held"), "purge": say("removed")}
UNKNOWN_ADDRESSES = (
    "The SMTP server would refuse mail for these addresses of yours (550): the directory does not know them. Where one is right, give it "
    "to a person, a group or a role, or name it in [directory] further_addresses."
)
Counts = Iterable[tuple[str, int]]


def report_forecast(found: Forecast, unknown: Counts, left_out: Counts) -> tuple[Report, ...]:
    """Returns all of it, the most important first. `unknown`: addresses of ours that would be refused, with how many mails."""
    parts: tuple[tuple[str, str, Iterable[str], tuple[Table, ...]], ...] = (
        ("total", "What would have happened", tell_total(found), ()),
        ("staff", "Work for the staff", tell_work(found), (week_of_cards(found),)),
        ("refused", "Addresses that would be refused", [UNKNOWN_ADDRESSES], (count_table("refused", "Addresses", "Address", unknown),)),
        ("wanted", "Wanted mail that would have waited", tell_wanted(found), (table_of_waits(found),)),
        ("where", "Whose mail, and when it comes", [], tuple(share_tables(found))),
        ("why", "Why", [], (count_table("rules", "What the policy decided", "Rule", [(rule_words(rule), n) for rule, n in found.rules]),)),
        ("help", "The rules that would help most", tell_rules(found), (table_of_rules(found),)),
        ("attacks", "Attacks", tell_attacks(found), (table_of_attacks(found),)),
        ("left-out", "Left out", [], (count_table("left_out", "Not counted above", "What", left_out),)),
    )
    period = Period(found.since, found.until, found.terms.time_zone)
    made = (Report(name, title, period, tuple(said), "", tables) for name, title, said, tables in parts)
    return tuple(one for one in made if one.name not in ("refused", "left-out") or one.tables[0].rows)


def tell_total(found: Forecast) -> Iterator[str]:
    """What would have happened."""
    total = found.total
    yield f"{plural(total.mails, 'mail')} for {plural(found.mailboxes, 'mailbox', 'mailboxes')}, judged by the rules in force now."
    passed, held, purged = (describe_share(part, total) for part in (total.passed, total.held, total.purged))
    yield f"{passed} would have passed, {held} held, {purged} purged on arrival."
    if found.unknown:
        yield f"DNS did not answer about {plural(found.unknown, 'mail')}, which count as held: try again, or see `mailroom doctor`."


def tell_work(found: Forecast) -> Iterator[str]:
    """What it would have cost."""
    terms = found.terms
    weekday, hour, cards = found.busiest_hour
    yield (
        f"{plural(found.cards, 'card')} on {plural(found.working_days, 'day')} of work: {found.cards_a_day:.1f} cards and "
        f"{found.minutes_a_day:.0f} minutes a day at {terms.seconds_per_card:g} seconds a card."
    )
    yield f"{count_people(found.people_needed)} can give it that time, at {terms.minutes_of_work:g} minutes a day each."
    yield f"Staff is at work {', '.join(terms.hours) or 'at all hours'}."
    if cards:
        yield (
            f"Most in one hour: {cards:.1f} cards on {WEEKDAYS[weekday]}s from {hour}:00, for "
            f"{count_people(found.people_at_the_busiest_hour)} at once."
        )


def week_of_cards(found: Forecast) -> Table:
    """When cards open."""
    columns = (Column("weekday", "Weekday", "text"), *(Column(f"h{hour:02d}", str(hour), "number") for hour in HOURS))
    rows: tuple[tuple[Cell, ...], ...] = tuple((day, *means) for day, means in zip(WEEKDAYS, found.cards_by_hour, strict=True))
    plot = Plot("week", tuple(column.name for column in columns[1:]))
    return Table("cards", "Cards that open in an hour, by weekday and hour", columns, rows, plot)


def tell_wanted(found: Forecast) -> Iterator[str]:
    """What became of mail that was answered."""
    one = found.wanted
    if not one.answered:
        yield "None of it was answered, as far as the sent folders tell: how long wanted mail would have waited is not known."
        return
    purged = f", {one.purged} been purged" if one.purged else ""
    answered = plural(one.answered, "mail was", "mails were")
    yield f"{answered} answered, so wanted: {one.passed} would have passed, {one.held} waited{purged}."
    if one.held:
        yield (
            f"Half of these up to {format_span(one.median_seconds)}, nine in ten up to {format_span(one.slowest_tenth_seconds)}, "
            f"the longest {format_span(one.longest_seconds)}; {one.answered_sooner} were answered sooner than that."
        )


def table_of_waits(found: Forecast) -> Table:
    """How long wanted mail would have waited."""
    columns = (Column("wait", "Wait", "text"), Column("mails", "Mails"))
    rows = found.wanted.waits if found.wanted.held else ()
    return Table("waits", "How long it would have waited", columns, rows, Plot("bars", ("mails",)))


def share_tables(found: Forecast) -> Iterator[Table]:
    """What passes and what is held, by department, weekday and hour; what has no mail is left out."""
    days = zip(WEEKDAYS, found.weekdays, strict=True)
    hours = ((hour_words(hour), share) for hour, share in enumerate(found.hours))
    for name, title, rows in (
        ("departments", "Departments", found.departments),
        ("weekdays", "Weekdays", days),
        ("hours", "Hours of the day", hours),
    ):
        cells = tuple(share_row(one, share) for one, share in rows if share.mails)
        yield Table(name, title, (Column("name", title, "text"), *SHARES, SHARE_HELD), cells, Plot("bars", ("held", "passed")))


def share_row(name: str, one: Share) -> tuple[Cell, ...]:
    """A share as a row."""
    return (name or say("(none)"), one.mails, one.passed, one.held, one.purged, one.held / one.mails)


def tell_rules(found: Forecast) -> Iterator[str]:
    """What the proposed rules are."""
    if not found.proposals:
        yield "No rule would have let held mail through that proves its sender."
        return
    yield "Each counts what it would have let through beyond those before it, asked of the policy itself."
    yield "Nobody has looked at the senders: do so before you make a rule."


def table_of_rules(found: Forecast) -> Table:
    """The commands that make the rules."""
    columns = (Column("rule", "Rule", "whole"), Column("mails", "Mails"), Column("people", "People"), Column("answered", "Answered"))
    return Table("help", "Rules", columns, tuple((rule_command(one), one.mails, one.people, one.answered) for one in found.proposals))


def rule_command(proposal: Proposal) -> str:
    """The command that makes the rule."""
    remedy = proposal.remedy
    sender = {"list": f"list:{remedy.value}", "subdomains": f".{remedy.value}"}.get(remedy.match, remedy.value)
    return f"mailroom allow {sender}" + ("" if remedy.proof == "dmarc" else f" --proof {remedy.proof}")


def tell_attacks(found: Forecast) -> Iterator[str]:
    """How much looks like an attack."""
    one = found.attacks
    if not one.held + one.purged + one.passed:
        yield "None of it looks like an attack."
        return
    total = plural(one.held + one.purged + one.passed, "mail looks like an attack", "mails look like attacks")
    yield f"{total}, unanswered: {one.held} would have been held, {one.purged} purged, {one.passed} passed."


def table_of_attacks(found: Forecast) -> Table:
    """Those that would have passed first."""
    names = ("When", "From", "To", "Subject", "Why", "It would have been")
    columns = tuple(Column(name.lower().replace(" ", "_"), name, "whole") for name in names)
    rows = tuple(
        (f"{row.arrived:%d %b %H:%M}", row.author, row.mailbox, row.subject, row.deceives, BEEN[row.disposition])
        for row in found.attacks.listed
    )
    return Table("attacks", "Mail that looks like an attack", columns, rows)


def count_table(name: str, title: str, first: str, rows: Counts) -> Table:
    """Names and how often each occurs."""
    return Table(name, title, (Column("name", first, "whole"), Column("mails", "Mails")), tuple(rows))


def describe_share(count: int, share: Share) -> str:
    """How many, and which part of all."""
    return f"{count:,} ({format_percent(count, share.mails)})"


def count_people(count: int) -> str:
    """So many people."""
    return plural(count, "person", "people") if count else "nobody"
