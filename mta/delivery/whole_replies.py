"""An SMTP or LMTP connection on which a reply counts once its line has ended.

smtplib takes half a line for a reply: a connection that breaks within "250 2.0.0 Ok" would count as accepted (RFC 5321, 4.2: a line
ends with CRLF).
"""

import smtplib
from typing import BinaryIO


class WholeLines:
    """The lines that a server sends; one that broke off is the end of the connection."""

    def __init__(self, source: BinaryIO) -> None:
        self.source = source

    def readline(self, most: int) -> bytes:
        """Returns the next line with its end, the first `most` bytes of a longer one, or nothing where the connection ended."""
        line = self.source.readline(most)
        return line if line.endswith(b"\n") or len(line) == most else b""

    def close(self) -> None:
        """Closes the reading side."""
        self.source.close()


class WholeReplies(smtplib.SMTP):
    """SMTP of whole replies."""

    def getreply(self) -> tuple[int, bytes]:
        """As smtplib's; SMTPServerDisconnected where the last line of a reply has no end."""
        if self.file is None and self.sock:
            self.file = WholeLines(self.sock.makefile("rb"))
        return super().getreply()


class WholeLmtpReplies(WholeReplies, smtplib.LMTP):
    """LMTP of whole replies."""
