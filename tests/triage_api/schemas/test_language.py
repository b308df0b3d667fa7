"""In which language requests are answered: English for programs that ask for none, the record is English always."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_api.conftest import Browser, Came, NewBrowser
from tests.triage_api.http.test_problems import WRONG
from triage.message.preview.remarks import write_remark
from triage.say import say
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage_api.schemas.language import translate_document

JOE = "it+joe.fern@company.example"
GERMAN = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.8"}


def test_a_refusal_names_the_same_part_in_german(sqlite_ana: Browser) -> None:
    for method, path, body, status, field in WRONG:
        content = None if body is None else json.dumps(body).encode()
        english, german = (
            sqlite_ana.request(method, path, content=content, headers={"Content-Type": "application/json"} | language)
            for language in ({}, GERMAN)
        )
        assert (german.status_code, german.json().get("field")) == (status, field)
        assert german.json()["detail"] != english.json()["detail"], (method, path, english.json()["detail"])
        assert (english.headers["content-language"], german.headers["content-language"]) == ("en", "de")
        assert "Accept-Language" in german.headers["vary"]


def test_an_answer_in_german_and_a_record_in_english(ana: Browser, new_browser: NewBrowser, came: Came, engine: Engine) -> None:
    (joe,) = came(JOE)
    sam = new_browser("sam")
    made = ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe]}}, headers=GERMAN).json()
    assert made["sentence"] == "„Your order“ entfernt."
    assert ana.get(f"/decisions/{made['id']}").json()["sentence"] == "Removed “Your order”."
    late = sam.post("/decisions", {"verb": "release", "select": {"ids": [joe]}}, headers=GERMAN)
    assert late.status_code == 409
    said = late.json()["detail"]
    assert said.startswith("Ana Roth hat sie vor ")
    assert said.endswith(" entfernt.")
    assert late.json()["items"][0]["why"] == said
    story = ana.get(f"/deliveries/{joe}", headers=GERMAN).json()
    assert [past["sentence"] for past in story["history"]] == [
        "Angekommen für it+joe.fern@company.example: sales@supplier.example ist noch kein bekannter Absender.",
        "Ana Roth: Entfernen.",
    ]
    with db.read_transaction(engine) as session:
        assert session.scalar(select(col(Delivery.reason))) == "sales@supplier.example is not a known sender yet"
        assert "entfern" not in str([record.detail for record in session.scalars(select(AuditRecord))])


@pytest.mark.parametrize("language", ["", "fr-FR", "en-US,en;q=0.9,de;q=0.8"])
def test_english_for_everybody_else(sqlite_ana: Browser, language: str) -> None:
    answer = sqlite_ana.get("/rules/0AMR92XANA62D", headers={"Accept-Language": language})
    assert answer.json()["detail"] == "there is no rule 0AMR92XANA62D"


def test_an_answer_is_not_known_by_that_in_another_language(ana: Browser, came: Callable[..., tuple[str, ...]]) -> None:
    (joe,) = came(JOE)
    english = ana.get(f"/deliveries/{joe}")
    known = {"If-None-Match": english.headers["etag"]}
    assert ana.get(f"/deliveries/{joe}", headers=known).status_code == 304
    assert ana.get(f"/deliveries/{joe}", headers=known | GERMAN).json()["verdict"]["reason"].endswith("ist noch kein bekannter Absender")


def test_what_others_wrote_in_a_document_is_no_remark_of_ours() -> None:
    document = "<p>picture not loaded</p>" + write_remark("span", "np", say("picture not loaded {about}", about="600×80 A <b>"))
    document += write_remark("div", "note", say("This message has no text."))
    assert translate_document(document, "de") == (
        '<p>picture not loaded</p><span class="np">Bild nicht geladen 600×80 A &lt;b&gt;</span>'
        '<div class="note">Diese Nachricht hat keinen Text.</div>'
    )
    assert translate_document(document, "") == (
        '<p>picture not loaded</p><span class="np">picture not loaded 600×80 A &lt;b&gt;</span>'
        '<div class="note">This message has no text.</div>'
    )
