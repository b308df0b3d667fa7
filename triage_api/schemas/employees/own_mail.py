"""Schemas of the employees' page: own messages, digest, expected senders."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from triage_api.schemas.access.session import Credentials
from triage_api.schemas.employees.release_requests import Remark
from triage_api.schemas.fields import Id, Order, Shape, Word
from triage_api.schemas.language import Sentence


class OwnCredentials(Credentials):
    """A sign-in to see one's own mail: name and password of the directory."""


class OwnName(Shape):
    """The employee who is signed in to see their own messages."""

    name: str


class OwnViewer(Shape):
    """A person who viewed one of your messages on their screen."""

    at: datetime
    by_name: Annotated[str, Field(validation_alias="by_shown")]


class OwnMessage(Shape):
    """A message of one's own: who sent it and what it is called."""

    id: Id
    author: str
    author_name: str
    claimed: Annotated[bool, Field(description="the author is unclear: the message only claims to be from this one")]
    subject: str
    received_at: datetime
    held: Annotated[bool, Field(validation_alias="waits", description="false: it was removed")]
    removed_at: Annotated[datetime | None, Field(validation_alias="gone_at")]
    expires_at: Annotated[datetime | None, Field(description="when it is put away if nobody decides")]
    asked_at: datetime | None
    counted: Annotated[bool, Field(description="it looks dangerous or was sent to many people: the daily digest does not name it")]
    declined: Annotated[Sentence, Field(description="what was said to the request; empty: nothing yet")]
    viewed: Annotated[list[OwnViewer], Field(description="who viewed it, and when last")]


class ExpectedSender(Shape):
    """Mail that one expects."""

    id: Id
    sender: Annotated[str, Field(description="an address or a domain; or the code word, in small letters")]
    code_word: Annotated[bool, Field(validation_alias="is_code", description="a code word that you gave somebody")]
    comment: Annotated[str, Field(validation_alias="words", description="of a code word: for whom it is")]
    until: datetime


class OwnMessages(Shape):
    """Held messages and recently removed ones; those that you may want come first."""

    items: list[OwnMessage]
    more_held: Annotated[str | None, Field(description="the cursor of more held messages")]
    more_removed: Annotated[str | None, Field(description="the cursor of more removed messages")]
    digest: Annotated[bool | None, Field(description="is the daily digest on? null: there is none here")]
    expected: Annotated[list[ExpectedSender], Field(description="from whom one expects mail, the newest first")]


class ExpectedSenderOrder(Order):
    """Say from whom one expects mail."""

    sender: Annotated[Word, Field(min_length=3, description="an address or a domain")]
    comment: Remark = ""


class ExpectedSenderMade(Shape):
    """An expected sender, as announced."""

    id: Id


class CodeWordOrder(Order):
    """Ask for a code word for somebody outside."""

    for_whom: Annotated[Remark, Field(min_length=1, description="a note that staff see with the message")]
    until: Annotated[AwareDatetime | None, Field(description="at most 90 days away; null: as long as an expected sender")] = None


class CodeWord(Shape):
    """A code word: a first message to you with it in the subject is expected. It proves nothing and releases nothing."""

    id: Id
    word: str
    until: datetime


class DigestOrder(Order):
    """Say whether one wants the daily digest."""

    wanted: bool
