"""The conditions of a rule on content: their names, in folded form, or the reason why there can be no such condition. Pure."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from triage.addressing.envelope import Address, ascii_domain, ascii_label
from triage.errors import BadInput
from triage.message.language import LANGUAGES
from triage.message.mime import file_content
from triage.policy.content_rules.patterns import ANY, LONGEST, MOST_STARS, is_pattern
from triage.say import error_sentence, list_with_or, quote_text, say

Conditions = tuple[tuple[str, tuple[str, ...]], ...]  # every name once, in the order of NAMES; one of its values has to fit

CONTENT = "content"  # the match of such a rule
CONTENT_EFFECTS = ("hold", "purge", "redirect", "mark")
SIGNAL, WORDING, LINK_DOMAIN, REPLY_TO, AUTHOR, LIST = "signal", "wording", "link_domain", "reply_to", "author", "list"
ATTACHMENT_NAME, ATTACHMENT_KIND, ATTACHMENT_HASH = "attachment_name", "attachment_kind", "attachment_hash"
LANGUAGE, DIRECTION = "language", "direction"
INCOMING, INTERNAL = "incoming", "internal"
MOST_VALUES = 100  # of one condition
LEAST_LETTERS = 2  # of a pattern, beside its stars and signs
DIGEST = re.compile(r"[0-9a-f]{64}")
MEDIA_TYPE = re.compile(r"[a-z0-9*][a-z0-9!#$&^_.+*-]*/[a-z0-9!#$&^_.+*-]+")

WORDINGS = ("bank-details", "urgent-payment", "gift-cards", "asks-for-secrets", "threat", "legal-deadline", "data-request")
SIGNALS = frozenset(  # what a message shows of itself; what the company knows beside it is found after the policy has spoken
    (
        *WORDINGS,
        *("unclear-author", "own-domain-forged", "authentication-failed", "unproven", "proof-unknown", "proven"),
        *("name-much-imitated", "address-in-name", "look-alike-domain", "foreign-letters", "disguised-words", "hidden-characters"),
        *("reply-elsewhere", "return-path-elsewhere", "through-a-list", "bulk", "automatic", "wrong-date", "unreadable", "too-much"),
        *("link-differs", "link-hides-host", "link-to-number", "link-foreign-letters", "link-data", "link-odd"),
        *("link-shortened", "link-redirects", "links-elsewhere", "time-limited"),
        *("call-about-charge", "order-elsewhere", "account-ends", "prize"),
        *("page-form", "page-password", "page-script", "attached-form", "attached-password", "attached-script"),
        *("attachment-runs", "attachment-macros", "attachment-page", "attachment-disguised", "attachment-packed"),
        *("attachment-encrypted", "attachment-old-office", "content-unchecked"),
        *("virus", "rspamd-rejects", "rspamd-suspects", "rspamd-clean", "not-scanned", "listed-client"),
    )
)
SIGNALS_BEFORE = {"perishable": "time-limited"}  # names in rules and messages stored before 0.1.0
COMPARED = (  # signals that no rule can ask for
    *("name-of-ours", "name-of-known", "look-alike-of-known", "many-of-us", "first-contact", "first-contact-department"),
    *(
        "first-contact-person",
        "never-let-in",
        "during-flood",
        "address-of-ours",
        "code-link",
        "code-only",
        "open-platform",
        "sends-differently",
    ),
)
FINDINGS = (
    *(file_content.RUNS, file_content.SCRIPT, file_content.MACROS, file_content.MACROS_RUN),
    *(file_content.TEMPLATE, file_content.PARTIAL, file_content.MISLABELLED, file_content.ENCRYPTED),
)


def check_conditions(given: Mapping[str, Sequence[str]]) -> Conditions:
    """The conditions folded and in order; BadInput says what is wrong, and what to write instead."""
    unknown = next((name for name in given if name not in NAMES), None)
    if unknown is not None:
        raise BadInput(unknown_word(unknown, NAMES), field="conditions")
    found = tuple((name, check_values(name, given[name])) for name in NAMES if given.get(name))
    if not any(name != DIRECTION for name, _ in found):
        raise BadInput(say("a rule on content needs a condition that says which messages it is about"), field="conditions")
    return found


def as_conditions(stored: Mapping[str, Sequence[str]]) -> Conditions:
    """Returns a rule's stored conditions in the order of NAMES."""
    return tuple((name, tuple(SIGNALS_BEFORE.get(one, one) for one in stored[name])) for name in NAMES if stored.get(name))


