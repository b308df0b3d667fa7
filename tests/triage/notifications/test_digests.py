"""Daily digests: each employee's own messages with sender and subject, once, and links that do nothing by themselves."""

import email
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import default
from threading import Barrier

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, COMPANY, IDA, NOW, SYNC, arrive
from tests.triage.notifications.test_staff_mail import text_of
from triage.actor import Actor
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, PersonEntry
from triage.config.settings import Api, Coverage, Notices, Settings
from triage.directory import apply as directory, enforcement
from triage.ids import format_id
from triage.intake import receive as intake
from triage.message.authentication import Authentication
from triage.message.signals.severity import Severity
from triage.message.summary import make_summary
from triage.notifications import digest_entries, digests
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import release_requests
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db, ledger
from triage.store.delivery_state import Event
from triage.store.models.audit import AuditRecord
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import Rule

JOE, MARA, INFO = "it+joe.fern@company.example", "legal+mara.berg@company.example", "info@company.example"
FOUR = NOW.replace(hour=16, minute=0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ASKING = Api(sign_in=("directory",), public_url="https://mailroom.company.example/")


@pytest.fixture
def daily(settings: Settings) -> Settings:
    return replace(settings, notices=Notices(digest_at="16:00"))


def with_page(settings: Settings) -> Settings:
    """Employees see their own list, and may ask there."""
    return replace(settings, api=ASKING, notices=replace(settings.notices, requests=True))


def came(engine: Engine, settings: Settings, *to: str, **mail: str) -> int:
    with db.transaction(engine) as session:
        return arrive(session, settings, *to, **mail)[0]  # type: ignore[arg-type]


def purge(engine: Engine, settings: Settings, mail: int, now: datetime = NOW) -> None:
    with db.transaction(engine) as session:
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(mail,)), Verb.PURGE), by=ANA, now=now, settings=settings)


def send_digests(engine: Engine, settings: Settings, now: datetime = FOUR) -> dict[str, str]:
    """Send the digests that are due, as upkeep does; return the text by address."""
    with db.transaction(engine) as session:
        before = set(session.scalars(select(col(Delivery.id))))
        while (moment := digests.due_moment(session, settings, now)) and digests.send_digests(session, settings, moment, now=now):
            pass
        rows = select(col(Delivery.mailbox), col(Message.content_id)).join(Message, col(Message.id) == col(Delivery.message_id))
        fresh = session.execute(rows.where(col(Delivery.direction) == "report", col(Delivery.id).not_in(before))).all()
        return {mailbox: text_of(bodies.load_body(session, content_id)).replace("\r\n", "\n") for mailbox, content_id in fresh}


def test_everybody_is_told_of_their_own_mail_and_only_once(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE, author="hotel@inn.example", subject="Your room")
    purge(known, daily, came(known, daily, JOE, author="crook@bank.example", subject="Gift cards"))
    came(known, daily, MARA, subject="A contract")
    came(known, daily, INFO, subject="For the department")
    assert send_digests(known, daily, FOUR - timedelta(seconds=1)) == {}
    found = send_digests(known, daily)
    assert set(found) == {"joe.fern@company.example", "mara.berg@company.example"}
    assert found["joe.fern@company.example"] == (
        "Staff review messages from unknown senders before you get them. You need not do anything.\n\n"
        "Held until staff review them\n- “Your room”\n  from Sales <hotel@inn.example>, 24 Nov 09:30\n\n"
        "Removed\n- “Gift cards”\n  from Sales <crook@bank.example>, 24 Nov 09:30\n\n"
        "Questions: postmaster@company.example\n"
    )
    assert send_digests(known, daily) == send_digests(known, daily, FOUR + HOUR) == {}


def test_what_a_person_may_want_first_stands_first(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE, subject="First")
    urgent = came(known, daily, JOE, subject="Urgent")
    came(known, daily, JOE, subject="Last")
    with db.transaction(known) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == urgent).values(urgency=90))
    text = send_digests(known, daily)["joe.fern@company.example"]
    assert re.findall(r"“(.*)”", text) == ["Urgent", "Last", "First"]


