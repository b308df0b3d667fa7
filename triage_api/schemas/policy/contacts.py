"""Schemas of contacts: addresses that employees have written to."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from triage.policy.learning.learn_contacts import Announced
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import ContactState

MOST_AT_ONCE = 5000


class Known(Order):
    """Address that an employee knows."""

    employee: Annotated[Word, Field(description="uid, or any address of theirs; a role address stands for its department")]
    address: Word
    at: Annotated[AwareDatetime | None, Field(description="when they wrote last; left out: now")] = None
    message_id: Word = ""


class Lessons(Order):
    """Contacts that a script reports."""

    items: Annotated[list[Known], Field(min_length=1, max_length=MOST_AT_ONCE)]

    def announced(self) -> list[Announced]:
        """Converts it to the core's value."""
        return [Announced(**one.model_dump()) for one in self.items]


class Learned(Shape):
    """Outcome of learning contacts."""

    learned: Annotated[int, Field(description="new addresses")]
    known: Annotated[int, Field(description="that were there already")]
    pending: Annotated[int, Field(validation_alias="parked")]
    skipped: Annotated[dict[str, int], Field(description="what was not learned, by reason")]


class Contact(Shape):
    """An address that somebody here has written to, and what that is worth."""

    id: Id
    address: str
    person: Annotated[str, Field(description='uid of who wrote; "" for a role address')]
    department: str
    writer: Annotated[str, Field(description="their name")]
    state: Annotated[ContactState, Field(description="pending: until staff accept it; removed: staff said no")]
    how: str
    scope: Annotated[str, Field(description="for whom it is known")]
    provenance: Annotated[Sentence, Field(description="who wrote, when, in which mail")]
    message_id: str
    sent: int
    replies: Annotated[int, Field(validation_alias="heard", description="proven messages that came back")]
    learned_at: datetime
    last_sent_at: datetime
    last_message_at: Annotated[datetime, Field(validation_alias="last_mail_at")]
    expires_at: Annotated[datetime, Field(validation_alias="lapses_at")]


class Contacts(Shape):
    """Page of contacts, newest first."""

    items: list[Contact]
    next_cursor: str | None


class ChosenContacts(Order):
    """Some of them."""

    ids: Annotated[list[GivenId], Field(min_length=1, max_length=MOST_AT_ONCE)]


class NotLearned(Shape):
    """Number of messages from which nothing was learned, with the reason."""

    how: str
    reason: str
    sentence: Annotated[Sentence, Field(validation_alias="words")]
    count: int


class ReasonsNotLearned(Shape):
    """The most frequent first."""

    items: list[NotLearned]


class PostedList(Shape):
    """A mailing list that somebody here writes to: a rule for the list could allow its posts."""

    address: str
    list_id: Annotated[str, Field(description='"" as long as no post of it came in')]
    signer: Annotated[str, Field(description='whose signature covers the List-Id of its posts: the proof dkim:SIGNER; "": none known')]
    posts: int
    person: Annotated[str, Field(description="uid of who posted last")]
    last_posted_at: datetime | None


class PostedLists(Shape):
    """Mailing lists, those with the most posts first."""

    items: list[PostedList]
    next_cursor: str | None
