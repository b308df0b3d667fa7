"""Modes of the checks of known senders: which hold, which only report, and the fuse of each that holds too much."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, or_, select, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.config.settings import Policy, Settings
from triage.errors import NotAllowed, NotFound
from triage.message.signals.deviations import CHECKS
from triage.say import quote_text, say
from triage.store import db, ledger
from triage.store.models.rules import SenderCheck, SenderChecked


class Mode(StrEnum):
    """Mode of a check: whether it holds a message that it finds, or only reports it."""

    OFF = "off"  # the settings do not name it
    TRIAL = "trial"  # it only reports, for the first days
    HOLDS = "holds"
    FUSE = "fuse"  # it only reports, because it held messages of too many senders on one day


@dataclass(frozen=True, slots=True)
class CheckState:
    """Check of known senders and its mode."""

    name: str
    mode: Mode
    trial_until: datetime | None  # of one on trial; None: upkeep has not begun it yet
    held_today: int  # messages, by the UTC day
    senders_today: int  # whose messages they are
    fuse_at: datetime | None  # when it held too much


def list_checks(session: Session, policy: Policy, now: datetime) -> list[CheckState]:
    """Lists the checks, in their usual order."""
    kept = {row.name: row for row in session.scalars(select(SenderCheck))}
    counted = select(col(SenderChecked.name), func.count()).where(col(SenderChecked.day) == day_of(now)).group_by(col(SenderChecked.name))
    senders = dict(session.execute(counted).all())
    return [describe_check(name, kept.get(name), senders.get(name, 0), policy, now) for name in CHECKS]


def describe_check(name: str, row: SenderCheck | None, senders: int, policy: Policy, now: datetime) -> CheckState:
    """Describes a check by its stored row."""
    until = row.since + timedelta(days=policy.hold_known_trial_days) if row else None
    mode = check_mode(name, row, until, policy, now)
    held = row.held if row and row.day == day_of(now) else 0
    fuse_at = row.fuse_at if row and mode is Mode.FUSE else None
    return CheckState(name, mode, until if mode is Mode.TRIAL else None, held, senders, fuse_at)


def check_mode(name: str, row: SenderCheck | None, until: datetime | None, policy: Policy, now: datetime) -> Mode:
    """Returns the present mode of a check. `until`: the end of its trial, None where that has not begun."""
    if name not in policy.hold_known:
        return Mode.OFF
    if row is not None and row.fuse_at is not None:
        return Mode.FUSE
    on_trial = policy.hold_known_trial_days > 0 and (until is None or now < until)
    return Mode.TRIAL if on_trial else Mode.HOLDS


def current_modes(session: Session, policy: Policy, now: datetime) -> Mapping[str, Mode]:
    """Returns the present mode of each check, by name."""
    return {one.name: one.mode for one in list_checks(session, policy, now)}


def begin_checks(session: Session, policy: Policy, *, now: datetime) -> None:
    """Begin the trial of checks that the settings name newly, forget those that they name no more, and whom all held before today."""
    session.execute(delete(SenderCheck).where(col(SenderCheck.name).not_in(policy.hold_known)))
    rows = [{"name": name, "since": now, "day": "", "held": 0, "fuse_at": None} for name in policy.hold_known]
    db.insert_missing(session, SenderCheck, rows)
    forget_checked(session, policy, now=now)


def forget_checked(session: Session, policy: Policy, *, now: datetime) -> None:
    """Forget whom checks held before today, and whom those held that the settings name no more."""
    is_left_out = col(SenderChecked.name).not_in(policy.hold_known)
    session.execute(delete(SenderChecked).where(or_(col(SenderChecked.day) != day_of(now), is_left_out)))


def count_held(session: Session, found: Iterable[tuple[str, Collection[str]]], settings: Settings, *, now: datetime) -> None:
    """Messages of these authors were held, each by these checks.

    A check that holds messages of `hold_known_a_day` senders in a day only reports from now on. It is a check that is wrong then;
    one sender alone, whose account may be stolen, cannot bring that about.
    """
    for author, names in found:
        for name in names:
            count_sender(session, name, sender_digest(author, settings.policy.freemail_domains), settings.policy.hold_known_a_day, now)


def count_sender(session: Session, name: str, sender: str, most: int, now: datetime) -> None:
    """Counts a sender whose message a check held. `most`: limit of senders a day; 0: no limit."""
    today, mine = day_of(now), col(SenderCheck.name) == name
    db.insert_if_missing(session, SenderCheck, name=name, since=now, day=today, held=0, fuse_at=None)
    session.execute(update(SenderCheck).where(mine, col(SenderCheck.day) != today).values(day=today, held=0))
    session.execute(update(SenderCheck).where(mine).values(held=col(SenderCheck.held) + 1))
    db.insert_if_missing(session, SenderChecked, name=name, day=today, sender=sender)
    if most:
        theirs = select(func.count()).where(col(SenderChecked.name) == name, col(SenderChecked.day) == today)
        too_many = (mine, theirs.scalar_subquery() >= most, col(SenderCheck.fuse_at).is_(None))
        session.execute(update(SenderCheck).where(*too_many).values(fuse_at=now))


def sender_digest(author: str, freemail: Collection[str]) -> str:
    """Returns a digest of the sender as the fuse counts them, so that nobody can read who it is: a domain, at a free-mail provider an
    address."""
    domain = author.rpartition("@")[2]
    return hashlib.sha256((author if domain in freemail else domain).encode()).hexdigest()[:16]


def blown_fuses(session: Session, policy: Policy) -> list[SenderCheck]:
    """The checks that only report because they held messages of too many senders."""
    rows = select(SenderCheck).where(col(SenderCheck.fuse_at).is_not(None), col(SenderCheck.name).in_(policy.hold_known))
    return list(session.scalars(rows.order_by(col(SenderCheck.name))))


def resume_check(session: Session, name: str, *, settings: Settings, by: Actor, reason: str, now: datetime) -> CheckState:
    """Let a check hold again: after its fuse, or before its trial is over. NotFound where the settings do not name it.

    For administrators of the whole company.
    """
    access.require_role(by, Role.ADMIN)
    if not by.scope.company:
        raise NotAllowed(say("this concerns the whole company: only an administrator with that scope changes it"))
    if name not in settings.policy.hold_known:
        raise NotFound(say("there is no check {name}, or the settings leave it out", name=quote_text(name)))
    since = now - timedelta(days=settings.policy.hold_known_trial_days)
    db.insert_if_missing(session, SenderCheck, name=name, since=since, day="", held=0, fuse_at=None)
    row = session.get_one(SenderCheck, name, populate_existing=True)
    row.since, row.fuse_at, row.held = min(row.since, since), None, 0
    session.flush()
    session.execute(delete(SenderChecked).where(col(SenderChecked.name) == name))
    ledger.write_act(session, "resume-check", "company", by=by, now=now, detail={"check": name, "reason": reason})
    return describe_check(name, row, 0, settings.policy, now)


def day_of(now: datetime) -> str:
    """The UTC day by which held messages are counted."""
    return f"{now:%Y-%m-%d}"
