"""The upkeep role: seals the audit trail within a second, expires and erases in slices, follows the directory file."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from triage import (
    accounts,
    catching_up,
    chores,
    correspondents,
    cover,
    db,
    directory,
    emergency,
    expiry,
    familiar,
    kept_answers,
    keys,
    leavers,
    legal_holds,
    meters,
    person_erasure,
    proposals,
    prospects,
    providers,
    renamed,
    retention,
    seal,
    settings_record,
    space,
    tallies,
    tokens,
)
from triage.errors import Refused
from triage.setback import pause_after
from triage.settings import Settings
from triage.times import utcnow
from triage.visible import visible
from triage_cli import slices, watching
from triage_cli.checkpointing import Recorder
from triage_cli.counting import keep_for_reports
from triage_cli.opened import database_of, ring
from triage_cli.sync import leaving_of, take_over

SEAL_EVERY = 0.5  # seconds
TIDY_EVERY = 600.0
LOOK_EVERY = 5.0
SETTLED = 2.0  # seconds without a change after which a file is whole
COUNT_EVERY = 30.0  # between looks at which views somebody has, and new anchors
MAKING = 0.5  # seconds of making kept views, between two looks at the trail
SLICES = 8  # of mail from before, between two looks at the trail
PATIENCE = 2.0  # with a database that is down
CACHE = 8  # MB for each connection: what is read through whole every ten minutes finds no more in a larger one
BREATH = 0.01  # between two of them: the others get their turn

log = logging.getLogger("mailroom.upkeep")


def run(settings: Settings, stop: threading.Event) -> None:
    """Keep house until told to stop. A database that is down is waited for."""
    with database_of(settings, cache=CACHE) as engine:
        with db.transaction(engine) as session:
            settings_record.note(session, settings, machine=socket.gethostname(), now=utcnow())
        beside = [
            threading.Thread(target=follow, args=(settings, engine, sealer(), stop), name=name)
            for name, follow in (("slices", slices.follow), ("alarms", watching.follow))
        ]
        for thread in beside:
            thread.start()
        try:
            keep_house(settings, engine, stop)
        finally:
            stop.set()
            for thread in beside:
                thread.join()


def keep_house(settings: Settings, engine: Engine, stop: threading.Event) -> None:
    """The round: seal, tidy, look at the directory file."""
    file, follows = Path(settings.directory.file), settings.directory.source == "file"
    seen, tidied, looked, counted = taken_over(engine, file), -TIDY_EVERY, time.monotonic(), -COUNT_EVERY
    behind = True  # perhaps there is mail from before something that is known of mail today
    recorder = Recorder(settings)
    while not stop.wait(SEAL_EVERY):
        try:
            seal_trail(engine, sealer())
            recorder.keep(engine, sealer())
            counted = keep_counts(engine, counted, settings.cover.time_zone)
            behind = behind and catch_up(engine, settings)
            if time.monotonic() - tidied > TIDY_EVERY:
                tidy(engine, settings)
                recorder.let_go(engine, settings)
                tidied = time.monotonic()
            if time.monotonic() - looked > LOOK_EVERY:
                looked = time.monotonic()
                let_tokens_go(engine)
                hold_legally(engine)
                erase_persons(engine, settings)
                if follows and is_settled(changed := mtime(file), seen):
                    follow_directory(settings)
                    seen = changed
        except DBAPIError as fault:
            stop.wait(pause_after(fault, PATIENCE))


def seal_trail(engine: Engine, holder: str) -> None:
    """Seal what waits, if this process is the sealer. What comes meanwhile is for the next round, so that rounds are few under load."""
    full = True
    while full:
        with db.reading(engine) as session:
            if not seal.waiting(session):
                return
        with db.transaction(engine) as session:
            if not seal.elect(session, holder, utcnow()):
                return
            sealed = seal.seal(session)
        full = sealed.total() == seal.AT_ONCE
        for act, number in sealed.items():
            meters.count("mailroom_acts", number, act=act)


def keep_counts(engine: Engine, looked: float, zone: str) -> float:
    """Fold what was touched, and go on with views that are being made; every COUNT_EVERY seconds see which ones somebody has, and
    what reports need. When that was done last. Views are left for the next round after MAKING: the trail is to be sealed.
    """
    look = time.monotonic() - looked > COUNT_EVERY
    with db.reading(engine) as session:
        if not look and not tallies.due(session, utcnow()):
            return looked
    with db.transaction(engine) as session:
        if not seal.elect(session, sealer(), utcnow(), duty=tallies.DUTY, lease=tallies.LEASE):
            return looked
    while fold(engine) == tallies.AT_ONCE:  # what comes meanwhile is for the next round: each one counts whole piles and folders
        pass
    if look:
        tallies.begin(engine, now=utcnow())
    until = time.monotonic() + MAKING
    while time.monotonic() < until and tallies.go_on(engine, now=utcnow()):
        time.sleep(BREATH)
    if look:
        tallies.anchor(engine)
        keep_for_reports(engine, zone)
        return time.monotonic()
    return looked


def hold_legally(engine: Engine) -> None:
    """Mark what legal holds are about among the mail that has come since."""
    carry_on(engine, legal_holds.due, legal_holds.cover)


def erase_persons(engine: Engine, settings: Settings) -> None:
    """Go on with what is to be erased about persons."""
    if carry_on(engine, person_erasure.due, person_erasure.carry_on):
        ring(settings, "door", "change")


def carry_on(engine: Engine, due: Callable[[Session], list[int]], slice_of: Callable[..., bool]) -> bool:
    """Go on with each that is due, slice by slice to its end; was there any?"""
    with db.reading(engine) as session:
        waiting = due(session)
    for one in waiting:
        more = True
        while more:
            with db.transaction(engine) as session:
                more = slice_of(session, one, now=utcnow())
            time.sleep(BREATH if more else 0)
    return bool(waiting)


def fold(engine: Engine) -> int:
    """One slice of what was touched; how much that was."""
    with db.transaction(engine) as session:
        return tallies.fold(session, now=utcnow())


def sealer() -> str:
    """This process, as the election of the one sealer knows it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def catch_up(engine: Engine, settings: Settings) -> bool:
    """Look at some of the mail from before there were campaigns, or other free-mail providers; is there perhaps more of it?"""
    for _ in range(SLICES):
        with db.transaction(engine) as session:
            looked_at = providers.catch_up(session, settings=settings)
        with db.transaction(engine) as session:
            if not catching_up.catch_up(session, now=utcnow()) and not looked_at:
                return False
        time.sleep(BREATH)
    return True


