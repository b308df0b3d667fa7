"""Parsing of search queries, term by term."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from triage.errors import BadInput
from triage.quarantine.search import search_query
from triage.quarantine.search.search_query import Term


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  Invoice  Dell ", (Term("", "invoice"), Term("", "dell"))),
        ("from:dhl To:Finance has:attachment", (Term("from", "dhl"), Term("to", "finance"), Term("has", "attachment"))),
        ('"two words" from:"Anna Roth"', (Term("", "two words"), Term("from", "anna roth"))),
        ("-from:dhl -spam", (Term("from", "dhl", wanted=False), Term("", "spam", wanted=False))),
        ("from: x", (Term("", "from:"), Term("", "x"))),  # nothing is typed yet: never everything
        ("re:invoice http://x.example -", (Term("", "re:invoice"), Term("", "http://x.example"), Term("", "-"))),
        ('"open', (Term("", '"open'),)),
        ("queue-id:0ABC message-id:<A@b>", (Term("queue-id", "0abc"), Term("message-id", "<a@b>"))),
        ("0ANBPKHPGKT0S", (Term("id", "0anbpkhpgkt0s"),)),
        ('"0ANBPKHPGKT0S" 0049301234567', (Term("", "0anbpkhpgkt0s"), Term("", "0049301234567"))),
    ],
)
def test_terms(text: str, terms: tuple[Term, ...]) -> None:
    assert search_query.parse_terms(text) == terms


@given(st.text(max_size=60))
def test_nothing_that_is_typed_means_everything(text: str) -> None:
    try:
        found = search_query.parse_terms(text)
    except BadInput:
        return
    assert bool(found) == bool(text.split())
    assert all(one.value and one.value == one.value.casefold() for one in found)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("form:dhl", "from"), ("sender:dhl", "from"), ("-subjet:x", "subject"), ("filename:a.pdf", "file"), ("Replyto:x", "reply-to")],
)
def test_a_mistyped_field_is_told_and_no_word(text: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f", but {meant}:; put"):
        search_query.refuse_unknown_fields(text)
    search_query.refuse_unknown_fields(f'"{text}"')


@pytest.mark.parametrize("text", ["body:lawyers", "-cc:ana", "size:100", "Priority:high"])
def test_any_other_field_is_refused_with_all_that_there_are(text: str) -> None:
    with pytest.raises(BadInput, match=r"there is no field [a-z]+:, only from:, to:, .*, claimed:; put"):
        search_query.refuse_unknown_fields(f"from:dhl {text}")
    search_query.refuse_unknown_fields(f'"{text}"')


def test_in_a_stored_search_an_unknown_field_is_a_word() -> None:
    assert search_query.parse_terms("az:4711 -form:dhl") == (Term("", "az:4711"), Term("", "form:dhl", wanted=False))


@pytest.mark.parametrize("text", ["re:offer", "fwd:from", "http://from", "mailto:a@b", "12:30", "urn:isbn:1", "date://x", "from:"])
def test_what_only_looks_like_a_field_is_a_word(text: str) -> None:
    search_query.refuse_unknown_fields(text)
    assert search_query.parse_terms(text) == (Term("", text),)


def test_a_day_is_a_day() -> None:
    assert search_query.parse_day(Term("before", "2026-11-24")) == datetime(2026, 11, 24, tzinfo=UTC)
    with pytest.raises(BadInput, match="before: takes a day like"):
        search_query.parse_day(Term("before", "yesterday"))


def test_too_much_is_said() -> None:
    with pytest.raises(BadInput, match="at most 20 words, and this one has 10,000"):
        search_query.parse_terms("body:x " * 10_000)
