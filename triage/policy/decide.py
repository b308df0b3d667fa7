"""Decides what happens to a delivery, and why: the rules in order, and `decide_verdict`. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from triage.config.simulations import Simulation
from triage.message.authentication import Dkim, Result
from triage.message.mailing_lists import shown_author
from triage.message.signals.deviations import ATTACHMENT, Deviation
from triage.message.signals.time_critical import spell_minutes
from triage.policy.content_rules.match_content import ContentMatch
from triage.policy.facts import Facts, MatchedRule
from triage.policy.proof import (
    awaited_allow,
    awaited_block,
    deciding_allow,
    deciding_block,
    deciding_hold,
    encrypted_allow,
    proof_awaited,
    proof_of_author,
)
from triage.policy.replay import replay_reasons
from triage.policy.replies import answered_message, awaited_answer, returned_message
from triage.policy.runner_up import RunnerUp, sender_rule
from triage.say import Said, format_day, join_parts, list_with_and, mark, quote_text, say
from triage.store.delivery_state import FOR_ASSISTANT


class Disposition(StrEnum):
    """Outcome of the policy for a delivery on arrival."""

    RELAY = "relay"
    QUARANTINE = "quarantine"
    PURGE = "purge"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A disposition, the name of the rule that made it, and the reason in words that reception understands."""

    disposition: Disposition
    rule: str
    reason: str
    rule_id: int | None = None  # the sender rule that decided, if one did
    withheld: str = (
        ""  # the rule that would have stopped a message that passes by enforcement step, emergency, or a check that only reports
    )
    unknown: bool = False  # DNS did not answer: not final while there is time to ask again
    beside: tuple[RunnerUp, ...] = ()  # other rules that matched and did not decide


UNLIKE = "unlike-themselves"
REPLAY = "dkim-replay"
REPORT = "dmarc-report"
REPORTS = {  # reasons, by what becomes of a report
    "counted": mark("it is a DMARC report, which was counted"),
    "again": mark("it is a DMARC report that was counted before"),
    "many": mark("it is a DMARC report that was not counted: too many came within 24 hours"),
    "untimely": mark("it is a DMARC report that was not counted: it is about a time too long ago or still to come"),
    "foreign": mark("it is a DMARC report that was not counted: it is about none of our domains"),
}
ENCRYPTED = "encrypted-attachment"
PARTNER_REPORT = "partner-report"
PURGED_BY_CONTENT, HELD_BY_CONTENT = "purged-by-content", "held-by-content"
DIFFERENT = "sends-differently"
LISTED_CODE = "listed-code"
SIMULATED = "phishing-simulation"
LETTING_IN = frozenset({"allowed-sender", "reply-to-ours", "out-of-hours", LISTED_CODE})  # rules that deliver where strangers are held
KNOWN = frozenset({"allowed-sender", "reply-to-ours"})  # those of them that know the sender
HELD_OR_PURGED = {"hold": Disposition.QUARANTINE, "purge": Disposition.PURGE}


def decide_postmaster(facts: Facts) -> Verdict | None:
    """Delivers every message to postmaster@ and abuse@, whatever it holds (RFC 5321, 4.5.1; RFC 2142)."""
    if facts.recipient.always:
        return Verdict(Disposition.RELAY, "postmaster", say("{address} is always delivered", address=facts.recipient.address))
    return None


def listed_client(facts: Facts) -> Verdict | None:
    """Removes a message from a blocklisted client (or holds it as a sample), unless its sender is known and proven or may still be."""
    known = (
        bool(facts.partner_report)
        or deciding_allow(facts)
        or awaited_allow(facts)
        or answered_message(facts)
        or awaited_answer(facts)
        or returned_message(facts)
    )
    if not facts.listed or known:
        return None
    if facts.sample:
        return Verdict(
            Disposition.QUARANTINE, "listed-sample", say("it is a sample of what blocklists remove: {listed}", listed=facts.listed)
        )
    return Verdict(Disposition.PURGE, "listed-client", facts.listed)


def returned_mail(facts: Facts) -> Verdict | None:
    """Removes bounces to a return path that Mailroom made for a forwarded message (mailflow.md 2)."""
    if facts.recipient.bounce == "ours":
        return Verdict(Disposition.PURGE, "returned-mail", say("it is a delivery report about a forwarded message"))
    return None


