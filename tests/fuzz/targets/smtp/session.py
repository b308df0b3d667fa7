"""A whole session without a network: however the stream is cut, the same replies, and each promise is one message that is kept."""

import re

from mta.session import replies
from tests.mta.session.in_memory import House

REPLY = re.compile(r"(?:[245]\d\d[ -][ -~]*|354 [ -~]*)")
QUEUED = re.compile(r"250 2\.0\.0 queued as \w{13}")
GOOD = b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@company.example>\r\nRCPT TO:<bo@company.example>\r\nDATA\r\n"
SEEDS = (
    b"\x05" + GOOD + b"From: a@b.example\r\n\r\nhello\r\n.\r\nQUIT\r\n",
    b"\x00NOOP\r\nRSET\r\nHELP\r\nVRFY x\r\nEXPN x\r\nAUTH PLAIN x\r\nSTARTTLS\r\nNOOP \xff\r\nNOOP\n\r\n",
    b"\x10" + GOOD + b"first\n.\nMAIL FROM:<c@d.example>\r\n.\r\n" + GOOD[8:] + b"\r\n.\r\nNOOP\r\n",
    b"\x07POST / HTTP/1.1\r\n" + GOOD,
    b"\x03\x16\x03\x01\x02",
    b"\x7fNOOP " + b"x" * 5000 + b"\r\n" + GOOD + b"y" * 4000 + b"\r\n.\r\nQUIT\r\n",
    b"\x40" + b"MAIL FROM:<>\r\n" * 30,
    b"\x02HELO c\r\n" + b"NOOP\r\n" * 120,
)


def one_input(data: bytes) -> None:
    """The first byte says into pieces of how many bytes the rest is cut; its highest bit that LMTP is spoken."""
    size, stream = data[:1], data[1:]
    piece, lmtp = ((size[0] & 0x7F) + 1, bool(size[0] & 0x80)) if size else (1, False)
    whole = talked(stream, len(stream) or 1, lmtp)
    assert talked(stream, piece, lmtp) == whole


def talked(stream: bytes, piece: int, lmtp: bool) -> list[str]:
    """Replies of a session, without the names of messages."""
    with House(max_size=3000, max_recipients=3) as house:
        client = house.client(lambda: house.session(lmtp=lmtp), peer="127.0.0.1")
        for start in range(0, len(stream), piece):
            client.say(stream[start : start + piece])
        client.say(b"", last=True)
        assert client.wire.is_closed or client.wire.is_shut
        said = client.received.decode("ascii").removesuffix("\r\n").split("\r\n")
        assert house.door.memory.held == {}
        assert not house.shelf.waiting
        promised = [line for line in said if QUEUED.fullmatch(line)]
        assert len(set(promised)) == len(house.shelf.kept), "each message is promised, and each promise is a message"
        for envelope, raw in house.shelf.kept:
            assert envelope.recipients
            assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert all(REPLY.fullmatch(line) for line in said), said
    assert not any(line == replies.FAULT for line in said), "our own mistake"
    return ["250 queued" if QUEUED.fullmatch(line) else line for line in said]
