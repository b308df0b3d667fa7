"""Warnings about a rule: proof that the sender's messages never had, a whole mail provider, conflicts with other rules."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.addressing.envelope import ancestor_domains
from triage.addressing.open_platforms import platform_of
from triage.config.settings import Settings
from triage.message.authentication import Authentication, Result
from triage.policy.rules import provider_warning
from triage.policy.rules.rule_conflicts import Clash, find_conflicts
from triage.policy.rules.rule_request import RuleOrder
from triage.policy.rules_in_force import in_force
from triage.say import join_parts, say, say_count
from triage.store.db import correlate_condition
from triage.store.domain_index import of_domain
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.messages import Message
from triage.store.models.rules import Rule

LOOKED_AT = 20  # of the sender's last messages


def warn_about_rule(session: Session, order: RuleOrder, *, by: Actor, settings: Settings, now: datetime) -> str:
    """Returns what to know before this rule is made; "" when there is nothing to say. `order` is checked."""
    if order.effect in ("block", "hold") and order.match in ("domain", "subdomains"):
        return provider_warning.warn_about_provider(session, order.value, settings.policy.freemail_domains, by=by, now=now)
    platform = platform_of(order.value.rpartition("@")[2], settings.policy.open_platforms) if order.effect == "allow" else ""
    warning = say("Anybody can send messages through {platform}.", platform=platform) if platform and order.match != "list" else ""
    return join_parts(" ", filter(None, (warning, no_proof(session, order, by=by))))


def no_proof(session: Session, order: RuleOrder, *, by: Actor) -> str:
    """Says why no message of this sender so far could have met the proof, and what would; "" when some could, or none came.

    Only of messages that the actor may see: whether others got any must not show. `order` is checked. Lists are left out: their proof is a
    signature of the list, about which their authors' messages say nothing.
    """
    if order.effect != "allow" or order.match == "list":
        return ""
    column = col(Delivery.author) if order.match == "address" else col(Delivery.author_domain)
    about = of_domain(order.value) if order.match == "subdomains" else column == order.value
    letters = select(col(Message.record)).join(Delivery, col(Delivery.message_id) == col(Message.id))
    newest = (
        letters.where(about, correlate_condition(session, access.visible_deliveries(by))).order_by(col(Delivery.id).desc()).limit(LOOKED_AT)
    )
    found = [Authentication.from_json(one.record.authentication) for one in skip_damaged(session.execute(newest))]
    if not found or any(one.satisfies(order.proof) for one in found):
        return ""
    failed = say_count(
        "The last message from there fails {proof}: this rule would have allowed nothing.",
        "All of the last {count} messages from there fail {proof}: this rule would have allowed nothing.",
        count=len(found),
        proof=order.proof,
    )
    nothing = say("The domain publishes neither SPF nor DMARC.") if all(one.publishes_nothing for one in found) else ""
    return join_parts(" ", (failed, nothing, better_proof(found)))


def better_proof(found: Sequence[Authentication]) -> str:
    """The proof that all of this message could have given."""
    if all(one.proof for one in found):
        return say("Ask for “aligned” instead: all of them pass that.")
    signers = set.intersection(*({one.domain for one in each.dkim if one.result is Result.PASS} for each in found))
    if signers:
        signer = min(signers, key=len)
        return say("All of them are signed by {signer}: ask for “dkim:{signer}” if you trust it.", signer=signer)
    return ""


def of_rules(session: Session, about: Sequence[Rule], now: datetime, *, by: Actor) -> dict[int, tuple[Clash, ...]]:
    """Returns the conflicts of each rule with others that cover all of its messages, by id; only with rules that the actor may see."""
    judged = [rule for rule in about if rule.effect != "redirect"]
    names = {name for rule in judged for name in names_of(rule)}
    where = in_force(now) & col(Rule.value).in_(names) & (col(Rule.effect) != "redirect")
    rows = session.scalars(select(Rule).where(where)).all() if names else []
    closed = confidential_folders.closed_scopes(session, by)
    known = [one for one in rows if access.knows_rule(by, one.scope, closed)]
    departments, scopes = departments_of(session, judged), access.scope_names(session, (one.scope for one in known))
    told = {
        rule.id: tuple(find_conflicts(rule, [one for one in known if one.id != rule.id], departments.get(rule.scope, ""), scopes))
        for rule in judged
    }
    return {rule.id: told.get(rule.id, ()) for rule in about}


def departments_of(session: Session, about: Sequence[Rule]) -> dict[str, str]:
    """The department of each person whom one of these rules is for, by the rule's scope."""
    persons = {rule.scope.removeprefix("person:") for rule in about if rule.scope.startswith("person:")}
    if not persons:
        return {}
    found = session.execute(select(col(Person.uid), col(Person.department)).where(col(Person.uid).in_(persons)))
    return {f"person:{uid}": department for uid, department in found}


def names_of(rule: Rule) -> Iterable[str]:
    """The values of rules that could reach the same message from further up: its own, and the domains above."""
    return [rule.value, *(ancestor_domains(rule.value.rpartition("@")[2]) if rule.match != "list" else [])]
