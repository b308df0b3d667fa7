"""Claim: how often each signal speaks on phishing and on wanted mail, what it costs, and where the order of the cards puts phishing.

Real mail from the directory that MAILROOM_CORPUS names: phishing, wanted mail and newsletters that look like spam. Nobody is proven
here, neither the phisher nor the friend: it is about what the mail itself gives away. The order is tried on a company's first day,
when nothing was decided yet, and when people have decided about every other mail before.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from bench.rounds import letters, printing
from tests.triage.mails import from_archive
from triage.authentication import Authentication
from triage.content import Summary, summarise
from triage.order import PRESSING, Past, reasons, urgency
from triage.signals import Met, Seen, Signal, perishable_minutes, signals
from triage.times import utcnow

KINDS = {  # folder in the archives -> what it is
    ("mail-phish", "/phish/"): "phish",
    ("mail-other", "/ham/"): "wanted",
    ("mail-other", "/ham-corporate/"): "wanted",
    ("mail-other", "/hard-ham/"): "newsletter",
}
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of the corpus and what a trained eye says of it."""

    kind: str
    summary: Summary
    found: tuple[Signal, ...]
    received_at: datetime


def main() -> int:
    """Measure and print."""
    cost()
    corpus = os.environ.get("MAILROOM_CORPUS")
    if not corpus:
        print("Hit rates and order need real mail: set MAILROOM_CORPUS to its directory.")
        return 0
    mails = list(read(Path(corpus)))
    hits(mails)
    deciles(mails)
    return 0


def read(corpus: Path) -> Iterator[Mail]:
    """Every mail, as it would have been seen when it was written."""
    for archive in sorted({archive for archive, _ in KINDS}):
        for name, raw in from_archive(corpus, archive):
            kind = next((kind for (where, folder), kind in KINDS.items() if where == archive and folder in name), "")
            if kind:
                summary = summarise(raw)
                at = written_at(summary)
                yield Mail(kind, summary, signals(seen(summary, at)), at)


def seen(summary: Summary, at: datetime) -> Seen:
    """What the rules look at: a stranger's mail without proof."""
    return Seen(summary, Authentication(summary.author), at, frozenset({"company.example"}), met=Met())


def written_at(summary: Summary) -> datetime:
    """When it was written, as far as it says so."""
    try:
        at = parsedate_to_datetime(summary.date)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return utcnow()


def cost() -> None:
    """Processor time of the signals of one signed 20 KB mail; every mail is another one, so nothing is remembered."""
    written = [summarise(letter.raw) for letter in letters.letters(200 * ROUNDS)]
    times = []
    for start in range(0, len(written), 200):
        began = time.process_time()
        for summary in written[start : start + 200]:
            signals(seen(summary, utcnow()))
        times.append((time.process_time() - began) * 1000 / 200)
    size = sum(len(letter.raw) for letter in letters.letters(10)) / 10
    print(f"Signals of a mail of {size / 1024:.0f} KB: {sorted(times)[ROUNDS // 2]:.3f} ms of processor time")


def hits(mails: Sequence[Mail]) -> None:
    """How often each signal speaks."""
    of_kind = {kind: [mail for mail in mails if mail.kind == kind] for kind in ("phish", "wanted", "newsletter")}
    counted = {kind: Counter(signal.name for mail in some for signal in mail.found) for kind, some in of_kind.items()}
    names = sorted(counted["phish"] | counted["wanted"] | counted["newsletter"], key=lambda name: -counted["phish"][name])
    rows = [(name, *(f"{100 * counted[kind][name] / len(some):.1f} %" for kind, some in of_kind.items())) for name in names]
    loud = {kind: sum(any(one.weight >= 20 for one in mail.found) for mail in some) / len(some) for kind, some in of_kind.items()}
    rows.append(("any of weight 20 or more", *(f"{100 * share:.1f} %" for share in loud.values())))
    printing.table(("signal", *(f"{kind} ({len(some)})" for kind, some in of_kind.items())), rows)


def deciles(mails: Sequence[Mail]) -> None:
    """Where phishing stands in the order of the cards."""
    rows = []
    for title, decided in (("first day", []), ("every other mail was decided before", mails[::2])):
        placed = sorted(mails if not decided else mails[1::2], key=lambda mail: standing(mail, decided))
        tenth = max(1, len(placed) // 10)
        shares = [sum(mail.kind == "phish" for mail in part) / len(part) for part in (placed[:tenth], placed[-tenth:], placed)]
        rows.append((title, *(f"{100 * share:.1f} %" for share in shares)))
    printing.table(("share of phishing", "first tenth of the order", "last tenth", "of all"), rows)


def standing(mail: Mail, decided: Sequence[Mail]) -> tuple[bool, int]:
    """Its place among the cards (triage/cards.py): what perishes and may be wanted, then by urgency."""
    urgent = place(mail, decided)
    pressing = perishable_minutes(mail.summary, mail.received_at) is not None and urgent >= PRESSING
    return not pressing, -urgent


def place(mail: Mail, decided: Iterable[Mail]) -> int:
    """Its urgency, when people have let in and taken away what they should."""
    domain = mail.summary.author.rpartition("@")[2]
    by_sender = [one for one in decided if mail.summary.author and one.summary.author == mail.summary.author]
    by_domain = [one for one in decided if domain and one.summary.author.rpartition("@")[2] == domain and one not in by_sender]
    why = reasons(
        mail.found,
        author=mail.summary.author,
        proof="",
        minutes=perishable_minutes(mail.summary, mail.received_at),
        answers=bool(mail.summary.in_reply_to or mail.summary.references),
        by_sender=past(by_sender),
        by_domain=past(by_domain),
    )
    return urgency(why)


def past(decided: Sequence[Mail]) -> Past:
    """What people did with these."""
    away = sum(one.kind == "phish" for one in decided)
    return Past(len(decided) - away, away)


if __name__ == "__main__":
    sys.exit(main())
