"""Prepared demo and its morning, for all tests that only read them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.correspondence import write_morning
from demo.keys import Key, read_keys
from demo.prepare import keys_directory, prepare_demo
from demo.sample_messages import SampleMessage

START = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def demo_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo as `mailroom demo` lays it out."""
    return prepare_demo(tmp_path_factory.mktemp("demo") / "company").parent


@pytest.fixture(scope="session")
def signing(demo_directory: Path) -> dict[str, Key]:
    """The keys of its senders."""
    return read_keys(keys_directory(demo_directory))


@pytest.fixture(scope="session")
def samples() -> list[SampleMessage]:
    """The morning with the seed that `play` has by default."""
    return write_morning(seed=1, start=START, pace_seconds=2.0)
