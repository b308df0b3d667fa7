"""Delivery reports: what servers really write, and what nobody should."""

import pytest
from hypothesis import given, strategies as st

from triage.message.mime.delivery_status import (
    LENGTH_LIMIT,
    READ_LIMIT,
    RECIPIENT_LIMIT,
    Status,
    is_mail_system,
    is_mail_system_without_address,
    read_delivery_status,
)

POSTFIX = b"""\
Reporting-MTA: dns; inner.company.example
X-Postfix-Queue-ID: 4XyZ
Arrival-Date: Tue, 24 Nov 2026 09:30:00 +0000 (UTC)

Final-Recipient: rfc822; joe.fern@company.example
Original-Recipient: rfc822;joe.fern@company.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; store.company.example
Diagnostic-Code: smtp; 550 5.1.1 <joe.fern@company.example>
    User doesn't exist
"""

TABLE = [
    (POSTFIX, [Status("joe.fern@company.example", "failed", "5.1.1", "550 5.1.1 <joe.fern@company.example> User doesn't exist")]),
    (
        POSTFIX.replace(b"\n", b"\r\n"),
        [Status("joe.fern@company.example", "failed", "5.1.1", "550 5.1.1 <joe.fern@company.example> User doesn't exist")],
    ),
    (b"\n\nFinal-Recipient: a@x.example\nAction: Delayed (for now)\nStatus: 4.4.1\n", [Status("a@x.example", "delayed", "4.4.1", "")]),
    (b"Original-Recipient: utf-8; j\xc3\xb6rg@x.example\nACTION:FAILED\n", [Status("jörg@x.example", "failed", "", "")]),
    (
        b"Final-Recipient: rfc822;a@x\nAction: failed\n \t \nFinal-Recipient: rfc822;b@x\nAction: delivered\nStatus: 2.0.0\n",
        [Status("a@x", "failed", "", ""), Status("b@x", "delivered", "2.0.0", "")],
    ),
    (b"Final-Recipient: rfc822; a@x\nAction: failed\nDiagnostic-Code: X-Unix; \x1b[31mno\n", [Status("a@x", "failed", "", "\\x1b[31mno")]),
    (b"Final-Recipient: rfc822; a@x\n", []),
    (b"Final-Recipient: rfc822;\nOriginal-Recipient: rfc822; a@x\nAction: failed\n", [Status("a@x", "failed", "", "")]),
    (b"Final-Recipient: rfc822;\nAction: failed\n", []),
    (b"Action: failed\nStatus: 5.0.0\n", []),
    (b"", []),
    (b"hello\n\nworld", []),
]


@pytest.mark.parametrize(("data", "expected"), TABLE)
def test_reports(data: bytes, expected: list[Status]) -> None:
    assert list(read_delivery_status(data)) == expected


def test_a_huge_report_is_read_in_part() -> None:
    many = b"Final-Recipient: rfc822; a@x\nAction: failed\nDiagnostic-Code: smtp; " + b"5" * 5000 + b"\n\n"
    found = read_delivery_status(many * (READ_LIMIT // len(many) + RECIPIENT_LIMIT))
    assert 0 < len(found) <= RECIPIENT_LIMIT
    assert all(len(one.diagnostic) <= LENGTH_LIMIT for one in found)
    assert len(read_delivery_status(b"Final-Recipient: rfc822; a@x\nAction: failed\n\n" * 200)) == RECIPIENT_LIMIT
    (one,) = read_delivery_status(b"Final-Recipient: a@x\nAction: " + b"\xdf" * LENGTH_LIMIT)
    assert one.action == "s" * LENGTH_LIMIT, "two for each letter, of which there are twice too many then"


TO = [b"Final-Recipient: rfc822; a@x", b"Final-Recipient: rfc822;", b"Original-Recipient: utf-8; j\xc3\xb6rg@x", b"Final-Recipient:"]
DONE = [b"Action: failed", b"ACTION:Delayed (for now)", b"Action:", b"Action: \x1b[31m"]
MORE = [b"Status: 5.1.1", b"Diagnostic-Code: smtp; \x1b[31mno", b"\tfolded", b""]
GROUPS = st.tuples(st.sampled_from(TO), st.sampled_from(DONE), st.sampled_from(MORE) | st.binary(max_size=40)).flatmap(st.permutations)


@given(st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(GROUPS, max_size=4))
def test_anything_at_all_is_read(end: bytes, groups: list[list[bytes]]) -> None:
    for one in read_delivery_status(end.join(line for group in groups for line in (*group, b""))):
        assert one.action
        assert one.recipient
        assert all("\n" not in text and "\x1b" not in text for text in (one.recipient, one.action, one.status, one.diagnostic))


@pytest.mark.parametrize(
    ("author", "is_one"),
    [
        ("mailer-daemon@supplier.example", True),
        ("postmaster@supplier.example", True),
        ("microsoftexchange329e71ec88ae4615bbc36ab6ce41109e@supplier.example", True),
        ("sales@supplier.example", False),
        ("mailer-daemon.sales@supplier.example", False),
        ("sales@mailer-daemon.example", False),
        ("", False),
    ],
)
def test_who_reports(author: str, is_one: bool) -> None:
    assert is_mail_system(author) is is_one


@pytest.mark.parametrize(
    ("written", "is_one"),
    [
        ("MAILER-DAEMON (Mail Delivery System)", True),
        ("Mail Delivery System <>", True),
        ("Mail Delivery Subsystem <MAILER-DAEMON>", True),
        ('"Mail Delivery System" <MAILER-DAEMON@mail>', True),
        ("MAILER-DAEMON@[192.0.2.1]", True),
        ("=?utf-8?q?Mail_Delivery_System?= <>", True),
        ("postmaster", True),
        ("<>", True),
        ("", True),
        ("Boss <>", False),
        ("Boss <MAILER-DAEMON>", False),
        ("MAILER-DAEMON (The Boss)", False),
        ("Boss: MAILER-DAEMON;", False),
        ("Mail Delivery System <>, Boss", False),
        ("Mail Delivery System <sales@supplier.example>", False),
        ("mdaemon" + "@mdaemonmdaemon" * 32 + "@!", False),  # a place may stand for a name: every way to read it was tried
    ],
)
def test_who_reports_without_an_address(written: str, is_one: bool) -> None:
    assert is_mail_system_without_address(written) is is_one
