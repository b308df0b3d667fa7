"""The numbers of a rehearsal as lines for a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from triage.reports.forecast import Forecast, Proposal, Share
from triage.text.numbers import WEEKDAYS, percent, rule_words, span

SHOWN_ATTACKS = 10
SHOWN_ADDRESSES = 20
REFUSED = (
    "The door would refuse mail for these addresses of yours (550): the directory does not know them. Where one is right, give it to "
    "a person, a group or a role, or name it in [directory] further_addresses:"
)


def sentences(found: Forecast, unknown: Sequence[tuple[str, int]], left_out: Iterable[tuple[str, int]]) -> Iterator[str]:
    """All of it, the most important first. `unknown`: addresses of ours that the door would refuse, with how many mails."""
    terms = found.terms
    yield f"{found.total.mails} mails for {found.mailboxes} mailboxes, {found.since:%d %b %Y} to {found.until:%d %b %Y}:"
    yield f"  {part(found.total.passed, found.total)} would have passed, {part(found.total.held, found.total)} held, " + (
        f"{part(found.total.purged, found.total)} purged on arrival."
    )
    yield ""
    yield f"For the staff, at {terms.seconds_per_card:g} seconds a card: {found.cards} cards on {found.working_days} days of work,"
    yield f"  {found.cards_a_day:.1f} cards and {found.minutes_a_day:.0f} minutes a day: {people(found.people_needed)} who can give it " + (
        f"{terms.minutes_of_work:g} minutes."
    )
    weekday, hour, cards = found.busiest_hour
    if cards:
        yield f"  Most in one hour: {cards:.1f} on {WEEKDAYS[weekday]}s from {hour}:00: {people(found.people_at_the_busiest_hour)} at once."
    yield from refused(unknown)
    yield from wanted(found)
    yield from table("Departments", found.departments)
    yield from table("Weekdays", zip(WEEKDAYS, found.weekdays, strict=True))
    yield from table("Hours", ((f"{hour:02d}:00", share) for hour, share in enumerate(found.hours)))
    yield ""
    yield "Why:"
    yield from (f"  {count:6d}  {rule_words(rule)}" for rule, count in found.rules)
    yield from rules(found.proposals)
    yield from attacks(found)
    if found.unknown:
        yield ""
        yield f"DNS did not answer about {found.unknown} mails, which count as held: try again, or see `mailroom doctor`."
    if shown := [f"  {count:6d}  {why}" for why, count in left_out]:
        yield ""
        yield "Left out:"
        yield from shown


def refused(unknown: Sequence[tuple[str, int]]) -> Iterator[str]:
    """What the directory has forgotten."""
    if unknown:
        yield ""
        yield REFUSED
        yield from (f"  {count:6d} mails  {name}" for name, count in unknown[:SHOWN_ADDRESSES])
    if len(unknown) > SHOWN_ADDRESSES:
        yield f"  and {len(unknown) - SHOWN_ADDRESSES} more: --html and --json have all of them"


def wanted(found: Forecast) -> Iterator[str]:
    """What became of mail that was answered."""
    one = found.wanted
    yield ""
    if not one.answered:
        yield "None of it was answered, as far as the sent folders tell: how long wanted mail would have waited is not known."
        return
    yield f"{one.answered} mails were answered, so they were wanted: {one.passed} would have passed, {one.held} waited for the staff" + (
        f", {one.purged} been purged." if one.purged else "."
    )
    if one.held:
        yield (
            f"  Half of these up to {span(one.median_seconds)}, nine in ten up to {span(one.slowest_tenth_seconds)}, "
            + (f"the longest {span(one.longest_seconds)}; {one.answered_sooner} were answered sooner than that.")
        )


def table(title: str, shares: Iterable[tuple[str, Share]]) -> Iterator[str]:
    """Shares by name; what has no mail is left out."""
    yield ""
    yield f"{title:24}  mails  passing   held"
    for name, share in shares:
        if share.mails:
            yield f"  {name or '(none)':22} {share.mails:6d}  {percent(share.passed, share.mails):>7} {percent(share.held, share.mails):>6}"


def rules(proposals: Iterable[Proposal]) -> Iterator[str]:
    """The rules that would help most."""
    lines = [
        f"  {one.mails:6d} mails for {people(one.people)}, {one.answered} answered: {command(one)}" for one in proposals
    ]  # each beyond those before it
    if lines:
        yield ""
        yield "The rules that would have let most of the held mail through, each beyond those before it. Nobody has looked at it:"
        yield from lines


def command(proposal: Proposal) -> str:
    """The command that makes the rule."""
    remedy = proposal.remedy
    sender = {"list": f"list:{remedy.value}", "subdomains": f".{remedy.value}"}.get(remedy.match, remedy.value)
    return f"mailroom allow {sender}" + ("" if remedy.proof == "dmarc" else f" --proof {remedy.proof}")


def attacks(found: Forecast) -> Iterator[str]:
    """What looks like an attack."""
    one = found.attacks
    yield ""
    total = one.held + one.purged + one.passed
    if not total:
        yield "None of it looks like an attack."
        return
    yield f"{total} mails look like attacks, unanswered: {one.held} would have been held, {one.purged} purged, {one.passed} passed."
    for row in one.listed[:SHOWN_ATTACKS]:
        yield f"  {row.disposition:10} {row.arrived:%d %b %H:%M}  {row.author} to {row.mailbox}: {row.subject} ({row.deceives})"


def part(count: int, share: Share) -> str:
    """How many, and which part of all."""
    return f"{count} ({percent(count, share.mails)})"


def people(count: int) -> str:
    """So many people."""
    return "nobody" if not count else "1 person" if count == 1 else f"{count} people"
