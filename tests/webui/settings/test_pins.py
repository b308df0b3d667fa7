"""A shared computer: set a PIN, lock, come back with the work still there, and a colleague takes over and gives it back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import settings_in
from tests.webui.access import faults
from tests.webui.site import MARA, PASSWORD, Site, running

ANAS, BENS = "804715", "290643"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A company where PINs count."""
    directory = tmp_path_factory.mktemp("site")
    settings = settings_in(directory)
    with running(directory, sqlite_template, replace(settings, api=replace(settings.api, pin_networks=("127.0.0.0/8",)))) as made:
        yield made


def set_pin(page: Page, url: str, pin: str) -> None:
    page.goto(f"{url}/settings")
    page.get_by_label("New PIN").fill(pin)
    page.get_by_label("The same PIN again").fill(pin)
    page.get_by_role("button", name="Set the PIN").click()
    expect(page.get_by_text("You have a PIN in this browser.")).to_be_visible()


def lock(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()


def switch_user(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Switch user").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("First offer")).to_have_count(0)


def unlock(page: Page, name: str, pin: str) -> None:
    page.get_by_label(f"PIN of {name}").fill(pin)
    page.keyboard.press("Enter")


def test_locked_and_opened_again_and_a_colleague_takes_over(site: Site, page: Page) -> None:
    site.open_console(page, "ana")
    page.goto(f"{site.url}/settings")
    page.get_by_label("New PIN").fill("804715")
    page.get_by_label("The same PIN again").fill("804716")
    page.get_by_role("button", name="Set the PIN").click()
    expect(page.get_by_role("alert")).to_have_text("The two PINs differ.")
    set_pin(page, site.url, ANAS)
    assert faults(page) == []

    page.goto(site.url)
    page.locator("#search").fill("half typed")
    lock(page, "Ana Roth")
    unlock(page, "Ana Roth", "111111")
    expect(page.get_by_role("alert")).to_have_text("This PIN is wrong. 5 tries are left.")
    assert faults(page) == []
    unlock(page, "Ana Roth", ANAS)
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)
    expect(page.locator("#search")).to_have_value("half typed")

    lock(page, "Ana Roth")
    page.get_by_role("button", name="Sign in as someone else").click()
    expect(page.get_by_role("button", name="Unlock as Ana Roth")).to_be_visible()
    page.get_by_label("Name").fill("ben")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    set_pin(page, site.url, BENS)

    lock(page, "Ben Okafor")
    page.get_by_role("button", name="Unlock as Ana Roth").click()
    unlock(page, "Ana Roth", ANAS)
    expect(page.get_by_role("button", name="Ana Roth")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()

    lock(page, "Ana Roth")
    page.reload()
    page.get_by_role("button", name="Unlock as Ben Okafor").click()
    unlock(page, "Ben Okafor", BENS)
    expect(page.get_by_role("button", name="Ben Okafor")).to_be_visible()


@pytest.mark.long
def test_who_is_switched_to_finds_the_row_that_was_open(site: Site, page: Page) -> None:
    site.come(MARA, author="first@supplier.example", subject="First offer")
    site.come(MARA, author="other@supplier.example", subject="Other offer")
    site.open_console(page, "ida")
    set_pin(page, site.url, ANAS)
    page.goto(site.url)
    page.get_by_role("option").filter(has_text="First offer").click()
    switch_user(page, "Ida Lind")
    page.get_by_label("Name").fill("ben")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("region", name="Message")).to_contain_text("first@supplier.example")
    switch_user(page, "Ben Okafor")
    page.get_by_role("button", name="Unlock as Ida Lind").click()
    unlock(page, "Ida Lind", ANAS)
    expect(page.get_by_role("button", name="Ida Lind")).to_be_visible()
    expect(page.get_by_role("region", name="Message")).to_contain_text("first@supplier.example")


@pytest.mark.long
def test_after_six_wrong_ones_the_password_is_asked_for(site: Site, page: Page) -> None:
    site.open_console(page, "sam")
    set_pin(page, site.url, ANAS)
    lock(page, "Sam Reed")
    for left in ("5 tries are", "4 tries are", "3 tries are", "2 tries are", "1 try is"):
        unlock(page, "Sam Reed", "111111")
        expect(page.get_by_role("alert")).to_have_text(f"This PIN is wrong. {left} left.")
    unlock(page, "Sam Reed", "111111")
    expect(page.get_by_role("alert")).to_have_text("This PIN was wrong too often and is removed. Sign in; then you can set a new one.")
    page.get_by_label("Password of Sam Reed").fill(PASSWORD)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)
