"""Canonical forms: equal to dkimpy's for every input, and linear."""

import re

import pytest
from dkim.canonicalization import Relaxed, Simple  # type: ignore[import-untyped]
from hypothesis import example, given, strategies as st

from mail_auth import canonicalization, message
from mail_auth.message import Field

bodies = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"b.", b"  ", b"\r\n\r\n"]), max_size=40).map(b"".join)


@given(bodies)
@example(b"")
@example(b"\r\n")
@example(b" \r\n")
@example(b"\n\r\n")
@example(b"a\r\r\n\r\n")
def test_bodies_equal_dkimpys(body: bytes) -> None:
    assert canonicalization.relaxed_body(body) == Relaxed.canonicalize_body(body)
    assert canonicalization.simple_body(body) == Simple.canonicalize_body(body)


@given(st.binary(max_size=200))
def test_any_body_equals_dkimpys(body: bytes) -> None:
    assert canonicalization.relaxed_body(body) == Relaxed.canonicalize_body(body)
    assert canonicalization.simple_body(body) == Simple.canonicalize_body(body)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"A: X\r\n", b"a:X\r\n"),
        (b"B : Y\t\r\n\tZ  \r\n", b"b:Y Z\r\n"),
        (b"Subject:\r\n folded  twice\r\n  here\r\n", b"subject:folded twice here\r\n"),
        (b"Empty: \r\n", b"empty:\r\n"),
    ],
)
def test_relaxed_field(raw: bytes, wanted: bytes) -> None:  # RFC 6376, section 3.4.2 and its example
    assert canonicalization.relaxed_field(message.read_message(raw + b"\r\n").fields[0]) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b" a=1; b=abc=; c=2\r\n", b" a=1; b=; c=2\r\n"),
        (b" a=1; b=ab\r\n\t c=\r\n", b" a=1; b="),
        (b"b = x ;bh=keep=\r\n", b"b =;bh=keep=\r\n"),
        (b" a=1; bh=keep=\r\n", b" a=1; bh=keep=\r\n"),
        (b" no tags\r\n", b" no tags\r\n"),
    ],
)
def test_without_signature(value: bytes, wanted: bytes) -> None:
    field = canonicalization.without_signature(Field(b"dkim-signature", value, b"DKIM-Signature:" + value))
    assert (field.value, field.raw) == (wanted, b"DKIM-Signature:" + wanted)


@given(st.text(alphabet="abh=; \tx", max_size=40))
def test_without_signature_keeps_the_other_tags(text: str) -> None:
    value = text.encode()
    field = canonicalization.without_signature(Field(b"dkim-signature", value, b"DKIM-Signature:" + value))
    names = [part.partition(b"=")[0].strip() for part in value.split(b";")]
    assert [part.partition(b"=")[0].strip() for part in field.value.split(b";")] == names
    assert not any(re.match(rb"\s*b\s*=\s*\S", part) for part in field.value.split(b";"))
