"""A message comes in: gather facts, decide for each recipient, enter. Also what the door is told."""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import event, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.addressing.public_suffix import is_shared
from triage.config.settings import Settings
from triage.delivery import bounces, groups, journal
from triage.directory import apply as directory, leavers
from triage.directory.recipient_map import DoorSnapshot
from triage.errors import NotYet
from triage.ids import new_id
from triage.intake import first_look, lookups, plain_mode, sender_context
from triage.intake.first_look import AtSight
from triage.message import signals
from triage.message.authentication import Authentication, Result
from triage.message.fingerprint import Fingerprint
from triage.message.mailing_lists import shown_name
from triage.message.mime.links import organisation, related
from triage.message.signals import Correspondents, Seen
from triage.message.signals.scan_results import NOT_ASKED, Scan
from triage.message.summary import Summary
from triage.policy import copies
from triage.policy.contacts import store as contacts
from triage.policy.contacts.sender_history import Sender, Senders, sender
from triage.policy.decide import Disposition, Verdict, decide
from triage.policy.facts import Facts
from triage.policy.learning import known_names
from triage.policy.learning.known_names import Familiar, Stranger
from triage.policy.proof import proof_of_author, proven_as
from triage.policy.rules import redirects, smtp_blocks, store as rules
from triage.quarantine.campaigns import assign as campaigns, traits
from triage.quarantine.campaigns.mail_bombs import Floods
from triage.quarantine.requests.expected_senders import Expected
from triage.runtime import metrics
from triage.store import bodies, ledger, message_ids, versions
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient
from triage.store.new_rows import Entry, NewDelivery, Row
from triage.text.sanitize import visible

