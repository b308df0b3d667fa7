"""What a dialogue needs of the connection that carries it, and what a process needs of each connection."""

import asyncio
import ssl
from typing import Protocol


class Line(Protocol):
    """The wire, as the dialogue sees it."""

    is_full: bool  # the client does not read what was said

    def has_spoken(self) -> bool:
        """Has the client sent something that was not handed over yet?"""

    def write(self, text: bytes) -> None:
        """Say something."""

    def pause(self) -> None:
        """Hand nothing more over."""

    def resume(self) -> None:
        """Hand over what comes."""

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on in TLS; `Dialogue.secured` is called when it stands."""

    def close(self, *, gently: bool = False) -> None:
        """Hang up when everything was said. `gently`: so that a client that still speaks hears it too."""


class Talk(Protocol):
    """The dialogue of a connection, as the process that runs it sees it."""

    def look(self, now: float) -> None:
        """Time has passed: is it enough?"""

    def stop(self) -> None:
        """The process stops."""

    def hang_up(self, reply: str) -> None:
        """Say one last thing and close."""


class Carrier(Protocol):
    """A connection that is open."""

    @property
    def dialogue(self) -> Talk:
        """What is said on it."""

    @property
    def transport(self) -> asyncio.Transport:
        """The socket."""