def forged_bounce(facts: Facts) -> Verdict | None:
    """Removes bounces to an address that only looks like ours."""
    if facts.recipient.bounce == "forged":
        return Verdict(
            Disposition.PURGE, "forged-bounce", say("it claims to be a delivery report about a message that was never forwarded")
        )
    return None


def phishing_simulation(facts: Facts) -> Verdict | None:
    """Delivers a message of a phishing simulation that the company ordered, once the vendor's signature passes."""
    if facts.virus or facts.recipient.stray or not facts.summary.parsed or facts.envelope.normalised:
        return None
    if signed := signed_simulation(facts, Result.PASS):
        reason = say("it is a phishing simulation of {name}: {domain} signed it, and the settings exempt it until {day}", **about(signed))
        return Verdict(Disposition.RELAY, SIMULATED, reason)
    if awaited := signed_simulation(facts, Result.TEMPERROR):
        reason = say("it may be a phishing simulation of {name}, and DNS did not answer", name=awaited.name)
        return Verdict(Disposition.QUARANTINE, "proof-unknown", reason, unknown=True)
    return None


def signed_simulation(facts: Facts, result: Result) -> Simulation | None:
    """The simulation that runs and whose vendor's signature has this result."""
    signers = {one.domain for one in facts.authentication.dkim if one.result is result and is_complete(one)}
    return next((one for one in facts.simulations if one.dkim in signers and one.dkim not in facts.own_domains), None)


def is_complete(signature: Dkim) -> bool:
    """Whether nothing that matters may have been changed since the signature was made, and it was made lately."""
    return not signature.gaps


def about(simulation: Simulation) -> dict[str, Any]:
    """Parameters of a sentence about a simulation."""
    return {"name": simulation.name, "domain": simulation.dkim, "day": format_day(simulation.until)}


def counted_report(facts: Facts) -> Verdict | None:
    """Removes a proven DMARC report once it is counted; holds one about foreign domains, which the settings may lack."""
    if not facts.dmarc_report:
        return None
    disposition = Disposition.QUARANTINE if facts.dmarc_report == "foreign" else Disposition.PURGE
    return Verdict(disposition, REPORT, say(REPORTS[facts.dmarc_report]))


def partner_report(facts: Facts) -> Verdict | None:
    """Removes what a partner forwarded, once it is listed as a report; holds it where the partner reported too many."""
    domain = facts.authentication.dmarc.domain
    if facts.partner_report == "taken":
        return Verdict(
            Disposition.PURGE, PARTNER_REPORT, say("your partner {domain} reported it, and it is listed as a report", domain=domain)
        )
    if facts.partner_report == "many":
        reason = say("it is no report: your partner {domain} reported too many messages within 24 hours", domain=domain)
        return Verdict(Disposition.QUARANTINE, PARTNER_REPORT, reason)
    if facts.partner_report == "unknown":
        reason = say("it may be a report of your partner {domain}, and DNS did not answer", domain=domain)
        return Verdict(Disposition.QUARANTINE, PARTNER_REPORT, reason, unknown=True)
    return None


def blocked_sender(facts: Facts) -> Verdict | None:
    """Removes a message that a staff rule blocks."""
    firm = tuple(rule for rule in facts.rules if rule.effect != "block" or not only_holds(rule, facts))
    block = deciding_block(facts if len(firm) == len(facts.rules) else replace(facts, rules=firm))
    if block is None:
        return None
    return Verdict(Disposition.PURGE, "blocked-sender", shown_block(block), block.id)


def held_by_block(facts: Facts) -> Verdict | None:
    """Holds what a fresh block of a removal matches, so that undo restores everything, and wanted senders' copies of a blocked campaign."""
    block = deciding_block(facts)
    if block is None or not only_holds(block, facts):
        return None
    reason = say("{block}, and late copies are held", block=shown_block(block))
    return Verdict(Disposition.QUARANTINE, "held-by-block", reason, block.id)


def only_holds(block: MatchedRule, facts: Facts) -> bool:
    """Whether a block holds this message, and neither refuses nor removes it.

    A campaign's block removes no message of a proven sender unless it names that sender: the campaign may imitate their message.
    """
    if block.holds_until is not None and facts.envelope.received_at < block.holds_until:
        return True
    of_campaign = block.match == "campaign" and block.origin == "removal"
    return of_campaign and not block.proof and (is_wanted(facts) or bool(proof_of_author(facts)))


