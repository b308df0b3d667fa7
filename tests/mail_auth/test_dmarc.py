"""DMARC as tables: author, zone, what was proven, and what follows."""

import pytest
from hypothesis import given, strategies as st

from mail_auth import dmarc
from mail_auth.dns.query_budget import Questions, Record
from tests.mail_auth.answers import SILENT, Answers
from triage.message.authentication import Dmarc, Result

REJECT = "v=DMARC1; p=reject"
Zone = dict[str, Record | list[Record]]


def evaluated(author: str, zone: Zone, spf: str = "", dkim: str = "", unknown: tuple[str, ...] = ()) -> Dmarc:
    """The result for an author's domain; `unknown` are the methods whose DNS did not answer."""
    questions = Questions(Answers(zone))
    found = dmarc.discover_record(author, questions)
    proven = [
        dmarc.find_identifier(method, domain, Result.TEMPERROR if method in unknown else Result.PASS, found, questions)
        for method, domain in (("spf", spf), ("dkim", dkim))
        if domain
    ]
    return dmarc.evaluate_dmarc(found, proven)


@pytest.mark.parametrize(
    ("author", "spf", "dkim", "record", "result", "aligned"),
    [
        ("example.com", "example.com", "", REJECT, Result.PASS, ("spf",)),
        ("example.com", "", "example.com", REJECT, Result.PASS, ("dkim",)),
        ("example.com", "example.com", "example.com", REJECT, Result.PASS, ("spf", "dkim")),
        ("example.com", "", "", REJECT, Result.FAIL, ()),
        ("example.com", "bounce.example.com", "", REJECT, Result.PASS, ("spf",)),
        ("mail.example.com", "example.com", "", REJECT, Result.PASS, ("spf",)),
        ("a.example.com", "", "b.example.com", REJECT, Result.PASS, ("dkim",)),
        ("example.com", "bounce.example.com", "", REJECT + "; aspf=s", Result.FAIL, ()),
        ("example.com", "example.com", "", REJECT + "; aspf=s", Result.PASS, ("spf",)),
        ("example.com", "bounce.example.com", "m.example.com", REJECT + "; aspf=s", Result.PASS, ("dkim",)),
        ("example.com", "", "m.example.com", REJECT + "; adkim=S", Result.FAIL, ()),
        ("example.com", "evil.example", "evil.example", REJECT, Result.FAIL, ()),
        ("example.com", "example.com-evil.net", "", REJECT, Result.FAIL, ()),
        ("example.com", "evil-example.com", "", REJECT, Result.FAIL, ()),
        ("example.com", "example.com.evil.net", "", REJECT, Result.FAIL, ()),
        ("example.com", "com", "com", REJECT, Result.FAIL, ()),
    ],
)
def test_alignment(author: str, spf: str, dkim: str, record: str, result: Result, aligned: tuple[str, ...]) -> None:
    found = evaluated(author, {"_dmarc.example.com": record}, spf, dkim)
    assert (found.result, found.aligned, found.policy, found.domain) == (result, aligned, "reject", author)
    assert found.organisational_domain == "example.com"


@pytest.mark.parametrize(
    ("author", "other", "aligned"),
    [
        ("a.example.co.uk", "b.example.co.uk", True),
        ("example.co.uk", "other.co.uk", False),
        ("one.github.io", "two.github.io", False),
        ("one.github.io", "github.io", False),
        ("github.io", "github.io", True),
        ("xn--mnchen-3ya.example", "mail.xn--mnchen-3ya.example", True),
        ("my-company.example", "company.example", False),
        ("localhost", "localhost", True),
    ],
)
def test_alignment_without_a_record(author: str, other: str, aligned: bool) -> None:
    found = evaluated(author, {}, spf=other, dkim=other)
    assert (found.result, found.aligned) == (Result.NONE, ("spf", "dkim") if aligned else ())
    assert found.policy == ""