JUDGE = Actor.system("judge")
ENTRY_STATE = {Disposition.RELAY: State.QUEUED, Disposition.QUARANTINE: State.HELD, Disposition.PURGE: State.PURGED}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was accepted, and what was found out about it."""

    envelope: Envelope
    raw: bytes
    authentication: Authentication
    summary: Summary
    listed: str = ""  # who lists the client as bad, in words
    scan: Scan = NOT_ASKED
    patient: bool = False  # there is time to judge it again
    at_sight: AtSight | None = None  # None: nobody has looked yet


def looked_at(arrival: Arrival, *, settings: Settings, now: datetime) -> Arrival:
    """The same, with what its message shows alone: to be asked for before a transaction begins."""
    if arrival.at_sight:
        return arrival
    found = first_look.look(seen(arrival, settings, now), arrival.raw, arrival.envelope.received_at, settings)
    return replace(arrival, at_sight=found)


def seen(arrival: Arrival, settings: Settings, now: datetime) -> Seen:
    """What the signals look at, without what the company knows."""
    return Seen(
        summary=arrival.summary,
        authentication=arrival.authentication,
        now=now,
        own_domains=settings.own_domains,
        reverse_path=arrival.envelope.reverse_path,
        listed=arrival.listed,
        scan=arrival.scan,
    )


@dataclass(slots=True)
class Passage:
    """One message on its way in, and how far it has come."""

    arrival: Arrival
    envelope: Envelope  # under an id that no other message has
    message_id: int
    campaign_id: int | None = None
    gathered: list[Facts] = field(default_factory=list)
    verdicts: list[tuple[Facts, Verdict]] = field(default_factory=list)
    message: Row = field(default_factory=dict)
    deliveries: list[NewDelivery] = field(default_factory=list)
    fault: Exception | None = None  # why it cannot be entered

    @property
    def at_sight(self) -> AtSight:
        """What its message shows alone."""
        assert self.arrival.at_sight is not None, "looked_at first"
        return self.arrival.at_sight

    @property
    def stranger(self) -> Stranger | None:
        """The author where no rule lets them in."""
        if any(rule.effect == "allow" for facts in self.gathered for rule in facts.rules):
            return None
        return Stranger(self.arrival.summary.author, self.arrival.summary.author_name)

    @property
    def rules_at_work(self) -> set[int]:
        """The rules that decided something about it."""
        named = (one for facts, verdict in self.verdicts for one in (verdict.rule_id, facts.recipient.redirected_by))
        return {one for one in named if one is not None}

    @property
    def answers(self) -> bool:
        """Does it say that it answers an earlier mail?"""
        return bool(self.arrival.summary.in_reply_to or self.arrival.summary.references)

    @property
    def is_let_in(self) -> bool:
        """Does a rule let it in, and does it prove who wrote it?"""
        return bool(self.arrival.authentication.proof) and any(verdict.rule == "allowed-sender" for _, verdict in self.verdicts)


def receive(
    session: Session,
    envelope: Envelope,
    raw: bytes,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
    listed: str = "",
    scan: Scan = NOT_ASKED,
    patient: bool = False,
) -> tuple[int, ...]:
    """Enter a message, one delivery a mailbox; the delivery ids.

    Idempotent by `envelope.spool_id`: a second call changes nothing and returns the same ids. `listed`: who lists the client
    as bad, in words. `scan`: what scanners said. `patient`: there is time to judge it again; NotYet, and nothing is entered,
    when a verdict rests on a DNS that did not answer.
    """
    arrival = Arrival(envelope, raw, authentication, summary, listed, scan, patient)
    (entered,) = receive_all(session, [arrival], settings=settings, now=now)
    if isinstance(entered, Exception):
        raise entered
    return entered


def receive_all(session: Session, arrivals: Sequence[Arrival], *, settings: Settings, now: datetime) -> list[tuple[int, ...] | Exception]:
    """Enter messages that came in about the same time: of each the delivery ids, or why it was not entered. As `receive` each.

    What concerns all of them is asked once, and what is written is written at the end: a message that cannot be judged
    takes no other one with it. When the database will not have one, none is entered and its exception is raised. Whoever has the
    time before the transaction has `looked_at` the messages.
    """
    found = message_ids.identified_all(session, [one.envelope for one in arrivals])
    passages = [Passage(arrival, envelope, entered or 0) for arrival, (envelope, entered) in zip(arrivals, found, strict=True)]

    def look(one: Passage) -> None:
        one.arrival = looked_at(one.arrival, settings=settings, now=now)

    fresh = each((one for one in passages if not one.message_id), look)
    fresh = judged(session, fresh, settings=settings, now=now)
    fresh, floods = placed(session, fresh, settings=settings, now=now)
    enter(session, fresh, settings=settings, now=now)
    floods.settle()
    learn(session, fresh, settings=settings, now=now)
    verdicts = Counter((verdict.rule, verdict.disposition) for one in fresh for _, verdict in one.verdicts)
    event.listen(session, "after_commit", lambda _: tell_meters(verdicts), once=True)
    return [one.fault or tuple(ids_of(session, one)) for one in passages]


def tell_meters(verdicts: Counter[tuple[str, Disposition]]) -> None:
    """Count what was decided; it is committed."""
    for (rule, disposition), number in verdicts.items():
        metrics.count("mailroom_verdicts", number, rule=rule, verdict=str(disposition))


def judged(session: Session, fresh: list[Passage], *, settings: Settings, now: datetime) -> list[Passage]:
    """Decide for each recipient of the messages; those that could be decided about."""
    sorting = campaigns.Sorting(session, [Fingerprint.from_text(one.arrival.summary.fingerprint) for one in fresh])
    asked = (lookups.Asked(one.envelope, one.arrival.summary, sorting.likely(number)) for number, one in enumerate(fresh))
    known = lookups.ask(session, asked, settings=settings, now=now)
    numbers = itertools.count()

    def sort(one: Passage) -> None:
        number = next(numbers)
        one.campaign_id = sorting.assign(number)
        try:
            judge(one)
        except Exception:
            sorting.take_back(number)
            raise

    def judge(one: Passage) -> None:
        arrival = one.arrival
        one.gathered = lookups.evidence(
            session,
            one.envelope,
            arrival.authentication,
            arrival.summary,
            settings=settings,
            now=now,
            listed=arrival.listed,
            virus=arrival.scan.virus,
            campaign_id=one.campaign_id,
            known=known,
            danger=one.at_sight.danger,
            lasts=one.at_sight.deadline,
        )
        one.verdicts = redirects.once([(facts, decide(facts)) for facts in one.gathered])
        waiting = next((verdict.reason for _, verdict in one.verdicts if verdict.unknown), "")
        if arrival.patient and waiting:
            dns = visible(arrival.authentication.dmarc.reason)
            raise NotYet(f"{waiting} ({dns})" if arrival.authentication.unknown else waiting)

    fine = each(fresh, sort)
    sorting.write(now)
    return fine


def placed(session: Session, fresh: list[Passage], *, settings: Settings, now: datetime) -> tuple[list[Passage], Floods]:
    """Give the messages their signals and their deliveries, and each of these its place; those with which that went well."""
    freemail = settings.policy.freemail_domains
    senders = Senders(session, (sender_of(one, freemail) for one in fresh))
    acquaintance = Familiar(session, (stranger for one in fresh if (stranger := one.stranger)), settings=settings, now=now)
    people = sender_context.names_of_people(session)
    expected = Expected(session, {one.arrival.summary.author for one in fresh}, now)

    def make(one: Passage) -> None:
        known = senders.of(sender_of(one, freemail))
        beside = replace(
            seen(one.arrival, settings, now),
            people=people,
            met=known.met,
            known=acquaintance.of(one.stranger) if one.stranger else Correspondents(),
            recipients=len(one.gathered),
        )
        signs, one.message_id = signals.signals(beside, one.at_sight.signs), new_id()
        one.message = row_of(one, [signal.as_json() for signal in signs])
        one.deliveries = [delivery(one, *judged, freemail, now) for judged in one.verdicts]
        for copy in one.deliveries:
            found = sender_context.place(senders, copy, signs, known, expected, deadline=one.at_sight.deadline, answers=one.answers)
            about = one.arrival.authentication, one.arrival.summary
            sender_context.look_twice(session, copy, found, *about, freemail, is_known=known.met.let_in)
            plain_mode.let_on(copy, settings.company, now)
        senders.entered(one.deliveries)
        if one.is_let_in:
            acquaintance.met(one.arrival.summary.author, one.arrival.summary.author_name)

    fresh = each(fresh, make)
    copies.mark(session, (pair for one in fresh for pair in with_refutation(one)), settings=settings, now=now)
    floods = Floods(session, (copy for one in fresh for copy in one.deliveries), caps=settings.floods)

    def pile(one: Passage) -> None:
        for copy in one.deliveries:
            floods.place(copy, bool(one.arrival.summary.automatic))

    return each(fresh, pile), floods


def enter(session: Session, fresh: Sequence[Passage], *, settings: Settings, now: datetime) -> None:
    """Write the messages down."""
    kept = bodies.keep_all(session, [one.at_sight.content for one in fresh])
    entered: list[Entry] = []
    for one, (content_id, content) in zip(fresh, kept, strict=True):
        copies = (*one.deliveries, *journal.copies(one.message_id, one.envelope, settings))
        entered.append(Entry(one.message | {"content_id": content_id}, content, [copy.as_row() for copy in copies]))
    ledger.enter_all(session, entered, by=JUDGE, now=now)
    traits.keep(session, (traits_of(one, settings) for one in fresh if any(copy.state == State.HELD for copy in one.deliveries)))


def traits_of(passage: Passage, settings: Settings) -> tuple[int, set[int]]:
    """What a message that is held may share with related ones."""
    arrival = passage.arrival
    return passage.message_id, traits.traits_of(arrival.summary, arrival.envelope.client, settings.own_domains)


def learn(session: Session, fresh: Sequence[Passage], *, settings: Settings, now: datetime) -> None:
    """What has come in tells of others: what it returns, the rules that it used, whom it is from, and the lists that it came through."""
    for one in fresh:
        for copy in one.deliveries:
            if copy.direction == "bounce":
                bounces.come_back(session, one.envelope, copy, one.arrival.summary, now=now)
    rules.used(session, (rule for one in fresh for rule in one.rules_at_work), now)
    contacts.heard(session, (one for passage in fresh for one in heard_from(passage)), now)
    known_names.meet(session, ((one.arrival.summary.author, one.arrival.summary.author_name) for one in fresh if one.is_let_in))
    contacts.seen_lists(session, dict(post for one in fresh if (post := list_of(one.arrival, settings.policy.freemail_domains))))


def each(passages: Iterable[Passage], step: Callable[[Passage], None]) -> list[Passage]:
    """Those with which a step went well; the others know their fault."""
    fine: list[Passage] = []
    for one in passages:
        try:
            step(one)
        except SQLAlchemyError:
            raise  # nothing more can be asked in this transaction
        except Exception as fault:
            one.fault = fault
        else:
            fine.append(one)
    return fine


def ids_of(session: Session, passage: Passage) -> Iterable[int]:
    """The ids of a message's deliveries, of this time or of an earlier one."""
    if passage.deliveries:
        return [one.id for one in passage.deliveries]
    mine = (col(Delivery.message_id) == passage.message_id, col(Delivery.direction) != journal.JOURNAL)
    return session.scalars(select(col(Delivery.id)).where(*mine).order_by(col(Delivery.id)))


