"""ARC: chains made by dkimpy; the validation suite is in test_suites.py."""

import dkim as dkimpy  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, strategies as st

from mail_auth import arc, message
from mail_auth.resolver import Questions
from tests.mail_auth.answers import SILENT, Answers
from tests.mail_auth.signing import MAIL, published, rsa_key
from triage.authentication import Arc, Result

KEY = "arc._domainkey.list.example"


def sealed(raw: bytes, times: int = 1) -> bytes:
    """The message with ARC sets on top."""
    key = rsa_key(2048).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    for number in range(times):
        status = b"none" if number == 0 else b"pass"
        found = b"Authentication-Results: list.example; arc=" + status + b"; dkim=pass\r\n"
        fields = dkimpy.ARC(found + raw).sign(b"arc", b"list.example", key, b"list.example", include_headers=[b"from", b"to", b"subject"])
        raw = b"".join(fields) + raw
    return raw


def verified(raw: bytes, key: str | None = None) -> Arc:
    return arc.verify(message.read(raw), Questions(Answers({KEY: published() if key is None else key})))


def test_no_chain() -> None:
    assert verified(MAIL) == Arc()


def test_one_seal() -> None:
    assert verified(sealed(MAIL)) == Arc(Result.PASS, "list.example", 1)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Hello,", b"Hallo,", "body"),
        (b"Subject: Hello", b"Subject: Hallo", "header"),
        (b"ARC-Authentication-Results: i=1; list.example", b"ARC-Authentication-Results: i=1; evil.example", "header"),
        (b"cv=none", b"cv=fail", "had failed"),
        (b"cv=none", b"cv=pass", "wrong cv="),
        (b"ARC-Seal", b"X-Seal", "incomplete"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=2", "incomplete"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=0", "no instance"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=1; h=from", "h="),
    ],
)
def test_touched(old: bytes, new: bytes, reason: str) -> None:
    raw = sealed(MAIL)
    assert raw.count(old)
    found = verified(raw.replace(old, new))
    assert found.result is Result.FAIL
    assert reason in found.reason


@pytest.mark.parametrize("times", [2, 3])
def test_several_seals(times: int) -> None:
    raw = sealed(MAIL, times)
    assert verified(raw) == Arc(Result.PASS, "list.example", times)
    oldest = raw.rindex(b"ARC-Authentication-Results: i=1;")
    assert verified(raw[:oldest] + raw[oldest:].replace(b"i=1; list.example", b"i=1; evil.example", 1)).result is Result.FAIL


def test_keys() -> None:
    assert verified(sealed(MAIL), "v=DKIM1; p=").result is Result.FAIL
    assert verified(sealed(MAIL), SILENT).result is Result.TEMPERROR


def test_too_many_sets() -> None:
    sets = b"".join(
        b"ARC-Seal: i=%d; cv=pass\r\nARC-Message-Signature: i=%d\r\nARC-Authentication-Results: i=%d; x\r\n" % (n, n, n)
        for n in range(1, 12)
    )
    found = verified(sets + MAIL)
    assert found.result is Result.FAIL
    assert "more than 10" in found.reason


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_never_raises(seal: bytes, signature: bytes) -> None:
    fields = [b"ARC-Seal: i=1; " + seal, b"ARC-Message-Signature: i=1; " + signature, b"ARC-Authentication-Results: i=1; x"]
    raw = b"".join(field.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" for field in fields) + MAIL
    assert verified(raw).result is not Result.PASS
