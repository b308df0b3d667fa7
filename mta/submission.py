"""One mail transaction of an employee's: any recipient, but only from who may send through us. No open relay."""

from mta import logbook, replies
from mta.naming import Transaction
from triage.envelope import Address


class Submission(Transaction):
    """What MAIL and RCPT have said, from an internal server or somebody who has signed in."""

    def mail(self, argument: str) -> str:
        """MAIL, from who may."""
        submitters = self.door.submitters
        assert submitters is not None
        if self.visitor.greeting and not self.visitor.login and not submitters.are_near(self.visitor.peer):
            logbook.refused(replies.SIGN_IN_FIRST, self.visitor)
            return replies.SIGN_IN_FIRST
        return super().mail(argument)

    def recipient_fault(self, path: str, recipient: Address) -> str:
        """Why this recipient is refused, "" when it is not."""
        settings = self.door.settings
        outbound = settings.outbound
        ours = {one.casefold() for one in (outbound.journal_address, outbound.report_address, outbound.expect_address) if one}
        if not settings.has_way_out and path.casefold() not in ours:
            return replies.COPIES_ONLY
        if path not in self.recipients and len(self.recipients) >= settings.smtp.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        return ""
