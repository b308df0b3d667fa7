"""Sandboxed frame of the console: a message as a document, or the reason why it cannot be shown."""

from fastapi.responses import HTMLResponse
from starlette.requests import Request

from triage.message.preview import preview_document
from triage.say import say
from triage.text.i18n.translate import translate_sentence
from triage_api.schemas.language import choose_language, translate_document


def frame_document(document: str, language: str, status: int = 200) -> HTMLResponse:
    """A document with our own words in a language, "" for that of the request."""
    return HTMLResponse(translate_document(document, language), status, dict(preview_document.FRAME_HEADERS))


def frame_refusal(request: Request, status: int, why: str) -> HTMLResponse:
    """Returns the page that says why a message cannot be shown, in its place."""
    language = request.query_params.get("language", "")
    words = translate_sentence(
        say("This message cannot be shown: {why}" if why.endswith(".") else "This message cannot be shown: {why}.", why=why),
        choose_language(language),
    )
    return frame_document(preview_document.wrap_document(preview_document.preview_note(words)), language, status)