def test_the_next_day_tells_what_is_new_and_what_still_waits(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE, subject="Your room")
    purge(known, daily, came(known, daily, JOE, subject="Gift cards"))
    assert "Gift cards" in send_digests(known, daily)["joe.fern@company.example"]
    again = send_digests(known, daily, FOUR + DAY)["joe.fern@company.example"]
    assert ("Your room" in again, "Gift cards" in again) == (True, False)


def test_who_has_nothing_is_told_nothing(known: Engine, daily: Settings) -> None:
    came(known, daily, INFO)
    assert send_digests(known, daily) == {}
    came(known, daily, JOE)  # later on the same day
    assert send_digests(known, daily, FOUR + HOUR) == {}


@pytest.mark.parametrize(
    ("hours", "zone", "now", "is_due"),
    [
        ((), "UTC", FOUR, True),
        ((), "UTC", FOUR + 6 * HOUR, False),  # too late: tomorrow
        ((), "Europe/Berlin", FOUR - HOUR, True),
        (("mon-fri 08:00-18:00",), "UTC", FOUR + 4 * DAY, False),  # a Saturday
        (("mon-fri 08:00-18:00",), "UTC", FOUR + 6 * DAY, True),
    ],
)
def test_when(known: Engine, daily: Settings, hours: tuple[str, ...], zone: str, now: datetime, is_due: bool) -> None:
    with db.read_transaction(known) as session:
        assert bool(digests.due_moment(session, replace(daily, coverage=Coverage(hours=hours, time_zone=zone)), now)) is is_due
        for off in ("", "off"):
            assert digests.due_moment(session, replace(daily, notices=Notices(digest_at=off)), now) is None


EIGHT = NOW.replace(hour=8, minute=30)


@pytest.mark.parametrize(
    ("mode", "observing", "switched", "served_at_eight"),
    [
        ("hold-unknown", (), {}, {"joe.fern", "mara.berg"}),
        ("record-only", (), {}, set()),
        ("hold-unknown", ("legal",), {}, {"joe.fern"}),
        ("record-only", (), {"department:legal": "hold-unknown"}, {"mara.berg"}),  # the first enforcement
        ("record-only", (), {"": "hold-unknown"}, {"joe.fern", "mara.berg"}),
        ("hold-unknown", (), {"": "record-only"}, set()),
        ("record-only", (), {"person:joe.fern": "hold-dangerous"}, {"joe.fern"}),
    ],
)
def test_by_itself_it_is_on_from_the_first_enforcement(
    known: Engine, settings: Settings, mode: str, observing: tuple[str, ...], switched: dict[str, str], served_at_eight: set[str]
) -> None:
    came(known, settings, JOE)  # held before the mode changed
    came(known, settings, MARA)
    here = replace(settings, company=replace(settings.company, enforcement=mode, record_only_departments=observing))
    with db.transaction(known) as session:
        for department, switch in switched.items():
            enforcement.set_step(session, department, switch, by=IDA, reason="", now=NOW)
    assert send_digests(known, here, EIGHT - timedelta(minutes=1)) == {}
    with db.read_transaction(known) as session:
        assert {uid for uid in ("joe.fern", "mara.berg") if digests.get_choice(session, uid, here)} == served_at_eight
    assert {address.partition("@")[0] for address in send_digests(known, here, EIGHT + DAY)} == served_at_eight
    off = replace(here, notices=Notices(digest_at="off"))
    assert send_digests(known, off, EIGHT + 2 * DAY) == {}


def test_what_was_begun_goes_on_and_tells_nobody_twice(known: Engine, daily: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "AT_ONCE", 1)
    people = (*COMPANY.people, PersonEntry("zoe", "Zoe", "it", "zoe@company.example"))
    with db.transaction(known) as session:
        directory.apply_directory(session, replace(COMPANY, people=people), daily.company, by=SYNC, now=NOW)
    for to in (JOE, MARA, "it+zoe@company.example"):
        came(known, daily, to)
    with db.transaction(known) as session:  # and then the machine stops
        assert digests.send_digests(session, daily, FOUR, now=FOUR) == 1
    assert set(send_digests(known, daily, FOUR + HOUR)) == {"mara.berg@company.example", "zoe@company.example"}
    assert send_digests(known, daily, FOUR + HOUR) == {}


