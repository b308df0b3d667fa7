"""Mistakes of stock authheaders 0.16.3 and dkimpy 1.1.8, line by line of the measured table, and our results instead."""

from pathlib import Path
from typing import Any

import pytest

from mail_auth.authenticate import authenticate_message
from mail_auth.dns.query_budget import Record
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.mail_auth.answers import SILENT
from tests.mail_auth.attacks.attacking import BANK, BODY, GENUINE, NOW, Zone, found, taken_for_the_bank
from tests.mail_auth.signing import published, record, resigned, signed
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication, Result

DKIM = ["from", "to", "subject", "date"]


def from_the_bank(raw: bytes = GENUINE, changes: Zone | None = None) -> Authentication:
    """Authentication of the bank's own message, from its own machine."""
    return found(raw, changes, path="info@bank.example", client=BANK, helo="bank.example")


def signature(raw: bytes, key: Record | list[Record] | None = None) -> Result:
    """The result of a signature of the bank on a message from elsewhere; proof follows from it alone."""
    result = found(raw, {"s._domainkey.bank.example": published() if key is None else key})
    assert taken_for_the_bank(result) == (result.dkim[0].result is Result.PASS)
    return result.dkim[0].result


def by_the_bank(raw: bytes = GENUINE, **options: Any) -> bytes:
    """Signed by dkimpy with the bank's key."""
    return signed(raw, domain=b"bank.example", names=[name.encode() for name in DKIM], **options)


def test_a_hyphen_does_not_end_a_domain() -> None:
    assert not taken_for_the_bank(found(GENUINE, path="x@bank.example-evil.net"))
    own = found(GENUINE.replace(b"@bank.example", b"@bank.example-evil.net"), path="x@bank.example-evil.net")
    assert (own.author, own.proof) == ("info@bank.example-evil.net", "aligned")


def test_sp_is_for_subdomains_only() -> None:
    zone: Zone = {"_dmarc.bank.example": "v=DMARC1; p=reject; sp=none", "sub.bank.example A": "192.0.2.9"}
    assert found(GENUINE, zone).dmarc.policy == "reject"
    assert found(GENUINE.replace(b"@bank", b"@sub.bank"), zone).dmarc.policy == "none"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: info@bank.example\r\n" + GENUINE,
        GENUINE.replace(b"<info@bank.example>", b"<info@bank.example>, <x@evil.example>"),
        BODY,
        b"\r\n",
        b"From\r\n" + GENUINE,
    ],
)
def test_without_one_author_nothing_passes_and_nothing_raises(raw: bytes) -> None:
    for path in ("info@bank.example", ""):
        result = found(raw, path=path, client=BANK, helo="bank.example")
        assert (result.dmarc.result, result.proof) == (Result.PERMERROR, "")
        assert "could not be authenticated" not in result.dmarc.reason


def test_a_null_reverse_path_counts_helo() -> None:
    result = found(GENUINE, path="", client=BANK, helo="bank.example")
    assert (result.spf[0].identity, result.dmarc.aligned) == ("helo", ("spf",))


