"""What the console may weigh: counts and sizes only, which do not depend on the machine."""

import gzip
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.webui.site import JOE, Site

DIST = Path(__file__).parents[2] / "webui" / "dist"
FIRST, WITH_FONTS = 64_000, 150_000  # bytes, compressed: what the queue needs; and all of the first load


def test_the_queue_is_small(site: Site, page: Page) -> None:
    index = (DIST / "index.html").read_text("utf-8")
    named = re.findall(r'(?:src|href)="/(assets/[^"]+\.(?:js|css))"', index)
    assert named
    assert sum(len(gzip.compress((DIST / name).read_bytes())) for name in named) <= FIRST


def test_the_first_load_is_small_and_breaks_no_rule(site: Site, page: Page) -> None:
    site.come(JOE, subject="Here already")
    loaded: dict[str, int] = {}
    page.on("response", lambda answer: loaded.update({answer.url: 0}) if "/assets/" in answer.url else None)
    page.add_init_script("addEventListener('securitypolicyviolation', (event) => (window.broken ??= []).push(event.blockedURI))")
    site.sit_down(page)
    expect(page.get_by_role("option").filter(has_text="Here already")).to_be_visible()
    first = {url.partition("/assets/")[2] for url in loaded}
    fonts = [name for name in first if name.endswith(".woff2")]
    texts = [name for name in first if not name.endswith(".woff2")]
    files = DIST / "assets"
    weight = sum(len(gzip.compress((files / name).read_bytes())) for name in texts) + sum((files / name).stat().st_size for name in fonts)
    assert fonts
    assert weight <= WITH_FONTS
    assert page.evaluate("window.broken ?? []") == []
