"""Prints what came of the faults."""

import pytest

from tests.faults import campaign


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table of what was promised and kept."""
    for line in campaign.table():
        terminalreporter.write_line(line)
