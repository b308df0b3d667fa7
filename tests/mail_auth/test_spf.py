"""SPF: our side of it (identities, limits, threads); the conformance suites are in test_suites.py."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from mail_auth import spf
from mail_auth.dns.query_budget import Questions, Record
from tests.mail_auth.answers import SILENT, Answers, Function
from triage.addressing.envelope import Envelope
from triage.message.authentication import Result, Spf


def checked(zone: Answers, path: str = "ana@example.com", client: str = "192.0.2.1", helo: str = "mx.example.com") -> Spf:
    envelope = Envelope(1, datetime(2026, 11, 24, tzinfo=UTC), path, ("bob@company.example",), client, helo)
    return spf.check_spf(envelope, Questions(zone))


@pytest.mark.parametrize(
    ("record", "result", "reason"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", Result.PASS, "ip4"),
        ("v=spf1 ip4:198.51.100.1 -all", Result.FAIL, "-all"),
        ("v=spf1 ~all", Result.SOFTFAIL, "~all"),
        ("v=spf1 ?all", Result.NEUTRAL, "?all"),
        ("v=spf1", Result.NEUTRAL, ""),
        ([], Result.NONE, ""),
        ("v=spf10 +all", Result.NONE, ""),
        (["v=spf1 +all", "v=spf1 -all"], Result.PERMERROR, "Two or more"),
        ("v=spf1 foo -all", Result.PERMERROR, "Unknown mechanism"),
        ("v=spf1 include:nothing.example -all", Result.PERMERROR, "No valid SPF record"),
        (b"v=spf1 \xff +all", Result.PERMERROR, ""),
        ("v=spf1 " + "a" * 5000, Result.PERMERROR, "longer than"),
        ("v=spf1 ?exists:" + "." * 300 + "%{i} ?all", Result.PERMERROR, "more than 256"),
        ("v=spf1 ?exists:" + "a" * 260 + "! ?all", Result.PERMERROR, "more than 256"),
        ("v=spf1 x=" + "%{i}" * 65 + " ?all", Result.PERMERROR, "more than 256"),
        ("v=spf1 \x1b[2J -all", Result.PERMERROR, "Unknown mechanism"),
        ("v=spf1 a:\x1b[2J.example ?all:\x1b", Result.PERMERROR, "Invalid all"),
        ("v=spf1 include:\x1b.example", Result.PERMERROR, "?.example"),
        (SILENT, Result.TEMPERROR, "silent"),
        ("v=spf1 include:silent.example +all", Result.TEMPERROR, "silent"),
        ("v=spf1 a:many.example -all", Result.PERMERROR, "addresses"),
        ("v=spf1 " + " ".join(f"a:{name}.example" for name in "abc") + " +all", Result.PERMERROR, "Void lookup"),
        ("v=spf1 " + " ".join(["include:neutral.example"] * 11) + " +all", Result.PERMERROR, "Too many DNS lookups"),
        ("v=spf1 include:loop.example +all", Result.PERMERROR, "Too many DNS lookups"),
    ],
)
def test_records(record: Record | list[Record], result: Result, reason: str) -> None:
    zone = Answers(
        {
            "example.com": record,
            "silent.example": SILENT,
            "neutral.example": "v=spf1 ?all",
            "loop.example": "v=spf1 include:loop2.example",
            "loop2.example": "v=spf1 include:loop.example",
            "many.example A": [f"198.51.{number // 256}.{number % 256}" for number in range(600)],
        }
    )
    found = checked(zone)
    assert found.result is result, found
    assert reason in found.reason
    assert found.reason.isprintable()
    assert len(found.reason) <= spf.LONGEST_REASON


def test_identities() -> None:
    zone = Answers({"example.com": "v=spf1 -all", "mx.example.com": "v=spf1 ip4:192.0.2.1 -all"})
    found = checked(zone, "")
    assert (found.identity, found.domain, found.result) == ("helo", "mx.example.com", Result.PASS)
    assert checked(zone, "<>").identity == "helo"
    found = checked(zone, "Ana@EXAMPLE.com")
    assert (found.identity, found.domain, found.result) == ("mailfrom", "example.com", Result.FAIL)


@pytest.mark.parametrize(
    ("path", "helo", "result"),
    [
        ("ana@example.com", "mx.example.com", Result.PASS),
        ("ana@example.com", "other.example", Result.FAIL),
        ("ana@example.com", "nothing.example", Result.NONE),
        ("ana@example.com", "silent.example", Result.TEMPERROR),
        ("ana@example.com", "[192.0.2.1]", None),
        ("ana@example.com", "localhost", None),
        ("", "mx.example.com", None),  # check() has told it already
        ("<>", "mx.example.com", None),
    ],
)
def test_helo_beside_a_reverse_path(path: str, helo: str, result: Result | None) -> None:
    zone = Answers({"mx.example.com": "v=spf1 ip4:192.0.2.1 -all", "other.example": "v=spf1 -all", "silent.example": SILENT})
    found = spf.check_helo(Envelope(1, datetime(2026, 11, 24, tzinfo=UTC), path, (), "192.0.2.1", helo), Questions(zone))
    assert [(one.identity, one.domain, one.result) for one in found] == ([("helo", helo, result)] if result else [])


@pytest.mark.parametrize(
    ("path", "client", "helo"),
    [
        ("", "192.0.2.1", "[192.0.2.1]"),
        ("", "192.0.2.1", "localhost"),
        ("", "192.0.2.1", ""),
        ("ana@", "192.0.2.1", "x.example"),
        ("ana", "192.0.2.1", "x.example"),
        ("ana@-bad-.example", "192.0.2.1", "x.example"),
        ("ana@" + "x" * 300, "192.0.2.1", "x.example"),
        ("ana@example.com", "unix:", "x.example"),
    ],
)
def test_what_is_no_domain_or_address_is_none(path: str, client: str, helo: str) -> None:
    assert checked(Answers(), path, client, helo).result is Result.NONE


def test_a_quoted_at_sign_does_not_choose_the_domain() -> None:
    zone = Answers({"evil.example": "v=spf1 +all", "example.com": "v=spf1 -all"})
    found = checked(zone, '"x@evil.example"@example.com')
    assert (found.domain, found.result) == ("example.com", Result.FAIL)
    assert "evil.example" not in " ".join(zone.asked)


def test_ipv6_and_mapped_addresses() -> None:
    zone = Answers({"example.com": "v=spf1 ip6:2001:db8::/32 ip4:192.0.2.1 -all"})
    assert checked(zone, client="2001:db8::1").result is Result.PASS
    assert checked(zone, client="::ffff:192.0.2.1").result is Result.PASS
    assert checked(zone, client="2001:db9::1").result is Result.FAIL


def test_a_name_that_grows_too_long_loses_labels_on_its_left() -> None:
    """RFC 7208, section 7.3. Where each include makes the next name longer there is no memory for the tenth."""
    growing = Function(lambda name, rdtype: (b"v=spf1 include:%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.example",) if rdtype == "TXT" else ())
    questions = Questions(growing)
    found = spf.check_spf(
        Envelope(1, datetime(2026, 11, 24, tzinfo=UTC), "a@b.example", ("c@d.example",), "192.0.2.1", "x.example"), questions
    )
    assert found.result is Result.PERMERROR
    assert max(len(name) for name, _ in questions.answers) <= 253


def test_mx_and_ptr_ask_our_resolver() -> None:
    zone = Answers(
        {
            "example.com": "v=spf1 mx ptr:client.example -all",
            "example.com MX": ["10 mx1.example.com"],
            "mx1.example.com A": "192.0.2.1",
            "2.2.0.192.in-addr.arpa PTR": ["x.client.example"],
            "x.client.example A": "192.0.2.2",
        }
    )
    assert checked(zone).result is Result.PASS
    assert checked(zone, client="192.0.2.2").result is Result.PASS
    assert checked(zone, client="192.0.2.3").result is Result.FAIL


def test_threads_and_resolvers_do_not_mix() -> None:
    good, bad = Answers({"example.com": "v=spf1 +all"}), Answers({"example.com": "v=spf1 -all"})
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(checked, [good, bad] * 100))
    assert [one.result for one in results] == [Result.PASS, Result.FAIL] * 100


def test_explanations_cost_no_question() -> None:
    zone = Answers({"example.com": "v=spf1 -all exp=explain.example.com"})
    assert checked(zone).result is Result.FAIL
    assert zone.asked == ["example.com txt"]


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_never_raises(record: str, path: str, helo: str) -> None:
    zone = Answers({"example.com": b"v=spf1 " + record.encode("utf-8", "replace")})
    checked(zone)
    checked(zone, path, helo=helo)
    checked(zone, f"{path}@example.com", helo=helo)
