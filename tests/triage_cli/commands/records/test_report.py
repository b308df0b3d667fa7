"""`mailroom report`: sentences and tables, a page that loads nothing, JSON, CSV in safe cells."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from tests.triage_cli.conftest import Arrives, Shell
from triage.reports import period_reports, report_values
from triage.reports.report_values import Column, Period, Plot, Report, Table
from triage_cli.commands.records import report as records_report
from triage_cli.output import report_html, report_text

NASTY = '</svg><script src="https://bad.example/x.js">alert(1)</script><img src=x onerror=alert(1)>\x1b[31m'


@pytest.fixture
def busy(shell: Shell, arrives: Arrives) -> Shell:
    """Company with a released, a removed and a held message."""
    first, second, _ = (arrives(author=f"one{number}@far.example", at=datetime.now(UTC) - timedelta(hours=1)) for number in range(3))
    assert shell("release", first, "--reason", "wanted").code == 0
    assert shell("purge", second, "--reason", "not wanted").code == 0
    return shell


def test_everything_in_words(busy: Shell) -> None:
    said = busy("report").out
    assert "1 wanted message was held: too few to show waiting times." in said
    assert "3 messages were held. Staff released 1 and removed 1." in said
    assert re.search(r"the first message from this sender +first-contact +3 +100 %", said)
    assert "2 rows were decided by 0 people, 2 of them by programs." in said


def test_those_that_are_named_in_that_order(busy: Shell) -> None:
    found = json.loads(busy("report", "rules", "waiting", "--json").out)
    assert [one["name"] for one in found] == ["rules", "waiting"]
    assert [one["name"] for one in json.loads(busy("report", "--json").out)] == list(records_report.NAMES) == list(period_reports.REPORTS)
    unknown = busy("report", "weather")
    assert (unknown.code, "'weather' is not one of" in unknown.err) == (2, True)


def test_one_table_as_csv(busy: Shell) -> None:
    rows = list(csv.DictReader(io.StringIO(busy("report", "rules", "--csv", "--table", "held").out)))
    assert [(row["name"], row["messages"], row["share"]) for row in rows] == [("first-contact", "3", "1.0")]
    assert "name one report" in busy("report", "--csv").err
    missing = busy("report", "rules", "--csv", "--table", "weather")
    assert (missing.code, "it has passed, held, purged" in missing.err) == (1, True)


def test_the_time_that_is_asked_about(busy: Shell) -> None:
    assert "No message arrived." in busy("report", "rules", "--until", "2026-01-01").out
    assert busy("report", "--since", "2020-01-01").code == 2
    assert busy("report", "--since", "yesterday").code == 2


class Seen(HTMLParser):
    """Parts of a page that could load or run something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def report(*rows: tuple[str, float | None, float | None], kind: str = "bars") -> Report:
    """A report of one table, with names from mail in it."""
    columns = (Column("who", NASTY, "text"), Column("one", "One", "seconds"), Column("two", "Two", "share"))
    period = Period(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC), "Europe/Berlin")
    table = Table("table", NASTY, columns, rows, Plot(kind, ("one", "two")))
    return Report("waiting", NASTY, period, (NASTY,), NASTY, (table,))


def test_the_page_loads_nothing_and_names_its_plots(busy: Shell) -> None:
    page = busy("report", "--format", "html").out
    seen = Seen(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "use", "image", "base", "form"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name in ("src", "href", "xlink:href", "srcset", "action") or name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", page)
    assert seen.tags.count("svg") == sum(name == "role" for name, _ in seen.attributes) > 5
    assert seen.tags.count("svg") == seen.tags.count("details")  # each has a table


@pytest.mark.parametrize("kind", ["bars", "lines"])
@pytest.mark.parametrize("rows", [[], [(NASTY, 1.0, None)], [(NASTY, 0, 0), ("b", 7200, 0.5), (f"{NASTY}c", None, None)]])
def test_nothing_from_outside_becomes_a_part_of_the_page(kind: str, rows: list[tuple[str, float | None, float | None]]) -> None:
    made = report(*rows, kind=kind)
    page = report_html.write_page([made])
    assert not {"script", "img"} & set(Seen(page).tags)
    assert "\x1b" not in page


def test_what_was_written_as_json_is_read_back() -> None:
    made = report(("a", 1.5, None), ("b", None, 0.25))
    assert report_values.from_json(json.loads(json.dumps(report_values.as_json(made), default=datetime.isoformat))) == made


def test_a_terminal_gets_what_there_is_to_say() -> None:
    made = report(("a", 90.0, 0.25), ("nothing", None, 0))
    assert list(report_text.table_lines(made.tables[0]))[-1].split() == ["a", "1.5", "minutes", "25", "%"]


def test_the_page_in_another_language(busy: Shell) -> None:
    page = busy("report", "--format", "html", "--language", "de").out
    assert '<html lang="de">' in page
    words = re.sub(r"<style>.*?</style>|<[^>]*>", "\n", page, flags=re.DOTALL)
    assert "Wartezeit erwünschter Nachrichten" in words
    assert [line for line in words.splitlines() if re.search(r"\b(?:the|of|and|for|by|not|is|are|were|to|which)\b", line)] == []


def test_a_subject_that_equals_a_sentence_of_ours_stays_as_it_is() -> None:
    page = report_html.write_page([report(("Rules", 90.0, 0.25))], "de")
    assert "<td>Rules</td>" in page
    assert "1,5 Minuten" in page
