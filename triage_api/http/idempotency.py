"""A request with an Idempotency-Key is carried out once: the same request again gets the same answer. And answers to GET have an ETag."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from sqlmodel import Session
from starlette.types import Receive, Scope, Send

from triage.actor import Actor
from triage.store import idempotency
from triage.store.idempotency import Answer
from triage.times import utcnow
from triage_api.http.compression import JSON, compress_answer
from triage_api.http.transaction_retry import retry_request

REPLAYED = {"Idempotency-Replayed": "true"}
LONGEST_KEY = 255

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=LONGEST_KEY,
        pattern="^[!-~]+$",
        description="Any text, new for each act: within 24 hours a repeated request is carried out once and gets the same answer.",
    ),
]


class Answered(Exception):
    """The request was answered before; holds that answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


async def digest_of(request: Request) -> str:
    """Digest of a request."""
    asked = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    asked.update(await request.body())
    return asked.hexdigest()


Asked = Annotated[str, Depends(digest_of)]


class Slot:
    """The place of one answer, in the transaction of what is done."""

    def __init__(self, session: Session, key: str, by: Actor) -> None:
        self.session, self.key, self.by = session, key, by

    def fill(self, response: Response) -> None:
        """Keep the answer, unless it is a secret that must not be kept."""
        body = "" if self.session.info.get("secret") else bytes(response.body).decode()
        idempotency.store_answer(self.session, self.key, Answer(response.status_code, body), by=self.by)


def begin_request(request: Request, session: Session, key: str | None, asked: str, by: Actor) -> None:
    """Take the key; Answered when it was used before."""
    if key is None or request.method != "POST":
        return
    if earlier := idempotency.find_answer(session, key, asked, by=by, now=utcnow()):
        raise Answered(earlier)
    request.state.slot = Slot(session, key, by)


def mark_secret(session: Session) -> None:
    """Marks this transaction's answer as shown once and stored nowhere."""
    session.info["secret"] = True


class Once(APIRoute):
    """A route whose answer is kept before the commit, and whose JSON is not sent again to who has it."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request with its transactions."""
        await retry_request(self.name, super().handle, scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler within the transaction."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                response = await handler(request)
            except Answered as before:
                return Response(before.answer.body or None, before.answer.status, REPLAYED, JSON)
            if slot := getattr(request.state, "slot", None):
                await run_in_threadpool(slot.fill, response)
            return compress_answer(request, unless_known(request, response)) if request.method == "GET" else response

        return handled


def unless_known(request: Request, response: Response) -> Response:
    """The answer with its ETag; 304 when the client has exactly this one."""
    if response.status_code != 200 or response.media_type != JSON:
        return response
    tag = response.headers.setdefault("ETag", f'W/"{hashlib.sha256(response.body).hexdigest()[:24]}"')  # weak: it may be compressed
    return Response(status_code=304, headers={"ETag": tag}) if knows_tag(request, tag) else response


def knows_tag(request: Request, tag: str) -> bool:
    """Whether the client has the answer with this ETag (RFC 9110, 13.1.2)."""
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return tag.removeprefix("W/") in known or "*" in known
