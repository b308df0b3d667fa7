"""Instants go to microseconds and back without loss."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from triage import times


@given(st.datetimes(timezones=st.just(UTC)))
def test_there_and_back(instant: datetime) -> None:
    assert times.from_micros(times.to_micros(instant)) == instant


def test_naive_instants_are_a_mistake() -> None:
    with pytest.raises(TypeError):
        times.to_micros(datetime(2026, 11, 24))  # noqa: DTZ001


def test_now_is_aware() -> None:
    assert times.utcnow().utcoffset() is not None
