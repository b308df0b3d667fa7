"""Rules that somebody asks for: in folded form with everything filled in, or the reason why there can be no such rule."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from triage.actor import Scope
from triage.addressing.envelope import Address, ascii_domain
from triage.addressing.open_platforms import platform_of
from triage.addressing.public_suffix import is_shared
from triage.config.settings import Settings
from triage.directory import recipients
from triage.errors import BadInput
from triage.message.mime.links import is_related_host
from triage.policy.content_rules.conditions import CONTENT as CONTENT, CONTENT_EFFECTS as CONTENT_EFFECTS, Conditions, check_conditions
from triage.say import error_sentence, format_day, quote_text, say
from triage.store.models.directory import Department, Person

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
WHOLE = ("domain", "subdomains")  # matches that are about a whole domain
LONGEST_LAPSE = 3650  # days
ENCRYPTED_DAYS = 90  # after the last message, of an allow for encrypted files that names no end
CLAIMED = "claimed"  # proof of a block: it is about messages without a clear author that only claim to be from this sender
SAYS = (
    "effect",
    "match",
    "value",
    "scope",
    "proof",
    "unproven_only",
    "risky",
    "unchecked",
    "encrypted",
    "recipient",
)  # what two rules have alike that say the same
HELD_DAYS = 14  # of a hold that names no end
KEPT = (*SAYS, "unsigned_only", "note", "lapse_days", "holds_until")  # columns of a rule, by the names that they have in an order


@dataclass(frozen=True, slots=True)
class RuleOrder:
    """A rule that somebody asks for. `value` and `scope` may be left out where a selection gives them.

    A domain is that domain alone in an allow, and everything below it too in a block and in a hold: whoever owns it owns that.
    """

    effect: str  # allow, block, redirect, hold; on content also purge, mark
    # address, domain, subdomains (the domain and everything below it), list; recipient: of a redirect; campaign: of a purge; content
    match: str
    value: str  # a domain that begins with a dot means its subdomains too
    scope: str  # company, department:CODE, person:UID; "" where a selection gives it: for everybody whom it is for
    proof: str = ""  # allow: dmarc (default), aligned, dkim:DOMAIN, arc:DOMAIN; block: CLAIMED
    until: datetime | None = None
    note: str = ""
    risky: bool = False
    unchecked: bool = False  # an allow: pass whatever it says; no check of known senders holds it
    encrypted: bool = False  # an allow of an address: files that only a password closes pass, for one person or department
    unproven_only: bool = False
    unsigned_only: bool = False
    lapse_days: int = 0  # it runs out so many days after the last message either way; 0: it does not
    recipient: str = ""  # redirect: only messages to this address of ours
    to: str = ""  # redirect: person:UID, department:CODE or an address of ours
    holds_until: datetime | None = None  # a block: until then it holds what it stops, and neither refuses nor removes it
    senders: tuple[str, ...] = ()  # of an allow whose values a selection gives: exactly the senders that were agreed to
    without: tuple[str, ...] = ()  # senders of the selection who were left out: not allowed, and their messages left alone
    conditions: Conditions = ()  # of a rule on content, whose value is its name
    paused: bool = False  # a rule on content: it does nothing until somebody resumes it


def is_possible(session: Session, order: RuleOrder, settings: Settings) -> bool:
    """Whether there can be such a rule. Not about ourselves, a registry, or what is no address."""
    try:
        check_order(session, order, settings)
    except BadInput:
        return False
    return True


def as_row(order: RuleOrder) -> dict[str, Any]:
    """Returns the columns of a rule that come from its order; its end is computed apart, when it is made."""
    return {name: getattr(order, name) for name in KEPT} | {"target": order.to, "conditions": conditions_json(order.conditions)}


def conditions_json(conditions: Conditions) -> dict[str, list[str]]:
    """Conditions as the database and the API write them."""
    return {name: list(values) for name, values in conditions}


def rule_end(order: RuleOrder, now: datetime) -> datetime | None:
    """Returns when a rule that is made or changed now expires; None where it does not. BadInput for a hold that would be over already."""
    if order.match == CONTENT:
        return end_ahead(order, now)
    if order.effect == "hold":
        return end_of_hold(order, now)
    return order.until or (now + timedelta(days=order.lapse_days) if order.lapse_days else None)


def end_of_hold(order: RuleOrder, now: datetime) -> datetime:
    """Returns when a hold ends: it always does, so that nobody's messages stay held because somebody forgot."""
    return end_ahead(order, now) or now + timedelta(days=HELD_DAYS)


def end_ahead(order: RuleOrder, now: datetime) -> datetime | None:
    """The end that an order names; BadInput where it is over already."""
    if order.until is not None and order.until <= now:
        raise BadInput(say("{until} is in the past; name a day in the future", until=format_day(order.until)), field="until")
    return order.until


