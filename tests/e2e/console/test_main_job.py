"""The main job on real mail: held, seen, released, read; let through with proof; purged and blocked; all with real peers."""

import re
import smtplib
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import LMTP, POSTGRESQL, House, choose, sign_in
from tests.peers import company, outside, processes
from tests.peers.browsers import browser as browser_peer
from tests.peers.mail import postfix
from tests.peers.outside import OutsideMessage

pytestmark = pytest.mark.peers
on_either_database = pytest.mark.parametrize("house", [LMTP, POSTGRESQL], indirect=True)


def unique(words: str) -> str:
    """A subject that no other test uses."""
    return f"{words} {uuid4().hex[:8]}"


def transmit_message(server: postfix.Server, letter: OutsideMessage, *recipients: str) -> bytes:
    """The stranger gives a signed letter to their own mail server; its bytes."""
    raw = letter.raw()
    with smtplib.SMTP("127.0.0.1", server.port, timeout=processes.HANG) as client:
        client.sendmail(letter.author, list(recipients) or [letter.to], raw)
    return raw


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("it+russell.coker", ("it", "russell.coker")),
        ("russell.coker", ("it", "russell.coker")),
        ("rc", ("it", "russell.coker")),
        ("info", ("sales", "")),
    ],
)
def test_a_strangers_mail_is_held_in_the_folder_of_department_and_person(
    house: House, stranger: postfix.Server, address: str, folder: tuple[str, str]
) -> None:
    letter = OutsideMessage(f"ana@{outside.STRANGER.name}", f"{address}@{company.DOMAIN}", unique("First contact"))
    transmit_message(stranger, letter)
    with house.company.signed_in() as desk:
        (held,) = desk.wait_for(q=letter.subject)
    assert (held["state"], held["department"], held["person"] or "") == ("held", *folder)
    assert held["author"] == letter.author
    assert house.with_text("russell.coker", letter.subject) == []


@on_either_database
def test_released_in_the_browser_it_lies_byte_for_byte_in_the_mailbox(house: House, stranger: postfix.Server, page: Page) -> None:
    letter = OutsideMessage(
        f"bea@{outside.STRANGER.name}",
        f"russell.coker@{company.DOMAIN}",
        unique("Offer with drawing"),
        html="<p>Hello <b>Russell</b></p>",
        attachments=(("drawing.bin", bytes(range(256)) * 40),),
    )
    raw = transmit_message(stranger, letter)
    with house.company.signed_in() as desk:
        desk.wait_for(q=letter.subject, state="held")
    sign_in(page, house)
    choose(page, letter.subject)
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()

    arrived = house.arrived("russell.coker", letter.subject)
    assert arrived.endswith(raw)
    assert outside.has_signature(arrived)
    trace = arrived.removesuffix(raw).decode()
    for field in (
        "Authentication-Results: mx.company.example;",
        "X-Mailroom-Message: ",
        "X-Mailroom-Verdict: ",
        "Received: from mail.stranger.example",
    ):
        assert field in trace
    with house.company.signed_in() as desk:
        (delivered,) = desk.wait_for(q=letter.subject, state="delivered")
    assert delivered["decided"]["by_name"] == "Maria Keller"


@on_either_database
def test_an_allowed_sender_who_proves_it_goes_straight_through(house: House) -> None:
    house.company.run("allow", outside.SUPPLIER.name, "--note", "our steel", check=True)
    letter = OutsideMessage(f"orders@{outside.SUPPLIER.name}", f"hanne.dahl@{company.DOMAIN}", unique("Delivery note"))
    raw = house.company.take(letter)
    arrived = house.arrived("hanne.dahl", letter.subject)
    assert arrived.endswith(raw)
    assert "dmarc=pass" in arrived.removesuffix(raw).decode()
    assert outside.has_signature(arrived)


