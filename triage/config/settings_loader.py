"""Reads the settings, once: from a TOML file, credential files and the environment, each key checked."""

import difflib
import hashlib
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args, get_origin

from triage import business_hours
from triage.addressing.envelope import ascii_domain
from triage.config import alert_types
from triage.config.duties import Duty
from triage.config.identity_providers import Provider
from triage.config.renamed import RENAMED, RENAMED_SECTIONS, RENAMED_VALUES, hint_renamed, hint_renamed_value
from triage.config.secret_files import find_credential
from triage.config.settings import (
    Client,
    Company,
    Confidential,
    Coverage,
    Duties,
    Hooks,
    Notices,
    Policy,
    Providers,
    Recall,
    Settings,
    Siem,
    Simulations,
    Smtp,
    Texts,
    every_key,
    host_port,
    section_type,
    type_hints,
)
from triage.config.simulations import Simulation, find_shared_signer
from triage.config.webhooks import Hook
from triage.errors import BadInput

MOST = {"Days": 36_500, "Hours": 876_000, "Minutes": 52_560_000, "": 2**31 - 1}  # by the unit that begins what a number is for
PLACES = ("./mailroom.toml", "/etc/mailroom/mailroom.toml")
SQLITE = "sqlite:///"
OF_DOMAINS = ("domains", "trusted_arc_sealers", "freemail_domains", "report_partners")  # keys that hold domains


def read_settings(file: str | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Order: built-in, TOML file, systemd credentials, MAILROOM_SECTION__KEY; the last one counts.

    `file` is --config; without it $MAILROOM_CONFIG, ./mailroom.toml and /etc/mailroom/mailroom.toml are tried.
    Relative paths are relative to the working directory. BadInput names the file, the key and what to do.
    """
    path = choose_file(file, environment)
    values = read_tables(path) if path else {}
    for source, given in ((read_credentials(environment), "credential"), (from_environment(environment), "environment")):
        for (section, name), text in source.items():
            values.setdefault(section, {})[name] = (given, text)
    return settings_of(values, str(path or "the environment"))


def find_sources(file: str | None = None, environment: Mapping[str, str] = os.environ) -> dict[tuple[str, str], str]:
    """Finds where each setting that is given comes from, by section and key. Those left out have their default."""
    path = choose_file(file, environment)
    tables = read_tables(path) if path else {}
    found = {(section, name): "file" for section, keys in tables.items() for name in keys}
    return found | dict.fromkeys(read_credentials(environment), "credential") | dict.fromkeys(from_environment(environment), "environment")


def read_client_settings(file: str | None = None, environment: Mapping[str, str] = os.environ) -> Client:
    """The section [client] alone: who only asks a server elsewhere needs no others."""
    path = choose_file(file, environment)
    given = dict(read_tables(path).get("client", {})) if path else {}
    given |= {name: ("environment", text) for (section, name), text in from_environment(environment).items() if section == "client"}
    built: Client = section_of("client", Client, given, str(path or "the environment"))
    return built


def choose_file(file: str | None, environment: Mapping[str, str]) -> Path | None:
    """The settings file to read, if there is one."""
    named = file or environment.get("MAILROOM_CONFIG")
    if named:
        return Path(named)
    return next((Path(place) for place in PLACES if Path(place).exists()), None)


def read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The sections of the TOML file."""
    try:
        parsed = tomllib.loads(path.read_text("utf-8"))
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}. Name a settings file with --config") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise BadInput(f"{path} is not TOML: {fault}") from fault
    for section, keys in parsed.items():
        if not isinstance(keys, dict):
            raise BadInput(f"{path}: “{section}” stands outside a section; write it below a [section] line")
    return parsed


def from_environment(environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """MAILROOM_SECTION__KEY=value for any key."""
    found = {}
    for name, text in environment.items():
        section, separator, setting = name.removeprefix("MAILROOM_").partition("__")
        if name.startswith("MAILROOM_") and separator:
            found[section.casefold(), setting.casefold()] = text
    return found


def read_credentials(environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Files named SECTION.KEY in systemd's $CREDENTIALS_DIRECTORY (LoadCredential=), or their encrypted form, unless they are empty.

    A key that names a file gets the credential itself as that file; any other key gets what is in it.
    """
    if not (named := environment.get("CREDENTIALS_DIRECTORY")):
        return {}
    directory, found = Path(named), {}
    for section, name, one in every_key():
        file = find_credential(directory, f"{section}.{name}")
        if file.exists() and (text := file.read_text("utf-8").strip()):
            found[section, name] = str(file) if one.metadata["file"] else text
    return found


def settings_of(values: dict[str, dict[str, Any]], origin: str) -> Settings:
    """Check every section and key; the first fault found is the error."""
    sections = {section.name: section_type(section.name) for section in fields(Settings)}
    for name in values:
        if name not in sections:
            instead = hint_renamed(RENAMED_SECTIONS.get(name)) or hint_nearest(name, list(sections))
            raise BadInput(f"{origin}: there is no section [{name}]{instead}")
    built = {name: section_of(name, kind, values.get(name, {}), origin) for name, kind in sections.items()}
    return Settings(**built)


def section_of(section: str, kind: Any, given: dict[str, Any], origin: str) -> Any:
    """Parses the value of a section."""
    known: dict[str, Field[Any]] = {one.name: one for one in fields(kind)}
    for name in given:
        if name not in known:
            instead = hint_renamed(RENAMED.get((section, name))) or hint_nearest(name, list(known))
            raise BadInput(f"{origin}: [{section}] has no key “{name}”{instead}")
    missing = next((name for name, one in known.items() if one.default is MISSING and name not in given), None)
    if missing:
        raise BadInput(f"{origin}: [{section}] needs {missing}: {known[missing].metadata['doc']}")
    hints = type_hints(kind)
    checked = {name: checked_key(value, hints[name], known[name], f"{origin}: [{section}] {name}") for name, value in given.items()}
    built = kind(**checked)
    if kind in FAULTS and (why := FAULTS[kind](built)):
        raise BadInput(f"{origin}: [{section}]{why}")
    return built


def checked_key(value: Any, kind: Any, one: Field[Any], where: str) -> Any:
    """The value of one key as the house holds it."""
    checked = checked_value(value, kind, one.metadata["choices"], where)
    if kind is int:
        check_number(checked, one, where)
    return tuple(folded_domain(domain, where) for domain in checked) if one.name in OF_DOMAINS else checked


def fault_of_company(built: Company) -> str:
    """A company without a domain gets no messages."""
    return "" if built.domains else " domains is empty: nobody could get mail"


def fault_of_notices(built: Notices) -> str:
    """Returns what is wrong with the settings for notices to staff, "" when nothing is."""
    why = alert_types.find_alerts_fault(built.targets, built.alert_recipients, built.digest_at)
    return f" {why}" if why else ""


def fault_of_coverage(built: Coverage) -> str:
    """Returns what is wrong with the business hours, and with the policy out of them; "" when nothing is."""
    own = tuple(entry.partition("=")[2].strip() for entry in (*built.departments, *built.people))
    why = business_hours.find_hours_fault(built.hours, built.time_zone, (built.out_of_hours, *own))
    why = why or alert_types.find_minutes_fault("deliver_undecided", built.deliver_undecided, of_people=False)
    old = next((policy for policy in (built.out_of_hours, *own) if policy in RENAMED_VALUES), "")
    return f": {why}{hint_renamed_value(old, (business_hours.PASS,))}" if why else ""


def fault_of_confidential(built: Confidential) -> str:
    """Returns which of the folders whose keepers have agreed is no folder, "" when all are."""
    odd = [folder for folder in built.join_removals if not folder.startswith(("department:", "person:"))]
    return f" join_removals: “{odd[0]}” is no folder: write department:CODE or person:UID" if odd else ""


def fault_of_smtp(built: Smtp) -> str:
    """Returns what is wrong with the section [smtp], "" when nothing is."""
    for text in built.internal_networks:
        try:
            ip_network(text, strict=False)
        except ValueError:
            return f" internal_networks: “{text}” is no network, such as 192.168.1.0/24"
    return ""


def fault_of_recall(built: Recall) -> str:
    """Returns which entry of passed_on names no mailbox or nothing that takes messages on from it, "" when all do."""
    pairs = {entry: [part.strip() for part in entry.split("=", 1)] for entry in built.passed_on}
    odd = next((entry for entry, pair in pairs.items() if len(pair) < 2 or "@" not in pair[0] or not pair[1]), "")
    return f" passed_on: “{odd}” must be MAILBOX=NAME, such as support@company.example=the ticket system" if odd else ""


def fault_of_siem(built: Siem) -> str:
    """Returns what is wrong with the settings for security events, "" when nothing is."""
    if built.key_file and not built.certificate_file:
        return " key_file needs a certificate_file"
    try:
        if built.syslog:
            host_port(built.syslog, "syslog")
    except BadInput:
        return f" syslog must be HOST:PORT, such as siem.company.example:6514, not {built.syslog!r}"
    return ""


def fault_of_policy(built: Policy) -> str:
    """Returns which simulation is signed by a domain that signs for anybody, "" when none is."""
    shared = find_shared_signer(built.simulations, built.freemail_domains, built.open_platforms)
    return f" simulations: anybody can send messages that {shared} signs: name the vendor's own domain" if shared else ""


FAULTS: dict[Any, Callable[[Any], str]] = {
    Company: fault_of_company,
    Notices: fault_of_notices,
    Recall: fault_of_recall,
    Coverage: fault_of_coverage,
    Smtp: fault_of_smtp,
    Confidential: fault_of_confidential,
    Siem: fault_of_siem,
    Policy: fault_of_policy,
}


def folded_domain(domain: str, where: str) -> str:
    """A domain in the form that addresses have."""
    try:
        return ascii_domain(domain)
    except ValueError as fault:
        raise BadInput(f"{where}: {fault}") from fault


def checked_value(value: Any, kind: Any, choices: tuple[str, ...], where: str) -> Any:
    """The value in the key's type, or an error that says what was expected."""
    if isinstance(value, tuple):  # (origin, text) from the environment or a credential
        value = from_text(value[1], kind, where)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind == Texts:
        return text_table(value, where)
    if kind == Hooks:
        return named_tables(value, Hook.parse, 'hooks.chat] and below it url = "https://…"', where)
    if kind == Duties:
        return named_tables(value, Duty.parse, 'duties.legal] and below it phone = "+49 30 1234"', where)
    if kind == Providers:
        return named_tables(value, Provider.parse, 'providers.company] and below it issuer = "https://…"', where)
    if kind == Simulations:
        return named_tables(value, Simulation.parse, 'simulations.vendor] and below it dkim = "…"', where)
    if get_origin(kind) is tuple and choices and isinstance(value, str):
        value = [value]  # one of them, as a text
    if get_origin(kind) is tuple:
        return checked_list(value, get_args(kind)[0], choices, where)
    if type(value) is not kind:
        raise BadInput(f"{where} must be {'a number' if kind is int else 'true or false' if kind is bool else 'text'}, not “{value}”")
    if choices and value not in choices:
        raise BadInput(f"{where} must be one of {', '.join(choices)}, not “{value}”")
    return value


def checked_list(value: Any, kind: Any, choices: tuple[str, ...], where: str) -> tuple[Any, ...]:
    """A list of values of this type."""
    if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
        raise BadInput(f'{where} must be a list, such as ["one", "two"]')
    if choices and (odd := next((one for one in value if one not in choices), None)) is not None:
        raise BadInput(f"{where} may hold {', '.join(choices)}, not “{odd}”{hint_renamed_value(odd, choices)}")
    return tuple(value)


def check_number(value: int, one: Field[Any], where: str) -> None:
    """BadInput for a number with which nothing would work: mail that expires as it comes, or a day that no calendar has."""
    least, unit = one.metadata["least"], next((unit for unit in MOST if one.metadata["doc"].startswith(unit)), "")
    if value < least:
        raise BadInput(f"{where} must {f'be {least} or more, not {value}' if least else 'not be negative'}")
    if value > MOST[unit]:
        raise BadInput(f"{where} must be {MOST[unit]} or less, not {value}")


def text_table(value: Any, where: str) -> Texts:
    """A table of texts by name."""
    if (
        not isinstance(value, dict)
        or not value
        or not all(name.strip() and isinstance(text, str) and text.strip() for name, text in value.items())
    ):
        raise BadInput(f'{where} must be a table of texts, such as [{where.rpartition(": ")[2]}] and below it NAME = "text"')
    return tuple(value.items())


def named_tables(value: Any, parse: Callable[[str, Mapping[str, Any]], Any], example: str, where: str) -> tuple[Any, ...]:
    """Tables by their names: webhooks, duties, identity providers."""
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        section = where.rpartition("[")[2].partition("]")[0]
        raise BadInput(f"{where} must be tables, such as [{section}.{example}")
    try:
        return tuple(parse(name, table) for name, table in value.items())
    except ValueError as fault:
        raise BadInput(f"{where}: {fault}") from fault


def from_text(text: str, kind: Any, where: str) -> Any:
    """A value written as text: numbers, true and false, lists with commas."""
    if kind is int:
        if not text.strip().isdigit():
            raise BadInput(f"{where} must be a number, not “{text}”")
        return int(text)
    if kind is bool:
        if text.casefold() not in ("true", "false"):
            raise BadInput(f"{where} must be true or false, not “{text}”")
        return text.casefold() == "true"
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def hint_nearest(name: str, known: list[str]) -> str:
    """A hint at the key that was probably meant."""
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean “{close[0]}”?" if close else f"; there are {', '.join(sorted(known))}"


def digest_of(settings: Settings) -> str:
    """A digest by which two processes find out that their settings are the same, and the working directory where a path begins there."""
    place = Path.cwd() if any(is_relative(path) for path in paths_of(settings)) else ""
    return hashlib.sha256(f"{place}\n{settings!r}".encode("utf-8", "surrogateescape")).hexdigest()


def paths_of(settings: Settings) -> Iterator[str]:
    """Yields the paths that the settings name."""
    yield settings.database.url.partition(SQLITE)[2]
    for section, name, one in every_key():
        value = getattr(getattr(settings, section), name)
        if isinstance(value, Path) or one.metadata["file"]:
            yield str(value)


def is_relative(path: str) -> bool:
    """Whether a path begins in the working directory."""
    return bool(path) and not path.startswith("/")
