"""Plans the rules that go along with a decision: about every sender of the selected messages, with the proof that each can give."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import confidential_folders
from triage.actor import Actor
from triage.errors import BadInput, Stale
from triage.message.authentication import Authentication, Result
from triage.message.mailing_lists import rewritten_author
from triage.message.mime.links import is_related_host
from triage.message.signals.second_look import own_domain_advice
from triage.message.summary import Summary
from triage.policy.rules.rule_request import CLAIMED
from triage.policy.rules.store import RuleOrder
from triage.quarantine.search.selection import Selection, folded_address
from triage.say import mark, say
from triage.store.db import is_among
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

MOST_RULES = 20  # that one decision makes; blocks of a wave are as many as it has senders
MOST_BLOCKS = 10_000
KEPT = (col(Delivery.proof), col(Delivery.claimed), col(Delivery.flood))


@dataclass(slots=True)
class Sender:
    """Sender of the selected messages, and the proof that all their messages share."""

    match: str
    value: str
    proofs: set[str] = field(default_factory=set)  # of the deliveries: dmarc, aligned, ""
    publishes_nothing: bool = True  # no unproven one's domain publishes SPF or DMARC
    count: int = 0
    is_flood: bool = False  # some of it is part of a mail bomb
    is_damaged: bool = False  # the record of some of it cannot be read
    is_claimed: bool = True  # all of it only claims to be from them
    is_pinned: bool = True  # the proof that the order names (dkim:DOMAIN, arc:DOMAIN) is met by all of it
    signers: set[str] | None = None  # of a list: the domains of its own whose signature each post bears
    ids: list[int] = field(default_factory=list)  # their deliveries
    genuine: int = 0  # deliveries whose sender is proven
    failed: int = 0  # deliveries that fail DMARC


@dataclass(frozen=True, slots=True)
class NotOffered:
    """A sender whom no allow can be made about from the selected mail, and what could be done instead."""

    sender: str
    count: int  # deliveries of theirs
    why: str  # damaged, flood, list, own, unproven
    instead: str


def rule_orders(
    session: Session, order: RuleOrder, selected: Selection, ids: Sequence[int], *, by: Actor, own_domains: Collection[str]
) -> list[RuleOrder]:
    """The rules to make: about the value that was given, or about every sender of the messages with these ids; for the scope that was
    given, or for everybody whom those messages are for.
    """
    made = about_senders(session, order, selected, ids, own_domains)
    if order.scope:
        return made
    scopes = scopes_of(session, ids, by)
    if not 0 < len(made) * len(scopes) <= most_rules(order):
        raise BadInput(
            say(
                "that would be {made} rules; between 1 and {most} can be created at once",
                made=len(made) * len(scopes),
                most=most_rules(order),
            ),
            field="rule",
        )
    return [replace(one, scope=scope) for scope in scopes for one in made]


def most_rules(order: RuleOrder) -> int:
    """Returns the most rules of this effect that one decision makes."""
    return MOST_BLOCKS if order.effect == "block" else MOST_RULES


def scopes_of(session: Session, ids: Sequence[int], by: Actor) -> list[str]:
    """For whom mail with these ids is, in the actor's own scopes."""
    rows = session.execute(
        select(col(Delivery.department), col(Delivery.person)).where(is_among(session, col(Delivery.id), ids)).distinct()
    )
    return narrowest_scopes(session, [(department, person) for department, person in rows], by)


def narrowest_scopes(session: Session, folders: Iterable[tuple[str, str]], by: Actor) -> list[str]:
    """The narrowest of the actor's own scopes for each of these folders."""
    closed = confidential_folders.closed_scopes(session, by)
    mine = [
        [one for one in holding_scopes(*folder) if one not in closed and (by.scope.company or one in by.scope.words())]
        for folder in folders
    ]
    return sorted({scopes[0] for scopes in mine if scopes})


def holding_scopes(department: str, person: str) -> list[str]:
    """The scopes that a folder lies in, the narrowest first."""
    return [*([f"person:{person}"] if person else []), *([f"department:{department}"] if department else []), "company"]


