"""Messages of one batch have the same outcome as messages one by one, however the batch is cut into transactions."""

import functools
import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings as given_settings, strategies as st
from sqlalchemy import Engine, event, select
from sqlmodel import Session, SQLModel, col

from tests.effort import examples
from tests.triage import arriving, waves
from tests.triage.arriving import ANA, NO_DMARC, NOW, UNKNOWN, authentication, summary
from tests.triage.delivery.test_bounces import OK, REPORT
from triage.actor import Actor
from triage.addressing.company import GroupEntry
from triage.config.settings import Floods, Journal, Settings
from triage.delivery import queue
from triage.directory import apply as directory
from triage.errors import NotYet
from triage.ids import format_id
from triage.intake import receive as intake
from triage.intake.stages import Arrival
from triage.message import summary as message_summary
from triage.message.authentication import Authentication, Dkim, Dmarc, Result
from triage.message.summary import Summary
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.decide import Verdict, decide_verdict
from triage.policy.facts import Facts
from triage.policy.learning import learn_contacts
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db, ledger
from triage.store.delivery_state import Event
from triage.store.models.audit import AuditRecord
from triage.store.models.campaigns import Campaign, Representative, RepresentativeBand
from triage.store.models.contacts import Contact, FamiliarName, PostedList
from triage.store.models.counts import Touched
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message
from triage.store.models.rules import Rule

DOMAIN = "company.example"
JOE, MARA = f"joe.fern@{DOMAIN}", f"mara.berg@{DOMAIN}"
RECIPIENTS: tuple[str, ...] = (f"it+joe.fern@{DOMAIN}", JOE, f"legal+mara.berg@{DOMAIN}", f"info@{DOMAIN}", f"all@{DOMAIN}")
RECIPIENTS += (f"postmaster@{DOMAIN}", f"nobody@{DOMAIN}", f"ines.old@{DOMAIN}")
COMPANY = replace(arriving.COMPANY, groups=(GroupEntry(f"all@{DOMAIN}", "All", "it", ("joe.fern", "mara.berg")),))
AUTHORS = (
    "sales@supplier.example",  # let in by its domain
    "ann@partner.example",  # somebody here wrote to her
    "ann.lee@fresh.example",  # let in by her address, and called as strangers are
    "lapse@trial.example",  # let in until nobody wants it any more
    "bad@evil.example",  # blocked
    "one@elsewhere.example",
    "two@elsewhere.example",
    "one@gmail.com",
    "dev@lists.example",
    "",
)
RULES = (
    RuleOrder("allow", "domain", "supplier.example", "company"),
    RuleOrder("allow", "address", "ann.lee@fresh.example", "company"),
    RuleOrder("allow", "address", "lapse@trial.example", "department:it", lapse_days=30),
    RuleOrder("block", "address", "bad@evil.example", "company"),
    RuleOrder("redirect", "address", "sales@supplier.example", "department:it", to="person:mara.berg"),
)
SPECIAL = ("automatic", "list", "listed", "answer", "bounce", "under way", "again", "refused", "unreadable")
TABLES: tuple[type[SQLModel], ...] = (Content, Message, Delivery, Campaign, Representative, RepresentativeBand, AuditRecord)
TABLES += (Touched, Rule, Contact, FamiliarName, PostedList)
SHOWN = re.compile(r"\b[0-9A-Z]{13}\b")  # an id for people
UNTOLD = {"digest", "features", "zstd"}  # made of ids; or told by what else is compared


@dataclass(frozen=True)
class Plan:
    """Features of a message."""

    author: str
    recipients: tuple[str, ...]
    dmarc: str = "none"
    name: str = "Sales"
    text: tuple[int, int] = (-1, 0)  # which wave, and how it was changed
    raw: int = 0
    minutes: int = 0
    kind: str = ""
    patient: bool = False


plans = st.builds(
    Plan,
    author=st.sampled_from(AUTHORS),
    recipients=st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=3, unique=True).map(tuple),
    dmarc=st.sampled_from(["none", "pass", "pass", "fail", "unknown"]),
    name=st.sampled_from(["Sales", "Ann Lee", "Ben Okafor"]),
    text=st.tuples(st.integers(-1, 1), st.integers(0, 3)),
    raw=st.integers(0, 5),
    minutes=st.integers(0, 90),
    kind=st.sampled_from(["", "", "", *SPECIAL]),
    patient=st.booleans(),
)


@functools.cache
def worded(wave: int, change: int) -> tuple[str, str]:
    """A text and its fingerprint; a higher change drifts further away."""
    chance = random.Random(change)
    text = waves.replaced(waves.TEXTS[wave][1], 0.06 * change, chance, waves.invented(chance, 50))
    found = message_summary.fingerprint_of(summary("a@b.example", text=text))
    return text, found.as_text() if found else ""


