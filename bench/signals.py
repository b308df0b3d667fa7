"""Claim: how often each signal speaks on phishing and on wanted mail, what it costs, and where the order of the rows puts phishing.

Real mail from the directory that MAILROOM_CORPUS names: phishing, wanted mail and newsletters that look like spam. Nobody is proven
here, neither the phisher nor the friend: it is about what the message itself gives away. Known to the company are the senders of all
other wanted mail, whose names and domains a message could borrow. Every signal that docs/reference/signals.md names has its line; of
those which rest on something that such a collection has not (proof, colleagues, scanners) it says so.
The order is tried on a company's first day, when nothing was decided yet, and when people have decided about every other message before.
"""

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from bench.rounds import printing, signed_messages
from tests.triage.messages import from_archive
from triage.addressing.freemail_domains import PROVIDERS
from triage.message.authentication import Authentication
from triage.message.mime.links import registered_organisation
from triage.message.signals.find_signals import find_signals
from triage.message.signals.lookalikes import keys_of_known, keys_of_stranger, plain_name
from triage.message.signals.priority import Past, priority_reasons, sum_urgency
from triage.message.signals.severity import Severity, rate_severity
from triage.message.signals.signal_context import Met, Seen, Signal, SimilarContacts, sum_weights
from triage.message.signals.time_critical import Life, find_deadline
from triage.message.summary import Summary, make_summary
from triage.policy.learning.known_names import is_personal
from triage.times import utcnow

KINDS = {  # folder in the archives -> what it is
    ("mail-phish", "/phish/"): "phish",
    ("mail-other", "/ham/"): "wanted",
    ("mail-other", "/ham-corporate/"): "wanted",
    ("mail-other", "/hard-ham/"): "newsletter",
}
ROUNDS = 5
NEEDS = {  # signals that nothing here can raise, and what they rest on
    "proof, or a DNS to ask": "own-domain-forged authentication-failed proof-unknown proven",
    "a directory of colleagues": "name-of-ours many-of-us",
    "a domain of ours that is worth imitating": "look-alike-domain",
    "mail of before": "first-contact-department first-contact-person never-let-in",
    "scanners, or lists of bad machines": "virus rspamd-rejects rspamd-suspects rspamd-clean not-scanned listed-client",
}
NAMED = re.compile(r"`([a-z-]+)`")


@dataclass(frozen=True, slots=True)
class Mail:
    """Message of the corpus and the verdict of a trained reader."""

    kind: str
    summary: Summary
    found: tuple[Signal, ...]
    received_at: datetime


def main() -> int:
    """Measure and print."""
    measure_cost()
    corpus = os.environ.get("MAILROOM_CORPUS")
    if not corpus:
        print("Hit rates and order need real mail: set MAILROOM_CORPUS to its directory.")
        return 0
    messages = list(read_messages(Path(corpus)))
    print_hits(messages, every_signal())
    print_deciles(messages)
    return 0


def read_messages(corpus: Path) -> Iterator[Mail]:
    """Reads the messages as they would have been seen when they were written."""
    letters = list(read_corpus(corpus))
    known = Acquaintances(summary for kind, summary, _ in letters if kind == "wanted")
    for kind, summary, path in letters:
        at = written_at(summary)
        yield Mail(kind, summary, find_signals(replace(make_seen(summary, at), known=known.beside(summary), reverse_path=path)), at)


def read_corpus(corpus: Path) -> Iterator[tuple[str, Summary, str]]:
    """Yield the kind, summary and return path of each message in the corpus."""
    for archive in sorted({archive for archive, _ in KINDS}):
        for name, raw in from_archive(corpus, archive):
            kind = next((kind for (where, folder), kind in KINDS.items() if where == archive and folder in name), "")
            if kind:
                path = BytesHeaderParser().parsebytes(raw).get("Return-Path", "")
                yield kind, make_summary(raw), str(path).strip("<> \r\n")


class Acquaintances:
    """Senders of wanted mail, by their names and by the domains that look like theirs."""

    def __init__(self, wanted: Iterable[Summary]) -> None:
        self.named: dict[str, set[str]] = {}
        self.domains: dict[str, set[str]] = {}
        for one in wanted:
            if is_personal(plain := plain_name(one.author_name)):
                self.named.setdefault(plain, set()).add(one.author)
            domain = registered_organisation(one.author.rpartition("@")[2])
            for key in keys_of_known(domain) if domain and domain not in PROVIDERS else ():
                self.domains.setdefault(key, set()).add(domain)

    def beside(self, mail: Summary) -> SimilarContacts:
        """Find the contacts that the author resembles."""
        domain = mail.author.rpartition("@")[2]
        keys = () if domain in PROVIDERS else keys_of_stranger(domain)
        like = {one for key in keys for one in self.domains.get(key, ())} - {registered_organisation(domain)}
        named = self.named.get(plain_name(mail.author_name), set()) - {mail.author}
        return SimilarContacts(tuple(sorted(named)), tuple(sorted(like)))


