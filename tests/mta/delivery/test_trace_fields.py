"""Our trace fields go on top, forged ones come out, and everything else stays as it was, byte for byte."""

import base64
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import example, given, strategies as st

from mta.delivery.trace_fields import stamp_message
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication, Dkim, Dmarc, Result, Spf
from triage.message.signals.severity import Severity
from triage.message.trace.mailroom_fields import Evidence

ENVELOPE = Envelope(
    spool_id=12_345_678_901_234,
    received_at=datetime(2026, 11, 24, 9, 30, 5, 250_000, tzinfo=UTC),
    reverse_path="ruth@stranger.example",
    recipients=("it+anna@company.example",),
    client="192.0.2.7",
    helo="mail.stranger.example",
    tls="TLSv1.3",
    protocol="ESMTPS",
)
AUTHENTICATION = Authentication(
    author="ruth@stranger.example",
    spf=(Spf(Result.PASS, "mailfrom", "stranger.example"),),
    dkim=(Dkim(Result.PASS, "stranger.example", "k1", "rsa-sha256"), Dkim(Result.FAIL, "list.example", "s")),
    dmarc=Dmarc(Result.PASS, "stranger.example", policy="reject", aligned=("spf", "dkim")),
)
EVIDENCE = Evidence(Severity.UNCLEAR, "First-time sender.", campaign=21)
MAIL = b"From: Ruth <ruth@stranger.example>\r\nTo: anna@company.example\r\nSubject: hello\r\n  folded\r\n\r\nBody\r\n..dots\r\n"

MBOX_LINE = b"From ruth@stranger.example Tue Nov 24 09:30:05 2026\r\n"


def stamped(raw: bytes, envelope: Envelope = ENVELOPE, authentication: Authentication = AUTHENTICATION) -> bytes:
    return stamp_message(
        raw,
        envelope=envelope,
        authentication=authentication,
        hostname="mx.company.example",
        authserv_id="mx.company.example",
        message_id_text="06A4N2R9QKX3C",
        rule="first-contact",
        evidence=EVIDENCE,
    )


OWN = (
    b"Received: from mail.stranger.example ([192.0.2.7])\r\n"
    b"\tby mx.company.example with ESMTPS id 0000B79SWWBZJ\r\n"
    b"\t(using TLSv1.3)\r\n"
    b"\tfor <it+anna@company.example>;\r\n"
    b"\tTue, 24 Nov 2026 09:30:05 +0000\r\n"
    b"Authentication-Results: mx.company.example;\r\n"
    b"\tspf=pass smtp.mailfrom=stranger.example;\r\n"
    b"\tdkim=pass header.d=stranger.example header.s=k1 header.a=rsa-sha256;\r\n"
    b"\tdkim=fail header.d=list.example header.s=s;\r\n"
    b"\tdmarc=pass header.from=stranger.example policy.dmarc=reject\r\n"
    b"X-Mailroom-Verified: dmarc stranger.example\r\n"
    b"X-Mailroom-Risk: unclear\r\n"
    b"X-Mailroom-Why: First-time sender.\r\n"
    b"X-Mailroom-Group: 000000000000N\r\n"
    b"X-Mailroom-Message: 06A4N2R9QKX3C\r\n"
    b"X-Mailroom-Verdict: first-contact\r\n"
)


def test_trace_fields_stand_on_top_of_the_message_as_it_came_in() -> None:
    assert stamped(MAIL) == OWN + MAIL


def test_the_rules_that_mark_it_are_named() -> None:
    fields = {"envelope": ENVELOPE, "authentication": AUTHENTICATION, "hostname": "mx.company.example", "authserv_id": "mx.company.example"}
    said = {"message_id_text": "06A4N2R9QKX3C", "rule": "first-contact", "evidence": EVIDENCE}
    marked = stamp_message(b"X-Mailroom-Mark: forged\r\n" + MAIL, marks=" from-bank newsletter ", **fields, **said)  # type: ignore[arg-type]
    assert marked == OWN + b"X-Mailroom-Mark: from-bank\r\nX-Mailroom-Mark: newsletter\r\n" + MAIL


