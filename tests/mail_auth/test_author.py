"""The author whose domain is checked: one, or nobody."""

import pytest
from hypothesis import given, strategies as st

from mail_auth import message
from mail_auth.authenticate import author_of


def author(value: str) -> str:
    found, reason = author_of(message.read_message(f"From: {value}\r\nSubject: x\r\n\r\n".encode()))
    assert bool(found) != bool(reason)
    return str(found or "")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("ana@example.com", "ana@example.com"),
        ("<ana@example.com>", "ana@example.com"),
        ("Ana <ANA@Example.COM>", "ana@example.com"),
        ('"Ana, from sales" <ana@example.com>', "ana@example.com"),
        ("Ana Q. Public <ana@example.com>", "ana@example.com"),
        ("ana@example.com (Ana (from sales))", "ana@example.com"),
        ("=?utf-8?q?An=C3=A1?= <ana@example.com>", "ana@example.com"),
        ("Aná <ana@münchen.example>", "ana@xn--mnchen-3ya.example"),
        ("ana@xn--strae-oqa.example", "ana@xn--strae-oqa.example"),
        ("ceo@paypal.com-evil.net", "ceo@paypal.com-evil.net"),
        ("x@my-company.example", "x@my-company.example"),
        ("Ana\r\n <ana@example.com>", "ana@example.com"),
        ('"ceo@bank.example" <x@evil.example>', "x@evil.example"),
        ("ana@example.com <ana@example.com>", "ana@example.com"),
        ('"a \\" quote" <ana@example.com>', "ana@example.com"),
    ],
)
def test_one_author(value: str, wanted: str) -> None:
    assert author(value) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Ana",
        "a@example.com, b@example.com",
        "Ana <a@example.com>, b@example.com",
        "a@example.com,",
        "Group: a@example.com;",
        "undisclosed-recipients:;",
        "a@evil.org <b@example.com>",
        "<a@example.com> <b@example.com>",
        "<a@example.com> b@example.com",
        "<a@example.com",
        "a@example.com>",
        '"Ana <a@example.com>',
        "Ana (open <a@example.com>",
        "Ana) <a@example.com>",
        '"a@b.com"@real.example',
        "a@[192.0.2.1]",
        "<@relay.example:a@example.com>",
        "a@b@example.com",
        "a b@example.com",
        "a@exam ple.com",
        "a\\@b@example.com",
        "Ana \x00<a@example.com>",
        "ana@straße.example",  # IDNA 2003 and 2008 encode it differently: two programs, two domains
        "ana@ﬁrm.example",
        "ana@☃.example",
        "a@" + "x" * 64 + ".example",
        "a@example..com",
    ],
)
def test_nobody(value: str) -> None:
    assert author(value) == ""


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"Subject: x\r\n", "no From field"),
        (b"From: a@example.com\r\nFrom: b@example.com\r\n", "2 From fields"),
        (b"From: a@example.com\r\nfrom : a@example.com\r\n", "2 From fields"),
        (b"From: a@example.com\r\nbroken line\r\n", "no field"),
        (b"From: a@example\xff.com\r\n", "exactly one"),
        (b"From: a@x.example, b@x.example, c@x.example\r\n", "exactly one"),
    ],
)
def test_reasons(header: bytes, reason: str) -> None:
    found, said = author_of(message.read_message(header + b"\r\nbody"))
    assert found is None
    assert reason in said


@given(st.text(alphabet='ab@.<>()",:;\\ -=?\r\n\t\x00é', max_size=40))
def test_never_raises(value: str) -> None:
    author_of(message.read_message(b"From: " + value.encode() + b"\r\n\r\n"))


@given(st.text(max_size=60))
def test_quoted_names_do_not_matter(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    found = author_of(message.read_message(f'From: "{quoted}" <ana@example.com>\r\n\r\n'.encode("utf-8", "replace")))[0]
    assert found is None or str(found) == "ana@example.com"