class House:
    """A company that knows some senders, with one message delivered and one under way that may come back."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = replace(settings, floods=Floods(per_sender=3, per_folder=6), journal=Journal(address="archive@archive.example"))
        with db.transaction(engine) as session:
            directory.apply_directory(session, COMPANY, settings.company, by=arriving.SYNC, now=NOW)
            for order in RULES:
                rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
            ours = [Sent(JOE, ("ann@partner.example",), JOE, NOW, f"ours@{DOMAIN}"), Sent(MARA, ("ann@partner.example",), MARA, NOW, "x@y")]
            learn_contacts.learn_many(session, ours, how="outbound", settings=settings, by=Actor.system("outbound"), now=NOW)
            self.delivered, self.under_way = self.sent(session), self.sent(session)
            queue.settle_claim(session, self.delivered, OK, settings=settings, now=NOW)

    def sent(self, session: Session) -> queue.Claim:
        """A message that was released and is under way."""
        (one,) = arriving.arrive(session, replace(self.settings, journal=Journal()), f"it+joe.fern@{DOMAIN}", author="old@unproven.example")
        ledger.record_event(session, one, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        (claim,) = queue.claim_deliveries(session, limit=10, settings=self.settings, now=NOW)
        return claim

    def arrivals(self, wanted: Sequence[Plan]) -> list[Arrival]:
        """Messages as planned."""
        made: list[Arrival] = []
        for number, plan in enumerate(wanted):
            made.append(made[number // 2] if plan.kind == "again" and made else self.arrival(number, plan))
        return made

    def arrival(self, number: int, plan: Plan) -> Arrival:
        """A message as planned."""
        text, mark = worded(*plan.text) if plan.text[0] >= 0 else ("Hello", "")
        said = summary(plan.author, f"number {number}", author_name=plan.name, text=text, fingerprint=mark)
        if not plan.author:
            said = replace(said, parsed=False, authors=())
        domain = plan.author.rpartition("@")[2]
        found = {"none": NO_DMARC, "unknown": UNKNOWN}.get(plan.dmarc) or Dmarc(Result(plan.dmarc), domain, domain, "reject", ("dkim",))
        at = NOW + timedelta(minutes=plan.minutes)
        came = arriving.envelope(*plan.recipients, reverse_path=plan.author, spool_id=1000 + number, at=at)
        one = Arrival(came, f"Subject: {plan.raw}\r\n\r\n".encode(), authentication(plan.author, found), said, patient=plan.patient)
        return self.changed(one, plan.kind)

    def changed(self, one: Arrival, kind: str) -> Arrival:
        """The message as it is when it is something special."""
        said: dict[str, Summary] = {
            "automatic": replace(one.summary, automatic="list-id"),
            "list": replace(one.summary, list_id="dev.lists.example", list_post="dev@lists.example"),
            "answer": replace(one.summary, in_reply_to=(f"ours@{DOMAIN}",)),
            "refused": replace(one.summary, subject="no database of ours takes \udc80 or \0"),
            "unreadable": replace(one.summary, fingerprint="AAAA"),
        }
        if kind in ("bounce", "under way"):
            back = (self.delivered if kind == "bounce" else self.under_way).reverse_path
            returned = replace(one.envelope, reverse_path="", recipients=(back,))
            return replace(one, envelope=returned, authentication=Authentication(REPORT.author), summary=REPORT)
        proof = replace(one.authentication, dkim=(Dkim(Result.PASS, "lists.example", signs_list=True),))
        one = replace(one, summary=said.get(kind, one.summary), listed="zen.example lists it" if kind == "listed" else "")
        return replace(one, authentication=proof) if kind == "list" else one

    def become(self, mail: Sequence[Arrival], sizes: Iterable[int]) -> list[object]:
        """Outcome of messages received in batches of these sizes; nothing is kept."""
        with Session(self.engine) as session:
            outcomes = [outcome for some in cut(mail, sizes) for outcome in self.taken(session, some)]
            session.expire_all()
            found = [outcomes, *record(session)]
            session.rollback()
        return found

    def taken(self, session: Session, mail: Sequence[Arrival]) -> list[object]:
        """Messages in one transaction; one by one where that is refused, as the judge does it."""
        try:
            with session.begin_nested():
                entered = intake.receive_all(session, mail, settings=self.settings, now=NOW)
        except Exception as fault:
            if len(mail) == 1:
                return [type(fault).__name__]
            return [outcome for one in mail for outcome in self.taken(session, [one])]
        return [type(one).__name__ if isinstance(one, Exception) else len(one) for one in entered]


def cut(mail: Sequence[Arrival], sizes: Iterable[int]) -> Iterator[Sequence[Arrival]]:
    """The messages, so many at a time."""
    for begin, end in itertools.pairwise(itertools.accumulate(sizes, initial=0)):
        if mail[begin:end]:
            yield mail[begin:end]


def record(session: Session) -> list[object]:
    """All rows that messages leave behind, in an order and with names that do not depend on their ids."""
    rows: dict[str, list[dict[str, Any]]] = {
        str(table.__tablename__): [dict(row._mapping) for row in session.execute(select(table.__table__))]  # type: ignore[attr-defined]
        for table in TABLES
    }
    names: dict[int, str] = {}
    for one in rows["message"]:
        names[one["id"]] = f"message {one['spool_id']}" if one["spool_id"] < 1_000_000 else "old"
    for one in rows["delivery"]:
        names[one["id"]] = f"{names[one['message_id']]} to {one['recipient']}"
    for one in rows["content"]:
        names[one["id"]] = one["sha256"]
    for one in rows["rule"] + rows["correspondent"]:
        names[one["id"]] = f"{one.get('value') or one['address']} {one.get('person')}"
    for one in rows["campaign"]:
        mine = [names[copy["id"]] for copy in rows["delivery"] if one["id"] in (copy["campaign_id"], copy["wave_id"])]
        names[one["id"]] = one["about"] or f"campaign of {min(mine, default='nobody')}"
    for one in rows["representative"]:
        names[one["id"]] = f"{names[one['campaign_id']]}: {hash(one['features'])}"
    words = {format_id(number): name for number, name in names.items()}
    found = {table: [describe_row(row, names, words) for row in rows[table]] for table in rows}
    found["touched"] = list(set(found["touched"]))  # noted once for all that came together
    return [sorted(lines) for lines in found.values()]


def describe_row(row: dict[str, Any], names: dict[int, str], words: dict[str, str]) -> str:
    """A row without ids."""
    kept = {name: names.get(value, value) if type(value) is int else value for name, value in row.items() if name not in UNTOLD}
    if row.get("id") not in names:
        kept.pop("id", None)
    return SHOWN.sub(lambda found: words.get(found[0], found[0]), repr(kept))


@pytest.fixture
def house(engine: Engine, settings: Settings) -> House:
    return House(engine, settings)


def plan_of(author: str, *, name: str = "Sales", dmarc: str = "none", kind: str = "", patient: bool = False) -> Plan:
    return Plan(author, (f"it+joe.fern@{DOMAIN}",), dmarc=dmarc, name=name, kind=kind, patient=patient, text=(0, 0))


NAMESAKES = [plan_of("ann.lee@fresh.example", name="Ann Lee", dmarc="pass"), plan_of("one@elsewhere.example", name="Ann Lee")]
TO_POSTMASTER = [Plan("one@elsewhere.example", (f"postmaster@{DOMAIN}",)), plan_of("one@elsewhere.example")]
BOMB = [plan_of("one@elsewhere.example", kind="automatic")] * 9
ONE_WAITS = [plan_of("one@gmail.com", dmarc="unknown", patient=True), plan_of("two@elsewhere.example"), plan_of("one@elsewhere.example")]
ONE_IS_BAD = [plan_of("one@elsewhere.example"), plan_of("one@gmail.com", kind="refused"), plan_of("two@elsewhere.example")]
TWICE = [plan_of("sales@supplier.example", dmarc="pass"), plan_of("", kind="again"), plan_of("two@elsewhere.example", kind="under way")]


def test_what_comes_in_together_comes_in_as_if_one_came_after_the_other(house: House) -> None:
    @given_settings(
        max_examples=examples(3), phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.lists(plans, min_size=2, max_size=14), st.lists(st.integers(2, 14), min_size=7, max_size=7))
    @example(NAMESAKES, [2])
    @example(BOMB, [9])
    @example(BOMB, [2, 7])
    @example(ONE_WAITS, [3])
    @example(ONE_IS_BAD, [3])
    @example(TWICE, [3])
    @example(TO_POSTMASTER, [2])
    def holds(wanted: list[Plan], sizes: list[int]) -> None:
        mail = house.arrivals(wanted)
        assert house.become(mail, sizes) == house.become(mail, [1] * len(mail))

    holds()


def test_a_message_that_cannot_be_judged_takes_no_other_one_with_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(facts: Facts) -> Verdict:
        if facts.summary.subject == "number 1":
            raise ValueError("a fault of ours")
        return decide_verdict(facts)

    monkeypatch.setattr(intake, "decide_verdict", failing)
    with db.transaction(house.engine) as session:
        entered = intake.receive_all(session, house.arrivals(BOMB[:3]), settings=house.settings, now=NOW)
    assert [type(one) for one in entered] == [tuple, ValueError, tuple]
    with db.read_transaction(house.engine) as session:
        named = col(Delivery.subject).startswith("number")
        assert set(session.scalars(select(col(Delivery.subject)).where(named))) == {"number 0", "number 2"}


def test_a_message_that_waits_begins_no_campaign(house: House) -> None:
    with db.transaction(house.engine) as session:
        (waits,) = intake.receive_all(session, house.arrivals(ONE_WAITS[:1]), settings=house.settings, now=NOW)
        assert isinstance(waits, NotYet)
        assert not session.scalars(select(Campaign)).all()


def test_however_many_come_in_the_database_is_asked_as_often(house: House) -> None:
    asked: list[str] = []
    event.listen(house.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for number in (1, 20):
        mail = [replace(one, envelope=arriving.envelope()) for one in house.arrivals([plan_of("a@b.example")] * number)]
        asked.clear()
        with db.transaction(house.engine) as session:
            intake.receive_all(session, mail, settings=replace(house.settings, floods=Floods()), now=NOW)
        counts.append(len(asked))
    assert counts[1] <= counts[0] + 2, asked
