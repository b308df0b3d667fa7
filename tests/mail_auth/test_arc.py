"""ARC: chains made by dkimpy; the validation suite is in test_suites.py."""

from datetime import UTC, datetime

import dkim as dkimpy  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, strategies as st

from mail_auth import arc, message
from mail_auth.dns.query_budget import Questions
from tests.mail_auth.answers import SILENT, Answers
from tests.mail_auth.signing import MAIL, published, record, rsa_key
from triage.message.authentication import Arc, Result, Stated

NOW = datetime.now(UTC)  # dkimpy stamps t= with the real clock
KEY = "arc._domainkey.list.example"


def sealed(raw: bytes, times: int = 1, names: tuple[bytes, ...] = (b"from", b"to", b"subject")) -> bytes:
    """The message with ARC sets on top."""
    for number in range(times):
        raw = sealed_again(raw, b"none" if number == 0 else b"pass", names)
    return raw


def sealed_again(raw: bytes, status: bytes = b"pass", names: tuple[bytes, ...] = (b"from", b"to", b"subject")) -> bytes:
    """The message with one more ARC set on top, which says that the chain below was in this state."""
    key = rsa_key(2048).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    found = b"Authentication-Results: list.example; arc=" + status + b"; dkim=pass header.d=example.com\r\n"
    fields = dkimpy.ARC(found + raw).sign(b"arc", b"list.example", key, b"list.example", include_headers=list(names))
    return b"".join(fields) + raw


def verified(raw: bytes, key: str | None = None) -> Arc:
    return arc.verify_chain(message.read_message(raw), Questions(Answers({KEY: published() if key is None else key})), NOW)


def chain(times: int) -> Arc:
    """Result of a chain with this many seals of one list."""
    said = (Stated("arc", "none" if times == 1 else "pass"), Stated("dkim", "pass", "example.com"))
    return Arc(Result.PASS, "list.example", times, "", ("list.example",) * times, said)


def test_no_chain() -> None:
    assert verified(MAIL) == Arc()


def test_one_seal() -> None:
    assert verified(sealed(MAIL)) == chain(1)


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


@pytest.mark.parametrize(
    ("above", "result", "reason"),
    [
        (b"From: eva@evil.example\r\n", Result.PASS, "does not sign the From"),
        (b"Subject: Pay now\r\n", Result.PASS, "second Subject"),
        (b"Reply-To: eva@evil.example\r\n", Result.PASS, ""),
    ],
)
def test_fields_on_top(above: bytes, result: Result, reason: str) -> None:
    found = verified(above + sealed(MAIL))
    assert (found.result, bool(found.stated)) == (result, not reason)
    assert reason in found.reason


def test_who_does_not_seal_the_subject_states_nothing() -> None:
    found = verified(sealed(MAIL, names=(b"from", b"to")))
    assert (found.result, found.stated, found.reason) == (Result.PASS, (), "it does not sign the Subject field")


def test_which_list_it_is_is_sealed_only_where_every_list_id_is() -> None:
    post = b"List-Id: <dev.list.example>\r\n" + MAIL
    by_list = sealed(post, names=(b"from", b"subject", b"list-id"))
    assert verified(by_list).signs_list
    for forged in (b"List-Id: <board.list.example>\r\n" + by_list, sealed(post).replace(b"<dev.", b"<board.")):
        assert (verified(forged).result, verified(forged).signs_list) == (Result.PASS, False)


def test_nothing_is_stated_by_a_broken_chain() -> None:
    found = verified(sealed(MAIL).replace(b"Hello,", b"Hallo,"))
    assert (found.sealers, found.stated) == (("list.example",), ())


def test_weak_keys() -> None:
    assert verified(sealed(MAIL), record("v=DKIM1; h=sha1; p={p}")).result is Result.FAIL
    testing = verified(sealed(MAIL), record("v=DKIM1; t=y; p={p}"))
    assert (testing.result, testing.stated) == (Result.PASS, ())
    assert "testing" in testing.reason


@pytest.mark.parametrize("times", [2, 3])
def test_several_seals(times: int) -> None:
    raw = sealed(MAIL, times)
    assert verified(raw) == chain(times)
    oldest = raw.rindex(b"ARC-Authentication-Results: i=1;")
    assert verified(raw[:oldest] + raw[oldest:].replace(b"i=1; list.example", b"i=1; evil.example", 1)).result is Result.FAIL


def test_a_good_seal_does_not_mend_a_bad_one_below() -> None:
    first = sealed(MAIL)
    at = first.index(b"b=", first.index(b"ARC-Seal")) + 10
    broken = first[:at] + (b"A" if first[at : at + 1] != b"A" else b"B") + first[at + 1 :]
    found = verified(sealed_again(broken))
    assert (found.result, found.instances) == (Result.FAIL, 2)
    assert verified(sealed_again(first)).result is Result.PASS


@pytest.mark.parametrize("name", [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"])
def test_a_field_twice(name: bytes) -> None:
    raw = sealed(MAIL)
    field = raw[raw.index(name + b":") :]
    end = next(at for at in range(len(field)) if field[at : at + 2] == b"\r\n" and field[at + 2 : at + 3] not in (b" ", b"\t"))
    found = verified(field[: end + 2] + raw)
    assert (found.result, found.reason) == (Result.FAIL, "an ARC field appears twice in one set")


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
