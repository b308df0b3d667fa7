"""The tag=value lists of signatures, seals and key records (RFC 6376, section 3.2), and what a verifier may ask of them."""

import base64
import binascii
import re

from dkim.util import InvalidTagValueList, parse_tag_value  # type: ignore[import-untyped]

from mail_auth import canonicalization
from mail_auth.message import Field
from triage.addressing.envelope import ascii_domain
from triage.message.authentication import Result

LONGEST_FIELD = 8 * 1024  # bytes, security.md "Per message"
MOST_NAMES = 64  # in h=
ALGORITHMS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
NUMBER = re.compile(rb"\d{1,12}")
QUOTED = re.compile(rb"=([0-9A-F]{2})")
FOLD = re.compile(rb"\s+")

Tags = dict[bytes, bytes]


class Unfit(Exception):
    """A signature that is no proof: its result and the reason in words."""

    def __init__(self, reason: str, result: Result = Result.PERMERROR) -> None:
        super().__init__(reason)
        self.result = result


def tags_of(field: Field) -> Tags:
    """The tag=value list of a signature field (RFC 6376, section 3.2)."""
    if len(field.raw) > LONGEST_FIELD:
        raise Unfit("the signature field is longer than 8 KiB")
    return tag_list(field.value)


def tag_list(text: bytes) -> Tags:
    """Parse a tag=value list; Unfit when it is malformed or names a tag twice."""
    try:
        return dict(parse_tag_value(text.replace(b"\r\n", b"")))
    except InvalidTagValueList as fault:
        raise Unfit("the tag list is malformed") from fault


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


def require_tags(tags: Tags, *names: bytes) -> None:
    """Unfit when a tag is missing or the algorithm is not one that proves anything."""
    for name in names:
        if name not in tags:
            raise Unfit(f"{name.decode()}= is missing")
    if tags[b"a"] == b"rsa-sha1":
        raise Unfit("rsa-sha1 proves nothing any more (RFC 8301)")
    if tags[b"a"] not in ALGORITHMS:
        raise Unfit("a= names no algorithm that is known")
    for name in (b"t", b"x", b"l"):
        read_number(tags, name)


def read_number(tags: Tags, name: bytes) -> int:
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
    if not set(forms) <= canonicalization.BODY.keys():
        raise Unfit("c= names no canonical form that is known")
    return forms


def decode_tag(tags: Tags, name: bytes) -> bytes:
    """A tag that is base64."""
    try:
        value = base64.b64decode(FOLD.sub(b"", tags[name]), validate=True)
    except binascii.Error as fault:
        raise Unfit(f"{name.decode()}= is not base64") from fault
    if not value:
        raise Unfit(f"{name.decode()}= is empty")
    return value


def words_of(record: Tags, tag: bytes) -> set[bytes]:
    """The words of a list with colons."""
    return {word.strip() for word in record.get(tag, b"").split(b":")} - {b""}
