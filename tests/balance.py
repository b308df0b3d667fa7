"""Spreads the files among pytest-xdist's workers: longest first, by what each took when `make durations` was run last.

`tests/durations.json` keeps the seconds of each file: by the clock where it mostly waits (real servers, a browser), of processor time where
it computes, which a busy machine changes little. Both kinds are mixed evenly, so that no processor is idle while others wait, and the last
files to begin are short ones.
"""

import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import effort

KEPT = Path(__file__).with_name("durations.json")
RENEW = "MAILROOM_DURATIONS"  # the environment variable that `make durations` sets
SHORTEST = 0.5  # seconds: files below are not recorded
WAITING = ("tests/deploy/", "tests/e2e/", "tests/faults/", "tests/mailboxes/", "tests/webui/")
PARTS = "tests/test_parts.py"
FUZZED = "tests/fuzz/test_targets.py"
# They share companies: the fixture `house`.
SHARE = ("tests/e2e/console/test_main_job.py", "tests/e2e/console/test_campaigns.py", "tests/e2e/delivery/test_recall.py")
TOGETHER = dict.fromkeys(SHARE, SHARE[0])

TAKEN = pytest.StashKey[dict[str, float]]()
BEGUN = pytest.StashKey[float]()


def recorded() -> dict[str, float]:
    """Returns what each file took when durations were last recorded."""
    return dict(json.loads(KEPT.read_text())) if KEPT.exists() else {}


def in_order(scopes: Iterable[str], known: Mapping[str, float]) -> list[str]:
    """Returns the scopes longest first, those that wait mixed with those that compute in proportion to their lengths."""
    ordered = sorted(scopes, key=lambda scope: (-known.get(scope, SHORTEST), scope))
    waiting = [scope for scope in ordered if scope.startswith(WAITING)]
    computing = [scope for scope in ordered if not scope.startswith(WAITING)]
    placed = [(place, scope) for kind in (waiting, computing) for place, scope in placed_by_time(kind, known)]
    return [scope for _, scope in sorted(placed)]


def placed_by_time(scopes: list[str], known: Mapping[str, float]) -> Iterator[tuple[float, str]]:
    """Yields each scope with the share of its kind's time that is spent before it."""
    whole = sum(known.get(scope, SHORTEST) for scope in scopes)
    before = 0.0
    for scope in scopes:
        yield before / whole, scope
        before += known.get(scope, SHORTEST)


def scope_of(nodeid: str) -> str:
    """Returns what one worker runs as a whole: a file, the files that share companies, or a single test.

    Single tests are the parts of the suite and, in `make fuzz`, the targets, minutes each.
    """
    file = nodeid.partition("::")[0]
    return nodeid if file == PARTS or (file == FUZZED and effort.LONG) else TOGETHER.get(file, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives xdist a scheduler that hands out files in our order."""
    from xdist.scheduler import LoadScopeScheduling

    class Balanced(LoadScopeScheduling):  # type: ignore[misc]
        """Files, longest first."""

        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

        def _assign_work_unit(self, node: Any) -> None:
            if not self.assigned_work.get(node):
                self.order()
            super()._assign_work_unit(node)

        def order(self) -> None:
            known = recorded()
            for scope in in_order(list(self.workqueue), known):
                self.workqueue.move_to_end(scope)

    config.option.loadscopereorder = False
    return Balanced(config, log)


def processor_seconds() -> float:
    """Returns the processor time of this process and of all that it started and that ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Notes the processor time of a test with its reports."""
    item.stash[BEGUN] = processor_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Adds the processor time since the last report to this one."""
    report = yield
    now = processor_seconds()
    report.processor = now - item.stash.get(BEGUN, now)
    item.stash[BEGUN] = now
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Begins counting."""
    config.stash[TAKEN] = {}
    config.pluginmanager.register(Recorder(config), "durations")


class Recorder:
    """Adds up what each scope takes, and writes it at the end where that is wanted."""

    def __init__(self, config: pytest.Config) -> None:
        self.taken = config.stash[TAKEN]
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts one phase of a test."""
        scope = scope_of(report.nodeid)
        busy = min(getattr(report, "processor", 0.0), report.duration)  # what ends now may have worked for other files too
        self.taken[scope] = self.taken.get(scope, 0.0) + (report.duration if scope.startswith(WAITING) else busy)

    def pytest_sessionfinish(self) -> None:
        """Writes `tests/durations.json`, on the process that hears of all tests; files that did not run keep what they had."""
        wanted = os.environ.get(RENEW, "")
        if not wanted or hasattr(self.config, "workerinput"):
            return
        kept = {**recorded(), **self.taken}
        there = {name: took for name, took in kept.items() if (KEPT.parents[1] / name.partition("::")[0]).exists() and took >= SHORTEST}
        KEPT.write_text(json.dumps({name: round(took, 1) for name, took in sorted(there.items())}, indent=0) + "\n")
