"""IMAP account of the mirror: lists its folders, finds our copies in them, and moves them. RFC 9051, 4315, 6851, 7162."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError  # type: ignore[import-untyped]

from mailboxes.imap.imap_client import Client
from mailboxes.imap.imap_login import describe_error, hang_up, open_session
from mailboxes.mailbox import Unreachable
from mailboxes.mirror.mirror_message import COPY
from mailboxes.mirror.plan import Place, Seen
from mailboxes.recall.imap_mailbox import FAULTS, UNSELECTABLE, VIEWS, explain_trouble, quote_imap
from triage.config.settings import Mirror
from triage.message.mime.mime_parts import HEAD_LIMIT
from triage.text.sanitize import escape_visible

AT_ONCE = 50  # messages in one question
STEP = 0.25  # seconds until a stop is seen
HINT = f"BODY.PEEK[HEADER.FIELDS ({COPY.upper()})]<0.{HEAD_LIMIT}>"
NO_UIDPLUS = "the IMAP server has no UIDPLUS (RFC 4315): a plain EXPUNGE could take other mail along, so nothing is mirrored there"

log = logging.getLogger(__name__)


class NotTaken(Exception):
    """The account does not take this message just now: it is full, or will not have such a message. The text says why."""


class Contents(NamedTuple):
    """A folder as it was seen last."""

    state: tuple[int, ...]  # what STATUS says when nothing has changed; (): it is opened, whatever STATUS says
    validity: int
    copies: dict[int, int]  # uid to the copy of ours that it is; 0: none of ours


class MirrorAccount:
    """A session. Which message is which is asked of `identify`: of the bytes, and whether a rewritten header is forgiven."""

    def __init__(self, settings: Mirror, address: str, identify: Callable[[bytes, bool], int], known: dict[Place, int]) -> None:
        """Unreachable when there is no way in. `known`: what the database knows of where copies lie."""
        self.address, self.identify, self.known = address, identify, known
        self.seen: dict[str, Contents] = {}
        self.folders: frozenset[str] = frozenset()
        self.unread: set[str] = set()  # folders that the server will not show
        self.client: Client = open_session(settings, address)
        try:
            self.get_to_know()
        except BaseException:
            hang_up(self.client)
            raise

    def get_to_know(self) -> None:
        """Finds out the server's capabilities and its namespaces. Unreachable without UIDPLUS."""
        with explain_trouble("the account could not be looked at"):
            if not (self.client.has_capability("UIDPLUS") or self.client.has_capability("IMAP4rev2")):
                raise Unreachable(NO_UIDPLUS)
            self.can_move = self.client.has_capability("MOVE") or self.client.has_capability("IMAP4rev2")
            self.others = self.others_namespaces()
            self.prefix, self.delimiter = self.read_namespace()
            self.items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", *(["HIGHESTMODSEQ"] if self.client.has_capability("CONDSTORE") else [])]
        self.dots = self.delimiter != "."

    def read_namespace(self) -> tuple[str, str]:
        """Returns the prefix of our folders' names, and the separator of their levels (RFC 2342)."""
        if self.client.has_capability("NAMESPACE") and (own := self.client.namespace().personal):
            return own[0][0], own[0][1] or "/"
        delimiter = next((one for _, one, _ in self.client.listed()), b"/")
        return "", delimiter.decode() if delimiter else "/"

    def others_namespaces(self) -> tuple[str, ...]:
        """Returns the prefixes of other people's and shared folders, which are looked after where they are."""
        if not self.client.has_capability("NAMESPACE"):
            return ()
        found = self.client.namespace()
        return tuple(prefix for prefix, _ in (*(found.other or ()), *(found.shared or ())) if prefix)

    def name(self, *words: str) -> str:
        """The full name of a folder. A dot in it becomes an underscore where the server knows none within names."""
        return self.prefix + self.delimiter.join(words if self.dots else tuple(word.replace(".", "_") for word in words))

    def open_folders(self, needed: Iterable[tuple[str, ...]], *, renamed: Iterable[tuple[tuple[str, ...], tuple[str, ...]]] = ()) -> None:
        """Lists the folders and makes those that are missing, whatever somebody did to them. `renamed`: older names, by those of today."""
        with explain_trouble("the folders could not be listed"):
            listed = {name: {flag.lower() for flag in flags} for flags, _, name in self.client.listed()}
        own = (name for name in listed if not name.startswith(self.others))
        self.folders = frozenset(name for name in own if not (UNSELECTABLE | VIEWS) & listed[name])
        for old, new in renamed:
            if self.name(*old) in self.folders and self.name(*new) not in self.folders:
                self.rename(self.name(*old), self.name(*new))
        for words in needed:
            if self.name(*words) not in self.folders:
                self.make(words)

    def rename(self, old: str, new: str) -> None:
        """Renames a folder, which stays subscribed. Where the server refuses that, both are kept."""
        with explain_trouble("a folder could not be renamed"):
            try:
                self.client.rename_folder(old, new)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as fault:
                said = {"account": escape_visible(self.address), "folder": escape_visible(old), "why": describe_error(fault)}
                log.warning("the folder %(folder)s of the account %(account)s keeps its name: %(why)s", said)
                return
            self.client.subscribe_folder(new)
            self.client.unsubscribe_folder(old)
        self.folders = self.folders - {old} | {new}

    def make(self, words: tuple[str, ...]) -> None:
        """Makes a folder."""
        with explain_trouble("a folder could not be made"):
            try:
                self.client.create_folder(self.name(*words))
            except IMAPClientError as fault:
                if "EXISTS" not in describe_error(fault).upper():
                    if not self.dots or "." not in "".join(words):
                        raise
                    self.dots = False
                    if self.name(*words) not in self.folders:
                        self.client.create_folder(self.name(*words))
            self.client.subscribe_folder(self.name(*words))
        self.folders |= {self.name(*words)}

    def distrust_status(self) -> None:
        """Opens each folder at the next look, whatever STATUS says: a server may answer it from an index that is behind."""
        self.seen = {folder: there._replace(state=()) for folder, there in self.seen.items()}

    def list_copies(self, acts: frozenset[str], *, only: frozenset[str] | None = None) -> list[Seen]:
        """Our copies in all folders, or some; in the folders for acts also what is none of ours (copy 0), since somebody moved it there.

        A folder that the server will not show keeps no other waiting.
        """
        found: list[Seen] = []
        for folder in sorted(self.folders if only is None else self.folders & only):
            with explain_trouble(f"the folder {folder} could not be read"):
                there = self.shown(folder, whole=folder in acts)
            if there is not None:
                ours = ((uid, copy) for uid, copy in there.copies.items() if copy or folder in acts)
                found += [Seen(Place(folder, there.validity, uid), copy) for uid, copy in ours]
        return found

    def shown(self, folder: str, *, whole: bool) -> Contents | None:
        """Returns the contents of a folder; None where it has gone, or the server does not let us read it."""
        try:
            there = self.contents(folder, whole=whole)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as fault:
            if folder not in self.unread:
                said = {"account": escape_visible(self.address), "folder": escape_visible(folder), "why": describe_error(fault)}
                log.warning("the folder %(folder)s of the account %(account)s is passed over, it cannot be read: %(why)s", said)
            self.unread.add(folder)
            self.seen.pop(folder, None)
            return None
        self.unread.discard(folder)
        return there

    def contents(self, folder: str, *, whole: bool) -> Contents | None:
        """Reads the contents of a folder. STATUS tells whether anything has changed since (RFC 7162, 3.1.2.2 where the server has it)."""
        try:
            status = self.client.folder_status(folder, self.items)
        except IMAPClientError:
            if self.client.folder_exists(folder):
                raise
            self.seen.pop(folder, None)  # it was deleted or renamed this moment
            return None
        validity = int(status[b"UIDVALIDITY"])
        state = tuple(int(status.get(name.encode(), 0)) for name in self.items)
        before = self.seen.get(folder)
        if before and before.state == state:
            return before
        copies = dict(before.copies) if before and before.validity == validity else {}
        uids = set(self.uids(folder)) if status[b"MESSAGES"] or not (before and before.state) else set()
        copies = {uid: copy for uid, copy in copies.items() if uid in uids}
        self.sort(folder, validity, sorted(uids - copies.keys()), copies, whole=whole)
        self.seen[folder] = Contents(state, validity, copies)
        return self.seen[folder]

    def uids(self, folder: str) -> list[int]:
        """Returns the UIDs of all messages in a folder."""
        self.client.select_folder(folder, readonly=True)
        found: list[int] = self.client.search()
        return found

    def sort(self, folder: str, validity: int, uids: list[int], copies: dict[int, int], *, whole: bool) -> None:
        """Identifies our copies among messages. A header only says where it is worth to look: the bytes decide."""
        unknown = [uid for uid in uids if Place(folder, validity, uid) not in self.known]
        copies.update((uid, self.known[Place(folder, validity, uid)]) for uid in uids if Place(folder, validity, uid) in self.known)
        for start in range(0, len(unknown), AT_ONCE):
            some = unknown[start : start + AT_ONCE]
            asked = ["RFC822.SIZE"] if whole else ["RFC822.SIZE", HINT]
            worth = {uid: answer for uid, answer in self.client.fetch(some, asked).items() if whole or has_hint(answer)}
            copies.update((uid, 0) for uid in some)
            for uid, answer in worth.items():
                body = self.client.body_of(uid, answer[b"RFC822.SIZE"])
                copies[uid] = self.identify(body, whole) if body is not None else 0

    def put(self, folder: str, raw: bytes, *, flags: tuple[str, ...], at: datetime) -> None:
        """APPEND. NotTaken where the server says no to it: then the next message may do better."""
        with explain_trouble("a mail could not be put there"):
            try:
                self.client.append(folder, raw, flags, at)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as fault:
                if "TRYCREATE" in (said := describe_error(fault)).upper():  # the folder was deleted this moment
                    raise
                raise NotTaken(said) from fault

    def move(self, place: Place, folder: str, *more: int) -> None:
        """To another folder: MOVE (RFC 6851), else COPY and UID EXPUNGE. What has gone meanwhile is no fault. NotTaken when it is full.

        `more`: uids of others in the same folder.
        """
        if not self.open(place):
            return
        with explain_trouble("a mail could not be moved"):
            try:
                self.carry([place.uid, *more], folder)
            except IMAPClientError as fault:
                said = describe_error(fault).upper()
                if "OVERQUOTA" in said:  # RFC 5530
                    raise NotTaken(describe_error(fault)) from fault
                if "EXPUNGEISSUED" not in said:  # RFC 5530: somebody else was faster, and it is met again where it is now
                    raise

    def carry(self, uids: list[int], folder: str) -> None:
        """Moves messages of the open folder into another one."""
        if self.can_move:
            self.client.move(uids, folder)
        else:
            self.client.copy(uids, folder)
            self.client.add_flags(uids, ["\\Deleted"])
            self.client.uid_expunge(uids)

    def take(self, places: list[Place]) -> None:
        """Take exactly these away."""
        for folder, validity in dict.fromkeys((place.folder, place.validity) for place in places):
            uids = [place.uid for place in places if (place.folder, place.validity) == (folder, validity)]
            if self.open(Place(folder, validity, 0)):
                with explain_trouble("a mail could not be taken away"):
                    self.client.add_flags(uids, ["\\Deleted"], silent=True)
                    self.client.uid_expunge(uids)

    def open(self, place: Place) -> bool:
        """SELECT its folder; False where that has gone, or was numbered again: then nothing there is what it was."""
        with explain_trouble(f"the folder {place.folder} could not be opened"):
            try:
                state = self.client.select_folder(place.folder)
            except IMAPClientError:
                if self.client.folder_exists(place.folder):
                    raise
                return False
            return int(state[b"UIDVALIDITY"]) == place.validity

    def lies(self, place: Place) -> bool:
        """Whether it is still there, and not marked as deleted: as programs leave what they have moved on by COPY, until somebody
        expunges it.
        """
        return bool(self.lying([place]))

    def lying(self, places: list[Place]) -> list[Place]:
        """Returns those of the messages in one folder that are still there, and not marked as deleted."""
        if not places or not self.open(places[0]):
            return []
        with explain_trouble("a mail could not be looked at"):
            found = self.client.fetch([place.uid for place in places], ["FLAGS"])
        flags = {uid: {flag.lower() for flag in answer.get(b"FLAGS", ())} for uid, answer in found.items()}
        return [place for place in places if b"\\deleted" not in flags.get(place.uid, {b"\\deleted"})]

    def read(self, place: Place) -> bytes:
        """A message; b"" where it is gone."""
        if not self.open(place):
            return b""
        with explain_trouble("a mail could not be read"):
            size = self.client.fetch([place.uid], ["RFC822.SIZE"]).get(place.uid, {}).get(b"RFC822.SIZE")
            return b"" if size is None else self.client.body_of(place.uid, size) or b""

    def find_notes(self, folder: str, message_id: str) -> list[Place]:
        """Notes that were put there before. `message_id`: whole, or a part of it."""
        with explain_trouble("a note could not be looked for"):
            state = self.client.select_folder(folder, readonly=True)
            found = self.client.search(f"HEADER Message-ID {quote_imap(message_id)}")
        return [Place(folder, int(state[b"UIDVALIDITY"]), uid) for uid in found]

    def rest(self, folder: str, seconds: float, stop: threading.Event) -> None:
        """Wait, in IDLE (RFC 2177) where the server has it: what comes into this folder ends it."""
        with explain_trouble("the connection was lost"):
            if not self.client.has_capability("IDLE"):
                stop.wait(seconds)
                self.client.noop()
                return
            self.client.select_folder(folder, readonly=True)
            self.client.idle()
            try:
                self.idle(seconds, stop)
            finally:
                self.client.idle_done()

    def idle(self, seconds: float, stop: threading.Event) -> None:
        """Waits until something comes in, or it is time for the next look."""
        until = time.monotonic() + seconds
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if any(b"EXISTS" in answer for answer in self.client.idle_check(timeout=min(left, STEP))):
                return

    def close(self) -> None:
        """Leave."""
        try:
            self.client.logout()
        except FAULTS:
            hang_up(self.client)


def has_hint(answer: dict[bytes, Any]) -> bool:
    """Whether a message's header claims to be a copy of ours. A message that went this moment has none (NIL)."""
    return any((value or b"").strip() for name, value in answer.items() if name.startswith(b"BODY[HEADER"))
