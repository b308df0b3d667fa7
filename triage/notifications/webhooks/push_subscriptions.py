"""Web push to browsers of staff: who subscribes, what waits for them, claimed and settled. It carries no sender, subject or name."""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlmodel import Session, col

from triage.access import staff_members
from triage.access.sessions import hash_session_key
from triage.actor import Actor, Scope
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotAllowedNow
from triage.notifications.webhooks.payloads import Occurrence
from triage.say import mark, say
from triage.store import versions
from triage.store.models.markers import Marker
from triage.store.models.notifications import PushSubscription
from triage.store.models.staff import StaffMember

PUBLIC_KEY = "push-key"  # the marker: the public half of the key, written by the role that has it
WORDS = {  # by the events of a webhook: what cannot wait
    "time-limited.waiting": mark("Time-limited messages are held."),
    "message.reported": mark("A message was reported as suspicious."),
    "message.suspicious": mark("Delivered messages look suspicious."),
}
MOST = 10  # browsers of one person; the oldest goes
GAP = timedelta(minutes=1)  # between two of one browser
STALE = timedelta(minutes=10)  # after which nobody wants to hear of it
RETRIES = (timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=4))
LEASES = 3  # times webhooks.timeout: outlives the slowest call
BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")
POINT, SECRET = 65, 16  # bytes of an uncompressed P-256 point, and of an authentication secret (RFC 8291, 2)


@dataclass(frozen=True, slots=True)
class Push:
    """A push that a sender may make now, until its lease ends."""

    id: int
    endpoint: str
    p256dh: bytes
    auth: bytes
    language: str
    text: str  # English, the id in the catalogues
    due_at: datetime  # fences a late answer


def read_public_key(session: Session, settings: Settings) -> str:
    """Returns the key with which browsers subscribe, base64url; "" where web push is off or its role never ran."""
    return versions.read_text(session, PUBLIC_KEY) if settings.webhooks.push_key_file else ""


def publish_key(session: Session, key: str) -> None:
    """Tell the API the public half of the key. Subscriptions made with another key end: their servers refuse what ours signs."""
    if versions.read_text(session, PUBLIC_KEY) != key:
        session.execute(delete(PushSubscription))
        session.merge(Marker(name=PUBLIC_KEY, number=0, text=key))


def subscribe(
    session: Session, settings: Settings, endpoint: str, p256dh: str, auth: str, *, language: str, key: str, by: Actor, now: datetime
) -> None:
    """Send web push to this browser from now on; a subscription of somebody who used it before ends. `key`: of the session."""
    require_browser(by, key)
    if not read_public_key(session, settings):
        raise NotAllowedNow(say("web push is off: an administrator can turn it on in the settings"))
    check_endpoint(endpoint, settings)
    for field, value, size in (("p256dh", p256dh, POINT), ("auth", auth, SECRET)):
        if not BASE64URL.fullmatch(value) or len(decode_key(value)) != size:
            raise BadInput(say("this is no key of a browser's push subscription"), field=field)
    session.execute(delete(PushSubscription).where(col(PushSubscription.endpoint) == endpoint))
    made = PushSubscription(
        login=by.name,
        session_sha256=hash_session_key(key),
        endpoint=endpoint,
        p256dh=p256dh,
        auth=auth,
        language=language,
        made_at=now,
    )
    session.add(made)
    session.flush()
    mine = select(col(PushSubscription.id)).where(col(PushSubscription.login) == by.name).order_by(col(PushSubscription.id).desc())
    old = session.scalars(mine.offset(MOST)).all()
    session.execute(delete(PushSubscription).where(col(PushSubscription.id).in_(old)))


def check_endpoint(endpoint: str, settings: Settings) -> None:
    """BadInput unless it is at a browser maker's server that the settings name: we POST to it."""
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme == "https" and not parts.username and not parts.password and endpoint.isascii() and endpoint.isprintable()
        host = parts.netloc.casefold()
    except ValueError:
        good, host = False, ""
    if not good or " " in endpoint or not any(fnmatchcase(host, one) for one in settings.webhooks.push_services):
        raise BadInput(say("web push does not go to this server: an administrator can name it in the settings"), field="endpoint")


