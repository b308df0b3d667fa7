"""Learns contacts from messages that employees send to outside addresses, and logs what was not learned and why.

`learn_many` is the one way in, for the outbound listener, journal copies, logs, seeds and scripts. It takes `contact_evidence.Sent`
values, any number in one call; make them with `contact_evidence.sent` from a summary (headers alone will do). It may be called again
with the same messages, but counts them again: who reads mailboxes remembers how far it has come.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor, Grant
from triage.addressing.envelope import Address
from triage.config.settings import Settings
from triage.directory import recipients
from triage.errors import BadInput, NotAllowed
from triage.policy import copies
from triage.policy.contacts import store as contacts_store
from triage.policy.contacts.contact_evidence import Reason, Sent, may_answer
from triage.policy.contacts.sent_mail_totals import Gathered, gather_mail
from triage.policy.contacts.store import KNOWN, Key, Lesson, Post
from triage.policy.learning import known_names
from triage.policy.learning.writers import Lookup, Writer
from triage.policy.rules import store as rules
from triage.say import quote_text, say
from triage.store import ledger, versions
from triage.store.db import is_among
from triage.store.models.contacts import SentMail
from triage.store.models.deliveries import Delivery
from triage.times import from_micros

CAPPED = frozenset({"outbound", "journal", "log"})  # ways that a compromised account could use to let somebody in
ANNOUNCED = frozenset({"seed", "api"})  # ways by which an administrator says so: what they learn stays for a while, however old it is
TURN = "learning"  # the marker that one listener at a time moves on, so that a day's cap holds over all of them
MOST_SHOWN = 20  # addresses that are kept with a reason why they were not learned
Lessons = dict[Key, Lesson]


@dataclass(slots=True)
class Learned:
    """Result of learning: numbers of addresses, and for each reason how many messages and addresses were not learned."""

    learned: int = 0  # new ones
    known: int = 0  # that were there already
    parked: int = 0  # new ones that wait until staff has looked
    skipped: Counter[Reason] = field(default_factory=Counter)
    whose: Counter[tuple[str, str, Reason]] = field(default_factory=Counter, repr=False)  # the same, by who wrote (Writer.key)

    def skip(self, reason: Reason, number: int, key: tuple[str, str]) -> None:
        """Counts messages of a writer that were not learned, by reason."""
        self.skipped[reason] += number
        self.whose[(*key, reason)] += number


def learn_many(session: Session, messages: Iterable[Sent], *, how: str, settings: Settings, by: Actor, now: datetime) -> Learned:
    """Learn from messages that were sent, in their order; `how`: outbound, journal, log, seed or api.

    What left through us (outbound, journal, log) is remembered too, so that answers are known, and counts towards
    `outbound.daily_cap`. What is not learned is counted by reason. Nothing is learned where `outbound.learn` is none.
    """
    given = list(messages)
    left = given if how in CAPPED else ()
    return learn_gathered(session, gather_mail(given), left=left, how=how, settings=settings, by=by, now=now)


def learn_gathered(
    session: Session, found: Gathered, *, left: Sequence[Sent] = (), how: str, settings: Settings, by: Actor, now: datetime
) -> Learned:
    """The same from messages that were put together before; `left`: those that are to be remembered one by one."""
    if how not in CAPPED | ANNOUNCED:
        raise BadInput(say("outbound, journal, log, seed or api, not {how}", how=quote_text(how)), field="how")
    lists = contacts_store.lists_among(session, (one.recipient for contacts in found.contacts.values() for one in contacts))
    lookup = Lookup(session, settings, lists, believes_author=how == "seed")
    lookup.expect({one for whose in found.authors for one in whose} | {sender for sender, _ in found.why_not})
    report = Learned()
    count_whole_messages(found, lookup, report)
    lessons, posts = find_lessons(found, lookup, report)
    outcomes = [(mail, assess_message(mail, lookup)) for mail in left]
    if left:
        versions.advance_version(session, TURN)
    if settings.outbound.learn != "none":
        unwanted = write_lessons(session, lessons, report, how=how, settings=settings, now=now)
        contacts_store.remember_posts(session, posts)
        for _, outcome in outcomes:
            outcome.leave_out(unwanted)
    rules.prolong_rules(session, {address for _, outcome in outcomes for address in outcome.addresses}, now)
    for mail, outcome in outcomes:  # one by one: the day's cap of each counts those before it
        if row := answerable_message(session, mail, outcome, lookup, now):
            contacts_store.record_sent(session, [row])
    contacts_store.count_unlearned(session, report.whose, how=how, now=now)
    if report.learned or report.parked:
        detail = {"how": how, "learned": report.learned, "parked": report.parked, "messages": found.messages}
        ledger.write_act(session, "learn", "contacts", by=by, now=now, detail=detail, items=report.learned + report.parked)
    return report


def count_whole_messages(found: Gathered, lookup: Lookup, report: Learned) -> None:
    """Counts messages from which nothing is learned as a whole, by reason."""
    for (sender, why), messages in found.why_not.items():
        report.skip(why, messages, lookup.key(sender))
    for (sender, author), messages in found.authors.items():
        if reason := lookup.why_not_from(sender, author):
            report.skip(reason, messages, lookup.key(sender))
        elif without := found.without[sender, author]:
            report.skip(Reason.NO_RECIPIENT, without, lookup.key(sender))


def find_lessons(found: Gathered, lookup: Lookup, report: Learned) -> tuple[Lessons, list[Post]]:
    """Returns the lessons and the posts to mailing lists; counts the rest by reason."""
    lessons: Lessons = {}
    posts: list[Post] = []
    for (sender, author), contacts in found.contacts.items():
        writer = lookup.taught(sender, author)
        if writer is None or lookup.why_not_from(sender, author):
            continue
        person, department = writer.key
        for recipient, sent, first, last, message_id, subject_digest in contacts:
            address, reason = lookup.recipient(recipient)
            if reason is None:
                key = str(address), person, department
                before, lesson = lessons.get(key), Lesson(*key, sent, first, last, message_id, subject_digest)
                lessons[key] = join_lessons(before, lesson) if before else lesson
                continue
            report.skip(reason, sent, writer.key)
            if reason is Reason.LIST_POST:
                posts.append(Post(str(address), sent, person, from_micros(last)))
    return lessons, posts


@dataclass(slots=True)
class Outcome:
    """Result of learning from one message."""

    writer: Writer | None = None
    addresses: tuple[str, ...] = ()
    whole: Reason | None = None  # the whole mail teaches nothing
    skipped: dict[Reason, list[str]] = field(default_factory=dict)
    outside: tuple[Address, ...] = ()  # whoever outside may answer

    def leave_out(self, unwanted: frozenset[Key]) -> None:
        """Removes unwanted addresses, so that their replies are not accepted either."""
        if self.writer is not None:
            person, department = self.writer.key
            self.outside = tuple(one for one in self.outside if (str(one), person, department) not in unwanted)

    @property
    def person(self) -> str:
        """Uid of the person who wrote; "" for none."""
        return self.writer.person if self.writer else ""


@dataclass(frozen=True, slots=True)
class Announced:
    """Statement by a script that somebody here knows an address."""

    employee: str  # uid, or any address of theirs; a role address stands for its department
    address: str
    at: datetime | None = None  # when they wrote last
    message_id: str = ""


def announce_contacts(session: Session, items: Sequence[Announced], *, settings: Settings, by: Actor, now: datetime) -> Learned:
    """Learn what a script says; the same once more changes nothing. BadInput names an employee who is nobody here, NotAllowed one
    beyond the actor's scope: then nothing is learned at all."""
    access.require_role(by, *sorted(access.DECIDING))
    access.require_grant(by, Grant.LEARN)
    lookup = Lookup(session, settings)
    employees = {one.employee: find_employee(session, one.employee, lookup, by) for one in items}
    messages = [Sent(to, (one.address,), to, one.at or now, one.message_id) for one in items for to in [employees[one.employee]]]
    return learn_many(session, messages, how="api", settings=settings, by=by, now=now)


