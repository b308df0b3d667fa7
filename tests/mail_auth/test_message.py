"""Splitting a message: every byte kept, and what is ambiguous has a fault."""

import pytest
from hypothesis import given, strategies as st

from mail_auth import message


def test_fields_and_body_are_the_bytes() -> None:
    raw = b"From: a@b.example\r\nX-Long: one\r\n two\r\nfrom : c@d.example\r\n\r\nbody\r\n\r\nmore"
    mail = message.read_message(raw)
    assert b"".join(field.raw for field in mail.fields) + b"\r\n" + mail.body == raw
    assert [field.value for field in mail.named(b"from")] == [b" a@b.example\r\n", b" c@d.example\r\n"]
    assert mail.fault == ""


@pytest.mark.parametrize(
    ("raw", "fields", "body"),
    [
        (b"", 0, b""),
        (b"\r\nbody", 0, b"body"),
        (b"A: b\r\n", 1, b""),
        (b"A: b", 1, b""),
        (b"A: b\r\n\r\n", 1, b""),
        (b"A: b\r\n\r\n\r\nx", 1, b"\r\nx"),
    ],
)
def test_edges(raw: bytes, fields: int, body: bytes) -> None:
    mail = message.read_message(raw)
    assert (len(mail.fields), mail.body, mail.fault) == (fields, body, "")


@pytest.mark.parametrize(
    "header",
    [
        b"From: a@b.example\nFrom: c@d.example\r\n",
        b"From: a@b.example\rFrom: c@d.example\r\n",
        b"From mbox line\r\nFrom: a@b.example\r\n",
        b" folded before any field\r\n",
        b"no colon here\r\n",
        b"na me: x\r\n",
        b"\x00: x\r\n",
        b"X: " + b"y" * message.LARGEST_HEADER + b"\r\n",
    ],
)
def test_ambiguous_headers_have_a_fault(header: bytes) -> None:
    assert message.read_message(header + b"Subject: x\r\n\r\nbody").fault


LINES = [b"From: a@b.example\r\n", b" folded\r\n", b"Subject: x\n", b"X:\r\n", b"X:\r", b"no colon\r\n", b"\r\n", b"\n", b"\0", b"text"]


@given(st.lists(st.sampled_from(LINES), max_size=8).map(b"".join) | st.binary(max_size=300))
def test_never_raises(raw: bytes) -> None:
    mail = message.read_message(raw)
    if not mail.fault:
        assert len(b"".join(field.raw for field in mail.fields) + mail.body) <= len(raw) + 2
