"""Stock libraries beside ours: on honest mail they say the same; their known holes are expected failures, so that a fix is noticed."""

import tarfile
from pathlib import Path

import pytest

from mail_auth import second_opinion
from mail_auth.authenticate import authenticate_message
from mail_auth.message import read_message
from mail_auth.second_opinion import AUTHHEADERS, Row
from tests.mail_auth.answers import SILENT, Answers
from tests.mail_auth.attacks.attacking import NOW, Zone
from tests.mail_auth.signing import published, resigned, signed
from triage.addressing.envelope import Envelope
from triage.message.authentication import Result

NAMES = [b"from", b"to", b"subject", b"date"]
OUR_CLIENT, FOREIGN_CLIENT = "192.0.2.1", "203.0.113.66"
ZONE: Zone = {  # under names of the public suffix list: authheaders takes example for no suffix
    "s._domainkey.example.com": published(),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "example.com": f"v=spf1 ip4:{OUR_CLIENT} -all",
    "example.net": f"v=spf1 ip4:{FOREIGN_CLIENT} -all",
    "example.com-evil.net": f"v=spf1 ip4:{FOREIGN_CLIENT} -all",
}
BODY = b"To: bob@company.example\r\nSubject: Your account\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n\r\nHello.\r\n"
GENUINE = b"From: The Bank <info@example.com>\r\n" + BODY
SIGNED = signed(GENUINE, names=NAMES)
BAD = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=s; h=from; bh=AA==; b=AA==\r\n"
REAL = 12  # messages that are signed and compared


def compared(raw: bytes, changes: Zone | None = None, *, path: str = "info@example.com", client: str = OUR_CLIENT) -> list[Row]:
    """Our steps and what the libraries say, about a message from the domain's own machine unless said otherwise."""
    envelope = Envelope(7, NOW, path, ("bob@company.example",), client, "mx.example.org" if path else "example.com")
    answers = Answers(ZONE | (changes or {}))
    opinions = second_opinion.ask_libraries(envelope, raw, answers)
    return second_opinion.compare_opinions(authenticate_message(envelope, raw, answers, NOW), opinions, raw)


def about_dmarc(rows: list[Row]) -> Row:
    return next(row for row in rows if row.method == "dmarc")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(SIGNED, id="signed and from the domain's own machine"),
        pytest.param(SIGNED.replace(b"Hello.", b"Hello!"), id="changed under way"),
        pytest.param(signed(GENUINE, names=NAMES, forms=(b"simple", b"simple")), id="simple forms"),
        pytest.param(GENUINE, id="not signed"),
    ],
)
def test_about_honest_mail_all_say_the_same(raw: bytes) -> None:
    rows = compared(raw)
    assert [row.difference for row in rows] == [""] * len(rows)
    asked = {row.opinion.library.split()[0] for row in rows if row.opinion}
    assert asked == {"pyspf", "dkimpy", AUTHHEADERS}


@pytest.mark.corpus
def test_real_messages_that_the_domain_signs(corpus: Path) -> None:
    """We and dkimpy accept the same messages, unless our result names a weakness."""
    different = []
    with tarfile.open(corpus / "mail-other.tar.gz") as packed:
        files = (packed.extractfile(one) for one in packed if one.name.endswith(".eml"))
        for number, file in zip(range(REAL), filter(None, files), strict=False):
            mail = read_message(file.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            head = b"".join(one.raw for one in mail.fields if one.name not in (*NAMES, b"dkim-signature"))
            raw = signed(GENUINE.partition(b"\r\n\r\n")[0] + b"\r\n" + head + b"\r\n" + mail.body, names=NAMES)
            rows = compared(raw)
            assert about_dmarc(rows).result is Result.PASS
            different += [(number, row) for row in rows if row.difference and not row.reason]
    assert not different


def test_a_difference_is_told_in_words() -> None:
    expired = resigned(b"x=%d;" % (NOW.timestamp() - 3600), raw=GENUINE)
    different = [row for row in compared(expired) if row.difference]
    assert {row.opinion.library.split()[0] for row in different if row.opinion} == {"dkimpy", AUTHHEADERS}
    assert {row.difference.partition(" says ")[2] for row in different} == {"pass; we say neutral, because it has expired (x=)"}


def test_dns_that_does_not_answer_is_no_failure_of_the_message() -> None:
    rows = compared(SIGNED, {"s._domainkey.example.com": SILENT})
    (dkim,) = [row for row in rows if row.method == "dkim" and row.opinion and row.opinion.library.startswith("dkimpy")]
    assert dkim.opinion is not None
    assert (dkim.result, dkim.opinion.result) == (Result.TEMPERROR, Result.TEMPERROR)


HOLES = {  # raw message, sender, client, what is told about it
    "a domain ends at a hyphen": (GENUINE, "x@example.com-evil.net", FOREIGN_CLIENT, "up to its first hyphen only: example.com-evil.net"),
    "the first signature decides": (BAD + SIGNED, "x@example.net", FOREIGN_CLIENT, "it looks at the first signature only"),
    "two From fields pass": (b"From: x@example.net\r\n" + GENUINE, "info@example.com", OUR_CLIENT, "2 From fields"),
    "no From field is an error": (BODY, "info@example.com", OUR_CLIENT, "not exactly one author, or no sender"),
    "no sender is an error": (GENUINE, "", OUR_CLIENT, "not exactly one author, or no sender"),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_known_hole_of_authheaders_is_told(hole: str) -> None:
    raw, path, client, why = HOLES[hole]
    row = about_dmarc(compared(raw, path=path, client=client))
    assert why in row.difference, row


@pytest.mark.xfail(strict=True, reason="authheaders 0.16.3; when it is mended, take the case out and say so in docs/reference/libraries.md")
@pytest.mark.parametrize("hole", HOLES)
def test_authheaders_says_what_we_say(hole: str) -> None:
    raw, path, client, _ = HOLES[hole]
    assert about_dmarc(compared(raw, path=path, client=client)).difference == ""


def test_without_authheaders_the_others_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "is_installed", lambda: False)
    row = about_dmarc(compared(SIGNED))
    assert (row.result, row.opinion) == (Result.PASS, None)
