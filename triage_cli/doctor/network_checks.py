"""Doctor checks of the network: ports, certificates, next hop."""

import contextlib
import http.client
import os
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from mta.delivery import sasl_client, smtp_client, starttls
from mta.delivery.delivery_workers import open_hop
from mta.delivery.sasl_client import left_over
from mta.delivery.smtp_client import DialledHop, one_line
from mta.delivery.smtp_transaction import Ended
from mta.session.replies import INSIDERS_ONLY
from triage.config.settings import Settings, host_port
from triage.delivery.routes import list_destinations
from triage.errors import BadInput
from triage.say import id_of
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding, open_to_others

PATIENCE = 5.0  # seconds for an answer
HTTPS = 443
SOON = timedelta(days=21)  # until a certificate ends
RENEW = "renew it, and let that put the new files in place (docs/how-to/install.md, Certificates)"
REACHED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # where who listens everywhere is found
START = "start that server, or change relay.next_hop; released mail waits meanwhile"
CONFIGURE_STARTTLS = "let it offer STARTTLS, or change relay.tls; mail waits meanwhile"
WHAT_TO_DO = {  # by the message id of a failure that is no matter of starting it
    starttls.TLS_FAILED: "its certificate has to name the host of its URL, or relay.tls_name; relay.tls_ca is for your own authority",
    starttls.NO_STARTTLS: CONFIGURE_STARTTLS,
    starttls.STARTTLS_REFUSED: CONFIGURE_STARTTLS,
    smtp_client.NO_LOGIN: "let relay.logins_file, relay.token_file or relay.token_command give it; mail waits meanwhile",
    sasl_client.SIGN_IN_REFUSED: "correct relay.logins_file, or ask the operator of that server (docs/how-to/outgoing-mail.md); "
    "mail waits meanwhile",
}
NEEDED = {  # what the next hop should offer (mailflow.md 12), and what happens without it
    "8bitmime": "8-bit messages bounce",
    "smtputf8": "mail from and to international addresses bounces",
    "enhancedstatuscodes": "failures are reported without their exact reason",
}


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Are the ports free, or used by Mailroom itself?"""
    hostname, lmtp = settings.company.hostname, settings.smtp.lmtp_listen
    yield check_port("smtp.listen", settings.smtp.listen, lambda host, number: read_greeting(host, number, hostname))
    if lmtp and "/" not in lmtp:
        yield check_port("smtp.lmtp_listen", lmtp, lambda host, number: read_greeting(host, number, hostname))
    if settings.takes_outbound:
        yield check_port("outbound.listen", settings.outbound.listen, lambda host, number: read_greeting(host, number, hostname))
    yield check_port("api.listen", settings.api.listen, read_health)


def check_port(key: str, listen: str, is_ours: Callable[[str, int], str]) -> Finding:
    """Checks that a port is free or used by Mailroom. `is_ours` returns what another program answered, "" when it is Mailroom."""
    try:
        host, number = host_port(listen, key)
    except BadInput as fault:
        return Finding(FAIL, key, str(fault), f"change {key}")
    try:
        other = is_ours(REACHED.get(host, host), number)
    except ConnectionRefusedError:
        return check_bindable(key, host, number)
    except (OSError, smtplib.SMTPException, http.client.HTTPException) as fault:
        other = f"{type(fault).__name__}: {fault}"
    if other:
        return Finding(FAIL, key, f"{listen} is taken by another program: {other[:120]}", f"stop that program or change {key}")
    return Finding(OK, key, f"mailroom answers on {listen}")


def check_bindable(key: str, host: str, number: int) -> Finding:
    """Checks that we could listen on an address where nobody listens."""
    listen = f"{host}:{number}"
    try:
        socket.create_server((host, number), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except PermissionError:
        return Finding(
            WARN,
            key,
            f"no program listens on {listen}, and this user may not",
            "start mailroom by its systemd socket, or use a port above 1023",
        )
    except OSError as fault:
        return Finding(FAIL, key, f"{listen} cannot be listened on: {fault.strerror}", f"change {key} to an address of this machine")
    return Finding(OK, key, f"{listen} is free: mailroom does not run, or a socket of systemd listens elsewhere")


def read_greeting(host: str, number: int, hostname: str) -> str:
    """Returns the greeting of another SMTP server, "" when it is ours."""
    with socket.create_connection((host, number), PATIENCE) as connection:
        said = connection.recv(512).decode("utf-8", "replace").strip()
        with contextlib.suppress(OSError):
            connection.sendall(b"QUIT\r\n")
    return "" if said.startswith((f"220 {hostname} ", "421 ", INSIDERS_ONLY)) else said or "silence"


def read_health(host: str, number: int) -> str:
    """Returns what another HTTP server answers to /healthz, "" when it is ours."""
    connection = http.client.HTTPConnection(host, number, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = answer.read(100).decode("utf-8", "replace")
    finally:
        connection.close()
    return "" if (answer.status, said) == (200, "ok\n") else f"{answer.status} {said}".strip()


def check_certificate(settings: Settings) -> Iterator[Finding]:
    """Is there a valid TLS certificate, and until when?"""
    chain, key = settings.smtp.tls_cert, settings.smtp.tls_key
    if not chain and not key:
        yield Finding(WARN, "certificate", "none: messages arrive unencrypted", "get a certificate and set smtp.tls_cert and smtp.tls_key")
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chain, key)
        leaf = x509.load_pem_x509_certificates(Path(chain).read_bytes())[0]
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", "") or str(fault)
        yield Finding(
            FAIL, "certificate", f"{chain} and {key} cannot be used: {reason}", "check that both are PEM files, readable, and match"
        )
        return
    yield check_expiry(leaf.not_valid_after_utc)
    yield from check_shown_certificate(settings, leaf)
    if settings.company.hostname not in certificate_names(leaf):
        words = f"it is not for {settings.company.hostname} but for {', '.join(certificate_names(leaf)) or 'nobody'}"
        yield Finding(WARN, "certificate", words, "senders that check (MTA-STS) refuse it: get one for company.hostname")


def check_shown_certificate(settings: Settings, leaf: x509.Certificate) -> Iterator[Finding]:
    """Checks that the SMTP server shows this certificate. A unit holds a copy from its start. Where nobody listens, the ports say so."""
    try:
        host, number = host_port(settings.smtp.listen, "smtp.listen")
        with smtplib.SMTP(REACHED.get(host, host), number, timeout=PATIENCE) as connection:
            found = certificate_of(connection)
    except (OSError, smtplib.SMTPException, BadInput):
        return
    if found != leaf:
        words = (
            f"the SMTP server uses another one, which ends on {found.not_valid_after_utc:%Y-%m-%d}" if found else "the SMTP server has none"
        )
        do = "systemctl try-restart mailroom-receive mailroom-outbound: they hold what they started with"
        yield Finding(WARN, "certificate", words, do)


def certificate_of(connection: smtplib.SMTP) -> x509.Certificate | None:
    """Returns the certificate that a server shows after STARTTLS, valid or not; None when it offers no encryption."""
    connection.ehlo()
    if not connection.has_extn("starttls"):
        return None
    connection.starttls(context=unverified_context())
    assert isinstance(connection.sock, ssl.SSLSocket)
    return x509.load_der_x509_certificate(connection.sock.getpeercert(binary_form=True) or b"")


def check_expiry(end: datetime, what: str = "certificate", renew: str = RENEW) -> Finding:
    """Checks how long a certificate is valid."""
    left = end - utcnow()
    words = f"good until {end:%Y-%m-%d}"
    if left < timedelta():
        return Finding(FAIL, what, f"expired on {end:%Y-%m-%d}", renew)
    if left < SOON:
        return Finding(WARN, what, f"{words}, {format_count(left.days, 'day')}", renew)
    return Finding(OK, what, words)


def check_console(settings: Settings) -> Iterator[Finding]:
    """Is the certificate good that browsers see at api.public_url? It is the TLS proxy's."""
    url = urlsplit(settings.api.public_url)
    if url.scheme != "https" or not url.hostname:
        return
    what = "console"
    try:
        dialled = socket.create_connection((url.hostname, url.port or HTTPS), PATIENCE)
        with dialled, unverified_context().wrap_socket(dialled, server_hostname=url.hostname) as proxy:
            leaf = x509.load_der_x509_certificate(proxy.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError) as fault:
        do = "see that the TLS proxy runs, and that this machine reaches it as browsers do"
        yield Finding(WARN, what, f"no certificate at {settings.api.public_url}: {fault}", do)
        return
    yield check_expiry(leaf.not_valid_after_utc, what, f"renew the certificate at {settings.api.public_url}")


