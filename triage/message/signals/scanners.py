"""What others who know mail said about it: ClamAV, Rspamd, lists of bad clients."""

from collections.abc import Iterable

from triage.message.signals.signal_context import Seen, Signal

SUSPICIOUS = frozenset({"add header", "rewrite subject", "greylist", "soft reject"})


def find_virus(seen: Seen) -> Iterable[Signal]:
    """A scanner knows it as harmful."""
    if name := seen.scan.virus:
        yield Signal("virus", f"ClamAV found a virus in it: {name}.", 90, (name,))


def find_rspamd_opinion(seen: Seen) -> Iterable[Signal]:
    """What Rspamd makes of it."""
    said = seen.scan.opinion
    if said is None:
        return
    known = said.score is not None and said.limit is not None
    about = f": its score is {said.score:.1f}, from {said.limit:.0f} on it would reject" if known else ""
    if said.action == "reject":
        yield Signal("rspamd-rejects", f"Rspamd would reject it{about}.", 40, said.symbols)
    elif said.action in SUSPICIOUS:
        yield Signal("rspamd-suspects", f"Rspamd finds it suspicious{about}.", 20, said.symbols)
    else:
        yield Signal("rspamd-clean", f"Rspamd has nothing against it{about}.", 0, said.symbols)


def find_silent_scanner(seen: Seen) -> Iterable[Signal]:
    """Somebody who should have looked at it did not answer."""
    for why in seen.scan.silent:
        yield Signal("not-scanned", f"{why[0].upper()}{why[1:]}, so it was judged without it.", 5, (why,))


def listed_client(seen: Seen) -> Iterable[Signal]:
    """Somebody whom the company asks lists the client as bad."""
    if seen.listed:
        yield Signal("listed-client", f"{seen.listed[0].upper()}{seen.listed[1:]}.", 40)
