"""What many tests of the house begin with."""

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from triage import db
from triage.settings import Settings


@pytest.fixture
def known(engine: Engine, settings: Settings) -> Engine:
    """A database that knows the small company."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine
