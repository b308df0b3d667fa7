"""Signals of behaviour: number of recipients, bulk, first contact, unreadable messages, a wrong date."""

from collections.abc import Iterable
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from triage.message.signals.signal_context import Seen, Signal
from triage.say import format_day, join_parts, say

MANY = 10  # mailboxes of ours from which on it came for many


def find_unreadable(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when a message exceeded a limit or could not be parsed."""
    if not seen.summary.parsed:
        why = join_parts(" ", (say("It could not be parsed safely; check it with care."), *seen.summary.problems[-1:]))
        yield Signal("unreadable", why, 40, tuple(map(str, seen.summary.problems)))


def too_much(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when not all of the message was examined: something deceptive may stand behind a thousand harmless links."""
    if seen.summary.overlooked:
        yield Signal(
            "too-much",
            say("Not all of it was examined. {what}", what=seen.summary.overlooked[0]),
            15,
            tuple(map(str, seen.summary.overlooked)),
        )


def find_stranger(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when no message of this author was released before."""
    author = seen.summary.author
    if not author or seen.met.accepted:
        return
    others = say("Others at {domain} have written before.", domain=seen.author_domain) if seen.met.colleagues else ""
    if seen.met.wrote:
        sentence = say("{author} has written before, but no message was ever released.", author=author)
        yield Signal("never-let-in", join_parts(" ", [sentence, others]), 10, (author,))
    else:
        sentence = say("First message from {author} to your company.", author=author)
        yield Signal("first-contact", join_parts(" ", [sentence, others]), 5 if others else 10, (author,))


def stranger_here(author: str, department: str, *, to_department: bool, to_person: str) -> Iterable[Signal]:
    """Yields a signal when an author known to the company writes to this department, or to this person, for the first time.

    `to_department`: the department has had messages. `to_person`: the person's name when they have had none, "" otherwise.
    """
    if not to_department and department:
        yield Signal(
            "first-contact-department",
            say("{author} has written to your company before, but not to this department.", author=author),
            5,
            (author, department),
        )
    elif to_person:
        yield Signal(
            "first-contact-person",
            say("{author} has written to this department before, but not to {to_person}.", author=author, to_person=to_person),
            0,
            (author,),
        )


def sent_to_many(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the message came for many of our mailboxes at once."""
    if seen.recipients >= MANY:
        yield Signal(
            "many-of-us", say("Sent to {recipients} of your mailboxes at once.", recipients=seen.recipients), 5, (str(seen.recipients),)
        )


def find_bulk(seen: Seen) -> Iterable[Signal]:
    """Yields a signal for bulk messages, and for those that a program sent."""
    summary = seen.summary
    if not summary.automatic:
        return
    if summary.list_id:
        sentence = say("Bulk message, sent by the mailing list {list_id}.", list_id=summary.list_id)
    elif summary.automatic.startswith("list-") or summary.automatic in ("precedence", "feedback-id"):
        sentence = say("Bulk message, by its header field {automatic}.", automatic=summary.automatic)
    else:
        yield Signal(
            "automatic", say("Sent by a program, by its header field {automatic}.", automatic=summary.automatic), 0, (summary.automatic,)
        )
        return
    yield Signal("bulk", sentence, 0, (summary.automatic,))


def wrong_date(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the Date is far from when the message came."""
    try:
        written_at = parsedate_to_datetime(seen.summary.date)
        early = seen.now - (written_at if written_at.tzinfo else written_at.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return
    if not -timedelta(days=2) < early < timedelta(days=30):
        yield Signal("wrong-date", say("Dated {written_at}.", written_at=format_day(written_at)), 10, (seen.summary.date,))
