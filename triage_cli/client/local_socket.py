"""The API that runs on this machine answers, over its unix socket: a command needs no database then, and is done in a third of the time.

Whoever answers there has to be root, ourselves or the owner of the spool, and has to have the version and the settings that we have. In
every other case the command works on the database itself (`triage_cli.client.local_client`), with the same answers and the same record.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from importlib.metadata import version
from io import BufferedRWPair
from pathlib import Path

from triage.config.settings import Settings
from triage.config.settings_loader import digest_of
from triage.errors import Refused
from triage_api.local_socket import socket_frames as wire
from triage_cli.client.api_client import Answer, Desk, Take
from triage_cli.client.exit_codes import LATER
from triage_cli.client.keyboard_user import at_the_keyboard

PATIENCE = 2.0  # seconds in which it says whether it answers us
BROKEN_OFF = "the API of this machine ended the connection. It may have done the command: check first, then try again"
FAULTS = (OSError, EOFError, ValueError, KeyError)


class BrokenOff(Refused):
    """The connection ended before the answer, and nobody knows whether the command was done."""

    code = LATER


class Neighbour(Desk):
    """Asks the API of this machine. `itself`: who is asked instead where that one cannot answer."""

    def __init__(self, stream: BufferedRWPair, itself: Callable[[], Desk]) -> None:
        self.stream, self.itself = stream, itself
        self.other: Desk | None = None

    def send(self, method: str, target: str, body: bytes, take: Take | None) -> Answer:
        if self.other is None and len(body) <= wire.MOST:
            taken = Taken(take)
            try:
                return self.asked(method, target, body, taken)
            except FAULTS as fault:
                if method != "GET" or taken.begun:
                    raise BrokenOff(BROKEN_OFF) from fault
        self.other = self.other or self.itself()
        return self.other.send(method, target, body, take)

    def asked(self, method: str, target: str, body: bytes, taken: "Taken") -> Answer:
        """Sends a request and returns its answer."""
        self.stream.write(wire.line_of({"method": method, "target": target, "length": len(body)}) + body)
        self.stream.flush()
        status = int(wire.values_of(self.stream.readline())["status"])
        pieces = bytearray()
        keep = taken if taken.take and status < 300 else pieces.extend
        while length := wire.LENGTH.unpack(self.exactly(wire.LENGTH.size))[0]:
            keep(self.exactly(length))
        return Answer(status, bytes(pieces))

    def exactly(self, length: int) -> bytes:
        """So many bytes."""
        found = self.stream.read(length)
        if len(found) < length:
            raise EOFError
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.close()
        if self.other:
            self.other.close()


class Taken:
    """Passes an answer on piece by piece and notes that it has begun: from then on no other server can be asked instead."""

    def __init__(self, take: Take | None) -> None:
        self.take, self.begun = take, False

    def __call__(self, piece: bytes) -> None:
        self.begun = True
        if self.take:
            self.take(piece)


def find_neighbour(settings: Settings, itself: Callable[[], Desk]) -> Desk | None:
    """The API of this machine as a desk; None when none answers that is ours, is as we are, and goes by the same settings."""
    spool = settings.spool.directory
    with contextlib.suppress(*FAULTS), contextlib.ExitStack() as closing:
        peer = closing.enter_context(socket.socket(socket.AF_UNIX))
        peer.settimeout(PATIENCE)
        with wire.address_in(spool / wire.DIRECTORY) as address:
            peer.connect(address)
        if not is_ours(peer, spool):
            return None
        stream = closing.enter_context(peer.makefile("rwb"))
        if greet_server(stream, settings):
            peer.settimeout(None)
            closing.pop_all()
            peer.close()  # with the stream
            return Neighbour(stream, itself)
    return None


def is_ours(peer: socket.socket, spool: Path) -> bool:
    """Whether root, ourselves or the owner of the spool listens on the socket.

    Anybody else who may write there could tell us what they like.
    """
    return wire.uid_of(peer) in {0, os.geteuid(), spool.stat().st_uid}


def greet_server(stream: BufferedRWPair, settings: Settings) -> bool:
    """Introduces this command to the local API; returns whether the API accepts it."""
    login, place = at_the_keyboard()
    hello = {"version": version("mailroom"), "settings": digest_of(settings), "login": login, "place": place}
    stream.write(wire.line_of(hello))
    stream.flush()
    answer: Mapping[str, object] = wire.values_of(stream.readline())
    return answer.get("ok") == wire.WELCOME
