"""Databases that are filled once and asked again: with `--kept DIRECTORY` they stay there, without it they are gone afterwards."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, literal, select

from tests.peers import postgresql, processes
from triage import db
from triage.models import Delivery


@contextlib.contextmanager
def place(name: str) -> Iterator[Path]:
    """Where a program's files lie."""
    if "--kept" not in sys.argv:
        with processes.short_directory(name) as directory:
            yield directory
        return
    directory = Path(sys.argv[sys.argv.index("--kept") + 1]).resolve() / name
    directory.mkdir(parents=True, exist_ok=True)
    yield directory


@contextlib.contextmanager
def server(directory: Path) -> Iterator[postgresql.Server]:
    """A PostgreSQL whose cluster lies there."""
    with postgresql.running(directory / "postgresql") as running:
        yield running


def is_empty(engine: Engine) -> bool:
    """Is it still to be filled?"""
    with db.reading(engine) as session:
        return session.scalar(select(literal(1)).select_from(Delivery).limit(1)) is None
