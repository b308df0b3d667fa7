"""HTTP middleware: checks Origin, adds safe headers, writes one log line a request."""

import logging
import re
import time
from importlib.metadata import version
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.runtime import metrics
from triage.say import say
from triage_api.http.dependencies import Office
from triage_api.http.local_caller import caller_of
from triage_api.http.problems import problem_response
from triage_api.http.session_auth import SIGNED_IN
from triage_api.schemas.escalation_contacts import DUTIES

KNOWN = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ALWAYS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-resource-policy": "same-origin"}
UNLESS_SET = {"cache-control": "no-store", "content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
BODY_LIMIT = 1024 * 1024  # bytes of a request; 5,000 ids are 80 KiB
TOO_LARGE = say("A request has at most {size} KiB.", size=BODY_LIMIT // 1024)
HSTS = "max-age=31536000"
BACK_CHANNEL = re.compile(r"/api/v1/session/providers/[a-z0-9-]+/back-channel-logout")  # a provider asks, with a signed token and no cookie
PLAIN_WORD = re.compile(r"[A-Za-z0-9_-]*")
VERSION = {"mailroom-version": version("mailroom")}  # for those who have signed in

log = logging.getLogger(__name__)


class Guard:
    """Stands before the app."""

    def __init__(self, app: ASGIApp, office: Office) -> None:
        self.app = app
        self.office = office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        DUTIES.set(self.office.settings.escalation.duties)
        status, began = 0, time.monotonic()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                self.make_safe(headers)
                if scope.get("state", {}).get(SIGNED_IN):
                    headers.update(VERSION)
            await send(message)

        try:
            if caller_of(scope):  # no browser, and nobody who could fill our memory without being allowed to
                await self.app(scope, receive, answer)
            else:
                await (self.refusal(scope) or self.app)(scope, limit_body(receive), answer)
        except Exception:
            log.exception("%(method)s %(path)s failed", {"method": scope["method"], "path": plain_path(scope)})
            if status:  # half of the answer is out already
                raise
            await problem_response(500, say("Something went wrong on the server. The log has the details."))(scope, receive, answer)
        finally:
            method = scope["method"] if scope["method"] in KNOWN else "other"
            metrics.observe_seconds("mailroom_request_seconds", time.monotonic() - began, method=method, status=f"{status // 100}xx")
            took = round(1000 * (time.monotonic() - began))
            asked = {"method": scope["method"], "path": plain_path(scope), "status": status, "milliseconds": took}
            log.info("%(method)s %(path)s %(status)d %(milliseconds)d ms", asked)

    def refusal(self, scope: Scope) -> Response | None:
        """Returns the response that refuses a request before it reaches the app, None when it may."""
        headers = Headers(scope=scope)
        needs_origin = scope["method"] not in HARMLESS and "authorization" not in headers and not BACK_CHANNEL.fullmatch(scope["path"])
        if needs_origin and not same_origin(headers, self.office.public_origin):
            return problem_response(403, say("This request does not come from the console: its Origin is another site."))
        if int(headers.get("content-length", "0")) > BODY_LIMIT:  # the server has checked that it is a number
            return problem_response(413, TOO_LARGE)
        return None

    def make_safe(self, headers: MutableHeaders) -> None:
        """Add the headers that protect the browser."""
        headers.update(ALWAYS)
        for name, value in UNLESS_SET.items():
            headers.setdefault(name, value)
        if self.office.secure:
            headers["strict-transport-security"] = HSTS


def limit_body(receive: Receive) -> Receive:
    """The body of a request, 413 once it is larger than BODY_LIMIT."""
    left = BODY_LIMIT

    async def received() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, TOO_LARGE)
        return message

    return received


def same_origin(headers: Headers, public_origin: str) -> bool:
    """Whether our own page made this request, by Origin. Other sites' scripts cannot forge it. A token needs no such proof."""
    if headers.get("sec-fetch-site") == "same-origin":
        return True
    origin = headers.get("origin", "").casefold()
    if origin == public_origin:
        return True
    parts = urlsplit(f"//{headers.get('host', '')}")
    return parts.hostname in LOOPBACK and origin == f"http://{parts.netloc}".casefold()


def plain_path(scope: Scope) -> str:
    """The path as the log may name it, with ids: neither addresses nor domains, nor anything else but plain words, and no query."""
    raw: bytes = scope.get("raw_path") or b"/"
    words = raw.decode("ascii", "backslashreplace").split("/")
    return "/".join(word if PLAIN_WORD.fullmatch(word) else "\u2026" for word in words)
