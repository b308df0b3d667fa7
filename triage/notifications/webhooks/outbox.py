"""Outbox of webhook calls: taken from the audit log in its order, claimed, settled, deferred, given up."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, literal, select, true, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.compliance.audit import hash_chain
from triage.config.settings import Settings
from triage.config.webhooks import TEST, Hook
from triage.errors import NotFound
from triage.ids import format_id, new_id
from triage.notifications.webhooks import payloads, push_subscriptions, webhook_events
from triage.notifications.webhooks.payloads import Occurrence
from triage.say import quote_text, say
from triage.store import db, ledger, versions
from triage.store.db import is_among
from triage.store.models.columns import Instant
from triage.store.models.markers import Marker
from triage.store.models.notifications import Webhook, WebhookCall

BY = Actor.system("webhooks")
PLACE = "webhooks"  # the marker: up to which record of the chain webhooks were told
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3600))  # the last one again and again
LONGEST_REST = timedelta(hours=6)  # however long a receiver asks for
STRAYED = timedelta(hours=2)  # what is to be called later than that was deferred by a clock that was ahead
JITTER = 0.2
LEASES = 3  # times webhooks.timeout: outlives the slowest call
FAILING = 3  # failures in a row until a person should look
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Call:
    """Webhook call that a sender may make now, until its lease ends."""

    id: int
    number: int  # of the attempt
    event: str
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of a call. `refused`: the receiver does not accept this call; `failed`: the receiver is in trouble."""

    kind: str  # taken, refused, failed, gone
    reply: str = ""
    rest: timedelta = timedelta()  # that the receiver asks for (Retry-After)


@dataclass(frozen=True, slots=True)
class Fared:
    """State of a webhook."""

    name: str
    waiting: int
    oldest: datetime | None
    failures: int
    rests_until: datetime | None
    gone: bool
    last_reply: str
    succeeded_at: datetime | None
    dropped: int

    @property
    def ails(self) -> bool:
        """Whether a person should look."""
        return self.gone or self.failures >= FAILING

    @property
    def state(self) -> str:
        """State of the webhook in a word."""
        return "gone" if self.gone else "failing" if self.ails else "works" if self.succeeded_at else "new"


def is_behind(session: Session) -> bool:
    """Whether there is something on the chain that webhooks were not told."""
    return session.get(Marker, PLACE) is None or versions.read_version(session, PLACE) < hash_chain.last_sequence(session)


def take_up(session: Session, settings: Settings, *, now: datetime) -> int:
    """Put what the next stretch of the chain tells into the outbox of each webhook that wants it; how many calls.

    Never run before: begin with what happens from now on. What is older than webhooks.give_up_after is told to nobody.
    """
    db.insert_if_missing(session, Marker, name=PLACE, number=hash_chain.last_sequence(session), text="")
    place = session.get_one(Marker, PLACE, with_for_update=True, populate_existing=True)
    through = min(hash_chain.last_sequence(session), place.number + webhook_events.AT_ONCE)
    before = now - timedelta(hours=settings.webhooks.give_up_after)
    number = 0
    for record in webhook_events.events_between(session, place.number, through):
        for event in webhook_events.convert_entry(session, record, settings) if record.at >= before else ():
            wanting = [hook for hook in settings.webhooks.hooks if hook.wants(event.kind, event.departments)]
            number += sum(put_call(session, hook, event, now) for hook in wanting)
            if settings.webhooks.push_key_file:
                push_subscriptions.note_event(session, event, now=now)
    place.number = through
    return number


def put_call(session: Session, hook: Hook, event: Occurrence, now: datetime) -> bool:
    """Queues a webhook call; False when it was queued before."""
    db.insert_if_missing(session, Webhook, name=hook.name, **FRESH)
    said = payloads.call_body(event, hook.format, event.messages.get(hook.departments, ()) if hook.details else ())
    values = {"hook": hook.name, "event": event.id, "kind": event.kind, "body": said, "at": now, "due_at": now, "attempts": 0}
    return db.insert_if_missing(session, WebhookCall, id=new_id(), **values)


