"""How it behaves: how many it came for, whether it is bulk, new to us, unreadable, or from another time."""

from collections.abc import Iterable
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from triage.message.signals.signal_context import Seen, Signal

MANY = 10  # mailboxes of ours from which on it came for many


def find_unreadable(seen: Seen) -> Iterable[Signal]:
    """It went past a limit, or its parser did."""
    if not seen.summary.parsed:
        yield Signal("unreadable", "It could not be read safely; look at it with care.", 40, seen.summary.problems)


def too_much(seen: Seen) -> Iterable[Signal]:
    """There is more of it than is looked at: what deceives may stand behind a thousand links that do not."""
    if seen.summary.overlooked:
        yield Signal("too-much", f"Not all of it was looked at. {seen.summary.overlooked[0]}", 15, seen.summary.overlooked)


def find_stranger(seen: Seen) -> Iterable[Signal]:
    """Nothing of this author was let in before."""
    author = seen.summary.author
    if not author or seen.met.let_in:
        return
    known = f", but from others at {seen.author_domain}" if seen.met.colleagues else ""
    if seen.met.wrote:
        yield Signal("never-let-in", f"{author} wrote here before, but nothing was let in{known}.", 10, (author,))
    else:
        yield Signal("first-contact", f"Nobody here has had mail from {author} before{known}.", 5 if known else 10, (author,))


def stranger_here(author: str, department: str, *, to_department: bool, to_person: str) -> Iterable[Signal]:
    """Of an author whose mail others here were let have: is it the first for this department, or for this person?

    `to_department`: the department had some. `to_person`: the person's name when they had none, "" otherwise.
    """
    if not to_department and department:
        yield Signal("first-contact-department", f"{author} is known here, but not in this department.", 5, (author, department))
    elif to_person:
        yield Signal(
            "first-contact-person", f"{author} is known in this department, but has not written to {to_person} before.", 0, (author,)
        )


def many_of_us(seen: Seen) -> Iterable[Signal]:
    """It was sent to many of us at once."""
    if seen.recipients >= MANY:
        yield Signal("many-of-us", f"It came for {seen.recipients} of us at once.", 5, (str(seen.recipients),))


def find_bulk(seen: Seen) -> Iterable[Signal]:
    """It went to many and says so, or a program wrote it."""
    summary = seen.summary
    if not summary.automatic:
        return
    if summary.list_id:
        sentence = f"It is bulk mail, by the list {summary.list_id}."
    elif summary.automatic.startswith("list-") or summary.automatic in ("precedence", "feedback-id"):
        sentence = f"It is bulk mail: its field {summary.automatic} says so."
    else:
        yield Signal("automatic", f"A program wrote it: its field {summary.automatic} says so.", 0, (summary.automatic,))
        return
    yield Signal("bulk", sentence, 0, (summary.automatic,))


def wrong_date(seen: Seen) -> Iterable[Signal]:
    """It says it was written at another time than it came."""
    try:
        written_at = parsedate_to_datetime(seen.summary.date)
        early = seen.now - (written_at if written_at.tzinfo else written_at.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return
    if not -timedelta(days=2) < early < timedelta(days=30):
        yield Signal("wrong-date", f"It says it was written on {written_at:%d %b %Y}.", 10, (seen.summary.date,))