def make_seen(summary: Summary, at: datetime) -> Seen:
    """Make the input of the rules: a stranger's message without proof."""
    return Seen(summary, Authentication(summary.author), at, frozenset({"company.example"}), met=Met())


def every_signal() -> list[str]:
    """The names in the table of docs/reference/signals.md."""
    page = (Path(__file__).parents[1] / "docs" / "reference" / "signals.md").read_text("utf-8")
    return [name for line in page.splitlines() if line.startswith("| ") for name in NAMED.findall(line)]


def written_at(summary: Summary) -> datetime:
    """When it was written, as far as it says so."""
    try:
        at = parsedate_to_datetime(summary.date)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return utcnow()


def measure_cost() -> None:
    """Processor time of the signals of one signed 20 KB mail; every message is another one, so nothing is remembered."""
    written = [make_summary(letter.raw) for letter in signed_messages.make_messages(200 * ROUNDS)]
    times = []
    for start in range(0, len(written), 200):
        began = time.process_time()
        for summary in written[start : start + 200]:
            find_signals(make_seen(summary, utcnow()))
        times.append((time.process_time() - began) * 1000 / 200)
    size = sum(len(letter.raw) for letter in signed_messages.make_messages(10)) / 10
    print(f"Signals of a mail of {size / 1024:.0f} KB: {sorted(times)[ROUNDS // 2]:.3f} ms of processor time")


def print_hits(messages: Sequence[Mail], names: Sequence[str]) -> None:
    """Print how many messages of each kind have each signal."""
    of_kind = {kind: [mail for mail in messages if mail.kind == kind] for kind in ("phish", "wanted", "newsletter")}
    counted = {kind: Counter(signal.name for mail in some for signal in mail.found) for kind, some in of_kind.items()}
    needing = {name: what for what, some in NEEDS.items() for name in some.split()}
    rows = [
        (name, *(f"{100 * counted[kind][name] / len(some):.1f} %" for kind, some in of_kind.items()))
        for name in sorted(names, key=lambda name: -counted["phish"][name])
        if name not in needing
    ]
    loud = {kind: sum(any(one.weight >= 20 for one in mail.found) for mail in some) / len(some) for kind, some in of_kind.items()}
    rows.append(("any of weight 20 or more", *(f"{100 * share:.1f} %" for share in loud.values())))
    printing.print_table(("signal", *(f"{kind} ({len(some)})" for kind, some in of_kind.items())), rows)
    printing.print_table(("not measured here: it needs", "signals"), list(NEEDS.items()))
    unnamed = {name for some in counted.values() for name in some} - set(names)
    assert not unnamed, f"docs/reference/signals.md does not name {unnamed}"


def print_deciles(messages: Sequence[Mail]) -> None:
    """Print the place of phishing messages in the order of the queue, by deciles."""
    rows = []
    for title, decided in (("first day", []), ("every other mail was decided before", messages[::2])):
        placed = sorted(messages if not decided else messages[1::2], key=lambda mail: rank_mail(mail, decided))
        tenth = max(1, len(placed) // 10)
        shares = [sum(mail.kind == "phish" for mail in part) / len(part) for part in (placed[:tenth], placed[-tenth:], placed)]
        rows.append((title, *(f"{100 * share:.1f} %" for share in shares)))
    printing.print_table(("share of phishing", "first tenth of the order", "last tenth", "of all"), rows)


def rank_mail(mail: Mail, decided: Sequence[Mail]) -> tuple[bool, int]:
    """Return the sort key of a message in the queue (triage/quarantine/rows/item_list.py): time-limited messages first, then by
    priority."""
    return find_life(mail) is None, -compute_priority(mail, decided)


def find_life(mail: Mail) -> Life | None:
    """Find the lifetime of a message as if its author were proven; nobody is proven in this corpus."""
    bad = rate_severity(sum_weights(mail.found), {signal.name for signal in mail.found}) >= Severity.SUSPICIOUS
    return None if bad else find_deadline(mail.summary, mail.received_at)


def compute_priority(mail: Mail, decided: Iterable[Mail]) -> int:
    """Compute the priority of a message, given correct decisions about earlier ones."""
    domain = mail.summary.author.rpartition("@")[2]
    by_sender = [one for one in decided if mail.summary.author and one.summary.author == mail.summary.author]
    by_domain = [one for one in decided if domain and one.summary.author.rpartition("@")[2] == domain and one not in by_sender]
    why = priority_reasons(
        mail.found,
        author=mail.summary.author,
        proof="",
        deadline=find_life(mail),
        answers=bool(mail.summary.in_reply_to or mail.summary.references),
        by_sender=collect_past(by_sender),
        by_domain=collect_past(by_domain),
    )
    return sum_urgency(why)


def collect_past(decided: Sequence[Mail]) -> Past:
    """Count the decisions about these messages."""
    away = sum(one.kind == "phish" for one in decided)
    return Past(len(decided) - away, away)


if __name__ == "__main__":
    sys.exit(main())
