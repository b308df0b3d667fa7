"""A mailbox over IMAP: look in every folder, take exactly what is ours, put it back as it was. Written to RFC 9051 and RFC 4315."""

import contextlib
import hashlib
import imaplib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from imapclient.datetime_util import format_criteria_date  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError  # type: ignore[import-untyped]

from mailboxes.imap.imap_client import LARGEST, SLACK
from mailboxes.imap.imap_login import describe_error, describe_trouble, hang_up, open_session
from mailboxes.mailbox import Busy, Found, Impossible, Unreachable
from mailboxes.match import Names, Sought, is_copy, is_related, may_be
from triage.config.settings import Recall
from triage.delivery.recall.hunt_criteria import Criteria
from triage.delivery.recall.related_messages import Place
from triage.delivery.recalled_copies import Copy
from triage.message.mime.mime_parts import HEAD_LIMIT, headers_of
from triage.say import say
from triage.text.sanitize import escape_visible

AT_ONCE = 20  # messages that one SEARCH asks for
HEADS_AT_ONCE = 100  # header blocks in one answer
SPARE = timedelta(days=2)  # SEARCH compares dates without their time zones (RFC 9051, 6.4.4)
UNSELECTABLE, VIEWS = frozenset({b"\\noselect", b"\\nonexistent"}), frozenset({b"\\all", b"\\flagged"})
FIELDS = f"BODY.PEEK[HEADER.FIELDS (X-MAILROOM-MESSAGE MESSAGE-ID IN-REPLY-TO REFERENCES FROM SUBJECT)]<0.{HEAD_LIMIT}>"
WHAT_LIES = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]
PLAIN = re.compile(r"[A-Za-z0-9.@-]+")  # in a SEARCH without quotes
NO_UIDPLUS = say("the IMAP server has no UIDPLUS (RFC 4315): a plain EXPUNGE could remove other messages too, so nothing was removed")
FAULTS = (OSError, IMAPClientError, imaplib.IMAP4.error, UnicodeError)  # the last one: a folder whose name is no modified UTF-7


@contextlib.contextmanager
def explain_trouble(what: str) -> Iterator[None]:
    """Trouble on the way is Unreachable, with what we were about."""
    try:
        yield
    except FAULTS as fault:
        raise describe_trouble(what, fault) from fault


