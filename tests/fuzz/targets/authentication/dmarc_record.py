"""DMARC: a record is usable, broken or none of DMARC, and no record makes a stranger pass."""

from mail_auth import dmarc, dmarc_record
from mail_auth.dns.query_budget import Questions, Record
from tests.mail_auth.answers import Function
from triage.message.authentication import Result

SEEDS = (
    b"v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; aspf=r; pct=0; rua=mailto:a@b.example",
    b"v=DMARC1; psd=y; t=y; p=quarantine",
    b"v = DMARC1 ;P = Reject; p=none",
    b"v=DMARC1; p=bogus; rua=mailto:a@b.example",
    b"v=DMARC10; p=reject;;;=;\xff",
)


def one_input(data: bytes) -> None:
    """`data` is the record of every domain."""

    def answer(name: str, rdtype: str) -> tuple[Record, ...]:
        return (data,) if rdtype == "TXT" else ()

    try:
        record = dmarc_record.parse_dmarc_record(data, "example.com")
    except dmarc_record.Broken:
        record = None
    if record:
        assert {record.policy_for(domain, exists) for domain in ("example.com", "a.example.com") for exists in (True, False)} <= {
            *dmarc_record.POLICIES
        }
        assert record.psd in ("y", "n", "u")
    questions = Questions(Function(answer))
    found = dmarc.discover_record("mail.example.com", questions)
    strangers = [
        dmarc.find_identifier(method, domain, Result.PASS, found, questions)
        for method, domain in (("spf", "evil.example"), ("dkim", "com"), ("dkim", "mail.example.com-evil.net"))
    ]
    outcome = dmarc.evaluate_dmarc(found, strangers)
    assert outcome.result is not Result.PASS
    assert not outcome.aligned
    assert dmarc.evaluate_dmarc(found, [dmarc.find_identifier("dkim", "mail.example.com", Result.PASS, found, questions)]).aligned == (
        "dkim",
    )
