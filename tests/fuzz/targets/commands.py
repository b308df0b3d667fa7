"""Command lines and what they carry: the same lines however they are cut, and no path that is neither refused nor an address."""

import re

from mta.peer.trusted_edges import parse_xforward
from mta.session.line_buffer import ENDLESS, LONGEST_KEPT, Unread
from mta.session.paths import outsider_of, path_of, recipient_of, sender_of
from triage.addressing.envelope import Address

CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f<>]")
SEEDS = (
    b"\x05MAIL FROM:<a@b.example> SIZE=10 SMTPUTF8\r\nRCPT TO:<anna@company.example>\r\n",
    b'\x01RCPT TO:<@a,@b:u@c.example>\r\nRCPT TO:<"a b"@c.example>\r\nRCPT TO:<a@[192.0.2.1]>\r\n',
    "\x07MAIL FROM:<bär@bücher.example> SMTPUTF8\r\n".encode(),
    b"\x10XFORWARD NAME=a.example ADDR=IPV6:2001:db8::1 PORT=25 PROTO=ESMTP HELO=a+20b SOURCE=REMOTE\r\n",
    b"\xff" + b"x" * (LONGEST_KEPT + 10) + b"\r\nNOOP\r\n",
    b"\x02NOOP\nNOOP\r\n\r\n\n",
)


def one_input(data: bytes) -> None:
    """The first byte says into pieces of how many bytes the rest is cut."""
    size, stream = data[:1], data[1:]
    lines = read(stream, size[0] + 1 if size else 1)
    assert lines == read(stream, len(stream) or 1)
    assert lines == [line + b"\n" if len(line) < LONGEST_KEPT else ENDLESS for line in stream.split(b"\n")[:-1]]
    for line in lines:
        understood(line.decode("utf-8", "replace").strip())


def read(stream: bytes, piece: int) -> list[bytes]:
    """The lines that came out."""
    unread, lines = Unread(), []
    for start in range(0, len(stream), piece):
        unread.put(stream[start : start + piece])
        while (line := unread.line()) is not None:
            lines.append(line)
        assert len(unread) <= LONGEST_KEPT
    return lines


def understood(text: str) -> None:
    """Check the attributes that an XFORWARD line may carry."""
    attributes = parse_xforward(text.removeprefix("XFORWARD "))
    assert attributes is None or all(value.isascii() and value.isprintable() for value in attributes.values())
    for keyword in ("FROM:", "TO:"):
        found = path_of(keyword, text[5:])
        for smtputf8 in (False, True) if found else ():
            assert found is not None
            sender, fault = sender_of(found[0], smtputf8)
            assert sender is None or (not fault and Address.parse(str(sender)) == sender)
            recipient, fault = recipient_of(found[0], smtputf8)
            assert (recipient is None) == bool(fault)
            outsider, fault = outsider_of(found[0], smtputf8)
            assert (outsider is None) == bool(fault)
            assert recipient is None or outsider == recipient
            assert recipient is None or (Address.parse(str(recipient)) == recipient and not CONTROL.search(str(recipient)))
