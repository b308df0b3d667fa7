"""The spool: many sessions and few files, what a crash leaves, what damage costs, and a disk that is full."""

import contextlib
import errno
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings as hypothesis_settings, strategies as st

from mta.spool import spool as spool_module
from mta.spool.batch_file import HEAD, MAGIC, MARK, Message, write_batch, write_message
from mta.spool.spool import Batch, Spool
from tests.effort import FULL, examples
from tests.peers.processes import HANG
from triage.addressing.envelope import Envelope
from triage.errors import BadInput
from triage.ids import new_id
from triage.runtime.spool_stats import Backlog, batch_name, spool_backlog
from triage.times import utcnow

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def envelope(number: int = 0) -> Envelope:
    return Envelope(number or new_id(), AT, "a@stranger.example", ("anna@company.example", "bär@company.example"), "192.0.2.1", "c\x1b")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "spool")
    yield opened
    opened.close()


def taken(spool: Spool, batch: Batch) -> list[Message]:
    """Read a batch and finish with it."""
    assert spool.hold(batch)
    messages = list(spool.read(batch))
    spool.remove(batch)
    return messages


def void(_: object) -> None:
    """For calls whose result does not matter."""


def everything(spool: Spool) -> list[Message]:
    return [message for batch in spool.batches() for message in taken(spool, batch)]


def files(spool: Spool) -> list[str]:
    return sorted(path.name for path in (*spool.incoming.iterdir(), *spool.retry.iterdir()))


def test_a_new_batch_was_never_deferred_and_shows_no_file(spool: Spool) -> None:
    spool.append(envelope(), b"x").result(HANG)
    (batch,) = spool.batches()
    assert (batch.attempt, batch.file, batch.damaged) == (0, None, False)
    assert spool.hold(batch)
    assert repr(batch) == f"Batch(path={batch.path!r}, attempt=0, damaged=False)"
    spool.remove(batch)


def test_what_is_appended_is_read_byte_for_byte_and_oldest_first(spool: Spool) -> None:
    messages = [(envelope(), raw) for raw in (b"", b"\0\r\n.\r\nMRsp", b"x" * 300_000, "ü".encode("latin-1"))]
    for one in messages:
        assert spool.append(*one).result(HANG) is None
    assert everything(spool) == messages
    assert everything(spool) == []
    assert files(spool) == []


def test_sessions_that_wait_share_one_file(spool: Spool) -> None:
    rung, gate = [], threading.Event()

    def after_batch() -> None:
        rung.append(1)
        gate.wait(HANG)  # the disk is slow

    spool.after_batch = after_batch
    first = spool.append(envelope(), b"first")
    while not rung:
        threading.Event().wait(0.001)
    others = [spool.append(envelope(), b"%d" % number) for number in range(200)]
    gate.set()
    for future in (first, *others):
        future.result(HANG)
    assert len(files(spool)) == len(rung) == 2
    assert [raw for _, raw in everything(spool)] == [b"first", *(b"%d" % number for number in range(200))]


