"""Addresses: what is one, what is none, and that no routing trick gets through."""

import json

import pytest
from hypothesis import given, strategies as st

from tests.triage import arriving
from triage.addressing.envelope import Address, Envelope, ascii_domain, old_ascii_domain


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("it+russell.coker@company.example", "it+russell.coker@company.example"),
        (" Info@Company.Example ", "info@company.example"),
        ("o'neil@company.example", "o'neil@company.example"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
        ("a@company.example.", "a@company.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("JO\u0308RG@company.example", "jörg@company.example"),
        ("straße@company.example", "strasse@company.example"),
        ("\u212aim@company.example", "kim@company.example"),
    ],
)
def test_an_address(text: str, address: str) -> None:
    assert str(Address.parse(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@",
        "a@",
        "@b.example",
        "a@b@c.example",
        '"a@b"@company.example',
        "@relay.example,@other.example:user@company.example",
        "user@[192.0.2.1]",
        "user@company.example>",
        "user@company..example",
        "user@-company.example",
        ".user@company.example",
        "us..er@company.example",
        "us\x00er@company.example",
        "user@company.example\r\nRCPT TO:<x@y.example>",
        "us er@company.example",
        f"{'a' * 65}@company.example",
        f"a@{'b' * 64}.example",
        "a@book\u200bs.example",
        "a@book\u00ads.example",
        "a@\u0301x.example",
        "a@★.example",
        "a@.example",
        "a@company.example..",
        f"a@{'b.' * 130}example",
        f"a@{'б' * 64}.example",
        f"a@{'ﷺ' * 4}.example",  # 18 letters each
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        Address.parse(text)


@given(st.text(max_size=300))
def test_whatever_is_taken_for_an_address_is_folded_and_read_again_as_itself(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert Address.parse(str(address)) == address
    assert str(address).count("@") == 1
    assert not any(letter.isspace() or ord(letter) < 32 for letter in str(address))


@pytest.mark.parametrize(
    ("domain", "encoded"),
    [
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("bücher。example", "xn--bcher-kva.example"),
        ("ＢＯＯＫＳ.example", "books.example"),
        ("groß.example", "xn--gro-7ka.example"),
        ("gross.example", "gross.example"),
        ("οδος.example", "xn--pxavbm.example"),
        ("ΟΔΟΣ.example", "xn--pxavbq.example"),
    ],
)
def test_a_domain_is_ascii_afterwards(domain: str, encoded: str) -> None:
    """The A-labels are those of RFC 5891, as the package idna makes them."""
    assert ascii_domain(domain) == encoded
    assert ascii_domain(encoded) == encoded


FOREIGN = "".join(map(chr, range(0x4E00, 0x9000)))


@pytest.mark.parametrize(
    "domain", [f"{FOREIGN}.example", f"{FOREIGN * 10}.example", f"{FOREIGN[:200]}.example", "ﷺ" * 900, ".".join(FOREIGN)]
)
def test_what_is_longer_than_a_domain_is_none_at_once(domain: str) -> None:
    """Punycode takes time in the square of what it is given."""
    for read in (ascii_domain, old_ascii_domain):
        with pytest.raises(ValueError, match="domain"):
            read(domain)


@pytest.mark.parametrize("domain", [".".join([FOREIGN[:17]] * 15), "a" + "\u0301" * 400 + ".example", "a" + "\u0301" * 31 + ".example"])
def test_what_the_old_reading_refuses_at_once(domain: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        old_ascii_domain(domain)


@pytest.mark.parametrize(
    ("domain", "encoded"),
    [
        ("groß.example", "gross.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("bücher" + "\u00ad" * 1_000 + ".example", "xn--bcher-kva.example"),
    ],
)
def test_the_old_reading_of_a_domain(domain: str, encoded: str) -> None:
    assert old_ascii_domain(domain) == encoded


@given(st.text(max_size=40), st.booleans())
def test_an_envelope_goes_through_the_spool_unchanged(helo: str, smtputf8: bool) -> None:
    envelope = Envelope(7, arriving.NOW, "", ("a@b.example", "c@d.example"), "2001:db8::1", helo, "TLSv1.3", smtputf8=smtputf8)
    assert Envelope.from_json(json.loads(json.dumps(envelope.as_json()))) == envelope


def test_an_envelope_of_an_older_or_newer_version_can_be_read() -> None:
    values = arriving.envelope().as_json()
    older = {name: value for name, value in values.items() if not name.startswith(("edge", "client_", "proxy"))}
    assert Envelope.from_json(older) == Envelope.from_json(values | {"unheard_of": 1}) == Envelope.from_json(values)
