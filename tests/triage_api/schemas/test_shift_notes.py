"""Scopes of shift notes are named in the language of the request."""

import pytest

from triage.quarantine.teamwork.shift_notes import NoteScope
from triage.say import say
from triage_api.schemas.language import LANGUAGE
from triage_api.schemas.queue import shift_notes


@pytest.mark.parametrize(("language", "name"), [("en", "the whole company"), ("de", "die ganze Firma")])
def test_a_scope_is_named_in_the_language_of_the_request(language: str, name: str) -> None:
    before = LANGUAGE.set(language)
    try:
        shown = shift_notes.NoteScope.model_validate(NoteScope(("company",), say("the whole company"), ("Ana",))).model_dump(mode="json")
    finally:
        LANGUAGE.reset(before)
    assert shown == {"scope": ["company"], "name": name, "readers": ["Ana"]}
