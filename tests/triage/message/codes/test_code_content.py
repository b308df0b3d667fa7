"""Texts of QR codes as phones take them: which of them open a web page, and where."""

import pytest
from hypothesis import given, settings, strategies as st

from tests.effort import examples
from triage.message.codes.code_content import opened_address
from triage.message.mime.links import link_destination

GIROCODE = "BCD\n002\n1\nSCT\nBFSWDE33BER\nHarbour Museum\nDE02100500000054540402\nEUR24.50\n\n\nTicket 4711 www.harbour.example\n"
SWISS_BILL = "SPC\n0200\n1\nCH4431999123000889012\nS\nHarbour AG\nQuai\n1\n8001\nZurich\nCH\n\n\n199.95\nCHF\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://login.evil.example/a?u=ida", "https://login.evil.example/a?u=ida"),
        ("HTTPS://EVIL.EXAMPLE/A", "HTTPS://EVIL.EXAMPLE/A"),
        ("  http://evil.example\n", "http://evil.example"),
        ("https:\\\\evil.example/a", "https:\\\\evil.example/a"),
        ("www.evil.example/a", "www.evil.example/a"),
        ("evil.com/a", "http://evil.com/a"),
        ("MEBKM:TITLE:Sign in;URL:https\\://evil.example/a;;", "https://evil.example/a"),
        ("URLTO:https://evil.example/a", "https://evil.example/a"),
        (GIROCODE, ""),
        (SWISS_BILL, ""),
        ("TICKET.4711-0815", ""),
        ("4711.0815", ""),
        ("WIFI:S:Guests;T:WPA;P:www.guests.example;;", ""),
        ("BEGIN:VCARD\nFN:Ann Lee\nURL:https://sender.example\nEND:VCARD", ""),
        ("otpauth://totp/Company:ida?secret=AAAA", ""),
        ("mailto:ann@sender.example", ""),
        ("ann@sender.com", ""),
        ("tel:+44123", ""),
        ("invoice.pdfx", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_which_web_page_a_text_opens(text: str, address: str) -> None:
    assert opened_address(text) == address


@given(st.one_of(st.text(max_size=60), st.from_regex(r"(MEBKM:|URLTO:|https?:|www\.)?[a-z.;:\\/@ ]{0,40}")))
@settings(max_examples=examples(40))
def test_whatever_opens_a_page_has_a_host(text: str) -> None:
    address = opened_address(text)
    assert not address or link_destination(address).host
