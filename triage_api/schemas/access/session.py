"""Schemas of sessions: who is signed in, the company, preferences, coverage."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from triage.actor import Grant, Role
from triage.quarantine.decisions.decision_request import Verb
from triage_api.schemas.fields import Id, Order, Shape, Word, check_storable
from triage_api.schemas.language import Sentence


class Credentials(Order):
    """A sign-in."""

    login: Word
    password: Annotated[str, Field(max_length=1000), AfterValidator(check_storable)]


class PrintedCode(Order):
    """The code of a break-glass account, in two halves in any order."""

    login: Word
    first: Word
    second: Word


class PinHolder(Shape):
    """Staff member whose locked session a PIN can unlock in this browser."""

    login: str
    name: str


class Pin(Order):
    """A new PIN."""

    pin: Annotated[Word, Field(description="6 to 12 digits")]


class PinGiven(Order):
    """A PIN that shall open a locked session."""

    login: Word
    pin: Word


class OwnPin(Shape):
    """Your PIN in this browser."""

    is_set: bool
    refused: Annotated[Sentence | None, Field(description="Why you cannot set one here now.")] = None
    minutes: Annotated[int, Field(description="after your last act within which it opens a locked session")]


class Company(Shape):
    """The company, as the console shows it."""

    domains: list[str]
    enforcement: Literal["record-only", "hold-dangerous", "hold-unknown"]
    time_zone: str


class LastSignIn(Shape):
    """A sign-in."""

    at: datetime
    client: Annotated[str, Field(description="network address")]


Command = Annotated[str, Field(pattern="^[a-zA-Z]{1,40}$")]
Keys = Annotated[str, Field(max_length=120), AfterValidator(check_storable)]


class Preferences(Shape):
    """A person's preferences for their console; null means the company's default, or the browser's."""

    theme: Literal["light", "dark"] | None = None
    density: Literal["compact"] | None = None
    letters: Annotated[Literal["alt"] | None, Field(description="Single letters need Alt.")] = None
    language: Annotated[str | None, Field(pattern="^[a-z]{2,3}(-[A-Z]{2})?$", description="null: as the browser asks")] = None
    group: Annotated[Literal["campaign", "sender", "none"] | None, Field(description="How the queue is grouped.")] = None
    undo_seconds: Annotated[int | None, Field(ge=5, le=60, description="How long what you release waits; null: as the settings say")] = None
    notifications: Annotated[
        Literal["silent", "sound"] | None,
        Field(description="Desktop notifications of time-limited messages and of rows to act on now, while the console is not in sight."),
    ] = None
    keys: Annotated[
        dict[Command, Keys] | None, Field(max_length=200, description="The keys of a command, where they are other than the usual ones.")
    ] = None


class PreferencesOrder(Order, Preferences):
    """Preferences to change; a missing field stays as it is."""


class ProviderShown(Shape):
    """An identity provider on the sign-in page."""

    name: str
    title: str


class Me(Shape):
    """The person who is signed in, and their rights."""

    login: str
    name: str
    role: Role
    scope: list[str]
    company: Company
    undo_seconds: Annotated[int, Field(description="How long what you release waits.")]
    preferences: Preferences
    substitutes_for: Annotated[list[str], Field(description="Logins whose scope is yours too, for now.")]
    recalls: Annotated[bool, Field(description="can mail be taken back out of mailboxes?")]
    previews: Annotated[bool, Field(description="Are attachments shown as pictures?")]
    no_previews: Annotated[Sentence, Field(description="Why attachments are not shown as pictures; empty when they are.")]
    measures: Annotated[bool, Field(description="Is it wanted that decisions tell their effort?")]
    looks_after_outgoing: Annotated[bool, Field(description="May they decide about employees' outgoing messages that wait?")]
    verbs: list[Verb]
    last_sign_in: Annotated[LastSignIn | None, Field(description="before this one; null at the first")] = None
    provider: Annotated[ProviderShown | None, Field(description="At which they signed in; null: another way.")] = None
    grants: Annotated[list[Grant] | None, Field(description="What a token may do; null for people.")] = None


class OpenSession(Shape):
    """Browser session in which a member of staff is signed in."""

    id: str
    login: str
    started_at: datetime
    seen_at: datetime
    client: Annotated[str, Field(description="network address it was opened from")]
    current: bool
    is_locked: Annotated[bool, Field(description="Only the PIN of its browser opens it; a sign-in begins another one.")]


class Sessions(Shape):
    """The browsers in which one login is signed in, the youngest first."""

    items: list[OpenSession]


class CoveredFolder(Shape):
    """A department's folder and who looks after it now."""

    code: str
    name: str
    held: int
    on_duty: Annotated[list[str], Field(description="logins of staff who are here")]
    out_of_hours: Annotated[str, Field(description="wait, pass-time-limited or substitute:LOGIN")]


class Restored(Shape):
    """A backup was restored, and relay and recall are paused until `mailroom resume`."""

    since: datetime
    backup_at: datetime


class LargeRemoval(Shape):
    """Large removal within the last day that nobody has undone."""

    decision: Id
    at: datetime
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    count: Annotated[int, Field(description="messages, without those of confidential folders")]
    mine: Annotated[bool, Field(validation_alias="is_mine")]


class Coverage(Shape):
    """Current coverage of the folders."""

    out_of_hours: bool
    away_until: Annotated[datetime | None, Field(description="of the one who asks; null: on duty")]
    uncovered: Annotated[list[CoveredFolder], Field(description="for administrators: folders with nobody on duty")]
    folders: Annotated[list[CoveredFolder], Field(description="those in scope")]
    restored: Annotated[Restored | None, Field(description="nothing is sent on yet, since a backup was restored; null: all goes on")] = None
    removals: Annotated[
        list[LargeRemoval], Field(description="large removals, for administrators and whom `notices.removal_recipients` names")
    ] = []


class AwayOrder(Order):
    """Start or end of an absence."""

    login: Word = ""
    until: AwareDatetime | None = None


class Ended(Shape):
    """Number of ended sessions."""

    ended: int
