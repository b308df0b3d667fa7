"""Hostile messages as a harmless document."""

import base64
import json
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings as effort, strategies as st

from tests.effort import examples
from tests.triage.harm import harm_in
from tests.triage.message.mime.test_smime import signed
from tests.triage.messages import GIF, PNG, html_mail, mail, multipart, part, sample
from tests.triage.text.test_sanitize import HARMLESS_LINES, harmful
from triage.message.preview import preview_document as preview_module
from triage.message.preview.preview_document import (
    FRAME_HEADERS,
    LINK_LIMIT,
    STYLE,
    TEXT_LIMIT,
    Mode,
    NumberedLink,
    Preview,
    render_json,
    render_preview,
    unavailable_document,
)
from triage.message.preview.remarks import translate_remarks
from triage.message.summary import make_summary

HEAD = f'<head><meta charset="utf-8"><title>Message</title><style>{STYLE}</style></head>'


def body_of(preview: Preview) -> str:
    """The body of a preview's document, as a reader of English gets it."""
    found = re.fullmatch(
        r"<!doctype html><html>(?P<head>.*?</head>)<body>(?P<body>.*)</body></html>", translate_remarks(preview.document, "en"), re.DOTALL
    )
    assert found
    assert found["head"] == HEAD
    return found["body"]


def assert_harmless(preview: Preview) -> None:
    """Assert that nothing in the document runs, loads or redirects, that it has no control characters, and that numbers and links match."""
    assert harm_in(preview.document, HEAD) == []
    assert harmful(preview.document, HARMLESS_LINES) == []
    assert harmful(json.dumps([link.target + link.text for link in preview.links], ensure_ascii=False)) == []
    assert [link.number for link in preview.links] == list(range(1, len(preview.links) + 1))
    assert {int(number) for number in re.findall(r'data-n="(\d+)"', preview.document)} <= {link.number for link in preview.links}
    steps = re.findall(r' id="t(\d+)"', preview.document)
    assert steps == [str(number) for number in range(1, len(steps) + 1)], "steps to scroll to stand in order"
    assert Preview.from_json(json.loads(json.dumps(preview.as_json()))) == preview


def html_view(html: str) -> Preview:
    """The harmless form of an HTML text."""
    preview = render_preview(html_mail(html), "html")
    assert_harmless(preview)
    return preview


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("<p>Hello <b>you</b></p>", '<div><p id="t1">Hello <b>you</b></p></div>'),
        ("a &lt;b&gt; &amp; c", '<div id="t1">a &lt;b&gt; &amp; c</div>'),
        (
            "<a href='http://a.test/'>here</a>",
            '<div id="t1"><span class="lk" data-n="1">here<sup>1</sup></span></div>',
        ),
        ("<p style='color:red;position:fixed'>x</p>", '<div><p style="color:red" id="t1">x</p></div>'),
        ("<p class=lk data-n=7 id=t9 onclick=x>x</p>", '<div><p id="t1">x</p></div>'),
        ("<script>alert(1)</script><style>p{}</style>x", '<div id="t1">x</div>'),
        ("<body bgcolor=red text=blue onload=x>x", '<div bgcolor="red" id="t1">x</div>'),
        ("<img src='http://t.test/a.png' width=60 height=20 alt=Logo>", None),
        ("<html dir=rtl><body><p>x</p>", '<div dir="rtl"><p id="t1">x</p></div>'),
        ("<html dir=rtl><body dir=ltr><p>x</p>", '<div dir="ltr"><p id="t1">x</p></div>'),
        ("<p style='color:a\x1eb;width:1\n\t2' lang='a\x1fb'>x</p>", '<div><p lang="a b" style="color:a b;width:1 2" id="t1">x</p></div>'),
        ("<p style='color:a\u3164' lang='\uffa0'>x</p>", '<div><p id="t1">x</p></div>'),
        (
            "<p style='direction: rtl; unicode-bidi: bidi-override'>x</p>",
            '<div><p style="direction:rtl" id="t1">x</p></div>',
        ),
        ("a<svg>b<th>c</th></svg>d", '<div id="t1">abc<span id="t2"></span>d</div>'),  # a cell that is in no table goes, its step with it
        ("exe.\u202efdp", '<div id="t1">exe.\\u202efdp</div>'),
        ("a\u200bb", '<div id="t1">ab</div>'),
    ],
)
def test_html_view(html: str, body: str | None) -> None:
    shown = body_of(html_view(html))
    if body is None:
        assert '<span class="np">picture not loaded 60×20 Logo</span>' in shown
    else:
        assert shown == body