def is_wanted(facts: Facts) -> bool:
    """Whether the sender is wanted, so that a removal of copies spares the message."""
    return facts.wanted or deciding_allow(facts) is not None or answered_message(facts) is not None


BLOCKED = {  # by origin of the rule, and whether it is about a campaign
    ("removal", True): mark("{author} removed and blocked this campaign on {day}"),
    ("standing", True): mark("it is a late copy: {author} removed this campaign on {day}"),
    ("standing", False): mark("it is a late copy: {author} removed messages from {value} on {day}"),
}


def shown_block(block: MatchedRule) -> Said:
    """Sentence about a block: who blocked the sender or campaign, and when."""
    message = BLOCKED.get((block.origin, block.match == "campaign"), mark("{author} blocked {value} on {day}"))
    return say_of_rule(message, block)


def say_of_rule(message: str, rule: MatchedRule) -> Said:
    """Fills a sentence about a rule with its `author`, `value` and `day`, as far as the sentence names them."""
    given = {"author": rule.author, "value": rule.value, "day": format_day(rule.since)}
    return say(message, **{name: value for name, value in given.items() if f"{{{name}}}" in message})


def purged_by_content(facts: Facts) -> Verdict | None:
    """Removes a message that a staff rule on content purges."""
    match = deciding_content(facts, "purge")
    return None if match is None else Verdict(Disposition.PURGE, PURGED_BY_CONTENT, shown_content(match), match.rule.id)


def held_by_content(facts: Facts) -> Verdict | None:
    """Holds a message that a staff rule on content holds, even if an allow rule, a reply or the enforcement step would deliver it."""
    match = deciding_content(facts, "hold")
    return None if match is None else Verdict(Disposition.QUARANTINE, HELD_BY_CONTENT, shown_content(match), match.rule.id)


def held_inside(facts: Facts) -> Verdict | None:
    """Holds a colleague's message by a rule on content. Messages from outside come later: stricter rules may remove them first."""
    return held_by_content(facts) if facts.inside else None


def deciding_content(facts: Facts, effect: str) -> ContentMatch | None:
    """Finds the first rule on content with this effect; none where staff exempts the sender from checks and DMARC proves them, or may."""
    allow = deciding_allow(facts) or awaited_allow(facts)
    if allow is not None and allow.by_staff and allow.unchecked:
        return None
    return next((one for one in facts.content if one.rule.effect == effect), None)


def shown_content(match: ContentMatch) -> Said:
    """Sentence about a rule on content: whose it is, its finding and its reason."""
    return say(
        "{author} made the rule {name} about messages with {found}: {note}",
        author=match.rule.author,
        name=quote_text(match.rule.name),
        found=list_with_and(match.found),
        note=match.rule.note,
    )


def virus_found(facts: Facts) -> Verdict | None:
    """Holds or removes a message in which ClamAV found a virus, from any sender."""
    if not facts.virus:
        return None
    return Verdict(HELD_OR_PURGED[facts.virus_found], "virus", say("ClamAV found a virus in it: {virus}", virus=facts.virus))


def from_inside(facts: Facts) -> Verdict | None:
    """Delivers messages between colleagues and from the company's own machines."""
    if not facts.inside:
        return None
    return Verdict(Disposition.RELAY, "from-inside", say("it was sent inside the company: {how}", how=facts.inside))


def own_domain_forged(facts: Facts) -> Verdict | None:
    """Holds or removes a message from outside that forges one of our domains. No allow rule, step or emergency delivers it."""
    domains = {address.rpartition("@")[2] for address in facts.summary.authors}
    if proof_of_author(facts) or not any(is_within(domain, own) for domain in domains for own in facts.own_domains):
        return None
    if proof_awaited(facts):
        reason = say("it claims to come from our own domain, and DNS did not answer, so that cannot be checked")
        return Verdict(Disposition.QUARANTINE, "own-domain-forged", reason, unknown=True)
    return Verdict(
        HELD_OR_PURGED[facts.own_domain_forged], "own-domain-forged", say("it claims to come from our own domain and cannot prove it")
    )