def test_machines_that_tell_at_the_same_moment_tell_everybody_once(known: Engine, daily: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "AT_ONCE", 1)
    came(known, daily, JOE)
    came(known, daily, MARA)
    together = Barrier(4)

    def tell() -> int:
        together.wait()
        slices = 0
        while True:
            with db.transaction(known) as session:
                if not digests.send_digests(session, daily, FOUR, now=FOUR):
                    return slices
                slices += 1

    with ThreadPoolExecutor(4) as machines:
        assert sum(one.result() for one in [machines.submit(tell) for _ in range(4)]) == 2
    with db.read_transaction(known) as session:
        reports = session.scalars(select(col(Delivery.mailbox)).where(col(Delivery.direction) == "report")).all()
    assert sorted(reports) == ["joe.fern@company.example", "mara.berg@company.example"]


@pytest.mark.parametrize("again", ["17:00", "16:30"])
def test_another_time_of_day_is_for_the_next_day(known: Engine, daily: Settings, again: str) -> None:
    came(known, daily, JOE)
    assert send_digests(known, daily)
    later = replace(daily, notices=replace(daily.notices, digest_at=again))
    assert send_digests(known, later, FOUR + 2 * HOUR) == {}
    assert send_digests(known, later, FOUR + DAY + 2 * HOUR)


def test_what_a_day_did_not_finish_the_next_one_begins_anew(known: Engine, daily: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "AT_ONCE", 1)
    came(known, daily, JOE)
    purge(known, daily, came(known, daily, MARA, subject="Gift cards"))
    with db.transaction(known) as session:  # Joe is told, and then the machine stops until the next day
        assert digests.send_digests(session, daily, FOUR, now=FOUR) == 1
    found = send_digests(known, daily, FOUR + DAY)
    assert set(found) == {"joe.fern@company.example", "mara.berg@company.example"}


def test_a_late_hour_goes_on_past_midnight(known: Engine, daily: Settings) -> None:
    late = replace(daily, notices=Notices(digest_at="23:00"), coverage=Coverage(hours=("tue 08:00-18:00",)))  # the day that NOW is
    came(known, daily, JOE)
    assert send_digests(known, late, FOUR + 9 * HOUR)
    assert send_digests(known, late, FOUR + 10 * HOUR) == {}


def test_who_says_no_is_told_no_more(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE)
    came(known, daily, MARA)
    joe = Actor.employee("joe.fern", "Joe Fern")
    for wanted in (False, False, True, False):
        with db.transaction(known) as session:
            digests.set_choice(session, by=joe, wanted=wanted, now=NOW)
            assert digests.get_choice(session, "joe.fern", daily) is wanted
    assert set(send_digests(known, daily)) == {"mara.berg@company.example"}
    with db.read_transaction(known) as session:
        acts = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "digest").order_by(col(AuditRecord.id)))
        assert [detail["wanted"] for detail in acts] == [False, True, False]
        assert digests.get_choice(session, "joe.fern", replace(daily, notices=Notices(digest_at="off"))) is None
    never = replace(daily, notices=replace(daily.notices, digest_never=("Mara.Berg@company.example",)))
    assert send_digests(known, never, FOUR + DAY) == {}


SHARED = "desk@company.example"


@pytest.mark.parametrize(
    "company",
    [
        replace(COMPANY, people=(PersonEntry("joe.fern", "Joe", "it", SHARED), PersonEntry("mara.berg", "Mara", "legal", SHARED))),
        replace(COMPANY, people=(PersonEntry("joe.fern", "Joe", "it", "postmaster@company.example"),)),
    ],
)
def test_a_mailbox_that_others_read_is_sent_nothing(known: Engine, daily: Settings, company: CompanyDirectory) -> None:
    with db.transaction(known) as session:
        directory.apply_directory(session, company, daily.company, by=SYNC, now=NOW, confirmed=True)
    came(known, daily, JOE)
    assert send_digests(known, daily) == {}


