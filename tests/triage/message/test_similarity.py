"""Past mail that is the same thing sent many times has one name."""

from datetime import UTC, datetime

from demo.correspondence import write_morning
from demo.sample_messages import SampleMessage
from triage.message.fingerprint import Fingerprint
from triage.message.similarity import Likeness
from triage.message.summary import make_summary


def names_of(alike: Likeness, samples: list[SampleMessage]) -> list[str]:
    """The name of each."""
    return [alike.name(Fingerprint.from_text(make_summary(sample.raw).fingerprint)) for sample in samples]


def test_a_wave_has_one_name_and_other_mail_has_others() -> None:
    alike, samples = Likeness(), write_morning(seed=1, start=datetime(2026, 11, 24, 7, 30, tzinfo=UTC))
    wave = names_of(alike, [one for one in samples if one.kind == "phishing"])
    others = names_of(alike, [one for one in samples if one.kind in ("applicant", "customer", "new-supplier")])
    assert len(wave) == 40
    assert len(set(wave)) == 1
    assert len(set(others)) == len(others)
    assert not set(wave) & set(others)


def test_what_has_nothing_to_compare_has_no_name() -> None:
    assert Likeness().name(None) == ""
