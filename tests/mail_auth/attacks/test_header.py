"""Attacks on the header and body of a genuine, signed message: what is added, doubled or changed proves nothing, or is no proof of it."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from tests.mail_auth.attacks.attacking import GENUINE, found, taken_for_the_bank
from tests.mail_auth.signing import resigned
from triage.message.authentication import Authentication, Result

ALL = b"from:to:subject:date"
SIGNED = resigned(raw=GENUINE, names=ALL, domain=b"bank.example")
HOST = SIGNED.index(b"From:")


def replayed(
    above: bytes = b"", below: bytes = b"", raw: bytes = SIGNED, changes: Mapping[str, str] = MappingProxyType({})
) -> Authentication:
    """The message as the crook sends it on."""
    for old, new in changes.items():
        assert old.encode() in raw
        raw = raw.replace(old.encode(), new.encode())
    return found(above + raw + below)


@pytest.mark.parametrize(
    "above",
    [
        b"Subject: Pay at once\r\n",
        b"SUBJECT: Pay at once\r\n",
        b"subject : Pay at once\r\n",
        b"To: ceo@company.example\r\n",
        b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n",
        b"From: x@evil.example\r\n",
        b"From\t: x@evil.example\r\n",
    ],
)
def test_a_signed_field_doubled_on_top(above: bytes) -> None:
    assert not taken_for_the_bank(replayed(above))


@pytest.mark.parametrize("field", [b"Reply-To: x@evil.example\r\n", b"Cc: x@evil.example\r\n", b"Content-Type: text/html\r\n"])
def test_a_field_that_is_signed_as_absent_cannot_be_added(field: bytes) -> None:
    name = field.partition(b":")[0].lower()
    oversigned = resigned(raw=GENUINE, names=ALL + b":" + name, domain=b"bank.example")
    assert taken_for_the_bank(replayed(raw=oversigned))
    assert not taken_for_the_bank(replayed(field, raw=oversigned))


@pytest.mark.parametrize(
    "above",
    [
        b"Subject\r\n : Pay at once\r\n",  # a fold before the colon
        b"Subject\x00: Pay at once\r\n",
        b"Subj\xc3\xa9ct: x\r\n",
        b": no name\r\n",
        b"no colon\r\n",
        b" a fold of nothing\r\n",
        b">From: x\r\n",
        b"X: y\nSubject: Pay at once\r\n",
        b"X: y\rSubject: Pay at once\r\n",
    ],
)
def test_a_header_that_reads_in_two_ways_proves_nothing(above: bytes) -> None:
    result = replayed(above)
    names_a_field = above.startswith(b">From:")  # unusual, but a field to everybody
    assert taken_for_the_bank(result) == names_a_field
    if not names_a_field:
        assert all(one.result is Result.PERMERROR for one in result.dkim)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Subject: Your account", "Subject: Pay at once"),
        ("To: bob@", "To: ceo@"),
        ("The Bank", "The Other Bank"),
        ("info@bank", "chief@bank"),
        ("Hello.", "Pay."),
        ("\r\n\r\nHello", "\r\nX: y\r\n\r\nInserted.\r\nHello"),
    ],
)
def test_what_is_signed_cannot_be_changed(old: str, new: str) -> None:
    assert not taken_for_the_bank(replayed(changes={old: new}))


@pytest.mark.parametrize("appended", [b"x", b"Pay.\r\n", b"--\r\n<h1>Pay</h1>" * 700, b"\r\n\r\nmore\r\n"])
def test_nothing_can_be_appended(appended: bytes) -> None:
    result = replayed(below=appended)
    assert not taken_for_the_bank(result)
    assert result.dkim[0].result is Result.FAIL


def test_nothing_can_be_appended_behind_l_either() -> None:
    assert not taken_for_the_bank(replayed(below=b"<h1>Pay</h1>" * 900, raw=resigned(b"l=8;", raw=GENUINE, domain=b"bank.example")))


def test_what_a_sender_does_not_sign_can_be_changed_by_whoever_sends_it_on() -> None:
    """The forwarder signs the message, so the proof is theirs (RFC 6376, 8.15); see docs/explanation/sender-authentication.md. Signed
    fields hold."""
    little = resigned(raw=GENUINE, names=b"from:subject", domain=b"bank.example")
    assert taken_for_the_bank(replayed(raw=little, changes={"To: bob@": "To: ceo@"}))
    for old, new in (("info@bank", "chief@bank"), ("Your account", "Pay at once"), ("Hello.", "Pay.")):
        assert not taken_for_the_bank(replayed(raw=little, changes={old: new}))


def test_who_does_not_sign_the_subject_proves_nothing() -> None:
    result = replayed(raw=resigned(raw=GENUINE, names=b"from:to:date", domain=b"bank.example"), changes={"Your account": "Pay at once"})
    assert not taken_for_the_bank(result)
    assert (result.dkim[0].result, result.dkim[0].reason) == (Result.NEUTRAL, "it does not sign the Subject field")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("d=bank.example", "d=evil.example"),
        ("d=bank.example", "d=example"),
        ("s=s;", "s=t;"),
        ("h=from:", "h=x:"),
        ("h=from:to:subject:date", "h=from"),
        ("v=1;", "v=1; l=0;"),
        ("v=1;", "v=1; l=4;"),
        ("v=1;", "v=1; x=9999999999;"),
        ("v=1;", "v=1; i=@evil.example;"),
        ("c=relaxed/relaxed", "c=simple/simple"),
        ("a=rsa-sha256", "a=rsa-sha1"),
        ("a=rsa-sha256", "a=ed25519-sha256"),
    ],
)
def test_the_signature_field_is_signed_itself(old: str, new: str) -> None:
    assert not taken_for_the_bank(replayed(changes={old: new}))


def test_a_signature_of_the_bank_on_a_message_of_the_crook() -> None:
    field = SIGNED[:HOST]
    assert not taken_for_the_bank(found(field + GENUINE.replace(b"Hello.", b"Pay.")))
    assert found(field + GENUINE.replace(b"info@bank", b"x@evil"), client="203.0.113.66").dmarc.aligned == ("spf",)


FORGED = (
    b"Authentication-Results: mx.company.example; dmarc=pass header.from=bank.example\r\n"
    b"Received-SPF: pass\r\n"
    b"X-Mailroom-Verdict: allowed\r\n"
    b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=google.com; s=s; b=AA==\r\n"
    b"ARC-Message-Signature: i=1; a=rsa-sha256; d=google.com; s=s; h=from; bh=AA==; b=AA==\r\n"
    b"ARC-Authentication-Results: i=1; mx.google.com; dmarc=pass header.from=bank.example\r\n"
)


def test_what_the_crook_says_that_others_found_is_not_believed() -> None:
    result = found(FORGED + GENUINE)
    assert not taken_for_the_bank(result)
    assert (result.arc.result, result.arc.stated) == (Result.FAIL, ())
