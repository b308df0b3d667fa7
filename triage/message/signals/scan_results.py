"""Results of the company's scanners (ClamAV, Rspamd) as facts, never a verdict."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opinion:
    """What Rspamd makes of a message."""

    action: str  # no action, greylist, add header, rewrite subject, soft reject, reject
    score: float | None
    limit: float | None  # from which on it would reject
    symbols: tuple[str, ...] = ()  # what told against it, the heaviest first


@dataclass(frozen=True, slots=True)
class Scan:
    """What all that were asked said; empty where nobody is asked."""

    virus: str = ""  # its name, as the scanner calls it
    opinion: Opinion | None = None
    silent: tuple[str, ...] = ()  # why a scanner did not check it, a sentence for each


NOT_ASKED = Scan()
