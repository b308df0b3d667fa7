"""DKIM (RFC 6376, 8301, 8463): which domains vouch for a message. A signature that is valid but weak is no PASS."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from dkim.util import InvalidTagValueList, parse_tag_value  # type: ignore[import-untyped]

from mail_auth import canonical
from mail_auth.message import Field, Message
from mail_auth.resolver import Questions, Temporary, TooManyQuestions
from triage.authentication import Dkim, Result
from triage.envelope import ascii_domain

SIGNATURES = 5  # security.md "Per message"
LONGEST_SIGNATURE = 8 * 1024  # bytes
MOST_NAMES = 64  # in h=
LONGEST_KEY_RECORD = 8 * 1024  # bytes
KEY_BITS = range(1024, 8192 + 1)
LARGEST_EXPONENT = 2**33
CLOCK_SLOP = 10 * 3600  # seconds that a signer's clock may be ahead
ALGORITHMS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
ONCE = b"subject date to cc reply-to sender message-id mime-version content-type content-transfer-encoding".split()
NUMBER = re.compile(rb"\d{1,12}")
KEY_TAG = re.compile(rb"(?:^|;)\s*p\s*=")
QUOTED = re.compile(rb"=([0-9A-F]{2})")
FOLD = re.compile(rb"\s+")

Tags = dict[bytes, bytes]


class Unfit(Exception):
    """A signature that is no proof: its result and the reason in words."""

    def __init__(self, reason: str, result: Result = Result.PERMERROR) -> None:
        super().__init__(reason)
        self.result = result


@dataclass(frozen=True, slots=True)
class Key:
    """A public key as its domain published it."""

    public: RSAPublicKey | Ed25519PublicKey
    testing: bool = False  # t=y
    exact_identity: bool = False  # t=s


def verify(message: Message, questions: Questions, now: datetime) -> tuple[Dkim, ...]:
    """One result a signature, top to bottom; () without any. Never raises."""
    signatures = message.named(b"dkim-signature")
    if message.fault:
        return (Dkim(Result.PERMERROR, "", reason=message.fault),) if signatures else ()
    results = [examined(message, one, questions, now) for one in signatures[:SIGNATURES]]
    if len(signatures) > SIGNATURES:
        results.append(Dkim(Result.NEUTRAL, "", reason=f"only the first {SIGNATURES} of {len(signatures)} signatures were looked at"))
    return tuple(results)


def examined(message: Message, field: Field, questions: Questions, now: datetime) -> Dkim:
    """The result of one signature."""
    shown: dict[str, str] = {"domain": ""}
    try:
        tags = tags_of(field)
        shown = described(tags)
        weakness = check(message, field, tags, questions, now)
    except Unfit as fault:
        return Dkim(fault.result, reason=str(fault), **shown)
    except Temporary as fault:
        return Dkim(Result.TEMPERROR, reason=str(fault), **shown)
    except TooManyQuestions as fault:
        return Dkim(Result.PERMERROR, reason=str(fault), **shown)
    return Dkim(Result.NEUTRAL if weakness else Result.PASS, reason=weakness, **shown)


def check(message: Message, field: Field, tags: Tags, questions: Questions, now: datetime) -> str:
    """Verify a signature; says why it is weak, "" when it is not. Raises Unfit, Temporary, TooManyQuestions."""
    require(tags, b"v", b"a", b"b", b"bh", b"d", b"h", b"s")
    if tags[b"v"] != b"1":
        raise Unfit("v= is not 1")
    if b"dns/txt" not in (method.strip() for method in tags.get(b"q", b"dns/txt").split(b":")):
        raise Unfit("q= names no method that is known")
    names = names_of(tags)
    if names.count(b"from") < len(message.named(b"from")) or b"from" not in names:
        raise Unfit("it does not sign the From field")
    exact = identity_domain(tags) == domain_of(tags)
    header, body = forms_of(tags, b"simple/simple")
    check_body(message, tags, body)
    key = key_of(tags, questions)
    if key.exact_identity and not exact:
        raise Unfit("the key may not be used for subdomains (t=s)")
    check_signature(key, canonical.header_input(message, names, header, field), tags)
    return weakness_of(message, tags, key, names, now)


def weakness_of(message: Message, tags: Tags, key: Key, names: list[bytes], now: datetime) -> str:
    """Why a valid signature is no proof."""
    moment = int(now.timestamp())
    if b"l" in tags:
        return "it signs only the beginning of the body (l=)"
    if key.testing:
        return "the domain is only testing (t=y)"
    if b"x" in tags and number(tags, b"x") < moment:
        return "it has expired (x=)"
    if b"t" in tags and number(tags, b"t") > moment + CLOCK_SLOP:
        return "it was made in the future (t=)"
    if b"x" in tags and b"t" in tags and number(tags, b"x") < number(tags, b"t"):
        return "it expired before it was made (x=, t=)"
    for name in ONCE:
        if 0 < names.count(name) < len(message.named(name)):
            return f"a second {name.decode().title()} field is not signed"
    return ""


def tags_of(field: Field) -> Tags:
    """The tag=value list of a signature field (RFC 6376, section 3.2)."""
    if len(field.raw) > LONGEST_SIGNATURE:
        raise Unfit("the signature field is longer than 8 KiB")
    return tag_list(field.value)


def tag_list(text: bytes) -> Tags:
    """Parse a tag=value list; Unfit when it is malformed or names a tag twice."""
    try:
        return dict(parse_tag_value(text.replace(b"\r\n", b"")))
    except InvalidTagValueList as fault:
        raise Unfit("the tag list is malformed") from fault


def described(tags: Tags) -> dict[str, str]:
    """What is shown of a signature, also of a broken one."""
    return {
        "domain": domain_or_nothing(tags.get(b"d", b"")),
        "selector": domain_or_nothing(tags.get(b"s", b"")),
        "algorithm": text_of(tags.get(b"a", b"")),
        "identity": text_of(tags.get(b"i", b"")),
    }


def text_of(value: bytes) -> str:
    """A tag's value for people."""
    text = value[:254].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "?" for character in text)


