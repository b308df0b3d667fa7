"""How staff sign in: identities at providers, sign-ins under way, passkeys, one-time codes, recovery codes, PINs of browsers."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from triage.store.models.columns import instant_column, integer_column, json_column


class ExternalIdentity(SQLModel, table=True):
    """Who an identity provider says somebody is: its `sub`, which never changes, and the account here."""

    __tablename__ = "external_identity"
    issuer: str = Field(primary_key=True)
    sub: str = Field(primary_key=True)
    provider: str  # its name in the settings
    login: str = Field(index=True)
    linked_at: datetime = instant_column()
    seen_at: datetime = instant_column()  # the last sign-in


class SignInStep(SQLModel, table=True):
    """A sign-in, or a proof of a second factor, that waits for its next step. The key itself is only in the browser."""

    __tablename__ = "sign_in_step"
    key_sha256: str = Field(primary_key=True)
    kind: str
    login: str = ""
    client: str = ""  # network address
    at: datetime = instant_column()
    about: dict[str, Any] = json_column()


class Passkey(SQLModel, table=True):
    """A passkey (WebAuthn): its public key."""

    __tablename__ = "passkey"
    credential_id: str = Field(primary_key=True)  # base64url
    login: str = Field(index=True)
    public_key: str  # base64url
    sign_count: int = integer_column(0)
    name: str
    made_at: datetime = instant_column()
    used_at: datetime | None = instant_column(nullable=True)


class CodeGenerator(SQLModel, table=True):
    """The secret that an account shares with an authenticator app (RFC 6238)."""

    __tablename__ = "code_generator"
    login: str = Field(primary_key=True)
    secret: str  # base32
    made_at: datetime = instant_column()
    last_step: int = integer_column(0)  # of the last code that was accepted: none counts twice


class RecoveryCode(SQLModel, table=True):
    """A code on paper, for when the phone is lost. Good once."""

    __tablename__ = "recovery_code"
    code_sha256: str = Field(primary_key=True)
    login: str = Field(index=True)
    made_at: datetime = instant_column()


class BrowserPin(SQLModel, table=True):
    """A PIN with which somebody comes back to one browser after a short absence."""

    __tablename__ = "browser_pin"
    browser_sha256: str = Field(primary_key=True)
    login: str = Field(primary_key=True)
    pin_hash: str  # argon2id
    failures: int = 0
    made_at: datetime = instant_column()
