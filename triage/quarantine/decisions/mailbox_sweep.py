"""A sweep: one sender's mail out of every mailbox, or single messages, also what never came through us; with its own progress."""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, not_, select, update
from sqlmodel import Session, col

from triage import ids
from triage.access import confidential_folders, scope as access
from triage.access.dual_control import LARGE_PURGE
from triage.actor import Actor, Grant, Role
from triage.addressing.envelope import Address, Envelope
from triage.config.settings import Settings
from triage.delivery import recalled_copies
from triage.delivery.recall import hunt_criteria, hunted_messages, related_messages
from triage.delivery.recall.hunt_criteria import HUNT, Criteria
from triage.delivery.recall.hunted_messages import Hunted
from triage.delivery.recall.related_messages import Place
from triage.delivery.recalled_copies import BY, Copy
from triage.delivery.routes import next_hop_of, place_of
from triage.directory import reassigned_addresses
from triage.errors import BadInput, NotAllowed, NotAllowedNow
from triage.message.authentication import Authentication
from triage.message.summary import Summary
from triage.quarantine.decisions.outcome_text import LEFT_OUT
from triage.quarantine.decisions.outcomes import DecisionReport, decision_of, file_decision
from triage.quarantine.removal.second_person import may_alone
from triage.say import form_of, quote_text, say
from triage.store import bodies, db, ledger, restore_pause
from triage.store.db import is_among
from triage.store.delivery_state import Event, State
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.columns import sentence_columns
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient
from triage.store.models.mailboxes import Recalled, SweptMailbox
from triage.store.models.messages import Message

LEASE = timedelta(minutes=10)
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(hours=1)  # pauses before a mailbox is tried again
AHEAD = timedelta(hours=2)  # longer than any pause: more can only a clock have said that was ahead
VERB = "sweep"
UNCONFIRMED = "recalling"  # outcome of what was found, until the mailbox confirms that it is removed
Lay = tuple[str, int, int, str]  # where a copy lay in its mailbox, as Copy.place
UNDONE = say("It was undone.")
CLOSED = say("It is the mailbox of a confidential folder.")
OFF = say("hunting in mailboxes is off: ask an administrator of the server to allow it")


@dataclass(frozen=True, slots=True)
class Search:
    """Mailbox that a worker may search, until the lease ends."""

    id: int
    number: int  # of the attempt; fences late answers of a dead worker
    decision_id: int
    sender: str  # whose mail; "" where single messages are named
    take: bool  # False: only count
    mailbox: str
    place: str  # maildir:DIRECTORY or the IMAP server's URL
    named: tuple[Place, ...] = ()  # nothing but these
    criteria: Criteria | None = None  # of a hunt, which takes nothing
    listing: bool = False  # of a hunt: two people agreed to see what it finds
    hunted: bool = False  # a hunt found what is `named`


SearchedMailbox = Search | SweptMailbox  # one mailbox of a sweep


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message of the sender's in a mailbox."""

    copy: Copy
    summary: Summary
    marker: str | None  # the value of its X-Mailroom-Message


