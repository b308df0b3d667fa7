"""A canary: a harmless message by way of the mail server, which Mailroom must have seen. The only message that the doctor sends."""

import smtplib
import time
from collections.abc import Iterator
from secrets import token_hex

from sqlalchemy import select
from sqlmodel import col

from triage.config.settings import Settings
from triage.errors import BadInput
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, Finding
from triage_cli.doctor.network_checks import PATIENCE

MOST = 60.0  # seconds until Mailroom must have it
TEXT = "A test by `mailroom doctor --canary`. Please delete it."


def send_canary(settings: Settings, recipient: str, server: str) -> Iterator[Finding]:
    """Send it to a recipient by this server (HOST:PORT), and look whether it comes to Mailroom."""
    subject = f"Mailroom canary {token_hex(6)}"
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        raise BadInput(f"--via: HOST:PORT such as 127.0.0.1:25, not {server}")
    author = f"Mailroom <postmaster@{settings.company.domains[0]}>"
    raw = f"From: {author}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\n{TEXT}\r\n"
    try:
        with smtplib.SMTP(host, int(port), settings.company.hostname, PATIENCE * 6) as client:
            client.sendmail("", [recipient], raw.encode())  # no bounce can come back
    except (OSError, smtplib.SMTPException) as fault:
        yield Finding(FAIL, "canary", f"{server} refuses a message for {recipient}: {fault}", "see its log; no message was sent")
        return
    state = found_within(settings, subject, MOST)
    if state:
        yield Finding(OK, "canary", f"a message for {recipient} by {server} reached Mailroom and is {state}")
    else:
        words = f"a message for {recipient} by {server} did not reach Mailroom: messages bypass it"
        yield Finding(FAIL, "canary", words, "look for it in the mail server's queue and log; is this recipient routed to Mailroom?")


def found_within(settings: Settings, subject: str, seconds: float) -> str:
    """The state of the message, "" when it does not come in time."""
    end = time.monotonic() + seconds
    with database_of(settings) as engine:
        while time.monotonic() < end:
            with db.read_transaction(engine) as session:
                if state := session.scalar(select(col(Delivery.state)).where(col(Delivery.subject) == subject).limit(1)):
                    return str(state)
            time.sleep(0.5)
    return ""
