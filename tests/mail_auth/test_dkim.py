"""DKIM: what dkimpy signed verifies, what was touched fails, and what is weak proves nothing."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, strategies as st

from mail_auth import dkim, message
from mail_auth.dns.query_budget import Questions
from tests.mail_auth.answers import SILENT, Answers
from tests.mail_auth.signing import MAIL, NAMES, published, record, resigned, signed, subject_public_key
from triage.message.authentication import Dkim, Result

NOW = datetime.now(UTC)  # dkimpy stamps t= with the real clock
KEY = "s._domainkey.example.com"
SIGNED = signed()


def verified(raw: bytes, key: str | list[str] | None = None, now: datetime = NOW) -> Dkim:
    """The first signature's result."""
    zone = Answers({KEY: published() if key is None else [*key] if isinstance(key, list) else key})
    return dkim.verify_signatures(message.read_message(raw), Questions(zone), now)[0]


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("header", [b"relaxed", b"simple"])
@pytest.mark.parametrize("body", [b"relaxed", b"simple"])
def test_round_trip(kind: str, header: bytes, body: bytes) -> None:
    raw = signed(kind=kind, forms=(header, body))
    assert verified(raw, published(kind)) == Dkim(
        Result.PASS, "example.com", "s", f"{kind}-sha256", verified(raw, published(kind)).identity
    )
    for old, new in ((b"Hello, ", b"Hallo, "), (b"Subject: Hello", b"Subject: Hallo"), (b"ana@", b"eva@")):
        assert verified(raw.replace(old, new), published(kind)).result is Result.FAIL


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_another_key_fails(kind: str) -> None:
    record = published(kind)
    other = base64.b64encode(base64.b64decode(record.partition("p=")[2])[:-8] + b"\x03\x01\x00\x01abc"[:8]).decode()
    assert verified(signed(kind=kind), record.partition("p=")[0] + "p=" + other).result in (Result.FAIL, Result.PERMERROR)


def test_relaxed_survives_what_relays_do() -> None:
    raw = signed().replace(b"Subject: Hello", b"SUBJECT:   Hello ").replace(b"Hello,  Bob.\t", b"Hello, Bob.") + b"\r\n\r\n"
    assert verified(raw).result is Result.PASS


def test_other_fields_may_be_added_on_top() -> None:
    assert verified(b"Received: from x\r\nX-Extra: y\r\n" + signed()).result is Result.PASS


def test_which_list_it_is_is_signed_only_where_every_list_id_is() -> None:
    post = b"List-Id: <dev.example.com>\r\n" + MAIL
    by_list = signed(post, names=[*NAMES, b"list-id"])
    assert verified(by_list).signs_list
    forged = verified(b"List-Id: <board.example.com>\r\n" + by_list)
    assert (forged.result, forged.signs_list) == (Result.PASS, False)
    assert not verified(signed(post)).signs_list
    assert not verified(signed()).signs_list