def test_a_judge_that_cannot_be_woken_keeps_no_session_waiting(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise OSError("no pipe")

    spool.after_batch = broken
    for number in range(2):
        assert spool.append(envelope(), b"%d" % number).result(HANG) is None
    assert len(everything(spool)) == 2
    assert [record.getMessage() for record in caplog.records] == ["the judge could not be woken and will look by itself: no pipe"] * 2


@pytest.mark.parametrize(("crowd", "waits"), [(2, []), (3, [0.002]), (4, [0.002])])
def test_after_a_crowd_the_next_batch_waits_for_more(spool: Spool, monkeypatch: pytest.MonkeyPatch, crowd: int, waits: list[float]) -> None:
    slept: list[float] = []
    begun, gate = threading.Event(), threading.Event()

    def after_batch() -> None:
        begun.set()
        gate.wait(HANG)

    spool.after_batch = after_batch
    monkeypatch.setattr(time, "sleep", slept.append)
    first = spool.append(envelope(), b"")
    assert begun.wait(HANG)
    others = [spool.append(envelope(), b"") for _ in range(crowd)]
    gate.set()
    for future in (first, *others):
        future.result(HANG)
    assert slept == []
    spool.append(envelope(), b"").result(HANG)
    assert slept == waits


def test_what_waits_is_written_before_the_spool_is_closed(spool: Spool) -> None:
    begun, gate = threading.Event(), threading.Event()

    def after_batch() -> None:
        begun.set()
        gate.wait(HANG)

    spool.after_batch = after_batch
    futures = [spool.append(envelope(), b"0")]
    assert begun.wait(HANG)
    futures += [spool.append(envelope(), b"%d" % number) for number in (1, 2)]
    closing = threading.Thread(target=spool.close)
    closing.start()
    while spool._waiting.qsize() < 3:  # two messages, and that it is the end
        threading.Event().wait(0.001)
    gate.set()
    closing.join(HANG)
    assert not closing.is_alive()
    assert [future.result(0) for future in futures] == [None] * 3
    assert [raw for _, raw in everything(spool)] == [b"0", b"1", b"2"]


def test_a_closed_spool_takes_messages_again(spool: Spool) -> None:
    for raw in (b"one", b"two"):
        spool.append(envelope(), raw).result(HANG)
        spool.close()
        spool.close()
    assert [raw for _, raw in everything(spool)] == [b"one", b"two"]


def test_the_writer_is_known_by_name_and_keeps_no_process_from_ending(spool: Spool) -> None:
    spool.append(envelope(), b"x").result(HANG)
    assert ("spool writer", True) in [(thread.name, thread.daemon) for thread in threading.enumerate()]


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([3_000_000] * 12, [6, 6]),  # the sixth is what makes it 16 MiB
        ([17_000_000, 10, 10], [1, 2]),
        ([10, 17_000_000, 10], [2, 1]),
        ([8_388_608, 8_388_608, 10], [2, 1]),  # 16 MiB to the byte
        ([10] * 600, [256, 256, 88]),
    ],
)
def test_a_batch_has_a_largest_size(spool: Spool, sizes: list[int], batches: list[int]) -> None:
    begun, gate = threading.Event(), threading.Event()

    def after_batch() -> None:
        begun.set()
        gate.wait(HANG)  # until all others wait

    spool.after_batch = after_batch
    first = spool.append(envelope(), b"")
    assert begun.wait(HANG)
    others = [spool.append(envelope(), b"x" * size) for size in sizes]
    gate.set()
    for future in (first, *others):
        future.result(HANG)
    assert [len(taken(spool, batch)) for batch in spool.batches()] == [1, *batches]


def test_the_directories_outlive_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[Path, set[str]]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path, {one.name for one in path.iterdir()}))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    Spool(tmp_path / "new")
    assert sorted(synced) == [(tmp_path, {"new"}), (tmp_path / "new", {"incoming", "retry", "damaged"})]


def test_nobody_hears_of_safety_before_the_file_has_its_name(spool: Spool) -> None:
    seen: list[list[str]] = []
    future = spool.append(envelope(), b"x")
    future.add_done_callback(lambda _: seen.append(files(spool)))
    future.result(HANG)
    spool.close()
    assert [[Path(name).suffix for name in names] for names in seen] == [[".batch"]]


def test_a_batch_that_one_holds_is_nobody_elses(spool: Spool, tmp_path: Path) -> None:
    spool.append(envelope(), b"x").result(HANG)
    other = Spool(tmp_path / "spool")
    (mine,) = spool.batches()
    (theirs,) = other.batches()
    assert spool.hold(mine)
    assert other.hold(theirs) is False
    spool.unlock_batch(mine)
    assert other.hold(theirs)
    other.remove(theirs)
    assert spool.hold(mine) is False


