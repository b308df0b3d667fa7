"""Exchange's journal reports: the real envelope, read strictly from the report and from nothing that the message itself says."""

import json

import pytest
from hypothesis import given, strategies as st

from tests.triage.messages import mail, multipart, part
from triage.message.outbound import Journaled, read_journal, read_json
from triage.message.summary import Summary
from triage.text.sanitize import escape_visible

LETTER = mail("From: joe@company.example\nTo: shown@x.example\nSubject: Offer\nMessage-ID: <1@company.example>", "To: inside@x.example\n")
RFC822 = "message/rfc822"
LINES = """\
Sender: joe@company.example
Subject: Recipient: eve@evil.example
Message-Id: <1@company.example>
To: ann@supplier.example
To: <bob@other.example>
Cc: member@third.example, Expanded: group@company.example
Bcc: "hidden"@x.example
Bcc: secret@fourth.example, Forwarded: ann@supplier.example
On-Behalf-Of: boss@company.example
Recipient: old@exchange.example
"""


def report(
    lines: str = LINES, attached: bytes = LETTER, *, mark: bool = True, encoded: bool = False, kind: str = "message/rfc822"
) -> bytes:
    head = "From: <MicrosoftExchange@company.example>\nSubject: Offer" + ("\nX-MS-Journal-Report:" if mark else "")
    text = part("Content-Type: text/plain; charset=utf-8", lines.encode(), encoded=encoded)
    return multipart(text, part(f"Content-Type: {kind}", attached), head=head)


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize("mark", [True, False])
def test_the_envelope_is_the_reports(*, encoded: bool, mark: bool) -> None:
    found = read_journal(report(encoded=encoded, mark=mark))
    assert found is not None
    assert found.sender == "joe@company.example"
    assert found.recipients == (
        "ann@supplier.example",
        "bob@other.example",
        "member@third.example",
        '"hidden"@x.example',
        "secret@fourth.example",
        "old@exchange.example",
    )
    assert (found.summary.author, found.summary.subject, found.summary.message_id) == ("joe@company.example", "Offer", "1@company.example")
    assert Journaled.from_json(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize(
    "raw",
    [
        LETTER,
        report("Hello Joe,\nplease see below.\n", mark=False),  # somebody forwards a message as an attachment
        report(kind="application/octet-stream"),
        mail("X-MS-Journal-Report:", LINES),
        multipart(*[part("Content-Type: text/plain", b"x")] * 1100),
        b"",
    ],
)
def test_what_is_no_report(raw: bytes) -> None:
    assert read_journal(raw) is None


def test_white_space_in_a_report_is_passed_over_at_once() -> None:
    found = read_journal(report(f"To:  ann@supplier.example \t\nCc:\nTo: bob@other.example{' ' * 500_000}!\n"))
    assert found is not None
    assert found.recipients == ("ann@supplier.example", "bob@other.example")


def test_a_report_that_names_nobody_teaches_nothing() -> None:
    found = read_journal(report("nothing of use\n"))
    assert found is not None
    assert (found.sender, found.recipients) == ("", ())


def test_a_bounded_child_reads_reports_only_when_asked() -> None:
    asked, unasked = (json.loads(read_json(report(), {"journal": journal})) for journal in (True, False))
    assert asked["journaled"]["sender"] == "joe@company.example"
    assert unasked["journaled"] is None
    assert Summary.from_json(unasked["summary"]).parsed


@given(st.lists(st.one_of(st.sampled_from(LINES.splitlines()), st.text(max_size=40)), max_size=30), st.binary(max_size=100))
def test_no_report_is_too_odd(lines: list[str], attached: bytes) -> None:
    found = read_journal(report("\n".join(line.encode("utf-8", "replace").decode() for line in lines), attached))
    assert found is None or all(escape_visible(one) == one for one in (found.sender, *found.recipients))
