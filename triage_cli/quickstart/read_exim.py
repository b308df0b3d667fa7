"""Reads an Exim by its own program (exim -bP): domains, own machines, users and aliases of the system. Changes nothing."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from triage.text.numbers import format_count
from triage_cli.quickstart.mail_server import MailServer, addresses_in, run_program
from triage_cli.quickstart.read_postfix import add_alias, system_users

PROGRAMS = ("exim4", "exim")
ALIASES = Path("/etc/aliases")
UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def read_exim(config: str = "") -> MailServer | None:
    """Exim as it describes itself, None where there is none. `config`: its configuration file, when it is not the usual one."""
    for name in filter(shutil.which, PROGRAMS):
        command = [name, *(["-C", config] if config else [])]
        hostname = read_option(command, "primary_hostname")
        if hostname:
            return read_configuration(command, hostname.lower())
    return None


def read_option(command: list[str], option: str) -> str:
    """Reads an option of the configuration, "" where there is none."""
    said = (run_program([*command, "-bP", option]) or "").strip()
    return said.partition("=")[2].strip() if "=" in said else said if option == "configure_file" else ""


def read_configuration(command: list[str], hostname: str) -> MailServer:
    """Reads Exim's configuration, as far as the commands need it."""
    version = re.search(r"Exim version (\S+)", run_program([*command, "-bV"]) or "")
    found = MailServer("Exim", version[1] if version else "", hostname, read_option(command, "configure_file"))
    found.command = shutil.which(command[0]) or command[0]
    found.size_limit = size_of(read_option(command, "message_size_limit"))
    found.certificate = read_option(command, "tls_certificate")
    named = list(read_domains(read_option(command, "+local_domains"), hostname, found))
    found.domains = tuple([one for one in named if one != hostname] or named)
    if not found.domains:
        found.unsure.append("domainlist local_domains names no domain: Mailroom would not know whose messages to take")
    if not read_option(command, "+relay_from_hosts"):
        found.unsure.append("there is no hostlist relay_from_hosts: Mailroom could not tell your own machines from strangers")
    people = dict(system_users())
    found.mailboxes = {f"{user}@{domain}": name for domain in found.domains for user, name in people.items()}
    read_aliases(found)
    aliases = format_count(len(found.aliases), "alias", "aliases")
    found.notes.append(f"{', '.join(found.domains)}: {format_count(len(found.mailboxes), 'user')} of this machine, {aliases}")
    found.notes.append("Exim does not name the client to Mailroom: SPF is unknown, so only DKIM proves who sent a message")
    if "mailroom" in (run_program([*command, "-bP", "router_list"]) or "").split():
        found.notes.append("the router mailroom is in the configuration already")
    return found


def read_domains(text: str, hostname: str, found: MailServer) -> Iterator[str]:
    """The domains of a domain list; "@" is the host's own name."""
    for item in (one.strip() for one in text.split(":")):
        if item == "@":
            yield hostname
        elif re.fullmatch(r"[\w.-]+", item) and item != "localhost":
            yield item.lower()
        elif item and item != "localhost":
            found.unsure.append(f"domainlist local_domains: {item} cannot be listed, so the domains are not known")


def size_of(text: str) -> int:
    """Bytes of a size such as 50M, 0 for none."""
    found = re.fullmatch(r"(\d+)([KMG]?)", text)
    return int(found[1]) * UNITS[found[2]] if found else 0


def read_aliases(found: MailServer) -> None:
    """Sendmail's aliases."""
    try:
        lines = ALIASES.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        name, colon, targets = line.partition(":")
        if colon and not line.startswith("#"):
            for domain in found.domains:
                add_alias(found, name.strip(), ", ".join(addresses_in(targets)), domain)