def with_refutation(passage: Passage) -> Iterable[tuple[NewDelivery, bool]]:
    """Its deliveries, each with whether the author's own domain says that it is not theirs."""
    refuted = passage.arrival.authentication.dmarc.result is Result.FAIL
    return ((one, refuted) for one in passage.deliveries)


def sender_of(passage: Passage, freemail: Collection[str]) -> Sender:
    """Whose standing matters for a message."""
    arrival = passage.arrival
    proven = bool(arrival.authentication.proof)
    return sender(arrival.summary.author, proven=proven, freemail=freemail, campaign=passage.campaign_id)


def row_of(passage: Passage, signs: list[Row]) -> Row:
    """The row of a message, but for its content."""
    return {
        "id": passage.message_id,
        "spool_id": passage.envelope.spool_id,
        "received_at": passage.envelope.received_at,
        "envelope": passage.envelope.as_json(),
        "authentication": passage.arrival.authentication.as_json(),
        "summary": passage.at_sight.said,
        "signals": signs,
        "text": passage.arrival.summary.text,
    }


def list_of(arrival: Arrival, freemail: Collection[str]) -> tuple[str, tuple[str, str]] | None:
    """Where a list's posts go, how it calls itself and who signs them. Only as a signature of the organisation says that both name.

    Who signs the mail of anybody says nothing: a stranger there could make a list of whom people here write to.
    """
    summary = arrival.summary
    domain = summary.list_post.rpartition("@")[2]
    if not summary.list_id or not domain or domain in freemail or is_shared(organisation(domain)):
        return None
    passed = (one for one in arrival.authentication.dkim if one.result is Result.PASS and one.signs_list)
    signers = [one.domain for one in passed if related(one.domain, domain) and related(one.domain, summary.list_id)]
    return (summary.list_post, (summary.list_id, signers[0])) if signers else None


