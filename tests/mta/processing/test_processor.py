"""From the spool into the record: once, never lost, and nobody waits for a slow zone, a hostile message or a broken neighbour."""

import contextlib
import errno
import gzip
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from mail_auth import arc_seal
from mta.processing import processor, recipient_map_writer
from mta.processing.examine_message import NOTHING, Examiner, Found
from mta.processing.worker_pool import Judged, Lane, Room
from mta.spool import recipient_map_file, spool_retry
from mta.spool.batch_file import Message, write_batch
from mta.spool.spool import Batch, Spool
from tests.mail_auth.signing import published, rsa_key, signed
from tests.peers import circle
from tests.peers.processes import HANG
from tests.peers.receiving import wait_until
from tests.triage import arriving
from tests.triage.message.codes.made_codes import EVIL, code_picture, letter
from tests.triage.message.dmarc_reports.made_reports import OURS, letter as dmarc_letter, report
from triage.addressing.envelope import Address, Envelope
from triage.config.settings import Database, Settings
from triage.delivery import abuse_reports
from triage.directory.recipient_map import RecipientMap
from triage.ids import new_id
from triage.intake import receive as intake, stages
from triage.intake.stages import Arrival
from triage.message.authentication import Authentication, Result
from triage.message.fingerprint import Fingerprint
from triage.message.signals.signal_context import Seen
from triage.message.summary import make_summary
from triage.policy.decide import Verdict, decide_verdict
from triage.policy.facts import Facts
from triage.policy.learning import decision_feedback
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.search.links_and_files import link_to
from triage.reports.sending_services import list_services
from triage.runtime.sandbox_pool import Pool
from triage.runtime.spool_stats import OFTEN, batch_name, spool_backlog
from triage.runtime.wakeup import WakeupPipe
from triage.store import bodies, db
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.models.campaigns import Representative
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.messages import Message as StoredMessage
from triage.store.versions import read_version
from triage.times import from_micros, utcnow

ZONE = '_dmarc.supplier.example. 300 IN TXT "v=DMARC1; p=reject"\nsupplier.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"\n'
SILENT = "_dmarc.supplier.example. 300 IN CNAME _dmarc.supplier.example.\n"  # never ends: DNS does not answer


@pytest.fixture
def known(settings: Settings, sqlite_url: str) -> Settings:
    """A company with a directory, and a zone in which a supplier can prove itself."""
    return set_up(settings, sqlite_url)


@pytest.fixture
def known_on_both(settings: Settings, database_url: str) -> Settings:
    """The same, once on SQLite and once on PostgreSQL."""
    return set_up(settings, database_url)


def set_up(settings: Settings, database_url: str) -> Settings:
    """The settings of a company that is ready."""
    write_zone(settings, ZONE)
    settings = replace(settings, database=Database(url=database_url))
    with engine_of(settings) as engine, transaction(engine) as session:
        arriving.set_up(session, settings)
    return settings


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten delays of minutes to milliseconds."""
    monkeypatch.setattr(processor, "FIRST_DELAY", timedelta(milliseconds=20))
    monkeypatch.setattr(processor, "LONGEST_DELAY", timedelta(milliseconds=100))
    monkeypatch.setattr(processor, "PAUSE", 0.02)


def write_zone(settings: Settings, text: str) -> None:
    """Replace the DNS zone in one step."""
    fresh = Path(settings.dns.zone_file + ".new")
    fresh.write_text(text)
    fresh.rename(settings.dns.zone_file)


def in_zone_file(record: str) -> str:
    """A long TXT record."""
    return " ".join(f'"{record[start : start + 200]}"' for start in range(0, len(record), 200))


@contextlib.contextmanager
def engine_of(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings.database.url)
    yield engine
    engine.dispose()


@contextlib.contextmanager
def judging(settings: Settings, judges: int = 1) -> Iterator[None]:
    """Judges at work, each in a thread of the test."""
    stop = threading.Event()
    threads = [threading.Thread(target=processor.run_role, args=(settings, stop), daemon=True) for _ in range(judges)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(HANG)
            assert not thread.is_alive()


def mail(text: str = "hello", sender: str = "sales@supplier.example", recipient: str = "it+joe.fern@company.example") -> Message:
    """A message from the supplier's own server."""
    envelope = Envelope(new_id(), utcnow(), sender, (recipient,), "192.0.2.1", "mx.supplier.example")
    return envelope, f"From: {sender}\r\nSubject: {text}\r\nMessage-ID: <{new_id()}@supplier.example>\r\n\r\n{text}\r\n".encode()


