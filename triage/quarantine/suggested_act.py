"""Suggested act: the one that the evidence about a message speaks for. It fills a button and decides nothing. Pure."""

from collections.abc import Collection
from enum import StrEnum

from triage.message.signals.severity import Severity

NEWCOMERS = frozenset({"first-contact", "never-let-in"})  # signals of a sender of whom nothing was released yet


class SuggestedAct(StrEnum):
    """The act that is offered first."""

    NONE = ""
    RELEASE = "release"
    APPROVE = "approve"
    PURGE = "purge"
    ESCALATE = "escalate"


def suggest_act(
    severity: Severity, findings: Collection[str], *, proven: bool, second_look: bool, for_duty: bool, time_limited: bool
) -> SuggestedAct:
    """Return the act for a held message; NONE where the evidence conflicts, or where nobody knows who sent it.

    A person's first message is released only: an employee's answer allows them anyway. A service that sends codes is allowed at once, and
    so is anyone who had a message released before. `for_duty`: a threat or a legal matter, which is never removed.
    """
    if for_duty:
        return SuggestedAct.ESCALATE
    if severity is Severity.DANGEROUS:
        return SuggestedAct.PURGE
    if severity is Severity.SUSPICIOUS or second_look or not proven:
        return SuggestedAct.NONE
    known = NEWCOMERS.isdisjoint(findings)
    return SuggestedAct.APPROVE if time_limited or known else SuggestedAct.RELEASE
