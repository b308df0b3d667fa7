"""A webhook: which program elsewhere is told, of what, and in which words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from triage.config.renamed import hint_renamed_value

EVENTS = {  # what can be told; docs/reference/webhooks.md says what each carries
    "decision.made": "somebody decided over mail",
    "decision.undone": "a decision was taken back",
    "emergency.opened": "everything passes that is neither blocked nor forged",
    "emergency.closed": "the emergency is over",
    "time-limited.waiting": "mail that is of use for a short time only is held",
    "folder.overdue": "mail waits longer than its target",
    "message.expiring": "held mail expires within a day",
    "message.unseen": "held messages cannot expire because no daily digest named them",
    "message.removed": "messages were taken out of mailboxes",
    "message.restored": "removed messages were put back into mailboxes",
    "message.requested": "somebody here asks for a message",
    "message.reported": "somebody here finds a message odd",
    "directory.brake": "the directory was not believed",
    "outgoing.alert": "mail does not get on to the next hop",
    "removal.large": "somebody removed many messages",
    "break-glass.opened": "somebody opened a break-glass account",
    "message.suspicious": "delivered messages look suspicious or dangerous",
    "check.fuse": "a check of known senders held messages of too many, and only reports",
    "outgoing.braked": "an employee's account wrote to many new recipients",
    "sender.differs": "a known sender's domain proves itself in another way than before",
    "sender.unlike": "many messages of one known sender are held because they are unlike it",
}
ASKED = frozenset({"message.removed", "message.restored"})  # name mailboxes and Message-IDs: told only where `events` names them
TEST = "webhook.test"  # told to one hook when an administrator asks for it
FORMATS = ("json", "slack", "teams")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
TEXTS, LISTS = ("url", "url_file", "secret_file", "format"), ("events", "departments")


@dataclass(frozen=True, slots=True)
class Hook:
    """Table [webhooks.hooks.NAME] of the settings."""

    name: str
    url: str = ""
    url_file: str = ""  # where the URL itself is a secret, as those of chats are; read again for each call
    secret_file: str = ""  # a key a line: each call is signed with all of them, so that a new one can come before the old one goes
    format: str = "json"  # or the words of a chat: slack (also Mattermost and Rocket.Chat), teams
    events: tuple[str, ...] = ()  # empty: all but ASKED
    departments: tuple[str, ...] = ()  # only what concerns these; empty: everything
    details: bool = False  # name senders and subjects, but of confidential mail

    @classmethod
    def parse(cls, name: str, given: Mapping[str, Any]) -> Self:
        """Read the table. ValueError names the key and says what is expected."""
        if not NAME.fullmatch(name):
            raise ValueError(f"“{name}” is no name for a webhook: write small letters, digits and hyphens")
        for key, value in given.items():
            if key in TEXTS and not isinstance(value, str):
                raise ValueError(f"{key} must be text, not {value}")
            if key in LISTS and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
                raise ValueError(f'{key} must be a list, such as ["one", "two"]')
            if key == "details" and not isinstance(value, bool):
                raise ValueError(f"details must be true or false, not {value}")
            if key not in (*TEXTS, *LISTS, "details"):
                raise ValueError(f"there is no key “{key}”; there are {', '.join((*TEXTS, *LISTS, 'details'))}")
        values: dict[str, Any] = {key: tuple(value) if key in LISTS else value for key, value in given.items()}
        made = cls(name, **values)
        if why := made.fault():
            raise ValueError(why)
        return made

    def fault(self) -> str:
        """Returns why this is no webhook, "" when it is one."""
        if bool(self.url) == bool(self.url_file):
            return "name a url or a url_file, one of both"
        if self.url and (why := fault_of_url(self.url)):
            return why
        if self.format not in FORMATS:
            return f"format must be one of {', '.join(FORMATS)}, not “{self.format}”"
        if odd := next((one for one in self.events if one not in EVENTS), None):
            return f"events: there is no “{odd}”; there are {', '.join(EVENTS)}{hint_renamed_value(odd, EVENTS)}"
        return ""

    def wants(self, kind: str, departments: frozenset[str]) -> bool:
        """Whether a webhook wants an event. What concerns no department concerns everybody."""
        here = not self.departments or not departments or not departments.isdisjoint(self.departments)
        return here and (kind in self.events or not (self.events or kind in ASKED))


def fault_of_url(url: str) -> str:
    """Returns why a URL cannot be called, "" when it can."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isascii() and url.isprintable()
    except ValueError:
        good = False
    if not good or " " in url:
        return "the URL must be https://HOST/PATH, or http:// within your own network"
    return "the URL must not hold a password; sign with a secret_file" if parts.username or parts.password else ""
