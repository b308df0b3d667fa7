"""A held message as it is shown by IMAP: our fields on top, none forged below, the body as it was, and no NUL."""

import re
from datetime import UTC, datetime

from mailboxes.mirror.mirror_message import alike_digest, annotate_message, exact_digest
from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.trace.mailroom_fields import Evidence
from triage.quarantine.mail_moves.mirror_copies import Held

SEEDS = (
    b"From: a@b.example\r\nSubject: x\r\n\r\nHello\r\n",
    b"X-Mailroom-Copy: forged\r\n folded\r\nx-mailroom-why: me\r\nFrom: a@b\r\n\r\nx-mailroom-why: body\r\n",
    b"no header at all\nbut lines\n",
    b"\r\n\r\nX-Mailroom-Message: 1\r\n",
    b"X-Mailroom-Message\x00: 1\rFrom: a\n\nx\x00y",
)
OURS = re.compile(rb"(?im)^x-mailroom-[!-9;-~]*[ \t]*:")


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOBODY = Authentication("", dmarc=Dmarc(Result.NONE))
FOUND = re.compile(
    rb"\AX-Mailroom-Message: 0000000000008\r\n"
    rb"Authentication-Results: mx\.company\.example;\r\n\tdkim=none;\r\n\tdmarc=none\r\n"
    rb"X-Mailroom-Verified: none\r\nX-Mailroom-Risk: none\r\nX-Mailroom-Why: [ -~]*(?:\r\n [ -~]*)*\r\n"
    rb"X-Mailroom-Copy: 0000000000007\r\n"
)


def one_input(data: bytes) -> None:
    """`data` is a message as it came in, and why it was held."""
    held = Held(8, data, NOBODY, Evidence(why=data[:500].decode("latin-1")), NOON, is_time_limited=False)
    made = annotate_message(held, copy=7, authserv_id="mx.company.example")
    own = FOUND.match(made)
    assert own
    rest = made[own.end() :]
    assert b"\0" not in made
    assert made.count(b"\n") == made.count(b"\r") == made.count(b"\r\n")
    head = b"" if rest.startswith(b"\r\n") else rest.partition(b"\r\n\r\n")[0]
    assert not OURS.search(head)
    assert len(exact_digest(made)) == 64
    assert alike_digest(made) in ("", alike_digest(made))
