"""The whole: envelope and raw bytes to one value; nothing fails open, nothing raises, nothing is slow."""

import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from mail_auth.authenticate import KEPT, authenticate_message
from mail_auth.dns.query_budget import QUESTIONS, Record
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.mail_auth.answers import SILENT, Answers, Function
from tests.mail_auth.signing import MAIL, published, resigned, signed
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication, Result

NOW = datetime.now(UTC)  # dkimpy stamps t= with the real clock
ZONE: dict[str, Record | list[Record]] = {
    "s._domainkey.example.com": published(),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "example.com": "v=spf1 ip4:192.0.2.1 -all",
    "evil.example": "v=spf1 ip4:192.0.2.1 -all",
    "example.com-evil.net": "v=spf1 ip4:192.0.2.1 -all",
}


def envelope(path: str = "ana@example.com", client: str = "192.0.2.1", helo: str = "mx.example.com") -> Envelope:
    return Envelope(7, NOW, path, ("bob@company.example",), client, helo)


def found(raw: bytes, changes: dict[str, Record | list[Record]] | None = None, **options: str) -> Authentication:
    return authenticate_message(envelope(**options), raw, Answers(ZONE | (changes or {})), NOW)


def test_a_good_sender_is_proven() -> None:
    result = found(signed())
    assert result.author == "ana@example.com"
    assert (result.proof, result.dmarc.aligned) == ("dmarc", ("spf", "dkim"))
    assert result.signed_by("example.com")
    assert Authentication.from_json(result.as_json()) == result


def test_from_a_zone_file(tmp_path: Path) -> None:
    quoted = " ".join(f'"{published()[start : start + 200]}"' for start in range(0, len(published()), 200))
    (tmp_path / "zone").write_text(
        f's._domainkey.example.com. TXT {quoted}\n_dmarc.example.com. TXT "v=DMARC1; p=reject"\nexample.com. TXT "v=spf1 -all"\n'
    )
    result = authenticate_message(envelope(), signed(), ZoneFileResolver(tmp_path / "zone"), NOW)
    assert (result.dmarc.result, result.dmarc.aligned, result.spf[0].result) == (Result.PASS, ("dkim",), Result.FAIL)


@pytest.mark.parametrize(
    ("raw", "options", "zone", "result", "proof"),
    [
        (MAIL, {}, {}, Result.PASS, "dmarc"),
        (MAIL, {"client": "203.0.113.9"}, {}, Result.FAIL, ""),
        (MAIL, {"path": "x@evil.example"}, {}, Result.FAIL, ""),
        (MAIL, {"path": "x@example.com-evil.net"}, {}, Result.FAIL, ""),
        (MAIL, {"path": ""}, {}, Result.FAIL, ""),
        (MAIL, {"path": "", "helo": "example.com"}, {}, Result.PASS, "dmarc"),
        (MAIL, {}, {"_dmarc.example.com": []}, Result.NONE, "aligned"),
        (MAIL, {"path": "x@evil.example"}, {"_dmarc.example.com": []}, Result.NONE, ""),
        (MAIL, {}, {"_dmarc.example.com": SILENT}, Result.TEMPERROR, ""),
        (MAIL, {}, {"example.com": SILENT}, Result.TEMPERROR, ""),
        (MAIL, {}, {"example.com": SILENT, "_dmarc.example.com": []}, Result.TEMPERROR, ""),
        (MAIL.replace(b"ana@example.com", b"ana@example.com, eva@example.com"), {}, {}, Result.PERMERROR, ""),
        (b"From: ana@example.com\r\n" + MAIL, {}, {}, Result.PERMERROR, ""),
        (MAIL[MAIL.index(b"To:") :], {}, {}, Result.PERMERROR, ""),
        (b"not a field\r\n" + MAIL, {}, {}, Result.PERMERROR, ""),
        (MAIL.replace(b"\r\n", b"\n"), {}, {}, Result.PERMERROR, ""),
        (b"", {}, {}, Result.PERMERROR, ""),
    ],
)
def test_results(raw: bytes, options: dict[str, str], zone: dict[str, Record | list[Record]], result: Result, proof: str) -> None:
    found_now = found(raw, zone, **options)
    assert (found_now.dmarc.result, found_now.proof) == (result, proof), found_now
    assert found_now.unknown == (result is Result.TEMPERROR)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("v=spf1 +all", "matched +all"),
        ("v=spf1 ip4:198.51.100.1 ALL", "matched ALL"),
        ("v=spf1 ip4:0.0.0.0/0 -all", "matched ip4:0.0.0.0/0"),
        ("v=spf1 a:open.example/0 -all", "matched a:open.example/0"),
        ("v=spf1 redirect=open.example", "matched +all"),
    ],
)
@pytest.mark.parametrize(("path", "helo"), [("ana@example.com", "mx.example.com"), ("", "example.com")])
def test_who_lets_anybody_send_proves_nothing_by_it(path: str, helo: str, record: str, reason: str) -> None:
    zone: dict[str, Record | list[Record]] = {"example.com": record, "open.example": "v=spf1 +all", "open.example A": "198.51.100.1"}
    result = found(MAIL, zone, path=path, helo=helo)
    assert (result.spf[0].result, result.dmarc.result, result.proof) == (Result.NEUTRAL, Result.FAIL, "")
    assert result.spf[0].reason == f"the domain lets anybody send in its name ({reason})"
    assert found(signed(), zone, path=path, helo=helo).dmarc.aligned == ("dkim",)