def put(settings: Settings, *messages: Message) -> Path:
    """Accept messages, in one batch."""
    spool = Spool(settings.spool.directory)
    name = f"{new_id():020d}.batch"
    write_batch(spool.incoming, name, messages)
    return spool.incoming / name


def waiting(settings: Settings) -> list[str]:
    """The batches in both spools."""
    return [path.name for folder in ("incoming", "retry") for path in (settings.spool.directory / folder).iterdir()]


def record(settings: Settings) -> dict[int, tuple[bytes, list[tuple[State, str]]]]:
    """Stored messages by spool id: raw bytes, and state and rule of each delivery."""
    found: dict[int, tuple[bytes, list[tuple[State, str]]]] = {}
    with engine_of(settings) as engine, read_transaction(engine) as session:
        for message in session.scalars(select(StoredMessage)):
            assert message.content_id is not None
            deliveries = session.scalars(select(Delivery).where(col(Delivery.message_id) == message.id))
            outcome = [(State(one.state), one.rule) for one in deliveries]
            found[message.spool_id] = (bodies.load_body(session, message.content_id), outcome)
    return found


def allow(settings: Settings) -> None:
    """Let the supplier in."""
    with engine_of(settings) as engine, transaction(engine) as session:
        order = RuleOrder("allow", "domain", "supplier.example", "company")
        rules.add_rule(session, order, by=arriving.ANA, now=utcnow(), settings=settings)


def test_what_was_accepted_is_judged_entered_and_taken_out_of_the_spool(known_on_both: Settings) -> None:
    allow(known_on_both)
    proven, forged = mail("proven"), mail("stranger", "eve@stranger.example")
    put(known_on_both, proven, forged)
    with engine_of(known_on_both) as engine, transaction(engine) as session:
        decision_feedback.begin_feedback(session, abuse_reports.MARKER)  # by a judge of before, whose settings named an address
    pipes = [WakeupPipe(known_on_both.spool.directory, name) for name in ("relay", "change")]
    with judging(known_on_both):
        wait_until(lambda: not waiting(known_on_both))
    assert record(known_on_both) == {
        proven[0].spool_id: (proven[1], [(State.QUEUED, "allowed-sender")]),
        forged[0].spool_id: (forged[1], [(State.HELD, "first-contact")]),
    }
    assert [pipe.wait(0) for pipe in pipes] == [True, True]
    with engine_of(known_on_both) as engine, read_transaction(engine) as session:
        assert not read_version(session, abuse_reports.MARKER)
    for pipe in pipes:
        pipe.close()


def test_a_code_in_a_picture_is_a_signal_and_found_by_its_link(known: Settings) -> None:
    envelope, _ = mail(sender="eve@stranger.example")
    put(known, (envelope, letter(("scan.png", code_picture(EVIL)), text="Please scan.").replace(b"ann@sender", b"eve@stranger")))
    with judging(known):
        wait_until(lambda: not waiting(known))
    with engine_of(known) as engine, read_transaction(engine) as session:
        (stored,) = session.scalars(select(StoredMessage))
        assert "code-only" in {signal["name"] for signal in stored.signals}
        (found,) = session.scalars(select(Delivery).where(link_to("evil.example")))
        assert found.message_id == stored.id


def test_a_report_to_the_address_for_them_is_counted(known_on_both: Settings) -> None:
    settings = replace(known_on_both, reports=replace(known_on_both.reports, dmarc_address="dmarc@company.example"))
    envelope, _ = mail(recipient="dmarc@company.example")
    begin = int(utcnow().timestamp()) - 86_400
    raw = dmarc_letter(gzip.compress(report(OURS, begin=begin, end=begin + 3_600)))
    put(settings, (envelope, raw.replace(b"dmarc@receiver", b"sales@supplier").replace(b"receiver.example", b"supplier.example")))
    with judging(settings):
        wait_until(lambda: not waiting(settings))
    assert [outcome for _, outcome in record(settings).values()] == [[(State.PURGED, "dmarc-report")]]
    with engine_of(settings) as engine, read_transaction(engine) as session:
        (found,) = list_services(session, now=utcnow())
        assert (found.proof, found.messages, found.reporters) == ("dkim", 7, ("supplier.example",))