def begin_sweep(
    session: Session, sender: str, *, by: Actor, reason: str, now: datetime, settings: Settings, dry_run: bool = False
) -> DecisionReport:
    """Decide that this address's mail goes out of every mailbox; the recaller carries it out. With `dry_run` it only counts.

    Mailboxes that are confidential to who asks are left out. BadInput when it is no address, NotAllowed without the whole company in
    scope, NotAllowedNow without a way into mailboxes, or where large purges need a second person.
    """
    access.require_role(by, Role.ADMIN)
    access.require_grant(by, Grant.DECIDE)
    if not by.scope.company:
        raise NotAllowed(say("a sweep looks into every mailbox: it needs the scope company"))
    if not settings.reaches_mailboxes:
        raise NotAllowedNow(say("Mailroom has no access to mailboxes: ask an administrator of the server to set it up"))
    if LARGE_PURGE in settings.policy.approvals and not dry_run:
        raise NotAllowedNow(
            say(
                "a sweep may remove many messages, and here that needs approval: purge the messages that came through Mailroom instead, or "
                "allow large removals by one person until the sweep is done"
            )
        )
    if not dry_run and not may_alone(by, settings):
        raise NotAllowed(say("a sweep removes messages from every mailbox: it needs the right remove-delivered"))
    try:
        address = str(Address.parse(sender))
    except ValueError as fault:
        raise BadInput(say("{sender} is not an address: {fault}", sender=quote_text(sender[:80]), fault=fault)) from fault
    selection = {"sender": address} | ({"dry_run": True} if dry_run else {})
    left_out = LEFT_OUT if confidential_folders.closed_folders(session, by) else ""
    decision = decision_of(by, VERB, selection, reason, now, count=0, confidential=left_out)
    session.add(decision)
    session.flush()
    mailboxes = session.scalars(select(col(KnownRecipient.mailbox)).where(col(KnownRecipient.kind) != "group", opened_to(by)).distinct())
    rows = [SweptMailbox(decision_id=decision.id, mailbox=mailbox, due_at=now, begun_at=now) for mailbox in sorted(mailboxes)]
    session.add_all(rows)
    session.flush()
    return file_decision(session, decision, [], by=by, now=now)


def opened_to(by: Actor) -> ColumnElement[bool]:
    """Mailboxes to search: none that is confidential to the actor."""
    return and_(
        col(KnownRecipient.department).not_in(confidential_folders.names_closed("department", by)),
        col(KnownRecipient.person).not_in(confidential_folders.names_closed("person", by)),
    )


def claim_mailboxes(session: Session, *, mailboxes: int, busy: Iterable[str] = (), settings: Settings, now: datetime) -> list[Search]:
    """Take at most so many mailboxes that are due, none of them in `busy`. What was undone meanwhile is over."""
    ripe = (col(SweptMailbox.due_at) <= now) | (col(SweptMailbox.due_at) > db.at_latest(session, now) + AHEAD)
    due = ripe & col(SweptMailbox.mailbox).not_in(list(busy)) & restore_pause.is_running()
    rows = session.execute(
        select(SweptMailbox, Decision)
        .join(Decision, col(Decision.id) == col(SweptMailbox.decision_id))
        .where(due)
        .order_by(col(SweptMailbox.due_at), col(SweptMailbox.id))
        .limit(mailboxes)
        .with_for_update(skip_locked=True, of=SweptMailbox)
    ).all()
    found = []
    for row, decision in rows:
        if decision.undone_by is not None:
            end_undone(session, row, now)
            continue
        if (decision.verb == HUNT or HUNT in decision.selection) and hunted_messages.is_closed(session, row.mailbox):
            end_early(session, row, CLOSED, now)
            continue
        if decision.verb == HUNT and not settings.recall.hunting:
            end_early(session, row, OFF, now)
            continue
        row.attempts, row.due_at, row.why, row.why_form = row.attempts + 1, now + LEASE, "", None
        found.append(search_of(session, row, decision, settings))
    session.flush()
    return found


def end_undone(session: Session, row: SweptMailbox, now: datetime) -> None:
    """Ends a mailbox of a sweep that was undone: copies that may be removed or not are looked for, and put back where they are missing."""
    row.due_at, row.why, row.why_form = None, str(UNDONE), form_of(UNDONE)
    related_messages.drop_claims(session, row.decision_id, row.mailbox)
    hunted_messages.drop_claims(session, row.decision_id, row.mailbox)
    end_unconfirmed(session, row, (), UNDONE, now)


def expedite_undone(session: Session, decision_id: int, now: datetime) -> None:
    """Makes mailboxes due that wait for another attempt of a sweep that was undone. Attempts that are running go on."""
    waiting = and_(col(SweptMailbox.decision_id) == decision_id, col(SweptMailbox.due_at) > now, col(SweptMailbox.why) != "")
    session.execute(update(SweptMailbox).where(waiting).values(due_at=now))


def end_early(session: Session, row: SweptMailbox, why: str, now: datetime) -> None:
    """Ends a mailbox of a hunt, or of its removal, that has become confidential, or since hunting is off by now."""
    row.due_at, row.why, row.why_form = None, str(why), form_of(why)
    hunted_messages.drop_claims(session, row.decision_id, row.mailbox)
    end_unconfirmed(session, row, (), why, now)


