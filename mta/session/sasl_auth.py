"""Sign-in of internal servers: SASL PLAIN and LOGIN, over TLS only (RFC 4954, RFC 4616)."""

import base64
import binascii

from mta.peer.smtp_peer import Visitor
from mta.session import replies
from mta.session.server_context import ServerContext
from mta.session.submitters import Submitters

QUESTIONS = {"PLAIN": ("",), "LOGIN": ("Username:", "Password:")}  # LOGIN for Exchange's send connectors, which speak no other
MECHANISMS = tuple(QUESTIONS)
MOST_WRONG = 3  # passwords in one session


def ask_questions(mechanism: str) -> tuple[str, ...]:
    """Challenges for a client; Refusal for an unknown mechanism."""
    if mechanism.upper() not in QUESTIONS:
        raise replies.Refusal(replies.UNKNOWN_MECHANISM)
    return QUESTIONS[mechanism.upper()]


def decode_answer(answer: bytes) -> str:
    """An answer in base64; Refusal says what is wrong with it."""
    text = answer.strip()
    if text == b"*":
        raise replies.Refusal(replies.SIGN_IN_CANCELLED)
    try:
        return base64.b64decode(b"" if text == b"=" else text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as fault:
        raise replies.Refusal(replies.BAD_BASE64) from fault


def read_credentials(answers: list[str]) -> tuple[str, str]:
    """Name and password, of LOGIN or of PLAIN. An identity to act for (RFC 4616, 2) is of no use here."""
    if len(answers) == len(QUESTIONS["LOGIN"]):
        return answers[0], answers[1]
    _, name, password = [*answers[0].split("\0"), "", ""][:3]
    return name, password


def verify_password(name: str, password: str, submitters: Submitters, visitor: Visitor, now: float) -> str:
    """Whether the password is right. After too many failures nobody gets an answer."""
    if not submitters.may_try(name, visitor.peer, now):
        return replies.TOO_MANY_GUESSES
    is_right = submitters.know(name, password)
    submitters.note(name, visitor.peer, now, right=is_right)
    if is_right:
        visitor.login = name
        return replies.SIGNED_IN
    visitor.wrong_passwords += 1
    return replies.WRONG_PASSWORD if visitor.wrong_passwords < MOST_WRONG else replies.TOO_MANY_PASSWORDS


def is_offered(server: ServerContext, visitor: Visitor) -> bool:
    """Whether this client may sign in, here and now."""
    return bool(server.submitters and server.submitters.has_accounts and visitor.tls and not visitor.login)


def find_auth_fault(visitor: Visitor, *, is_open: bool) -> str:
    """Returns the reply that refuses AUTH now, "" when the client may sign in."""
    if not visitor.greeting:
        return replies.HELO_FIRST
    if is_open:
        return replies.MAIL_ALREADY
    if visitor.login:
        return replies.SIGNED_IN_ALREADY
    return "" if visitor.tls else replies.ENCRYPT_FIRST
