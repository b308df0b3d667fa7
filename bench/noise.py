"""Claim: noise of its own in each copy takes no wave apart, and what wanted messages have too joins nothing.

Waves of real phishing (tests/waves.py) come in beside real wanted messages and wanted look-alikes, in chance order, as the judge
enters them. MAILROOM_CORPUS names the directory of real mail. `--seeds 1001-1050` are for the report, others for development.
"""

import argparse
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from statistics import mean

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from bench.rounds import printing
from migrations.upgrade import upgrade
from tests import waves
from tests.peers import processes
from tests.triage import arriving
from tests.triage.arriving import ANA, NOW
from tests.triage.messages import from_archive
from tests.triage.throwaways import proven
from tests.waves import Copy
from triage.config.settings import Company, Floods, Settings
from triage.intake import receive as intake
from triage.intake.stages import Arrival
from triage.message.summary import make_summary
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.campaigns.find_related import share_traits
from triage.store import db
from triage.store.models.deliveries import Delivery

GROUP = 32
SETTINGS = Settings(company=Company(domains=("company.example",), hostname="mx.company.example"), floods=Floods(per_sender=0, per_folder=0))
OF_A_SERVICE = 12  # wanted messages
DRAWN = 2_000  # of the bootstrap
IDENTICAL, PROSE, WANTED = "identical", "prose", "wanted"


@dataclass(frozen=True, slots=True)
class One:
    """A message that comes in, and what it is in truth."""

    copy: Copy
    truth: str  # identical 7, prose 7, wanted
    proven: bool


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-50")
    parser.add_argument("--copies", type=int, default=20, help="of each wave")
    chosen = parser.parse_args()
    corpus = os.environ.get("MAILROOM_CORPUS")
    if not corpus:
        print("set MAILROOM_CORPUS to the directory of real mail")
        return 1
    first, last = map(int, chosen.seeds.split("-"))
    with processes.short_directory("noise") as directory:
        engine = db.open_engine(f"sqlite:///{directory}/noise.db")
        upgrade(engine)
        print_report(engine, enter_all(engine, SETTINGS, mix_messages(range(first, last + 1), chosen.copies, Path(corpus))))
        engine.dispose()
    return 0


def mix_messages(seeds: Iterable[int], copies: int, corpus: Path) -> list[One]:
    """The waves of these seeds among wanted messages."""
    chance, material = random.Random(copies), waves.read_material(corpus)
    found = [One(one, WANTED, True) for one in real_wanted(corpus)]
    found += [
        One(waves.write_look_alike(service, number, chance), WANTED, True) for service in waves.SERVICES for number in range(OF_A_SERVICE)
    ]
    for seed in seeds:
        beside = f"https://{waves.host_of(random.Random(seed).choice([*waves.SERVICES]))}/terms" if seed % 2 else ""
        for kind in (IDENTICAL, PROSE):
            wave = waves.make_wave(seed, copies, waves.pick_operators(seed, prose=kind == PROSE), material, beside)
            found += [One(one, f"{kind} {seed}", number % 2 == 0) for number, one in enumerate(wave)]
    chance.shuffle(found)
    return found


def real_wanted(corpus: Path) -> list[Copy]:
    """Real wanted messages whose author is clear."""
    read = ((raw, make_summary(raw).author) for name, raw in from_archive(corpus, "mail-other") if "/ham" in name)
    return [Copy(raw, author, "203.0.113.9", "joe.fern@company.example") for raw, author in read if author]


def enter_all(engine: Engine, settings: Settings, messages: Sequence[One]) -> list[tuple[One, int]]:
    """Let them come in; each with its delivery. A rule lets every second wanted sender in."""
    senders = sorted({one.copy.author for one in messages if one.truth == WANTED})
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        for sender in senders[::2]:
            rules.add_rule(session, RuleOrder("allow", "address", sender, "company"), by=ANA, now=NOW, settings=settings)
    found: list[tuple[One, int]] = []
    for begin in range(0, len(messages), GROUP):
        some = messages[begin : begin + GROUP]
        with db.transaction(engine) as session:
            entered = intake.receive_all(session, [arrival_of(one) for one in some], settings=settings, now=NOW)
        for one, ids in zip(some, entered, strict=True):
            if isinstance(ids, Exception):
                raise ids
            found.append((one, ids[0]))
    return found


def arrival_of(one: One) -> Arrival:
    """A message as it was accepted."""
    said, author = make_summary(one.copy.raw), one.copy.author
    envelope = replace(arriving.envelope("it+joe.fern@company.example", reverse_path=author), client=one.copy.client)
    is_proven = one.proven and bool(said.author)
    dmarc = proven(author.partition("@")[2]) if is_proven else arriving.NO_DMARC
    return Arrival(envelope, one.copy.raw, arriving.authentication(said.author, dmarc), said)