@pytest.mark.parametrize(
    ("author", "record", "policy"),
    [
        ("example.com", "v=DMARC1; p=reject; sp=none", "reject"),
        ("sub.example.com", "v=DMARC1; p=reject; sp=none", "none"),
        ("example.com", "v=DMARC1; p=none; sp=reject", "none"),
        ("sub.example.com", "v=DMARC1; p=none; sp=reject", "reject"),
        ("sub.example.com", "v=DMARC1; p=quarantine", "quarantine"),
        ("a.b.c.d.e.f.g.h.i.j.example.com", "v=DMARC1; p=quarantine", "quarantine"),
        ("ghost.example.com", "v=DMARC1; p=none; sp=none; np=reject", "reject"),
        ("sub.example.com", "v=DMARC1; p=none; sp=quarantine; np=reject", "quarantine"),
        ("example.com", "v=DMARC1; p=none; np=reject", "none"),
        ("example.com", "v=DMARC1; p=reject; pct=0", "quarantine"),
        ("example.com", "v=DMARC1; p=quarantine; pct=0", "none"),
        ("example.com", "v=DMARC1; p=none; pct=0", "none"),
        ("example.com", "v=DMARC1; p=reject; pct=20", "reject"),
        ("example.com", "v=DMARC1; p=reject; t=y", "quarantine"),
        ("example.com", "v=DMARC1; P = Reject", "reject"),
        ("example.com", "v = DMARC1 ;p=reject;", "reject"),
        ("example.com", "v=DMARC1; p=reject; nonsense; x=y; rua=mailto:a@b?x=y", "reject"),
        ("example.com", "v=DMARC1; rua=mailto:a@example.com", "none"),
        ("example.com", "v=DMARC1; p=bogus; rua=mailto:a@example.com", "none"),
    ],
)
def test_policy(author: str, record: str, policy: str) -> None:
    found = evaluated(author, {"_dmarc.example.com": record, "sub.example.com A": "192.0.2.1"})
    assert (found.result, found.policy) == (Result.FAIL, policy)


@pytest.mark.parametrize(
    ("records", "result", "reason"),
    [
        ([], Result.NONE, "no DMARC record"),
        (["v=DMARC10; p=reject"], Result.NONE, "no DMARC record"),
        (["v=dmarc1; p=reject"], Result.NONE, "no DMARC record"),
        (["p=reject; v=DMARC1"], Result.NONE, "no DMARC record"),
        (["v=spf1 -all"], Result.NONE, "no DMARC record"),
        ([""], Result.NONE, "no DMARC record"),
        ([REJECT, "v=DMARC1; p=none"], Result.NONE, "2 DMARC records"),
        ([REJECT, REJECT], Result.NONE, "2 DMARC records"),
        ([REJECT, "other text"], Result.PASS, ""),
        (["v=DMARC1"], Result.NONE, "asks for nothing"),
        (["v=DMARC1; adkim=s; sp=reject"], Result.NONE, "asks for nothing"),
        (["v=DMARC1; rua=ftp://example.com"], Result.NONE, "asks for nothing"),
        (["v=DMARC1; p=bogus"], Result.PERMERROR, "not known"),
        (["v=DMARC1; p=bogus; rua=nonsense"], Result.PERMERROR, "not known"),
        (["v=DMARC1; p=none; sp=bogus"], Result.PERMERROR, "not known"),
        (["v=DMARC1; p=none; P=reject"], Result.PERMERROR, "twice"),
        (['v=DMARC1; p=rej" "ect'], Result.PERMERROR, "not known"),
        (["v=DMARC1; p=reject" + ";" * 5000], Result.PERMERROR, "longer than"),
        (["v=other1; p=reject" + ";" * 5000], Result.NONE, "no DMARC record"),
        (SILENT, Result.TEMPERROR, "silent"),
    ],
)
def test_records(records: list[Record] | str, result: Result, reason: str) -> None:
    found = evaluated("example.com", {"_dmarc.example.com": records}, spf="example.com")
    assert found.result is result
    assert reason in found.reason
    assert found.aligned == ("spf",)


def test_several_records_do_not_inherit() -> None:
    found = evaluated("sub.example.com", {"_dmarc.sub.example.com": [REJECT, REJECT], "_dmarc.example.com": REJECT})
    assert (found.result, found.policy) == (Result.NONE, "")


