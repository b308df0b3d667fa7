"""Reads mailboxes over IMAP, all of them with a master user or each with its own credentials. Written to RFC 9051."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailboxes import bulk_fetch
from mailboxes.client import Client
from mailboxes.folder_uses import use_of
from mailboxes.imap import FAULTS, answering
from mailboxes.reading import BATCH, HEADERS, LARGEST, WHOLE, Batch, Folder, Mark, Stored
from mailboxes.sign_in import enter, hang_up
from triage.mime import HEAD_LIMIT
from triage.settings import Recall
from triage.visible import visible

ALL = "BODY.PEEK[]"


@dataclass(frozen=True, slots=True)
class ImapSource:
    """The mailboxes of these addresses behind the server of `recall.imap`."""

    settings: Recall
    addresses: tuple[str, ...]
    fields: tuple[str, ...] = HEADERS  # of the header, where messages are not read whole

    def accounts(self) -> list[str]:
        """As Source.accounts."""
        return list(self.addresses)

    def open(self, address: str) -> "ImapAccount":
        """As Source.open."""
        return ImapAccount(enter(self.settings, address), self.fields)


class ImapAccount:
    """One session in one mailbox."""

    def __init__(self, client: Client, fields: tuple[str, ...]) -> None:
        self.client = client
        self.head = f"BODY.PEEK[HEADER.FIELDS ({' '.join(fields)})]"
        self.broken = False  # it ended in the middle of an answer: nothing can be said any more

    def folders(self) -> list[Folder]:
        """As Account.folders."""
        with answering("the folders could not be listed"):
            others = self.others()
            found = []
            for flags, delimiter, name in self.client.listed():
                attributes = {flag.lower() for flag in flags}
                if not {b"\\noselect", b"\\nonexistent"} & attributes and not name.startswith(others):
                    path = name.split(delimiter.decode()) if delimiter else [name]
                    found.append(Folder(name, use_of(attributes, path)))
            return found

    def others(self) -> tuple[str, ...]:
        """What the names of other people's and of shared folders begin with (RFC 2342)."""
        if not self.client.has_capability("NAMESPACE"):
            return ()
        spaces = self.client.namespace()
        return tuple(prefix for space in (spaces.other, spaces.shared) for prefix, _ in space or () if prefix)

    def read(self, folder: Folder, *, after: Mark | None = None, since: datetime | None = None, whole: bool = False) -> Iterator[Batch]:
        """As Account.read."""
        what = f"the folder {visible(folder.name)} could not be read"
        with answering(what):
            state = self.client.select_folder(folder.name, readonly=True)
        validity = str(state.get(b"UIDVALIDITY", ""))
        last = number(after.last) if after and validity and after.validity == validity else 0
        if not state.get(b"EXISTS") or state.get(b"UIDNEXT") == last + 1:
            return
        with answering(what):
            left = int(state[b"EXISTS"])
            uids = self.wanted(last, since)
            left = len(uids) if uids is not None else left
            for part in [f"{last + 1}:*"] if uids is None else spans(uids):
                for batch in self.batches(part, validity, last, whole=whole):
                    left = max(0, left - len(batch.messages) - len(batch.unreadable))
                    last = number(batch.mark.last)
                    yield Batch(batch.messages, batch.mark, batch.unreadable, left)

    def wanted(self, last: int, since: datetime | None) -> list[int] | None:
        """The UIDs that are wanted where that is not simply all after the last one."""
        if since is None:
            return None
        found: list[int] = self.client.search(["UID", f"{last + 1}:*", "SINCE", since.date()])
        return sorted(uid for uid in found if uid > last)

    def batches(self, uids: str, validity: str, last: int, *, whole: bool) -> Iterator[Batch]:
        """A FETCH, some messages at a time. What the server will not give is asked for one by one."""
        found: list[Stored] = []
        lost: list[str] = []
        try:
            for answer in self.fetched(uids, whole=whole):
                if answer.uid <= last:
                    continue  # n:* names the last message also where it is before n (RFC 9051, 9), and some servers repeat one
                last = answer.uid
                if answer.raw is None:
                    lost.append("larger than is read")
                else:
                    found.append(Stored(str(last), answer.filed, answer.raw))
                if len(found) + len(lost) >= (WHOLE if whole else BATCH):
                    yield Batch(tuple(found), Mark(validity, str(last)), tuple(lost))
                    found, lost = [], []
        except bulk_fetch.Refused as refusal:
            if found or lost:
                yield Batch(tuple(found), Mark(validity, str(last)), tuple(lost))
            yield from self.one_by_one(uids, validity, last, str(refusal), whole=whole)
            return
        if found or lost:
            yield Batch(tuple(found), Mark(validity, str(last)), tuple(lost))

    def one_by_one(self, uids: str, validity: str, last: int, why: str, *, whole: bool) -> Iterator[Batch]:
        """What is left of a FETCH that the server broke off with a NO: the messages that it has trouble with are unreadable."""
        for uid in sorted(uid for uid in self.client.search(["UID", uids]) if uid > last):
            found, lost = [], []
            try:
                for answer in self.fetched(str(uid), whole=whole):
                    found += [Stored(str(uid), answer.filed, answer.raw)] if answer.raw is not None and answer.uid == uid else []
            except bulk_fetch.Refused as refusal:
                why = str(refusal)
            if not found:
                lost.append(visible(why))
            yield Batch(tuple(found[:1]), Mark(validity, str(uid)), tuple(lost))

    def fetched(self, uids: str, *, whole: bool) -> Iterator[bulk_fetch.Answer]:
        """The answers; the session is of no use any more unless they came to their end."""
        self.broken = True
        try:
            yield from bulk_fetch.fetch(self.client, uids, ALL if whole else self.head, LARGEST if whole else HEAD_LIMIT)
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


def number(last: str) -> int:
    """A mark's UID; 0 when it is none."""
    with contextlib.suppress(ValueError):
        return int(last)
    return 0


def spans(uids: Sequence[int]) -> list[str]:
    """A sorted list of UIDs as sets of ranges, not more ranges in each than a server takes in one line."""
    ranges: list[list[int]] = []
    for uid in uids:
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    words = [f"{first}:{final}" if first != final else str(first) for first, final in ranges]
    return [",".join(words[start : start + BATCH]) for start in range(0, len(words), BATCH)]
