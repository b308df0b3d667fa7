"""Attacks with the From field: the crook's own domain passes everything, and some program would show the bank."""

import pytest
from hypothesis import given, strategies as st

from tests.mail_auth.attacks.attacking import BANK, BODY, GENUINE, found, from_the_crook, taken_for_the_bank
from tests.mail_auth.signing import resigned

EVIL, GOOD = b"x@evil.example", b"info@bank.example"
FROMS = {
    "two From fields, the bank first": b"From: info@bank.example\r\nFrom: x@evil.example\r\n",
    "two From fields, the bank last": b"From: x@evil.example\r\nFrom: info@bank.example\r\n",
    "two From fields, the same twice": b"From: info@bank.example\r\nFrom: info@bank.example\r\n",
    "another case": b"FROM: info@bank.example\r\nfrom: x@evil.example\r\n",
    "a space before the colon": b"From : info@bank.example\r\nFrom: x@evil.example\r\n",
    "a tab before the colon": b"From\t: info@bank.example\r\nFrom: x@evil.example\r\n",
    "a fold before the colon": b"From\r\n : info@bank.example\r\nFrom: x@evil.example\r\n",
    "NUL in the name": b"From\x00: info@bank.example\r\nFrom: x@evil.example\r\n",
    "NUL before the address": b"From: \x00info@bank.example\r\n",
    "NUL in the address": b"From: x@evil.example\x00@bank.example\r\n",
    "two authors": b"From: x@evil.example, info@bank.example\r\n",
    "two authors, angles": b"From: <x@evil.example>, <info@bank.example>\r\n",
    "no comma": b"From: <x@evil.example> <info@bank.example>\r\n",
    "semicolon": b"From: x@evil.example; info@bank.example\r\n",
    "group": b"From: info@bank.example: x@evil.example;\r\n",
    "group of two": b"From: Us: info@bank.example, x@evil.example;\r\n",
    "empty group before": b"From: a:;, info@bank.example\r\n",
    "an address as the name": b"From: info@bank.example <x@evil.example>\r\n",
    "an address in angles as the name": b"From: <info@bank.example> <x@evil.example>\r\n",
    "a comment with an address": b"From: x@evil.example (info@bank.example)\r\n",
    "a comment inside the address": b"From: info@(x@evil.example)bank.example\r\n",
    "an open comment": b"From: info@bank.example (x@evil.example\r\n",
    "a comment that closes twice": b"From: (a)) x@evil.example <info@bank.example>\r\n",
    "an encoded word": b"From: =?utf-8?q?info=40bank=2Eexample?= <x@evil.example>\r\n",
    "an encoded address": b"From: =?utf-8?q?info=40bank=2Eexample=00?=@evil.example\r\n",
    "an encoded address with an angle": b"From: =?utf-8?b?PGluZm9AYmFuay5leGFtcGxlPg==?= x@evil.example\r\n",
    "a route": b"From: <@evil.example:info@bank.example>\r\n",
    "a route of two": b"From: <@bank.example,@evil.example:x@evil.example>\r\n",
    "a quoted local part": b'From: "x@evil.example"@bank.example\r\n',
    "a quoted local part of the bank": b'From: "info@bank.example"@evil.example\r\n',
    "a quoted local part with an angle": b'From: "info@bank.example>"@evil.example\r\n',
    "an escaped at sign": b"From: x\\@evil.example@bank.example\r\n",
    "two at signs": b"From: x@evil.example@bank.example\r\n",
    "percent": b"From: x%bank.example@evil.example\r\n",
    "exclamation mark": b"From: bank.example!x@evil.example\r\n",
    "a last dot": b"From: info@bank.example.\r\n",
    "an invisible letter": "From: info@bank\u200b.example\r\n".encode(),
    "a soft hyphen": "From: info@ba\u00adnk.example\r\n".encode(),
    "a full-width dot": "From: info@bank\uff0eexample\r\n".encode(),
    "an ideographic full stop": "From: info@bank\u3002example\r\n".encode(),
    "a Cyrillic letter": "From: info@b\u0430nk.example\r\n".encode(),
    "right to left": "From: info@\u202eelpmaxe.knab\u202c\r\n".encode(),
    "8-bit rubbish": b"From: info@bank.example\xff\r\n",
    "a hyphen": b"From: info@bank.example-evil.net\r\n",
    "below the crook": b"From: info@bank.example.evil.example\r\n",
    "a literal": b"From: info@[203.0.113.66]\r\n",
    "folded between": b"From: info\r\n @bank.example\r\n",
    "folded inside": b"From: info@bank\r\n .example\r\n",
    "an empty From": b"From:\r\n",
    "only a name": b"From: The Bank\r\n",
    "no From": b"",
    "no From, a Sender": b"Sender: info@bank.example\r\n",
    "no From, a Resent-From": b"Resent-From: info@bank.example\r\n",
    "a Sender of the bank": b"From: x@evil.example\r\nSender: info@bank.example\r\n",
    "From after the header": b"X: y\r\n\r\nFrom: info@bank.example\r\n",
    "an mbox line": b"From info@bank.example Tue Nov 24 09:00:00 2026\r\nFrom: x@evil.example\r\n",
    "a bare LF": b"X: y\nFrom: info@bank.example\r\nFrom: x@evil.example\r\n",
    "a bare CR": b"X: y\rFrom: info@bank.example\r\nFrom: x@evil.example\r\n",
    "an empty line with a space": b"X: y\r\n \r\nFrom: info@bank.example\r\n",
    "a comma in a name": b"From: info@bank.example, The Bank <x@evil.example>\r\n",
    "a long local part": b"From: " + b"a" * 65 + b"@bank.example\r\n",
}