@pytest.mark.parametrize(
    ("zone", "spf", "dkim", "unknown", "result"),
    [
        ({"_dmarc.example.com": REJECT}, "example.com", "", ("spf",), Result.TEMPERROR),
        ({"_dmarc.example.com": REJECT}, "example.com", "example.com", ("spf",), Result.PASS),
        ({"_dmarc.example.com": REJECT}, "example.com", "example.com", ("spf", "dkim"), Result.TEMPERROR),
        ({"_dmarc.example.com": REJECT}, "evil.example", "", ("spf",), Result.FAIL),
        ({"_dmarc.example.com": REJECT}, "evil.example", "example.com", ("dkim",), Result.TEMPERROR),
        ({}, "example.com", "", ("spf",), Result.TEMPERROR),
        ({}, "evil.example", "", ("spf",), Result.NONE),
        ({"_dmarc.example.com": SILENT}, "example.com", "example.com", (), Result.TEMPERROR),
        ({"_dmarc.com": SILENT}, "example.com", "", (), Result.TEMPERROR),
        ({"_dmarc.example.com": REJECT, "_dmarc.m.example.com": SILENT}, "", "m.example.com", (), Result.TEMPERROR),
        ({"_dmarc.example.com": REJECT, "_dmarc.m.example.com": SILENT}, "example.com", "m.example.com", (), Result.PASS),
    ],
)
def test_what_is_not_known_is_never_guessed(zone: Zone, spf: str, dkim: str, unknown: tuple[str, ...], result: Result) -> None:
    assert evaluated("example.com", zone, spf, dkim, unknown).result is result


@pytest.mark.parametrize(
    ("author", "other", "zone", "result"),
    [  # psd= draws borders that the public suffix list does not know (RFC 9989, section 4.10)
        ("a.mail.example.com", "b.mail.example.com", {"_dmarc.mail.example.com": REJECT + "; psd=n"}, Result.PASS),
        ("a.mail.example.com", "example.com", {"_dmarc.mail.example.com": REJECT + "; psd=n"}, Result.FAIL),
        ("a.mail.example.com", "other.example.com", {"_dmarc.mail.example.com": REJECT + "; psd=n"}, Result.FAIL),
        ("example.com", "mail.example.com", {"_dmarc.example.com": REJECT, "_dmarc.mail.example.com": REJECT + "; psd=n"}, Result.FAIL),
        ("giant.bank.example", "mega.bank.example", {"_dmarc.bank.example": REJECT + "; psd=y"}, Result.FAIL),
        ("giant.bank.example", "x.giant.bank.example", {"_dmarc.bank.example": REJECT + "; psd=y"}, Result.PASS),
        ("giant.bank.example", "bank.example", {"_dmarc.bank.example": REJECT + "; psd=y"}, Result.FAIL),
        ("example.com", "other.com", {"_dmarc.com": REJECT}, Result.FAIL),
        ("mail.example.com", "example.com", {"_dmarc.mail.example.com": REJECT, "_dmarc.example.com": "v=DMARC1; p=what"}, Result.PASS),
        # without a record of the parent, a domain with one is an organisation of its own (section 4.10.2)
        ("mail.example.com", "example.com", {"_dmarc.mail.example.com": REJECT}, Result.FAIL),
        ("mail.example.com", "other.example.com", {"_dmarc.mail.example.com": REJECT}, Result.FAIL),
        ("mail.example.com", "x.mail.example.com", {"_dmarc.mail.example.com": REJECT}, Result.PASS),
        ("a.b.example.com", "c.b.example.com", {"_dmarc.b.example.com": REJECT}, Result.PASS),
        ("a.b.example.com", "c.b.example.com", {"_dmarc.b.example.com": REJECT, "_dmarc.example.com": REJECT}, Result.PASS),
        ("a.b.example.com", "example.com", {"_dmarc.b.example.com": REJECT, "_dmarc.example.com": REJECT}, Result.PASS),
        ("mail.example.com", "example.com", {"_dmarc.mail.example.com": REJECT, "_dmarc.example.com": [REJECT, REJECT]}, Result.FAIL),
        (
            "a.mail.example.com",
            "example.com",
            {"_dmarc.mail.example.com": "v=DMARC1; psd=n", "_dmarc.a.mail.example.com": REJECT},
            Result.FAIL,
        ),
        # a record on a public suffix without psd=y joins nobody
        ("one.github.io", "two.github.io", {"_dmarc.github.io": REJECT}, Result.FAIL),
        ("one.example.co.uk", "two.co.uk", {"_dmarc.co.uk": REJECT}, Result.FAIL),
        # customers of Microsoft 365, of whom no list knows that they have nothing to do with each other
        ("one.onmicrosoft.com", "two.onmicrosoft.com", {"_dmarc.onmicrosoft.com": REJECT}, Result.FAIL),
        ("one.onmicrosoft.com", "onmicrosoft.com", {"_dmarc.onmicrosoft.com": REJECT}, Result.FAIL),
        ("one.mail.onmicrosoft.com", "two.mail.onmicrosoft.com", {"_dmarc.onmicrosoft.com": REJECT}, Result.FAIL),
        ("one.onmicrosoft.com", "x.one.onmicrosoft.com", {"_dmarc.onmicrosoft.com": REJECT}, Result.PASS),
        ("example.com", "example.com", {"_dmarc.example.com": REJECT + "; psd=y"}, Result.PASS),
        ("example.com", "x.example.com", {"_dmarc.example.com": REJECT + "; psd=y"}, Result.FAIL),
    ],
)
def test_borders(author: str, other: str, zone: Zone, result: Result) -> None:
    assert evaluated(author, zone, dkim=other).result is result


