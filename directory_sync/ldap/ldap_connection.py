"""Connection to an LDAP server that it does not trust: each page is complete or an error, the certificate is checked, no referral is
followed, and one deadline holds for all."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Any, Self

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPInvalidCredentialsResult, LDAPOperationResult
from ldap3.core.tls import Tls
from ldap3.utils.conv import escape_filter_chars

from triage.errors import BadInput, Refused, Unanswered
from triage.text.sanitize import escape_visible

SUCCESS = 0  # RFC 4511, 4.1.9
SPACED = re.compile(r"\s[,=+]|[,=+]\s")
SEPARATORS = re.compile(r"\s*(?<!\\)([,=+])\s*")
ESCAPED = re.compile(r"\\\\|(?:\\[0-9A-Fa-f]{2})+")  # a backslash, or bytes as hexadecimal digits (RFC 4514, 2.4)
PAGED_RESULTS = "1.2.840.113556.1.4.319"  # RFC 2696


@dataclass(frozen=True, slots=True)
class Place:
    """LDAP server, how to trust it, and the account that we sign in with."""

    url: str  # ldap://HOST[:PORT] (StartTLS) or ldaps://HOST[:PORT]
    bind_dn: str = ""  # "" with an empty password: anonymous
    password: str = ""
    verify: bool = True  # False: ldap:// without encryption, or ldaps:// whoever answers
    ca_file: str = ""  # PEM; "": those that the system trusts
    timeout: int = 30  # seconds for the connection and for each answer
    patience: float = 600.0  # seconds for all that is asked over one connection
    page_size: int = 500


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
        secure = place.url.startswith("ldaps://")
        server = ldap3.Server(place.url, use_ssl=secure, get_info=ldap3.NONE, connect_timeout=place.timeout, tls=CheckedTls(place))
        self.ldap = ldap3.Connection(
            server,
            user=place.bind_dn or None,
            password=place.password or None,
            authentication=ldap3.SIMPLE if place.bind_dn else ldap3.ANONYMOUS,
            receive_timeout=place.timeout,
            auto_referrals=False,
            auto_range=True,
            check_names=False,
            return_empty_attributes=False,
            read_only=True,
            raise_exceptions=True,
        )
        self.elsewhere: set[str] = set()  # where it says that more lies: nobody goes there
        self.overdue = False
        self.guard = threading.Timer(place.patience, self.give_up)
        self.guard.daemon = True

    def open(self) -> None:
        """Connect, encrypt and bind; what goes wrong says so."""
        self.guard.start()
        with explain_errors(self):
            self.ldap.open(read_server_info=False)
            if self.place.verify and not self.ldap.server.ssl:
                self.ldap.start_tls(read_server_info=False)
            self.ldap.bind(read_server_info=False)

    def close(self) -> None:
        """Hang up; a server that is gone is no fault here."""
        self.guard.cancel()
        with contextlib.suppress(LDAPException, OSError):
            self.ldap.unbind()
        with contextlib.suppress(OSError, AttributeError):
            self.ldap.socket.close()  # one whose encryption failed is left open by the library

    def give_up(self) -> None:
        """The patience is over: whoever waits for this server gets an error at once."""
        self.overdue = True
        with contextlib.suppress(OSError, AttributeError):
            self.ldap.socket.shutdown(socket.SHUT_RDWR)

    def search(self, base: str, query: str, attributes: list[str], *, subtree: bool = True) -> Iterator[Entry]:
        """Searches below `base` with the filter `query`, page by page. Unanswered when a page is not complete.

        ldap3 gives what it got when a server stops at its size limit and says nothing, so the result of each page is read here.
        """
        cookie: bytes | None = None
        while True:
            with explain_errors(self):
                self.ldap.search(
                    base,
                    query,
                    ldap3.SUBTREE if subtree else ldap3.BASE,
                    attributes=attributes,
                    paged_size=self.place.page_size,
                    paged_criticality=False,
                    paged_cookie=cookie,
                )
                result, response = self.ldap.result, self.ldap.response
            if result["result"] != SUCCESS:
                raise Unanswered(
                    f"{self.place.url} answered {result['description']}: {describe_remedy(result['description'], result['message'])}"
                )
            for one in response or ():
                if one["type"] == "searchResEntry":
                    yield entry_of(one)
                elif one["type"] == "searchResRef":
                    self.elsewhere.update(one["uri"])
            cookie = (result.get("controls") or {}).get(PAGED_RESULTS, {}).get("value", {}).get("cookie")
            if not cookie:
                return


class CheckedTls(Tls):  # type: ignore[misc]
    """TLS as the standard library does it: ldap3's own trusts any certificate unless told, and knows no address in one."""

    def __init__(self, place: Place) -> None:
        try:
            self.context = ssl.create_default_context(cafile=place.ca_file or None)
        except (OSError, ssl.SSLError) as fault:
            raise BadInput(f"[directory] tls_ca: “{place.ca_file}” cannot be used: {fault}") from fault
        if not place.verify:
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        super().__init__(validate=self.context.verify_mode)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Encrypt the connection's socket and check whom it leads to."""
        connection.socket = self.context.wrap_socket(connection.socket, server_hostname=connection.server.host)


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
    """Turn what ldap3 and the socket raise into Unanswered, in words."""
    try:
        yield
    except Refused:
        raise
    except LDAPInvalidCredentialsResult as fault:
        raise WrongPassword(f"{connection.place.url} does not accept the password of {escape_visible(connection.place.bind_dn)}") from fault
    except LDAPOperationResult as fault:
        raise Unanswered(
            f"{connection.place.url} answered {fault.description}: {describe_remedy(fault.description, fault.message)}"
        ) from fault
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


def entry_of(response: dict[str, Any]) -> Entry:
    """The library's entry as our value. What is said in a language (`mail;lang-de`) is said behind what is said in none."""
    given = {intern(name.lower()): tuple(values) for name, values in response["raw_attributes"].items() if values}
    for name in sorted(name for name in given if ";" in name):
        plain = intern(name.partition(";")[0])
        given[plain] = (*given.get(plain, ()), *given.pop(name))
    return Entry.of(response["dn"], given)


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
