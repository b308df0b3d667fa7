"""Each act of staff in the real Roundcube: the sheet before, what is done, and its undo."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS
from tests.webmail.roundcube_company import FOLDER, Webmail, act, ends
from tests.webui.site import JOE, MARA
from triage.ids import parse_id
from triage.message import summary
from triage.message.authentication import Result
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.times import utcnow

pytestmark = [pytest.mark.peers, pytest.mark.long]
LURE = "Your parcel waits at the depot. Pay the outstanding fee of 1.99 today, or it goes back to its sender tomorrow. " * 3
TITLES = {
    "KeyR": "Release “Keys”", "KeyA": "Release and allow bob@keys.example", "KeyD": "Remove “Keys” everywhere",
    "KeyB": "Block bob@keys.example", "KeyT": "Redirect “Keys”", "KeyJ": "Reject “Keys”", "KeyF": "Find a decision",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ticks", "button", "state", "rules"),
    [
        pytest.param("release", [], "Release 1 message", State.QUEUED, [], id="release"),
        pytest.param("allow", [], "Release 1 message and allow", State.QUEUED, [("a", "allow", "person:joe.fern")], id="allow"),
        pytest.param(
            "allow",
            ["Department IT"],
            "Release 1 message and allow",
            State.QUEUED,
            [("a", "allow", "department:it")],
            id="allow for a department",
        ),
        pytest.param(
            "allow",
            ["Anyone at ", "The whole company"],
            "Release 1 message and allow",
            State.QUEUED,
            [("d", "allow", "company")],
            id="allow a domain for all",
        ),
        pytest.param("remove", [], "Remove 1 message", State.PURGED, [], id="remove"),
        pytest.param("block", [], "Block and remove 1 message", State.PURGED, [("a", "block", "person:joe.fern")], id="block"),
        pytest.param(
            "block",
            ["Anyone at ", "The whole company"],
            "Block and remove 1 message",
            State.PURGED,
            [("d", "block", "company")],
            id="block a domain for all",
        ),
    ],
)
def test_an_act_is_done_after_its_sheet_and_undone(
    webmail: Webmail, page: Page, name: str, ticks: list[str], button: str, state: State, rules: list[tuple[str, str, str]]
) -> None:
    domain = f"{name}{len(ticks)}.example"
    (mail,) = webmail.site.come(JOE, author=f"anna@{domain}", subject=f"About {domain}")
    webmail.sign_in_linked(page)
    webmail.look(page, f"About {domain}")
    sheet = act(page, name)
    for tick in ticks:
        sheet.get_by_label(tick).check()
    expect(sheet).to_contain_text("1 message for 1 person: 1 held")
    assert (webmail.state(mail), webmail.all_rules(domain)) == (State.HELD, []), "a sheet does nothing"
    sheet.get_by_role("button", name=button, exact=True).click()
    webmail.becomes(mail, state)
    assert webmail.all_rules(domain) == [(f"anna@{domain}" if what == "a" else domain, *rest) for what, *rest in rules]
    ends(webmail, page, mail, state)
    assert webmail.all_rules(domain) == []


def test_a_campaign_is_removed_everywhere_by_the_figures_of_its_sheet(webmail: Webmail, page: Page) -> None:
    both = webmail.site.come(JOE, author="parcel@depot.example", subject="Your parcel", text=LURE)
    both += webmail.site.come(MARA, author="parcel@depot.example", subject="Your parcel", text=LURE)
    webmail.sign_in_linked(page)
    expect(webmail.look(page, "Your parcel").locator("#mailroom-evidence")).to_contain_text("2 messages like this one.")
    sheet = act(page, "remove")
    sheet.get_by_label("All copies in the company").check()
    expect(sheet).to_contain_text("2 messages for 2 people: 2 held")
    sheet.get_by_label("Block too").check()
    sheet.get_by_role("button", name="Remove 2 messages and block").click()
    for one in both:
        webmail.becomes(one, State.PURGED)
    assert webmail.all_rules("depot.example") != []
    ends(webmail, page, both[0], State.PURGED)
    assert ([webmail.state(one) for one in both], webmail.all_rules("depot.example")) == ([State.HELD] * 2, [])


def test_somebody_else_is_found_by_name_and_gets_it(webmail: Webmail, page: Page) -> None:
    (mail,) = webmail.site.come(JOE, author="anna@other.example", subject="For Mara")
    webmail.sign_in_linked(page)
    webmail.look(page, "For Mara")
    sheet = act(page, "redirect")
    sheet.get_by_label("To whom?").press_sequentially("mara")
    sheet.get_by_text("Mara Berg · Legal").click()
    sheet.get_by_role("button", name="Redirect 1 message").click()
    ends(webmail, page, mail, State.QUEUED)


def test_a_removal_names_what_took_copies_out_of_its_reach(webmail: Webmail, page: Page) -> None:
    author = "anna@reach.example"
    _, maras = webmail.site.come(JOE, MARA, author=author, subject="Out of reach")
    with db.transaction(webmail.site.engine) as session:
        for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER):
            ledger.record_event(session, parse_id(maras), event, by=ANA, now=utcnow())
    webmail.sign_in_linked(page)
    webmail.look(page, "Out of reach")
    sheet = act(page, "remove")
    expect(sheet).to_contain_text("1 message for 1 person")
    expect(sheet).not_to_contain_text("Out of reach:")
    sheet.get_by_label(f"All messages from {author}").check()
    expect(sheet).to_contain_text("Out of reach: Ticket desk takes messages on from mara.berg@company.example: 1 copy.")


def test_a_rejection_goes_to_whoever_would_get_the_reply_and_colleagues_find_it(webmail: Webmail, page: Page) -> None:
    (unproven,) = webmail.site.come(JOE, author="bob@forged.example", subject="Nobody hears")
    webmail.sign_in_linked(page)
    webmail.look(page, "Nobody hears")
    sheet = act(page, "reject")
    expect(sheet).to_contain_text("Nobody gets this reply.")
    expect(sheet.get_by_role("button", name="Reject 1 message")).to_be_disabled()
    sheet.get_by_role("button", name="Cancel").click()
    author = "anna@hears.example"
    raw = f"From: {author}\r\nTo: {JOE}\r\nSubject: Hears it\r\n\r\nHello\r\n".encode()
    proof = arriving.authentication(author, replace(DMARC_PASS, domain="hears.example", aligned=("spf",)), Result.PASS)
    (mail,) = webmail.site.receive((JOE,), author, raw, summary.make_summary(raw), proof)
    webmail.look(page, "Hears it")
    sheet = act(page, "reject")
    expect(sheet).to_contain_text(f"The reply goes to {author}.")
    sheet.get_by_role("button", name="Reject 1 message").click()
    webmail.becomes(mail, State.REJECTED)
    assert webmail.state(unproven) == State.HELD
    sheet = act(page, "find")
    sheet.get_by_role("searchbox").fill(author)
    expect(sheet.get_by_role("listitem").first).to_contain_text("by Ana Roth")
    sheet.get_by_role("button", name="Close").last.click()
    ends(webmail, page, mail, State.REJECTED)


def test_a_second_look_is_ticked_by_the_person(webmail: Webmail, page: Page) -> None:
    text = "Click https://evil.example to confirm your password. " * 3
    (mail,) = webmail.site.come(JOE, author="desk@company-login.example", subject="Password expires", text=text)
    webmail.sign_in_linked(page)
    expect(webmail.look(page, "Password expires").locator("#mailroom-evidence")).to_contain_text("Dangerous")
    sheet = act(page, "release")
    expect(sheet.get_by_text("Look a second time.")).to_be_visible()
    expect(sheet.get_by_role("button", name="Cancel")).to_be_focused()
    sheet.get_by_role("button", name="Release 1 message").click()
    assert webmail.state(mail) == State.HELD, "nothing is confirmed by itself"
    for box in sheet.get_by_role("checkbox").all():
        box.check()
    sheet.get_by_role("button", name="Release 1 message").click()
    webmail.becomes(mail, State.QUEUED)


def test_several_of_the_list_are_one_decision(webmail: Webmail, page: Page) -> None:
    both = [webmail.site.come(JOE, author=f"{name}@list.example", subject=f"Of {name}")[0] for name in ("ann", "bob")]
    webmail.sign_in_linked(page)
    webmail.look(page, "Of ann")
    webmail.look(page, "Of bob")
    page.locator("#messagelist").get_by_text("Of ann").first.click(modifiers=["Control"])
    sheet = act(page, "release")
    expect(sheet).to_contain_text("Release 2 messages")
    sheet.get_by_role("button", name="Release 2 messages").click()
    for one in both:
        webmail.becomes(one, State.QUEUED)
    ends(webmail, page, both[0], State.QUEUED)
    webmail.becomes(both[1], State.HELD)


def test_keys_open_the_sheets_in_the_list_in_the_message_and_in_its_own_window(webmail: Webmail, page: Page) -> None:
    (mail,) = webmail.site.come(JOE, author="bob@keys.example", subject="Keys")
    webmail.sign_in_linked(page)
    frame = webmail.look(page, "Keys")
    for code, title in TITLES.items():
        page.keyboard.press(f"Alt+Shift+{code}")
        expect(page.get_by_role("dialog", name=title, exact=True)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    frame.locator("#messagebody").click()
    page.keyboard.press("Alt+Shift+KeyD")
    expect(page.get_by_role("dialog", name=TITLES["KeyD"])).to_be_visible()
    uid = page.evaluate("rcmail.message_list.get_selection()[0]")
    page.goto(f"{webmail.url}/?_task=mail&_action=show&_uid={uid}&_mbox={FOLDER}")
    page.locator("#mailroom-evidence b").wait_for()
    page.keyboard.press("Alt+Shift+KeyR")
    page.get_by_role("dialog").get_by_role("button", name="Release 1 message").click()
    webmail.becomes(mail, State.QUEUED)
    expect(page.get_by_role("dialog")).to_have_count(0)  # keys are the sheet's until it closes
    page.keyboard.press("Alt+Shift+KeyZ")
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    webmail.becomes(mail, State.HELD)
