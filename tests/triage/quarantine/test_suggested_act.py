"""Suggested act for a message, by its evidence."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from triage.message.authentication import Arc, Authentication, Dkim, Dmarc, Result
from triage.message.signals.severity import Severity
from triage.quarantine.suggested_act import SuggestedAct, is_forged, is_passed_on, suggest_act

NONE, UNCLEAR, SUSPICIOUS, DANGEROUS = Severity


@pytest.mark.parametrize(
    ("severity", "findings", "facts", "act"),
    [
        (NONE, ["first-contact"], {"proven": True}, "release"),
        (NONE, ["first-contact"], {"proven": True, "time_limited": True}, "approve"),
        (UNCLEAR, ["never-let-in"], {"proven": True}, "release"),
        (UNCLEAR, ["first-contact-person"], {"proven": True}, "approve"),
        (NONE, [], {"proven": True, "time_limited": True, "for_assistant": True}, "release"),
        (NONE, ["first-contact"], {}, ""),
        (NONE, [], {"proven": True, "second_look": True}, ""),
        (SUSPICIOUS, [], {"proven": True}, ""),
        (DANGEROUS, ["first-contact"], {"second_look": True}, "purge"),
        (DANGEROUS, ["threat"], {"for_duty": True, "forged": True}, "escalate"),
        (DANGEROUS, ["authentication-failed"], {"forged": True}, "block-forgeries"),
        (UNCLEAR, ["authentication-failed"], {"forged": True, "second_look": True}, "block-forgeries"),
    ],
)
def test_the_evidence_speaks_for(severity: Severity, findings: list[str], facts: dict[str, bool], act: str) -> None:
    assert (
        suggest_act(severity, findings, **dict.fromkeys(("proven", "second_look", "for_duty", "time_limited", "forged"), False) | facts)
        == act
    )


@given(st.sampled_from(Severity), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_no_release_is_offered_first_of_what_is_unproven_or_looks_bad(
    severity: Severity, proven: bool, second_look: bool, for_duty: bool, time_limited: bool
) -> None:
    act = suggest_act(severity, [], proven=proven, second_look=second_look, for_duty=for_duty, time_limited=time_limited, forged=False)
    if not proven or second_look or severity >= SUSPICIOUS:
        assert act not in (SuggestedAct.RELEASE, SuggestedAct.APPROVE)


FAILED = {"name": "authentication-failed", "evidence": ("spf=fail x.example", "dmarc=fail x.example")}
SPF_ONLY = {"name": "authentication-failed", "evidence": ("spf=softfail x.example", "dmarc=none")}


@pytest.mark.parametrize(
    ("signals", "rules", "proven", "forged"),
    [
        ([FAILED], {"first-contact"}, False, True),  # messages from them were released before
        ([FAILED, {"name": "first-contact"}], {"unproven-known-sender"}, False, True),  # a contact who never wrote
        ([FAILED, {"name": "first-contact"}], {"dmarc-reject", "unproven-known-sender"}, False, True),
        ([FAILED, {"name": "first-contact"}], {"dmarc-reject"}, False, False),  # nobody here knows them
        ([SPF_ONLY], {"unproven-known-sender"}, False, False),  # maybe forwarded
        ([FAILED, {"name": "own-domain-forged"}], {"own-domain-forged"}, False, False),  # no rule blocks our own domain
        ([FAILED, {"name": "through-a-list"}], {"unproven-known-sender"}, False, False),  # genuine posts fail too
        ([FAILED], {"unproven-known-sender"}, True, False),
        ([], {"unproven-known-sender"}, False, False),
    ],
)
def test_a_known_address_that_its_domain_refutes_is_forged(
    signals: list[dict[str, object]], rules: set[str], proven: bool, forged: bool
) -> None:
    assert is_forged(signals, rules, proven=proven, passed_on=False) is forged
    assert not is_forged(signals, rules, proven=proven, passed_on=True)


FAILS = Authentication("sales@supplier.example", dmarc=Dmarc(Result.FAIL))


@pytest.mark.parametrize(
    ("list_id", "found", "passed_on"),
    [
        ("", FAILS, False),
        ("users.list.example", FAILS, True),
        ("", replace(FAILS, dkim=(Dkim(Result.PASS, "esp.example"),)), True),
        ("", replace(FAILS, dkim=(Dkim(Result.FAIL, "supplier.example"),)), False),
        ("", replace(FAILS, arc=Arc(Result.PASS, "forwarder.example")), True),
        ("", replace(FAILS, arc=Arc(Result.FAIL, "forwarder.example")), False),
    ],
)
def test_a_list_a_forwarder_or_another_signer_may_have_handled_it(list_id: str, found: Authentication, passed_on: bool) -> None:
    assert is_passed_on(list_id, found) is passed_on