@pytest.mark.parametrize(
    ("client", "helo", "origin"),
    [
        ("192.0.2.7", "mail.stranger.example", "mail.stranger.example ([192.0.2.7])"),
        ("2001:db8::7", "[IPv6:2001:db8::7]", "[IPv6:2001:db8::7] ([IPv6:2001:db8::7])"),
        ("192.0.2.7", "[192.0.2.9]", "[192.0.2.9] ([192.0.2.7])"),
        ("192.0.2.7", "x\r\nX-Mailroom-Verdict: allowed-sender", "[192.0.2.7] ([192.0.2.7])"),
        ("192.0.2.7", "x ([127.0.0.1]) by mx.company.example", "[192.0.2.7] ([192.0.2.7])"),
        ("192.0.2.7", "mail.example\n", "[192.0.2.7] ([192.0.2.7])"),
        ("192.0.2.7", "hällo.example", "[192.0.2.7] ([192.0.2.7])"),
        ("192.0.2.7", "a" * 300, "[192.0.2.7] ([192.0.2.7])"),
        ("192.0.2.7", "", "[192.0.2.7] ([192.0.2.7])"),
        ("", "mail.stranger.example", "mail.stranger.example"),
        ("fe80::1%eth0", "a b", "[IPv6:fe80::1] ([IPv6:fe80::1])"),
        ("not an address\r\n", "", "unknown"),
    ],
)
def test_the_client_says_nothing_in_received_that_it_should_not(client: str, helo: str, origin: str) -> None:
    first_line = stamped(MAIL, replace(ENVELOPE, client=client, helo=helo)).partition(b"\r\n")[0]
    assert first_line.decode("ascii") == f"Received: from {origin}"


EDGE = {"edge": "198.51.100.2", "edge_helo": "edge.company.example", "protocol": "LMTP"}
EDGE_WORDS = "(through the edge edge.company.example [198.51.100.2]"


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (EDGE, ["mail.stranger.example ([192.0.2.7])", f"{EDGE_WORDS})"]),
        (
            EDGE | {"client_name": "out.stranger.example", "client_protocol": "ESMTP"},
            ["mail.stranger.example (out.stranger.example [192.0.2.7])", f"{EDGE_WORDS}, which took it with ESMTP)"],
        ),
        (EDGE | {"edge": "local", "edge_helo": "x\r\n"}, ["mail.stranger.example ([192.0.2.7])", "(through the edge local)"]),
        (EDGE | {"client": "", "helo": "", "client_name": ""}, ["edge.company.example ([198.51.100.2])"]),
        (EDGE | {"client_name": "x y"}, ["mail.stranger.example ([192.0.2.7])", f"{EDGE_WORDS})"]),
        ({"proxy": "198.51.100.3"}, ["mail.stranger.example ([192.0.2.7])", "(through the proxy [198.51.100.3])"]),
    ],
)
def test_received_names_the_client_and_what_it_came_through(changes: dict[str, str], lines: list[str]) -> None:
    said = stamped(MAIL, replace(ENVELOPE, **changes)).decode().split("\r\n\t")  # type: ignore[arg-type]
    assert said[: len(lines)] == [f"Received: from {lines[0]}", *lines[1:]]
    assert said[len(lines)].startswith("by mx.company.example with ")


@pytest.mark.parametrize(
    ("recipients", "shown"),
    [
        (("it+anna@company.example",), b"\tfor <it+anna@company.example>;\r\n"),
        (("it+anna@company.example", "it+bob@company.example"), None),  # each would learn of the other
        (("änna@company.example",), None),
        (("anna>;\r\nX-Evil: yes@company.example",), None),
    ],
)
def test_only_a_single_plain_recipient_is_named(recipients: tuple[str, ...], shown: bytes | None) -> None:
    trace = stamped(MAIL, replace(ENVELOPE, recipients=recipients)).removesuffix(MAIL)
    assert shown in trace if shown else b"for <" not in trace


def test_protocol_and_tls_words_cannot_end_the_field() -> None:
    evil = replace(ENVELOPE, protocol="ESMTP\r\nX-Evil: 1", tls="TLS) by elsewhere (")
    trace = stamped(MAIL, evil).removesuffix(MAIL)
    assert b"with ESMTP??X-Evil:?1 id " in trace
    assert b"(using TLS??by?elsewhere??)\r\n" in trace


