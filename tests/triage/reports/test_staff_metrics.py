"""From rows to the numbers of reports about those who decide: what may be told of people, and what is a row."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.reports.staff_metrics import Act, Disclosure, work_figures

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


def acts(*logins: str) -> list[Act]:
    """A row of each."""
    return [
        Act(NINE + timedelta(minutes=number), f"person:{one}", one.title(), "release", None, 2, 4000, 1, 0)
        for number, one in enumerate(logins)
    ]


@pytest.mark.parametrize(
    ("logins", "disclosure", "total", "persons"),
    [
        ("aabbc", Disclosure("totals", 3), True, []),
        ("aaabb", Disclosure("totals", 3), False, []),
        ("aaabb", Disclosure("totals", 2), True, []),
        ("aaabb", Disclosure("none", 3), False, []),
        ("aaaab", Disclosure("people", 3), True, ["A", "B"]),
        ("aaaab", Disclosure("people", 3, "person:b"), True, ["B"]),
        ("", Disclosure("totals", 0), False, []),
    ],
)
def test_totals_are_told_of_enough_people_and_people_where_it_is_wanted(
    logins: str, disclosure: Disclosure, total: bool, persons: list[str]
) -> None:
    found = work_figures(acts(*logins), disclosure)
    assert (found.total is not None, [one.shown for one in found.persons]) == (total, persons)
    assert (found.hours is None) == (not disclosure.has_totals(len(set(logins))))


def test_what_programs_decide_is_nobodys_pace() -> None:
    program = Act(NINE, "token:seed", "seed", "purge", None, None, None, 1, 0)
    found = work_figures([*acts(*"abc"), program], Disclosure())
    assert (found.rows, found.by_programs, found.people) == (4, 1, 3)
    assert found.total is not None
    assert found.total.rows == 3


def test_what_decided_no_held_mail_is_no_row() -> None:
    assert work_figures([Act(NINE, "person:ana", "Ana", verb, None, 1, 1, 0, 5) for verb in ("purge", "restore")], Disclosure()).rows == 0
