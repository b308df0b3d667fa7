"""LDAP by ldap3: pure Python, with the standard library's TLS and the result of each page read here."""

import contextlib
import socket
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPOperationResult
from ldap3.core.tls import Tls

from directory_sync.ldap.ldap_driver import NotDone, Page, Place, make_tls_context

SUCCESS = 0  # RFC 4511, 4.1.9
PAGED_RESULTS = "1.2.840.113556.1.4.319"  # RFC 2696


class Ldap3Driver:
    """A connection of ldap3."""

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

    def open(self) -> None:
        """Connects, encrypts and binds."""
        try:
            self.ldap.open(read_server_info=False)
            if self.place.verify and not self.ldap.server.ssl:
                self.ldap.start_tls(read_server_info=False)
            self.ldap.bind(read_server_info=False)
        except LDAPOperationResult as fault:
            raise NotDone(fault.description, str(fault.message or "")) from fault

    def fetch_page(self, base: str, query: str, attributes: list[str], *, subtree: bool, cookie: bytes) -> Page:
        """Fetches a page. ldap3 gives what it got when a server stops at its size limit and says nothing, so the result is read here."""
        scope = ldap3.SUBTREE if subtree else ldap3.BASE
        paging = {"paged_size": self.place.page_size, "paged_criticality": False, "paged_cookie": cookie or None}
        try:
            self.ldap.search(base, query, scope, attributes=attributes, **paging)
        except LDAPOperationResult as fault:
            raise NotDone(fault.description, str(fault.message or "")) from fault
        result, response = self.ldap.result, self.ldap.response or ()
        if result["result"] != SUCCESS:
            raise NotDone(result["description"], str(result["message"] or ""))
        return Page(
            [(one["dn"], one["raw_attributes"]) for one in response if one["type"] == "searchResEntry"],
            [url for one in response if one["type"] == "searchResRef" for url in one["uri"]],
            (result.get("controls") or {}).get(PAGED_RESULTS, {}).get("value", {}).get("cookie") or b"",
        )

    def cut(self) -> None:
        """Shuts the socket down, so that whoever waits for it gets an error at once."""
        with contextlib.suppress(OSError, AttributeError):
            self.ldap.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hangs up."""
        with contextlib.suppress(LDAPException, OSError):
            self.ldap.unbind()
        with contextlib.suppress(OSError, AttributeError):
            self.ldap.socket.close()  # one whose encryption failed is left open by the library


class CheckedTls(Tls):  # type: ignore[misc]
    """TLS as the standard library does it: ldap3's own trusts any certificate unless told, and knows no address in one."""

    def __init__(self, place: Place) -> None:
        self.context = make_tls_context(place)
        super().__init__(validate=self.context.verify_mode)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Encrypt the connection's socket and check whom it leads to."""
        connection.socket = self.context.wrap_socket(connection.socket, server_hostname=connection.server.host)
