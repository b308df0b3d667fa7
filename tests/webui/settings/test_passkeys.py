"""Passkeys in the console, with Chromium's virtual authenticator: added, used alone and as a second factor, and never twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update
from sqlmodel import col

from tests.conftest import settings_in
from tests.triage_api.conftest import session_key
from tests.webui.access import faults
from tests.webui.site import PASSWORD, Site, running
from triage.access.accounts import PROVIDER
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.sign_in import Passkey
from triage.store.models.staff import StaffMember, StaffSession
from triage.times import utcnow

WRONG = "This passkey signs nobody in: it was removed here, or the account is closed or comes from an identity provider."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A company whose staff sign in with passwords or passkeys."""
    directory = tmp_path_factory.mktemp("site")
    settings = settings_in(directory)
    with running(directory, sqlite_template, replace(settings, api=replace(settings.api, sign_in=("passkey", "local")))) as made:
        yield made


@pytest.fixture
def home(site: Site, page: Page) -> str:
    """The console by a name, as ida has it open, in a browser with an authenticator that knows its person."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    phone = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": phone | {"automaticPresenceSimulation": True}})
    url = site.url.replace("127.0.0.1", "localhost")
    page.context.add_cookies([{"name": "mailroom", "value": session_key(site.engine, "ida"), "url": url}])
    return url


def add_passkey(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/settings")
    page.get_by_label("Name of this device").fill(name)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text(f"Passkey “{name}”, added")).to_be_visible()


def test_added_in_settings_then_it_signs_in_alone_or_after_the_password(site: Site, page: Page, home: str) -> None:
    add_passkey(page, home, "notebook")
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    assert faults(page) == []

    page.context.clear_cookies()
    page.goto(home)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    with db.read_transaction(site.engine) as session:
        signed_in = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "sign-in")).all()
        assert {"method": "passkey", "second_factor": True}.items() <= signed_in[-1].items()

    page.context.clear_cookies()
    page.goto(home)
    page.get_by_label("Name").fill("ida")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()

    with db.transaction(site.engine) as session:
        session.execute(update(StaffSession).values(factor_at=None))
    page.goto(f"{home}/settings")
    page.get_by_role("button", name="Make new recovery codes").click()
    page.get_by_role("dialog").get_by_role("button", name="Use a passkey").click()
    expect(page.locator("li code")).to_have_count(10)

    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("Passkey “notebook”")).to_have_count(0)
    page.context.clear_cookies()
    page.goto(home)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text(WRONG)


@pytest.mark.long
def test_an_answer_counts_once_and_for_its_own_question(site: Site, page: Page, home: str) -> None:
    add_passkey(page, home, "phone")
    page.context.clear_cookies()
    page.goto(home)
    with page.expect_request("**/session/passkey") as sent:
        page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    given: dict[str, Any] = sent.value.post_data_json or {}
    assert post(page, home, "/session/passkey", given) == 404, "the challenge is taken"
    asked = page.request.post(f"{home}/api/v1/session/passkey/options", headers={"Origin": home}).json()
    assert post(page, home, "/session/passkey", given | {"ticket": asked["ticket"]}) == 401, "another challenge"
    with db.transaction(site.engine) as session:
        before = session.get_one(StaffMember, "ida").source
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ida").values(source=PROVIDER))
    page.context.clear_cookies()
    page.goto(home)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text(WRONG)
    with db.transaction(site.engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ida").values(source=before))
        failed = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "sign-in-failed")).all()
        assert {one["why"] for one in failed} == {"passkey"}
        assert session.scalars(select(Passkey).where(col(Passkey.name) == "phone")).one().sign_count > 0


@pytest.mark.long
def test_behind_the_lock_a_passkey_is_enough_and_the_work_is_kept(site: Site, page: Page, home: str) -> None:
    page.context.add_cookies([{"name": "mailroom", "value": session_key(site.engine, "hana"), "url": home}])
    add_passkey(page, home, "tablet")
    page.goto(home)
    page.locator("#search").fill("half typed")
    with db.transaction(site.engine) as session:
        session.execute(update(StaffSession).values(seen_at=utcnow() - timedelta(minutes=31)))
    page.keyboard.press("Enter")  # the search is asked for, and refused
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)
    expect(page.locator("#search")).to_have_value("half typed")


def post(page: Page, home: str, path: str, order: dict[str, Any]) -> int:
    """The status of the answer."""
    return page.request.post(f"{home}/api/v1{path}", data=order, headers={"Origin": home}).status


@pytest.mark.long
def test_an_address_without_a_name_says_why_there_are_none(site: Site, page: Page) -> None:
    site.open_console(page, "ana", "/settings")
    expect(page.get_by_text("Passkeys need a host name: open the console by its name")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
