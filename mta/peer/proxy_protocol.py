"""The header of the PROXY protocol, versions 1 and 2, by which a trusted proxy names the client (HAProxy, proxy-protocol.txt). Pure."""

import ipaddress
import re
import struct
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # of version 2
V2_HEAD = struct.Struct("!12sBBH")  # signature, version and command, family and transport, bytes that follow
LOCAL, PROXY = 0x20, 0x21
ADDRESS_BYTES = {0x11: 4, 0x21: 16}  # TCP over IPv4, over IPv6
LONGEST_V1 = 107  # bytes with CR LF
LONGEST_V2 = 16 * 1024  # bytes that follow the head; addresses and a few TLVs
PORT = r"(?:0|[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
V1 = re.compile(rf"PROXY TCP(?P<family>[46]) (?P<client>\S+) (?P<server>\S+) {PORT} {PORT}".encode())
V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?")


class Malformed(Exception):
    """The data is no PROXY header."""


@dataclass(frozen=True, slots=True)
class Header:
    """A complete header."""

    client: str  # IP address; "" for the proxy's own connection (a health check) and for families that are not TCP over IP
    length: int  # bytes that it takes


def read_proxy_header(start: bytes) -> Header | None:
    """The header at the start of a connection, None while it is not complete; Malformed when it never will be."""
    if start.startswith(SIGNATURE[: len(start)]):
        return read_v2(start)
    if start.startswith(b"PROXY "[: len(start)]):
        return read_v1(start)
    raise Malformed


def read_v1(start: bytes) -> Header | None:
    """Version 1: one line of text."""
    end = start.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(start) >= LONGEST_V1:
            raise Malformed
        return None
    line, length = start[:end], end + 2
    if V1_UNKNOWN.fullmatch(line):
        return Header("", length)
    found = V1.fullmatch(line)
    if found is None:
        raise Malformed
    try:
        client, server = (ipaddress.ip_address(found[name].decode("ascii")) for name in ("client", "server"))
    except ValueError as fault:
        raise Malformed from fault
    if {client.version, server.version} != {int(found["family"])}:
        raise Malformed
    return Header(plain_address(client), length)


def read_v2(start: bytes) -> Header | None:
    """Version 2: binary."""
    if len(start) < V2_HEAD.size:
        return None
    _, command, family, following = V2_HEAD.unpack_from(start)
    if command not in (LOCAL, PROXY) or following > LONGEST_V2:
        raise Malformed
    if len(start) < V2_HEAD.size + following:
        return None
    size, length = ADDRESS_BYTES.get(family, 0), V2_HEAD.size + following
    if command == LOCAL or not size:
        return Header("", length)
    if following < 2 * size + 4:
        raise Malformed
    return Header(plain_address(ipaddress.ip_address(start[V2_HEAD.size : V2_HEAD.size + size])), length)


def plain_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Formats an address, IPv4 in its own form."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
