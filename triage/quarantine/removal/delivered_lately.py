"""Recently delivered messages of a blocked sender, offered for removal. Nothing is removed without a decision of its own."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.ids import parse_id
from triage.quarantine.search.selection import ANY_PROOF, CLAIMED, FORGED, UNPROVEN, Selection, resolved_condition
from triage.quarantine.search.selection_summary import was_answered, was_read
from triage.say import say, say_count
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

LATELY = timedelta(days=14)
MOST = 20  # rules of one file for which something is offered


@dataclass(frozen=True, slots=True)
class Lately:
    """Recently delivered messages of a block's sender or campaign, in the actor's scope; `select` is their removal."""

    rule_id: int
    value: str
    messages: int
    mailboxes: int
    opened: int  # as far as is known: read when a copy was taken out before, or answered since
    select: Selection | None

    @property
    def sentence(self) -> str:
        """Offer to remove them, for a person to read; "" where there is nothing."""
        if not self.messages:
            return ""
        messages = say_count("{count} message", "{count} messages", count=self.messages)
        mailboxes = say_count("{count} mailbox", "{count} mailboxes", count=self.mailboxes)
        about = {"messages": messages, "mailboxes": mailboxes, "opened": self.opened}
        return say("{messages} in {mailboxes}, {opened} opened. Remove them too?", **about)


def of_rule(session: Session, rule: Rule, *, by: Actor, now: datetime) -> Lately:
    """Counts messages of this rule's sender or campaign of the last 14 days, delivered to folders in the rule's scope and the actor's."""
    wanted = selection_of(rule, recent_start(now))
    if wanted is None:
        return Lately(rule.id, rule.value, 0, 0, 0, None)
    where = and_(resolved_condition(session, wanted), access.visible_deliveries(by))
    opened = func.count().filter(or_(was_read(), was_answered()))
    messages, mailboxes, seen = session.execute(
        select(func.count(), func.count(col(Delivery.mailbox).distinct()), opened).where(where)
    ).one()
    return Lately(rule.id, rule.value, messages, mailboxes, seen, wanted if messages else None)


def recent_start(now: datetime) -> datetime:
    """Returns the beginning of the period of recent messages; rounded to the hour, so that what is offered twice is the same."""
    return (now - LATELY).replace(minute=0, second=0, microsecond=0)


def selection_of(rule: Rule, since: datetime) -> Selection | None:
    """The delivered messages that a block is about, without those that it spares; None for no block, or of a mailing list."""
    proof = rule.proof or ANY_PROOF
    if rule.unproven_only and rule.proof != CLAIMED:
        proof = UNPROVEN if rule.match == "campaign" else FORGED
    if rule.effect != "block" or rule.match not in ("address", "domain", "subdomains", "campaign"):
        return None
    kind, _, name = rule.scope.partition(":")
    of_sender = rule.value if rule.match == "address" else ""
    both = of_sender and proof == FORGED  # what does not prove them, and what only claims to be them
    return Selection(
        any_of=(Selection(sender=of_sender, proof=FORGED), Selection(sender=of_sender, proof=CLAIMED)) if both else (),
        sender="" if both else of_sender,
        domain=rule.value if rule.match in ("domain", "subdomains") else "",
        campaign=parse_id(rule.value) if rule.match == "campaign" else None,
        proof=proof if not both and (rule.match == "campaign" or rule.unproven_only) else "",
        department=name if kind == "department" else None,
        person=name if kind == "person" else None,
        states=(State.DELIVERED,),
        since=since,
    )


def of_rules(session: Session, rule_ids: Collection[int], *, by: Actor, now: datetime) -> list[Lately]:
    """The same of many rules, such as an imported list: of those whose very address or domain has delivered something, the most first."""
    found = [of_rule(session, one, by=by, now=now) for one in candidate_rules(session, rule_ids, by, now)]
    return sorted((one for one in found if one.messages), key=lambda one: (-one.messages, one.rule_id))[:MOST]


def candidate_rules(session: Session, rule_ids: Collection[int], by: Actor, now: datetime) -> list[Rule]:
    """Returns the block rules whose address or domain occurs among recently delivered messages; at most a few times MOST."""
    lately = and_(col(Delivery.state) == State.DELIVERED, col(Delivery.received_at) >= recent_start(now), access.visible_deliveries(by))
    author = select(col(Delivery.id)).where(col(Delivery.author) == col(Rule.value), lately).correlate(Rule).exists()
    domain = select(col(Delivery.id)).where(col(Delivery.author_domain) == col(Rule.value), lately).correlate(Rule).exists()
    named = or_((col(Rule.match) == "address") & author, col(Rule.match).in_(("domain", "subdomains")) & domain)
    blocks = select(Rule).where(is_among(session, col(Rule.id), rule_ids), col(Rule.effect) == "block", named)
    return list(session.scalars(blocks.order_by(col(Rule.id)).limit(10 * MOST)))