def test_what_a_stranger_wrote_is_short_and_links_nowhere(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE, author="evil.example/x@other.example", subject="https://evil.example/ " + "long " * 100)
    text = send_digests(known, daily)["joe.fern@company.example"]
    assert "- “hxxps://evil[.]example/ long" in text
    assert "<evil[.]example/x@other[.]example>" in text
    assert max(map(len, text.splitlines())) < 150


def test_a_claimed_author_is_no_sender(known: Engine, daily: Settings) -> None:
    raw = b"From: Prime Shop, jehd <x@shop.example>\r\nSubject: Your parcel\r\n\r\nHello\r\n"
    envelope = arriving.envelope(JOE, reverse_path="bulk@carrier.example")
    with db.transaction(known) as session:
        intake.receive_message(session, envelope, raw, Authentication(""), make_summary(raw), settings=daily, now=NOW)
    text = send_digests(known, daily)["joe.fern@company.example"]
    assert "- “Your parcel”\n  unclear author, claims to be Prime Shop <x@shop.example>, 24 Nov" in text
    assert "from " not in text.split("Held until")[1].split("Questions")[0]


def test_taking_it_away_is_an_answer(known: Engine, daily: Settings) -> None:
    mail = came(known, daily, JOE)
    with db.transaction(known) as session:
        release_requests.request_release(session, mail, by=Actor.employee("joe.fern", "Joe Fern"), words="", now=NOW)
    purge(known, daily, mail, NOW + HOUR)
    assert "you requested it: it was reviewed and not released" in send_digests(known, daily)["joe.fern@company.example"]


def test_only_some_departments(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE)
    came(known, daily, MARA)
    some = replace(daily, notices=replace(daily.notices, digest_departments=("legal",), digest_contact="reception, 100"))
    found = send_digests(known, some)
    assert set(found) == {"mara.berg@company.example"}
    assert found["mara.berg@company.example"].endswith("Questions: reception, 100\n")


def test_under_a_seal_it_is_still_ones_own(known: Engine, daily: Settings) -> None:
    with db.transaction(known) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:mara.berg", ("ana",)),))
        directory.apply_directory(session, sealed, daily.company, by=SYNC, now=NOW)
    came(known, daily, MARA, subject="A contract")
    assert "A contract" in send_digests(known, daily)["mara.berg@company.example"]


def test_where_people_may_ask_each_mail_has_its_link(known: Engine, daily: Settings) -> None:
    mail, asked, refused = (came(known, daily, JOE, subject=subject) for subject in ("one", "two", "three"))
    joe = Actor.employee("joe.fern", "Joe Fern")
    with db.transaction(known) as session:
        release_requests.request_release(session, asked, by=joe, words="", now=NOW)
        request = release_requests.request_release(session, refused, by=joe, words="", now=NOW)
        release_requests.decline_request(session, request, by=ANA, reason="not from your bank", now=NOW)
    text = send_digests(known, replace(daily, api=ASKING, notices=replace(daily.notices, requests=True)))["joe.fern@company.example"]
    assert text.count("Request release https://mailroom.company.example/ask?mail=") == 1
    assert f"?mail={format_id(mail)}\n" in text
    assert "- “two”\n  from Sales <sales@supplier.example>, 24 Nov 09:30, you requested it: staff will review it\n" in text
    assert "24 Nov 09:30, you requested it: declined by Ana Roth: not from your bank\n" in text
    assert "opens https://mailroom.company.example/ask, where you sign in" in text


def test_what_expires_says_so(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE)
    late = datetime(2026, 12, 23, 16, 0, tzinfo=UTC)  # held for 29 days and some hours
    assert ", expires on 24 Dec 09:30" in send_digests(known, daily, late)["joe.fern@company.example"]


