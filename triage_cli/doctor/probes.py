"""Doctor probes over SMTP: open relay, recipients at the next hop, ways around Mailroom."""

import contextlib
import ipaddress
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator

from mail_auth.dns.query_budget import Temporary
from mail_auth.dns.resolver_factory import open_resolver
from mta.delivery.delivery_workers import open_hop
from mta.delivery.smtp_client import DialledHop
from mta.delivery.smtp_transaction import Ended
from triage.compliance.audit import settings_changes
from triage.config.settings import Settings, host_port
from triage.errors import BadInput
from triage.store import db
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.connection_checks import a_mailbox
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.doctor.network_checks import PATIENCE, REACHED

STRANGER = "doctor@mailroom.invalid"  # RFC 2606: nobody is ever there
OUTSIDE = "postmaster@iana.org"  # an address that has to exist (RFC 5321, 4.5.1), at a domain that takes mail
SMTP_PORT = 25
RELAY_FOR_US = "let it relay for this machine, sign in there (relay.logins_file), or give relay.smarthost or outbound.smarthost another one"
TAKE_NOTICES = (
    "notices to senders have no sender address (RFC 3464): give relay.smarthost a server that accepts them, and outbound.smarthost this one"
)


def open_relay(settings: Settings) -> Iterator[Finding]:
    """Does the SMTP server refuse to relay from strangers to strangers?"""
    host, number = host_port(settings.smtp.listen, "smtp.listen")
    try:
        with smtplib.SMTP(REACHED.get(host, host), number, timeout=PATIENCE) as connection:
            code, reply = answer_to(connection, STRANGER, STRANGER)
    except (OSError, smtplib.SMTPException):
        return
    if code < 400:
        yield Finding(
            FAIL, "open relay", f"the SMTP server accepted a message for {STRANGER}: {reply}", "this is a bug of Mailroom: report it"
        )
    else:
        yield Finding(OK, "open relay", f"relaying for outsiders is refused: {code} {reply}")


def answer_to(server: smtplib.SMTP, sender: str, recipient: str) -> tuple[int, str]:
    """Returns an SMTP server's reply to this recipient; no message is sent."""
    server.ehlo_or_helo_if_needed()
    code, reply = server.mail(sender)
    if code < 400:
        code, reply = server.rcpt(recipient)
    with contextlib.suppress(smtplib.SMTPException, OSError):
        server.rset()
    return code, reply.decode("utf-8", "replace").replace("\n", " ")[:120]


def known_there(settings: Settings) -> Iterator[Finding]:
    """Does the next hop accept an employee's address and refuse an unknown one? Tested up to RCPT; nothing is sent."""
    try:
        mailbox = a_mailbox(settings)
        hop = open_hop(settings.relay.next_hop, settings)
    except BadInput:  # each has a finding of its own
        return
    if isinstance(hop, DialledHop) and mailbox:
        yield from asked_about(hop, mailbox)


def asked_about(hop: DialledHop, mailbox: str) -> Iterator[Finding]:
    """Asks one server about a mailbox that should exist, and about one that should not."""
    hop.timeout = PATIENCE
    nobody = f"nobody-{time.time_ns()}@{mailbox.rpartition('@')[2]}"
    try:
        connection = hop.dial()
        code, reply = answer_to(connection, "", mailbox)
        other, _ = answer_to(connection, "", nobody)
    except (Ended, OSError, smtplib.SMTPException):
        return  # the next hop has a finding of its own
    finally:
        hop.close()
    if code >= 400:
        do = "check that the directory's mailboxes exist on that server, and that it accepts messages from here"
        yield Finding(FAIL, "next hop", f"it refuses messages for {mailbox}: {code} {reply}", do)
    else:
        yield Finding(OK, "next hop", f"it accepts messages for {mailbox}")
    if other < 400:
        do = "make it refuse unknown recipients at RCPT (deploy/postfix-inner.cf), so that no message bounces later"
        yield Finding(WARN, "next hop", "it accepts messages for a mailbox that does not exist", do)