def test_links_are_numbered_text_with_warnings() -> None:
    preview = html_view(
        "<p><a href='https://evil.test/login'>https://bank.example</a> <a href='https://ok.test/'>fine</a> <a href='https://ok.test/'>fine</a>"
    )
    assert preview.links == (
        NumberedLink(
            1,
            "https://bank.example",
            "https://evil.test/login",
            "evil.test",
            ("Link text and target differ: shows bank.example, opens evil.test.",),
        ),
        NumberedLink(2, "fine", "https://ok.test/", "ok.test", ()),
    )
    assert re.findall(r'data-n="(\d)"', preview.document) == ["1", "2", "2"]
    assert "evil.test" not in body_of(preview)


def test_a_form_is_a_link_and_its_fields_are_words() -> None:
    preview = html_view(
        "<form action='https://evil.test/take'><input type=password placeholder='Your password'><input type=hidden value=x></form>"
    )
    assert [(link.text, link.target) for link in preview.links] == [("(form)", "https://evil.test/take")]
    assert '<span class="np">password field Your password</span>' in body_of(preview)
    assert "hidden" not in body_of(preview)


RELATED = "Content-Type: image/{}\nContent-ID: <{}@x>\nContent-Disposition: inline"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("cid:png@x", "data:image/png;base64," + base64.b64encode(PNG).decode()),
        ("CID:gif%40x", "data:image/gif;base64," + base64.b64encode(GIF).decode()),  # by its bytes, whatever it is declared as
        ("data:image/gif;base64," + base64.b64encode(GIF).decode(), "data:image/gif;base64," + base64.b64encode(GIF).decode()),
        ("cid:svg@x", None),
        ("cid:missing@x", None),
        ("data:image/svg+xml;base64,PHN2Zy8+", None),
        ("data:image/png;base64,PHN2Zy8+", None),
        ("data:text/html,<script>", None),
        ("http://t.test/a.png", None),
        ("//t.test/a.png", None),
        ("a.png", None),
    ],
)
def test_pictures(source: str, shown: str | None) -> None:
    raw = multipart(
        part("Content-Type: text/html", f'<p>x<img src="{source}" alt="it">'.encode()),
        part(RELATED.format("png", "png"), PNG, encoded=True),
        part(RELATED.format("png", "gif"), GIF, encoded=True),
        part(RELATED.format("png", "svg"), b"<svg onload='x'/>", encoded=True),
        subtype="related",
    )
    preview = render_preview(raw, "html")
    assert_harmless(preview)
    assert preview.hidden_pictures == (0 if shown else 1)
    assert re.findall(r'<img src="([^"]*)"', preview.document) == ([shown] if shown else [])
    assert ("picture not loaded it" in preview.document) is (shown is None)


def test_all_pictures_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_module, "PICTURES_LIMIT", len(PNG) + len(GIF) - 1)
    source = "data:image/png;base64," + base64.b64encode(PNG).decode()
    other = "data:image/gif;base64," + base64.b64encode(GIF).decode()
    preview = html_view(f"<img src='{source}'><img src='{other}'>")
    assert re.findall(r'<img src="([^"]*)"', preview.document) == [source]
    assert preview.hidden_pictures == 1


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"begin 644 x\n" + b"\n" * 200_000, "x-uuencode"), (base64.b64encode(b"\xff\xd8" + b"\xff" * 150_000), "base64")],
)
def test_a_picture_that_stands_in_many_places_is_looked_at_once(body: bytes, encoding: str) -> None:
    """Decoding the picture for each place would take minutes."""
    page = "<img src=cid:png@x>" * 10_000
    raw = multipart(
        part("Content-Type: text/html", page.encode()),
        part(f"{RELATED.format('png', 'png')}\nContent-Transfer-Encoding: {encoding}", body),
        subtype="related",
    )
    assert render_preview(raw, "html").hidden_pictures == 10_000


def test_a_picture_is_shown_wherever_it_stands() -> None:
    raw = multipart(
        part("Content-Type: text/html", b"<img src=cid:png@x><img src=CID:png%40x>"),
        part(RELATED.format("png", "png"), PNG, encoded=True),
        subtype="related",
    )
    assert len(re.findall("<img", render_preview(raw, "html").document)) == 2


def test_pictures_that_count_opens_are_counted_and_leave_no_word() -> None:
    pictures = "<img src='http://t.test/1' width=1 height=1><img src='http://t.test/2'>"
    preview = html_view(f"<p>x{pictures}<div background='http://t.test/3' style='background:url(//t.test/4)'>")
    assert preview.hidden_pictures == 4
    assert preview.document.count("picture not loaded") == 1


