"""Gives evaluated messages their signals and their deliveries, each of these its place in the queue, and writes them together."""

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from triage.access import confidential_folders
from triage.actor import Actor
from triage.config.settings import Company, Settings
from triage.delivery import journal
from triage.delivery.routes import SIMULATION
from triage.ids import new_id
from triage.intake import sender_context
from triage.intake.stages import Evaluated, Examined, Faults, Stored, signal_input
from triage.message.authentication import Result
from triage.message.language import find_language
from triage.message.mailing_lists import shown_name
from triage.message.signals import find_signals
from triage.message.signals.severity import Severity, rate_severity
from triage.message.signals.signal_context import Signal, SimilarContacts, sum_weights
from triage.message.summary import sender_address
from triage.policy import copies
from triage.policy.contacts.sender_history import Sender, Senders, history_key
from triage.policy.decide import SIMULATED, Disposition, Verdict, decide_verdict
from triage.policy.facts import Facts
from triage.policy.known_senders import domain_proofs
from triage.policy.learning import learn_order
from triage.policy.learning.known_names import Familiar
from triage.policy.proof import proof_of_author, proven_as
from triage.quarantine.campaigns import traits, wanted_traits
from triage.quarantine.campaigns.mail_bombs import Floods
from triage.quarantine.requests.expected_senders import Expected
from triage.quarantine.search import message_words
from triage.say import say
from triage.store import bodies, ledger
from triage.store.delivery_state import State
from triage.store.new_rows import Entry, NewDelivery, Row

JUDGE = Actor.system("judge")
ENTRY_STATE = {Disposition.RELAY: State.QUEUED, Disposition.QUARANTINE: State.HELD, Disposition.PURGE: State.PURGED}
PLAIN_FOLDER = "Shared"  # in plain mode, the folder for role addresses and groups


def store_all(session: Session, evaluated: Sequence[Evaluated], faults: Faults, *, settings: Settings, now: datetime) -> list[Stored]:
    """Give the messages their signals and their deliveries, each of these its place, and write them; those with which that went well."""
    made = describe_all(session, evaluated, faults, settings=settings, now=now)
    copies.mark_copies(session, (pair for one in made for pair in pair_with_refutation(one)), settings=settings, now=now)
    floods = Floods(session, (copy for one in made for copy in one.deliveries), caps=settings.floods)

    def place_in_floods(one: Stored) -> Stored:
        for copy in one.deliveries:
            floods.place(copy, one.examined.summary)
        return one

    stored = faults.each(made, place_in_floods)
    write_all(session, stored, settings=settings, now=now)
    floods.settle()
    return stored


def describe_all(session: Session, evaluated: Sequence[Evaluated], faults: Faults, *, settings: Settings, now: datetime) -> list[Stored]:
    """The rows of the messages, with their signals, and of their deliveries, with the priority of each."""
    freemail = settings.policy.freemail_domains
    senders = Senders(session, (sender_of(one, freemail) for one in evaluated))
    familiar = Familiar(session, (stranger for one in evaluated if (stranger := one.stranger)), settings=settings, now=now)
    people = sender_context.names_of_people(session)
    learned = learn_order.current_lessons(session, settings)
    summaries = [one.examined.summary for one in evaluated]
    expected = Expected(session, {one.author for one in summaries}, now, subjects={one.subject for one in summaries})
    proofs_of = functools.cache(functools.partial(sender_context.earlier_proofs, session))  # a message may go to hundreds of people

    def describe(one: Evaluated) -> Stored:
        examined, summary = one.examined, one.examined.summary
        known = senders.of(sender_of(one, freemail))
        beside = replace(
            signal_input(examined.arrival, settings, now),
            people=people,
            met=known.met,
            known=familiar.of(one.stranger) if one.stranger else SimilarContacts(),
            sender_proof=one.facts[0].sender_proof if one.facts else None,
            recipients=len(one.facts),
        )
        signs = find_signals.find_signals(beside, examined.at_sight.signs)
        one = decide_by_comparison(one, signs)
        message_id = new_id() if examined.arrival.imported else examined.envelope.spool_id
        deliveries = tuple(new_delivery(message_id, one.campaign_id, *judged, freemail, now) for judged in one.verdicts)
        for copy, (facts, _) in zip(deliveries, one.verdicts, strict=True):
            found = sender_context.place_in_queue(
                senders, copy, signs, known, expected, deadline=examined.at_sight.deadline, answers=examined.is_reply, learned=learned
            )
            sender_context.set_second_look(
                copy, found, examined.authentication, summary, freemail, is_known=known.met.accepted, proofs_of=proofs_of
            )
            if facts.dangerous_only and copy.rule == "observe" and copy.severity >= Severity.DANGEROUS:
                hold_as_dangerous(copy)
            if settings.company.plain:
                deliver_in_plain_mode(copy, settings.company, now)
        note_language(deliveries, summary.text)
        senders.entered(deliveries)
        if one.is_accepted:
            familiar.met(summary.author, summary.author_name)
        return Stored(one, message_id, message_row(examined, message_id, [signal.as_json() for signal in signs]), deliveries)

    return faults.each(evaluated, describe)


def decide_by_comparison(one: Evaluated, signs: Collection[Signal]) -> Evaluated:
    """The same, decided again where its proof is new and only what the company knows makes a warning of its signals."""
    proof = one.facts[0].sender_proof if one.facts else None
    severity = rate_severity(sum_weights(signs), {signal.name for signal in signs})
    if proof is None or one.facts[0].warned or not domain_proofs.is_warned(proof, severity):
        return one
    warned = [replace(facts, warned=True) for facts, _ in one.verdicts]
    return replace(one, verdicts=tuple((facts, decide_verdict(facts)) for facts in warned))


