"""The console as an app: the browser may install it, and keeps its own files on the device until the sign-out, but no answer."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import Request, Response as Answer
from playwright.sync_api import Browser, Page, Response, expect

from tests.conftest import settings_in
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.site import JOE, Site, running
from triage_api.routes.operations.static_files import DIST, Console

PRIVATE = "in-incognito"  # as every context of these tests is
KEPT = """caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name).then((cache) => cache.keys().then((all) =>
    Promise.all(all.map((one) => cache.match(one).then((answer) => answer.text()).then((text) => [new URL(one.url).pathname, text]))))))))
    .then((all) => all.flat())"""
VERSIONS = "caches.keys()"
WORKERS = "navigator.serviceWorker.getRegistrations().then((all) => all.length)"


@pytest.fixture
def app(browser: Browser) -> Iterator[Page]:
    """A page whose browser may start a service worker."""
    with browser_peer.open_page(browser, workers=True) as opened:
        yield opened


@pytest.fixture
def dist(site: Site, tmp_path: Path) -> Iterator[Path]:
    """The console's files, which the site serves from here until the test ends."""
    copied = shutil.copytree(DIST, tmp_path / "dist")
    before, site.app.router.default = site.app.router.default, Console(copied)
    yield copied
    site.app.router.default = before


def keep(page: Page, versions: int = 1) -> None:
    """Wait until the browser has kept the console's files, and the worker serves this page."""
    processes.until(
        lambda: page.evaluate(f"{VERSIONS}.then((all) => all.length === {versions} && Boolean(navigator.serviceWorker.controller))"),
        "the files are kept",
    )
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")


def release(dist: Path) -> None:
    """The same console as a newer version: its page and its worker name another one, and a file of before is gone."""
    page = dist / "index.html"
    version = page.read_text("utf-8").partition('name="version" content="')[2][:16]
    for file in (page, dist / "sw.js"):
        file.write_text(file.read_text("utf-8").replace(version, version[::-1]), "utf-8")


@pytest.mark.long
def test_the_browser_may_install_the_console(site: Site, page: Page) -> None:
    site.open_console(page)
    browser = page.context.new_cdp_session(page)
    manifest = browser.send("Page.getAppManifest")
    assert (manifest["url"], manifest["errors"]) == (f"{site.url}/manifest.webmanifest", [])
    found = browser.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {one["errorId"] for one in found} <= {PRIVATE}


def test_only_the_consoles_own_files_are_kept_and_none_after_signing_out(site: Site, app: Page) -> None:
    answers: list[Response] = []

    def note(one: Response) -> None:
        answers.append(one)

    app.on("response", note)
    site.come(JOE, author="only@screen.example", subject="Only for the screen", text="Words that nobody keeps")
    site.open_console(app, path="/?q=from:only@screen.example")
    app.get_by_role("option").filter(has_text="Only for the screen").click()
    expect(app.frame_locator("iframe.shown").locator("body")).to_contain_text("Words that nobody keeps")
    keep(app)
    app.reload()  # this time through the worker
    app.get_by_role("option").filter(has_text="Only for the screen").click()
    expect(app.frame_locator("iframe.shown").locator("body")).to_contain_text("Words that nobody keeps")
    kept = dict(app.evaluate(KEPT))
    assert {path for path in kept if not path.startswith("/assets/")} == {"/"}
    assert kept["/"] == (DIST / "index.html").read_text("utf-8")
    assert set(kept) - {"/"} == {
        f"/assets/{one.name}" for one in (DIST / "assets").iterdir() if one.suffix != ".gz" and "ask-" not in one.name
    }
    assert not [
        path for path, text in kept.items() if any(word in text for word in ("Only for the screen", "nobody keeps", "screen.example"))
    ]
    of_session = {one.url: one.headers.get("cache-control", "") for one in answers if "/api/" in one.url}
    assert of_session
    assert {url for url, said in of_session.items() if "no-store" not in said} <= {f"{site.url}/api/v1/events"}  # a stream of numbers
    app.get_by_role("button", name="Account of").click()
    app.get_by_role("button", name="Sign out", exact=True).click()
    expect(app.get_by_role("heading", name="Sign in")).to_be_visible()
    assert app.evaluate(VERSIONS) == []
    assert app.evaluate(WORKERS) == 0