def search_of(session: Session, row: SweptMailbox, decision: Decision, settings: Settings) -> Search:
    """Describes the work in this mailbox. What is counted is counted again."""
    department, _ = owner_of(session, row.mailbox)
    place = place_of(next_hop_of(settings, department=department, mailbox=row.mailbox, direction="in"), settings)
    selected = decision.selection
    search = Search(row.id, row.attempts, decision.id, "", take=False, mailbox=row.mailbox, place=place)
    if decision.verb == HUNT:
        row.found = 0
        hunted_messages.forget_mailbox(session, decision.id, row.mailbox)
        return replace(search, criteria=Criteria.from_json(selected), listing=bool(decision.second_by))
    if HUNT in selected:
        return replace(search, take=True, named=hunted_messages.list_claimed(session, decision.id, row.mailbox), hunted=True)
    if not (sender := selected.get("sender", "")):
        return replace(search, take=True, named=related_messages.list_claimed(session, decision.id, row.mailbox))
    row.found = 0 if selected.get("dry_run") else row.found
    return replace(search, sender=sender, take=not selected.get("dry_run"))


def note_hunted(session: Session, search: Search, found: Sequence[Hunted], *, now: datetime) -> None:
    """Counts what fits a hunt, and writes it down where two people agreed to see it."""
    row = lock_search(session, search)
    if row is None:
        return
    row.found += len(found)
    session.flush()
    if search.listing:
        hunted_messages.record_hunted(session, search.decision_id, search.mailbox, found, now)


def owner_of(session: Session, mailbox: str) -> tuple[str, str]:
    """Owner of a mailbox: the department, and the person or ""."""
    known = select(col(KnownRecipient.department), col(KnownRecipient.person)).where(col(KnownRecipient.mailbox) == mailbox)
    row = session.execute(known.order_by(col(KnownRecipient.person).desc()).limit(1)).first()
    return (row.department, row.person) if row else ("", "")


def secure_found(session: Session, search: Search, sightings: Sequence[Sighting], *, now: datetime) -> list[Copy]:
    """Enter what was found, with all that is needed to put it back; the copies that may be taken: none where the sweep was undone.

    What came through us is left to a purge. What was entered before a crash may be taken without being entered again.
    """
    is_undone = lock_sweep(session, search).undone_by is not None
    row = lock_search(session, search)
    if row is None or is_undone:
        return []
    entered = places_entered(session, search)
    foreign = [one for one in sightings if not related_messages.came_through_us(session, one.marker, search.mailbox)]
    row.found += 0 if search.hunted else sum(one.copy.place not in entered for one in foreign)
    if search.take:
        for one in foreign:
            if one.copy.place not in entered:
                enter_found(session, search, one, now)
    session.flush()
    return [one.copy for one in foreign] if search.take else []


def lock_sweep(session: Session, search: Search) -> Decision:
    """The sweep's decision, locked before anything else, as an undo does: a search waits for an undo under way, and sees it."""
    return session.get_one(Decision, search.decision_id, with_for_update={"key_share": True}, populate_existing=True)


def lock_search(session: Session, search: Search) -> SweptMailbox | None:
    """The mailbox's row, locked, while the search's attempt is the last one."""
    row = session.get(SweptMailbox, search.id, with_for_update=True, populate_existing=True)
    return row if row and row.attempts == search.number and row.due_at is not None else None


def places_entered(session: Session, search: SearchedMailbox) -> set[Lay]:
    """Returns the places of copies that this sweep has entered from this mailbox."""
    return {recalled_copies.place_of(row) for _, row in entered_copies(session, search)}


def entered_copies(session: Session, search: SearchedMailbox) -> list[tuple[DecisionItem, Recalled]]:
    """Items of this sweep from this mailbox, each with its copy."""
    rows = session.execute(
        select(DecisionItem, Recalled)
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .join(Recalled, col(Recalled.delivery_id) == col(Delivery.id))
        .where(col(DecisionItem.decision_id) == search.decision_id, col(Delivery.mailbox) == search.mailbox)
    )
    return [(item, kept) for item, kept in rows]


