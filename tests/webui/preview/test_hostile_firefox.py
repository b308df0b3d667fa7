"""Looking at hostile messages harms nobody in Firefox either: no request, no script, not even a connection leaves it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import processes
from tests.peers.browsers import firefox as firefox_peer
from tests.peers.browsers.firefox import Firefox
from tests.triage.arriving import ANA
from tests.triage_api.conftest import session_key
from tests.webui.hostile import LEADS, Sink, collected, come, listening, phishing
from tests.webui.site import Site
from triage.access import preferences
from triage.store import db

pytestmark = [pytest.mark.peers, pytest.mark.long]  # test_hostile.py shows the same in Chromium

AHEAD = '<link rel="preconnect" href="http://SINK/">'
HARMFUL = [AHEAD, *(LEADS[place] for place in (1, 4, 5, 10))]  # a connection ahead of any request, styles, scripts, pictures, frames
HOME = "\ue011"
LOADED = """() => {
  window.loaded = new WeakSet()
  document.addEventListener('load', (event) => { if (event.target.tagName === 'IFRAME') window.loaded.add(event.target) }, true)
}"""
SHOWN = """(() => {
  const frame = document.querySelector('iframe.shown')
  const box = frame && window.loaded.has(frame) && frame.getBoundingClientRect()
  return box && { subject: document.querySelector('.view h2').textContent, x: box.x, y: box.y, width: box.width, height: box.height }
})()"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A place outside that must never hear of us."""
    with listening() as made:
        yield made


@pytest.fixture(scope="module")
def firefox(site: Site) -> Iterator[Firefox]:
    """Firefox whose user has signed in and opens each message by itself."""
    with db.transaction(site.engine) as session:
        preferences.choose_preferences(session, {"group": "none"}, by=ANA)
    with firefox_peer.start_firefox() as started:
        started.cookie("mailroom", session_key(site.engine, "ana"), "127.0.0.1")
        started.before_each_page(LOADED)
        yield started


def one_of(subjects: set[str], firefox: Firefox) -> dict[str, Any]:
    """The message that is shown, once it is one of these and has been loaded: its subject, and where its body is. Empty before."""
    shown: dict[str, Any] = firefox.value(SHOWN) or {}
    return shown if shown.get("subject") in subjects else {}


def looked_through(site: Site, firefox: Firefox, sink: Sink, subjects: list[str]) -> list[object]:
    """Walk through these messages with the keys and click all over each; whatever left the browser, or opened in it."""
    firefox.events.clear()
    firefox.go(f"{site.url}/?q={subjects[0].split()[0]}")
    processes.until(lambda: firefox.value("document.querySelector('.row') !== null"), "rows appear")
    firefox.value("document.getElementById('content').focus()")
    firefox.press(HOME)
    waiting = set(subjects)
    while waiting:
        shown = processes.until(lambda: one_of(waiting, firefox), f"one of {waiting} is shown")
        waiting.remove(shown["subject"])
        for across, down in ((0.1, 0.05), (0.5, 0.3), (0.3, 0.6), (0.9, 0.9)):
            firefox.click(shown["x"] + shown["width"] * across, shown["y"] + shown["height"] * down)
        firefox.click(shown["x"] + 20, shown["y"] + 20, button=1)
        assert firefox.value("location.origin") == site.url
        firefox.value("document.getElementById('content').focus()")
        firefox.press("j")
    return [*firefox.strays(site.url, "data:"), *sink.seen]


def test_nothing_leaves_firefox(site: Site, firefox: Firefox, sink: Sink) -> None:
    subjects = come(site, "Vector", [vector.replace("SINK", sink.address) for vector in LEADS])
    assert looked_through(site, firefox, sink, subjects) == []


@pytest.mark.corpus
def test_nor_with_what_others_have_collected(site: Site, firefox: Firefox, sink: Sink, corpus: Path) -> None:
    assert looked_through(site, firefox, sink, come(site, "Collected", collected(corpus))) == []


@pytest.mark.corpus
def test_nor_with_real_phishing(site: Site, firefox: Firefox, sink: Sink, corpus: Path) -> None:
    assert looked_through(site, firefox, sink, come(site, "Phish", phishing(corpus))) == []


def test_messages_that_nobody_cleaned_would_do_harm_in_it_elsewhere(
    firefox: Firefox, sink: Sink
) -> None:  # the last: what it began may go on
    for number, vector in enumerate(HARMFUL, start=1):
        firefox.go("about:blank")
        firefox.value(f"document.write({json.dumps(vector.replace('SINK', sink.address))})")
        processes.until(lambda: len(sink.seen) >= number, "a mail that nobody cleaned connects")  # noqa: B023 (asked at once)
    assert firefox.strays("about:") != []
