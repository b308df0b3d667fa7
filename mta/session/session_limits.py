"""Limits of an SMTP session: errors, idle commands, seconds."""

from mta.session import replies
from triage.config.settings import Smtp

MOST_ERRORS = 20
MOST_IDLE_COMMANDS = 100


class Patience:
    """Counts what one session costs. Times are seconds of the SMTP server's clock."""

    __slots__ = ("errors", "heard", "idle_commands", "limits", "started")

    def __init__(self, limits: Smtp, now: float) -> None:
        self.limits = limits
        self.started = self.heard = now
        self.errors = self.idle_commands = 0

    def renew(self) -> None:
        """A message was accepted: they are worth our time."""
        self.errors = self.idle_commands = 0

    def after(self, reply: str) -> str:
        """Counts a reply; returns why the session ends after it, "" when it goes on."""
        self.errors += replies.is_error(reply)
        self.idle_commands += replies.is_deferral(reply)
        if self.errors >= MOST_ERRORS:
            return replies.TOO_MANY_ERRORS
        return replies.TOO_MANY_IDLE_COMMANDS if self.idle_commands >= MOST_IDLE_COMMANDS else ""

    def at(self, now: float, *, in_message: bool) -> str:
        """Returns why the session ends now, "" when it goes on. It lasts to the end of a message, whose pace is watched elsewhere."""
        if not in_message and now >= self.started + self.limits.session_timeout:
            return replies.SESSION_TOO_LONG
        return replies.IDLE_TOO_LONG if now >= self.heard + self.limits.idle_timeout else ""
