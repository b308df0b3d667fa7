"""Children that loop, eat memory, die, lie and outlive their parent: none of them harms the next message."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.peers.processes import HANG, until
from tests.triage.messages import mail, multipart, part
from triage.message.preview.preview_document import Preview, render_preview
from triage.message.summary import Summary, make_summary
from triage.runtime import sandbox, sandbox_pool
from triage.runtime.sandbox_pool import Overrun, Pool

MEMORY = 256 * 1024 * 1024


@pytest.fixture(autouse=True)
def limits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children as they are without bubblewrap: their process ids are those that the machine knows. See test_confinement."""
    monkeypatch.setattr(sandbox, "sandbox_wrapper", tuple)


def pool(function: str, *, size: int = 1, seconds: float = HANG, memory_bytes: int = MEMORY) -> Pool:
    """A pool for one of the functions in `children`."""
    return Pool(f"tests.triage.children:{function}", size=size, memory_bytes=memory_bytes, seconds=seconds)


@pytest.fixture
def behaving() -> Iterator[Pool]:
    """Children that do as they are told, with little time."""
    with pool("behave", seconds=2.0) as children:
        yield children


def test_bytes_and_options_go_in_and_bytes_come_out() -> None:
    with pool("echo") as children:
        assert children.run(b"") == b"{}"
        assert children.run(b"\x00\xff", mode="text", deep=True, most=3) == b'\x00\xff{"deep": true, "mode": "text", "most": 3}'
        large = os.urandom(3_000_000)
        assert children.run(large) == large + b"{}"


def test_one_child_serves_many_calls() -> None:
    with pool("count") as children:
        answers = [json.loads(children.run(b"")) for _ in range(5)]
        assert [calls for calls, _ in answers] == [1, 2, 3, 4, 5]
        assert len({process for _, process in answers}) == 1


def test_a_child_is_replaced_after_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_pool, "CALLS", 2)
    with pool("count") as children:
        assert [json.loads(children.run(b""))[0] for _ in range(5)] == [1, 2, 1, 2, 1]


def test_no_more_children_than_asked_for() -> None:
    with pool("count", size=2) as children, ThreadPoolExecutor(8) as threads:
        answers = [json.loads(answer) for answer in threads.map(lambda _: children.run(b""), range(40))]
    assert len({process for _, process in answers}) <= 2
    assert len(answers) == 40


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"loop", "it took too long"),
        (b"sleep", "it took too long"),
        (b"eat", "MemoryError"),
        (b"die", "the process ended"),
        (b"garbage", "the answer was malformed"),
        (b"twice", "it answered more than it was asked"),
        (b"raise", "ValueError"),
        (b"recurse", "RecursionError"),
        (b"text", "TypeError"),
    ],
)
def test_misbehaviour_is_an_overrun_and_the_next_message_is_served(behaving: Pool, message: bytes, why: str) -> None:
    assert behaving.run(b"before") == b"before"
    with pytest.raises(Overrun, match=f"^{why}$"):
        behaving.run(message)
    assert behaving.run(b"after") == b"after"


def test_an_answer_beyond_the_limit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_pool, "RESULT_LIMIT", 1_000_000)
    with pool("behave") as children, pytest.raises(Overrun, match="malformed"):
        children.run(b"large")


def test_what_a_function_prints_is_no_answer(behaving: Pool) -> None:
    assert behaving.run(b"print") == b"printed"
    assert behaving.run(b"after") == b"after"


def test_a_child_that_dies_unasked_is_no_message_s_fault() -> None:
    with pool("count") as children:
        _, process = json.loads(children.run(b""))
        os.kill(process, 9)
        assert json.loads(children.run(b""))[0] == 1


def test_a_child_has_no_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_SECRET", "x")
    with (tmp_path / "kept open").open("wb") as kept, pool("look_around") as children:
        os.set_inheritable(kept.fileno(), True)
        able = json.loads(children.run(str(tmp_path / "written").encode()))
    assert "MAILROOM_SECRET" not in able["environment"]
    assert set(able["environment"]) <= {"PYTHONPATH", "LC_CTYPE"}
    assert len(able["files"]) <= 5, "its pipes, /dev/null twice, and the directory it is just listing"
    assert able["directory"] == "/"
    assert not able["wrote"]


def test_a_function_that_does_not_exist_is_our_mistake() -> None:
    for name in ("tests.triage.children:nothing", "no_such_module:f", "tests.triage.children"):
        with Pool(name, size=1, memory_bytes=MEMORY, seconds=HANG) as children, pytest.raises(RuntimeError, match="did not start"):
            children.run(b"")