FRESH = {"failures": 0, "gone": False, "last_reply": "", "dropped": 0}  # how a webhook begins


def try_out(session: Session, hook: Hook, *, by: Actor, now: datetime, link: str) -> str:
    """Queues a test call of a webhook; returns the id of the event. A webhook that was gone or rests is called again.

    For administrators of the whole company.
    """
    resume_webhook(session, hook.name, by=by, now=now)
    number = format_id(new_id())
    event = Occurrence(
        number, TEST, now, hash_chain.last_sequence(session), f"{by.shown} tries this webhook out.", {"by": str(by)}, link=link
    )
    put_call(session, hook, event, now)
    return number


def resume_webhook(session: Session, name: str, *, by: Actor, now: datetime) -> None:
    """Call a webhook again that is gone or rests, in the audit log; a call in hand ends first. For administrators of the whole company."""
    access.over_everything(by, Role.ADMIN)
    db.insert_if_missing(session, Webhook, name=name, **FRESH)
    row = session.get_one(Webhook, name, with_for_update=True, populate_existing=True)
    row.failures, row.gone, row.rests_until = 0, False, row.rests_until if in_hand(session, row) else None
    ledger.write_act(session, "resume-webhook", f"webhook:{name}", by=by, now=now)


def in_hand(session: Session, hook: Webhook) -> int | None:
    """The call that a sender has taken and not settled: the webhook is called again when it is due, and by it first."""
    mine = (col(WebhookCall.hook) == hook.name, col(WebhookCall.due_at) == hook.rests_until)
    return session.scalar(select(col(WebhookCall.id)).where(*mine).limit(1))


def next_due(session: Session, name: str) -> datetime | None:
    """Returns when this webhook is to be called next; None when nothing waits."""
    row = session.get(Webhook, name)
    due = session.scalar(select(func.min(col(WebhookCall.due_at))).where(col(WebhookCall.hook) == name))
    if row is None or due is None or row.gone:
        return None
    return max(due, row.rests_until) if row.rests_until else due