def test_an_unlocked_batch_is_read_by_the_next_process_that_holds_it(spool: Spool) -> None:
    spool.append(envelope(), b"x").result(HANG)
    (mine,) = spool.batches()
    assert spool.hold(mine)
    for _ in range(2):
        spool.unlock_batch(mine)
    with pytest.raises(AssertionError, match="hold the batch first"):
        spool.read(mine)
    assert [raw for _, raw in taken(spool, mine)] == [b"x"]


def test_a_batch_finished_while_it_was_being_opened_is_not_read_again(spool: Spool) -> None:
    spool.append(envelope(), b"x").result(HANG)
    (mine,) = spool.batches()
    with mine.path.open("rb") as opened:
        assert taken(spool, mine)
        late = Batch(Path(f"/proc/self/fd/{opened.fileno()}"))
        assert spool.hold(late) is False


# a backlog


def test_a_long_backlog_is_read_in_order_and_what_comes_meanwhile_in_the_next_round(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SLICE", 7)
    for number in range(30):
        write_batch(spool.incoming, batch_name(number, 1), [(envelope(number + 1), b"%d" % number)])
    found = []
    for batch in spool.batches():
        found += [raw for _, raw in taken(spool, batch)]
        if len(found) == 3:
            write_batch(spool.incoming, batch_name(1, 1), [(envelope(100), b"late")])
    assert found == [b"%d" % number for number in range(30)]
    assert [raw for _, raw in everything(spool)] == [b"late"]


MANY = 100_000 if FULL else 25_000
BACKLOG = """
import resource, sys
from pathlib import Path
from mta.spool.spool import Spool
spool, expected, start = Spool(Path(sys.argv[1])), 1, 0
for number, batch in enumerate(spool.batches()):
    assert spool.hold(batch)
    for envelope, raw in spool.read(batch):
        assert (envelope.spool_id, raw) == (expected, b"x" * 200)
        expected += 1
    spool.remove(batch)
    if number == 20:
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(expected - 1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""


def test_very_many_messages_are_read_in_order_with_constant_memory(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", void)  # this is about reading
    numbers = iter(range(1, MANY + 1))
    while group := [(envelope(number), b"x" * 200) for number in islice(numbers, 250)]:
        write_batch(spool.incoming, batch_name(1, len(group)), group)
    assert spool_backlog(spool.incoming.parent).messages == MANY
    command = [sys.executable, "-c", BACKLOG, str(spool.incoming.parent)]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], timeout=4 * HANG, capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == MANY
    assert grown < 4 * 1024, f"{grown} KiB more after all batches than after 20"


def test_the_backlog_is_known_from_the_names(spool: Spool) -> None:
    directory = spool.incoming.parent
    assert spool_backlog(directory) == Backlog()
    for future in [spool.append(envelope(), b"x") for _ in range(40)]:
        future.result(HANG)
    one_batch(spool, [b"written by another version"])
    spool.defer_message(envelope(), b"x", not_before=AT, attempt=1)
    (spool.damaged / "1.batch").write_bytes(b"")
    (spool.incoming / "half.batch.tmp").write_bytes(b"half")
    found = spool_backlog(directory)
    assert (found.messages, found.deferred, found.damaged) == (41, 1, 1)
    assert found.oldest is not None
    assert abs((utcnow() - found.oldest).total_seconds()) < HANG


def test_a_session_waits_for_the_batch_under_way_and_its_own_and_for_no_more(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    batches, real = 0, os.fsync

    def slow(descriptor: int) -> None:
        nonlocal batches
        real(descriptor)
        batches += Path(f"/proc/self/fd/{descriptor}").is_file()
        time.sleep(0.02)

    monkeypatch.setattr(os, "fsync", slow)
    waited: list[int] = []

    def session() -> None:
        promise = spool.append(envelope(), b"x")
        before = batches
        promise.add_done_callback(lambda _: waited.append(batches - before))  # in the writer's thread: nobody's turn in between
        promise.result(HANG)

    threads = [threading.Thread(target=session) for _ in range(60)]
    for thread in threads:
        thread.start()
        time.sleep(0.003)
    for thread in threads:
        thread.join(HANG)
    assert len(waited) == 60
    assert max(waited) <= 2


# retry


def test_a_deferred_message_comes_back_when_it_is_due(spool: Spool) -> None:
    one, two = envelope(), envelope()
    spool.defer_message(two, b"two", not_before=AT + timedelta(seconds=15), attempt=2)
    spool.defer_message(one, b"one", not_before=AT + timedelta(seconds=5), attempt=1)
    (spool.retry / "stray.batch").write_bytes(b"")
    assert [*spool.due(AT)] == []
    assert [batch.attempt for batch in spool.due(AT + timedelta(seconds=5))] == [1]
    batches = [*spool.due(AT + timedelta(minutes=1))]
    assert [batch.attempt for batch in batches] == [1, 2]
    assert [taken(spool, batch) for batch in batches] == [[(one, b"one")], [(two, b"two")]]
    assert everything(spool) == []


def test_messages_deferred_by_a_fast_clock_are_due_now(spool: Spool) -> None:
    spool.defer_message(envelope(), b"soon", not_before=AT + timedelta(minutes=10), attempt=3)
    spool.defer_message(envelope(), b"next year", not_before=AT + timedelta(days=365), attempt=1)
    spool.defer_message(envelope(), b"in an hour", not_before=AT + timedelta(hours=1), attempt=2)
    assert [batch.attempt for batch in spool.due(AT)] == [1]
    assert sorted(batch.attempt for batch in spool.due(AT - timedelta(microseconds=1))) == [1, 2]
    spool.remove([*spool.due(AT + timedelta(hours=1))][1])
    assert [taken(spool, batch)[0][1] for batch in spool.due(AT)] == [b"next year"]
    assert [taken(spool, batch)[0][1] for batch in spool.due(AT + timedelta(minutes=10))] == [b"soon"]


# crashes and damage


CRASH = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from mta.spool import spool
from triage.addressing.envelope import Envelope
real = os.fsync
def dies(descriptor):
    if os.path.isfile(f"/proc/self/fd/{descriptor}"):
        os.kill(os.getpid(), 9)
    real(descriptor)
opened = spool.Spool(Path(sys.argv[1]))
e = Envelope(1, datetime.now(UTC), "", ("a@b.example",), "192.0.2.1", "c")
opened.append(e, b"first").result()
os.fsync = dies
opened.append(e, b"second").result()
"""


def test_a_killed_writer_leaves_nothing_that_counts(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CRASH, str(tmp_path)], cwd=Path(__file__).parents[3], timeout=HANG, check=False)
    assert done.returncode == -9
    spool = Spool(tmp_path)
    assert len([*spool.incoming.glob("*.tmp")]) == 1
    spool.start()
    assert [*spool.incoming.glob("*.tmp")] == []
    assert [raw for _, raw in everything(spool)] == [b"first"]
    spool.close()