BOTH = multipart(
    part("Content-Type: text/plain", b"See https://ok.test/ <and> more.\r\n\r\nBye"),
    part("Content-Type: text/html", b"<p>See <a href='https://ok.test/'>this</a></p>"),
    subtype="alternative",
)


def test_text_view_numbers_the_same_links() -> None:
    html, text = render_preview(BOTH, "html"), render_preview(BOTH, "text")
    assert_harmless(text)
    assert html.links == text.links == (NumberedLink(1, "this", "https://ok.test/", "ok.test", ()),)
    assert body_of(text) == (
        '<div class="tx"><span id="t1"></span>See <span class="lk" data-n="1">https://ok.test/<sup>1</sup></span> &lt;and&gt; more.\n\n'
        '<span id="t2"></span>Bye</div>'
    )


def test_text_view_of_html_only() -> None:
    preview = render_preview(html_mail("<p>one <a href='http://a.test/'>two</a></p><p>&#xe000;9&#xe001;three&#xe002;9&#xe003;"), "text")
    assert_harmless(preview)
    assert body_of(preview) == (
        '<div class="tx"><span id="t1"></span>one <span class="lk" data-n="1">two<sup>1</sup></span>\n\n<span id="t2"></span>9three9</div>'
    )


def test_plain_text_in_html_view() -> None:
    preview = render_preview(mail("From: a@b.example", "<script>alert(1)</script> www.a.test"), "html")
    assert_harmless(preview)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in preview.document
    assert [link.target for link in preview.links] == ["http://www.a.test"]


PLAIN, RICH = part("Content-Type: text/plain", b"plain"), part("Content-Type: text/html", b"<p>rich")
OTHER = part("Content-Type: text/plain", b"other")
NAMED = part("Content-Type: text/html; name=rich.html", b"<p>rich")


def nested(subtype: str, *parts: bytes) -> bytes:
    inner = b"".join(b"--cat\r\n" + one + b"\r\n" for one in parts) + b"--cat--"
    return part(f"Content-Type: multipart/{subtype}; boundary=cat", inner)


@pytest.mark.parametrize(
    ("raw", "html", "text"),
    [
        (multipart(PLAIN, RICH, subtype="alternative"), ["rich"], ["plain"]),
        (multipart(PLAIN, NAMED, subtype="alternative"), ["rich"], ["plain"]),
        (multipart(PLAIN, nested("related", NAMED), subtype="alternative"), ["rich"], ["plain"]),
        (multipart(PLAIN, NAMED), ["plain"], ["plain"]),
        (multipart(PLAIN, RICH), ["plain", "rich"], ["plain", "rich"]),
        (multipart(RICH, PLAIN), ["rich", "plain"], ["rich", "plain"]),
        (
            multipart(PLAIN, nested("mixed", OTHER, RICH), subtype="alternative"),
            ["other", "rich"],
            ["plain", "other"],
        ),
        (multipart(PLAIN, part("Content-Type: message/rfc822", RICH)), ["plain", "rich"], ["plain", "rich"]),
    ],
)
def test_nothing_is_left_out_but_other_forms_of_what_is_shown(raw: bytes, html: list[str], text: list[str]) -> None:
    shown = {mode: re.findall(r"plain|other|rich", render_preview(raw, mode).document.partition("<body>")[2]) for mode in ("html", "text")}
    assert shown == {"html": html, "text": text}
    assert make_summary(raw).text.split() == text


def test_what_only_outlook_shows_stands_below_and_says_so() -> None:
    shown = render_preview(html_mail("<p>seen<!--[if mso]><a href='http://a.test/'>more</a><![endif]-->"), "html")
    assert shown.document.index("seen") < shown.document.index("Only Outlook shows the following part.") < shown.document.index("more")
    assert [link.target for link in shown.links] == ["http://a.test/"]


@pytest.mark.parametrize("text", ["go&#8203;od.test", "good&#xff0e;test", "good.te&shy;st"])
def test_a_link_text_is_compared_as_it_looks(text: str) -> None:
    (link,) = render_preview(html_mail(f"<a href='http://evil.test/'>{text}</a>"), "html").links
    assert link.warnings == ("Link text and target differ: shows good.test, opens evil.test.",)


def test_steps_are_numbered_from_above() -> None:
    shown = render_preview(multipart(part("Content-Type: text/plain", b'<p id="t9">'), RICH), "html").document
    assert re.findall(r'id="t\d+"', shown) == ['id="t1"', 'id="t9"', 'id="t2"']


