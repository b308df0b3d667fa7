"""Who of us wrote a mail: a person, or a role address of a department; and what their recipients are to us."""

from fnmatch import fnmatchcase
from typing import NamedTuple

from sqlmodel import Session

from triage import recipients
from triage.envelope import Address
from triage.models import Department, KnownRecipient, Person
from triage.settings import Settings
from triage.teaching import Reason, why_not_address

OURS = frozenset({"legacy", "triage", "alias", "former", "role", "group"})  # kinds of addresses that somebody here writes from


class Writer(NamedTuple):
    """Who wrote: a person, or a role address of a department."""

    person: str
    department: str
    shown: str

    @property
    def key(self) -> tuple[str, str]:
        """As a correspondent has it: the department only where no person is named."""
        return self.person, "" if self.person else self.department


class Lookup:
    """Who has which address here, asked once a call."""

    def __init__(self, session: Session, settings: Settings, lists: frozenset[str] = frozenset()) -> None:
        """`lists`: addresses of mailing lists that we know."""
        self.session, self.settings, self.lists = session, settings, lists
        self.found: dict[str, Writer | None] = {}
        self.resources: dict[str, bool] = {}
        self.recipients: dict[str, tuple[Address | None, Reason | None]] = {}

    def writer(self, text: str) -> Writer | None:
        """Whose address this is; None when nobody here writes from it."""
        if text not in self.found:
            self.found[text] = self.look_up(text)
        return self.found[text]

    def look_up(self, text: str) -> Writer | None:
        """As the directory has it now."""
        try:
            address = Address.parse(text)
        except ValueError:
            return None
        if address.domain not in self.settings.own_domains:
            return None
        meant = recipients.resolve(self.session, address, self.settings.company)
        known = self.session.get(KnownRecipient, meant.listed) if meant else None
        if meant is None or known is None or known.kind not in OURS:
            return None
        person = self.session.get(Person, meant.person) if meant.person else None
        department = self.session.get(Department, meant.department)
        return Writer(meant.person, meant.department, person.name if person else department.name if department else meant.department)

    def is_resource(self, text: str) -> bool:
        """Is this a meeting room or the like?"""
        if text not in self.resources:
            local = text.rpartition("@")[0].casefold()
            self.resources[text] = any(fnmatchcase(local, pattern.casefold()) for pattern in self.settings.outbound.resources)
        return self.resources[text]

    def recipient(self, text: str) -> tuple[Address | None, Reason | None]:
        """Whom a recipient's address names, and why it is not learned; years of mail go to the same few people."""
        if text not in self.recipients:
            try:
                address = Address.parse(text)
                self.recipients[text] = address, why_not_address(address, self.settings.own_domains, self.lists)
            except ValueError:
                self.recipients[text] = None, Reason.MALFORMED
        return self.recipients[text]