def heard_from(passage: Passage) -> set[int]:
    """The correspondents whose proven mail this is, for somebody whom they are known to."""
    proven = (facts for facts in passage.gathered if proof_of_author(facts))
    return {rule.id for facts in proven for rule in facts.rules if rule.origin == contacts.ORIGIN}


def delivery(passage: Passage, facts: Facts, verdict: Verdict, freemail: Collection[str], now: datetime) -> NewDelivery:
    """One recipient's copy."""
    summary, recipient = facts.summary, facts.recipient
    state = ENTRY_STATE[verdict.disposition]
    queued = now if state is State.QUEUED else None
    author = summary.author or (summary.authors[0] if summary.authors else facts.envelope.reverse_path.casefold())
    name = shown_name(summary)
    words = (summary.subject, name, author, recipient.address, recipient.person)
    return NewDelivery(
        id=new_id(),
        message_id=passage.message_id,
        campaign_id=passage.campaign_id,
        state=state,
        received_at=facts.envelope.received_at,
        recipient=recipient.address,
        department=recipient.department,
        person=recipient.person,
        mailbox=recipient.mailbox,
        listed=recipient.listed or recipient.address,
        detail=recipient.detail,
        note=recipient.note,
        redirected=recipient.redirected_by is not None,
        author=author,
        author_domain=author.rpartition("@")[2],
        author_name=name,
        subject=summary.subject,
        search=" ".join(words).casefold(),
        proof=proof_of_author(facts),
        proven_as=proven_as(facts, freemail),
        verdict=verdict.disposition,
        rule=verdict.rule,
        rule_id=verdict.rule_id,
        reason=verdict.reason,
        beside=[one.as_json() for one in verdict.beside],
        withheld=verdict.withheld,
        direction="bounce" if recipient.bounce == "ours" else "in",
        due_at=queued,
        queued_at=queued,
    )


def door_snapshot(session: Session, *, settings: Settings, now: datetime) -> DoorSnapshot | None:
    """Everything that the receiving daemon may know, as of now; None as long as no directory was taken over."""
    columns = col(KnownRecipient.address), col(KnownRecipient.sub_addressed), col(KnownRecipient.kind)
    rows = session.execute(select(*columns)).all()
    if not rows:
        return None
    blocks = smtp_blocks.door_entries(session, now)
    closed = groups.closed_addresses(session)
    taken = [(address, sub_addressed) for address, sub_addressed, kind in rows if kind != leavers.GONE and address not in closed]
    return DoorSnapshot(
        domains=settings.own_domains,
        recipients=frozenset(address for address, sub_addressed in taken if not sub_addressed),
        sub_addressed=frozenset(address for address, sub_addressed in taken if sub_addressed),
        blocked=blocks.always,
        blocked_unsigned=blocks.unsigned,
        left=frozenset(address for address, _, kind in rows if kind == leavers.GONE),
        closed=closed,
        delimiter=settings.company.delimiter,
    )


def door_version(session: Session, now: datetime) -> str:
    """Differs from every earlier one when the door snapshot may have changed."""
    return f"{versions.read(session, directory.VERSION)}.{smtp_blocks.version(session, now)}"