def unverified_context() -> ssl.SSLContext:
    """Returns a TLS context that accepts every certificate, to look at it only."""
    anything = ssl.create_default_context()
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    return anything


def certificate_names(leaf: x509.Certificate) -> list[str]:
    """The host names that a certificate is for."""
    try:
        return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return [str(one.value) for one in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]


def next_hop(settings: Settings) -> Iterator[Finding]:
    """Does each next hop answer, accept our sign-in, and support 8BITMIME, SMTPUTF8 and SIZE?"""
    try:
        yield from check_passwords(settings)
        for one in list_destinations(settings):
            yield from ask_next_hop(one.next_hop, settings)
    except BadInput as fault:
        yield Finding(FAIL, "next hop", str(fault), "change relay.next_hop, relay.routes, relay.smarthost or relay.logins_file")


def check_passwords(settings: Settings) -> Iterator[Finding]:
    """Checks that only we can read the passwords file, and that each line is for an existing next hop."""
    file = settings.relay.logins_file
    for url in left_over(settings):
        words = f"{file} has a line for {url}, which is no next hop"
        yield Finding(WARN, "next hop", words, "write it as in the settings, or remove it")
    if file:
        yield from open_to_others("next hop", Path(file))


def ask_next_hop(url: str, settings: Settings) -> Iterator[Finding]:
    """Checks one next hop; BadInput when its URL is of no kind we know."""
    hop = open_hop(url, settings)
    if isinstance(hop, DialledHop):
        yield from read_answers(hop, url, settings.smtp.max_size)
        return
    place = Path(url.removeprefix("maildir:"))
    there = next(one for one in (place, *place.absolute().parents) if one.exists())
    if os.access(there, os.W_OK | os.X_OK):
        yield Finding(OK, "next hop", f"Maildirs below {place} can be written")
    else:
        yield Finding(FAIL, "next hop", f"{there} cannot be written by this user", "give it to the user that runs `mailroom relay`")


