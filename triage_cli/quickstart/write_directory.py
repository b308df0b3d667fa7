"""Writes company.toml: everybody and every alias that the mail server knows, in one department until somebody says otherwise."""

import json
import re
from collections.abc import Iterator

from triage_cli.quickstart.mail_server import MailServer, full_name

DEPARTMENT = "general"
ALWAYS = ("postmaster", "abuse")  # Mailroom's own in every domain
HEAD = """# Everybody whom {program} knew when `mailroom quickstart` ran. Give people their departments, then run `mailroom sync`.
# With LDAP or Active Directory: docs/how-to/ldap-directory.md. Every key: deploy/company.toml.

[company]
postmaster = {postmaster} # gets the messages to postmaster@ and abuse@

[[department]]
code = "general" # part of addresses: general+anna@
name = "General"
"""


def toml_text(value: str) -> str:
    """A TOML string."""
    return json.dumps(value, ensure_ascii=False)


def toml_list(values: list[str]) -> str:
    """A TOML list of strings."""
    return f"[{', '.join(map(toml_text, values))}]"


def format_directory(server: MailServer) -> str:
    """The directory file. A server without mailboxes gives one without people."""
    people = choose_uids(server)
    owned: dict[str, list[str]] = {}
    for alias in server.aliases:
        if alias.partition("@")[0] not in ALWAYS and alias not in server.mailboxes and (owner := server.owner_of(alias)):
            owned.setdefault(owner, []).append(alias)
    return HEAD.format(program=server.program, postmaster=toml_text(find_postmaster(server))) + "".join(
        [
            *map("".join, (format_person(uid, address, server, owned.get(address, [])) for address, uid in people.items())),
            *format_lists(server, people),
        ]
    )


def find_postmaster(server: MailServer) -> str:
    """Returns the mailbox that gets messages to postmaster@ today, else the first mailbox."""
    named = [server.owner_of(f"{local}@{domain}") for local in ALWAYS for domain in server.domains]
    return next(filter(None, [*named, *sorted(server.mailboxes)]), "")


def choose_uids(server: MailServer) -> dict[str, str]:
    """A uid for each mailbox: its local part, with the domain where several have the same."""
    found: dict[str, str] = {}
    taken: set[str] = {DEPARTMENT}
    for address in sorted(server.mailboxes):
        local, _, domain = address.partition("@")
        plain = re.sub(r"[^a-z0-9._-]", "-", local)
        uid = plain if plain not in taken else f"{plain}.{domain.partition('.')[0]}"
        while uid in taken:
            uid += "-2"
        taken.add(uid)
        found[address] = uid
    return found


def format_person(uid: str, address: str, server: MailServer, aliases: list[str]) -> Iterator[str]:
    """Formats a person's section."""
    name = full_name(address, server.mailboxes[address])
    yield f'\n[[person]]\nuid = {toml_text(uid)}\nname = {toml_text(name)}\ndepartment = "{DEPARTMENT}"\n'
    yield f"mailbox = {toml_text(address)}\n"
    if aliases:
        yield f"aliases = {toml_list(sorted(aliases))}\n"


def format_lists(server: MailServer, people: dict[str, str]) -> Iterator[str]:
    """Aliases of several people as distribution lists, or with members outside."""
    for alias in sorted(server.aliases):
        if alias.partition("@")[0] in ALWAYS or alias in server.mailboxes or server.owner_of(alias):
            continue
        targets = server.expanded(alias)
        inside = sorted(targets & people.keys())
        outside = sorted(one for one in targets - people.keys() if one.rpartition("@")[2] not in server.domains)
        if inside or outside:
            yield f"\n[[group]]\naddress = {toml_text(alias)}\nname = {toml_text(full_name(alias))}\n"
            yield f'department = "{DEPARTMENT}"\nmembers = {toml_list([people[one] for one in inside])}\n'
            yield f"external = {toml_list(outside)}\n" if outside else ""
