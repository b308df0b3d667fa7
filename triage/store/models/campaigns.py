"""Campaigns: what was sent many times, and what new messages are compared with."""

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column, reference_column

JUDGE = "system:judge"  # who makes campaigns of mail that comes in


class Campaign(SQLModel, table=True):
    """Mail that is the same thing sent many times, also by different senders and with small changes. Its mail names it."""

    __tablename__ = "campaign"
    id: int = id_column()
    begun_at: datetime = instant_column()
    made_by: str = JUDGE  # or who split it off
    about: str | None = None  # a flood: the folder, and the sender where it is only theirs
    __table_args__ = (Index("campaign_about", "about", unique=True),)


class MessageTrait(SQLModel, table=True):
    """Trait that messages of one maker share beside their text: a subject's pattern, a link's domain, a network, a page's frame."""

    __tablename__ = "message_trait"
    trait: int = integer_column(primary_key=True)  # traits.Trait, as a number
    message_id: int = integer_column(primary_key=True, index=True)


class WantedTrait(SQLModel, table=True):
    """A trait of wanted messages, and on how many days there was one. Nothing says whose they were."""

    __tablename__ = "wanted_trait"
    trait: int = integer_column(primary_key=True)
    day: str = Field(index=True)  # the last one: 2026-11-24, UTC
    days: int = 1


class Representative(SQLModel, table=True):
    """A message of a campaign that new messages are compared with; the first one, and others when copies have drifted away from it."""

    __tablename__ = "representative"
    id: int = id_column()
    campaign_id: int = reference_column("campaign.id", index=True)
    features: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # fingerprint.packed


class RepresentativeBand(SQLModel, table=True):
    """Bands under which a representative is found (fingerprint.Fingerprint.bands)."""

    __tablename__ = "representative_band"
    band: int = integer_column(primary_key=True)
    representative_id: int = integer_column(primary_key=True)
    __table_args__ = {"sqlite_with_rowid": False}