class ImapMailbox:
    """IMAP session in one mailbox."""

    def __init__(self, settings: Recall, mailbox: str) -> None:
        """Unreachable when there is no way in."""
        self.client = open_session(settings, mailbox)
        self.views: frozenset[str] = frozenset()  # folders that show what lies in others (RFC 6154, \\All and \\Flagged)
        self.selected: tuple[str, bool] | None = None  # the folder that is open, and whether it is only read
        self.validity = 0

    def find(self, sought: list[Sought], since: datetime) -> list[Found]:
        """As Mailbox.find. What is not found since that day is looked for among all messages."""
        found = [Found() for _ in sought]
        with explain_trouble(say("the mailbox could not be searched")):
            folders = self.folders()
            self.search_folders(folders, list(zip(sought, found, strict=True)), since - SPARE)
            missing = [(one, of_it) for one, of_it in zip(sought, found, strict=True) if not of_it.copies]
            for _, of_it in missing:
                of_it.related.clear()
            if missing:
                self.search_folders(folders, missing, None)
        return found

    def folders(self) -> list[str]:
        """Lists folders that can hold messages: the INBOX first, and last those that only show messages of others."""
        colleagues = self.colleagues()
        found = {name: {flag.lower() for flag in flags} for flags, _, name in self.client.listed()}
        names = [name for name, flags in found.items() if not UNSELECTABLE & flags and not name.startswith(colleagues)]
        self.views = frozenset(name for name in names if VIEWS & found[name])
        return sorted(names, key=lambda name: (name in self.views, name.upper() != "INBOX"))

    def colleagues(self) -> tuple[str, ...]:
        """Returns the prefixes of other people's folders (RFC 2342): messages there were delivered to them."""
        if not self.client.has_capability("NAMESPACE"):
            return ()
        return tuple(prefix for prefix, _ in self.client.namespace().other or () if prefix)

    def search_folders(self, folders: list[str], wanted: list[tuple[Sought, Found]], since: datetime | None) -> None:
        """Add what each folder holds."""
        for folder in folders:
            if not self.open(folder, readonly=folder.upper() != "INBOX"):  # where it most likely is to be taken from
                continue
            for start in range(0, len(wanted), AT_ONCE):
                some = wanted[start : start + AT_ONCE]
                if uids := self.client.search(search_command([one for one, _ in some], since)):
                    self.sort(folder, uids, some)

    def open(self, folder: str, *, readonly: bool) -> int:
        """EXAMINE or SELECT it; how many messages it holds. A folder that went away meanwhile holds none."""
        if self.selected == (folder, readonly):
            return 1
        try:
            state = self.client.select_folder(folder, readonly=readonly)
        except IMAPClientError as fault:
            self.selected = None
            if not self.client.folder_exists(folder):
                return 0
            raise fault
        self.selected, self.validity = (folder, readonly), int(state[b"UIDVALIDITY"])
        return int(state[b"EXISTS"])

    def sort(self, folder: str, uids: list[int], wanted: list[tuple[Sought, Found]]) -> None:
        """Sorts messages into copies, and those that only bear or refer to the Message-ID."""
        expected = len(uids) <= len(wanted) and is_small(wanted)  # then there is nothing else among them, and one question less
        for uid, answer in self.lying_there(uids, wanted if expected else []):
            names = Names.of(answer[b"BODY[]"] if expected else header_of(answer))
            for one, of_it in wanted:
                if may_be(names, one):
                    copy = self.copy(folder, uid, answer)
                    if copy is not None and is_copy(copy.raw, one):
                        of_it.copies += [] if self.shows(copy, of_it.copies) else [copy]
                        continue
                if is_related(names, one):
                    head = headers_of(answer[b"BODY[]"]) if expected else header_of(answer)
                    mail = self.lying(folder, uid, answer, head)
                    of_it.related += [] if self.shows(mail, of_it.related) else [mail]

    def lying_there(self, uids: list[int], wanted: list[tuple[Sought, Found]]) -> Iterator[tuple[int, dict[bytes, Any]]]:
        """Fetches these messages: whole where all that they can be is wanted, else their header fields."""
        for start in range(0, len(uids), HEADS_AT_ONCE):
            with self.client.expecting(sum(room_for(one) for one, _ in wanted)):
                answers = self.client.fetch(uids[start : start + HEADS_AT_ONCE], [*WHAT_LIES, "BODY.PEEK[]" if wanted else FIELDS])
            yield from answers.items()

    def copy(self, folder: str, uid: int, answer: dict[bytes, Any], part: str = "BODY[]") -> Copy | None:
        """Fetches a message with its bytes; None when its owner just deleted it, or when it is too large to be ours."""
        body = answer.get(part.encode()) or self.client.body_of(uid, answer[b"RFC822.SIZE"], part)
        if body is None:
            return None
        return self.lying(folder, uid, answer, body)

    def shows(self, copy: Copy, found: list[Copy]) -> bool:
        """Whether a copy is only the view of a message that was found in its place."""
        return copy.folder in self.views and any((one.internal_date, one.raw) == (copy.internal_date, copy.raw) for one in found)

    def lying(self, folder: str, uid: int, answer: dict[bytes, Any], raw: bytes) -> Copy:
        """A message of the folder that is open."""
        flags = tuple(flag for flag in map(flag_of, answer[b"FLAGS"]) if flag.lower() != "\\recent")
        return Copy(folder, flags, answer[b"INTERNALDATE"].astimezone(UTC), raw, self.validity, uid)

    def from_sender(self, sender: str, *, whole: bool) -> Iterator[list[Copy]]:
        """As Mailbox.from_sender. SEARCH finds parts of words too: who asks looks at what is found."""
        wanted = (f"HEADER FROM {quote_imap(sender)}",) if sender.isascii() else (["HEADER", "FROM", sender], "UTF-8")
        return self.search_everywhere(wanted, whole=whole)

    def matching(self, criteria: Criteria) -> Iterator[list[Copy]]:
        """As Mailbox.matching. No SEARCH knows a hash: then what has a file by its BODYSTRUCTURE is read."""
        wanted, with_files = hunt_command(criteria), bool(criteria.sha256)
        return self.search_everywhere(wanted, whole=criteria.reads_bodies, newest_first=True, with_files=with_files)

    def search_everywhere(
        self, wanted: tuple[Any, ...], *, whole: bool, newest_first: bool = False, with_files: bool = False
    ) -> Iterator[list[Copy]]:
        """Yields what a SEARCH finds in every folder, some at a time; the header blocks alone unless `whole`."""
        with explain_trouble(say("the mailbox could not be searched")):
            folders = self.folders()
        shown: set[tuple[datetime, bytes]] = set()  # where there are views of what lies elsewhere: all that was found
        for folder in folders:
            with explain_trouble(say("the mailbox could not be searched")):
                uids = self.client.search(*wanted) if self.open(folder, readonly=True) else []
            uids = uids[::-1] if newest_first else uids
            for start in range(0, len(uids), AT_ONCE):
                with explain_trouble(say("the mailbox could not be read")):
                    self.open(folder, readonly=True)
                    answers = self.client.fetch(uids[start : start + AT_ONCE], [*WHAT_LIES, *(["BODYSTRUCTURE"] if with_files else [])])
                    some = [(uid, answer) for uid, answer in answers.items() if not with_files or has_file(answer.get(b"BODYSTRUCTURE"))]
                    copies = [self.copy(folder, uid, answer, "BODY[]" if whole else "BODY[HEADER]") for uid, answer in some]
                fresh = [copy for copy in copies if copy and (folder not in self.views or seen_as(copy) not in shown)]
                shown.update(seen_as(copy) for copy in fresh if self.views)
                yield fresh

    def at(self, places: Sequence[Place]) -> Iterator[list[Copy]]:
        """As Mailbox.at. A folder that was numbered again holds none of them."""
        for folder in dict.fromkeys(place.folder for place in places):
            with explain_trouble(say("the mailbox could not be read")):
                if not self.open(folder, readonly=True):
                    continue
                uids = [place.uid for place in places if place.folder == folder and place.uid_validity == self.validity]
            for start in range(0, len(uids), AT_ONCE):
                with explain_trouble(say("the mailbox could not be read")):
                    self.open(folder, readonly=True)
                    answers = self.client.fetch(uids[start : start + AT_ONCE], WHAT_LIES)
                    copies = [self.copy(folder, uid, answer) for uid, answer in answers.items()]
                yield [copy for copy in copies if copy]

    def take(self, copies: list[Copy]) -> list[Copy]:
        """As Mailbox.take: marked and expunged by UID (UID EXPUNGE), so that nothing else goes along."""
        if not (self.client.has_capability("UIDPLUS") or self.client.has_capability("IMAP4rev2")):
            raise Impossible(NO_UIDPLUS)
        taken: list[Copy] = []
        try:
            with explain_trouble(say("the copy could not be removed")):
                for folder in dict.fromkeys(copy.folder for copy in copies):
                    taken += self.expunge(folder, [copy for copy in copies if copy.folder == folder])
        except Unreachable as fault:
            fault.taken = (*taken, *fault.taken)
            raise
        return taken

    def expunge(self, folder: str, copies: list[Copy]) -> list[Copy]:
        """Expunges these copies for good and returns them. Copies that the server flags as deleted already were moved or deleted
        meanwhile."""
        if not self.open(folder, readonly=False):
            return []
        if any(copy.uid_validity != self.validity for copy in copies):
            raise Unreachable(say("the folder {folder} got new numbers meanwhile (UIDVALIDITY)", folder=escape_visible(folder)))
        uids = [copy.uid for copy in copies]
        marked = self.client.add_flags(uids, ["\\Deleted"])
        self.client.uid_expunge(uids)
        left = self.client.search(["UID", ",".join(map(str, uids))])
        taken = [copy for copy in copies if copy.uid in marked and copy.uid not in left]
        if left:
            fault = Unreachable(say("the server kept {copies} of the copies that it was to remove", copies=len(left)))
            fault.taken = taken
            raise fault
        return taken

    def put_back(self, copy: Copy) -> str:
        """As Mailbox.put_back: APPEND with flags and date (RFC 9051, 6.3.12)."""
        folder = copy.folder
        with explain_trouble(say("the copy could not be put back")):
            if not self.client.folder_exists(folder):
                folder = "INBOX"
            try:
                self.client.append(folder, copy.raw, copy.flags, copy.internal_date)
            except IMAPClientAbortError:  # it hung up: perhaps with the copy, which is looked for before it is put back again
                raise
            except IMAPClientError as fault:
                if isinstance(describe_trouble("", fault), Busy):
                    raise
                raise Impossible(say("the mailbox refuses it: {why}", why=describe_error(fault))) from fault
        return folder

    def close(self) -> None:
        """As Mailbox.close."""
        try:
            self.client.logout()
        except FAULTS:
            self.abort()

    def abort(self) -> None:
        """As Mailbox.abort."""
        hang_up(self.client)


