"""Recognises replies and bounces to our own messages, by what we sent, to whom, and by proof (mailflow.md 8).
Pure.

A Message-ID can be guessed or read in an archive. So it counts only from a domain that this very mail went to (at a free-mail provider:
from the address), whose author proves themselves, and never when a program of ours wrote the message: whoever draws a holiday notice
from us must not come back through it. Nor does whoever may post to a list that writes itself into From.

A bounce can prove nothing, and everybody who got the message knows what it returns. So it counts only as what a mail system says, as
long as one may still say it: no forger comes in under somebody's address with it. In which form it is said changes nothing.
"""

from datetime import timedelta

from triage.message.mailing_lists import rewritten_author
from triage.policy.facts import Facts, OurMail
from triage.policy.proof import proof_awaited, proof_of_author

REPORTS = frozenset({"", "delivery-status"})  # report types of a bounce (RFC 6522, 3); "": of one that is no report, too
LONGEST_WAY = timedelta(days=14)  # servers give up after five days, some after a week (RFC 5321, 4.5.4.1)


def answered_message(facts: Facts) -> OurMail | None:
    """The message of ours that this one answers, proven."""
    return referenced_message(facts) if proof_of_author(facts) else None


def awaited_answer(facts: Facts) -> OurMail | None:
    """The same, where the proof may still come when DNS answers."""
    return referenced_message(facts) if proof_awaited(facts) else None


def referenced_message(facts: Facts) -> OurMail | None:
    """The message of ours that it names, which went to where its author is; whoever here it is for."""
    author = "" if rewritten_author(facts.summary) else facts.summary.author
    places = {author, author.rpartition("@")[2]}
    return next((one for one in facts.ours if one.named_by != "returned" and not one.automatic and places & one.went_to), None)


def returned_message(facts: Facts) -> OurMail | None:
    """The message of ours that a bounce returns, for who sent it and nobody else."""
    summary, recipient = facts.summary, facts.recipient
    if facts.envelope.reverse_path or not summary.by_mail_system or summary.report_type not in REPORTS:
        return None
    since = facts.envelope.received_at - LONGEST_WAY
    senders = {(one.person, one.department): one for one in facts.ours if one.named_by == "returned" and one.at > since}
    return senders.get((recipient.person, recipient.department))
