"""Settings in force for administrators: each value as text, where it comes from, and never a secret."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triage.config.settings import Settings, every_key

USERINFO = re.compile(r"(://[^\s/:@]*):\S*@")  # RFC 3986, section 3.2.1
PARAMETER = re.compile(r"(?:(?<=[?&])([^=&\s]+=)|\b(password=))[^&\s]+")  # of a URL's query, and of a connection string
HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A setting as administrators may see it."""

    section: str
    key: str
    value: str | None  # None: a secret, which is set
    source: str  # default, file, credential, environment
    meaning: str  # what the setting is for


def list_values(settings: Settings, sources: Mapping[tuple[str, str], str]) -> Iterator[SettingValue]:
    """Lists every setting in force. Whatever comes as a credential is a secret, except the name of its file."""
    for section, key, one in every_key():
        source = sources.get((section, key), "default")
        written = write_value(getattr(getattr(settings, section), key))
        secret = bool(written) and (one.metadata["secret"] or (source == "credential" and not one.metadata["file"]))
        yield SettingValue(section, key, None if secret else written, source, one.metadata["doc"])


def write_value(value: Any) -> str:
    """Writes a value as text. Of named tables only the names, since a webhook's URL is a secret."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple) and value and all(isinstance(one, tuple) for one in value):
        return ", ".join(f"{name}: {text}" for name, text in value)
    if isinstance(value, tuple):
        return ", ".join(write_value(getattr(one, "name", one)) for one in value)
    return hide_passwords(str(value))


def hide_passwords(text: str) -> str:
    """Hides passwords and query values of URLs: `postgresql://triage:…@db.example/mailroom`."""
    return PARAMETER.sub(rf"\1\2{HIDDEN}", USERINFO.sub(rf"\1:{HIDDEN}@", text))
