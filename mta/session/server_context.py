"""Context that all sessions of a receiving process share."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from mta.peer.client_limits import Clients, Memory
from mta.peer.trusted_edges import Edges
from mta.session import replies
from mta.session.submitters import Submitters
from mta.spool.block_refusals import Refusals
from mta.spool.recipient_map_file import SnapshotFile
from mta.spool.refused_messages import RefusedMessages
from mta.spool.spool import Spool
from triage.config.settings import Settings

MOST_NOTED = 20  # recipients of a refused message that are noted


class Running(Protocol):
    """A session, as the process that runs it sees it."""

    def enforce_time_limits(self, now: float) -> None:
        """Checks the session against its time limits."""

    def stop(self) -> None:
        """The process stops."""

    def hang_up(self, reply: str) -> None:
        """Say one last thing and close."""

    def cut(self) -> None:
        """Close at once."""


@dataclass
class ServerContext:
    """The rules that hold for everybody, and who is in."""

    settings: Settings
    spool: Spool
    snapshot: SnapshotFile
    clients: Clients
    memory: Memory
    clock: Callable[[], float]  # steady, in seconds
    later: Callable[[Callable[[], None]], None]  # lets the loop's thread do something, asked by another thread
    edges: Edges = field(default_factory=Edges)
    submitters: Submitters | None = None  # who hands over employees' mail, where that is what the SMTP server is for
    tls: Callable[[], ssl.SSLContext | None] = lambda: None  # the context of the present certificate
    sessions: set[Running] = field(default_factory=set)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)  # the last connection is gone
    stopping: bool = False
    library: dict[str, dict[str, Any]] = field(default_factory=dict)  # what every session begins with, by protocol
    refusals: Refusals = field(init=False)
    refused_messages: RefusedMessages = field(init=False)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.settings.spool.directory)
        self.refused_messages = RefusedMessages(self.settings.spool.directory)

    def note_refused(self, reply: str, client: str, reverse_path: str, recipients: Iterable[str] = ("",)) -> None:
        """A message was refused: for who asks where it is. What employees' own servers are refused is told to them."""
        if self.submitters is None and reply != replies.NO_RELAY:
            for recipient in islice(recipients, MOST_NOTED):
                self.refused_messages.note(reply, client, reverse_path, recipient)

    def write_refused(self) -> None:
        """Leave what was refused for the judge."""
        self.refusals.write()
        self.refused_messages.write()

    def refuse_blocked(self, entry: str, copies: int = 1) -> str:
        """The reply to a sender whom a block of the whole company is about; counted, so that staff learns how often it refused."""
        self.refusals.count(entry, copies)
        return replies.sender_blocked(self.settings.smtp.blocked_text, self.settings.company.domains[0])
