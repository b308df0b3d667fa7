"""Reads a Postfix by its own programs (postconf, postmap): domains, mailboxes, aliases, and the way into the mailboxes. Changes nothing."""

import ipaddress
import os
import pwd
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from triage.text.numbers import format_count
from triage_cli.quickstart.mail_server import MailServer, addresses_in, run_program

LISTED = ("hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash", "inline")  # tables that postmap can list
SYSTEM_USERS = ("unix:passwd.byname", "proxy:unix:passwd.byname")
FIRST_PERSON, LAST_PERSON = 1000, 60000  # uids of people (Debian policy 9.2.2)
DELIMITERS = "+-"
LOOPBACK = ("localhost", "localhost.localdomain")
LOCAL = "local:"
OURS = "mailroom"  # begins the names of the services and tables that quickstart's commands add


@dataclass(frozen=True, slots=True)
class Postfix:
    """Instance of Postfix: its parameters with all references filled in, and its services."""

    directory: str
    values: dict[str, str]
    services: dict[str, str]  # "smtp/inet": the command with its arguments
    overrides: dict[str, str]  # "smtp/inet/content_filter": value

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def maps(self, name: str) -> list[str]:
        """The tables of a parameter, TYPE:NAME each."""
        return [one for one in split_value(self[name]) if ":" in one]


def open_postfix(directory: str = "") -> Postfix | None:
    """Postfix as postconf describes it, None where there is none. `directory`: that of main.cf, when it is not the usual one."""
    where = ["-c", directory] if directory else []
    said = run_program(["postconf", *where, "-x"])
    services, overrides = run_program(["postconf", *where, "-M"]), run_program(["postconf", *where, "-P"])
    if said is None or services is None:
        return None
    values = dict(parse_parameters(said))
    return Postfix(
        values.get("config_directory", directory), values, dict(parse_services(services)), dict(parse_parameters(overrides or ""))
    )


def parse_parameters(text: str) -> Iterator[tuple[str, str]]:
    """NAME = VALUE a line."""
    for line in text.splitlines():
        name, equals, value = line.partition(" =")
        if equals:
            yield name.strip(), value.strip()


def parse_services(text: str) -> Iterator[tuple[str, str]]:
    """The services of master.cf: NAME/TYPE and the command."""
    for line in text.splitlines():
        fields = line.split(None, 7)
        if len(fields) == 8:
            yield f"{fields[0]}/{fields[1]}", fields[7]


def split_value(value: str) -> list[str]:
    """The words of a value; what stands in braces is one word."""
    words, depth, word = [], 0, ""
    for letter in value:
        depth += (letter == "{") - (letter == "}")
        if depth == 0 and letter in ", \t":
            words.append(word)
            word = ""
        else:
            word += letter
    return [one for one in (*words, word) if one]


def read_postfix(postfix: Postfix) -> MailServer:
    """Reads Postfix's configuration, as far as the commands need it. What was not understood stands in `unsure`."""
    found = MailServer("Postfix", postfix["mail_version"], postfix["myhostname"].lower(), postfix.directory)
    found.delimiter = postfix["recipient_delimiter"]
    found.certificate = certificate_of(postfix)
    found.size_limit = int(postfix["message_size_limit"] or 0)
    found.own_networks = tuple(parse_networks(postfix["mynetworks"]))
    read_deliveries(postfix, found)
    read_aliases(postfix, found)
    note_filters(postfix, found)
    note_other_layouts(postfix, found)
    return found


def certificate_of(postfix: Postfix) -> str:
    """The PEM file of the certificate."""
    chain = split_value(postfix["smtpd_tls_chain_files"])
    return chain[0] if chain else postfix["smtpd_tls_cert_file"]


def parse_networks(mynetworks: str) -> Iterator[str]:
    """The networks in mynetworks; tables are left out."""
    for word in split_value(mynetworks):
        try:
            yield str(ipaddress.ip_network(word.replace("[", "").replace("]", ""), strict=False))
        except ValueError:
            continue


def read_aliases(postfix: Postfix, found: MailServer) -> None:
    """virtual_alias_maps, and sendmail's aliases where local users have mailboxes."""
    read_alias_tables(postfix, "virtual_alias_maps", ("",), found)
    if found.way_back == LOCAL:
        read_alias_tables(postfix, "alias_maps", found.domains, found)
    if found.aliases:
        found.notes.append(format_count(len(found.aliases), "alias", "aliases"))


