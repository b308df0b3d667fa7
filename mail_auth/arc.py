"""ARC (RFC 8617): is the chain of those who passed a message on unbroken, and who sealed it last? Evidence, no proof."""

import re
from dataclasses import dataclass, field

from mail_auth import canonical, dkim
from mail_auth.dkim import Tags, Unfit
from mail_auth.message import Field, Message
from mail_auth.resolver import Questions, Temporary, TooManyQuestions
from triage.authentication import Arc, Result

SETS = 10  # security.md "Per message"
RESULTS, SIGNATURE, SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
INSTANCE = re.compile(rb"\s*i\s*=\s*([1-9]\d?)\s*;")
NUMBER = re.compile(rb"[1-9]\d?")


@dataclass(slots=True)
class Links:
    """One ARC set: the three fields of one instance and the tags of the two that are signed."""

    fields: dict[bytes, Field] = field(default_factory=dict)
    tags: dict[bytes, Tags] = field(default_factory=dict)


def verify(message: Message, questions: Questions) -> Arc:
    """The chain's result. Never raises."""
    fields = [one for name in (RESULTS, SIGNATURE, SEAL) for one in message.named(name)]
    if message.fault:
        return Arc(Result.NONE, reason=message.fault)
    if not fields:
        return Arc()
    if len(fields) > 3 * SETS:
        return Arc(Result.FAIL, reason=f"it has more than {SETS} ARC sets")
    sealer, instances = "", 0
    try:
        chain = chain_of(fields)
        sealer, instances = dkim.domain_or_nothing(chain[-1].tags[SEAL].get(b"d", b"")), len(chain)
        check(message, chain, questions)
    except Unfit as fault:
        return Arc(Result.FAIL, sealer, instances, str(fault))
    except Temporary as fault:
        return Arc(Result.TEMPERROR, sealer, instances, str(fault))
    except TooManyQuestions as fault:
        return Arc(Result.PERMERROR, sealer, instances, str(fault))
    return Arc(Result.PASS, sealer, instances)


def chain_of(fields: list[Field]) -> list[Links]:
    """The sets in order, each complete and single (RFC 8617, section 5.2, point 3)."""
    sets: dict[int, Links] = {}
    for one in fields:
        tags = {} if one.name == RESULTS else dkim.tags_of(one)
        links = sets.setdefault(instance_of(one, tags), Links())
        if one.name in links.fields:
            raise Unfit("an ARC field appears twice in one set")
        links.fields[one.name], links.tags[one.name] = one, tags
    if len(sets) > SETS:
        raise Unfit(f"it has more than {SETS} ARC sets")
    if sorted(sets) != list(range(1, len(sets) + 1)) or any(len(links.fields) < 3 for links in sets.values()):
        raise Unfit("an ARC set is incomplete")
    return [sets[number] for number in sorted(sets)]


def instance_of(one: Field, tags: Tags) -> int:
    """The set that a field belongs to."""
    if len(one.raw) > dkim.LONGEST_SIGNATURE:
        raise Unfit("an ARC field is longer than 8 KiB")
    found = INSTANCE.match(one.value) if one.name == RESULTS else NUMBER.fullmatch(tags.get(b"i", b""))
    if not found:
        raise Unfit("an ARC field has no instance (i=)")
    return int(found[1] if one.name == RESULTS else found[0])


def check(message: Message, chain: list[Links], questions: Questions) -> None:
    """Unfit says why the chain fails (RFC 8617, section 5.2)."""
    for number, links in enumerate(chain, 1):
        status = links.tags[SEAL].get(b"cv", b"")
        if status != (b"none" if number == 1 else b"pass"):
            raise Unfit(f"seal {number} says that the chain had failed" if status == b"fail" else f"seal {number} has a wrong cv=")
    check_message_signature(message, chain[-1], questions)
    for number in range(len(chain), 0, -1):
        check_seal(chain[:number], questions)


def check_message_signature(message: Message, links: Links, questions: Questions) -> None:
    """The newest ARC-Message-Signature must fit the message."""
    tags = links.tags[SIGNATURE]
    dkim.require(tags, b"a", b"b", b"bh", b"d", b"h", b"s")
    names = dkim.names_of(tags)
    if SEAL in names:
        raise Unfit("the ARC-Message-Signature signs a seal")
    header, body = dkim.forms_of(tags, b"relaxed/relaxed")
    dkim.check_body(message, tags, body)
    signed = canonical.header_input(message, names, header, links.fields[SIGNATURE])
    dkim.check_signature(dkim.key_of(tags, questions), signed, tags)


def check_seal(chain: list[Links], questions: Questions) -> None:
    """The last seal of this chain must fit all fields of all its sets."""
    tags = chain[-1].tags[SEAL]
    dkim.require(tags, b"a", b"b", b"d", b"s")
    if b"h" in tags:
        raise Unfit("a seal has h=")
    fields = [links.fields[name] for links in chain for name in (RESULTS, SIGNATURE, SEAL)]
    last = canonical.relaxed_field(canonical.without_signature(fields.pop())).removesuffix(b"\r\n")
    signed = b"".join(canonical.relaxed_field(one) for one in fields) + last
    dkim.check_signature(dkim.key_of(tags, questions), signed, tags)
