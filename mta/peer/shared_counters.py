"""Numbers that several processes count together, in memory that they share: each writes a row of its own, all read the sum.

Who is counted has two cells by hash, one in each half of a table, and the smaller number counts: only who shares both with
others is taken for more than they are (a count-min sketch). Forked processes share the hash's key, which nobody outside knows.
"""

import mmap
from collections.abc import Iterable

ROWS = 64  # processes that count at once, those that only finish their sessions included
CELLS = 1 << 14
HALF = CELLS // 2
WORD = 4  # bytes
NOTHING = memoryview(bytes(CELLS * WORD)).cast("I")

CONNECTIONS, MESSAGES, TABLES = 0, 1, 2
TOTAL, MINUTE, NUMBERS = 0, 1, 2  # single numbers of a row, before its tables
LENGTH = NUMBERS + TABLES * CELLS  # words of a row


class Tally:
    """Connections, and messages in this minute."""

    def __init__(self) -> None:
        self.row = 0
        self.words = memoryview(mmap.mmap(-1, (1 + ROWS * LENGTH) * WORD)).cast("I")
        self.words[0] = 1  # rows that were ever in use

    def open_row(self, row: int) -> None:
        """Let a row count that a process will take. Only the process that forks the others does so: two at once could lose a row."""
        self.words[0] = max(self.words[0], row + 1)

    def take_row(self, row: int) -> None:
        """Makes this process count in a row from here on, from nothing."""
        self.row = row
        self.clear(row)

    def clear(self, row: int) -> None:
        """The process of this row has ended: its clients are gone."""
        start = 1 + row * LENGTH
        self.words[start] = self.words[start + MINUTE] = 0
        for table in range(TABLES):
            self._clear_table(row, table)

    def came(self, name: str, number: int = 1) -> None:
        """A connection of somebody was made, or with -1 is gone; "" is nobody in particular."""
        self.words[1 + self.row * LENGTH + TOTAL] += number
        if name:
            self._add(CONNECTIONS, name, number)

    def connections(self, name: str = "") -> int:
        """Counts the connections of one client, or of all."""
        if not name:
            return sum(self.words[1 + row * LENGTH + TOTAL] for row in range(self.words[0]))
        return self._total(CONNECTIONS, name, range(self.words[0]))

    def sent(self, name: str, minute: int) -> int:
        """Count a message of somebody; how many there were in this minute."""
        own = 1 + self.row * LENGTH
        if self.words[own + MINUTE] != minute:
            self._clear_table(self.row, MESSAGES)
            self.words[own + MINUTE] = minute
        self._add(MESSAGES, name, 1)
        current = [row for row in range(self.words[0]) if self.words[1 + row * LENGTH + MINUTE] == minute]
        return self._total(MESSAGES, name, current)

    def _add(self, table: int, name: str, number: int) -> None:
        start = table_of(self.row, table)
        for cell in cells_of(name):
            self.words[start + cell] += number

    def _total(self, table: int, name: str, rows: Iterable[int]) -> int:
        starts = [table_of(row, table) for row in rows]
        return min(sum(self.words[start + cell] for start in starts) for cell in cells_of(name))

    def _clear_table(self, row: int, table: int) -> None:
        start = table_of(row, table)
        self.words[start : start + CELLS] = NOTHING


def table_of(row: int, table: int) -> int:
    """Returns the offset of a row's table, in words."""
    return 1 + row * LENGTH + NUMBERS + table * CELLS


def cells_of(name: str) -> tuple[int, int]:
    """The two cells of a name in a table; of one hash these are independent numbers."""
    number = hash(name)
    return number % HALF, HALF + number // HALF % HALF
