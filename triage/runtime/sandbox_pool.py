"""Runs one function over hostile bytes in child processes with little memory, little time and little power.

A child is `python -m triage.runtime.sandbox_pool module:function MEMORY SECONDS PROGRAMS`. It reads frames from its standard input and
writes one answer each to its standard output: plain bytes, never pickle. It has no environment and no inherited descriptors, can write to
no file, and ends when its parent does. What else it cannot do is for `sandbox` to say: where that offers a socket, the child is whoever
answers there, `python -m triage.runtime.sandbox_pool --socket module:function…`, and hears first which function is meant.
"""

import contextlib
import ctypes
import importlib
import json
import math
import os
import queue
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from triage.runtime import gc_tuning, sandbox
from triage.text.sanitize import escape_visible

REQUEST = struct.Struct(">IQ")  # bytes of the options, as JSON, and of the message
ANSWER = struct.Struct(">BQ")  # what it is, and its bytes
DONE, FAILED = 0, 1
RESULT_LIMIT = 64 * 1024 * 1024  # bytes; more is no answer
WHY_LIMIT = 500  # bytes of the reason for a failure
START_SECONDS = 60.0  # for the imports of a fresh child, on a busy machine
CALLS = 5_000  # then a child is replaced: memory that fragments would in the end look like a hostile message
OPEN_FILES = 32
BESIDE = 15  # processes of a child that may start others: itself, bubblewrap's, and those of its like where they have one user
PIECE = 256 * 1024  # bytes of one read or write
HELLO_LIMIT = 1024  # bytes of the line that says which function is meant
PR_SET_PDEATHSIG = 1

Function = Callable[[bytes, Mapping[str, Any]], bytes]


class Overrun(Exception):
    """The child took too long or too much, crashed, or did not answer properly. It will be replaced; the text says which."""


class Crashed(Overrun):
    """The child ended or answered amiss: its message may be the cause, or one before it."""


class Busy(Exception):
    """All children had other calls for as long as this one could wait."""


class Limits(NamedTuple):
    """Limits of a sandboxed child: memory, time, programs."""

    memory_bytes: int
    seconds: float
    programs: int = 0


class Pool:
    """Persistent children for one function `(raw, options) -> bytes`. Thread-safe; a call waits while all of them are busy."""

    def __init__(
        self, function: str, *, size: int, memory_bytes: int, seconds: float, programs: int = 0, patience: float | None = None
    ) -> None:
        """`function` is "module:name", `memory_bytes` all the memory of a child, `seconds` the wall time of a call.

        `programs`: how many others it starts, each with as little memory; none as a rule. Children start when they are first needed.
        `patience`: seconds that a call waits for a child; None: until there is one.
        """
        self.function, self.limits = function, Limits(memory_bytes, seconds, programs)
        self.seconds, self.patience = seconds, patience
        self._places_in_all = size
        self._places: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(size):
            self._places.put(None)
        # A child dies with the thread that started it (prctl(2)), so one thread that lives as long as the pool starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="bounded")
        self._lock = threading.Lock()
        self._children: set[Child] = set()

    def run(self, raw: bytes, **options: str | int | bool) -> bytes:
        """The function's result for these bytes. Overrun when there is none; Busy, when nothing was tried; RuntimeError after `close`."""
        used = self.take_place()
        try:
            if used is not None:
                with contextlib.suppress(Crashed):  # a used child may have died of what came before: a fresh one has the last word
                    answer, used = self._ask(used, raw, options), self._kept(used)
                    return answer
            used = None
            fresh = self._start()
            answer, used = self._ask(fresh, raw, options), fresh
            return answer
        except Overrun:
            used = None
            raise
        finally:
            self.give_back(used)

    def take_place(self) -> "Child | None":
        """A place for one call, with its child where that has started. Busy when there is none in time."""
        try:
            return self._places.get(timeout=self.patience)
        except queue.Empty as fault:
            raise Busy(f"{self.function} has other calls") from fault

    def give_back(self, place: "Child | None") -> None:
        """Let the next call have the place."""
        self._places.put(place)

    def close(self) -> None:
        """End all children; calls under way raise."""
        self._starter.shutdown()
        with self._lock:
            for child in self._children:
                child.kill()
        places = [self._places.get() for _ in range(self._places_in_all)]  # a call under way notices, and gives its place back
        for child in filter(None, places):
            self._end(child)
        for _ in places:
            self._places.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _ask(self, child: "Child", raw: bytes, options: Mapping[str, Any]) -> bytes:
        """Calls a child, which does not survive a failure."""
        try:
            return child.call(raw, json.dumps(options).encode(), self.seconds)
        except BaseException:
            self._end(child)
            raise

    def _kept(self, child: "Child") -> "Child | None":
        """The child if it may go on, None if it has answered enough."""
        if child.calls < CALLS:
            return child
        self._end(child)
        return None

    def _start(self) -> "Child":
        child = self._starter.submit(start_child, self.function, self.limits).result()
        with self._lock:
            self._children.add(child)
        try:
            child.wait_ready()
        except BaseException:
            self._end(child)
            raise
        return child

    def _end(self, child: "Child") -> None:
        with self._lock:
            self._children.discard(child)
        child.end()


