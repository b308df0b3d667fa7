"""The webmail of a company, in a browser; the tests of a file share it and use senders of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.peers.browsers import browser as browser_peer
from tests.webmail.roundcube_company import Webmail, open_webmail


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_peer.start_browser() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser_peer.open_page(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def webmail(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Webmail]:
    with open_webmail(tmp_path_factory.mktemp("webmail"), sqlite_template) as opened:
        yield opened
