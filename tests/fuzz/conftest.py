"""Prints what came of the long runs."""

import pytest

from tests.fuzz import results
from tests.fuzz.test_targets import KEPT, SECONDS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table of what was tried and found."""
    for line in results.table(KEPT) if SECONDS else ():
        terminalreporter.write_line(line)
