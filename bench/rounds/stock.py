"""aiosmtpd as its documentation shows it, with a handler that writes each message into a file and syncs it.

`python -m bench.rounds.stock PORT DIRECTORY`
"""

import asyncio
import functools
import itertools
import os
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Keeping:
    """The handler."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.numbers = directory, itertools.count()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """250 when the file is safe."""
        assert isinstance(envelope.content, bytes)
        with (self.directory / f"{next(self.numbers)}.eml").open("xb") as file:  # as simple as it gets
            file.write(envelope.content)
            file.flush()
            os.fsync(file.fileno())
        return "250 kept"


async def serve_forever(port: int, directory: Path) -> None:
    """Until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(functools.partial(SMTP, Keeping(directory), loop=loop), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve_forever(int(sys.argv[1]), Path(sys.argv[2])))
