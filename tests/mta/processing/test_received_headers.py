"""Transaction of a stored message, recovered from its trace fields."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from mta.processing.received_headers import addressed_to, as_received, envelope_of, from_outside

STORED = datetime(2026, 11, 20, tzinfo=UTC)
NEWER = b"Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0100\r\n"
JOE = "joe.fern@company.example"


@pytest.mark.parametrize(
    ("header", "stored_at", "arrived"),
    [
        (NEWER + b"Received: x; Mon, 23 Nov 2026 10:00:00 +0000\r\n", STORED, "2026-11-24T09:00"),
        (b"Received: from a by b; no date\r\n", STORED, "2026-11-20T00:00"),
        (b"Received: from a by b; 24 Nov 1066 10:00:00 +0000\r\n", STORED, "2026-11-20T00:00"),
        (b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n", STORED, "2026-11-20T00:00"),
        (b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n", None, "2026-11-24T10:00"),
        (b"Date: Tue, 24 Nov 2026 10:00:00 -0000\r\n", None, "2026-11-24T10:00"),
        (b"Received: from a by b; Tue, 24 Nov 2026 10:00:00\r\n", STORED, "2026-11-20T00:00"),
    ],
)  # fmt: skip
def test_when_it_came(header: bytes, stored_at: datetime | None, arrived: str) -> None:
    assert envelope_of(header + b"\r\n", JOE, stored_at).received_at.astimezone(UTC).isoformat().startswith(arrived)


def test_the_same_mail_for_the_same_address_has_the_same_id() -> None:
    ids = {
        envelope_of(raw, to, STORED).spool_id for raw in (b"From: a\r\n", b"From: b\r\n") for to in (JOE, "x@company.example") for _ in "ab"
    }
    assert len(ids) == 4
    assert all(0 < one < 1 << 63 for one in ids)


@pytest.mark.parametrize(
    ("header", "path"),
    [(b"Return-Path: <a@x.example>\r\n", "a@x.example"), (b"Return-Path: <>\r\n", ""), (b"", ""), (b"Return-Path: nonsense\r\n", "")],
)
def test_the_reverse_path(header: bytes, path: str) -> None:
    assert envelope_of(header + b"From: b@x.example\r\n\r\n", JOE, STORED).reverse_path == path


@pytest.mark.parametrize(
    ("received", "outside"),
    [
        (b"from mail.x.example ([203.0.113.9])", True),
        (b"from mail.x.example (x [IPv6:2001:db8::1])", True),
        (b"from printer ([10.1.2.3])", False),
        (b"from printer ([IPv6:fd00::1])", False),
        (b"from localhost ([127.0.0.1])", False),
        (b"by mx (unix socket)", False),
        (b"from x ([999.1.1.1])", False),
    ],
)
def test_whether_it_came_from_outside(received: bytes, outside: bool) -> None:
    raw = b"Received: by mx; now\r\nReceived: " + received + b"; now\r\nFrom: a\r\n\r\n"
    assert from_outside(raw) is outside


def test_whom_it_was_for_is_told_only_on_top_of_the_trace() -> None:
    raw = b"Delivered-To: box@x\r\nX-Original-To: <jobs@x>\r\nReceived: by mx; now\r\nX-Original-To: postmaster@x\r\n\r\n"
    assert addressed_to(raw) == ("jobs@x", "box@x")


@given(st.binary(max_size=400))
def test_anything_that_lies_there_is_read(raw: bytes) -> None:
    received = as_received(raw)
    assert b"\n" not in received.replace(b"\r\n", b"")
    envelope_of(received, JOE, None)
    from_outside(received)
    addressed_to(received)
