"""The webhooks role: takes up what the audit log tells, and calls each webhook of the settings from a thread of its own; so for a SIEM."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from triage.config.settings import Settings
from triage.config.webhooks import Hook
from triage.notifications import event_streams
from triage.notifications.webhooks import outbox
from triage.notifications.webhooks.outbox import Answer, Call
from triage.store.db import at_earliest, at_latest, open_engine, read_transaction, transaction
from triage.store.transaction_retry import pause_after
from triage.times import utcnow
from webhooks import event_sender, web_push
from webhooks.http_post import post_webhook

LOOK_EVERY = 0.5  # seconds
TIDY_EVERY = 60.0
PATIENCE = 2.0  # seconds until a database that is down is asked again

log = logging.getLogger(__name__)


def run_role(settings: Settings, stop: threading.Event) -> None:
    """Tell webhooks and a SIEM what happens until `stop` is set; a call under way is finished. A database that is down is waited for.

    What is claimed and never settled is called again when its lease ends, with the same id: possibly twice, never lost.
    """
    engine = open_engine(settings.database.url)
    turns = {hook.name: run_webhook(hook, settings, engine) for hook in settings.webhooks.hooks}
    turns |= {f"siem {one}": event_sender.run_stream(one, settings, engine) for one in event_streams.list_streams(settings)}
    turns |= start_push(settings, engine)
    threads = [threading.Thread(target=run_until_stopped, args=(turn, stop), name=name) for name, turn in turns.items()]
    try:
        for thread in threads:
            thread.start()
        log.info("telling %s", ", ".join(turns) or "nobody: the settings have no webhooks and no [siem]")
        run_until_stopped(taking_up(settings, engine), stop)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        engine.dispose()


def start_push(settings: Settings, engine: Engine) -> dict[str, Callable[[], bool]]:
    """The work of web push, where it is on. A key that cannot be read keeps nothing else from being sent."""
    if not settings.webhooks.push_key_file:
        return {}
    try:
        return {"web push": web_push.run_push(settings, web_push.read_key(settings), engine)}
    except (OSError, ValueError) as fault:
        log.error("there is no web push: %s", fault)
        return {}


def run_until_stopped(turn: Callable[[], bool], stop: threading.Event) -> None:
    """Take turns until told to stop; at once again after one that found something to do."""
    pause = 0.0
    while not stop.wait(pause):
        try:
            pause = 0.0 if turn() else LOOK_EVERY
        except SQLAlchemyError as fault:
            pause = pause_after(fault, PATIENCE)
        except Exception:  # a fault of ours must not end this thread for all that comes later
            log.exception("nothing could be sent, tried again after %d s", PATIENCE)
            pause = PATIENCE


def taking_up(settings: Settings, engine: Engine) -> Callable[[], bool]:
    """Returns the work of the one thread that fills the outbox."""
    tidied = -TIDY_EVERY

    def turn() -> bool:
        nonlocal tidied
        if time.monotonic() - tidied > TIDY_EVERY:
            with transaction(engine) as session:
                strayed = outbox.set_right(session, now=at_latest(session, utcnow()))
                dropped = outbox.give_up(session, settings, now=at_earliest(session, utcnow()))
            if strayed:
                log.warning("%d calls were due in a far future: the clock was ahead, and they go now", strayed)
            if dropped:
                log.warning("%d calls were given up: nobody took them", dropped)
            tidied = time.monotonic()
        with read_transaction(engine) as session:
            if not outbox.is_behind(session):
                return False
        with transaction(engine) as session:
            outbox.take_up(session, settings, now=at_earliest(session, utcnow()))
        return True

    return turn


def describe_call(hook: Hook, call: Call, settings: Settings) -> Answer:
    """Makes a call and returns its result; a call that we cannot make must not keep all later ones waiting."""
    try:
        return post_webhook(hook, call, settings.webhooks, time.time())
    except Exception:
        log.exception("%s: the call could not be made", hook.name)
        return Answer("refused", "an internal fault broke this call off; the log says more")


def run_webhook(hook: Hook, settings: Settings, engine: Engine) -> Callable[[], bool]:
    """Returns the work of one webhook's thread."""

    def turn() -> bool:
        with read_transaction(engine) as session:
            due = outbox.next_due(session, hook.name)
        if due is None or due > utcnow():
            return False
        with transaction(engine) as session:
            call = outbox.claim_call(session, hook.name, settings, now=utcnow())
        if call is None:
            return False
        answer = describe_call(hook, call, settings)
        with transaction(engine) as session:
            outbox.settle_call(session, hook.name, call, answer, now=utcnow())
        if answer.kind != "taken":
            log.warning("%s: %s (%s, attempt %d)", hook.name, answer.reply, call.event, call.number)
        return True

    return turn
