"""Claim: the state is compared with an audit log of 1,000,000 entries in flat memory, and on SQLite in under five minutes.

`mailroom audit verify --state` as a process of its own: three entries for each delivery (received, claimed, delivered) and one for a
decision that released five of them, spread over 400 days. `--size N` for another number of entries.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, insert
from sqlmodel import SQLModel

from bench import audit_log
from migrations.upgrade import upgrade
from tests import conftest
from tests.triage import arriving
from tests.triage.arriving import NOW
from triage import ids
from triage.actor import Actor
from triage.compliance.audit import hash_chain, verify_state
from triage.store import db, ledger
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.provable_rows import row_sums

AT_ONCE = 1_000  # messages
EACH, DECIDED, DAYS = 3, 5, 400  # entries of a delivery alone, deliveries of a decision
ENTRIES = AT_ONCE * EACH + AT_ONCE // DECIDED  # of a slice
TABLES = {name: SQLModel.metadata.tables[name] for name in ("audit_record", "delivery", "decision", "decision_item")}


def main() -> int:
    """Measure and print."""
    if "--verify" in sys.argv:
        return verify_once(sys.argv[-1])
    heads = ("entries", "rows", "seconds", "CPU seconds", "entries a CPU second", "greatest memory, MB")
    return audit_log.measure_databases(heads, lambda url, directory: Filled(url, directory).measure)


class Filled:
    """A database with more and more entries."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url, self.engine = url, db.open_engine(url)
        upgrade(self.engine)
        directory.mkdir()
        settings = conftest.settings_in(directory)
        with db.transaction(self.engine) as session:
            arriving.set_up(session, settings)
            (number,) = arriving.arrive(session, settings)
            self.delivery = db.columns_of(session.get_one(Delivery, number))
        with db.transaction(self.engine) as session:
            hash_chain.seal_entries(session)
        self.made = 0

    def measure(self, size: int) -> tuple[str, ...]:
        """Fill up to so many entries and verify."""
        while self.made < size:
            fill_slice(self.engine, self.delivery, self.made)
            self.made += ENTRIES
        said = audit_log.verify_apart(__file__, self.url)
        assert said["different"] == 0, said
        numbers = (f"{said['seconds']:.0f}", f"{said['cpu']:.1f}", f"{size / said['cpu']:,.0f}", f"{said['memory']:.0f}")
        return (f"{said['compared']:,}", *numbers)


def fill_slice(engine: Engine, template: dict[str, object], made: int) -> None:
    """Adds messages, each received, released, claimed and delivered, of the next days."""
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in TABLES}
    day = made // ENTRIES % DAYS
    first = ids.first_id_at(NOW - timedelta(days=day)) + made
    relay, staff = arriving.SYNC, arriving.ANA
    for number in range(first, first + AT_ONCE):
        rows["delivery"].append(
            template | {"id": number, "recipient": f"{number}@company.example", "state": "delivered", "settled_at": NOW}
        )
        subject = f"delivery:{ids.format_id(number)}"
        entered = row_sums.sum_states([(number, "held")])
        rows["audit_record"].append(ledger.record_of("receive", subject, by=relay, now=NOW, items=1, digest=entered.format_digest()))
        if (number - first) % DECIDED == DECIDED - 1:
            decide(rows, number, staff)
        for act, before, after in (("claim", "queued", "relaying"), ("deliver", "relaying", "delivered")):
            sums = row_sums.sum_changes([(number, before, after)])
            rows["audit_record"].append(ledger.record_of(act, subject, by=relay, now=NOW, items=1, digest=sums.format_digest()))
    with db.transaction(engine) as session:
        head = session.get_one(Marker, hash_chain.HEAD)
        for place, row in enumerate(rows["audit_record"], head.number + 1):
            row |= {"sequence": place, "sealed": f"{place:064x}"}
        head.number += len(rows["audit_record"])
        for name, table in TABLES.items():
            session.execute(insert(table), rows[name])


def decide(rows: dict[str, list[dict[str, object]]], last: int, by: Actor) -> None:
    """A decision that released the last five deliveries."""
    said = {"selection": {}, "reason": "known", "count": DECIDED, "done": DECIDED, "target": "", "second_by": "", "second_by_shown": ""}
    said |= {"outside": 0, "confirmed": [], "confidential": "", "agreed": {}, "undone_by": None, "undoes": None, "last": None}
    said |= {"reached": 0, "order": {}, "idempotency_key": None, "keys": None, "milliseconds": None}
    decision = {"id": last, "at": NOW, "by": str(by), "by_shown": by.shown, "verb": "release"} | said
    rows["decision"].append(decision)
    mine = range(last - DECIDED + 1, last + 1)
    rows["decision_item"] += [
        {"decision_id": last, "delivery_id": one, "before": "held", "outcome": "done", "why": "", "why_form": None} for one in mine
    ]
    sums = row_sums.sum_changes((one, "held", "queued") for one in mine)
    sums.merge(row_sums.sum_items((last, one, "held") for one in mine))
    sums.merge(row_sums.sum_decisions([(last, *(decision[name] for name in row_sums.NAMES))]))
    subject = row_sums.subject_of(last)
    rows["audit_record"].append(ledger.record_of("release", subject, by=by, now=NOW, items=DECIDED, digest=sums.format_digest()))


def verify_once(url: str) -> int:
    """Compares the state once in this process, and prints the figures."""
    engine = db.open_engine(url)
    begun, used = time.perf_counter(), time.process_time()
    with db.read_transaction(engine) as session:
        found = verify_state.verify_state(session)
    said = {"compared": found.compared, "different": found.different, "first": found.differences[:1]}
    print(json.dumps(said | {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used, "memory": audit_log.most_memory()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
