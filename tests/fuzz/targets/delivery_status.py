"""Delivery reports: read within their limits and harmless, whatever the bytes."""

from triage.message.mime.delivery_status import LENGTH_LIMIT, RECIPIENT_LIMIT, read_delivery_status
from triage.text.sanitize import HARMFUL

SEEDS = [
    b"",
    b"Reporting-MTA: dns; x\r\n\r\n"
    b"Final-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no\r\n",
    b"Original-Recipient: utf-8; j\xc3\xb6rg@x.example\nAction: =?utf-8?q?failed?=\n\n \n\nFinal-Recipient:;;\n\tx\nAction:\x1b",
    b"Final-Recipient: a\nAction: " + b"\xdf" * 300,
]


def one_input(data: bytes) -> None:
    """Never raises; every value is one short harmless line."""
    found = read_delivery_status(data)
    assert len(found) <= RECIPIENT_LIMIT
    for one in found:
        for text in (one.recipient, one.action, one.status, one.diagnostic):
            assert len(text) <= LENGTH_LIMIT
            assert HARMFUL.search(text) is None