def tidy(engine: Engine, settings: Settings) -> tuple[int, int]:
    """Expire and erase all that is due, slice by slice; (expired, erased)."""
    with db.transaction(engine) as session:
        expiry.note(session, settings.retention.held_days)
    hold_legally(engine)
    totals = [0, 0]
    for place, slice_of in ((0, retention.expire), (1, retention.erase), (1, retention.forget)):
        while True:
            with db.transaction(engine) as session:
                number = slice_of(session, settings=settings, now=utcnow())
            totals[place] += number
            if not number:
                break
    let_go(engine, settings)
    know_familiar(engine, settings)
    look_for_rules(engine, settings)
    sound_alarm(engine, settings)
    with db.transaction(engine) as session:
        keys.lapse(session, now=utcnow())
        kept_answers.forget(session, now=utcnow())
        emergency.end(session, now=utcnow())
    forget(engine, settings)
    give_space_back(engine)
    if any(totals):
        log.info("expired %d held mails, erased %d contents", *totals)
    return totals[0], totals[1]


def give_space_back(engine: Engine) -> None:
    """Let SQLite's file become shorter by what was erased, slice by slice."""
    given = 0
    while pages := space.give_back(engine):
        given += pages
        time.sleep(BREATH)
    if given:
        log.info("the database's file is %d pages shorter", given)


