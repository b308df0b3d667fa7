"""An HTML mail as it is shown: nothing in it runs, loads or leads away, and its links are numbered."""

from tests.triage.message.preview.test_preview_document import assert_harmless
from triage.message.preview.preview_document import render_preview

HEAD = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
SEEDS = (
    b"<p style='color:red;position:fixed'>x</p><script>alert(1)</script>",
    b"<a href='http://a.example/'>here</a><img src=cid:1><img src=http://t.example/p.gif width=1>",
    b"<svg><style><!--</style><img src=x onerror=alert(1)>--></svg><math><mtext></p><style>",
    b'<table><tr><td background=http://x.example/y>a<td style="background:u\\72l(//x.example)">',
    b"<base href=//x.example><form action=x><button formaction=javascript:x>go</form><noscript><p title='</noscript><img src=x>'>",
    b"a<svg>b<th>c</th></svg>d",
    b"<p style='color:a\x1eb' lang='a\x1fb'>x</p>",
    b"<div id=t1 class=lk data-n=7><span class=np>\xe2\x80\xae</span>&#x202e;&amp;lt;",
)


def one_input(data: bytes) -> None:
    """`data` is the HTML."""
    assert_harmless(render_preview(HEAD + data, "html"))
    assert_harmless(render_preview(HEAD + data, "text"))
