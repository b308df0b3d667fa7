"""Encryption of connections to the next hop: the policy, and STARTTLS."""

import contextlib
import ipaddress
import smtplib
import socket
import ssl
from dataclasses import dataclass, replace
from functools import cached_property

from triage.errors import BadInput
from triage.say import mark, say

TLS_FAILED = mark("TLS failed: {why}")
NO_STARTTLS = mark("it offers no STARTTLS, and {why}")
STARTTLS_REFUSED = mark("it refuses STARTTLS: {reply}, and {why}")


class NotEncrypted(Exception):
    """The policy asks for an encryption that did not come about; the text says why."""


@dataclass(frozen=True)
class Encryption:
    """The policy towards one next hop.

    none: never STARTTLS. opportunistic: where it is offered, and in the clear where it fails (RFC 7435).
    required: encrypted or not at all, whoever the server says it is. verify: and its certificate must be good.
    """

    policy: str = "opportunistic"
    authorities: str = ""  # PEM file of the authorities that may vouch for the server; "": those of the system
    name: str = ""  # that the certificate must bear; "": the host of the URL
    for_passwords: bool = False  # something is to be said there that nobody else may hear

    def for_sign_in(self, host: str) -> "Encryption":
        """The policy where we sign in, whatever it is elsewhere.

        It may be a provider beside servers of our own: the system's authorities count too, and a host's name is the one to bear.
        """
        return replace(self, policy="verify", name=self.name if is_address(host) else "", for_passwords=True)

    @cached_property
    def context(self) -> ssl.SSLContext:
        """TLS context; BadInput when the authorities' file cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.authorities or None)
            if self.for_passwords:
                context.load_default_certs()
        except (OSError, ssl.SSLError) as fault:
            raise BadInput(f"relay.tls_ca: “{self.authorities}” cannot be used: {fault.strerror or fault}") from fault
        if self.policy != "verify":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    @property
    def why(self) -> str:
        """Names the setting that requires TLS."""
        verified = self.policy == "verify"
        if self.for_passwords:
            return say("passwords are sent over verified TLS only" if verified else "passwords are sent over TLS only")
        return say("messages go there over verified TLS only" if verified else "messages go there over TLS only")

    @property
    def needed(self) -> bool:
        """Whether nothing is delivered without encryption."""
        return self.policy in ("required", "verify")

    def wrap(self, connected: socket.socket, host: str) -> ssl.SSLSocket:
        """TLS over this connection; NotEncrypted when it fails."""
        try:
            return self.context.wrap_socket(connected, server_hostname=self.name or host)
        except (ssl.SSLError, ConnectionError, EOFError) as fault:
            connected.close()
            raise NotEncrypted(say(TLS_FAILED, why=describe_tls_error(fault))) from fault


def is_address(host: str) -> bool:
    """Whether that is an address, which few certificates bear."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def describe_tls_error(fault: Exception) -> str:
    """Reason of a TLS error, without the library's file and line."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return fault.verify_message
    reason = fault.reason if isinstance(fault, ssl.SSLError) else ""
    return (reason or str(fault)).lower().replace("_", " ")


def start_tls(connection: smtplib.SMTP, encryption: Encryption, host: str) -> bool:
    """Encrypt a connection that was greeted (RFC 3207); False when it stays in the clear, as the policy allows.

    NotEncrypted when the server does not offer it and must, or when it fails: then the connection is of no more use.
    Nothing that was said before counts afterwards: greet again.
    """
    if encryption.policy == "none":
        return False
    answer = connection.docmd("STARTTLS") if connection.has_extn("starttls") else None
    if answer is None or answer[0] != 220:
        if encryption.needed:
            if answer is None:
                raise NotEncrypted(say(NO_STARTTLS, why=encryption.why))
            reply = f"{answer[0]} {answer[1].decode('utf-8', 'replace')}"
            raise NotEncrypted(say(STARTTLS_REFUSED, reply=reply, why=encryption.why))
        return False
    assert connection.sock is not None
    with contextlib.suppress(AttributeError, OSError):
        if connection.file is not None:
            connection.file.close()
    connection.file = None  # what was read ahead in the clear is forgotten
    connection.sock = encryption.wrap(connection.sock, host)
    return True