@pytest.mark.parametrize(
    ("author", "zone", "policy"),
    [
        ("mail.example.com", {"_dmarc.mail.example.com": "v=DMARC1; p=none", "_dmarc.example.com": REJECT}, "none"),
        ("a.b.example.com", {"_dmarc.b.example.com": "v=DMARC1; p=none", "_dmarc.example.com": REJECT}, "reject"),
        ("a.b.example.com", {"_dmarc.b.example.com": "v=DMARC1; p=none; psd=n", "_dmarc.example.com": REJECT}, "none"),
        ("a.b.example.com", {"_dmarc.b.example.com": "v=DMARC1; p=none", "_dmarc.com": REJECT}, "none"),
        ("example.com", {"_dmarc.com": REJECT + "; psd=y"}, "reject"),
        ("x.example.com", {"_dmarc.example.com": "v=DMARC1; p=none", "_dmarc.com": REJECT + "; psd=y"}, "none"),
        ("one.github.io", {"_dmarc.github.io": REJECT}, "reject"),
    ],
)
def test_whose_record_holds(author: str, zone: Zone, policy: str) -> None:
    assert evaluated(author, zone).policy == policy


def test_at_most_eight_names_are_walked() -> None:
    zone = Answers({})
    dmarc.discover_record(".".join("abcdefghijklmnop") + ".example.com", Questions(zone))
    assert len(zone.asked) == 8
    assert zone.asked[-1] == "_dmarc.com txt"


def test_an_ordinary_sender_costs_one_question() -> None:
    zone = Answers({"_dmarc.example.com": REJECT})
    questions = Questions(zone)
    found = dmarc.discover_record("example.com", questions)
    dmarc.find_identifier("spf", "example.com", Result.PASS, found, questions)
    dmarc.find_identifier("dkim", "other.example", Result.PASS, found, questions)
    assert zone.asked == ["_dmarc.example.com txt"]


domains = st.lists(st.sampled_from(["a", "b-c", "example", "com", "co", "uk", "xn--mnchen-3ya"]), min_size=1, max_size=6).map(".".join)


RECORDS = [b" p=none", b"p=reject; adkim=s", b" p = quarantine ; sp=none;", b"sp=none; t=y; p=reject"]


@given(st.sampled_from(RECORDS) | st.binary(max_size=60), domains, domains)
def test_a_pass_always_has_an_aligned_identifier(record: bytes, author: str, other: str) -> None:
    found = evaluated(author, {f"_dmarc.{author}": b"v=DMARC1;" + record, f"_dmarc.{other}": record}, dkim=other)
    if found.result is Result.PASS or found.aligned:
        shorter, longer = sorted((author, other), key=len)
        assert dmarc.organisational_domain(author) == dmarc.organisational_domain(other)
        assert longer.endswith(dmarc.organisational_domain(shorter))
