"""What a dialogue needs of the connection that carries it."""

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