class Child:
    """Child process as its parent sees it: a pipe for questions and one for answers, neither of which blocks."""

    def __init__(self, function: str, questions: int, answers: int) -> None:
        self.function = function
        self.calls = 0
        self.questions, self.answers = questions, answers
        os.set_blocking(questions, False)
        os.set_blocking(answers, False)

    def kill(self) -> None:
        """Break off what it does, from any thread."""
        raise NotImplementedError

    def end(self) -> None:
        """Kill it and take leave of it."""
        raise NotImplementedError

    def wait_ready(self) -> None:
        """Wait until the function is imported. RuntimeError when it cannot be: that is our mistake and not the message's."""
        try:
            self._answer(time.monotonic() + START_SECONDS)
        except Overrun as fault:
            raise RuntimeError(f"{self.function} did not start: {fault}") from fault

    def call(self, raw: bytes, options: bytes, seconds: float) -> bytes:
        """Ask, and wait for the answer; Overrun without one."""
        deadline = time.monotonic() + seconds
        self.calls += 1
        self._send(REQUEST.pack(len(options), len(raw)) + options + raw[:PIECE], deadline)
        self._send(memoryview(raw)[PIECE:], deadline)
        return self._answer(deadline)

    def _send(self, data: bytes | memoryview, deadline: float) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.questions, view[:PIECE]) :]
            except BlockingIOError:
                wait_ready(self.questions, select.POLLOUT, deadline)
            except OSError as fault:
                raise Crashed("the process ended") from fault

    def _answer(self, deadline: float) -> bytes:
        data = bytearray()
        self._receive(data, ANSWER.size, deadline)
        kind, size = ANSWER.unpack_from(data)
        if kind not in (DONE, FAILED) or size > (RESULT_LIMIT if kind == DONE else WHY_LIMIT):
            raise Crashed("the answer was malformed")
        self._receive(data, ANSWER.size + size, deadline)
        text = bytes(data[ANSWER.size :])
        if len(text) > size:
            raise Crashed("it answered more than it was asked")
        if kind == FAILED:
            raise Crashed(escape_visible(text.decode("utf-8", "replace")))
        return text

    def _receive(self, data: bytearray, size: int, deadline: float) -> None:
        """Read until there are so many bytes, or a few more."""
        while len(data) < size:
            wait_ready(self.answers, select.POLLIN, deadline)
            try:
                piece = os.read(self.answers, PIECE)
            except BlockingIOError:
                continue
            if not piece:
                raise Crashed("the process ended")
            data += piece


