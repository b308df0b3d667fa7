"""A changed setting is in the audit log with both values; a secret only with its name."""

from dataclasses import replace

from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import NOW
from triage.compliance.audit import settings_changes
from triage.config.settings import Settings
from triage.store import db
from triage.store.models.audit import AuditRecord


def noted(engine: Engine, settings: Settings, machine: str = "mx1") -> list[str]:
    """Changes that a start of this machine notes."""
    with db.transaction(engine) as session:
        return settings_changes.note_settings(session, settings, machine=machine, now=NOW)


def test_what_changed_is_on_the_record(engine: Engine, settings: Settings) -> None:
    assert noted(engine, settings) == [], "the first start has nothing to compare with"
    changed = replace(
        settings,
        smtp=replace(settings.smtp, edge_token="hunter2" * 4, max_recipients=7),
        retention=replace(settings.retention, held_days=9),
    )
    assert noted(engine, changed, "mx2") == [], "another machine has settings of its own"
    assert noted(engine, changed) == ["retention.held_days", "smtp.edge_token", "smtp.max_recipients"]
    assert noted(engine, changed) == []
    with db.read_transaction(engine) as session:
        (record,) = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "settings"))
    assert record.detail == {
        "machine": "mx1",
        "changed": {
            "retention.held_days": [str(settings.retention.held_days), "9"],
            "smtp.edge_token": ["(secret)", "(secret)"],
            "smtp.max_recipients": [str(settings.smtp.max_recipients), "7"],
        },
    }
