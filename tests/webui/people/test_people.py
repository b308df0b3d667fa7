"""People and departments: find somebody, their folder, their rules and who wrote to them; and whether the directory is believed."""

import pytest
from playwright.sync_api import Page, expect

from tests.triage.arriving import add_rules
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.notifications import alerts
from triage.policy.rules.rule_request import RuleOrder
from triage.store.db import transaction
from triage.store.models.directory import AddressChange
from triage.times import utcnow


def test_somebody_is_found_with_all_that_is_theirs(site: Site, page: Page) -> None:
    add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "paper.example", "person:joe.fern"))
    site.come(JOE, author="orders@paper.example", subject="Your paper")
    site.come(JOE, author="stranger@elsewhere.example", subject="Hello Joe")
    site.open_console(page, "ida", "/people")
    departments = page.get_by_role("table", name="Departments")
    expect(departments.get_by_role("row").filter(has_text="IT")).to_contain_text("info")
    page.get_by_label("Find people").fill("fern it")
    people = page.get_by_role("table", name="People")
    expect(people.get_by_role("row")).to_have_count(2)
    expect(departments).to_have_count(0)
    people.get_by_role("link", name="Joe Fern").click()
    expect(page.get_by_role("heading", level=1, name="Joe Fern")).to_be_visible()
    wrote = page.get_by_role("heading", name="Senders").locator("..")
    expect(wrote.get_by_role("link", name="stranger@elsewhere.example")).to_be_visible()
    expect(page.get_by_role("table", name="Rules")).to_contain_text("paper.example")
    assert faults(page) == []
    page.get_by_role("link", name="Folder: ").click()
    expect(page.get_by_role("heading", level=1, name="Joe Fern")).to_be_attached()
    expect(page.get_by_role("option").filter(has_text="Hello Joe")).to_be_visible()


@pytest.mark.long
def test_beyond_ones_scope_a_person_is_a_name(site: Site, page: Page) -> None:
    site.come(JOE, author="secret@elsewhere.example", subject="For Joe alone")
    site.open_console(page, "ben", "/people/joe.fern")
    expect(page.get_by_text("Their folder is outside your scope.")).to_be_visible()
    expect(page.get_by_text("secret@elsewhere.example")).to_have_count(0)
    page.goto(site.url + "/people/nobody.here")
    expect(page.get_by_role("heading", name="Person not found")).to_be_visible()


@pytest.mark.long
def test_an_address_that_would_change_its_owner_waits_for_an_administrator(site: Site, page: Page) -> None:
    change = AddressChange(
        address="joe.fern@company.example",
        owner="person:joe.fern",
        owner_shown="Joe Fern",
        claimant="person:x",
        claimant_shown="Mo Oyen",
        since=utcnow(),
    )
    with transaction(site.engine) as session:
        session.add(change)
    site.open_console(page, "ben", "/people")
    expect(page.get_by_role("table", name="Departments")).to_be_visible()
    expect(page.get_by_text("Mo Oyen")).to_have_count(0)
    site.open_console(page, "ida", "/people")
    table = page.get_by_role("table", name="Addresses that would change owner")
    expect(table.get_by_role("row").filter(has_text="Mo Oyen")).to_contain_text("needs a decision")
    assert faults(page) == []
    table.get_by_role("button", name="Keep owner of joe.fern@company.example: Joe Fern").click()
    expect(table).to_contain_text("stays")
    table.get_by_role("button", name="Change owner of joe.fern@company.example to Mo Oyen").click()
    expect(page.get_by_text("joe.fern@company.example goes to Mo Oyen with the next sync.")).to_be_visible()
    expect(table).to_contain_text("changes with the next sync")
    with transaction(site.engine) as session:
        assert session.get_one(AddressChange, "joe.fern@company.example").settled_by == "person:ida"


@pytest.mark.long
def test_a_directory_that_is_not_believed(site: Site, page: Page) -> None:
    with transaction(site.engine) as session:
        alerts.raise_brake(session, "the directory would remove 40 people: nothing was changed", now=utcnow())
    site.open_console(page, "ana", "/people")
    expect(page.get_by_text("the directory would remove 40 people")).to_be_visible()
    assert faults(page) == []
    with transaction(site.engine) as session:
        alerts.clear_brake_alert(session)


@pytest.mark.long
def test_who_can_read_a_folder_and_its_keepers_are_named(site: Site, page: Page) -> None:
    with transaction(site.engine) as session:
        confidential_folders.equalise_confidential(session, (ConfidentialEntry("person:mara.berg", ("ben",)),))
    site.open_console(page, "ida", "/people/mara.berg")
    question = page.get_by_text("Who can read this folder?")
    question.click()
    readers = page.get_by_role("group").filter(has=question)
    expect(readers).to_contain_text("This folder is confidential.")
    expect(readers.get_by_role("listitem").filter(has_text="Ben Okafor")).to_contain_text("keeper of person:mara.berg")
    expect(readers).to_contain_text("See only how many are held")
    expect(readers).to_contain_text("Mara Berg sees sender and subject of their own held messages")
    assert faults(page) == []
    page.goto(f"{site.url}/?department=legal&person=mara.berg")
    question.click()
    expect(readers.get_by_role("listitem").filter(has_text="Ben Okafor")).to_be_visible()
    assert faults(page) == []
    site.open_console(page, "ben", "/?department=legal&person=mara.berg")
    expect(page.get_by_role("heading", level=1, name="Mara Berg")).to_be_attached()
    expect(question).to_have_count(0)  # for administrators and auditors
    with transaction(site.engine) as session:
        confidential_folders.equalise_confidential(session, ())
