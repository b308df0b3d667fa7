"""A genuinely signed message that a stranger may have sent on: held with the reason, unless somebody known passed it on."""

from dataclasses import replace
from typing import Any

import pytest

from tests.triage import arriving
from tests.triage.policy.test_decide import ALLOW, BY_DKIM, LEARNED, LIST, OURS, SALES, TRUSTED, VOUCHED, facts, rule
from triage.message.authentication import GAPS, Authentication, Dkim, Result
from triage.policy.decide import Disposition, decide_verdict

THEIRS, EVIL = Dkim(Result.PASS, "supplier.example"), ("eva@evil.example",)
OF_LIST = Dkim(Result.PASS, "lists.example", signs_list=True)


def signed(*signatures: Dkim, **more: Any) -> Authentication:
    return replace(arriving.authentication(SALES, BY_DKIM), dkim=signatures, **more)


def decided(*signatures: Dkim, rules: tuple[Any, ...] = (ALLOW,), reply_to: tuple[str, ...] = EVIL, **more: Any) -> tuple[str, str]:
    given: dict[str, Any] = {"authentication": signed(*signatures), "summary": arriving.summary(SALES, reply_to=reply_to)} | more
    verdict = decide_verdict(facts(BY_DKIM, *rules, **given))
    assert (verdict.disposition is Disposition.QUARANTINE) is (verdict.rule in ("dkim-replay", "first-contact"))
    return verdict.rule, str(verdict.reason)


@pytest.mark.parametrize(
    ("gap", "words"),
    [*zip(GAPS, ("replies go to eva@evil.example", "its Content-Type", "several Content-Type", "signed more than 5 days"), strict=True)],
)
@pytest.mark.parametrize("known", [{"rules": (ALLOW,)}, {"rules": (LEARNED,)}, {"rules": (), "ours": (OURS,)}])
def test_what_may_have_changed_is_held_with_the_reason(gap: str, words: str, known: dict[str, Any]) -> None:
    name, reason = decided(replace(THEIRS, gaps=(gap,)), **known)
    assert name == "dkim-replay"
    assert reason.startswith("supplier.example signed it, but a server that is not known to send for supplier.example delivered it, and ")
    assert words in reason


def test_the_signature_that_leaves_least_open_counts() -> None:
    open_one = replace(THEIRS, gaps=GAPS)
    assert decided(open_one, THEIRS)[0] == "allowed-sender"
    assert decided(open_one, replace(THEIRS, domain="mail.supplier.example"))[0] == "allowed-sender"
    assert decided(open_one, replace(THEIRS, domain="evil.example"))[0] == "dkim-replay"
    assert decided(open_one, replace(THEIRS, result=Result.FAIL))[0] == "dkim-replay"


@pytest.mark.parametrize(
    ("reply_to", "freemail", "name"),
    [
        ((), (), "allowed-sender"),
        ((SALES,), (), "allowed-sender"),
        (("orders@eu.supplier.example",), (), "allowed-sender"),
        (("orders@eu.supplier.example", *EVIL), (), "dkim-replay"),
        (("orders@supplier.example",), ("supplier.example",), "dkim-replay"),  # somebody else at the same provider
        ((SALES,), ("supplier.example",), "allowed-sender"),
    ],
)
def test_replies_within_the_organisation_are_no_reason(reply_to: tuple[str, ...], freemail: tuple[str, ...], name: str) -> None:
    found = decided(replace(THEIRS, gaps=("reply-to",)), reply_to=reply_to, freemail_domains=frozenset(freemail))
    assert found[0] == name


def test_what_came_from_the_author_by_spf_was_not_replayed() -> None:
    both = replace(signed(replace(THEIRS, gaps=GAPS)), dmarc=replace(BY_DKIM, aligned=("spf", "dkim")))
    assert decided(authentication=both)[0] == "allowed-sender"


def test_what_a_known_list_or_forwarder_passed_on_stays_as_it_is() -> None:
    open_one = replace(THEIRS, gaps=GAPS)
    assert decided(open_one, OF_LIST, rules=(ALLOW, LIST))[0] == "allowed-sender"
    assert decided(open_one, OF_LIST)[0] == "dkim-replay"  # nobody here knows this list
    assert decided(open_one, rules=(ALLOW, LIST))[0] == "dkim-replay"  # it only names the list
    sealed = signed(open_one, arc=VOUCHED)
    assert decided(authentication=sealed, trusted_arc_sealers=TRUSTED)[0] == "allowed-sender"
    assert decided(authentication=sealed)[0] == "dkim-replay"


def test_staff_can_let_a_sender_pass_unchecked_and_strangers_stay_first_contacts() -> None:
    open_one = replace(THEIRS, gaps=GAPS)
    assert decided(open_one, rules=(rule("allow", unchecked=True),))[0] == "allowed-sender"
    assert decided(open_one, rules=(rule("allow", unchecked=True, origin="learned"),))[0] == "dkim-replay"
    assert decided(open_one, rules=())[0] == "first-contact"
