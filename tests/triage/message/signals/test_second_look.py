"""Reasons for a second look, its forwarders, and how often a wanted message needs one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import Engine

from bench.signals import read_corpus, written_at
from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_FAIL, DMARC_PASS, NO_DMARC, authentication, summary
from triage import ids
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.message.authentication import Arc, Authentication, Dkim, Dmarc, Result, Stated
from triage.message.signals import second_look
from triage.message.signals.second_look import NAMES, Look, reason_names
from triage.message.signals.severity import DANGERS, Severity, rate_severity
from triage.message.signals.signal_context import Signal, sum_weights
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import confirmations, selection
from triage.quarantine.search.selection import Selection
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery

QUARANTINE = replace(DMARC_FAIL, policy="quarantine")
AUTHOR = "sales@supplier.example"


def signal(name: str, points: int = 0) -> Signal:
    return Signal(name, "A sentence.", points)


@pytest.mark.parametrize(
    ("found", "dmarc", "proof", "changed", "names"),
    [
        ((), DMARC_PASS, "dmarc", False, ()),
        ((), NO_DMARC, "", False, ()),
        ((signal("odd", 39),), DMARC_PASS, "dmarc", False, ()),
        ((signal("odd", 40),), DMARC_PASS, "dmarc", False, ("suspicious",)),
        ((signal("odd", 75),), DMARC_PASS, "dmarc", False, ("dangerous",)),
        ((), DMARC_FAIL, "", False, ("dmarc-fails",)),
        ((), QUARANTINE, "", False, ("dmarc-fails",)),
        ((), replace(DMARC_FAIL, policy="none"), "", False, ()),
        ((), replace(DMARC_FAIL, result=Result.TEMPERROR), "", False, ()),
        ((signal("bank-details", 25),), DMARC_PASS, "dmarc", False, ()),
        ((signal("bank-details", 25),), DMARC_PASS, "dmarc", True, ("new-bank-details",)),
        ((signal("bank-details", 25),), NO_DMARC, "", False, ("new-bank-details",)),
        ((), NO_DMARC, "", True, ("no-longer-verified",)),
        ((), DMARC_PASS, "dmarc", True, ()),  # in another way: only new bank details make that a reason
        ((), DMARC_FAIL, "", True, ("dmarc-fails", "no-longer-verified")),
        ((signal("bank-details", 25), signal("odd", 15)), NO_DMARC, "", True, ("new-bank-details", "no-longer-verified", "suspicious")),
        ((signal("virus"),), DMARC_PASS, "dmarc", False, ("danger-found", "dangerous")),
        ((signal("attachment-macros"),), DMARC_PASS, "dmarc", False, ("danger-found", "dangerous")),
        ((signal("own-domain-forged"),), NO_DMARC, "", False, ("own-domain-forged", "dangerous")),
        (
            (signal("own-domain-forged"), signal("virus"), signal("bank-details")),
            DMARC_FAIL,
            "",
            False,
            ("danger-found", "own-domain-forged", "dmarc-fails", "new-bank-details", "dangerous"),
        ),
    ],
)
def test_the_reasons_are_named_in_the_order_of_their_weight(
    found: tuple[Signal, ...], dmarc: Dmarc, proof: str, changed: bool, names: tuple[str, ...]
) -> None:
    assert reason_names(second_look.find_second_looks(found, authentication(AUTHOR, dmarc), proof=proof, changed=changed)) == names


@given(
    st.lists(
        st.builds(signal, st.sampled_from(sorted(DANGERS | {"bank-details", "authentication-failed", "odd"})), st.integers(0, 100)),
        max_size=5,
    ),
    st.sampled_from([DMARC_PASS, DMARC_FAIL, QUARANTINE, NO_DMARC]),
    st.booleans(),
    st.booleans(),
)
def test_whoever_passed_it_on_explains_a_missing_proof_and_nothing_that_a_message_says(
    found: list[Signal], dmarc: Dmarc, proven: bool, changed: bool
) -> None:
    looks = second_look.find_second_looks(found, authentication(AUTHOR, dmarc), proof="dmarc" if proven else "", changed=changed)
    asked, left = set(reason_names(looks)), set(reason_names(second_look.forgive_reasons(looks)))
    bad = rate_severity(sum_weights(found), {one.name for one in found})
    assert asked & {"dangerous", "suspicious"} == ({bad.word} if bad >= Severity.SUSPICIOUS else set())
    assert left <= asked
    assert asked - left <= {"dmarc-fails", "no-longer-verified", "suspicious"}
    others = [one for one in found if one.name != "authentication-failed"]
    still = rate_severity(sum_weights(others), {one.name for one in found}) >= Severity.SUSPICIOUS
    assert ("suspicious" in left) == (still and "suspicious" in asked)
    assert list(reason_names(looks)) == [name for name in NAMES if name in asked] == second_look.in_order(asked)


def passed(domain: str, *, signs_list: bool = False) -> Dkim:
    return Dkim(Result.PASS, domain, signs_list=signs_list)


SEALED = Arc(Result.PASS, "forwarder.example", 1, stated=(Stated("dmarc", "pass", "supplier.example"),))


@pytest.mark.parametrize(
    ("dkim", "arc", "list_id", "dmarc", "carrier"),
    [
        ((passed("alumni.example"),), Arc(), "", DMARC_FAIL, "dkim:alumni.example"),
        ((Dkim(Result.FAIL, "alumni.example"),), Arc(), "", DMARC_FAIL, ""),
        ((passed("freemail.example"), passed("alumni.example")), Arc(), "", DMARC_FAIL, "dkim:alumni.example"),
        ((passed("alumni.example"),), Arc(), "", NO_DMARC, "dkim:alumni.example"),
        ((), SEALED, "", DMARC_FAIL, "arc:forwarder.example"),
        ((), replace(SEALED, stated=()), "", DMARC_FAIL, ""),
        ((passed("lists.example", signs_list=True),), Arc(), "dev.lists.example", DMARC_FAIL, "list:dev.lists.example lists.example"),
        ((passed("lists.example"),), Arc(), "dev.lists.example", DMARC_FAIL, "dkim:lists.example"),
        ((passed("crook.example", signs_list=True),), Arc(), "dev.lists.example", DMARC_FAIL, "dkim:crook.example"),
        ((), Arc(), "dev.lists.example", DMARC_FAIL, ""),
    ],
)
def test_who_passed_it_on_is_known_by_what_they_signed_and_never_by_what_a_field_says(
    dkim: tuple[Dkim, ...], arc: Arc, list_id: str, dmarc: Dmarc, carrier: str
) -> None:
    found = replace(authentication(AUTHOR, dmarc), dkim=dkim, arc=arc)
    looks = second_look.find_second_looks((), found, proof="", changed=True)
    assert second_look.find_carrier(looks, found, summary(AUTHOR, list_id=list_id), frozenset({"freemail.example"})) == carrier


def test_nobody_has_to_have_passed_on_what_proves_its_author() -> None:
    found = replace(authentication(AUTHOR, DMARC_PASS), dkim=(passed("alumni.example"),))
    assert second_look.find_carrier(second_look.find_second_looks((), found, proof="dmarc"), found, summary(AUTHOR), frozenset()) == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_has_a_sentence_with_and_without_a_domain(name: str) -> None:
    for domain in ("brandvik.example", ""):
        for proven in (True, False):
            assert second_look.reason_sentence(name, domain, proven=proven).endswith(".")


def test_the_sheet_shows_the_road_for_our_own_domain() -> None:
    assert "This service is not set up to send as brandvik.example. Ask IT to add it." in second_look.reason_sentence(
        Look.OWN_DOMAIN_FORGED.word, "brandvik.example"
    )


@pytest.mark.long  # the demo's morning has the same budget: tests/demo/test_second_looks.py
@pytest.mark.corpus
def test_at_most_three_in_a_hundred_decisions_on_wanted_mail_ask(sqlite_engine: Engine, settings: Settings, corpus: Path) -> None:
    """Real wanted mail of twenty years ago, of which nothing is proven: one after the other it comes in and is released."""
    wanted = sorted(((said, path) for kind, said, path in read_corpus(corpus) if kind == "wanted"), key=lambda one: written_at(one[0]))
    asked = decided = 0
    with transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        for said, path in wanted:
            at = written_at(said)
            sent = replace(arriving.envelope(reverse_path=path, at=at), spool_id=ids.new_id())
            raw = f"Subject: {sent.spool_id}\r\n\r\n".encode()
            (one,) = intake.receive_message(session, sent, raw, Authentication(said.author), said, settings=settings, now=at)
            if session.get_one(Delivery, one).state != State.HELD:
                continue
            chosen = Selection.of(ids=(one,))
            names = confirmations.reasons_by_delivery(session, [one])[one]
            fence = selection.selection_fence(session, selection.selection_condition(chosen))
            decisions.decide_messages(
                session,
                DecisionRequest(chosen, Verb.RELEASE, confirm=names, fence=fence),
                by=ANA,
                now=at + timedelta(minutes=1),
                settings=settings,
            )
            decided, asked = decided + 1, asked + bool(names)
    assert decided > 300
    assert asked <= 0.03 * decided, f"{asked} of {decided}"
