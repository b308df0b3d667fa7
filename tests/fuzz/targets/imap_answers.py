"""Answers of an IMAP server to a FETCH: messages within the limit, or an error of imaplib, and no more memory than allowed."""

import contextlib
import imaplib
import io
from typing import Any

from mailboxes.imap.bulk_fetch import Refused, date_of, read_answers
from mailboxes.imap.imap_stream import Stream

TAG, LIMIT = b"A1", 1024
SEEDS = (
    b'* 1 FETCH (UID 7 INTERNALDATE "24-Nov-2026 12:00:00 +0000" BODY[] {5}\r\nhello)\r\nA1 OK done\r\n',
    b"* 1 FETCH (UID 7 BODY[] {3000000000}\r\nhello)\r\nA1 OK done\r\n",
    b'* 1 FETCH (BODY[] "a\\"b" UID 7)\r\n* 2 FETCH (UID 8 BODY[] NIL)\r\nA1 NO out of memory\r\n',
    b"* 1 FETCH (UID 7 BODY[] {2}\r\nab BODY[] {2}\r\nab)\r\n* BYE\r\n",
    b'* 1 FETCH (UID 7 INTERNALDATE "99-Nov-0000 12:00:00 -9999" BODY[] {2}\r\n',
)


class Said:
    """A socket on which this comes, a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)

    def recv(self, size: int) -> bytes:
        """The next bytes."""
        return self.data.read(min(size, 100))


class Client:
    """As much of a client as the reader uses."""

    def __init__(self, data: bytes) -> None:
        self.incoming = Stream(Said(data))  # type: ignore[arg-type]
        self.tagged_commands: dict[bytes, Any] = {}

    @property
    def _imap(self) -> "Client":
        return self


def one_input(data: bytes) -> None:
    """`data` is what the server says."""
    with contextlib.suppress(Refused, imaplib.IMAP4.error):
        for uid, filed, body in read_answers(Client(data), TAG, LIMIT):
            assert uid >= 0
            assert body is None or len(body) <= LIMIT or len(body) <= len(data)
            assert filed is None or date_of(filed) is None or date_of(filed).tzinfo  # type: ignore[union-attr]
