"""Signals about targets of links and parts of pages."""

from typing import Any

import pytest

from tests.triage.message.signals.seeing import looked_at, seen, to
from tests.triage.messages import html_mail, multipart, part
from triage.message.signals.signal_context import Met
from triage.message.summary import Code, Link, make_summary


@pytest.mark.parametrize(
    ("link", "name"),
    [
        (Link("https://bank.example", "https://evil.test/"), "link-differs"),
        (Link("here", "https://bank.example@evil.test/"), "link-hides-host"),
        (Link("here", "http://192.0.2.1/"), "link-to-number"),
        (Link("here", "http://0xc0000201/"), "link-to-number"),
        (Link("here", "http://аррӏе.com/"), "link-foreign-letters"),
        (Link("here", "javascript:x"), "link-odd"),
        (Link("here", "data:text/html;base64,AAAA"), "link-data"),
        (Link("here", "https://bit.ly/3abc"), "link-shortened"),
        (Link("here", "https://www.tinyurl.com/3abc"), "link-shortened"),
        (Link("here", "https://click.sender.example/?u=https%3A%2F%2Fevil.test%2Fa"), "link-redirects"),
        (Link("here", "https://www.google.test/url?q=http://evil.test/"), "link-redirects"),
        (Link("here", "https://sender.example/?back=https://www.sender.example/a"), None),
        (Link("here", "https://sender.example/"), None),
        (Link("mail us", "mailto:x@other.test"), None),
    ],
)
def test_links(link: Link, name: str | None) -> None:
    assert set(seen(links=(link,))) - {"links-elsewhere"} == ({name} if name else set())


def test_what_a_link_is_said_of_is_the_evidence() -> None:
    found = looked_at(links=to("https://t.co/1", "http://192.0.2.1/a"))
    assert (found["link-shortened"].evidence, found["link-to-number"].evidence) == (("t.co",), ("http://192.0.2.1/a",))


def test_links_that_all_lead_elsewhere() -> None:
    assert seen(links=to("https://a.test/", "https://www.b.test/", "https://c.test", "https://d.test"))["links-elsewhere"] == (
        "No link leads to sender.example, only to a.test, b.test, c.test and 1 other."
    )
    assert "links-elsewhere" not in seen(links=to("https://a.test/", "https://shop.sender.example/"))
    assert "links-elsewhere" not in seen(links=to("https://lists.example/x"), list_id="dev.lists.example")


def test_many_links_of_one_kind_are_one_signal() -> None:
    many = tuple(Link("here", f"http://192.0.2.{number}/") for number in range(5))
    said = "A link: Opens an IP address (192.0.2.0) instead of a name. 4 more links are like it."
    assert seen(links=many)["link-to-number"] == said


STRANGER: dict[str, Any] = {"met": Met()}
CODE: dict[str, Any] = {"codes": (Code("scan.png", "https://login.evil.test/a"),), "links": (Link("", "https://login.evil.test/a"),)}
WORDS = "Your ticket for the concert of the harbour orchestra. " * 4


@pytest.mark.parametrize(
    ("beside", "changes", "name"),
    [
        (STRANGER, CODE | {"text": "Please scan to keep your mailbox."}, "code-only"),
        (STRANGER, CODE, "code-only"),
        (STRANGER, CODE | {"text": WORDS}, "code-link"),  # a ticket, an invoice
        (STRANGER, CODE | {"links": (*CODE["links"], Link("Read online", "https://news.sender.example/"))}, "code-link"),  # a newsletter
        (STRANGER, CODE | {"links": (*CODE["links"], Link("Write", "mailto:ann@sender.example"))}, "code-only"),
        ({}, CODE, "code-link"),  # of a known sender
        (STRANGER, {"pictures": 3}, ""),  # a payment
    ],
)
def test_a_code_that_opens_a_page_and_one_that_is_all_a_stranger_sends(beside: dict[str, Any], changes: dict[str, Any], name: str) -> None:
    found = looked_at(beside=beside, **changes)
    assert {one for one in found if one.startswith("code-")} == ({name} if name else set())
    if name:
        assert found[name].sentence.startswith("A QR code in scan.png opens login.evil.test.")
        assert found[name].evidence == ("https://login.evil.test/a",)


@pytest.mark.parametrize(
    ("html", "names"),
    [
        ("<form action='https://x.test'><input name=a></form>", {"page-form"}),
        ("<form action='https://x.test'><input type=password></form>", {"page-password"}),
        ("<FORM action=x><INPUT size=9 TYPE = 'Password'></FORM>", {"page-password"}),
        ("<script>alert(1)</script>", {"page-script"}),
        ("<script type='application/ld+json'>{}</script>", set()),
        ("<p>information in this format</p>", set()),
    ],
)
def test_page_parts(html: str, names: set[str]) -> None:
    assert set(seen(page_parts=make_summary(html_mail(html)).page_parts)) == names
    attached = part("Content-Type: text/html; name=a.html\nContent-Disposition: attachment", html.encode(), encoded=True)
    summary = make_summary(multipart(part("Content-Type: text/plain", b"see attached"), attached))
    assert {name.replace("attached-", "page-") for name in seen(page_parts=summary.page_parts)} == names


def test_ten_thousand_links_and_five_megabytes_take_bounded_time() -> None:
    links = "".join(f"<a href='https://h{number}.test/?u=https%3A%2F%2Fe{number}.test'>www.x{number}.test</a> " for number in range(10_000))
    for html in (links, "<p>verify your account within 5 minutes</p>" * 120_000, "<" * 5_000_000, "<input " * 700_000, "&#8205;" * 700_000):
        summary = make_summary(html_mail(html))
        assert seen(**{name: getattr(summary, name) for name in ("links", "text", "page_parts", "problems")}) is not None
