"""A suite, its cases and what came out: right, argued, wrong, or out of scope."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """Test case of a suite: its expected result and ours."""

    name: str
    right: bool
    detail: str = ""  # what was found instead
    beyond: str = ""  # why the case is out of scope, "" when it is not


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite of somebody else's, driven by `run` with the directory of the unpacked suites."""

    name: str
    cases: int  # that the suite is known to have
    run: Callable[[Path], Iterator[Case]]
    argued: Mapping[str, str] = field(default_factory=dict)  # case -> why the RFC is on our side


@dataclass(slots=True)
class Count:
    """Result of one suite."""

    suite: Suite
    right: int = 0
    argued: list[Case] = field(default_factory=list)
    wrong: list[Case] = field(default_factory=list)
    beyond: list[Case] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """All that were seen."""
        return self.right + len(self.argued) + len(self.wrong) + len(self.beyond)

    @property
    def faults(self) -> list[str]:
        """Reasons why the suite fails: a wrong case, an unneeded argument, missing cases."""
        unneeded = sorted(set(self.suite.argued) - {case.name for case in self.argued})
        found = [f"{case.name}: {case.detail}" for case in self.wrong] + [f"{name}: argued about, but right" for name in unneeded]
        return found if self.cases == self.suite.cases else [*found, f"{self.cases} cases instead of {self.suite.cases}"]


def counted(suite: Suite, directory: Path) -> Count:
    """Run a suite."""
    count = Count(suite)
    for case in suite.run(directory):
        if case.beyond:
            count.beyond.append(case)
        elif case.right:
            count.right += 1
        elif case.name in suite.argued:
            count.argued.append(case)
        else:
            count.wrong.append(case)
    return count
