"""Retries a request whose transaction lost a deadlock, a few times; then answers 503."""

import logging
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.errors import Refused
from triage.say import say
from triage.store import db
from triage.store.read_replica import ReplicaFailed

WAIT = timedelta(seconds=1)

log = logging.getLogger(__name__)


OVERTAKEN = say("Others are changing the same data right now. Nothing was done: try again.")
BUSY = say("The database is busy with other work. Nothing was done: try again.")


class Crowded(Refused):
    """Others were in the way each time that it was tried, and nothing was done; `wait` says when to ask again."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.wait = WAIT


async def retry_request(name: str, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Carry one request out, from its beginning again as long as nothing was answered: the transaction that gave way has done nothing.

    What a route has committed before that one is done twice: in signing in an attempt that counts.
    """
    heard: list[Message] = []
    begun = False

    async def answer(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    for number in range(1, db.TRIES + 1):
        try:
            await app(scope, from_the_beginning(heard, receive), answer)
            return
        except SQLAlchemyError as fault:
            if begun or not (db.is_deadlock(fault) or db.is_busy(fault) or isinstance(fault, ReplicaFailed)):
                raise
            if db.is_busy(fault):
                log.warning("%s found the database busy for too long", name)
                raise Crowded(BUSY) from fault
            log.warning("%s gave way to another transaction (try %d of %d)", name, number, db.TRIES)
            if number == db.TRIES:
                raise Crowded(OVERTAKEN) from fault


def from_the_beginning(heard: list[Message], receive: Receive) -> Receive:
    """A request's messages: those that were heard before, then what comes, which is remembered."""
    again = iter(tuple(heard))

    async def received() -> Message:
        if (message := next(again, None)) is None:
            message = await receive()
            heard.append(message)
        return message

    return received
