"""What the company knows beside a message before its signals are found: its people, and how the sender stands with it."""

from collections.abc import Sequence
from datetime import timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from triage import directory, markers, order
from triage.entering import NewDelivery
from triage.expectations import Expected
from triage.models import Person
from triage.severity import Severity, severity
from triage.signals import Life, Signal, weight
from triage.signals.behaviour import stranger_here
from triage.standing import Senders, Standing
from triage.states import State

_names: WeakKeyDictionary[Engine, tuple[int, dict[str, str]]] = WeakKeyDictionary()  # the directory's version and its people


def about_copy(senders: Senders, one: NewDelivery, known: Standing) -> list[Signal]:
    """The signals about one copy alone: is its author new to this department or person? Asked for what people will look at."""
    if one.state != State.HELD or not known.met.let_in or not one.author:
        return []
    department = senders.has_written_to(one.author, one.department)
    alone = bool(one.person) and department and not senders.has_written_to(one.author, one.department, one.person)
    return list(stranger_here(one.author, one.department, to_department=department, to_person=one.person if alone else ""))


def place(
    senders: Senders,
    one: NewDelivery,
    found: Sequence[Signal],
    known: Standing,
    expected: Expected,
    *,
    deadline: Life | None,
    answers: bool,
) -> None:
    """Give a copy its own signals and its place in the order of the cards. `found` are the signals of its message, `answers` is as
    `order.reasons` wants it. `deadline`: how long it is of use, which counts where the author is verified and nothing is suspicious."""
    own = about_copy(senders, one, known)
    everything = (*found, *own)
    one.weight = weight(everything)
    one.severity = severity(one.weight, {signal.name for signal in everything})
    deadline = deadline if one.proof and one.severity < Severity.SUSPICIOUS else None
    why = order.reasons(
        everything,
        author=one.author,
        proof=one.proof,
        deadline=deadline,
        answers=answers,
        by_sender=known.by_sender,
        by_domain=known.by_domain,
        by_campaign=known.by_campaign,
    )
    if awaited := expected.by(one.person, one.author, one.proof):
        why = tuple(sorted((*why, awaited), key=lambda reason: -abs(reason.points)))
    one.signals = [signal.as_json() for signal in own]
    if deadline:
        one.perishable_until, one.lifetime_assumed = one.received_at + timedelta(minutes=deadline.minutes), not deadline.stated
    one.urgency, one.why_here = order.urgency(why), [reason.as_json() for reason in why]


def names_of_people(session: Session) -> dict[str, str]:
    """Folded full name to mailbox of everybody who works here, read again when the directory has changed."""
    key, version = session.get_bind().engine, markers.read(session, directory.VERSION)
    kept = _names.get(key)
    if kept is None or kept[0] != version:
        people = session.execute(select(col(Person.name), col(Person.mailbox)).where(col(Person.active)))
        kept = _names[key] = (version, {name.casefold(): mailbox for name, mailbox in people})
    return kept[1]