FORGED = [
    b"Authentication-Results: mx.company.example; dmarc=pass\r\n",
    b"authentication-RESULTS : MX.Company.Example; dmarc=pass\r\n",
    b"Authentication-Results:mx.company.example;\r\n\tspf=pass;\r\n dkim=pass\r\n",
    b"Authentication-Results:\r\n mx.company.example; spf=pass\r\n",
    b"Authentication-Results: (a \\) (nested) comment) mx.company.example (x) 1; spf=pass\r\n",
    b'Authentication-Results: "mx.company.example"; spf=pass\r\n',
    b'Authentication-Results: "mx\\.company.example" 1; spf=pass\r\n',
    b"Authentication-Results: mx.company.(x)example.; spf=pass\r\n",
    b"Authentication-Results: mx.company.example/1; spf=pass\r\n",
    b"Authentication-Results: =?utf-8?q?mx=2Ecompany=2Eexample?=; spf=pass\r\n",
    "Authentication-Results: ｍｘ。Company.example; spf=pass\r\n".encode(),
    "Authentication-Results: mx.com\u200bpany.example; spf=pass\r\n".encode(),
    b"Authentication-Results: mx.company.example spf=pass\r\n",
    b"Authentication-Results: (never closed mx.company.example; spf=pass\r\n",
    b'Authentication-Results: "mx.company.example; spf=pass\r\n',
    b"X-Mailroom-Verdict: allowed-sender\r\n",
    b"x-mailroom-message : 1\r\n\t2\r\n \r\n 3\r\n",
    b"X-MAILROOM-Anything: \xff\x00\r\n",
]
NOT_OURS = [
    b"Authentication-Results: mx.elsewhere.example; dmarc=pass\r\n",
    b"Authentication-Results: relay.mx.company.example; spf=pass\r\n",
    b"Authentication-Results: elsewhere.example; spf=pass smtp.mailfrom=mx.company.example\r\n",
    b"Authentication-Results: (mx.company.example) elsewhere.example; none\r\n",
    b"Authentication-Results: (never closed elsewhere; spf=pass\r\n",
    b"Authentication-Results:\r\n",
    b"ARC-Authentication-Results: i=1; mx.company.example; dmarc=pass\r\n",
    b"X-Authentication-Results: mx.company.example; dmarc=pass\r\n",
    b"X-Mailroomy: x\r\n",
    b"Subject: X-Mailroom-Verdict: x\r\n\tX-Mailroom-Verdict: folded\r\n",
    b"no colon here\r\n",
]


@pytest.mark.parametrize("field", FORGED)
def test_what_was_forged_in_our_name_comes_out(field: bytes) -> None:
    header, empty, body = MAIL.partition(b"\r\n\r\n")
    inside = header.replace(b"Subject", field + b"Subject") + empty + body
    assert stamped(inside) == OWN + MAIL
    assert stamped(field + MAIL) == OWN + MAIL
    assert stamped(header + b"\r\n" + field + b"\r\n" + body) == OWN + MAIL
    assert stamped(header + b"\r\n" + field.removesuffix(b"\r\n")) == OWN + header + b"\r\n"


@pytest.mark.parametrize("field", NOT_OURS)
def test_what_is_not_ours_stays(field: bytes) -> None:
    header, empty, body = MAIL.partition(b"\r\n\r\n")
    inside = header.replace(b"Subject", field + b"Subject") + empty + body
    assert stamped(inside) == OWN + inside


OTHERS = NOT_OURS[0]
FILLED = b"Authentication-Results: mx.elsewhere.example; none%s\r\n"
LONGEST = FILLED % (b" " * (8 * 1024 - len(b" mx.elsewhere.example; none")))  # its value has 8 KiB


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ([LONGEST], [LONGEST]),
        ([LONGEST.replace(b"; ", b";  ")], []),
        ([LONGEST.replace(b"; ", b";\r\n ")], []),  # a fold counts, as it is in the message
        ([LONGEST.replace(b"elsewhere", b"company", 1)], []),
        ([LONGEST.replace(b"Authentication-Results", b"ARC-Authentication-Results") * 2], [LONGEST.replace(b"Auth", b"ARC-Auth", 1)] * 2),
        ([OTHERS] * 50, [OTHERS] * 50),
        ([OTHERS] * 51, [OTHERS] * 50),
        ([OTHERS] * 50 + [FORGED[0]] * 2, [OTHERS] * 50),
        ([FORGED[0]] * 50 + [OTHERS], []),
        ([OTHERS] * 49 + [b"X-Mailroom-A: 1\r\n", NOT_OURS[6], OTHERS, OTHERS], [OTHERS] * 49 + [NOT_OURS[6], OTHERS]),
        ([NOT_OURS[6]] * 51 + [OTHERS], [NOT_OURS[6]] * 51 + [OTHERS]),
    ],
)
def test_results_that_nobody_reads_come_out(fields: list[bytes], kept: list[bytes]) -> None:
    """A long one, or one below the fiftieth, could be in our name."""
    assert stamped(b"".join(fields) + MAIL) == OWN + b"".join(kept) + MAIL


