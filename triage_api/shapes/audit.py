"""The record of all acts."""

from datetime import datetime
from typing import Any

from triage_api.shapes.texts import Id, Shape


class AuditRecord(Shape):
    """One act on the record; `sequence` is null until it is sealed."""

    id: Id
    at: datetime
    by: str
    act: str
    subject: str
    detail: dict[str, Any]
    items: int
    sequence: int | None


class AuditRecords(Shape):
    """One page of the record, newest first."""

    items: list[AuditRecord]
    next_cursor: str | None


class Verification(Shape):
    """What a walk along the whole record found."""

    records: int
    unsealed: int
    head: str
    fault: str
    checkpoints: int