@pytest.mark.long
def test_a_newer_version_waits_until_it_is_wanted_and_takes_no_text_along(site: Site, app: Page, dist: Path) -> None:
    site.come(JOE, author="long@text.example", subject="To be commented")
    site.open_console(app, path="/?q=from:long@text.example")
    keep(app)
    expect(app.get_by_text("A new version is ready.")).to_have_count(0)
    app.get_by_role("option").filter(has_text="To be commented").click()
    app.get_by_role("tab", name="History").click()
    comment = app.get_by_role("textbox", name="Comment")
    comment.fill("Half a sentence")
    release(dist)
    app.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => undefined)")
    notice = app.get_by_role("status").filter(has_text="A new version is ready.")
    expect(notice).to_be_visible()
    assert faults(app) == []
    notice.get_by_role("button", name="Reload").click()
    expect(notice).to_contain_text("Save or discard first what you have written")
    expect(comment).to_have_value("Half a sentence")
    comment.fill("")
    with app.expect_navigation():
        notice.get_by_role("button", name="Reload").click()
    expect(app.get_by_role("option").filter(has_text="To be commented")).to_be_visible()
    expect(notice).to_have_count(0)
    new = (dist / "index.html").read_text("utf-8")
    assert app.content().count('name="version"') == 1
    version = app.locator("meta[name=version]").get_attribute("content")
    assert f'content="{version}"' in new
    processes.until(lambda: app.evaluate("navigator.serviceWorker.getRegistration().then((one) => !one.waiting)"), "the new worker serves")
    assert app.evaluate(VERSIONS)[-1] == f"shell-{version}"


@pytest.mark.long
def test_the_worker_is_looked_for_again_without_its_bytes(site: Site, app: Page, dist: Path) -> None:
    """As at each reconnection."""
    answers: list[tuple[str, int]] = []

    class Noting(Console):
        def answer(self, request: Request) -> Answer:
            answer = super().answer(request)
            answers.append((request.scope["path"], answer.status_code))
            return answer

    site.app.router.default = Noting(dist)
    site.open_console(app)
    keep(app)
    answers.clear()
    app.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => undefined)")
    assert answers == [("/sw.js", 304)]


@pytest.mark.long
def test_files_of_a_version_stay_while_it_is_used(site: Site, app: Page, dist: Path) -> None:
    site.open_console(app)
    keep(app)
    for one in (dist / "assets").glob("Settings-*"):
        one.unlink()
    app.goto(f"{site.url}/settings")
    expect(app.get_by_role("heading", name="Settings", exact=True)).to_be_visible()


@pytest.mark.long
def test_without_a_server_there_is_a_page_that_says_so_until_one_answers(tmp_path: Path, sqlite_template: Path, browser: Browser) -> None:
    context = browser.new_context(locale="en-GB")
    app = context.new_page()
    with running(tmp_path, sqlite_template, settings_in(tmp_path)) as made:
        made.open_console(app)
        keep(app)
    app.goto(f"{made.url}/decisions")  # the browser has no error of its own to show
    expect(app.get_by_role("heading", name="No connection to Mailroom")).to_be_visible()
    expect(app.get_by_text("Messages are not stored on this device")).to_be_visible()
    expect(app.get_by_role("button", name="Try again")).to_be_visible()
    assert faults(app) == []
    with running(tmp_path, sqlite_template, made.settings, listen=made.settings.api.listen):
        app.evaluate("dispatchEvent(new Event('online')), undefined")
        expect(app.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()