def check_values(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """The values of one condition, each once."""
    if len(values) > MOST_VALUES:
        raise BadInput(
            say("{name} has {count} values; at most {most} are possible", name=name, count=len(values), most=MOST_VALUES), field=name
        )
    return tuple(dict.fromkeys(FOLDS[name](name, value.strip().casefold()) for value in values))


def unknown_word(unknown: str, names: Iterable[str]) -> str:
    """Says that a word is unknown, and suggests the closest one or lists all."""
    known = list(names)
    shown, close = quote_text(unknown[:40]), difflib.get_close_matches(SIGNALS_BEFORE.get(unknown, unknown), known, 1)
    if close:
        return say("there is no {unknown}; did you mean {close}?", unknown=shown, close=quote_text(close[0]))
    return say("there is no {unknown}; there are {names}", unknown=shown, names=", ".join(sorted(known)))


def fold_signal(name: str, value: str) -> str:
    """The name of a signal that a message shows of itself."""
    if value in COMPARED:
        raise BadInput(
            say("{signal} depends on more than the message itself; a rule on content cannot ask for it", signal=value), field=name
        )
    return one_of(value, SIGNALS, name)


def fold_wording(name: str, value: str) -> str:
    """Checks a topic of the message's wording, one of WORDINGS."""
    return one_of(value, WORDINGS, name)


def fold_language(name: str, value: str) -> str:
    """The code of a language that is told by its words or letters."""
    return one_of(value, LANGUAGES, name)


def fold_direction(name: str, value: str) -> str:
    """Checks the direction of a message: from outside, or sent inside the company."""
    return one_of(value, (INCOMING, INTERNAL), name)


def one_of(value: str, names: Iterable[str], field: str) -> str:
    """The value, where it is one of these."""
    if value not in names:
        raise BadInput(unknown_word(value, names), field=field)
    return value


def fold_domain(name: str, value: str) -> str:
    """A domain, which means everything below it too."""
    try:
        domain = ascii_domain(value.removeprefix("*.").removeprefix("."))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field=name) from fault
    if "." not in domain:
        raise BadInput(say("{value} is a whole top-level domain", value=value), field=name)
    return domain


def fold_address(name: str, value: str) -> str:
    """A pattern of addresses, one address, or a domain, which means everything below it too."""
    if is_pattern(value):
        local, at, domain = fold_text(name, value).rpartition("@")
        return f"{local}{at}{ascii_pattern(name, domain)}"
    if "@" not in value:
        return fold_domain(name, value)
    try:
        return str(Address.parse(value))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field=name) from fault


def ascii_pattern(name: str, domain: str) -> str:
    """A pattern of domains, each label without a star as the DNS knows it."""
    try:
        return ".".join(label if is_pattern(label) else ascii_label(label) for label in domain.split("."))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field=name) from fault


def fold_kind(name: str, value: str) -> str:
    """Checks and folds a kind of attachment: a finding in its bytes, or a media type. BadInput for any other word."""
    if value in FINDINGS or MEDIA_TYPE.fullmatch(value):
        return fold_text(name, value)
    kinds = list_with_or((*sorted(FINDINGS), say("a media type like application/zip or image/*")))
    raise BadInput(say("{value} is no kind of attachment; write {kinds}", value=quote_text(value[:40]), kinds=kinds), field=name)


def fold_digest(name: str, value: str) -> str:
    """The SHA-256 of an attachment."""
    if not DIGEST.fullmatch(value):
        raise BadInput(say("a SHA-256 in 64 hexadecimal digits, not {value}", value=quote_text(value[:80])), field=name)
    return value


def fold_text(name: str, value: str) -> str:
    """A text or a pattern that cannot fit everything."""
    if not value or len(value) > LONGEST or not value.isprintable():
        raise BadInput(say("between 1 and {longest} printable characters", longest=LONGEST), field=name)
    if value.count(ANY) > MOST_STARS:
        raise BadInput(say("{value} has more than {most} stars", value=quote_text(value[:40]), most=MOST_STARS), field=name)
    if is_pattern(value) and sum(map(str.isalnum, value)) < LEAST_LETTERS:
        raise BadInput(
            say("{value} would match everything; name at least {least} letters", value=quote_text(value), least=LEAST_LETTERS), field=name
        )
    return value


FOLDS: dict[str, Callable[[str, str], str]] = {  # what fewest messages have first: a rule is filed under its first condition
    ATTACHMENT_HASH: fold_digest,
    LINK_DOMAIN: fold_domain,
    REPLY_TO: fold_address,
    AUTHOR: fold_address,
    LIST: fold_text,
    ATTACHMENT_NAME: fold_text,
    WORDING: fold_wording,
    SIGNAL: fold_signal,
    ATTACHMENT_KIND: fold_kind,
    LANGUAGE: fold_language,
    DIRECTION: fold_direction,
}
NAMES = tuple(FOLDS)
