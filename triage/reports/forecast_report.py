"""The forecast of a simulation as reports: the same sentences and tables for a terminal and for a page. Pure."""

from collections.abc import Iterable, Iterator

from triage.reports.forecast import Forecast, Proposal, Share
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.say import say, say_count
from triage.text.csv_export import Cell
from triage.text.numbers import WEEKDAYS, describe_policy_rule, format_hour, format_percent, spell_span

HOURS = range(24)
SHARES = (
    Column("messages", say("Messages")),
    Column("passed", say("Delivered")),
    Column("held", say("Held")),
    Column("purged", say("Removed")),
)
SHARE_HELD = Column("share_held", say("Share held"), "share")
BEEN = {"relay": say("passed on"), "quarantine": say("held"), "purge": say("removed")}
UNKNOWN_ADDRESSES = say(
    "The SMTP server would refuse messages to these addresses of yours (550): the directory does not know them. Where one is right, give "
    "it to a person, a distribution list or a role, or list it in the settings as a further address."
)
Counts = Iterable[tuple[str, int]]


def report_forecast(found: Forecast, unknown: Counts, left_out: Counts) -> tuple[Report, ...]:
    """Returns all of it, the most important first. `unknown`: addresses of ours that would be refused, with how many messages."""
    parts: tuple[tuple[str, str, Iterable[str], tuple[Table, ...]], ...] = (
        ("total", say("What would have happened"), describe_total(found), ()),
        ("staff", say("Work for staff"), describe_work(found), (week_of_rows(found),)),
        (
            "refused",
            say("Addresses that would be refused"),
            [UNKNOWN_ADDRESSES],
            (count_table("refused", say("Addresses"), say("Address"), unknown),),
        ),
        ("wanted", say("Wanted messages that would have waited"), describe_wanted(found), (table_of_waits(found),)),
        ("where", say("Recipients and times"), [], tuple(share_tables(found))),
        (
            "why",
            say("Reasons"),
            [],
            (count_table("rules", say("Rules that decided"), say("Rule"), [(describe_policy_rule(rule), n) for rule, n in found.rules]),),
        ),
        (
            "known",
            say("Known senders whose messages are unlike them"),
            [],
            (count_table("checks", say("Checks of known senders"), say("Check"), found.checks),),
        ),
        ("help", say("Rules that would help most"), describe_rules(found), (table_of_rules(found),)),
        ("attacks", say("Attacks"), describe_attacks(found), (table_of_attacks(found),)),
        ("left-out", say("Left out"), [], (count_table("left_out", say("Not counted above"), say("What"), left_out),)),
    )
    period = Period(found.since, found.until, found.terms.time_zone)
    made = (Report(name, title, period, tuple(said), "", tables) for name, title, said, tables in parts)
    return tuple(one for one in made if one.name not in ("refused", "left-out", "known") or one.tables[0].rows)


def describe_total(found: Forecast) -> Iterator[str]:
    """Yields sentences on what would have happened."""
    total = found.total
    messages = say_count("{count} message", "{count} messages", count=total.messages)
    mailboxes = say_count("{count} mailbox", "{count} mailboxes", count=found.mailboxes)
    yield say("{messages} for {mailboxes}, judged by the rules in force now.", messages=messages, mailboxes=mailboxes)
    passed, held, purged = (describe_share(part, total) for part in (total.passed, total.held, total.purged))
    yield say(
        "{delivered} would have been delivered, {held} held, {removed} removed on arrival.", delivered=passed, held=held, removed=purged
    )
    if found.unknown:
        yield say_count(
            "DNS did not answer for {count} message, which counts as held: try again, or see `mailroom doctor`.",
            "DNS did not answer for {count} messages, which count as held: try again, or see `mailroom doctor`.",
            count=found.unknown,
        )


def describe_work(found: Forecast) -> Iterator[str]:
    """Yields sentences on the work that it would have cost."""
    terms = found.terms
    weekday, hour, rows_then = found.busiest_hour
    rows = say_count("{count} row", "{count} rows", count=found.rows)
    days = say_count("{count} day", "{count} days", count=found.working_days)
    yield say(
        "{rows} on {days} of work: {each} rows and {time} a day at {row} a row.",
        rows=rows,
        days=days,
        each=f"{found.rows_a_day:.1f}",
        time=spell_span(60 * round(found.minutes_a_day)),
        row=spell_span(terms.seconds_per_row),
    )
    yield say(
        "Needed: {people}, at {time} a day each.",
        people=count_people(found.people_needed),
        time=spell_span(60 * terms.minutes_of_work),
    )
    yield say("Working hours: {hours}.", hours=", ".join(terms.hours) or say("always"))
    if rows_then:
        yield say(
            "Busiest hour: {rows} rows on {weekday} from {hour}:00, which takes {people} at once.",
            rows=f"{rows_then:.1f}",
            weekday=WEEKDAYS[weekday],
            hour=hour,
            people=count_people(found.people_at_the_busiest_hour),
        )


def week_of_rows(found: Forecast) -> Table:
    """Builds the table of rows that open in an hour, by weekday and hour."""
    columns = (Column("weekday", say("Weekday"), "text"), *(Column(f"h{hour:02d}", str(hour), "number") for hour in HOURS))
    rows: tuple[tuple[Cell, ...], ...] = tuple((day, *means) for day, means in zip(WEEKDAYS, found.rows_by_hour, strict=True))
    plot = Plot("week", tuple(column.name for column in columns[1:]))
    return Table("rows", say("Rows that open in an hour, by weekday and hour"), columns, rows, plot)


