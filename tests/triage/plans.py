"""Ways by which SQLite, which has no statistics here, and PostgreSQL would find the rows that are asked for."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event

LARGE = (
    "delivery",
    "message",
    "content",
    "attempt",
    "decision_item",
    "audit_record",
    "message_words",
)  # tables that grow with every message
STEP = re.compile(r"^(SEARCH|SCAN) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|(INTEGER PRIMARY KEY|ROWID SEARCH)))?")


def explained(engine: Engine) -> list[str]:
    """The steps of whatever reads or changes deliveries from now on, each with its statement."""
    steps: list[str] = []

    def explain(connection: Connection, _cursor: Any, words: str, values: Any, _context: Any, many: bool) -> None:
        if "delivery" in words and not many and words.startswith(("SELECT", "UPDATE")):
            rows = connection.connection.execute(f"EXPLAIN QUERY PLAN {words}", values)
            steps.extend(f"{row[3]} of {words}" for row in rows)

    event.listen(engine, "after_cursor_execute", explain)
    return steps


@dataclass(frozen=True, slots=True)
class Way:
    """Way in which one table is read in one step of a statement."""

    table: str
    index: str  # "": none, all rows
    walked: bool  # from one end of the index on: the statement must stop by itself
    words: str

    @property
    def is_full(self) -> bool:
        """Whether every row of the table is read, or of an index without an end."""
        return not self.index or (self.walked and "LIMIT" not in self.words)


@contextmanager
def watch_ways(engine: Engine) -> Iterator[list[Way]]:
    """The ways to the large tables of every statement within."""
    ways: list[Way] = []
    find = ways_on_postgresql if engine.dialect.name == "postgresql" else ways_on_sqlite

    def explain(connection: Connection, _cursor: Any, words: str, values: Any, _context: Any, many: bool) -> None:
        if not many and words.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            ways.extend(find(connection.connection, words, values))

    event.listen(engine, "after_cursor_execute", explain)
    yield ways
    event.remove(engine, "after_cursor_execute", explain)


def ways_on_sqlite(driver: Any, words: str, values: Any) -> Iterator[Way]:
    """The ways that SQLite says in sentences; an alias is called `delivery_1`."""
    for row in driver.execute(f"EXPLAIN QUERY PLAN {words}", values):
        if (found := STEP.match(row[3])) and (table := re.sub(r"_\d+$", "", found[2])) in LARGE:
            yield Way(table, found[3] or found[4] or "", found[1] == "SCAN", words)


def ways_on_postgresql(driver: Any, words: str, values: Any) -> Iterator[Way]:
    """The ways of PostgreSQL's tree."""
    said = driver.execute(f"EXPLAIN (FORMAT JSON) {words}", values).fetchone()[0]
    yield from ways_of_node((said if isinstance(said, list) else json.loads(said))[0]["Plan"], "", words)


def ways_of_node(node: dict[str, Any], table: str, words: str) -> Iterator[Way]:
    """The ways of a node and of what it asks."""
    table = node.get("Relation Name", table)
    if node["Node Type"] == "Seq Scan" and table in LARGE:
        yield Way(table, "", True, words)
    elif index := node.get("Index Name"):
        bound = "Index Cond" in node
        for known in LARGE:
            if table == known or (not table and index.startswith(known)):
                yield Way(known, index, not bound, words)
    for child in node.get("Plans", ()):
        yield from ways_of_node(child, table if node["Node Type"] == "Bitmap Heap Scan" else "", words)
