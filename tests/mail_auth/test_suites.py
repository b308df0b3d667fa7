"""The conformance suites that others wrote, each with the differences that we want and why; conformance.py prints the counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mail_auth import conformance
from tests.mail_auth.suites.counting import Case, Suite, counted


@pytest.fixture(scope="module")
def suites(corpus: Path) -> Iterator[Path]:
    """The suites, unpacked."""
    with conformance.unpacked(corpus) as directory:
        yield directory


@pytest.mark.corpus
@pytest.mark.timeout(120)
@pytest.mark.parametrize("suite", conformance.SUITES, ids=lambda suite: suite.name)
def test_suite(suites: Path, suite: Suite) -> None:
    count = counted(suite, suites)
    assert not count.faults
    assert count.right > suite.cases / 4


def test_what_is_wrong_is_said() -> None:
    def run(directory: Path) -> Iterator[Case]:
        yield Case("good", True)
        yield Case("bad", False, "fail instead of pass")
        yield Case("other", False, "none instead of pass")
        yield Case("old", False, "", "historic")

    count = counted(Suite("invented", 5, run, {"other": "RFC 1", "good": "RFC 2"}), Path())
    assert (count.cases, count.right, len(count.argued), len(count.beyond)) == (4, 1, 1, 1)
    assert count.faults == ["bad: fail instead of pass", "good: argued about, but right", "4 cases instead of 5"]
    assert "argued: invented: RFC 1: other" in list(conformance.shown([count]))
