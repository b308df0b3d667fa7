"""Mail::DKIM's corpus signed again with rsa-sha256 and a key of ours, so that rsa-sha1 does not hide what each message is about."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from mail_auth import canonicalization, dkim, message
from mail_auth.dns.query_budget import Questions
from mail_auth.message import Field
from mail_auth.tag_list import Tags, Unfit, forms_of, names_of, tags_of
from tests.mail_auth.answers import Answers
from tests.mail_auth.signing import published, rsa_key
from tests.mail_auth.suites.counting import Case, Suite
from tests.mail_auth.suites.dkim import CORPUS, NOW, expected, published as keys_of
from triage.message.authentication import Result

G_TAG = "g= was taken out by RFC 6376 (appendix E), a verifier ignores it"
DRAFT = "v=0.5 is of a draft, v= is 1 (RFC 6376, 3.5)"
TESTING = "with t=y in its key it is treated like unsigned mail (RFC 6376, 3.6.1)"


def signed_again(directory: Path) -> Iterator[Case]:
    """Signs again each message that has exactly one rsa-sha1 signature: its tags and its key's tags stay, key and hashes are new."""
    ours = published().rpartition("p=")[2]
    zone = {
        name: re.sub(r"\bp=\s*[^;\s]{20,}", f"p={ours}", record) if isinstance(record, str) else record
        for name, record in keys_of(directory).items()
    }
    for file, wanted in expected(directory):
        raw = (directory / CORPUS / "corpus" / file).read_bytes()
        signatures = message.read_message(raw).named(b"dkim-signature")
        if len(signatures) != 1 or b"a=rsa-sha1" not in signatures[0].raw or b"v=" not in signatures[0].raw:
            continue
        again = resigned(raw, signatures[0])
        results = dkim.verify_signatures(message.read_message(again), Questions(Answers(zone)), NOW)
        detail = ", ".join(f"{one.result} ({one.reason})" for one in results)
        yield Case(file, (results[0].result is Result.PASS) == (wanted == "pass"), f"{detail} instead of {wanted}")


def resigned(raw: bytes, old: Field) -> bytes:
    """The message with new hashes in its signature field."""
    mail, tags = message.read_message(raw), tags_of(old)
    header, body = forms(tags)
    content = canonicalization.body_of(mail, body)
    content = content[: int(tags[b"l"])] if b"l" in tags else content
    kept = [part for part in old.value.rstrip().rstrip(b";").split(b";") if part.partition(b"=")[0].strip() not in (b"a", b"b", b"bh")]
    digest = base64.b64encode(hashlib.sha256(content).digest())
    value = b";".join([*kept, b" a=rsa-sha256", b" bh=" + digest, b" b="])
    name = old.raw[: len(old.raw) - len(old.value)]
    field = Field(old.name, value + b"\r\n", name + value + b"\r\n")
    data = canonicalization.header_input(mail, names_of(tags), header, field)
    made = base64.b64encode(rsa_key(2048).sign(data, PKCS1v15(), SHA256()))
    return raw.replace(old.raw, name + value + made + b"\r\n")


def forms(tags: Tags) -> tuple[str, str]:
    """The canonical forms, any when the message is about a form that nobody knows."""
    try:
        return forms_of(tags, b"simple/simple")
    except Unfit:
        return "simple", "simple"


ARGUED = {
    **{f"badkey_{number}.txt": G_TAG for number in (8, 9, 12, 13)},
    **{f"{name}.txt": DRAFT for name in ("mine_ietf05_1", "no_body_1", "no_body_2", "no_body_3")},
    **{f"{name}.txt": TESTING for name in ("good_rfc4871_3", "good_rfc4871_4", "good_1878523", "goodkey_1", "goodkey_4")},
    "goodkey_2.txt": "its key is for sha1 only (h=), and we sign with sha256",
}
SUITES = (Suite("DKIM, Mail::DKIM signed again", 35, signed_again, ARGUED),)