def takes_us_out(settings: Settings) -> Iterator[Finding]:
    """Do the smarthosts accept messages to the outside, from employees and notices? Tested up to RCPT; nothing is sent."""
    sender = f"postmaster@{settings.company.domains[0]}"
    for url in sorted({settings.outbound.smarthost, settings.relay.smarthost} - {""}):
        try:
            hop = open_hop(url, settings)
        except BadInput:  # it has a finding of its own
            continue
        if isinstance(hop, DialledHop):
            yield from asked_to_relay(hop, url, {sender: RELAY_FOR_US} | ({"": TAKE_NOTICES} if url == settings.relay.smarthost else {}))


def asked_to_relay(hop: DialledHop, url: str, senders: dict[str, str]) -> Iterator[Finding]:
    """Asks one server to relay to the outside from each of these senders; says what to do where it refuses."""
    hop.timeout = PATIENCE
    try:
        connection = hop.dial()
        answers = {sender: answer_to(connection, sender, OUTSIDE) for sender in senders}
    except (Ended, OSError, smtplib.SMTPException):
        return  # it has a finding of its own
    finally:
        hop.close()
    for sender, (code, reply) in answers.items():
        whose = f"messages from {sender or '<>'} to the outside"
        if code >= 400:
            words = f"{url} refuses {whose}: {code} {reply}"
            yield Finding(FAIL if code >= 500 and sender else WARN, "smarthost", words, senders[sender])
        else:
            yield Finding(OK, "smarthost", f"{url} accepts {whose}")


def check_bypass(settings: Settings) -> Iterator[Finding]:
    """Can strangers bypass Mailroom? Through another MX, or a next hop with a public address that answers on port 25."""
    try:
        resolver, ours = open_resolver(settings.dns), {settings.company.hostname.lower(), *other_machines(settings)}
        for domain in settings.company.domains:
            hosts = {str(one).split()[-1].lower().rstrip(".") for one in resolver.query(domain, "MX", time.monotonic() + PATIENCE)}
            others = sorted(hosts - ours)
            if others and not settings.smtp.trusted_edges:
                words = f"messages for {domain} can also go to {', '.join(others)}: they are not held there"
                do = "remove these MX records, or name those servers in smtp.trusted_edges (docs/how-to/edge-servers.md)"
                yield Finding(WARN, "bypass", words, f"{do}; Mailroom knows its own machines once `mailroom upkeep` has run there")
        yield from is_reachable(settings.relay.next_hop)
    except (BadInput, Temporary):
        return


def other_machines(settings: Settings) -> set[str]:
    """The names of further machines of ours, which hold mail too."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            return settings_changes.list_hostnames(session)
    except BadInput:  # the database has a finding of its own
        return set()


def is_reachable(url: str) -> Iterator[Finding]:
    """Checks that the next hop takes no connections from strangers at a public address, as far as that can be seen from here."""
    kind, _, place = url.partition("://")
    host = place.rpartition(":")[0].strip("[]") or place
    if kind not in ("smtp", "smtps") or not host:
        yield Finding(OK, "bypass", "the next hop is not reached by SMTP from outside")
        return
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(host, SMTP_PORT, type=socket.SOCK_STREAM)}
    except OSError:
        return  # the next hop has a finding of its own
    public = sorted(one for one in addresses if ipaddress.ip_address(one).is_global)
    if not public:
        yield Finding(OK, "bypass", f"{host} has no public address")
    elif any(is_listening(one) for one in public):
        words = f"{host} has the public address {public[0]} and answers on port 25: senders can bypass Mailroom there"
        yield Finding(WARN, "bypass", words, "open its port 25 for this machine only, by firewall or by a required client certificate")
    else:
        yield Finding(OK, "bypass", f"{host} does not answer on port 25 of its public address")


def is_listening(address: str) -> bool:
    """Whether an SMTP server accepts connections at this address."""
    with contextlib.suppress(OSError, ssl.SSLError), socket.create_connection((address, SMTP_PORT), PATIENCE):
        return True
    return False
