"""Comments and history in the console: two people talk about a message, and one list says what happened to it."""

import re

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select
from sqlmodel import col

from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage import ids
from triage.store.db import read_transaction
from triage.store.models.deliveries import Delivery

LETTERS = "call the supplier, error"  # r releases, e skips, p removes, a allows, c assigns


def states_of(site: Site, *deliveries: str) -> set[str]:
    with read_transaction(site.engine) as session:
        return set(session.scalars(select(col(Delivery.state)).where(col(Delivery.id).in_([ids.parse_id(one) for one in deliveries]))))


@pytest.mark.long
def test_two_people_talk_about_a_message(site: Site, page: Page, other_page: Page) -> None:
    site.come(JOE, author="sales@talk.example", subject="Talk about it")
    site.open_console(page, path="/?q=from:talk.example")
    page.get_by_role("option").filter(has_text="Talk about it").click()
    page.keyboard.press("i")
    field = page.get_by_label("Comment, for colleagues who may read this message")
    expect(field).to_be_focused()
    page.keyboard.type("I called them: j is not a key here.")
    page.keyboard.press("Control+Enter")
    comments = page.get_by_role("region", name="Comments", exact=True)
    expect(comments.get_by_role("listitem")).to_contain_text("I called them: j is not a key here.")
    expect(field).to_have_value("")
    expect(page.get_by_role("tab", name="History")).to_contain_text("1")
    history = page.get_by_role("region", name="History", exact=True)
    expect(history.get_by_role("listitem").first).to_contain_text("Arrived for")
    expect(history).to_contain_text("Comment by Ana Roth: I called them")
    assert faults(page) == []

    site.open_console(other_page, "otto", path="/?q=from:talk.example")
    other_page.get_by_role("option").filter(has_text="Talk about it").click()
    other_page.get_by_role("tab", name="History").click()
    expect(other_page.get_by_role("region", name="Comments", exact=True)).to_contain_text("I called them")
    expect(other_page.get_by_label("Comment, for colleagues")).to_have_count(0)  # an auditor only reads


def test_who_types_at_once_types_a_comment_and_decides_nothing(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="sales@hurry.example", subject="Hurry")
    held: list[Route] = []
    page.route(re.compile(r"/assets/above-.*\.js"), lambda route: held.insert(0, route))
    site.open_console(page, path="/?q=from:hurry.example")
    page.keyboard.press("i")  # nothing is there yet: neither a row nor the files of the tab
    expect(page.get_by_role("option")).to_have_count(1)
    page.locator("#content").focus()
    page.keyboard.press("i")
    page.keyboard.type(LETTERS)
    field = page.get_by_label("Comment, for colleagues who may read this message")
    expect(field).to_have_value(LETTERS)
    for route in held:
        route.continue_()
    page.unroute_all()
    expect(page.get_by_role("region", name="History", exact=True)).to_contain_text("Arrived for")
    expect(field).to_be_focused()
    assert states_of(site, mail) == {"held"}
    expect(page.get_by_role("option").filter(has_text="Skipped")).to_have_count(0)


@pytest.mark.long
def test_a_draft_stays_with_its_copy_when_a_newer_one_comes(site: Site, page: Page) -> None:
    copies = [site.come(JOE, author="crook@wave.example", subject="Renew now")[0] for _ in range(2)]
    site.open_console(page, path="/?q=from:wave.example")
    row = page.get_by_role("option")
    expect(row).to_contain_text("2")
    page.locator("#content").focus()
    page.keyboard.press("i")
    page.keyboard.type(LETTERS[:12])
    with page.expect_response(re.compile("/api/v1/triage")):
        copies += site.come(JOE, author="crook@wave.example", subject="Renew now, the third")
    expect(page.get_by_role("heading", name="Renew now, the third")).to_be_visible()
    page.keyboard.type(LETTERS[12:])
    field = page.get_by_label("Comment on the copy for")
    expect(field).to_have_value(LETTERS)
    page.keyboard.press("2")  # text too
    page.keyboard.press("Escape")
    page.keyboard.press("1")  # a command again
    expect(field).to_have_count(0)
    page.keyboard.press("5")
    expect(field).to_have_value(LETTERS + "2")
    assert states_of(site, *copies) == {"held"}
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(field).to_have_value("")
    expect(page.get_by_role("region", name="Comments", exact=True)).to_contain_text(f"about the copy for Joe Fern{LETTERS}2")
    expect(row).to_contain_text("1 comment")
    asked = page.request.get(f"{site.url}/api/v1/deliveries/{copies[1]}")
    assert LETTERS in asked.text(), "the comment is about the copy that it was begun about"
    assert LETTERS not in page.request.get(f"{site.url}/api/v1/deliveries/{copies[2]}").text()


@pytest.mark.long
def test_the_palette_opens_the_field_too(site: Site, page: Page) -> None:
    site.come(JOE, author="sales@palette.example", subject="By palette")
    site.open_console(page, path="/?q=from:palette.example")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Find a command or a folder")).to_be_focused()
    page.keyboard.type("Write a comment")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Comment, for colleagues who may read this message")).to_be_focused()