@pytest.mark.parametrize(
    ("key", "result", "reason"),
    [
        ([], Result.PERMERROR, "no such key"),
        ("v=DKIM1; k=rsa; p=", Result.PERMERROR, "revoked"),
        ("v=DKIM2; p={p}", Result.PERMERROR, "malformed"),
        ("v=DKIM1; p=!!!!", Result.PERMERROR, "malformed"),
        ("v=DKIM1; p={p}; p={p}", Result.PERMERROR, "malformed"),
        ("p=" + "A" * 9000, Result.PERMERROR, "longer than"),
        ("v=DKIM1; t=y; p={p}", Result.NEUTRAL, "testing"),
        ("v=DKIM1; t=y:s; p={p}", Result.NEUTRAL, "testing"),
        ("v=DKIM1; h=sha1; p={p}", Result.PERMERROR, "sha256"),
        ("v=DKIM1; h=sha1:sha256; p={p}", Result.PASS, ""),
        ("v=DKIM1; s=tlsrpt; p={p}", Result.PERMERROR, "not for mail"),
        ("v=DKIM1; s=tlsrpt:email; p={p}", Result.PASS, ""),
        ("v=DKIM1; s=*; p={p}", Result.PASS, ""),
        ("v=DKIM1; t=s; p={p}", Result.PASS, ""),
        ("v=DKIM1; g=; n=note; x1=y; p={p}", Result.PASS, ""),
        ("p={p}", Result.PASS, ""),
        ("v=DKIM1; k=ed25519; p={p}", Result.PERMERROR, "another kind"),
        (["p={p}", "k=rsa; p={p}"], Result.PERMERROR, "several keys"),
        (["p={p}", "v=spf1 a:p.example -all"], Result.PASS, ""),
        (SILENT, Result.TEMPERROR, "silent"),
    ],
)
def test_keys(key: str | list[str], result: Result, reason: str) -> None:
    found = verified(SIGNED, record(key) if isinstance(key, str) else [record(one) for one in key])
    assert found.result is result
    assert reason in found.reason
    assert found.domain == "example.com"


@pytest.mark.parametrize(
    ("options", "above", "below", "key", "result", "reason"),
    [
        ({"length": True}, b"", b"", "p={p}", Result.NEUTRAL, "l="),
        ({"length": True}, b"", b"<h1>evil</h1>\r\n", "p={p}", Result.NEUTRAL, "l="),
        ({"algorithm": b"rsa-sha1"}, b"", b"", "p={p}", Result.PERMERROR, "rsa-sha1"),
        ({"identity": b"ana@sub.example.com"}, b"", b"", "p={p}", Result.PASS, ""),
        ({"identity": b"ana@sub.example.com"}, b"", b"", "t=s; p={p}", Result.PERMERROR, "t=s"),
        ({"bits": 1024}, b"", b"", "p={p}", Result.PASS, ""),
        ({}, b"From: eva@evil.example\r\n", b"", "p={p}", Result.PERMERROR, "From"),
        ({}, b"From : eva@evil.example\r\n", b"", "p={p}", Result.PERMERROR, "From"),
        ({}, b"Subject: Pay now\r\n", b"", "p={p}", Result.NEUTRAL, "second Subject"),
        ({"names": [*NAMES, b"subject", b"from"]}, b"", b"", "p={p}", Result.PASS, ""),
        ({"names": [*NAMES, b"subject"]}, b"Subject: Pay now\r\n", b"", "p={p}", Result.FAIL, ""),
    ],
)
def test_weak_signatures_are_no_proof(options: dict[str, Any], above: bytes, below: bytes, key: str, result: Result, reason: str) -> None:
    found = verified(above + signed(**options) + below, record(key, bits=options.get("bits", 2048)))
    assert found.result is result
    assert reason in found.reason


@pytest.mark.parametrize(
    ("tag", "result", "reason"),
    [  # {1} is an hour from now
        (b"", Result.PASS, ""),
        (b"x={1};", Result.PASS, ""),
        (b"x={-0.06};", Result.PASS, ""),  # within the slack for clocks
        (b"x={-0.1};", Result.NEUTRAL, "expired"),
        (b"t={-1}; x={1};", Result.PASS, ""),
        (b"t={20};", Result.NEUTRAL, "future"),
        (b"t={2}; x={1};", Result.NEUTRAL, "before it was made"),
        (b"x=soon;", Result.PERMERROR, "x= is not a number"),
        (b"x=" + b"9" * 5000 + b";", Result.PERMERROR, "x= is not a number"),
        (b"l=0;", Result.FAIL, "body"),
        (b"l=99999;", Result.FAIL, "shorter"),
        (b"q=dns/txt;", Result.PASS, ""),
        (b"q=http;", Result.PERMERROR, "q="),
        (b"i=@example.com;", Result.PASS, ""),
        (b"i=a=20b@sub.example.com;", Result.PASS, ""),
        (b"i=@otherexample.com;", Result.PERMERROR, "i="),
        (b"i=@example.com.evil.example;", Result.PERMERROR, "i="),
        (b"i=example.com;", Result.PERMERROR, "i="),
        (b"unknown=1;", Result.PASS, ""),
        (b"d=evil.example;", Result.PERMERROR, "malformed"),
        (b";;", Result.PERMERROR, "malformed"),
    ],
)
def test_tags(tag: bytes, result: Result, reason: str) -> None:
    found = verified(resigned(re.sub(rb"\{(.*?)\}", lambda hours: stamp(float(hours[1])), tag)))
    assert found.result is result, found
    assert reason in found.reason


