"""Single sign-on with a real provider, as its pages and ours are used: in, locked and back, out there too, and ended from there."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.peers import company, processes
from tests.peers.openid import openid_provider
from tests.peers.openid.openid_provider import OpenIdProvider
from triage.store import db
from triage.store.models.staff import StaffSession
from triage.times import utcnow

PEOPLE = {
    "8f3a-maria": {"preferred_username": "maria", "name": "Maria Keller", "groups": []},
    "77c1-nora": {"preferred_username": "nora", "name": "Nora Falk", "groups": ["mailroom-desk", "everybody"]},
    "a0b2-visitor": {"preferred_username": "visitor", "name": "A Visitor", "groups": ["everybody"]},
}
GROUPS = ["mailroom-desk => triage company"]


@pytest.fixture(scope="module")
def sso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[company.Company, OpenIdProvider]]:
    """A company whose staff sign in at its provider, and nowhere else."""
    directory, port = tmp_path_factory.mktemp("sso"), processes.free_port()
    (directory / "secret").write_text(openid_provider.SECRET)
    with openid_provider.start_provider(f"http://127.0.0.1:{port}", PEOPLE) as provider:
        table = provider.table(
            directory / "secret", title="Company", scopes=["openid", "profile", "groups"], groups=GROUPS, link_by_login=True
        )
        more = f"\n[identity]\ntimeout = {int(processes.HANG)}\n{table}"
        with company.running(
            directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes", api_port=port, sign_in="oidc", more=more
        ) as running:
            yield running, provider


def enter(page: Page, site: company.Company, sub: str) -> None:
    """From our sign-in page through the provider's two pages."""
    page.route("https://fonts.googleapis.com/**", lambda route: route.fulfill(content_type="text/css", body=""))  # the provider's pages
    page.goto(site.url)
    page.get_by_role("button", name="Sign in with Company").click()
    give_password(page, sub)
    page.get_by_role("button", name="Continue").click()


def give_password(page: Page, sub: str) -> None:
    """The provider's page that asks who it is."""
    page.get_by_placeholder("Enter any login").fill(sub)
    page.get_by_placeholder("and password").fill("whatever")
    page.get_by_role("button", name="Sign-in").click()


def test_in_through_the_provider(sso: tuple[company.Company, OpenIdProvider], page: Page) -> None:
    site, _ = sso
    enter(page, site, "77c1-nora")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    me = json.loads(page.evaluate("fetch('/api/v1/me').then((answer) => answer.text())"))
    assert (me["login"], me["name"], me["role"], me["scope"]) == ("nora", "Nora Falk", "triage", ["company"])
    assert page.url == f"{site.url}/"


@pytest.mark.long
def test_who_has_no_group_reads_why(sso: tuple[company.Company, OpenIdProvider], page: Page) -> None:
    site, _ = sso
    enter(page, site, "a0b2-visitor")
    expect(page.get_by_role("alert")).to_contain_text("no group of yours gives you a role here")
    assert page.url == f"{site.url}/"


@pytest.mark.long
def test_locked_back_and_out(sso: tuple[company.Company, OpenIdProvider], page: Page) -> None:
    """After the lock the provider asks for the password again, and the page is the same; signing out there ends it here."""
    site, provider = sso
    enter(page, site, "8f3a-maria")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    page.goto(f"{site.url}/rules")
    engine = db.open_engine(site.database)
    with db.transaction(engine) as session:
        session.execute(update(StaffSession).values(seen_at=utcnow() - timedelta(minutes=31)))
    page.reload()
    engine.dispose()
    page.get_by_role("button", name="Sign in with Company").click()
    give_password(page, "8f3a-maria")  # asked again: the session there may be of whoever sat here before
    expect(page).to_have_url(re.compile("/rules$"))
    page.get_by_role("button", name="Maria Keller").click()
    page.get_by_role("button", name="Sign out of Company too").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page.get_by_role("button", name="Sign in with Company")).to_be_visible()
    assert provider.process.poll() is None
