"""A removal asks the keepers of a confidential folder over HTTP: they see it and answer, and who asked sees the same as ever."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import COMPANY, NOW, SYNC
from tests.triage_api.conftest import STAFF, Came, NewBrowser
from triage import ids
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
CAMPAIGN = ids.format_id(77)
ASKED = "Keepers of confidential folders are asked."


@pytest.fixture
def wave(new_browser: NewBrowser, came: Came, engine: Engine, api_settings: Settings) -> Any:  # the app first: it knows no seal
    """Lets copies of one campaign come in, where the legal department is confidential."""
    with transaction(engine) as session:
        sealed = (ConfidentialEntry("department:legal", ("hana", "hugo")),)
        directory.apply_directory(session, replace(COMPANY, staff=STAFF, sealed=sealed), api_settings.company, by=SYNC, now=NOW)

    def come(*recipients: str) -> list[str]:
        shown = [one for to in recipients for one in came(to, author="crook@evil.example")]
        with transaction(engine) as session:
            for one in shown:
                session.get_one(Delivery, ids.parse_id(one)).campaign_id = 77
        return shown

    return come


def test_keepers_answer_what_a_removal_asks(wave: Any, new_browser: NewBrowser) -> None:
    _, theirs = wave(JOE, MARA)
    ana, hana, hugo = (new_browser(login) for login in ("ana", "hana", "hugo"))
    preview = ana.post("/selections/preview", {"select": {"campaign": CAMPAIGN}}).json()
    made = ana.post("/decisions", {"verb": "purge", "select": {"campaign": CAMPAIGN}, "reason": "a wave"}).json()
    assert (preview["count"], preview["confidential"], made["confidential"]) == (1, ASKED, "asked")
    assert made["sentence"].endswith(ASKED)
    (asked,) = hana.get("/confidential-removals").json()["items"]
    assert (asked["folder"], asked["count"], asked["items"], asked["reason"]) == ("department:legal", 1, [theirs], "a wave")
    assert [one["id"] for one in hugo.get("/confidential-removals").json()["items"]] == [asked["id"]]  # an auditor looks, and
    assert hugo.post(f"/confidential-removals/{asked['id']}/confirm").status_code == 403
    assert ana.get("/confidential-removals").json()["items"] == []
    assert ana.post(f"/confidential-removals/{asked['id']}/decline").status_code == 404
    assert hana.post(f"/confidential-removals/{asked['id']}/confirm", {"expect": 2}).status_code == 412
    done = hana.post(f"/confidential-removals/{asked['id']}/confirm", {"expect": 1}).json()
    assert (done["state"], hana.get(f"/deliveries/{theirs}").json()["state"]) == ("confirmed", "purged")
    assert ana.get(f"/decisions/{done['result_id']}").status_code == 404
    assert hana.post(f"/decisions/{done['result_id']}/undo").status_code == 201
    assert hana.get(f"/deliveries/{theirs}").json()["state"] == "held"
    assert hana.get("/confidential-removals").json()["items"] == []


@pytest.mark.parametrize("login", ["ana", "ida"])
@pytest.mark.parametrize("there", [(), (MARA, MARA)])
def test_with_and_without_copies_there_the_answers_are_the_same(
    login: str, there: tuple[str, ...], wave: Any, new_browser: NewBrowser
) -> None:
    wave(JOE, *there)
    browser = new_browser(login)
    preview = browser.post("/selections/preview", {"select": {"campaign": CAMPAIGN}}).json()
    made = browser.post("/decisions", {"verb": "purge", "reason": "a wave", "select": {"campaign": CAMPAIGN}}).json()
    told = ("count", "outside", "apart", "people", "departments", "by_state", "senders", "subjects", "confidential")
    senders, subjects = [{"author": "crook@evil.example", "count": 1}], [{"subject": "Your order", "count": 1}]
    assert [preview[name] for name in told] == [1, 0, 0, 1, 1, {"held": 1}, senders, subjects, ASKED]
    assert (made["count"], made["done"], made["outside"], made["left"], len(made["items"])) == (1, 1, 0, 0, 1)
    assert made["sentence"].split(". ")[-1] == ASKED
    (listed,) = browser.get("/decisions").json()["items"]
    assert (listed["sentence"], listed["count"]) == (made["sentence"], 1)
    for path in ("/confidential-removals", "/approvals"):
        assert browser.get(path).json()["items"] == []


def test_in_german(wave: Any, new_browser: NewBrowser) -> None:
    wave(JOE, MARA)
    german: dict[str, Any] = {"headers": {"Accept-Language": "de"}}
    made = new_browser("ana").post("/decisions", {"verb": "purge", "select": {"campaign": CAMPAIGN}}, **german).json()
    assert made["sentence"].endswith("Die Zuständigen für vertrauliche Ordner werden gefragt.")
    assert made["sentence"].startswith("„Your order“ entfernt")
    (asked,) = new_browser("hana").get("/confidential-removals", **german).json()["items"]
    assert (
        asked["sentence"] == "Ana Roth hat eine Kampagne in der übrigen Firma entfernt. Auch ihre 1 Nachricht aus diesem Ordner entfernen?"
    )
