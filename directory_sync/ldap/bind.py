"""Proves a member of staff by their own password at the LDAP server (RFC 4513, 5.1.3)."""

import time
from dataclasses import replace

from directory_sync.ldap.ldap_connection import Connection, WrongPassword, escape_filter, open_connection
from directory_sync.ldap.ldap_driver import Place
from directory_sync.ldap.ldap_source import place_of
from directory_sync.ldap.schema import Schema, schema_of
from triage.config.settings import Directory

NOBODY = "cn=nobody"  # a bind that fails costs the same as one with a wrong password


class Bind:
    """Asks the LDAP server whether a password belongs to a login."""

    def __init__(self, settings: Directory) -> None:
        """Asks nothing yet. BadInput names a setting that is of no use."""
        self.schema: Schema = schema_of(settings)
        self.seconds = settings.sign_in_timeout
        self.place: Place = replace(place_of(settings), timeout=max(1, self.seconds // 2))
        self.base = settings.people_base or settings.base

    def __call__(self, login: str, password: str) -> bool:
        """True when it does. Unanswered when the server cannot say.

        An empty password is never sent: a server takes that for nobody and says yes (RFC 4513, 5.1.2).
        """
        if not password or "\0" in password:
            return False
        ends = time.monotonic() + self.seconds
        with open_connection(replace(self.place, patience=self.seconds)) as server:
            name = self.name_of(server, login)
        left = max(0.1, ends - time.monotonic())
        try:
            with open_connection(replace(self.place, bind_dn=name or f"{NOBODY},{self.base}", password=password, patience=left)):
                return name != ""
        except WrongPassword:
            return False

    def name_of(self, server: Connection, login: str) -> str:
        """The distinguished name of the one person with this login, "" when there is none or more than one, or it is disabled."""
        query = f"(&{self.schema.people}({self.schema.login}={escape_filter(login)}))"
        found = list(server.search(self.base, query, self.schema.attributes_of_people()))
        return found[0].dn if len(found) == 1 and not self.schema.disabled(found[0]) else ""
