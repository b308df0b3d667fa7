"""Effect of enforcement steps: messages held, and messages that a stricter step would have held, by department and severity."""

from datetime import timedelta

from sqlalchemy import Engine

from tests.triage.arriving import ANA, BEN, NOW, arrive, set_up
from triage.actor import EVERYTHING, Actor, Role
from triage.config.settings import Settings
from triage.directory import enforcement
from triage.reports import enforcement_effect
from triage.store.db import transaction

IDA = Actor.person("ida", Role.ADMIN, EVERYTHING, "Ida")
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


def test_departments_say_what_was_held_and_what_would_have_been(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        set_up(session, settings)
        enforcement.set_step(session, "department:legal", enforcement.RECORD, by=IDA, reason="", now=NOW)
        for recipients in ((JOE,), (JOE, MARA), (MARA,)):
            arrive(session, settings, *recipients)
    with transaction(engine) as session:
        found = enforcement_effect.count_effects(session, by=ANA, now=NOW + timedelta(hours=1), days=14)
        later = enforcement_effect.count_effects(session, by=ANA, now=NOW + timedelta(days=15), days=14)
        bens = enforcement_effect.count_effects(session, by=BEN, now=NOW + timedelta(hours=1), days=14)
    assert {code: (one.people, one.held.total(), one.passed.total()) for code, one in found.items()} == {
        "": (2, 2, 2),
        "it": (1, 2, 0),
        "legal": (1, 0, 2),
    }
    assert found[""].held == found["it"].held
    assert not any(one.held or one.passed for one in later.values())
    assert set(bens) == {"", "legal"}
