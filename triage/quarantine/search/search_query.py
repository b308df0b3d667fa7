"""The grammar of a search: words, FIELD:VALUE, and every field name that there is or will be. Values."""

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from triage.errors import BadInput
from triage.ids import is_like
from triage.say import quote_text, say

FIELDS = (
    *("from", "to", "dept", "subject", "has", "link", "state", "by", "proof", "severity", "campaign", "after", "before"),
    *("message-id", "queue-id", "reply-to", "verified", "file", "hash", "ip", "is", "risk", "rule", "signal", "claimed"),
)
MEANT = {  # what other programs call our fields
    "attachment": "file",
    "date": "after",
    "department": "dept",
    "domain": "from",
    "filename": "file",
    "newer": "after",
    "older": "before",
    "recipient": "to",
    "sender": "from",
    "since": "after",
    "status": "state",
    "until": "before",
    "url": "link",
}
ALIKE = 0.75  # of 1: as much as a mistyped field has of the field that is meant
ANSWERS = ("re", "fw", "fwd", "aw", "wg", "antw", "sv", "vs", "tr", "rv", "ref", "rif", "odp")  # as subjects of answers begin
SCHEMES = ("cid", "data", "geo", "javascript", "magnet", "mailto", "mid", "news", "sip", "sips", "sms", "tel", "urn", "xmpp")
NO_FIELDS = frozenset(("", *ANSWERS, *SCHEMES))
ANY_ID = "id"  # the field of a word that is an id: of a message, of a delivery, or in a 250 reply
UNKNOWN = re.compile(r"-?(?P<name>[a-z][a-z-]+):(?!//)(?=\S)", re.IGNORECASE)
TERM = re.compile(rf'(?P<sign>-?)(?:(?P<name>{"|".join(FIELDS)}):(?=\S))?(?:"(?P<phrase>[^"]+)"|(?P<word>\S+))', re.IGNORECASE)
MOST_TERMS = 20


@dataclass(frozen=True, slots=True)
class Term:
    """Term of a search: a property that a message must have, or must not have."""

    name: str  # of FIELDS; "": the words stand anywhere in subject, names or addresses; ANY_ID
    value: str  # folded
    wanted: bool = True


def parse_terms(text: str) -> tuple[Term, ...]:
    """Parses a search term by term; every term must match. A field without a value is a word like others, and so is an unknown field:
    a stored search may have one. BadInput when there are too many.
    """
    found = list(TERM.finditer(text))
    if len(found) > MOST_TERMS:
        raise BadInput(
            say("a search takes at most {most_terms} words, and this one has {number}", most_terms=MOST_TERMS, number=f"{len(found):,}"),
            field="q",
        )
    return tuple(map(parse_term, found))


def parse_term(match: re.Match[str]) -> Term:
    """Parses one term; a sign alone is a word."""
    name, value = (match["name"] or "").lower(), match["phrase"] or match["word"]
    if not name and match["word"] and is_like(value):
        name = ANY_ID
    return Term(name, value.casefold(), not match["sign"])


def refuse_unknown_fields(text: str) -> None:
    """BadInput for a field of a search that does not exist: where somebody enters it, never where a stored one is read."""
    for match in TERM.finditer(text):
        if match["word"] and not match["name"]:
            refuse_unknown_field(match["word"])


def refuse_unknown_field(word: str) -> None:
    """BadInput for `sender:x`, `form:x` or `body:x`, with the field that is meant, or all. `re:x` and web addresses are words."""
    named = UNKNOWN.match(word)
    name = named["name"].lower() if named else ""
    if name in NO_FIELDS:
        return
    nearest = MEANT.get(name) or next(iter(difflib.get_close_matches(name, FIELDS, n=1, cutoff=ALIKE)), "")
    if nearest:
        sentence = say(
            "there is no field {name}:, but {nearest}:; put the word in quotes to search for it as text", name=name, nearest=nearest
        )
    else:
        fields = ", ".join(f"{one}:" for one in FIELDS)
        sentence = say(
            "there is no field {name}:, only {fields}; put the word in quotes to search for it as text", name=name, fields=fields
        )
    raise BadInput(sentence, field="q")


def parse_day(term: Term) -> datetime:
    """The day that a term names, its first moment in UTC."""
    try:
        return datetime.strptime(term.value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as fault:
        raise BadInput(
            say("{name}: takes a day like 2026-11-24, not {value}", name=term.name, value=quote_text(term.value)), field="q"
        ) from fault
