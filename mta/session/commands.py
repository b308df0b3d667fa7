"""What a client may ask for, command by command, and the reply (RFC 5321, 4.1.1; LMTP: RFC 2033)."""

import re
import ssl
from collections.abc import Callable
from typing import Protocol

from mta.peer import trusted_edges
from mta.peer.smtp_peer import Visitor
from mta.session import replies, sasl_auth
from mta.session.envelope_transaction import Transaction
from mta.session.sasl_auth import Exchange
from mta.session.server_context import Door
from mta.session.session_limits import Patience

HELO_NAME = re.compile(r"[!-~]{1,255}")


class Session(Protocol):
    """The session that a command is given in."""

    @property
    def door(self) -> Door:
        """What all sessions share."""

    @property
    def visitor(self) -> Visitor:
        """Who is at the other end."""

    @property
    def patience(self) -> Patience:
        """How long they may stay."""

    @property
    def transaction(self) -> Transaction:
        """The envelope so far."""

    def expect_message(self) -> None:
        """The message comes next."""

    def sign_in(self, exchange: Exchange) -> str:
        """Begin to sign in; the reply."""

    def go_on_in_tls(self, context: ssl.SSLContext) -> None:
        """TLS comes next."""


def helo(dialogue: Session, argument: str) -> str:
    """HELO: a client without extensions."""
    return hello(dialogue, argument, extended=False)


def ehlo(dialogue: Session, argument: str) -> str:
    """EHLO, or LHLO where LMTP is spoken: a client that asks for extensions."""
    return hello(dialogue, argument, extended=True)


def hello(dialogue: Session, argument: str, *, extended: bool) -> str:
    """The client's name; nothing is believed of it."""
    dialogue.patience.idle_commands += 1
    if not HELO_NAME.fullmatch(argument):
        return replies.LHLO_SYNTAX if dialogue.visitor.lmtp else replies.HELO_SYNTAX
    dialogue.transaction.clear()
    dialogue.visitor.forget_client()
    dialogue.visitor.greeting, dialogue.visitor.extended = argument, extended
    return replies.hello(dialogue.door.settings.company.hostname, extensions(dialogue) if extended else [])


def extensions(dialogue: Session) -> list[str]:
    """What we offer."""
    offered = [f"SIZE {dialogue.door.settings.smtp.max_size}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
    if not dialogue.visitor.tls and dialogue.door.tls():
        offered.append("STARTTLS")
    if sasl_auth.is_offered(dialogue.door, dialogue.visitor):
        offered.append(f"AUTH {' '.join(sasl_auth.MECHANISMS)}")
    if dialogue.visitor.is_edge:
        offered.append(" ".join(("XFORWARD", *trusted_edges.ATTRIBUTES)))
    return offered


def xforward(dialogue: Session, argument: str) -> str:
    """XFORWARD: an edge names the client of the next message. It comes before MAIL."""
    if not dialogue.visitor.is_edge:
        return replies.UNKNOWN_COMMAND
    if not dialogue.visitor.greeting:
        return replies.HELO_FIRST
    if dialogue.transaction.is_open:
        return replies.MAIL_ALREADY
    attributes = trusted_edges.forwarded(argument)
    if attributes is None:
        return replies.XFORWARD_SYNTAX
    trusted_edges.remember(dialogue.visitor, attributes)
    return replies.OK


def auth(dialogue: Session, argument: str) -> str:
    """AUTH: somebody signs in, where that is of use (RFC 4954)."""
    if dialogue.door.submitters is None or not dialogue.door.submitters.has_accounts:
        return replies.UNKNOWN_COMMAND
    if fault := sasl_auth.fault(dialogue.visitor, is_open=dialogue.transaction.is_open):
        return fault
    exchange, reply = sasl_auth.begun(argument)
    if exchange is None:
        return reply
    return dialogue.sign_in(exchange)


def mail(dialogue: Session, argument: str) -> str:
    """MAIL."""
    return dialogue.transaction.mail(argument)


def rcpt(dialogue: Session, argument: str) -> str:
    """RCPT."""
    return dialogue.transaction.rcpt(argument)


def data(dialogue: Session, argument: str) -> str:
    """DATA: the message comes next."""
    if argument:
        return replies.NO_ARGUMENT
    if not dialogue.transaction.is_open:
        return replies.MAIL_FIRST
    if not dialogue.transaction.recipients:
        return replies.RCPT_FIRST
    dialogue.expect_message()
    return replies.SEND_DATA


def rset(dialogue: Session, argument: str) -> str:
    """RSET: forget the envelope."""
    dialogue.patience.idle_commands += 1
    if argument:
        return replies.NO_ARGUMENT
    dialogue.transaction.clear()
    dialogue.visitor.forget_client()
    return replies.OK


def noop(dialogue: Session, _argument: str) -> str:
    """NOOP."""
    dialogue.patience.idle_commands += 1
    return replies.OK


def help_(dialogue: Session, _argument: str) -> str:
    """HELP."""
    dialogue.patience.idle_commands += 1
    return replies.HELP


def vrfy(dialogue: Session, _argument: str) -> str:
    """VRFY tells nobody who works here."""
    dialogue.patience.idle_commands += 1
    return replies.NOT_VERIFIED


def expn(_dialogue: Session, _argument: str) -> str:
    """EXPN neither."""
    return replies.NOT_EXPANDED


def quit_(_dialogue: Session, argument: str) -> str:
    """QUIT."""
    return replies.NO_ARGUMENT if argument else replies.BYE


def starttls(dialogue: Session, argument: str) -> str:
    """STARTTLS, once."""
    context = dialogue.door.tls()
    if argument:
        return replies.NO_ARGUMENT
    if dialogue.visitor.tls:
        return replies.TLS_ALREADY
    if context is None:
        return replies.NO_TLS
    dialogue.go_on_in_tls(context)
    return ""


Command = Callable[[Session, str], str]

EVERYWHERE: dict[bytes, Command] = {
    b"MAIL": mail,
    b"RCPT": rcpt,
    b"DATA": data,
    b"RSET": rset,
    b"NOOP": noop,
    b"HELP": help_,
    b"VRFY": vrfy,
    b"EXPN": expn,
    b"QUIT": quit_,
    b"STARTTLS": starttls,
    b"XFORWARD": xforward,
    b"AUTH": auth,
}
SMTP: dict[bytes, Command] = {b"HELO": helo, b"EHLO": ehlo, **EVERYWHERE}
LMTP: dict[bytes, Command] = {b"LHLO": ehlo, **EVERYWHERE}
