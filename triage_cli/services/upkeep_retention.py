"""Lets time pass: expires, erases, forgets, looks for rules. Part of the upkeep role; sealing the audit log waits for none of it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from triage.access import accounts, dual_control
from triage.compliance.audit import hash_chain
from triage.compliance.retention import delete_records, expire as retention, legal_holds
from triage.config.settings import Settings
from triage.delivery.recall import hunted_messages
from triage.directory import apply as directory, leavers, rename_records
from triage.policy import emergency
from triage.policy.contacts import store as contacts
from triage.policy.known_senders import checks, domain_proofs
from triage.policy.learning import known_names, learn_order
from triage.policy.suggestions import candidates, rule_suggestions
from triage.quarantine import coverage, outbound_brakes, refused_at_smtp, viewings
from triage.quarantine.campaigns import wanted_traits
from triage.quarantine.decisions import keepers
from triage.quarantine.requests import announce_sender
from triage.quarantine.search import expiry
from triage.quarantine.teamwork import held_for_assistant, shift_notes
from triage.reports import sending_services
from triage.store import db, idempotency, vacuum
from triage.store.transaction_retry import pause_after
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.local_setup import wake_waiters
from triage_cli.services import upkeep_checkpoints
from triage_cli.services.apply_directory import leaving_of

DUTY, LEASE = "tidying", timedelta(minutes=10)
LOOK_EVERY = 1.0  # seconds
TIDY_EVERY = 600.0
ERASE_EVERY = 3600.0  # nearly everything is looked at for it, and retention counts in days
RARELY = 200  # times as long as it took to look for rules, until that is done again: it walks through messages of months
PATIENCE = 2.0  # with a database that is down
BREATH = 0.01  # between two slices: the others get their turn

Due = Callable[..., tuple[list[int], int]]
"""Which of the next ones are due, and the last one that was looked at; 0: these were all."""
Weigh = Callable[[Session, list[int]], Mapping[int, int]]
"""What ending each of these takes, where it is not the same for all."""

log = logging.getLogger("mailroom.upkeep")


def follow_retention(settings: Settings, engine: Engine, holder: str, stop: threading.Event) -> None:
    """Tidy again and again until told to stop, if this process is the one that does it. A database that is down is waited for."""
    tidied, erased, rules_at = -TIDY_EVERY, -ERASE_EVERY, 0.0
    while not stop.wait(LOOK_EVERY):
        now = time.monotonic()
        if now - tidied < TIDY_EVERY:
            continue
        erasing = now - erased > ERASE_EVERY
        try:
            if is_elected(engine, holder):
                tidy_slices(engine, settings, erasing=erasing, looking=False)
                erased = now if erasing else erased
                rules_at = rules_at if now < rules_at else do_rarely(lambda: suggest_rules(engine, settings))
                upkeep_checkpoints.verify_regularly(engine, settings, utcnow())
            tidied = now
        except DBAPIError as fault:
            stop.wait(pause_after(fault, PATIENCE))
        except Exception:  # what cannot be tidied must not end this for all that can
            log.exception("not everything could be tidied")
            tidied = now


def is_elected(engine: Engine, holder: str) -> bool:
    """Whether this process is the one that tidies. Several would all look through the same."""
    with db.transaction(engine) as session:
        return hash_chain.elect_sealer(session, holder, utcnow(), duty=DUTY, lease=LEASE)


@dataclass(frozen=True, slots=True)
class Tidied:
    """Numbers of what retention expired, erased and deleted."""

    expired: int = 0  # held messages
    erased: int = 0  # contents, and copies that were taken out of mailboxes
    forgotten: int = 0  # messages of which nothing is left


def do_rarely(work: Callable[[], object]) -> float:
    """Do it; when to do it again, in monotonic seconds."""
    begun = time.monotonic()
    work()
    ended = time.monotonic()
    return ended + RARELY * (ended - begun)


def tidy_slices(engine: Engine, settings: Settings, *, erasing: bool = True, looking: bool = True) -> Tidied:
    """Expire, erase and forget all that is due, slice by slice. `erasing`: look through everything that is kept. `looking`: for rules."""
    with db.transaction(engine) as session:
        expiry.note_terms(session, expiry.expiry_terms(settings))
    hold_legally(engine)
    settle_viewings(engine)
    in_slices(engine, settings, held_for_assistant.deliver_due)
    expired = in_slices(engine, settings, retention.expire_messages)
    erased, forgotten = (erase_contents(engine, settings), forget_records(engine, settings)) if erasing else (0, 0)
    update_recipients(engine, settings)
    know_familiar(engine, settings)
    learn_from_decisions(engine, settings)
    if looking:
        suggest_rules(engine, settings)
    warn_uncovered_folders(engine, settings)
    with db.transaction(engine) as session:
        dual_control.lapse_approvals(session, now=utcnow())
        keepers.lapse_requests(session, now=utcnow())
        idempotency.forget_answers(session, now=utcnow())
        wanted_traits.forget_wanted(session, now=utcnow())
        emergency.end_expired(session, now=utcnow())
        outbound_brakes.forget_brakes(session, now=utcnow())
        announce_sender.forget_lapsed(session, now=utcnow())
        checks.forget_checked(session, settings.policy, now=utcnow())
    in_slices(engine, settings, sending_services.forget_reports)
    in_slices(engine, settings, shift_notes.erase_notes)
    forget_contacts(engine, settings)
    give_space_back(engine)
    if expired or erased or forgotten:
        log.info("expired %d held messages, erased %d bodies, deleted %d records of messages", expired, erased, forgotten)
    return Tidied(expired, erased, forgotten)


def in_slices(engine: Engine, settings: Settings, slice_of: Callable[..., int]) -> int:
    """Do it slice by slice until there is nothing left; how many that were."""
    total, number = 0, 1
    while number:
        with db.transaction(engine) as session:
            number = slice_of(session, settings=settings, now=db.at_earliest(session, utcnow()))
        total += number
        time.sleep(BREATH if number else 0)
    return total


def erase_contents(engine: Engine, settings: Settings) -> int:
    """Erase the contents and the recalled copies that nobody needs any more; how many."""
    contents = in_windows(engine, settings, retention.due_contents, retention.erase_contents, retention.SLICE)
    return contents + in_slices(engine, settings, retention.forget_recalled_copies)


def forget_records(engine: Engine, settings: Settings) -> int:
    """Forget what is in the audit log of old messages; how many messages that was about."""
    messages = in_windows(
        engine, settings, delete_records.due_messages, delete_records.forget_messages, delete_records.SLICE, delete_records.count_deliveries
    )
    in_windows(engine, settings, delete_records.decisions_due, delete_records.forget_decisions, delete_records.SLICE)
    in_slices(engine, settings, delete_records.forget_reports)
    in_slices(engine, settings, hunted_messages.forget_hunted)
    in_slices(engine, settings, refused_at_smtp.forget_refused)
    return messages


def in_windows(engine: Engine, settings: Settings, due: Due, end: Callable[..., int], at_once: int, weigh: Weigh | None = None) -> int:
    """Look through all that is old enough, window by window, and end what is due, slice by slice; how many that were.

    Writers are kept waiting for what is ended only, and not for the looking.
    """
    total, reached, more = 0, 0, True
    while more:
        with db.read_transaction(engine) as session:
            found, reached = due(session, settings=settings, now=db.at_earliest(session, utcnow()), after=reached)
            weights = weigh(session, found) if weigh else {}
        for some in slice_by_weight(found, at_once, weights):
            with db.transaction(engine) as session:
                total += end(session, some, settings=settings, now=db.at_earliest(session, utcnow()))
            time.sleep(BREATH)
        more = bool(reached)
    return total


def slice_by_weight(found: list[int], at_once: int, weights: Mapping[int, int]) -> Iterator[list[int]]:
    """Splits ids into slices of limited total weight; a heavier one is alone. Without a weight each weighs one."""
    some: list[int] = []
    left = at_once
    for one in found:
        weight = weights.get(one, 1)
        if some and weight > left:
            yield some
            some, left = [], at_once
        some.append(one)
        left -= weight
    if some:
        yield some


def hold_legally(engine: Engine) -> None:
    """Mark what legal holds are about among the messages that have come since."""
    carry_on(engine, legal_holds.due_holds, legal_holds.cover_deliveries)


def settle_viewings(engine: Engine) -> int:
    """Put in the audit log what consoles fetched ahead and did not show; how many rows were over."""
    with db.read_transaction(engine) as session:
        total, number = 0, int(viewings.is_due(session, utcnow()))
    while number:
        with db.transaction(engine) as session:
            number = viewings.settle_fetches(session, now=utcnow())
        total += number
        time.sleep(BREATH if number else 0)
    return total


def carry_on(engine: Engine, due: Callable[[Session], list[int]], slice_of: Callable[..., bool]) -> bool:
    """Carries on with each that is due, slice by slice to its end; returns whether there was any."""
    with db.read_transaction(engine) as session:
        waiting = due(session)
    for one in waiting:
        more = True
        while more:
            with db.transaction(engine) as session:
                more = slice_of(session, one, now=utcnow())
            time.sleep(BREATH if more else 0)
    return bool(waiting)


def update_recipients(engine: Engine, settings: Settings) -> None:
    """Refuse what is for people who left long enough ago, and find mail that another node entered under a name that changed just then."""
    with db.transaction(engine) as session:
        addresses = leavers.refuse_leavers(session, leaving_of(settings), version=directory.VERSION, now=db.at_earliest(session, utcnow()))
        late = rename_records.follow_names(session)
    if addresses:
        log.info("%d addresses of people who have left are refused from now on", addresses)
        wake_waiters(settings, "door")
    if late:
        log.info("%d held messages follow people who were renamed", late)
        wake_waiters(settings, "change")


def know_familiar(engine: Engine, settings: Settings) -> None:
    """Keep the domains of known senders up to date, slice by slice, so that what looks like them is noticed."""
    with db.read_transaction(engine) as session:
        new, gone = known_names.find_changes(session, settings=settings, now=utcnow())
    for start in range(0, max(len(new), len(gone)), known_names.SLICE):
        with db.transaction(engine) as session:
            known_names.change_domains(session, new[start : start + known_names.SLICE], gone[start : start + known_names.SLICE])


def learn_from_decisions(engine: Engine, settings: Settings) -> None:
    """Count what staff decided lately; the looking keeps no writer waiting."""
    with db.read_transaction(engine) as session:
        learned = learn_order.count_decisions(session, settings=settings, now=utcnow())
    with db.transaction(engine) as session:
        learn_order.store_lessons(session, learned)


def suggest_rules(engine: Engine, settings: Settings) -> None:
    """See which rules the company's mail speaks for by now."""
    with db.read_transaction(engine) as session:
        speaking = candidates.find_candidates(session, settings=settings, now=utcnow())
    with db.transaction(engine) as session:
        new = rule_suggestions.refresh_suggestions(session, speaking, now=utcnow())
    if new:
        log.info("%d rules are proposed: see them in the console under \u201cFirst day\u201d, or by `mailroom rules propose`", new)


