"""Networks that the settings name, and whom a network address is counted for. Pure."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from triage.errors import BadInput

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(key: str, texts: Iterable[str]) -> list[Network]:
    """The networks that a key of the settings names; BadInput names the one that is none."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as fault:
            raise BadInput(f"{key} must be networks such as 127.0.0.0/8, not “{text}”: {fault}") from fault
    return found


def is_within(client: str, networks: Iterable[Network]) -> bool:
    """Whether a client's address is in one of the networks. What is no address is in none."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in one for one in networks)


@lru_cache(4096)
def sender_network(client: str) -> str:
    """The address itself; of an IPv6 address its /64, whose owner has all addresses in it. What is no address stays as it is."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


@lru_cache(4096)
def network_neighbourhood(client: str) -> str:
    """The /24 or /48 of an address on the Internet, "" for any other: machines that one sender often has together."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if not address.is_global:
        return ""
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))