@pytest.mark.parametrize("instance", [b"i=0", b"i=-1", b"i=one", b"i=01", b"i=1 2", b"i=", b"x=1", b"i=99999999999999999999"])
def test_odd_arc_instances_are_a_failed_chain(instance: bytes) -> None:
    fields = (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results")
    result = from_the_bank(b"".join(name + b": " + instance + b"; cv=none; a=rsa-sha256; x\r\n" for name in fields) + GENUINE)
    assert (result.arc.result, result.dmarc.result) == (Result.FAIL, Result.PASS)


def test_from_must_be_signed() -> None:
    assert signature(resigned(names=b"to:subject:date", raw=GENUINE, domain=b"bank.example")) is Result.PERMERROR


def test_l_is_no_proof() -> None:
    assert signature(by_the_bank(length=True)) is Result.NEUTRAL
    assert signature(by_the_bank(length=True) + b"x" * 10_240) is Result.NEUTRAL


@pytest.mark.parametrize(
    ("options", "key", "result"),
    [
        ({"algorithm": b"rsa-sha1"}, "p={p}", Result.PERMERROR),
        ({}, "v=DKIM1; t=y; p={p}", Result.NEUTRAL),
        ({}, "v=DKIM1; h=sha1; p={p}", Result.PERMERROR),
        ({"identity": b"x@sub.bank.example"}, "v=DKIM1; t=s; p={p}", Result.PERMERROR),
        ({"identity": b"x@bank.example"}, "v=DKIM1; t=s; p={p}", Result.PASS),
        ({"bits": 1024}, "p={p}", Result.PASS),
    ],
)
def test_flags_and_sizes(options: dict[str, Any], key: str, result: Result) -> None:
    assert signature(by_the_bank(**options), record(key, bits=1024 if "bits" in options else 2048)) is result


@pytest.mark.parametrize("hours", [1, 11])
def test_expired_is_expired(hours: int) -> None:
    raw = resigned(b"x=%d;" % (NOW.timestamp() - 3600 * hours), raw=GENUINE, domain=b"bank.example")
    assert signature(raw) is Result.NEUTRAL


def test_a_good_signature_behind_a_bad_one_counts() -> None:
    bad = b"DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=s; h=from; bh=AA==; b=AA==\r\n"
    result = found(bad + by_the_bank())
    assert ([one.result for one in result.dkim], result.proof) == ([Result.FAIL, Result.PASS], "dmarc")


@pytest.mark.parametrize("silent", ["_dmarc.bank.example", "_dmarc.example"])
def test_a_policy_that_is_not_answered_is_not_none(silent: str) -> None:
    result = from_the_bank(GENUINE, {silent: SILENT} if "bank" in silent else {silent: SILENT, "_dmarc.bank.example": []})
    assert (result.dmarc.result, result.unknown, result.proof) == (Result.TEMPERROR, True, "")


def test_a_key_that_is_not_answered_is_not_a_failure() -> None:
    result = found(by_the_bank(), {"s._domainkey.bank.example": SILENT})
    assert (result.dkim[0].result, result.dmarc.result, result.unknown) == (Result.TEMPERROR, Result.TEMPERROR, True)


@pytest.mark.parametrize(
    ("text", "result", "policy"),
    [
        ("v=DMARC1; p=reject; pct=0", Result.FAIL, "quarantine"),
        ("v=DMARC10; p=reject", Result.NONE, ""),
        ("v=DMARC1; p=bogus", Result.PERMERROR, ""),
        ("v=DMARC1; adkim=s", Result.NONE, ""),
        ("v=DMARC1; rua=mailto:x@bank.example", Result.FAIL, "none"),
        ("v=DMARC1; rua=mailto:x@bank.example?a=b; p=reject", Result.FAIL, "reject"),
    ],
)
def test_records(text: str, result: Result, policy: str) -> None:
    outcome = found(GENUINE, {"_dmarc.bank.example": text}).dmarc
    assert (outcome.result, outcome.policy) == (result, policy)


def test_split_strings_are_one_record(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text('_dmarc.bank.example. TXT "v=DMARC1; p=rej" "ect"\n')
    envelope = Envelope(7, NOW, "x@evil.example", ("bob@company.example",), "203.0.113.66", "evil.example")
    assert authenticate_message(envelope, GENUINE, ZoneFileResolver(tmp_path / "zone"), NOW).dmarc.policy == "reject"


@pytest.mark.parametrize(
    ("answers", "policy"),
    [
        ({}, "reject"),
        ({"ghost.bank.example TXT": "text"}, "reject"),
        ({"ghost.bank.example A": "192.0.2.9"}, "none"),
        ({"ghost.bank.example AAAA": "2001:db8::9"}, "none"),
        ({"ghost.bank.example MX": "10 mx.bank.example"}, "none"),
    ],
)
def test_np_asks_for_addresses_not_for_text(answers: Zone, policy: str) -> None:
    zone: Zone = {"_dmarc.bank.example": "v=DMARC1; p=none; np=reject"}
    assert found(GENUINE.replace(b"@bank", b"@ghost.bank"), zone | answers).dmarc.policy == policy


@pytest.mark.parametrize("labels", [4, 7, 8, 20])
def test_the_tree_walk_reaches_the_organisation_from_any_depth(labels: int) -> None:
    below = b".".join(b"a%d" % number for number in range(labels - 2))
    result = found(GENUINE.replace(b"@bank", b"@" + below + b".bank"))
    assert (result.dmarc.result, result.dmarc.policy) == (Result.FAIL, "reject")


def test_a_public_suffix_with_a_policy_joins_nobody() -> None:
    zone: Zone = {"_dmarc.example": "v=DMARC1; p=reject; psd=y", "_dmarc.bank.example": [], "_dmarc.evil.example": []}
    result = found(GENUINE, zone)
    assert (result.dmarc.result, result.dmarc.policy, result.proof) == (Result.FAIL, "reject", "")
