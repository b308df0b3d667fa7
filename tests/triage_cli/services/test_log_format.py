"""Log lines as JSON: one object a line whatever is logged, with the same words and the things by name."""

import json
import logging
import unicodedata
from typing import Any

import pytest
from hypothesis import given, strategies as st

from triage.config.settings import Logs
from triage_cli.services.log_format import JsonLines, follow


def line(text: str, *args: Any, fault: BaseException | None = None) -> dict[str, Any]:
    """What a log call becomes."""
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
    assert line("expired %d held mails", 3)["event"] == "expired 3 held mails"


def test_a_fault_stays_on_its_line() -> None:
    assert "ValueError: a | b" in line("broke off", fault=ValueError("a\nb"))["fault"]


@given(st.text())
def test_nothing_from_mail_breaks_a_line_or_moves_a_cursor(text: str) -> None:
    found = line("refused %(reply)s", {"reply": text})
    assert not {unicodedata.category(one) for one in found["event"] + found["reply"]} & {"Cc", "Cf", "Zl", "Zp"}


@pytest.mark.parametrize(("level", "written"), [("info", True), ("warning", False)])
def test_the_level_is_the_settings(level: str, written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(root, "handlers", [])
    follow(Logs(level=level), "judge")
    assert logging.getLogger("mta.processing.processor").isEnabledFor(logging.INFO) == written
