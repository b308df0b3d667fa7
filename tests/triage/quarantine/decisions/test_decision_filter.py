"""Decisions filtered by person, date, verb and words: whose reason says them, or that changed a message with all of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import ANA, BEN, IDA, NOW, arrive, set_up
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionFilter, list_decisions
from triage.quarantine.search.selection import Selection
from triage.store.db import read_transaction, transaction

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
MADE = (  # name, who, verb, recipient, subject, reason, hours after NOW
    ("parcel", ANA, Verb.RELEASE, JOE, "Your parcel", "100 % fine", 1),
    ("contract", BEN, Verb.PURGE, MARA, "The contract", "not wanted", 2),
    ("invoice", IDA, Verb.PURGE, JOE, "An invoice", "", 3),
)


@pytest.fixture
def made(engine: Engine, settings: Settings) -> dict[int, str]:
    """Three decisions of three people; the names by id."""
    found: dict[int, str] = {}
    with transaction(engine) as session:
        set_up(session, settings)
        for name, by, verb, to, subject, reason, hours in MADE:
            (one,) = arrive(session, settings, to, author=f"{name}@far.example", subject=subject)
            request = DecisionRequest(Selection.of(ids=(one,)), verb, reason=reason)
            found[decisions.decide_messages(session, request, by=by, now=after(hours), settings=settings).id] = name
    return found


def after(hours: float) -> datetime:
    """So many hours after NOW."""
    return NOW + timedelta(hours=hours)


def named(engine: Engine, made: dict[int, str], by: Actor = ANA, **wanted: Any) -> list[str]:
    """Names of the decisions that a filter finds, newest first."""
    with read_transaction(engine) as session:
        return [made[one.id] for one in list_decisions(session, by=by, wanted=DecisionFilter(**wanted))]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["invoice", "contract", "parcel"]),
        ({"who": "Ana"}, ["parcel"]),
        ({"who": "person:ben"}, ["contract"]),
        ({"who": "token:ben"}, []),
        ({"verb": "purge"}, ["invoice", "contract"]),
        ({"since": after(2)}, ["invoice", "contract"]),
        ({"since": after(1), "until": after(2)}, ["parcel"]),
        ({"words": "WANTED"}, ["contract"]),
        ({"words": "100 %"}, ["parcel"]),
        ({"words": "invoice far.example"}, ["invoice"]),
        ({"words": "from:parcel@far.example"}, ["parcel"]),
        ({"words": "invoice", "who": "ana"}, []),
        ({"words": "  "}, ["invoice", "contract", "parcel"]),
    ],
)
def test_decisions_by_person_date_verb_and_words(engine: Engine, made: dict[int, str], wanted: dict[str, Any], names: list[str]) -> None:
    assert named(engine, made, **wanted) == names


def test_words_of_confidential_messages_find_nothing(engine: Engine, made: dict[int, str]) -> None:
    with transaction(engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    assert named(engine, made, words="contract") == []
    assert named(engine, made, BEN, words="contract") == ["contract"]
    assert named(engine, made, BEN, words="parcel") == []


def test_an_unknown_field_is_named(engine: Engine, made: dict[int, str]) -> None:
    with pytest.raises(BadInput, match="colour"):
        named(engine, made, words="colour:red")
