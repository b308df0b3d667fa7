"""Writers of outgoing messages: a person or a department's role address; and their relation to the recipients."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlmodel import Session, SQLModel, select

from triage.addressing.envelope import Address
from triage.config.settings import Settings
from triage.directory import recipients
from triage.policy.contacts.contact_evidence import Reason, why_not_address
from triage.store import db
from triage.store.models.directory import Department, KnownRecipient, Person

Row = TypeVar("Row", bound=SQLModel)
OURS = frozenset({"legacy", "triage", "alias", "former", "role", "group"})  # kinds of addresses that somebody here writes from


class Writer(NamedTuple):
    """Writer of a message: a person, or a role address of a department."""

    person: str
    department: str
    shown: str

    @property
    def key(self) -> tuple[str, str]:
        """Person and department as a contact has them: the department only where no person is named."""
        return self.person, "" if self.person else self.department


class Lookup:
    """Owners of addresses, looked up once a call."""

    def __init__(self, session: Session, settings: Settings, lists: frozenset[str] = frozenset(), *, believes_author: bool = False) -> None:
        """`lists`: addresses of mailing lists that we know. `believes_author`: the messages lie in the sender's own sent folder, and what
        they sent in a colleague's name was sent on behalf of them."""
        self.session, self.settings, self.lists, self.ours = session, settings, lists, settings.own_domains
        self.believes_author = believes_author
        self.found: dict[str, Writer | None] = {}
        self.held: list[SQLModel] = []
        self.expected: dict[str, Address | None] = {}
        self.known: recipients.Addresses = {}
        self.unfit: dict[tuple[str, str], Reason | None] = {}

    def expect(self, addresses: Iterable[str]) -> None:
        """Ask the database at once for all of these, which `writer` will be asked for."""
        self.expected = {text: self.of_ours(text) for text in addresses}
        self.known = recipients.known_among(self.session, filter(None, self.expected.values()), self.settings.company)
        known = self.known.values()
        self.held += [
            *self.held_rows(Person, Person.uid, (one.person for one in known)),
            *self.held_rows(Department, Department.code, (one.department for one in known)),
        ]

    def held_rows(self, table: type[Row], key: Any, keys: Iterable[str]) -> list[Row]:
        """The rows with these keys. As long as they are held here, the session has them at hand."""
        return list(self.session.scalars(select(table).where(db.is_among(self.session, key, sorted(set(keys))))))

    def writer(self, text: str) -> Writer | None:
        """Returns the owner of an address who writes from it; None when nobody here does."""
        if text not in self.found:
            self.found[text] = self.look_up(text)
        return self.found[text]

    def of_ours(self, text: str) -> Address | None:
        """Returns the address when it is in a domain of ours; else None."""
        try:
            address = Address.parse(text)
        except ValueError:
            return None
        return address if address.domain in self.ours else None

    def look_up(self, text: str) -> Writer | None:
        """Looks up the writer of an address in the present directory."""
        address = self.of_ours(text)
        if address is None:
            return None
        meant = recipients.resolve_address(self.session, address, self.settings.company, ours=self.known if text in self.expected else None)
        known = self.session.get(KnownRecipient, meant.listed) if meant else None
        if meant is None or known is None or known.kind not in OURS:
            return None
        person = self.session.get(Person, meant.person) if meant.person else None
        department = self.session.get(Department, meant.department)
        return Writer(meant.person, meant.department, person.name if person else department.name if department else meant.department)

    def key(self, sender: str) -> tuple[str, str]:
        """Returns a sender's person and department as a contact has them; empty where nobody here writes from that address."""
        writer = self.writer(sender)
        return writer.key if writer else ("", "")

    def owner(self, sender: str) -> Person | None:
        """Returns the active employee who has this address; None when it is nobody's, or a department's."""
        writer = self.writer(sender.casefold())
        person = self.session.get(Person, writer.person) if writer and writer.person else None
        return person if person and person.active else None

    def employee(self, sender: str, author: str) -> Person | None:
        """Returns the active employee whom both envelope sender and author name; None where these differ."""
        person, other = self.owner(sender), self.writer(author)
        return person if person and other and other.person == person.uid else None

    def why_not_from(self, sender: str, author: str) -> Reason | None:
        """Returns the reason why nothing is learned from messages with this author and sender; None when something is."""
        key = sender, author
        if key not in self.unfit:
            self.unfit[key] = self.weighed(sender, author)
        return self.unfit[key]

    def weighed(self, sender: str, author: str) -> Reason | None:
        """Computes the reason why nothing is learned, without the cache."""
        writer = self.writer(sender)
        if writer is None:
            return Reason.NOT_OURS
        if self.is_resource(sender) or self.is_resource(author):
            return Reason.RESOURCE
        return Reason.FORWARD if self.on_behalf_of(writer, self.writer(author)) is None else None

    def taught(self, sender: str, author: str) -> Writer | None:
        """Returns who gets replies to what this author sent as this sender, and so knows its recipients; by default the sender."""
        writer = self.writer(sender)
        return writer and (self.on_behalf_of(writer, self.writer(author)) or writer)

    def on_behalf_of(self, writer: Writer, author: Writer | None) -> Writer | None:
        """Returns in whose name somebody wrote: their own, a shared address of their department's, or in their own sent folder a
        colleague's. None for anybody else's name: whoever uses an account could write in every colleague's."""
        if author is None:
            return None
        is_shared = author.person == "" and author.department == writer.department
        return author if author.key == writer.key or is_shared or self.believes_author else None

    def is_resource(self, text: str) -> bool:
        """Whether this is a meeting room or the like."""
        local = text.rpartition("@")[0].casefold()
        return any(fnmatchcase(local, pattern.casefold()) for pattern in self.settings.outbound.resources)

    def recipient(self, text: str) -> tuple[Address | None, Reason | None]:
        """Returns a recipient's address, and the reason why it is not learned. Cached: years of messages go to the same few people."""
        address, reason = judge_writer(text, self.ours)
        return address, Reason.LIST_POST if address and reason is None and str(address) in self.lists else reason


@lru_cache(50_000)
def judge_writer(text: str, own_domains: frozenset[str]) -> tuple[Address | None, Reason | None]:
    """The same without the lists that we know."""
    try:
        address = Address.parse(text)
    except ValueError:
        return None, Reason.MALFORMED
    return address, why_not_address(address, own_domains)
