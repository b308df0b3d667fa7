"""Describes all that a database is made of, to compare two: tables, columns, constraints, indexes, triggers, functions."""

import os
import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from tests.peers.postgresql import find_binaries

COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(:name)'
REFERENCES = 'SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(:name) ORDER BY "from"'
KINDS = "SELECT type, wr, strict FROM pragma_table_list(:name)"  # wr: without rowid
INDEXES = 'SELECT name, "unique", origin, partial FROM pragma_index_list(:name)'
INDEXED = "SELECT name, desc, coll, key FROM pragma_index_xinfo(:name)"
SAID = ("CHECK", "COLLATE", "GENERATED")  # what SQLite has no list of
NONCE = "\\restrict", "\\unrestrict"  # lines with a word that pg_dump makes up each time


def describe(engine: Engine) -> list[Any]:
    """Entries of all that is in it, in any order; the entry of a table lists the columns in their order."""
    return describe_sqlite(engine) if engine.dialect.name == "sqlite" else dump(engine, "--schema-only")


def describe_sqlite(engine: Engine) -> list[Any]:
    """Each table, and the words that made each virtual table, index and trigger."""
    found: list[Any] = []
    with engine.connect() as connection:

        def ask(question: str, name: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.execute(text(question), {"name": name})]

        for kind, name, sql in connection.execute(text("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")).all():
            if kind != "table" or "VIRTUAL" in sql:
                found.append((f"made {kind}", name, " ".join(sql.split())))
                continue
            unnamed = sorted((*rest, *ask(INDEXED, index)) for index, *rest in ask(INDEXES, name))
            counts = [sql.upper().count(word) for word in SAID]
            found.append((kind, name, ask(COLUMNS, name), ask(REFERENCES, name), ask(KINDS, name), unnamed, counts))
    return sorted(found)


def ignore_order(described: list[Any]) -> list[Any]:
    """The same whatever order the columns of a table are in: a column that was missing is added as the last one."""
    if isinstance(described[0], str):
        return sorted(line.strip().rstrip(",") for line in described)
    return [(*one[:2], sorted(one[2]), *one[3:]) if one[0] == "table" else one for one in described]


def dump(engine: Engine, *options: str) -> list[str]:
    """Lines of what pg_dump writes of a PostgreSQL database."""
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command: list[str | Path] = [find_binaries() / "pg_dump", "--no-owner", *options, address]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"LC_ALL": "C"})
    return [line for line in done.stdout.splitlines() if not line.startswith(NONCE)]
