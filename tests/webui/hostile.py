"""Mail that would harm whoever looks at it, and a place outside that hears of it."""

import contextlib
import json
import os
import re
import socket
import tarfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.triage.arriving import NO_DMARC
from tests.webui.site import JOE, Site

WHOLE = os.environ.get("MAILROOM_HOSTILE") == "whole"
# SINK is host:port of a listener that remembers everybody who connects
LEADS = [
    '<link rel="preconnect" href="http://SINK/"><link rel="dns-prefetch" href="//SINK"><link rel="prefetch" href="http://SINK/1">',
    '<link rel="stylesheet" href="http://SINK/2.css"><style>@import "http://SINK/3.css";</style>',
    "<style>body { background: url(http://SINK/4.png) } @font-face { font-family: f; src: url(http://SINK/43) } * { font-family: f }",
    '<meta http-equiv="refresh" content="0; url=http://SINK/5"><base href="http://SINK/">',
    '<script src="http://SINK/6.js"></script><script>new Image().src = "http://SINK/7"; alert(1)</script>',
    '<img src="http://SINK/8.gif"><img srcset="http://SINK/9.gif 1x"><img src="x" onerror="fetch(\'http://SINK/10\')">',
    '<picture><source srcset="http://SINK/11.webp"><img src="cid:none"></picture><input type="image" src="http://SINK/12">',
    '<svg><image href="http://SINK/13.png"/><script href="http://SINK/14.js"/><use href="http://SINK/15.svg#a"/></svg>',
    '<svg onload="fetch(\'http://SINK/16\')"><filter><feImage href="http://SINK/17"/></filter><animate onbegin="alert(2)" dur="1s"/></svg>',
    '<math><mtext><table><mglyph><style><img src="http://SINK/18" onerror="alert(3)"></style></mglyph></table></mtext></math>',
    '<iframe src="http://SINK/19"></iframe><iframe srcdoc="<img src=http://SINK/20>"></iframe><object data="http://SINK/21"></object>',
    '<embed src="http://SINK/22"><video src="http://SINK/23" autoplay></video><audio src="http://SINK/24" autoplay></audio>',
    '<video poster="http://SINK/25"><track src="http://SINK/26"></video><body background="http://SINK/27"><table background="http://SINK/28">',
    '<div style="background-image: url(http://SINK/29)">a</div><div style="content: image-set(\'http://SINK/30\' 1x)">b</div>',
    '<div style="--x: url(http://SINK/31); background: var(--x)">c</div><div style="list-style: u\\72l(http://SINK/32)">d</div>',
    '<form action="http://SINK/33"><button autofocus>e</button><input name="q"></form><button formaction="http://SINK/34">f</button>',
    '<a href="http://SINK/35" ping="http://SINK/36">g</a><a href="javascript:alert(4)">h</a><a href="data:text/html,<p>j">i</a>',
    '<a href="http://SINK/37" style="position: fixed; inset: 0">everywhere</a><map name="m"><area href="http://SINK/38"></map>',
    '<details open ontoggle="alert(6)">j</details><marquee onstart="alert(7)">k</marquee><select autofocus onfocus="alert(8)"></select>',
    '<template><img src="http://SINK/39"></template><noscript><img src="http://SINK/40"></noscript><portal src="http://SINK/41"></portal>',
    '<x style="animation: a" onanimationstart="alert(9)">l</x><frameset><frame src="http://SINK/42"></frameset>',
    '<link rel="icon" href="http://SINK/44"><link rel="modulepreload" href="http://SINK/45"><link rel="manifest" href="http://SINK/46">',
    '<link rel="preload" as="image" href="http://SINK/47">',
    '<link rel="prerender" href="http://SINK/48"><link rel="dns-prefetch" href="//SINK">',
    '<meta http-equiv="Link" content="<http://SINK/49>; rel=preload; as=image"><meta http-equiv="Set-Cookie" content="a=b">',
    '<meta http-equiv="Content-Security-Policy" content="img-src 1; report-uri http://SINK/50"><html manifest="http://SINK/51">',
    '<script type="speculationrules">{"prefetch": [{"urls": ["http://SINK/52"]}]}</script>',
    '<script type="module">import "http://SINK/53"</script>',
    '<style>@import url(//SINK/54); @import "http://SINK/55" print; @media all { p { background: u\\72 l(http://SINK/56) } }</style><p>m',
    "<style>@keyframes a { to { background: url(http://SINK/57) } } p { animation: a 1s; cursor: url(http://SINK/58), auto }</style><p>n",
    '<p style="border-image: url(http://SINK/59) 1">o<p style="mask: url(http://SINK/60)">p<p style="filter: url(http://SINK/61#f)">q',
    '<p style="shape-outside: url(http://SINK/62)">r<p style="clip-path: url(http://SINK/63#c)">s<p style="-webkit-mask-image:url(http://SINK/64)">t',
    '<p style="background: url(/*\\*/http://SINK/65)">u<p style="background-image: -webkit-image-set(url(http://SINK/66) 1x)">v',
    '<ul style="list-style-image: url(http://SINK/67)"><li>w</ul><p style="background: cross-fade(url(http://SINK/68), url(http://SINK/69))">x',
    '<image src="http://SINK/70"><img lowsrc="http://SINK/71" dynsrc="http://SINK/72" longdesc="http://SINK/73"><bgsound src="http://SINK/74">',
    '<img loading="lazy" src="//SINK/75"><img src=" http://SINK/76"><img src="ht&#10;tp://SINK/77"><img src="\\\\SINK\\78">',
    '<td background="http://SINK/79"><tr background="http://SINK/80"><layer src="http://SINK/81"></layer><applet code="http://SINK/82"></applet>',
    '<object classid="http://SINK/83"><param name="movie" value="http://SINK/84"></object>',
    '<object type="image/svg+xml" data="//SINK/85"></object>',
    '<fencedframe src="http://SINK/86"></fencedframe><iframe src="//SINK/87"></iframe><iframe src="javascript:alert(10)"></iframe>',
    '<svg><image xlink:href="http://SINK/88"/><feImage xlink:href="http://SINK/89"/><textPath href="http://SINK/90#t">y</textPath></svg>',
    '<svg><style>@import "http://SINK/91"; rect { fill: url(http://SINK/92#g) }</style><rect width="9" height="9"/></svg>',
    '<svg><a><set attributeName="href" to="javascript:alert(11)"/><text>z</text></a><foreignObject><img src="http://SINK/93"></foreignObject></svg>',
    '<svg><image><animate attributeName="href" values="http://SINK/94" dur="1s"/></image><pattern href="http://SINK/95#p"/></svg>',
    '<math><annotation-xml encoding="text/html"><img src="http://SINK/96"></annotation-xml><maction xlink:href="http://SINK/97">aa</maction></math>',
    '<!--><img src="http://SINK/98">--><!-- --!><img src="http://SINK/99"><![CDATA[><img src="http://SINK/100">]]>',
    '<noscript><p title="</noscript><img src=http://SINK/101 onerror=alert(12)>"></noscript><xmp><p title="</xmp><img src=http://SINK/102>"></xmp>',
    '<textarea><p title="</textarea><img src=http://SINK/103>"></textarea><title><a title="</title><img src=http://SINK/104>"></title>',
    '<form><math><mtext></form><form><mglyph><style></math><img src="http://SINK/105" onerror="alert(13)">',
    '<dialog open oncancel="alert(14)">bb</dialog><input autofocus onfocusin="alert(15)">',
    '<body onpageshow="alert(16)" onhashchange="alert(17)">',
    '<video src="//SINK/106" onloadstart="alert(18)"></video>',
    '<button popovertarget="p" onbeforetoggle="alert(19)">cc</button><p id="p" popover>dd',
    '<a href="java&Tab;script:alert(20)">ee</a><a href="vbscript:alert(21)">ff</a><a href="blob:http://SINK/107" target="_top">gg</a>',
]
VECTORS = sum(lead.count("SINK") + lead.count("alert(") for lead in LEADS)


