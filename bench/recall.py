"""Claim: recalling one sender's 500 messages out of 600 mailboxes takes at most 0.7 of an IMAP search of all, and hardly grows with them.

A purge as people order it, from the decision to the last mailbox, with the bytes secured, the record and the way back, in a
real Dovecot over IMAP; then its undo. Beside it what an administrator has: the same search and UID EXPUNGE over IMAP in
every mailbox with as many connections, and `doveadm expunge`, straight at the files and without a way back. Cold: Dovecot's
caches of header fields are empty; warm: a search went before. 4 KB messages, 20 a day: 100 reach back 5 days, 2,000 100 days.
"""

import contextlib
import functools
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from imapclient import IMAPClient  # type: ignore[import-untyped]
from sqlalchemy import Engine, func, insert, select
from sqlmodel import col

from bench.rounds import goals, printing, processor
from bench.rounds.alternating import Sample, measure_medians
from bench.rounds.filling import CONTENT, DELIVERY, MESSAGE
from bench.rounds.mailboxes import Store, WaveMessage, make_mail
from migrations.upgrade import upgrade
from tests.mailboxes.delivering import House, behind_dovecot, recalling
from tests.peers import processes
from tests.peers.mail import dovecot
from triage import ids
from triage.config.settings import Company, Database, Settings, Spool
from triage.message.authentication import Authentication
from triage.quarantine.decisions.decision_request import Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.message_record.record_parts import spread_message
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.messages import Content

MAILBOXES, WAVE = 600, 500
SIZES = tuple(map(int, sys.argv[1:])) or (100, 2000)  # messages in a mailbox
CONNECTIONS = 4
ROUNDS = 3
WAYS = ("recall", "search", "doveadm")
NAMES = {"recall": "recall", "search": "IMAP search of all", "doveadm": "doveadm expunge"}


@dataclass
class Site:
    """A Dovecot of one size, and a house that has delivered waves into it."""

    store: Store
    house: House
    waves: list[str]  # senders whose mail still lies there

    def next_wave(self) -> str:
        """Return the sender whose messages are recalled next."""
        return self.waves.pop()


def main() -> int:
    """Measure and print."""
    print(
        f"One sender's {WAVE} messages out of {MAILBOXES} mailboxes, {CONNECTIONS} connections; seconds, medians of {ROUNDS}\n", flush=True
    )
    found: dict[int, dict[str, dict[str, float]]] = {}
    others = []
    for size in SIZES:
        try:
            with contextlib.ExitStack() as stack:
                site = open_site(stack, size)
                watch = processor.Watch((site.store.server.process.pid,) if site.store.server.process else ())
                contenders = {f"{way} {state}": functools.partial(run_way, site, way, state) for state in ("cold", "warm") for way in WAYS}
                found[size] = measure_medians(contenders, ROUNDS)
                others.append(watch.stop()[2])
        except processes.Missing as missing:
            return printing.print_missing(missing)
    print_report(found)
    printing.print_machine(
        "Dovecot " + ".".join(map(str, dovecot.read_version(processes.need("dovecot", dovecot.PACKAGES)))), others=others
    )
    return 0


def open_site(stack: contextlib.ExitStack, size: int) -> Site:
    """Mailboxes with so much mail, and as many waves as there will be runs."""
    directory = stack.enter_context(processes.short_directory("recall"))
    server = stack.enter_context(dovecot.running())
    store = Store(server, [f"p{number}@company.example" for number in range(MAILBOXES)], size)
    settings = Settings(
        company=Company(domains=("company.example",), hostname="mx.company.example"),
        database=Database(url=f"sqlite:///{directory}/mailroom.db"),
        spool=Spool(directory=directory),
    )
    settings = behind_dovecot(settings, server, directory)
    settings = replace(settings, recall=replace(settings.recall, concurrency=CONNECTIONS))
    engine = db.open_engine(settings.database.url)
    stack.callback(engine.dispose)
    upgrade(engine)
    waves = [f"wave{number}@phisher.example" for number in range(ROUNDS * 2 * len(WAYS))]
    for wave in waves:
        fill_wave(engine, store, wave)
    return Site(store, House(engine, settings), waves)


def fill_wave(engine: Engine, store: Store, wave: str) -> None:
    """Fills mailboxes with one sender's messages, each in another mailbox and audited as delivered there."""
    now = datetime.now(UTC)
    rows: dict[str, list[dict[str, object]]] = {"content": [], "message": [], "delivery": [], "attempt": []}
    for number, mailbox in enumerate(random.sample(list(store.mailboxes), WAVE)):
        raw = make_mail(wave, number)
        content, message, delivery = (ids.new_id() for _ in range(3))
        store.deliver(WaveMessage(mailbox, ids.format_id(message), raw))
        kept = Content(id=content, sha256=f"{content:064x}", size=len(raw), zstd=bodies.compress_body(raw))
        rows["content"].append(kept.model_dump())
        rows["message"].append(spread_message(message_row(message, content, wave, f"{number}.{wave}", now)))
        rows["delivery"].append(delivery_row(delivery, message, mailbox, wave, now))
        rows["attempt"].append(
            Attempt(delivery_id=delivery, number=1, started_at=now, ended_at=now, outcome="delivered", next_hop="lmtp://x").model_dump()
        )
    with db.transaction(engine) as session:
        for table, some in zip((CONTENT, MESSAGE, DELIVERY, Attempt.__table__), rows.values(), strict=True):  # type: ignore[attr-defined]
            session.connection().execute(insert(table), some)


