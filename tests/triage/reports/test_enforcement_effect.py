"""Effect of enforcement steps: messages held, and messages that a stricter step would have held, by department and severity."""

from dataclasses import replace
from datetime import timedelta

import pytest
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
        found = enforcement_effect.count_effects(session, settings.company, by=ANA, now=NOW + timedelta(hours=1), days=14)
        later = enforcement_effect.count_effects(session, settings.company, by=ANA, now=NOW + timedelta(days=15), days=14)
        bens = enforcement_effect.count_effects(session, settings.company, by=BEN, now=NOW + timedelta(hours=1), days=14)
    assert {code: (one.people, one.held.total(), one.passed.total()) for code, one in found.items()} == {
        "": (1, 2, 0),  # whom its step concerns: legal has its own
        "it": (1, 2, 0),
        "legal": (1, 0, 2),
    }
    assert found[""].held == found["it"].held
    assert not any(one.held or one.passed for one in later.values())
    assert set(bens) == {"legal"}


@pytest.mark.parametrize("scope", ["department:legal", "person:mara.berg", "company.record_only_departments"])
def test_a_forecast_counts_those_whom_the_step_will_concern(engine: Engine, settings: Settings, scope: str) -> None:
    """The company's step leaves out whoever has a step of their own, as the policy does; a department's leaves out such people."""
    company = settings.company
    with transaction(engine) as session:
        set_up(session, settings)
        for recipients in ((JOE,), (MARA,)):
            arrive(session, settings, *recipients)
        if scope.startswith("company."):
            company = replace(company, record_only_departments=("legal",))
        else:
            enforcement.set_step(session, scope, enforcement.RECORD, by=IDA, reason="", now=NOW)
    with transaction(engine) as session:
        in_force = enforcement.now_in_force(session, company, NOW)
        found = enforcement_effect.count_effects(session, company, by=ANA, now=NOW + timedelta(hours=1), days=14)
        numbers = {code: (found[code].people, found[code].held.total()) for code in ("", "it", "legal")}
    own = (0, 0) if scope.startswith("person:") else (1, 1)
    assert numbers == {"": (1, 1), "it": (1, 1), "legal": own}
    assert in_force.of("legal", "mara.berg") == enforcement.RECORD != in_force.of("it", "joe.fern")
