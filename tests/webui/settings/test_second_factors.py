"""A second factor in the console: set up, asked for at the sign-in, and given once more before large acts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select, update
from sqlmodel import col

from tests.conftest import settings_in
from tests.webui.access import faults
from tests.webui.site import PASSWORD, Site, running
from triage.access.second_factor import authenticator_app
from triage.store import db
from triage.store.models.sign_in import AuthenticatorApp
from triage.store.models.staff import StaffSession
from triage.times import utcnow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A company whose auditors must have a second factor."""
    directory = tmp_path_factory.mktemp("site")
    settings = settings_in(directory)
    with running(directory, sqlite_template, replace(settings, api=replace(settings.api, require_second_factor=("auditor",)))) as made:
        yield made


def present_code(secret: str) -> str:
    """Code that the authenticator app shows now."""
    return authenticator_app.generator_of(secret).generate(int(utcnow().timestamp())).decode()


def pass_time(site: Site) -> None:
    """The code that was given is not the present one any more, and the second factor was given a while ago."""
    with db.transaction(site.engine) as session:
        session.execute(update(AuthenticatorApp).values(last_period=0))
        session.execute(update(StaffSession).values(factor_at=utcnow() - timedelta(minutes=10)))


def enter_password(page: Page, site: Site, login: str) -> None:
    page.goto(site.url)
    page.get_by_label("Name").fill(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def enter_code(page: Page, code: str) -> None:
    page.get_by_label("Code from the app").fill(code)
    page.get_by_role("button", name="Continue").click()


def shown_secret(page: Page) -> str:
    """The key beside the QR code."""
    expect(page.get_by_role("img", name="QR code for an authenticator app")).to_be_visible()
    return page.locator("code").first.inner_text().replace(" ", "")


def test_set_up_in_settings_then_asked_for_everywhere(site: Site, page: Page) -> None:
    site.open_console(page, "ida", "/settings")
    page.get_by_role("button", name="Set up an authenticator app").click()
    secret = shown_secret(page)
    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Confirm the app").click()
    expect(page.get_by_role("alert")).to_contain_text("not the app's present code")
    page.get_by_label("Code from the app").fill(present_code(secret))
    page.get_by_role("button", name="Confirm the app").click()
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    recovery = page.locator("li code").first.inner_text()
    assert faults(page) == []

    pass_time(site)
    page.get_by_role("button", name="Make new recovery codes").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Code from the app").fill("000000")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This second factor is wrong")
    dialog.get_by_role("button", name="Use a recovery code").click()
    assert faults(page) == []
    dialog.get_by_label("Recovery code").fill(recovery)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("li code").first).not_to_have_text(recovery)

    page.context.clear_cookies()
    enter_password(page, site, "ida")
    pass_time(site)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    assert faults(page) == []
    enter_code(page, present_code(secret))
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()

    with db.transaction(site.engine) as session:
        session.execute(delete(StaffSession).where(col(StaffSession.login) == "ida"))
    page.reload()
    pass_time(site)
    enter_password(page, site, "ida")
    enter_code(page, present_code(secret))
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()


@pytest.mark.long
def test_who_must_have_one_sets_it_up_while_signing_in(site: Site, page: Page) -> None:
    enter_password(page, site, "otto")
    expect(page.get_by_text("Your role needs a second factor to sign in.")).to_be_visible()
    secret = shown_secret(page)
    assert faults(page) == []
    enter_code(page, present_code(secret))
    expect(page.get_by_text("Print or write down these recovery codes now")).to_be_visible()
    expect(page.locator("li code")).to_have_count(10)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    with db.read_transaction(site.engine) as session:
        assert session.scalars(select(col(StaffSession.factor_at)).where(col(StaffSession.login) == "otto")).one() is not None
