"""Envelope of an SMTP transaction: the sender, the recipients and the reply to each (RFC 5321, 3.3)."""

from mta.peer.smtp_peer import Visitor
from mta.session import replies, session_log
from mta.session.paths import parameter_fault, path_of, recipient_of, sender_of
from mta.session.server_context import ServerContext
from triage.addressing.envelope import Address
from triage.directory.recipient_map import RecipientMap


class Transaction:
    """Envelope of a message, from MAIL and RCPT until it is answered or RSET."""

    def __init__(self, server: ServerContext, visitor: Visitor) -> None:
        self.server, self.visitor = server, visitor
        self.clear()

    def clear(self) -> None:
        """Forget it."""
        self.reverse_path: str | None = None  # None: no transaction is under way
        self.sender: Address | None = None  # the reverse-path where a rule could be about it
        self.smtputf8 = False
        self.recipients: dict[str, Address] = {}  # as the client wrote them, in order, each once
        self.is_full = False  # the last recipient was one too many
        self.accepted = 0  # RCPT commands that were answered with 250

    @property
    def is_open(self) -> bool:
        """Whether a sender has been named."""
        return self.reverse_path is not None

    def mail(self, argument: str) -> str:
        """MAIL: the reverse-path, and what is said of the message before it comes."""
        if not self.visitor.greeting:
            return replies.HELO_FIRST
        if self.is_open:
            return replies.MAIL_ALREADY
        found = path_of("FROM:", argument)
        if found is None:
            return replies.MAIL_SYNTAX
        path, parameters = found
        if parameters and not self.visitor.extended:
            return replies.UNKNOWN_PARAMETER
        if parameters and (fault := self.parameter_fault(parameters)):
            if fault == replies.TOO_LARGE:
                self.server.note_refused(fault, self.visitor.client, path)
            return fault
        smtputf8 = "SMTPUTF8" in parameters
        sender, fault = sender_of(path, smtputf8)
        if fault:
            return fault
        if self.visitor.client and not self.server.clients.may_send(self.visitor.client, self.server.clock()):
            session_log.log_refused(replies.SLOW_DOWN, self.visitor)
            self.server.note_refused(replies.SLOW_DOWN, self.visitor.client, path)
            return replies.SLOW_DOWN
        self.reverse_path, self.sender, self.smtputf8 = path, sender, smtputf8
        return replies.SENDER_OK

    def rcpt(self, argument: str) -> str:
        """RCPT: somebody here, or no."""
        if not self.is_open:
            return replies.MAIL_FIRST
        found = path_of("TO:", argument)
        if found is None or not found[0]:
            return replies.RCPT_SYNTAX
        path, parameters = found
        if parameters:
            return replies.UNKNOWN_PARAMETER
        if path.casefold() == "postmaster":  # RFC 5321, 4.5.1
            path = f"postmaster@{self.server.settings.company.domains[0]}"
        recipient, fault = self.recipient_of(path)
        if recipient is not None:
            fault = self.recipient_fault(path, recipient)
        if fault or recipient is None:
            if fault != replies.TOO_MANY_RECIPIENTS or not self.is_full:  # said once: there may be thousands
                session_log.log_refused(fault, self.visitor, self.reverse_path, path)
                self.server.note_refused(fault, self.visitor.client, self.reverse_path or "", [path])
            self.is_full = fault == replies.TOO_MANY_RECIPIENTS
            return fault
        self.recipients[path] = recipient
        self.accepted += 1
        return replies.RECIPIENT_OK

    def parameter_fault(self, parameters: dict[str, str]) -> str:
        """Names what is wrong with the parameters of MAIL, "" when nothing is."""
        return parameter_fault(parameters, self.server.settings.smtp.max_size)

    def recipient_of(self, path: str) -> tuple[Address | None, str]:
        """The recipient that a forward-path names, or what is wrong with it."""
        return recipient_of(path, self.smtputf8)

    def recipient_fault(self, path: str, recipient: Address) -> str:
        """Returns the reply that refuses this recipient, "" when it is accepted."""
        snapshot = self.server.snapshot.current()
        if snapshot is None:
            return replies.NOT_READY
        if not snapshot.admits(recipient) and not (not self.reverse_path and snapshot.takes_back(recipient)):
            if snapshot.has_left(recipient):
                return replies.has_left(self.server.settings.directory.leaver_text)
            if snapshot.is_closed(recipient):
                return replies.INSIDERS_WRITE
            return self.unknown() if recipient.domain in snapshot.domains else replies.NO_RELAY
        if self.sender_is_blocked(snapshot) and not snapshot.takes_from_anybody(recipient):
            return self.server.refuse_blocked(str(self.sender))
        if self.accepted >= self.server.settings.smtp.max_recipients:  # one that is named again counts again
            return replies.TOO_MANY_RECIPIENTS
        return ""

    def unknown(self) -> str:
        """Reply to an address of ours that nobody has."""
        deferred = self.server.settings.smtp.unknown_recipients == "defer"
        return replies.UNKNOWN_AS_YET if deferred else replies.UNKNOWN_RECIPIENT

    def sender_is_blocked(self, snapshot: RecipientMap) -> bool:
        """Whether the company has said no to this envelope sender. To an edge nothing is said: the judge purges (mailflow.md 4)."""
        return self.sender is not None and not self.visitor.is_edge and snapshot.refuses_reverse_path(self.sender)
