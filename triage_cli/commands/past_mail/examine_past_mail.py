"""Reads what lies in people's mailboxes: what they answered, and what came in, examined as far as that is still possible."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from mail_auth.dns.query_budget import Resolver
from mail_auth.stored_mail import authenticate_past
from mailboxes.mailbox import Unreachable
from mailboxes.sources.source import Account, Folder, Source, Stored, open_patiently
from mta.processing.code_reader import CodeReader
from mta.processing.examine_message import summarise_message
from mta.processing.received_headers import as_received, envelope_of, from_outside
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.message.authentication import Authentication
from triage.message.summary import Summary, make_summary as summarise_here
from triage.runtime.sandbox_pool import Pool
from triage.text.sanitize import escape_visible
from triage.times import utcnow

PARSERS, PARSER_MEMORY, PARSER_SECONDS = 2, 256 * 1024 * 1024, 10.0


@dataclass(frozen=True, slots=True)
class Past:
    """Past message, with the authentication and summary that it gets today."""

    envelope: Envelope
    raw: bytes
    authentication: Authentication
    summary: Summary


@dataclass(slots=True)
class Written:
    """Replies that people wrote, each with its time, and the Message-IDs of all that they wrote."""

    answers: dict[tuple[str, str], datetime] = field(default_factory=dict)  # by mailbox and Message-ID of what was answered
    ids: set[str] = field(default_factory=set)

    def take(self, mailbox: str, letter: Summary, at: datetime) -> None:
        """Notes a message that they wrote."""
        if letter.message_id:
            self.ids.add(letter.message_id)
        if letter.automatic:  # an out-of-office reply says nothing of what its owner wants
            return
        for answered in (*letter.in_reply_to, *letter.references[-1:]):
            self.answers[mailbox, answered] = min(at, self.answers.get((mailbox, answered), at))


@dataclass(slots=True)
class Reading:
    """Past messages to read: the source, folders and start of the period; and the faults met."""

    source: Source
    since: datetime
    folders: Collection[str] = ()  # that are read beside the inboxes
    faults: list[str] = field(default_factory=list)
    unreadable: Counter[str] = field(default_factory=Counter)  # messages, by reason

    def written(self, mailbox: str, into: Written) -> None:
        """Reads the messages in the sent folders of one mailbox."""
        for stored in self.messages(mailbox, whole=False, sent=True):
            letter = summarise_here(stored.raw, headers_only=True)
            into.take(mailbox, letter, envelope_of(stored.raw, mailbox, stored.arrived).received_at)

    def arrived(self, mailbox: str) -> Iterator[Stored]:
        """Yields the messages in the inbox of one mailbox, and in the folders named beside it."""
        yield from self.messages(mailbox, whole=True, sent=False)

    def messages(self, mailbox: str, *, whole: bool, sent: bool) -> Iterator[Stored]:
        """The messages of the folders of one kind; a mailbox that cannot be read is put down, and the next one is read."""
        account: Account | None = None
        try:
            account = open_patiently(self.source, mailbox)
            for folder in account.folders():
                if (folder.use == "sent") if sent else self.is_wanted(folder):
                    for batch in account.read(folder, since=self.since, whole=whole):
                        self.unreadable.update(batch.unreadable)
                        yield from batch.messages
        except Unreachable as fault:
            self.faults.append(f"{escape_visible(mailbox)}: {fault}")
        finally:
            if account:
                account.close()

    def is_wanted(self, folder: Folder) -> bool:
        """Whether incoming messages lie there."""
        return folder.use == "inbox" or folder.name in self.folders


@dataclass(frozen=True, slots=True)
class Examiner:
    """Finds out about past mail what can still be found out; safe for several threads."""

    resolver: Resolver
    pool: Pool
    codes: CodeReader
    trusted: frozenset[str]  # names under which the company's own servers have written their results

    def examined(self, stored: Stored, mailbox: str) -> Past:
        """Examines a message that was delivered to this mailbox."""
        raw = as_received(stored.raw)
        envelope = envelope_of(raw, mailbox, stored.arrived)
        authentication = authenticate_past(envelope, raw, self.resolver, utcnow(), self.trusted)
        return Past(envelope, raw, authentication, self.codes.read(summarise_message(self.pool, raw)[0], raw))


def trusted_names(settings: Settings, given: Collection[str]) -> frozenset[str]:
    """Returns the authserv-ids that count in old messages: ours, those of our edges, and those that were named."""
    company = settings.company
    return importing_names(settings, given) | {company.authserv_id or company.hostname}


def importing_names(settings: Settings, given: Collection[str]) -> frozenset[str]:
    """The same where what counts may let mail in. Ours only if it was named: who knows where Mailroom stands, or was to stand, could
    write it into mail that never came through here, and nobody took it out."""
    return frozenset({*settings.smtp.trusted_authserv_ids, *given})


def open_parsers() -> Pool:
    """The bounded parser."""
    return Pool("triage.message.summary:summarise_json", size=PARSERS, memory_bytes=PARSER_MEMORY, seconds=PARSER_SECONDS)


def is_internal(past: Past, settings: Settings, written: Written) -> bool:
    """Whether a message is from somebody here and never came from outside. Such messages do not come through the SMTP server."""
    domains = {one.rpartition("@")[2] for one in past.summary.authors}
    ours = any(domain == own or domain.endswith(f".{own}") for domain in domains for own in settings.own_domains)
    return ours and (past.summary.message_id in written.ids or not from_outside(past.raw))
