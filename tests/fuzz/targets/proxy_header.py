"""The PROXY header: malformed or an address, and the same however much of it has come."""

import ipaddress

from mta.peer.proxy_protocol import SIGNATURE, V2_HEAD, Header, Malformed, read_proxy_header

SEEDS = (
    b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\nEHLO c\r\n",
    b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 25\r\n",
    b"PROXY UNKNOWN\r\n",
    b"PROXY TCP4 ::ffff:1.2.3.4 1.2.3.4 1 1\r\n",
    b"PROXY TCP4 " + b"1" * 120,
    V2_HEAD.pack(SIGNATURE, 0x21, 0x11, 12) + bytes([192, 0, 2, 1, 198, 51, 100, 1, 220, 4, 0, 25]) + b"EHLO",
    V2_HEAD.pack(SIGNATURE, 0x21, 0x21, 36) + bytes(36),
    V2_HEAD.pack(SIGNATURE, 0x20, 0x00, 0),
    V2_HEAD.pack(SIGNATURE, 0x21, 0x11, 4) + bytes(4),
    b"EHLO c\r\n",
)


def one_input(data: bytes) -> None:
    """Read it whole, and as it grows."""
    whole = outcome(data)
    if isinstance(whole, Header):
        assert 0 < whole.length <= len(data)
        assert not whole.client or str(ipaddress.ip_address(whole.client)) == whole.client
    for size in range(min(len(data), 600)):
        part = outcome(data[:size])
        assert part is None or part == whole, "what was clear once stays so"


def outcome(start: bytes) -> Header | str | None:
    """The header, "malformed", or None while it is not complete."""
    try:
        return read_proxy_header(start)
    except Malformed:
        return "malformed"
