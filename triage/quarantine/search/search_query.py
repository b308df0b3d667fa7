"""The grammar of a search: words, FIELD:VALUE, and every field name that there is or will be. Values."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from triage.errors import BadInput
from triage.ids import is_like
from triage.say import say

FIELDS = (
    *("from", "to", "dept", "subject", "has", "link", "state", "by", "proof", "severity", "campaign", "after", "before"),
    *("message-id", "queue-id"),
)
NOT_YET = ("file", "hash", "ip", "is", "reply-to", "risk", "rule", "signal", "verified")  # kept free for what is to come
ANY_ID = "id"  # the field of a word that is an id: of a message, of a delivery, or in a 250 reply
TERM = re.compile(rf'(?P<sign>-?)(?:(?P<name>{"|".join(FIELDS + NOT_YET)}):(?=\S))?(?:"(?P<phrase>[^"]+)"|(?P<word>\S+))', re.IGNORECASE)
MOST_TERMS = 20


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a mail must be, or must not be."""

    name: str  # of FIELDS; "": the words stand anywhere in subject, names or addresses; ANY_ID
    value: str  # folded
    wanted: bool = True


def parse_terms(text: str) -> tuple[Term, ...]:
    """What a search says, term by term; every one must be so. A name that is none, or has no value yet, is a word like others.

    BadInput when there are too many, or when a field cannot be searched yet.
    """
    found = tuple(parse_term(match) for match in TERM.finditer(text))
    if len(found) > MOST_TERMS:
        raise BadInput(say("at most {most_terms} words", most_terms=MOST_TERMS), field="q")
    return found


def parse_term(match: re.Match[str]) -> Term:
    """One of them; a sign alone is a word. BadInput for a field that cannot be searched yet."""
    name, value = (match["name"] or "").lower(), match["phrase"] or match["word"]
    if name in NOT_YET:
        raise BadInput(say("{name}: cannot be searched yet; put the word in quotes to search for it as text", name=name), field="q")
    if not name and match["word"] and is_like(value):
        name = ANY_ID
    return Term(name, value.casefold(), not match["sign"])


def parse_day(term: Term) -> datetime:
    """The day that a term names, its first moment in UTC."""
    try:
        return datetime.strptime(term.value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as fault:
        raise BadInput(
            say("{name}: takes a day like 2026-11-24, not {value}", name=term.name, value=repr(term.value)), field="q"
        ) from fault
