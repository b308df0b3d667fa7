"""The demo's morning by keyboard alone: every row decided by what is on the screen, and the keys that it takes."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.company import list_people
from tests.peers import demo

pytestmark = pytest.mark.peers
MOST_KEYS = 1.5  # for a row, on average
ODD = ("Dangerous", "Suspicious")  # away with it
UNWANTED = (
    "Bulk message",
    "Not proven to be",
    "leadsprout.test",
    "I have your password",
)  # one sells, one threatens
WAVE = "password expires"
LOOK = 300  # milliseconds at least that a row is looked at: what comes sooner the console takes for a key pressed twice


class Receptionist:
    """Reads the screen, presses keys, and counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = 0
        self.done: Counter[tuple[str, int]] = Counter()  # what was done, with so many keys

    def sign_in(self, said: str) -> None:
        """As the demo says it."""
        console, login, password = re.search(r"Console +(\S+) +sign in as (\w+), password (\w+)", said).groups()  # type: ignore[union-attr]
        self.page.goto(console)
        self.page.get_by_label("Name").fill(login)
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("option").first).to_be_visible()

    @property
    def row(self) -> Locator:
        """The row under the cursor."""
        return self.page.locator(".row.at")

    def press(self, key: str) -> None:
        """Presses a key and counts it."""
        self.keys += 1
        self.page.keyboard.press(key)

    def subject(self) -> str:
        """Subject of the current row, once its message is open with all its warnings."""
        name = self.row.locator(".subject bdi").inner_text()
        expect(self.page.locator(".view h2")).to_have_text(name)
        return name

    def purge(self) -> None:
        """Take away what the sheet counts."""
        self.press("p")
        expect(self.page.get_by_role("dialog").locator("button.go")).to_be_enabled()
        self.press("Enter")
        expect(self.page.get_by_role("status").filter(has_text="Removed")).to_be_visible()

    def release_and_allow(self, subject: str) -> None:
        """For good; of several that were not all on the screen it is asked whether all are meant."""
        several = self.row.locator(".glyph.pile").count() > 0
        told = re.compile(f"messages|{re.escape(subject[:40])}") if several else subject[:40]
        done = (
            self.page.get_by_role("status")
            .filter(has_text=re.compile("allowed? for"))
            .filter(has_text="from now on, with proof")
            .filter(has_text=told)
        )
        asked = self.page.get_by_text("You have seen only the newest.")
        self.press("a")
        if several:
            expect(done.or_(asked).first).to_be_visible()
        if asked.is_visible():
            self.press("Enter")
        expect(done).to_be_visible()

    def release(self, subject: str) -> None:
        """This once."""
        self.press("r")
        expect(self.page.get_by_role("status").filter(has_text="Released").filter(has_text=subject[:40])).to_be_visible()

    def decide(self) -> None:
        """Decides a row by the number of its box, and by the sentences beside its message."""
        self.page.wait_for_timeout(LOOK)
        subject, before, said = self.subject(), self.keys, self.row.inner_text()
        why = self.page.get_by_role("region", name="Why it was held").inner_text()
        several = " people" in said
        if said.startswith(ODD) or any(words in why + subject for words in UNWANTED):
            what = "the wave" if WAVE in subject.lower() else "purged"
            self.purge()
        elif "expires" in said:
            what = "released"
            self.release(subject)
        else:
            what = "some let in" if several else "let in"
            self.release_and_allow(subject)
        self.done[what, self.keys - before] += 1


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Output of the demo, once all messages of its morning are in the queue."""
    directory = tmp_path_factory.mktemp("demo")
    with demo.play_demo(directory) as said:
        demo.wait_for_the_judge(directory)
        yield said


@pytest.mark.long
def test_a_receptionist_clears_the_morning(morning: str, page: Page) -> None:
    one = Receptionist(page)
    one.sign_in(morning)
    items = int(page.get_by_role("option").first.get_attribute("aria-setsize") or 0)
    assert 34 <= items <= 40
    waiting = page.locator(".row:not(.done)")
    while waiting.count():
        one.decide()
    page.reload()
    expect(page.get_by_text("No messages need a decision.")).to_be_visible()
    assert one.keys / one.done.total() <= MOST_KEYS, one.done
    assert [keys for what, keys in one.done if what == "the wave"] == [2]  # all of it at once, from five domains
    assert one.done["the wave", 2] == 1
    assert {keys for what, keys in one.done if what == "let in"} == {1}
    assert one.done["let in", 1] > 20
    rules = page.evaluate("fetch('/api/v1/rules?effect=allow&limit=200').then((answer) => answer.json())")["items"]
    assert ("address", "b.jansohn@stadtwerke-hollersund.example") in {(rule["match"], rule["value"]) for rule in rules}
    purged = page.evaluate("fetch('/api/v1/deliveries?state=purged&limit=200').then((answer) => answer.json())")["items"]
    assert len([mail for mail in purged if WAVE in mail["subject"].lower()]) == len(list(list_people()))
