"""When a rule is proposed, and in which words."""

import pytest

from triage.message.signals.severity import Severity
from triage.policy.suggestions.threshold import Evidence, Kind, kind_of, suggestion_question


@pytest.mark.parametrize(
    ("evidence", "kind"),
    [
        (Evidence(people=3, messages=5), Kind.CORRESPONDENCE),
        (Evidence(people=2, messages=500), None),
        (Evidence(people=300, messages=4), None),
        (Evidence(people=3, messages=5, removed=1), None),
        (Evidence(people=3, messages=5, severity=Severity.UNCLEAR), Kind.CORRESPONDENCE),
        (Evidence(people=3, messages=5, severity=Severity.SUSPICIOUS), None),
        (Evidence(people=3, messages=5, time_limited=2, would_pass=2), Kind.CORRESPONDENCE),
        (Evidence(messages=2, time_limited=1, would_pass=1), Kind.SIGN_IN),
        (Evidence(messages=1, time_limited=1, would_pass=1, people=1), Kind.SIGN_IN),
        (Evidence(messages=1, time_limited=1, would_pass=1), None),  # anybody can send one
        (Evidence(messages=2, time_limited=1), None),  # it passes anyhow
        (Evidence(messages=2, would_pass=1), None),
        (Evidence(time_limited=1, would_pass=1, unproven=9), None),
        (Evidence(messages=3, time_limited=1, would_pass=1, removed=1), None),
        (Evidence(), None),
    ],
)
def test_what_is_worth_a_question(evidence: Evidence, kind: Kind | None) -> None:
    assert kind_of(evidence) is kind


@pytest.mark.parametrize(
    ("kind", "evidence", "said"),  # before "for the company?"
    [
        (
            Kind.CORRESPONDENCE,
            Evidence(people=14, messages=212, dmarc=212),
            "14 people, 212 messages in 90 days, all pass DMARC: allow dell.com",
        ),
        (
            Kind.CORRESPONDENCE,
            Evidence(people=3, messages=1234, dmarc=1000, unproven=1),
            "3 people, 1,234 messages in 90 days, 1,000 of them pass DMARC (1 more without proof are not allowed): allow dell.com",
        ),
        (
            Kind.SIGN_IN,
            Evidence(recipients=1, messages=1, time_limited=1),
            "1 sign-in or password message to 1 person in 90 days, all pass aligned SPF or DKIM; the domain publishes no "
            "DMARC: allow dell.com",
        ),
        (
            Kind.LIST,
            Evidence(posts=2),
            "2 messages of ours went to the list dell.com, whose posts are signed: allow the list",
        ),
    ],
)
def test_the_question_has_its_evidence_in_it(kind: Kind, evidence: Evidence, said: str) -> None:
    assert suggestion_question(kind, "dell.com", evidence) == f"{said} for the company?"
    assert Evidence.from_json(evidence.as_json()) == evidence