def check_order(session: Session, order: RuleOrder, settings: Settings) -> RuleOrder:
    """The order in folded form with its proof filled in; BadInput says what is wrong."""
    if order.match == CONTENT:
        return replace(check_content_order(session, order, settings), scope=checked_scope(session, order.scope))
    if order.conditions or order.paused:
        raise BadInput(say("only a rule on content has conditions and can be paused"), field="conditions")
    if order.effect not in ("allow", "block", "redirect", "hold"):
        raise BadInput(say("a rule allows, blocks, redirects or holds, not {effect}", effect=quote_text(order.effect)), field="effect")
    if not 0 <= order.lapse_days <= LONGEST_LAPSE:
        raise BadInput(
            say("between 0 (never) and {longest_lapse} days, not {lapse_days}", longest_lapse=LONGEST_LAPSE, lapse_days=order.lapse_days),
            field="lapse_days",
        )
    match = "subdomains" if order.match == "domain" and order.value.strip().startswith(".") else order.match
    order = replace(order, match=match, value=checked_value(match, order.value), note=order.note[:500])
    if order.unproven_only and order.effect != "block":
        raise BadInput(say("only a block can be about messages without proof alone"), field="unproven_only")
    if order.effect == "redirect":
        return replace(checked_redirect(session, order, settings), scope=checked_scope(session, order.scope), proof="")
    if order.recipient or order.to or order.match == "recipient":
        raise BadInput(say("only a redirect can match a recipient"), field="effect")
    if order.match in WHOLE:
        refuse_everybody(order, settings)
    if order.effect == "hold":
        return replace(checked_hold(order), scope=checked_scope(session, order.scope))
    if order.match not in ("list", "campaign") and any(covers_own_domain(order, own) for own in settings.own_domains):
        refuse_ourselves(order)
    if order.effect == "allow" and order.unchecked:
        refuse_platform(order, settings)
    order = replace(order, scope=checked_scope(session, order.scope), proof=checked_proof(order, settings))
    if order.encrypted:
        return checked_encrypted(order)
    return replace(order, unproven_only=True, unsigned_only=False) if order.proof == CLAIMED else order


def checked_encrypted(order: RuleOrder) -> RuleOrder:
    """An allow for encrypted files is about one address with DMARC and one person or department, and ends."""
    if (order.effect, order.match, order.proof) != ("allow", "address", "dmarc"):
        raise BadInput(say("encrypted files pass only with an allow rule of one address, and with the proof dmarc"), field="encrypted")
    if order.scope == "company":
        raise BadInput(say("encrypted files pass for one person or one department: name it"), field="scope")
    return replace(order, lapse_days=order.lapse_days or (0 if order.until else ENCRYPTED_DAYS))


def check_content_order(session: Session, order: RuleOrder, settings: Settings) -> RuleOrder:
    """A rule on content has a name and conditions, says why, and asks for no proof: it lets nothing in."""
    if order.effect not in CONTENT_EFFECTS:
        raise BadInput(
            say("a rule on content holds, purges, redirects or marks, not {effect}", effect=quote_text(order.effect)), field="effect"
        )
    if order.proof or order.risky or order.unchecked or order.encrypted or order.lapse_days or order.recipient:
        raise BadInput(say("a rule on content takes neither proof, attachments, recipient nor lapse days"), field="effect")
    name, note = order.value.strip().casefold(), " ".join(order.note[:500].split())
    if not NAME.fullmatch(name):
        raise BadInput(
            say("{name} is no name for a rule; write up to 64 letters, digits and hyphens", name=quote_text(name[:80])), field="value"
        )
    if not note:
        raise BadInput(say("say why the rule is there; all staff who decide about one of its messages read it"), field="note")
    if order.effect == "redirect":
        recipients.resolve_destination(session, order.to, settings.company)
    elif order.to:
        raise BadInput(say("only a redirect has a destination"), field="to")
    conditions = check_conditions(dict(order.conditions))
    return replace(order, value=name, note=note, to=order.to.strip().casefold(), conditions=conditions)


def checked_hold(order: RuleOrder) -> RuleOrder:
    """A hold is about a sender, asks for no proof, says why and ends on a day."""
    if order.match not in ("address", *WHOLE):
        raise BadInput(say("a hold matches an address or a domain, not a {match}", match=order.match), field="match")
    if order.proof or order.risky or order.unchecked or order.encrypted or order.lapse_days:
        raise BadInput(say("a hold takes neither proof nor attachments, and needs until, the day on which it ends"), field="effect")
    note = " ".join(order.note.split())
    if not note:
        raise BadInput(say("say why messages from them are held; all staff who decide about one read it"), field="note")
    return replace(order, note=note, unproven_only=False, unsigned_only=False)


def checked_redirect(session: Session, order: RuleOrder, settings: Settings) -> RuleOrder:
    """Checks a redirect rule: its target, and the recipient that it redirects from, must be here. BadInput says what is missing."""
    recipients.resolve_destination(session, order.to, settings.company)
    named = order.value if order.match == "recipient" else order.recipient
    if named:
        address = checked_value("address", named)
        if recipients.resolve_address(session, Address.parse(address), settings.company) is None:
            raise BadInput(say("nobody here has the address {address}", address=address), field="recipient")
        order = replace(order, recipient=address)
    return replace(order, value=order.recipient if order.match == "recipient" else order.value, to=order.to.strip().casefold())


