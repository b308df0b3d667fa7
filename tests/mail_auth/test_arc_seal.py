"""Our own ARC sets: dkimpy and we ourselves find them good, whoever sealed before, and every touch breaks them."""

from datetime import UTC, datetime
from pathlib import Path

import dkim as dkimpy  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat

from mail_auth import arc, arc_seal, message
from mail_auth.dns.query_budget import Questions
from tests.mail_auth import test_arc
from tests.mail_auth.answers import Answers
from tests.mail_auth.signing import MAIL, ed25519_key, published, rsa_key, signed
from triage.errors import BadInput
from triage.message.authentication import Arc, Result, Stated

NOW = datetime.now(UTC)
KEYS = {"arc._domainkey.list.example": published(), "r._domainkey.us.example": published(), "e._domainkey.us.example": published("ed25519")}
RESULTS = "mx.us.example; spf=pass smtp.mailfrom=x@example.com;\r\n\tdkim=pass header.d=example.com; dmarc=pass header.from=example.com"


def sealed(raw: bytes, chain: Result = Result.NONE, kind: str = "r") -> bytes:
    """The message with our set on top."""
    key = rsa_key(2048) if kind == "r" else ed25519_key()
    return arc_seal.seal_message(raw, RESULTS, chain, domain="us.example", selector=kind, key=key, now=NOW) + raw


def verified(raw: bytes) -> Arc:
    """Our result for an ARC chain."""
    return arc.verify_chain(message.read_message(raw), Questions(Answers(KEYS)), NOW)


def dkimpy_agrees(raw: bytes) -> bool:
    """Does dkimpy find the chain good? It knows no Ed25519 in ARC."""
    result, _, _ = dkimpy.arc_verify(raw, dnsfunc=lambda name, timeout=5: KEYS.get(name.decode().rstrip("."), "").encode())
    return bool(result == b"pass")


@pytest.mark.parametrize("kind", ["r", "e"])
@pytest.mark.parametrize("raw", [MAIL, signed(), b"List-Id: <a.list.example>\r\n" + MAIL, b"From: ana@example.com\r\n\r\n"])
def test_the_first_set(raw: bytes, kind: str) -> None:
    made = sealed(raw, kind=kind)
    stated = (Stated("spf", "pass", "example.com"), Stated("dkim", "pass", "example.com"), Stated("dmarc", "pass", "example.com"))
    assert verified(made) == Arc(Result.PASS, "us.example", 1, "", ("us.example",), stated, signs_list=b"List-Id" in raw)
    assert dkimpy_agrees(made) or kind == "e"
    assert made.endswith(raw)
    assert all(len(line) < 200 for line in made.removesuffix(raw).split(b"\r\n"))


@pytest.mark.parametrize("before", [1, 2, 4])
def test_after_the_sets_of_others(before: int) -> None:
    made = sealed(test_arc.sealed(MAIL, before), Result.PASS)
    found = verified(made)
    assert (found.result, found.sealer, found.sealers) == (Result.PASS, "us.example", ("list.example",) * before + ("us.example",))
    assert dkimpy_agrees(made)
    assert verified(sealed(made, Result.PASS, "e")).instances == before + 2


def test_a_header_of_many_fields_is_sealed_as_long_as_they_are_all_looked_at() -> None:
    assert verified(sealed(b"To: x@y.example\r\n" * 50 + MAIL)).result is Result.PASS


def test_a_broken_chain_is_said_to_be_broken_and_nothing_else_is_signed() -> None:
    made = sealed(test_arc.sealed(MAIL).replace(b"Hello,", b"Hallo,"), Result.FAIL)
    assert b"i=2" in made
    assert b"cv=fail" in made
    assert "had failed" in verified(made).reason
    assert not dkimpy_agrees(made)
    assert sealed(made, Result.FAIL) == made  # an earlier seal says it already (RFC 8617, section 5.1)


@pytest.mark.parametrize(
    ("raw", "chain"),
    [
        (MAIL, Result.TEMPERROR),
        (MAIL, Result.PERMERROR),
        (MAIL, Result.PASS),
        (MAIL, Result.FAIL),
        (test_arc.sealed(MAIL), Result.NONE),
        (b"no field\r\n" + MAIL, Result.NONE),
        (MAIL.replace(b"\r\n", b"\n"), Result.NONE),
        (b"ARC-Seal: i=50; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AA==\r\n" + MAIL, Result.FAIL),
        (b"To: x@y.example\r\n" * 64 + MAIL, Result.NONE),  # more fields than are looked at
    ],
)
def test_nothing_to_seal(raw: bytes, chain: Result) -> None:
    assert sealed(raw, chain) == raw


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"dmarc=pass", b"dmarc=fail"),
        (b"header.from=example.com", b"header.from=example.org"),
        (b"Subject: Hello", b"Subject: Hallo"),
        (b"Hello,  Bob", b"Hello, Eva"),
        (b"d=us.example", b"d=list.example"),
        (b"cv=none", b"cv=pass"),
        (b"From: Ana", b"From: eva@evil.example\r\nFrom: Ana"),
        (b"Subject:", b"Subject: Pay now\r\nSubject:"),
    ],
)
def test_every_touch_breaks_it(old: bytes, new: bytes) -> None:
    made = sealed(MAIL)
    assert old in made
    found = verified(made.replace(old, new))
    assert found.result is Result.FAIL or "second Subject" in found.reason
    assert not found.stated


def test_keys_from_files(tmp_path: Path) -> None:
    for name, key in (("rsa", rsa_key(2048)), ("ed25519", ed25519_key())):
        (tmp_path / name).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        assert arc_seal.load_key(tmp_path / name).public_key() == key.public_key()


def test_files_that_are_no_keys(tmp_path: Path) -> None:
    small = rsa.generate_private_key(65537, 1024).private_bytes
    files = {
        "text": b"no key",
        "public": rsa_key(2048).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "locked": small(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
        "curve": ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for name in [*files, "absent"]:
        with pytest.raises(BadInput, match=name):
            arc_seal.load_key(tmp_path / name)
