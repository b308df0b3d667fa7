"""Health and configuration in the console: what is broken first, settings found by words, and nothing of either for other staff."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.webui.site import Site
from triage_api.http.installation import Installation
from triage_cli.doctor.finding import FAIL, OK, Finding
from triage_cli.services.api_role import describe_installation


@pytest.fixture
def described(site: Site, tmp_path: Path) -> Installation:
    """An installation with one thing broken, whose settings file names the company."""
    file = tmp_path / "mailroom.toml"
    file.write_text('[company]\ndomains = ["company.example"]\nhostname = "mx.company.example"\n')
    described = describe_installation(site.settings, str(file))
    described.examine = lambda: [Finding(OK, "clock", "it is synchronized"), Finding(FAIL, "disk", "0.1 GiB free", "make room on the disk")]
    return described


def test_what_is_broken_comes_first_with_what_to_do(site: Site, page: Page, described: Installation) -> None:
    site.app.state.office.installation = described
    site.open_console(page, "ida", "/health")
    expect(page.get_by_role("table").first).to_have_accessible_name("Does not work")
    expect(page.get_by_role("row").filter(has_text="0.1 GiB free")).to_contain_text("make room on the disk")
    expect(page.get_by_text("1 thing does not work")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("v")
    row = page.get_by_role("row").filter(has_text="hostname").first
    expect(row).to_contain_text("settings file")
    page.get_by_role("checkbox", name="Only settings that are not the default").check()
    expect(page.get_by_role("status").filter(has_text="2 settings")).to_be_visible()
    page.get_by_role("searchbox", name="Find a setting").fill("greetings")
    expect(page.get_by_role("table")).to_have_count(1)
    expect(page.get_by_role("row")).to_have_count(2)  # with its head


@pytest.mark.long
def test_other_staff_are_not_led_there(site: Site, page: Page) -> None:
    site.open_console(page, "ana", "/rules")
    expect(page.get_by_role("link", name="Settings", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Health", exact=True)).to_have_count(0)
    for path in ("/health", "/configuration"):
        page.goto(site.url + path)
        expect(page.get_by_role("alert")).to_contain_text("This needs the role admin; yours is triage.")
