"""The daily letter to an employee: through the relay into a mailbox; a link scanner changes nothing; signed in, one may ask for a
message.
"""

import email
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.directory_sync.entries import ldif, person
from tests.e2e.conftest import House
from tests.peers import company, outside, processes
from tests.peers.outside import OutsideMessage
from tests.peers.slapd import BASE, Slapd, start_slapd
from triage.times import utcnow

pytestmark = [pytest.mark.peers, pytest.mark.long]
ADA, PASSWORD = "ada", "what Ada types every morning"
TO = f"{ADA}@{company.DOMAIN}"
MORE = '\n[notices]\nrequests = true\ndigest_at = "{now:%H:%M}"\n'


@pytest.fixture(scope="module")
def directory() -> Iterator[Slapd]:
    """Ada is an employee, and nobody is staff."""
    with start_slapd(ldif(person(ADA, cn="Ada Byron", userPassword=PASSWORD))) as server:
        yield server


@pytest.fixture
def alone(directory: Slapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A company with that directory."""
    port = processes.free_port()
    settings = {
        "DIRECTORY__SOURCE": "ldap", "DIRECTORY__URL": directory.url, "DIRECTORY__TLS_CA": str(directory.ca), "DIRECTORY__BASE": BASE,
        "DIRECTORY__POSTMASTER": TO,
        "API__SIGN_IN": "directory", "API__PUBLIC_URL": f"http://127.0.0.1:{port}",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"MAILROOM_{name}", value)
    database = f"sqlite:///{tmp_path}/mailroom.db"
    with company.running(tmp_path, database, f"maildir:{tmp_path}/mailboxes", api_port=port) as made:
        yield House(made, None)


def held(house: House) -> list[tuple[str, str]]:
    """Subject and state of Ada's mail, by the shell."""
    lines = house.company.run("deliveries", "--person", ADA, "--json", check=True).stdout
    return sorted(re.findall(r'"state": "(\w+)".*?"subject": "([^"]*)"', lines, re.DOTALL))


def test_the_letter_asks_and_never_acts(alone: House, page: Page) -> None:
    for subject in ("Your room https://evil.example/x", "Gift cards"):
        alone.company.take(OutsideMessage(f"{subject.split()[0]}@{outside.SUPPLIER.name}", TO, subject))
    processes.until(lambda: len(held(alone)) == 2, "both are held", log=alone.company.log)
    gift = re.search(r'"id": "(\w+)"', alone.company.run("deliveries", "--search", "Gift", "--json").stdout)
    assert gift
    alone.company.run("purge", gift[1], "--reason", "fraud", check=True)
    before = held(alone)
    assert alone.mailbox(ADA) == []

    alone.company.more = MORE.format(now=utcnow())
    alone.company.write_settings()
    alone.company.kill_role("upkeep")
    alone.company.kill_role("api")
    letter = parsed(alone.arrived(ADA, "Messages for you"))
    assert (letter["subject"], letter["auto-submitted"]) == ("Messages for you: 1 held, 1 removed", "auto-generated")
    text, page_of = (letter.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert page_of
    assert "Your room hxxps://evil[.]example/x" in text.get_content()
    assert "evil.example" not in text.get_content() + page_of.get_content()
    assert letter["x-auto-response-suppress"] == "All"

    links = {unescape(link).rstrip(",") for link in re.findall(r"https?://[^\s<>\"']+", text.get_content() + page_of.get_content())}
    assert len(links) == 3  # one for each message, and the page by itself
    processes.until(alone.company.is_ready, "the API is back", log=alone.company.log)
    scanned(links)
    assert (held(alone), alone.company.run("requests", "list").stdout) == (before, "")

    asked = next(link for link in links if "mail=" in link and gift[1] not in link)
    page.goto(asked)
    page.get_by_label("Name").fill(ADA)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Held messages")).to_be_visible()
    room = page.get_by_role("listitem").filter(has_text="Your room")
    expect(room).to_have_class(re.compile("wanted"))
    assert alone.company.run("requests", "list").stdout == ""
    room.get_by_label("What is it about?").fill("my booking")
    room.get_by_role("button", name="Request release").click()
    expect(room).to_contain_text("You requested this message. Staff will review your request.")
    assert re.search(r"Ada Byron .*held .*Your room .*my booking", alone.company.run("requests", "list").stdout)
    assert held(alone) == before
    page.get_by_label("Send me a daily digest").uncheck()
    expect(page.get_by_label("Send me a daily digest")).not_to_be_checked()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_empty()


def scanned(links: set[str]) -> None:
    """Filters follow every link, as a browser does and as none does, and post whatever forms they guess."""
    with httpx.Client(follow_redirects=True, timeout=processes.HANG) as scanner:
        for link in links:
            parts = urlsplit(link)
            origin = f"{parts.scheme}://{parts.netloc}"
            mail = parts.query.removeprefix("mail=")
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
                answer = scanner.request(method, link, headers={"Origin": origin})
                assert (answer.status_code == 200) is (method in ("GET", "HEAD")), (method, answer.status_code)
            for path in ("/api/v1/me/requests", "/api/v1/requests"):
                answer = scanner.post(origin + path, json={"delivery": mail}, headers={"Origin": origin})
                assert answer.status_code == 401


def parsed(raw: bytes) -> EmailMessage:
    """A message as the mail program reads it."""
    return email.message_from_bytes(raw, policy=default)
