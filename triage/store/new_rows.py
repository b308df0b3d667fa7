"""A message that is about to be entered: what will be the rows of its content, of itself, and of a delivery for each recipient."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from pydantic_core import PydanticUndefined

from triage.say import forms_of
from triage.store.models.deliveries import Delivery

Row = dict[str, Any]


@dataclass(slots=True)
class NewDelivery:
    """A message for one recipient as it comes in; columns as in `Delivery`, without those that every new one has alike."""

    id: int
    message_id: int
    state: str
    received_at: datetime
    recipient: str
    department: str
    person: str
    mailbox: str
    author: str
    author_domain: str
    author_name: str
    subject: str
    search: str
    proof: str
    verdict: str
    rule: str
    reason: str
    direction: str
    campaign_id: int | None = None
    wave_id: int | None = None
    flood: bool = False
    listed: str = ""
    detail: str = ""
    redirected: bool = False
    note: str = ""
    claimed: bool = False
    proven_as: str | None = None
    weight: int = 0
    severity: int = 0
    second_look: int | None = 0
    passed_on_by: str = ""
    is_copy: bool = False
    language: str | None = None
    has_attachments: bool = False
    signals: list[Row] = field(default_factory=list)
    urgency: int = 50
    why_here: list[Row] = field(default_factory=list)
    time_limited_until: datetime | None = None
    lifetime_assumed: bool = False
    rule_id: int | None = None
    beside: list[Row] = field(default_factory=list)
    withheld: str = ""
    marks: str = ""
    due_at: datetime | None = None
    queued_at: datetime | None = None

    def as_row(self) -> Row:
        """All columns."""
        return ALIKE | {name: getattr(self, name) for name in COLUMNS} | {"forms": forms_of(reason=self.reason, note=self.note)}


COLUMNS = tuple(one.name for one in fields(NewDelivery))
ALIKE = {name: one.default for name, one in Delivery.model_fields.items() if name not in COLUMNS and one.default is not PydanticUndefined}


@dataclass(slots=True)
class Entry:
    """Rows that are entered together."""

    message: Row
    content: Row | None  # None: it is kept already
    deliveries: list[Row]
