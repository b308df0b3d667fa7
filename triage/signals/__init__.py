"""What a trained eye wants to know about a message: each a name, a sentence, and what it rests on. Never a verdict."""

from collections.abc import Callable, Iterable

from triage.signals import attachments, authenticity, behaviour, links, names, perishing, replies, scanning, wording
from triage.signals.perishing import Life, life, perishable_minutes
from triage.signals.seen import Correspondents, Met, Seen, Signal

__all__ = ["Correspondents", "Life", "Met", "Seen", "Signal", "life", "perishable_minutes", "signals", "weight"]

FULL_WEIGHT = 100
RULES: tuple[Callable[[Seen], Iterable[Signal]], ...] = (
    behaviour.unreadable,
    behaviour.too_much,
    authenticity.unclear_author,
    authenticity.forged_own_domain,
    names.borrowed_name,
    names.namesake,
    names.much_imitated,
    names.disguised_words,
    names.address_in_name,
    names.lookalike_domain,
    names.foreign_letters,
    names.hidden_characters,
    replies.reply_elsewhere,
    replies.return_path_elsewhere,
    replies.through_a_list,
    authenticity.unproven,
    authenticity.proven,
    scanning.virus,
    scanning.opinion,
    scanning.silent,
    scanning.listed_client,
    links.deceiving,
    links.shortened,
    links.redirecting,
    links.elsewhere,
    links.page_parts,
    attachments.dangerous,
    wording.asking_for_money,
    wording.asking_for_secrets,
    behaviour.wrong_date,
    behaviour.many_of_us,
    behaviour.bulk,
    behaviour.stranger,
    perishing.perishable,
)


def signals(seen: Seen) -> tuple[Signal, ...]:
    """Everything worth knowing about a message, the heaviest first."""
    found = [signal for rule in RULES for signal in rule(seen)]
    return tuple(sorted(found, key=lambda signal: -signal.weight))


def weight(signals: Iterable[Signal]) -> int:
    """The weights added up, at most 100: how much to mind."""
    return min(FULL_WEIGHT, sum(signal.weight for signal in signals))
