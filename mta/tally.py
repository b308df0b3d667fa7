"""Numbers that several processes count together, in memory that they share: each writes a row of its own, all read the sum.

Who is counted has a cell by hash. Forked processes share the hash's key, which nobody outside knows; two who share a cell
are counted as one.
"""

import mmap

ROWS = 64  # processes that count at once, those that only finish their sessions included
CELLS = 1 << 14
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
        """This process counts in that row from here on, from nothing."""
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
            self.words[self._cell(self.row, CONNECTIONS, name)] += number

    def connections(self, name: str = "") -> int:
        """Of somebody, or of all."""
        if not name:
            return sum(self.words[1 + row * LENGTH + TOTAL] for row in range(self.words[0]))
        return sum(self.words[self._cell(row, CONNECTIONS, name)] for row in range(self.words[0]))

    def sent(self, name: str, minute: int) -> int:
        """Count a message of somebody; how many there were in this minute."""
        own = 1 + self.row * LENGTH
        if self.words[own + MINUTE] != minute:
            self._clear_table(self.row, MESSAGES)
            self.words[own + MINUTE] = minute
        self.words[self._cell(self.row, MESSAGES, name)] += 1
        current = (row for row in range(self.words[0]) if self.words[1 + row * LENGTH + MINUTE] == minute)
        return sum(self.words[self._cell(row, MESSAGES, name)] for row in current)

    def _cell(self, row: int, table: int, name: str) -> int:
        return 1 + row * LENGTH + NUMBERS + table * CELLS + hash(name) % CELLS

    def _clear_table(self, row: int, table: int) -> None:
        start = 1 + row * LENGTH + NUMBERS + table * CELLS
        self.words[start : start + CELLS] = NOTHING
