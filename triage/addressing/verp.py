"""`bounce+ID-ATTEMPT-CHECK@domain`: the envelope sender by which we know a bounce of one attempt again (mailflow.md 2)."""

import hashlib
import hmac
import re
from dataclasses import dataclass

from triage import ids
from triage.addressing.envelope import Address

CHECK_LENGTH = 16  # letters of 5 bits: 80 bits cannot be guessed
FORM = re.compile(rf"bounce\+(?P<id>[0-9a-z]{{{ids.WIDTH}}})-(?P<attempt>[0-9]{{1,4}})-(?P<check>[0-9a-z]{{{CHECK_LENGTH}}})")


@dataclass(frozen=True, slots=True)
class Tag:
    """Delivery attempt that a bounce address stands for."""

    delivery_id: int
    attempt: int


def make_verp_address(tag: Tag, domain: str, key: bytes) -> str:
    """The address of this attempt, in lower case: servers on the way may fold it."""
    return f"bounce+{ids.format_id(tag.delivery_id)}-{tag.attempt}-{verp_check(tag, key)}@{domain}".casefold()


def has_form(address: Address) -> bool:
    """Whether we could have made this address. The SMTP server knows no key and asks no more than that."""
    return FORM.fullmatch(address.local) is not None


def read_verp_tag(address: Address, key: bytes) -> Tag | None:
    """The tag of an address that was made with this key, None for any other."""
    found = FORM.fullmatch(address.local)
    if found is None:
        return None
    try:
        tag = Tag(ids.parse_id(found["id"]), int(found["attempt"]))
    except ValueError:
        return None
    return tag if hmac.compare_digest(verp_check(tag, key).casefold(), found["check"]) else None


def verp_check(tag: Tag, key: bytes) -> str:
    """The keyed check (HMAC-SHA-256, RFC 2104) that nobody else can make."""
    digest = hmac.digest(key, f"{tag.delivery_id} {tag.attempt}".encode(), hashlib.sha256)
    number = int.from_bytes(digest[: CHECK_LENGTH * 5 // 8])
    return "".join(ids.ALPHABET[number >> 5 * place & 31] for place in range(CHECK_LENGTH))
