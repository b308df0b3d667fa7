"""Answers kept for requests with an idempotency key."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from triage.store.models.columns import instant_column


class StoredAnswer(SQLModel, table=True):
    """Answer to a request with an idempotency key; written in the transaction of what was done."""

    __tablename__ = "kept_answer"
    actor: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    asked: str  # sha256 of method, path and body
    status: int  # 0: being done
    body: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = instant_column()
    __table_args__ = (Index("kept_answer_by_time", "at"),)