@pytest.mark.parametrize("name", list(FROMS))
def test_nobody_is_taken_for_the_bank(name: str) -> None:
    for domain in (b"evil.example", b"bank.example-evil.net"):
        result = from_the_crook(FROMS[name] + BODY, domain=domain)
        assert not taken_for_the_bank(result), result
        assert not result.proof or result.author.endswith(("evil.example", "bank.example-evil.net"))


@pytest.mark.parametrize("name", [name for name, fields in FROMS.items() if fields.lower().startswith((b"from:", b"from :", b"from\t:"))])
@pytest.mark.parametrize("at", ["above", "below"])
def test_the_banks_own_signature_carries_no_other_from(name: str, at: str) -> None:
    """Replay: a genuine, signed message of the bank with one of these fields put in."""
    signed = resigned(raw=GENUINE, domain=b"bank.example")
    end = signed.index(b"To: ")
    raw = FROMS[name] + signed if at == "above" else signed[:end] + FROMS[name] + signed[end:]
    result = found(raw)
    assert not taken_for_the_bank(result), result


def test_the_bank_itself_is_taken_for_the_bank() -> None:
    assert taken_for_the_bank(found(resigned(raw=GENUINE, domain=b"bank.example")))
    assert taken_for_the_bank(found(GENUINE, path="info@bank.example", client=BANK, helo="bank.example"))
    assert not taken_for_the_bank(found(GENUINE))
    assert from_the_crook(b"From: x@evil.example\r\n" + BODY).proof == "dmarc"  # the crook proves that he is himself, and no more


pieces = st.sampled_from(
    [EVIL, GOOD, b"<", b">", b",", b";", b":", b"(", b")", b'"', b"\\", b" ", b"\r\n ", b"\t", b"\x00", b"@", b".", b"=?utf-8?q?", b"?="]
)


@given(st.lists(pieces, max_size=12).map(b"".join))
def test_whatever_stands_in_from(value: bytes) -> None:
    assert not taken_for_the_bank(from_the_crook(b"From: " + value + b"\r\n" + BODY))
