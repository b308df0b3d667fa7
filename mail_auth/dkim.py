"""Verifies DKIM signatures (RFC 6376, 8301, 8463): which domains signed a message. A valid but weak signature is no PASS."""

import hashlib
from datetime import datetime
from typing import Any

from mail_auth import canonicalization
from mail_auth.dns.query_budget import Questions, Temporary, TooManyQuestions
from mail_auth.message import Field, Message
from mail_auth.public_keys import Key, check_signature, key_of
from mail_auth.tag_list import (
    Tags,
    Unfit,
    decode_tag,
    domain_of,
    domain_or_nothing,
    forms_of,
    identity_domain,
    names_of,
    read_number,
    require_tags,
    tags_of,
    text_of,
)
from triage.message.authentication import AGE, CONTENT_TYPE, REPLY_TO, SEVERAL_TYPES, Dkim, Result
from triage.message.mime.mime_parts import media_type_of

SIGNATURES = 5  # security.md "Per message"
EXPIRY_SLACK = 300  # seconds that clocks may differ about x=
CLOCK_SLOP = 10 * 3600  # seconds that a signer's clock may be ahead in t=
OLD = 5 * 24 * 3600  # seconds; servers give up after five days (RFC 5321, section 4.5.4.1)
FROM_UNSIGNED = "it does not sign the From field"
SUBJECT_UNSIGNED = "it does not sign the Subject field"
ONCE = b"subject date to cc reply-to sender message-id mime-version content-type content-transfer-encoding".split()


def verify_signatures(message: Message, questions: Questions, now: datetime) -> tuple[Dkim, ...]:
    """Verifies each signature, top to bottom; () without any. Never raises."""
    signatures = message.named(b"dkim-signature")
    if message.fault:
        return (Dkim(Result.PERMERROR, "", reason=message.fault),) if signatures else ()
    results = [examine_signature(message, one, questions, now) for one in signatures[:SIGNATURES]]
    if len(signatures) > SIGNATURES:
        results.append(Dkim(Result.NEUTRAL, "", reason=f"only the first {SIGNATURES} of {len(signatures)} signatures were looked at"))
    return tuple(results)


def examine_signature(message: Message, field: Field, questions: Questions, now: datetime) -> Dkim:
    """The result of one signature."""
    shown: dict[str, Any] = {"domain": ""}
    try:
        tags = tags_of(field)
        shown = describe_signature(tags)
        weakness = verify_signature(message, field, tags, questions, now)
        gaps = () if weakness else find_gaps(message, tags, names_of(tags), now)
    except Unfit as fault:
        return Dkim(fault.result, reason=str(fault), **shown)
    except Temporary as fault:
        return Dkim(Result.TEMPERROR, reason=str(fault), **shown)
    except TooManyQuestions as fault:
        return Dkim(Result.PERMERROR, reason=str(fault), **shown)
    return Dkim(Result.NEUTRAL if weakness else Result.PASS, reason=weakness, signs_list=signs_list(message, field), gaps=gaps, **shown)


def signs_list(message: Message, field: Field) -> bool:
    """Whether this signature covers every List-Id."""
    try:
        return 0 < len(message.named(b"list-id")) <= names_of(tags_of(field)).count(b"list-id")
    except (Unfit, KeyError):  # nobody has looked at it yet
        return False


def verify_signature(message: Message, field: Field, tags: Tags, questions: Questions, now: datetime) -> str:
    """Verify a signature; says why it is weak, "" when it is not. Raises Unfit, Temporary, TooManyQuestions."""
    require_tags(tags, b"v", b"a", b"b", b"bh", b"d", b"h", b"s")
    if tags[b"v"] != b"1":
        raise Unfit("v= is not 1")
    if b"dns/txt" not in (method.strip() for method in tags.get(b"q", b"dns/txt").split(b":")):
        raise Unfit("q= names no method that is known")
    names = names_of(tags)
    if not signs_from(message, names):
        raise Unfit(FROM_UNSIGNED)
    exact = identity_domain(tags) == domain_of(tags)
    header, body = forms_of(tags, b"simple/simple")
    check_body(message, tags, body)
    key = key_of(tags, questions)
    if key.exact_identity and not exact:
        raise Unfit("the key may not be used for subdomains (t=s)")
    check_signature(key, canonicalization.header_input(message, names, header, field), tags)
    return weakness_of(message, tags, key, names, now)


