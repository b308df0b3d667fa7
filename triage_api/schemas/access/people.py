"""Folders, people and distribution lists."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage.quarantine.folders import Colleague
from triage_api.schemas.fields import Order, Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import AddressChangeState, RecipientKind

KnownRows = Annotated[
    int,
    Field(validation_alias="lane_rows", description="of `rows`, those of known senders' messages that are held for an assistant"),
]


class PersonFolder(Shape):
    """A person's folder."""

    uid: str
    name: str
    held: int
    rows: Annotated[int, Field(description="of the queue, that you find there")]
    known_rows: KnownRows
    confidential: Annotated[bool, Field(validation_alias="sealed", description="To you: you see how much waits, not what.")]


class Folder(Shape):
    """A department with the folders of its people."""

    code: str
    name: str
    held: int
    rows: Annotated[int, Field(description="of the queue, that you find there; one that spans several people counts once")]
    known_rows: KnownRows
    shared_held: int
    shared_rows: int
    people: list[PersonFolder]
    confidential: Annotated[bool, Field(validation_alias="sealed", description="To you: you see how much waits, not what.")]


class Folders(Shape):
    """The departments in your scope, and how many rows the queue has, without those that you have snoozed."""

    items: list[Folder]
    rows: Annotated[int, Field(description="of the whole queue; one that spans several departments counts once")]
    assigned_rows: Annotated[int, Field(description="rows that are assigned to you")]
    known_rows: KnownRows


class People(Shape):
    """Page of people found."""

    items: list[Colleague]
    next_cursor: str | None = None


class Place(Shape):
    """A department as the directory has it."""

    code: str
    name: str
    mailbox: Annotated[str, Field(description="takes what is released to the department itself; empty: it has none")]
    roles: Annotated[list[str], Field(description="role addresses, as the directory writes them")]
    responsible: Annotated[str, Field(description="full name; empty: nobody is named")]
    people: int


class Brake(Shape):
    """The directory was not believed: nothing of it was taken over."""

    since: datetime
    sentence: Annotated[Sentence, Field(validation_alias="words")]


class AddressChange(Shape):
    """An address that the directory gives to another owner. It stays with the old one until an administrator approves."""

    address: str
    owner: Annotated[str, Field(validation_alias="owner_shown", description="full name of who has it")]
    claimant: Annotated[str, Field(validation_alias="claimant_shown", description="full name of who would have it")]
    confidential: Annotated[bool, Field(description="The folder of one of the two is confidential.")]
    since: Annotated[datetime, Field(description="the sync that found it")]
    state: Annotated[AddressChangeState, Field(description="`approved`: the next sync carries it out")]


class AddressAnswer(Order):
    """An administrator's answer about the owners of addresses."""

    addresses: Annotated[list[Annotated[str, Field(max_length=320)]], Field(min_length=1, max_length=1000)]
    approve: Annotated[bool, Field(description="true: the address goes to who claims it; false: it stays")]


class AddressChanges(Shape):
    """Changes of owners of addresses."""

    items: list[AddressChange]


class DirectoryState(Shape):
    """The directory as it was taken over last."""

    departments: list[Place]
    people: int
    left: int
    distribution_lists: Annotated[int, Field(validation_alias="groups")]
    changed_at: Annotated[datetime | None, Field(description="null before the first sync")]
    changes: Annotated[list[Sentence], Field(description="of the last change, in words")]
    more: Annotated[int, Field(description="changes that are not among them")]
    brake: Brake | None
    address_changes: Annotated[list[AddressChange], Field(description="for who administers or audits the whole company; else empty")]


class Recipient(Shape):
    """A possible target of a redirect; the decision sends `to`."""

    kind: RecipientKind
    to: str
    name: str
    place: Annotated[str, Field(description="A person's department, or what else it is.")]
    mailbox: Annotated[str, Field(description="empty: outside your scope")]


class Recipients(Shape):
    """People, departments and groups found."""

    items: list[Recipient]


class DistributionList(Shape):
    """A distribution list. Members: the mailboxes that get a copy when something is released to it; none outside your scope."""

    address: str
    name: str
    department: str
    department_name: str
    expand: bool
    closed: Annotated[bool, Field(description="It takes mail from inside only: what comes from outside is refused at the door.")]
    aliases: list[str]
    members: list[str]


class DistributionLists(Shape):
    """Page of distribution lists."""

    items: list[DistributionList]
    next_cursor: str | None
