"""Many sent messages put together as far as they teach: who wrote to whom, how often, first and last. Pure.

Years of mail go to the same few people, so what is carried from one process to another and written into the database is one
lesson for each of them, not one for each message.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from triage.policy.contacts.contact_evidence import Reason
from triage.times import to_micros


class Mail(Protocol):
    """A message that somebody here sent, as `contact_evidence.Sent`; its Message-ID and subject are asked for only when it is the
    last one.
    """

    @property
    def sender(self) -> str: ...
    @property
    def recipients(self) -> tuple[str, ...]: ...
    @property
    def author(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def why_not(self) -> Reason | None: ...
    @property
    def message_id(self) -> str: ...
    @property
    def subject_digest(self) -> str: ...


class ContactTotals(NamedTuple):
    """Totals of one person's messages to one address. Instants are integers as in the database, so that a hundred thousand stay fast."""

    recipient: str  # without differences of case
    sent: int  # messages
    first: int
    last: int
    message_id: str  # of the last one
    subject_digest: str


Whose = tuple[str, str]  # sender and author


@dataclass(frozen=True)  # without slots, which would make it slow to pickle
class Gathered:
    """Totals of a batch of sent messages: contacts, authors, and reasons why messages teach nothing."""

    messages: int = 0
    recipients: int = 0  # each as often as a message went to it
    why_not: Counter[tuple[str, Reason]] = field(default_factory=Counter)  # messages that say themselves why they teach nothing, by sender
    authors: Counter[Whose] = field(default_factory=Counter)  # the others
    without: Counter[Whose] = field(default_factory=Counter)  # those of them that went to nobody
    contacts: dict[Whose, list[ContactTotals]] = field(default_factory=dict)


def gather_mail(messages: Iterable[Mail]) -> Gathered:
    """Put messages together. The contacts of each sender and author are in the order in which they were first met."""
    why_not: Counter[tuple[str, Reason]] = Counter()
    authors: dict[Whose, Author] = {}
    count = recipients = 0
    for mail in messages:
        to = mail.recipients
        count += 1
        recipients += len(to)
        if why := mail.why_not:
            why_not[mail.sender, why] += 1
            continue
        author = authors.get((mail.sender, mail.author))
        if author is None:
            author = authors[mail.sender, mail.author] = Author()
        author.wrote(mail, to)
    return Gathered(
        count,
        recipients,
        why_not,
        Counter({whose: one.messages for whose, one in authors.items()}),
        Counter({whose: one.without for whose, one in authors.items() if one.without}),
        {whose: [track.contact(to) for to, track in one.tracks.items()] for whose, one in authors.items() if one.tracks},
    )


def join_totals(some: Iterable[Gathered]) -> Gathered:
    """Joins totals of several batches; a contact that is in more than one of them stays in the result more than once."""
    parts = list(some)
    both = Gathered(sum(one.messages for one in parts), sum(one.recipients for one in parts))
    for one in parts:
        for whose, contacts in one.contacts.items():
            both.contacts.setdefault(whose, []).extend(contacts)
        both.why_not.update(one.why_not)
        both.authors.update(one.authors)
        both.without.update(one.without)
    return both


class Author:
    """Running totals of what one person has written."""

    __slots__ = ("messages", "tracks", "without")

    def __init__(self) -> None:
        self.messages = self.without = 0
        self.tracks: dict[str, Track] = {}

    def wrote(self, mail: Mail, to: tuple[str, ...]) -> None:
        """Counts a message that the person wrote."""
        self.messages += 1
        self.without += not to
        for one in to if len(to) == 1 else dict.fromkeys(map(str.casefold, to)):
            recipient = one.casefold()
            if track := self.tracks.get(recipient):
                track.met(mail)
            else:
                self.tracks[recipient] = Track(mail)


class Track:
    """The messages to one address so far."""

    __slots__ = ("first", "last", "mail", "sent")

    def __init__(self, mail: Mail) -> None:
        self.sent, self.mail = 1, mail
        self.first = self.last = mail.at

    def met(self, mail: Mail) -> None:
        """Counts a message to this recipient."""
        at = mail.at
        self.sent += 1
        if at > self.last:
            self.last, self.mail = at, mail
        elif at < self.first:
            self.first = at

    def contact(self, recipient: str) -> ContactTotals:
        """Returns the contact with its totals."""
        first, last = to_micros(self.first), to_micros(self.last)
        return ContactTotals(recipient, self.sent, first, last, self.mail.message_id, self.mail.subject_digest)
