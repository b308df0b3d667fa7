"""Bounce addresses: what was made is known again, however servers fold it, and nothing else is."""

import pytest
from hypothesis import given, strategies as st

from triage.addressing import verp
from triage.addressing.envelope import Address
from triage.addressing.verp import Tag

KEY, OTHER = b"k" * 32, b"o" * 32
TAG = Tag(7, 1)
tags = st.builds(Tag, st.integers(1, (1 << 63) - 1), st.integers(1, 9999))


@given(tags)
def test_what_was_made_is_known_again(tag: Tag) -> None:
    made = verp.make_verp_address(tag, "company.example", KEY)
    for spelled in (made, made.upper()):
        address = Address.parse(spelled)
        assert verp.has_form(address)
        assert verp.read_verp_tag(address, KEY) == tag
        assert verp.read_verp_tag(address, OTHER) is None


@given(tags, tags)
def test_no_tag_goes_with_the_check_of_another(tag: Tag, other: Tag) -> None:
    check = verp.make_verp_address(other, "company.example", KEY).rpartition("-")[2]
    mixed = verp.make_verp_address(tag, "company.example", KEY).rpartition("-")[0] + "-" + check
    assert verp.read_verp_tag(Address.parse(mixed), KEY) == (tag if tag == other else None)


@pytest.mark.parametrize(
    "local",
    [
        "bounce",
        "bounce+",
        "bounce+anna",
        "bounce+0000000000007-1",
        "bounce+0000000000007-1-short",
        "bounce+0000000000007-12345-0123456789abcdef",
        "bounce+zzzzzzzzzzzzz-1-0123456789abcdef",
        "xbounce+0000000000007-1-0123456789abcdef",
        "bounce+0000000000007-1-0123456789abcdefg",
    ],
)
def test_what_was_never_made_stands_for_nothing(local: str) -> None:
    assert verp.read_verp_tag(Address.parse(f"{local}@company.example"), KEY) is None
