"""HTML that nh3 keeps of a document, and harmless styles."""

import pytest
from hypothesis import given, strategies as st

from tests.triage.harm import harm_in
from triage.message.preview.allowlist import clean_html, clean_style


@pytest.mark.parametrize(
    ("text", "kept", "fetching"),
    [
        ("color:red", "color:red", 0),
        ("COLOR : Red ; Font-Size: 12px", "color:Red;font-size:12px", 0),
        ("font-family:'Open Sans', Arial", "font-family:'Open Sans', Arial", 0),
        ("color:rgb(1, 2, 3)", "color:rgb(1, 2, 3)", 0),
        ("color:rgba(0,0,0,0.8);background:transparent", "color:rgba(0,0,0,0.8);background:transparent", 0),
        ("color:transparent;color:rgba(0,0,0,0);color:rgb(0 0 0 / 0%);color:#0000;color:#00000001;opacity:0", "", 0),
        ("color:#000;color:#000000;color:rgb(0,0,0)", "color:#000;color:#000000;color:rgb(0,0,0)", 0),
        ("background:url(http://x.test/a.png)", "", 1),
        ("background:URL ('http://x.test')", "", 1),
        ("background:u\\72l(http://x.test)", "", 0),
        ("background:/**/url(x)", "", 1),
        ("color:var(--x)", "", 0),
        ("width:calc(1px)", "", 0),
        ("background:image-set('http://x.test')", "", 0),
        ("width:expression(alert(1))", "", 0),
        ("position:fixed;top:0;z-index:9", "", 0),
        ("margin:-9999px;text-indent:-50em", "", 0),
        ("margin:0 -5px", "", 0),
        ("width:99999px", "", 0),
        ("transform:scale(9);animation:x;cursor:none;content:'x';behavior:url(#x)", "", 1),
        ("unicode-bidi:bidi-override;direction:rtl", "direction:rtl", 0),
        ("@import 'x'", "", 0),
        ("color:red}body{color:blue", "", 0),
        ('color:"red', "", 0),
        ("", "", 0),
    ],
)
def test_styles(text: str, kept: str, fetching: int) -> None:
    assert clean_style(text) == (kept, fetching)


def test_a_value_of_a_style_is_a_short_one() -> None:
    assert clean_style(f"color:{'a' * 1000};width:{'1' * 4 + 'a' * 997}") == (f"color:{'a' * 1000}", 0)


def test_a_long_style_is_looked_through_once() -> None:
    """Matching again from each space would take minutes, and no preview waits that long."""
    spaces = " " * 200_000
    assert clean_style(f"color:/{spaces}a;color:rgba(0,0,0,{spaces}a)") == ("color:/ a", 0)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("<p id='t1' style='color:red;position:fixed'>x</p>", '<p id="t1" style="color:red">x</p>'),
        ("<p id='login' class='btn' onclick='x'>x</p>", "<p>x</p>"),
        ("<a href='http://x.test'>x</a>", "x"),
        ("<span class='lk' data-n='3'>x</span>", '<span class="lk" data-n="3">x</span>'),
        ("<img src='http://x.test/a.png' alt='x'>", '<img alt="x">'),
        ("<img src='data:image/svg+xml;base64,AAAA'>", "<img>"),
        ("<img src='data:image/png;base64,AAAA' srcset='http://x.test'>", '<img src="data:image/png;base64,AAAA">'),
        ("<script>x</script><style>x</style><svg><g></g></svg><math>x</math>", ""),
        ("<iframe srcdoc='x'></iframe><object data=x></object><form action=x><input></form>", ""),
        ("<!-- x --><meta http-equiv=refresh content=0><link rel=preconnect href=//x.test><base href=x>", ""),
    ],
)
def test_what_nh3_leaves(body: str, left: str) -> None:
    assert clean_html(body) == left


def test_no_style_takes_long() -> None:
    assert clean_style("color:" + "rgba(" * 100_000) == ("", 0)


@given(st.text(st.sampled_from("color:ur(l)'\";/*\\@-9 x}{<"), max_size=60))
def test_any_style(text: str) -> None:
    kept, _ = clean_style(text)
    assert harm_in(f'<p style="{kept.replace(chr(34), "&quot;")}">x</p>') == []
    assert clean_style(kept)[0] == kept
