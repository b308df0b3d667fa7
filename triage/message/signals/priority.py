"""Priority of rows in the queue: points for what costs most to delay and what is surest, each with a sentence. It never decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from triage.message.signals.learned_order import NOTHING_LEARNED, Learned, find_lessons
from triage.message.signals.signal_context import Signal, sum_weights
from triage.message.signals.time_critical import Life, spell_minutes
from triage.say import mark, say, say_count
from triage.text.json_values import as_dict

START = 50  # of 100, before anything speaks for it or against it
ODDITY = 0.6  # points that one of weight takes away
OWN_DOMAIN_HALF = 2  # what became of a colleague's mail says half as much
WANTED_BEFORE, WANTED_MOST = 8, 30
UNWANTED_BEFORE, UNWANTED_MOST = 20, 45


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason that moves a row by its points: up where they are positive."""

    name: str
    points: int
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the API."""
        return as_dict(self)


@dataclass(frozen=True, slots=True)
class Past:
    """Numbers of earlier messages that staff released and removed."""

    released: int = 0
    removed: int = 0


NOTHING_YET = Past()


def priority_reasons(
    signals: Sequence[Signal],
    *,
    author: str,
    proof: str,
    deadline: Life | None = None,
    answers: bool = False,
    by_sender: Past = NOTHING_YET,
    by_domain: Past = NOTHING_YET,
    by_campaign: Past = NOTHING_YET,
    learned: Learned = NOTHING_LEARNED,
) -> tuple[Reason, ...]:
    """Returns the reasons for a delivery's priority, the weightiest first.

    `proof`: how the author is proven, "" when not. `deadline`: how long it is of use, where that counts. `answers`: it names an earlier
    message. `by_sender`, `by_domain`, `by_campaign`: decisions about earlier messages from this address, from others of its domain, and of
    its campaign. `learned`: what staff decided lately about messages with the same signs.
    """
    names = {signal.name for signal in signals}
    found = [
        *time_limited(deadline),
        *suspicion_reason(signals),
        *proof_reason(author, proof),
        *answer_reason(answers and bool(author) and "bulk" not in names),
        *bulk_reason(names),
        *decision_reason(author, by_sender, "sender", 1),
        *decision_reason(say("its campaign"), by_campaign, "campaign", 1),
        *decision_reason(say("others at {domain}", domain=author.rpartition("@")[2]), by_domain, "domain", OWN_DOMAIN_HALF),
        *(Reason(f"learned-{one.sign}", one.points, one.sentence) for one in find_lessons(signals, learned)),
    ]
    return tuple(sorted(found, key=lambda reason: -abs(reason.points)))


def sum_urgency(reasons: Iterable[Reason]) -> int:
    """The points added up, from 0 (can wait, or is surely not wanted) to 100 (look at it first)."""
    return min(100, max(0, START + sum(reason.points for reason in reasons)))


def time_limited(deadline: Life | None) -> Iterable[Reason]:
    """Yields a reason for a time-limited message, which its section lists first. No points: they would stay when it has expired."""
    if deadline:
        words = mark("Expires in {time}: listed first until then.")
        usual = mark("Usually expires in {time}: listed first until then.")
        yield Reason("time-limited", 0, say(words if deadline.stated else usual, time=spell_minutes(deadline.minutes)))


def suspicion_reason(signals: Sequence[Signal]) -> Iterable[Reason]:
    """The more a trained eye minds, the surer it can wait: held, it harms nobody."""
    if taken := round(ODDITY * sum_weights(signals)):
        heaviest = max(signals, key=lambda signal: signal.weight)
        yield Reason("odd", -taken, say("Suspicious, above all: {sentence}", sentence=heaviest.sentence))


def proof_reason(author: str, proof: str) -> Iterable[Reason]:
    """Raises the priority of proven senders: staff want their messages more often."""
    if proof:
        yield Reason("proven", 10, say("Really from {domain}.", domain=author.rpartition("@")[2]))


def answer_reason(answers: bool) -> Iterable[Reason]:
    """Raises the priority of replies: a colleague may be expecting the answer."""
    if answers:
        yield Reason("answers", 10, say("It says that it replies to an earlier message."))


def bulk_reason(names: set[str]) -> Iterable[Reason]:
    """Yields reasons for bulk messages: one person seldom waits for what goes to many."""
    if "bulk" in names:
        yield Reason("bulk", -10, say("Bulk message: nobody waits for it personally."))
    if "many-of-us" in names:
        yield Reason("many", -10, say("Sent to many of your mailboxes at once."))


def decision_reason(whose: str, past: Past, name: str, share: int) -> Iterable[Reason]:
    """Yields reasons for what staff decided about earlier messages."""
    if past.released:
        points = min(WANTED_MOST, WANTED_BEFORE * (past.released + 1)) // share
        yield Reason(f"{name}-let-in", points, say("Staff released {times} from {whose}.", times=count_times(past.released), whose=whose))
    if past.removed:
        points = min(UNWANTED_MOST, UNWANTED_BEFORE * past.removed) // share
        yield Reason(
            f"{name}-taken-away", -points, say("Staff removed {times} from {whose}.", times=count_times(past.removed), whose=whose)
        )


def count_times(number: int) -> str:
    """A number of messages in words."""
    return say_count("{count} earlier message", "{count} earlier messages", count=number)
