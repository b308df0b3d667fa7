"""IMAP servers that send more than was asked for, or say that they did what they did not: bounded, and nothing is claimed."""

import imaplib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailboxes.imap import bulk_fetch, imap_client, imap_stream
from mailboxes.mailbox import Unreachable
from mailboxes.match import Sought
from mailboxes.recall.imap_mailbox import ImapMailbox
from triage.config.settings import Recall

RAW = b"X-Mailroom-Message: 1\r\nMessage-ID: <1@phisher.example>\r\nFrom: one@phisher.example\r\nSubject: Prize\r\n\r\nWin.\r\n"
SOUGHT = Sought("1", "1@phisher.example", RAW)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIES = b'UID 7 FLAGS () INTERNALDATE "24-Nov-2026 12:00:00 +0000"'
ONE = b"* 1 FETCH (%s RFC822.SIZE %d BODY[] {%d}\r\n%s)\r\n" % (LIES, len(RAW), len(RAW), RAW)
HUGE = 3 * 1024**3
ENOUGH = 600 * 1024 * 1024  # bytes after which a server has proven that nobody stops it

Said = Callable[[], Iterator[bytes]]


def zeros(size: int) -> Iterator[bytes]:
    """So many bytes, or until somebody hangs up."""
    piece = bytes(256 * 1024)
    for _ in range(size // len(piece)):
        yield piece


def huge_body() -> Iterator[bytes]:
    """A message of 3 GB, which was announced with a few bytes."""
    yield b"* 1 FETCH (%s RFC822.SIZE %d BODY[] {%d}\r\n" % (LIES, len(RAW), HUGE)
    yield from zeros(ENOUGH)


def announced_huge() -> Iterator[bytes]:
    """A message of 3 GB that says so; nobody asks for it."""
    yield b"* 1 FETCH (%s RFC822.SIZE %d BODY[HEADER.FIELDS (FROM)]<0> {%d}\r\n%s)\r\n" % (LIES, HUGE, len(RAW), RAW)


def without_end() -> Iterator[bytes]:
    """Answers to a question that nobody asked, one after the other."""
    while True:
        yield b"* 1 FETCH (UID 9 BODY[] {1048576}\r\n" + bytes(1048576) + b")\r\n"


def one_line() -> Iterator[bytes]:
    """A line that does not end."""
    yield b"* SEARCH "
    yield from zeros(ENOUGH)


def literals() -> Iterator[bytes]:
    """Endless answer of literals."""
    yield b"* 1 FETCH (UID 7"
    while True:
        yield b" BODY[] {10}\r\n0123456789"


class Liar:
    """An IMAP server of one session that answers as a test says; with what is usual to all else."""

    def __init__(self, answers: dict[str, Said]) -> None:
        self.answers = answers
        self.sent = 0
        self.commands: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """URL of the server."""
        return f"imap://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Serves a session, until either side hangs up."""
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1 UIDPLUS SASL-IR AUTH=PLAIN] here\r\n")
            for line in lines:
                tag, _, command = line.decode().strip().partition(" ")
                name = command.removeprefix("UID ").split(" ")[0].upper()
                self.commands.append(command)
                try:
                    for piece in self.answers.get(name, lambda: iter(()))():
                        connection.sendall(piece)
                        self.sent += len(piece)
                    connection.sendall(f"{tag} OK done\r\n".encode())
                except OSError:
                    return

    def close(self) -> None:
        """No more sessions."""
        self.listener.close()
        self.thread.join()


USUAL: dict[str, Said] = {
    "CAPABILITY": lambda: iter([b"* CAPABILITY IMAP4rev1 UIDPLUS\r\n"]),
    "LIST": lambda: iter([b'* LIST () "/" INBOX\r\n']),
    "SELECT": lambda: iter([b"* 1 EXISTS\r\n* OK [UIDVALIDITY 3] it\r\n"]),
    "EXAMINE": lambda: iter([b"* 1 EXISTS\r\n* OK [UIDVALIDITY 3] it\r\n"]),
    "SEARCH": lambda: iter([b"* SEARCH 7\r\n"]),
    "FETCH": lambda: iter([ONE]),
    "STORE": lambda: iter([b"* 1 FETCH (UID 7 FLAGS (\\Deleted))\r\n"]),
}


Enter = Callable[[dict[str, Said]], tuple[Liar, ImapMailbox]]


@pytest.fixture
def mailbox_of(tmp_path: Path) -> Iterator[Enter]:
    """A session at a server that answers so."""
    (tmp_path / "password").write_text("secret")
    opened: list[tuple[Liar, ImapMailbox]] = []

    def enter(answers: dict[str, Said]) -> tuple[Liar, ImapMailbox]:
        liar = Liar(USUAL | answers)
        settings = Recall(imap=liar.url, master_user="master", password_file=str(tmp_path / "password"))
        opened.append((liar, ImapMailbox(settings, "anna@company.example")))
        return opened[-1]

    yield enter
    for liar, mailbox in opened:
        mailbox.abort()
        liar.close()