def message_row(message: int, content: int, wave: str, message_id: str, now: datetime) -> dict[str, object]:
    """A message in the audit log."""
    return {
        "id": message,
        "spool_id": message,
        "content_id": content,
        "received_at": now,
        "envelope": {},
        "authentication": Authentication(wave).as_json(),
        "summary": {"message_id": message_id},
        "signals": [],
        "text": "",
    }


def delivery_row(delivery: int, message: int, mailbox: str, wave: str, now: datetime) -> dict[str, object]:
    """Row of the message's delivery."""
    words = dict.fromkeys(("author_name", "search", "proof", "verdict", "rule", "reason", "withheld", "last_reply", "back_to"), "")
    return {
        **words,
        "id": delivery,
        "message_id": message,
        "state": State.DELIVERED,
        "received_at": now,
        "recipient": mailbox,
        "department": "it",
        "person": mailbox.partition("@")[0],
        "mailbox": mailbox,
        "author": wave,
        "author_domain": "phisher.example",
        "subject": "number",
        "weight": 0,
        "direction": "in",
        "attempts": 1,
        "settled_at": now,
    }


def run_way(site: Site, way: str, state: str) -> Sample:
    """Take the next wave out in this way; seconds, and for ours also those of the undo."""
    wave = site.next_wave()
    if state == "cold":
        site.store.forget_headers()
    else:
        search_all(site, "nobody@nowhere.example")  # what a search before has left in the caches
    if way == "recall":
        return recall_wave(site, wave)
    begun = time.perf_counter()
    if way == "search":
        assert search_all(site, wave) == WAVE
    else:
        site.store.doveadm("expunge", "-F", str(site.store.listed()), "mailbox", "INBOX", "header", "from", wave)
    taken = time.perf_counter() - begun
    return {"seconds": taken, "undo": 0.0}


def recall_wave(site: Site, wave: str) -> Sample:
    """Ours, then its undo; then it is purged again, so that every way leaves the mailboxes alike."""
    with recalling(site.house.settings):
        selected = Selection.of(sender=wave)
        purge, seconds = time_decision(site, lambda: site.house.decides(Verb.PURGE, selected))
        assert purge.done == WAVE
        _, undo = time_decision(site, lambda: site.house.undoes(purge))
        time_decision(site, lambda: site.house.decides(Verb.PURGE, selected))
    return {"seconds": seconds, "undo": undo}


def time_decision(site: Site, decide: Callable[[], DecisionReport]) -> tuple[DecisionReport, float]:
    """A decision until it is carried out, and the seconds that took."""
    begun = time.perf_counter()
    made = decide()
    while under_way(site.house.engine):
        time.sleep(0.05)
    return site.house.report(made), time.perf_counter() - begun


def under_way(engine: Engine) -> int:
    """Deliveries that the recaller is not through with; the report of a decision tells as much, and costs more than the visits."""
    with db.read_transaction(engine) as session:
        busy = col(Delivery.state).in_([State.RECALLING, State.RESTORING])
        return session.scalar(select(func.count()).select_from(Delivery).where(busy)) or 0


def search_all(site: Site, wave: str) -> int:
    """An IMAP search of every mailbox, and UID EXPUNGE of what it finds; how many."""
    port = site.store.server.imap_port
    with ProcessPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(functools.partial(search_mailbox, port, wave), site.store.mailboxes, chunksize=5))


def search_mailbox(port: int, wave: str, mailbox: str) -> int:
    """Searches one mailbox for the wave and deletes what it finds; the number of messages."""
    with IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login(f"{mailbox}*{dovecot.MASTER}", dovecot.MASTER_PASSWORD)
        client.select_folder("INBOX")
        found: list[int] = client.search(["HEADER", "FROM", wave])
        if found:
            client.delete_messages(found, silent=True)
            client.uid_expunge(found)
        return len(found)


def print_report(found: dict[int, dict[str, dict[str, float]]]) -> None:
    """The table: each way, cold and warm, at each size; what the recall is to the others, and how it grew."""
    rows = []
    for state in ("cold", "warm"):
        for way in WAYS:
            seconds = [figures[f"{way} {state}"]["seconds"] for figures in found.values()]
            ours = [figures[f"recall {state}"]["seconds"] for figures in found.values()]
            ratios = [printing.format_ratio(mine, other) if way != "recall" else "" for mine, other in zip(ours, seconds, strict=True)]
            growth = printing.format_ratio(seconds[-1], seconds[0])
            rows.append((f"{NAMES[way]}, {state}", *(f"{one:.1f}" for one in seconds), growth, *ratios))
        undos = [figures[f"recall {state}"]["undo"] for figures in found.values()]
        rows.append((f"undo, {state}", *(f"{one:.1f}" for one in undos), printing.format_ratio(undos[-1], undos[0]), *("" for _ in undos)))
    measured = {"recall.search": found[SIZES[0]]["recall cold"]["seconds"] / found[SIZES[0]]["search cold"]["seconds"]}
    if len(SIZES) > 1:
        measured["recall.growth"] = max(
            found[SIZES[-1]][one]["seconds"] / found[SIZES[0]][one]["seconds"] for one in ("recall cold", "recall warm")
        )
    goals.print_goals(measured)
    printing.print_table(("", *(f"× {size:,}" for size in found), "growth", *(f"recall to it, × {size:,}" for size in found)), rows)


if __name__ == "__main__":
    sys.exit(main())
