"""A next hop in a bad way: it greylists; by chance it refuses for now, falls silent, and hangs up after the final dot."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from tests.peers.mail.next_hop import DROP, Peer

NOT_NOW = 0.05  # of MAIL: 421
LATER = 0.10  # of RCPT: 4xx
SILENT = 0.01  # of MAIL: no answer for longer than anybody waits
CUT = 0.02  # of messages: taken, and then the connection is gone
SILENCE = 4.0  # seconds


@dataclass
class FaultySink(Peer):
    """Next hop that keeps what it accepts, and at random does not answer."""

    chance: random.Random = field(default_factory=lambda: random.Random(5))
    known: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    async def choose_reply(self, command: str, server: Any, usual: str) -> str:
        """The usual reply, mostly."""
        name, _, argument = command.partition(" ")
        dice = self.chance.random()
        if name == "MAIL" and dice < NOT_NOW:
            return self.fault("421 4.3.2 not now")
        if name == "MAIL" and dice < NOT_NOW + SILENT:
            self.fault("silence")
            await asyncio.sleep(SILENCE)
        if name == "RCPT" and argument not in self.known:
            self.known.add(argument)
            return self.fault("450 4.2.0 greylisted, come back")
        if name == "RCPT" and dice < LATER:
            return self.fault("451 4.3.0 later")
        if name == "DATA" and dice < CUT:
            server.transport.close()
            return self.fault(DROP)
        return usual

    def fault(self, reply: str) -> str:
        """Remember it."""
        self.faults.append(reply)
        return reply
