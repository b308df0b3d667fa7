"""Fixtures that many tests of `triage` share."""

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from triage.config.settings import Settings
from triage.store import db


@pytest.fixture(autouse=True)
def made_at_the_time_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are made not after the time that the tests live in, on whatever day they are run."""
    arriving.make_ids_at(arriving.NOW, monkeypatch)


@pytest.fixture
def known(engine: Engine, settings: Settings) -> Engine:
    """A database that knows the small company."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine
