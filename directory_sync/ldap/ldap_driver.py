"""Interface of a library that speaks LDAP, for `ldap_connection`: connect and bind, fetch a page with its result, close."""

import ssl
from dataclasses import dataclass, field
from typing import Protocol

from triage.errors import BadInput


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
class Page:
    """Page of a search."""

    entries: list[tuple[str, dict[str, list[bytes]]]]  # distinguished name and values by attribute
    references: list[str] = field(default_factory=list)  # URLs where more lies
    cookie: bytes = b""  # of the next page (RFC 2696); b"" behind the last one


class NotDone(Exception):
    """The server's result is an error, or says that a page is not complete."""

    def __init__(self, description: str, message: str) -> None:
        super().__init__(f"{description}: {message}")
        self.description = description  # as RFC 4511, appendix A, names it: sizeLimitExceeded
        self.message = message


class Driver(Protocol):
    """A connection of one library. Other errors of the library may be raised as they are."""

    def open(self) -> None:
        """Connects, encrypts and binds."""

    def fetch_page(self, base: str, query: str, attributes: list[str], *, subtree: bool, cookie: bytes) -> Page:
        """Fetches a page of the search, complete or NotDone. Attributes in ranges (Active Directory) are whole."""

    def cut(self) -> None:
        """Ends what waits for the server, from another thread."""

    def close(self) -> None:
        """Hangs up; a server that is gone is no fault."""


def make_tls_context(place: Place) -> ssl.SSLContext:
    """The standard library's TLS for this server. BadInput when the file of authorities cannot be used."""
    try:
        context = ssl.create_default_context(cafile=place.ca_file or None)
    except (OSError, ssl.SSLError) as fault:
        raise BadInput(f"[directory] tls_ca: “{place.ca_file}” cannot be used: {fault}") from fault
    if not place.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
