"""Learned contacts: their scope and lifetime; what is not learned is counted with its reason."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_FAIL, DMARC_PASS, NOW, OTTO, arrive
from triage.actor import Actor, Role, Scope
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotFound
from triage.message.authentication import Dmarc, Result
from triage.policy.contacts import contact_review, store as contacts
from triage.policy.contacts.contact_evidence import Reason, Sent
from triage.policy.learning import learn_contacts
from triage.policy.learning.learn_contacts import Announced
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.contacts import Contact, SentMail
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

JOE, MARA, INFO = "joe.fern@company.example", "mara.berg@company.example", "info@company.example"
ANN = "ann@supplier.example"
BY = Actor.system("outbound")
NO_RECORD = Dmarc(Result.NONE, "supplier.example", "supplier.example", "", ("dkim",))


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        yield session


def wrote(*recipients: str, sender: str = JOE, author: str = "", number: int = 1, **more: object) -> Sent:
    return replace(Sent(sender, recipients or (ANN,), author or sender, NOW, f"{number}@company.example"), **more)  # type: ignore[arg-type]


def learn(session: Session, settings: Settings, *messages: Sent, how: str = "outbound", now: object = NOW) -> learn_contacts.Learned:
    return learn_contacts.learn_many(session, messages, how=how, settings=settings, by=BY, now=now)  # type: ignore[arg-type]


def outbound(settings: Settings, **values: object) -> Settings:
    return replace(settings, outbound=replace(settings.outbound, **values))  # type: ignore[arg-type]


def test_who_was_written_to_is_known_to_the_writer(session: Session, settings: Settings) -> None:
    report = learn(session, settings, wrote(ANN, "Bob@Other.Example", "ana@company.example"))
    assert (report.learned, report.known, report.parked, dict(report.skipped)) == (2, 0, 0, {Reason.OWN_DOMAIN: 1})
    (joe,) = arrive(session, settings, JOE, author=ANN, dmarc=DMARC_PASS)
    (mara,) = arrive(session, settings, MARA, author=ANN, dmarc=DMARC_PASS)
    told = session.get_one(Delivery, joe)
    assert (told.state, told.rule) == (State.QUEUED, "allowed-sender")
    assert told.reason == f"Joe Fern wrote to {ANN} on 24 Nov 2026, and it is proven to come from there"
    assert (session.get_one(Delivery, mara).state, session.get_one(Delivery, mara).rule) == (State.HELD, "first-contact")


@pytest.mark.parametrize(
    ("dmarc", "rule"),
    [
        (DMARC_PASS, "allowed-sender"),
        (NO_RECORD, "allowed-sender"),
        (DMARC_FAIL, "dmarc-reject"),
        (arriving.NO_DMARC, "unproven-known-sender"),
    ],
)
def test_a_learned_address_needs_proof(session: Session, settings: Settings, dmarc: Dmarc, rule: str) -> None:
    learn(session, settings, wrote())
    (one,) = arrive(session, settings, JOE, author=ANN, dmarc=dmarc)
    assert session.get_one(Delivery, one).rule == rule


@pytest.mark.parametrize(
    ("learned_for", "known_to"), [("person", [JOE]), ("department", [JOE, INFO]), ("company", [JOE, INFO, MARA]), ("none", [])]
)
def test_whom_it_is_known_to(session: Session, settings: Settings, learned_for: str, known_to: list[str]) -> None:
    settings = outbound(settings, learn=learned_for)
    learn(session, settings, wrote())
    ids = {to: arrive(session, settings, to, author=ANN, dmarc=DMARC_PASS)[0] for to in (JOE, INFO, MARA)}
    assert [to for to, one in ids.items() if session.get_one(Delivery, one).state == State.QUEUED] == known_to


def test_what_a_role_address_wrote_to_is_known_to_its_department(session: Session, settings: Settings) -> None:
    learn(session, settings, wrote(sender=INFO))
    ids = [arrive(session, settings, to, author=ANN, dmarc=DMARC_PASS)[0] for to in (INFO, JOE, MARA)]
    assert [session.get_one(Delivery, one).state for one in ids] == [State.QUEUED, State.QUEUED, State.HELD]


@pytest.mark.parametrize("block", [("address", ANN), ("domain", "supplier.example")])
def test_it_never_beats_a_block(session: Session, settings: Settings, block: tuple[str, str]) -> None:
    learn(session, settings, wrote())
    rules.add_rule(session, RuleOrder("block", *block, "company"), by=ANA, now=NOW, settings=settings)
    (one,) = arrive(session, settings, JOE, author=ANN, dmarc=DMARC_PASS)
    assert session.get_one(Delivery, one).rule == "blocked-sender"


@pytest.mark.parametrize(("how", "found"), [("outbound", True), ("seed", False)])
def test_the_first_answer_is_compared_with_whom_somebody_wrote_to_a_moment_ago(
    session: Session, settings: Settings, how: str, found: bool
) -> None:
    """Upkeep keeps the domains of a seed when it comes by."""
    learn(session, settings, wrote("sales@brassworks-tyne.example"), how=how)
    (answer,) = arrive(session, settings, JOE, author="sales@brasswork-tyne.example", dmarc=DMARC_PASS)
    message = session.get_one(Message, session.get_one(Delivery, answer).message_id)
    assert ("look-alike-of-known" in [one["name"] for one in message.signals]) is found


def test_it_lapses_after_the_last_mail_either_way(session: Session, settings: Settings) -> None:
    settings = outbound(settings, lapse_days=10)
    day = timedelta(days=1)
    learn(session, settings, wrote())

    def known(at: object) -> bool:
        return bool(contacts.rules_about_all(session, [ANN], settings=settings, now=at))  # type: ignore[arg-type]

    assert (known(NOW + 9 * day), known(NOW + 10 * day)) == (True, False)
    learn(session, settings, wrote(at=NOW + 5 * day), now=NOW + 5 * day)
    assert (known(NOW + 14 * day), known(NOW + 15 * day)) == (True, False)
    contacts.count_heard(session, session.scalars(select(col(Contact.id))), NOW + 8 * day)
    assert (known(NOW + 17 * day), known(NOW + 18 * day)) == (True, False)
    assert contacts.forget_lapsed(session, settings=settings, now=NOW + 17 * day) == 2  # the two messages: nobody answers them any more
    assert contacts.forget_lapsed(session, settings=settings, now=NOW + 18 * day) == 1
    assert session.scalars(select(Contact)).all() == []


def test_proven_mail_that_comes_keeps_it_and_unproven_mail_does_not(session: Session, settings: Settings) -> None:
    learn(session, settings, wrote(at=NOW - timedelta(days=3)))
    one = session.scalars(select(Contact)).one()
    for dmarc, to, heard in ((arriving.NO_DMARC, JOE, 0), (DMARC_PASS, MARA, 0), (DMARC_PASS, JOE, 1)):
        arrive(session, settings, to, author=ANN, dmarc=dmarc)
        session.refresh(one)
        assert one.heard == heard
    assert (one.last_heard_at, one.last_mail_at) == (NOW, NOW)


@pytest.mark.parametrize(("age", "stays"), [(3000, 60), (350, 60), (340, 60), (100, 300), (0, 400)])
def test_seeded_ones_keep_their_day_and_stay_for_sixty_days(session: Session, settings: Settings, age: int, stays: int) -> None:
    day = timedelta(days=1)
    learn(session, settings, wrote(at=NOW - age * day), how="seed")
    one = session.scalars(select(Contact)).one()
    assert (contacts.last_message_at(one), one.last_sent_at, one.how) == (NOW - age * day, NOW - age * day, "seed")
    assert contacts.lapses_at(one, settings) == NOW + stays * day
    assert contacts.count_older(session, NOW, NOW - 365 * day) == (age > 365)
    assert session.scalars(select(SentMail)).all() == []  # a seed remembers no Message-IDs


def test_who_has_left_knows_nobody(session: Session, settings: Settings) -> None:
    report = learn(session, settings, wrote(sender="ines.old@company.example"))
    assert report.skipped == {Reason.NOT_OURS: 1}


def test_the_counted_reasons_are_those_of_the_own_folders(session: Session, settings: Settings) -> None:
    sealed = replace(arriving.COMPANY, sealed=(ConfidentialEntry("person:mara.berg", ("ana",)),))
    outbound = Actor.system("outbound")

    def sent(*writers: str) -> None:
        messages = [Sent(one, ("noreply@shop.example",), one, NOW, f"{one}.{number}") for number, one in enumerate(writers)]
        learn_contacts.learn_many(session, messages, how="outbound", settings=settings, by=outbound, now=NOW)

    def counted(by: Actor) -> int:
        return sum(number for _, _, number in contact_review.count_unlearned(session, by=by, since=NOW))

    eva = Actor.person("eva", Role.TRIAGE, Scope(persons=frozenset({"mara.berg"})))
    sent("joe.fern@company.example", "info@company.example", "mara.berg@company.example", "stranger@elsewhere.example")
    assert (counted(ANA), counted(OTTO), counted(BEN), counted(eva)) == (4, 4, 1, 0)
    directory.apply_directory(session, sealed, settings.company, by=arriving.SYNC, now=NOW)
    sent("mara.berg@company.example")
    assert (counted(ANA), counted(OTTO), counted(BEN), counted(eva)) == (5, 4, 1, 0)


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (wrote(sender="ann@supplier.example"), Reason.NOT_OURS),
        (wrote(sender="nobody@company.example"), Reason.NOT_OURS),
        (wrote(sender="not an address"), Reason.NOT_OURS),
        (wrote(author="boss@supplier.example"), Reason.FORWARD),
        (wrote(author=MARA), Reason.FORWARD),
        (wrote(sender=MARA, author=INFO), Reason.FORWARD),
        (Sent(JOE, (), JOE, NOW, "1@company.example"), Reason.NO_RECIPIENT),
        (wrote(why_not=Reason.AUTOMATIC), Reason.AUTOMATIC),
        (wrote("x y"), Reason.MALFORMED),
    ],
)
def test_what_is_not_learned_is_counted(session: Session, settings: Settings, mail: Sent, reason: Reason) -> None:
    report = learn(session, settings, mail)
    assert (report.learned, report.skipped) == (0, {reason: 1})
    learn(session, settings, mail)
    assert contact_review.count_unlearned(session, by=ANA, since=NOW) == [("outbound", str(reason), 2)]
    assert session.scalars(select(Contact)).all() == []


def test_a_meeting_room_teaches_nothing(session: Session, settings: Settings) -> None:
    assert learn(session, outbound(settings, resources=("joe.*",)), wrote()).skipped == {Reason.RESOURCE: 1}


def test_an_alias_and_a_sub_address_are_the_same_employee(session: Session, settings: Settings) -> None:
    report = learn(session, settings, wrote(sender="mara.berg+news@company.example", author="m.berg@company.example"))
    assert (report.learned, session.scalars(select(col(Contact.person))).all()) == (1, ["mara.berg"])


def test_too_many_new_ones_on_a_day_are_parked(session: Session, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=2)
    first = learn(session, settings, wrote(ANN, "b@supplier.example"), wrote("c@supplier.example", sender=MARA))
    second = learn(session, settings, wrote("d@supplier.example", ANN))
    assert (first.learned, first.parked, second.learned, second.known, second.parked) == (3, 0, 0, 1, 1)
    assert second.skipped == {Reason.DAILY_CAP: 1}
    (held,) = arrive(session, settings, JOE, author="d@supplier.example", dmarc=DMARC_PASS)
    assert session.get_one(Delivery, held).state == State.HELD
    later = NOW + timedelta(hours=25)
    assert learn(session, settings, wrote("e@supplier.example", at=later), now=later).learned == 1
    assert learn(session, settings, *(wrote(f"{n}@supplier.example") for n in range(9)), how="seed").parked == 0


def test_the_cap_holds_over_several_listeners(engine: Engine, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=2)
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    barrier = threading.Barrier(4)

    def listen(number: int) -> learn_contacts.Learned:
        barrier.wait()
        with db.transaction(engine) as session:
            return learn(session, settings, wrote(f"{number}@supplier.example"))

    with ThreadPoolExecutor(4) as listeners:
        reports = list(listeners.map(listen, range(4)))
    assert (sum(one.learned for one in reports), sum(one.parked for one in reports)) == (2, 2)


def test_staff_looks_at_what_is_parked(session: Session, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=0)
    learn(session, settings, wrote(ANN, "b@supplier.example"))
    parked = {one.address: one for one in contact_review.list_contacts(session, by=ANA, settings=settings, state="parked")}
    assert parked[ANN].provenance == f"Joe Fern wrote to {ANN} on 24 Nov 2026 (Message-ID <1@company.example>)"
    assert contact_review.accept_contacts(session, [parked[ANN].id], by=ANA, settings=settings, now=NOW) == 1
    assert contact_review.drop_contacts(session, [parked["b@supplier.example"].id], by=ANA, now=NOW) == 1
    learn(session, settings, wrote("b@supplier.example"))
    states = [
        session.get_one(Delivery, arrive(session, settings, JOE, author=who, dmarc=DMARC_PASS)[0]).state
        for who in (ANN, "b@supplier.example")
    ]
    assert states == [State.QUEUED, State.HELD]
    assert contact_review.accept_contacts(session, [parked[ANN].id], by=ANA, settings=settings, now=NOW) == 0
    acts = [record.act for record in session.scalars(select(AuditRecord)) if record.act in ("learn", "review-contacts")]
    assert acts == ["learn", "review-contacts", "review-contacts"]


def test_nobody_sees_or_decides_about_the_contacts_of_others(session: Session, settings: Settings) -> None:
    learn(session, settings, wrote(), wrote("lawyer@law.example", sender=MARA))
    assert {one.address for one in contact_review.list_contacts(session, by=BEN, settings=settings)} == {"lawyer@law.example"}
    ids = {one.address: one.id for one in contact_review.list_contacts(session, by=ANA, settings=settings)}
    with pytest.raises(NotFound):
        contact_review.drop_contacts(session, [ids[ANN]], by=BEN, now=NOW)
    with pytest.raises(NotAllowed):
        contact_review.drop_contacts(session, [ids[ANN]], by=OTTO, now=NOW)


def test_posts_to_lists_are_proposed_as_lists(session: Session, settings: Settings) -> None:
    contacts.seen_lists(session, {"club@verein.example": ("club.verein.example", "verein.example")})
    report = learn(session, settings, wrote("club@verein.example", "users@lists.debian.example"), wrote("club@verein.example"))
    assert (report.learned, report.skipped) == (0, {Reason.LIST_POST: 3})
    found = {one.address: (one.list_id, one.signer, one.posts, one.person) for one in contact_review.posted_lists(session, by=ANA)}
    assert found["users@lists.debian.example"] == ("", "", 1, "joe.fern")
    assert found["club@verein.example"] == ("club.verein.example", "verein.example", 2, "joe.fern")


def test_what_left_is_remembered_for_answers(session: Session, settings: Settings) -> None:
    learn(
        session,
        settings,
        wrote(ANN, "pal@gmail.com", "users@lists.debian.example", JOE),
        wrote(ANN, number=2, why_not=Reason.AUTOMATIC),
        wrote(ANN, number=3, author="boss@supplier.example"),
        wrote(ANN, number=4, author=MARA),
        wrote(MARA, number=5),
    )
    kept = {one.message_id[0]: (one.went_to, one.automatic, one.person, one.author) for one in session.scalars(select(SentMail))}
    assert kept == {
        "1": (["pal@gmail.com", "supplier.example"], False, "joe.fern", "Joe Fern"),
        "2": (["supplier.example"], True, "joe.fern", "Joe Fern"),
        "4": (["supplier.example"], False, "joe.fern", "Mara Berg"),
    }


def test_what_is_parked_or_dropped_opens_no_door_by_answering(session: Session, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=1)
    learn(session, settings, wrote(ANN, "b@other.example"), wrote("b@other.example", number=2))
    (parked,) = contact_review.list_contacts(session, by=ANA, settings=settings, state="parked")
    contact_review.drop_contacts(session, [parked.id], by=ANA, now=NOW)
    learn(session, settings, wrote(ANN, "b@other.example", number=3))
    contact_review.accept_contacts(session, [parked.id], by=ANA, settings=settings, now=NOW)
    learn(session, settings, wrote("b@other.example", number=4))
    kept = {one.message_id[0]: one.went_to for one in session.scalars(select(SentMail))}
    assert kept == {"1": ["supplier.example"], "3": ["supplier.example"], "4": ["other.example"]}


def test_mail_in_a_colleagues_name_opens_the_door_no_further_than_ones_own(session: Session, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=2)
    messages = [wrote(f"x@{number}.example", number=number, author=MARA) for number in range(1, 5)]
    learn(session, settings, *messages[:2])
    learn(session, settings, *messages[2:], wrote("y@1.example", number=5, author=MARA))
    kept = {one.message_id[0]: one.automatic for one in session.scalars(select(SentMail))}
    assert kept == {"1": False, "2": False, "3": True, "4": True, "5": False}


def test_whoever_writes_to_many_known_ones_may_write_to_them_in_a_colleagues_name(session: Session, settings: Settings) -> None:
    learn(session, settings, *(wrote(f"x@{number}.example") for number in range(1, 5)), how="seed")
    settings = outbound(settings, daily_cap=2)
    learn(session, settings, *(wrote(f"x@{number}.example", number=number) for number in range(1, 5)))
    learn(session, settings, wrote("x@1.example", number=5, author=MARA), wrote("x@6.example", number=6, author=MARA))
    kept = {one.message_id[0]: one.automatic for one in session.scalars(select(SentMail))}
    assert (kept["5"], kept["6"]) == (False, True)


def test_an_unknown_way_is_refused(session: Session, settings: Settings) -> None:
    with pytest.raises(BadInput, match="how: outbound, journal"):
        learn(session, settings, wrote(), how="magic")


@pytest.mark.parametrize(
    ("learned_for", "scope", "may"),
    [
        ("person", "department:it", True),
        ("person", "person:joe.fern", True),
        ("department", "department:it", True),
        ("department", "person:joe.fern", False),
        ("company", "department:it", False),
        ("company", "company", True),
    ],
)
def test_nobody_opens_the_door_for_more_people_than_are_in_their_scope(
    session: Session, settings: Settings, learned_for: str, scope: str, *, may: bool
) -> None:
    settings = outbound(settings, learn=learned_for, daily_cap=0)
    learn(session, settings, wrote())
    by = Actor.person("kim", Role.TRIAGE, Scope.parse([scope]), "Kim Day")
    (parked,) = contact_review.list_contacts(session, by=by, settings=settings, state="parked")
    acts = (
        lambda: contact_review.accept_contacts(session, [parked.id], by=by, settings=settings, now=NOW),
        lambda: learn_contacts.announce_contacts(session, [Announced(JOE, "new@supplier.example")], settings=settings, by=by, now=NOW),
    )
    for act in acts:
        with contextlib.nullcontext() if may else pytest.raises(NotAllowed, match="outside your scope"):
            act()


def test_what_is_never_learned_opens_no_more_doors_for_answers_than_the_days_cap(session: Session, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=2)
    learn(session, settings, wrote("a+token=1@one.example", "noreply@two.example"))
    learn(session, settings, wrote("b=c@three.example", number=2))
    learn(session, settings, wrote("b=c@two.example", number=3), wrote(ANN, number=4))
    shut = {one.message_id[0]: one.automatic for one in session.scalars(select(SentMail))}
    assert shut == {"1": False, "2": True, "3": False, "4": False}


def test_the_days_cap_counts_messages_that_are_learned_from_together(session: Session, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=2)
    learn(session, settings, *(wrote(f"b={number}@{number}.example", number=number) for number in range(1, 5)), how="log")
    shut = {one.message_id[0]: one.automatic for one in session.scalars(select(SentMail))}
    assert shut == {"1": False, "2": False, "3": True, "4": True}


def test_where_nothing_is_learned_answers_have_the_days_cap(session: Session, settings: Settings) -> None:
    settings = outbound(settings, daily_cap=2, learn="none")
    for number in range(1, 5):
        learn(session, settings, wrote(f"x@{number}.example", number=number))
    shut = {one.message_id[0]: one.automatic for one in session.scalars(select(SentMail))}
    assert shut == {"1": False, "2": False, "3": True, "4": True}


@pytest.mark.parametrize(
    ("address", "places"),
    [
        ("unsubscribe@news.example", []),
        ("leave-4711@news.example", []),
        ("abmelden@news.example", []),
        ("list-request@news.example", ["news.example"]),  # one subscribes there too, and is asked whether one meant it
        ("ticket-4711@news.example", ["news.example"]),
    ],
)
def test_who_leaves_a_list_lets_nobody_answer(session: Session, settings: Settings, address: str, places: list[str]) -> None:
    learn(session, settings, wrote(address))
    assert [one.went_to for one in session.scalars(select(SentMail))] == ([places] if places else [])


def test_a_shared_address_of_the_own_department_is_taught_by_whoever_writes_as_it(session: Session, settings: Settings) -> None:
    """The answers go to the shared address: it is the one that knows them."""
    assert learn(session, settings, wrote(author=INFO)).learned == 1
    assert [(one.person, one.department) for one in session.scalars(select(Contact))] == [("", "it")]
    assert [(one.person, one.department, one.went_to) for one in session.scalars(select(SentMail))] == [("", "it", ["supplier.example"])]


def test_in_a_sent_folder_what_was_written_on_behalf_of_a_colleague_teaches_the_colleague(session: Session, settings: Settings) -> None:
    """Only an administrator reads sent folders; whoever uses an account could write in every colleague's name."""
    assert learn(session, settings, wrote(author=MARA), how="seed").learned == 1
    assert [one.person for one in session.scalars(select(Contact))] == ["mara.berg"]
    resent = learn(session, settings, wrote("bo@supplier.example", author="boss@supplier.example"), how="seed")
    assert (resent.learned, resent.skipped[Reason.FORWARD]) == (0, 1)
    assert learn(session, settings, wrote("cy@supplier.example", author=MARA)).skipped[Reason.FORWARD] == 1