def test_an_honest_server_is_believed(mailbox_of: Enter) -> None:
    _, mailbox = mailbox_of({})
    (found,) = mailbox.find([SOUGHT], NOON)
    assert [copy.raw for copy in found.copies] == [RAW]


@pytest.mark.parametrize("lie", [{"FETCH": huge_body}, {"FETCH": without_end}, {"SEARCH": one_line}, {"LIST": without_end}])
def test_a_server_that_sends_more_than_was_asked_for_is_hung_up_on(mailbox_of: Enter, lie: dict[str, Said]) -> None:
    liar, mailbox = mailbox_of(lie)
    with pytest.raises(Unreachable, match="more than"):
        mailbox.find([SOUGHT], NOON)
    mailbox.abort()
    liar.close()
    assert liar.sent < 100 * 1024 * 1024


def test_a_message_that_is_larger_than_any_of_ours_is_not_read(mailbox_of: Enter) -> None:
    liar, mailbox = mailbox_of({"FETCH": announced_huge, "SEARCH": lambda: iter([b"* SEARCH 7 8\r\n"])})
    (found,) = mailbox.find([SOUGHT], NOON)
    assert found.copies == []
    assert not any("BODY.PEEK[]" in command for command in liar.commands)


def test_a_copy_that_the_server_kept_is_not_said_to_be_taken(mailbox_of: Enter) -> None:
    _, mailbox = mailbox_of({})  # it says OK to EXPUNGE, and SEARCH finds the message still
    (found,) = mailbox.find([SOUGHT], NOON)
    with pytest.raises(Unreachable, match="the server kept 1 of the copies") as caught:
        mailbox.take(found.copies)
    assert caught.value.taken == ()


def test_a_copy_that_is_not_found_any_more_is_taken(mailbox_of: Enter) -> None:
    there = [b"* SEARCH 7\r\n", b"* SEARCH\r\n"]
    liar, mailbox = mailbox_of({"SEARCH": lambda: iter([there.pop(0)])})
    (found,) = mailbox.find([SOUGHT], NOON)
    assert mailbox.take(found.copies) == found.copies
    assert liar.commands[-2:] == ["UID EXPUNGE 7", "UID SEARCH UID 7"]


def test_a_copy_that_the_server_never_marked_is_not_said_to_be_taken(mailbox_of: Enter) -> None:
    there = [b"* SEARCH 7\r\n", b"* SEARCH\r\n"]
    _, mailbox = mailbox_of({"SEARCH": lambda: iter([there.pop(0)]), "STORE": lambda: iter(())})
    (found,) = mailbox.find([SOUGHT], NOON)
    assert mailbox.take(found.copies) == []


@pytest.mark.parametrize(("lie", "says"), [(literals, "without end"), (one_line, "got more than 1000000 bytes")])
def test_stored_mail_is_read_within_bounds_too(mailbox_of: Enter, lie: Said, says: str) -> None:
    liar, mailbox = mailbox_of({"FETCH": lie})
    mailbox.client.select_folder("INBOX")
    with pytest.raises(imaplib.IMAP4.error, match=says):
        list(bulk_fetch.read_answers(mailbox.client, bulk_fetch.send_fetch(mailbox.client, "7", "BODY.PEEK[]"), 1024))
    mailbox.abort()
    liar.close()
    assert liar.sent < 100 * 1024 * 1024


PRIVATE = (
    "_command",
    "_command_complete",
    "_connect",
    "_get_capabilities",
    "_get_response",
    "_new_tag",
    "_simple_command",
    "_untagged_response",
)


def test_the_private_members_of_imaplib_that_are_used_are_there() -> None:
    """A newer Python that renames one of them is found here, by its name."""
    assert [name for name in PRIVATE if not callable(getattr(imaplib.IMAP4, name, None))] == []


class Newer(imaplib.IMAP4):
    """As Python 3.14 has it: `file` can be read and not set."""

    @property
    def file(self) -> object:  # type: ignore[override]
        """Unused stream that the base class requires."""
        return self._file

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """As there."""
        self.host, self.port = host, port
        self.sock = self._create_socket(timeout)
        self._file = self.sock.makefile("rb")

    def shutdown(self) -> None:
        """As there."""
        self._file.close()
        self.sock.close()


class AtNewer(imap_stream.BoundedReading, Newer):
    """Our connection on top of that."""


def test_a_connection_without_a_file_that_can_be_set_is_enough() -> None:
    liar = Liar(USUAL)
    connection = AtNewer("127.0.0.1", int(liar.url.rpartition(":")[2]))
    connection.login("anna", "secret")
    connection.select("INBOX")
    assert connection.uid("FETCH", "7", "(BODY.PEEK[])")[1][0][1] == RAW
    connection.shutdown()
    liar.close()


def test_every_connection_of_ours_is_a_bounded_one() -> None:
    assert issubclass(imap_client.Plain, imap_stream.BoundedReading)
    assert issubclass(imap_client.Encrypted, imap_stream.BoundedReading)
