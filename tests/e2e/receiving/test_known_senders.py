"""A supplier whose account was taken over: held, explained, released with one key; and with the checks off delivered."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, choose, sign_in
from tests.peers import company as company_peer
from tests.peers.company import DOMAIN, Company, Desk
from tests.peers.outside import OutsideMessage

ADA = f"ada.byron@{DOMAIN}"
SALES = "sales@supplier.example"
BANK = OutsideMessage(
    SALES,
    ADA,
    "Our bank details have changed",
    "Our bank details have changed, please pay today.\r\n",
    headers={"Reply-To": "sales@elsewhere.example"},
)
FORM = OutsideMessage(
    SALES,
    ADA,
    "Your mailbox is full",
    html="<p>Sign in at <a href='https://portal.evil.example/x'>login.microsoftonline.com</a></p>"
    "<form action='https://portal.evil.example/x'><input type='password' name='p'></form>",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company on SQLite with Maildirs that knows its supplier."""
    directory = tmp_path_factory.mktemp("known")
    database, next_hop = f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes"
    with company_peer.running(directory, database, next_hop, more="hold_known_trial_days = 0\n") as running:
        running.run("allow", SALES, check=True)
        yield running


@pytest.fixture(scope="module")
def desk(site: Company) -> Iterator[Desk]:
    """Maria's."""
    with site.signed_in() as opened:
        yield opened


def test_changed_bank_details_are_held_explained_and_released_with_one_key(site: Company, desk: Desk, page: Page) -> None:
    site.take(BANK)
    (held,) = desk.wait_for(1, sender=SALES, state="held")
    assert held["verdict"]["rule"] == "unlike-themselves"
    assert held["verdict"]["reason"].endswith("and replies go to sales@elsewhere.example, not to the sender")
    sign_in(page, House(site, None))
    choose(page, BANK.subject)
    expect(page.get_by_text("is a known sender, but this message is unlike their others").first).to_be_visible()
    page.keyboard.press("r")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("It looks suspicious")
    expect(sheet.get_by_role("button", name="Release", exact=True)).to_have_attribute("aria-disabled", "false")  # it was read
    page.keyboard.press("r")
    House(site, None).arrived("ada.byron", BANK.subject)


def test_a_form_that_asks_for_a_password_is_held_and_explained(site: Company, desk: Desk) -> None:
    site.take(FORM)
    (held,) = desk.wait_for(1, sender=SALES, state="held")
    assert held["verdict"]["rule"] == "unlike-themselves"
    told = json.loads(site.run("rules", "explain", held["id"], "--json", check=True).stdout)
    assert next(row["reason"] for row in told if row["when"] == "today").endswith(
        "a form in the message asks for a password and a link shows login.microsoftonline.com and opens portal.evil.example"
    )


def test_nothing_else_of_the_supplier_waits(site: Company) -> None:
    site.take(OutsideMessage(SALES, ADA, "Your order 5 is on its way"))
    House(site, None).arrived("ada.byron", "Your order 5 is on its way")


def test_a_rule_on_content_holds_the_next_message_until_it_is_removed(site: Company, desk: Desk) -> None:
    asks = {"effect": "hold", "match": "content", "value": "gift-cards", "scope": "company", "note": "a wave of fraud"}
    made = desk.client.post("/rules", json=asks | {"conditions": {"wording": ["gift-cards"], "author": ["*@supplier.*"]}}).json()
    site.take(OutsideMessage(SALES, ADA, "A small favour", "Please buy five gift cards for the team.\r\n"))
    (held,) = desk.wait_for(1, q="rule:gift-cards", state="held")
    assert (held["verdict"]["rule"], held["verdict"]["reason"].partition(" made ")[2]) == (
        "held-by-content",
        "the rule “gift-cards” about messages with sales@supplier.example and gift-cards: a wave of fraud",
    )
    desk.client.delete(f"/rules/{made['id']}").raise_for_status()
    site.take(OutsideMessage(SALES, ADA, "Another small favour", "Please buy six gift cards for the team.\r\n"))
    House(site, None).arrived("ada.byron", "Another small favour")
