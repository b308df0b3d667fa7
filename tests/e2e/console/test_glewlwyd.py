"""Single sign-on with Glewlwyd, another maker's provider: in by its pages, with the role of a group there, and out there too."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.peers import company, processes
from tests.peers.openid import glewlwyd
from tests.peers.openid.openid_provider import SECRET, OpenIdProvider

PEOPLE = {
    "nora": {"name": "Nora Falk", "groups": ["mailroom-desk", "everybody"]},
    "visitor": {"name": "A Visitor", "groups": ["everybody"]},
}

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def sso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[company.Company, OpenIdProvider]]:
    """A company whose staff sign in at its Glewlwyd, and nowhere else."""
    directory, port = tmp_path_factory.mktemp("glewlwyd"), processes.free_port()
    (directory / "secret").write_text(SECRET)
    with glewlwyd.start_glewlwyd(f"http://127.0.0.1:{port}", PEOPLE) as provider:
        table = provider.table(directory / "secret", title="Company", scopes=["openid"], groups=["mailroom-desk => triage company"])
        more = f"\n[identity]\ntimeout = {int(processes.HANG)}\n{table}"
        database, mailboxes = f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes"
        with company.running(directory, database, mailboxes, api_port=port, sign_in="oidc", more=more) as running:
            yield running, provider


def enter_by_pages(page: Page, site: company.Company, name: str) -> None:
    """From our sign-in page through the provider's two pages."""
    page.goto(site.url)
    page.get_by_role("button", name="Sign in with Company").click()
    page.get_by_placeholder("Your username").fill(name)
    page.get_by_placeholder("Your password").fill(glewlwyd.PASSWORD)
    page.get_by_role("button", name="OK").click()
    page.get_by_role("button", name="Continue").click()


def test_in_with_the_role_of_a_group_and_out(sso: tuple[company.Company, OpenIdProvider], page: Page) -> None:
    site, _ = sso
    enter_by_pages(page, site, "nora")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    me = json.loads(page.evaluate("fetch('/api/v1/me').then((answer) => answer.text())"))
    assert (me["login"], me["name"], me["role"], me["scope"]) == ("nora", "Nora Falk", "triage", ["company"])
    page.get_by_role("button", name="Nora Falk").click()
    page.get_by_role("button", name="Sign out of Company too").click()
    expect(page.get_by_text("The client Mailroom wishes you")).to_be_visible()  # before it knows the client, its button fails
    page.get_by_role("button", name="Logout").first.click()
    expect(page.get_by_text("You are disconnected").first).to_be_visible()  # it leads back only whoever came with `state`
    page.goto(site.url)
    page.get_by_role("button", name="Sign in with Company").click()
    expect(page.get_by_placeholder("Your password")).to_be_visible()  # its session is over too


def test_who_has_no_group_reads_why(sso: tuple[company.Company, OpenIdProvider], page: Page) -> None:
    site, _ = sso
    enter_by_pages(page, site, "visitor")
    expect(page.get_by_role("alert")).to_contain_text("no group of yours gives you a role here")
