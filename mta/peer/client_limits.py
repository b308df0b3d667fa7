"""Limits for one client and for all clients of the SMTP server."""

from itertools import islice

from mta.peer.shared_counters import Tally
from triage.addressing.networks import sender_network
from triage.config.settings import Smtp

MINUTE = 60.0  # seconds
GUESSES_COUNT = 15 * MINUTE


class Clients:
    """Connections and messages of each client, in all processes together. An IPv6 client is its /64: it owns all addresses in it."""

    def __init__(self, limits: Smtp, tally: Tally | None = None) -> None:
        self.limits = limits
        self.tally = tally or Tally()

    def is_full(self) -> bool:
        """Whether there are as many connections as we serve at once."""
        return self.tally.connections() > self.limits.max_connections

    def has_too_many(self, client: str) -> bool:
        """Whether this client has more connections than one may have. "" is nobody in particular."""
        return bool(client) and self.tally.connections(sender_network(client)) > self.limits.max_connections_per_client

    def came(self, client: str) -> None:
        """A connection was made."""
        self.tally.came(sender_network(client))

    def left(self, client: str) -> None:
        """A connection is gone."""
        self.tally.came(sender_network(client), -1)

    def may_send(self, client: str, now: float) -> bool:
        """Count one more message in this minute; `now` in seconds of a steady clock that all processes share. A limit of 0 is none."""
        most = self.limits.max_messages_per_minute
        return not most or self.tally.sent(sender_network(client), int(now / MINUTE)) <= most


class Guesses:
    """Times of wrong passwords, by network or by name; those of long ago are forgotten."""

    def __init__(self, most: int) -> None:
        """`most`: how many within GUESSES_COUNT."""
        self.most = most
        self.wrong: dict[str, list[float]] = {}  # what was noted last is the last

    def are_too_many(self, of: str, now: float) -> bool:
        """Whether there were so many wrong passwords that no further one is heard for a while."""
        return len(self.lately(of, now)) >= self.most

    def note(self, of: str, now: float) -> None:
        """Counts one more wrong password."""
        lately = self.lately(of, now)
        self.wrong.pop(of, None)
        self.wrong[of] = [*lately, now]
        for old in [one for one in islice(self.wrong, 2) if not self.lately(one, now)]:  # two for each that comes: they end
            del self.wrong[old]

    def lately(self, of: str, now: float) -> list[float]:
        """Returns the times of wrong passwords that still count."""
        return [at for at in self.wrong.get(of, ()) if now - at < GUESSES_COUNT]


class Memory:
    """The bytes that all sessions together hold of messages that are coming in, and of them each client."""

    def __init__(self, most: int, most_per_client: int) -> None:
        self.free, self.most_per_client = most, most_per_client
        self.held: dict[str, int] = {}

    def take(self, size: int, client: str) -> bool:
        """Reserve so many bytes for a client, "" is nobody in particular; False when there is no room, or none for this one."""
        owner = sender_network(client)
        held = self.held.get(owner, 0) + size
        if size > self.free or (owner and held > self.most_per_client):
            return False
        self.free -= size
        self.held[owner] = held
        return True

    def give_back(self, size: int, client: str) -> None:
        """Free what was reserved."""
        owner = sender_network(client)
        self.free += size
        self.held[owner] = self.held.get(owner, 0) - size
        if not self.held[owner]:
            del self.held[owner]


def client_address(peer: object) -> str:
    """The peer's IP address from a socket's peer name, IPv4 in its own form also on an IPv6 socket."""
    host = str(peer[0]).partition("%")[0] if isinstance(peer, tuple) else ""
    return host.removeprefix("::ffff:") if host.startswith("::ffff:") and "." in host else host