def is_small(wanted: list[tuple[Sought, Found]]) -> bool:
    """Whether all of these fit into one answer."""
    return sum(room_for(one) for one, _ in wanted) <= LARGEST


def room_for(one: Sought) -> int:
    """Bytes that a copy of this may take: other servers write it again and add fields."""
    return LARGEST if one.content is None else 2 * len(one.content) + SLACK


def seen_as(copy: Copy) -> tuple[datetime, bytes]:
    """Returns what a message and its view have in common: INTERNALDATE and a hash of the bytes."""
    return copy.internal_date, hashlib.sha256(copy.raw).digest()


def search_command(sought: list[Sought], since: datetime | None) -> str:
    """SEARCH for whatever may be one of these, or bears or refers to its Message-ID (RFC 9051, 6.4.4).

    With its brackets: somebody who calls a message "@" must not have us look at every message.
    """
    keys: list[str] = []
    for one in sought:
        keys.append(f"HEADER X-Mailroom-Message {quote_imap(one.marker)}")
        if one.message_id and one.message_id.isascii() and one.message_id.isprintable():
            keys += [f"HEADER {name} {quote_imap(f'<{one.message_id}>')}" for name in ("Message-ID", "In-Reply-To", "References")]
    ored = [f"OR {key}" for key in keys[:-1]]
    return " ".join([*([f"SINCE {format_criteria_date(since).decode()}"] if since else []), *ored, keys[-1]])


