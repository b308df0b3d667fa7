"""The messages to train on: both answers, no number that tells, and proofs as the demo's DNS has them."""

from datetime import UTC, datetime
from pathlib import Path

from demo.keys import Key
from demo.training_messages import LIES, TRUTHS, make_training_message, pick_samples, read_deck
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.zone_file import ZoneFileResolver
from triage.addressing.envelope import Envelope
from triage.message.authentication import proof_sentence
from triage.quarantine.training_messages import RELEASE_IT, REMOVE_IT


def test_both_answers_are_there_and_the_number_tells_nothing() -> None:
    cases = read_deck()
    answers = [one.answer for one in cases]
    assert min(answers.count(RELEASE_IT), answers.count(REMOVE_IT)) >= 15
    half = len(cases) // 2
    assert REMOVE_IT in answers[:half]
    assert REMOVE_IT in answers[half:]
    assert len({one.case for one in cases}) == len(cases)
    assert all(one.clues and one.text and one.author and one.subject for one in cases)
    assert read_deck() is cases


def test_every_kind_has_rows() -> None:
    kinds = {sample.kind for sample in pick_samples(datetime.now(UTC))}
    assert kinds == {*LIES, *TRUTHS}


def test_the_proof_that_is_shown_is_the_one_that_dns_gives(demo_directory: Path, signing: dict[str, Key]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    resolver = ZoneFileResolver(demo_directory / "demo.zone")
    for sample in pick_samples(now):
        envelope = Envelope(1, now, sample.reverse_path, sample.recipients, "127.0.0.1", f"mail.{sample.domain}")
        found = authenticate_message(envelope, sample.signed(signing), resolver, now)
        assert make_training_message(1, sample).proof == proof_sentence(found), sample.kind