def describe_wanted(found: Forecast) -> Iterator[str]:
    """Yields sentences on messages that were answered."""
    one = found.wanted
    if not one.answered:
        yield say("The sent folders show no answer to any message, so the waiting time of wanted messages is not known.")
        return
    yield say_count(
        "{count} message was answered, so it was wanted: {delivered} would have been delivered, {held} held and {removed} removed.",
        "{count} messages were answered, so they were wanted: {delivered} would have been delivered, {held} held and {removed} removed.",
        count=one.answered,
        delivered=one.passed,
        held=one.held,
        removed=one.purged,
    )
    if one.held:
        yield say(
            "The held ones would have waited {median} (median), {p90} (90th percentile), {longest} at most. "
            "{sooner} were answered sooner than that.",
            median=spell_span(one.median_seconds),
            p90=spell_span(one.slowest_tenth_seconds),
            longest=spell_span(one.longest_seconds),
            sooner=one.answered_sooner,
        )


def table_of_waits(found: Forecast) -> Table:
    """Builds the table of how long wanted messages would have waited."""
    columns = (Column("wait", say("Wait"), "text"), Column("messages", say("Messages")))
    rows = found.wanted.waits if found.wanted.held else ()
    return Table("waits", say("How long it would have waited"), columns, rows, Plot("bars", ("messages",)))


def share_tables(found: Forecast) -> Iterator[Table]:
    """Yields tables of passing and held messages, by department, weekday and hour; entries without messages are left out."""
    days = zip(WEEKDAYS, found.weekdays, strict=True)
    hours = ((format_hour(hour), share) for hour, share in enumerate(found.hours))
    for name, title, rows in (
        ("departments", say("Departments"), found.departments),
        ("weekdays", say("Weekdays"), days),
        ("hours", say("Hours of the day"), hours),
    ):
        cells = tuple(share_row(one, share) for one, share in rows if share.messages)
        yield Table(name, title, (Column("name", title, "text"), *SHARES, SHARE_HELD), cells, Plot("bars", ("held", "passed")))


def share_row(name: str, one: Share) -> tuple[Cell, ...]:
    """A share as a row."""
    return (name or say("(none)"), one.messages, one.passed, one.held, one.purged, one.held / one.messages)


def describe_rules(found: Forecast) -> Iterator[str]:
    """Yields sentences on the proposed rules."""
    if not found.proposals:
        yield say("No rule would have delivered held messages whose sender is proven.")
        return
    yield say("Each counts what the policy would deliver with it, beyond the rules before it.")
    yield say("Nobody has reviewed the senders: do so before you add a rule.")


def table_of_rules(found: Forecast) -> Table:
    """The commands that make the rules."""
    columns = (
        Column("rule", say("Rule"), "whole"),
        Column("messages", say("Messages")),
        Column("people", say("People")),
        Column("answered", say("Answered")),
    )
    return Table(
        "help", say("Rules"), columns, tuple((rule_command(one), one.messages, one.people, one.answered) for one in found.proposals)
    )


def rule_command(proposal: Proposal) -> str:
    """The command that makes the rule."""
    remedy = proposal.remedy
    sender = {"list": f"list:{remedy.value}", "subdomains": f".{remedy.value}"}.get(remedy.match, remedy.value)
    return f"mailroom allow {sender}" + ("" if remedy.proof == "dmarc" else f" --proof {remedy.proof}")


def describe_attacks(found: Forecast) -> Iterator[str]:
    """Yields sentences on messages that look like an attack."""
    one = found.attacks
    if not one.held + one.purged + one.passed:
        yield say("No message looks like an attack.")
        return
    yield say_count(
        "{count} unanswered message looks like an attack: {held} would have been held, {removed} removed, {delivered} delivered.",
        "{count} unanswered messages look like attacks: {held} would have been held, {removed} removed, {delivered} delivered.",
        count=one.held + one.purged + one.passed,
        held=one.held,
        removed=one.purged,
        delivered=one.passed,
    )


def table_of_attacks(found: Forecast) -> Table:
    """Builds the table of attacks, those first that would have passed."""
    names = {
        "when": say("When"),
        "from": say("From"),
        "to": say("To"),
        "subject": say("Subject"),
        "why": say("Reason"),
        "it_would_have_been": say("It would have been"),
    }
    columns = tuple(Column(name, title, "whole") for name, title in names.items())
    rows = tuple(
        (f"{row.arrived:%d %b %H:%M}", row.author, row.mailbox, row.subject, row.deceives, BEEN[row.disposition])
        for row in found.attacks.listed
    )
    return Table("attacks", say("Messages that look like attacks"), columns, rows)


def count_table(name: str, title: str, first: str, rows: Counts) -> Table:
    """Names and how often each occurs."""
    return Table(name, title, (Column("name", first, "whole"), Column("messages", say("Messages"))), tuple(rows))


def describe_share(count: int, share: Share) -> str:
    """Says a number and its percentage of all."""
    return f"{count:,} ({format_percent(count, share.messages)})"


def count_people(count: int) -> str:
    """So many people."""
    return say_count("{count} person", "{count} people", count=count) if count else say("nobody")
