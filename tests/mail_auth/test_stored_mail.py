"""Mail that has lain in a mailbox: what its own server found counts, what a stranger wrote below does not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mail_auth.dns.zone_file import ZoneFileResolver
from mail_auth.stored_mail import as_handed_over, authenticate_past
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication, Result

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
OURS = b"Authentication-Results: mx.old.example; dmarc=pass header.from=supplier.example; dkim=pass header.d=supplier.example\r\n"
ON_TOP = b"Return-Path: <a@supplier.example>\r\nDelivered-To: joe@company.example\r\nReceived: from x by y; now\r\n"
FROM = b"From: a@supplier.example\r\n"
SIGNED = b"DKIM-Signature: v=1; a=rsa-sha256; d=supplier.example; s=gone; h=from:list-id; bh=AAAA; b=AAAA\r\n"


def found(raw: bytes, tmp_path: Path, *, trusted: tuple[str, ...] = ("MX.old.example",), zone: str = "") -> Authentication:
    """Authentication of a stored message."""
    (tmp_path / "zone").write_text(zone)
    envelope = Envelope(1, NOW, "a@supplier.example", ("joe@company.example",), "", "", edge="mailbox")
    return authenticate_past(envelope, raw, ZoneFileResolver(str(tmp_path / "zone")), NOW, trusted)


@pytest.mark.parametrize(
    ("header", "proof"),
    [
        (OURS + FROM, "dmarc"),
        (ON_TOP + OURS + FROM, "dmarc"),
        (ON_TOP + b"X-Spam: no\r\n" + OURS + b"Received: from far\r\n" + FROM, "dmarc"),
        (ON_TOP + FROM, ""),
        (ON_TOP + OURS.replace(b"mx.old", b"mx.other") + FROM, ""),
        (ON_TOP + OURS.replace(b"=pass", b"=fail") + b"Received: from far\r\n" + OURS + FROM, ""),  # what stands below is a stranger's
        (ON_TOP + b"Authentication-Results: mx.old.example; none\r\nReceived: from far\r\n" + OURS + FROM, ""),
        (ON_TOP + OURS + b"From: b@other.example\r\n", ""),  # about somebody else
        (ON_TOP + OURS + FROM + FROM, ""),
    ],
)
def test_the_topmost_results_in_a_trusted_name_count(header: bytes, proof: str, tmp_path: Path) -> None:
    assert found(header + b"\r\nHello\r\n", tmp_path).proof == proof


def test_nobody_is_trusted_unless_named(tmp_path: Path) -> None:
    assert found(ON_TOP + OURS + FROM + b"\r\nHello\r\n", tmp_path, trusted=()).proof == ""


def test_results_in_several_fields_are_read_together(tmp_path: Path) -> None:
    fields = (
        b"Authentication-Results: mx.old.example; spf=pass smtp.mailfrom=supplier.example\r\nX-Filter: 1\r\n"
        b"Authentication-Results: mx.old.example; dmarc=pass header.from=supplier.example\r\n"
    )
    one = found(ON_TOP + fields + FROM + b"\r\nHello\r\n", tmp_path)
    assert (one.proof, one.spf[0].result) == ("dmarc", Result.PASS)


def test_a_signature_that_was_good_then_counts_when_its_key_is_gone(tmp_path: Path) -> None:
    raw = ON_TOP + OURS + SIGNED + FROM + b"List-Id: <l.supplier.example>\r\n\r\nHello\r\n"
    one = found(raw, tmp_path)
    assert one.signed_by("supplier.example", as_list=True)
    assert one.dkim[0].reason == "found by mx.old.example"
    assert not found(raw, tmp_path, trusted=()).signed_by("supplier.example")
    unsigned_list = raw.replace(b"from:list-id", b"from:subject")
    assert not found(unsigned_list, tmp_path).signed_by("supplier.example", as_list=True)


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"From: a\r\n", b"no header", ON_TOP, b"\xff: \r\n\r\n", OURS])
def test_whatever_lies_there_is_read(raw: bytes, tmp_path: Path) -> None:
    assert as_handed_over(raw, ("mx.other.example",)) == raw
    found(raw, tmp_path)
