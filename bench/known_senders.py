"""Claim: how many wanted messages of known senders each check would hold, and how much phishing that is sent as one of them it finds.

Real messages from the directory that MAILROOM_CORPUS names. Every author is taken for known and proven, and nothing is known of what they
sent before: that is the worst case for wanted messages. Phishing is rewritten so that a known sender is its author, as a stolen account
makes it; what it says, attaches and links to stays.
"""

import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.rounds import printing
from migrations.upgrade import upgrade
from tests.peers import processes
from tests.triage.messages import from_archive
from triage.config.settings import Company, Policy, Settings
from triage.message.authentication import Authentication
from triage.message.signals.deviations import CHECKS, Deviation, find_deviations
from triage.message.signals.find_signals import find_signals
from triage.message.signals.signal_context import Seen
from triage.message.summary import Summary, make_summary
from triage.policy.known_senders import domain_proofs
from triage.policy.learning import known_names
from triage.policy.learning.known_names import Stranger
from triage.store import db
from triage.times import utcnow

KINDS = {  # (archive, folder in it) -> what it is
    ("mail-phish", "/phish/"): "phishing",
    ("mail-other", "/ham/"): "wanted",
    ("mail-other", "/ham-corporate/"): "wanted",
    ("mail-other", "/hard-ham/"): "newsletters",
    ("maildirs", "/"): "mailboxes",
}
KNOWN = "ana.ferreira@brassworks-tyne.example"
SURE = 0.05
KNOWN_DOMAINS, BATCHES = 20_000, 20  # domains; batches of 32 messages, as the judge takes them


def main() -> int:
    """Measure and print."""
    corpus = os.environ.get("MAILROOM_CORPUS")
    if not corpus:
        print("Set MAILROOM_CORPUS to the directory of the test messages.")
        return 0
    total: Counter[str] = Counter()
    found: dict[str, Counter[str]] = {}
    seconds = 0.0
    for kind, summary in read_summaries(Path(corpus)):
        began = time.perf_counter()
        deviations = deviations_of(summary)
        seconds += time.perf_counter() - began
        total[kind] += 1
        for check in {one.check for one in deviations}:
            found.setdefault(check, Counter())[kind] += 1
        found.setdefault("defaults", Counter())[kind] += any(one.check in Policy().hold_known for one in deviations)
        found.setdefault("all", Counter())[kind] += bool(deviations)
    kinds = list(dict.fromkeys(KINDS.values()))
    rows = [[check, *(str(found.get(check, Counter())[kind]) for kind in kinds)] for check in (*CHECKS, "defaults", "all")]
    printing.print_table(["check", *(f"{kind} of {total[kind]}" for kind in kinds)], rows)
    print(f"Signals and checks: {seconds / max(1, total.total()) * 1000:.3f} ms a message")
    wanted = sum(total.values()) - total["phishing"]
    held = sum(number for kind, number in found["defaults"].items() if kind != "phishing")
    print(f"wanted held by the defaults: {held} of {wanted}; upper 95 % bound {upper_bound(held, wanted):.2%}")
    measure_database()
    return 0


def measure_database() -> None:
    """Print the processor time that comparing proofs and looking for look-alikes among many known domains cost a message."""
    settings, now = Settings(company=Company(domains=("company.example",), hostname="mx.company.example")), utcnow()
    with processes.short_directory("known") as place:
        engine = db.open_engine(f"sqlite:///{place}/mailroom.db")
        upgrade(engine)
        with db.transaction(engine) as session:
            known_names.add_domains(session, (f"partner{number}-works.example" for number in range(KNOWN_DOMAINS)))
            for number in range(KNOWN_DOMAINS // 10):
                domain_proofs.add_ways(session, f"partner{number}-works.example", [f"dkim:partner{number}-works.example"], now)
        with db.read_transaction(engine) as session:
            began = time.process_time()
            for batch in range(BATCHES):
                some = [Stranger(f"sales@partmer{batch * 32 + one}-works.example", "Ana Ferreira") for one in range(32)]
                found = known_names.Familiar(session, some, settings=settings, now=now)
                assert all(found.of(one).domains for one in some)
            looked = time.process_time()
            for batch in range(BATCHES):
                domain_proofs.look_up_proofs(session, [f"partner{batch * 32 + one}-works.example" for one in range(32)])
            compared = time.process_time()
    messages = BATCHES * 32
    print(f"Look-alikes among {KNOWN_DOMAINS:,} known domains: {(looked - began) / messages * 1000:.3f} ms a message")
    print(f"Proofs of {KNOWN_DOMAINS // 10:,} domains: {(compared - looked) / messages * 1000:.3f} ms a message")


def read_summaries(corpus: Path) -> Iterator[tuple[str, Summary]]:
    """Yields the kind and summary of each message."""
    for archive in sorted({archive for archive, _ in KINDS}):
        endings = ("",) if archive == "maildirs" else (".eml",)
        for name, raw in from_archive(corpus, archive, endings):
            kind = next((kind for (where, folder), kind in KINDS.items() if where == archive and folder in name), "")
            if not kind:
                continue
            summary = make_summary(raw)
            if kind == "phishing":
                summary = replace(summary, author=KNOWN, authors=(KNOWN,), author_name="Ana Ferreira")
            if summary.author:
                yield kind, summary


def deviations_of(summary: Summary) -> tuple[Deviation, ...]:
    """Find the deviations of a message from its sender's usual ones."""
    seen = Seen(summary, Authentication(summary.author), utcnow())
    return find_deviations(seen, find_signals(seen))


def upper_bound(held: int, of: int) -> float:
    """The one-sided upper 95 % bound of a share (Clopper-Pearson)."""
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        at_most = sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(held + 1))
        low, high = (share, high) if at_most > SURE else (low, share)
    return high


if __name__ == "__main__":
    sys.exit(main())