def look_for_rules(engine: Engine, settings: Settings) -> None:
    """See which rules the company's mail speaks for by now."""
    with db.reading(engine) as session:
        speaking = prospects.found(session, settings=settings, now=utcnow())
    with db.transaction(engine) as session:
        new = proposals.refresh(session, speaking, now=utcnow())
    if new:
        log.info("%d rules are proposed: see them in the console under \u201cFirst day\u201d, or by `mailroom rules propose`", new)


def know_familiar(engine: Engine, settings: Settings) -> None:
    """Keep the domains of known senders up to date, slice by slice, so that what looks like them is noticed."""
    with db.reading(engine) as session:
        new, gone = familiar.changes(session, settings=settings, now=utcnow())
    for start in range(0, max(len(new), len(gone)), familiar.SLICE):
        with db.transaction(engine) as session:
            familiar.change(session, new[start : start + familiar.SLICE], gone[start : start + familiar.SLICE])


def forget(engine: Engine, settings: Settings) -> None:
    """Forget whom nobody has written to or heard from for long enough, slice by slice."""
    gone = 1
    while gone:
        with db.transaction(engine) as session:
            gone = correspondents.tidy(session, settings=settings, now=utcnow())
        if gone:
            log.info("%d addresses and mails of ours are so old that they count no more", gone)


def sound_alarm(engine: Engine, settings: Settings) -> None:
    """Say which folders nobody looks at, and that nobody administers the company."""
    with db.reading(engine) as session:
        administered = accounts.administrators(session, by_directory=settings.api.sign_in == "directory")
        nobody = cover.alarm(session, settings.cover, utcnow())
        opened = emergency.alarm(session, utcnow())
    if opened:
        log.warning("emergency: %s", visible(opened.sentence))
    if not administered:
        log.warning("nobody can sign in who administers the whole company: `mailroom doctor` says what to do")
    for one in nobody:
        log.warning("nobody on duty sees the folder of the department %s, where %d mails wait", visible(one.code), one.held)


def let_tokens_go(engine: Engine) -> None:
    """End the tokens of who is no administrator any more."""
    with db.reading(engine) as session:
        if not tokens.orphans(session, utcnow()):
            return
    with db.transaction(engine) as session:
        ended = tokens.let_go(session, now=utcnow())
    log.warning("%d tokens are over, since whoever made them is no administrator of their scope any more", ended)


def let_go(engine: Engine, settings: Settings) -> None:
    """Refuse what is for people who left long enough ago, and find mail that another node entered under a name that changed just then."""
    with db.transaction(engine) as session:
        addresses = leavers.let_go(session, leaving_of(settings), version=directory.VERSION, now=utcnow())
        late = renamed.follow_names(session)
    if addresses:
        log.info("%d addresses of people who have left are refused from now on", addresses)
        ring(settings, "door")
    if late:
        log.info("%d mails go along with people who are called otherwise", late)
        ring(settings, "change")


def follow_directory(settings: Settings) -> None:
    """Take the changed directory file over; a broken one changes nothing. The round hears of a database that is down, and tries again."""
    try:
        applied = take_over(settings)
    except Refused as refusal:
        if isinstance(refusal.__cause__, DBAPIError):
            raise refusal.__cause__ from None
        meters.count("mailroom_directory_readings", outcome="refused")
        log.error("the directory stays as it was: %s", refusal)
    else:
        meters.count("mailroom_directory_readings", outcome="read")
        log.info(
            "directory: %d people, %d addresses added, %d removed", applied.people, applied.recipients_added, applied.recipients_removed
        )
        ring(settings, "door", "change")


def taken_over(engine: Engine, file: Path) -> float:
    """As of when the directory file is known; 0 when it was changed while nobody followed it."""
    with db.reading(engine) as session:
        read = chores.directory_read_at(session)
    changed = mtime(file)
    return 0.0 if read and changed > read.timestamp() else changed


def is_settled(changed: float, seen: float) -> bool:
    """Has the file changed since it was seen, and not this moment? It may be half written."""
    return changed != seen and abs(time.time() - changed) > SETTLED


def mtime(file: Path) -> float:
    """When the file was changed last; 0 when it is not there."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
