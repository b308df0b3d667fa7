"""ARC (RFC 8617): verifies the chain of seals of those who passed a message on, and names the last one. Evidence, no proof."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime

from mail_auth import authentication_results, canonicalization
from mail_auth.dkim import FROM_UNSIGNED, check_body, signs_from, signs_list, weakness_of
from mail_auth.dns.query_budget import Questions, Temporary, TooManyQuestions
from mail_auth.message import Field, Message
from mail_auth.public_keys import check_signature, key_of
from mail_auth.tag_list import LONGEST_FIELD, Tags, Unfit, domain_or_nothing, forms_of, names_of, require_tags, tags_of
from triage.message.authentication import Arc, Result

SETS = 10  # security.md "Per message"
RESULTS, SIGNATURE, SEAL = ORDER = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
INSTANCE = re.compile(rb"\s*i\s*=\s*([1-9]\d?)\s*;")
NUMBER = re.compile(rb"[1-9]\d?")


@dataclass(slots=True)
class Links:
    """ARC set: the three fields of one instance and the tags of the two signed ones."""

    fields: dict[bytes, Field] = field(default_factory=dict)
    tags: dict[bytes, Tags] = field(default_factory=dict)


def verify_chain(message: Message, questions: Questions, now: datetime) -> Arc:
    """The chain's result at an instant. Never raises."""
    fields = fields_of(message)
    if message.fault:
        return Arc(Result.NONE, reason=message.fault)
    if not fields:
        return Arc()
    if len(fields) > 3 * SETS:
        return Arc(Result.FAIL, reason=f"it has more than {SETS} ARC sets")
    seen = Arc()
    try:
        chain = chain_of(fields)
        seen = describe_seal(chain)
        weakness = check_chain(message, chain, questions, now)
    except Unfit as fault:
        return replace(seen, result=Result.FAIL, reason=str(fault))
    except Temporary as fault:
        return replace(seen, result=Result.TEMPERROR, reason=str(fault))
    except TooManyQuestions as fault:
        return replace(seen, result=Result.PERMERROR, reason=str(fault))
    newest = chain[-1].fields
    stated = authentication_results.read_results(strip_instance(newest[RESULTS])) if not weakness else ()
    return replace(seen, result=Result.PASS, reason=weakness, stated=stated, signs_list=signs_list(message, newest[SIGNATURE]))


def fields_of(message: Message) -> list[Field]:
    """Lists the fields of all ARC sets."""
    return [one for name in ORDER for one in message.named(name)]


def describe_seal(chain: list[Links]) -> Arc:
    """Returns who claims to have sealed the message, before anything is checked."""
    sealers = tuple(domain_or_nothing(links.tags[SEAL].get(b"d", b"")) for links in chain)
    return Arc(sealer=sealers[-1], instances=len(chain), sealers=sealers)


def strip_instance(one: Field) -> bytes:
    """An ARC-Authentication-Results value without its instance, as in Authentication-Results (RFC 8617, section 4.1.1)."""
    return INSTANCE.sub(b"", one.value, count=1)


def chain_of(fields: list[Field]) -> list[Links]:
    """The sets in order, each complete and single (RFC 8617, section 5.2, point 3)."""
    sets: dict[int, Links] = {}
    for one in fields:
        tags = {} if one.name == RESULTS else tags_of(one)
        links = sets.setdefault(instance_of(one), Links())
        if one.name in links.fields:
            raise Unfit("an ARC field appears twice in one set")
        links.fields[one.name], links.tags[one.name] = one, tags
    if len(sets) > SETS:
        raise Unfit(f"it has more than {SETS} ARC sets")
    if sorted(sets) != list(range(1, len(sets) + 1)) or any(len(links.fields) < 3 for links in sets.values()):
        raise Unfit("an ARC set is incomplete")
    return [sets[number] for number in sorted(sets)]


def instance_of(one: Field) -> int:
    """The set that a field belongs to."""
    if len(one.raw) > LONGEST_FIELD:
        raise Unfit("an ARC field is longer than 8 KiB")
    found = INSTANCE.match(one.value) if one.name == RESULTS else NUMBER.fullmatch(tags_of(one).get(b"i", b""))
    if not found:
        raise Unfit("an ARC field has no instance (i=)")
    return int(found[1] if one.name == RESULTS else found[0])


def check_chain(message: Message, chain: list[Links], questions: Questions, now: datetime) -> str:
    """Unfit says why the chain fails (RFC 8617, section 5.2). A chain that is unbroken but weak says why, like a DKIM signature."""
    for number, links in enumerate(chain, 1):
        status = links.tags[SEAL].get(b"cv", b"")
        if status != (b"none" if number == 1 else b"pass"):
            raise Unfit(f"seal {number} says that the chain had failed" if status == b"fail" else f"seal {number} has a wrong cv=")
    weakness = check_message_signature(message, chain[-1], questions, now)
    for number in range(len(chain), 0, -1):
        check_seal(chain[:number], questions)
    return weakness


def check_message_signature(message: Message, links: Links, questions: Questions, now: datetime) -> str:
    """The newest ARC-Message-Signature must fit the message; says why it is weak, "" when it is not."""
    tags = links.tags[SIGNATURE]
    require_tags(tags, b"a", b"b", b"bh", b"d", b"h", b"s")
    names = names_of(tags)
    if SEAL in names:
        raise Unfit("the ARC-Message-Signature signs a seal")
    header, body = forms_of(tags, b"relaxed/relaxed")
    check_body(message, tags, body)
    signed = canonicalization.header_input(message, names, header, links.fields[SIGNATURE])
    key = key_of(tags, questions)
    check_signature(key, signed, tags)
    return weakness_of(message, tags, key, names, now) if signs_from(message, names) else FROM_UNSIGNED


def check_seal(chain: list[Links], questions: Questions) -> None:
    """The last seal of this chain must fit all fields of all its sets."""
    tags = chain[-1].tags[SEAL]
    require_tags(tags, b"a", b"b", b"d", b"s")
    if b"h" in tags:
        raise Unfit("a seal has h=")
    fields = [links.fields[name] for links in chain for name in ORDER]
    signed = canonicalization.seal_input(fields[:-1], fields[-1])
    check_signature(key_of(tags, questions), signed, tags)
