"""How an internal server signs in: SASL PLAIN and LOGIN, over TLS only (RFC 4954, RFC 4616)."""

import base64
import binascii

from mta.peer.smtp_peer import Visitor
from mta.session import replies
from mta.session.server_context import Door
from mta.session.submitters import Submitters

MECHANISMS = ("PLAIN", "LOGIN")  # LOGIN for Exchange's send connectors, which speak no other
QUESTIONS = {"PLAIN": ("",), "LOGIN": ("Username:", "Password:")}
MOST_WRONG = 3  # passwords in one session


class Exchange:
    """What a client says step by step until a name and a password are known."""

    def __init__(self, mechanism: str) -> None:
        self.mechanism = mechanism
        self.said: list[str] = []

    @property
    def question(self) -> str:
        """What the client is asked next, "" when it has said everything."""
        questions = QUESTIONS[self.mechanism]
        return replies.challenge(questions[len(self.said)]) if len(self.said) < len(questions) else ""

    def take(self, line: bytes) -> str:
        """An answer in base64; what is wrong with it, "" when nothing is."""
        text = line.strip()
        if text == b"*":
            return replies.SIGN_IN_CANCELLED
        try:
            self.said.append(base64.b64decode(b"" if text == b"=" else text, validate=True).decode("utf-8"))
        except (binascii.Error, UnicodeDecodeError):
            return replies.BAD_BASE64
        return ""

    @property
    def credentials(self) -> tuple[str, str]:
        """Name and password. An identity to act for (RFC 4616, 2) is of no use here."""
        if self.mechanism == "LOGIN":
            return self.said[0], self.said[1]
        _, name, password = [*self.said[0].split("\0"), "", ""][:3]
        return name, password

    @property
    def name(self) -> str:
        """Who it claims to be."""
        return self.credentials[0]

    def outcome(self, submitters: Submitters, visitor: Visitor, now: float) -> str:
        """Is the password right? Who guesses too often is not told any more."""
        name, password = self.credentials
        if not submitters.may_try(name, visitor.peer, now):
            return replies.TOO_MANY_GUESSES
        is_right = submitters.know(name, password)
        submitters.note(name, visitor.peer, now, right=is_right)
        if is_right:
            visitor.login = name
            return replies.SIGNED_IN
        visitor.wrong_passwords += 1
        return replies.WRONG_PASSWORD if visitor.wrong_passwords < MOST_WRONG else replies.TOO_MANY_PASSWORDS


def is_offered(door: Door, visitor: Visitor) -> bool:
    """May this client sign in, here and now?"""
    return bool(door.submitters and door.submitters.has_accounts and visitor.tls and not visitor.login)


def fault(visitor: Visitor, *, is_open: bool) -> str:
    """Why the client may not begin to sign in now, "" when it may."""
    if not visitor.greeting:
        return replies.HELO_FIRST
    if is_open:
        return replies.MAIL_ALREADY
    if visitor.login:
        return replies.SIGNED_IN_ALREADY
    return "" if visitor.tls else replies.ENCRYPT_FIRST


def begun(argument: str) -> tuple[Exchange | None, str]:
    """The exchange that AUTH begins, with the initial response where it brings one; or what is wrong with it."""
    mechanism, _, initial = argument.partition(" ")
    if mechanism.upper() not in MECHANISMS:
        return None, replies.UNKNOWN_MECHANISM
    exchange = Exchange(mechanism.upper())
    if initial and (wrong := exchange.take(initial.strip().encode())):
        return None, wrong
    return exchange, ""
