"""Tells the company's own Rspamd what staff decided, so that it learns: /learnspam and /learnham of its controller worker."""

import http
import http.client
import json
import logging
import time

from sqlalchemy import Engine

from mta.processing.rspamd import LONGEST_ANSWER, parse_server
from mta.processing.scanner import PAUSE
from triage.config.settings import Settings
from triage.ids import format_id
from triage.policy.learning import decision_feedback
from triage.policy.learning.decision_feedback import Example
from triage.store.db import read_transaction, transaction
from triage.text.sanitize import escape_visible
from triage.times import utcnow

MARKER = "feedback-rspamd"
AT_ONCE = 20  # decisions of one look
TRIES = 3  # of one message, after which it is passed over
CLOSED = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)  # it does not know us: that can be mended

log = logging.getLogger(__name__)


class Closed(ValueError):
    """Rspamd does not let us in."""


class Controller:
    """The controller worker of one Rspamd."""

    name = "Rspamd's controller"

    def __init__(self, url: str, timeout: float) -> None:
        """`url`: http://HOST:PORT; `timeout`: seconds for one message. BadInput when the URL is none."""
        self.host, self.port = parse_server(url, "rspamd_learn_url", 11334)
        self.where, self.timeout = f"{self.host}:{self.port}", timeout

    def ping(self) -> None:
        """OSError, HTTPException or ValueError when it is not there, or does not know us."""
        status, _ = self.ask("GET", "/stat", b"")
        if status != http.HTTPStatus.OK:
            raise ValueError(f"it answers {status}")

    def learn(self, example: Example) -> None:
        """Hand over one message. What Rspamd will not learn, as it knows it or is too short, is left; ValueError and others: try again."""
        status, said = self.ask("POST", "/learnspam" if example.junk else "/learnham", example.raw)
        if status == http.HTTPStatus.OK:
            return
        if status in CLOSED:
            raise Closed(f"it answers {status} {said}")
        if status >= 500 or not said:
            raise ValueError(f"it answers {status} {said}")
        log.info("Rspamd did not learn a message: %s", escape_visible(said[:200]))

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, str]:
        """The status, and what it says is wrong, "" for nothing."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = json.loads(response.read(LONGEST_ANSWER) or b"{}")
            return response.status, str(answer.get("error", "")) if isinstance(answer, dict) else ""
        finally:
            connection.close()


class Teacher:
    """Goes through the decisions that Rspamd has not heard of."""

    def __init__(self, engine: Engine, controller: Controller) -> None:
        """Decisions of before are not told."""
        self.engine, self.controller = engine, controller
        self.not_before = 0.0
        self.decision, self.passed, self.tries = 0, 0, 0  # its examples that are done with, and tries of the next one
        with transaction(engine) as session:
            decision_feedback.begin_feedback(session, MARKER)

    def teach_due(self) -> None:
        """Tell what is due, a decision at a time. What does not get through is told again later, from the same decision on."""
        for _ in range(AT_ONCE):
            if time.monotonic() < self.not_before or not self.learn_next():
                return

    def learn_next(self) -> bool:
        """The next decision; False when there is none."""
        with read_transaction(self.engine) as session:
            lesson = decision_feedback.next_lesson(session, MARKER, now=utcnow())
        if lesson is None:
            return False
        if lesson.decision_id != self.decision:
            self.decision, self.passed, self.tries = lesson.decision_id, 0, 0
        if not all(self.send_example(example) for example in lesson.examples[self.passed :]):
            self.not_before = time.monotonic() + PAUSE
            return False
        with transaction(self.engine) as session:
            decision_feedback.save_lesson_sent(session, MARKER, lesson)
        return True

    def send_example(self, example: Example) -> bool:
        """Sends an example to Rspamd; False when to try again. A message that fails again and again must not hold up the others."""
        try:
            self.controller.learn(example)
        except (ConnectionError, Closed) as fault:
            log.warning("Rspamd learns nothing now, and is asked again: %s", escape_visible(str(fault)))
            return False
        except (OSError, http.client.HTTPException, ValueError) as fault:
            self.tries += 1
            if self.tries < TRIES:
                log.warning("Rspamd learns nothing now, and is asked again: %s", escape_visible(str(fault)))
                return False
            log.warning("Rspamd does not learn a message of decision %s: %s", format_id(self.decision), escape_visible(str(fault)))
        self.passed, self.tries = self.passed + 1, 0
        return True


def choose_controller(settings: Settings) -> Controller | None:
    """Returns the Rspamd controller that the settings name, None without one. BadInput says what is wrong with it."""
    policy = settings.policy
    return Controller(policy.rspamd_learn_url, policy.rspamd_timeout) if policy.rspamd_learn_url else None


def end_lessons(engine: Engine) -> None:
    """Rspamd is not to be told: decisions from now on are not handed over later either."""
    with transaction(engine) as session:
        decision_feedback.end_feedback(session, MARKER)
