"""Files in the submission spool: each is taken in its owner's name, whatever hostile users try."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path

import pytest

from mta.outbound import take_submissions
from mta.outbound.submission_file import SubmittedMessage, parse_submission, write_submission
from mta.outbound.take_submissions import SubmissionSpool
from mta.spool.spool import Spool
from tests.mta.outbound.test_outbound_processor import listening, set_up
from tests.peers.receiving import read_spool
from tests.peers.submitting import GROUP, make_drop, run_as, submit_as
from triage.addressing.envelope import Envelope
from triage.config.settings import Outbound, Settings
from triage.errors import BadInput

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")

ANA, BEN = 61_001, 61_002
TEXT = b"From: Chief <chief@company.example>\nTo: ann@example.org\nSubject: hello\n\nhi\n"
OWN = f"uid{ANA}@mx.company.example"


@pytest.fixture
def drop() -> Iterator[Path]:
    with make_drop() as drop:
        yield drop


@pytest.fixture
def own(settings: Settings, drop: Path) -> Settings:
    """Settings with a submission spool."""
    return replace(settings, outbound=Outbound(submit_directory=str(drop), smarthost="smtp://provider.example:25"))


def take(settings: Settings) -> list[tuple[Envelope, bytes]]:
    """All that the role takes now."""
    spool = Spool(settings.spool.directory / "outbound")
    submitted = SubmissionSpool(settings, spool)
    try:
        submitted.take()
    finally:
        submitted.close()
        spool.close()
    return read_spool(settings.spool.directory / "outbound")


def is_left(drop: Path) -> list[str]:
    """Names that the role has left in the directory, in `taken` and in `refused`."""
    return sorted(str(one.relative_to(drop)) for one in drop.rglob("*") if one.name not in ("limits", "taken", "refused"))


def run(drop: Path, program: str) -> None:
    """A hostile user's program, in the directory."""
    words = ["-c", f"import os, sys; os.chdir({str(drop)!r}); sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n{program}"]
    done = run_as(ANA, drop, words, b"")
    assert done.returncode == 0, done.stderr


def test_a_message_comes_from_the_files_owner(own: Settings, drop: Path) -> None:
    done = submit_as(ANA, drop, TEXT, "-t", "-f", "chief@company.example", "root")
    assert (done.returncode, done.stderr) == (0, b"")
    ((envelope, raw),) = take(own)
    assert (envelope.reverse_path, envelope.recipients) == (OWN, ("root@mx.company.example", "ann@example.org"))
    message = message_from_bytes(raw)
    assert message.get_all("From") == [OWN]
    assert message["X-Original-From"] == "Chief <chief@company.example>"
    assert f"(mailroom-submit, from uid {ANA})" in message["Received"]
    assert is_left(drop) == []


def test_a_trusted_user_writes_in_any_name(own: Settings, drop: Path) -> None:
    done = submit_as(0, drop, TEXT, "-t", "-f", "alerts@company.example")
    assert done.returncode == 0
    ((envelope, raw),) = take(replace(own, outbound=replace(own.outbound, submit_trusted=("root",))))
    assert envelope.reverse_path == "alerts@company.example"
    assert message_from_bytes(raw)["From"] == "Chief <chief@company.example>"


def test_who_is_not_in_the_group_is_told(own: Settings, drop: Path) -> None:
    done = submit_as(ANA, drop, TEXT, "-t", groups=())
    assert (done.returncode, b"join its group" in done.stderr) == (os.EX_NOPERM, True)
    assert take(own) == []


@pytest.mark.parametrize(
    ("program", "left"),
    [
        ("os.symlink('/etc/passwd', 'a.msg')", []),
        ("os.mkfifo('a.msg')", []),
        ("os.mkdir('a.msg')", ["a.msg"]),
        ("open('a.msg', 'w').write('x')", ["refused"]),
        ("open('a.msg', 'w').write('mailroom-submit 1 {}')", ["refused"]),
        ("os.close(os.open('a.msg', os.O_CREAT | os.O_WRONLY, 0)); os.chmod('a.msg', 0)", ["refused"]),
        ("os.truncate(os.open('a.msg', os.O_CREAT | os.O_WRONLY, 0o640), 1 << 40); os.chmod('a.msg', 0o640)", ["refused"]),
        ("open('a.tmp', 'w').write('x')", ["a.tmp"]),
        ("open('b', 'w').write('x')", ["b"]),
        ("open('\\\\x1b.msg', 'w').write('x')", ["refused"]),
    ],
)
def test_what_is_no_message_goes_nowhere(own: Settings, drop: Path, program: str, left: list[str]) -> None:
    run(drop, program)
    submit_as(BEN, drop, TEXT, "-t")
    taken = take(own)
    assert [envelope.reverse_path for envelope, _ in taken] == [f"uid{BEN}@mx.company.example"], "the others' mail goes on"
    assert [name.partition("/")[0] for name in is_left(drop)] == left


