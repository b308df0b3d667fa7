"""Results of the company's scanners (ClamAV, Rspamd) as facts, never a verdict."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opinion:
    """Rspamd's opinion of a message."""

    action: str  # no action, greylist, add header, rewrite subject, soft reject, reject
    score: float | None
    limit: float | None  # from which on it would reject
    symbols: tuple[str, ...] = ()  # what told against it, the heaviest first


@dataclass(frozen=True, slots=True)
class Scan:
    """Results of all scanners that were asked; empty where none is."""

    virus: str = ""  # its name, as the scanner calls it
    opinion: Opinion | None = None
    silent: tuple[str, ...] = ()  # why a scanner did not check it, a sentence for each


NOT_ASKED = Scan()