def find_employee(session: Session, named: str, lookup: Lookup, by: Actor) -> str:
    """The address that stands for somebody here."""
    address = named if "@" in named else recipients.mailbox_of_person(session, named.casefold()) or ""
    writer = lookup.writer(address)
    if writer is None:
        raise BadInput(say("the directory has no {named}; name a uid or an address", named=quote_text(named[:80])), field="employee")
    folders = {f"person:{writer.person}", f"department:{writer.department}"}
    if (not by.scope.company and folders.isdisjoint(by.scope.words())) or folders & confidential_folders.closed_folders(session, by):
        raise NotAllowed(say("{named} is outside your scope", named=quote_text(named[:80])), field="employee")
    learn = lookup.settings.outbound.learn
    if not contacts_store.may_open(by, learn, writer.person, writer.department):
        raise NotAllowed(
            say("contacts of {named} count for the whole {scope}, which is outside your scope", named=quote_text(named[:80]), scope=learn),
            field="employee",
        )
    return address


def assess_message(mail: Sent, lookup: Lookup) -> Outcome:
    """Returns what can be learned from a message, by its own content and by whom the directory knows."""
    outcome = Outcome(writer=lookup.taught(mail.sender, mail.author))
    for text in dict.fromkeys(one.casefold() for one in mail.recipients):
        sort_in(outcome, text, *lookup.recipient(text))
    outcome.whole = mail.why_not or lookup.why_not_from(mail.sender, mail.author) or (None if mail.recipients else Reason.NO_RECIPIENT)
    if outcome.whole:
        outcome.addresses, outcome.skipped = (), {}
    return outcome


