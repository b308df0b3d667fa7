"""SPF: any record has a result, costs few questions, and says why in printable words."""

from datetime import UTC, datetime

from mail_auth import spf
from mail_auth.dns.query_budget import QUESTIONS, Questions, Record
from tests.mail_auth.answers import Function
from triage.addressing.envelope import Envelope
from triage.message.authentication import Result

ENVELOPE = Envelope(
    1, datetime(2026, 11, 24, 9, 30, tzinfo=UTC), "ana@example.com", ("bob@company.example",), "192.0.2.1", "mx.example.com"
)
OTHERS: dict[str, tuple[Record, ...]] = {"A": ("198.51.100.1",), "MX": ("10 mx.example.com",), "PTR": ("x.example.com",)}
SEEDS = (
    b"ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",
    b"a mx ptr a:b.example/24 mx:c.example//64 ?all",
    b"include:%{d2r}.example exists:%{ir}.%{v}.%{l1r+-}.x redirect=%{s}.example exp=%{p}",
    b"include:example.com include:example.com ~all",
    b"include:%{d}.%{d}.%{d}.%{d}.x",
    b"+all\xff \x1b[2J",
)


def one_input(data: bytes) -> None:
    """`data` stands behind "v=spf1" in the record of every domain."""

    def answer(name: str, rdtype: str) -> tuple[Record, ...]:
        return (b"v=spf1 " + data,) if rdtype == "TXT" else OTHERS.get(rdtype, ())

    questions = Questions(Function(answer))
    found = spf.check_spf(ENVELOPE, questions)
    assert found.result is not Result.TEMPERROR  # DNS has answered
    assert questions.asked <= QUESTIONS
    assert found.reason.isprintable()
    assert found.reason != "the SPF record could not be evaluated"