WRITE = (
    "from mta.outbound.submission_file import *\nwrite = lambda: write_submission('.', SubmittedMessage(None, ('a@x.org',), '', b'hi'))\n"
)


@pytest.mark.parametrize(
    "attack",
    [
        "os.link(write(), 'elsewhere')",
        "os.chmod(write(), 0o600)",
        f"os.chown(write(), -1, {ANA})",
        "open(write(), 'ab').write(b'more')",
        "name = write(); os.truncate(name, os.path.getsize(name) - 1)",
    ],
)
def test_a_file_that_was_changed_is_refused(own: Settings, drop: Path, attack: str) -> None:
    run(drop, WRITE + attack)
    assert take(own) == []


def test_a_users_files_are_safe_from_the_others(own: Settings, drop: Path) -> None:
    submit_as(BEN, drop, TEXT, "-t")
    (name,) = (one.name for one in drop.glob("*.msg"))
    for attack in ("os.unlink(N)", "os.rename(N, 'x')", "open(N, 'ab')", "os.listdir('.')", "os.rename(os.environ['PATH'], N)"):
        run(drop, f"N = {name!r}\ntry: {attack}\nexcept OSError: sys.exit(0)\nsys.exit(1)")
    assert len(take(own)) == 1


def test_a_name_exchanged_after_it_was_listed_changes_nothing(own: Settings, drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit_as(ANA, drop, TEXT, "-t")
    claim: Callable[[SubmissionSpool, str], str | None] = SubmissionSpool.claim

    def exchange(self: SubmissionSpool, name: str) -> str | None:
        run(drop, f"os.unlink({name!r}); os.symlink('/etc/shadow', {name!r})")
        return claim(self, name)

    monkeypatch.setattr(SubmissionSpool, "claim", exchange)
    assert take(own) == []
    assert is_left(drop) == []


def test_a_flood_keeps_nobody_waiting_and_nothing_is_lost(own: Settings, drop: Path) -> None:
    own = replace(own, outbound=replace(own.outbound, submit_hourly=250))
    run(drop, WRITE + "for _ in range(300): write()")
    submit_as(BEN, drop, TEXT, "-t")
    taken = take(own)
    senders = [envelope.reverse_path for envelope, _ in taken]
    assert (senders.count(OWN), senders.count(f"uid{BEN}@mx.company.example")) == (250, 1)
    assert senders.index(f"uid{BEN}@mx.company.example") <= take_submissions.AT_ONCE
    assert len(is_left(drop)) == 50


def test_a_role_that_is_killed_enters_each_message_once(own: Settings, drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit_as(ANA, drop, TEXT, "-t")
    with monkeypatch.context() as killed:
        killed.setattr(SubmissionSpool, "delete", lambda *_: None)  # it dies between the spool and the deletion
        ((first, _),) = take(own)
    assert len(is_left(drop)) == 1
    again = take(own)
    assert {envelope.spool_id for envelope, _ in again} == {first.spool_id}
    assert is_left(drop) == []


def test_a_full_disk_keeps_the_file(own: Settings, drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit_as(ANA, drop, TEXT, "-t")
    with monkeypatch.context() as full:
        full.setattr("mta.spool.spool.write_batch", fail_full)
        with pytest.raises(OSError, match="No space"):
            take(own)
    assert len(is_left(drop)) == 1
    assert len(take(own)) == 1


def fail_full(*_: object) -> None:
    """Fails as a full disk does."""
    raise OSError(28, "No space left on device")


def test_what_a_crash_left_half_written_goes_after_a_day(own: Settings, drop: Path) -> None:
    for name, age in (("old.tmp", take_submissions.ABANDONED + 60), ("new.tmp", 60)):
        (drop / name).write_bytes(b"")
        then = (drop / name).stat().st_mtime - age
        os.utime(drop / name, (then, then))
    assert take(own) == []
    assert is_left(drop) == ["new.tmp"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda drop: drop.chmod(0o777), "3730"),
        (lambda drop: drop.chmod(0o2770), "3730"),
        (lambda drop: drop.chmod(0o3734), "3730"),
        (lambda drop: os.chown(drop, ANA, GROUP), "3730"),
        (lambda drop: (drop / "taken").mkdir(0o777) or (drop / "taken").chmod(0o777), "700"),
        (lambda drop: (drop / "taken").symlink_to("/tmp"), "taken"),
        (lambda drop: shutil.rmtree(drop.parent), "No such file"),
    ],
)
def test_a_directory_that_others_rule_is_refused(own: Settings, drop: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(drop)
    with pytest.raises(BadInput, match=says):
        SubmissionSpool(own, Spool(own.spool.directory / "outbound"))
    drop.parent.mkdir(exist_ok=True)


def test_limits_are_told_to_the_command(own: Settings, drop: Path) -> None:
    take(replace(own, smtp=replace(own.smtp, max_size=10_000)))
    done = submit_as(ANA, drop, TEXT + b"x" * 20_000, "-t")
    assert (done.returncode, b"larger than 10000 bytes" in done.stderr) == (os.EX_UNAVAILABLE, True)


def test_a_message_in_a_loop_is_refused(own: Settings, drop: Path) -> None:
    submit_as(ANA, drop, b"Received: x\n" * 200 + TEXT, "-t")
    assert take(own) == []
    (kept,) = (drop / "refused").iterdir()
    assert isinstance(parse_submission(kept.read_bytes()), SubmittedMessage)


def test_it_goes_out_from_the_running_role(settings: Settings, sqlite_url: str, drop: Path) -> None:
    settings = set_up(settings, sqlite_url)
    settings = replace(settings, outbound=replace(settings.outbound, networks=(), submit_directory=str(drop), journal_address=""))
    with listening(settings) as role:
        assert submit_as(ANA, drop, TEXT, "-t").returncode == 0
        (delivery,) = role.deliveries(1)
    assert (delivery.recipient, delivery.state, delivery.direction) == ("ann@example.org", "queued", "outbound")
    assert is_left(drop) == []


def test_a_file_is_whole_for_whoever_reads_it(drop: Path) -> None:
    message = SubmittedMessage("", ("a@x.org",), "Ana", b"\r\nhi")
    assert parse_submission((drop / write_submission(str(drop), message)).read_bytes()) == message


MANY = """from mta.outbound.submission_file import *
for number in range({each}):
    write_submission('.', SubmittedMessage(None, ('ann@example.org',), '', b'Subject: %d-%d' % (os.getuid(), number) + bytes(2) + b'hi'))
"""


@pytest.mark.parametrize("number", [200, pytest.param(10_000, marks=pytest.mark.long)])
def test_very_many_at_once_are_all_taken_once(own: Settings, drop: Path, number: int) -> None:
    users = range(61_100, 61_104)
    program = MANY.replace("bytes(2)", "b'\\n\\n'").format(each=number // len(users))
    begun = f"import os, sys; os.chdir({str(drop)!r}); sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
    spool = Spool(own.spool.directory / "outbound")
    submitted = SubmissionSpool(replace(own, outbound=replace(own.outbound, submit_hourly=0)), spool)
    used = time.process_time()
    with contextlib.closing(spool), contextlib.closing(submitted), ThreadPoolExecutor() as writers:
        running = [writers.submit(run_as, uid, drop, ["-c", begun + program], b"") for uid in users]
        while not all(one.done() for one in running):  # the role takes while they write
            submitted.next_look = 0.0
            submitted.take()
        assert [one.result().stderr for one in running] == [b""] * len(users)
        submitted.next_look, submitted.changed = 0.0, 0
        submitted.take()
        used = time.process_time() - used
    taken = read_spool(own.spool.directory / "outbound")
    assert is_left(drop) == []
    subjects = sorted(str(message_from_bytes(raw)["Subject"]) for _, raw in taken)
    assert subjects == sorted(f"{uid}-{one}" for uid in users for one in range(number // len(users)))
    senders = [(envelope.reverse_path, str(message_from_bytes(raw)["Subject"]).partition("-")[0]) for envelope, raw in taken]
    assert all(sender == f"uid{uid}@mx.company.example" for sender, uid in senders), "each in its owner's name"
    assert used < 1 + number * 0.01, "ten milliseconds of processor time each"
