"""Connection to an LDAP server that it does not trust: each page is complete or an error, the certificate is checked, no referral is
followed, and one deadline holds for all."""

import contextlib
import importlib.util
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Self

from ldap3.utils.conv import escape_filter_chars

from directory_sync.ldap.ldap3_driver import Ldap3Driver
from directory_sync.ldap.ldap_driver import Driver, NotDone, Place
from triage.errors import Refused, Unanswered
from triage.text.sanitize import escape_visible

SPACED = re.compile(r"\s[,=+]|[,=+]\s")
SEPARATORS = re.compile(r"\s*(?<!\\)([,=+])\s*")
ESCAPED = re.compile(r"\\\\|(?:\\[0-9A-Fa-f]{2})+")  # a backslash, or bytes as hexadecimal digits (RFC 4514, 2.4)


@dataclass(frozen=True, slots=True)
class Entry:
    """LDAP entry as the server gave it, stored compactly: a large company has very many."""

    dn: str
    places: Mapping[str, int]  # attributes, in small letters: one value for all entries that have the same ones
    given: tuple[bytes | tuple[bytes, ...], ...]  # most attributes have one value

    @classmethod
    def of(cls, dn: str, values: Mapping[str, tuple[bytes, ...]]) -> Self:
        """An entry with these values. In which order a server gives them makes no other entry."""
        names = sorted(values)
        given = (values[name] for name in names)
        return cls(dn, places_of(tuple(names)), tuple(shared_value(one[0] if len(one) == 1 else one) for one in given))

    def get(self, name: str) -> tuple[bytes, ...]:
        """An attribute's values, none where the entry does not have it."""
        place = self.places.get(name.lower())
        given = () if place is None else self.given[place]
        return (given,) if isinstance(given, bytes) else given

    def texts(self, name: str) -> list[str]:
        """An attribute's values as text. ValueError when one is not UTF-8 or holds control characters; a space of any width is none."""
        found = [value.decode("utf-8") for value in self.get(name)]
        for text in found:
            if escape_visible(text) != text:
                raise ValueError(f"{name} holds control characters: {escape_visible(text[:80])}")
        return [text.strip() for text in found]

    def text(self, name: str) -> str:
        """The first value, "" when there is none."""
        return next(iter(self.texts(name)), "")

    def without(self, name: str) -> "Entry":
        """The entry without an attribute."""
        place = self.places.get(name.lower())
        if place is None:
            return self
        others = places_of(tuple(one for one in self.places if one != name.lower()))
        return Entry(self.dn, others, (*self.given[:place], *self.given[place + 1 :]))