def weakness_of(message: Message, tags: Tags, key: Key, names: list[bytes], now: datetime) -> str:
    """Returns why a valid signature is no proof, "" when it is one."""
    moment = int(now.timestamp())
    if b"l" in tags:
        return "it signs only the beginning of the body (l=)"
    if key.testing:
        return "the domain is only testing (t=y)"
    if b"x" in tags and read_number(tags, b"x") + EXPIRY_SLACK < moment:
        return "it has expired (x=)"
    if b"t" in tags and read_number(tags, b"t") > moment + CLOCK_SLOP:
        return "it was made in the future (t=)"
    if b"x" in tags and b"t" in tags and read_number(tags, b"x") < read_number(tags, b"t"):
        return "it expired before it was made (x=, t=)"
    if message.named(b"subject") and b"subject" not in names:
        return SUBJECT_UNSIGNED  # RFC 6376, section 5.4: whoever sends it on could write what all readers see first
    for name in ONCE:
        if 0 < names.count(name) < len(message.named(name)):
            return f"a second {name.decode().title()} field is not signed"
    return ""


def find_gaps(message: Message, tags: Tags, names: list[bytes], now: datetime) -> tuple[str, ...]:
    """Lists what a valid signature leaves open to whoever sends the message on, as words of `Dkim.gaps`."""
    gaps = [REPLY_TO] if b"reply-to" not in names and message.named(b"reply-to") else []
    if b"content-type" not in names:
        types = message.named(b"content-type")
        gaps += [SEVERAL_TYPES] if len(types) > 1 else [CONTENT_TYPE] if types and not is_borne_out(types[0].value, message.body) else []
    if b"t" in tags and read_number(tags, b"t") + OLD < now.timestamp():
        gaps.append(AGE)
    return tuple(gaps)


def is_borne_out(content_type: bytes, body: bytes) -> bool:
    """Whether the signed body leaves no other reading than this one of an unsigned Content-Type.

    Plain text shows everything. A body that begins with the delimiter of its own boundary had no other one when it was signed.
    """
    text = content_type.decode("ascii", "replace")
    media_type, options = media_type_of(text, "")
    if not media_type.startswith("multipart/"):
        return media_type == "text/plain"
    boundary = options.get("boundary", "").encode()
    first = body.lstrip(b"\r\n").split(b"\r\n", 1)[0].rstrip()
    return bool(boundary) and text.casefold().count("boundary") == 1 and first == b"--" + boundary


def describe_signature(tags: Tags) -> dict[str, str]:
    """Returns the details shown of a signature, also of a broken one."""
    return {
        "domain": domain_or_nothing(tags.get(b"d", b"")),
        "selector": domain_or_nothing(tags.get(b"s", b"")),
        "algorithm": text_of(tags.get(b"a", b"")),
        "identity": text_of(tags.get(b"i", b"")),
    }


def signs_from(message: Message, names: list[bytes]) -> bool:
    """Whether every From field is signed (RFC 6376, section 5.4)."""
    return b"from" in names and names.count(b"from") >= len(message.named(b"from"))


def check_body(message: Message, tags: Tags, form: str) -> None:
    """FAIL when the body is not the one that was signed."""
    expected = decode_tag(tags, b"bh")
    if b"l" not in tags:
        actual = canonicalization.body_hash(message, form)
    else:
        length = read_number(tags, b"l")
        beginning = canonicalization.beginning_of(message, form, length)
        if len(beginning) < length:
            raise Unfit("the body is shorter than l= says", Result.FAIL)
        actual = hashlib.sha256(beginning).digest()
    if actual != expected:
        raise Unfit("the body was changed", Result.FAIL)
