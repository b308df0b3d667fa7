"""Links in strangers' text, broken so that no program opens them."""

import re

import pytest
from hypothesis import given, strategies as st

from triage.text.defuse_links import dead_address, defuse_text

LINK = re.compile(r"(?i)https?://|(?:ftp|file|ms-word):/|(?<![a-z])(?:mailto|tel):\S|\\\\|\w[.\u3002\uff0e\uff61][^\W\d_]{2}")
WORDS = "http https :// : // \\ evil . example www mailto tel file x 。 1 hxxp"
PIECES = st.sampled_from([*WORDS.split(), " "])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Look at https://evil.example/x?y=1", "Look at hxxps://evil[.]example/x?y=1"),
        ("HTTP://Evil.Example", "hxxP://Evil[.]Example"),
        ("www.evil.example now", "www[.]evil[.]example now"),
        ("bücher.example", "bücher[.]example"),
        ("evil。example evil．example", "evil[.]example evil[.]example"),
        ("ftp://192.0.2.1/x", "ftp[:]//192.0.2.1/x"),
        (r"file:\\evil\share and \\192.0.2.1\x", r"file[:]\ \evil\share and \ \192.0.2.1\x"),
        ("mailto:x@evil.example tel:0900123", "mailto[:]x@evil[.]example tel[:]0900123"),
        ("ms-word:ofe|u|x", "ms-word[:]ofe|u|x"),
        ("Re: Invoice 3.50 of 12.11.2026, e.g. this; at 12:30", "Re: Invoice 3.50 of 12.11.2026, e.g. this; at 12:30"),
        ("Tel: 100. News: none", "Tel: 100. News: none"),
    ],
)
def test_links_are_broken_and_still_read(text: str, said: str) -> None:
    assert defuse_text(text) == said


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_no_link_is_left(text: str) -> None:
    assert not LINK.search(defuse_text(text))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("hotel.berlin+x@inn.example", "hotel.berlin+x@inn.example"),
        ("evil.example/login@other.example", "evil[.]example/login@other[.]example"),
        ('"https://evil.example"@other.example', '"hxxps://evil[.]example"@other[.]example'),
        ("", ""),
    ],
)
def test_an_address_is_only_an_address(address: str, said: str) -> None:
    assert dead_address(address) == said


def test_what_is_nearly_a_link_is_looked_through_once() -> None:
    """Matching again from each part would take an hour."""
    assert defuse_text("ms-" * 300_000) == "ms-" * 300_000