def require_browser(by: Actor, key: str) -> None:
    """NotAllowed for programs. `key`: of the session."""
    if by.kind != "person" or not key:
        raise NotAllowed(say("web push belongs to people who have signed in with a browser"))


def unsubscribe(session: Session, *, by: Actor, key: str) -> None:
    """Send no more web push to the browser of this session."""
    require_browser(by, key)
    theirs = (col(PushSubscription.login) == by.name, col(PushSubscription.session_sha256) == hash_session_key(key))
    session.execute(delete(PushSubscription).where(*theirs))


def is_subscribed(session: Session, *, by: Actor, key: str) -> bool:
    """Whether the browser of this session gets web push."""
    require_browser(by, key)
    theirs = (col(PushSubscription.login) == by.name, col(PushSubscription.session_sha256) == hash_session_key(key))
    return session.scalar(select(col(PushSubscription.id)).where(*theirs).limit(1)) is not None


def note_event(session: Session, event: Occurrence, *, now: datetime) -> None:
    """Let it wait for the browsers of those whose scope has one of its departments, and who are not away."""
    if event.kind not in WORDS:
        return
    for row in session.scalars(select(PushSubscription).where(col(PushSubscription.due_at).is_(None)).with_for_update()).all():
        if wants_event(session, row.login, event.departments, now):
            row.kind, row.asked_at, row.failures = event.kind, now, 0
            row.due_at = max(now, row.sent_at + GAP) if row.sent_at else now


def wants_event(session: Session, login: str, departments: frozenset[str], now: datetime) -> bool:
    """Whether this member of staff is here and may see one of these departments."""
    actor, member = staff_members.find_staff_actor(session, login, now), session.get(StaffMember, login)
    if actor is None or member is None or member.is_locked or (member.away_until and member.away_until > now):
        return False
    return sees_department(actor.scope, departments)


def sees_department(scope: Scope, departments: frozenset[str]) -> bool:
    """Whether the scope has one of them as a whole; what concerns none concerns the whole company."""
    return scope.company or not scope.departments.isdisjoint(departments)


def claim_push(session: Session, settings: Settings, *, now: datetime) -> Push | None:
    """Take the first push that is due. What nobody wants to hear any more is dropped."""
    due = select(PushSubscription).where(col(PushSubscription.due_at) <= now).order_by(col(PushSubscription.due_at)).limit(1)
    while row := session.scalars(due.with_for_update(skip_locked=True)).first():
        if row.asked_at and now - row.asked_at < STALE and row.kind in WORDS:
            row.due_at = now + LEASES * timedelta(seconds=settings.webhooks.timeout)
            session.flush()
            keys = decode_key(row.p256dh), decode_key(row.auth)
            return Push(row.id, row.endpoint, *keys, row.language, WORDS[row.kind], row.due_at)
        row.due_at = row.asked_at = None
        row.kind = ""
        session.flush()
    return None


def is_due(session: Session, *, now: datetime) -> bool:
    """Whether a push waits to be sent."""
    return session.scalar(select(col(PushSubscription.id)).where(col(PushSubscription.due_at) <= now).limit(1)) is not None


def settle_push(session: Session, push: Push, kind: str, *, now: datetime) -> None:
    """Write down what became of it. `kind`: taken, gone (the subscription ends), refused (dropped) or failed (tried again)."""
    row = session.get(PushSubscription, push.id, with_for_update=True, populate_existing=True)
    if row is None or row.due_at != push.due_at:
        return  # unsubscribed meanwhile, or another sender has it
    if kind == "gone":
        session.delete(row)
        return
    if kind == "failed" and row.failures < len(RETRIES):
        row.due_at, row.failures = now + RETRIES[row.failures], row.failures + 1
        return
    row.due_at, row.asked_at, row.kind, row.failures = None, None, "", 0
    if kind == "taken":
        row.sent_at = now


def decode_key(text: str) -> bytes:
    """A key of a browser; b"" where it is none."""
    try:
        return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except ValueError:
        return b""
