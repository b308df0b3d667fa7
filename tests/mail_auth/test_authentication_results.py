"""Authentication-Results of others as tables; what authres can read, we read the same."""

import authres  # type: ignore[import-untyped]
import pytest
from hypothesis import given, strategies as st

from mail_auth import authentication_results
from triage.message.authentication import Stated

GOOGLE = (
    b" mx.google.example;\r\n       dkim=pass header.i=@a.example header.s=x header.b=abc;\r\n"
    b"       spf=pass (google.com: domain of x@b.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=x@b.example;\r\n"
    b"       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=a.example\r\n"
)
MICROSOFT = (
    b" mx.microsoft.example 1; spf=pass\r\n smtp.mailfrom=a.example; dmarc=pass action=none\r\n"
    b" header.from=a.example; dkim=pass header.d=a.example; arc=none\r\n"
)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (GOOGLE, [("dkim", "pass", "a.example"), ("spf", "pass", "b.example"), ("dmarc", "pass", "a.example")]),
        (MICROSOFT, [("spf", "pass", "a.example"), ("dmarc", "pass", "a.example"), ("dkim", "pass", "a.example"), ("arc", "none", "")]),
        (b"mx; none", []),
        (b"mx", []),
        (b"", []),
        (b"mx; DMARC = Pass header.from = A.Example", [("dmarc", "pass", "a.example")]),
        (b"mx; dkim/1=fail header.d=a.example header.i=@b.a.example", [("dkim", "fail", "a.example")]),
        (b"mx; spf=pass smtp.helo=a.example", [("spf", "pass", "a.example")]),
        (b"mx; spf=pass smtp.mailfrom=", [("spf", "pass", "")]),
        (b"mx; dmarc=pass header.from=a.example header.from=b.example", [("dmarc", "pass", "")]),
        (b"mx; dmarc=pass header.from=a.example; dmarc=fail header.from=a.example", []),
        (b"mx; dkim=pass header.d=a.example; dkim=fail header.d=b.example", [("dkim", "pass", "a.example"), ("dkim", "fail", "b.example")]),
        (b'mx; spf=pass smtp.mailfrom="x; dmarc=pass header.from=bank.example"@evil.example', [("spf", "pass", "evil.example")]),
        (b'mx; spf=pass reason="a \\"; dmarc=pass" smtp.mailfrom=a.example', [("spf", "pass", "a.example")]),
        (b"mx; spf=pass (a (b; dmarc=pass header.from=a.example) c) smtp.mailfrom=a.example", [("spf", "pass", "a.example")]),
        (b"mx; dmarc=pass (never closed header.from=a.example", []),
        (b"mx; dmarc=pass header.from=a.example) x", []),
        (b'mx; dmarc=pass "never closed header.from=a.example', []),
        (b"mx; dmarc=pass header.from=a.example" + b" " * authentication_results.LONGEST, []),
        (b"mx; dmarc.pass", []),
    ],
)
def test_read(value: bytes, wanted: list[tuple[str, str, str]]) -> None:
    assert list(authentication_results.read_results(value)) == [Stated(*one) for one in wanted]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (GOOGLE, "mx.google.example"),
        (MICROSOFT, "mx.microsoft.example"),
        (b"(x) MX.Example (y); none", "mx.example"),
        (b" spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=a.example; dkim=pass header.d=a.example;dmarc=pass action=none", ""),
        (b'"mx.example"; none', ""),
        (rb"mx\.example; none", ""),
        (b"mx\\; none", ""),
        ("m\u212a.example; none".encode(), ""),
        (b"K.example; none", "k.example"),
        (b"mx example; none", ""),
        (b"; spf=pass", ""),
        (b"", ""),
        (b"mx.example (; none", ""),
        (b'"mx example"; none', ""),
        (b'"\x1emx"x"y"; none', ""),
    ],
)
def test_authserv_id(value: bytes, wanted: str) -> None:
    assert authentication_results.authserv_id(value) == wanted


def test_quotes_that_never_end_are_looked_through_once() -> None:
    """Matching again from each quote would take half a second for each field, and a header has thousands."""
    for _ in range(500):
        assert authentication_results.authserv_id(b'\\"' * 4_000) == ""


@given(
    st.sampled_from(["mx.example", "a.b-c.example"]),
    st.lists(
        st.tuples(
            st.sampled_from(["spf", "dkim"]),
            st.sampled_from(["pass", "fail", "none", "temperror"]),
            st.sampled_from(["a.example", "b-c.example"]),
        ),
        max_size=5,
    ),
)
def test_as_authres_writes_it(name: str, found: list[tuple[str, str, str]]) -> None:
    kinds = {
        "spf": lambda result, domain: authres.SPFAuthenticationResult(result=result, smtp_mailfrom=f"x@{domain}", reason='a "b"; c'),
        "dkim": lambda result, domain: authres.DKIMAuthenticationResult(result=result, header_d=domain, result_comment="a; b"),
    }
    text = str(authres.AuthenticationResultsHeader(name, results=[kinds[method](result, domain) for method, result, domain in found]))
    value = text.partition(":")[2].encode()
    assert authentication_results.authserv_id(value) == name
    assert list(authentication_results.read_results(value)) == [Stated(*one) for one in found]


PARTS = ["mx", " dkim=pass header.d=a.b", "DMARC/1 = Fail", " spf=none (x)", 'arc=pass reason="a; b"', "none", "", *'("\\=', "\r\n\0ü"]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map(";".join).map(str.encode) | st.binary(max_size=200))
def test_never_raises(value: bytes) -> None:
    for one in authentication_results.read_results(value):
        assert one.method
        assert one.result
    authentication_results.authserv_id(value)
