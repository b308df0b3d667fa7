"""Breaks modules and says what survived: `python -m tests.mutants.run [--most N] [MODULE…]` (README.md).

`make mutants` breaks all of them. One process of pytest a processor. `--most`: try so many mutants a module, the same ones every time,
beside those that are listed. Prints the table, and each mutant that no test has noticed; exit code 1 when there is one.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from tests.mutants.breaking import ROOT, mutants_of
from tests.mutants.within import RUNS, equivalents, files_of

RESULTS = ROOT / "var" / "mutants"
KILLED = "killed"


def break_module(module: str, most: int | None = None) -> dict[str, Any]:
    """Run the mutants of a module; return the result. RuntimeError when the run did not finish."""
    result, began = RESULTS / f"{module}.json", time.monotonic()
    result.unlink(missing_ok=True)
    with result.with_suffix(".log").open("wb") as log:
        command = [sys.executable, "-m", "tests.mutants.within", module, str(result), *([str(most)] if most is not None else [])]
        code = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=log, check=False).returncode
    if not result.exists():
        raise RuntimeError(f"{module} was not broken: pytest ended with {code}; see {result.with_suffix('.log')}")
    found: dict[str, Any] = json.loads(result.read_text())
    return found | {"minutes": (time.monotonic() - began) / 60}


def table(found: dict[str, dict[str, Any]]) -> Iterable[str]:
    """The table as Markdown, a line for each module."""
    yield "| module | mutants | tried | killed | survived | equivalent | minutes |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    known = equivalents()
    for module, result in found.items():
        tried = result["mutants"]
        killed = sum(one["how"] == KILLED for one in tried)
        every = [one for file in files_of(module) for one in mutants_of(file)]
        same = sum(one.name in known for one in every)
        numbers = (len(every), len(tried), killed, len(tried) - killed, same)
        yield f"| `{module}` | {' | '.join(f'{number:,}' for number in numbers)} | {result['minutes']:.1f} |"


def stale() -> list[str]:
    """Equivalent mutants that are written down and that the code no longer has."""
    every = {one.name for module in RUNS for file in files_of(module) for one in mutants_of(file)}
    return [" ".join(one) for one in sorted(equivalents() - every)]


def main() -> int:
    """Break all modules, or those that are named."""
    parser = argparse.ArgumentParser(description="Break modules and say which mutants no test has noticed.")
    parser.add_argument("modules", nargs="*", choices=[*RUNS, []], metavar="MODULE", help=", ".join(RUNS))
    parser.add_argument("--most", type=int, metavar="N", help="try so many mutants a module beside the listed ones")
    asked = parser.parse_args()
    named = asked.modules or [*RUNS]
    RESULTS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as at_once:
        found = dict(zip(named, at_once.map(partial(break_module, most=asked.most), named), strict=True))
    lost = [one for result in found.values() for one in result["mutants"] if one["how"] != KILLED]
    for result in found.values():
        for test in result["broken already"]:
            sys.stdout.write(f"FAILS WITHOUT A MUTANT {test}\n")
    for one in lost:
        sys.stdout.write(f"{one['how'].upper()} {one['place']} {one['name'][1]}: {one['name'][2]}\n")
    for one in stale():
        sys.stdout.write(f"EQUIVALENT, BUT GONE {one}\n")
    sys.stdout.write("\n".join(table(found)) + "\n")
    return 1 if lost or stale() else 0


if __name__ == "__main__":
    sys.exit(main())
