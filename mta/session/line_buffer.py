"""Bytes that have come in and are not understood yet, cut into command lines. Pure."""

LONGEST_KEPT = 4096  # bytes of a line that are kept while its end is looked for
ENDLESS = b" " * (LONGEST_KEPT + 1)  # stands for a line that was longer: what it said does not matter any more


class Unread:
    """Holds what was put in until it is taken out; of a line without an end only so much that it can be told to be too long."""

    __slots__ = ("_at", "_data", "_is_endless")

    def __init__(self) -> None:
        self._data, self._at = b"", 0
        self._is_endless = False

    def __len__(self) -> int:
        return len(self._data) - self._at

    def put(self, data: bytes) -> None:
        """More has come."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def line(self) -> bytes | None:
        """The next line with its line end, ENDLESS for one that was longer than LONGEST_KEPT; None while it is not complete."""
        end = self._data.find(b"\n", self._at) + 1
        if end:
            line = self._data[self._at : end]
            self._at = end
            if not self._is_endless and len(line) <= LONGEST_KEPT:
                return line
            self._is_endless = False
            return ENDLESS
        if len(self) > LONGEST_KEPT:
            self._is_endless = True
            self.clear()
        return None

    def starts_with(self, start: bytes) -> bool:
        """Whether the next bytes start like this."""
        return self._data.startswith(start, self._at)

    def take(self, size: int | None = None) -> bytes:
        """The next `size` bytes, or everything."""
        end = len(self._data) if size is None else self._at + size
        taken = self._data[self._at : end]
        self._at += len(taken)
        return taken

    def peek(self) -> bytes:
        """Returns all buffered bytes, without taking them."""
        return self._data[self._at :]

    def clear(self) -> None:
        """Forget it."""
        self._data, self._at = b"", 0
