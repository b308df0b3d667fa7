"""What somebody types to find mail: words, and NAME:VALUE for what only a part of it says. Values."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from triage.errors import BadInput
from triage.say import say

NAMES = ("from", "to", "dept", "subject", "has", "link", "state", "by", "proof", "severity", "campaign", "after", "before")
TERM = re.compile(rf'(?P<sign>-?)(?:(?P<name>{"|".join(NAMES)}):(?=\S))?(?:"(?P<phrase>[^"]+)"|(?P<word>\S+))', re.IGNORECASE)
MOST_TERMS = 20


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a mail must be, or must not be."""

    name: str  # "": the words stand anywhere in subject, names or addresses
    value: str  # folded
    wanted: bool = True


def parse_terms(text: str) -> tuple[Term, ...]:
    """What a search says, term by term; every one must be so. A name that is none, or has no value yet, is a word like others.

    BadInput when there are too many.
    """
    found = tuple(parse_term(match) for match in TERM.finditer(text))
    if len(found) > MOST_TERMS:
        raise BadInput(say("at most {most_terms} words", most_terms=MOST_TERMS), field="q")
    return found


def parse_term(match: re.Match[str]) -> Term:
    """One of them; a sign alone is a word."""
    value = match["phrase"] or match["word"]
    return Term((match["name"] or "").lower(), value.casefold(), not match["sign"])


def parse_day(term: Term) -> datetime:
    """The day that a term names, its first moment in UTC."""
    try:
        return datetime.strptime(term.value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as fault:
        raise BadInput(
            say("{name}: takes a day like 2026-11-24, not {value}", name=term.name, value=repr(term.value)), field="q"
        ) from fault