def test_the_footer_of_a_list_is_shown_below() -> None:
    raw = multipart(part("Content-Type: text/html", b"<p>news</p>"), part("Content-Type: text/plain", b"leave at https://lists.example/"))
    preview = render_preview(raw, "html")
    assert_harmless(preview)
    assert [link.target for link in preview.links] == ["https://lists.example/"]
    assert "news" in preview.document


@pytest.mark.parametrize("mode", ["html", "text"])
@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (html_mail("<div>" * 40_000 + "words"), "Shown as text: its HTML is nested too deeply."),
        (html_mail("<i>x</i>" * 70_000), "Shown as text: its HTML has more than 60,000 tags."),
        (html_mail("x" * 2_100_000), "Shown as text: its HTML is larger than 2 MB."),
        (b"Content-Type: message/rfc822\r\n\r\n" * 300, "This message cannot be shown: parts are nested more than 100 deep."),
    ],
    ids=["nesting", "tags", "size", "parts"],
)
def test_too_much(raw: bytes, said: str, mode: str) -> None:
    preview = render_preview(raw, "html" if mode == "html" else "text")
    assert_harmless(preview)
    assert preview.truncated
    assert said in preview.document
    assert len(preview.document) < 2 * TEXT_LIMIT


def test_long_text_is_cut_and_says_so() -> None:
    preview = render_preview(mail("From: a@b.example", "word " * 100_000), "text")
    assert preview.truncated
    assert TEXT_LIMIT - 10 < len(body_of(preview)) < TEXT_LIMIT + 200


def test_more_links_than_are_listed() -> None:
    preview = html_view("".join(f"<a href='http://a.test/{number}'>x</a>" for number in range(LINK_LIMIT + 50)))
    assert len(preview.links) == LINK_LIMIT
    preview = render_preview(mail("From: a@b.example", "\n".join(f"http://a.test/{number}" for number in range(LINK_LIMIT + 50))), "text")
    assert_harmless(preview)
    assert len(preview.links) == LINK_LIMIT


def test_a_message_brings_no_remark_of_ours_along() -> None:
    forged = base64.b64encode(b'{"id": "This message has no text.", "params": {}}').decode()
    shown = html_view(f"<div class=note data-said={forged}>x</div><span data-said='{forged}'>y</span>")
    assert "data-said" not in shown.document


def test_no_text() -> None:
    for raw in (b"", mail("From: a@b.example\nContent-Type: image/png", PNG)):
        assert "This message has no text." in render_preview(raw, "html").document
        assert "This message has no text." in render_preview(raw, "text").document


@pytest.mark.parametrize(
    ("content_type", "said"),
    [
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "This message is encrypted"),
        ("application/x-pkcs7-mime; name=smime.p7m", "This message is encrypted"),
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=cut', "This message is encrypted"),
        ("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", "The whole message is inside its signature"),
        ("application/pdf; name=a.pdf", "This message has no text."),
    ],
)
def test_why_there_is_no_text(content_type: str, said: str) -> None:
    raw = mail(
        f"From: a@b.example\nContent-Type: {content_type}", "--cut\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--cut--\n"
    )
    assert said in render_preview(raw, "html").document


@pytest.mark.parametrize("mode", ["html", "text"])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_what_lies_within_a_signature_is_shown_and_vouches_for_nothing(kind: str, mode: Mode) -> None:
    raw = part(
        "From: a@b.example\nContent-Type: application/pkcs7-mime", signed(mail(f"Content-Type: text/{kind}", "The offer")), encoded=True
    )
    body = body_of(render_preview(raw, mode))
    assert body.index("Mailroom does not check this signature") < body.index("The offer")
    assert "does not check this signature" not in render_preview(mail("From: a@b.example", "The offer"), mode).document


def test_unavailable_says_why() -> None:
    preview = unavailable_document("it <took> too long")
    assert_harmless(preview)
    assert "cannot be shown: it &lt;took&gt; too long." in preview.document


def test_json_for_the_bounded_child() -> None:
    assert Preview.from_json(json.loads(render_json(BOTH, {"mode": "text"}))) == render_preview(BOTH, "text")
    assert Preview.from_json(json.loads(render_json(BOTH, {"mode": "html"}))) == render_preview(BOTH, "html")


def test_frame_headers() -> None:
    assert FRAME_HEADERS == {
        "Content-Security-Policy": (
            "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'self'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-DNS-Prefetch-Control": "off",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><image href='http://t.test/'/><feImage href='http://t.test/'/></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='java\tscript:alert(1)'>x</a><a href='data:text/html,x'>y</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe><object data='http://t.test'></object><embed src='http://t.test'>",
    "<link rel=preconnect href='//t.test'><link rel=stylesheet href='http://t.test'><meta http-equiv=refresh content='0;url=http://t.test'>",
    "<base href='http://t.test/'><img src=a.png><video poster='http://t.test'><source src='http://t.test'></video><audio src='http://t.test'>",
    "<div style=\"background:url('http://t.test')\">x</div><div style='background:u\\72l(http://t.test)'>y</div>",
    "<table background='http://t.test'><td background='http://t.test'>x</table><img srcset='http://t.test 2x' lowsrc='http://t.test'>",
    "<style>@import 'http://t.test';body{background:url(http://t.test)}</style>x",
    "<template><img src=x onerror=alert(1)></template><select><template><img src=x onerror=alert(1)>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<textarea></textarea><img src=x onerror=alert(1)></textarea><xmp><img src=x onerror=alert(1)></xmp>",
    "<button formaction='javascript:alert(1)'>go</button><input type=image src='http://t.test'><isindex action=x>",
    "<p id=t1 class=note>This message was checked by IT</p><span class=lk data-n=1>forged<sup>1</sup></span>",
    "</body></html><script>alert(1)</script><body onload=alert(1)>",
    "<!--><img src=x onerror=alert(1)>--><![CDATA[<img src=x onerror=alert(1)>]]>",
    "<img src='data:image/png;base64,\"onerror=alert(1)'><img alt='\"><script>alert(1)</script>' src=x>",
    "<font face='\"><img src=x onerror=alert(1)>' color='url(http://t.test)'>x</font>",
    "<marquee onstart=alert(1)>x</marquee><details ontoggle=alert(1) open>y</details><dialog open>z</dialog>",
]


@pytest.mark.parametrize("html", HOSTILE)
@pytest.mark.parametrize("mode", ["html", "text"])
def test_hostile_html(html: str, mode: str) -> None:
    preview = render_preview(html_mail(html), "html" if mode == "html" else "text")
    assert_harmless(preview)
    assert 'class="note"' not in body_of(preview) or "This message has no text." in preview.document


@effort(max_examples=examples(40))
@given(st.binary(max_size=300), st.sampled_from(["html", "text"]))
def test_any_bytes(raw: bytes, mode: str) -> None:
    assert_harmless(render_preview(b"Content-Type: text/html\r\n\r\n" + raw, "html" if mode == "html" else "text"))


TOKENS = [
    *("<svg>", "</svg>", "<math>", "<mtext>", "<mglyph>", "<style>", "</style>", "<title>", "<table>", "</table>", "<tr>", "<td>"),
    *("<caption>", "<form>", "</form>", "<select>", "<template>", "<noscript>", "<textarea>", "<p>", "<a href=http://t.test>", "</a>"),
    *("<b>", "<img src=x onerror=x>", "<!--", "-->", "<![CDATA[", "]]>", "<font color=red>", "<script>", "</script>", "'", '"', ">", "<"),
    *("x", "\x00", "\u202e", "<div style='color:red'>", "</div>", "&lt;", "<br>"),
]


@effort(max_examples=examples(80))
@given(st.lists(st.sampled_from(TOKENS), max_size=25))
def test_any_arrangement_of_hostile_pieces(pieces: list[str]) -> None:
    preview = render_preview(html_mail("".join(pieces)), "html")
    assert harm_in(preview.document, HEAD) == []
    assert harmful(preview.document, HARMLESS_LINES) == []


def test_the_look_for_harm_finds_it() -> None:
    harmless_to_another_parser = {"<template><img src=x onerror=alert(1)></template><select><template><img src=x onerror=alert(1)>"}
    assert all(harm_in(html) or "note" in html for html in set(HOSTILE) - harmless_to_another_parser)


@pytest.mark.corpus
def test_payloads_that_broke_other_sanitisers(corpus: Path) -> None:
    with tarfile.open(corpus / "html-hostile.tar.gz") as archive:
        stream = archive.extractfile("html-hostile/dompurify-expect.json")
        assert stream is not None
        payloads = [one["payload"] for one in json.load(stream)]
    assert len(payloads) > 200
    for payload in payloads:
        for mode in ("html", "text"):
            assert_harmless(render_preview(html_mail(payload), "html" if mode == "html" else "text"))


@pytest.mark.corpus
@pytest.mark.parametrize("archive", ["mail-phish", "mail-other", "mime-torture"])
def test_real_and_tortured_mail(corpus: Path, archive: str) -> None:
    for name, raw in sample(corpus, archive):
        preview = render_preview(raw, "html")
        assert harm_in(preview.document, HEAD) == [], name
        assert harmful(preview.document, HARMLESS_LINES) == [], name
        assert len(preview.links) >= min(1, len(make_summary(raw).links)), name
