"""Puts our own ARC set on a message that we pass on (RFC 8617, section 5.1), so that the next reader may believe what we found."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mail_auth import arc, canonicalization, message, public_keys
from mail_auth.message import Field, Message
from mail_auth.tag_list import MOST_NAMES, Unfit
from triage.errors import BadInput
from triage.message.authentication import Result

LAST_INSTANCE = 50  # RFC 8617, section 4.2.1
LINE = 72  # characters of b= a line
SIGNED = (  # what readers see, and the signatures that came in (RFC 6376, section 5.4.1; RFC 8617, section 4.1.2)
    b"from reply-to to cc subject date message-id in-reply-to references mime-version content-type content-transfer-encoding"
    b" list-id list-post list-unsubscribe list-unsubscribe-post dkim-signature"
).split()

SigningKey = RSAPrivateKey | Ed25519PrivateKey


def load_key(path: str | Path) -> SigningKey:
    """The private key in a PEM file: RSA of 1024 bits or more (2048 is usual), or Ed25519. BadInput names the file and what is wrong."""
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}") from fault
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise BadInput(f"{path} is not a private key in PEM form without a password; openssl genrsa 2048 makes one") from fault
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size not in public_keys.BITS):
        raise BadInput(f"{path} is neither an RSA key of {public_keys.BITS.start} bits or more nor an Ed25519 key")
    return key


def seal_message(raw: bytes, results: str, chain: Result, *, domain: str, selector: str, key: SigningKey, now: datetime) -> bytes:
    """The three fields to put on top of `raw`, each with its CRLF; b"" where RFC 8617 leaves nothing to seal.

    `raw` is the message as it leaves, with CRLF line ends; whoever adds one of the signed fields afterwards breaks the seal.
    `results` is the value of our Authentication-Results field, the authserv-id included; `chain` is `Authentication.arc.result`
    as it was found when the message came in. Nothing is sealed when DNS did not say (section 5.1 wants a status), when an
    earlier seal says "fail" already, after 50 sets, when the header cannot be read in one way only, and when more fields would be
    signed than verifiers take.
    """
    mail = message.read_message(raw)
    try:
        sets = arc.chain_of(arc.fields_of(mail))
    except Unfit:
        sets = []
    names = signed_names(mail)
    number = highest_instance(mail) + 1
    status = {Result.NONE: b"none", Result.PASS: b"pass", Result.FAIL: b"fail"}.get(chain)
    failed_before = any(links.tags[arc.SEAL].get(b"cv") == b"fail" for links in sets)
    too_many = number > LAST_INSTANCE or len(names) > MOST_NAMES
    if mail.fault or status is None or failed_before or too_many or (status == b"none") != (number == 1):
        return b""
    made = results_field(results, number)
    common = b"i=%d; a=%s; t=%d; d=%s; s=%s" % (
        number,
        b"rsa-sha256" if isinstance(key, RSAPrivateKey) else b"ed25519-sha256",
        int(now.timestamp()),
        domain.encode(),
        selector.encode(),
    )
    signature = message_signature(mail, names, common, key)
    # a broken chain is not signed again: only the set that says so (section 5.1.2)
    covered = [links.fields[name] for links in sets if status == b"pass" for name in arc.ORDER]
    sealed = seal_field([*covered, made, signature], common + b"; cv=" + status, key)
    return sealed.raw + signature.raw + made.raw


def highest_instance(mail: Message) -> int:
    """The largest instance that any ARC field names, 0 without any that can be read."""
    highest = 0
    for one in arc.fields_of(mail):
        try:
            highest = max(highest, arc.instance_of(one))
        except Unfit:
            continue
    return highest


def results_field(results: str, number: int) -> Field:
    """Our ARC-Authentication-Results."""
    return make_field(b"ARC-Authentication-Results", b"i=%d; %s" % (number, results.strip().encode()))


def signed_names(mail: Message) -> list[bytes]:
    """The fields that we sign. From is named once more than it stands there, so that nobody can add one."""
    return [name for name in SIGNED for _ in mail.named(name)] + [b"from"]


def message_signature(mail: Message, names: list[bytes], common: bytes, key: SigningKey) -> Field:
    """Our ARC-Message-Signature over these fields."""
    digest = base64.b64encode(canonicalization.body_hash(mail, "relaxed"))
    value = common + b"; c=relaxed/relaxed;\r\n\th=" + b":\r\n\t ".join(names) + b";\r\n\tbh=" + digest + b";\r\n\tb="
    unsigned = make_field(b"ARC-Message-Signature", value)
    return sign_field(unsigned, canonicalization.header_input(mail, names, "relaxed", unsigned), key)


def seal_field(covered: list[Field], tags: bytes, key: SigningKey) -> Field:
    """Our ARC-Seal over the fields of all sets."""
    unsigned = make_field(b"ARC-Seal", tags + b";\r\n\tb=")
    return sign_field(unsigned, canonicalization.seal_input(covered, unsigned), key)


def make_field(name: bytes, value: bytes) -> Field:
    """A field of ours."""
    raw = name + b": " + value + b"\r\n"
    return Field(name.lower(), raw[len(name) + 1 :], raw)


def sign_field(unsigned: Field, data: bytes, key: SigningKey) -> Field:
    """The field with the signature over `data` in its b= tag, which is the last one."""
    digest = hashlib.sha256(data).digest()
    made = key.sign(digest, PKCS1v15(), Prehashed(SHA256())) if isinstance(key, RSAPrivateKey) else key.sign(digest)
    text = base64.b64encode(made)
    folded = b"\r\n\t ".join(text[start : start + LINE] for start in range(0, len(text), LINE))
    raw = unsigned.raw.removesuffix(b"\r\n") + folded + b"\r\n"
    return Field(unsigned.name, raw[len(unsigned.name) + 1 :], raw)