@pytest.mark.parametrize("record", ["v=spf1 ip4:192.0.2.0/24 +all", "v=spf1 a//0 -all", "v=spf1 include:all.example"])
def test_who_lets_their_own_machines_send_proves_it(record: str) -> None:
    zone: dict[str, Record | list[Record]] = {
        "example.com": record,
        "example.com A": "192.0.2.1",
        "all.example": "v=spf1 ip4:192.0.2.1 -all",
    }
    assert (found(MAIL, zone).spf[0].result, found(MAIL, zone).proof) == (Result.PASS, "dmarc")


def test_a_second_good_signature_counts() -> None:
    raw = signed(signed(), domain=b"other.example")
    assert found(raw, client="203.0.113.9").dmarc.aligned == ("dkim",)


def test_a_slow_key_is_unknown_not_failed() -> None:
    result = found(signed(), {"s._domainkey.example.com": SILENT}, client="203.0.113.9")
    assert (result.dkim[0].result, result.unknown) == (Result.TEMPERROR, True)


def test_a_signature_must_have_been_good_when_the_message_came_in() -> None:
    raw = resigned(b"x=%d;" % int((NOW + timedelta(hours=1)).timestamp()))
    for wait, came, result in ((30, 30, Result.PASS), (90, 90, Result.NEUTRAL), (90, 0, Result.PASS)):
        at = replace(envelope(), received_at=NOW + timedelta(minutes=came))
        assert authenticate_message(at, raw, Answers(ZONE), NOW + timedelta(minutes=wait)).dkim[0].result is result


def test_questions_are_counted() -> None:
    assert found(signed()).questions == 4  # policy, key, SPF of the reverse-path and of HELO
    assert found(signed(), helo="[192.0.2.1]").questions == 3
    assert found(b"Subject: x\r\n\r\n", path="").questions == 1


def test_helo_is_told_and_proves_nothing() -> None:
    zone: dict[str, Record | list[Record]] = {"example.com": "v=spf1 -all", "mx.example.com": "v=spf1 +all"}
    result = found(MAIL, zone)
    assert [(one.identity, one.result) for one in result.spf] == [("mailfrom", Result.FAIL), ("helo", Result.PASS)]
    assert (result.dmarc.result, result.dmarc.aligned) == (Result.FAIL, ())


def test_publishes_nothing() -> None:
    assert found(MAIL, {"_dmarc.example.com": [], "example.com": []}).publishes_nothing
    assert not found(MAIL, {"_dmarc.example.com": []}).publishes_nothing


def test_questions_run_out_closed() -> None:
    asked: list[str] = []

    def endless(name: str, rdtype: str) -> tuple[Record, ...]:
        asked.append(name)
        if rdtype == "TXT" and "_domainkey" not in name and "_dmarc" not in name:
            return (b"v=spf1 " + b" ".join(b"mx:%d.%s" % (n, name.encode()[-20:]) for n in range(9)) + b" +all",)
        return tuple(f"10 {n}.{name[-20:]}" for n in range(10)) if rdtype == "MX" else ("198.51.100.1",) if rdtype == "A" else ()

    result = authenticate_message(envelope(helo="localhost"), signed(), Function(endless), NOW)
    assert len(asked) == QUESTIONS - KEPT
    assert result.spf[0].result is Result.PERMERROR
    assert "too many DNS questions" in result.spf[0].reason
    assert result.proof == ""


def test_our_own_faults_prove_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(name: str, rdtype: str) -> tuple[Record, ...]:
        raise RuntimeError("a fault of ours")

    result = authenticate_message(envelope(), signed(), Function(broken), NOW)
    assert (result.dmarc.result, result.proof, result.unknown) == (Result.PERMERROR, "", False)
    assert "could not be authenticated" in caplog.text


def test_threads() -> None:
    raw = signed()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda number: found(raw, {"example.com": []} if number % 2 else {}), range(40)))
    assert [one.dmarc.aligned for one in results] == [("spf", "dkim"), ("dkim",)] * 20


@given(st.binary(max_size=300))
def test_never_raises_on_bytes(raw: bytes) -> None:
    assert authenticate_message(envelope(), raw, Answers(ZONE), NOW).dkim == () or b"kim-" in raw.lower()


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: ",
                b"DKIM-Signature: ",
                b"ana@example.com",
                b"\r\n",
                b" ",
                b"<",
                b">",
                b",",
                b"\r\n\r\n",
                b"v=1;",
                b"b=",
                b"\xff",
                b"\x00",
                b"h=from;",
            ]
        ),
        max_size=25,
    )
)
def test_never_raises_on_pieces(pieces: list[bytes]) -> None:
    result = authenticate_message(envelope(), b"".join(pieces), Answers(ZONE), NOW)
    assert not any(one.result is Result.PASS for one in result.dkim)
    assert "could not be authenticated" not in result.dmarc.reason


@pytest.mark.corpus
@pytest.mark.timeout(120)
def test_real_phishing_mail(corpus: Path) -> None:
    with tarfile.open(corpus / "mail-phish.tar.gz") as archive:
        messages = [file.read() for member in archive if member.name.endswith(".eml") and (file := archive.extractfile(member))]
    zone = Function(lambda name, rdtype: (b"v=DMARC1; p=reject",) if name.startswith("_dmarc.") else ())
    for path in ("x@stranger.example", ""):
        results = [authenticate_message(envelope(path), raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), zone, NOW) for raw in messages]
        assert not any("could not be authenticated" in one.dmarc.reason or one.proof for one in results)
        assert sum(bool(one.author) for one in results) > 0.7 * len(messages)  # unquoted commas and "a@b <c@d>" are many
    assert len(messages) == 300
