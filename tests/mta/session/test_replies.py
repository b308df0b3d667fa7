"""Replies in the company's own words: one short line of ASCII, whatever the settings say."""

import pytest

from mta.session import replies


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("The person who had this address has left", "550 5.1.6 The person who had this address has left"),
        ("Ana Kovačić is à Paris", "550 5.1.6 Ana Kovacic is a Paris"),
        ("gone\r\n250 2.0.0 OK", r"550 5.1.6 gone\x0d\x0a250 2.0.0 OK"),
        ("a\x1b[31m b", r"550 5.1.6 a\x1b[31m b"),
        ("", "550 5.1.6 "),
        ("x" * 900, "550 5.1.6 " + "x" * 400),
    ],
)
def test_somebody_has_left(text: str, reply: str) -> None:
    assert replies.has_left(text) == reply