def stamp(hours: float) -> bytes:
    """An instant as in t= and x=."""
    return str(int((NOW + timedelta(hours=hours)).timestamp())).encode()


@pytest.mark.parametrize(
    ("names", "result"),
    [
        (b"from:subject", Result.PASS),
        (b"from:to", Result.NEUTRAL),
        (b"FROM : to", Result.FAIL),  # the test signs no field for it, h= means From and To
        (b"to:subject", Result.PERMERROR),
        (b"", Result.PERMERROR),
        (b":".join([b"from", b"subject", *[b"x"] * 62]), Result.PASS),
        (b":".join([b"from", b"subject", *[b"x"] * 63]), Result.PERMERROR),
    ],
)
def test_names(names: bytes, result: Result) -> None:
    assert verified(resigned(names=names)).result is result


@pytest.mark.parametrize(
    ("names", "above", "result", "reason"),
    [
        (b"from:to", b"", Result.PASS, ""),
        (b"from:to", b"Subject: Pay now\r\n", Result.NEUTRAL, "does not sign the Subject"),
        (b"from:to:subject", b"Subject: Pay now\r\n", Result.FAIL, ""),
    ],
)
def test_nobody_gives_a_subject_to_a_mail_without_one(names: bytes, above: bytes, result: Result, reason: str) -> None:
    found = verified(above + resigned(names=names, raw=MAIL.replace(b"Subject: Hello\r\n", b"")))
    assert found.result is result
    assert reason in found.reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (rb"v=1;", b"v=2;", "v="),
        (rb"v=1;", b"", "v= is missing"),
        (rb"a=rsa-sha256", b"a=rsa-md5", "a="),
        (rb"c=relaxed/relaxed", b"c=future", "c="),
        (rb"c=relaxed/relaxed", b"c=relaxed/\xff", "c="),
        (rb"d=example.com", b"d=", "d="),
        (rb"d=example.com", b"d=-.example", "d="),
        (rb"s=s;", b"s=../x;", "s="),
        (rb"bh=[^;]*", b"bh=!!!", "bh= is not base64"),
        (rb"b=[^;]*$", b"b=", "b= is empty"),
    ],
)
def test_broken_signatures(old: bytes, new: bytes, reason: str) -> None:
    field, _, rest = resigned(b"").partition(b"\r\n")
    found = verified(re.sub(old, new, field, count=1) + b"\r\n" + rest)
    assert found.result is Result.PERMERROR
    assert reason in found.reason


def test_all_signatures_count_up_to_five() -> None:
    raw = signed(signed(), domain=b"other.example")
    results = dkim.verify_signatures(message.read_message(raw), Questions(Answers({KEY: published()})), NOW)
    assert [(one.domain, one.result) for one in results] == [("other.example", Result.PERMERROR), ("example.com", Result.PASS)]
    many = signed()
    for _ in range(6):
        many = signed(many, domain=b"other.example")
    results = dkim.verify_signatures(message.read_message(many), Questions(Answers({KEY: published()})), NOW)
    assert len(results) == 6
    assert results[-1].result is Result.NEUTRAL
    assert "first 5 of 7" in results[-1].reason


def test_no_signature_is_no_result() -> None:
    assert dkim.verify_signatures(message.read_message(MAIL), Questions(Answers()), NOW) == ()


