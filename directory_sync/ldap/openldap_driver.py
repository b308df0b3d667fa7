"""LDAP by python-ldap and OpenLDAP's library in C (the extra `python-ldap`): several times faster than ldap3 in large directories."""

import contextlib
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap3.core.results import RESULT_CODES

from directory_sync.ldap.ldap_driver import NotDone, Page, Place, make_tls_context

RANGE = re.compile(r"(.+);range=\d+-(\d+|\*)", re.IGNORECASE)  # values that Active Directory gives in parts ([MS-ADTS] 3.1.1.3.1.3.3)


class OpenldapDriver:
    """A connection of python-ldap."""

    def __init__(self, place: Place) -> None:
        make_tls_context(place)  # says what is wrong with the file of authorities: OpenLDAP does not
        self.place = place
        self.deadline = time.monotonic() + place.patience
        self.ldap = ldap.initialize(place.url)
        self.ldap.set_option(ldap.OPT_PROTOCOL_VERSION, 3)
        self.ldap.set_option(ldap.OPT_REFERRALS, 0)
        self.ldap.set_option(ldap.OPT_NETWORK_TIMEOUT, place.timeout)
        self.ldap.set_option(ldap.OPT_TIMEOUT, place.timeout)
        self.ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND if place.verify else ldap.OPT_X_TLS_NEVER)
        if authorities := place.ca_file or ssl.get_default_verify_paths().cafile:
            self.ldap.set_option(ldap.OPT_X_TLS_CACERTFILE, authorities)
        self.ldap.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # makes the options above count

    def open(self) -> None:
        """Connects, encrypts and binds."""
        with read_results():
            if self.place.verify and not self.place.url.startswith("ldaps://"):
                self.ldap.start_tls_s()
            self.wait_for(self.ldap.simple_bind(self.place.bind_dn, self.place.password))

    def fetch_page(self, base: str, query: str, attributes: list[str], *, subtree: bool, cookie: bytes) -> Page:
        """Fetches a page; a result that is no success is an error of the library."""
        paging = SimplePagedResultsControl(criticality=False, size=self.place.page_size, cookie=cookie)
        with read_results():
            scope = ldap.SCOPE_SUBTREE if subtree else ldap.SCOPE_BASE
            found, controls = self.wait_for(self.ldap.search_ext(base, scope, query, attributes, serverctrls=[paging]))
            entries = [(dn, complete_ranges(values, partial(self.fetch_rest, dn))) for dn, values in found if dn is not None]
        references = [url for dn, urls in found if dn is None for url in urls]
        cookies = [one.cookie for one in controls if one.controlType == SimplePagedResultsControl.controlType]
        return Page(entries, references, next(iter(cookies), b"") or b"")

    def fetch_rest(self, dn: str, name: str, start: int) -> dict[str, list[bytes]]:
        """An attribute's values from the one with this number on, as many as the server gives at once."""
        found, _ = self.wait_for(self.ldap.search_ext(dn, ldap.SCOPE_BASE, "(objectClass=*)", [f"{name};range={start}-*"]))
        return dict(next((rest for one, rest in found if one is not None), {}))

    def wait_for(self, message: int) -> tuple[list[Any], list[Any]]:
        """The answer to a request, whole, with its controls."""
        left = max(0.01, min(self.place.timeout, self.deadline - time.monotonic()))
        _, found, _, controls = self.ldap.result3(message, timeout=left)
        return found or [], controls

    def cut(self) -> None:
        """Shuts the socket down, so that whoever waits for it gets an error at once."""
        with contextlib.suppress(OSError, ldap.LDAPError, ValueError), socket.socket(fileno=os.dup(self.ldap.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hangs up."""
        with contextlib.suppress(ldap.LDAPError):
            self.ldap.unbind_s()


def complete_ranges(values: dict[str, list[bytes]], fetch_rest: Callable[[str, int], dict[str, list[bytes]]]) -> dict[str, list[bytes]]:
    """The attributes with the rest of those that came in part, under their plain names. NotDone when a rest does not come."""
    whole: dict[str, list[bytes]] = {}
    for name, given in values.items():
        part = RANGE.fullmatch(name)
        plain = part[1] if part else name
        whole.setdefault(plain, []).extend(given)
        while part and part[2] != "*":
            rest = fetch_rest(plain, int(part[2]) + 1)
            found = [one for one in map(RANGE.fullmatch, rest) if one and one[1].lower() == plain.lower()]
            if not found:
                raise NotDone("other", f"the values of {plain} are not complete")
            part = found[0]
            whole[plain].extend(rest[part[0]])
    return whole


@contextlib.contextmanager
def read_results() -> Iterator[None]:
    """Turns results of the server into NotDone; failures without one, which OpenLDAP numbers below 0, into a sentence."""
    try:
        yield
    except ldap.LDAPError as fault:
        said: dict[str, Any] = fault.args[0] if fault.args and isinstance(fault.args[0], dict) else {}
        code = said.get("result", -1)
        if code > 0:
            raise NotDone(RESULT_CODES.get(code, str(code)), str(said.get("info", ""))) from fault
        raise OSError(" ".join(str(said[key]) for key in ("desc", "info") if said.get(key)) or str(fault)) from fault