def test_the_bell_wakes_the_judge(known: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "PAUSE", 2 * HANG)
    with judging(known):
        wait_until((known.spool.directory / recipient_map_file.NAME).exists)
        pipe, spool = WakeupPipe(known.spool.directory, "judge"), Spool(known.spool.directory)
        spool.after_batch = pipe.wake
        spool.append(*mail()).result(HANG)
        wait_until(lambda: not waiting(known))
        spool.close()
    assert len(record(known)) == 1


def test_a_batch_that_is_read_again_after_a_crash_is_entered_once(known_on_both: Settings) -> None:
    messages = [mail(str(number)) for number in range(3)]
    for batch in (messages[:2], messages):
        put(known_on_both, *batch)
        with judging(known_on_both):
            wait_until(lambda: not waiting(known_on_both))
    assert [len(outcome) for _, outcome in record(known_on_both).values()] == [1, 1, 1]


def test_several_judges_share_the_work_and_enter_each_message_once(known_on_both: Settings) -> None:
    for _ in range(20):
        put(known_on_both, *(mail() for _ in range(5)))
    with judging(known_on_both, judges=2):
        wait_until(lambda: not waiting(known_on_both))
    assert len(record(known_on_both)) == 100


def test_on_sqlite_one_judge_works_at_a_time(settings: Settings, sqlite_url: str, quick: None) -> None:
    settings = replace(settings, database=Database(url=sqlite_url))
    stop = threading.Event()
    with processor.wait_for_turn(settings, stop):
        second = threading.Event()

        def wait() -> None:
            with processor.wait_for_turn(settings, stop):
                second.set()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        assert not second.wait(0.1)
    assert second.wait(HANG)
    thread.join(HANG)


# DNS that does not answer


def test_a_message_whose_proof_is_unknown_waits_and_nobody_with_it(known: Settings, quick: None) -> None:
    allow(known)
    write_zone(known, SILENT)
    unknown, other = mail("unknown"), mail("other", "eve@stranger.example")
    put(known, unknown, other)
    with judging(known):
        wait_until(lambda: other[0].spool_id in record(known) and not [*(known.spool.directory / "incoming").iterdir()])
        assert unknown[0].spool_id not in record(known)
        write_zone(known, ZONE)
        wait_until(lambda: not waiting(known))
    assert record(known)[unknown[0].spool_id] == (unknown[1], [(State.QUEUED, "allowed-sender")])


@pytest.mark.parametrize("age", [processor.PATIENCE, timedelta(days=-365)], ids=["old", "from a clock that was ahead"])
def test_after_fifteen_minutes_it_is_held_as_it_is(known: Settings, quick: None, age: timedelta) -> None:
    allow(known)
    write_zone(known, SILENT)
    envelope, raw = mail()
    Spool(known.spool.directory).defer_message(
        replace(envelope, received_at=utcnow() - age), raw, not_before=utcnow(), attempt=processor.FEWEST_TRIES - 1
    )
    with judging(known):
        wait_until(lambda: not waiting(known))
    assert record(known)[envelope.spool_id][1] == [(State.HELD, "proof-unknown")]


def test_a_backlog_is_not_held_because_dns_comes_up_after_the_judge(known: Settings, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "FEWEST_TRIES", 1000)  # moments, not minutes, lie between them here
    allow(known)
    write_zone(known, SILENT)
    envelope, raw = mail()
    put(known, (replace(envelope, received_at=utcnow() - timedelta(hours=1)), raw))
    with judging(known):
        wait_until(lambda: waiting(known) and not [*(known.spool.directory / "incoming").iterdir()])
        write_zone(known, ZONE)
        wait_until(lambda: not waiting(known))
    assert record(known)[envelope.spool_id][1] == [(State.QUEUED, "allowed-sender")]


class Clock:
    """The judge's clock, which only the test moves."""

    def __init__(self) -> None:
        self.now = self.started = utcnow()

    def __call__(self) -> datetime:
        return self.now


