"""Reports for a first look: headline figures beside those of the period before, and harm. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from triage.reports.harm import Harm
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage.say import format_day, say, say_count
from triage.text.csv_export import Cell
from triage.text.numbers import format_percent, spell_span

Unit = Literal["count", "seconds", "share"]
FIGURES = (
    Column("what", say("What"), "text"),
    Column("name", say("Name"), "text"),
    Column("unit", say("Unit"), "text"),
    Column("now", say("This period"), "figure"),
    Column("before", say("Period before"), "figure"),
    Column("change", say("Change"), "figure"),
)
HARMS = (
    Column("what", say("What"), "text"),
    Column("name", say("Name"), "text"),
    Column("messages", say("Messages")),
    Column("of", say("Of")),
    Column("share", say("Share"), "share"),
    Column("before", say("Period before")),
)
LABELS = {
    "held": say("Held"),
    "released": say("Released"),
    "removed": say("Removed"),
    "median_wait": say("Median wait"),
    "p90_wait": say("90th percentile wait"),
    "within_target": say("Decided within target"),
    "oldest": say("Oldest in the queue now"),
    "campaigns": say("Campaigns stopped"),
    "saved": say("Time saved"),
}
UNITS: dict[str, Unit] = {"median_wait": "seconds", "p90_wait": "seconds", "within_target": "share", "saved": "seconds"}
HARM_LABELS = {
    "long_wait": say("Wanted messages that waited more than 30 minutes"),
    "expired_codes": say("Codes and links that expired before release"),
    "reported": say("Released and later reported"),
    "undecided": say("Delivered without a decision and later reported"),
    "restored": say("Removed and later restored"),
    "wrongly_held": say("Wanted messages that looked suspicious or dangerous"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """Figure of this period and of the period before; None where it is unknown or is shown for no period."""

    name: str  # of LABELS
    unit: Unit
    now: float | None
    before: float | None = None

    @property
    def change(self) -> float | None:
        """Difference between this period and the one before."""
        return None if self.now is None or self.before is None else self.now - self.before


def report_headlines(figures: Sequence[Figure], period: Period, before: Period | None) -> Report:
    """Builds the report with the headline figures. `before`: the period that they are compared with; None: its records are erased."""
    rows = tuple((LABELS[one.name], one.name, one.unit, one.now, one.before, one.change) for one in figures)
    return Report(
        "headlines",
        say("Headline figures"),
        period,
        tuple(describe_headline({one.name: one for one in figures}, before)),
        say(
            "The period before has the same length and the same weekdays. Wanted messages wait from their arrival until their release. "
            "The target is that of their person or department, in working time; without targets the share is empty."
        ),
        (Table("figures", say("Headline figures"), FIGURES, rows),),
    )


def describe_headline(figures: dict[str, Figure], before: Period | None) -> Iterable[str]:
    """Sentences about the headline figures."""
    held, released, removed, median = (figures[name].now for name in ("held", "released", "removed", "median_wait"))
    said = say_count("{count} message was held.", "{count} messages were held.", count=int(held or 0))
    yield said
    if median is None:
        yield say("Staff released {released} and removed {removed}.", released=int(released or 0), removed=int(removed or 0))
    else:
        yield say(
            "Staff released {released}, half of the wanted ones within {median}, and removed {removed}.",
            released=int(released or 0),
            median=spell_span(median),
            removed=int(removed or 0),
        )
    if before is None:
        yield say("There is no period to compare with: its records are already erased.")
    else:
        days = [format_day(moment.astimezone(before.zone)) for moment in (before.since, before.until - timedelta(seconds=1))]
        yield say("Compared with {since} to {until}.", since=days[0], until=days[1])


def report_harm(found: dict[str, Harm], before: dict[str, Harm], period: Period) -> Report:
    """Builds the report on harm. `before`: of the period before, empty where its records are erased."""
    rows = tuple(harm_cells(name, harm, before.get(name)) for name, harm in found.items())
    waits = found["long_wait"]
    sentence = (
        say(
            "{count} of {wanted} wanted messages waited more than 30 minutes ({share}).",
            count=waits.count or 0,
            wanted=waits.of,
            share=format_percent(waits.count or 0, waits.of),
        )
        if waits.of
        else say("No wanted message was held.")
    )
    return Report(
        "harm",
        say("Harm"),
        period,
        (sentence,),
        say(
            "Wanted messages were released and not undone, or answered by the recipient. A code counts when it ended while the message was "
            "held, unless staff removed the message. A reported message counts unless a reviewer called it harmless. An undone removal "
            "counts as restored. Mistakes of staff are not shown where fewer people decided than the settings ask for."
        ),
        (Table("harm", say("Harm"), HARMS, rows, Plot("bars", ("messages",))),),
    )


def harm_cells(name: str, found: Harm, before: Harm | None) -> tuple[Cell, ...]:
    """The cells of one harm."""
    share = found.count / found.of if found.count is not None and found.of else None
    return HARM_LABELS[name], name, found.count, found.of, share, before.count if before else None
