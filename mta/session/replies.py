"""SMTP replies to clients: one for each outcome, with enhanced status code (RFC 3463)."""

import base64
import errno
import unicodedata

from triage.ids import format_id
from triage.text.sanitize import escape_visible

# the session
BYE = "221 2.0.0 Bye"
OK = "250 2.0.0 OK"
HELP = "214 2.0.0 This is a mail server; see RFC 5321"
NOT_VERIFIED = "252 2.5.0 Send some mail and it will be seen"  # VRFY is closed (RFC 5321, 7.3)
NOT_EXPANDED = "502 5.5.1 EXPN is not offered"
START_TLS = "220 2.0.0 Go ahead"
NO_TLS = "502 5.5.1 TLS is not offered"
TLS_ALREADY = "503 5.5.1 TLS is in use already"

# who is not served
TOO_MANY_CONNECTIONS = "421 4.7.0 Too many connections from your address; try again later"
BUSY = "421 4.3.2 Too many connections; try again later"
SHUTTING_DOWN = "421 4.3.2 Shutting down; try again later"
EDGES_ONLY = "554 5.7.1 Only our own edge servers are served here"
INSIDERS_ONLY = "554 5.7.1 Only our own servers may send through this one"
NO_PROXY_HEADER = "554 5.5.1 A PROXY header is expected from you"
TALKED_EARLY = "554 5.5.1 You spoke before the greeting"
NOT_SMTP = "554 5.5.1 This is a mail server"
TOO_MANY_ERRORS = "421 4.7.0 Too many errors"
TOO_MANY_IDLE_COMMANDS = "421 4.7.0 Too many commands without a message"
IDLE_TOO_LONG = "421 4.4.2 Nothing was heard for too long"
SESSION_TOO_LONG = "421 4.4.2 This connection has lasted too long"
TOO_SLOW = "421 4.4.2 The message comes too slowly"
SLOW_DOWN = "450 4.7.1 Too many messages from your address; try again later"

# commands that are not understood
BAD_LINE = "500 5.5.2 Command lines are text and end with CR LF"
LINE_TOO_LONG = "500 5.5.2 Command line too long"
UNKNOWN_COMMAND = "502 5.5.1 Command not known"
NO_ARGUMENT = "501 5.5.4 This command takes no argument"
HELO_SYNTAX = "501 5.5.4 Syntax: EHLO hostname"
LHLO_SYNTAX = "501 5.5.4 Syntax: LHLO hostname"
XFORWARD_SYNTAX = "501 5.5.4 Syntax: XFORWARD attribute=value ..."
MAIL_SYNTAX = "501 5.5.4 Syntax: MAIL FROM:<address>"
RCPT_SYNTAX = "501 5.5.4 Syntax: RCPT TO:<address>"
BAD_PARAMETER = "501 5.5.4 A parameter has a wrong value"
UNKNOWN_PARAMETER = "555 5.5.4 Parameter not known"
HELO_FIRST = "503 5.5.1 Send EHLO first"
MAIL_ALREADY = "503 5.5.1 A sender is named already; send RSET to start again"
MAIL_FIRST = "503 5.5.1 Send MAIL first"
RCPT_FIRST = "503 5.5.1 Name a recipient that is accepted first"

# signing in (RFC 4954)
SIGNED_IN = "235 2.7.0 Signed in"
WRONG_PASSWORD = "535 5.7.8 Name or password is wrong"
SIGNED_IN_ALREADY = "503 5.5.1 You have signed in already"
SIGN_IN_FIRST = "530 5.7.0 Sign in first"
ENCRYPT_FIRST = "538 5.7.11 Say STARTTLS first: passwords are taken encrypted only"
UNKNOWN_MECHANISM = "504 5.5.4 Only PLAIN and LOGIN are known here"
SIGN_IN_CANCELLED = "501 5.7.0 Cancelled"
BAD_BASE64 = "501 5.5.2 That is not base64"
TOO_MANY_PASSWORDS = "421 4.7.0 Too many wrong passwords"
TOO_MANY_GUESSES = "454 4.7.0 Too many wrong passwords; try again later"