def test_a_starting_writer_leaves_the_file_of_another_alone(spool: Spool, tmp_path: Path) -> None:
    class Slow(list[Message]):
        """Starts another writer while the first one is at work."""

        def __iter__(self) -> Iterator[Message]:
            assert [*spool.incoming.glob("*.tmp")]
            other = Spool(tmp_path / "spool")
            other.start()
            other.close()
            return super().__iter__()

    write_batch(spool.incoming, "1.batch", Slow([(envelope(), b"mine")]))
    assert [raw for _, raw in everything(spool)] == [b"mine"]


def test_what_a_killed_judge_left_half_written_is_removed(spool: Spool) -> None:
    spool.defer_message(envelope(), b"whole", not_before=AT, attempt=1)
    (spool.retry / "half.batch.tmp").write_bytes(b"half")
    spool.tidy()
    assert [raw for batch in spool.due(AT) for _, raw in taken(spool, batch)] == [b"whole"]
    assert files(spool) == []


def one_batch(spool: Spool, raws: list[bytes]) -> Path:
    write_batch(spool.incoming, "0.batch", [(envelope(number + 1), raw) for number, raw in enumerate(raws)])
    return spool.incoming / "0.batch"


ALL = [b"one", b"two", b"three"]
OPENING = len(MAGIC) + MARK


