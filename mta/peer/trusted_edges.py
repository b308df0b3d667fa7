"""Trusted edges: which addresses are ours, and what they say of the client by XFORWARD (Postfix, XFORWARD_README). Pure."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from mta.peer.smtp_peer import LOCAL, Visitor
from mta.peer.xtext import XTEXT
from triage.errors import BadInput

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "SOURCE")
UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
HEX = re.compile(r"\+([0-9A-F]{2})")
HOST = re.compile(r"[!-~]{1,255}")
PORT = re.compile(r"[0-9]{1,5}")
PROTOCOL = re.compile(r"[A-Za-z0-9]{1,20}")


class Edges:
    """The networks of smtp.trusted_edges."""

    def __init__(self, networks: Iterable[str] = (), protocol: str = "xforward") -> None:
        """BadInput names a network that is none."""
        self.protocol = protocol
        self._networks = tuple(network_of(text) for text in networks)
        self._is_listed = lru_cache(1024)(self._look_up)

    def has_accepted_mail(self, peer: str) -> bool:
        """Whether a peer is an MTA that has accepted what it brings."""
        return self.protocol == "xforward" and self._is_listed(peer)

    def passes_through(self, peer: str) -> bool:
        """Whether a peer is a proxy, which names the client in a PROXY header."""
        return self.protocol == "proxy" and self._is_listed(peer)

    def may_speak_lmtp(self, peer: str) -> bool:
        """Whether a peer may speak LMTP: the unix socket, this machine and the edges may."""
        return peer == LOCAL or self._is_listed(peer) or ipaddress.ip_address(peer).is_loopback

    def are(self, address: str) -> bool:
        """Whether an address is one of our own machines, whatever it does."""
        return self._is_listed(address)

    def _look_up(self, peer: str) -> bool:
        if not self._networks or peer == LOCAL:
            return False
        address = ipaddress.ip_address(peer)
        return any(address in network for network in self._networks)


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Parses an entry of smtp.trusted_edges."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as fault:
        raise BadInput(f"smtp.trusted_edges: “{text}” is no network, such as 192.0.2.0/28 or 2001:db8::25") from fault


def parse_xforward(argument: str) -> dict[str, str] | None:
    """The attributes of an XFORWARD command, decoded, "" for what the edge does not know; None when it is malformed."""
    found: dict[str, str] = {}
    for pair in argument.split():
        name, equals, encoded = pair.partition("=")
        value = decode_xtext(name.upper(), encoded)
        if not equals or name.upper() not in ATTRIBUTES or value is None:
            return None
        found[name.upper()] = value
    return found or None


def decode_xtext(name: str, encoded: str) -> str | None:
    """Decodes an xtext value of XFORWARD; None when it is malformed."""
    if encoded.upper() in UNKNOWN:
        return ""
    if not XTEXT.fullmatch(encoded):
        return None
    value = HEX.sub(lambda found: chr(int(found[1], 16)), encoded)
    if name == "ADDR":
        return address_of(value)
    if name == "SOURCE":
        return value.upper() if value.upper() in ("LOCAL", "REMOTE") else None
    form = {"PORT": PORT, "PROTO": PROTOCOL}.get(name, HOST)
    return value if form.fullmatch(value) else None


def address_of(text: str) -> str | None:
    """An address as XFORWARD writes it: IPv6 with a prefix."""
    try:
        address = ipaddress.ip_address(text[5:] if text[:5].upper() == "IPV6:" else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def remember_forwarded(visitor: Visitor, attributes: Mapping[str, str]) -> None:
    """Notes the client that an edge forwards; what is not named stays as it was. PORT and SOURCE are of no use to us."""
    visitor.client = attributes.get("ADDR", visitor.client)
    visitor.client_name = attributes.get("NAME", visitor.client_name)
    visitor.client_helo = attributes.get("HELO", visitor.client_helo)
    visitor.client_protocol = attributes.get("PROTO", visitor.client_protocol)