def test_it_is_asked_again_at_growing_intervals_for_fifteen_minutes_also_by_the_next_judge(
    known: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(processor, "PAUSE", 0.02)
    monkeypatch.setattr(processor, "utcnow", clock)
    write_zone(known, SILENT)
    envelope, raw = mail()
    put(known, (replace(envelope, received_at=clock.now), raw))
    ages: list[int] = []
    while True:
        with judging(known):  # each time another process: what waits is on disk
            wait_until(lambda: record(known) or [name[16:22] for name in waiting(known)] == [f".{len(ages) + 1:03d}.0"])
            if record(known):
                wait_until(lambda: not waiting(known))
                break
            (name,) = waiting(known)
            not_before = from_micros(int(name.partition(".")[0]))
            ages.append(round((not_before - clock.started).total_seconds()))
            clock.now = not_before - timedelta(seconds=1)
            threading.Event().wait(0.1)
            assert waiting(known) == [name]
        clock.now = not_before
    assert ages == [5, 20, 65, 200, 605, 900]
    assert record(known)[envelope.spool_id] == (raw, [(State.HELD, "proof-unknown")])


def test_who_is_known_by_another_proof_does_not_wait(known: Settings) -> None:
    with engine_of(known) as engine, transaction(engine) as session:
        order = RuleOrder("allow", "list", "dev.lists.example", "company", "dkim:example.com")
        rules.add_rule(session, order, by=arriving.ANA, now=utcnow(), settings=known)
    write_zone(known, SILENT + f"s._domainkey.example.com. 300 IN TXT {in_zone_file(published())}\n")
    envelope, raw = mail()
    signed_post = signed(b"List-Id: <dev.lists.example>\r\n" + raw, names=[b"from", b"subject", b"message-id", b"list-id"])
    put(known, (envelope, signed_post), mail())
    with judging(known):
        wait_until(lambda: envelope.spool_id in record(known))
        assert len(record(known)) == 1
    assert record(known)[envelope.spool_id][1] == [(State.QUEUED, "allowed-sender")]


@pytest.mark.parametrize(
    ("attempt", "age", "expected"),
    [(0, 0, 5), (1, 5, 15), (2, 20, 45), (3, 65, 135), (4, 200, 405), (5, 605, 295), (9, 880, 20), (9, 950, 600)],
    ids=str,
)
def test_when_it_is_judged_again(attempt: int, age: int, expected: int, tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    envelope = replace(mail()[0], received_at=now - timedelta(seconds=age))
    message = Judged(envelope, b"", attempt, lambda: None)
    assert processor.retry_at(message, now) == now + timedelta(seconds=expected)


# forwarders and lists


def forwarded(raw: bytes, said: str = "dmarc=pass header.from=supplier.example") -> bytes:
    """The message as a forwarder passes it on that seals what it found."""
    results = f"mx.forwarder.example; {said}"
    fields = arc_seal.seal_message(raw, results, Result.NONE, domain="forwarder.example", selector="s", key=rsa_key(2048), now=utcnow())
    return fields + raw


def test_a_trusted_forwarder_vouches_for_whom_it_passes_on(known: Settings) -> None:
    known = replace(known, policy=replace(known.policy, trusted_arc_sealers=("forwarder.example",)))
    write_zone(known, ZONE + f"s._domainkey.forwarder.example. 300 IN TXT {in_zone_file(published())}\n")
    with engine_of(known) as engine, transaction(engine) as session:
        order = RuleOrder("allow", "address", "sales@supplier.example", "company", "arc:forwarder.example")
        rules.add_rule(session, order, by=arriving.ANA, now=utcnow(), settings=known)
    raw = mail()[1]
    cases = {
        "vouched for": (forwarded(raw), [(State.QUEUED, "allowed-sender")]),
        "changed since": (forwarded(raw).replace(b"hello\r\n", b"hallo\r\n"), [(State.HELD, "dmarc-reject")]),
        "failed there": (forwarded(raw, "dmarc=fail header.from=supplier.example"), [(State.HELD, "dmarc-reject")]),
        "another author": (forwarded(raw, "dmarc=pass header.from=elsewhere.example"), [(State.HELD, "dmarc-reject")]),
        "not sealed": (raw, [(State.HELD, "dmarc-reject")]),
    }
    envelopes = {name: replace(mail()[0], client="203.0.113.9") for name in cases}
    put(known, *((envelopes[name], one) for name, (one, _) in cases.items()))
    with judging(known):
        wait_until(lambda: not waiting(known))
    found = record(known)
    assert {name: found[envelope.spool_id][1] for name, envelope in envelopes.items()} == {
        name: wanted for name, (_, wanted) in cases.items()
    }


# behind an edge


def test_what_an_edge_hands_over_is_judged_by_the_client_it_names_or_by_what_it_found(known: Settings) -> None:
    known = replace(known, smtp=replace(known.smtp, trusted_authserv_ids=("mx.edge.example",)))
    allow(known)
    with engine_of(known) as engine, transaction(engine) as session:
        order = RuleOrder("block", "address", "eve@stranger.example", "company")
        rules.add_rule(session, order, by=arriving.ANA, now=utcnow(), settings=known)
    stated = b"Authentication-Results: mx.edge.example; dmarc=pass header.from=supplier.example\r\n"
    named, unnamed, believed = (mail()[0] for _ in range(3))
    forged, blocked = mail()[0], mail("blocked", "eve@stranger.example")[0]
    raw, edge = mail()[1], "198.51.100.1"
    put(known, (replace(named, edge=edge), raw))
    put(known, (replace(unnamed, edge=edge, client=""), raw))
    put(known, (replace(believed, edge=edge, client=""), stated + raw))
    put(known, (replace(forged, client="203.0.113.9"), stated + raw))
    put(known, (replace(blocked, edge=edge), mail("blocked", "eve@stranger.example")[1]))
    with judging(known):
        wait_until(lambda: not waiting(known))
    outcome = {spool_id: deliveries for spool_id, (_, deliveries) in record(known).items()}
    assert outcome == {
        named.spool_id: [(State.QUEUED, "allowed-sender")],
        unnamed.spool_id: [(State.HELD, "dmarc-reject")],
        believed.spool_id: [(State.QUEUED, "allowed-sender")],
        forged.spool_id: [(State.HELD, "dmarc-reject")],
        blocked.spool_id: [(State.PURGED, "blocked-sender")],
    }


# clients that are known as bad


def test_what_comes_from_a_listed_client_is_purged_on_arrival_unless_it_is_from_somebody_known(known: Settings) -> None:
    known = replace(known, policy=replace(known.policy, dns_lists=("zen.example",), listed_sample=0))
    write_zone(known, ZONE.replace("192.0.2.1", "198.97.190.53") + "53.190.97.198.zen.example. 300 IN A 127.0.0.4\n")
    allow(known)
    messages = {name: mail(name) for name in ("known", "stranger", "elsewhere")}
    senders = {"known": ("sales@supplier.example", "198.97.190.53"), "stranger": ("eve@stranger.example", "198.97.190.53")}
    for name, (envelope, raw) in messages.items():
        sender, client = senders.get(name, ("eve@stranger.example", "198.97.190.54"))
        put(known, (replace(envelope, client=client, reverse_path=sender), raw.replace(b"sales@supplier.example", sender.encode(), 1)))
    with judging(known):
        wait_until(lambda: not waiting(known))
    found = record(known)
    assert {name: found[envelope.spool_id][1] for name, (envelope, _) in messages.items()} == {
        "known": [(State.QUEUED, "allowed-sender")],
        "stranger": [(State.PURGED, "listed-client")],
        "elsewhere": [(State.HELD, "first-contact")],
    }


# messages that do not fit


def test_a_message_that_cannot_be_entered_is_kept_and_holds_nobody_up(
    known_on_both: Settings, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = intake.receive_all

    def picky(session: Session, arrivals: Sequence[Arrival], **more: Any) -> list[tuple[int, ...] | Exception]:
        if any(picky_about in one.raw for one in arrivals):
            session.add(Person(uid="joe.fern", name="twice", department="it", mailbox="x@company.example", active=True))
            session.flush()  # breaks a constraint of the database
        return real(session, arrivals, **more)

    picky_about = b"broken"
    monkeypatch.setattr(intake, "receive_all", picky)
    good, broken, last = mail("good"), mail("broken"), mail("last")
    put(known_on_both, good, broken, last)
    with judging(known_on_both):
        wait_until(lambda: set(record(known_on_both)) == {good[0].spool_id, last[0].spool_id})
        wait_until(lambda: any(".002." in name for name in waiting(known_on_both)))
        picky_about = b"nothing"
        wait_until(lambda: not waiting(known_on_both))
    assert record(known_on_both)[broken[0].spool_id][0] == broken[1]


def old(message: Message) -> Message:
    """The message as one that waits for longer than DNS is waited for."""
    return replace(message[0], received_at=utcnow() - 2 * processor.PATIENCE), message[1]


def test_what_we_fail_over_again_and_again_is_held_unread(known_on_both: Settings, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    real = stages.look_at_message

    def failing(seen: Seen, *more: Any) -> stages.AtSight:
        if "broken" in seen.summary.text:
            raise ValueError("a fault\x1b of ours")
        return real(seen, *more)

    monkeypatch.setattr(stages, "look_at_message", failing)
    allow(known_on_both)
    good, broken = mail("good"), old(mail("broken"))
    put(known_on_both, good, broken)
    with judging(known_on_both):
        wait_until(lambda: not waiting(known_on_both))
    assert record(known_on_both) == {
        good[0].spool_id: (good[1], [(State.QUEUED, "allowed-sender")]),
        broken[0].spool_id: (broken[1], [(State.HELD, "unparsable")]),
    }
    with engine_of(known_on_both) as engine, read_transaction(engine) as session:
        row = session.scalars(select(StoredMessage).where(col(StoredMessage.spool_id) == broken[0].spool_id)).one()
    (unreadable,) = [one for one in row.signals if one["name"] == "unreadable"]
    assert unreadable["evidence"] == [r"Mailroom failed to process it: ValueError: a fault\x1b of ours"]


def test_the_words_of_what_is_held_unread_stay_nowhere(known_on_both: Settings, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(facts: Facts) -> Verdict:
        if "zebra" in facts.summary.text:
            raise ValueError("a fault of ours")
        return decide_verdict(facts)

    monkeypatch.setattr(intake, "decide_verdict", failing)
    put(known_on_both, old(mail("A zebra crossed the meadow behind our orchard yesterday, and everybody watched in amazement.")))
    with judging(known_on_both):
        wait_until(lambda: not waiting(known_on_both))
    with engine_of(known_on_both) as engine, read_transaction(engine) as session:
        assert [one.rule for one in session.scalars(select(Delivery))] == ["unparsable"]
        assert session.scalars(select(Representative)).all() == []


@pytest.mark.postgresql
def test_a_judge_that_is_killed_once_it_held_a_message_unread_leaves_no_words(settings: Settings, postgresql_url: str) -> None:
    def killed() -> None:
        raise SystemExit

    settings = set_up(settings, postgresql_url)
    envelope, raw = mail("A zebra crossed the meadow behind our orchard yesterday, and everybody watched in amazement.")
    envelope = replace(envelope, received_at=utcnow() - 2 * processor.PATIENCE)
    summary = make_summary(raw)
    message = Judged(envelope, raw, OFTEN - 1, killed, found=Found(Authentication(""), summary), fault="OSError: ours")
    with engine_of(settings) as engine:
        with transaction(engine) as session:
            assert campaigns.assign_campaign(session, Fingerprint.from_text(summary.fingerprint), now=utcnow())
        with pytest.raises(SystemExit):
            processor.Writer(engine, Spool(settings.spool.directory), settings, []).settle([message], threading.Event())
        with read_transaction(engine) as session:
            assert [one.rule for one in session.scalars(select(Delivery))] == ["unparsable"]
            assert session.scalars(select(Representative)).all() == []


def test_what_cannot_even_be_held_unread_is_kept_counted_and_named(known: Settings, quick: None) -> None:
    envelope, raw = old(mail("nobody's"))
    bad, good = (replace(envelope, recipients=("no address",)), raw), mail("good")
    put(known, bad, good)
    directory = known.spool.directory
    with judging(known):
        wait_until(lambda: spool_backlog(directory).stuck == 1)
        wait_until(lambda: len(waiting(known)) == 1 and good[0].spool_id in record(known))
    assert (spool_backlog(directory).deferred, spool_backlog(directory).messages) == (1, 0)
    (stuck,) = spool_retry.list_waiting(directory)
    assert ((stuck.envelope, stuck.raw), stuck.spool) == (bad, "incoming")
    assert stuck.attempt >= OFTEN
    assert stuck.why.startswith("ValueError: ")
    assert bad[0].spool_id not in record(known)


@pytest.mark.parametrize(
    ("attempt", "age", "entered"),
    [(OFTEN - 1, 2 * processor.PATIENCE, True), (OFTEN - 2, 2 * processor.PATIENCE, False), (OFTEN - 1, timedelta(), False)],
    ids=["often enough", "not often enough", "within the time that DNS has"],
)
def test_when_a_message_is_held_unread(known: Settings, attempt: int, age: timedelta, entered: bool) -> None:
    envelope, raw = mail()
    settled = threading.Event()
    message = Judged(replace(envelope, received_at=utcnow() - age), raw, attempt, settled.set, fault="OSError: ours")
    with engine_of(known) as engine:
        assert processor.Writer(engine, Spool(known.spool.directory), known, []).settle([message], threading.Event()) == []
    assert settled.is_set(), "it is safe elsewhere"
    assert (len(record(known)), spool_backlog(known.spool.directory).deferred) == ((1, 0) if entered else (0, 1))


@pytest.mark.postgresql
def test_a_transaction_that_gets_in_the_way_of_a_person_is_done_again(
    settings: Settings, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = set_up(settings, postgresql_url)
    tries: list[int] = []

    with engine_of(settings) as engine, circle.closed_by(engine) as enter:

        def take(session: Session) -> list[Exception | None]:
            tries.append(1)
            if len(tries) == 1:
                enter(session)
            return [None]

        writer = processor.Writer(engine, Spool(settings.spool.directory), settings, [])
        monkeypatch.setattr(writer, "work", lambda _: take)
        assert writer.receive([]) == [None]
    assert len(tries) == 2


def test_messages_that_kill_their_parser_are_held_and_nobody_waits(known: Settings, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def crashing(size: int, seconds: float) -> Pool:
        return Pool("tests.mta.crashing:summarise_json", size=size, memory_bytes=processor.PARSER_MEMORY, seconds=seconds)

    monkeypatch.setattr(processor, "bounded_parsers", crashing)
    monkeypatch.setattr(processor, "FAST_PARSER", 0.7)
    monkeypatch.setattr(processor, "SLOW_PARSER", 0.8)
    killers = [mail(word) for word in ("killer", "looper", "sleeper", "glutton", "forker")]
    good = [mail(f"good {number}") for number in range(20)]
    put(known, *killers, *good)
    with judging(known):
        wait_until(lambda: all(envelope.spool_id in record(known) for envelope, _ in good))
        wait_until(lambda: not waiting(known))
    found = record(known)
    for envelope, _ in good:
        assert found[envelope.spool_id][1] == [(State.HELD, "first-contact")]
    for envelope, raw in killers:
        assert found[envelope.spool_id] == (raw, [(State.HELD, "unparsable")])


def test_what_is_readable_of_a_damaged_batch_is_entered(known: Settings) -> None:
    messages = [mail("one"), mail("two"), mail("three")]
    path = put(known, *messages)
    path.write_bytes(path.read_bytes().replace(b"\r\ntwo\r\n", b"\r\ntwx\r\n"))
    with judging(known):
        wait_until(lambda: not waiting(known))
    assert set(record(known)) == {messages[0][0].spool_id, messages[2][0].spool_id}
    assert len([*(known.spool.directory / "damaged").iterdir()]) == 1


def test_what_neither_record_nor_retry_spool_takes_stays_in_its_batch(
    known: Settings, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tried, full = Spool.defer_message, [0], threading.Event()

    def defer_message(self: Spool, *message: Any, **when: Any) -> None:
        tried[0] += 1
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, *message, **when)

    monkeypatch.setattr(Spool, "defer_message", defer_message)
    full.set()
    write_zone(known, SILENT)
    message = mail()
    path = put(known, message)
    with judging(known):
        wait_until(lambda: tried[0] > 2)
        assert waiting(known) == [path.name]
        full.clear()
        wait_until(lambda: path.name not in waiting(known))
        write_zone(known, ZONE)
        wait_until(lambda: not waiting(known))
    assert set(record(known)) == {message[0].spool_id}


# a database that is down


def test_a_database_that_is_down_is_waited_for(known: Settings, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, down = [0], threading.Event()
    down.set()

    @contextlib.contextmanager
    def failing(engine: Engine) -> Iterator[Session]:
        if down.is_set():
            tried[0] += 1
            raise OperationalError("BEGIN", {}, Exception("the database is down"))
        with transaction(engine) as session:
            yield session

    for module in (processor, db):
        monkeypatch.setattr(module, "transaction", failing)
    messages = [mail(str(number)) for number in range(5)]
    put(known, *messages)
    with judging(known):
        wait_until(lambda: tried[0] > 6)
        assert len(waiting(known)) == 1
        down.clear()
        wait_until(lambda: not waiting(known))
    assert set(record(known)) == {envelope.spool_id for envelope, _ in messages}


def test_a_judge_that_stops_leaves_the_rest_for_the_next(known: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "GROUP", 1)
    messages = [mail(str(number)) for number in range(40)]
    for message in messages:
        put(known, message)
    with judging(known):
        wait_until(lambda: len(waiting(known)) < 40)
    left = len(waiting(known))
    assert left + len(record(known)) >= 40
    with judging(known):
        wait_until(lambda: not waiting(known))
    assert set(record(known)) == {envelope.spool_id for envelope, _ in messages}


# the SMTP server


def door(settings: Settings) -> RecipientMap | None:
    return recipient_map_file.SnapshotFile(settings.spool.directory).current()


def test_the_door_snapshot_follows_the_record(known_on_both: Settings, quick: None) -> None:
    with engine_of(known_on_both) as engine:
        version = recipient_map_writer.write_recipient_map(known_on_both, engine)
        first = door(known_on_both)
        assert first is not None
        for address in ("joe.fern@company.example", "it+joe.fern@company.example", "postmaster@company.example"):
            assert first.admits(Address.parse(address))
        assert "evil.example" not in first.blocked
        with judging(known_on_both):
            with transaction(engine) as session:
                order = RuleOrder("block", "domain", "evil.example", "company")
                rules.add_rule(session, order, by=arriving.IDA, now=utcnow(), settings=known_on_both)
            wait_until(lambda: (now := door(known_on_both)) is not None and "evil.example" in now.blocked)
        assert recipient_map_writer.write_recipient_map(known_on_both, engine) != version


# what may be under way at once


class Incurious(Examiner):
    """Finds nothing out."""

    def __init__(self) -> None: ...

    def examine(self, envelope: Envelope, raw: bytes) -> Found:
        return NOTHING


@pytest.fixture
def lane(settings: Settings) -> Iterator[Lane]:
    """Lane that has read a batch of two messages and waits for both to be settled."""
    spool = Spool(settings.spool.directory)
    write_batch(spool.incoming, batch_name(1, 2), [mail(), mail()])
    judged: SimpleQueue[Judged] = SimpleQueue()
    lane = Lane(spool, Incurious(), judged, workers=1)
    lane.feed(spool.batches())
    yield lane
    lane.close()
    lane.unlock_batches()


def test_a_message_that_is_settled_twice_takes_no_other_one_with_it(lane: Lane) -> None:
    one, other = lane.judged.get(timeout=HANG), lane.judged.get(timeout=HANG)
    for _ in range(3):
        one.settled()
    assert [*lane.spool.incoming.glob("*.batch")]
    other.settled()
    assert not [*lane.spool.incoming.iterdir()]
    assert (lane.room.messages, lane.room.bytes) == (0, 0)


def test_a_batch_that_cannot_be_removed_is_no_fault_of_its_messages(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Batch) -> None:
        raise OSError(errno.ENOSPC, "no room for its name in damaged/")

    monkeypatch.setattr(lane.spool, "remove", full)
    for _ in range(2):
        lane.judged.get(timeout=HANG).settled()
    lane.feed(lane.spool.batches())
    assert lane.judged.empty()


def test_a_batch_that_cannot_be_opened_keeps_none_behind_it_waiting(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        lane.judged.get(timeout=HANG).settled()
    for _ in range(2):
        write_batch(lane.spool.incoming, batch_name(1, 1), [mail()])
    broken, sound = lane.spool.batches()
    hold = lane.spool.hold

    def refuse(batch: Batch) -> bool:
        if batch.path == broken.path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return hold(batch)

    monkeypatch.setattr(lane.spool, "hold", refuse)
    lane.feed(lane.spool.batches())
    lane.judged.get(timeout=HANG).settled()
    assert [one.path for one in lane.spool.batches()] == [broken.path]
    assert not sound.path.exists()
    monkeypatch.setattr(lane.spool, "hold", hold)
    lane.feed(lane.spool.batches())
    lane.judged.get(timeout=HANG).settled()
    assert [*lane.spool.batches()] == []


def test_a_lane_has_room_for_so_much_and_always_for_one() -> None:
    room = Room(most_bytes=10, most_messages=3)
    assert room.take(100)
    assert not room.has(1)
    room.give_back(100)
    assert all(room.take(3) for _ in range(3))
    assert not room.has(1)
    went: list[bool] = []
    thread = threading.Thread(target=lambda: went.append(room.take(5)))
    thread.start()
    room.give_back(3)
    thread.join(0.05)
    assert went == []
    room.give_back(3)
    thread.join(HANG)
    assert went == [True]
    room.close()
    assert not room.take(1)
