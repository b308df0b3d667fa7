"""In which language a request is answered: English, unless its Accept-Language asks for another one of ours (RFC 9110, 12.5.4)."""

import re
from contextvars import ContextVar
from html import escape, unescape
from typing import Annotated

from pydantic import PlainSerializer
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.text import i18n

LANGUAGE: ContextVar[str] = ContextVar("language", default=i18n.ENGLISH)


REMARK = re.compile(r'(<(?:div class="note"|span class="np")>)([^<]*)')  # of ours, in a message's document: mail has no classes there


def said(text: str) -> str:
    """A sentence of ours in the language of the request."""
    return i18n.said(text, LANGUAGE.get())


Spoken = Annotated[str, PlainSerializer(said, return_type=str, when_used="json")]
"""Words of ours in an answer: English in the house and on the record."""


def said_in_document(document: str, language: str) -> str:
    """A message's document with our own remarks in a language, "" for that of the request. What others wrote stays as it is."""
    code = i18n.asked(language) if language else LANGUAGE.get()
    if code == i18n.ENGLISH:
        return document
    return REMARK.sub(lambda found: found[1] + escape(i18n.said(unescape(found[2]), code), quote=False), document)


class Interpreter:
    """Stands before the app, the guard included, and knows which language is asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        language = i18n.asked(Headers(scope=scope).get("accept-language", ""))
        LANGUAGE.set(language)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "json" in headers.get("content-type", ""):
                    headers.add_vary_header("Accept-Language")
                    headers["content-language"] = language
            await send(message)

        await self.app(scope, receive, answer)