# the envelope
SENDER_OK = "250 2.1.0 OK"
RECIPIENT_OK = "250 2.1.5 OK"
BAD_SENDER = "501 5.1.7 The sender is not a mail address"
BAD_RECIPIENT = "553 5.1.3 The recipient is not a mail address that is understood here"
NOT_ASCII = "553 5.6.7 The address is not ASCII and SMTPUTF8 was not asked for"
UNKNOWN_RECIPIENT = "550 5.1.1 Nobody here has that address"
UNKNOWN_AS_YET = "450 4.1.1 Nobody here is known by that address yet; try again later"
HAS_LEFT = "550 5.1.6 "
INSIDERS_WRITE = "550 5.7.1 This address takes mail from inside only"
NO_RELAY = "550 5.7.1 Mail is accepted for our own addresses only"
COPIES_ONLY = "550 5.7.1 Only mail for the addresses of this Mailroom is taken here: there is no way to the outside"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients; send to the others in another message"
NOT_READY = "451 4.3.0 Not ready yet; try again later"
SENDER_BLOCKED = "550 5.7.1 "  # and the company's words

# the message
SEND_DATA = "354 End the message with <CR><LF>.<CR><LF>"
TOO_LARGE = "552 5.3.4 The message is too large"
LOOP = "554 5.4.6 The message goes round in circles"
NO_STORAGE = "452 4.3.1 No room to store the message; try again later"
FAULT_IN_MESSAGE = "421 4.3.0 The message could not be read; try again later"
FAULT = "451 4.3.0 The message could not be stored; try again later"

LONGEST_TEXT = 400  # characters of the company's own words
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Refusal(Exception):
    """A command that is not carried out; its text is the reply."""


def hello_reply(hostname: str, extensions: list[str]) -> str:
    """The answer to EHLO (RFC 5321, 4.1.1.1), or to HELO when there are no extensions."""
    lines = [hostname, *extensions]
    return "\r\n".join(f"250{'-' if number < len(lines) else ' '}{line}" for number, line in enumerate(lines, 1))


def challenge_reply(text: str) -> str:
    """Challenge to a client that signs in (RFC 4954, 4)."""
    return "334 " + base64.b64encode(text.encode()).decode()


def queued_reply(spool_id: int) -> str:
    """The promise: the message is on stable storage."""
    return f"250 2.0.0 queued as {format_id(spool_id)}"


def not_stored(fault: BaseException) -> str:
    """Returns the reply to a message that could not be stored: always temporary, never our own text."""
    return NO_STORAGE if isinstance(fault, OSError) and fault.errno in FULL else FAULT


def has_left(text: str) -> str:
    """Returns the refusal of mail for somebody who has left, in the company's words: one line of ASCII (RFC 5321, 4.2, 4.5.3.1.5)."""
    return HAS_LEFT + one_line(text)


def sender_blocked(text: str, domain: str) -> str:
    """Returns the reply that refuses a blocked sender, in the company's words; {domain} is its first domain."""
    return SENDER_BLOCKED + one_line(text.replace("{domain}", domain))


def one_line(text: str) -> str:
    """Turns a text that others wrote into one line of ASCII that fits a reply."""
    plain = unicodedata.normalize("NFKD", escape_visible(text)).encode("ascii", "ignore").decode()
    return " ".join(plain.split())[:LONGEST_TEXT]


def is_deferral(reply: str) -> bool:
    """Whether the client is asked to come again later (4yz).

    Who names more recipients than one message may have is not: they get their own.
    """
    return reply.startswith("4") and reply != TOO_MANY_RECIPIENTS


def is_error(reply: str) -> bool:
    """Whether a reply tells the client of an error (5yz)."""
    return reply.startswith("5")
