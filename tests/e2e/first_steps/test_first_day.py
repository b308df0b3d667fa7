"""The first-day screen: questions with their evidence, one key an answer, shared by everybody who helps."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, sign_in
from tests.peers import company
from tests.peers.outside import PHISHER, SUPPLIER, OutsideMessage

pytestmark = [pytest.mark.peers, pytest.mark.long]

RUSSELL, HANNE = f"russell.coker@{company.DOMAIN}", f"hanne.dahl@{company.DOMAIN}"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A company to which two domains send sign-in codes."""
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes") as made:
        for domain, people in ((SUPPLIER, (RUSSELL, HANNE, HANNE)), (PHISHER, (RUSSELL, RUSSELL))):
            for person in people:
                made.take(
                    OutsideMessage(
                        f"login@{domain.name}",
                        person,
                        "Your sign-in code is 482913",
                        f"Your {domain.name} code is 482913. It expires in 10 minutes.\r\n",
                    )
                )
        with made.signed_in() as desk:
            desk.wait_for(5, state="held")
        made.run("rules", "propose", check=True)
        yield House(made, None)


def test_questions_are_shared_and_answered_by_key(house: House, two_pages: tuple[Page, Page]) -> None:
    marias, jons = two_pages
    sign_in(marias, house)
    expect(marias.get_by_role("link", name="First day 2")).to_be_visible()
    marias.get_by_role("link", name="First day 2").click()
    question = f"3 sign-in or password messages to 2 people in 90 days, all pass DMARC: allow {SUPPLIER.name} for the company?"
    expect(marias.get_by_role("heading", name=question)).to_be_visible()
    expect(marias.get_by_text("2 suggestions left, 0 answered, 2 assigned to you.")).to_be_visible()
    expect(marias.get_by_text("Your sign-in code is 482913")).to_be_visible()
    sign_in(jons, house, "jon")
    jons.get_by_role("link", name="First day 2").click()
    expect(jons.get_by_text("The 2 remaining suggestions are assigned to colleagues.")).to_be_visible()

    marias.keyboard.press("n")
    expect(marias.get_by_role("heading", name=f"allow {PHISHER.name} for the company?")).to_be_visible()
    expect(marias.get_by_text("1 suggestion left, 1 answered")).to_be_visible()
    marias.keyboard.press("z")
    expect(marias.get_by_role("heading", name=question)).to_be_visible()
    marias.keyboard.press("a")
    expect(marias.get_by_text(f"{SUPPLIER.name} is allowed for the whole company, with proof.")).to_be_visible()
    marias.get_by_role("link", name="Rules").click()

    expect(jons.get_by_role("heading", name=f"allow {PHISHER.name} for the company?")).to_be_visible()
    jons.get_by_role("button", name="Do not suggest again").click()
    expect(jons.get_by_text("No suggestions.")).to_be_visible()

    with house.company.signed_in() as desk:
        (rule,) = desk.client.get("/rules").json()["items"]
        assert (rule["value"], rule["scope"], rule["proof"], rule["author"]) == (SUPPLIER.name, "company", "dmarc", "Maria Keller")
        house.company.take(OutsideMessage(f"login@{SUPPLIER.name}", HANNE, "Another code"))
        assert desk.wait_for(q="Another code")[0]["verdict"]["rule"] == "allowed-sender"
