"""Signals from ClamAV, Rspamd and client blocklists."""

import pytest

from tests.triage.message.signals.seeing import looked_at, seen
from triage.message.signals.scan_results import Opinion, Scan


def test_a_virus_is_the_heaviest_signal() -> None:
    found = looked_at(beside={"scan": Scan(virus="Win.Test.EICAR_HDB-1")})["virus"]
    assert (found.sentence, found.weight) == ("ClamAV found a virus: Win.Test.EICAR_HDB-1.", 90)


@pytest.mark.parametrize(
    ("action", "name"),
    [("reject", "rspamd-rejects"), ("add header", "rspamd-suspects"), ("greylist", "rspamd-suspects"), ("no action", "rspamd-clean")],
)
def test_what_rspamd_makes_of_it(action: str, name: str) -> None:
    found = looked_at(beside={"scan": Scan(opinion=Opinion(action, 7.25, 15.0, ("FORGED_SENDER",)))})
    assert name in found
    assert found[name].evidence == ("FORGED_SENDER",)
    assert "Score 7.2; rejects from 15" in found[name].sentence


def test_who_does_not_answer_is_named() -> None:
    assert seen(beside={"scan": Scan(silent=("ClamAV did not check the message: no answer.",))}) == {
        "not-scanned": "ClamAV did not check the message: no answer."
    }


def test_nobody_asked_nothing_said() -> None:
    assert seen(beside={"scan": Scan()}) == {}


def test_who_lists_the_client_is_said() -> None:
    assert seen(beside={"listed": "zen.example lists it"}) == {"listed-client": "zen.example lists it."}