def hunt_command(criteria: Criteria) -> tuple[Any, ...]:
    """SEARCH for what may fit a hunt. Beside a text in UTF-8 the others are asked for by their longest part without quotes."""
    asked = (
        (["SUBJECT"], criteria.subject_part()),
        (["HEADER", "MESSAGE-ID"], criteria.message_id),
        (["FROM"], criteria.sender_part()),
        (["BODY"], criteria.link),
    )
    given = [(key, text) for key, text in asked if text]
    since = format_criteria_date(criteria.since - SPARE).decode()
    if all(text.isascii() for _, text in given):
        return (" ".join([f"SINCE {since}", *(f"{' '.join(key)} {quote_imap(text)}" for key, text in given)]),)
    plain = [(key, text if not text.isascii() else max(PLAIN.findall(text), key=len, default="")) for key, text in given]
    return (["SINCE", since, *(word for key, text in plain if text for word in (*key, text))], "UTF-8")


def has_file(structure: Any) -> bool:
    """Whether a BODYSTRUCTURE has a part that a program would show as a file: any that is no text, or that has a name."""
    if structure is None:  # of a message of which the server only says that its flags have changed
        return False
    if isinstance(structure[0], list):
        return any(map(has_file, structure[0]))
    return str(structure[0], "ascii", "replace").lower() != "text" or any(
        isinstance(one, tuple) and one and one[0] in (b"attachment", b"ATTACHMENT", b"name", b"NAME") for one in structure
    )


def quote_imap(text: str) -> str:
    """A quoted string (RFC 9051, 9): senders choose Message-IDs that would be commands, literals or syntax errors."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def flag_of(parsed: bytes | int | None) -> str:
    """A flag or keyword: the library takes some of what people call their keywords for numbers or for nothing."""
    return parsed.decode("utf-8", "replace") if isinstance(parsed, bytes) else "NIL" if parsed is None else str(parsed)


def header_of(answer: dict[bytes, Any]) -> bytes:
    """The header fields in a FETCH answer: servers write the item's name each in their own way."""
    return next((value for name, value in answer.items() if name.startswith(b"BODY[HEADER")), b"")
