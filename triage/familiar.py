"""Names and domains of the senders that the company knows, kept so that what only looks like them is found at once."""

import re
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlmodel import Session, col

from triage import correspondents, db
from triage.door import ancestors
from triage.links import organisation
from triage.models import Correspondent, FamiliarDomain, FamiliarName, Rule
from triage.rules import in_force
from triage.settings import Settings
from triage.signals import Correspondents
from triage.signals.likeness import keys_of_known, keys_of_stranger, plain_name

MOST = 5  # namesakes, and domains that may look alike
SLICE = 500  # domains that one transaction takes in or forgets
TELLS_NOTHING = re.compile(
    r"\b(?:service|support|team|info|customer|news|newsletter|sales|office|reply|account|accounts|billing|invoice|help|desk|notification"
    r"|notifications|mail|mailer|daemon|admin|system|alerts?|online|kundenservice|rechnung|vertrieb|client|ventas|the|your|inc|ltd|gmbh)\b"
)


def of(session: Session, author: str, name: str, *, settings: Settings, now: datetime) -> Correspondents:
    """Whom a stranger could be taken for: known senders of the same name, and domains of known senders that may look like theirs."""
    domain = author.rpartition("@")[2]
    keys = () if not domain or domain in settings.policy.freemail_domains else sorted(keys_of_stranger(domain))
    found = select(col(FamiliarDomain.domain)).where(col(FamiliarDomain.key).in_(keys)).distinct().limit(MOST * 4)
    domains = tuple(session.scalars(found)) if keys else ()
    return Correspondents(namesakes(session, author, plain_name(name), settings=settings, now=now), domains)


def namesakes(session: Session, author: str, plain: str, *, settings: Settings, now: datetime) -> tuple[str, ...]:
    """Addresses of known senders of that name, when it is a person's."""
    if not is_personal(plain):
        return ()
    named = session.scalars(select(col(FamiliarName.address)).where(col(FamiliarName.name) == plain).order_by(col(FamiliarName.address)))
    return tuple(address for address in named.all()[:MOST] if address != author and is_known(session, address, settings, now))


def is_personal(plain: str) -> bool:
    """Is it the name of a person, as far as can be told: two words or more, none of them of a service?"""
    return " " in plain and TELLS_NOTHING.search(plain) is None


def is_known(session: Session, address: str, settings: Settings, now: datetime) -> bool:
    """Has somebody here written to the address, or is it let in by a rule?"""
    written_to = select(col(Correspondent.id)).where(col(Correspondent.address) == address, correspondents.in_force(settings, now))
    values = (address, *ancestors(address.rpartition("@")[2]))
    let_in = select(col(Rule.id)).where(col(Rule.value).in_(values), col(Rule.effect) == "allow", in_force(now))
    return any(session.scalar(query.limit(1)) is not None for query in (written_to, let_in))


def meet(session: Session, address: str, name: str) -> None:
    """Proven mail of a known sender was let in: remember what they call themselves."""
    plain = plain_name(name)
    if address and is_personal(plain):
        db.insert_if_missing(session, FamiliarName, name=plain[:200], address=address)


def changes(session: Session, *, settings: Settings, now: datetime) -> tuple[list[str], list[str]]:
    """The domains that are known and not kept yet, and those that are kept and not known any more."""
    rows = select(col(Rule.value)).where(col(Rule.effect) == "allow", col(Rule.match) != "list", in_force(now))
    written_to = select(col(Correspondent.address)).where(correspondents.in_force(settings, now))
    values = [*session.scalars(rows), *session.scalars(written_to)]
    known = {organisation(value.rpartition("@")[2]) for value in values} - set(settings.policy.freemail_domains) - {""}
    kept = set(session.scalars(select(col(FamiliarDomain.domain)).distinct()))
    return sorted(known - kept), sorted(kept - known)


def change(session: Session, new: Iterable[str], gone: Collection[str]) -> None:
    """Keep these domains, and forget those."""
    if gone:
        session.execute(delete(FamiliarDomain).where(col(FamiliarDomain.domain).in_(gone)))
    rows = [{"key": key, "domain": domain} for domain in new for key in sorted(keys_of_known(domain)) or [""]]
    if rows:
        session.execute(insert(FamiliarDomain), rows)