SLOW = ".".join(["äöüéèàñçßøåæœþðýžšč" * 3] * 15).encode()  # a name that takes its time to read


@pytest.mark.parametrize(
    ("start", "filling", "end", "kept"),
    [
        (b"", b"Authentication-Results:" + SLOW + b"\r\n", b"", 50),
        (b"", b"Authentication-Results:x\r\n", b"", 50),
        (b"Authentication-Results:", b"()", b"\r\n", 0),
        (b"Authentication-Results:", b"=?utf-8?q?x?= ", b"\r\n", 0),
    ],
)
def test_no_header_of_results_takes_long(start: bytes, filling: bytes, end: bytes, kept: int) -> None:
    """Parsing each field would take up to minutes."""
    results = start + filling * (40 * 2**20 // len(filling)) + end
    assert stamped(results + MAIL) == OWN + filling * kept + MAIL


def test_the_body_may_say_what_it_likes() -> None:
    quoting = MAIL + b"\r\n".join(FORGED) + b"From someone\r\n"
    assert stamped(quoting) == OWN + quoting


@pytest.mark.parametrize(
    ("raw", "after_our_fields"),
    [
        (b"", b""),
        (b"\r\nonly a body\r\n", b"\r\nonly a body\r\n"),
        (b"Hello Anna,\r\nX-Mailroom-Verdict: x\r\n", b"\r\nHello Anna,\r\nX-Mailroom-Verdict: x\r\n"),
        (b"no line end", b"\r\nno line end"),
        (b" continues: our last field\r\nSubject: x\r\n\r\nbody", b"\r\n continues: our last field\r\nSubject: x\r\n\r\nbody"),
        (MBOX_LINE + MAIL, b"Mailbox-Line: " + MBOX_LINE + MAIL),
        (b">From ruth\r\n" + MAIL, b"Mailbox-Line: >From ruth\r\n" + MAIL),
        (b"X-Mailroom-A: 1\r\n\r\nbody\r\n", b"\r\nbody\r\n"),
        (b"X-Mailroom-A: 1\r\nHello\r\n\r\nbody\r\n", b"\r\nHello\r\n\r\nbody\r\n"),
        (b"X-Mailroom-A: 1\r\nFrom x\r\nTo: y\r\n\r\n", b"Mailbox-Line: From x\r\nTo: y\r\n\r\n"),
        (b"From: x", b"From: x"),
        (b"From : x\r\n\r\n", b"From : x\r\n\r\n"),
    ],
)
def test_odd_beginnings_never_join_our_fields(raw: bytes, after_our_fields: bytes) -> None:
    assert stamped(raw) == OWN + after_our_fields


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"A: 1\nB: 2\n\nbody\n.\nend", b"A: 1\r\nB: 2\r\n\r\nbody\r\n.\r\nend"),
        (b"A: 1\rB: 2\r\rbody\r.\r", b"A: 1\r\nB: 2\r\n\r\nbody\r\n.\r\n"),
        (b"A: 1\r\n\r\nx\n.\r\ny\r.\r\n", b"A: 1\r\n\r\nx\r\n.\r\ny\r\n.\r\n"),
        (b"A: 1\nX-Mailroom-Verdict: 1\n\n", b"A: 1\r\n\r\n"),
    ],
)
def test_line_ends_are_crlf_and_nothing_else(raw: bytes, lines: bytes) -> None:
    assert stamped(raw) == OWN + lines


PIECES = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b"(", b'"', b"\\", b";", b"From ", b"Subject: x", b"\xff", *FORGED, *NOT_OURS]
)
MESSAGES = st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=30).map(b"".join)