def confirm_removed(session: Session, search: Search, taken: Sequence[Copy], *, now: datetime) -> None:
    """The mailbox has confirmed that these are removed; what an undo wants back meanwhile begins to return."""
    lock_sweep(session, search)
    places = {copy.place for copy in taken}
    items = [item for item, row in entered_copies(session, search) if recalled_copies.place_of(row) in places]
    end_copies(session, search, [item for item in items if item.outcome == UNCONFIRMED], Event.RECALL, "done", now)


def end_unconfirmed(session: Session, search: SearchedMailbox, met: Collection[Lay], why: str, now: datetime) -> None:
    """Ends copies whose removal was never confirmed: done, not there any more, or out of reach."""
    if not why:
        end_copies(session, search, removed_before(session, search, met), Event.RECALL, "done", now)
    waiting = [item for item, _ in entered_copies(session, search) if item.outcome == UNCONFIRMED]
    end_copies(session, search, waiting, *((Event.GIVE_UP, "out of reach") if why else (Event.MISS, "already gone")), now)


def end_copies(session: Session, search: SearchedMailbox, items: Sequence[DecisionItem], event: Event, outcome: str, now: datetime) -> None:
    """The end of copies that were to be removed, in the audit log. Those that an undo wants back meanwhile begin to return."""
    for item in items:
        item.outcome = outcome
    session.flush()
    request_undone_return(session, search, [item.delivery_id for item in items])
    mine = is_among(session, col(Delivery.id), [item.delivery_id for item in items])
    held = mine & (col(Delivery.back_to) == "held")  # again: the mailbox is somebody else's now
    for some, what in ((held, Event.MISS if event is Event.GIVE_UP else event), (mine, event)):
        ledger.record_many(session, some, what, by=BY, now=now, decision_id=search.decision_id, due_at=None)
    for delivery_id in session.scalars(select(col(Delivery.id)).where(mine, col(Delivery.back_wanted_by).is_not(None))).all():
        recalled_copies.bring_back(session, delivery_id, now=now)
    if outcome == "done":
        done = col(Decision.done) + len(items)
        session.execute(update(Decision).where(col(Decision.id) == search.decision_id).values(done=done))


def request_undone_return(session: Session, search: SearchedMailbox, ids: Sequence[int]) -> None:
    """Wants copies back that the undo of the sweep has not met. One in slices comes to them."""
    undoing = session.get(Decision, session.get_one(Decision, search.decision_id).undone_by or 0)
    if undoing is None or undoing.has_slices_left:
        return
    missed = is_among(session, col(Delivery.id), ids) & col(Delivery.back_wanted_by).is_(None)
    strangers = is_among(session, col(Delivery.id), reassigned_addresses.find_barred(session, ids))
    recalled_copies.request_return(session, missed & strangers, "held", undoing.id)
    recalled_copies.request_return(session, missed & not_(strangers), "mailbox", undoing.id)


def removed_before(session: Session, search: SearchedMailbox, met: Collection[Lay]) -> list[DecisionItem]:
    """Items that an earlier attempt found, and this one, which looked everywhere, did not: that one removed them and could not say so.

    Those are left out that their owner may have moved: a copy with the same date and size was met.
    """
    rows = [(item, row, recalled_copies.place_of(row) in met) for item, row in entered_copies(session, search)]
    moved = {(row.internal_date, row.size) for _, row, is_met in rows if is_met}
    return [item for item, row, is_met in rows if item.outcome == UNCONFIRMED and not is_met and (row.internal_date, row.size) not in moved]


