"""Clients that may submit employees' messages: the company's networks, and those that sign in."""

import hmac
import ipaddress
import logging
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from mta.peer.client_limits import Guesses
from mta.peer.smtp_peer import LOCAL
from triage.addressing.networks import sender_network
from triage.config.settings import Outbound
from triage.errors import BadInput
from triage.text.sanitize import escape_visible

MOST_OF_A_CLIENT = 10  # wrong passwords that a network gives within client_limits.GUESSES_COUNT
MOST_FOR_A_NAME = 50  # that strangers give for one name, however many they are
MOST_HOMES = 50  # networks that are remembered of one account
LONGEST_NAME = 254  # characters that count of a name

log = logging.getLogger(__name__)


class Submitters:
    """outbound.networks and outbound.accounts_file."""

    def __init__(self, outbound: Outbound) -> None:
        """BadInput names a network that is none, or says what is wrong with the file."""
        self._networks = tuple(network_of(text) for text in outbound.networks)
        self._file = Path(outbound.accounts_file) if outbound.accounts_file else None
        self._accounts: dict[str, str] = {}
        self._seen = 0
        self._by_client, self._by_name = Guesses(MOST_OF_A_CLIENT), Guesses(MOST_FOR_A_NAME)
        self._homes: dict[str, deque[str]] = {}  # the networks from which each account has signed in
        if self._file:
            self._read(self._file)

    @property
    def has_accounts(self) -> bool:
        """Whether anybody can sign in at all."""
        return self._file is not None

    def are_near(self, peer: str) -> bool:
        """Whether this address is in one of the networks. Who comes by a unix socket has none."""
        return peer != LOCAL and any(ipaddress.ip_address(peer) in network for network in self._networks)

    def may_come(self, peer: str) -> bool:
        """Whether there is any use in listening to this client."""
        return self.has_accounts or self.are_near(peer)

    def may_try(self, name: str, peer: str, now: float) -> bool:
        """Whether one more password of this client is checked.

        Strangers who guess for one name together lock out nobody who belongs here.
        """
        guessed = self._by_client.are_too_many(sender_network(peer), now)
        return not guessed and (self._is_at_home(name, peer) or not self._by_name.are_too_many(name[:LONGEST_NAME], now))

    def note(self, name: str, peer: str, now: float, *, right: bool) -> None:
        """A password was right or wrong."""
        if right:
            homes = self._homes.setdefault(name, deque(maxlen=MOST_HOMES))
            if sender_network(peer) not in homes:
                homes.append(sender_network(peer))
            return
        self._by_client.note(sender_network(peer), now)
        if not self._is_at_home(name, peer):
            self._by_name.note(name[:LONGEST_NAME], now)

    def _is_at_home(self, name: str, peer: str) -> bool:
        """Whether this is a network of the company, or one from which this account has signed in."""
        return self.are_near(peer) or sender_network(peer) in self._homes.get(name, ())

    def know(self, name: str, password: str) -> bool:
        """Whether this is the password of that account. Takes as long for a name that nobody has."""
        self._read_if_changed()
        right = self._accounts.get(name, "")
        return hmac.compare_digest(right.encode(), password.encode()) and bool(right)

    def _read_if_changed(self) -> None:
        try:
            if self._file and self._file.stat().st_mtime_ns != self._seen:
                self._read(self._file)
        except (BadInput, OSError) as fault:
            log.error("the accounts of before stay in force: %s", escape_visible(str(fault)))

    def _read(self, file: Path) -> None:
        try:
            self._seen = file.stat().st_mtime_ns
            self._accounts = dict(read_accounts(file.read_text("utf-8").splitlines()))
        except (OSError, UnicodeDecodeError, ValueError) as fault:
            raise BadInput(f"outbound.accounts_file {file} cannot be used: {fault}; it has lines NAME:PASSWORD") from fault


def read_accounts(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Name and password of each line; ValueError names one that has none. Empty lines and those with # are left out."""
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not (name.strip() and colon and password):
            raise ValueError(f"line {number} is not NAME:PASSWORD")
        yield name.strip(), password


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Parses an entry of outbound.networks."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as fault:
        raise BadInput(f"outbound.networks: “{text}” is no network, such as 192.0.2.0/28 or 2001:db8::25") from fault
    if not network.prefixlen:
        raise BadInput(f"outbound.networks: {text} is the whole internet: anybody could send through us")
    return network
