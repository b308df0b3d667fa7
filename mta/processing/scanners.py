"""Asks the company's scanners about every message: ClamAV and Rspamd. Their answers are facts."""

from mta.processing.clamd import Clamd
from mta.processing.rspamd import Rspamd
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.message.signals.scan_results import NOT_ASKED, Scan


class Scanners:
    """Scanners in use; safe for several threads. Without any, nothing is asked."""

    def __init__(self, clamd: Clamd | None = None, rspamd: Rspamd | None = None) -> None:
        self.clamd, self.rspamd = clamd, rspamd

    @property
    def all(self) -> tuple[Clamd | Rspamd, ...]:
        """Scanners that are in use."""
        return tuple(one for one in (self.clamd, self.rspamd) if one)

    def about(self, envelope: Envelope, raw: bytes) -> Scan:
        """Asks ClamAV and Rspamd about a message. Takes as long as they may take."""
        if self.clamd is None and self.rspamd is None:
            return NOT_ASKED
        virus, no_clamd = self.clamd.about(envelope, raw) if self.clamd else (None, "")
        opinion, no_rspamd = self.rspamd.about(envelope, raw) if self.rspamd else (None, "")
        return Scan(virus or "", opinion, tuple(filter(None, (no_clamd, no_rspamd))))


def choose_scanners(settings: Settings) -> Scanners:
    """Returns the scanners that the settings name. BadInput says what is wrong with them."""
    policy = settings.policy
    return Scanners(
        Clamd(policy.clamd, policy.clamd_timeout) if policy.clamd else None,
        Rspamd(policy.rspamd_url, policy.rspamd_timeout) if policy.rspamd_url else None,
    )
