"""A held message as it is shown by IMAP: our four lines on top, none forged below, the body as it was, and no NUL."""

import re

from mailboxes.mirror.mirror_message import alike_digest, dress_message, exact_digest

SEEDS = (
    b"From: a@b.example\r\nSubject: x\r\n\r\nHello\r\n",
    b"X-Mailroom-Copy: forged\r\n folded\r\nx-mailroom-why: me\r\nFrom: a@b\r\n\r\nx-mailroom-why: body\r\n",
    b"no header at all\nbut lines\n",
    b"\r\n\r\nX-Mailroom-Message: 1\r\n",
    b"X-Mailroom-Message\x00: 1\rFrom: a\n\nx\x00y",
)
OURS = re.compile(rb"(?im)^x-mailroom-[!-9;-~]*[ \t]*:")


def one_input(data: bytes) -> None:
    """`data` is a message as it came in, and why it was held."""
    made = dress_message(data, copy=7, message=8, why=data[:500].decode("latin-1"), severity="none")
    first, second, third, fourth, rest = made.split(b"\r\n", 4)
    assert first == b"X-Mailroom-Message: 0000000000008"
    assert second.startswith(b"X-Mailroom-Why: ")
    assert second.isascii()
    assert third == b"X-Mailroom-Severity: none"
    assert fourth == b"X-Mailroom-Copy: 0000000000007"
    assert b"\0" not in made
    assert made.count(b"\n") == made.count(b"\r") == made.count(b"\r\n")
    head = b"" if rest.startswith(b"\r\n") else rest.partition(b"\r\n\r\n")[0]
    assert not OURS.search(head)
    assert len(exact_digest(made)) == 64
    assert alike_digest(made) in ("", alike_digest(made))
