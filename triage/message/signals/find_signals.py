"""Finds everything worth knowing about a message: every rule that looks for signals, and what they find together."""

from collections.abc import Callable, Iterable, Mapping

from triage.message.signals import (
    attachments,
    authenticity,
    behaviour,
    escalation_topics,
    impersonation,
    links,
    pretexts,
    reply_to,
    scanners,
    time_critical,
    wording,
)
from triage.message.signals.signal_context import Seen, Signal

Finder = Callable[[Seen], Iterable[Signal]]
Found = Mapping[Finder, tuple[Signal, ...]]
RULES: tuple[Finder, ...] = (
    behaviour.find_unreadable,
    behaviour.too_much,
    authenticity.unclear_author,
    authenticity.forged_own_domain,
    impersonation.borrowed_name,
    impersonation.borrowed_local_part,
    impersonation.find_namesake,
    impersonation.much_imitated,
    impersonation.disguised_words,
    impersonation.address_in_name,
    impersonation.lookalike_domain,
    impersonation.lookalike_of_known,
    impersonation.foreign_letters,
    impersonation.hidden_characters,
    reply_to.reply_elsewhere,
    reply_to.return_path_elsewhere,
    reply_to.through_a_list,
    authenticity.find_unproven,
    authenticity.find_proven,
    authenticity.find_new_proof,
    authenticity.find_open_platform,
    scanners.find_virus,
    scanners.find_rspamd_opinion,
    scanners.find_silent_scanner,
    scanners.listed_client,
    links.find_deceiving_links,
    links.find_shortened_links,
    links.find_redirecting_links,
    links.find_foreign_links,
    links.find_codes,
    links.page_parts,
    attachments.find_dangerous,
    wording.asking_for_money,
    wording.asking_for_secrets,
    pretexts.find_call_about_charge,
    pretexts.find_pretexts,
    escalation_topics.find_threat,
    escalation_topics.setting_deadlines,
    behaviour.wrong_date,
    behaviour.sent_to_many,
    behaviour.find_bulk,
    behaviour.find_stranger,
    time_critical.find_time_limit,
)
# They rest on who works here, whom the company knows and whom the message is for; all others on the message and on how it came.
BY_COMPARISON = (
    impersonation.borrowed_local_part,
    authenticity.find_new_proof,
    impersonation.borrowed_name,
    impersonation.find_namesake,
    impersonation.lookalike_of_known,
    links.find_codes,
    behaviour.sent_to_many,
    behaviour.find_stranger,
)


def of_itself(seen: Seen) -> Found:
    """Runs the rules that need only the message itself; slow for a message that is made to take long."""
    return {rule: tuple(rule(seen)) for rule in RULES if rule not in BY_COMPARISON}


def find_signals(seen: Seen, found: Found | None = None) -> tuple[Signal, ...]:
    """Finds all signals of a message, the heaviest first. `found`: signals of the message itself, if they were computed before."""
    found = found or of_itself(seen)
    every = [signal for rule in RULES for signal in (found[rule] if rule in found else rule(seen))]
    return tuple(sorted(every, key=lambda signal: -signal.weight))
