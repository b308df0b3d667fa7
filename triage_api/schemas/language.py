"""In which language a request is answered: English, unless its Accept-Language asks for another one of ours (RFC 9110, 12.5.4)."""

from contextvars import ContextVar
from typing import Annotated, Any

from fastapi import Query
from pydantic import PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.message.preview.remarks import translate_remarks
from triage.say import Said, load_sentence
from triage.text import i18n
from triage.text.i18n.translate import translate_sentence
from triage.text.json_values import FORM

LANGUAGE: ContextVar[str] = ContextVar("language", default=i18n.ENGLISH)


def say_in_language(text: str) -> str:
    """A sentence of ours in the language of the request; text of others as it is."""
    return translate_sentence(text, LANGUAGE.get())


def keep_form(text: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """A sentence with its message id: pydantic would make plain text of it."""
    return text if isinstance(text, Said) else validate(text)


Sentence = Annotated[str, WrapValidator(keep_form), PlainSerializer(say_in_language, return_type=str, when_used="json")]
"""A sentence of ours in an answer, or text of others: English in the house and in the audit log."""


async def use_language(
    language: Annotated[str, Query(max_length=40, description="Its language; by default that of the request.")] = "",
) -> None:
    """Answer in the language that a request names in its query."""
    LANGUAGE.set(choose_language(language))


def choose_language(language: str) -> str:
    """A language of ours: the one that a request names in its query, or that of the request."""
    return i18n.choose_accepted(language) if language else LANGUAGE.get()


def translate_document(document: str, language: str) -> str:
    """A message's document with our own remarks in a language, "" for that of the request. Text of others stays as it is."""
    return translate_remarks(document, choose_language(language))


def with_form(value: Any) -> Any:
    """A stored value whose sentence is built from the message id and parameters stored with it."""
    if isinstance(value, dict) and (form := value.get(FORM)):
        return value | {"sentence": load_sentence(value["sentence"], form)}
    return value


class Interpreter:
    """Stands before the app, the guard included, and knows which language is asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        language = i18n.choose_accepted(Headers(scope=scope).get("accept-language", ""))
        LANGUAGE.set(language)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "json" in headers.get("content-type", ""):
                    headers.add_vary_header("Accept-Language")
                    headers["content-language"] = LANGUAGE.get()
            await send(message)

        await self.app(scope, receive, answer)