@given(MESSAGES)
@example(b"\r\n\r\n")
def test_any_message_gets_our_fields_once_and_stays_whole(raw: bytes) -> None:
    once = stamped(raw)
    assert once.startswith(OWN)
    assert once.count(b"\r\n") == once.count(b"\r") == once.count(b"\n")
    assert stamped(once) == OWN + once.replace(OWN[OWN.index(b"Authentication-Results") :], b"", 1)  # ours come out, Received stays
    header, _, _ = once.removeprefix(OWN).partition(b"\r\n\r\n")
    if once.removeprefix(OWN)[:2] != b"\r\n":
        assert not any(line.lower().startswith(b"x-mailroom-") and b":" in line for line in header.split(b"\r\n"))


@given(
    st.lists(st.sampled_from(NOT_OURS[:-1]), max_size=6),
    st.binary(max_size=200).map(lambda body: body.replace(b"\r", b"").replace(b"\n", b"\r\n")),
)
def test_other_fields_and_the_body_are_unchanged(fields: list[bytes], body: bytes) -> None:
    raw = b"".join(fields) + b"\r\n" + body
    assert stamped(raw) == OWN + raw


@pytest.mark.parametrize("start", [b"", b"X-Mailroom-", b"Authentication-Results: ", b"Authentication-Results: mx 1", b"Subject: "])
@pytest.mark.parametrize("filling", [b" ", b"(", b"\\(", b'"', b"\r\n ", b"\r\n", b"\r", b"x:"])
def test_no_filling_takes_long(start: bytes, filling: bytes) -> None:
    assert stamped(start + filling * 200_000).startswith(OWN)  # anything worse than linear runs into the hang guard


@pytest.fixture(scope="module")
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("canonical", [(b"relaxed", b"relaxed"), (b"simple", b"simple")])
@pytest.mark.parametrize("beginning", [b"", MBOX_LINE, FORGED[0], FORGED[13]])
def test_the_author_signature_still_verifies(signing_key: rsa.RSAPrivateKey, canonical: tuple[bytes, bytes], beginning: bytes) -> None:
    private = signing_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = base64.b64encode(signing_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    signature = dkim.sign(MAIL, b"k1", b"stranger.example", private, canonicalize=canonical, include_headers=[b"from", b"to", b"subject"])
    sent = stamped(beginning + signature + MAIL)

    def key_record(name: bytes, timeout: int = 5) -> bytes | None:
        return b"v=DKIM1; p=" + public if name == b"k1._domainkey.stranger.example." else None

    assert dkim.verify(sent, dnsfunc=key_record)
    assert not dkim.verify(sent.replace(b"Body", b"body"), dnsfunc=key_record)


def messages(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the messages of an archive of the corpus."""
    with tarfile.open(archive) as files:
        for member in files:
            if member.isfile() and member.name.endswith((".eml", ".txt", ".msg")) and (file := files.extractfile(member)):
                yield member.name, file.read()


@pytest.mark.corpus
@pytest.mark.parametrize("archive", ["mail-phish.tar.gz", "mail-other.tar.gz", "mime-torture.tar.gz"])
def test_real_and_malformed_mail_stays_whole(corpus: Path, archive: str) -> None:
    seen = 0
    for name, raw in messages(corpus / archive):
        lines = b"\r\n".join(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
        sent = stamped(raw).removeprefix(OWN)
        assert sent in (lines, b"\r\n" + lines, b"Mailbox-Line: " + lines), name
        seen += 1
    assert seen > 100


@pytest.mark.corpus
def test_every_signature_of_the_conformance_suite_verifies_as_before(corpus: Path) -> None:
    with tarfile.open(corpus / "auth-suites.tar.gz") as files:
        suite = {member.name: file.read() for member in files if "/mail-dkim/" in member.name and (file := files.extractfile(member))}
    dns = next(text for name, text in suite.items() if name.endswith("FAKE_DNS.dat"))
    records = dict(line.split(None, 1) for line in dns.splitlines() if line.strip() and not line.startswith(b"#"))

    def verifies(raw: bytes) -> str:
        try:
            return str(dkim.verify(raw, minkey=384, dnsfunc=lambda name, timeout=5: records.get(name.rstrip(b"."))))  # the suite is old
        except Exception as fault:  # dkimpy raises many kinds
            return type(fault).__name__

    outcomes = [(verifies(raw), verifies(stamped(raw)), name) for name, raw in sorted(suite.items()) if "/corpus/" in name]
    assert [(before, after, name) for before, after, name in outcomes if before != after] == []
    assert sum(before == "True" for before, _, _ in outcomes) > 10
