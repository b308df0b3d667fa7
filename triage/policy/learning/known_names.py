"""Names and domains of the senders that the company knows, kept so that what only looks like them is found at once."""

import itertools
import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, delete, func, not_, select
from sqlmodel import Session, col

from triage.addressing.envelope import ancestor_domains
from triage.config.settings import Settings
from triage.message.mime.links import registered_organisation
from triage.message.signals.lookalikes import is_sibling, keys_of_known, keys_of_stranger, plain_name
from triage.message.signals.signal_context import SimilarContacts
from triage.policy.contacts import store as contacts
from triage.policy.contacts.wanted_senders import Sender, released_by
from triage.policy.rules.store import in_force
from triage.store import confidential_rows, db
from triage.store.confidential_rows import SEALED
from triage.store.db import OneOf
from triage.store.models.contacts import Contact, FamiliarDomain, FamiliarName
from triage.store.models.directory import Person
from triage.store.models.rules import Rule

MOST = 5  # namesakes, and domains that may look alike
SLICE = 500  # domains that one transaction takes in or forgets, and addresses that are in memory together
SEPARATORS = re.compile(r"[._-]")  # between the words of a local part
TELLS_NOTHING = re.compile(
    r"\b(?:service|support|team|info|customer|news|newsletter|sales|office|reply|account|accounts|billing|invoice|help|desk|notification"
    r"|notifications|mail|mailer|daemon|admin|system|alerts?|online|kundenservice|rechnung|vertrieb|client|ventas|the|your|inc|ltd|gmbh)\b"
)


class Stranger(NamedTuple):
    """Author whom no rule allows: their address, display name, and the domains that replies go to.

    Of an allowed author only `answers` are checked: the account may be genuine while replies go to another person.
    """

    author: str
    name: str
    answers: tuple[str, ...] = ()  # domains of the Reply-To that are not the author's
    is_known: bool = False


PLACE = func.row_number().over(partition_by=col(FamiliarDomain.key), order_by=col(FamiliarDomain.domain))
WITH_KEY = select(col(FamiliarDomain.key), col(FamiliarDomain.domain), PLACE.label("place")).where(OneOf(col(FamiliarDomain.key), "keys"))
FIRST = WITH_KEY.subquery()
DOMAINS = select(FIRST.c.key, FIRST.c.domain).where(FIRST.c.place <= MOST * 4)
NAMES = (
    select(col(FamiliarName.name), col(FamiliarName.address))
    .where(OneOf(col(FamiliarName.name), "names"))
    .order_by(col(FamiliarName.name), col(FamiliarName.address))
)


class Familiar:
    """Known senders that the strangers of one batch of messages could be taken for; a sender released along with it counts as known for
    those behind them."""

    def __init__(self, session: Session, strangers: Iterable[Stranger], *, settings: Settings, now: datetime) -> None:
        self.session, self.settings, self.now = session, settings, now
        self.keys = {one: keys_of_all(one, settings) for one in strangers}
        self.domains = group_by_key(session, DOMAINS, "keys", itertools.chain.from_iterable(self.keys.values()))
        self.named = group_by_key(session, NAMES, "names", itertools.chain.from_iterable(map(names_asked, self.keys)))

    def of(self, one: Stranger) -> SimilarContacts:
        """Known senders of the same name, and domains of known senders that may look like theirs."""
        found = {domain for key in self.keys[one] for domain in self.domains.get(key, ())}
        domains = tuple(sorted(found)[: MOST * 4])
        if one.is_known:
            siblings = self.siblings_of_answers(one, domains)
            domains = tuple(domain for domain in domains if domain not in siblings)
            return SimilarContacts(self.namesakes(one), domains, domains)
        return SimilarContacts(self.namesakes(one), domains, self.siblings(one, domains))

    def siblings(self, one: Stranger, domains: Iterable[str]) -> tuple[str, ...]:
        """Returns domains with the author's name under another ordinary ending, if the author's domain has sent wanted messages."""
        theirs = one.author.rpartition("@")[2]
        found = tuple(domain for domain in domains if is_sibling(theirs, domain))
        return found if found and released_by(self.session, [Sender(one.author, theirs)]) else ()

    def siblings_of_answers(self, one: Stranger, domains: Iterable[str]) -> set[str]:
        """Returns domains with the name of a domain that answers go to, if that one has sent proven wanted messages itself."""
        pairs = [(answer, domain) for answer in one.answers for domain in domains if is_sibling(answer, domain)]
        wanted = released_by(self.session, [Sender("", answer) for answer, _ in pairs])
        return {domain for answer, domain in pairs if Sender("", answer) in wanted}

    def namesakes(self, one: Stranger) -> tuple[str, ...]:
        """Returns addresses of other senders with the same name that are still known."""
        named = (address for name in names_asked(one) for address in self.named.get(name, [])[:MOST])
        others = (address for address in dict.fromkeys(named) if not self.is_same(address, one.author))
        return tuple(address for address in others if is_known(self.session, address, self.settings, self.now))

    def is_same(self, address: str, author: str) -> bool:
        """Whether it is the author's own address, or one of the same organisation, which no mailbox provider is."""
        theirs, domain = author.rpartition("@")[2], address.rpartition("@")[2]
        if address == author or theirs in self.settings.policy.freemail_domains:
            return address == author
        return registered_organisation(theirs) == registered_organisation(domain)

    def met(self, address: str, name: str) -> None:
        """Proven mail of a known sender is accepted."""
        for plain, one in names_of([(address, name)]):
            self.named[plain] = sorted({*self.named.get(plain, ()), one})


