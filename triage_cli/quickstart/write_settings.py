"""Writes mailroom.toml for a Mailroom beside the mail server: it records only, and knows the server as its edge and its next hop."""

import socket
from dataclasses import dataclass
from pathlib import Path

from triage_cli.quickstart.mail_server import MailServer
from triage_cli.quickstart.write_directory import toml_list, toml_text

DATA = "data"  # the directory of Mailroom's own user
ROOM = 1024 * 1024  # bytes that trace fields and a second look may add
SETTINGS = """# Mailroom beside {program} {version}, written by `mailroom quickstart`. Every other setting has a default: see
# docs/reference/settings.md.

[company]
domains = {domains}
hostname = {hostname} # another name than {program}'s own, or {program} takes the handover for a loop
enforcement = "record-only" # `mailroom enforcement` changes it: hold-dangerous from the second day, then hold-unknown
{delimiter}
[database]
url = {database} # SQLite is enough for one machine (docs/how-to/scaling.md)

[spool]
directory = {spool} # on a local disk

[smtp]
listen = "127.0.0.1:{take}" # {program} hands over here; nobody else can
trusted_edges = ["127.0.0.1/32"] # {program} has accepted the message
{inside}unknown_recipients = "defer" # 450, until you know that company.toml is complete; then "refuse"
{size}
[relay]
next_hop = "smtp://127.0.0.1:{give}" # back to {program}, straight into the mailboxes
smarthost = "smtp://127.0.0.1:25" # notices to people outside

[api]
listen = "127.0.0.1:{console}" # the console; from elsewhere: ssh -L {console}:127.0.0.1:{console} THIS-MACHINE

[directory]
file = {directory}

# What is held waits until somebody decides, at night as well (docs/how-to/on-duty.md). Name the hours, and for whom it must not wait.
[coverage]
hours = [] # such as "mon-fri 08:00-18:00" in time_zone; empty: somebody is always expected, and the doctor says where nobody is on duty
out_of_hours = "wait" # pass-time-limited: codes that expire pass; substitute:LOGIN: this person sees the folder too
"""

INSIDE = """internal_networks = {networks} # Postfix's mynetworks: what comes from there passes as internal
signed_in_hosts = [{host}] # Postfix says in its Received field who signed in: that passes as internal too
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """On 127.0.0.1: where Mailroom takes messages, where it gives them back, and where the console is."""

    take: int
    give: int
    console: int


def free_port(wanted: int, taken: tuple[int, ...] = ()) -> int:
    """Returns a port of 127.0.0.1 that nobody listens on: this one, or the next."""
    for port in range(wanted, wanted + 100):
        if port not in taken and not is_port_taken(port):
            return port
    return wanted


def is_port_taken(port: int) -> bool:
    """Whether a program listens on this port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def format_settings(server: MailServer, output: Path, ports: Ports) -> str:
    """The settings file."""
    delimiter = f"delimiter = {toml_text(server.delimiter)} # {server.program}'s recipient_delimiter\n" if server.delimiter == "-" else ""
    size = f"max_size = {max(server.size_limit, ROOM)} # {server.program}'s limit\n" if server.size_limit else ""
    return SETTINGS.format(
        program=server.program,
        version=server.version,
        domains=toml_list(list(server.domains)),
        hostname=toml_text(choose_hostname(server)),
        delimiter=delimiter,
        database=toml_text(f"sqlite:///{output / DATA / 'mailroom.db'}"),
        spool=toml_text(str(output / DATA / "spool")),
        directory=toml_text(str(output / "company.toml")),
        take=ports.take,
        give=ports.give,
        console=ports.console,
        inside=format_inside(server),
        size=size,
    )


def choose_hostname(server: MailServer) -> str:
    """A host name that is not the mail server's."""
    domain = next(iter(server.domains), "example.org")
    return f"mailroom.{domain}" if server.hostname != f"mailroom.{domain}" else f"quarantine.{domain}"


def format_inside(server: MailServer) -> str:
    """Formats the settings for hosts that the mail server lets send as one of us."""
    if server.program != "Postfix":
        return ""
    return INSIDE.format(networks=toml_list(list(server.own_networks)), host=toml_text(server.hostname))
