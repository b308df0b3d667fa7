"""A server that answers as the published API does, with attacks on terminals in every text."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.triage_api.published import PUBLISHED
from tests.triage_cli.output.terminal_attacks import BYTES, EVERYTHING
from triage_cli.client import remote_client

ID, INSTANT, DAY = "0000000000007", "2026-05-04T03:02:01+00:00", "2026-05-04"
SHAPED, ODD, REFUSED, JUNK = "shaped", "odd", "refused", "junk"
DEEPEST = 9  # schemas inside schemas
PROBLEM = {
    "type": EVERYTHING,
    "title": EVERYTHING,
    "detail": EVERYTHING,
    "lines": [{"line": 1, "reason": EVERYTHING}],
    "missing": [EVERYTHING],
}
VERSION = "9.9\x1b]0;obeyed\x07\x9b2J\x90q\x9c\x7f"  # in the field of an answer, where lines end


@cache
def read_document() -> dict[str, Any]:
    """The published document."""
    found: dict[str, Any] = json.loads(PUBLISHED.read_text("utf-8"))
    return found


@cache
def list_operations() -> list[tuple[str, re.Pattern[str], Any]]:
    """Method, pattern of the path and operation; those with fewer parameters in their path first."""
    paths = sorted(read_document()["paths"].items(), key=lambda one: one[0].count("{"))
    return [
        (method.upper(), re.compile(re.sub(r"\{.*?\}", "[^/]+", path)), one)
        for path, found in paths
        for method, one in found.items()
        if method != "parameters"
    ]


def answer_request(method: str, target: str, kind: str) -> tuple[int, str, bytes]:
    """Status, media type and body."""
    if kind == JUNK:
        return 200, "application/json", BYTES
    if kind == REFUSED:
        return 422, "application/problem+json", json.dumps(PROBLEM).encode()
    parts = urlsplit(target)
    for verb, pattern, operation in list_operations():
        if verb == method and pattern.fullmatch(parts.path):
            status, content = next((code, one.get("content", {})) for code, one in operation["responses"].items() if code.startswith("2"))
            if "format=csv" in parts.query or "application/json" not in content:
                return (int(status), next(iter(content)), BYTES) if content else (int(status), "", b"")
            schema = content["application/json"].get("schema", {})
            return int(status), "application/json", json.dumps(make_value(schema, kind)).encode()
    return 404, "application/json", json.dumps({"detail": EVERYTHING}).encode()


def make_value(schema: dict[str, Any], kind: str, depth: int = 0) -> Any:
    """A value of a schema. `odd`: also texts that have a form are attacks."""
    if "$ref" in schema:
        return make_value(read_document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], kind, depth)
    if "anyOf" in schema or "oneOf" in schema:
        return make_value((schema.get("anyOf") or schema["oneOf"])[0], kind, depth)
    if kind == SHAPED and (fixed := [schema["const"]] if "const" in schema else schema.get("enum")):
        return fixed[0]
    match schema.get("type"):
        case "array":
            return [make_value(schema.get("items", {}), kind, depth + 1)] if depth < DEEPEST else []
        case "object":
            named = {name: make_value(one, kind, depth + 1) for name, one in schema.get("properties", {}).items()}
            named.update(dict.fromkeys({"next_cursor"} & set(named)))  # a list has one page
            more = schema.get("additionalProperties")
            return named | ({EVERYTHING: make_value(more, kind, depth + 1)} if isinstance(more, dict) and depth < DEEPEST else {})
        case "integer" | "number":
            return 0
        case "boolean":
            return False
        case "null":
            return None
    if kind == ODD:
        return EVERYTHING
    return ID if "pattern" in schema else {"date-time": INSTANT, "date": DAY}.get(schema.get("format", ""), EVERYTHING)


class Server(ThreadingHTTPServer):
    """Answers in its present `kind`."""

    daemon_threads = True
    kind = SHAPED

    @property
    def url(self) -> str:
        """Returns the address for `--server`."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers each request."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20  # an answer is one packet
    server: Server

    def answer(self) -> None:
        """Answers a request of any method."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, media, body = answer_request(self.command, self.path, self.server.kind)
        self.send_response(status)
        version = VERSION if self.server.kind == JUNK else remote_client.OURS
        for name, value in {"Content-Type": media, "Content-Length": str(len(body)), remote_client.THEIRS: version}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve_hostile() -> Iterator[Server]:
    """The server on a free port of this machine."""
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
