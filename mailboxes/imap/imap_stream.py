"""The bytes that an IMAP server sends: read in large pieces, and never more of them than was asked for."""

import imaplib
import socket

AT_ONCE = 256 * 1024  # bytes of one read of what comes
LINE_LIMIT = 1_000_000  # bytes; as imaplib has it, for the answer to a SEARCH of a large folder
ANSWERS = 32 * 1024 * 1024  # bytes of the answers to one command, beside the messages that it asks for


class Stream:
    """Buffered reader of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.ahead = b""  # what has come
        self.at = 0  # how much of it was taken

    def read(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        if size <= len(self.ahead) - self.at:
            return self.take_bytes(self.at + size)
        pieces = [self.take_bytes(len(self.ahead))]
        missing = size - len(pieces[0])
        while missing and self.more():
            pieces.append(self.take_bytes(self.at + missing))
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def readline(self) -> bytes:
        """A line, or what there is of it at the end. `IMAP4.error` where it is longer than imaplib lets it be."""
        seen = 0
        while (end := self.ahead.find(b"\n", self.at + seen)) < 0:
            seen = len(self.ahead) - self.at
            if seen > LINE_LIMIT or not self.more():
                break
        line = self.take_bytes(end + 1 if end >= 0 else len(self.ahead))
        if len(line) > LINE_LIMIT:
            raise imaplib.IMAP4.error(f"got more than {LINE_LIMIT} bytes")
        return line

    def take_bytes(self, end: int) -> bytes:
        """Takes the bytes before an offset out of the buffer."""
        some, self.at = self.ahead[self.at : end], min(end, len(self.ahead))
        return some

    def more(self) -> bool:
        """Waits until more bytes have come; returns whether any came."""
        some = self.sock.recv(AT_ONCE)
        self.ahead, self.at = self.ahead[self.at :] + some, 0
        return bool(some)


class BoundedReading(imaplib.IMAP4):
    """The connection of imaplib, which believes a server that announces a literal of any size. This one ends the session instead."""

    stream: Stream | None = None
    allowed = ANSWERS  # bytes that may come for one command
    left = ANSWERS  # of these

    @property
    def incoming(self) -> Stream:
        """The stream of the socket; STARTTLS makes another one, and what came in the clear is not read on."""
        if self.stream is None or self.stream.sock is not self.sock:
            self.stream = Stream(self.sock)
        return self.stream

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """As IMAP4.send; what may come for the command before is forgotten."""
        self.left = self.allowed
        super().send(data)

    def read(self, size: int) -> bytes:
        """As IMAP4.read. `IMAP4.abort` where more is announced than may come."""
        self.take(size)
        return self.incoming.read(size)

    def readline(self) -> bytes:
        """As IMAP4.readline, with the same limit."""
        line = self.incoming.readline()
        self.take(len(line))
        return line

    def take(self, size: int) -> None:
        """Count what comes."""
        self.left -= size
        if self.left < 0:
            raise self.abort(f"the server sends more than the {self.allowed:,} bytes that the command could bring")
