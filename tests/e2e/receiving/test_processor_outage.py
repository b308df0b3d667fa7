"""A judge that was down for an hour: the SMTP server went on, the doctor said so, and what had waited is worked off in order."""

import json
import re
from datetime import timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from mta.processing.recipient_map_writer import write_recipient_map
from mta.spool.batch_file import write_batch
from mta.spool.spool import Spool
from tests.peers import company, outside, processes
from triage import ids
from triage.addressing.envelope import Envelope
from triage.config import settings_loader
from triage.store.db import open_engine, read_transaction
from triage.store.models.messages import Message
from triage.times import utcnow

BATCHES, IN_BATCH, LATE = 60, 10, 5
LANE = 128  # messages that are under way at once: the next may overtake one whose DNS is slow


@pytest.fixture
def made(tmp_path: Path) -> company.Company:
    """A company that has not been started, with a recipient map."""
    made = company.Company(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes")
    made.lay_out()
    made.run("sync", check=True)
    settings = settings_loader.read_settings(str(tmp_path / "mailroom.toml"), {})
    engine = open_engine(settings.database.url)
    write_recipient_map(settings, engine)
    engine.dispose()
    return made


@pytest.mark.long  # tests/faults/test_nothing_lost.py kills the processor; tests/mta/spool has the order
def test_an_hour_without_a_judge(made: company.Company) -> None:
    fill(made.directory / "spool")
    receive = processes.start([*made.command, "receive"], made.log, environment=made.environment)
    processes.until(made.greets, "SMTP says 220", receive, made.log)
    try:
        for number in range(LATE):
            made.take(outside.OutsideMessage(f"ana@{outside.STRANGER.name}", f"it+ada.byron@{company.DOMAIN}", f"late {number}"))
        level, found = spool_finding(made)
        waits = re.match(rf"{BATCHES * IN_BATCH + LATE} messages to process, the oldest for (\d+) s", found)
        assert (level, waits is not None and int(waits[1]) >= BATCHES * 60) == ("fail", True), found
        judge = processes.start([*made.command, "judge"], made.log, environment=made.environment)
        try:
            processes.until(lambda: entered(made) == BATCHES * IN_BATCH + LATE, "all is entered", judge, made.log)
            processes.until(lambda: spool_finding(made)[0] == "ok", "nothing waits", judge, made.log)
        finally:
            processes.stop(judge)
    finally:
        processes.stop(receive)
    subjects = in_order_of_entry(made)
    wanted = [f"number {number}" for number in range(BATCHES * IN_BATCH)] + [f"late {number}" for number in range(LATE)]
    assert sorted(subjects) == sorted(wanted)
    places = {subject: place for place, subject in enumerate(wanted)}
    assert mean(abs(places[subject] - place) for place, subject in enumerate(subjects)) < LANE, "by chance it would be a third of all"


def fill(directory: Path) -> None:
    """Fill the spool with the messages that the SMTP server accepted within the last hour, a batch a minute."""
    spool, number = Spool(directory), 0
    for minute in range(BATCHES):
        at = utcnow() - timedelta(minutes=BATCHES - minute)
        messages = []
        for _ in range(IN_BATCH):
            letter = outside.OutsideMessage(f"ana@{outside.STRANGER.name}", f"it+ada.byron@{company.DOMAIN}", f"number {number}")
            envelope = Envelope(ids.new_id(), at, letter.author, (letter.to,), "127.0.0.1", "mail.stranger.example")
            messages.append((envelope, letter.raw(signed=False)))
            number += 1
        write_batch(spool.incoming, f"{ids.format_id(ids.first_id_at(at))}.1.{IN_BATCH}.batch", messages)


def spool_finding(made: company.Company) -> tuple[str, str]:
    """Doctor's finding about the spool."""
    findings: list[dict[str, Any]] = json.loads(made.run("doctor", "--json").stdout)
    return next((one["level"], one["found"]) for one in findings if one["what"] == "spool")


def entered(made: company.Company) -> int:
    """Messages in the audit log."""
    engine = open_engine(made.database)
    with read_transaction(engine) as session:
        count = session.scalar(select(func.count()).select_from(Message))
    engine.dispose()
    return count or 0


def in_order_of_entry(made: company.Company) -> list[str]:
    """The subjects, the first that was entered first."""
    engine = open_engine(made.database)
    with read_transaction(engine) as session:
        subjects = [message.summary["subject"] for message in session.scalars(select(Message).order_by(col(Message.id)))]
    engine.dispose()
    return subjects