def sort_in(outcome: Outcome, text: str, address: Address | None, reason: Reason | None) -> None:
    """Sorts a recipient: to be learned, or skipped for a reason."""
    if reason is None:
        outcome.addresses += (str(address),)
    else:
        outcome.skipped.setdefault(reason, []).append(str(address or text))
    if address and may_answer(address, reason):
        outcome.outside += (address,)


def join_lessons(one: Lesson, other: Lesson) -> Lesson:
    """Joins two lessons of one call about the same address."""
    last = other if other.last_sent_at > one.last_sent_at else one
    first = min(one.first_sent_at, other.first_sent_at)
    return last._replace(sent=one.sent + other.sent, first_sent_at=first)


def write_lessons(session: Session, lessons: Lessons, report: Learned, *, how: str, settings: Settings, now: datetime) -> frozenset[Key]:
    """Write the lessons: those that are new count at once, as far as the day's cap of who wrote allows. The keys of those that do not."""
    there = contacts_store.contact_states(session, lessons)
    fresh = [key for key in lessons if key not in there]
    parked = beyond_cap(session, fresh, settings, now) if how in CAPPED else frozenset()
    report.known += len(there)
    report.learned += len(fresh) - len(parked)
    report.parked += len(parked)
    for _, person, department in parked:
        report.skip(Reason.DAILY_CAP, 1, (person, department))
    rows = sorted(lessons.values())  # two that write the same ones do not wait for each other in a circle
    begin = contacts_store.grace_begin(settings, now) if how in ANNOUNCED else None
    contacts_store.write_lessons(session, rows, parked, how=how, counts_from=begin, now=now)
    contacts = {key[0] for key in fresh if key not in parked}
    remember_contacts(session, [key for key in fresh if key not in parked], how=how, settings=settings)
    copies.sort_anew(session, is_among(session, col(Delivery.author), contacts), settings=settings, now=now)
    return parked.union(key for key, state in there.items() if state != KNOWN)


def remember_contacts(session: Session, fresh: Sequence[Key], *, how: str, settings: Settings) -> None:
    """Keep the names and domains of new contacts, which everybody is told of. What confidential folders wrote to says nothing."""
    closed = confidential_folders.list_confidential_scopes(session) if fresh else frozenset()
    told = {address for address, person, department in fresh if not confidential_folders.is_hidden(closed, department, person)}
    known_names.remember_addresses(session, told)
    if how in CAPPED:  # of years of sent messages upkeep keeps the domains
        known_names.meet_addresses(session, sorted(told), settings)


def beyond_cap(session: Session, fresh: Iterable[Key], settings: Settings, now: datetime) -> frozenset[Key]:
    """The new ones that are too many of one employee for a day."""
    room: dict[tuple[str, str], int] = {}
    parked: set[Key] = set()
    for key in fresh:
        whose = key[1:]
        if whose not in room:
            room[whose] = settings.outbound.daily_cap - contacts_store.learned_lately(session, *whose, now)
        room[whose] -= 1
        if room[whose] < 0:
            parked.add(key)
    return frozenset(parked)


def answerable_message(session: Session, mail: Sent, outcome: Outcome, lookup: Lookup, now: datetime) -> SentMail | None:
    """The message as answers may name it; None when it went to nobody outside, or is not of ours: only passed on."""
    writer, author = outcome.writer, lookup.writer(mail.author)
    if not mail.message_id or not outcome.outside or writer is None or author is None:
        return None
    freemail = frozenset(lookup.settings.policy.freemail_domains)
    went_to = {str(one) if one.domain in freemail else one.domain for one in outcome.outside}
    return SentMail(
        message_id=mail.message_id,
        uid=mail.uid,
        person=writer.person,
        department=writer.department,
        author=author.shown,
        at=mail.at,
        automatic=is_automatic(mail, outcome) or is_too_much(session, writer, outcome, went_to, lookup.settings, now),
        went_to=sorted(went_to),
        skipped=describe_skipped(outcome),
    )


def is_automatic(mail: Sent, outcome: Outcome) -> bool:
    """Says whether a program wrote the message."""
    return mail.why_not is not None or outcome.whole is Reason.RESOURCE


def is_too_much(session: Session, writer: Writer, outcome: Outcome, went_to: set[str], settings: Settings, now: datetime) -> bool:
    """Mail in a colleague's name, to addresses that are never learned, or where nothing is, does not meet the day's cap: its answers do.

    What may be answered from there today opens nothing new.
    """
    if settings.outbound.learn != "none" and all(str(one) in outcome.addresses for one in outcome.outside):
        return False
    today = contacts_store.answerable_places(session, writer.person, writer.department, now)
    return not went_to <= today and len(went_to | today) > settings.outbound.daily_cap


def describe_skipped(outcome: Outcome) -> dict[str, list[str]]:
    """Summarises what was not learned from a message, by reason."""
    return {str(outcome.whole): []} if outcome.whole else {str(why): found[:MOST_SHOWN] for why, found in outcome.skipped.items()}