def test_an_allowed_name_without_proof_is_held(house: House) -> None:
    house.company.run("allow", outside.SUPPLIER.name, check=True)
    letter = OutsideMessage(f"orders@{outside.SUPPLIER.name}", f"hanne.dahl@{company.DOMAIN}", unique("New account number"))
    with house.company.smtp() as client:
        client.sendmail(f"x@{outside.STRANGER.name}", [letter.to], letter.raw(signed=False))
    with house.company.signed_in() as desk:
        (held,) = desk.wait_for(q=letter.subject)
    assert (held["state"], held["proof"]) == ("held", "")


@on_either_database
def test_a_block_takes_every_held_copy_and_the_next_one_is_refused(house: House, stranger: postfix.Server, page: Page) -> None:
    subject = unique("Your password expires")
    crook = f"desk-{uuid4().hex[:6]}@{outside.STRANGER.name}"
    people = ("russell.coker", "ada.byron", "hanne.dahl", "info")
    for name in people:
        transmit_message(stranger, OutsideMessage(crook, f"{name}@{company.DOMAIN}", subject))
    with house.company.signed_in() as desk:
        desk.wait_for(len(people), sender=crook, state="held")

        sign_in(page, house)
        choose(page, subject)
        page.keyboard.press("b")
        sheet = page.get_by_role("dialog")
        sheet.get_by_role("radio", name="This sender").check()
        sheet.get_by_role("button", name=f"Block and remove {len(people)} messages").click()
        expect(page.get_by_role("status").filter(has_text="Removed and blocked")).to_be_visible()
        assert {found["state"] for found in desk.deliveries(sender=crook, state=["held", "purged"])} == {"purged"}
        assert len(desk.deliveries(sender=crook, state="purged")) == len(people)

    before = len(stranger.bounces())
    again = OutsideMessage(crook, f"luc.moreau@{company.DOMAIN}", unique("Again"))
    refusal = processes.until(lambda: house.company.refusal(again), "the door knows of the block", log=house.company.log)
    assert refusal is not None
    assert (refusal[0], refusal[1][:4]) == (550, b"5.7.")
    transmit_message(stranger, OutsideMessage(crook, f"luc.moreau@{company.DOMAIN}", unique("Once more")))
    bounce = processes.until(lambda: stranger.bounces()[before:], "the stranger's own server tells them of the refusal")[0]
    assert b"550 5.7." in bounce


def test_an_unknown_recipient_is_refused_and_the_others_are_not(house: House) -> None:
    letter = OutsideMessage(f"cy@{outside.STRANGER.name}", f"russell.coker@{company.DOMAIN}", unique("To two people"))
    nobody = f"no.such.person@{company.DOMAIN}"
    with house.company.smtp() as client:
        refusals = client.sendmail(letter.author, [letter.to, nobody], letter.raw())
    assert list(refusals) == [nobody]
    assert refusals[nobody][0] == 550
    assert refusals[nobody][1].startswith(b"5.1.1 ")
    with house.company.signed_in() as desk:
        desk.wait_for(q=letter.subject)


def test_redirected_in_the_browser_it_goes_to_somebody_else(house: House, page: Page) -> None:
    letter = OutsideMessage(f"dan@{outside.STRANGER.name}", f"info@{company.DOMAIN}", unique("For whoever does meters"))
    raw = house.company.take(letter)
    with house.company.signed_in() as desk:
        desk.wait_for(q=letter.subject, state="held")
    sign_in(page, house)
    choose(page, letter.subject)
    for opens, shows in ((re.compile("^More$"), "Redirect"), ("Account of", "Sign out everywhere")):
        page.get_by_role("button", name=opens).click()
        expect(page.get_by_role("button", name=shows)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=shows)).to_be_hidden()
    page.keyboard.press("m")
    page.get_by_role("combobox", name="Recipient").fill("Luc Mor")
    expect(page.get_by_role("button", name="Redirect to Luc Moreau")).to_be_enabled()
    page.keyboard.press("Enter")
    assert house.arrived("luc.moreau", letter.subject).endswith(raw)
    assert house.with_text("sales-desk", letter.subject) == []


