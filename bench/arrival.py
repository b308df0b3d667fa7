"""Claim: allowed mail is with the next hop 40 ms after its last dot (half of all at half load), and a burst is taken in.

20 KB of signed mail from 50 domains that the company allows, through receive, judge and relay into a real Dovecot by LMTP. First
as fast as it goes, which is full load; then at a tenth and at half of that, steadily: from the moment the last dot was read to
Dovecot's yes. Then a burst of 10,000 strangers' messages within a minute: how long each waited for its 250, and until when all
of them are judged. `--burst N` for another number.

`--checks N`: instead the same messages N times with the checks of known senders and N times without, in turn, at one pace.
"""

import argparse
import contextlib
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Engine, select
from sqlmodel import SQLModel

from bench.pipeline import SESSIONS, WARM_UP, House
from bench.rounds import goals, pacing, printing, processor, signed_messages, stacks
from bench.rounds.sessions import Sending
from bench.rounds.signed_messages import Sent
from tests.peers import processes
from tests.peers.mail import dovecot
from triage.store import db

STEADY = 400  # messages, at each load
BURST, WITHIN = 10_000, 60  # messages, seconds
LOADS = (0.1, 0.5)
PACE = 20.0  # messages a second: little enough for a machine that others use
CHECKED, UNCHECKED = "with the checks of known senders", "without"
ATTEMPT, DELIVERY = (SQLModel.metadata.tables[name] for name in ("attempt", "delivery"))


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--burst", type=int, default=BURST)
    wanted.add_argument("--messages", type=int, default=STEADY, help="at each load")
    wanted.add_argument("--checks", type=int, default=0)
    given = wanted.parse_args()
    if given.checks:
        return compare_checks(given.checks)
    watch = processor.Watch(())
    try:
        measured = measure_loads(given.messages) | measure_burst(given.burst)
    except processes.Missing as missing:
        return printing.print_missing(missing)
    goals.print_goals(measured, of=given.burst, whole=BURST)
    printing.print_machine(
        f"Dovecot {'.'.join(map(str, dovecot.read_version(processes.need('dovecot', dovecot.PACKAGES))))}", others=[watch.stop()[2]]
    )
    return 0


def measure_loads(messages: int) -> dict[str, float]:
    """Allowed mail at each load; what was measured of the goals."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(dovecot.running(more=stacks.LMTP_WITHOUT_PAUSE))
        house = House(stack, None, 1, f"lmtp://127.0.0.1:{store.lmtp_port}")
        written = signed_messages.make_messages(WARM_UP + messages * (1 + len(LOADS)))
        sent = 0

        def settled(count: int) -> None:
            nonlocal sent
            sent += count
            house.wait_for(sent, lambda: house.count("WHERE state IN ('held', 'delivered')"))

        for part in (written[:WARM_UP], written[WARM_UP : WARM_UP + messages]):
            begun = time.monotonic()
            Sending(house.company.smtp_port, part, SESSIONS).finish()
            settled(len(part))
        full = messages / (time.monotonic() - begun)
        rows, found = [], {}
        for number, load in enumerate(LOADS):
            first = WARM_UP + messages + messages * number
            newest = house.count()
            pacing.send_paced(house.company.smtp_port, written[first : first + messages], full * load, SESSIONS)
            settled(messages)
            waited = read_delays(house.engine, newest)
            p50, p99 = statistics.median(waited), waited[len(waited) * 99 // 100]
            rows.append((f"{load:.0%} of full load, {full * load:.0f} a second", f"{p50:.1f}", f"{p99:.1f}"))
            found = {"arrival.half": p50, "arrival.half-p99": p99}
    print(f"{messages} messages at each load, {full:.0f} a second at full load; milliseconds from the last dot to Dovecot's yes")
    printing.print_table(("", "p50", "p99"), rows)
    return found


def compare_checks(rounds: int) -> int:
    """Compare the delivery times of allowed messages with and without the checks of known senders."""
    written = signed_messages.make_messages(WARM_UP + STEADY)
    waited: dict[str, list[float]] = {CHECKED: [], UNCHECKED: []}
    try:
        for name in [name for _ in range(rounds) for name in waited]:
            waited[name] += measure_way(written, name)
    except processes.Missing as missing:
        return printing.print_missing(missing)
    rows = [(name, f"{statistics.median(some):.2f}", f"{sorted(some)[len(some) * 99 // 100]:.1f}") for name, some in waited.items()]
    printing.print_table((f"{rounds} × {STEADY} messages, {PACE:.0f} a second: ms to Dovecot's yes", "p50", "p99"), rows)
    print(f"with the checks {statistics.median(waited[CHECKED]) / statistics.median(waited[UNCHECKED]):.3f} times as long")
    return 0


def measure_way(written: Sequence[Sent], name: str) -> list[float]:
    """Measure the delivery times of allowed messages in a fresh company, with or without the checks, in seconds."""
    policy = "hold_known_trial_days = 0" if name == CHECKED else "hold_known = []"
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(dovecot.running(more=stacks.LMTP_WITHOUT_PAUSE))
        house = House(stack, None, 1, f"lmtp://127.0.0.1:{store.lmtp_port}", policy)
        settled = "WHERE state IN ('held', 'delivered')"
        Sending(house.company.smtp_port, written[:WARM_UP], SESSIONS).finish()
        house.wait_for(WARM_UP, lambda: house.count(settled))
        newest = house.count()
        pacing.send_paced(house.company.smtp_port, written[WARM_UP:], PACE, SESSIONS)
        house.wait_for(len(written), lambda: house.count(settled))
        return read_delays(house.engine, newest)


def read_delays(engine: Engine, skipped: int) -> list[float]:
    """Return the sorted delivery times of all delivered messages except the first ones."""
    joined = select(DELIVERY.c.received_at, ATTEMPT.c.ended_at).join(ATTEMPT, ATTEMPT.c.delivery_id == DELIVERY.c.id)
    later = select(DELIVERY.c.id).order_by(DELIVERY.c.id).offset(skipped).limit(1).scalar_subquery()
    with db.read_transaction(engine) as session:
        rows = session.execute(joined.where(DELIVERY.c.id >= later)).all()
    return sorted((ended - begun) / timedelta(milliseconds=1) for begun, ended in rows)


def measure_burst(count: int) -> dict[str, float]:
    """More than can be judged at once; what was measured of the goals."""
    with contextlib.ExitStack() as stack:
        house = House(stack, None, 1)
        written = signed_messages.make_messages(WARM_UP + count)
        Sending(house.company.smtp_port, written[:WARM_UP], SESSIONS).finish()
        house.wait_for(WARM_UP)
        return send_load(house, written[WARM_UP:], count / WITHIN)


def send_load(house: House, load: Sequence[Sent], rate: float) -> dict[str, float]:
    """Send at this rate, and wait until everything is in the audit log."""
    begun = time.monotonic()
    waited = pacing.send_paced(house.company.smtp_port, load, rate, SESSIONS)
    sent = time.monotonic() - begun
    house.wait_for(WARM_UP + len(load))
    passed, p99 = time.monotonic() - begun, waited[len(waited) * 99 // 100]
    print(f"a burst of {len(load):,} messages in {sent:.0f} s: all acknowledged, all judged after {passed:.0f} s")
    taken = (statistics.median(waited), p99, waited[-1])
    printing.print_table(("milliseconds to the 250", "p50", "p99", "most"), [("", *(f"{one:.1f}" for one in taken))])
    return {"arrival.burst-p99": p99, "arrival.burst-judged": passed}


if __name__ == "__main__":
    sys.exit(main())