def about_senders(
    session: Session, order: RuleOrder, selected: Selection, ids: Sequence[int], own_domains: Collection[str]
) -> list[RuleOrder]:
    """The order about the value that it gives, or about every sender of these messages.

    BadInput where an allow cannot be about one of them.
    """
    if order.effect == "allow" and (refused := not_allowed(session, order, ids, own_domains)):
        raise BadInput(
            say("{why} {instead}", why=say(REFUSED[refused[0].why], sender=refused[0].sender), instead=refused[0].instead), field="rule"
        )
    if order.value:
        return [order]
    if order.match not in ("address", "domain"):
        raise BadInput(say("a rule for a mailing list needs its List-Id as value"), field="rule")
    senders = senders_of(session, order, ids)
    named = selected.sender if order.match == "address" else selected.domain
    if not senders and named:
        return [replace(order, value=named)]
    if not 0 < len(senders) <= most_rules(order):
        raise BadInput(
            say(
                "the selection has {senders} senders; rules for 1 to {most} of them can be created at once",
                senders=len(senders),
                most=most_rules(order),
            ),
            field="rule",
        )
    make = {"block": block_of, "allow": allow_of}.get(order.effect, redirect_of)
    one = replace(order, senders=(), without=())
    return [make(one, sender) for sender in agreed_senders(order, senders)]


def of_agreed(session: Session, order: RuleOrder | None, ids: Sequence[int]) -> Sequence[int]:
    """The deliveries, of these, of the senders that an order names; all of them where it names none. Stale as for `agreed_senders`."""
    if order is None or order.value or not (order.senders or order.without):
        return ids
    return sorted(one for sender in agreed_senders(order, senders_of(session, order, ids)) for one in sender.ids)


def agreed_senders(order: RuleOrder, found: Sequence[Sender]) -> list[Sender]:
    """The senders that rules are made about: whoever allows several names each.

    Stale where somebody writes who was neither agreed to nor left out, or one who was agreed to writes no more.
    """
    named, left = ({folded_address(one) for one in some} for some in (order.senders, order.without))
    chosen = [one for one in found if one.value not in left]
    there = {one.value for one in chosen}
    if named and named != there:
        new, gone = sorted(there - named), sorted(named - there)
        said = say(
            "{names} also wrote some of these messages" if new else "{names} wrote none of these messages", names=list_values(new or gone)
        )
        raise Stale(say("review the selection, then decide again"), field=said)
    if order.effect == "allow" and len(chosen) > 1 and not named:
        raise BadInput(
            say(
                "these messages are from {chosen} senders: list in senders those to allow, and in without those to leave out (POST "
                "/selections/preview lists them)",
                chosen=len(chosen),
            ),
            field="rule",
        )
    return chosen


def naming_all(session: Session, order: RuleOrder, ids: Sequence[int]) -> RuleOrder:
    """The order with every sender of these deliveries named, as for somebody who agrees to all of them."""
    return replace(order, senders=tuple(one.value for one in senders_of(session, order, ids)))


def list_values(values: Sequence[str]) -> str:
    """The first of these in one line."""
    first = ", ".join(values[:3])
    return say("{first} and {more} more", first=first, more=len(values) - 3) if len(values) > 3 else first


def not_allowed(session: Session, order: RuleOrder, ids: Sequence[int], own_domains: Collection[str]) -> list[NotOffered]:
    """The senders of these messages whom the order, an allow, cannot be about: in our own name, or without a proof for it."""
    if order.match not in ("address", "domain", "subdomains"):
        return []
    senders = senders_of(session, order, ids)
    found = ((sender, why_not(sender, order, own_domains)) for sender in senders if is_about(order, sender))
    return [NotOffered(sender.value, sender.count, why, refusal_advice(why, sender)) for sender, why in found if why]


def is_about(order: RuleOrder, sender: Sender) -> bool:
    """Whether the rule would be about this sender. It is about every one, unless it gives a value."""
    value = order.value.strip().casefold().removeprefix("@").removeprefix(".")
    return not value or sender.match == "list" or value in (sender.value, sender.value.rpartition("@")[2])


def why_not(sender: Sender, order: RuleOrder, own_domains: Collection[str]) -> str:
    """Returns why an allow rule cannot be about this sender: damaged, flood, list, own, unproven; "" where it can."""
    if sender.is_flood or sender.is_damaged:
        return "flood" if sender.is_flood else "damaged"
    if sender.match == "list":
        return "" if ":" in order.proof or sender.signers else "list"
    domain = sender.value.rpartition("@")[2]
    if any(domain == own or domain.endswith(f".{own}") for own in own_domains):
        return "own"
    is_proven = sender.is_pinned if ":" in order.proof else sender.proofs != {""}
    return "" if is_proven else "unproven"


