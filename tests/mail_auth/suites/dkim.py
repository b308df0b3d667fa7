"""DKIM: the corpus of Perl's Mail::DKIM, its canonical forms, and mail-auth's messages."""

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mail_auth import arc, canonicalization, dkim, message
from mail_auth.dns.query_budget import Questions
from mail_auth.tag_list import forms_of, tags_of
from tests.mail_auth.answers import Answers
from tests.mail_auth.suites.counting import Case, Suite
from triage.message.authentication import Result

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
STOPPED = datetime.fromtimestamp(1667843664, UTC)  # mail-auth's tests stop their clock
CORPUS = "dkim/mail-dkim"
DOMAIN_KEYS = "DomainKeys (RFC 4870, historic)"
DRAFT = "a draft before RFC 4871 (no v=)"
SHA1 = "rsa-sha1 must not be taken for valid (RFC 8301, 3.1)"


def mail_dkim(directory: Path) -> Iterator[Case]:
    """Signed messages: Mail::DKIM lets pass what RFC 8301 refuses and what no RFC ever knew; those are argued or out of scope by name."""
    zone = Answers(published(directory))
    for file, wanted in expected(directory):
        raw = (directory / CORPUS / "corpus" / file).read_bytes()
        results = dkim.verify_signatures(message.read_message(raw), Questions(zone), NOW)
        passed = any(one.result is Result.PASS for one in results)
        detail = ", ".join(f"{one.result} ({one.reason})" for one in results)
        yield Case(file, passed == (wanted == "pass"), f"{detail} instead of {wanted}", beyond(raw) if wanted == "pass" else "")


def published(directory: Path) -> dict[str, str | bytes | list[str | bytes]]:
    """The keys, by name."""
    zone: dict[str, str | bytes | list[str | bytes]] = {}
    for line in (directory / CORPUS / "FAKE_DNS.dat").read_text("latin-1").splitlines():
        if line.strip() and line.lstrip()[0] not in "#;":
            name, value = re.split(r"\s+", line, maxsplit=1)
            zone[name] = "SILENT" if value.startswith("~~") else "" if value == "NXDOMAIN" else value
    return zone


def expected(directory: Path) -> Iterator[tuple[str, str]]:
    """File and the result that Mail::DKIM's own tests want."""
    for line in (directory / CORPUS / "expected.tsv").read_text().splitlines():
        if not line.startswith("#"):
            file, wanted, *_ = line.split("\t")
            yield file, wanted


def beyond(raw: bytes) -> str:
    """Reason why a message is out of scope: it has no signature of RFC 6376 at all."""
    header = raw.replace(b"\r\n", b"\n").split(b"\n\n")[0] + b"\n"
    signatures = re.findall(rb"(?ims)^dkim-signature:(.*?)\n(?![ \t])", header)
    if not signatures:
        return DOMAIN_KEYS
    return "" if any(re.search(rb"(?:^|;)\s*v\s*=", one) for one in signatures) else DRAFT


def canonical_forms(directory: Path) -> Iterator[Case]:
    """The body hashes of the same corpus, sha1 included: our canonical forms against those of the signers."""
    for file, wanted in expected(directory):
        mail = message.read_message((directory / CORPUS / "corpus" / file).read_bytes())
        for field in mail.named(b"dkim-signature")[:1] if wanted == "pass" else ():
            tags = tags_of(field)
            if b"bh" not in tags or not set(tags.get(b"c", b"simple").split(b"/")) <= {b"simple", b"relaxed"}:
                continue  # drafts with other canonical forms
            body = canonicalization.body_of(mail, forms_of(tags, b"simple/simple")[1])
            body = body[: int(tags[b"l"])] if b"l" in tags else body
            right = hashlib.new(tags[b"a"].decode().partition("-")[2], body).digest() == base64.b64decode(tags[b"bh"])
            yield Case(file, right, "another body hash")


def mail_auth(directory: Path) -> Iterator[Case]:
    """mail-auth's messages: the last signature passes; of those with ARC the chain, and some signature."""
    for path in sorted((directory / "dkim/mail-auth").glob("*/*.txt")):
        lines, raw = path.read_bytes().replace(b"\r\n", b"\n").split(b"\n\n", 1)
        zone = Answers({name.rstrip("."): text for name, text in (line.decode().split(" ", 1) for line in lines.splitlines())})
        mail = message.read_message(raw.replace(b"\n", b"\r\n"))
        sealed = path.parent.name == "arc"
        results = dkim.verify_signatures(mail, Questions(zone), NOW if sealed else STOPPED)
        chain = arc.verify_chain(mail, Questions(zone), NOW)
        passed = (
            any(one.result is Result.PASS for one in results) and chain.result is Result.PASS
            if sealed
            else results[-1].result is Result.PASS
        )
        yield Case(f"{path.parent.name}/{path.name}", passed, f"{results}, {chain}")


SIGNED_WITH_SHA1 = [
    "mine_ietf05_1 good_rfc4871_3 good_rfc4871_4 good_1878523 good_83176 multiple_2 good_qp_1 good_qp_2 good_qp_3",
    "no_body_1 no_body_2 no_body_3 goodkey_1 goodkey_2 goodkey_3 goodkey_4",
]
SUITES = (
    Suite("DKIM, Mail::DKIM", 79, mail_dkim, {f"{name}.txt": SHA1 for line in SIGNED_WITH_SHA1 for name in line.split()}),
    Suite("DKIM, canonical forms of it", 23, canonical_forms),
    Suite("DKIM and ARC, mail-auth", 4, mail_auth),
)
