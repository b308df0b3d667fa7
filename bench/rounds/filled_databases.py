"""Databases that are filled once and asked again: with `--kept DIRECTORY` they stay there, without it they are gone afterwards."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, literal, select

from tests.peers import postgresql, processes
from triage.store import db
from triage.store.models.deliveries import Delivery


@contextlib.contextmanager
def find_place(name: str, wanted: str | None) -> Iterator[Path]:
    """Yield the directory of a program's files: the one given by `--kept`, else a temporary one."""
    if wanted is None:
        with processes.short_directory(name) as directory:
            yield directory
        return
    directory = Path(wanted).resolve() / name
    directory.mkdir(parents=True, exist_ok=True)
    yield directory


def start_server(directory: Path) -> contextlib.AbstractContextManager[postgresql.Server]:
    """A PostgreSQL whose cluster lies there."""
    return postgresql.start_cluster(directory / "postgresql")


def is_empty(engine: Engine) -> bool:
    """Whether it is still to be filled."""
    with db.read_transaction(engine) as session:
        return session.scalar(select(literal(1)).select_from(Delivery).limit(1)) is None