def ambiguous_author(facts: Facts) -> Verdict | None:
    """Holds a message without exactly one author. Returned messages are excepted: bounces often name none, and prove what they return."""
    if facts.summary.parsed and not facts.summary.author and not returned_message(facts):
        return Verdict(Disposition.QUARANTINE, "ambiguous-author", say("it does not name exactly one author"))
    return None


def decide_unparsable(facts: Facts) -> Verdict | None:
    """Holds a message that cannot be parsed safely."""
    if not facts.summary.parsed:
        return Verdict(Disposition.QUARANTINE, "unparsable", say("it could not be read safely"))
    return None


def rejected_by_author_domain(facts: Facts) -> Verdict | None:
    """Holds or removes a message that fails DMARC if the author's domain asks receivers to reject such messages."""
    dmarc = facts.authentication.dmarc
    if dmarc.result == "fail" and dmarc.policy == "reject" and deciding_allow(facts) is None:  # a list's pinned signature counts
        reason = say("DMARC fails for {domain}, and the domain asks receivers to reject such messages", domain=dmarc.domain)
        return Verdict(HELD_OR_PURGED[facts.dmarc_reject], "dmarc-reject", reason)
    return None


def recipient_left(facts: Facts) -> Verdict | None:
    """Holds a message that was accepted at RCPT TO for an address that nobody here has any more: staff decides where it goes."""
    if facts.recipient.stray:
        return Verdict(
            Disposition.QUARANTINE, "recipient-left", say("nobody here has the address {address} any more", address=facts.recipient.address)
        )
    return None


def proof_unknown(facts: Facts) -> Verdict | None:
    """Holds a message whose proof DNS did not answer for, unless another proof already satisfies an allow rule."""
    waits = proof_awaited(facts) or awaited_allow(facts)
    if not waits or ((deciding_allow(facts) or returned_message(facts)) and not awaited_block(facts)):
        return None
    reason = say("it is not known who sent it: the sender's DNS did not answer")
    return Verdict(Disposition.QUARANTINE, "proof-unknown", reason, unknown=True)


def held_sender(facts: Facts) -> Verdict | None:
    """Holds a message from a sender that staff holds until a date, even if an allow rule, a reply or the step would deliver it."""
    hold = deciding_hold(facts)
    if hold is None:
        return None
    given = {"author": hold.author, "day": format_day(hold.since), "value": hold.value, "note": hold.note}
    if hold.until is None:
        reason = say("{author} decided on {day} to hold every message from {value}: {note}", **given)
    else:
        reason = say(
            "{author} decided on {day} to hold every message from {value} until {until}: {note}", until=format_day(hold.until), **given
        )
    return Verdict(Disposition.QUARANTINE, "held-sender", reason, hold.id)


def dangerous_content(facts: Facts) -> Verdict | None:
    """Holds attachments that run when opened, and encrypted ones, unless a staff allow rule includes them."""
    if not facts.danger.reason or allows_risky(facts):
        return None
    if facts.danger.beside_encrypted:
        return Verdict(Disposition.QUARANTINE, "dangerous-attachment", facts.danger.reason)
    return None if encrypted_allow(facts) else Verdict(Disposition.QUARANTINE, ENCRYPTED, facts.danger.reason)


def allows_risky(facts: Facts) -> bool:
    """Whether a staff rule allows risky attachments from this sender."""
    allow = deciding_allow(facts)
    return allow is not None and allow.risky and allow.by_staff


def hold_replay(facts: Facts) -> Verdict | None:
    """Holds a message signed by its author's domain that somebody else may have replayed, changed where the signature allows that."""
    allow = deciding_allow(facts)
    excused = allow is not None and allow.by_staff and allow.unchecked
    found = () if excused or returned_message(facts) else replay_reasons(facts)
    if not found or not is_passing(facts):
        return None
    reason = say(
        "{domain} signed it, but a server that is not known to send for {domain} delivered it, and {what}",
        domain=facts.authentication.dmarc.domain,
        what=list_with_and(found),
    )
    return Verdict(Disposition.QUARANTINE, REPLAY, reason)


def sends_differently(facts: Facts) -> Verdict | None:
    """Holds a message whose author's domain is proven in a new way and that has other warnings."""
    proof, allow = facts.sender_proof, deciding_allow(facts)
    excused = allow is not None and (":" in allow.proof or (allow.by_staff and allow.unchecked))
    if proof is None or not proof.is_new or not facts.warned or excused or not is_passing(facts):
        return None
    return Verdict(Disposition.QUARANTINE, DIFFERENT, say("{what}, and the message has other warnings", what=proof.sentence))


