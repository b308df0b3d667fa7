"""Patterns with stars: what they fit, as the standard library says it too."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, strategies as st

from triage.policy.content_rules.patterns import longest_part, matches_pattern

LETTERS = st.text("ab.", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*@bounce.*", "x@bounce.mailer.example", True),
        ("*@bounce.*", "x@abounce.mailer.example", False),
        ("invoice*.js", "invoice-7.pdf.js", True),
        ("invoice*.js", "invoice.js.pdf", False),
        ("ab*ba", "aba", False),
        ("a[b", "a[b", True),
    ],
)
def test_what_fits(pattern: str, text: str, fits: bool) -> None:
    assert matches_pattern(pattern, text) is fits


@given(st.text("ab.*", max_size=8), LETTERS)
def test_it_says_what_the_standard_library_says(pattern: str, text: str) -> None:
    assert matches_pattern(pattern, text) == fnmatchcase(text, pattern)


@given(st.text("ab.*", max_size=8), LETTERS)
def test_what_fits_contains_the_longest_part(pattern: str, text: str) -> None:
    assert not matches_pattern(pattern, text) or longest_part(pattern) in text


def test_a_pattern_made_to_take_long_does_not() -> None:
    assert not matches_pattern("*a" * 8 + "*b", "a" * 200_000)
