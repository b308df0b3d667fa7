"""PROXY headers: only complete and correct ones name a client, however they are cut."""

import ipaddress
import struct

import pytest
from hypothesis import given, strategies as st

from mta.peer.proxy_protocol import SIGNATURE, Header, Malformed, read_proxy_header


def v2(command: int, family: int, payload: bytes) -> bytes:
    """A header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(payload)) + payload


ADDRESSES = bytes([192, 0, 2, 9, 198, 51, 100, 1]) + struct.pack("!HH", 4711, 25)
ADDRESSES6 = ipaddress.ip_address("2001:db8::7").packed + ipaddress.ip_address("2001:db8::1").packed + struct.pack("!HH", 4711, 25)


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (b"PROXY TCP4 192.0.2.9 198.51.100.1 4711 25\r\n", "192.0.2.9"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:192.0.2.9 ::ffff:198.51.100.1 4711 25\r\n", "192.0.2.9"),
        (b"PROXY UNKNOWN\r\n", ""),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", ""),
        (v2(0x21, 0x11, ADDRESSES), "192.0.2.9"),
        (v2(0x21, 0x11, ADDRESSES + b"\x04\x00\x02ab"), "192.0.2.9"),
        (v2(0x21, 0x21, ADDRESSES6), "2001:db8::7"),
        (v2(0x20, 0x00, b""), ""),
        (v2(0x20, 0x11, ADDRESSES), ""),
        (v2(0x21, 0x31, b"\0" * 216), ""),
    ],
)
def test_a_header_is_read_when_it_is_complete(header: bytes, client: str) -> None:
    for cut in range(len(header)):
        assert read_proxy_header(header[:cut]) is None
    assert read_proxy_header(header) == read_proxy_header(header + b"EHLO x\r\n") == Header(client, len(header))


@pytest.mark.parametrize(
    "start",
    [
        b"EHLO client.example\r\n",
        b"proxy TCP4 192.0.2.9 198.51.100.1 4711 25\r\n",
        b"PROXY TCP4 192.0.2.300 198.51.100.1 4711 25\r\n",
        b"PROXY TCP4 192.0.2.9 198.51.100.1 4711 99999\r\n",
        b"PROXY TCP4 192.0.2.9 198.51.100.1 4711\r\n",
        b"PROXY TCP4  192.0.2.9 198.51.100.1 4711 25\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 25\r\n",
        b"PROXY TCP6 192.0.2.9 198.51.100.1 4711 25\r\n",
        b"PROXY UDP4 192.0.2.9 198.51.100.1 4711 25\r\n",
        b"PROXY TCP4 \xff 198.51.100.1 4711 25\r\n",
        b"PROXY TCP4 " + b"1" * 107,
        b"\r\n\r\n\0\r\nQUIT\r",
        v2(0x11, 0x11, ADDRESSES),
        v2(0x22, 0x11, ADDRESSES),
        v2(0x21, 0x11, ADDRESSES[:-1]),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header_is_told_apart(start: bytes) -> None:
    with pytest.raises(Malformed):
        read_proxy_header(start)


@given(
    st.binary(max_size=120) | st.binary(max_size=60).map(lambda rest: SIGNATURE + rest) | st.binary(max_size=60).map(b"PROXY TCP4 ".__add__)
)
def test_anything_is_read_or_refused(start: bytes) -> None:
    try:
        header = read_proxy_header(start)
    except Malformed:
        return
    assert header is None or (header.length <= len(start) and (not header.client or ipaddress.ip_address(header.client)))
