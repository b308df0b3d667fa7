"""Cursors lead back to their place, and nothing else is one."""

import string
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from triage.errors import BadInput
from triage_api.schemas.pagination import cursor_of, id_of, next_cursor, place_of

INSTANTS = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(at=INSTANTS, number=st.integers(-(2**63), 2**63 - 1), text=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_cursor_is_a_place(at: datetime, number: int, text: str) -> None:
    cursor = cursor_of((at, number, text))
    assert cursor is not None
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")
    assert place_of(cursor, datetime, int, str) == (at, number, text)


@given(cursor=st.text(min_size=1) | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_anything_else_is_refused(cursor: str) -> None:
    if cursor:
        with pytest.raises(BadInput, match="cursor: "):
            place_of(cursor, datetime, int)


@pytest.mark.parametrize("place", [(2**63,), ("5",), (True,), (1.5,), (None,), (), (1, 2), ({"t": 1},), ([1],)], ids=str)
def test_a_cursor_of_another_list_is_refused(place: tuple[object, ...]) -> None:
    with pytest.raises(BadInput):
        place_of(cursor_of(place), int)


def test_the_last_page_has_no_cursor() -> None:
    assert cursor_of(None) is None
    assert place_of(None, int) is None
    assert place_of("", int) is None


def test_the_next_page_begins_behind_the_last_one_that_fits() -> None:
    found = [SimpleNamespace(id=number, name=f"list {number}") for number in (9, 7, 5)]
    assert [id_of(next_cursor(found, limit)) for limit in (1, 2, 3, 4)] == [9, 7, None, None]
    assert place_of(next_cursor(found, 2, lambda one: (one.name,)), str) == ("list 7",)
