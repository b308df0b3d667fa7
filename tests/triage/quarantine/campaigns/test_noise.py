"""Noise of its own in each copy of a wave does not take it apart."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests import waves
from tests.triage.arriving import NOW
from triage.message.fingerprint import Fingerprint
from triage.message.similarity import Likeness
from triage.message.summary import make_summary
from triage.quarantine.campaigns import assign as campaigns
from triage.store import db


def prints_of(seed: int, material: waves.Material, operators: set[str], copies: int = 8) -> list[Fingerprint | None]:
    """The fingerprints of a wave's copies."""
    return [Fingerprint.from_text(make_summary(one.raw).fingerprint) for one in waves.make_wave(seed, copies, operators, material)]


@pytest.mark.parametrize("name", waves.NOISE)
def test_each_kind_of_noise_is_seen_through(name: str, sqlite_engine: Engine) -> None:
    material = waves.invented_material()
    with db.transaction(sqlite_engine) as session:
        for seed in range(1, 4):
            assert len({*campaigns.assign_all(session, prints_of(seed, material, {name}), now=NOW)}) == 1


@pytest.mark.long
@pytest.mark.corpus
def test_real_messages_with_noise_of_several_kinds_stay_together(corpus: Path) -> None:
    material, alike = waves.read_material(corpus), Likeness()
    groups = [
        {alike.name(one) for one in prints_of(seed, material, waves.pick_operators(seed, prose=False))} for seed in waves.DEVELOPMENT[:5]
    ]
    assert [len(one) for one in groups] == [1] * 5
    assert len(set.union(*groups)) == 5
