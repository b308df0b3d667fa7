"""The sections of a directory file as entries: keys are known, values are of their type, and each entry knows where it stands."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.addressing.envelope import Address
from triage.config.renamed import RENAMED_OF_DIRECTORY, hint_renamed
from triage.config.settings_loader import hint_nearest
from triage.errors import BadInput

MAX_BYTES = 64 * 1024 * 1024
NEEDED = object()
SEALABLE: dict[str, Any] = {"confidential": False, "confidential_staff": ()}
KEYS: dict[str, dict[str, Any]] = {  # section -> key -> its default, which also says its type; NEEDED: a text that must be there
    "company": {"postmaster": NEEDED},
    "department": {"code": NEEDED, "name": NEEDED, "mailbox": "", "roles": (), "responsible": "", **SEALABLE},
    "person": {
        "uid": NEEDED,
        "name": NEEDED,
        "department": NEEDED,
        "mailbox": NEEDED,
        "aliases": (),
        "identity": "",
        "active": True,
        "leaver": "",
        "manager": "",
        "assistants": (),
        **SEALABLE,
    },
    "group": {
        "address": NEEDED,
        "name": NEEDED,
        "department": NEEDED,
        "members": (),
        "external": (),
        "aliases": (),
        "expand": True,
        "closed": False,
    },
    "staff": {"login": NEEDED, "name": NEEDED, "role": NEEDED, "scope": (), "rights": (), "person": "", "password_hash": ""},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Section of the file and its place for errors: `company.toml: [[person]] 3 (uid 'jo')`."""

    where: str
    values: dict[str, Any]

    def refused(self, why: str) -> BadInput:
        """The error about this entry."""
        return BadInput(f"{self.where}: {why}")

    def address(self, key: str, text: str) -> Address:
        """A text of this entry as an address."""
        try:
            return Address.parse(text)
        except ValueError as fault:
            raise self.refused(f"{key}: {fault}") from fault

    def parse_company_address(self, key: str, text: str, domains: tuple[str, ...]) -> str:
        """The address folded; it must lie in one of the company's domains."""
        address = self.address(key, text)
        if address.domain not in domains:
            raise self.refused(f"{key}: “{text}” is outside the company's domains ({', '.join(domains)})")
        return str(address)


@dataclass(frozen=True, slots=True)
class Sections:
    """Sections of a directory file, each kind in the order of the file."""

    company: Entry
    departments: list[Entry]
    people: list[Entry]
    groups: list[Entry]
    staff: list[Entry]


def read_sections(path: Path) -> Sections:
    """Reads the sections of the file at `path`. BadInput names the file, the entry, and what to write instead."""
    parsed = parse_toml(path)
    return Sections(
        company_entry(parsed, path),
        departments=read_entries(parsed, "department", "code", path),
        people=read_entries(parsed, "person", "uid", path),
        groups=read_entries(parsed, "group", "address", path),
        staff=read_entries(parsed, "staff", "login", path),
    )


def parse_toml(path: Path) -> dict[str, Any]:
    """The file as TOML; every section must be one we know."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BadInput(f"{path} is larger than {MAX_BYTES >> 20} MiB: is it the directory file?")
        parsed = tomllib.loads(content.decode("utf-8"))
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}. Name the directory file in [directory] file") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadInput(f"{path} is not TOML: {' '.join(str(fault).split())}") from fault
    for section in parsed:
        if section not in KEYS:
            raise BadInput(f"{path}: there is no section “{section}”{hint_nearest(section, list(KEYS))}")
    return parsed


def company_entry(parsed: dict[str, Any], path: Path) -> Entry:
    """The one [company] section."""
    given = parsed.get("company", {})
    if not isinstance(given, dict):
        raise BadInput(f"{path}: write [company] once, with single brackets")
    where = f"{path}: [company]"
    return Entry(where, check_entry(given, "company", where))


def read_entries(parsed: dict[str, Any], section: str, title: str, path: Path) -> list[Entry]:
    """The [[section]] entries in the order of the file; `title` is the key that no two of them share."""
    given = parsed.get(section, [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInput(f"{path}: write [[{section}]] with double brackets, once for each entry")
    found: dict[str, Entry] = {}
    for number, values in enumerate(given, 1):
        entry = entry_of(values, section, title, f"{path}: [[{section}]] {number}")
        twin = found.setdefault(entry.values[title].casefold(), entry)
        if twin is not entry:
            raise entry.refused(f"{title} “{entry.values[title]}” is taken already by {twin.where.removeprefix(f'{path}: ')}")
    return list(found.values())


def entry_of(values: dict[str, Any], section: str, title: str, where: str) -> Entry:
    """Parses an entry; its errors name it by its title."""
    shown = f"{where} ({title} “{values[title]}”)" if isinstance(values.get(title), str) else where
    return Entry(shown, check_entry(values, section, shown))


def check_entry(values: dict[str, Any], section: str, where: str) -> dict[str, Any]:
    """The values with defaults filled in, lists as tuples; keys and types must be known."""
    known = KEYS[section]
    for key in values:
        if key not in known:
            instead = hint_renamed(RENAMED_OF_DIRECTORY.get(key)) or hint_nearest(key, list(known))
            raise BadInput(f"{where}: there is no key “{key}”{instead}")
    return {key: value_of(values, key, default, where) for key, default in known.items()}


def value_of(values: dict[str, Any], key: str, default: Any, where: str) -> Any:
    """Value of a key in the type of its default."""
    if key not in values:
        if default is NEEDED:
            raise BadInput(f"{where}: {key} is missing")
        return default
    value = values[key]
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadInput(f'{where}: {key} must be a list of texts, such as ["one", "two"]')
        return tuple(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise BadInput(f"{where}: {key} must be true or false")
        return value
    if not isinstance(value, str):
        raise BadInput(f"{where}: {key} must be a text in quotes")
    if not value.isprintable() or (default is NEEDED and not value.strip()):
        raise BadInput(f"{where}: {key} is empty or holds control characters")
    return value
