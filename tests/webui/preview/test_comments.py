"""Comments and history in the console: two people talk about a message, and one list says what happened to it."""

from playwright.sync_api import Page, expect

from tests.webui.access import faults
from tests.webui.site import JOE, Site


def test_two_people_talk_about_a_message(site: Site, page: Page, other_page: Page) -> None:
    site.come(JOE, author="sales@talk.example", subject="Talk about it")
    site.sit_down(page, path="/?q=from:talk.example")
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

    site.sit_down(other_page, "otto", path="/?q=from:talk.example")
    other_page.get_by_role("option").filter(has_text="Talk about it").click()
    other_page.get_by_role("tab", name="History").click()
    expect(other_page.get_by_role("region", name="Comments", exact=True)).to_contain_text("I called them")
    expect(other_page.get_by_label("Comment, for colleagues")).to_have_count(0)  # an auditor only reads