def unlike_themselves(facts: Facts) -> Verdict | None:
    """Holds a message that would be delivered and is unlike its sender's earlier ones: their account may be stolen."""
    found = drop_excused(facts.unlike, facts)
    if not found or not is_passing(facts):
        return None
    return Verdict(Disposition.QUARANTINE, UNLIKE, unlike_sentence(found, facts))


def drop_excused(found: tuple[Deviation, ...], facts: Facts) -> tuple[Deviation, ...]:
    """Drops the deviations that a rule of staff allows."""
    allow = deciding_allow(facts)
    if allow is None or not allow.by_staff or facts.platform:
        return found
    return () if allow.unchecked else tuple(one for one in found if not (allow.risky and one.check == ATTACHMENT))


def is_passing(facts: Facts) -> bool:
    """Whether one of the next rules would deliver the message."""
    verdict = next((verdict for rule in AFTER_CHECKS if (verdict := rule(facts))), None)
    return verdict is not None and verdict.disposition is Disposition.RELAY


def unlike_sentence(found: tuple[Deviation, ...], facts: Facts) -> str:
    """Sentence about deviations from the sender's usual messages."""
    what = list_with_and(one.reason for one in found)
    return say("{author} is a known sender, but this message is unlike their others: {what}", author=shown_author(facts.summary), what=what)


def allowed_sender(facts: Facts) -> Verdict | None:
    """Delivers a message from an allowed sender with the proof that the rule asks for."""
    opened = encrypted_allow(facts) if facts.danger.reason and not allows_risky(facts) else None
    if allow := opened or deciding_allow(facts):
        return Verdict(Disposition.RELAY, "allowed-sender", join_parts(", ", (shown_allow(allow), shown_proof(allow.proof))), allow.id)
    return None


def shown_allow(allow: MatchedRule) -> str:
    """Says why a sender is allowed: staff allowed them, or somebody here has written to them."""
    if allow.origin == "learned":
        return say("{author} wrote to {value} on {day}", author=allow.author, value=allow.value, day=format_day(allow.since))
    if allow.encrypted:
        return say("{author} allowed {value}, also with encrypted files", author=allow.author, value=allow.value)
    return say("{author} allowed {value}", author=allow.author, value=allow.value)


FROM_THERE = say("and it is proven to come from there")


def shown_proof(proof: str) -> str:
    """Says in words how a sender proved themselves."""
    kind, _, domain = proof.partition(":")
    if kind == "dkim":
        return say("and a signature of {domain} proves that it came through there unchanged", domain=domain)
    if kind == "arc":
        return say("and {domain}, which passed it on, vouches for its sender (ARC)", domain=domain)
    return FROM_THERE


def bounce_with_files(facts: Facts) -> Verdict | None:
    """Holds a bounce with extra files. Mail systems add none; a forger who knows one of our Message-IDs may have."""
    file = facts.summary.added
    if not file or answered_message(facts) or not returned_message(facts):
        return None
    reason = say("it is a delivery report about a message of ours, with the file {file}, which no mail system adds", file=file)
    return Verdict(Disposition.QUARANTINE, "bounce-with-files", reason)


def reply_to_ours(facts: Facts) -> Verdict | None:
    """Delivers a proven reply from the domain that our message went to, or a delivery report about a message of ours (mailflow.md 8)."""
    if mail := answered_message(facts):
        given = {"author": mail.author, "domain": facts.summary.author.rpartition("@")[2], "day": format_day(mail.at)}
        if mail.named_by == "calendar":
            words = say("it answers an invitation that {author} sent to {domain} on {day}", **given)
        else:
            words = say("it answers a message that {author} sent to {domain} on {day}", **given)
        return Verdict(Disposition.RELAY, "reply-to-ours", join_parts(", ", (words, FROM_THERE)))
    if mail := returned_message(facts):
        return Verdict(
            Disposition.RELAY,
            "reply-to-ours",
            say("it is a delivery report about a message that {author} sent on {day}", author=mail.author, day=format_day(mail.at)),
        )
    return None


