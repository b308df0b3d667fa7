"""Staff: accounts, substitutes, sessions, API tokens, failed sign-ins, preferences, saved searches, training."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column, json_column, json_list_column


class StaffMember(SQLModel, table=True):
    """A person who triages."""

    __tablename__ = "staff_member"
    login: str = Field(primary_key=True)
    name: str
    role: str
    scope: list[str] = json_list_column()
    rights: list[str] = json_list_column()  # beside role and scope: remove-delivered, data-protection, hunt, outgoing
    password_hash: str  # argon2id
    active: bool = True
    away_until: datetime | None = instant_column(nullable=True)
    source: str = "directory"  # local: made here; provider: by an identity provider's groups. Every sync leaves those alone
    printed_code_sha256: str = ""  # of a break-glass account: its printed code, good once
    is_break_glass: bool = False  # for good, also after its code was used
    is_locked: bool = False  # by an administrator: an account of a provider that no sign-in opens again
    unlinked_from: list[str] = json_list_column()  # issuers from which it was unlinked: only an administrator links it again


class Substitution(SQLModel, table=True):
    """Time in which a member of staff is the substitute of another."""

    __tablename__ = "substitution"
    id: int = id_column()
    absent: str  # login
    substitute: str = Field(index=True)  # login
    starts_at: datetime = instant_column()
    ends_at: datetime = instant_column()
    reason: str = ""
    made_by: str
    made_at: datetime = instant_column()


class StaffSession(SQLModel, table=True):
    """Session of a member of staff. The key itself is only in the browser."""

    __tablename__ = "staff_session"
    key_sha256: str = Field(primary_key=True)
    login: str = Field(index=True)
    started_at: datetime = instant_column()
    seen_at: datetime = instant_column()  # a request that the person caused, not the console by itself
    client: str = ""  # network address
    before_at: datetime | None = instant_column(nullable=True)  # the sign-in before this one
    before_client: str = ""
    method: str = ""  # oidc, passkey, proxy, break-glass; pin: opened again with one; "": with a password
    provider: str = ""  # the identity provider's name
    provider_sid: str = ""  # its session, which it may end (OpenID Connect Back-Channel Logout 1.0)
    factor_at: datetime | None = instant_column(nullable=True)  # when a second factor was last given
    browser_sha256: str = Field(default="", index=True)  # of the browser's secret, where somebody has set a PIN in it
    is_locked: bool = False  # by its holder, or by whoever took the browser over: its key opens nothing, a PIN may


class BrowserPin(SQLModel, table=True):
    """A PIN of one account in one browser. The browser's secret itself is only there, and part of what is hashed."""

    __tablename__ = "browser_pin"
    browser_sha256: str = Field(primary_key=True)
    login: str = Field(primary_key=True, index=True)
    pin_hash: str  # argon2id
    failures: int = integer_column()  # since it was last right; a try counts before it is checked
    used_at: datetime = instant_column()  # or made


class ApiToken(SQLModel, table=True):
    """A key for programs. The key itself is only with who asked for it."""

    __tablename__ = "api_token"
    id: int = id_column()
    key_sha256: str = Field(unique=True)
    name: str
    grants: list[str] = json_list_column()  # read, decide, rules, learn, admin
    scope: list[str] = json_list_column()
    made_by: str
    made_at: datetime = instant_column()
    expires_at: datetime = instant_column()
    used_at: datetime | None = instant_column(nullable=True)
    client: str = ""  # network address of the last use
    revoked_at: datetime | None = instant_column(nullable=True)
    revoked_by: str = ""


class FailedSignIn(SQLModel, table=True):
    """A failed sign-in, kept for the throttle."""

    __tablename__ = "failed_sign_in"
    id: int = id_column()
    at: datetime = instant_column()
    login: str = Field(index=True)
    client: str = Field(index=True)


class TrainingAnswer(SQLModel, table=True):
    """First answer of a member of staff to a training message."""

    __tablename__ = "practice_answer"
    login: str = Field(primary_key=True)
    message: str = Field(primary_key=True)  # training_messages.TrainingMessage.case
    at: datetime = instant_column()
    expected: str  # let-in, keep-out
    given: str


class KnownMessage(SQLModel, table=True):
    """A decided message that was put into the queue again to see what reviewers answer, and the first answer."""

    __tablename__ = "known_message"
    delivery_id: int = integer_column(primary_key=True)  # its own, of the direction `known`
    source_id: int = integer_column(index=True)  # the delivery that it is a copy of
    expected: str  # let-in, keep-out
    put_at: datetime = instant_column()
    mailbox: str = ""  # where the real one went: shown, never used
    answered_at: datetime | None = instant_column(nullable=True)
    login: str = Field(default="", index=True)  # who answered; "": nobody, or a program
    given: str = ""  # let-in, keep-out, "" without an answer


class SavedSearch(SQLModel, table=True):
    """A search that somebody keeps by a name."""

    __tablename__ = "saved_search"
    __table_args__ = (UniqueConstraint("owner", "name"),)
    id: int = id_column()
    owner: str  # as in the audit log: person:ana
    by_shown: str
    name: str
    q: str
    tab: str
    department: str | None = None
    person: str | None = None
    shared_with: str = ""  # a scope
    made_at: datetime = instant_column()


class Preference(SQLModel, table=True):
    """Settings of a member of staff for their own console, by name."""

    __tablename__ = "preference"
    login: str = Field(primary_key=True)
    chosen: dict[str, Any] = json_column()
