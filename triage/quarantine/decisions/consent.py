"""Consent: whom an allow that goes with a release allows, each sender with its proof, and the rules that then are made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access.scope import ScopeNames, scope_names
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.message.signals.second_look import in_order
from triage.message.signals.severity import Severity
from triage.policy.decide import ENCRYPTED
from triage.policy.rules.rule_request import RuleOrder, check_order
from triage.quarantine.decisions.outcome_text import describe_allow_rule
from triage.quarantine.rules import rule_trial
from triage.quarantine.rules.rules_with_decision import (
    MOST_RULES,
    Sender,
    allow_of,
    narrowest_scopes,
    of_agreed,
    refusal_advice,
    rule_orders,
    senders_of,
    why_not,
)
from triage.quarantine.search import confirmations
from triage.quarantine.search.listing import severity_of
from triage.quarantine.search.selection import Selection
from triage.say import as_sentence, join_parts, say
from triage.store.db import is_among
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

MOST_SENTENCES = 2  # sentences about a sender: the strongest
GENUINE, NOT_PROVEN, FAILED = "genuine", "not_proven", "failed"


@dataclass(frozen=True, slots=True)
class AllowScope:
    """Scope for which the senders could be allowed."""

    scope: str  # "": for each of those whom the messages are for
    scopes: tuple[str, ...]  # of the rules
    would_allow: int  # messages of the last thirty days that the rules would have allowed


@dataclass(frozen=True, slots=True)
class SenderConsent:
    """Sender of the selected messages, as the sheet asks about them."""

    sender: str  # "": these messages name nobody whom a rule could be about
    match: str  # address, domain, list
    count: int  # of the selected messages
    proof: str  # genuine, not_proven (some are not), failed (some fail DMARC)
    rests_on: str  # the proof that the rule would ask for
    severity: Severity
    second_look: tuple[str, ...]  # why releasing their messages needs a second look (second_look.NAMES)
    says: tuple[str, ...]  # the strongest warnings about them
    chosen: bool  # is allowed, and their messages are released
    why_not: str  # why there can be no rule about them; "" where there can


@dataclass(frozen=True, slots=True)
class Consent:
    """Consent of the person who releases the selected messages and allows these senders."""

    senders: tuple[SenderConsent, ...]
    rules: tuple[RuleOrder, ...]  # exactly those that are made
    count: int  # messages that are released
    ids: tuple[int, ...]  # their deliveries
    scope: str
    reaches: tuple[AllowScope, ...]  # the narrowest first
    names: ScopeNames  # of the scopes of the rules
    only_encrypted: bool = False  # every selected message is held for nothing but an encrypted file

    @property
    def sentences(self) -> tuple[str, ...]:
        """Sentences that say what each rule allows, as the result shows them."""
        return tuple(as_sentence(describe_allow_rule(one, self.names)) for one in self.rules)


def preview_consent(
    session: Session, selected: Selection, order: RuleOrder, ids: Sequence[int], *, by: Actor, settings: Settings, now: datetime
) -> Consent:
    """Previews the allow rules of a release. Read-only. An order that names nobody chooses the proven senders whose messages need no second
    look.

    BadInput where the messages are from nobody, or from more senders than can be allowed at once; Stale as for
    `rules_with_decision.agreed`.
    """
    found = senders_of(session, order, ids)
    if not 0 < len(found) <= MOST_RULES:
        raise BadInput(
            say(
                "these messages are from {found} senders; between 1 and {most_rules} can be allowed at once",
                found=len(found),
                most_rules=MOST_RULES,
            ),
            field="rule",
        )
    signs = signs_of(session, ids)
    asked = [consent_of_sender(session, order, one, signs, settings) for one in found]
    chosen = named_in(order, asked)
    asked = [replace(one, chosen=one.sender in chosen) for one in asked]
    order = replace(order, senders=tuple(chosen), without=tuple(one.sender for one in asked if not one.chosen))
    released = of_agreed(session, order, ids) if chosen else ()
    reaches = reaches_of(session, order, found, released, by=by, now=now) if chosen else ()
    order = replace(order, scope=order.scope or ("" if not reaches else reaches[0].scope))
    rules = rules_to_make(session, order, selected, released, by=by, settings=settings) if chosen else ()
    nobody = senderless_messages(ids, found, signs)
    locked = set(session.scalars(select(col(Delivery.rule)).where(is_among(session, col(Delivery.id), ids)).distinct())) == {ENCRYPTED}
    names = scope_names(session, (one.scope for one in rules))
    return Consent((*asked, *nobody), rules, len(released), tuple(released), order.scope, reaches, names, locked)


def named_in(order: RuleOrder, asked: Sequence[SenderConsent]) -> list[str]:
    """Chosen senders: named by the order, else proven and without a second look."""
    left = set(order.without)
    if order.senders:
        return list(order.senders)
    if left:
        return [one.sender for one in asked if one.sender not in left and not one.why_not]
    return [one.sender for one in asked if one.proof == GENUINE and not one.second_look and not one.why_not]


def rules_to_make(
    session: Session, order: RuleOrder, selected: Selection, ids: Sequence[int], *, by: Actor, settings: Settings
) -> tuple[RuleOrder, ...]:
    """The rules as they are made. BadInput where one cannot be."""
    return tuple(
        check_order(session, one, settings) for one in rule_orders(session, order, selected, ids, by=by, own_domains=settings.own_domains)
    )


class Signs(NamedTuple):
    """Severity of a delivery, its signals, and why it needs a second look."""

    severity: Severity
    signals: list[dict[str, Any]]
    looks: tuple[str, ...]


def signs_of(session: Session, ids: Sequence[int]) -> dict[int, Signs]:
    """Signals of each of these deliveries."""
    looks = select(Delivery, col(Message.record)).join(Message, col(Message.id) == col(Delivery.message_id))
    rows = session.execute(looks.where(is_among(session, col(Delivery.id), ids)))
    names = confirmations.reasons_by_delivery(session, ids)
    found = [(one, [] if record.fault else record.signals) for one, record in rows]
    return {one.id: Signs(severity_of(one, signals), [*signals, *one.signals], names[one.id]) for one, signals in found}


def consent_of_sender(session: Session, order: RuleOrder, sender: Sender, signs: dict[int, Signs], settings: Settings) -> SenderConsent:
    """Describes a sender for the sheet."""
    genuine = bool(sender.signers) if sender.match == "list" else sender.genuine == len(sender.ids)
    refused, rests_on = refuse_allow(session, order, sender, settings)
    theirs = [signs[one] for one in sender.ids]
    return SenderConsent(
        sender=sender.value,
        match=sender.match,
        count=len(sender.ids),
        proof=FAILED if sender.failed and not genuine else GENUINE if genuine else NOT_PROVEN,
        rests_on=rests_on,
        severity=max(one.severity for one in theirs),
        second_look=looks_of(theirs),
        says=strongest_warnings(theirs),
        chosen=False,
        why_not=refused,
    )


def refuse_allow(session: Session, order: RuleOrder, sender: Sender, settings: Settings) -> tuple[str, str]:
    """Returns why there can be no allow rule about this sender and what to do instead; or "" and the proof that the rule would need."""
    if why := why_not(sender, order, settings.own_domains):
        return join_parts(" ", [WHY[why], refusal_advice(why, sender)]), ""
    try:
        one = allow_of(replace(order, senders=(), without=(), encrypted=False), sender)
        return "", check_order(session, replace(one, scope=one.scope or "company"), settings).proof
    except BadInput as fault:
        return fault.sentence, ""


def not_offered(session: Session, ids: Sequence[int], settings: Settings) -> str:
    """Returns why no rule can allow the sender of one message, with these deliveries, and what to do instead; "" where one can."""
    order = RuleOrder("allow", "address", "", "")
    found = senders_of(session, order, ids)
    return next((why for one in found if (why := refuse_allow(session, order, one, settings)[0])), "" if found else NO_SENDER)


NO_SENDER = say("They name no sender.")
WHY = {
    "damaged": say("The record of a message is damaged in the database, so nobody knows what proves it."),
    "flood": say("A message is part of a mail bomb: another person signed the recipient up."),
    "own": "",
    "unproven": say("Nothing proves that they sent it."),
    "list": say("The mailing list replaces its authors' addresses and does not sign its List-Id."),
}


def strongest_warnings(signs: Sequence[Signs]) -> tuple[str, ...]:
    """The sentences of the strongest warnings, each once."""
    against = sorted((one for sign in signs for one in sign.signals if one["weight"] > 0), key=lambda one: -one["weight"])
    return tuple(dict.fromkeys(one["sentence"] for one in against))[:MOST_SENTENCES]


def looks_of(signs: Sequence[Signs]) -> tuple[str, ...]:
    """Returns why any of these needs a second look, the most severe reason first."""
    return tuple(in_order(name for one in signs for name in one.looks))


def senderless_messages(ids: Sequence[int], found: Sequence[Sender], signs: dict[int, Signs]) -> tuple[SenderConsent, ...]:
    """The messages without a sender: they are released by themselves, never along with a rule."""
    left = sorted(set(ids) - {one for sender in found for one in sender.ids})
    if not left:
        return ()
    theirs = [signs[one] for one in left]
    severity, looks, says = max(one.severity for one in theirs), looks_of(theirs), strongest_warnings(theirs)
    return (SenderConsent("", "", len(left), NOT_PROVEN, "", severity, looks, says, chosen=False, why_not=NO_SENDER),)


def reaches_of(
    session: Session, order: RuleOrder, found: Sequence[Sender], ids: Sequence[int], *, by: Actor, now: datetime
) -> tuple[AllowScope, ...]:
    """Lists scopes for which the chosen senders can be allowed, the narrowest first: the recipients of the messages, then each scope that
    holds them.
    """
    rows = session.execute(
        select(col(Delivery.department), col(Delivery.person)).where(is_among(session, col(Delivery.id), ids)).distinct()
    )
    folders = [(department, person) for department, person in rows]
    single, each = rule_trial.scopes_of(folders, by, session), narrowest_scopes(session, folders, by)
    single = single[:1] if order.encrypted else single  # the password was for this folder
    chosen = [one for one in found if one.value in set(order.senders)]
    steps = [("", tuple(each))] if single[:1] != each and 0 < len(each) * len(chosen) <= MOST_RULES else []
    steps += [(one, (one,)) for one in single]
    words = {scope for _, scopes in steps for scope in scopes}
    counts = [
        rule_trial.count_allowed(session, allow_of(replace(order, senders=(), without=()), one), words, by=by, now=now) for one in chosen
    ]
    return tuple(AllowScope(scope, scopes, sum(found[one] for found in counts for one in scopes)) for scope, scopes in steps)


def consent_record(rules: Iterable[RuleOrder], left: dict[str, int]) -> dict[str, Any]:
    """Consent as a decision stores it: the rules, also those that were in force before, and the senders left out."""
    named = [{name: getattr(one, name) for name in ("match", "value", "scope", "proof", "encrypted")} for one in rules]
    return {"rules": named, "left_out": [{"sender": sender, "count": count} for sender, count in sorted(left.items())]}


def left_out(session: Session, order: RuleOrder, before: Sequence[int], after: Sequence[int]) -> dict[str, int]:
    """Counts the selected messages that stay held, by the sender that was left out; "" for messages that name no sender."""
    gone = set(before) - set(after)
    if not gone:
        return {}
    named = {one.value: len(one.ids) for one in senders_of(session, order, sorted(gone))}
    rest = len(gone) - sum(named.values())
    return named | ({"": rest} if rest else {})
