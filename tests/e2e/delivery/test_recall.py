"""Delivered already: purged in the browser it leaves the mailbox, undone it is back; the same from the shell."""

import email
import json
import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LMTP, MAILDIR, House, sign_in
from tests.peers import company, outside, processes
from tests.peers.outside import OutsideMessage

pytestmark = [
    pytest.mark.peers,
    pytest.mark.parametrize("house", [LMTP, MAILDIR], indirect=True),
]


def delivered(house: House, name: str, words: str) -> tuple[OutsideMessage, str]:
    """A letter that was released and has arrived; the id of its delivery."""
    letter = OutsideMessage(f"eve{uuid4().hex[:6]}@{outside.STRANGER.name}", f"{name}@{company.DOMAIN}", f"{words} {uuid4().hex[:8]}")
    raw = house.company.take(letter)
    with house.company.signed_in() as desk:
        (held,) = desk.wait_for(q=letter.subject)
        assert desk.decide("release", {"ids": [held["id"]]}).status_code == 201
        desk.wait_for(q=letter.subject, state="delivered")
    assert house.arrived(name, letter.subject).endswith(raw)
    return letter, held["id"]


def test_purged_in_the_browser_it_is_gone_from_the_mailbox_and_undone_it_is_back(house: House, page: Page) -> None:
    letter, _ = delivered(house, "ada.byron", "Urgent wire transfer")
    (before,) = house.with_text("ada.byron", letter.subject)
    sign_in(page, house)
    expect(page.get_by_role("listbox", name="Held messages")).to_be_visible()
    page.goto(f"{house.company.url}/?tab=decided")
    page.get_by_role("listbox", name="Decided messages").get_by_role("option").filter(has_text=letter.subject).click()
    expect(page.get_by_role("heading", name=letter.subject)).to_be_visible()
    page.get_by_role("group", name="Decided").get_by_role("button", name="Remove everywhere").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("listitem").filter(has_text="delivered")).to_contain_text("1")
    sheet.get_by_role("button", name=re.compile("^Remove 1 message")).click()
    expect(page.get_by_role("status").filter(has_text="Removed")).to_be_visible()
    processes.until(lambda: not house.with_text("ada.byron", letter.subject), "it is gone from the mailbox", log=house.company.log)

    page.goto(f"{house.company.url}/decisions")
    row = page.get_by_role("listitem").filter(has_text=f"Removed “{letter.subject}”")  # once the recaller has told what became of it
    row.get_by_role("button", name="Undo").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo all of it").click()
    processes.until(lambda: house.with_text("ada.byron", letter.subject), "it is back in the mailbox", log=house.company.log)
    assert house.with_text("ada.byron", letter.subject) == [before]


def test_what_only_shares_the_message_id_is_offered_and_taken_when_somebody_says_so(house: House, page: Page) -> None:
    """A colleague's reply lies beside what was purged: in the browser it is seen and chosen, and the undo puts it back."""
    letter, mail = delivered(house, "ada.byron", "Lottery prize")
    (copy,) = house.with_text("ada.byron", letter.subject)
    identity = email.message_from_bytes(copy)["Message-ID"]
    words = f"Re{uuid4().hex[:8]}"
    reply = f"From: <friend@{outside.STRANGER.name}>\r\nSubject: {words}\r\nIn-Reply-To: {identity}\r\n\r\nIs this real?\r\n"
    house.put("ada.byron", reply.encode())
    house.company.run("purge", mail, "--reason", "phishing", "--wait", check=True)
    before = house.with_text("ada.byron", words)
    assert len(before) == 1

    sign_in(page, house)
    expect(page.get_by_role("listbox", name="Held messages")).to_be_visible()
    page.goto(f"{house.company.url}/decisions")
    row = page.get_by_role("listitem").filter(has_text=letter.subject).filter(has_text="phishing")
    row.get_by_role("button", name="Related messages: 1").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text(words)).to_be_visible()
    expect(sheet.get_by_role("button", name="Remove 0 messages")).to_be_disabled()
    sheet.get_by_role("checkbox").check()
    sheet.get_by_role("button", name="Remove 1 message").click()
    processes.until(lambda: not house.with_text("ada.byron", words), "the reply is gone too", log=house.company.log)
    with house.company.signed_in() as desk:
        (take,) = (one for one in desk.client.get("/decisions").json()["items"] if one["verb"] == "take" and not one["undone_by"])
    house.company.run("decisions", "undo", take["id"], "--wait", check=True)
    assert house.with_text("ada.byron", words) == before


def test_purged_in_the_shell_it_waits_and_says_where_it_lay(house: House) -> None:
    letter, mail = delivered(house, "hanne.dahl", "Parcel fee")
    purged = house.company.run("purge", "--sender", letter.author, "--reason", "phishing", "--wait", "--json", check=True)
    said = json.loads(purged.stdout)
    assert said["items"] == [{"delivery": mail, "before": "delivered", "outcome": "done", "why": "It was in INBOX, unread."}]
    assert house.with_text("hanne.dahl", letter.subject) == []
    house.company.run("decisions", "undo", said["decision"], "--wait", check=True)
    assert len(house.with_text("hanne.dahl", letter.subject)) == 1
    with house.company.signed_in() as desk:
        history = desk.client.get(f"/deliveries/{mail}").json()["history"]
    assert any(past["sentence"].endswith(": remove: phishing. It was in INBOX, unread.") for past in history)
