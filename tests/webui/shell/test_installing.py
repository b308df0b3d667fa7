"""The console as an app on the desktop or a phone: the browser may install it, and keeps no answer on the device."""

from playwright.sync_api import Page, Response, expect

from tests.webui.site import JOE, Site

PRIVATE = "in-incognito"  # as every context of these tests is


def test_the_browser_may_install_the_console(site: Site, page: Page) -> None:
    site.sit_down(page)
    browser = page.context.new_cdp_session(page)
    manifest = browser.send("Page.getAppManifest")
    assert (manifest["url"], manifest["errors"]) == (f"{site.url}/manifest.webmanifest", [])
    found = browser.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {one["errorId"] for one in found} <= {PRIVATE}


def test_after_a_session_nothing_of_it_is_in_a_cache(site: Site, page: Page) -> None:
    answers: list[Response] = []

    def note(one: Response) -> None:
        answers.append(one)

    page.on("response", note)
    site.come(JOE, subject="Only for the screen")
    site.sit_down(page)
    page.get_by_role("option").filter(has_text="Only for the screen").click()
    expect(page.get_by_role("heading", name="Only for the screen")).to_be_visible()
    assert page.evaluate("caches.keys()") == []
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    of_session = {one.url: one.headers.get("cache-control", "") for one in answers if "/api/" in one.url}
    assert of_session
    kept = {url for url, said in of_session.items() if "no-store" not in said}
    assert kept <= {f"{site.url}/api/v1/events"}  # a stream of numbers
