"""Rules that somebody asks for: in folded form with everything filled in, or the reason why there can be no such rule."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from triage.actor import Scope
from triage.addressing.envelope import Address, ascii_domain
from triage.addressing.public_suffix import is_shared
from triage.config.settings import Settings
from triage.directory import recipients
from triage.errors import BadInput
from triage.message.mime.links import related
from triage.store.models.directory import Department, Person

WHOLE = ("domain", "subdomains")  # matches that are about a whole domain
LONGEST_LAPSE = 3650  # days
SAYS = ("effect", "match", "value", "scope", "proof", "unproven_only", "risky", "recipient")  # what two rules have alike that say the same
HELD_DAYS = 14  # of a hold that names no end
KEPT = (*SAYS, "unsigned_only", "note", "lapse_days", "holds_until")  # columns of a rule, by the names that they have in an order


@dataclass(frozen=True, slots=True)
class RuleOrder:
    """A rule that somebody asks for. `value` and `scope` may be left out where a selection gives them.

    A domain is that domain alone in an allow, and everything below it too in a block and in a hold: whoever owns it owns that.
    """

    effect: str  # allow, block, redirect, hold
    match: str  # address, domain, subdomains (the domain and everything below it), list; recipient: of a redirect; campaign: of a purge
    value: str  # a domain that begins with a dot means its subdomains too
    scope: str  # company, department:CODE, person:UID; "" where a selection gives it: for everybody whom it is for
    proof: str = ""  # allow: dmarc (default), aligned, dkim:DOMAIN, arc:DOMAIN
    until: datetime | None = None
    note: str = ""
    risky: bool = False
    unproven_only: bool = False
    unsigned_only: bool = False
    lapse_days: int = 0  # it runs out so many days after the last mail either way; 0: it does not
    recipient: str = ""  # redirect: only mail to this address of ours
    to: str = ""  # redirect: person:UID, department:CODE or an address of ours
    holds_until: datetime | None = None  # a block: until then it holds what it stops, and neither refuses nor removes it
    senders: tuple[str, ...] = ()  # of an allow whose values a selection gives: exactly the senders that were agreed to
    without: tuple[str, ...] = ()  # senders of the selection who were left out: not allowed, and their messages left alone


def is_possible(session: Session, order: RuleOrder, settings: Settings) -> bool:
    """Can there be such a rule? Not about ourselves, a registry, or what is no address."""
    try:
        checked(session, order, settings)
    except BadInput:
        return False
    return True


def as_row(order: RuleOrder) -> dict[str, Any]:
    """What a rule keeps of its order; when it ends is told by the hour at which it is made."""
    return {name: getattr(order, name) for name in KEPT} | {"target": order.to}


def ends(order: RuleOrder, now: datetime) -> datetime | None:
    """When a rule that is made or changed now runs out; None where it does not. BadInput for a hold that would be over already."""
    if order.effect == "hold":
        return end_of_hold(order, now)
    return order.until or (now + timedelta(days=order.lapse_days) if order.lapse_days else None)


def end_of_hold(order: RuleOrder, now: datetime) -> datetime:
    """When a hold ends: it always does, so that nobody's messages wait because somebody forgot."""
    if order.until is not None and order.until <= now:
        raise BadInput(f"until: {order.until:%d %b %Y} is over; name a day to come")
    return order.until or now + timedelta(days=HELD_DAYS)


def checked(session: Session, order: RuleOrder, settings: Settings) -> RuleOrder:
    """The order in folded form with its proof filled in; BadInput says what is wrong."""
    if order.effect not in ("allow", "block", "redirect", "hold"):
        raise BadInput(f"effect: a rule allows, blocks, redirects or holds, not {order.effect!r}")
    if not 0 <= order.lapse_days <= LONGEST_LAPSE:
        raise BadInput(f"lapse_days: between 0 (never) and {LONGEST_LAPSE} days, not {order.lapse_days}")
    match = "subdomains" if order.match == "domain" and order.value.strip().startswith(".") else order.match
    order = replace(order, match=match, value=checked_value(match, order.value), note=order.note[:500])
    if order.effect == "redirect":
        return replace(checked_redirect(session, order, settings), scope=checked_scope(session, order.scope), proof="")
    if order.recipient or order.to or order.match == "recipient":
        raise BadInput("effect: only a redirect is about a recipient of ours")
    if order.match in WHOLE:
        refuse_everybody(order, settings)
    if order.effect == "hold":
        return replace(checked_hold(order), scope=checked_scope(session, order.scope))
    if order.match not in ("list", "campaign") and any(covers(order, own) for own in settings.own_domains):
        refuse_ourselves(order)
    return replace(order, scope=checked_scope(session, order.scope), proof=checked_proof(order, settings))


