"""Sentences that remember their message id and parameters: in English, stored, and cleaned."""

import json
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from triage.errors import BadInput
from triage.say import (
    Said,
    as_sentence,
    clean_params,
    error_sentence,
    form_of,
    format_day,
    format_minute,
    format_span,
    join_parts,
    list_with_and,
    list_with_or,
    load_sentence,
    say,
    say_count,
)

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sentence", "english"),
    [
        (say("Released by {name}.", name="{name} Roth"), "Released by {name} Roth."),
        (say("{size} KiB", size=1024), "1,024 KiB"),
        (say("median {hours}", hours=2.0), "median 2"),
        (say_count("{count} message", "{count} messages", count=1), "1 message"),
        (say_count("{count} message", "{count} messages", count=0), "0 messages"),
        (join_parts("; ", [say("a"), "", say("b")]), "a; b"),
        (list_with_and(["a", "b", "c"]), "a, b and c"),
        (list_with_and(["a"]), "a"),
        (list_with_or(["a", "b"]), "a or b"),
        (format_day(AT), "24 Nov 2026"),
        (format_minute(AT, year=False), "24 Nov 09:30"),
        (format_span(timedelta(seconds=59.6)), "1 minute ago"),
        (format_span(timedelta(seconds=-3)), "0 seconds ago"),
        (format_span(timedelta(days=2, hours=4)), "2 days ago"),
    ],
)
def test_in_english(sentence: str, english: str) -> None:
    assert sentence == english


def test_an_error_carries_its_sentence() -> None:
    inner = ValueError(say("{text} is not an email address", text="x"))
    refusal = BadInput(say("look again: {fault}", fault=inner), field="to")
    assert str(refusal) == "to: look again: x is not an email address"
    assert isinstance(error_sentence(refusal), Said)
    assert refusal.sentence.params["fault"].params == {"text": "x"}  # type: ignore[attr-defined]


def test_stored_beside_its_text_it_is_the_same() -> None:
    sentence = join_parts(
        "; ", [say("Taken by {who} {when}", who=say("nobody"), when=format_span(timedelta(0))), format_day(AT), say("{n} left", n=3)]
    )
    again = load_sentence(str(sentence), json.loads(json.dumps(form_of(sentence))))
    assert again == sentence
    assert form_of(again) == form_of(sentence)
    assert load_sentence("old", None) == "old"
    assert form_of("old") is None


def test_it_goes_from_process_to_process() -> None:
    sentence = say("{n} left", n=3)
    assert form_of(pickle.loads(pickle.dumps(sentence))) == form_of(sentence)


def test_what_others_wrote_in_it_is_cleaned() -> None:
    sentence = clean_params(say("there is no {what}", what="\x1b[31m"), lambda text: text.replace("\x1b", "ESC"))
    assert sentence == "there is no ESC[31m"
    assert sentence.params == {"what": "ESC[31m"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("this needs a person", "This needs a person."),
        ("Is it so?", "Is it so?"),
        ("sales@supplier.example is not a known sender yet", "sales@supplier.example is not a known sender yet."),
        ("supplier.example fails DMARC", "supplier.example fails DMARC."),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_an_address_or_a_host_begins_it(words: str, sentence: str) -> None:
    assert as_sentence(words) == sentence
