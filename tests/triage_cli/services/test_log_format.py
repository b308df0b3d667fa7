"""Log lines as JSON: one object a line whatever is logged, with the same words and the things by name."""

import json
import logging
import os
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests import reference
from triage.config.settings import Logs
from triage_cli.services.log_format import OWN_KEYS, STANDARD_ERROR, VALUES, JsonLines, TextLines, follow_settings


def line(text: str, *args: Any, fault: BaseException | None = None) -> dict[str, Any]:
    """JSON line of a log call."""
    info = (type(fault), fault, None) if fault else None
    written = JsonLines("judge").format(logging.LogRecord("mta.processing.processor", logging.INFO, "", 0, text, args, info))
    assert "\n" not in written
    read: dict[str, Any] = json.loads(written)
    return read


def test_a_sentence_and_what_it_speaks_of() -> None:
    found = line("entered %(message)s after %(seconds)d s", {"message": "7QK", "seconds": 2})
    assert found.pop("time")
    assert found == {
        "level": "info",
        "role": "judge",
        "logger": "mta.processing.processor",
        "event": "entered 7QK after 2 s",
        "message": "7QK",
        "seconds": 2,
    }


def test_a_sentence_alone() -> None:
    assert line("expired %d held messages", 3)["event"] == "expired 3 held messages"


def test_a_fault_stays_on_its_line() -> None:
    assert "ValueError: a | b" in line("broke off", fault=ValueError("a\nb"))["fault"]


@pytest.fixture
def in_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is a stream of the journal, as systemd says it."""
    there = os.fstat(STANDARD_ERROR)
    monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")


def record(level: int = logging.INFO, fault: BaseException | None = None) -> logging.LogRecord:
    """A log call."""
    info = (type(fault), fault, fault.__traceback__) if fault else None
    return logging.LogRecord("mta.delivery.relay", level, "", 0, "next hop %(next_hop)s", ({"next_hop": "a\nb"},), info)


@pytest.mark.usefixtures("in_journal")
@pytest.mark.parametrize(("level", "priority"), [(logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.DEBUG, 7)])
def test_the_journal_gets_priorities_and_no_second_time(level: int, priority: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TextLines("relay").format(record(level)) == f"<{priority}>relay: next hop a\\x0ab"
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))  # a unit of its own tells the role
    assert TextLines("relay").format(record(level)) == f"<{priority}>next hop a\\x0ab"
    assert json.loads(JsonLines("relay").format(record(level)).removeprefix(f"<{priority}>"))["next_hop"] == "a\\x0ab"


@pytest.mark.usefixtures("in_journal")
def test_each_line_of_a_trace_has_its_priority() -> None:
    try:
        raise ValueError("broken")
    except ValueError as fault:
        lines = TextLines("relay").format(record(logging.ERROR, fault)).splitlines()
    assert len(lines) > 2
    assert all(line.startswith("<3>") for line in lines)


def test_elsewhere_a_line_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")  # of whoever started us; our standard error is something else
    assert re.fullmatch(r"\d{4}-\d\d-\d\d [\d:,]{12} relay WARNING next hop .*", TextLines("relay").format(record(logging.WARNING)))


def test_the_names_of_values_are_those_that_the_page_lists() -> None:
    named = {name for event in reference.all_events() for name in re.findall(r"‹(\w+)›", event.sentence)}
    assert named <= set(VALUES), named - set(VALUES)
    assert not set(VALUES) & set(OWN_KEYS)


@given(st.text())
def test_nothing_from_mail_breaks_a_line_or_moves_a_cursor(text: str) -> None:
    found = line("refused %(reply)s", {"reply": text})
    assert not {unicodedata.category(one) for one in found["event"] + found["reply"]} & {"Cc", "Cf", "Zl", "Zp"}


@pytest.mark.parametrize(("level", "written"), [("info", True), ("warning", False)])
def test_the_level_is_the_settings(level: str, written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(root, "handlers", [])
    follow_settings(Logs(level=level), "judge")
    assert logging.getLogger("mta.processing.processor").isEnabledFor(logging.INFO) == written