class Process(Child):
    """A child that we start, kept in as `sandbox` can."""

    def __init__(self, function: str, limits: Limits) -> None:
        self.process = subprocess.Popen(
            [
                *sandbox.sandbox_wrapper(),
                sys.executable,
                "-P",
                "-s",
                "-B",
                "-m",
                "triage.runtime.sandbox_pool",
                function,
                *map(str, limits),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its text could hold what came from mail
            env={"PYTHONPATH": str(sandbox.ROOT)},
            cwd="/",
            start_new_session=True,  # Ctrl+C in a terminal is the parent's affair
        )
        super().__init__(function, *pipe_ends(self.process))

    def kill(self) -> None:
        """Kill the process and whatever it may have started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its own session: the group has its number, also when it is gone itself

    def end(self) -> None:
        self.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Answering(Child):
    """A child in a unit of its own behind the parser's socket: left alone it ends, by its unit's limits if not by itself."""

    def __init__(self, path: str, function: str, limits: Limits) -> None:
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.connection.settimeout(START_SECONDS)
            self.connection.connect(path)
            self.connection.sendall(json.dumps([function, *limits]).encode() + b"\n")
        except OSError as fault:
            self.connection.close()
            raise RuntimeError(f"no parser answers behind {path} ({fault}): look at mailroom-parse.socket, mailroom-draw.socket") from fault
        super().__init__(function, self.connection.fileno(), self.connection.fileno())

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self.kill()
        self.connection.close()


def start_child(function: str, limits: Limits) -> Child:
    """A fresh child for this function."""
    if path := sandbox.drawer_socket() if limits.programs else sandbox.parser_socket():
        return Answering(path, function, limits)
    return Process(function, limits)


def pipe_ends(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """The descriptors of the child's standard input and output."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the child was started without pipes")
    return process.stdin.fileno(), process.stdout.fileno()


def wait_ready(descriptor: int, event: int, deadline: float) -> None:
    """Wait until the pipe is ready; Overrun at the deadline."""
    poll = select.poll()
    poll.register(descriptor, event)
    remaining = deadline - time.monotonic()
    if remaining <= 0 or not poll.poll(math.ceil(remaining * 1000)):
        raise Overrun("it took too long")


def serve_socket(names: list[str]) -> int:
    """The child behind a socket: it hears first which of these functions is meant, with how much memory and time."""
    name, memory_bytes, seconds, programs = json.loads(sys.stdin.buffer.readline(HELLO_LIMIT))
    if name not in names:
        send_answer(claim_output(), FAILED, b"it is not for this function")
        return 1
    return serve_child(name, Limits(int(memory_bytes), float(seconds), int(programs)))


def serve_child(name: str, limits: Limits) -> int:
    """The child: read frames and answer them until the parent closes the pipe. The exit status."""
    die_with_parent()
    questions, answers = sys.stdin.buffer, claim_output()
    try:
        function = load_function(name)
    except (ImportError, AttributeError, ValueError) as fault:
        send_answer(answers, FAILED, f"{type(fault).__name__}: {fault}".encode()[:WHY_LIMIT])
        return 1
    give_up_power(limits)
    gc_tuning.collect_rarely()
    send_answer(answers, DONE, b"")
    while header := receive_bytes(questions, REQUEST.size):
        option_size, size = REQUEST.unpack(header)
        options, raw = json.loads(receive_bytes(questions, option_size)), receive_bytes(questions, size)
        limit_processor(limits.seconds)
        try:
            send_answer(answers, DONE, check_result(function(raw, options)))
        except (Exception, RecursionError, MemoryError) as fault:
            send_answer(answers, FAILED, type(fault).__name__.encode()[:WHY_LIMIT])
        del raw
    return 0


def load_function(name: str) -> Function:
    """The function that "module:name" names."""
    module, _, attribute = name.partition(":")
    function: Function = getattr(importlib.import_module(module), attribute)
    return function


def check_result(result: object) -> bytes:
    """The result, which must be bytes."""
    if not isinstance(result, bytes):
        raise TypeError(f"the function must return bytes, not {type(result).__name__}")
    return result


def claim_output() -> BinaryIO:
    """Standard output for answers only: whatever else is printed goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb", buffering=PIECE)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def send_answer(answers: BinaryIO, kind: int, data: bytes) -> None:
    """Write one answer."""
    answers.write(ANSWER.pack(kind, len(data)))
    answers.write(data)
    answers.flush()


def receive_bytes(questions: BinaryIO, size: int) -> bytes:
    """Read exactly so many bytes; none when the parent is gone."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = questions.readinto(view)  # type: ignore[attr-defined]
        if not count:
            return b""
        view = view[count:]
    return bytes(data)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the parent's thread ends. The end of the pipe does it too, between calls."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def give_up_power(limits: Limits) -> None:
    """Limit memory, files and processes for good."""
    for limit, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, limits.programs and limits.programs + BESIDE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))


def limit_processor(seconds: float) -> None:
    """Let this process compute for a little longer than one call may take, counted from now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    most = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    first, *others = sys.argv[1:]
    sys.exit(serve_socket(others) if first == "--socket" else serve_child(first, Limits(int(others[0]), float(others[1]), int(others[2]))))
