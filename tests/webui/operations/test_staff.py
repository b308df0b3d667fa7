"""Staff page: roles, scopes, substitutes, and the log of their acts."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlmodel import col

from tests.triage.arriving import IDA, NOW
from tests.triage.tampering import unguard
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage.compliance.audit import hash_chain, search_entries
from triage.store import db, ledger
from triage.store.models.audit import AuditRecord
from triage.times import utcnow


def test_staff_are_shown_with_role_and_scope_and_somebody_stands_in(site: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    site.open_console(page, "ida", "/staff")
    table = page.get_by_role("table", name="Staff")
    expect(table.get_by_role("row", name="Ben")).to_contain_text("Legal")
    expect(table.get_by_role("row", name="ida")).to_contain_text("administrator")
    expect(page.get_by_text("No substitutes")).to_be_visible()
    form = page.get_by_role("form", name="New substitute")
    last = (utcnow() + timedelta(days=3)).date().isoformat()
    form.get_by_label("Absent").select_option("ben")
    form.get_by_label("Substitute").select_option("ida")
    form.get_by_label("Last day").fill(last)
    form.get_by_role("button", name="Add substitute").click()
    expect(form.get_by_role("alert")).to_contain_text("substitute needs the role")
    form.get_by_label("Substitute").select_option("ana")
    form.get_by_label("Reason").fill("on holiday")
    form.get_by_role("button", name="Add substitute").click()
    arranged = page.get_by_role("table", name="Substitutes")
    expect(arranged).to_contain_text("on holiday")
    assert faults(page) == []
    arranged.get_by_role("button", name="as substitute of").click()
    expect(page.get_by_text("No substitutes")).to_be_visible()


@pytest.mark.long
def test_one_names_ones_own_substitute_and_sees_no_list_of_staff(site: Site, page: Page) -> None:
    site.open_console(page, "ben", "/staff")
    form = page.get_by_role("form", name="New substitute")
    expect(form.get_by_label("Absent")).to_have_count(0)
    form.get_by_label("Substitute").select_option("ana")
    form.get_by_label("Last day").fill((utcnow() + timedelta(days=3)).date().isoformat())
    form.get_by_role("button", name="Add substitute").click()
    expect(page.get_by_role("table", name="Substitutes")).to_contain_text("Ana Roth")
    expect(page.get_by_role("table", name="Staff")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Folders").get_by_role("link", name="Audit log")).to_have_count(0)


@pytest.mark.long
def test_the_record_is_read_searched_and_proven(site: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    site.come(JOE, author="x@record.example", subject="On the record")
    site.open_console(page, "ana")
    page.get_by_role("option").filter(has_text="On the record").click()
    page.keyboard.press("e")
    page.get_by_role("button", name="Remove everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").click()
    expect(page.get_by_role("status").filter(has_text="Removed")).to_be_visible()
    with db.transaction(site.engine) as session:
        while hash_chain.seal_entries(session):
            pass
    page.context.clear_cookies()
    site.open_console(page, "ida", "/audit")
    acts = page.get_by_role("table", name="Entries")
    page.get_by_label("By").fill("ana")
    page.get_by_label("Act", exact=True).fill("purge")
    expect(acts.get_by_role("row")).to_have_count(2)
    expect(acts).to_contain_text("person:ana")
    assert faults(page) == []
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("status").filter(has_text="Verified:")).to_be_visible()
    with db.transaction(site.engine) as session:
        unguard(session)
        session.execute(update(AuditRecord).where(col(AuditRecord.act) == "purge").values(at=NOW - timedelta(days=1)))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("status").filter(has_text="Verification failed.")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Export").click()
    assert taken.value.suggested_filename == "audit.jsonl"
    acts.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("On the record", exact=True)).to_be_visible()
    page.goto(site.url + "/audit")
    page.get_by_label("Subject").fill("rule:0AMR92XANA62D")
    expect(page.get_by_text("No entries match.")).to_be_visible()


@pytest.mark.long
def test_a_filter_of_the_record_is_in_the_address_bar_and_looks_further(site: Site, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PATIENCE": 0, "PATIENCE_FURTHER": 0, "LEAST": 0, "AT_ONCE": 4}.items():
        monkeypatch.setattr(search_entries, name, value)
    with db.transaction(site.engine) as session:
        for number in range(9):
            ledger.write_act(session, "note" if number else "purge", f"thing:{number}", by=IDA, now=utcnow(), detail={"why": "to be found"})
    site.open_console(page, "ida", "/audit?act=purge&words=found")
    expect(page.get_by_label("Words")).to_have_value("found")
    further = page.get_by_role("button", name="Look further")
    expect(page.get_by_text(re.compile("No entries since .* match"))).to_be_visible()
    assert faults(page) == []
    entry = page.get_by_role("cell", name="thing:0")
    for _ in range(8):  # at most: each looks at four entries
        if entry.is_visible():
            break
        with page.expect_response(lambda answer: "/audit?" in answer.url):
            further.click()
    expect(entry).to_be_visible()
    page.get_by_label("Act", exact=True).fill("note")
    expect(page.get_by_role("cell", name="thing:8")).to_be_visible()
    assert page.url.endswith("/audit?act=note&words=found")
    page.get_by_role("link", name="Clear the filter").click()
    expect(page.get_by_label("Words")).to_have_value("")
    assert page.url.endswith("/audit")