class Sink:
    """Remembers whoever connects, and answers nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.seen: list[bytes] = []
        self.address = "{}:{}".format(*listener.getsockname()[:2])
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    connection.settimeout(0.2)
                    try:
                        self.seen.append(connection.recv(200))
                    except OSError:
                        self.seen.append(b"a bare connection")


@contextlib.contextmanager
def listening() -> Iterator[Sink]:
    """A place outside that must never hear of us."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Sink(listener)


def html_mail(subject: str, body: str) -> bytes:
    """A message that is only that document."""
    head = f"From: Mallory <mallory@stranger.example>\r\nTo: joe.fern@company.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    return f"{head}Content-Type: text/html; charset=utf-8\r\n\r\n{body}\r\n".encode()


def collected(corpus: Path) -> list[str]:
    """Collected payloads of others, in bodies of 25."""
    with tarfile.open(corpus / "html-hostile.tar.gz") as archive:
        stream = archive.extractfile("html-hostile/dompurify-expect.json")
        assert stream is not None
        payloads = [one["payload"] for one in json.load(stream)]
    assert len(payloads) > 200
    groups = [payloads[start : start + 25] for start in range(0, len(payloads), 25)]
    return ["".join(f"<div>{payload}</div>\n" for payload in group) for group in groups]


def phishing(corpus: Path) -> list[bytes]:
    """Real phishing messages: every 20th, with `MAILROOM_HOSTILE=whole` all of them."""
    with tarfile.open(corpus / "mail-phish.tar.gz") as archive:
        messages = sorted((one for one in archive.getmembers() if one.name.endswith(".eml")), key=lambda one: one.name)
        streams = [archive.extractfile(one) for one in (messages if WHOLE else messages[::20])]
        return [stream.read() for stream in streams if stream is not None]


def renamed(raw: bytes, subject: str) -> bytes:
    """The message with another subject."""
    head, gap, body = re.sub(rb"\r?\n", b"\r\n", raw).partition(b"\r\n\r\n")
    kept = re.sub(rb"(?im)^subject:.*\r\n(?:[ \t].*\r\n)*", b"", head + b"\r\n")
    return b"Subject: " + subject.encode() + b"\r\n" + kept + gap[2:] + body


def come(site: Site, name: str, messages: Sequence[str | bytes]) -> list[str]:
    """A message for each HTML body, or the message itself under another name; their subjects."""
    subjects = [f"{name} {number:03}." for number in range(len(messages))]
    for number, (subject, mail) in enumerate(zip(subjects, messages, strict=True)):
        raw = html_mail(subject, mail) if isinstance(mail, str) else renamed(mail, subject)
        site.come(JOE, author=f"m{number}@stranger.example", subject=subject, raw=raw, dmarc=NO_DMARC)
    return subjects
