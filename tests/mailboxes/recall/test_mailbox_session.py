"""Session in a mailbox that refuses: the outcome of each job."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailboxes.mailbox import Found, Impossible
from mailboxes.recall.mailbox_session import Visit
from triage.config.settings import Settings
from triage.delivery.recall.recall_jobs import Ending, RecallJob
from triage.delivery.recalled_copies import Copy
from triage.runtime.sandbox_pool import Pool

DATE = datetime(2026, 11, 24, tzinfo=UTC)
COPY = Copy("INBOX", (), DATE, b"bytes", 7, 1)
PARSERS = Pool("triage.message.summary:summarise_json", size=1, memory_bytes=256 * 1024 * 1024, seconds=10)
CONTENT = b"From: a@x.example\r\n\r\nbytes\r\n"


class Refusing:
    """A mailbox that takes nothing out and puts nothing back."""

    def find(self, sought: list[object], since: datetime) -> list[Found]:
        return [Found([COPY] if number == 0 else []) for number, _ in enumerate(sought)]

    def take(self, copies: list[Copy]) -> None:
        raise Impossible("no UIDPLUS")

    def put_back(self, copy: Copy) -> str:
        raise Impossible("over quota")

    def close(self) -> None:
        """Do nothing, because nothing is open."""

    abort = close


def job(number: int, *, content: bytes | None = CONTENT, copies: tuple[Copy, ...] = (), restoring: bool = True) -> RecallJob:
    return RecallJob(number, 1, restoring, "anna@company.example", "imap://x", f"m{number}", "", DATE, content, copies=copies)


class Holding(Refusing):
    """A mailbox whose folder Keep is gone: what belongs there goes to the INBOX."""

    def __init__(self, *there: Copy) -> None:
        self.there = list(there)
        self.put: list[Copy] = []

    def find(self, sought: list[object], since: datetime) -> list[Found]:
        return [Found(list(self.there)) for _ in sought]

    def put_back(self, copy: Copy) -> str:
        self.put.append(copy)
        return "INBOX"


@pytest.mark.parametrize(
    ("kept", "there", "put"),
    [
        (["Keep"], [], 1),
        (["Keep"], ["INBOX"], 0),  # a worker died after it had gone there
        (["Keep", "INBOX"], ["INBOX"], 1),
        (["INBOX", "Keep"], ["INBOX"], 1),
        (["INBOX", "Keep"], ["INBOX", "INBOX"], 0),
        (["INBOX"], ["INBOX"], 0),
    ],
)
def test_what_a_worker_who_died_has_put_back_is_not_put_back_twice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kept: list[str], there: list[str], put: int
) -> None:
    held = Holding(*(replace(COPY, folder=folder, uid=9 + number) for number, folder in enumerate(there)))
    monkeypatch.setattr("mailboxes.recall.mailbox_session.open_mailbox", lambda *_: held)
    copies = tuple(replace(COPY, folder=folder) for folder in kept)
    endings = Visit([job(1, copies=copies)], settings, lambda _: set(), PARSERS).run()
    assert (endings[1].kind, len(held.put)) == ("restored", put)


class Filling(Holding):
    """A mailbox that is full after one copy."""

    def put_back(self, copy: Copy) -> str:
        if self.put:
            raise Impossible("over quota")
        return super().put_back(copy)


def test_a_copy_that_is_refused_beside_others_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailboxes.recall.mailbox_session.open_mailbox", lambda *_: Filling())
    copies = (COPY, replace(COPY, folder="Keep"))
    endings = Visit([job(1, copies=copies)], settings, lambda _: set(), PARSERS).run()
    assert endings[1] == Ending("restored", "Back in INBOX. Some copies could not be put back: over quota.")


def test_each_job_ends_on_its_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailboxes.recall.mailbox_session.open_mailbox", lambda *_: Refusing())
    jobs = [job(1, restoring=False), job(2), job(3, copies=(COPY,)), job(4, copies=(COPY,), content=None)]
    endings = Visit(jobs, settings, lambda found: {one.delivery_id for one, _ in found}, PARSERS).run()
    assert endings == {
        1: Ending("refused", "no UIDPLUS"),
        2: Ending("absent", "It is not there any more, so it is delivered again."),
        3: Ending("absent", "over quota; it is delivered again."),
        4: Ending("deferred", "over quota"),  # nobody else has these bytes
    }