def unproven_known_sender(facts: Facts) -> Verdict | None:
    """Holds a message that claims to be from an allowed sender and lacks the proof."""
    allow = next((rule for rule in facts.rules if rule.effect == "allow"), None)
    if allow is None or deciding_allow(facts):
        return None
    if allow.origin == "learned":
        reason = say(
            "it claims to be from {value}, to whom {author} has written, but is not proven", value=allow.value, author=allow.author
        )
    else:
        reason = say("it claims to be from {value}, who is allowed, but is not proven", value=allow.value)
    return Verdict(Disposition.QUARANTINE, "unproven-known-sender", reason)


def out_of_hours(facts: Facts) -> Verdict | None:
    """Passes a verified sender's message while nobody is at work, where the folder allows it (mailflow.md 17)."""
    if not facts.out_of_hours or not facts.deadline or not proof_of_author(facts):
        return None
    author = shown_author(facts.summary)
    reason = say(
        "nobody is at work now, it is valid for {minutes} only, and it is really from {author}",
        minutes=spell_minutes(facts.deadline.minutes),
        author=author,
    )
    return Verdict(Disposition.RELAY, "out-of-hours", reason)


def listed_code(facts: Facts) -> Verdict | None:
    """Passes a time-limited message of a sender of the start list at any hour, where the company says so and has seen the sender before."""
    if not facts.listed_codes or not facts.deadline or proof_of_author(facts) != "dmarc":
        return None
    reason = say(
        "it is valid for {minutes} only, {domain} is on the start list, messages from there were delivered before, and it is "
        "really from {author}",
        minutes=spell_minutes(facts.deadline.minutes),
        domain=facts.listed_codes,
        author=shown_author(facts.summary),
    )
    return Verdict(Disposition.RELAY, LISTED_CODE, reason)


def first_contact(facts: Facts) -> Verdict:
    """Holds the first message of an unknown sender."""
    return Verdict(Disposition.QUARANTINE, "first-contact", say("{author} is not a known sender yet", author=shown_author(facts.summary)))


AFTER_CHECKS = (allowed_sender, bounce_with_files, reply_to_ours, unproven_known_sender, out_of_hours, listed_code)
RULES: tuple[Callable[[Facts], Verdict | None], ...] = (
    decide_postmaster,
    returned_mail,
    forged_bounce,
    phishing_simulation,
    listed_client,
    blocked_sender,
    partner_report,
    purged_by_content,
    virus_found,
    counted_report,
    held_inside,
    from_inside,
    own_domain_forged,
    ambiguous_author,
    decide_unparsable,
    recipient_left,
    proof_unknown,
    rejected_by_author_domain,
    held_by_block,
    held_sender,
    held_by_content,
    dangerous_content,
    unlike_themselves,
    hold_replay,
    sends_differently,
    *AFTER_CHECKS,
    first_contact,
)
# An unreadable message may claim our own domain; bounces to made addresses and messages to former employees have no reader here.
STRICTEST = (
    returned_mail,
    forged_bounce,
    blocked_sender,
    partner_report,
    purged_by_content,
    held_by_block,
    virus_found,
    counted_report,
    own_domain_forged,
    decide_unparsable,
    recipient_left,
)
NEVER_WAIVED = (*STRICTEST, held_sender, held_by_content)


def forged_author(facts: Facts) -> Verdict | None:
    """Holds a message that fails DMARC, whatever policy its author's domain publishes."""
    dmarc = facts.authentication.dmarc
    if dmarc.result != "fail" or deciding_allow(facts):
        return None
    return Verdict(Disposition.QUARANTINE, "forged-author", say("DMARC fails: it is not proven to come from {domain}", domain=dmarc.domain))


# Nobody reviews a message that passes in an emergency, so possible forgeries are still held.
HELD_IN_EMERGENCY = (
    *STRICTEST,
    listed_client,
    ambiguous_author,
    proof_unknown,
    rejected_by_author_domain,
    forged_author,
    held_sender,
    held_by_content,
    unproven_known_sender,
)


# Hold dangerous: messages that are dangerous only by the sum of their signals are held later (triage/intake/store_incoming.py).
HELD_AS_DANGEROUS = (*(rule for rule in HELD_IN_EMERGENCY if rule is not proof_unknown), dangerous_content, bounce_with_files)


