"""Context of a sender for the signals: the company's people, and its history with the sender."""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, and_, select
from sqlmodel import Session, col

from triage.directory import apply as directory
from triage.message.authentication import Authentication
from triage.message.signals import priority, second_look
from triage.message.signals.behaviour import stranger_here
from triage.message.signals.learned_order import NOTHING_LEARNED, Learned
from triage.message.signals.severity import Severity, rate_severity
from triage.message.signals.signal_context import Signal, sum_weights
from triage.message.signals.time_critical import Life
from triage.message.summary import Summary
from triage.policy.contacts.sender_history import ACCEPTED, LOOKED_AT, Senders, Standing
from triage.policy.contacts.wanted_senders import was_released
from triage.quarantine.requests.expected_senders import Expected
from triage.store import versions
from triage.store.delivery_state import State
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.messages import Message
from triage.store.new_rows import NewDelivery

ProofWay = tuple[str, bool]  # by what somebody is proven, and whether their domain signed it
LAST = 20  # messages of an author whose verification is compared


class EarlierProofs(NamedTuple):
    """Proofs of an author in those of their last messages that were delivered."""

    ways: frozenset[ProofWay] = frozenset()  # no way at all is one of them
    verified: int = 0
    released: int = 0  # not verified, and released by somebody: what came in by a rule or unasked says nothing about a forger


_names: WeakKeyDictionary[Engine, tuple[int, dict[str, str]]] = WeakKeyDictionary()  # the directory's version and its people


def signals_of_copy(senders: Senders, one: NewDelivery, known: Standing) -> list[Signal]:
    """Returns the signals about one copy alone, such as an author new to this department or person. Only held copies have any."""
    if one.state != State.HELD or not known.met.accepted or not one.author:
        return []
    department = senders.has_written_to(one.author, one.department)
    alone = bool(one.person) and department and not senders.has_written_to(one.author, one.department, one.person)
    return list(stranger_here(one.author, one.department, to_department=department, to_person=one.person if alone else ""))


def place_in_queue(
    senders: Senders,
    one: NewDelivery,
    found: Sequence[Signal],
    known: Standing,
    expected: Expected,
    *,
    deadline: Life | None,
    answers: bool,
    learned: Learned = NOTHING_LEARNED,
) -> tuple[Signal, ...]:
    """Give a copy its own signals and its place in the order of the rows. `found` are the signals of its message, `answers` is as
    `priority.reasons` wants it. `deadline`: how long it is of use, which counts where the author is verified and nothing is suspicious.

    Returns all signals, the message's and its own.
    """
    own = signals_of_copy(senders, one, known)
    everything = (*found, *own)
    one.weight = sum_weights(everything)
    one.severity = rate_severity(one.weight, {signal.name for signal in everything})
    deadline = deadline if one.proof and one.severity < Severity.SUSPICIOUS else None
    why = priority.priority_reasons(
        everything,
        author=one.author,
        proof=one.proof,
        deadline=deadline,
        answers=answers,
        by_sender=known.by_sender,
        by_domain=known.by_domain,
        by_campaign=known.by_campaign,
        learned=learned,
    )
    awaited = None if one.claimed else expected.by(one.person, one.author, one.proof)
    if awaited is None and not known.met.accepted:
        awaited = expected.by_code(one.person, one.subject)
    if awaited:
        why = tuple(sorted((*why, awaited), key=lambda reason: -abs(reason.points)))
    one.signals = [signal.as_json() for signal in own]
    if deadline:
        one.time_limited_until, one.lifetime_assumed = one.received_at + timedelta(minutes=deadline.minutes), not deadline.stated
    one.urgency, one.why_here = priority.sum_urgency(why), [reason.as_json() for reason in why]
    return everything


def set_second_look(
    one: NewDelivery,
    found: Sequence[Signal],
    authentication: Authentication,
    summary: Summary,
    freemail: Collection[str],
    *,
    is_known: bool,
    proofs_of: Callable[[str], EarlierProofs],
) -> None:
    """Say of a copy why it needs a second look before it is released, and who passed it on.

    `found`: all signals that it has; `is_known`: messages of its author were accepted before; `proofs_of`: as `earlier_proofs`.
    """
    about_money = any(signal.name == second_look.BANK_DETAILS for signal in found)
    is_asked = is_known and (about_money or not one.proof)
    changed = is_asked and is_verified_otherwise(proof_way(one.proof, authentication), proofs_of(one.author))
    looks = second_look.find_second_looks(found, authentication, proof=one.proof, changed=changed)
    one.second_look = int(looks)
    one.passed_on_by = second_look.find_carrier(looks, authentication, summary, freemail)


def is_verified_otherwise(now: ProofWay, before: EarlierProofs) -> bool:
    """Whether an author is proven in a way in which none of their earlier messages was, or not proven although most of those were.

    One unverified message that somebody released excuses no other: it may have been a forger's first.
    """
    proof, _ = now
    if proof:
        return bool(before.ways) and now not in before.ways
    return before.verified > 0 and before.verified >= before.released


def earlier_proofs(session: Session, author: str) -> EarlierProofs:
    """Collects how the author was proven in those of their last messages that were delivered; a message counts once for all its copies."""
    theirs = and_(col(Delivery.author) == author, col(Delivery.claimed).is_(False), ACCEPTED)
    copies = session.execute(
        select(col(Delivery.message_id), col(Delivery.proof), was_released())
        .where(theirs)
        .order_by(col(Delivery.received_at).desc())
        .limit(LOOKED_AT)
    )
    proofs: dict[int, str] = {}
    released: set[int] = set()
    for message, proof, by_somebody in copies:
        if message in proofs or len(proofs) < LAST:
            proofs[message] = proofs.get(message) or proof
            released |= {message} if by_somebody else set()
    known = session.execute(select(col(Message.id), col(Message.record)).where(col(Message.id).in_(list(proofs))))
    ways = frozenset(proof_way(proofs[message], Authentication.from_json(record.authentication)) for message, record in skip_damaged(known))
    verified = {message for message, proof in proofs.items() if proof}
    return EarlierProofs(ways, len(verified), len(released - verified))


def proof_way(proof: str, authentication: Authentication) -> ProofWay:
    """Returns how somebody is proven: by which proof, and whether their domain signed the message."""
    return proof, bool(proof) and "dkim" in authentication.dmarc.aligned


def names_of_people(session: Session) -> dict[str, str]:
    """Folded full name to mailbox of everybody who works here, read again when the directory has changed."""
    key, version = session.get_bind().engine, versions.read_version(session, directory.VERSION)
    kept = _names.get(key)
    if kept is None or kept[0] != version:
        people = session.execute(select(col(Person.name), col(Person.mailbox)).where(col(Person.active)))
        kept = _names[key] = (version, {name.casefold(): mailbox for name, mailbox in people})
    return kept[1]
