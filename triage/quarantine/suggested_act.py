"""Suggested act: the one that the evidence about a message speaks for. It fills a button and decides nothing. Pure."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from triage.message.authentication import Authentication, Result
from triage.message.signals.severity import Severity

NEWCOMERS = frozenset({"first-contact", "never-let-in"})  # signals of a sender of whom nothing was released yet

UNPROVEN_KNOWN = "unproven-known-sender"  # the policy's rule about a contact or an allowed sender without proof
NO_FORGERIES = frozenset({"own-domain-forged", "through-a-list"})  # signals of what no block of forgeries is for
DMARC_FAILS = "dmarc=fail"  # as the signal of a failed authentication spells it


class SuggestedAct(StrEnum):
    """The act that is offered first."""

    NONE = ""
    RELEASE = "release"
    APPROVE = "approve"
    PURGE = "purge"
    ESCALATE = "escalate"
    BLOCK_FORGERIES = "block-forgeries"


def is_forged(signals: Iterable[Mapping[str, Any]], rules: Collection[str], *, proven: bool, passed_on: bool) -> bool:
    """Return whether a message uses a known sender's address and DMARC fails for it. `rules`: of the policy, that matched it.

    Known are contacts, allowed senders, and anyone who had a message released. Our own domain is no contact: no rule blocks it.
    `passed_on`: as `is_passed_on` says; a genuine message fails DMARC then too.
    """
    found = {one["name"]: one for one in signals}
    failed = found.get("authentication-failed")
    if proven or passed_on or failed is None or not NO_FORGERIES.isdisjoint(found):
        return False
    known = UNPROVEN_KNOWN in rules or NEWCOMERS.isdisjoint(found)
    return known and any(str(one).startswith(DMARC_FAILS) for one in failed["evidence"])


def is_passed_on(list_id: str, authentication: Authentication) -> bool:
    """Return whether a mailing list, a forwarder or another signer may have handled an unproven message."""
    signed = any(one.result is Result.PASS for one in authentication.dkim)
    return bool(list_id) or signed or authentication.arc.result is Result.PASS


def suggest_act(
    severity: Severity,
    findings: Collection[str],
    *,
    proven: bool,
    second_look: bool,
    for_duty: bool,
    time_limited: bool,
    forged: bool,
    for_assistant: bool = False,
) -> SuggestedAct:
    """Return the act for a held message; NONE where the evidence conflicts, or where nobody knows who sent it.

    A person's first message is released only: an employee's answer allows them anyway. A service that sends codes is allowed at once, and
    so is anyone who had a message released before. `for_duty`: a threat or a legal matter, which is never removed.
    `forged`: as `is_forged` says; a block of forgeries leaves the contact's genuine messages alone. `for_assistant`: held for an assistant
    only; its sender is known, and an allow rule would change nothing.
    """
    if for_duty:
        return SuggestedAct.ESCALATE
    if forged:
        return SuggestedAct.BLOCK_FORGERIES
    if severity is Severity.DANGEROUS:
        return SuggestedAct.PURGE
    if severity is Severity.SUSPICIOUS or second_look or not proven:
        return SuggestedAct.NONE
    known = NEWCOMERS.isdisjoint(findings)
    return SuggestedAct.APPROVE if (time_limited or known) and not for_assistant else SuggestedAct.RELEASE
