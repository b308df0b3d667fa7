"""Tables of approvals: by a second person, or by the keepers of a confidential folder."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column, json_column, json_list_column


class PendingAct(SQLModel, table=True):
    """Decision or rule that one person asked for and another one has to confirm."""

    __tablename__ = "pending_act"
    id: int = id_column()
    kind: str  # decision, rule
    order: dict[str, Any] = json_column()
    needs: list[str] = json_list_column()  # why: domain-allow, large-purge, risky-release
    items: list[str] = json_list_column()  # ids of the deliveries that it is about, as they are shown
    fence: str = ""  # changes when they do
    reason: str = ""
    asked_by: str
    asked_by_shown: str
    asked_at: datetime = instant_column()
    lapses_at: datetime = instant_column()
    state: str = Field(default="waiting", index=True)  # waiting, confirmed, declined, withdrawn, lapsed
    settled_by: str = ""
    settled_by_shown: str = ""
    settled_at: datetime | None = instant_column(nullable=True)
    settled_reason: str = ""
    result_id: int | None = integer_column(nullable=True)  # of the decision or rule
    idempotency_key: str | None = Field(default=None, unique=True)


class KeepersRequest(SQLModel, table=True):
    """A removal of a campaign asks the keepers of a confidential folder to remove its copies there too.

    There is one for each folder that was closed to who removed it, with copies in it or not, so that no number of rows tells anything.
    """

    __tablename__ = "keepers_request"
    id: int = id_column()
    folder: str  # department:CODE, person:UID
    selection: dict[str, Any] = json_column()  # the copies, in this folder
    decision_id: int = integer_column(index=True)  # the removal that asks
    reason: str = ""
    asked_by: str
    asked_by_shown: str
    asked_at: datetime = instant_column()
    lapses_at: datetime = instant_column()
    state: str = "waiting"  # waiting, confirmed, declined; joined: removed by the keepers' agreement
    settled_by: str = ""
    settled_by_shown: str = ""
    settled_at: datetime | None = instant_column(nullable=True)
    results: list[str] = json_list_column()  # ids of the decisions that removed the copies
    is_over: bool = Field(default=False, index=True)  # its time is over, and that is on record