def test_after_close_there_is_no_answer() -> None:
    children = pool("count")
    _, process = json.loads(children.run(b""))
    children.close()
    assert ended(process)
    with pytest.raises(RuntimeError):
        children.run(b"")


def test_close_ends_a_call_under_way(tmp_path: Path) -> None:
    children = pool("compute_for_ever", seconds=600.0)
    failed = threading.Event()

    def call() -> None:
        with pytest.raises((Overrun, RuntimeError)):
            children.run(str(tmp_path / "computing").encode())
        failed.set()

    thread = threading.Thread(target=call)
    thread.start()
    until(lambda: list(tmp_path.iterdir()), "the call is under way")
    children.close()
    assert failed.wait(HANG)
    thread.join()


def test_children_outlive_the_thread_that_first_needed_them() -> None:
    with pool("count") as children:
        with ThreadPoolExecutor(1) as threads:
            first = json.loads(threads.submit(children.run, b"").result())
            thread = threads.submit(threading.get_native_id).result()
        until(lambda: not Path(f"/proc/self/task/{thread}").exists(), "the kernel has ended the thread, and told whoever wants to know")
        assert json.loads(children.run(b"")) == [2, first[1]]


@pytest.mark.parametrize("crash", [False, True])
def test_what_a_child_has_started_ends_with_it(crash: bool, tmp_path: Path) -> None:
    with pool("multiply", seconds=1.0) as children:
        if crash:
            with pytest.raises(Overrun):
                children.run(str(tmp_path / "started").encode(), crash=True)
        else:
            able = json.loads(children.run(str(tmp_path / "started").encode()))
            assert able == (os.geteuid() == 0), "only root's processes are not counted (RLIMIT_NPROC)"
    for process in [int(path.suffix.removeprefix(".")) for path in tmp_path.iterdir()]:
        assert ended(process)


PARENT = """
import os, sys, threading
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Pool
sandbox.sandbox_wrapper = tuple
children = Pool("tests.triage.children:compute_for_ever", size=1, memory_bytes=1 << 28, seconds=600.0)
threading.Thread(target=children.run, args=(sys.argv[1].encode(),), daemon=True).start()
sys.stdin.readline()
os._exit(0)
"""


def test_children_end_with_their_parent_even_when_they_compute(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", PARENT, str(tmp_path / "computing")]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, text=True) as parent:
        deadline = time.monotonic() + HANG
        while not (begun := list(tmp_path.iterdir())) and time.monotonic() < deadline:
            time.sleep(0.01)
        process = int(begun[0].suffix.removeprefix("."))
        assert not gone(process)
        parent.communicate("end\n")
    assert ended(process), "it would compute until its processor time is used up"


def gone(process: int) -> bool:
    """Whether the process has ended. One that nobody has taken leave of yet has."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def ended(process: int) -> bool:
    """Wait until the process has ended."""
    deadline = time.monotonic() + HANG
    while not gone(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    return gone(process)


def test_messages_are_read_in_children() -> None:
    raw = mail("From: Ann <ann@sender.example>\nSubject: x", "hello")
    with Pool("triage.message.summary:summarise_json", size=1, memory_bytes=MEMORY, seconds=HANG) as children:
        assert Summary.from_json(json.loads(children.run(raw))) == make_summary(raw)
        assert Summary.from_json(json.loads(children.run(raw, headers_only=True))) == make_summary(raw, headers_only=True)
        bomb = mail("From: a@b.example\nContent-Type: text/html", "<div>" * 300_000)
        assert Summary.from_json(json.loads(children.run(bomb))).author == "a@b.example"


def test_the_largest_message_fits_into_the_memory_of_a_child() -> None:
    raw = multipart(part("Content-Type: application/pdf; name=a.pdf", os.urandom(36 * 1024 * 1024), encoded=True))
    assert 48 * 1024 * 1024 < len(raw) < 50 * 1024 * 1024
    with Pool("triage.message.summary:summarise_json", size=1, memory_bytes=MEMORY, seconds=HANG) as children:
        (attachment,) = Summary.from_json(json.loads(children.run(raw))).attachments
    assert attachment.size == 36 * 1024 * 1024


def test_previews_are_made_in_children() -> None:
    raw = mail("From: a@b.example\nContent-Type: text/html", "<p>x <a href='http://a.test/'>here</a>")
    with Pool("triage.message.preview.preview_document:render_json", size=1, memory_bytes=MEMORY, seconds=HANG) as children:
        assert Preview.from_json(json.loads(children.run(raw, mode="html"))) == render_preview(raw, "html")
        assert Preview.from_json(json.loads(children.run(raw, mode="text"))) == render_preview(raw, "text")
