"""The page of campaigns: what one is made of, what was done, and taking it away, putting it back, joining and splitting it as a whole."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlmodel import col

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import DMARC_PASS, NO_DMARC
from tests.webui.held import Held
from tests.webui.site import JOE, MARA, Site, undo_by_name
from triage.ids import parse_id
from triage.message.authentication import Dmarc
from triage.store import db
from triage.store.models.deliveries import Delivery

PARCEL = (
    "your parcel {} could not be handed over because the address was incomplete. Settle the open customs"
    " charge at https://pay.example/{} and choose a new delivery slot, otherwise the depot returns it to whoever sent it."
)
PRIZE = (
    "congratulations {}, you were drawn among all of our customers of this year. Answer with your full"
    " name and bank details so that the prize can be handed over at your door within the next two days by our courier."
)


@pytest.fixture(scope="module")
def proven(site: Site) -> str:
    """Two campaigns of three senders each; the delivery of a fourth who proves to have sent the same as the first ones."""
    number = 0
    for name, subject, text in (("desk", "Parcel on hold", PARCEL), ("luck", "You have won", PRIZE)):
        for host, to in (("one", JOE), ("two", MARA), ("three", JOE)):
            number += 1
            site.come(to, author=f"{name}@{host}.example", subject=subject, text=text.format(number, number), dmarc=NO_DMARC)
    (made,) = site.come(MARA, author="desk@real.example", subject="Parcel on hold", text=PARCEL.format(9, 9))
    with db.read_transaction(site.engine) as session:
        campaign = session.get_one(Delivery, parse_id(made)).campaign_id
    assert campaign is not None
    return made


def state_of(site: Site, delivery: str) -> str:
    with db.read_transaction(site.engine) as session:
        return str(session.get_one(Delivery, parse_id(delivery)).state)


@pytest.mark.usefixtures("proven")
@pytest.mark.long
def test_a_campaign_is_taken_away_and_put_back_as_a_whole(site: Site, page: Page) -> None:
    site.open_console(page, path="/campaigns")
    row = page.get_by_role("row").filter(has_text="Parcel on hold")
    expect(row).to_contain_text("4")
    page.get_by_role("link", name="Parcel on hold").click()
    expect(page.get_by_text("4 messages from 4 senders to 2 people in 2 departments")).to_be_visible()
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("copies whose sender is not proven")).to_be_visible()
    sheet.get_by_role("radio", name="Whole campaign").check()
    expect(sheet.get_by_text("1 message is really from its sender (1 by DMARC). Check it before you remove it.")).to_be_visible()
    expect(sheet.get_by_text("Least similar copies: review them before you remove")).to_be_visible()
    sheet.get_by_role("radio", name="This campaign").check()
    expect(sheet.get_by_text("1 related message stays")).to_be_visible()
    sheet.get_by_role("button", name="Remove 3 messages").click()
    made = page.get_by_role("listitem").filter(has_text="Removed 3 messages")
    expect(made).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="held")).to_contain_text("1")
    made.get_by_role("link").click()
    expect(page.get_by_role("table", name="Outcome of each message").get_by_role("row")).to_have_count(4)
    expect(page.get_by_role("status").filter(has_text="3 of 3 messages done.")).to_be_visible()
    page.go_back()
    page.reload()  # it is no fresh act of this page any more
    undo_by_name(page)
    expect(page.get_by_role("listitem").filter(has_text="held")).to_contain_text("4")


@pytest.mark.long
def test_what_does_not_belong_is_split_off_and_joined_again(site: Site, page: Page, proven: str) -> None:
    site.open_console(page, path="/campaigns")
    page.get_by_role("link", name="Parcel on hold").click()
    page.get_by_role("button", name="real.example", exact=True).click()
    table = page.get_by_role("table", name="Messages of this campaign")
    expect(table.get_by_role("row")).to_have_count(2)
    table.get_by_role("checkbox").check()
    page.keyboard.press("Shift+Y")
    expect(page.get_by_role("status").filter(has_text="Split off")).to_be_visible()
    expect(page.get_by_text("3 messages from 3 senders")).to_be_visible()
    page.keyboard.press("y")
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Find").fill("parcel")
    sheet.get_by_role("radio", name="Parcel on hold").check()
    sheet.get_by_role("button", name="Merge").click()
    expect(page.get_by_text("4 messages from 4 senders")).to_be_visible()
    assert state_of(site, proven) == "held"


@pytest.mark.long
def test_a_campaign_that_is_not_there_says_so(site: Site, page: Page) -> None:
    site.open_console(page, path="/campaigns/0000000000000")
    expect(page.get_by_role("heading", name="Campaign not found")).to_be_visible()
    page.goto(site.url + "/decisions/nonsense")
    expect(page.get_by_role("heading", name="Decision not found")).to_be_visible()


@pytest.mark.long
def test_two_people_at_a_free_mail_provider_are_decided_about_apart(site: Site, page: Page) -> None:
    text = (
        "the harvest supper is on Friday in the old barn, bring bread and cheese, number {}, and tell everybody at the allotments about it."
    )
    for number, name in enumerate(("anna", "anna", "bert")):
        site.come((JOE, MARA, JOE)[number], author=f"{name}@gmail.com", subject="Harvest supper", text=text.format(number))
    site.open_console(page)
    rows = page.get_by_role("option").filter(has_text="Harvest supper")
    expect(rows).to_have_count(2)
    rows.filter(has_text="2 people").click()
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("copies really from anna@gmail.com")).to_be_visible()
    sheet.get_by_role("radio", name="This campaign").check()
    expect(sheet.get_by_text("1 related message stays")).to_be_visible()
    sheet.get_by_role("button", name="Remove 2 messages").click()
    expect(page.get_by_role("status").filter(has_text="Removed 2 messages")).to_be_visible()
    with db.read_transaction(site.engine) as session:
        states = session.execute(select(col(Delivery.author), col(Delivery.state)).where(col(Delivery.subject) == "Harvest supper"))
        assert sorted(states.all()) == [("anna@gmail.com", "purged"), ("anna@gmail.com", "purged"), ("bert@gmail.com", "held")]


def test_two_keys_take_and_block_a_wave_but_never_what_is_less_odd(site: Site, page: Page) -> None:
    letter = (
        "<p>Dear {}, the storage of your mailbox is full and new letters wait at the gate of the server room. Choose within two days"
        " which of the folders shall be emptied, otherwise the oldest of them are removed by the caretaker.</p>"
        '<a href="https://{}/storage">https://{}/storage</a>'
    )

    def come(to: str, host: str, shown: str, dmarc: Dmarc) -> None:
        head = f"From: Storage <storage@{host}>\r\nTo: you\r\nSubject: Your storage is full\r\n"
        head += "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
        site.come(to, author=f"storage@{host}", text="", raw=(head + letter.format(host, host, shown)).encode(), dmarc=dmarc)

    for to, host, dmarc in ((JOE, "gate1.example", NO_DMARC), (MARA, "gate2.example", NO_DMARC), (JOE, "gate3.example", DMARC_PASS)):
        come(to, host, "storage.company.example", dmarc)
    come(MARA, "gate4.example", "gate4.example", DMARC_PASS)
    site.open_console(page)
    rows = page.get_by_role("option").filter(has_text="Your storage is full")

    expect(rows).to_have_count(2)
    rows.filter(has_text="3").filter(has_text="2 people").click()
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    act = sheet.get_by_role("button", name="Remove 3 messages and block")
    expect(act).to_be_enabled()
    expect(act).to_be_focused()
    expect(sheet.get_by_role("radio", name="All copies")).to_be_checked()
    expect(sheet.get_by_role("checkbox", name="This campaign")).to_be_checked()
    browser_peer.wait_for_paint(page)
    page.keyboard.press("Enter")
    done = page.get_by_role("status").filter(has_text="Removed and blocked")
    expect(done).to_contain_text("Blocked: the campaign, ")
    with db.read_transaction(site.engine) as session:
        states = session.execute(select(col(Delivery.author), col(Delivery.state)).where(col(Delivery.subject) == "Your storage is full"))
        assert {author: str(state) for author, state in states} == {
            "storage@gate1.example": "purged",
            "storage@gate2.example": "purged",
            "storage@gate3.example": "purged",
            "storage@gate4.example": "held",
        }
    page.get_by_role("status").get_by_role("link", name="Show each outcome").click()
    table = page.get_by_role("table", name="Outcome of each message")
    expect(table.get_by_role("row").filter(has_text="done")).to_have_count(3)
    page.reload()
    undo_by_name(page)
    expect(page.get_by_text("It was undone.")).to_be_visible()


@pytest.mark.usefixtures("proven")
@pytest.mark.long
def test_counts_that_come_late_take_no_choice_and_no_keyboard(site: Site, page: Page) -> None:
    text = "<p>Dear {}, the lease of your bicycle ends and the keeper of the cellar asks for the lock by Monday noon.</p>"
    for to, host in ((JOE, "lock1.example"), (MARA, "lock2.example"), (JOE, "lock3.example")):
        link = f'<a href="https://{host}/lock">https://cellar.company.example/lock</a>'
        head = f"From: Keeper <keeper@{host}>\r\nTo: you\r\nSubject: The lock\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
        raw = (head + text.format(host) + link).encode()
        site.come(to, author=f"keeper@{host}", text="", raw=raw, dmarc=DMARC_PASS if host == "lock3.example" else NO_DMARC)
    site.open_console(page)
    page.get_by_role("option").filter(has_text="The lock").filter(has_text="2 people").click()
    sheet = page.get_by_role("dialog")
    for chosen in (False, True):
        held = Held(page, "**/selections/preview", "POST")
        page.keyboard.press("p")
        held.wait(1)
        if chosen:
            sheet.get_by_text("These 3 messages").click()
        page.keyboard.press("Enter")  # nothing is counted yet: it does nothing
        held.end()
        expect(sheet.get_by_role("radio", name="These 3 messages" if chosen else "All copies")).to_be_checked()
        act = sheet.get_by_role("button", name="Remove 3 messages and block")
        expect(act).to_be_enabled()
        expect(sheet.get_by_role("radio", name="These 3 messages") if chosen else act).to_be_focused()
        page.keyboard.press("Escape")


@pytest.mark.usefixtures("proven")
@pytest.mark.long
def test_who_went_on_meanwhile_is_not_called_back_to_what_was_joined(site: Site, page: Page) -> None:
    site.open_console(page, path="/campaigns")
    page.get_by_role("link", name="Parcel on hold").click()
    expect(page.get_by_text("4 messages from 4 senders")).to_be_visible()
    page.keyboard.press("y")
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Find").fill("won")
    sheet.get_by_role("radio", name="You have won").check()
    held = Held(page, "**/join", "POST")
    sheet.get_by_role("button", name="Merge").click()
    held.wait(1)
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Rules", exact=True)).to_be_visible()
    held.go()
    expect(page.get_by_role("status").filter(has_text="Merged")).to_be_visible()
    expect(page).to_have_url(re.compile("/rules$"))
