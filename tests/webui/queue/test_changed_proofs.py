"""Known senders that send differently: one row above the queue, accepted with one key, and undone."""

from playwright.sync_api import Page, expect

from tests.triage.policy.known_senders.test_domain_proofs import BY_SERVER, DOMAIN, SIGNED, allow, came, kept
from tests.webui.access import faults
from tests.webui.site import Site


def test_a_supplier_that_moved_is_one_row_and_one_key_accepts_it(site: Site, page: Page) -> None:
    allow(site.engine, site.settings)
    came(site.engine, site.settings, SIGNED)
    for number in range(3):
        came(site.engine, site.settings, BY_SERVER, subject=f"Invoice {number}")
    site.open_console(page)
    lane = page.get_by_role("region", name="Known senders that send differently")
    expect(lane.get_by_role("listitem")).to_have_count(1)
    expect(lane).to_contain_text(f"{DOMAIN} now sends differently: 3 messages to 1 person")
    expect(lane).to_contain_text(f"Until now: signed by {DOMAIN} (DKIM).")
    assert faults(page) == []
    page.locator("#content").focus()
    page.keyboard.press("v")
    expect(lane).not_to_contain_text("now sends differently")
    assert {is_usual for is_usual, *_ in kept(site.engine).values()} == {True}
    lane.get_by_text("Decided within the last seven days").click()
    lane.get_by_role("button", name="Undo").click()
    expect(lane).to_contain_text("now sends differently")
    lane.get_by_role("button", name="Not theirs").click()
    expect(lane).not_to_contain_text("now sends differently")