def refuse_everybody(order: RuleOrder, settings: Settings) -> None:
    """BadInput for a rule about a domain where anybody can be."""
    shared = order.match == "subdomains" or order.effect == "block"
    if is_shared(order.value, registries_only=order.effect != "allow"):
        raise BadInput(
            say("anybody can register a domain under {value}; name the domain of one organisation", value=order.value), field="value"
        )
    free = [one for one in settings.policy.freemail_domains if one == order.value or (shared and one.endswith("." + order.value))]
    if order.effect == "allow" and free:
        raise BadInput(say("anybody can get an address at {free}; allow single addresses there", free=free[0]), field="value")


def refuse_platform(order: RuleOrder, settings: Settings) -> None:
    """BadInput for an allow without checks of a service through which anybody can send."""
    if order.match != "list" and (found := platform_of(order.value.rpartition("@")[2], settings.policy.open_platforms)):
        raise BadInput(say("anybody can send messages through {platform}; they are always checked", platform=found), field="unchecked")


def refuse_ourselves(order: RuleOrder) -> None:
    """BadInput for a rule about our own domain that could do no good."""
    if order.effect == "block":
        raise BadInput(
            say("{value} is your company's own domain; messages that forge it are held without a rule", value=order.value), field="value"
        )
    if ":" in order.proof:
        raise BadInput(
            say(
                "messages from your own domains pass only with DMARC, so {proof} would never take effect; use dmarc",
                proof=quote_text(order.proof),
            ),
            field="proof",
        )


def covers_own_domain(order: RuleOrder, own: str) -> bool:
    """Whether the order is about one of our own domains, or an address there."""
    value = order.value.rpartition("@")[2]
    return own == value or (order.match in WHOLE and own.endswith("." + value)) or (order.effect == "allow" and value.endswith("." + own))


def checked_value(match: str, value: str) -> str:
    """The value folded in the form of its kind."""
    try:
        if match in ("address", "recipient"):
            return str(Address.parse(value))
        if match in WHOLE:
            domain = ascii_domain(value.strip().removeprefix("@").removeprefix("."))
            if "." not in domain:
                raise ValueError(say("{value} is a whole top-level domain", value=value))
            return domain
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="value") from fault
    if match == "list":
        folded = value.strip().strip("<>").casefold()
        if not folded or len(folded) > 255 or any(not letter.isprintable() or letter.isspace() for letter in folded):
            raise BadInput(say("{value} is not a List-Id", value=quote_text(value[:80])), field="value")
        return folded
    if match == "campaign":
        return value
    raise BadInput(say("a rule matches an address, a domain, subdomains or a list, not {match}", match=quote_text(match)), field="match")


def checked_scope(session: Session, scope: str) -> str:
    """The scope folded; it must name something that exists."""
    try:
        parsed = Scope.parse([scope])
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="scope") from fault
    for code in parsed.departments:
        if session.get(Department, code) is None:
            raise BadInput(say("there is no department {code}", code=quote_text(code)), field="scope")
    for uid in parsed.persons:
        if session.get(Person, uid) is None:
            raise BadInput(say("there is no person {uid}", uid=quote_text(uid)), field="scope")
    return parsed.words()[0]


def checked_proof(order: RuleOrder, settings: Settings) -> str:
    """The proof an allow asks for. A list is known by who signs or seals its posts, nothing else (product.md 5)."""
    if order.effect == "block":
        return order.proof if order.match == "campaign" or order.proof == CLAIMED else ""
    proof = order.proof or "dmarc"
    kind, colon, domain = proof.partition(":")
    if proof not in ("dmarc", "aligned") and (kind not in ("dkim", "arc") or not colon):
        raise BadInput(say("dmarc, aligned, dkim:DOMAIN or arc:DOMAIN, not {proof}", proof=quote_text(proof)), field="proof")
    if not colon and order.match == "list":
        raise BadInput(say("a mailing list needs dkim:DOMAIN, which signs its posts, or arc:DOMAIN, which seals them"), field="proof")
    if not colon:
        return proof
    try:
        domain = ascii_domain(domain)
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="proof") from fault
    if kind == "dkim" and domain in settings.policy.freemail_domains:
        raise BadInput(
            say("{domain} signs for anybody who has an address there, so its signature proves nobody else", domain=domain), field="proof"
        )
    if kind == "arc" and domain not in settings.policy.trusted_arc_sealers:
        raise BadInput(
            say("{domain} is not a trusted forwarder; ask an administrator of the server to add it", domain=domain), field="proof"
        )
    if kind == "arc" and order.match == "list" and not is_related_host(domain, order.value):
        raise BadInput(
            say("{domain} seals messages of anybody; a mailing list needs the seal of its own organisation", domain=domain), field="proof"
        )
    return f"{kind}:{domain}"