@pytest.mark.long  # webui/shell/test_phone.py undoes a removal, delivery/test_recall.py from end to end
def test_a_purge_is_undone_with_one_key(house: House, page: Page) -> None:
    letter = OutsideMessage(f"eve@{outside.STRANGER.name}", f"ada.byron@{company.DOMAIN}", unique("Removed by mistake"))
    house.company.take(letter)
    with house.company.signed_in() as desk:
        desk.wait_for(q=letter.subject, state="held")
        sign_in(page, house)
        choose(page, letter.subject)
        page.keyboard.press("p")
        button = page.get_by_role("dialog").get_by_role("button", name="Remove 1 message")
        expect(button).to_be_enabled()
        button.press("Enter")
        expect(page.get_by_role("status").filter(has_text="Removed")).to_be_visible()
        desk.wait_for(q=letter.subject, state="purged")
        page.keyboard.press("z")
        expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
        (back,) = desk.wait_for(q=letter.subject, state="held")
        page.reload()
        choose(page, letter.subject)
        page.keyboard.press("4")
        expect(page.get_by_role("region", name="Recipients", exact=True)).to_contain_text("held, undone by ")
    assert back["person"] == "ada.byron"


@pytest.mark.long  # webui/queue/test_colleagues.py has two browsers
def test_the_second_click_gets_told_what_happened(house: House, page: Page) -> None:
    letter = OutsideMessage(f"fay@{outside.STRANGER.name}", f"hanne.dahl@{company.DOMAIN}", unique("Wanted by two"))
    house.company.take(letter)
    with house.company.signed_in("maria") as maria:
        (held,) = maria.wait_for(q=letter.subject)

        def overtake(route: Route) -> None:
            """Maria is faster by a moment."""
            if route.request.method == "POST":
                assert maria.decide("release", {"ids": [held["id"]]}).status_code == 201
            route.continue_()

        sign_in(page, house, "jon")
        choose(page, letter.subject)
        browser_peer.intercept(page, "**/api/v1/decisions", overtake)
        page.keyboard.press("r")
        expect(page.get_by_role("alert").filter(has_text="Released by Maria Keller")).to_be_visible()
    house.arrived("hanne.dahl", letter.subject)


@on_either_database
def test_a_selection_that_changed_meanwhile_is_refused_whole(house: House) -> None:
    sender = f"gus-{uuid4().hex[:6]}@{outside.STRANGER.name}"
    with house.company.signed_in() as desk:
        house.company.take(OutsideMessage(sender, f"hanne.dahl@{company.DOMAIN}", unique("One")))
        desk.wait_for(1, sender=sender)
        select = {"sender": sender, "states": ["held"]}
        seen = desk.client.post("/selections/preview", json={"select": select}).json()
        house.company.take(OutsideMessage(sender, f"luc.moreau@{company.DOMAIN}", unique("Two")))
        desk.wait_for(2, sender=sender)
        answer = desk.decide("purge", select, expect=seen["count"], fence=seen["fence"])
        assert answer.status_code == 412
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
        assert [found["state"] for found in desk.deliveries(sender=sender)] == ["held", "held"]


def test_a_wrong_sign_in_is_told_and_lets_nobody_in(house: House, page: Page) -> None:
    sign_in(page, house, "maria", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong.")
    expect(page.get_by_role("listbox", name="Held messages")).to_have_count(0)


def test_staff_see_their_own_folders_only(house: House) -> None:
    subject = unique("For two departments")
    for name in ("hanne.dahl", "russell.coker"):
        house.company.take(OutsideMessage(f"ida@{outside.STRANGER.name}", f"{name}@{company.DOMAIN}", subject))
    with house.company.signed_in("maria") as maria, house.company.signed_in("sam") as sam:
        both = maria.wait_for(2, q=subject)
        (own,) = sam.deliveries(q=subject)
        assert own["department"] == "sales"
        foreign = next(one for one in both if one["department"] == "it")
        assert sam.client.get(f"/deliveries/{foreign['id']}").status_code == 404
        answer = sam.decide("release", {"ids": [foreign["id"]]})
        assert answer.status_code in (404, 409)
        assert {one["state"] for one in maria.deliveries(q=subject)} == {"held"}
