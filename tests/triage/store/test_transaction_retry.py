"""Log lines of roles about a failed transaction, and the time of the next attempt."""

import logging

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError, TimeoutError

from triage.store.transaction_retry import pause_after


class Said(Exception):
    """Error of a database driver."""

    def __init__(self, words: str, sqlstate: str = "") -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("fault", "level", "said", "pause"),
    [
        (
            OperationalError("UPDATE secret", {}, Said("deadlock detected\nDETAIL:  Process 1 waits", "40P01")),
            logging.WARNING,
            "a transaction gave way to another one and is carried out again: deadlock detected",
            0.0,
        ),
        (
            OperationalError("UPDATE secret", {}, Said("could not serialize access", "40001")),
            logging.WARNING,
            "a transaction gave way to another one and is carried out again: could not serialize access",
            0.0,
        ),
        (
            OperationalError("SELECT 1", {}, Said("connection refused\x1b[2J")),
            logging.WARNING,
            "the database does not answer, trying again: connection refused\\x1b[2J",
            7.0,
        ),
        (TimeoutError("QueuePool limit"), logging.WARNING, "the database does not answer, trying again: QueuePool limit", 7.0),
        (
            IntegrityError("INSERT secret", {}, Said("duplicate key", "23505")),
            logging.ERROR,
            "the database refuses, trying again: duplicate key",
            7.0,
        ),
        (
            IntegrityError("INSERT secret", {}, Said("terminating", "57P01"), connection_invalidated=True),
            logging.WARNING,
            "the database does not answer, trying again: terminating",
            7.0,
        ),
        (OperationalError("SELECT 1", {}, Said("")), logging.WARNING, "the database does not answer, trying again: OperationalError", 7.0),
    ],
)
def test_what_is_said(fault: SQLAlchemyError, level: int, said: str, pause: float, caplog: pytest.LogCaptureFixture) -> None:
    assert pause_after(fault, 7.0) == pause
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, said)]
