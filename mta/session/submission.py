"""SMTP transaction of an employee: accepts any recipient, but only from senders who may send through us. No open relay."""

from mta.session import replies, session_log
from mta.session.envelope_transaction import Transaction
from mta.session.paths import outsider_of, parameter_fault
from triage.addressing.envelope import Address


class Submission(Transaction):
    """Envelope of a message from an internal server or a client that has signed in."""

    def mail(self, argument: str) -> str:
        """MAIL, from who may."""
        submitters = self.server.submitters
        assert submitters is not None
        if self.visitor.greeting and not self.visitor.login and not submitters.are_near(self.visitor.peer):
            session_log.log_refused(replies.SIGN_IN_FIRST, self.visitor)
            return replies.SIGN_IN_FIRST
        return super().mail(argument)

    def parameter_fault(self, parameters: dict[str, str]) -> str:
        """Names what is wrong with the parameters of MAIL, "" when nothing is."""
        submitters = self.server.submitters
        return parameter_fault(
            parameters, self.server.settings.smtp.max_size, offers_auth=submitters is not None and submitters.has_accounts
        )

    def recipient_of(self, path: str) -> tuple[Address | None, str]:
        """The recipient that a forward-path names, or what is wrong with it: outside there are odder addresses than here."""
        return outsider_of(path, self.smtputf8)

    def recipient_fault(self, path: str, recipient: Address) -> str:
        """Returns the reply that refuses a recipient of an outgoing message, "" when it is accepted."""
        settings = self.server.settings
        outbound = settings.outbound
        ours = {one.casefold() for one in (outbound.journal_address, outbound.report_address, outbound.expect_address) if one}
        if not settings.has_way_out and path.casefold() not in ours:
            return replies.COPIES_ONLY
        if self.accepted >= settings.smtp.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        return ""
