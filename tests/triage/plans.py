"""Query plans that SQLite, which has no statistics here, would choose for deliveries."""

from typing import Any

from sqlalchemy import Connection, Engine, event


def explained(engine: Engine) -> list[str]:
    """The steps of whatever reads or changes deliveries from now on, each with its statement."""
    steps: list[str] = []

    def explain(connection: Connection, _cursor: Any, words: str, values: Any, _context: Any, many: bool) -> None:
        if "delivery" in words and not many and words.startswith(("SELECT", "UPDATE")):
            rows = connection.connection.execute(f"EXPLAIN QUERY PLAN {words}", values)
            steps.extend(f"{row[3]} of {words}" for row in rows)

    event.listen(engine, "after_cursor_execute", explain)
    return steps
