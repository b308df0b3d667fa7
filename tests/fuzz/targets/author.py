"""The author: one address that stands there as it is read, or none; a second From field always takes it away."""

from mail_auth import message
from mail_auth.authenticate import author_of

SEEDS = (
    b"Ana <ana@example.com>",
    b'"Ana (a, b)" <ana@example.com> (c)',
    b"=?utf-8?q?An=C3=A1?= <ana@m\xc3\xbcnchen.example>",
    b"Group: a@b.example, c@d.example;",
    b"<@a.example,@b.example:c@d.example>",
    b'"a@b.example"@c.example',
    b"a@b.example <c@d.example>",
    b"ana@example.com\r\nFrom : eva@evil.example",
    b"ana@example.com\x00, eva@evil.example.",
)


def one_input(data: bytes) -> None:
    """`data` is what stands behind "From:"."""
    mail = message.read_message(b"From: " + data + b"\r\nSubject: x\r\n\r\n")
    author, fault = author_of(mail)
    assert bool(author) != bool(fault)
    assert fault.isprintable()
    if author:
        assert not mail.fault
        assert len(mail.named(b"from")) == 1
        assert author.domain.isascii()
        assert not author.domain.endswith(".")
        assert author.local.encode() in data.decode("utf-8", "ignore").casefold().encode()
    assert author_of(message.read_message(b"From: eva@evil.example\r\nFrom: " + data + b"\r\n\r\n"))[0] is None
