"""Details behind the delimiter: whose they may be, how they were spelled, and where they stay behind."""

import pytest
from hypothesis import given, strategies as st

from triage.addressing.envelope import Address
from triage.addressing.subaddress import DELIMITERS, base_addresses, detail_of, with_detail


@pytest.mark.parametrize(
    ("address", "delimiter", "expected"),
    [
        ("anna@c.example", "+", []),
        ("anna+shop@c.example", "+", ["anna@c.example"]),
        ("it+anna+shop@c.example", "+", ["it+anna@c.example", "it@c.example"]),
        ("anna++x@c.example", "+", ["anna+@c.example", "anna@c.example"]),
        ("anna+@c.example", "+", []),
        ("+anna@c.example", "+", []),
        ("anna-shop@c.example", "+", []),
        ("anna-shop@c.example", "-", ["anna@c.example"]),
        ("anna+x%elsewhere.example@c.example", "+", []),
        ("anna-elsewhere.example!x@c.example", "-", []),
        ("a%b+shop@c.example", "+", ["a%b@c.example"]),
        ("anna+x%elsewhere.example+shop@c.example", "+", ["anna+x%elsewhere.example@c.example"]),
    ],
)
def test_bases(address: str, delimiter: str, expected: list[str]) -> None:
    assert [str(base) for base in base_addresses(Address.parse(address), delimiter)] == expected


@pytest.mark.parametrize(
    ("spelled", "base", "detail"),
    [
        ("Anna+Shop@c.example", "anna@c.example", "Shop"),
        (" anna+Shop+2026@C.example", "anna@c.example", "Shop+2026"),
        ("IT+Anna+Shop@c.example", "it+anna@c.example", "Shop"),
        ("Straße+Ä@c.example", "strasse@c.example", "Ä"),
    ],
)
def test_a_detail_is_as_it_was_spelled(spelled: str, base: str, detail: str) -> None:
    assert detail_of(spelled, Address.parse(base), "+") == detail


@given(st.text("abÄ.", min_size=1, max_size=6), st.text("abÄ+-=_", min_size=1, max_size=6), st.sampled_from(DELIMITERS))
def test_what_was_joined_is_taken_apart_again(local: str, detail: str, delimiter: str) -> None:
    text = with_detail(f"{local}@c.example", detail, delimiter)
    try:
        base, address = Address.parse(f"{local}@c.example"), Address.parse(text)
    except ValueError:
        return
    assert base in base_addresses(address, delimiter)
    assert detail_of(text, base, delimiter) == detail


def test_a_detail_that_would_make_the_local_part_too_long_stays_behind() -> None:
    assert with_detail("anna@c.example", "x" * 59, "+") == f"anna+{'x' * 59}@c.example"
    assert with_detail("anna@c.example", "x" * 60, "+") == "anna@c.example"
    assert with_detail("anna@c.example", "", "+") == "anna@c.example"
