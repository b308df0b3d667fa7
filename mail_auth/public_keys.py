"""Public keys as domains publish them (RFC 6376, section 3.6; RFC 8301; RFC 8463), and whether a signature is theirs."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mail_auth.dns.query_budget import Questions
from mail_auth.tag_list import ALGORITHMS, FOLD, Tags, Unfit, decode_tag, domain_of, tag_list, words_of
from triage.message.authentication import Result

LONGEST_RECORD = 8 * 1024  # bytes
BITS = range(1024, 8192 + 1)  # RFC 8301, section 3.2
LARGEST_EXPONENT = 2**33
KEY_TAG = re.compile(rb"(?:^|;)\s*p\s*=")


@dataclass(frozen=True, slots=True)
class Key:
    """A public key as its domain published it."""

    public: RSAPublicKey | Ed25519PublicKey
    testing: bool = False  # t=y
    exact_identity: bool = False  # t=s


def key_of(tags: Tags, questions: Questions) -> Key:
    """Fetch and check the key that a signature names."""
    name = f"{domain_of(tags, b's')}._domainkey.{domain_of(tags)}"
    records = [record for record in questions.texts(name) if KEY_TAG.search(record)]
    if not records:
        raise Unfit("there is no such key")
    if len(records) > 1:
        raise Unfit("there are several keys of this name")  # RFC 6376, section 3.6.2.2: undefined
    if len(records[0]) > LONGEST_RECORD:
        raise Unfit("the key record is longer than 8 KiB")
    return key_in(tag_list(records[0]), ALGORITHMS[tags[b"a"]])


def key_in(record: Tags, kind: bytes) -> Key:
    """The key in a record, when it may be used for mail and with this kind of signature (RFC 6376, section 3.6.1)."""
    flags, hashes, services = (words_of(record, tag) for tag in (b"t", b"h", b"s"))
    if record.get(b"v", b"DKIM1") != b"DKIM1" or b"p" not in record:
        raise Unfit("the key record is malformed")
    if hashes and b"sha256" not in hashes:
        raise Unfit("the key may not be used with sha256 (h=)")
    if services and not services & {b"*", b"email"}:
        raise Unfit("the key is not for mail (s=)")
    if record.get(b"k", b"rsa") != kind:
        raise Unfit("the key is of another kind (k=)")
    material = FOLD.sub(b"", record[b"p"])
    if not material:
        raise Unfit("the key was revoked")
    return Key(PUBLIC[kind](material), b"y" in flags, b"s" in flags)


@lru_cache(maxsize=1024)
def rsa_key(material: bytes) -> RSAPublicKey:
    """An RSA key of a size that proves something and costs little."""
    try:
        key = load_der_public_key(base64.b64decode(material, validate=True))
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise Unfit(f"the key is malformed or too small ({str(fault)[:60]})") from fault
    if not isinstance(key, RSAPublicKey):
        raise Unfit("the key is not an RSA key")
    if key.key_size not in BITS:
        raise Unfit(f"a key of {key.key_size} bits is too {'small' if key.key_size < BITS.start else 'large'}")
    if key.public_numbers().e >= LARGEST_EXPONENT:
        raise Unfit("the key has an exponent of 2^33 or more")
    return key


@lru_cache(maxsize=1024)
def ed25519_key(material: bytes) -> Ed25519PublicKey:
    """An Ed25519 key (RFC 8463, section 4)."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(material, validate=True))
    except ValueError as fault:
        raise Unfit("the key is malformed") from fault


PUBLIC: dict[bytes, Callable[[bytes], RSAPublicKey | Ed25519PublicKey]] = {b"rsa": rsa_key, b"ed25519": ed25519_key}


def check_signature(key: Key, data: bytes, tags: Tags) -> None:
    """FAIL when the signature is not this key's over these bytes."""
    digest, signature = hashlib.sha256(data).digest(), decode_tag(tags, b"b")
    try:
        if isinstance(key.public, Ed25519PublicKey):
            key.public.verify(signature, digest)  # over the hash: RFC 8463, section 3
        else:
            key.public.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
    except InvalidSignature as fault:
        raise Unfit("the signature does not fit the header", Result.FAIL) from fault
