"""The policy of the bench of hands: it knows each kind of letter of the demo, once, and what it stands for."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import hands
from demo.correspondence import write_morning
from triage.message import summary


def test_each_letter_of_the_morning_has_its_act() -> None:
    policy = hands.Policy.read(hands.POLICY)
    sent = {one.kind for one in write_morning(seed=1, start=datetime(2026, 11, 24, 8, 30, tzinfo=UTC))}
    assert sent <= policy.acts.keys()
    assert set(policy.acts.values()) <= policy.keys.keys() == policy.answers.keys()
    assert {policy.classes[kind] for kind in policy.slips} == {"wanted", "dangerous"}
    assert {act for kind, act in policy.acts.items() if policy.classes[kind] == "dangerous"} == {"remove"}


def test_a_subject_tells_the_kind() -> None:
    kinds: dict[str, set[str]] = {}
    for one in write_morning(seed=1, start=datetime(2026, 11, 24, 8, 30, tzinfo=UTC)):
        kinds.setdefault(summary.make_summary(one.raw).subject, set()).add(one.kind)
    assert [subject for subject, some in kinds.items() if len(some) > 1] == []


def test_a_kind_that_stands_twice_is_refused(tmp_path: Path) -> None:
    twice = tmp_path / "hands.toml"
    twice.write_text(hands.POLICY.read_text().replace('allow = ["sign-in-code", "parcel"]', 'allow = ["sign-in-code", "phishing"]'))
    with pytest.raises(ValueError, match="phishing stands twice"):
        hands.Policy.read(twice)