def refusal_advice(why: str, sender: Sender) -> str:
    """Advises what to do instead of an allow rule."""
    domain = sender.value.rpartition("@")[2]
    if why != "own":
        return INSTEAD[why]
    return (
        own_domain_advice(domain)
        if "" in sender.proofs
        else say("Release it without a rule, and ask IT to add a rule for {domain}.", domain=domain)
    )


REFUSED = {
    "damaged": mark("the record of a message from {sender} is damaged in the database, so nobody knows what proves it."),
    "flood": mark("the message from {sender} is part of a mail bomb: another person signed the recipient up."),
    "own": mark("{sender} is in your own domain, and no rule allows anybody to send in your name."),
    "unproven": mark("nothing proves that {sender} sent this, so a rule has nothing to check."),
    "list": mark("the mailing list {sender} replaces its authors' addresses and does not sign its List-Id."),
}
INSTEAD = {
    "damaged": say("Release it without a rule, or restore the record from a backup."),
    "flood": say("Release it without a rule. Allow the sender by hand if the recipient wants their messages."),
    "unproven": say("Release it without a rule. Allow the sender once one of its messages is proven (DMARC, or aligned SPF or DKIM)."),
    "list": say("Release it without a rule."),
}


def redirect_of(order: RuleOrder, sender: Sender) -> RuleOrder:
    """A redirect asks for no proof: it lets nothing in."""
    return replace(order, match=sender.match, value=sender.value)


def senders_of(session: Session, order: RuleOrder, ids: Sequence[int]) -> list[Sender]:
    """The selected deliveries' senders as an order of this kind is about them."""
    column = col(Delivery.author) if order.match == "address" else col(Delivery.author_domain)
    found: dict[tuple[str, str], Sender] = {}
    rows = session.execute(
        select(col(Delivery.id), column, *KEPT, col(Message.record))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(is_among(session, col(Delivery.id), ids), column != "")
        .order_by(col(Delivery.id))
    )
    for delivery_id, value, proof, claimed, flood, record in rows:
        kind = (order.match, value) if record.fault else kind_of(order, value, record.summary)
        sender = found.setdefault(kind, Sender(*kind))
        sender.ids.append(delivery_id)
        sender.proofs.add(proof)
        sender.is_claimed &= claimed
        sender.is_flood |= flood
        sender.genuine += bool(proof)
        sender.count += 1
        if record.fault:
            sender.is_damaged, sender.is_pinned, sender.publishes_nothing = True, False, False
            continue
        authentication = Authentication.from_json(record.authentication)
        sender.failed += authentication.dmarc.result is Result.FAIL
        sender.is_pinned &= ":" in order.proof and authentication.satisfies(order.proof, as_list=sender.match == "list")
        sender.publishes_nothing &= bool(proof) or (authentication.publishes_nothing and not claimed)
        if sender.match == "list":
            signers = {
                one.domain
                for one in authentication.dkim
                if is_related_host(one.domain, sender.value) and authentication.signed_by(one.domain, as_list=True)
            }
            sender.signers = signers if sender.signers is None else sender.signers & signers
    return list(found.values())


def kind_of(order: RuleOrder, value: str, summary: dict[str, object]) -> tuple[str, str]:
    """Returns what a rule about these messages matches. A list in its authors' place is allowed as a list only
    (matching_rules.about_sender).
    """
    post = rewritten_author(Summary.from_json(summary)) if order.effect == "allow" and summary["list_id"] else None
    return ("list", post.list_id) if post else (order.match, value)


def block_of(order: RuleOrder, sender: Sender) -> RuleOrder:
    """A block made from unproven mail leaves proven mail alone (mailflow.md 5), one made from mere claims all but claims."""
    unproven, proof = order.unproven_only or "" in sender.proofs, CLAIMED if sender.is_claimed else ""
    return replace(order, value=sender.value, proof=proof, unproven_only=unproven, unsigned_only=unproven and sender.publishes_nothing)


def allow_of(order: RuleOrder, sender: Sender) -> RuleOrder:
    """An allow asks for the proof that this sender can give: a list's is a signature of its own organisation."""
    if sender.match != "list":
        return replace(order, value=sender.value, proof=order.proof or ("dmarc" if "dmarc" in sender.proofs else "aligned"))
    proof = order.proof if ":" in order.proof else ""
    signer = min(sender.signers or (), key=lambda domain: (len(domain), domain), default="")
    return replace(order, match="list", value=sender.value, proof=proof or f"dkim:{signer}")