def test_a_long_list_ends_and_says_how_many_more(known: Engine, daily: Settings) -> None:
    for _ in range(digest_entries.LISTED + 2):
        came(known, daily, JOE)
    text = send_digests(known, with_page(daily))["joe.fern@company.example"]
    assert text.count("supplier.example") == 30
    assert "\n- and 2 more\n  See the list: https://mailroom.company.example/ask\n" in text


NONE, UNCLEAR, SUSPICIOUS, DANGEROUS = Severity
WAVE = "Keep your present password by signing in once more on the page below before this evening, or your mailbox is locked."


def wrote_to(address: str, uid: str, state: str) -> Contact:
    """Contact of an employee."""
    return Contact(
        address=address, person=uid, state=state, learned_at=NOW, first_sent_at=NOW, last_sent_at=NOW, last_mail_at=NOW
    )  # fmt: skip


@pytest.mark.parametrize(
    ("severity", "copies", "removed", "rule", "contact", "says"),
    [
        (UNCLEAR, 1, "", "", "", "listed"),
        (SUSPICIOUS, 1, "", "", "", "listed"),  # it is like no other
        (SUSPICIOUS, 2, "", "", "", "counted"),
        (UNCLEAR, 2, "", "", "", "listed"),  # a newsletter
        (DANGEROUS, 1, "", "", "", "counted"),
        (SUSPICIOUS, 2, "one by one", "", "", "counted"),
        (UNCLEAR, 2, "one by one", "", "", "listed"),
        (UNCLEAR, 2, "as a campaign", "", "", "counted"),
        (UNCLEAR, 2, "and restored", "", "", "listed"),  # the removal was a mistake
        (DANGEROUS, 1, "one by one", "", "", "counted"),
        # a sender whom the employee ever wrote to
        (DANGEROUS, 1, "", "", "known", "listed"),
        (DANGEROUS, 1, "one by one", "", "dropped", "listed"),
        (SUSPICIOUS, 2, "as a campaign", "", "parked", "listed"),
        (DANGEROUS, 1, "", "", "somebody else's", "counted"),
        # a block of the sender can be wrong; one of the campaign stops copies of an attack
        (NONE, 1, "", "address", "", "listed"),
        (SUSPICIOUS, 2, "", "domain", "", "listed"),
        (DANGEROUS, 1, "", "address", "", "counted"),
        (UNCLEAR, 2, "", "campaign", "", "counted"),
    ],
)
def test_attacks_are_counted_and_mistakes_are_listed(
    known: Engine, daily: Settings, severity: Severity, copies: int, removed: str, rule: str, contact: str, says: str
) -> None:
    messages = [came(known, daily, to, subject="Your password expires", text=WAVE) for to in (JOE, MARA)[:copies]]
    with db.transaction(known) as session:
        made = Rule(effect="block", match=rule, value="x", scope="company", author="Ana Roth", created_at=NOW)
        if rule:
            session.add(made)
            ledger.record_event(session, messages[0], Event.PURGE, by=ANA, now=NOW)
        columns = {"severity": int(severity)} | ({"rule": "blocked-sender", "rule_id": made.id} if rule else {})
        session.execute(update(Delivery).values(**columns))
        if contact:
            uid, state = ("mara.berg", "known") if contact == "somebody else's" else ("joe.fern", contact)
            session.add(wrote_to("sales@supplier.example", uid, state))
        campaign = session.get_one(Delivery, messages[0]).campaign_id
    if removed:
        selected = Selection(ids=tuple(messages)) if removed == "one by one" else Selection(campaign=campaign, proof="any")
        with db.transaction(known) as session:
            made_of = decisions.decide_messages(session, DecisionRequest(selected, Verb.PURGE), by=ANA, now=NOW, settings=daily)
        if removed == "and restored":
            with db.transaction(known) as session:
                undoing.undo_decision(session, made_of.id, by=ANA, reason="", now=NOW, settings=daily)
    text = send_digests(known, with_page(daily))["joe.fern@company.example"]
    gone = "was removed" if rule or removed not in ("", "and restored") else "is held"
    counted = f"- 1 message that looks dangerous or was sent to many people {gone}.\n  See the list: https://mailroom.company.example/ask\n"
    seen = ("Your password expires" in text, "sales@supplier.example" in text, "Request release https:" in text, counted in text)
    assert seen == ((True, True, True, False) if says == "listed" else (False, False, False, True)), text