def read_answers(hop: DialledHop, url: str, max_size: int) -> Iterator[Finding]:
    """Reports a next hop's answer to EHLO or LHLO: sign-in, encryption, missing extensions and its size limit."""
    hop.timeout = PATIENCE
    try:
        connection = hop.dial()
    except Ended as end:
        hop.close()
        do = WHAT_TO_DO.get(id_of(end.answer.reply), START)
        yield Finding(FAIL, "next hop", f"{url}: {one_line(end.answer.reply)}", do)
        return
    offered = connection.esmtp_features
    encrypted = isinstance(connection.sock, ssl.SSLSocket)
    hop.close()
    name, _, _ = hop.logins.known().get(url, "").partition(":")
    how = f"{', encrypted' if encrypted else ''}{f', and accepts our sign-in as {name}' if name else ''}"
    yield Finding(OK, "next hop", f"{url} answers{how}: {' '.join(sorted(offered)) or 'no extensions'}")
    for name, consequence in NEEDED.items():
        if name not in offered:
            yield Finding(WARN, "next hop", f"it does not offer {name.upper()}: {consequence}", f"enable {name.upper()} there")
    size = offered.get("size", "")
    if size.isdigit() and 0 < int(size) < max_size:
        words = f"it accepts {size} bytes (SIZE), the SMTP server {max_size}: larger messages bounce"
        yield Finding(WARN, "next hop", words, "raise its limit, or lower smtp.max_size")
