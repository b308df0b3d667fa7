"""In which language a request is answered: English, unless its Accept-Language asks for another one of ours (RFC 9110, 12.5.4)."""

from contextvars import ContextVar
from typing import Annotated

from pydantic import PlainSerializer
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage import languages

LANGUAGE: ContextVar[str] = ContextVar("language", default=languages.ENGLISH)


def said(text: str) -> str:
    """A sentence of ours in the language of the request."""
    return languages.said(text, LANGUAGE.get())


Spoken = Annotated[str, PlainSerializer(said, return_type=str, when_used="json")]
"""Words of ours in an answer: English in the house and on the record."""


class Interpreter:
    """Stands before the app, the guard included, and knows which language is asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        language = languages.asked(Headers(scope=scope).get("accept-language", ""))
        LANGUAGE.set(language)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "json" in headers.get("content-type", ""):
                    headers.add_vary_header("Accept-Language")
                    headers["content-language"] = language
            await send(message)

        await self.app(scope, receive, answer)
