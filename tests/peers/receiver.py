"""A program elsewhere that webhooks call: it remembers what came, and answers, hangs or falls silent as it is told."""

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.peers.processes import HANG, free_port

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass
class Came:
    """HTTP call that came in."""

    path: str
    headers: dict[str, str]  # names in small letters
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def event(self) -> str:
        """Id of the event, by which duplicates are known."""
        return self.headers["webhook-id"]


def make_answer(code: int, *, body: bytes = b"", **headers: str) -> Answer:
    """Answer so; `retry_after="3"` is a field Retry-After."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@dataclass
class Receiver:
    """Listens on a port of loopback from `open` to `close`, again and again on the same one."""

    answer: Answer = field(default_factory=lambda: make_answer(204))
    port: int = field(default_factory=free_port)
    came: list[Came] = field(default_factory=list)
    serves: bytes = b""  # to who asks for something
    over: threading.Event = field(default_factory=threading.Event)
    server: http.server.ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """URL that the webhook calls."""
        return f"http://127.0.0.1:{self.port}/hook?from=mailroom"

    @property
    def events(self) -> list[str]:
        """The ids of what came, doubles too."""
        return [one.event for one in self.came]

    def open(self) -> None:
        """Listen."""
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.came.append(Came(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                with contextlib.suppress(OSError):
                    receiver.answer(self)

            def do_GET(self) -> None:
                receiver.came.append(Came(f"GET {self.path}", {}, b""))
                make_answer(200, body=receiver.serves)(self)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        self.over.clear()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self.over.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def hang(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Say nothing until it is over."""
        self.over.wait(HANG)

    def trickle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a byte at a time, for ever."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.over.wait(0.05):
            handler.wfile.write(b"X")
            handler.wfile.flush()
            time.sleep(0)


@contextlib.contextmanager
def start_receiver(answer: Answer | None = None) -> Iterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver() if answer is None else Receiver(answer)
    receiver.open()
    try:
        yield receiver
    finally:
        receiver.close()
