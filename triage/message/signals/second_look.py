"""Second look: why releasing a message, or allowing its sender, has to be confirmed. The reasons, their order and their sentences. Pure."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from enum import IntFlag

from triage.message.authentication import Authentication, Result
from triage.message.mime.links import is_related_host
from triage.message.signals.severity import DANGERS, Severity, rate_severity
from triage.message.signals.signal_context import Signal, sum_weights
from triage.message.summary import Summary
from triage.say import join_parts, mark, say

REMEMBERED = timedelta(days=90)  # a forwarder or list that was confirmed does not ask again for so long
STRICT = ("reject", "quarantine")  # DMARC policies that ask receivers not to deliver what fails
FORGED, BANK_DETAILS = "own-domain-forged", "bank-details"  # signals
EXPLAINED = frozenset({"authentication-failed", "unproven", "return-path-elsewhere", "through-a-list"})  # signals that forwarding causes
LIST = "list:"  # how the carrier of a list's posts begins


class Look(IntFlag):
    """The reasons of one message. The number is what the database keeps."""

    DANGER_FOUND = 1
    OWN_DOMAIN_FORGED = 2
    DMARC_FAILS = 4
    NEW_BANK_DETAILS = 8
    NO_LONGER_VERIFIED = 128
    DANGEROUS = 16
    SUSPICIOUS = 32
    FORWARDED = 64  # no reason: it is suspicious only because of what forwarding does to a message

    @property
    def word(self) -> str:
        """The name that the API, the shell and the audit log use."""
        return str(self.name).lower().replace("_", "-")


CARRIED = Look.DMARC_FAILS | Look.NO_LONGER_VERIFIED  # what is explained where a carrier was confirmed
REASONS = tuple(one for one in Look if one is not Look.FORWARDED)  # the weightiest first
NAMES = tuple(one.word for one in REASONS)


def find_second_looks(signals: Sequence[Signal], authentication: Authentication, *, proof: str, changed: bool = False) -> Look:
    """Returns the reasons for a second look. `proof`: how the author is proven; `changed`: none of their earlier messages was like that."""
    names, found = {signal.name for signal in signals}, Look(0)
    if not (DANGERS - {FORGED}).isdisjoint(names):
        found |= Look.DANGER_FOUND
    if FORGED in names:
        found |= Look.OWN_DOMAIN_FORGED
    if is_refused(authentication):
        found |= Look.DMARC_FAILS
    if BANK_DETAILS in names and (changed or not proof):
        found |= Look.NEW_BANK_DETAILS
    if changed and not proof:
        found |= Look.NO_LONGER_VERIFIED
    return found | by_severity(signals)


def by_severity(signals: Sequence[Signal]) -> Look:
    """The reasons that are its severity."""
    names = {signal.name for signal in signals}
    bad = rate_severity(sum_weights(signals), names)
    if bad < Severity.SUSPICIOUS:
        return Look(0)
    if bad is Severity.DANGEROUS:
        return Look.DANGEROUS
    others = [signal for signal in signals if signal.name not in EXPLAINED]
    return Look.SUSPICIOUS | (Look.FORWARDED if rate_severity(sum_weights(others), names) < Severity.SUSPICIOUS else Look(0))


def is_refused(authentication: Authentication) -> bool:
    """Whether DMARC fails, and the author's domain asks receivers not to deliver such messages."""
    return authentication.dmarc.result is Result.FAIL and authentication.dmarc.policy in STRICT


def find_carrier(found: Look, authentication: Authentication, summary: Summary, freemail: Collection[str]) -> str:
    """Returns who provably passed on a message that does not prove its author; "" for none.

    A list signed by its own organisation, the domain that sealed the message (ARC), or the one that signed it (DKIM). A list that is only
    named proves nothing, nor does a provider that signs anybody's messages.
    """
    if not found & CARRIED:
        return ""
    passed = [one for one in authentication.dkim if one.result is Result.PASS]
    if summary.list_id:
        signers = sorted(one.domain for one in passed if one.signs_list and is_related_host(one.domain, summary.list_id))
        if signers:
            return f"{LIST}{summary.list_id.casefold()} {signers[0]}"
    if authentication.sealed_by(authentication.arc.sealer):
        return f"arc:{authentication.arc.sealer}"
    return next((f"dkim:{one.domain}" for one in passed if one.domain not in freemail), "")


def forgive_reasons(found: Look) -> Look:
    """Returns the reasons that remain when who passed the message on was confirmed before: all that forwarding does not explain."""
    left = found & ~CARRIED
    return left & ~Look.SUSPICIOUS if Look.FORWARDED in found else left


def reason_names(found: int) -> tuple[str, ...]:
    """The names of these reasons, the weightiest first; empty: no second look."""
    return tuple(one.word for one in REASONS if one in Look(found))


def in_order(names: Iterable[str]) -> list[str]:
    """Names in the order of their weight; what is no name comes last."""
    return sorted(set(names), key=lambda name: (NAMES.index(name) if name in NAMES else len(NAMES), name))


def reason_sentence(name: str, domain: str = "", *, proven: bool = False) -> str:
    """Sentence of a reason. `domain`: of the author; `proven`: the message is really from there."""
    who = domain or say("the sender")
    if name == Look.NEW_BANK_DETAILS.word:
        why = say("{who} is proven in another way than before", who=who) if proven else say("the sender is not proven")
        return say("Mentions new bank details, and {why}. Call a number that you know before you release it.", why=why)
    if name == Look.OWN_DOMAIN_FORGED.word and domain:
        return join_parts(
            " ", [say("Claims to come from your own domain {domain} and does not.", domain=domain), own_domain_advice(domain)]
        )
    return say(SENTENCES[name], who=who)


def own_domain_advice(domain: str) -> str:
    """Says what to do where a service sends in our own name without being set up for it."""
    return say("This service is not set up to send as {domain}. Ask IT to add it.", domain=domain)


SENTENCES = {
    Look.DANGER_FOUND.word: say("Contains a danger: a virus, a program, macros or a disguised file."),
    Look.OWN_DOMAIN_FORGED.word: say("Claims to come from your own domain and does not."),
    Look.DMARC_FAILS.word: mark("Not really from {who}: DMARC fails, and the domain asks receivers not to deliver such messages."),
    Look.NO_LONGER_VERIFIED.word: mark("Earlier messages from {who} were proven. This one is not."),
    Look.DANGEROUS.word: say("It looks dangerous."),
    Look.SUSPICIOUS.word: say("It looks suspicious."),
}
