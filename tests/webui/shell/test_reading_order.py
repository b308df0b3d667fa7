"""Order in which a screen reader reads the console, by the browser's own accessibility tree."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.peers import processes
from tests.webui.site import JOE, Site

pytestmark = pytest.mark.long
FRAME = ("link Skip to the messages", "banner", "combobox Search messages", "navigation Folders", "link Queue", "main")
READING = (
    "heading Whole company",
    "region Queue",
    "link Needs a decision",
    "button Campaign",
    "listbox Held messages",
    "option No warnings Sales sales@order.example",
    "region Message",
    "heading Read me aloud",
    "term From",
    "term To",
    "region Why it was held",
    "tablist View",
    "tabpanel Preview",
    "group Decide",
    "button Remove everywhere",
    "button Release",
)
REMOVING = (
    "dialog",
    "heading Remove “Read me aloud” everywhere",
    "group What to remove",
    "radio This message",
    "button Cancel",
    "button Remove 1",
)
DECIDED = (
    "heading Decisions",
    "link Export CSV",
    "form Filter decisions",
    "textbox Person",
    "combobox Decision",
    "textbox Words",
    "heading Today",
)
AUDITED = ("heading Audit log", "button Verify", "form Filter entries", "textbox By", "textbox Words", "table Entries", "columnheader When")


def read_aloud(page: Page) -> list[str]:
    """Role and name of each node of the accessibility tree, in its order."""
    session = page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    by_id = {node["nodeId"]: node for node in nodes}

    def walk(node: dict[str, Any]) -> Iterator[str]:
        if not node["ignored"]:
            yield f"{node['role']['value']} {node.get('name', {}).get('value', '')}".strip()
        for child in node.get("childIds", []):
            if child in by_id:
                yield from walk(by_id[child])

    return list(walk(nodes[0]))


def missing(read: Sequence[str], wanted: Sequence[str]) -> str:
    """The first of these that is not read after the one before it; "" when all are in order."""
    at = 0
    for one in wanted:
        following = next((place for place in range(at, len(read)) if read[place].startswith(one)), None)
        if following is None:
            return f"{one!r} is not read here or later: {read[at:]}"
        at = following + 1
    return ""


def check(page: Page, *wanted: str) -> None:
    """Assert an order; parts that come late are waited for."""
    for _ in range(int(processes.HANG)):
        if not (fault := missing(read_aloud(page), wanted)):
            return
        page.wait_for_timeout(100)
    raise AssertionError(fault)


def test_a_message_is_read_before_what_can_be_done_with_it(site: Site, page: Page) -> None:
    site.come(JOE, author="sales@order.example", subject="Read me aloud")
    site.open_console(page)
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("Hello")
    check(page, *FRAME, *READING)
    page.keyboard.press("p")
    check(page, *REMOVING)
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").click()
    expect(page.get_by_role("status").filter(has_text="Removed")).to_be_visible()
    page.goto(f"{site.url}/decisions")
    check(page, *FRAME, *DECIDED)


def test_the_record_is_read_filter_first(site: Site, page: Page) -> None:
    site.open_console(page, "ida", "/audit")
    check(page, *FRAME, *AUDITED)
