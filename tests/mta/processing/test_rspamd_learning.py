"""Rspamd learns what staff decided: a real one, and those that are away, closed or unwilling."""

import json
import urllib.request
from datetime import timedelta
from unittest.mock import patch

import pytest
from sqlalchemy import Engine

from mta.processing import rspamd_learning
from mta.processing.rspamd_learning import Controller, Teacher
from tests.mta.processing.test_rspamd import answering, says
from tests.peers.mail import rspamd as peer
from tests.peers.processes import HANG
from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.policy.learning.decision_feedback import Example
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db

JOE = "it+joe.fern@company.example"
LETTER = (
    b"From: eve@stranger.example\r\nSubject: offer of the month\r\n\r\n" + b"Buy these wonderful watches today and win a prize.\r\n" * 5
)


@pytest.fixture
def decided(engine: Engine, settings: Settings) -> Engine:
    """A company in which Ana removes a message, then releases another one."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    Teacher(engine, Controller("http://127.0.0.1:1", 1))  # from now on
    with db.transaction(engine) as session:
        for author, verb in (("a@one.example", Verb.PURGE), ("a@two.example", Verb.RELEASE)):
            ids = arrive(session, settings, JOE, author=author)
            decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), verb), by=ANA, now=NOW, settings=settings)
    return engine


def teach(engine: Engine, url: str) -> Teacher:
    """An hour later."""
    teacher = Teacher(engine, Controller(url, 5))
    look_later(teacher)
    return teacher


def look_later(teacher: Teacher) -> None:
    """The clock has moved on."""
    with patch.object(rspamd_learning, "utcnow", lambda: NOW + timedelta(hours=2)):
        teacher.teach_due()


def test_each_decision_is_handed_over_once(decided: Engine) -> None:
    with answering(says(b'{"success":true}')) as (url, _, bodies):
        teach(decided, url)
        assert [b"From: a@one.example" in bodies[0], b"From: a@two.example" in bodies[1], len(bodies)] == [True, True, 2]
        teach(decided, url)
        assert len(bodies) == 2


@pytest.mark.parametrize(("status", "body"), [(403, b'{"error":"Unauthorized"}'), (500, b'{"error":"no statistics"}'), (404, b"not found")])
def test_what_does_not_get_through_is_told_again(decided: Engine, status: int, body: bytes) -> None:
    with answering(says(body, status)) as (url, _, bodies):
        assert teach(decided, url).not_before > 0
        assert len(bodies) == 1, "it is left alone for a while"
    with answering(says(b"{}")) as (url, _, bodies):
        teach(decided, url)
        assert len(bodies) == 2


@pytest.mark.parametrize(("status", "expected"), [(500, True), (404, True), (403, False)])
def test_a_message_that_fails_again_and_again_is_passed_over(decided: Engine, status: int, expected: bool) -> None:
    with answering(says(b"{}", status)) as (url, _, bodies):
        teacher = Teacher(decided, Controller(url, 5))
        for _ in range(rspamd_learning.TRIES):
            teacher.not_before = 0.0
            look_later(teacher)
        assert (b"From: a@two.example" in bodies[-1]) == expected


def test_nobody_there_is_told_again(decided: Engine) -> None:
    assert teach(decided, "http://127.0.0.1:1").not_before > 0


def test_what_rspamd_will_not_learn_is_left(decided: Engine) -> None:
    with answering(says(json.dumps({"error": "<x> has been already learned as spam, ignore it"}).encode(), 404)) as (url, _, bodies):
        assert teach(decided, url).not_before == 0
        assert len(bodies) == 2


@pytest.mark.parametrize("url", ["rspamd", "https://mail.example", "http://x/learnspam"])
def test_a_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(BadInput, match="rspamd_learn_url"):
        Controller(url, 1)


@pytest.mark.long
def test_a_real_rspamd_learns() -> None:
    with peer.start_rspamd(learning=True) as url:
        controller = Controller(url, 10)
        controller.ping()
        controller.learn(Example(True, LETTER, NOW))
        controller.learn(Example(True, LETTER, NOW))  # again: it says that it knows
        controller.learn(Example(False, LETTER.replace(b"watches", b"minutes"), NOW))
        with urllib.request.urlopen(f"{url}/stat", timeout=HANG) as answer:
            assert json.load(answer)["learned"] == 2
