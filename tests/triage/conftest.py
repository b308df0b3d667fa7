"""What many tests of the house begin with."""

from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from triage import db, ids
from triage.settings import Settings


@pytest.fixture(autouse=True)
def made_at_the_time_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids tell when they were made: here not after the time that the tests live in, on whatever day they are run."""
    monkeypatch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: int(arriving.NOW.timestamp()) * 1_000_000_000))
    monkeypatch.setattr(ids, "_last", 0)


@pytest.fixture
def known(engine: Engine, settings: Settings) -> Engine:
    """A database that knows the small company."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine
