"""HTML as text and links, and what is refused before a parser sees it."""

import re

import pytest
from hypothesis import given, strategies as st

from triage.message.mime import html_text
from triage.message.mime.html_text import (
    ATTRIBUTE_LIMIT,
    DEPTH_LIMIT,
    LINK_TEXT_LIMIT,
    SIZE_LIMIT,
    TAG_LIMIT,
    UNCLOSED_LIMIT,
    crude_text,
    for_outlook,
    text_and_links,
    too_much,
    walk_html,
    without_unread,
)
from triage.message.mime.links import TARGET_LIMIT


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>bold</b> world</p><p>two</p>", "Hello bold world\n\ntwo"),
        ("a<br>b<div>c</div>d", "a\nb\nc\nd"),
        ("a&lt;b&#x26;c &nbsp; d", "a<b&c d"),
        ("<style>p{}</style><script>x</script><title>t</title>seen", "seen"),
        ("<svg><text>drawn </text></svg><noscript>no script </noscript><template>t</template>seen", "drawn no script seen"),
        ("<!-- hidden -->seen", "seen"),
        ("<img alt='a picture'> beside", "a picture beside"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1\n\n2"),
        ("&#xe000;5&#xe001;marked", "5marked"),
        ("", ""),
    ],
)
def test_running_text(html: str, text: str) -> None:
    assert text_and_links(html)[0] == text


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ("<a href='http://a.test/'>one <b>two</b></a>", [("one two", "http://a.test/")]),
        ("<a href='http://a.test/'><img alt='Logo'></a>", [("Logo", "http://a.test/")]),
        ("<a href='http://a.test/'><img></a>", [("(picture)", "http://a.test/")]),
        ("<a href=' ht\ntp://a.test/ '>x</a>", [("x", "http://a.test/")]),
        ("<a href='#top'>x</a><a name=y>y</a><a href=''>z</a>", []),
        ("<map><area href='http://a.test/' alt='Here'></map>", [("Here", "http://a.test/")]),
        ("<form action='http://a.test/'>name <input></form>", [("(form)", "http://a.test/")]),
        ("<base href='http://b.test/x/'><a href='y'>x</a>", [("x", "http://b.test/x/y")]),
        ("<!-- <base href='http://b.test/'> --><base target=x href='http://c&#46;test/'><a href='y'>x</a>", [("x", "http://c.test/y")]),
        ("<base href='http://b.test/'><a href='\\\\c.test/y'>x</a>", [("x", "http://c.test/y")]),
        ("<base href='http://b.test/'><a href='///c.test/y'>x</a>", [("x", "http://c.test/y")]),
        ("<base href='http://b.test/'><a href='HTTP:\\\\c.test/y'>x</a>", [("x", "http://c.test/y")]),
        ("<base href='http:\\\\b.test/x/'><a href='y'>x</a>", [("x", "http://b.test/x/y")]),
        ("<a href='javascript:x'>x</a>", [("x", "javascript:x")]),
        ("<a href='http://a.test/'>a<a href='http://b.test/'>b", [("a", "http://a.test/"), ("b", "http://b.test/")]),
        ("<svg><a xlink:href='http://a.test/'>x</a></svg>", [("x", "http://a.test/")]),
        ("<video><a href='http://a.test/'>x</a></video>", [("x", "http://a.test/")]),
        ("<v:roundrect href='http://a.test/'>x</v:roundrect>", [("x", "http://a.test/")]),
    ],
)
def test_links(html: str, links: list[tuple[str, str]]) -> None:
    assert text_and_links(html)[1] == links


@pytest.mark.parametrize(
    ("html", "page"),
    [
        ("seen<!--[if mso]><p>more</p><![endif]-->", "<p>more</p>"),
        ("seen<!--[IF gte mso 9]>one<![EndIf]--><!--[if mso]>two<![endif]-->", "one\ntwo"),
        ("<a href='http://a.test/'>x</a><!--[if mso]><a href='http://b.test/'>x</a><![endif]-->", "<a href='http://b.test/'>x</a>"),
        ("<a href='http://a.test/'>X</a><!--[if mso]><v:rect href='http://a.test/'>x</v:rect><![endif]-->", ""),
        ("<!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><style>p{}</style><table><tr><td><![endif]-->seen", ""),
        ("<!--[if !mso]><!-->seen<!--<![endif]-->", ""),
        ("<!-- more -->seen", ""),
    ],
)
def test_what_outlook_alone_shows(html: str, page: str) -> None:
    assert for_outlook(html) == page


def test_what_would_take_long_to_look_for_is_shown_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    html = "one<br>two<!--[if mso]>one<br>two<br>one<![endif]-->"
    monkeypatch.setattr(html_text, "COMPARED", 2 * len("one two"))
    assert not for_outlook(html)
    monkeypatch.setattr(html_text, "COMPARED", 2 * len("one two") - 1)
    assert for_outlook(html) == "one<br>two<br>one"


def test_links_may_be_marked() -> None:
    text, _ = text_and_links("see <a href='http://a.test/'>here</a>.", lambda text, target, there: f"[{there}|{target}]")
    assert text == "see [here|http://a.test/]."


REFUSED = {
    "size": "x" * (SIZE_LIMIT + 1),
    "tags": "<i></i>" * TAG_LIMIT,
    "nesting": "<div>" * (DEPTH_LIMIT + 1),
    "formatting": "".join(f"<font id={number}>" for number in range(UNCLOSED_LIMIT + 1)),
    "closed by nobody": "<div></p>" * (DEPTH_LIMIT + 1),
    "closed in a comment": "<div><!--</div>-->" * (DEPTH_LIMIT + 1),
    "closed in a style": "<div><style></div></style>" * (DEPTH_LIMIT + 1),
    "closed in an attribute": "<div><p title='</div>'>" * (DEPTH_LIMIT + 1),
    "in what only looks like a comment": "<svg><![CDATA[<!--]]></svg>" + "<div>" * (DEPTH_LIMIT + 1),
    "in what only looks like a style": "<svg><style>" + "<div>" * (DEPTH_LIMIT + 1),
}


FORMATTED = "<div>" + "".join(f"<b id={number}>" for number in range(UNCLOSED_LIMIT - 1)) + "x</div>"
UNREACHED = ("object", "applet", "marquee", "td", "th", "caption", "table", "template", "select", "svg", "math")
TOO_DEEP = {
    "opened again by blocks": FORMATTED + "<div>x</div>" * 800,
    "opened again by paragraphs": FORMATTED + "<p>x" * 1_500,
    "opened again by end tags": FORMATTED + "x</p>" * 1_500,
    "in what only looks like a comment": "<svg><![CDATA[<!--]]></svg>" + FORMATTED + "<div>x</div>" * 800,
    **{f"end tag in {name}": f"<b><{name}></b></{name}>" * (UNCLOSED_LIMIT + 1) for name in UNREACHED},
    "end tag of what encloses": "<div><object></div></object>" * DEPTH_LIMIT,
    "end tag in a drawing": "<b><object><svg><desc></object></b></desc></svg></object>" * (UNCLOSED_LIMIT + 1),
    "end tag far inside": ("<b>" + "<div>" * 9 + "</b>" + "</div>" * 9) * (UNCLOSED_LIMIT + 1),
    "many attributes to compare": "".join(f"<b {'a ' * 400} id={number}>" for number in range(UNCLOSED_LIMIT)),
    "ruby": "<rt>" * (DEPTH_LIMIT + 1),
    "ruby parentheses": "<rp>" * (DEPTH_LIMIT + 1),
    "groups of options": "<optgroup>" * (DEPTH_LIMIT + 1),
    "items of two kinds": "<li><dd>" * DEPTH_LIMIT,
    "rows of a drawing": "<svg>" + "<tr>" * (DEPTH_LIMIT + 1),
    "quotes that are none": "<p '>" + "<div>" * (DEPTH_LIMIT + 1) + "'>",
    "quotes behind what is no space": "<p a=\v'>" + "<div>" * (DEPTH_LIMIT + 1) + "'>",
}
MANY = " ".join(f"a{number}" for number in range(ATTRIBUTE_LIMIT + 1))
CROWDED = {
    "without values": f"<p {MANY}>",
    "with values": "<p " + "a='b c'" * (ATTRIBUTE_LIMIT + 1) + ">",
    "an end tag": f"</p {MANY}>",
    "among quotes": f"<p ' {MANY} '>",
    "in a void element": f"<img {MANY}>",
    "in what is not read": f"<style {MANY}></style>",
    "behind what looks like a comment": f"<p title='<!--' {MANY} -->",
    "body": "".join(f"<body a{number}>" for number in range(ATTRIBUTE_LIMIT + 1)),
    "html": "".join(f"<html a{number}>" for number in range(ATTRIBUTE_LIMIT + 1)),
}


@pytest.mark.parametrize("html", TOO_DEEP.values(), ids=TOO_DEEP.keys())
def test_what_a_parser_nests_without_saying_so_is_refused(html: str) -> None:
    assert too_much(html) == "its HTML is nested too deeply"


@pytest.mark.parametrize("html", CROWDED.values(), ids=CROWDED.keys())
def test_elements_of_very_many_attributes_are_refused(html: str) -> None:
    assert too_much(html) == f"its HTML has an element of more than {ATTRIBUTE_LIMIT} attributes"


@pytest.mark.parametrize("html", REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_parsing(html: str) -> None:
    assert too_much(html)


@pytest.mark.parametrize(
    "html",
    [
        "<p>one" * 20_000,
        "<tr><td>cell" * 10_000,
        "<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->" * 300,
        "<div>" * 500 + "</div>" * 500 + "<br><img>" * 5_000,
        "<font color=red>x</font>" * 10_000,
        "<table><tr><td><b>cell</b><td><table><tr><td><b>x</b></table></table>" * 2_000,
        "<dl><dt>a<dd>b<ul><li>c</ul></dl>" * 400,
        "<b>" * 100 + "<p>x</p>" * 500,
        f"<p style='{'a: b; ' * 50_000}' {' '.join(f'a{number}=x' for number in range(60))}>",
        f"<img src='data:image/png;base64,{'a' * 1_000_000}'>",
        "<p " * 2 + "x y z " * 150 + ">",
    ],
    ids=["paragraphs", "cells", "conditional comments", "divs", "fonts", "tables", "lists", "bold", "style", "picture", "no end"],
)
def test_sloppy_mail_is_not_refused(html: str) -> None:
    assert too_much(html) == ""


@pytest.mark.parametrize("base", ["http://b.test/" + "a/" * 300_000, "http://b.test/" + "a" * 600_000])
def test_a_base_and_targets_are_read_as_far_as_targets_are_looked_at(base: str) -> None:
    """Joining each link to the whole base would take minutes."""
    _, links = text_and_links(f"<base href='{base}'>" + "<a href='x'>y</a>" * 5_000 + f"<a href='{base}'>y</a>")
    assert len(links) == 5_001
    assert all(target.startswith("http://b.test/") and len(target) <= TARGET_LIMIT for _, target in links)
    assert text_and_links(f"<a href='{base}'>y</a>")[1] == [("y", base[:TARGET_LIMIT])]


def test_links_within_links_share_their_text() -> None:
    """Reading all text below each level would take long."""
    levels = DEPTH_LIMIT - 10
    _, links = text_and_links("<v:rect href='x'>" * levels + "word <br>" * 40_000)
    assert links == [("word " * (LINK_TEXT_LIMIT // 5), "x")] * levels


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<div> <br></div>" * 500 + "one", "one"),
        ("<img alt='" + " a" * 2_000 + "'>", ("a " * 2_000)[:LINK_TEXT_LIMIT]),
        ("<v:rect href='y'>one" + "<div> </div>" * 400 + "two</v:rect>three", "one twothree"),
        ("<b>one</b> " * 200, ("one " * 200)[:LINK_TEXT_LIMIT]),
    ],
    ids=["far down", "picture", "another link", "pieces"],
)
def test_the_text_of_a_link_is_found_and_cut(inside: str, text: str) -> None:
    assert text_and_links(f"<a href='x'>{inside}</a>")[1][-1] == (text, "x")


def test_words_of_refused_html() -> None:
    assert crude_text("<style>p{}</style><div>" * 3 + "<p>a &amp; b<script>x</script>") == "a & b"


@pytest.mark.parametrize("reference", ["&#" + "1" * 5_000, "&#x" + "1" * 5_000 + ";", "&#X110000000;", "&#99999999"])
def test_no_number_is_too_long_for_words_of_refused_html(reference: str) -> None:
    assert crude_text(f"a {reference} b") == "a \ufffd b" == text_and_links(f"a {reference} b")[0]


@pytest.mark.parametrize(
    ("reference", "character"), [("&#00000000065;", "A"), ("&#x0000041", "A"), ("&#1114112;", "\ufffd"), ("&#;", "&#;")]
)
def test_character_references_in_words_of_refused_html(reference: str, character: str) -> None:
    assert crude_text(reference) == character


@pytest.mark.parametrize("begin", ["<!--", "<style ", "<HEAD>", "<script><!--", "<!--><title>"])
def test_what_begins_a_million_times_and_never_ends_is_read_in_one_go(begin: str) -> None:
    assert crude_text(begin * (SIZE_LIMIT // len(begin) - 2) + "<p>seen") == "seen"  # a quadratic way meets the hang guard


READ_SLOWLY = re.compile(r"<(script|style|title|head)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)


@given(st.lists(st.sampled_from(["<!--", "-->", "<Script>", "</script >", "<style", "</STYLE>", "<head>", "</head>", "a", " ", ">"])))
def test_reading_in_one_go_leaves_out_the_same(pieces: list[str]) -> None:
    html = "".join(pieces)
    assert without_unread(html) == READ_SLOWLY.sub(" ", html)


@given(st.text(st.sampled_from("<>/ab!-=\"' \n&;"), max_size=120))
def test_any_markup(html: str) -> None:
    if not too_much(html):
        steps = list(walk_html(html))
        assert sum(step.kind == "open" for step in steps) == sum(step.kind == "close" for step in steps)
        assert isinstance(text_and_links(html)[0], str)


@given(
    st.lists(
        st.sampled_from(
            [
                "<a href=http://x.test>",
                "</a>",
                "<table>",
                "<tr>",
                "</table>",
                "<form action=http://y.test>",
                "</form>",
                "<p>",
                "<svg>",
                "t",
                "<br>",
            ]
        ),
        max_size=30,
    )
)
def test_any_arrangement_of_elements(pieces: list[str]) -> None:
    _, links = text_and_links("".join(pieces))
    assert all(target in ("http://x.test", "http://y.test") for _, target in links)


ROWS = "".join(f"<tr><td><b>{{}}</b></td><td><a href='https://x{place}.example'>{{}}</a></td></tr>" for place in range(6))


@pytest.mark.parametrize(
    ("html", "same"),
    [
        (f"<TABLE class=x>{ROWS.format(*'abcdefghijkl')}</TABLE>", True),  # other words
        (f"<table>{ROWS}</table></p>", True),  # ends of elements say nothing
        (f"<table>{ROWS}<tr><td><i>x</i></td></tr></table>", False),
    ],
)
def test_a_skeleton_is_what_a_page_is_built_of(html: str, same: bool) -> None:
    assert (html_text.html_skeleton(html) == html_text.html_skeleton(f"<table>{ROWS}</table>")) is same


def test_a_page_of_few_elements_has_no_skeleton() -> None:
    assert html_text.html_skeleton("<p>" * 1_000 + "<b>x</b>") == ""