def test_a_touched_body_asks_no_dns() -> None:
    zone = Answers({KEY: published()})
    dkim.verify_signatures(message.read_message(signed() + b"more"), Questions(zone), NOW)
    assert zone.asked == []


@pytest.mark.parametrize(
    ("modulus_bits", "exponent", "reason"),
    [(512, 65537, "small"), (1023, 65537, "small"), (16384, 65537, "large"), (2048, 2**33 + 1, "exponent")],
)
def test_keys_of_other_sizes(modulus_bits: int, exponent: int, reason: str) -> None:
    modulus = (1 << (modulus_bits - 1)) | 1
    try:
        der = RSAPublicNumbers(exponent, modulus).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        der = subject_public_key(modulus, exponent)
    found = verified(signed(), "v=DKIM1; p=" + base64.b64encode(der).decode())
    assert found.result is Result.PERMERROR
    assert reason in found.reason


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_never_raises(value: bytes, key: bytes) -> None:
    raw = b"DKIM-Signature: " + value.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" + MAIL
    mail = message.read_message(raw)
    for one in dkim.verify_signatures(mail, Questions(Answers({KEY: key})), NOW):
        assert one.result is not Result.PASS


@given(st.binary(max_size=200))
def test_no_key_record_raises(record: bytes) -> None:
    zone = Answers({KEY: record})
    assert dkim.verify_signatures(message.read_message(SIGNED), Questions(zone), NOW)[0].result is not Result.PASS


ALTERNATIVE = b"multipart/alternative; boundary=b"


@pytest.mark.parametrize(
    ("fields", "body", "gaps"),
    [
        (b"", b"Hello", ()),
        (b"Reply-To: eva@evil.example\r\n", b"Hello", ("reply-to",)),
        (b"Content-Type: text/plain; charset=utf-8\r\n", b"<b>Hello</b>", ()),
        (b"Content-Type: text/html\r\n", b"<b>Hello</b>", ("content-type",)),
        (b"Content-Type: text/plain\r\nContent-Type: text/html\r\n", b"Hello", ("content-types",)),
        (b"Content-Type: " + ALTERNATIVE + b"\r\n", b"--b\r\n\r\nHello\r\n--b--\r\n", ()),
        (b"Content-Type: " + ALTERNATIVE + b"\r\n", b"You wrote:\r\n--b\r\n\r\nPay at once\r\n--b--\r\n", ("content-type",)),
        (b"Content-Type: " + ALTERNATIVE + b"; boundary=c\r\n", b"--b\r\n\r\nHello\r\n--b--\r\n", ("content-type",)),
        (b"Content-Type: multipart/mixed\r\n", b"--\r\n", ("content-type",)),
    ],
)
def test_gaps_are_what_another_could_have_written_without_breaking_the_signature(fields: bytes, body: bytes, gaps: tuple[str, ...]) -> None:
    raw = b"From: Ana <ana@example.com>\r\nSubject: Hello\r\n"
    sent = verified(fields + resigned(raw=raw + b"\r\n" + body))
    assert (sent.result, sent.gaps) == (Result.PASS, gaps)
    whole = verified(resigned(names=b"from:subject:reply-to:content-type:content-type", raw=fields + raw + b"\r\n" + body))
    assert (whole.result, whole.gaps) == (Result.PASS, ())


@pytest.mark.parametrize(("hours", "gaps"), [(119, ()), (121, ("age",))])
def test_a_signature_of_more_than_five_days_has_a_gap(hours: int, gaps: tuple[str, ...]) -> None:
    assert verified(resigned(b"t=%d;" % (NOW.timestamp() - 3600 * hours))).gaps == gaps


def test_a_weak_signature_has_no_gaps_for_it_proves_nothing() -> None:
    weak = verified(signed(length=True, raw=b"Reply-To: eva@evil.example\r\n" + MAIL))
    assert (weak.result, weak.gaps) == (Result.NEUTRAL, ())
