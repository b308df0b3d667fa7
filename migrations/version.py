"""Schema version of a database, and the one this program needs. Every command checks it at the start, so without alembic."""

from functools import cache
from pathlib import Path

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from triage.errors import BadInput

TABLE = "alembic_version"


@cache
def newest() -> str:
    """The version that this program needs: the files of the steps are named by their versions."""
    return max(step.name.partition("_")[0] for step in (Path(__file__).parent / "versions").glob("[0-9]*.py"))


def present(engine: Engine) -> str | None:
    """The version that the database has; None when it is empty."""
    with engine.connect().execution_options(reading=True) as connection:
        if not inspect(connection).has_table(TABLE):
            return None
        found: str | None = connection.scalar(text(f"SELECT version_num FROM {TABLE}"))  # noqa: S608  our own word
        return found


def check(engine: Engine) -> None:
    """BadInput with the command to run when the database is not at this program's version."""
    try:
        version = present(engine)
    except DBAPIError as fault:
        raise BadInput(f"the database cannot be opened: {str(fault.orig).strip().splitlines()[0]}; check database.url") from fault
    if version != newest():
        state = "is empty" if version is None else f"has version {version}"
        raise BadInput(f"the database {state}, this program needs {newest()}: run `mailroom db upgrade`")