@pytest.mark.parametrize("many", [40, pytest.param(600, marks=pytest.mark.long)])
def test_a_removed_wave_is_one_line_in_each_digest_and_a_mistaken_block_is_listed(
    sqlite_engine: Engine, daily: Settings, many: int
) -> None:
    with db.transaction(sqlite_engine) as session:
        people = tuple(PersonEntry(f"p{number}", f"P {number}", "it", f"p{number}@company.example") for number in range(many))
        directory.apply_directory(session, replace(COMPANY, people=(*COMPANY.people, *people)), daily.company, by=SYNC, now=NOW)
        rule = RuleOrder("block", "domain", "customer.example", "company")
        rules.add_rule(session, rule, by=ANA, now=NOW, settings=daily)
        for number in range(many):
            crook = f"desk{number}@wave{number % (many // 2)}.example"
            (first,) = arrive(session, daily, f"it+p{number}@company.example", author=crook, subject="Your password expires", text=WAVE)
        arrive(session, daily, "it+p7@company.example", author="rosa@customer.example", subject="Our contract")
        campaign = session.get_one(Delivery, first).campaign_id
        decisions.decide_messages(
            session, DecisionRequest(Selection(campaign=campaign, proof="any"), Verb.PURGE), by=ANA, now=NOW, settings=daily
        )
    found = send_digests(sqlite_engine, with_page(daily))
    one = "- 1 message that looks dangerous or was sent to many people was removed.\n"
    assert (len(found), sum(one in text for text in found.values())) == (many, many)
    assert [address for address, text in found.items() if "password expires" in text or "@wave" in text] == []
    asking_for = {address: re.findall("- “(.*)”", text) for address, text in found.items() if "Request release https:" in text}
    assert asking_for == {"p7@company.example": ["Our contract"]}


def test_in_the_companys_language(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE, author="hotel@inn.example", subject="Your room; released")
    purge(known, daily, came(known, daily, JOE, author="crook@bank.example", subject="Gift cards"))
    german = replace(daily, api=ASKING, notices=replace(daily.notices, requests=True), company=replace(daily.company, language="de"))
    assert send_digests(known, german)["joe.fern@company.example"].splitlines()[:5] == [
        "Nachrichten unbekannter Absender werden geprüft, bevor Sie sie bekommen. Sie brauchen nichts zu tun.",
        "",
        "Zurückgehalten, bis sie geprüft sind",
        "- „Your room; released“",
        "  von Sales <hotel@inn.example>, 24. Nov., 09:30",
    ]
    with db.read_transaction(known) as session:
        raw = bodies.load_body(session, session.scalars(select(col(Message.content_id)).order_by(col(Message.id).desc())).first() or 0)
    letter = email.message_from_bytes(raw, policy=default)
    assert letter["subject"] == "Nachrichten für Sie: 1 zurückgehalten, 1 entfernt"
    page = letter.get_body(("html",))
    assert page
    assert '<html lang="de">' in page.get_content()
    assert ">Freigabe anfragen</a>" in page.get_content()
    assert "Dort können Sie diese Zusammenfassung auch abbestellen." in page.get_content()


def test_a_clock_that_was_ahead_takes_no_letter_away(known: Engine, daily: Settings) -> None:
    came(known, daily, JOE)
    for days in (364, 0, 1):
        assert set(send_digests(known, daily, FOUR + days * DAY)) == {"joe.fern@company.example"}
        assert send_digests(known, daily, FOUR + days * DAY) == {}
