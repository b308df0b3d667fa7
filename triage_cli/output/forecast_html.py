"""The numbers of a rehearsal as one HTML page that loads nothing from anywhere, with plots."""

from collections.abc import Iterable, Iterator, Sequence

from triage.reports.forecast import Forecast, Share
from triage.text.numbers import WEEKDAYS, percent, rule_words, span
from triage_cli.output import svg_plots
from triage_cli.output.forecast_text import REFUSED, command, part, people, wanted
from triage_cli.output.html_page import document
from triage_cli.output.svg_plots import text


def page(found: Forecast, unknown: Iterable[tuple[str, int]], left_out: Iterable[tuple[str, int]]) -> str:
    """The whole page. `unknown`: addresses of ours that the door would refuse, with how many mails."""
    body = "\n".join(section for part in (summary, staff, waiting, where, why, rules, attacks) for section in part(found))
    addresses = table(("Address", "Mails"), ((text(name), str(count)) for name, count in unknown))
    refused = f"<h2>Addresses that would be refused</h2><p>{text(REFUSED)}</p>{addresses}" if addresses else ""
    rest = table(("What", "Mails"), ((text(name), str(count)) for name, count in left_out))
    return document("Mailroom: rehearsal", f"{body}\n{refused}\n<h2>Left out</h2>{rest or '<p>Nothing.</p>'}")


def summary(found: Forecast) -> Iterator[str]:
    """What would have happened, in four numbers."""
    total = found.total
    yield "<h1>Rehearsal</h1>"
    yield f"<p>{total.mails} mails for {found.mailboxes} mailboxes, {found.since:%d %b %Y} to {found.until:%d %b %Y}, judged by the rules in force when this was written. Nothing was changed.</p>"  # noqa: E501
    yield numbers(
        ("would have passed", part(total.passed, total)),
        ("held for staff", part(total.held, total)),
        ("purged on arrival", part(total.purged, total)),
        ("minutes of staff a day", f"{found.minutes_a_day:.0f}"),
        ("who can give it their time", people(found.people_needed)),
    )
    if found.unknown:
        yield f"<p>DNS did not answer about {found.unknown} mails, which count as held.</p>"


def staff(found: Forecast) -> Iterator[str]:
    """What it would have cost."""
    terms = found.terms
    weekday, hour, cards = found.busiest_hour
    hours = ", ".join(terms.hours) or "at all hours"
    yield "<h2>Work for the staff</h2>"
    yield f"<p>{found.cards} cards on {found.working_days} days of work: {found.cards_a_day:.1f} a day, {found.minutes_a_day:.0f} minutes at {terms.seconds_per_card:g} seconds a card. One person gives it {terms.minutes_of_work:g} minutes a day. Staff is at work {text(hours)} ({text(terms.time_zone)}).</p>"  # noqa: E501
    if cards:
        yield f"<p>Most in one hour: {cards:.1f} cards on {WEEKDAYS[weekday]}s from {hour}:00, for {people(found.people_at_the_busiest_hour)} at once.</p>"  # noqa: E501
    yield "<h3>Cards that open in an hour, by weekday and hour</h3>"
    yield svg_plots.week("Cards that open in an hour, by weekday and hour", WEEKDAYS, found.cards_by_hour)


def waiting(found: Forecast) -> Iterator[str]:
    """What it would have cost those who wait."""
    yield "<h2>Wanted mail that would have waited</h2>"
    yield "".join(f"<p>{text(line.strip())}</p>" for line in wanted(found) if line)
    if found.wanted.held:
        yield numbers(
            ("half waited up to", span(found.wanted.median_seconds)),
            ("nine in ten up to", span(found.wanted.slowest_tenth_seconds)),
            ("the longest", span(found.wanted.longest_seconds)),
        )
        yield svg_plots.counts("How long wanted mail would have waited", found.wanted.waits)


def where(found: Forecast) -> Iterator[str]:
    """Whose mail, and when it comes."""
    key = "".join(f'<span style="background: var(--{kind})"></span>{kind}' for _, kind in svg_plots.KINDS)
    yield f'<h2>Whose mail, and when it comes</h2><p class="key">{key}</p>'
    days = [(day, share) for day, share in zip(WEEKDAYS, found.weekdays, strict=True) if share.mails]
    hours = [(f"{hour:02d}:00", share) for hour, share in enumerate(found.hours) if share.mails]
    for title, rows in (("Departments", found.departments), ("Weekdays", days), ("Hours of the day", hours)):
        named = [(name or "(none)", share) for name, share in rows]
        yield f"<h3>{title}</h3>{svg_plots.shares(title, named)}{share_table(title, named)}"


def share_table(title: str, rows: Sequence[tuple[str, Share]]) -> str:
    """The numbers behind a plot."""
    cells = [
        (text(name), str(one.mails), str(one.passed), str(one.held), str(one.purged), percent(one.held, one.mails)) for name, one in rows
    ]
    inside = table((title, "Mails", "Pass", "Held", "Purged", "Share held"), cells)
    return f"<details><summary>The numbers</summary>{inside}</details>"


def why(found: Forecast) -> Iterator[str]:
    """Which rules of the policy decided."""
    yield "<h2>Why</h2>"
    yield table(("Rule", "Mails"), ((text(rule_words(rule)), str(count)) for rule, count in found.rules))


def rules(found: Forecast) -> Iterator[str]:
    """The rules that would help most."""
    yield "<h2>The rules that would help most</h2>"
    if not found.proposals:
        yield "<p>No rule would have let held mail through that proves its sender.</p>"
        return
    yield "<p>Each counts what it would have let through beyond those before it, asked of the policy itself. Nobody has looked at the senders: do so before you make a rule.</p>"  # noqa: E501
    yield table(
        ("Rule", "Mails", "People", "Answered"),
        ((f"<code>{text(command(one))}</code>", str(one.mails), str(one.people), str(one.answered)) for one in found.proposals),
    )


def attacks(found: Forecast) -> Iterator[str]:
    """What looks like an attack."""
    one = found.attacks
    yield "<h2>Attacks</h2>"
    yield numbers(("held", str(one.held)), ("purged on arrival", str(one.purged)), ("would have passed", str(one.passed)))
    yield "<p>Mail that looks like an attack by what a trained eye sees, and that nobody answered.</p>"
    yield table(
        ("When", "From", "To", "Subject", "Why", "It would have been"),
        (
            (
                f"{row.arrived:%d %b %H:%M}",
                *(text(word) for word in (row.author, row.mailbox, row.subject, row.deceives)),
                BEEN[row.disposition],
            )
            for row in one.listed
        ),
    )


NUMBER = '<td class="n">'
BEEN = {"relay": "<strong>passed on</strong>", "quarantine": "held", "purge": "purged"}


def numbers(*pairs: tuple[str, str]) -> str:
    """Large numbers with their names."""
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{text(number)}</dd></div>' for name, number in pairs)}</dl>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; "" without rows. The cells are HTML already; those that are numbers stand to the right."""
    cells = list(rows)
    if not cells:
        return ""
    lines = ["".join(f"{NUMBER if cell.isdigit() else '<td>'}{cell}</td>" for cell in row) for row in cells]
    head = "".join(f"<th{NUMBER[3:] if cell.isdigit() else '>'}{text(one)}</th>" for one, cell in zip(heads, cells[0], strict=True))
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
