"""Whether the sender of a message may be told anything. What would reach somebody who never wrote it, or start a loop, and why. Pure."""

import re
from dataclasses import dataclass

from triage.addressing.envelope import Address, ancestor_domains
from triage.message.authentication import Authentication, Result
from triage.message.summary import Summary
from triage.say import say

# Local parts behind which nobody reads (RFC 3834, 2; RFC 2142, 6)
NOBODY = re.compile(
    r"mailer-daemon|(?:no|do-?not)[-_.]?reply.*|owner-.*|.*-(?:owner|request|bounces?)|bounces?(?:[-+=_.].*)?|.*\+bounces?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Facts about a message that decide whether its sender may get a notice."""

    reverse_path: str
    authentication: Authentication
    summary: Summary
    own_domains: frozenset[str]
    normalised: bool = False  # its bytes had to be mended: such a message is never proven
    direction: str = "in"  # of the delivery that it is about
    already_notified: bool = False  # there has been a notice about this message already
    way_out: bool = True  # is there a next hop that takes mail for the outside?


def may_notify(seen: Circumstances) -> str:
    """Returns the reason why the sender must not get a notice, as part of a sentence; "" when they may (mailflow.md 3)."""
    if seen.direction != "in":
        return say("the message is a notice or a bounce itself")
    if not seen.reverse_path:
        return say("the message names no sender to reply to")
    try:
        sender = Address.parse(seen.reverse_path)
    except ValueError:
        return say("the sender has no valid address to reply to")
    author = seen.summary.author
    if any(claims_ours(domain, seen.own_domains) for domain in (sender.domain, author.rpartition("@")[2])):
        return say("the message claims to come from your own domain")
    if seen.summary.automatic or seen.summary.list_id or seen.summary.content_type in ("multipart/report", "message/delivery-status"):
        return say("a program or a mailing list sent the message, so nobody expects a reply")
    if NOBODY.fullmatch(sender.local):
        return say("nobody reads replies to this sender")
    return is_unproven(seen, sender) or (say("the sender already got a notice") if seen.already_notified else "") or no_way_out(seen)


def is_unproven(seen: Circumstances, sender: Address) -> str:
    """Whether it is not proven that the author wrote it, and that an answer goes to the author's own domain."""
    found, author = seen.authentication, seen.summary.author
    named = seen.summary.parsed and not seen.normalised and author != "" and author == found.author
    if not named or found.dmarc.result is not Result.PASS:
        return say("the sender is not proven, so a reply could reach somebody else")
    spf = any(one.identity == "mailfrom" and one.result is Result.PASS and one.domain == sender.domain for one in found.spf)
    if not spf or "spf" not in found.dmarc.aligned:
        return say("it is not proven that a reply would reach the author")
    return ""


def no_way_out(seen: Circumstances) -> str:
    """Whether there is nobody who would carry it."""
    return "" if seen.way_out else say("no server for outgoing messages is set up: ask an administrator of the server to name one")


def claims_ours(domain: str, own_domains: frozenset[str]) -> bool:
    """Whether it is one of our domains, or below one."""
    return not own_domains.isdisjoint(ancestor_domains(domain.casefold().rstrip(".")))
