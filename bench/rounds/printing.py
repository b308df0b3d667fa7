"""Prints a claim's table, and on what it was measured."""

import os
import platform
import statistics
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence

from tests.peers.processes import Missing

Row = Sequence[str]


def print_table(head: Row, rows: Sequence[Row]) -> None:
    """The first column to the left, figures to the right."""
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    for line in (head, *rows):
        cells = [
            cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print(flush=True)


def find_percentile(values: Sequence[float], part: float) -> float:
    """Find a percentile of the values (0.95: the 95th); 0 without values."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0


def print_machine(*versions: str, others: Sequence[float]) -> None:
    """The machine without its name, and how many of its processors other work kept busy during the runs."""
    print(f"{', '.join((describe_machine(), *versions))}; writing 20 KB and fsync: {fsync_milliseconds():.2f} ms")
    print(f"Processors that other work kept busy meanwhile: {statistics.median(others):.2f}\n", flush=True)


def describe_machine() -> str:
    """Describe the processors, the system and the interpreter, without the machine's name."""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} processors, {system}, Python {platform.python_version()} ({describe_build()})"


def describe_build() -> str:
    """Describe who built the interpreter, and how: one without profile-guided optimisation takes about a tenth more time."""
    if sys.base_prefix == "/usr":
        return f"the system's, {platform.python_compiler()}"
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return f"built apart, {platform.python_compiler()}, {'' if '--enable-optimizations' in arguments else 'not '}optimised"


def fsync_milliseconds(times: int = 50) -> float:
    """Measure the median time to write and fsync 20 KB in the temporary directory, in milliseconds."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(times):
            begun = time.perf_counter()
            file.write(os.urandom(20 * 1024))
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def format_ratio(value: float, other: float) -> str:
    """A ratio, as it is printed."""
    return f"{value / other:.2f} ×"


def print_missing(peer: Missing) -> int:
    """Say what is to be installed; the exit code."""
    print(f"mailroom: {peer}", file=sys.stderr)
    return 1