def read_alias_tables(postfix: Postfix, name: str, domains: Iterable[str], found: MailServer) -> None:
    """The tables of one parameter; a bare name is one in each of these domains."""
    for table in postfix.maps(name):
        entries = list_table(postfix, table)
        if entries is None:
            found.notes.append(f"{name}: {table} cannot be listed; its aliases are missing in company.toml. Postfix goes on to expand them")
        for alias, targets in (entries or {}).items():
            for domain in domains:
                add_alias(found, alias, targets, domain)


def add_alias(found: MailServer, alias: str, targets: str, at: str) -> None:
    """Adds a line of an alias table; leaves out programs, files, catch-alls and lists in files, and says so."""
    if alias.startswith("@"):
        found.notes.append(f"{alias} -> {targets}: a catch-all. Mailroom accepts the addresses of company.toml only")
    elif any(mark in targets for mark in '|/":'):
        found.notes.append(f"{alias} is delivered to a program or a file: Postfix goes on to do that")
    elif (full := qualify_address(alias, at)) and full.rpartition("@")[2] in found.domains:
        found.aliases[full] = tuple(filter(None, (qualify_address(one, at) for one in addresses_in(targets))))


def qualify_address(name: str, at: str) -> str:
    """An address; a bare name gets the domain."""
    return name.lower() if "@" in name else f"{name.lower()}@{at}" if at else ""


def list_table(postfix: Postfix, table: str) -> dict[str, str] | None:
    """All entries of a table, None where its kind cannot be listed (LDAP, SQL, patterns)."""
    kind, _, name = table.removeprefix("proxy:").partition(":")
    if kind == "unix" and name == "passwd.byname":
        return dict(system_users())
    if kind not in LISTED:
        return None
    said = run_program(["postmap", "-c", postfix.directory, "-s", f"{kind}:{name}"])
    if said is None:
        return None
    return {key.lower(): value.strip() for key, _, value in (line.partition("\t") for line in said.splitlines()) if key}


def system_users() -> Iterator[tuple[str, str]]:
    """People with an account on this machine, with their full names."""
    for one in pwd.getpwall():
        if FIRST_PERSON <= one.pw_uid < LAST_PERSON and not one.pw_shell.endswith(("nologin", "false")):
            yield one.pw_name.lower(), one.pw_gecos.partition(",")[0]


def read_deliveries(postfix: Postfix, found: MailServer) -> None:
    """The domains with mailboxes by their kind, and the one way into these mailboxes."""
    ways: dict[str, str] = {}
    for domain in domains_of(postfix, "virtual_mailbox_domains", found):
        ways[domain] = postfix["virtual_transport"] or "virtual"
        read_virtual_mailboxes(postfix, found)
    for domain in domains_of(postfix, "relay_domains", found):
        ways[domain] = next_server(postfix, domain, found)
    if not ways:
        ways = local_domains(postfix, found)
    found.domains = tuple(ways)
    found.mailboxes = {address: name for address, name in found.mailboxes.items() if address.rpartition("@")[2] in ways}
    if not ways:
        found.unsure.append("no domain has mailboxes here: virtual_mailbox_domains, relay_domains and mydestination name none")
    elif len(set(ways.values())) > 1:
        shown = ", ".join(f"{domain} by {way}" for domain, way in ways.items())
        found.unsure.append(f"the domains get into their mailboxes on different ways ({shown}): messages can come back on one way only")
    else:
        found.way_back = with_destination(next(iter(ways.values())))
        found.notes.append(f"{', '.join(ways)}: messages get into mailboxes by {found.way_back}")
    found.notes.append(format_count(len(found.mailboxes), "mailbox", "mailboxes"))


def with_destination(transport: str) -> str:
    """TRANSPORT:DESTINATION, as content_filter wants it; without a destination it is the recipient's domain."""
    return transport if ":" in transport else f"{transport}:"


def domains_of(postfix: Postfix, name: str, found: MailServer) -> list[str]:
    """The domains of a parameter, written out or in tables."""
    domains: list[str] = []
    for word in split_value(postfix[name]):
        if ":" not in word and not word.startswith("/"):
            domains.append(word.lower())
        elif (entries := list_table(postfix, word)) is not None:
            domains += list(entries)
        else:
            found.unsure.append(f"{name}: {word} cannot be listed, so the domains are not known")
    return [one for one in domains if not one.startswith(".") and "@" not in one]


def read_virtual_mailboxes(postfix: Postfix, found: MailServer) -> None:
    """virtual_mailbox_maps."""
    for table in postfix.maps("virtual_mailbox_maps"):
        entries = list_table(postfix, table)
        if entries is None:
            found.notes.append(f"virtual_mailbox_maps: {table} cannot be listed; asking Dovecot for its users")
        else:
            found.mailboxes |= {address: "" for address in entries if "@" in address and not address.startswith("@")}


