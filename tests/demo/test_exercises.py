"""The messages to train on: both answers, no number that tells, and proofs as the demo's DNS has them."""

from datetime import UTC, datetime
from pathlib import Path

from demo.exercises import LIES, TRUTHS, make_exercise, pick_letters, read_deck
from demo.keys import Key
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.zone_file import ZoneFileResolver
from triage.addressing.envelope import Envelope
from triage.message.authentication import proof_sentence
from triage.quarantine.training_cases import KEEP_OUT, LET_IN


def test_both_answers_are_there_and_the_number_tells_nothing() -> None:
    cases = read_deck()
    answers = [one.answer for one in cases]
    assert min(answers.count(LET_IN), answers.count(KEEP_OUT)) >= 15
    half = len(cases) // 2
    assert KEEP_OUT in answers[:half]
    assert KEEP_OUT in answers[half:]
    assert len({one.case for one in cases}) == len(cases)
    assert all(one.gave_away and one.text and one.author and one.subject for one in cases)
    assert read_deck() is cases


def test_every_kind_has_rows() -> None:
    kinds = {letter.kind for letter in pick_letters(datetime.now(UTC))}
    assert kinds == {*LIES, *TRUTHS}


def test_the_proof_that_is_shown_is_the_one_that_dns_gives(demo_directory: Path, signing: dict[str, Key]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    resolver = ZoneFileResolver(demo_directory / "demo.zone")
    for letter in pick_letters(now):
        envelope = Envelope(1, now, letter.reverse_path, letter.recipients, "127.0.0.1", f"mail.{letter.domain}")
        found = authenticate_message(envelope, letter.signed(signing), resolver, now)
        assert make_exercise(1, letter).proof == proof_sentence(found), letter.kind