def domain_or_nothing(value: bytes) -> str:
    """The domain in its ASCII form, "" when it is none."""
    try:
        return ascii_domain(value.decode("utf-8"))
    except ValueError:
        return ""


def domain_of(tags: Tags, tag: bytes = b"d") -> str:
    """The domain in d= (or the selector in s=), in its ASCII form."""
    domain = domain_or_nothing(tags[tag])
    if not domain:
        raise Unfit(f"{tag.decode()}= is not a domain")
    return domain


def identity_domain(tags: Tags) -> str:
    """The domain in i=, which must be d= or below it."""
    domain = domain_of(tags)
    if b"i" not in tags:
        return domain
    identity = QUOTED.sub(lambda found: bytes([int(found[1], 16)]), FOLD.sub(b"", tags[b"i"]))
    within = domain_or_nothing(identity.rpartition(b"@")[2])
    if b"@" not in identity or not (within == domain or within.endswith("." + domain)):
        raise Unfit("i= is not within d=")
    return within


def require(tags: Tags, *names: bytes) -> None:
    """Unfit when a tag is missing or the algorithm is not one that proves anything."""
    for name in names:
        if name not in tags:
            raise Unfit(f"{name.decode()}= is missing")
    if tags[b"a"] == b"rsa-sha1":
        raise Unfit("rsa-sha1 proves nothing any more (RFC 8301)")
    if tags[b"a"] not in ALGORITHMS:
        raise Unfit("a= names no algorithm that is known")
    for name in (b"t", b"x", b"l"):
        number(tags, name)


def number(tags: Tags, name: bytes) -> int:
    """A tag that is a number, 0 when it is absent."""
    if name not in tags:
        return 0
    if not NUMBER.fullmatch(tags[name]):
        raise Unfit(f"{name.decode()}= is not a number")
    return int(tags[name])


def names_of(tags: Tags) -> list[bytes]:
    """The field names in h=, in lower case."""
    names = [name.strip().lower() for name in tags[b"h"].split(b":")]
    if len(names) > MOST_NAMES:
        raise Unfit(f"h= names more than {MOST_NAMES} fields")
    return names


def forms_of(tags: Tags, default: bytes) -> tuple[str, str]:
    """The canonical forms of header and body in c=."""
    header, slash, body = tags.get(b"c", default).partition(b"/")
    forms = header.decode("ascii", "replace"), body.decode("ascii", "replace") if slash else "simple"
    if not set(forms) <= canonical.BODY.keys():
        raise Unfit("c= names no canonical form that is known")
    return forms


def decoded(tags: Tags, name: bytes) -> bytes:
    """A tag that is base64."""
    try:
        value = base64.b64decode(FOLD.sub(b"", tags[name]), validate=True)
    except binascii.Error as fault:
        raise Unfit(f"{name.decode()}= is not base64") from fault
    if not value:
        raise Unfit(f"{name.decode()}= is empty")
    return value


def check_body(message: Message, tags: Tags, form: str) -> None:
    """FAIL when the body is not the one that was signed."""
    expected = decoded(tags, b"bh")
    if b"l" not in tags:
        actual = canonical.body_hash(message, form)
    else:
        body, length = canonical.body_of(message, form), number(tags, b"l")
        if length > len(body):
            raise Unfit("the body is shorter than l= says", Result.FAIL)
        actual = hashlib.sha256(body[:length]).digest()
    if actual != expected:
        raise Unfit("the body was changed", Result.FAIL)


def check_signature(key: Key, data: bytes, tags: Tags) -> None:
    """FAIL when the signature is not this key's over these bytes."""
    digest, signature = hashlib.sha256(data).digest(), decoded(tags, b"b")
    try:
        if isinstance(key.public, Ed25519PublicKey):
            key.public.verify(signature, digest)  # over the hash: RFC 8463, section 3
        else:
            key.public.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
    except InvalidSignature as fault:
        raise Unfit("the signature does not fit the header", Result.FAIL) from fault


def key_of(tags: Tags, questions: Questions) -> Key:
    """Fetch and check the key that a signature names."""
    name = f"{domain_of(tags, b's')}._domainkey.{domain_of(tags)}"
    records = [record for record in questions.texts(name) if KEY_TAG.search(record)]
    if not records:
        raise Unfit("there is no such key")
    if len(records) > 1:
        raise Unfit("there are several keys of this name")  # RFC 6376, section 3.6.2.2: undefined
    if len(records[0]) > LONGEST_KEY_RECORD:
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


def words_of(record: Tags, tag: bytes) -> set[bytes]:
    """The words of a list with colons."""
    return {word.strip() for word in record.get(tag, b"").split(b":")} - {b""}


@lru_cache(maxsize=1024)
def rsa_key(material: bytes) -> RSAPublicKey:
    """An RSA key of a size that proves something and costs little."""
    try:
        key = load_der_public_key(base64.b64decode(material, validate=True))
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise Unfit(f"the key is malformed or too small ({str(fault)[:60]})") from fault
    if not isinstance(key, RSAPublicKey):
        raise Unfit("the key is not an RSA key")
    if key.key_size not in KEY_BITS:
        raise Unfit(f"a key of {key.key_size} bits is too {'small' if key.key_size < KEY_BITS.start else 'large'}")
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