def next_server(postfix: Postfix, domain: str, found: MailServer) -> str:
    """Returns the server that messages for a relay domain go to. MX records would lead back here."""
    for table in postfix.maps("transport_maps"):
        entries = list_table(postfix, table)
        if entries is None:
            found.unsure.append(f"transport_maps: {table} cannot be listed, so the way into the mailboxes of {domain} is not known")
        elif domain in entries:
            return entries[domain]
    for table in postfix.maps("relay_recipient_maps"):
        found.mailboxes |= {address: "" for address in list_table(postfix, table) or {} if "@" in address and not address.startswith("@")}
    if ":" not in postfix["relay_transport"]:
        found.unsure.append(f"{domain} is relayed by its MX records, which lead to this machine: name the inner server in transport_maps")
    return postfix["relay_transport"] or "relay"


def local_domains(postfix: Postfix, found: MailServer) -> dict[str, str]:
    """mydestination where people have accounts on this machine: without names of the machine itself where a domain stands beside."""
    named = [one for one in domains_of(postfix, "mydestination", found) if one not in LOOPBACK and not one.startswith("localhost.")]
    domains = [one for one in named if one != found.hostname] or named
    people: dict[str, str] = {}
    for table in postfix.maps("local_recipient_maps"):
        entries = list_table(postfix, table)
        if entries is None:
            found.notes.append(f"local_recipient_maps: {table} cannot be listed")
        elif table.removeprefix("proxy:") == "unix:passwd.byname":
            people |= entries
    found.mailboxes |= {f"{user}@{domain}": name for domain in domains for user, name in people.items()}
    way = postfix["local_transport"] or "local"
    return dict.fromkeys(domains, LOCAL if way.partition(":")[0] == "local" else way)


def note_filters(postfix: Postfix, found: MailServer) -> None:
    """Content filters take a message to another program before it is delivered; milters look at it while it comes in."""
    set_in = ["main.cf"] if postfix["content_filter"] else []
    set_in += [
        name.rpartition("/")[0]
        for name, value in postfix.overrides.items()
        if name.endswith("/content_filter") and value and not name.startswith(OURS) and OURS not in value
    ]
    if set_in:
        words = "Postfix knows one next step for a message, and a filter is one (amavis and others)"
        found.unsure.append(f"content_filter is set in {', '.join(set_in)}: {words}")
    if milters := postfix["smtpd_milters"]:
        found.notes.append(f"smtpd_milters: {milters}. A milter that changes bodies or signed fields breaks DKIM; fields on top do no harm")
    if checks := postfix["header_checks"] or postfix["smtp_header_checks"]:
        found.notes.append(f"header checks: {checks}. One that removes Received fields hides from Mailroom who of yours signed in")


def note_other_layouts(postfix: Postfix, found: MailServer) -> None:
    """Notes all other settings that decide how a message finds its mailbox."""
    if split_value(postfix["multi_instance_directories"]):
        found.unsure.append("there are several instances of Postfix (multi_instance_directories): run quickstart for one with --postfix")
    if found.delimiter and found.delimiter not in DELIMITERS:
        found.unsure.append(f'recipient_delimiter is "{found.delimiter}": Mailroom knows one of + and -')
    if any("postscreen" in command for command in postfix.services.values()):
        found.notes.append("postscreen stands in front of port 25: a route by recipient works behind it")
    if not split_value(postfix["mydestination"]):
        found.notes.append("mydestination is empty: messages for root on this machine, such as cron's, bounce. Name $myhostname there")
    if not any(name.startswith(("submission", "submissions", "smtps")) for name in postfix.services):
        found.notes.append("no submission service (ports 465, 587): employees seem to send by port 25")
    if os.path.exists("/etc/mailman3") or "mailman" in postfix["transport_maps"]:  # noqa: PTH110 # one look, no path needed
        found.notes.append("Mailman: its lists stay as they are, as long as nobody hands their addresses to Mailroom")
    previous = [one for one in postfix.maps("transport_maps") if f"/{OURS}-" not in one]
    if previous:
        found.notes.append(f"transport_maps: {' '.join(previous)}. Mailroom's table goes in front; its lines name whole addresses only")


def is_routed(postfix: Postfix) -> bool:
    """Whether quickstart's commands already hand somebody's messages to Mailroom."""
    return bool(re.search(rf"/{OURS}-transport\b", postfix["transport_maps"]))
