"""Confidential mail: whoever is named for the folder says why they open it, mail by mail, and that is in the audit log."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlmodel import col

from tests.webui.site import MARA, Site
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.directory import ConfidentialFolder


@pytest.fixture
def desk(site: Site, page: Page) -> Iterator[Page]:
    """Ana, who is named for the confidential folder of Mara, and two messages in it."""
    with db.transaction(site.engine) as session:
        session.add_all(ConfidentialFolder(kind="person", name="mara.berg", login=login) for login in ("", "ana"))
    for number in (1, 2):
        site.come(MARA, author=f"doctor{number}@clinic.example", subject=f"Findings {number}")
    yield site.open_console(page)
    with db.transaction(site.engine) as session:
        for row in session.scalars(select(ConfidentialFolder)):
            session.delete(row)


def test_each_sealed_mail_asks_why(site: Site, desk: Page) -> None:
    mail, reason = desk.get_by_role("option"), desk.get_by_label("Reason", exact=True)
    mail.filter(has_text="Findings 1").click()
    expect(desk.get_by_text("This message is confidential.")).to_be_visible()
    expect(desk.get_by_role("button", name="Open the message")).to_be_disabled()
    reason.fill("Mara asked about the f")
    mail.filter(has_text="Findings 2").click()
    expect(desk.get_by_role("heading", name="Findings 2")).to_be_visible()
    expect(reason).to_have_value("")
    reason.fill("Mara asked for it")
    desk.get_by_role("button", name="Open the message").click()
    expect(desk.frame_locator("iframe:visible").get_by_text("Hello")).to_be_visible()
    mail.filter(has_text="Findings 1").click()
    expect(desk.get_by_text("This message is confidential.")).to_be_visible()
    with db.read_transaction(site.engine) as session:
        said = {one.detail.get("reason") for one in session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "open"))}
    assert said == {"Mara asked for it"}
