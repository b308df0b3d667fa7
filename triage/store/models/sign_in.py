"""Sign-in: identities at providers, second factors, sign-ins in progress, and links of webmail."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column, json_column


class ExternalIdentity(SQLModel, table=True):
    """External identity of an account: the identity provider's `sub`, which never changes, and the login here."""

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


class AuthenticatorApp(SQLModel, table=True):
    """The authenticator app of an account (TOTP, RFC 6238)."""

    __tablename__ = "authenticator_app"
    login: str = Field(primary_key=True)
    secret: str  # base32
    made_at: datetime = instant_column()
    last_period: int = integer_column()  # of the last code that was accepted: none counts twice


class RecoveryCode(SQLModel, table=True):
    """A code for paper that replaces a lost second factor once."""

    __tablename__ = "recovery_code"
    code_sha256: str = Field(primary_key=True)
    login: str = Field(index=True)
    made_at: datetime = instant_column()


class Passkey(SQLModel, table=True):
    """A passkey of an account (WebAuthn). The private key never leaves its authenticator."""

    __tablename__ = "passkey"
    credential_id: str = Field(primary_key=True)  # base64url
    login: str = Field(index=True)
    public_key: str  # COSE, base64url
    sign_count: int = integer_column()
    name: str
    made_at: datetime = instant_column()
    used_at: datetime | None = instant_column(nullable=True)


class WebmailLink(SQLModel, table=True):
    """A key with which a person's webmail acts for them. The key itself is only in their webmail."""

    __tablename__ = "webmail_link"
    id: int = id_column()
    key_sha256: str = Field(unique=True)
    owner: str = Field(index=True)  # person:LOGIN, employee:UID
    name: str  # which webmail it is
    made_at: datetime = instant_column()
    expires_at: datetime = instant_column()
    used_at: datetime | None = instant_column(nullable=True)
    client: str = ""  # network address of the last use
