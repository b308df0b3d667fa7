"""How staff sign in: identities at providers, and sign-ins under way."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from triage.store.models.columns import instant_column, json_column


class ExternalIdentity(SQLModel, table=True):
    """Who an identity provider says somebody is: its `sub`, which never changes, and the account here."""

    __tablename__ = "external_identity"
    __table_args__ = (UniqueConstraint("issuer", "login"),)  # two first sign-ins at once do not share an account
    issuer: str = Field(primary_key=True)
    sub: str = Field(primary_key=True)
    provider: str  # its name in the settings
    login: str = Field(index=True)
    linked_at: datetime = instant_column()
    seen_at: datetime = instant_column()  # the last sign-in


class SignInStep(SQLModel, table=True):
    """A sign-in that waits for its next step. The key itself is only in the browser."""

    __tablename__ = "sign_in_step"
    key_sha256: str = Field(primary_key=True)
    kind: str
    login: str = ""
    client: str = ""  # network address
    at: datetime = instant_column()
    about: dict[str, Any] = json_column()
