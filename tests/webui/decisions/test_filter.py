"""Decisions filtered by person, date, verb and words, which the address bar keeps, and exported."""

from playwright.sync_api import Page, expect

from tests.webui.site import JOE, MARA, Site


def test_a_filter_is_in_the_address_bar_and_in_the_export(site: Site, page: Page) -> None:
    for to, subject in ((JOE, "The first offer"), (MARA, "The second offer")):
        site.come(to, author=f"{subject.split()[1]}@far.example", subject=subject)
    site.open_console(page)
    for subject, key, said in (("The first offer", "r", "Released"), ("The second offer", "p", "Remove")):
        page.get_by_role("option").filter(has_text=subject).click()
        expect(page.get_by_role("heading", name=subject)).to_be_visible()
        page.keyboard.press(key)
        if key == "p":
            page.get_by_role("button", name="Remove 1 message").click()
        expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
    page.goto(f"{site.url}/decisions")
    page.locator("input[name=words]").fill("second")
    page.keyboard.press("Enter")
    rows = page.get_by_role("main").get_by_role("listitem")
    expect(rows).to_have_count(1)
    assert page.url.endswith("/decisions?words=second")
    page.get_by_role("link", name="Clear the filter").click()
    expect(rows).to_have_count(2)
    page.locator("select[name=verb]").select_option("Released")
    expect(rows).to_have_count(1)
    assert page.url.endswith("/decisions?verb=release")
    with page.expect_download() as loaded:
        page.get_by_role("link", name="Export CSV").click()
    assert [line.split(",")[4] for line in loaded.value.path().read_text().splitlines()] == ['"verb"', '"release"']
    page.locator("input[name=who]").fill("nobody")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No decision matches this filter.")).to_be_visible()
