"""Fixtures of the console's tests: a browser for all, a company for a file, a fresh profile for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import settings_in
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.webui.site import Site, running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    with browser_peer.start_browser() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in a fresh profile."""
    with browser_peer.open_page(browser) as opened:
        yield opened


@pytest.fixture
def other_page(browser: Browser) -> Iterator[Page]:
    """The desk of somebody else."""
    with browser_peer.open_page(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def database() -> str:
    """`database.url` of the site; nothing: SQLite in a directory of its own."""
    return ""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, database: str) -> Iterator[Site]:
    """A company whose desk is a browser; the tests of a file share it and use senders of their own."""
    directory = tmp_path_factory.mktemp("site")
    with running(directory, sqlite_template, settings_in(directory), database=database) as made:
        yield made


expect.set_options(timeout=processes.HANG * 1000)