def print_report(engine: Engine, entered: Sequence[tuple[One, int]]) -> None:
    """The table."""
    truth = {delivery: one.truth for one, delivery in entered}
    with db.read_transaction(engine) as session:
        rows = {row.id: row for row in session.execute(select(col(Delivery.id), col(Delivery.campaign_id), col(Delivery.is_copy)))}
        campaign = {delivery: rows[delivery].campaign_id for delivery in truth}
        inside: dict[int, list[int]] = defaultdict(list)
        for delivery, number in campaign.items():
            inside[number].append(delivery)
        of_wave: dict[str, list[int]] = defaultdict(list)
        for delivery, name in truth.items():
            of_wave[name].append(delivery)
        largest = {name: largest_of(some, campaign) for name, some in of_wave.items() if name != WANTED}
        together = [share_of(name, largest[name], of_wave, campaign) for name in largest if name.startswith(IDENTICAL)]
        found = {name: related_of(session, largest[name]) for name in largest if name.startswith(PROSE)}
        reached = [mean(campaign[one] == largest[name] or one in found[name] for one in of_wave[name]) for name in found]
        right = sum(truth[one].partition(" ")[2] == name.partition(" ")[2] for name, some in found.items() for one in some)
        related = sum(map(len, found.values()))
        innocent = sum(truth[one] == WANTED for some in found.values() for one in some)
    same, pairs = count_pairs(inside.values(), truth)
    copies = [[truth[one] for one in some if rows[one].is_copy] for some in inside.values()]
    mixed = sum(WANTED in some and len({*some}) > 1 for some in copies)
    printing.print_table(
        ("", "measured", "95 % interval", "goal"),
        [
            ("identical text: of a wave in one row of copies", f"{mean(together):.4f}", bootstrap(together), "0.99"),
            ("own prose, one subject, one link host: in one row or its related", f"{mean(reached):.4f}", bootstrap(reached), "0.92"),
            ("pairs in one campaign that are of one wave", f"{same / pairs:.5f}", wilson(same, pairs), "0.999"),
            ("rows of copies with wanted and other messages", f"{mixed}", "", "0"),
            ("related messages that are made of the same message", f"{right / max(1, related):.4f}", wilson(right, related), ""),
            ("related messages that are wanted", f"{innocent} of {related}", "", ""),
        ],
    )
    counts = Counter(name.partition(" ")[0] for name in truth.values())
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def largest_of(some: Sequence[int], campaign: dict[int, int]) -> int:
    """The campaign that most of these are of."""
    return Counter(campaign[one] for one in some).most_common(1)[0][0]


def share_of(name: str, largest: int, of_wave: dict[str, list[int]], campaign: dict[int, int]) -> float:
    """Return the share of a wave that is in that campaign."""
    return mean(campaign[one] == largest for one in of_wave[name])


def related_of(session: Session, campaign: int) -> set[int]:
    """Find the deliveries that a removal of that campaign would name as related."""
    return {delivery for delivery, _ in share_traits(session, col(Delivery.campaign_id) == campaign, by=ANA, now=NOW)}


def count_pairs(campaigns: Iterable[Sequence[int]], truth: dict[int, str]) -> tuple[int, int]:
    """Pairs in one campaign that are of one wave, and all pairs with a copy of a wave in them."""
    right = every = 0
    for some in campaigns:
        counts = Counter(truth[one] for one in some)
        wanted = counts.pop(WANTED, 0)
        total = sum(counts.values())
        right += sum(count * (count - 1) // 2 for count in counts.values())
        every += total * (total - 1) // 2 + total * wanted
    return right, every


def bootstrap(values: Sequence[float]) -> str:
    """The interval of a mean over waves; where they are all alike, that of the share of whole ones."""
    if set(values) == {1.0}:
        return wilson(len(values), len(values))
    chance = random.Random(1)
    means = sorted(mean(chance.choices(values, k=len(values))) for _ in range(DRAWN))
    return f"{means[DRAWN // 40]:.4f} to {means[-DRAWN // 40]:.4f}"


def wilson(right: int, every: int, z: float = 1.96) -> str:
    """The interval of a share."""
    if not every:
        return ""
    share = right / every
    middle, wide = share + z * z / (2 * every), z * sqrt(share * (1 - share) / every + z * z / (4 * every * every))
    return f"{(middle - wide) / (1 + z * z / every):.5f} to {(middle + wide) / (1 + z * z / every):.5f}"


if __name__ == "__main__":
    sys.exit(main())
