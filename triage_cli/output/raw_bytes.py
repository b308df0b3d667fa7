"""Bytes as they were received: unchanged to a pipe, and to a terminal with harmful characters as escapes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from triage_cli.output.tables import say


@contextmanager
def open_output(*, raw: bool = False) -> Iterator[Callable[[bytes], object]]:
    """Yields a function that prints the next piece. `raw`: a terminal gets the bytes unchanged too, because somebody asked for that."""
    if raw or not sys.stdout.isatty():
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    lines = EscapedLines()
    yield lines.add
    if lines.open:
        lines.end()


class EscapedLines:
    """Prints bytes line by line as soon as a line is whole."""

    def __init__(self) -> None:
        self.open = bytearray()  # the line whose end has not come yet

    def add(self, piece: bytes) -> None:
        """Prints the lines that end in this piece."""
        first, *others = piece.split(b"\n")
        self.open += first
        for line in others:
            self.end()
            self.open += line

    def end(self) -> None:
        """Prints the open line."""
        say(self.open.decode("utf-8", "backslashreplace").removesuffix("\r"))
        self.open.clear()
