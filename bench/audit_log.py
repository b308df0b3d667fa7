"""Claim: a trail of 1,000,000 records is verified in flat memory, and on SQLite in under five minutes.

`mailroom audit verify` as a process of its own: every record read, hashed and compared with the one before. Beside it the floor: the
same rows read and nothing done with them. `--size N` for another number.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert
from sqlmodel import SQLModel

from bench.rounds import printing, processor
from migrations.upgrade import upgrade
from tests.peers import postgresql, processes
from tests.triage.arriving import NOW
from triage import ids
from triage.compliance.audit import hash_chain, verify_chain
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.markers import Marker

SIZE = 1_000_000
AT_ONCE = 10_000
TABLE = SQLModel.metadata.tables["audit_record"]
COLUMNS = tuple(column.name for column in TABLE.columns)
ACTS = ("receive", "claim", "deliver", "view", "release")


def main() -> int:
    """Measure and print."""
    if "--verify" in sys.argv:
        return verify_once(sys.argv[-1])
    heads = ("records", "seconds", "CPU seconds", "reading alone, seconds", "greatest memory, MB")
    return measure_databases(heads, lambda url, _directory: partial(measure_size, url))


def measure_databases(heads: tuple[str, ...], begin: Callable[[str, Path], Callable[[int], tuple[str, ...]]]) -> int:
    """Measure a tenth of the size and all of it on both databases, and print the figures under `heads`.

    `begin`: begins with a database, of a url, and a directory; what it returns fills the database up to a size, and measures.
    """
    size = int(sys.argv[sys.argv.index("--size") + 1]) if "--size" in sys.argv else SIZE
    watch = processor.Watch(())
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(processes.short_directory("audit"))
        try:
            server = stack.enter_context(postgresql.start_cluster())
        except processes.Missing as missing:
            return printing.print_missing(missing)
        rows = []
        for kind, url in (("SQLite", f"sqlite:///{directory}/audit.db"), ("PostgreSQL", server.create("audit"))):
            measure = begin(url, directory / kind)
            rows += [(kind, f"{part:,}", *measure(part)) for part in (size // 10, size)]
    printing.print_table(("", *heads), rows)
    printing.print_machine(others=[watch.stop()[2]])
    return 0


def verify_apart(program: str, url: str) -> dict[str, Any]:
    """Runs a bench once more as a process of its own, which verifies; its figures."""
    command = [sys.executable, "-P", program, "--verify", url]
    said: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout)
    return said


def measure_size(url: str, size: int) -> tuple[str, str, str, str]:
    """Fill up to so many and verify; the floor beside it."""
    engine = db.open_engine(url)
    upgrade(engine)
    fill_chain(engine, size)
    begun = time.perf_counter()
    with db.read_transaction(engine) as session:
        sequence = 0
        while some := hash_chain.chained_after(session, sequence):
            sequence = some[-1].sequence or 0
            session.expunge_all()
    floor = time.perf_counter() - begun
    engine.dispose()
    said = verify_apart(__file__, url)
    assert said["records"] == size, said
    assert said["fault"] == "", said
    return f"{said['seconds']:.0f}", f"{said['cpu']:.0f}", f"{floor:.0f}", f"{said['memory']:.0f}"


def verify_once(url: str) -> int:
    """Verifies the audit log once in this process, and prints the figures."""
    engine = db.open_engine(url)
    begun, used = time.perf_counter(), time.process_time()
    with db.read_transaction(engine) as session:
        found = verify_chain.verify_chain(session)
    said = {"records": found.records, "fault": found.fault, "seconds": time.perf_counter() - begun, "cpu": time.process_time() - used}
    print(json.dumps(said | {"memory": most_memory()}))
    return 0


def most_memory() -> float:
    """The greatest resident size of this program, in MB. getrusage would count what its parent held when it was started."""
    return next(int(line.split()[1]) / 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))


def fill_chain(engine: Engine, size: int) -> None:
    """Chain records as the sealer does, up to so many."""
    with db.read_transaction(engine) as session:
        head = session.get(Marker, hash_chain.HEAD)
        sequence, previous = (head.number, head.text) if head else (0, "")
    while sequence < size:
        rows = []
        for number in range(sequence + 1, min(sequence + AT_ONCE, size) + 1):
            row = AuditRecord(
                id=ids.new_id(),
                at=NOW,
                by="system:relay",
                act=ACTS[number % len(ACTS)],
                subject=f"delivery:{ids.format_id(number)}",
                detail={"reply": "250 2.0.0 taken", "next_hop": "lmtp://127.0.0.1:24"},
                items=1,
                digest=f"{number:064x}",
                sequence=number,
                previous=previous,
            )
            row.sealed = previous = hash_chain.hash_of(row)
            rows.append({name: getattr(row, name) for name in COLUMNS})
        sequence = rows[-1]["sequence"]
        with db.transaction(engine) as session:
            session.execute(insert(TABLE), rows)
            session.merge(Marker(name=hash_chain.HEAD, number=sequence, text=previous))


if __name__ == "__main__":
    sys.exit(main())
