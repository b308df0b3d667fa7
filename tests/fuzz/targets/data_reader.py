"""The reader of DATA: where a message ends does not depend on how the stream is cut, and nothing but CRLF.CRLF ends it."""

import re

from mta.session.data_reader import END, Content

LIMIT = 4096  # bytes of a message
SEEDS = (
    b"\x00From: a@b.example\r\n\r\nhello\r\n.\r\nQUIT\r\n",
    b"\x01.\r\n",
    b"\x03..\r\n...\r\n.\r\n",
    *(
        b"\x02first" + end + b"MAIL FROM:<a@b.example>\r\n.\r\n"
        for end in (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n")
    ),
    b"\x07" + b"x" * 5000 + b"\r\n.\r\n",
    b"\x05" + b"\r\n.." * 1500 + b"\r\n.\r\n",
)


def one_input(data: bytes) -> None:
    """The first byte says into pieces of how many bytes the rest is cut."""
    size, stream = data[:1], data[1:]
    kept, rest = received(stream, size[0] + 1 if size else 1)
    assert (kept, rest) == received(stream, len(stream) or 1)
    at = (b"\r\n" + stream).find(END)
    assert (rest is None) == (at < 0)
    if rest is not None:
        assert rest == stream[at + len(b".\r\n") :]
        assert kept == expected(stream[:at])


def received(stream: bytes, piece: int) -> tuple[tuple[bytes, bool] | None, bytes | None]:
    """The message, None for one that is too large; and what came behind it, None while there is no end."""
    content, rest = Content(LIMIT), None
    for start in range(0, len(stream), piece):
        chunk = stream[start : start + piece]
        rest = content.feed(chunk) if rest is None else rest + chunk
        assert len(content.held) <= LIMIT * 4 // 3 + piece + len(END)
    if rest is None or not content.kept:
        return None, rest
    kept = content.message()
    return (None if content.too_large else kept), rest


def expected(text: bytes) -> tuple[bytes, bool] | None:
    """Lines of a message by the RFC (RFC 5321, 4.5.2), computed independently of the reader."""
    lines = [line.removeprefix(b".") for line in text.split(b"\r\n")[:-1]]
    plain = b"".join(line + b"\r\n" for line in lines)
    clean = re.sub(rb"\r\n|\r|\n", b"\r\n", plain)
    return (clean, clean != plain) if max(len(plain), len(clean)) <= LIMIT else None
