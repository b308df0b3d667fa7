"""The token that tells our own tenant of an edge from the strangers who share its machines."""

from dataclasses import replace

import pytest

from mta.processing.edge_token import MOST_HEADER, NAME, trusted_envelope
from tests.mta.delivery.test_trace_fields import ENVELOPE

FROM_EDGE = replace(ENVELOPE, edge="198.51.100.2", edge_helo="edge.company.example")
TOKEN = f"{NAME}: sesame\r\n".encode()
LONG = b"X-Filling: x\r\n" * (MOST_HEADER // 14 + 1)
END = b"From: ruth@stranger.example\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    ("raw", "client"),
    [
        (TOKEN + END, "192.0.2.7"),
        (END, "198.51.100.2"),
        (END + TOKEN, "198.51.100.2"),
        (TOKEN + LONG + END, "192.0.2.7"),
        (LONG + TOKEN + END, "198.51.100.2"),  # further down than is looked
        (TOKEN * 2 + LONG + END, "198.51.100.2"),
    ],
)
def test_whose_mail_it_is(raw: bytes, client: str) -> None:
    assert trusted_envelope(FROM_EDGE, raw, "sesame").client == client
