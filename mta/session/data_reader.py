"""The content of one message as it comes in by DATA: where it ends, how large it is, and what it says. Pure."""

from collections.abc import Callable

from mta.spool import line_endings

END = b"\r\n.\r\n"  # RFC 5321, 4.1.1.4; nothing else ends a message
STUFFED = b"\r\n."


class Content:
    """Fed with chunks of any size. Holds at most a third more than `max_size`, whatever the lines look like."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.received = 0  # bytes
        self.size = 0  # bytes of the message, without the dots that transparency added
        self.held = bytearray()
        self.kept = True  # False from the moment it is known that it will not be stored
        self.reserved = 0  # bytes of memory that were asked for
        self._stuffed = 0
        self._tail = b"\r\n"  # so that a message may begin with the final dot, or with a stuffed one

    @property
    def too_large(self) -> bool:
        """Whether the message is past the size limit."""
        return self.size > self.max_size

    def feed(self, chunk: bytes) -> bytes | None:
        """Take a chunk. None: there is more to come. Otherwise the message is complete, and this is what came behind it."""
        window = self._tail + chunk
        dot = window.find(STUFFED)  # most chunks have none, or only the final one: then they are looked through once
        at = window.find(END, dot) if dot >= 0 else -1
        taken, rest = (chunk, None) if at < 0 else split_at(chunk, at + len(END) - len(self._tail))
        dots = self._dots(window, dot, at) if dot >= 0 else 0
        self._stuffed += dots
        self.received += len(taken)
        self.size += len(taken) - dots
        self._tail = window[-len(END) + 1 :]
        if self.size > self.max_size + len(b"\r\n"):  # of the final dot's line
            self.drop()
        if self.kept:
            self.held += taken
        if rest is not None:
            self._finish()
        return rest

    def _dots(self, window: bytes, first: int, end: int) -> int:
        """The dots at the start of lines that were not counted yet, the final one included: those whose dot is in this chunk."""
        start = len(self._tail) - len(STUFFED) + 1  # one that began before is complete in this chunk only from here on
        if end == first >= start:
            return 1
        return window.count(STUFFED, max(0, start), len(window) if end < 0 else end + len(STUFFED))

    def reserve(self, chunk: bytes, take: Callable[[int], bool]) -> bool:
        """Ask for room for a chunk; False when there is none."""
        granted = take(len(chunk))
        self.reserved += len(chunk) if granted else 0
        return granted

    def drop(self) -> None:
        """Go on reading without storing."""
        self.kept = False
        self.held.clear()

    def _finish(self) -> None:
        """Take the final dot's line off."""
        self.size -= len(b"\r\n")
        self._stuffed -= 1
        if self.too_large:
            self.drop()
        del self.held[-len(b".\r\n") :]

    def message(self) -> tuple[bytes, bool]:
        """The complete message, its line ends all CRLF, and whether bare CR or LF had to be made CRLF for that."""
        raw = bytes(self.held)
        self.held.clear()
        if self._stuffed:
            raw = (b"\r\n" + raw).replace(STUFFED, b"\r\n")[2:]
        bare = line_endings.count_bare(raw)
        if bare and len(raw) + bare > self.max_size:
            self.size = len(raw) + bare  # as CRLF it is too large
            raw = b""
        return line_endings.normalise_crlf(raw) if bare else raw, bool(bare)


def split_at(chunk: bytes, at: int) -> tuple[bytes, bytes]:
    """The bytes before and from a place on."""
    return chunk[:at], chunk[at:]
