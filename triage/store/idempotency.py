"""Idempotency keys: a repeated request is carried out once and gets the stored answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.errors import BadInput, NotAllowedNow
from triage.say import say
from triage.store import db
from triage.store.models.idempotency import StoredAnswer

KEPT = timedelta(hours=24)
UNDER_WAY = 0  # the status of what is being done in this transaction


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to a request."""

    status: int
    body: str


def find_answer(session: Session, key: str, asked: str, *, by: Actor, now: datetime) -> Answer | None:
    """Returns the answer to this key of this actor; None when there is none: the key is theirs now.

    Another request with the same key at the same moment waits until the first transaction is over. BadInput when the key came with
    something else (`asked` is a digest of the request), NotAllowedNow when the answer was a secret and is kept nowhere.
    """
    if db.insert_if_missing(session, StoredAnswer, actor=str(by), key=key, asked=asked, status=UNDER_WAY, body="", at=now):
        return None
    found = session.get_one(StoredAnswer, (str(by), key), populate_existing=True)
    if found.asked != asked:
        raise BadInput(say("this key was used for another request; use a new key for each request"), field="Idempotency-Key")
    if not found.body and found.status not in (204, UNDER_WAY):
        raise NotAllowedNow(say("this is already done, and its answer is shown only once"))
    return Answer(found.status, found.body)


def is_used_key(session: Session, key: str, *, by: Actor) -> bool:
    """Whether something was answered to this key of this actor. Only looks."""
    return session.get(StoredAnswer, (str(by), key)) is not None


def store_answer(session: Session, key: str, answer: Answer, *, by: Actor) -> None:
    """Keep what is about to be answered, in the transaction of the act itself."""
    mine = (col(StoredAnswer.actor) == str(by)) & (col(StoredAnswer.key) == key)
    session.execute(update(StoredAnswer).where(mine).values(status=answer.status, body=answer.body))


def forget_answers(session: Session, *, now: datetime) -> int:
    """Forget what was answered long ago; how many."""
    gone = session.execute(delete(StoredAnswer).where(col(StoredAnswer.at) <= now - KEPT))
    return int(gone.rowcount)  # type: ignore[attr-defined]
