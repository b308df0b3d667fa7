"""The way of a message as its Received fields state it: who to whom, when, and how long it took."""

from dataclasses import replace
from datetime import UTC, datetime
from time import process_time

import pytest

from tests.triage.arriving import envelope
from triage.message.mime.mime_parts import HEAD_LIMIT
from triage.message.received_hops import MOST_HOPS, parse_received, trace_route

NOON = datetime(2026, 12, 1, 12, 0, 30, tzinfo=UTC)
ARRIVED = replace(envelope(at=NOON), client="192.0.2.5", helo="out.supplier.example")


def received(server: str, when: str, sender: str = "desk.example ([198.51.100.23])") -> str:
    """Writes a Received field, folded."""
    return f"Received: from {sender}\r\n\tby {server} (Postfix) with ESMTPS id 4711\r\n\tfor <joe@company.example>; {when}\r\n"


def head(*fields: str) -> bytes:
    """A header block; `fields` with the newest first, as servers write them."""
    return "".join([*fields, "Subject: received: by nobody; at no time\r\n"]).encode()


def test_hops_come_oldest_first_and_the_last_is_our_own_record() -> None:
    newest = received("out.supplier.example", "Tue, 1 Dec 2026 13:00:25 +0100 (CET)", "mail.supplier.example (mail [203.0.113.9])")
    oldest = received("mail.supplier.example", "Tue, 1 Dec 2026 11:58:20 +0000")
    found = trace_route(head(newest, oldest), ARRIVED)
    assert [(one.sent_by, one.address, one.received_by, one.protocol, one.delay, one.ours) for one in found.hops] == [
        ("desk.example", "198.51.100.23", "mail.supplier.example", "ESMTPS", None, False),
        ("mail.supplier.example", "203.0.113.9", "out.supplier.example", "ESMTPS", 125, False),
        ("out.supplier.example", "192.0.2.5", "", "ESMTP", 5, True),
    ]
    assert found.left_out == 0


@pytest.mark.parametrize(
    ("when", "delays"),
    [
        ("Tue, 1 Dec 2026 11:59:00 -0000", [None, 90]),  # UTC, though nobody says where the clock stood
        ("Tue, 1 Dec 2026 11:59:00", [None, None]),
        ("yesterday", [None, None]),
        ("Tue, 1 Dec 2026 99:59:00 +0000", [None, None]),
        ("Tue, 1 Dec 1926 11:59:00 +0000", [None, None]),
        ("Tue, 1 Dec 2026 12:30:30 +0000", [None, -1800]),  # a clock that is ahead
    ],
)
def test_a_clock_that_says_nothing_counts_as_unknown(when: str, delays: list[int | None]) -> None:
    hops = trace_route(head(received("a.example", when)), ARRIVED).hops
    assert [one.delay for one in hops] == delays
    assert (hops[0].at is None) == (delays[1] is None)


def test_a_delay_is_counted_from_the_last_clock_that_is_known() -> None:
    fields = [received("b.example", "no time"), received("a.example", "Tue, 1 Dec 2026 12:00:00 +0000")]
    assert [one.delay for one in trace_route(head(*fields), ARRIVED).hops] == [None, None, 30]


@pytest.mark.parametrize("field", [b"", b" ;;;", b"\xff\xfe from", b" from ( by ( with", b" from\x1b[31m by \xe2\x80\xae"])
def test_a_field_that_says_nothing_is_a_hop_of_nobody(field: bytes) -> None:
    found = parse_received(field)
    assert found.at is None
    assert "\x1b" not in f"{found.sent_by}{found.received_by}"
    assert "\u202e" not in found.received_by


def test_what_an_edge_took_is_the_edges_hop() -> None:
    hops = trace_route(b"", replace(ARRIVED, edge="10.0.0.2", edge_helo="edge.example")).hops
    assert [(one.sent_by, one.address, one.ours) for one in hops] == [("edge.example", "10.0.0.2", True)]


def test_a_million_hops_are_counted_up_to_a_limit() -> None:
    field = received("a.example", "Tue, 1 Dec 2026 12:00:00 +0000").encode()
    started = process_time()
    found = trace_route(field * 1_000_000, ARRIVED)
    folded = trace_route(b"Received: by a.example\r\n" + b"\tx\r\n" * 1_000_000, ARRIVED)
    assert len(found.hops) == MOST_HOPS + 1
    assert found.left_out == HEAD_LIMIT // len(field) + 1 - MOST_HOPS
    assert len(folded.hops) == 2
    assert process_time() - started < 20
