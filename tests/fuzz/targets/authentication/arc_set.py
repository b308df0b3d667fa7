"""ARC: sets that nobody sealed are never an unbroken chain, and state nothing."""

from datetime import UTC, datetime

from mail_auth import arc, message
from mail_auth.dns.query_budget import Questions, Record
from tests.mail_auth.answers import Function
from triage.message.authentication import Result

MAIL = b"From: Ana <ana@example.com>\r\nSubject: Hello\r\n\r\nHello.\r\n"
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
NAMES = (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results")
BODY_HASH = b"FaDv8FFxpa7Br4xu/0lfK1Bs+N4Av4+H2kCOB8Y0PnM="
SEEDS = (
    b"i=1; a=rsa-sha256; cv=none; d=a.example; s=s; b=AAAA\n"
    b"i=1; a=rsa-sha256; c=relaxed/relaxed; d=a.example; s=s; h=from; bh=" + BODY_HASH + b"; b=AAAA\n"
    b"i=1; a.example; dmarc=pass header.from=example.com",
    b"i=1; cv=none\ni=1\ni=1; x\ni=2; cv=pass\ni=2\ni=2; x",
    b"i=0;\ni=99;\ni=one;\n",
)


def one_input(data: bytes) -> None:
    """Fuzz input with a line for each field: seal, message signature, results, and again."""
    lines = data.replace(b"\r", b"").split(b"\n")
    fields = b"".join(NAMES[number % 3] + b": " + line + b"\r\n" for number, line in enumerate(lines))

    def answer(name: str, rdtype: str) -> tuple[Record, ...]:
        return (b"v=DKIM1; p=AAAA",)

    found = arc.verify_chain(message.read_message(fields + MAIL), Questions(Function(answer)), NOW)
    assert found.result is not Result.PASS
    assert not found.stated
    assert found.reason.isprintable()