@pytest.mark.parametrize(
    ("damage", "readable"),
    [
        (lambda raw: raw[:-1], ALL),
        (lambda raw: raw[:-OPENING], ALL),
        (lambda raw: raw[: -OPENING - 1], [b"one", b"two"]),
        (lambda raw: raw[:10], []),
        (lambda raw: b"", []),
        (lambda raw: b"\0" * len(raw), []),
        (lambda raw: raw.replace(b"two", b"twx"), [b"one", b"three"]),
        (lambda raw: raw.replace(b"one", b""), [b"two", b"three"]),
        (lambda raw: raw.replace(b"two", b"two and more"), ALL),
        (lambda raw: b"\0" * 40 + raw[40:], [b"two", b"three"]),
        (lambda raw: raw[:5] + bytes([raw[5] ^ 1]) + raw[6:], ALL),  # the mark is random: any fixed byte may be there already
        (lambda raw: raw[:OPENING] + b"\0" * 8 + raw[OPENING + 8 :], [b"two", b"three"]),
        (lambda raw: raw[:OPENING] + b"\0" * 8 + raw[OPENING + 8 : -1], [b"two", b"three"]),
        (lambda raw: raw[: OPENING - 4] + b"\0" * 8 + raw[OPENING + 4 :], [b"two", b"three"]),
        (lambda raw: raw[: OPENING - 4] + b"\0" * 8 + raw[OPENING + 4 : -1], []),
        (lambda raw: raw[:OPENING] + b"\0" * 8 + raw[OPENING + 8 : -4] + b"\0" * 4, [b"two", b"three"]),
        (lambda raw: raw[OPENING:], ALL),
        (lambda raw: raw[:-5] + b"\xff" * 5, ALL),
        (lambda raw: raw + b"trailing rubbish", ALL),
        (lambda raw: b"MRsp" * 10 + raw, ALL),
    ],
)
def test_damage_costs_only_what_it_hit(
    spool: Spool, damage: Callable[[bytes], bytes], readable: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    path = one_batch(spool, [b"one", b"two", b"three"])
    before = path.read_bytes()
    path.write_bytes(damage(before))
    assert [raw for _, raw in everything(spool)] == readable
    assert [file.read_bytes() for file in spool.damaged.iterdir()] == [damage(before)]
    assert files(spool) == []
    (said,) = caplog.records
    assert f"{path} is damaged at byte " in said.getMessage()


def test_no_message_holds_what_is_taken_for_another_one(spool: Spool, tmp_path: Path) -> None:
    forged = envelope(99)
    with (tmp_path / "forged").open("w+b") as file:
        for mark in (b"\0" * MARK, MAGIC * 2, one_batch(spool, [b"seen"]).read_bytes()[len(MAGIC) : OPENING]):
            file.write(MAGIC + mark)
            write_message(file, mark, forged.as_json(), b"not really sent")
        file.seek(0)
        hostile = file.read()
    path = one_batch(spool, [hostile, b"two"])
    good = path.read_bytes()
    path.write_bytes(good[: OPENING + MARK] + b"\xff" * 4 + good[OPENING + MARK + 4 :])  # its length is damaged
    assert [raw for _, raw in everything(spool)] == [b"two"]


def test_a_hostile_message_in_a_damaged_batch_costs_no_time(spool: Spool) -> None:
    head = HEAD.pack(b"\0" * MARK, 100, 8_000_000, 1)
    path = one_batch(spool, [head * 500_000, b"two"])  # each would be 8 MB to check
    good = path.read_bytes()
    path.write_bytes(good[: OPENING + MARK] + b"\0" * 4 + good[OPENING + MARK + 4 :])
    assert [raw for _, raw in everything(spool)] == [b"two"]


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(25))
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), st.integers(0, 2_000), st.binary(max_size=12))
@example([b"", b"", b""], 6, b"\0" * 7)
def test_the_reader_takes_anything(spool: Spool, raws: list[bytes], at: int, rubbish: bytes) -> None:
    path = one_batch(spool, raws)
    good = path.read_bytes()
    damaged = good[:at] + rubbish + good[at + len(rubbish) :]
    path.write_bytes(damaged)
    read = [raw for _, raw in everything(spool)]
    assert read == raws if damaged.startswith(good) else all(raw in raws for raw in read)
    assert len(raws) - 2 <= len(read) <= len(raws), "so few bytes hit two messages at most"
    assert not path.exists()