def keys_of_all(one: Stranger, settings: Settings) -> set[str]:
    """Returns the keys that find domains like the author's and like those of the replies; for known authors only the latter."""
    domains = one.answers if one.is_known else (one.author.rpartition("@")[2], *one.answers)
    return {key for domain in domains for key in keys_of(domain, settings)}


def names_asked(one: Stranger) -> tuple[str, ...]:
    """The names by which somebody could be taken for somebody else: what they call themselves, and what their address says."""
    names = () if one.is_known else (plain_name(one.name), name_in_address(one.author))
    return tuple(dict.fromkeys(filter(is_personal, names)))


def name_in_address(address: str) -> str:
    """The name that an address spells, as ana.ferreira@ does; "" where it spells none."""
    words = SEPARATORS.split(address.rpartition("@")[0])
    return plain_name(" ".join(words)) if len(words) > 1 and all(len(word) > 1 and word.isalpha() for word in words) else ""


def keys_of(domain: str, settings: Settings) -> Collection[str]:
    """Returns the keys that find domains like this one; none at a free-mail provider, where everybody has the same."""
    return () if not domain or domain in settings.policy.freemail_domains else keys_of_stranger(domain)


def group_by_key(session: Session, pairs: Select[str, str], bound: str, wanted: Iterable[str]) -> dict[str, list[str]]:
    """Runs a statement for these keys, and groups its values by key."""
    found: dict[str, list[str]] = {}
    asked = sorted(set(wanted))
    for key, value in session.connection().execute(pairs, {bound: asked}) if asked else ():
        found.setdefault(key, []).append(value)
    return found


def is_personal(plain: str) -> bool:
    """Whether it is the name of a person, as far as can be told: two words or more, none of them of a service."""
    return " " in plain and TELLS_NOTHING.search(plain) is None


def is_known(session: Session, address: str, settings: Settings, now: datetime) -> bool:
    """Whether somebody outside of confidential folders has written to the address, or a rule allows it."""
    written_to = select(col(Contact.id)).where(col(Contact.address) == address, shareable_contacts(settings, now))
    values = (address, *ancestor_domains(address.rpartition("@")[2]))
    allowed = select(col(Rule.id)).where(col(Rule.value).in_(values), col(Rule.effect) == "allow", in_force(now))
    return any(session.scalar(query.limit(1)) is not None for query in (written_to, allowed))


def shareable_contacts(settings: Settings, now: datetime) -> ColumnElement[bool]:
    """Contacts that everybody may be told of: in force, and of nobody whose folder is confidential."""
    theirs = select(col(Person.uid)).where(col(Person.department).in_(SEALED["department"]))  # a contact names its person alone
    return and_(contacts.in_force(settings, now), not_(confidential_rows.is_confidential(Contact)), col(Contact.person).not_in(theirs))


def remember_names(session: Session, senders: Iterable[tuple[str, str]]) -> None:
    """Proven mail of known senders was accepted, by address and name: remember what they call themselves."""
    db.insert_missing(session, FamiliarName, [{"name": name, "address": address} for name, address in sorted(names_of(senders))])


def names_of(senders: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Returns the (name, address) pairs of senders with a personal display name, as they are stored."""
    return {(plain[:200], address) for address, name in senders if address and is_personal(plain := plain_name(name))}


def remember_addresses(session: Session, addresses: Iterable[str]) -> None:
    """Stores the names spelled in addresses that employees have written to, before a first answer shows them."""
    rows = [{"name": name[:200], "address": one} for one in sorted(addresses) if is_personal(name := name_in_address(one))]
    db.insert_missing(session, FamiliarName, rows)


def find_changes(session: Session, *, settings: Settings, now: datetime) -> tuple[list[str], list[str]]:
    """The domains that are known and not kept yet, and those that are kept and not known any more."""
    rows = select(col(Rule.value)).where(col(Rule.effect) == "allow", col(Rule.match) != "list", in_force(now))
    written_to = select(col(Contact.address)).where(shareable_contacts(settings, now)).execution_options(yield_per=SLICE)
    values = itertools.chain(session.scalars(rows), session.scalars(written_to))
    domains = {value.rpartition("@")[2] for value in values}
    known = set(map(registered_organisation, domains)) - set(settings.policy.freemail_domains) - {""}
    kept = set(session.scalars(select(col(FamiliarDomain.domain)).distinct()))
    return sorted(known - kept), sorted(kept - known)


def change_domains(session: Session, new: Iterable[str], gone: Collection[str]) -> None:
    """Keep these domains, and forget those."""
    if gone:
        session.execute(delete(FamiliarDomain).where(col(FamiliarDomain.domain).in_(gone)))
    add_domains(session, new)


def meet_addresses(session: Session, addresses: Iterable[str], settings: Settings) -> None:
    """Stores the domains that employees have just written to, because a first answer is the moment for look-alike domains."""
    met = {registered_organisation(address.rpartition("@")[2]) for address in addresses}
    add_domains(session, sorted(met - set(settings.policy.freemail_domains) - {""}))


def add_domains(session: Session, domains: Iterable[str]) -> None:
    """Keep these domains under their keys, where they are not kept yet."""
    rows = [{"key": key, "domain": domain} for domain in domains for key in sorted(keys_of_known(domain)) or [""]]
    db.insert_missing(session, FamiliarDomain, rows)
