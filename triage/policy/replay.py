"""Detects replayed messages: sent on by a stranger, changed where their DKIM signature allows that. Pure.

Whoever received a message from the author's domain can send it to anybody, and the signature still passes. SPF then fails: so only
messages that nothing but DKIM proves are checked, and not those that a list or a forwarder which the company knows passed on.
"""

from collections.abc import Iterator

from triage.message.authentication import AGE, CONTENT_TYPE, REPLY_TO, SEVERAL_TYPES, Dkim, Result
from triage.message.mime.links import is_related_host
from triage.policy.facts import Facts
from triage.policy.proof import is_proof_met, provable_allows
from triage.say import mark, say

SENTENCES = {
    CONTENT_TYPE: mark("its Content-Type, which decides what is shown, is not signed"),
    SEVERAL_TYPES: mark("it has several Content-Type fields, none of them signed"),
    AGE: mark("it was signed more than 5 days before it came"),
}


def replay_reasons(facts: Facts) -> tuple[str, ...]:
    """Returns what may have changed since the author's domain signed the message, each without its end; () where nothing may."""
    if facts.authentication.dmarc.aligned != ("dkim",) or came_by_known(facts):
        return ()
    return min((tuple(gap_reasons(one, facts)) for one in author_signatures(facts)), key=len, default=())


def came_by_known(facts: Facts) -> bool:
    """Says whether a list or forwarder passed the message on that an allow rule names with its proof, or whose ARC seals the company
    trusts."""
    sealer = facts.authentication.arc.sealer
    if sealer in facts.trusted_arc_sealers and facts.authentication.sealed_by(sealer):
        return True
    return any(rule.proof.startswith(("dkim:", "arc:")) and is_proof_met(rule, facts) for rule in provable_allows(facts))


def author_signatures(facts: Facts) -> Iterator[Dkim]:
    """The signatures that prove the author's domain."""
    organisation = facts.authentication.dmarc.organisational_domain
    passed = (one for one in facts.authentication.dkim if one.result is Result.PASS)
    return (one for one in passed if one.domain == organisation or one.domain.endswith(f".{organisation}"))


def gap_reasons(signature: Dkim, facts: Facts) -> Iterator[str]:
    """Yields in words what a signature leaves unsigned in this message."""
    elsewhere = next((one for one in facts.summary.reply_to if is_elsewhere(one, facts)), "")
    for gap in signature.gaps:
        if gap in SENTENCES:
            yield say(SENTENCES[gap])
        elif gap == REPLY_TO and elsewhere:
            yield say("replies go to {address}, which is not signed", address=elsewhere)


def is_elsewhere(address: str, facts: Facts) -> bool:
    """Whether it is somebody else's than the author's organisation. At a free-mail provider everybody is on their own."""
    author, domain = facts.summary.author, address.rpartition("@")[2]
    return address != author and (domain in facts.freemail_domains or not is_related_host(domain, author.rpartition("@")[2]))
