"""Our fields on a message, as people and filters in mail programs read them."""

from email import message_from_string, policy

import pytest
from hypothesis import given, strategies as st

from triage.ids import format_id
from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.signals.severity import Severity
from triage.message.trace.mailroom_fields import (
    LONGEST_WHY,
    Evidence,
    evidence_fields,
    explain_to_recipients,
    explain_to_staff,
    verified_value,
)

OURS = "mx.company.example"
AUTHOR = "sales@brassworks.example"
PASSED = Authentication(AUTHOR, dmarc=Dmarc(Result.PASS, "brassworks.example", "brassworks.example", "reject", ("dkim",)))


def read_fields(evidence: Evidence, authentication: Authentication = PASSED) -> dict[str, str]:
    """Our fields as a mail program reads them."""
    message = message_from_string(evidence_fields(authentication, evidence, OURS) + "\r\nbody", policy=policy.default)
    assert message.get_payload() == "body"
    assert len(message.keys()) == len(set(message.keys()))
    return {name: str(value) for name, value in message.items()}


def test_a_filter_finds_who_is_verified_the_risk_the_reason_and_the_campaign() -> None:
    why = explain_to_staff("a rule holds it", [{"sentence": "First."}, {"sentence": "Second."}, {"sentence": "Third."}])
    fields = read_fields(Evidence(Severity.SUSPICIOUS, why, 21))
    assert fields.pop("Authentication-Results").startswith("mx.company.example;")
    assert fields == {
        "X-Mailroom-Verified": "dmarc brassworks.example",
        "X-Mailroom-Risk": "suspicious",
        "X-Mailroom-Why": "A rule holds it. First. Second.",
        "X-Mailroom-Group": format_id(21),
    }


def test_recipients_read_names_and_no_colleague_s_words() -> None:
    signals = [{"name": "new-bank-details", "sentence": "Ana noted: HR case 12."}, {"name": "first-contact", "sentence": "x"}]
    assert explain_to_recipients("first-contact", signals) == "first-contact new-bank-details"


@given(st.text(max_size=2 * LONGEST_WHY))
def test_no_line_is_longer_than_servers_take(why: str) -> None:
    assert max(len(line) for line in evidence_fields(PASSED, Evidence(why=why), OURS).encode("ascii").split(b"\r\n")) <= 998


def test_a_message_like_no_other_has_no_group() -> None:
    assert "X-Mailroom-Group" not in read_fields(Evidence())


@pytest.mark.parametrize(
    ("author", "dmarc", "said"),
    [
        (AUTHOR, PASSED.dmarc, "dmarc brassworks.example"),
        (AUTHOR, Dmarc(Result.NONE, "brassworks.example", aligned=("spf",)), "aligned brassworks.example"),
        (AUTHOR, Dmarc(Result.NONE, "brassworks.example"), "none"),
        (AUTHOR, Dmarc(Result.FAIL, "brassworks.example", aligned=()), "none"),
        (AUTHOR, Dmarc(Result.TEMPERROR, "brassworks.example"), "none"),
        ("", PASSED.dmarc, "none"),  # no clear author: nothing is proven
        (AUTHOR, Dmarc(Result.PASS, "brass\r\nX: dmarc real.example"), "dmarc brass??X:?dmarc?real.example"),
    ],
)
def test_verified_says_by_what_and_for_whom(author: str, dmarc: Dmarc, said: str) -> None:
    assert verified_value(Authentication(author, dmarc=dmarc)) == said


@given(st.text(max_size=2 * LONGEST_WHY))
def test_whatever_a_reason_quotes_stays_in_its_field(why: str) -> None:
    fields = read_fields(Evidence(why=why))
    assert list(fields) == ["Authentication-Results", "X-Mailroom-Verified", "X-Mailroom-Risk", "X-Mailroom-Why"]
    assert fields["X-Mailroom-Verified"] == "dmarc brassworks.example"


@pytest.mark.parametrize("why", ["A plain reason.", "=?utf-8?q?X?=", "Grüße \x1b[31m and \u202e", "x" * 900])
def test_a_reason_is_read_as_it_was_written(why: str) -> None:
    shown = why.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")[:LONGEST_WHY]
    assert read_fields(Evidence(why=why))["X-Mailroom-Why"] == shown
