"""Repeats a test with a browser or real servers once when a wait ran out, and reports it as flaky in the closing lines.

Only two failures are repeated: the browser did not show something in time, or a server did not start in time. A failed assertion
about mail, states or records fails the run, and so does every test of faults. MAILROOM_AGAIN=no repeats nothing: `make flaky` counts
every failure.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from playwright.sync_api import Error

from tests.peers.processes import SlowStart

FOLDERS = ("tests/deploy/", "tests/e2e/", "tests/mailboxes/", "tests/webmail/", "tests/webui/")  # real servers or a browser
REPEATED = FOLDERS if os.environ.get("MAILROOM_AGAIN") != "no" else ()
FLAKY = "flaky"  # the property of a report that carries how the first run ended
FOUND = pytest.StashKey[list[tuple[str, str, str]]]()  # test, outcome when repeated, how the first run ended


def ran_out(fault: BaseException) -> bool:
    """Whether a wait for a browser or for a server's start ended without what it waited for.

    What playwright's `expect` says of something that is shown, and says something else, is a failed assertion.
    """
    said = str(fault)
    in_browser = isinstance(fault, Error) and "Timeout" in said
    not_shown = isinstance(fault, AssertionError) and "element(s) not found" in said and "with timeout" in said
    return isinstance(fault, SlowStart) or in_browser or not_shown


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Notes with a report whether a wait ran out."""
    report = yield
    report.ran_out = call.excinfo is not None and ran_out(call.excinfo.value)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Runs a test, and once more when a wait ran out."""
    if not item.nodeid.startswith(REPEATED or ("no test",)):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    failed: list[Any] = [report for report in reports if report.failed]
    if failed and all(report.ran_out for report in failed):
        first = "\n".join([failed[0].longreprtext, *(text for report in reports for _, text in report.sections)])
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        reports[-1].user_properties.append((FLAKY, first))
        for report in reports:
            if report.failed:
                report.sections.append(("the first run", first))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_configure(config: pytest.Config) -> None:
    """Begins to collect."""
    config.stash[FOUND] = []
    config.pluginmanager.register(Collector(config), "flaky tests")


class Collector:
    """Hears of all reports, also those of workers."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps what has to be said at the end."""
        for name, text in report.user_properties:
            if name == FLAKY:
                self.config.stash[FOUND].append((report.nodeid, report.outcome, str(text)))
            elif name == "closing line":
                self.config.stash[FOUND].append((report.nodeid, str(text), ""))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows how first runs of flaky tests ended, names these tests, and says what other parts wanted to say."""
    found = config.stash[FOUND]
    for test, _, first in found:
        if first:
            terminalreporter.section(f"first run of {test}", "-")
            terminalreporter.write_line(first)
    for test, said, first in found:
        terminalreporter.write_line(f"FLAKY {test}: a wait ran out, and it was repeated" if first else said)
