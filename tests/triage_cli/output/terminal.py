"""A terminal in which commands of this process run: every byte that reaches it."""

import contextlib
import io
import os
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from typing import NamedTuple

from triage_cli import main

WIDE = "30000"  # columns, so that no cell is cut


class Shown(NamedTuple):
    """Exit code of a command, and the bytes that reached the terminal."""

    code: int
    printed: bytes


class Keys(io.StringIO):
    """Keyboard on which "n" is typed at every question."""

    def __init__(self) -> None:
        super().__init__("n\n" * 9)

    def isatty(self) -> bool:
        return True


def run_in_terminal(*words: str) -> Shown:
    """Runs `mailroom WORDS` with a terminal as its standard input, output and error."""
    return show_in_terminal(lambda: main.mailroom(list(words), prog_name="mailroom", standalone_mode=False))


def show_in_terminal(does: Callable[[], object]) -> Shown:
    """Does something as a command, with a terminal."""
    with contextlib.closing(Terminal()) as terminal:
        with terminal.at_hand():
            code = main.run_command(does)
        return Shown(code, terminal.read_rest())


class Terminal:
    """Terminal that passes each byte on as it came."""

    def __init__(self) -> None:
        self.screen, self.line = os.openpty()
        tty.setraw(self.line, termios.TCSANOW)
        self.pieces: list[bytes] = []
        self.reader = threading.Thread(target=self.read_pieces, daemon=True)
        self.reader.start()

    def read_pieces(self) -> None:
        """Read until the other side is closed, which is an error here (pty(7))."""
        with contextlib.suppress(OSError):
            while piece := os.read(self.screen, 1 << 16):
                self.pieces.append(piece)

    @contextlib.contextmanager
    def at_hand(self) -> Iterator[None]:
        """This process reads from it and prints to it."""
        before = sys.stdin, sys.stdout, sys.stderr
        width = os.environ.get("COLUMNS")
        os.environ["COLUMNS"] = WIDE
        sys.stdin = Keys()
        sys.stdout, sys.stderr = (os.fdopen(os.dup(self.line), "w", encoding="utf-8", errors=how) for how in ("strict", "backslashreplace"))
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.close()
            sys.stdin, sys.stdout, sys.stderr = before
            del os.environ["COLUMNS"]
            if width is not None:
                os.environ["COLUMNS"] = width

    def read_rest(self) -> bytes:
        """Returns the bytes that were printed, and closes the line."""
        os.close(self.line)
        self.line = -1
        self.reader.join()
        return b"".join(self.pieces)

    def close(self) -> None:
        for end in (self.line, self.screen):
            if end >= 0:
                os.close(end)
