"""DKIM: a signature that nobody made never passes, whatever it and the key record say."""

from datetime import UTC, datetime

from mail_auth import dkim, message
from mail_auth.dns.query_budget import Questions, Record
from tests.mail_auth.answers import Function
from triage.message.authentication import Result

MAIL = b"From: Ana <ana@example.com>\r\nSubject: Hello\r\n\r\nHello.\r\n"
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BODY_HASH = b"FaDv8FFxpa7Br4xu/0lfK1Bs+N4Av4+H2kCOB8Y0PnM="
SPLIT = b"\n"  # between signature and key: neither holds a bare LF
SEEDS = (
    b"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:subject; bh=" + BODY_HASH + b"; b=AAAA" + SPLIT + b"v=DKIM1; p=AAAA",
    b"v=1; a=ed25519-sha256; d=example.com; i=@a.example.com; s=s; l=0; x=1; t=2; q=dns/txt; h=From; bh=AA==; b=AA=="
    + SPLIT
    + b"k=ed25519; t=y:s; h=sha256; s=email; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    b"v=1;; a=; =x; b" + SPLIT + b"p=; p=",
)


def one_input(data: bytes) -> None:
    """A signature field and the key record that answers it."""
    signature, _, key = data.partition(SPLIT)
    lines = signature.replace(b"\r", b"")

    def answer(name: str, rdtype: str) -> tuple[Record, ...]:
        return (key,)

    for one in dkim.verify_signatures(message.read_message(b"DKIM-Signature: " + lines + b"\r\n" + MAIL), Questions(Function(answer)), NOW):
        assert one.result is not Result.PASS
        assert one.reason.isprintable()
        assert all(text.isprintable() for text in (one.domain, one.selector, one.algorithm, one.identity))
