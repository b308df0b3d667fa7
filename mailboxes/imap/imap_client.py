"""The IMAP client: sessions that begin with few questions, folder names with an opening bracket, and what folders are for.

RFC 9051 allows such names and the library's lexer does not.
"""

import contextlib
import functools
import logging
import re
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.imap4 import IMAP4WithTimeout  # type: ignore[import-untyped]
from imapclient.tls import IMAP4_TLS  # type: ignore[import-untyped]

from mailboxes.imap.imap_stream import ANSWERS, BoundedReading

LARGEST = 256 * 1024 * 1024  # bytes of a message that is read: far more than anybody allows (smtp.max_size)
SLACK = 1024 * 1024  # bytes: not every server keeps to the size that it announces
FLAGS = re.compile(rb"\bFLAGS \([^()]*\[[^()]*\)")
FOLDER = re.compile(rb'(?<= )[^"\s]*\[[^"\s]*$')
ATOM = re.compile(rb"[^\s()]*\[[^\s()]*")
NAMES_AS_TEXT = SimpleNamespace(folder_encode=True)
TAG = b"MAIL"
TAGGED = re.compile(rb"(?P<tag>%s\d+) (?P<type>[A-Z]+) (?P<data>.*)" % TAG, re.ASCII)

log = logging.getLogger(__name__)
Listed = tuple[tuple[bytes, ...], bytes | None, str]  # attributes, delimiter and name of a folder


class Client(IMAPClient):  # type: ignore[misc]
    """As IMAPClient."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._imap.debug = 0  # it has put every line into words, for a log that nobody keeps

    def listed(self) -> tuple[Listed, ...]:
        """LIST: attributes, delimiter and name of every folder, with its use where the server tells it only when asked (RFC 6154, 2)."""
        words = '"*" RETURN (SPECIAL-USE)' if self.has_capability("SPECIAL-USE") and self.has_capability("LIST-EXTENDED") else '"*"'
        _, answers = self._imap.list('""', words)
        return folders_in(tuple(answers))

    def body_of(self, uid: int, announced: int, part: str = "BODY[]") -> bytes | None:
        """A message in the folder that is open, or a part of it. `announced`: its size in bytes (RFC822.SIZE).

        None when it is gone, or larger than any that Mailroom sends.
        """
        if announced > LARGEST:
            log.warning("a message of %s bytes in a mailbox was left alone: it is larger than %s", f"{announced:,}", f"{LARGEST:,}")
            return None
        with self.expecting(2 * announced + SLACK):
            found: bytes | None = self.fetch([uid], [part.replace("[", ".PEEK[")]).get(uid, {}).get(part.encode())
        return found

    @contextlib.contextmanager
    def expecting(self, size: int) -> Iterator[None]:
        """So many bytes of messages may come for each command within; a server that sends more ends the session."""
        self._imap.allowed = ANSWERS + size
        try:
            yield
        finally:
            self._imap.allowed = ANSWERS

    def ahead(self, name: str, *words: Any) -> None:
        """Send a command that will be asked for later, so that the one before is not waited for (RFC 9051, 5.5)."""
        self._imap.sent[name, *words] = self._imap._command(name, *words)

    def _create_IMAP4(self) -> Any:
        """The connection, whose answers come with such names in quotes."""
        wait = getattr(self._timeout, "connect", None)
        return Encrypted(self.host, self.port, self.ssl_context, wait) if self.ssl else Plain(self.host, self.port, wait)  # type: ignore[call-arg]


class Connection(BoundedReading):
    """IMAP connection like imaplib's, with bounded reading."""

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """As IMAP4.open."""
        super().open(host, port, timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent: dict[tuple[Any, ...], bytes] = {}  # commands, and the tags that they went out with

    def _connect(self) -> None:
        """As IMAP4._connect, which compiles an expression for each session, and asks for what the greeting has said."""
        self.tagpre, self.tagre = TAG, TAGGED  # type: ignore[assignment]
        self._cmd_log: dict[int, tuple[str, float]] = {}
        self._cmd_log_len, self._cmd_log_idx = 10, 0
        self.welcome = self._get_response()
        if not {"OK", "PREAUTH"} & self.untagged_responses.keys():
            raise self.error(self.welcome)
        self.state = "AUTH" if "PREAUTH" in self.untagged_responses else "NONAUTH"
        (said,) = self.untagged_responses.pop("CAPABILITY", [b""])[-1:]
        self.capabilities = tuple(str(said, "ascii", "replace").upper().split())  # type: ignore[arg-type]
        if not said:
            self._get_capabilities()
        known = [version for version in ("IMAP4REV1", "IMAP4") if version in self.capabilities]
        if not known:
            raise self.error("server not IMAP4 compliant")
        self.PROTOCOL_VERSION = known[0]

    def _simple_command(self, name: str, *words: Any) -> tuple[str, list[Any]]:
        """As IMAP4._simple_command; what was sent ahead is only waited for."""
        answer: tuple[str, list[Any]] = self._command_complete(name, self.sent.pop((name, *words), None) or self._command(name, *words))
        return answer

    def _untagged_response(self, kind: str, data: list[Any], name: str) -> tuple[str, list[Any]]:
        """As IMAP4._untagged_response."""
        kind, answers = super()._untagged_response(kind, data, name)  # type: ignore[misc]
        return kind, [in_quotes(name, one) for one in answers]


class Plain(Connection, IMAP4WithTimeout):  # type: ignore[misc]
    """In the clear, until STARTTLS."""


class Encrypted(Connection, IMAP4_TLS):  # type: ignore[misc]
    """IMAP connection with TLS from the beginning."""


@functools.lru_cache(100)
def folders_in(answers: tuple[Any, ...]) -> tuple[Listed, ...]:
    """The answers to LIST as the library reads them: most people have the same folders."""
    return tuple(IMAPClient._proc_folder_list(NAMES_AS_TEXT, list(answers)))


def in_quotes(name: str, answer: Any) -> Any:
    """Quotes the folder names in an answer, or in its part before a literal."""
    if isinstance(answer, tuple):
        return (in_quotes(name, answer[0]), *answer[1:])
    if not isinstance(answer, bytes) or b"[" not in answer:
        return answer
    if name == "LIST":
        return FOLDER.sub(rb'"\g<0>"', answer)
    return FLAGS.sub(lambda found: ATOM.sub(rb'"\g<0>"', found[0]), answer) if name == "FETCH" else answer
