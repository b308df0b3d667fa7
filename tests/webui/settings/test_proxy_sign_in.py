"""A proxy in front of the console names somebody: one click signs in, and opens the idle lock again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.conftest import settings_in
from tests.webui.site import Site, running
from triage.store import db
from triage.store.models.staff import StaffSession
from triage.times import utcnow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A company whose proxy names people."""
    directory = tmp_path_factory.mktemp("site")
    settings = settings_in(directory)
    api = replace(settings.api, sign_in=("proxy",), sign_in_proxies=("127.0.0.1",))
    with running(directory, sqlite_template, replace(settings, api=api)) as made:
        yield made


def test_one_click_signs_in_and_opens_the_lock(site: Site, page: Page) -> None:
    page.set_extra_http_headers({"Remote-User": "ana"})
    page.goto(site.url)
    expect(page.get_by_label("Password")).to_have_count(0)
    page.get_by_role("button", name="Sign in as ana").click()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    page.locator("#search").fill("half typed")
    with db.transaction(site.engine) as session:
        session.execute(update(StaffSession).values(seen_at=utcnow() - timedelta(minutes=31)))
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Sign in as ana").click()
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)
    expect(page.locator("#search")).to_have_value("half typed")
