"""What one client, and all clients together, may take of the receiving daemon."""

import ipaddress
from collections import Counter

from triage.settings import Smtp

MINUTE = 60.0  # seconds


class Clients:
    """Connections and messages of each client. An IPv6 client is its /64: it owns all addresses in it."""

    def __init__(self, limits: Smtp) -> None:
        self.limits = limits
        self.connections: Counter[str] = Counter()
        self.total = 0
        self._messages: Counter[str] = Counter()
        self._minute = 0.0

    def is_full(self) -> bool:
        """Are there as many connections as we serve at once?"""
        return self.total > self.limits.max_connections

    def has_too_many(self, client: str) -> bool:
        """Has this client more connections than one may have?"""
        return self.connections[network(client)] > self.limits.max_connections_per_client

    def came(self, client: str) -> None:
        """A connection was made."""
        self.connections[network(client)] += 1
        self.total += 1

    def left(self, client: str) -> None:
        """A connection is gone."""
        name = network(client)
        self.connections[name] -= 1
        if self.connections[name] <= 0:
            del self.connections[name]
        self.total -= 1

    def may_send(self, client: str, now: float) -> bool:
        """Count one more message in this minute; `now` in seconds of any steady clock. A limit of 0 is none."""
        if now - self._minute >= MINUTE:
            self._messages.clear()
            self._minute = now
        name = network(client)
        self._messages[name] += 1
        return not self.limits.max_messages_per_minute or self._messages[name] <= self.limits.max_messages_per_minute


class Memory:
    """The bytes that all sessions together hold of messages that are coming in."""

    def __init__(self, most: int) -> None:
        self.free = most

    def take(self, size: int) -> bool:
        """Reserve so many bytes; False when there is no room."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give_back(self, size: int) -> None:
        """Free what was reserved."""
        self.free += size


def network(client: str) -> str:
    """Whom to count this address for."""
    if ":" not in client:
        return client
    return str(ipaddress.ip_network(f"{client}/64", strict=False))


def client_address(peer: object) -> str:
    """The peer's IP address from a socket's peer name, IPv4 in its own form also on an IPv6 socket."""
    host = str(peer[0]).partition("%")[0] if isinstance(peer, tuple) else ""
    return host.removeprefix("::ffff:") if host.startswith("::ffff:") and "." in host else host