class Connection:
    """A bound connection. Use `open_connection`, which closes it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.driver = make_driver(place)
        self.elsewhere: set[str] = set()  # where it says that more lies: nobody goes there
        self.overdue = False
        self.guard = threading.Timer(place.patience, self.give_up)
        self.guard.daemon = True

    def open(self) -> None:
        """Connect, encrypt and bind; what goes wrong says so."""
        self.guard.start()
        with explain_errors(self):
            self.driver.open()

    def close(self) -> None:
        """Hang up; a server that is gone is no fault here."""
        self.guard.cancel()
        self.driver.close()

    def give_up(self) -> None:
        """The patience is over: whoever waits for this server gets an error at once."""
        self.overdue = True
        self.driver.cut()

    def search(self, base: str, query: str, attributes: list[str], *, subtree: bool = True) -> Iterator[Entry]:
        """Searches below `base` with the filter `query`, page by page. Unanswered when a page is not complete."""
        cookie = b""
        while True:
            with explain_errors(self):
                page = self.driver.fetch_page(base, query, attributes, subtree=subtree, cookie=cookie)
            for dn, values in page.entries:
                yield entry_of(dn, values)
            self.elsewhere.update(page.references)
            cookie = page.cookie
            if not cookie:
                return


def make_driver(place: Place) -> Driver:
    """A connection of python-ldap where the extra of that name is installed, of ldap3 elsewhere."""
    if importlib.util.find_spec("ldap"):
        from directory_sync.ldap.openldap_driver import OpenldapDriver

        return OpenldapDriver(place)
    return Ldap3Driver(place)


@contextlib.contextmanager
def open_connection(place: Place) -> Iterator[Connection]:
    """A connection that is bound, for as long as the `with` lasts."""
    connection = Connection(place)
    try:
        connection.open()
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def explain_errors(connection: Connection) -> Iterator[None]:
    """Turn what the library and the socket raise into Unanswered, in words."""
    try:
        yield
    except Refused:
        raise
    except NotDone as fault:
        if fault.description == "invalidCredentials":
            raise WrongPassword(
                f"{connection.place.url} does not accept the password of {escape_visible(connection.place.bind_dn)}"
            ) from fault
        remedy = describe_remedy(fault.description, fault.message)
        raise Unanswered(f"{connection.place.url} answered {fault.description}: {remedy}") from fault
    except Exception as fault:  # ldap3 raises KeyError, struct.error and others on answers that are cut or garbled
        overdue = f"it took longer than {connection.place.patience:g} s" if connection.overdue else ""
        why = overdue or escape_visible(" ".join(str(fault).split()))[:300]
        raise Unanswered(f"{connection.place.url} does not answer: {why}") from fault


class WrongPassword(Unanswered):
    """The server knows no such name and password."""


def describe_remedy(description: str, message: object) -> str:
    """Returns what an administrator does about an answer that is an error or not complete."""
    return HINTS.get(description) or escape_visible(str(message or "look into its log"))


HINTS = {
    "adminLimitExceeded": "lower directory.page_size: it is above what the server allows for one page",
    "sizeLimitExceeded": "let our account read all entries there: its size limit is below their number",
    "timeLimitExceeded": "raise its time limit for our account, or index the attributes of the filter",
    "noSuchObject": "directory.base, people_base or group_base names no entry that our account may read",
    "referral": "it sends us to another server: name that one in directory.url",
    "confidentialityRequired": 'it wants encryption: set directory.tls to "verify"',
}


def entry_of(dn: str, values: Mapping[str, list[bytes]]) -> Entry:
    """The library's entry as our value. What is said in a language (`mail;lang-de`) is said behind what is said in none."""
    given = {intern(name.lower()): tuple(found) for name, found in values.items() if found}
    for name in sorted(name for name in given if ";" in name):
        plain = intern(name.partition(";")[0])
        given[plain] = (*given.get(plain, ()), *given.pop(name))
    return Entry.of(dn, given)


@lru_cache(1024)
def places_of(names: tuple[str, ...]) -> Mapping[str, int]:
    """Returns the position of each attribute's values."""
    return {name: place for place, name in enumerate(names)}


@lru_cache(8192)
def shared_value(given: bytes | tuple[bytes, ...]) -> bytes | tuple[bytes, ...]:
    """Returns one shared value for what many entries say, such as a department or a manager."""
    return given


def escape_filter(text: str) -> str:
    """A text in a filter (RFC 4515, 3): it can mean nothing but itself."""
    safe: str = escape_filter_chars(text)
    return safe


def dn_key(dn: str) -> str:
    """A distinguished name so that two spellings of it are equal: case, spaces around separators and ways to escape do not count."""
    if "\\" in dn:
        dn = ESCAPED.sub(unescape_dn, dn)
    return (SEPARATORS.sub(r"\1", dn) if SPACED.search(dn) else dn).casefold().strip()


def unescape_dn(found: re.Match[str]) -> str:
    """Letters that stand as hexadecimal digits in a distinguished name as they are; those that separate with a backslash."""
    if found[0] == "\\\\":
        return found[0]
    return re.sub(r'([,+"\\<>;])', r"\\\1", bytes.fromhex(found[0].replace("\\", "")).decode("utf-8", "replace"))