def checked_hold(order: RuleOrder) -> RuleOrder:
    """A hold is about a sender, asks for no proof, says why and ends on a day."""
    if order.match not in ("address", *WHOLE):
        raise BadInput(f"match: a hold is about an address or a domain, not a {order.match}")
    if order.proof or order.risky or order.lapse_days:
        raise BadInput("effect: a hold asks for no proof, holds every attachment and ends on the day that until names")
    note = " ".join(order.note.split())
    if not note:
        raise BadInput("note: say why their messages are held; everybody who decides about one reads it")
    return replace(order, note=note, unproven_only=False, unsigned_only=False)


def checked_redirect(session: Session, order: RuleOrder, settings: Settings) -> RuleOrder:
    """Where it sends mail must be here, and so must whom it takes it from."""
    recipients.destination(session, order.to, settings.company)
    named = order.value if order.match == "recipient" else order.recipient
    if named:
        address = checked_value("address", named)
        if recipients.resolve(session, Address.parse(address), settings.company) is None:
            raise BadInput(f"recipient: nobody here has the address {address}")
        order = replace(order, recipient=address)
    return replace(order, value=order.recipient if order.match == "recipient" else order.value, to=order.to.strip().casefold())


def refuse_everybody(order: RuleOrder, settings: Settings) -> None:
    """BadInput for a rule about a domain where anybody can be."""
    shared = order.match == "subdomains" or order.effect == "block"
    if is_shared(order.value, registries_only=order.effect != "allow"):
        raise BadInput(f"value: anybody can register below {order.value}; name the domain of one organisation")
    free = [one for one in settings.policy.freemail_domains if one == order.value or (shared and one.endswith("." + order.value))]
    if order.effect == "allow" and free:
        raise BadInput(f"value: anybody can have an address at {free[0]}; allow single addresses there")


def refuse_ourselves(order: RuleOrder) -> None:
    """BadInput for a rule about our own domain that could do no good."""
    if order.effect == "block":
        raise BadInput(f"value: {order.value} is our own; forged mail in our name is held without a rule")
    if ":" in order.proof:
        raise BadInput(
            f"proof: mail in our own name passes only when it proves itself, so {order.proof!r} would never let it in; use dmarc"
        )


def covers(order: RuleOrder, own: str) -> bool:
    """Is the order about one of our own domains, or an address there?"""
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
                raise ValueError(f"{value!r} is a whole top-level domain")
            return domain
    except ValueError as fault:
        raise BadInput(f"value: {fault}") from fault
    if match == "list":
        folded = value.strip().strip("<>").casefold()
        if not folded or len(folded) > 255 or any(not letter.isprintable() or letter.isspace() for letter in folded):
            raise BadInput(f"value: {value[:80]!r} is not a List-Id")
        return folded
    if match == "campaign":
        return value
    raise BadInput(f"match: a rule matches an address, a domain, subdomains or a list, not {match!r}")


def checked_scope(session: Session, scope: str) -> str:
    """The scope folded; it must name something that exists."""
    try:
        parsed = Scope.parse([scope])
    except ValueError as fault:
        raise BadInput(f"scope: {fault}") from fault
    for code in parsed.departments:
        if session.get(Department, code) is None:
            raise BadInput(f"scope: there is no department {code!r}")
    for uid in parsed.persons:
        if session.get(Person, uid) is None:
            raise BadInput(f"scope: there is no person {uid!r}")
    return parsed.words()[0]


def checked_proof(order: RuleOrder, settings: Settings) -> str:
    """The proof an allow asks for. A list is known by who signs or seals its posts, nothing else (product.md 5)."""
    if order.effect == "block":
        return order.proof if order.match == "campaign" else ""
    proof = order.proof or "dmarc"
    kind, colon, domain = proof.partition(":")
    if proof not in ("dmarc", "aligned") and (kind not in ("dkim", "arc") or not colon):
        raise BadInput(f"proof: dmarc, aligned, dkim:DOMAIN or arc:DOMAIN, not {proof!r}")
    if not colon and order.match == "list":
        raise BadInput("proof: a list needs dkim:DOMAIN, the domain that signs its posts, or arc:DOMAIN, the one that seals them")
    if not colon:
        return proof
    try:
        domain = ascii_domain(domain)
    except ValueError as fault:
        raise BadInput(f"proof: {fault}") from fault
    if kind == "dkim" and domain in settings.policy.freemail_domains:
        raise BadInput(f"proof: {domain} signs the mail of anybody who has an address there; it proves nobody else")
    if kind == "arc" and domain not in settings.policy.trusted_arc_sealers:
        raise BadInput(f"proof: {domain} is not among the forwarders whose seal counts here; whoever runs Mailroom can add it there")
    if kind == "arc" and order.match == "list" and not related(domain, order.value):
        raise BadInput(f"proof: {domain} seals what anybody sends through it; a list is known by a seal of its own organisation")
    return f"{kind}:{domain}"
