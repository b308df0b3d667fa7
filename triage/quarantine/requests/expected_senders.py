""" "I expect mail from …": what people here expect, and what that says on a row. It proves nothing and lets nothing in."""

import re
from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from triage.addressing.envelope import ancestor_domains
from triage.message.signals.priority import Reason
from triage.say import join_parts, say
from triage.store import db
from triage.store.models.employees import Expectation

WORD = "expected"
POINTS, UNPROVEN_POINTS = 30, 5  # whoever knows what is expected could pretend to be it
CODE_POINTS = 20  # a code word was given to somebody, who may pass it on
CODE = re.compile(r"\b[a-z]{3,8}-\d{3}\b")
MOST_CODES = 3  # in a subject: whoever writes more of them is guessing


class Expected:
    """Expected senders among some authors, and code words in some subjects; queried once for all of them."""

    def __init__(self, session: Session, authors: Iterable[str], now: datetime, *, subjects: Iterable[str] = ()) -> None:
        wanted = {sender for author in authors for sender in senders_of(author)}
        wanted |= {word for subject in subjects for word in codes_in(subject)}
        rows = select(Expectation).where(db.is_among(session, col(Expectation.sender), sorted(wanted)), col(Expectation.until) > now)
        self.found = {(one.person, one.sender, one.is_code): one for one in session.exec(rows)} if wanted else {}

    def by(self, person: str, author: str, proof: str) -> Reason | None:
        """Returns the reason for the row of a message from this author to this person; None when the person does not expect the sender."""
        found = next((one for sender in senders_of(author) if (one := self.found.get((person, sender, False)))), None)
        return expected_reason(found, bool(proof)) if found else None

    def by_code(self, person: str, subject: str) -> Reason | None:
        """Returns the reason for the row of a stranger's message to this person whose subject has a code word of theirs."""
        found = next((one for word in codes_in(subject) if (one := self.found.get((person, word, True)))), None)
        return code_reason(found) if found else None


def codes_in(subject: str) -> list[str]:
    """Returns what may be code words in a subject, folded; none where they are so many that somebody guesses."""
    found = list(dict.fromkeys(CODE.findall(subject.casefold())))
    return found if len(found) <= MOST_CODES else []


def code_reason(one: Expectation) -> Reason:
    """Returns the reason that the row shows for a code word."""
    about = {"name": one.person_shown, "word": one.sender.upper(), "whom": one.words}
    return Reason(
        WORD, CODE_POINTS, say("{name} gave out the code word {word} (“{whom}”). It does not prove who wrote this message.", **about)
    )


def senders_of(author: str) -> list[str]:
    """The ways to name a sender: the address, its domain, and those above it."""
    domain = author.rpartition("@")[2]
    return [author, *ancestor_domains(domain)] if domain else []


def expected_reason(one: Expectation, proven: bool) -> Reason:
    """Returns the reason that the row shows for an expected sender."""
    about = {"name": one.person_shown, "sender": one.sender}
    said = (
        say("{name} expects messages from {sender} (“{words}”).", words=one.words, **about)
        if one.words
        else say("{name} expects messages from {sender}.", **about)
    )
    unproven = join_parts(" ", (said, say("Nothing proves that this message is from there.")))
    return Reason(WORD, POINTS, said) if proven else Reason(WORD, UNPROVEN_POINTS, unproven)
