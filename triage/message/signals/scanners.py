"""Signals of scanners: ClamAV, Rspamd, DNS lists of bad clients."""

from collections.abc import Iterable

from triage.message.signals.signal_context import Seen, Signal
from triage.say import as_sentence, join_parts, say

SUSPICIOUS = frozenset({"add header", "rewrite subject", "greylist", "soft reject"})


def find_virus(seen: Seen) -> Iterable[Signal]:
    """A scanner knows it as harmful."""
    if name := seen.scan.virus:
        yield Signal("virus", say("ClamAV found a virus: {name}.", name=name), 90, (name,))


def find_rspamd_opinion(seen: Seen) -> Iterable[Signal]:
    """Yields a signal for Rspamd's opinion of the message."""
    said = seen.scan.opinion
    if said is None:
        return
    score = ""
    if said.score is not None and said.limit is not None:
        score = say("Score {score}; rejects from {limit}.", score=float(said.score), limit=float(said.limit))
    if said.action == "reject":
        yield Signal("rspamd-rejects", join_parts(" ", [say("Rspamd would reject it."), score]), 40, said.symbols)
    elif said.action in SUSPICIOUS:
        yield Signal("rspamd-suspects", join_parts(" ", [say("Rspamd finds it suspicious."), score]), 20, said.symbols)
    else:
        yield Signal("rspamd-clean", join_parts(" ", [say("Rspamd finds nothing suspicious."), score]), 0, said.symbols)


def find_silent_scanner(seen: Seen) -> Iterable[Signal]:
    """Signals each scanner that did not answer."""
    for why in seen.scan.silent:
        yield Signal("not-scanned", why, 5, (str(why),))


def listed_client(seen: Seen) -> Iterable[Signal]:
    """Signals a client that a blocklist of the company lists."""
    if seen.listed:
        yield Signal("listed-client", as_sentence(seen.listed), 40)
