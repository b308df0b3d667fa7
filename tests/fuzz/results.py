"""Results of each target's long runs: stored with the fuzzer's corpus, printed as a table at the end of `make fuzz`."""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

DONE = re.compile(r"^#\d+\s+DONE\s+cov: (?P<places>\d+).* corp: (?P<kept>\d+)/", re.MULTILINE)
RUNS = re.compile(r"^Done (?P<inputs>\d+) runs in (?P<seconds>\d+) second", re.MULTILINE)
KEPT = "result.json"
HEAD = ("target", "inputs", "minutes", "of the processor", "places reached in the code", "inputs kept", "found")


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a run, or of several, each of which continued from what earlier ones had learned."""

    target: str
    inputs: int
    seconds: int  # by the clock
    processor: float  # seconds
    places: int
    kept: int
    found: int  # inputs that broke a promise

    def __add__(self, later: "Result") -> "Result":
        """Both runs as one: what was done adds up, what was learned is what the later one ended with."""
        return replace(
            later,
            inputs=self.inputs + later.inputs,
            seconds=self.seconds + later.seconds,
            processor=self.processor + later.processor,
            found=self.found + later.found,
        )

    @property
    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        minutes = (self.seconds / 60, self.processor / 60)
        return (
            f"`{self.target}`",
            f"{self.inputs:,}",
            *(f"{value:.0f}" for value in minutes),
            f"{self.places:,}",
            f"{self.kept:,}",
            f"{self.found}",
        )


def read(target: str, said: str, processor: float, found: int) -> Result | None:
    """Parse the last lines of libFuzzer; None where it did not finish."""
    done, runs = DONE.search(said), RUNS.search(said)
    if not (done and runs):
        return None
    return Result(target, int(runs["inputs"]), int(runs["seconds"]), processor, int(done["places"]), int(done["kept"]), found)


def keep(run: Result, directory: Path) -> None:
    """For the table, added to the runs before."""
    path = directory / KEPT
    total = load(path) + run if path.exists() else run
    path.write_text(json.dumps(asdict(total)))


def load(path: Path) -> Result:
    """Load a result that `keep` wrote."""
    return Result(**json.loads(path.read_text()))


def table(directory: Path) -> list[str]:
    """The lines of the table in Markdown, of all long runs of each target; none where nothing ran for long."""
    rows = [load(path).cells for path in sorted(directory.glob(f"*/{KEPT}"))]
    return [f"| {' | '.join(row)} |" for row in (HEAD, ("---", *("---:",) * (len(HEAD) - 1)), *rows)] if rows else []
