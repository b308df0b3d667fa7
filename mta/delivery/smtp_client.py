"""A next hop that speaks SMTP or LMTP, over one connection that is kept and used again."""

import contextlib
import logging
import smtplib
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mta.delivery.sasl_client import Login, Logins, sign_in
from mta.delivery.server_limits import Allowance
from mta.delivery.smtp_transaction import (
    Answer,
    Ended,
    Mail,
    begin_transaction,
    describe_reply,
    is_possible_address,
    refuse_impossible_address,
    shut_out,
    transmit_message,
    unreachable_outcome,
)
from mta.delivery.starttls import Encryption, NotEncrypted, start_tls
from mta.delivery.whole_replies import WholeLmtpReplies, WholeReplies
from mta.spool.line_endings import normalise_crlf
from triage.delivery.queue import Outcome
from triage.errors import BadInput
from triage.say import clean_params, error_sentence, say
from triage.text.sanitize import escape_visible

REPLY_LENGTH = 500  # characters of a reply that are kept
MOST_PLACES = 4  # addresses of a next hop that are tried in turn
LONGEST_DIALLING = 330.0  # seconds after which no further one is tried: an attempt ends before its lease does

NO_LOGIN = say("the credentials for this next hop cannot be read: ask your Mailroom administrator to correct them")

log = logging.getLogger(__name__)

Place = tuple[int, Any]  # address family, and the address as a socket wants it


@dataclass(frozen=True, slots=True)
class Server:
    """Address of a next hop, and the protocol that it speaks."""

    url: str
    host: str  # or the path of a unix socket
    port: int  # 0: a unix socket
    lmtp: bool
    implicit_tls: bool = False