def enter_found(session: Session, search: Search, sighting: Sighting, now: datetime) -> None:
    """A message that never came through us is entered as one to be removed, and kept as it lay."""
    copy, summary = sighting.copy, sighting.summary
    content_id, content = bodies.keep_body(session, copy.raw)
    envelope = Envelope(ids.new_id(), copy.internal_date, "", (search.mailbox,), "", "")
    found = Authentication(author_of(search, summary))
    message = Message(
        id=envelope.spool_id,
        spool_id=envelope.spool_id,
        content_id=content_id,
        received_at=copy.internal_date,
        record=MessageRecord(envelope.as_json(), found.as_json(), summary.as_json() | {"text": ""}, []),
        text=summary.text,
    )
    delivery = delivery_of(session, message, search, summary, now)
    ledger.enter_message(session, message, content, [delivery], by=BY, now=now)
    recalled_copies.record_copies(session, [(delivery.id, copy.raw, [copy])], now=now)
    kept = recalled_copies.current_copies(session, [delivery.id])[delivery.id]
    why = recalled_copies.describe_copies(kept)
    session.add(
        DecisionItem(
            decision_id=search.decision_id,
            delivery_id=delivery.id,
            before=State.DELIVERED,
            outcome=UNCONFIRMED,
            **sentence_columns("why", why),
        )
    )
    if not search.named:
        session.execute(update(Decision).where(col(Decision.id) == search.decision_id).values(count=col(Decision.count) + 1))


def author_of(search: Search, summary: Summary) -> str:
    """Returns the author of a message found by a sweep."""
    return search.sender or summary.author or summary.claimed_author


def delivery_of(session: Session, message: Message, search: Search, summary: Summary, now: datetime) -> Delivery:
    """Delivery of a copy, which this search and no other errand removes."""
    department, person = owner_of(session, search.mailbox)
    author = author_of(search, summary)
    words = (summary.subject, summary.author_name, author, search.mailbox, person)
    return Delivery(
        message_id=message.id,
        state=State.RECALLING,
        queued_at=now,
        received_at=message.received_at,
        recipient=search.mailbox,
        department=department,
        person=person,
        mailbox=search.mailbox,
        author=author,
        author_domain=author.rpartition("@")[2],
        author_name=summary.author_name,
        claimed=not summary.author,
        subject=summary.subject,
        search=" ".join(words).casefold(),
        proof="",
        weight=0,
        verdict="purge",
        rule="take" if search.named and not search.hunted else VERB,
        reason=reason_of(search),
        decision_id=search.decision_id,
    )


def reason_of(search: Search) -> str:
    """Says why a message was removed."""
    if search.hunted:
        return say("A hunt found it in the mailbox.")
    return say("It was removed together with a related message.") if search.named else say("A sweep found it in the mailbox.")


def settle_mailbox(
    session: Session,
    search: Search,
    met: Collection[Lay],
    why: str = "",
    *,
    later: bool = False,
    pause: float = 0.0,
    settings: Settings,
    now: datetime,
) -> None:
    """This mailbox is looked through; or it could not be, for the reason given, and is tried again when `later`. An undo ends the search.

    `met`: where copies lay that it was to take. `pause`: seconds that its server wants to be left alone.
    """
    is_undone = lock_sweep(session, search).undone_by is not None
    row = lock_search(session, search)
    if row is None:
        return
    if is_undone:
        end_undone(session, row, now)
        return
    row.why, row.why_form = str(why), form_of(why)
    trying = now - row.begun_at
    again = later and trying < (hunt_criteria.LASTS if search.criteria else timedelta(hours=settings.recall.give_up_after))
    usual = min(max(trying, SHORTEST), LONGEST) * random.uniform(0.8, 1.2)
    row.due_at = now + max(usual, timedelta(seconds=pause)) if again else None
    session.flush()
    if not again:
        end_unconfirmed(session, search, met, why, now)
        if search.hunted:
            missing = hunted_messages.OUT_OF_REACH if why else hunted_messages.NOT_THERE
            removed = places_removed(session, search)
            row.found = hunted_messages.settle_rows(session, search.decision_id, search.mailbox, removed, missing)
            session.flush()


def places_removed(session: Session, search: Search) -> set[Lay]:
    """Returns the places of copies of which this mailbox confirmed the removal."""
    return {recalled_copies.place_of(row) for item, row in entered_copies(session, search) if item.outcome == "done"}


def next_due(session: Session) -> datetime | None:
    """Returns when the next mailbox is due, or a dead worker's lease ends; None when nothing waits."""
    found: datetime | None = session.scalar(select(func.min(col(SweptMailbox.due_at))).where(restore_pause.is_running()))
    return found