def claim_call(session: Session, name: str, settings: Settings, *, now: datetime) -> Call | None:
    """Take the first call that is due. Until its lease ends it is this sender's, and nobody makes a later one."""
    hook = session.get(Webhook, name, with_for_update=True, populate_existing=True)
    due = next_due(session, name)
    if hook is None or due is None or due > now:
        return None
    left = in_hand(session, hook)  # its sender died
    ready = (col(WebhookCall.hook) == name, col(WebhookCall.due_at) <= now, col(WebhookCall.id) == left if left else true())
    first = select(WebhookCall).where(*ready).order_by(col(WebhookCall.due_at), col(WebhookCall.id)).limit(1)
    row = session.scalars(first.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    row.attempts, row.due_at = row.attempts + 1, now + LEASES * timedelta(seconds=settings.webhooks.timeout)
    hook.rests_until = row.due_at
    return Call(row.id, row.attempts, row.event, row.body)


def settle_call(session: Session, name: str, call: Call, answer: Answer, *, now: datetime) -> bool:
    """Write down what became of a call; False when another sender has it by now."""
    mine = (col(WebhookCall.id) == call.id, col(WebhookCall.attempts) == call.number)
    row = session.scalars(select(WebhookCall).where(*mine).with_for_update()).first()
    hook = session.get(Webhook, name, with_for_update=True, populate_existing=True)
    if row is None or hook is None:
        return False
    if answer.kind == "taken":
        session.delete(row)
        hook.failures, hook.rests_until, hook.succeeded_at = 0, None, now
        return True
    hook.last_reply, hook.failed_at = answer.reply[:500], now
    if answer.kind == "refused":
        row.due_at, hook.rests_until = now + retry_pause(call.number), None
        return True
    hook.failures += 1
    hook.rests_until = now + max(retry_pause(hook.failures), min(answer.rest, LONGEST_REST))
    row.due_at = row.at  # before what came later
    if answer.kind == "gone" and not hook.gone:
        hook.gone = True
        ledger.write_act(session, "webhook-gone", f"webhook:{name}", by=BY, now=now, detail={"reply": hook.last_reply})
    return True


def retry_pause(failures: int) -> timedelta:
    """Returns the backoff after so many failures."""
    return SCHEDULE[min(failures, len(SCHEDULE)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)


def set_right(session: Session, *, now: datetime) -> int:
    """Mends calls after a clock was ahead: those deferred until a far day are called now; returns how many."""
    session.execute(update(Webhook).where(col(Webhook.rests_until) > now + LONGEST_REST).values(rests_until=None))
    strayed = update(WebhookCall).where(col(WebhookCall.due_at) > now + STRAYED)
    came = case((col(WebhookCall.at) > now, literal(now, Instant)), else_=col(WebhookCall.at))  # in hand then: before what came later
    return session.connection().execute(strayed.values(at=came, due_at=came)).rowcount


def give_up(session: Session, settings: Settings, *, now: datetime) -> int:
    """Drop what nobody has taken for webhooks.give_up_after, in the audit log, and what is for webhooks that are no more; how many."""
    old = now - timedelta(hours=settings.webhooks.give_up_after)
    known = [hook.name for hook in settings.webhooks.hooks]
    late = (col(WebhookCall.at) < old) | col(WebhookCall.hook).not_in(known)
    rows = session.execute(select(col(WebhookCall.id), col(WebhookCall.hook)).where(late).limit(AT_ONCE).with_for_update()).all()
    session.execute(delete(WebhookCall).where(is_among(session, col(WebhookCall.id), [row.id for row in rows])))
    for name in sorted({row.hook for row in rows}):
        number = sum(row.hook == name for row in rows)
        session.execute(update(Webhook).where(col(Webhook.name) == name).values(dropped=col(Webhook.dropped) + number))
        ledger.write_act(session, "drop-webhook-calls", f"webhook:{name}", by=BY, now=now, items=number)
    session.execute(delete(Webhook).where(col(Webhook.name).not_in(known)))
    return len(rows)


def read_standings(session: Session, names: Iterable[str] | None = None) -> list[Fared]:
    """Returns the state of each webhook: of these names, or of all that were ever called."""
    counted = select(col(WebhookCall.hook), func.count(), func.min(col(WebhookCall.at))).group_by(col(WebhookCall.hook))
    waiting = {name: (number, oldest) for name, number, oldest in session.execute(counted)}
    rows = {row.name: row for row in session.scalars(select(Webhook))}
    return [
        of_row(rows.get(name) or Webhook(name=name), *waiting.get(name, (0, None))) for name in (sorted(rows) if names is None else names)
    ]


def list_webhooks(session: Session, settings: Settings, *, by: Actor) -> list[Fared]:
    """Lists the webhooks of the settings with their state. For administrators and auditors of the whole company."""
    access.over_everything(by, Role.ADMIN, Role.AUDITOR)
    return read_standings(session, [hook.name for hook in settings.webhooks.hooks])


def of_row(row: Webhook, waiting: int, oldest: datetime | None) -> Fared:
    """A row as a value."""
    rests_until = row.rests_until if row.failures else None  # else it is called this moment
    return Fared(row.name, waiting, oldest, row.failures, rests_until, row.gone, row.last_reply, row.succeeded_at, row.dropped)


def hook_named(settings: Settings, name: str, *, by: Actor) -> Hook:
    """The webhook of this name; NotFound says which there are, to administrators of the whole company."""
    access.over_everything(by, Role.ADMIN)
    known = {hook.name: hook for hook in settings.webhooks.hooks}
    if name not in known:
        raise NotFound(
            say("the settings have no webhook {name}; there are {known}", name=quote_text(name), known=", ".join(known) or "none")
        )
    return known[name]
