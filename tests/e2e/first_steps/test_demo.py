"""The demo of `make run`: its company, the printed sign-in and first message, and a script's morning of work."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.peers import company, demo as demo_peer, processes

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the demo."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(directory: Path) -> Iterator[str]:
    """Output of the demo, once the morning's messages have arrived. The tests build on each other."""
    with demo_peer.play_demo(directory) as said:
        yield said


def test_the_demo_is_a_company_with_a_morning_of_mail(demo: str, directory: Path) -> None:
    console, login, password = re.search(r"Console +(\S+) +sign in as (\w+), password (\w+)", demo).groups()  # type: ignore[union-attr]
    with httpx.Client(base_url=f"{console}/api/v1", headers={"Origin": console}, timeout=processes.HANG) as client:
        assert client.post("/session", json={"login": login, "password": password}).status_code == 201

        def held() -> list[dict[str, str]]:
            items: list[dict[str, str]] = client.get("/deliveries", params={"state": "held", "limit": 200}).json()["items"]
            return items

        assert len(client.get("/departments").json()["items"]) == 6
        processes.until(lambda: len(held()) > 80, "most of the morning is held")
        processes.until(lambda: list((directory / "demo" / "mailboxes").glob("*/new/*")), "what was allowed lies in a mailbox")
        line = re.search(r"Test message +(.+)", demo)
        assert line is not None
        first = line[1].replace("python3", sys.executable, 1)
        subprocess.run(["bash", "-c", first], check=True, timeout=processes.HANG)
        processes.until(lambda: [one for one in held() if one["author"] == "you@stranger.example"], "the first mail is held")
        assert client.get(console).headers["content-type"].startswith("text/html")


@pytest.mark.long
def test_the_desk_is_as_daily_work_shows_it(demo: str, directory: Path, page: Page) -> None:
    """The pictures of docs/how-to/work-the-quarantine.md: with MAILROOM_PICTURES in the environment they are taken again."""
    demo_peer.wait_for_the_judge(directory)
    pictures = company.ROOT / "docs" / "pictures" if os.environ.get("MAILROOM_PICTURES") else directory
    login, password = re.search(r"sign in as (\w+), password (\w+)", demo).groups()  # type: ignore[union-attr]
    page.goto(re.search(r"Console +(\S+)", demo)[1])  # type: ignore[index]
    page.get_by_label("Name").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    rows = page.get_by_role("listbox", name="Held messages").get_by_role("option")
    expect(rows.nth(5)).to_be_visible()
    page.keyboard.press("j")
    shown = page.get_by_role("region", name="Message").locator("iframe.shown").content_frame.locator("body")
    expect(shown).to_contain_text("sign-in")
    page.screenshot(path=pictures / "queue.png")

    rows.filter(has_text="b.jansohn@stadtwerke-hollersund.example").first.click()
    expect(shown).to_contain_text("bidders' day")
    page.get_by_role("region", name="Message").screenshot(path=pictures / "mail.png")

    rows.filter(has_text="leadsprout.test").first.click()
    expect(shown).to_contain_text("Leadsprout")
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("button", name="Remove 10 messages")).to_be_enabled()
    expect(sheet.get_by_text("…", exact=True)).to_have_count(0)
    page.screenshot(path=pictures / "purge.png")
    page.keyboard.press("Escape")

    page.get_by_role("combobox", name="Search messages").fill("from:stadtwerke-hollersund.example")
    expect(rows.filter(has_not_text="stadtwerke-hollersund.example")).to_have_count(0)
    page.screenshot(path=pictures / "search.png")


@pytest.mark.long
def test_a_script_does_a_receptionists_morning(demo: str, directory: Path) -> None:
    console = re.search(r"Console +(\S+)", demo)[1]  # type: ignore[index]
    demo_peer.wait_for_the_judge(directory)
    key = token(directory, "--may", "read", "--may", "decide", "--may", "rules")
    script = [sys.executable, str(company.ROOT / "docs" / "recipes" / "morning.py"), console]
    script += ["--redirect", "press@company.example=helena.brandvik"]
    done = subprocess.run(
        script, env=os.environ | {"MAILROOM_TOKEN": key}, capture_output=True, text=True, timeout=3 * processes.HANG, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:]
    assert done.stdout.endswith("The queue is empty.\n")
    assert "10 rejected, 1 redirected; 1 decision undone." in done.stdout
    with httpx.Client(base_url=f"{console}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=processes.HANG) as client:
        assert client.get("/triage").json()["total_deliveries"] == 0
        decisions = client.get("/decisions", params={"limit": 200, "mine": True}).json()["items"]
        purged = [one for one in decisions if one["verb"] == "purge" and one["select"].get("campaign")]
        assert all(one["done"] == one["count"] > 1 for one in purged)
        assert len(purged) > 3
        assert {one["verb"] for one in decisions} == {"release", "redirect", "purge", "reject", "undo"}
        made = [rule for one in decisions if one["verb"] == "release" for rule in one["rules"]]
        assert {(rule["match"], rule["value"]) for rule in made} >= {("address", "b.jansohn@stadtwerke-hollersund.example")}
        waiting = client.get("/reports/waiting").json()
        assert waiting["tables"][0]["rows"][0]["messages"] >= 30


def test_the_morning_says_what_is_in_its_way(demo: str, directory: Path) -> None:
    console = re.search(r"Console +(\S+)", demo)[1]  # type: ignore[index]
    script = [sys.executable, str(company.ROOT / "docs" / "recipes" / "morning.py")]
    environment = {name: value for name, value in os.environ.items() if name != "MAILROOM_TOKEN"}
    for words, more, says in (
        ([console], {}, "put the token into $MAILROOM_TOKEN"),
        ([console], {"MAILROOM_TOKEN": "mailroom_no"}, "morning: "),
        (["file:///etc/passwd"], {"MAILROOM_TOKEN": "x"}, "the address begins with https://"),
        (["http://127.0.0.1:1"], {"MAILROOM_TOKEN": "x"}, "refused"),
    ):
        done = subprocess.run(
            [*script, *words], env=environment | more, capture_output=True, text=True, timeout=processes.HANG, check=False
        )
        assert done.returncode != 0
        assert says in done.stderr
        assert "Traceback" not in done.stderr


def token(directory: Path, *may: str) -> str:
    """The key of a new token."""
    command = [sys.executable, "-m", "triage_cli", "--config", str(directory / "demo" / "mailroom.toml"), "token", "create", "morning"]
    made = subprocess.run(
        [*command, *may, "--scope", "company"],
        env=company.Company(directory, "", "").environment,
        capture_output=True,
        text=True,
        timeout=processes.HANG,
        check=True,
    )
    return re.search(r"mailroom_\S+", made.stdout)[0]  # type: ignore[index]