def warn_uncovered_folders(engine: Engine, settings: Settings) -> None:
    """Say which folders nobody looks at, and that nobody administers the company."""
    with db.read_transaction(engine) as session:
        administered = accounts.list_administrators(session, ways=settings.api.sign_in)
        nobody = coverage.uncovered_folders(session, settings.coverage, utcnow())
        opened = emergency.current_emergency(session, utcnow())
    if opened:
        log.warning("emergency: %s", escape_visible(opened.sentence))
    if not administered:
        log.warning("nobody can sign in who administers the whole company: `mailroom doctor` says what to do")
    for one in nobody:
        log.warning("nobody on duty sees the folder of the department %s, where %d messages are held", escape_visible(one.code), one.held)


def forget_contacts(engine: Engine, settings: Settings) -> None:
    """Forget whom nobody has written to or heard from for long enough, slice by slice."""
    gone = 1
    while gone:
        with db.transaction(engine) as session:
            now = db.at_earliest(session, utcnow())
            gone = contacts.forget_lapsed(session, settings=settings, now=now)
            gone += domain_proofs.forget_proofs(session, settings=settings, now=now)
        if gone:
            log.info("%d contacts, sent messages and proofs of domains expired", gone)


def give_space_back(engine: Engine) -> None:
    """Let SQLite's file become shorter by what was erased, slice by slice."""
    given = 0
    while pages := vacuum.give_back(engine):
        given += pages
        time.sleep(BREATH)
    if given:
        log.info("the database's file is %d pages shorter", given)
