"""Remarks of ours in a message's document: each carries its message id and parameters, so that it can be shown in another language."""

import base64
import json
import re
from html import escape

from triage.say import form_of, load_sentence
from triage.text.i18n import ENGLISH
from triage.text.i18n.translate import translate_sentence
from triage.text.sanitize import escape_visible

ATTRIBUTE = "data-said"  # nothing that a message brings along keeps it
REMARK = re.compile(rf'(<(?:div|span) [^<>]*?) ?{ATTRIBUTE}="([A-Za-z0-9+/=]*)"([^<>]*>)([^<]*)')


def write_remark(tag: str, css: str, words: str) -> str:
    """A remark as an element of this class."""
    form = base64.b64encode(json.dumps(form_of(words)).encode()).decode()
    return f'<{tag} class="{css}" {ATTRIBUTE}="{form}">{escape(escape_visible(words))}</{tag}>'


def escape_shown(words: str) -> str:
    """Words as HTML that is text."""
    return escape(escape_visible(words), quote=False)


def translate_remarks(document: str, language: str) -> str:
    """The document with its remarks in a language, without what they carried. Text of others stays as it is."""

    def put(found: re.Match[str]) -> str:
        form = json.loads(base64.b64decode(found[2]))
        shown = found[4] if form is None or language == ENGLISH else escape_shown(translate_sentence(load_sentence("", form), language))
        return f"{found[1]}{found[3]}{shown}"

    return REMARK.sub(put, document)
