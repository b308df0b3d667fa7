"""Fixture for decisions on either database: PostgreSQL in `make test-full`."""

import pytest

from tests import databases


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.long])])
def database(request: pytest.FixtureRequest) -> str:
    """`database.url` of an empty PostgreSQL database, or nothing for one in the site's own directory."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("postgresql_schema")
    databases.empty(url)
    return url
