"""Practising in the console: look, answer with the keys of the real work, learn what gave it away, see the score."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from demo.training_messages import read_deck
from tests.e2e.conftest import House, sign_in
from tests.peers import company as company_peer
from tests.peers.company import Company


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Company]:
    """A company on SQLite."""
    with company_peer.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes", undo_seconds=0) as running:
        yield running


@pytest.mark.long
@pytest.mark.peers
def test_a_trainee_answers_and_learns(site: Company, page: Page) -> None:
    sign_in(page, House(site, None))
    page.get_by_role("link", name="Training").click()
    expect(page.get_by_role("heading", name="Training")).to_be_visible()
    expect(page.get_by_text("1 of 10")).to_be_visible()
    shown = page.locator("article h2").inner_text()
    body = page.frame_locator("article iframe").locator("body")
    expect(body).not_to_be_empty()
    alike = [one for one in read_deck() if one.subject == shown]  # several copies of a wave have one subject
    case = next(one for one in alike if one.text.split()[0] in body.inner_text())
    page.keyboard.press("r" if case.answer == "let-in" else "p")
    expect(page.get_by_role("status").filter(has_text="Right")).to_be_visible()
    for sentence in case.clues:
        expect(page.get_by_text(sentence)).to_be_visible()
    page.keyboard.press("e")
    expect(page.get_by_text("2 of 10, 1 right")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("3 of 10")).to_be_visible()
    page.reload()
    expect(page.locator("table tbody tr")).to_have_count(1)
    expect(page.locator("table tbody td").nth(2)).to_have_text("2")