def decide_verdict(facts: Facts) -> Verdict:
    """Returns the verdict of the first rule that applies, with the other rules that matched. The last rule always applies."""
    spoken = [verdict for rule in RULES[:-1] if (verdict := rule(facts))] or [first_contact(facts)]
    verdict = hold_for_assistant(report_unlike(waive_verdict(spoken[0], facts), facts), facts)
    return replace(verdict, beside=(*verdict.beside, *other_rules(verdict, spoken, facts)))


def hold_for_assistant(verdict: Verdict, facts: Facts) -> Verdict:
    """Holds a known sender's message to a person of whom everything is held: their assistant reads it first.

    Time-limited messages and delivery reports about our own pass, and so does everything in an emergency.
    """
    known = verdict.disposition is Disposition.RELAY and verdict.rule in KNOWN
    if not facts.assisted or not known or facts.emergency or facts.deadline or returned_message(facts):
        return verdict
    reason = assistant_reason(facts.assisted, verdict.reason)
    return replace(verdict, disposition=Disposition.QUARANTINE, rule=FOR_ASSISTANT, reason=reason)


def assistant_reason(name: str, reason: str) -> Said:
    """Says that everything for somebody is held, and why it would have been delivered."""
    return say("everything for {name} is held for their assistant; it would have been delivered: {reason}", name=name, reason=reason)


def report_unlike(verdict: Verdict, facts: Facts) -> Verdict:
    """Adds to the verdict on a passing message the check of known senders that only reports and would have held it."""
    found = drop_excused(facts.unlike_reported, facts)
    if not found or verdict.withheld or verdict.rule not in LETTING_IN:
        return verdict
    said = RunnerUp(UNLIKE, say("it only reports for now: {reason}", reason=unlike_sentence(found, facts)))
    return replace(verdict, withheld=UNLIKE, beside=(said, *verdict.beside))


def waive_verdict(verdict: Verdict, facts: Facts) -> Verdict:
    """Turns a hold or removal into delivery where the enforcement step (Record only, Hold dangerous) or an emergency does not stop it."""
    if verdict.disposition is Disposition.RELAY or not (facts.observe or facts.dangerous_only or facts.emergency):
        return verdict
    never = NEVER_WAIVED if facts.observe else HELD_IN_EMERGENCY if facts.emergency else HELD_AS_DANGEROUS
    strict = next((strict for rule in never if (strict := rule(facts))), None)
    passes = passed_in_emergency if facts.emergency and not facts.observe else passed_by_step
    return strict or passes(verdict, facts)


def other_rules(verdict: Verdict, spoken: list[Verdict], facts: Facts) -> tuple[RunnerUp, ...]:
    """Lists the policy rules that would have decided next, and the sender rules that matched and did not decide."""
    others = [RunnerUp(one.rule, one.reason, one.rule_id) for one in spoken if one.rule != verdict.rule]
    named = {verdict.rule_id, *(one.rule_id for one in others)}
    content = (RunnerUp(one.rule.effect, shown_content(one), one.rule.id) for one in facts.content if one.rule.id not in named)
    return (*others, *(sender_rule(rule, facts) for rule in facts.rules if rule.id not in named), *content)


def passed_in_emergency(verdict: Verdict, facts: Facts) -> Verdict:
    """Delivers the message in an emergency; the reason names who declared it and the rule that would have stopped the message."""
    reason = say("{emergency}; without that it would have been stopped: {reason}", emergency=facts.emergency, reason=verdict.reason)
    return Verdict(Disposition.RELAY, "emergency", reason, withheld=verdict.rule)


def passed_by_step(verdict: Verdict, facts: Facts) -> Verdict:
    """Delivers the message under Record only or Hold dangerous, with the reason that would have stopped it.

    Not final (`unknown`) until DNS says whether a block applies.
    """
    if facts.observe:
        reason = say("record only; it would have been stopped: {reason}", reason=verdict.reason)
    else:
        reason = say("only dangerous messages are held; it would have been stopped: {reason}", reason=verdict.reason)
    unknown = verdict.unknown or awaited_block(facts) is not None
    return Verdict(Disposition.RELAY, "observe", reason, withheld=verdict.rule, unknown=unknown)


def is_within(domain: str, parent: str) -> bool:
    """Whether `domain` is the parent itself or below it."""
    return domain == parent or domain.endswith("." + parent)
