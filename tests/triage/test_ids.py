"""Ids are ordered in time, fit a signed 64-bit column, and are written in one way only."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from triage import ids
from triage.times import utcnow


def test_each_id_is_larger_than_the_one_before() -> None:
    made = [ids.new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert 0 < made[0] < made[-1] < 1 << 63


@given(st.integers(0, (1 << 63) - 1), st.integers(0, (1 << 63) - 1))
def test_what_is_shown_is_read_back_and_keeps_the_order(one: int, other: int) -> None:
    assert ids.parse_id(ids.format_id(one)) == one
    assert (ids.format_id(one) < ids.format_id(other)) == (one < other)
    assert ids.parse_id(ids.format_id(one).lower()) == one


def test_an_id_tells_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "time", time)  # as it is outside of these tests
    assert abs(utcnow() - ids.made_at(ids.new_id())) < timedelta(minutes=1)
    at = datetime(2026, 11, 24, 9, 30, 0, 123_000, tzinfo=UTC)
    assert ids.made_at(ids.first_id_at(at)) == at
    assert ids.first_id_at(datetime(9000, 1, 1, tzinfo=UTC)) == 2**63 - 1


@pytest.mark.parametrize("text", ["", "7QK", "0" * 14, "O000000000000", "ZZZZZZZZZZZZZ", "000000000000\x00", "../../etc/pass"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an id"):
        ids.parse_id(text)


@given(st.integers(0, (1 << 63) - 1), st.dictionaries(st.text(max_size=3), st.integers()))
def test_a_sibling_is_another_id_of_the_same_millisecond(number: int, owner: dict[str, int]) -> None:
    found = ids.sibling_id(number, owner)
    assert found != number
    assert found >> ids.SEQUENCE_BITS == number >> ids.SEQUENCE_BITS
    assert ids.sibling_id(number, dict(reversed(owner.items()))) == found
