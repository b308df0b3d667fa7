"""A removal by the API: what the preview says, the decision does; who is wanted is named, and undo says what it cannot bring back."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage.throwaways import many, wave, weigh_by_subject, write_to
from tests.triage_api.conftest import Browser
from triage.config.settings import Settings
from triage.ids import format_id
from triage.policy.rules import store as rules
from triage.store.db import read_transaction, transaction
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.times import utcnow

ROSA = "rosa@customer.example"


@pytest.fixture
def campaign(engine: Engine, api_settings: Settings, monkeypatch: pytest.MonkeyPatch, ana: Browser) -> str:
    """A wave of six domains, and among it a message of a contact."""
    weigh_by_subject(monkeypatch)
    with transaction(engine) as session:
        came = wave(session, api_settings, [*many(6), ROSA], at=utcnow())
        write_to(session, api_settings, ROSA)
        return format_id(session.get_one(Delivery, came[0]).campaign_id or 0)


def test_the_preview_is_what_the_decision_does(ana: Browser, campaign: str, engine: Engine) -> None:
    select = {"campaign": campaign, "proof": "any"}
    said = ana.post("/selections/preview", {"select": select, "verb": "purge"}).json()
    plan = said["removal"]
    assert (said["count"], plan["severity"], plan["default"]) == (6, "suspicious", "remove_and_block")
    assert plan["not_included"] == [{"sender": ROSA, "proven": True, "count": 1, "why": "contact", "of": "IT"}]
    assert plan["blocked"] == {"campaign": 1, "domain": 6, "address": 0}
    assert (plan["would_have_stopped"], plan["would_have_released"], plan["hold_hours"]) == (0, 0, 24)
    made = ana.post("/decisions", {"verb": "purge", "select": select, "block": {}, "expect": 6, "fence": said["fence"]}).json()
    assert (made["done"], made["blocked"], made["rules"]) == (6, {"campaign": 1, "domain": 6}, [])
    assert "blocked the campaign and 6 domains" in made["sentence"]
    with transaction(engine) as session:
        session.execute(update(Rule).where(col(Rule.match) == "domain").values(refused=50))
    undone = ana.post(f"/decisions/{made['id']}/undo").json()
    assert (undone["done"], undone["refused_meanwhile"]) == (6, 300)
    assert "ended the blocks; 300 messages refused in the meantime are not restored" in undone["sentence"]


def test_kinds_and_single_blocks_are_left_out(ana: Browser, campaign: str) -> None:
    block = {"kinds": ["domain"], "without": ["throw-away-1.example"]}
    made = ana.post("/decisions", {"verb": "purge", "select": {"campaign": campaign}, "block": block}).json()
    assert made["blocked"] == {"domain": 5}


def test_known_senders_go_along_when_asked_for(ana: Browser, campaign: str) -> None:
    select = {"campaign": campaign, "proof": "any", "known": True}
    said = ana.post("/selections/preview", {"select": select, "verb": "purge"}).json()
    assert (said["count"], said["removal"]["not_included"]) == (7, [])
    assert [one["value"] for one in said["removal"]["not_blocked"]] == [ROSA]
    assert ana.post("/decisions", {"verb": "purge", "select": select, "fence": said["fence"]}).json()["done"] == 7


def test_a_block_goes_with_a_purge_alone(ana: Browser, campaign: str) -> None:
    assert ana.post("/decisions", {"verb": "release", "select": {"campaign": campaign}, "block": {}}).status_code == 422
    assert ana.post("/decisions", {"verb": "purge", "select": {"campaign": campaign}, "block": {"scope": "team:x"}}).status_code == 422


def test_the_same_key_blocks_once(ana: Browser, campaign: str, engine: Engine) -> None:
    order = {"verb": "purge", "select": {"campaign": campaign}, "block": {}}
    first, second = (ana.post("/decisions", order, headers={"Idempotency-Key": "wave"}).json() for _ in range(2))
    assert first["id"] == second["id"]
    with read_transaction(engine) as session:
        made = session.scalars(select(Rule).where(col(Rule.origin) == rules.REMOVAL)).all()
        assert [one.holds_until and one.holds_until - one.created_at for one in made] == [timedelta(hours=24)] * 7


def test_a_related_message_is_shown_and_stays(ana: Browser, campaign: str, engine: Engine, api_settings: Settings) -> None:
    with transaction(engine) as session:
        text = "quite another text about the opening hours of the library and who may borrow how many of its books in summer"
        wave(session, api_settings, ["other@elsewhere.example"], text=text, at=utcnow())
    plan = ana.post("/selections/preview", {"select": {"campaign": campaign}, "verb": "purge"}).json()["removal"]
    assert (plan["related"]["count"], plan["related"]["by_kind"]) == (2, {"subject": 2})
    assert {one["author"] for one in plan["related"]["examples"]} == {"other@elsewhere.example", ROSA}