# a disk that takes nothing more


@contextlib.contextmanager
def full_disk(directory: Path) -> Iterator[Callable[[], None]]:
    """Disk that takes no file above 100,000 bytes until the yielded function is called."""
    if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", directory], check=False).returncode == 0:
        ballast = directory / "ballast"
        try:
            ballast.write_bytes(b"x" * 28_000)
            yield lambda: void(subprocess.run(["mount", "-o", "remount,size=8m", directory], check=True))
        finally:
            subprocess.run(["umount", "-l", directory], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    directory = tmp_path / "disk"
    directory.mkdir()
    with full_disk(directory) as make_room:
        spool = Spool(directory)
        with pytest.raises(OSError, match=r"No space left|File too large") as fault:
            spool.append(envelope(), b"x" * 300_000).result(HANG)
        assert fault.value.errno in (errno.ENOSPC, errno.EFBIG)
        assert files(spool) == []
        spool.append(envelope(), b"small").result(HANG)
        make_room()
        spool.append(envelope(), b"x" * 300_000).result(HANG)
        assert [len(raw) for _, raw in everything(spool)] == [5, 300_000]
        spool.close()


def test_a_directory_that_vanished_is_a_fault_of_these_messages_only(spool: Spool) -> None:
    spool.append(envelope(), b"one").result(HANG)
    elsewhere = spool.incoming.with_name("elsewhere")
    spool.incoming.rename(elsewhere)
    with pytest.raises(FileNotFoundError):
        spool.append(envelope(), b"two").result(HANG)
    elsewhere.rename(spool.incoming)
    spool.append(envelope(), b"three").result(HANG)
    assert [raw for _, raw in everything(spool)] == [b"one", b"three"]


def test_a_session_that_gave_up_before_its_turn_is_left_out(spool: Spool) -> None:
    gate = threading.Event()
    spool.after_batch = lambda: void(gate.wait(HANG))
    first = spool.append(envelope(), b"first")
    while not files(spool):
        threading.Event().wait(0.001)
    gone, second = spool.append(envelope(), b"gone"), spool.append(envelope(), b"second")
    assert gone.cancel()
    gate.set()
    first.result(HANG)
    second.result(HANG)
    assert [raw for _, raw in everything(spool)] == [b"first", b"second"]


@pytest.mark.parametrize("what", ["a file", "a file above"])
def test_a_spool_that_cannot_be_used_says_what_to_do(what: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"the spool .* cannot be used: .*; make it writable or change spool\.directory"):
        Spool(tmp_path / "file" if what == "a file" else tmp_path / "file" / "spool")


@pytest.mark.parametrize("missing", [os.W_OK, os.X_OK])
def test_a_spool_needs_the_rights_to_write_and_to_look_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: int) -> None:
    """As root every right is there: what the kernel would say stands in for it."""
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & missing)
    with pytest.raises(BadInput, match=r"the spool .* cannot be used: no right to write there; make it writable"):
        Spool(tmp_path / "spool")


def test_nobody_else_looks_into_the_spool(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Spool(tmp_path / "spool")
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "spool").iterdir()} == dict.fromkeys(
        ("incoming", "retry", "damaged"), 0o750
    )