class DialledHop:
    """SMTP or LMTP, one thread at a time (NextHop)."""

    def __init__(
        self, server: Server, *, timeout: float, final_timeout: float, hostname: str, encryption: Encryption, logins: Logins
    ) -> None:
        self.server, self.encryption, self.logins = server, encryption, logins
        self.for_sign_in = encryption.for_sign_in(server.host)
        self.timeout, self.final_timeout, self.hostname = timeout, final_timeout, hostname
        self.connection: smtplib.SMTP | None = None
        self.allowance = Allowance()
        self.served = False  # it has taken mail from us

    def send(self, reverse_path: str, mailboxes: Sequence[str], raw: bytes) -> list[Outcome]:
        """As NextHop.send. Trouble is temporary unless a 5xx says that it is about this message.

        Who is refused because there are too many recipients goes in a further transaction (RFC 5321, 4.5.3.1.10); where that was
        said of all of them, of half as many.
        """
        found = {place: refuse_impossible_address(mailbox) for place, mailbox in enumerate(mailboxes) if not is_possible_address(mailbox)}
        left, raw = [place for place in range(len(mailboxes)) if place not in found], normalise_crlf(raw)
        most = len(left)
        while left:
            asked, later = left[:most], left[most:]
            answers = self.attempt(Mail(reverse_path, tuple(mailboxes[place] for place in asked), raw))
            found.update(zip(asked, answers, strict=True))
            left = [place for place in asked if found[place].crowded]
            if len(left) == len(asked):
                most = len(asked) // 2
            if over := next((one for one in answers if one.unreachable or one.too_fast or not most), None):
                found.update(dict.fromkeys(left + later, over))
                break
            left += later
        return [self.outcome(found[place]) for place in range(len(mailboxes))]

    def attempt(self, mail: Mail) -> list[Answer]:
        """Attempts a transaction; failures become answers too."""
        try:
            answers = self.deliver(mail)
        except Ended as end:
            answers = [self.wants_sign_in(end.answer)] * len(mail.mailboxes)
        except OSError as fault:  # smtplib's exceptions are OSErrors too
            self.close()
            answers = [Answer("deferred", say("the connection was lost: {why}", why=str(fault)))] * len(mail.mailboxes)
        if any(answer.hang_up for answer in answers):
            self.close()
        return answers

    def deliver(self, mail: Mail) -> list[Answer]:
        """An answer for each mailbox. A kept connection that turns out to be of no use is replaced once."""
        if not self.allowance.lasts_for(mail.mailboxes):
            self.close()
        if self.connection:
            try:
                waiting = begin_transaction(self.connection, mail, self.allowance, kept=True)
            except Ended as end:
                if not end.answer.hang_up or end.answer.kind == "bounced":
                    raise
                self.close()
            except OSError:
                self.close()
            else:
                return self.finish(self.connection, mail, waiting)
        connection = self.dial()
        self.allowance = Allowance(connection.esmtp_features.get("limits", ""))
        return self.finish(connection, mail, begin_transaction(connection, mail, self.allowance, kept=False))

    def wants_sign_in(self, answer: Answer) -> Answer:
        """530 of a server that never took mail from us is about us, not about this message (RFC 4954, 6)."""
        about_us = answer.reply.startswith("530 ") and not self.served
        return shut_out(say("it wants us to sign in: {reply}", reply=answer.reply)).answer if about_us else answer

    def finish(self, connection: smtplib.SMTP, mail: Mail, waiting: list[Answer | None]) -> list[Answer]:
        """The message itself, for those who were accepted."""
        self.served = True
        return transmit_message(connection, mail, waiting, lmtp=self.server.lmtp, timeout=self.final_timeout)

    def dial(self) -> smtplib.SMTP:
        """A new connection, greeted, encrypted as the policy asks, and signed in. Trouble is about the next hop, not about a message.

        Of several addresses the first one serves that wants mail (RFC 5321, 5.1); a password that one refuses is not tried at the others.
        """
        login = self.login()
        *others, last = self.places()
        begun = time.monotonic()
        for place in others:
            try:
                return self.dial_at(place, login)
            except Ended as end:
                if end.answer.shut_out or time.monotonic() - begun >= LONGEST_DIALLING:
                    raise
                self.close()
        return self.dial_at(last, login)

    def login(self) -> Login | None:
        """Sign-in as the settings have it now."""
        try:
            return self.logins.of(self.server.url)
        except BadInput as fault:  # it names a setting and a file: that is for whoever runs Mailroom
            log.error("next hop %(next_hop)s: %(why)s", {"next_hop": self.server.url, "why": str(fault)})
            raise shut_out(NO_LOGIN) from fault

    def dial_at(self, place: Place, login: Login | None) -> smtplib.SMTP:
        """A new connection to one address."""
        encryption = self.for_sign_in if login else self.encryption
        try:
            connection = self.greeted(place, encryption)
        except NotEncrypted as fault:
            self.close()
            if encryption.needed or self.server.implicit_tls:
                raise unreachable_outcome(error_sentence(fault)) from fault
            return self.greeted(place, Encryption("none"))
        if login:
            try:
                sign_in(connection, login)
            except OSError as fault:
                raise unanswered_outcome(fault) from fault
        return connection

    def places(self) -> list[Place]:
        """Returns the next hop's addresses: on one machine a unix socket, else those of its name, in the order that the system prefers."""
        if not self.server.port:
            return [(socket.AF_UNIX, self.server.host)]
        try:
            found = socket.getaddrinfo(self.server.host, self.server.port, type=socket.SOCK_STREAM)
        except OSError as fault:
            raise unanswered_outcome(fault) from fault
        return [(family, address) for family, _, _, _, address in found[:MOST_PLACES]]

    def greeted(self, place: Place, encryption: Encryption) -> smtplib.SMTP:
        """A connection that has said EHLO or LHLO; NotEncrypted when TLS failed."""
        self.connection = connection = (WholeLmtpReplies if self.server.lmtp else WholeReplies)(
            local_hostname=self.hostname, timeout=self.timeout
        )
        try:
            connection.sock = self.connected(place, encryption)
            check_welcome(connection.getreply())
            greet_server(connection)
            if self.server.port and not self.server.implicit_tls and start_tls(connection, encryption, self.server.host):
                greet_server(connection)
        except OSError as fault:
            raise unanswered_outcome(fault) from fault
        return connection

    def connected(self, place: Place, encryption: Encryption) -> socket.socket:
        """The socket; on one machine (a unix socket) nothing needs encryption."""
        family, address = place
        dialled = socket.socket(family, socket.SOCK_STREAM)
        try:
            dialled.settimeout(self.timeout)
            dialled.connect(address)
        except OSError:
            dialled.close()
            raise
        if family == socket.AF_UNIX:
            return dialled
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each write is a whole turn of the dialogue
        return encryption.wrap(dialled, self.server.host) if self.server.implicit_tls else dialled

    def outcome(self, answer: Answer) -> Outcome:
        """Outcome for the queue."""
        return Outcome(
            answer.kind,
            one_line(answer.reply),
            self.server.url,
            unreachable=answer.unreachable,
            too_fast=answer.too_fast,
            shut_out=answer.shut_out,
        )

    def close(self) -> None:
        """As NextHop.close: QUIT is said, but its answer not waited for."""
        connection, self.connection = self.connection, None
        if connection and connection.sock:
            with contextlib.suppress(OSError):
                connection.putcmd("QUIT")
            connection.close()

    def abort(self) -> None:
        """As NextHop.abort: the other thread sees the connection end."""
        connection = self.connection
        if connection and connection.sock:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def unanswered_outcome(fault: OSError) -> Ended:
    """Outcome where nobody answers."""
    return unreachable_outcome(say("it cannot be reached: {why}", why=str(fault.strerror or fault)))


def check_welcome(answer: tuple[int, bytes]) -> None:
    """The answer to dialling or greeting must be friendly; if it is not, that is no fault of the message."""
    if answer[0] // 100 != 2:
        raise unreachable_outcome(describe_reply(answer))


def greet_server(connection: smtplib.SMTP) -> None:
    """EHLO or LHLO; HELO for an SMTP server that knows no EHLO."""
    answer = connection.ehlo()
    if answer[0] // 100 == 5 and not isinstance(connection, smtplib.LMTP):
        answer = connection.helo()
    check_welcome(answer)


def one_line(reply: str) -> str:
    """The reply as one visible line that is short enough to keep."""
    return clean_params(reply, lambda text: escape_visible(" ".join(text.split()))[:REPLY_LENGTH])
