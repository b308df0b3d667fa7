"""Claim: the door acknowledges durably stored mail faster than Postfix, for less processor time.

`mailroom receive` and a stock Postfix that discards what it has queued take the same unsigned 20 KB messages from
smtp-source, 20 sessions at once. Both have synced a message to disk before they acknowledge it. smtp-sink, which stores
nothing, shows what the client itself can do.
"""

import contextlib
import functools
import sys
from pathlib import Path

from bench.rounds import discarding, printing, processor, roles, smtp_source
from bench.rounds.alternating import Sample, medians
from mta import snapshot
from tests.peers import postfix, processes, receiving
from tests.peers.company import DOMAIN, Company
from triage.door import DoorSnapshot

MESSAGES = 2000
SIZE = 20 * 1024  # bytes
SESSIONS = 20
ROUNDS = 7
PERSON = f"it+ada.byron@{DOMAIN}"

send = functools.partial(smtp_source.send, messages=MESSAGES, size=SIZE, sessions=SESSIONS, to=PERSON)


def main() -> int:
    """Measure and print."""
    with contextlib.ExitStack() as stack:
        try:
            peer, peer_pid = stack.enter_context(discarding.postfix_discarding())
            sink_port, sink_pid = stack.enter_context(discarding.sink())
        except processes.Missing as missing:
            return printing.missing(missing)
        company = laid_out(stack.enter_context(processes.short_directory("door")))
        own_pid = stack.enter_context(roles.receive(company))
        figures = medians(
            {
                f"{name}{' reused' if reuse else ''}": functools.partial(run, reuse=reuse)
                for reuse in (False, True)
                for name, run in {
                    "mailroom": functools.partial(into_mailroom, company, own_pid),
                    "postfix": functools.partial(into_postfix, peer, peer_pid),
                    "sink": functools.partial(into_sink, sink_port, sink_pid),
                }.items()
            },
            ROUNDS,
        )
    report(figures)
    return 0


def laid_out(directory: Path) -> Company:
    """Mailroom's files, with a door snapshot that knows one person."""
    company = Company(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes")
    company.lay_out()
    snapshot.write(directory / "spool", DoorSnapshot(domains=frozenset({DOMAIN}), recipients=frozenset({PERSON})))
    return company


def into_mailroom(company: Company, pid: int, *, reuse: bool) -> Sample:
    """One run; the spool must hold every message afterwards."""
    watch = processor.Watch((pid,))
    seconds = send(company.smtp_port, reuse=reuse)
    taken = sample(seconds, watch)
    kept = receiving.stored(company.directory / "spool")
    assert len({envelope.spool_id for envelope, _ in kept}) == MESSAGES, f"{len(kept)} of {MESSAGES} are in the spool"
    for batch in (company.directory / "spool" / "incoming").glob("*.batch"):
        batch.unlink()
    return taken


def into_postfix(server: postfix.Server, pid: int, *, reuse: bool) -> Sample:
    """One run; its processor time counts until the queue is empty."""
    watch = processor.Watch((pid,))
    seconds = send(server.port, reuse=reuse)
    processes.until(lambda: not server.waiting(), "Postfix's queue is empty", log=server.directory / "log")
    return sample(seconds, watch)


def into_sink(port: int, pid: int, *, reuse: bool) -> Sample:
    """One run."""
    watch = processor.Watch((pid,))
    return sample(send(port, reuse=reuse), watch)


def sample(seconds: float, watch: processor.Watch) -> Sample:
    """Messages a second, milliseconds of processor a message, and what others did meanwhile."""
    _, (used,), others = watch.stop()
    return {"rate": MESSAGES / seconds, "cpu": used * 1000 / MESSAGES, "others": others}


def report(figures: dict[str, dict[str, float]]) -> None:
    """The table."""
    print(f"{MESSAGES} messages of {SIZE // 1024} KB a run, {SESSIONS} sessions, medians of {ROUNDS} alternating rounds")
    rows = []
    for way, words in (("", "one message a connection"), (" reused", "connections used again")):
        peer = figures[f"postfix{way}"]
        for name, shown in (
            ("mailroom", "mailroom receive, synced"),
            ("postfix", "Postfix, synced, discards"),
            ("sink", "smtp-sink, stores nothing"),
        ):
            own = figures[f"{name}{way}"]
            rate, cpu = printing.ratio(own["rate"], peer["rate"]), printing.ratio(own["cpu"], peer["cpu"])
            rows.append((f"{words}: {shown}", f"{own['rate']:,.0f}", rate, f"{own['cpu']:.2f}", cpu))
    printing.table(("", "acknowledged/s", "to Postfix", "CPU ms/message", "to Postfix"), rows)
    printing.machine(discarding.postfix_version(), others=[one["others"] for one in figures.values()])


if __name__ == "__main__":
    sys.exit(main())