def write_all(session: Session, stored: Sequence[Stored], *, settings: Settings, now: datetime) -> None:
    """Write the messages down."""
    kept = bodies.keep_all(session, [one.examined.at_sight.content for one in stored])
    entries: list[Entry] = []
    for one, (content_id, content) in zip(stored, kept, strict=True):
        archived = journal.journal_deliveries(one.message_id, one.examined.envelope, settings) if settings.journal.address else ()
        rows = [copy.as_row() for copy in (*one.deliveries, *archived)]
        entries.append(Entry(one.message | {"content_id": content_id}, content, rows))
    ledger.enter_all(session, entries, by=JUDGE, now=now)
    held = [one for one in stored if any(copy.state == State.HELD for copy in one.deliveries)]
    traits.store_traits(session, (traits_of(one, settings) for one in held))
    index_words(session, held)
    wanted_traits.learn_wanted(session, dict(traits_of(one, settings) for one in stored if one.evaluated.is_accepted), now=now)


def index_words(session: Session, held: Sequence[Stored]) -> None:
    """The words of held messages can be searched, but for those that lie in confidential folders only."""
    found = drop_confidential(session, held)
    message_words.index_words(session, ((one.message_id, message_words.words_of_message(one.examined.summary)) for one in found))


def drop_confidential(session: Session, stored: Sequence[Stored]) -> list[Stored]:
    """Returns the messages without those that came for confidential folders alone."""
    folders = confidential_folders.list_confidential(session) if stored else frozenset()

    def is_open(one: Stored) -> bool:
        return not all(confidential_folders.is_hidden(folders, copy.department, copy.person) for copy in one.deliveries)

    return list(filter(is_open, stored))


def traits_of(one: Stored, settings: Settings) -> tuple[int, set[int]]:
    """Returns the traits that a message may share with related ones."""
    arrival = one.examined.arrival
    signers = {signature.domain for signature in one.examined.authentication.dkim if signature.result is Result.PASS}
    apart = {*settings.own_domains, *settings.policy.freemail_domains}
    return one.message_id, traits.traits_of(arrival.summary, arrival.envelope.client, signers, apart)


def pair_with_refutation(one: Stored) -> Iterable[tuple[NewDelivery, bool]]:
    """Pairs each delivery with whether it is surely not from its author: the author's domain refutes it, or it only claims to be from
    them.
    """
    refuted = one.examined.authentication.dmarc.result is Result.FAIL or not one.examined.summary.author
    return ((copy, refuted) for copy in one.deliveries)


def sender_of(one: Evaluated, freemail: Collection[str]) -> Sender:
    """Returns the sender whose reputation matters for a message."""
    proven = bool(one.examined.authentication.proof)
    return history_key(one.examined.summary.author, proven=proven, freemail=freemail, campaign=one.campaign_id)


def message_row(one: Examined, message_id: int, signs: list[Row]) -> Row:
    """The row of a message, but for its content."""
    return {
        "id": message_id,
        "spool_id": one.envelope.spool_id,
        "received_at": one.envelope.received_at,
        "envelope": one.envelope.as_json(),
        "authentication": one.authentication.as_json(),
        "summary": one.at_sight.summary_row,
        "signals": signs,
        "text": one.summary.text,
    }


def note_language(deliveries: Iterable[NewDelivery], text: str) -> None:
    """Note the language of a message on its held copies: the queue is filtered by it."""
    held = [copy for copy in deliveries if copy.state == State.HELD]
    language = find_language(text) if held else None
    for copy in held:
        copy.language = language


def hold_as_dangerous(copy: NewDelivery) -> None:
    """Hold dangerous: a copy that the step let pass is held when all its warning signs together are dangerous."""
    copy.state, copy.due_at, copy.queued_at = State.HELD, None, None
    copy.verdict, copy.rule, copy.withheld = Disposition.QUARANTINE, "looks-dangerous", ""
    copy.reason = say("its warning signs together are dangerous")


def deliver_in_plain_mode(copy: NewDelivery, company: Company, now: datetime) -> None:
    """Plain mode holds nothing: a copy that would be held goes to DEPARTMENT+PERSON, a folder of the department's own account.

    Only its envelope changes, the verdict stays what it is.
    """
    if copy.state == State.HELD and copy.direction == "in":
        copy.mailbox = f"{copy.department}{company.delimiter}{copy.person or PLAIN_FOLDER}@{company.domains[0]}"
        copy.redirected = True
        copy.state, copy.due_at, copy.queued_at = State.QUEUED, now, now


def new_delivery(
    message_id: int, campaign_id: int | None, facts: Facts, verdict: Verdict, freemail: Collection[str], now: datetime
) -> NewDelivery:
    """Makes the delivery of one recipient."""
    summary, recipient = facts.summary, facts.recipient
    state = ENTRY_STATE[verdict.disposition]
    queued = now if state is State.QUEUED else None
    simulated = verdict.rule == SIMULATED  # in no campaign, and nothing of its author, whom it only claims to be from
    author = sender_address(summary, facts.envelope.reverse_path)
    name = shown_name(summary)
    words = (summary.subject, name, author, recipient.address, recipient.person)
    return NewDelivery(
        id=new_id(),
        message_id=message_id,
        campaign_id=None if simulated else campaign_id,
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
        claimed=simulated or author != summary.author,
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
        marks=facts.marks,
        has_attachments=bool(summary.attachments),
        direction=SIMULATION if simulated else "bounce" if recipient.bounce == "ours" else "in",
        due_at=queued,
        queued_at=queued,
    )
