"""Read-only: a sender, one address or a whole domain: how much came, what proves it, to whom it went, what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, and_, literal, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.errors import NotFound
from triage.quarantine.search.listing import Listed, list_some
from triage.quarantine.search.selection import Selection, folded_domain, resolved_condition
from triage.quarantine.search.selection_summary import extent_columns, most_frequent
from triage.say import say
from triage.store.db import correlate_condition
from triage.store.models.deliveries import Delivery
from triage.store.queue.grouping import proven_as


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender as far as the actor may see of its mail; of each of the lists the ten most frequent."""

    name: str
    messages: int  # messages
    deliveries: int
    held: int
    people: int  # distinct
    departments: int
    first_at: datetime
    newest_at: datetime
    lead: Listed  # the newest
    by_state: tuple[tuple[str, int], ...]
    by_proof: tuple[tuple[str, int], ...]  # who proves it, "" for nobody
    by_name: tuple[tuple[str, int], ...]  # what it calls itself
    by_folder: tuple[tuple[str, int], ...]  # department+person
    by_address: tuple[tuple[str, int], ...]  # of the same domain, this one too; of a free-mail provider's none


def get_sender(session: Session, name: str, *, freemail: Collection[str], by: Actor) -> Sender:
    """Returns an address, or a domain with its subdomains. NotFound unless some of its messages are in the actor's scope."""
    where = and_(resolved_condition(session, sender_condition(name)), correlate_condition(session, access.visible_deliveries(by)))
    row = session.execute(select(*extent_columns()).where(where)).one()
    found = list_some(session, [row.lead], by=by) if row.lead is not None else ()
    if not found:
        raise NotFound(say("no message of this sender is in your scope"))
    whole = sender_condition(name).domain or found[0].author_domain
    near = (
        where
        if sender_condition(name).domain
        else and_(resolved_condition(session, Selection(domain=whole)), correlate_condition(session, access.visible_deliveries(by)))
    )
    folder = col(Delivery.department) + literal("+", String) + col(Delivery.person)
    return Sender(
        name=folded_domain(whole) if sender_condition(name).domain else found[0].author,
        messages=row.messages,
        deliveries=row.deliveries,
        held=row.held,
        people=row.people,
        departments=row.departments,
        first_at=row.first_at,
        newest_at=row.newest_at,
        lead=found[0],
        by_state=most_frequent(session, col(Delivery.state), where),
        by_proof=most_frequent(session, proven_as(), where),
        by_name=most_frequent(session, col(Delivery.author_name), and_(where, col(Delivery.author_name) != "")),
        by_folder=most_frequent(session, folder, where),
        by_address=() if not whole or whole in freemail else most_frequent(session, col(Delivery.author), near),
    )


def sender_condition(name: str) -> Selection:
    """All messages of an address, or of a domain."""
    return Selection(sender=name) if "@" in name.lstrip("@") else Selection(domain=name)
