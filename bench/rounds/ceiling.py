"""The ceiling: the least that an SMTP server in Python must do. It stores nothing and checks nothing.

`python -m bench.rounds.ceiling PORT`: reads in chunks, answers commands by their first letters, looks for the final dot.
"""

import asyncio
import sys
from typing import cast

from mta.server.receiver import loop_factory
from mta.session.data_reader import END

REPLIES = {b"QUIT": b"221 bye\r\n", b"DATA": b"354 go on\r\n"}
TAIL = len(END) - 1


class Session(asyncio.Protocol):
    """SMTP connection of the smallest possible server."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.held, self.in_message = cast(asyncio.Transport, transport), b"", False
        self.transport.write(b"220 ceiling ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """A chunk, of commands or of a message."""
        data = self.held + data
        self.held = b""
        while data:
            data = self.message(data) if self.in_message else self.command(data)

    def message(self, data: bytes) -> bytes:
        """Look for the end; what is left behind it."""
        at = data.find(END)
        if at < 0:
            self.held = data[-TAIL:]
            return b""
        self.in_message = False
        self.transport.write(b"250 gone\r\n")
        return data[at + len(END) :]

    def command(self, data: bytes) -> bytes:
        """Answer one line; what is left behind it."""
        line, end, rest = data.partition(b"\r\n")
        if not end:
            self.held = data
            return b""
        verb = line[:4].upper()
        self.transport.write(REPLIES.get(verb, b"250 ok\r\n"))
        if verb == b"DATA":
            self.in_message, rest = True, b"\r\n" + rest
        elif verb == b"QUIT":
            self.transport.close()
        return rest


async def serve_forever(port: int) -> None:
    """Until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve_forever(int(sys.argv[1])))
