"""A copy of what learning needs, to be thrown away: whoever tries something out on it changes nothing and waits for nobody."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, insert, select
from sqlmodel import SQLModel

from triage.store import db
from triage.store.models.contacts import Contact, PostedList, SeededFolder
from triage.store.models.directory import Department, KnownRecipient, MailGroup, Person
from triage.store.models.markers import Marker

COPIED = (
    Department,
    Person,
    MailGroup,
    KnownRecipient,
    Contact,
    PostedList,
    SeededFolder,
    Marker,
)
AT_ONCE = 1000  # rows


@contextmanager
def make_scratch(engine: Engine) -> Iterator[Engine]:
    """The directory, and whom we know, in a SQLite file of their own."""
    with tempfile.TemporaryDirectory(prefix="mailroom-") as directory:
        copy = db.open_engine(f"sqlite:///{Path(directory)}/scratch.db")
        try:
            SQLModel.metadata.create_all(copy)
            with db.read_transaction(engine) as source, db.transaction(copy) as target:
                for table in COPIED:
                    columns = SQLModel.metadata.tables[str(table.__tablename__)]
                    for rows in source.execute(select(columns)).mappings().partitions(AT_ONCE):
                        target.execute(insert(columns), [dict(row) for row in rows])
            yield copy
        finally:
            copy.dispose()
