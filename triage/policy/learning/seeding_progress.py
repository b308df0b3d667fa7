"""Progress of seeding in each sent folder, so that the next run, or the rest of an interrupted one, learns nothing twice."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete
from sqlmodel import Session, SQLModel, col, select

from triage.store import db
from triage.store.models.contacts import SeededFolder

TABLE = SQLModel.metadata.tables["seeded_folder"]
NUMBERED = ("source", "account", "folder", "validity")
OUTDATED = delete(TABLE).where(
    and_(*(TABLE.c[name] == bindparam(f"its_{name}") for name in NUMBERED[:3])), TABLE.c.validity != bindparam("its_validity")
)


class ReadPart(NamedTuple):
    """Part of a folder that was read: everything up to `last` that was written on or after the day `since` ("": everything)."""

    since: str
    validity: str
    last: str


def read_progress(session: Session, source: str) -> dict[str, dict[str, list[ReadPart]]]:
    """Returns everything that was read of a source, by account and folder."""
    found: dict[str, dict[str, list[ReadPart]]] = {}
    for row in session.exec(select(SeededFolder).where(col(SeededFolder.source) == source)):
        found.setdefault(row.account, {}).setdefault(row.folder, []).append(ReadPart(row.since, row.validity, row.last))
    return found


class Read(NamedTuple):
    """Number of messages that were read in a folder, and how far."""

    account: str
    folder: str
    part: ReadPart
    messages: int


def remember_progress(session: Session, source: str, read: Iterable[Read], *, now: datetime) -> None:
    """Stores how much more was read, in this order. Counts from before a folder was renumbered (UIDVALIDITY) are dropped."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for account, folder, part, messages in read:
        before = rows.get((account, folder, part.since))
        same = before is not None and before["validity"] == part.validity
        rows[account, folder, part.since] = {
            "source": source,
            "account": account,
            "folder": folder,
            **part._asdict(),
            "messages": messages + (before["messages"] if before and same else 0),
            "read_at": now,
        }
    if rows:
        connection = session.connection()
        connection.execute(OUTDATED, [{f"its_{name}": row[name] for name in NUMBERED} for row in rows.values()])
        statement = db.inserting_or(TABLE, db.is_postgresql(session))
        new = statement.excluded
        values = {"validity": new.validity, "last": new.last, "messages": TABLE.c.messages + new.messages, "read_at": new.read_at}
        connection.execute(statement.on_conflict_do_update(index_elements=list(TABLE.primary_key), set_=values), list(rows.values()))
