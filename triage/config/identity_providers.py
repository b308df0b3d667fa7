"""An identity provider of the settings: OpenID Connect, which claims and groups count there, and what they give. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from triage.config.group_grants import Given, Grant, given_by

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
TEXTS = ("title", "issuer", "client_id", "client_secret_file", "login_claim", "name_claim", "groups_claim")
LISTS, FLAGS = ("scopes", "groups"), ("link_by_login", "second_factor")
LONGEST_SUB = 255  # characters (OpenID Connect Core 1.0, 2)
LONGEST_NAME = 120  # characters of what a provider calls somebody
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Provider:
    """Table [identity.providers.NAME] of the settings."""

    name: str
    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""  # read for each sign-in; empty: a public client, with PKCE alone
    title: str = ""  # on the button of the sign-in page
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    login_claim: str = "preferred_username"
    name_claim: str = "name"
    groups_claim: str = "groups"
    groups: tuple[str, ...] = ()  # GROUP => ROLE SCOPE [RIGHT]
    link_by_login: bool = False  # an account that is here already is theirs whose login claim names it
    second_factor: bool = False  # the provider always asks for one

    @classmethod
    def parse(cls, name: str, given: Mapping[str, Any]) -> Self:
        """Read the table. ValueError names the key and says what is expected."""
        if not NAME.fullmatch(name):
            raise ValueError(f"“{name}” is no name for a provider: write small letters, digits and hyphens")
        for key, value in given.items():
            check_kind(key, value)
        values: dict[str, Any] = {key: tuple(value) if key in LISTS else value for key, value in given.items()}
        made = cls(name, **{"title": name.capitalize()} | values)
        if why := made.fault():
            raise ValueError(f"{name}: {why}")
        return made

    def fault(self) -> str:
        """Returns why nobody can sign in at the provider, "" when somebody can."""
        if not self.issuer or not self.client_id:
            return "name its issuer and our client_id there"
        if why := fault_of_issuer(self.issuer):
            return why
        if self.link_by_login and self.login_claim == "email":
            return 'link_by_login with login_claim = "email" would link unverified addresses: choose another claim or `mailroom staff link`'
        if "openid" not in self.scopes:
            return 'scopes must hold "openid"'
        for line in self.groups:
            try:
                Grant.parse(line)
            except ValueError as fault:
                return f"groups: “{line}”: {fault}; write GROUP => ROLE SCOPE, such as mailroom-admins => admin company"
        return ""

    def given_to(self, groups: frozenset[str]) -> Given | None:
        """Returns the rights that somebody in these groups has here; None: no right."""
        return given_by(grant for grant in map(Grant.parse, self.groups) if grant.group in groups)


def check_kind(key: str, value: object) -> None:
    """ValueError when there is no such key, or its value is of another kind."""
    if key not in (*TEXTS, *LISTS, *FLAGS):
        raise ValueError(f"there is no key “{key}”; there are {', '.join((*TEXTS, *LISTS, *FLAGS))}")
    if key in TEXTS and not isinstance(value, str):
        raise ValueError(f"{key} must be text, not {value}")
    if key in LISTS and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise ValueError(f'{key} must be a list, such as ["one", "two"]')
    if key in FLAGS and not isinstance(value, bool):
        raise ValueError(f"{key} must be true or false, not {value}")


def fault_of_issuer(url: str) -> str:
    """Returns why a URL names no issuer that can be trusted, "" when it does. Plain HTTP never leaves this machine."""
    return "" if is_trustworthy(url) and not urlsplit(url).query else "issuer must be https://HOST[/PATH], as the provider writes it"


def is_trustworthy(url: str, issuer: str = "") -> bool:
    """Whether this is a URL that nobody between can change.

    Plain HTTP is for an issuer on this machine only: another one leads nobody here.
    """
    try:
        parts = urlsplit(url)
        usual = bool(parts.hostname) and parts.port != 0 and url.isascii() and url.isprintable() and " " not in url and not parts.fragment
    except ValueError:
        return False
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK and (issuer or url).startswith("http://")
    return usual and parts.username is None and (parts.scheme == "https" or is_here)


def find_provider(providers: tuple[Provider, ...], name: str) -> Provider | None:
    """The provider of this name."""
    return next((one for one in providers if one.name == name), None)
