"""Searches kept by a name: in the side bar with their counts, by a key, shared, and released again."""

import pytest
from playwright.sync_api import Page, expect

from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site


@pytest.mark.long
def test_a_search_is_saved_shared_and_deleted(site: Site, page: Page, other_page: Page) -> None:
    site.come(JOE, author="orders@kept.example", subject="Parcel one")
    site.come(MARA, author="orders@kept.example", subject="Parcel two")
    site.open_console(page, "ana", "/?q=from%3Akept.example&tab=all")
    page.keyboard.press("S")
    sheet = page.get_by_role("dialog", name="Save this search")
    sheet.get_by_label("Name").fill("Parcels")
    sheet.get_by_label("Visible to").select_option(label="everyone responsible for Legal")
    assert faults(page) == []
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    mine = page.get_by_role("navigation", name="Folders").get_by_role("link", name="Parcels")
    expect(mine).to_have_attribute("aria-current", "page")
    expect(mine).to_contain_text("2")
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(mine).not_to_have_attribute("aria-current", "page")
    page.keyboard.press("g")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", level=1, name="Results for “from:kept.example”")).to_be_attached()

    site.open_console(other_page, "ben")
    theirs = other_page.get_by_role("navigation", name="Folders").get_by_role("link", name="Parcels")
    expect(theirs).to_have_attribute("title", "shared by Ana Roth")
    expect(theirs).to_contain_text("1")  # of it they see their own folders
    assert faults(other_page) == []

    expect(mine).to_have_attribute("aria-current", "page")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Delete “Parcels”").click()
    expect(page.get_by_role("status").filter(has_text="Deleted the saved search “Parcels”.")).to_be_visible()
    expect(mine).to_have_count(0)


@pytest.mark.long
def test_all_there_is_is_no_search(site: Site, page: Page) -> None:
    site.open_console(page, "sam")
    page.keyboard.press("S")
    sheet = page.get_by_role("dialog", name="Save this search")
    expect(sheet).to_contain_text("Search or choose a folder first")
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


@pytest.mark.long
def test_where_the_window_has_no_room_for_the_side_bar(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 1000, "height": 800})
    site.open_console(page, "hana", "/?q=narrow")
    page.get_by_role("button", name="Save", exact=True).click()
    sheet = page.get_by_role("dialog", name="Save this search")
    sheet.get_by_label("Name").fill("Narrow")
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("dialog", name="Folders and pages").get_by_role("link", name="Narrow")).to_be_visible()
