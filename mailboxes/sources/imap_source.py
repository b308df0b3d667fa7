"""Reads mailboxes over IMAP, all of them with a master user or each with its own credentials. Written to RFC 9051."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from mailboxes.imap import bulk_fetch
from mailboxes.imap.imap_client import Client
from mailboxes.imap.imap_login import hang_up, open_session
from mailboxes.imap.special_use import use_of
from mailboxes.recall.imap_mailbox import FAULTS, explain_trouble
from mailboxes.sources.source import BATCH, HEADERS, LARGEST, WHOLE, Batch, Folder, Mark, Stored
from triage.config.settings import Recall
from triage.message.mime.mime_parts import HEAD_LIMIT
from triage.text.sanitize import escape_visible

ALL = "BODY.PEEK[]"
SPARSE = 4  # UIDs for each message: where there are more, most parts of a folder would hold nothing


class Part(NamedTuple):
    """Messages of a folder that are asked for at once."""

    uids: str
    final: int = 0  # UID, where they make one batch: then the dates are asked for only when somebody wants to know one


@dataclass(frozen=True, slots=True)
class ImapSource:
    """The mailboxes of these addresses behind the server of `recall.imap`."""

    settings: Recall
    addresses: tuple[str, ...]
    fields: tuple[str, ...] = HEADERS  # of the header, where messages are not read whole

    @property
    def has_one_login(self) -> bool:
        """Whether one master account opens every mailbox."""
        return self.settings.auth == "master"

    def accounts(self) -> list[str]:
        """As Source.accounts."""
        return list(self.addresses)

    def open(self, address: str) -> "ImapAccount":
        """As Source.open."""
        return ImapAccount(open_session(self.settings, address), self.fields)


class ImapAccount:
    """IMAP session in one mailbox."""

    def __init__(self, client: Client, fields: tuple[str, ...]) -> None:
        self.client = client
        self.head = f"BODY.PEEK[HEADER.FIELDS ({' '.join(fields)})]"
        self.broken = False  # it ended in the middle of an answer: nothing can be said any more
        self.asked: dict[str, bytes] = {}  # what was asked for ahead: UIDs, and the tag

    def folders(self) -> list[Folder]:
        """As Account.folders."""
        with explain_trouble("the folders could not be listed"):
            if spaces := self.client.has_capability("NAMESPACE"):
                self.client.ahead("NAMESPACE")
            listed = self.client.listed()
            others = self.others() if spaces else ()
            found = []
            for flags, delimiter, name in listed:
                attributes = {flag.lower() for flag in flags}
                if not {b"\\noselect", b"\\nonexistent"} & attributes and not name.startswith(others):
                    path = name.split(delimiter.decode()) if delimiter else [name]
                    found.append(Folder(name, use_of(attributes, path)))
            return found

    def others(self) -> tuple[str, ...]:
        """Returns the prefixes of other people's and of shared folders (RFC 2342)."""
        spaces = self.client.namespace()
        return tuple(prefix for space in (spaces.other, spaces.shared) for prefix, _ in space or () if prefix)

    def read(self, folder: Folder, *, after: Mark | None = None, since: datetime | None = None, whole: bool = False) -> Iterator[Batch]:
        """As Account.read."""
        what = f"the folder {escape_visible(folder.name)} could not be read"
        first = None if after or since or whole else Part(f"1:{BATCH}", BATCH)
        with explain_trouble(what):
            if first:
                self.ask_ahead(folder, first)
            state = self.client.select_folder(folder.name, readonly=True)
        validity = str(state.get(b"UIDVALIDITY", ""))
        last = uid_of_mark(after.last) if after and validity and after.validity == validity else 0
        if not first and (not state.get(b"EXISTS") or state.get(b"UIDNEXT") == last + 1):
            return
        with explain_trouble(what):
            parts, left = self.parts(state, last, since, first, whole=whole)
            for part in parts:
                for batch in self.batches(part, validity, last, whole=whole):
                    left = max(0, left - len(batch.messages) - len(batch.unreadable))
                    last = uid_of_mark(batch.mark.last)
                    yield Batch(batch.messages, batch.mark, batch.unreadable, left)

    def ask_ahead(self, folder: Folder, part: Part) -> None:
        """EXAMINE, and what will be read first, without waiting for what the server says of the folder (RFC 9051, 5.5)."""
        self.client.ahead("EXAMINE", self.client._normalise_folder(folder.name))
        self.broken = True  # until it is read
        self.asked[part.uids] = bulk_fetch.send_fetch(self.client, part.uids, self.head)

    def parts(
        self, state: dict[bytes, Any], last: int, since: datetime | None, first: Part | None, *, whole: bool
    ) -> tuple[list[Part], int]:
        """The messages that are wanted, and how many there are at most; `first`: what was asked for ahead."""
        if since is not None:
            found: list[int] = self.client.search(["UID", f"{last + 1}:*", "SINCE", since.date()])
            wanted = sorted(uid for uid in found if uid > last)
            return [Part(uids) for uids in uid_ranges(wanted)], len(wanted)
        count, beyond = int(state.get(b"EXISTS", 0)), int(state.get(b"UIDNEXT", 0))
        parts, next_one = ([first], first.final + 1) if first else ([], last + 1)
        if whole or not beyond or beyond - next_one > SPARSE * count:
            return [*parts, Part(f"{next_one}:*")] if count else parts, count
        begins = range(next_one, beyond, BATCH)
        return [*parts, *(Part(f"{begin}:{begin + BATCH - 1}", begin + BATCH - 1) for begin in begins)], count

    def batches(self, part: Part, validity: str, last: int, *, whole: bool) -> Iterator[Batch]:
        """A FETCH, some messages at a time. What the server will not give is asked for one by one."""
        found: list[Stored] = []
        lost: list[str] = []
        filed = self.filing(part.uids) if part.final else None
        refused: str | None = None
        try:
            for uid, date, raw in self.fetched(part.uids, whole=whole, dated=filed is None):
                if uid <= last or uid > part.final > 0:
                    continue  # n:* names the last message also where it is before n (RFC 9051, 9), and some servers repeat one
                last = uid
                if raw is None:
                    lost.append("larger than is read")
                else:
                    found.append(Stored(str(uid), filed or date, raw))
                if not filed and len(found) + len(lost) >= (WHOLE if whole else BATCH):
                    yield Batch(tuple(found), Mark(validity, str(last)), tuple(lost))
                    found, lost = [], []
        except bulk_fetch.Refused as refusal:
            refused = str(refusal)
        if found or lost:
            yield Batch(tuple(found), Mark(validity, str(last)), tuple(lost))
        if refused is not None:
            yield from self.one_by_one(part.uids, validity, last, refused, whole=whole)

    def one_by_one(self, uids: str, validity: str, last: int, why: str, *, whole: bool) -> Iterator[Batch]:
        """Yields the rest of a FETCH that the server broke off with a NO, one by one: messages that it has trouble with are unreadable."""
        for uid in sorted(uid for uid in self.client.search(["UID", uids]) if uid > last):
            found, lost = [], []
            try:
                for named, date, raw in self.fetched(str(uid), whole=whole):
                    found += [Stored(str(uid), date, raw)] if raw is not None and named == uid else []
            except bulk_fetch.Refused as refusal:
                why = str(refusal)
            if not found:
                lost.append(escape_visible(why))
            yield Batch(tuple(found[:1]), Mark(validity, str(uid)), tuple(lost))

    def filing(self, uids: str) -> Callable[[str], bytes | None]:
        """Returns a function that tells a message's date: the first call fetches the dates of all of them."""

        @functools.cache
        def dates() -> dict[str, bytes]:
            with explain_trouble("the dates could not be read"):
                return bulk_fetch.fetch_dates(self.client, uids)

        return lambda place: dates().get(place)

    def fetched(self, uids: str, *, whole: bool, dated: bool = True) -> Iterator[bulk_fetch.Answer]:
        """The answers; the session is of no use any more unless they came to their end."""
        self.broken = True
        items = ALL if whole else self.head
        try:
            tag = self.asked.pop(uids, None) or bulk_fetch.send_fetch(self.client, uids, f"INTERNALDATE {items}" if dated else items)
            yield from bulk_fetch.read_answers(self.client, tag, LARGEST if whole else HEAD_LIMIT)
        except bulk_fetch.Refused:
            self.broken = False
            raise
        self.broken = False

    def close(self) -> None:
        """As Account.close."""
        if self.broken:
            hang_up(self.client)
            return
        try:
            self.client.logout()
        except FAULTS:
            hang_up(self.client)


def uid_of_mark(last: str) -> int:
    """A mark's UID; 0 when it is none."""
    with contextlib.suppress(ValueError):
        return int(last)
    return 0


def uid_ranges(uids: Sequence[int]) -> list[str]:
    """A sorted list of UIDs as sets of ranges, not more ranges in each than a server takes in one line."""
    ranges: list[list[int]] = []
    for uid in uids:
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    words = [f"{first}:{final}" if first != final else str(first) for first, final in ranges]
    return [",".join(words[start : start + BATCH]) for start in range(0, len(words), BATCH)]
