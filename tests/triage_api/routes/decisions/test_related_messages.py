"""Over HTTP: what lay beside a purge's copies is shown and taken, and a sender is swept; who may, and what is said when not."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import NOW
from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage import ids
from triage.config.settings import Recall, Relay, Settings
from triage.delivery.recall import related_messages
from triage.delivery.recall.related_messages import Place, Related
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import SweptMailbox

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


@pytest.fixture
def purged(ana: Browser, came: Came, engine: Engine) -> str:
    """A purge, and two messages that lay beside what it took: one with the same Message-ID, and one that answers it."""
    (joe,) = came(JOE)
    made: str = ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe]}}).json()["id"]
    with db.transaction(engine) as session:
        delivery = session.get_one(Delivery, ids.parse_id(joe))
        beside = [
            Related(Place("INBOX", 7, uid, ""), NOW, uid == 1, None, f"writer{uid}@x.example", f"subject \x1b{uid}") for uid in (1, 2)
        ]
        related_messages.record_related(session, ids.parse_id(made), delivery, beside, NOW)
    return made


def without_way_in(settings: Settings) -> Settings:
    """Settings without access to mailboxes."""
    return replace(settings, recall=Recall(), relay=Relay(next_hop="smtp://inner:25"))


def test_what_lay_beside_is_shown_and_taken(ana: Browser, purged: str, engine: Engine) -> None:
    assert ana.get(f"/decisions/{purged}").json()["related"] == 2
    items = ana.get(f"/decisions/{purged}/related").json()["items"]
    assert [(one["folder"], one["bears"], one["ours"], one["author"], one["subject"]) for one in items] == [
        ("INBOX", True, False, "writer1@x.example", "subject \\x1b1"),
        ("INBOX", False, False, "writer2@x.example", "subject \\x1b2"),
    ]
    answer = ana.post(f"/decisions/{purged}/related", {"copies": [items[0]["id"]], "reason": "forged"})
    take = answer.json()
    assert (answer.status_code, take["verb"], take["count"], take["mailboxes_left"], take["undoable"]) == (201, "take", 1, 1, True)
    assert ana.get(f"/decisions/{purged}").json()["related"] == 1
    assert [one["claimed_by"] for one in ana.get(f"/decisions/{purged}/related").json()["items"]] == [take["id"], None]
    again = ana.post(f"/decisions/{purged}/related", {"copies": [items[0]["id"]]})
    assert (again.status_code, "already removed" in again.json()["detail"]) == (409, True)
    with db.read_transaction(engine) as session:
        (record,) = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "take"))
        assert (record.by, record.detail["related_to"], record.items) == ("person:ana", purged, 1)
        (mailbox,) = session.scalars(select(col(SweptMailbox.mailbox)))
        assert record.detail["mailboxes"] == [mailbox]
    assert ana.post(f"/decisions/{take['id']}/undo").status_code == 201


JOES, MARAS = "joe.fern@company.example", "mara.berg@company.example"


@pytest.mark.parametrize(
    ("to", "box", "told"),
    [
        (MARA, MARAS, {"ana": 2, "ben": 2, "eva": 2}),
        (MARA, JOES, {"ana": 2, "ben": None, "eva": None}),  # Ben's folder, redirected to somebody else's mailbox
        (JOE, MARAS, {"ana": 2, "ben": None, "eva": None}),  # Ben's mailbox, somebody else's folder
        (MARA, "left@company.example", {"ana": 2, "ben": 2, "eva": 2}),
    ],
)
def test_what_lay_in_another_s_mailbox_is_for_who_sees_both(
    came: Came, engine: Engine, new_browser: NewBrowser, to: str, box: str, told: dict[str, int | None]
) -> None:
    (one,) = came(to)
    with db.transaction(engine) as session:
        delivery = session.get_one(Delivery, ids.parse_id(one))
        delivery.mailbox, delivery.redirected = box, (to, box) == (MARA, JOES)
    made = new_browser("ana").post("/decisions", {"verb": "purge", "select": {"ids": [one]}}).json()["id"]
    with db.transaction(engine) as session:
        beside = [Related(Place("INBOX", 7, uid, ""), NOW, True, None, "writer@x.example", "private") for uid in (1, 2)]
        related_messages.record_related(session, ids.parse_id(made), session.get_one(Delivery, ids.parse_id(one)), beside, NOW)
    copies = [item["id"] for item in new_browser("ana").get(f"/decisions/{made}/related").json()["items"]]
    for login, number in told.items():
        browser = new_browser(login)
        answer = browser.get(f"/decisions/{made}/related")
        assert len(answer.json().get("items", ())) == (number or 0)
        if answer.status_code == 200:
            assert browser.get(f"/decisions/{made}").json()["related"] == (number or 0)
        if not number:
            assert browser.post(f"/decisions/{made}/related", {"copies": copies}).status_code == 404


def test_what_cannot_be_taken(ana: Browser, purged: str, new_browser: NewBrowser, app: FastAPI) -> None:
    app.state.office.settings = without_way_in(app.state.office.settings)
    one, _ = (item["id"] for item in ana.get(f"/decisions/{purged}/related").json()["items"])
    for browser, copies, status in ((ana, [one], 409), (ana, [purged], 404), (ana, [], 422), (new_browser("otto"), [one], 403)):
        answer = browser.post(f"/decisions/{purged}/related", {"copies": copies})
        assert answer.status_code == status, answer.text
    assert "no access to mailboxes" in ana.post(f"/decisions/{purged}/related", {"copies": [one]}).json()["detail"]
    assert new_browser("ben").get(f"/decisions/{purged}/related").status_code == 404


def test_many_at_once_need_two_people_where_the_company_wants_that(ana: Browser, purged: str, app: FastAPI) -> None:
    office = app.state.office
    office.settings = replace(office.settings, policy=replace(office.settings.policy, approvals=("large-purge",), approval_purge_copies=1))
    copies = [item["id"] for item in ana.get(f"/decisions/{purged}/related").json()["items"]]
    answer = ana.post(f"/decisions/{purged}/related", {"copies": copies})
    assert (answer.status_code, "select fewer" in answer.json()["detail"]) == (409, True)
    assert ana.post(f"/decisions/{purged}/related", {"copies": copies[:1]}).status_code == 201


@pytest.mark.parametrize(("login", "status"), [("ida", 201), ("ana", 403), ("leo", 403), ("otto", 403)])
def test_who_may_sweep(new_browser: NewBrowser, login: str, status: int) -> None:
    answer = new_browser(login).post("/sweeps", {"sender": "Old@Shop.example", "reason": "fraud"})
    assert answer.status_code == status
    if status == 201:
        made = answer.json()
        assert (made["verb"], made["select"], made["reason"]) == ("sweep", {"sender": "old@shop.example"}, "fraud")
        assert made["mailboxes"] == made["mailboxes_left"] > 0


def test_what_is_no_sweep(new_browser: NewBrowser, app: FastAPI) -> None:
    ida, office = new_browser("ida"), app.state.office
    assert ida.post("/sweeps", {"sender": "nobody"}).status_code == 422
    keyed = replace(office.settings, policy=replace(office.settings.policy, approvals=("large-purge",)))
    for settings, says in (
        (keyed, "a sweep may remove many messages"),
        (without_way_in(office.settings), "Mailroom has no access to mailboxes"),
    ):
        office.settings = settings
        answer = ida.post("/sweeps", {"sender": "old@shop.example"})
        assert (answer.status_code, says in answer.json()["detail"]) == (409, True)
    office.settings = keyed
    assert ida.post("/sweeps", {"sender": "old@shop.example", "dry_run": True}).status_code == 201
