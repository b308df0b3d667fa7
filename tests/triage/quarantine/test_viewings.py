"""Records of fetched and viewed messages: every fetch is in the audit log, and nobody is named who did not see the message."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings as hypothesis_settings, strategies as st
from sqlalchemy import Engine, create_engine, delete, select
from sqlmodel import Session, SQLModel, col

from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive
from triage import ids
from triage.access import scope as access
from triage.actor import ALL_RIGHTS, EVERYTHING, Actor, Right, Role
from triage.addressing.company import ConfidentialEntry
from triage.compliance.audit import audit_log
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import NotAllowed, NotAllowedNow
from triage.quarantine import delivery_history, viewings
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord, Viewing
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
MINUTE = timedelta(minutes=1)
MESSAGE = 77
TOKEN = Actor("token", "0000000000001", Role.TRIAGE, EVERYTHING)
ROOT = Actor.shell("root", "")
SAM = Actor.person("sam", Role.TRIAGE, EVERYTHING, "Sam Reed")
DORA = Actor.person("dora", Role.TRIAGE, EVERYTHING, "Dora Lund", rights=frozenset({Right.DATA_PROTECTION}))


def records(session: Session, *acts: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Entries about fetches and views, oldest first."""
    rows = select(AuditRecord).where(col(AuditRecord.act).in_(acts or ("fetch", "viewed"))).order_by(col(AuditRecord.id))
    return [(one.by, one.act, one.detail) for one in session.scalars(rows)]


def settle(session: Session, now: datetime) -> None:
    """As upkeep does it."""
    while viewings.is_due(session, now):
        assert viewings.settle_fetches(session, now=now)


def act_words(act: str, detail: dict[str, Any]) -> str:
    return " ".join([act, *(str(detail[name]) for name in ("what", "times") if name in detail)])


@pytest.mark.parametrize(
    ("steps", "record"),  # (minute, what)
    [
        ([(0, "fetch")], ["fetch html"]),
        ([(0, "fetch"), (0, "fetch"), (1, "fetch")], ["fetch html"] * 3),
        ([(0, "fetch"), (1, "view")], ["fetch html", "viewed"]),
        ([(0, "ahead"), (9, "settle")], []),
        ([(0, "ahead"), (10, "settle")], ["fetch ahead 1"]),
        ([(0, "ahead"), (2, "ahead"), (4, "ahead"), (10, "settle"), (30, "settle")], ["fetch ahead 3"]),
        ([(0, "ahead"), (9, "view"), (30, "settle")], ["viewed"]),
        ([(0, "ahead"), (10, "settle"), (11, "view"), (40, "settle")], ["fetch ahead 1", "viewed"]),
        ([(0, "ahead"), (0, "view"), (4, "view"), (5, "view"), (9, "view")], ["viewed", "viewed"]),
        ([(0, "ahead"), (0, "view"), (1, "ahead"), (2, "view"), (20, "settle")], ["viewed"]),  # shown again within the five minutes
        ([(0, "ahead"), (0, "view"), (1, "ahead"), (20, "settle")], ["viewed", "fetch ahead 1"]),
        ([(0, "ahead"), (10, "settle"), (10, "ahead"), (20, "settle")], ["fetch ahead 1", "fetch ahead 1"]),
    ],
)
def test_what_stands_on_the_record(known: Engine, steps: list[tuple[int, str]], record: list[str]) -> None:
    for minute, what in steps:
        now = NOW + minute * MINUTE
        with transaction(known) as session:
            if what == "settle":
                settle(session, now)
            elif what == "view":
                viewings.record_view(session, MESSAGE, by=ANA, now=now)
            else:
                viewings.record_fetch(session, MESSAGE, "html", by=ANA, now=now, ahead=what == "ahead")
    with read_transaction(known) as session:
        found = [act_words(act, detail) for _, act, detail in records(session)]
    assert found == record


@dataclass
class ExpectedEntries:
    """Model of the expected audit entries."""

    waits: dict[str, list[datetime]] = field(default_factory=dict)  # requests that read ahead
    viewed: dict[str, datetime] = field(default_factory=dict)
    fetched: dict[str, int] = field(default_factory=dict)
    record: list[tuple[str, str, int]] = field(default_factory=list)


ACTS = st.sampled_from(["fetch", "ahead", "view", "settle", "restart"])
STEPS = st.lists(st.tuples(ACTS, st.sampled_from([ANA, BEN, TOKEN]), st.integers(0, 11)), max_size=25)


@pytest.fixture(scope="module")
def memory() -> Iterator[Engine]:
    """The two tables alone, in memory: the steps are many."""
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables[name] for name in ("viewing", "audit_record")])
    yield engine
    engine.dispose()


@hypothesis_settings(deadline=None)
@given(steps=STEPS)
def test_nothing_that_left_is_missing_and_nobody_viewed_what_was_not_fetched(memory: Engine, steps: list[tuple[str, Actor, int]]) -> None:
    now, model = NOW, ExpectedEntries()
    with Session(memory) as session:
        session.execute(delete(Viewing))
        session.execute(delete(AuditRecord))
        for act, by, minutes in steps:
            now += minutes * MINUTE
            step(session, model, act, by, now)
            session.commit()
            session.expire_all()
        assert [(by, act, detail.get("times", 1)) for by, act, detail in records(session)] == model.record
        left = sum(one.ahead for one in session.scalars(select(Viewing)))
        assert left == sum(map(len, model.waits.values()))


def step(session: Session, model: ExpectedEntries, act: str, by: Actor, now: datetime) -> None:
    """The same in the house and in the model."""
    who = str(by)
    if act == "settle":
        viewings.settle_fetches(session, now=now)
        over = [one for one, since in model.waits.items() if since and now - since[0] >= viewings.WAITS]
        model.record += [(one, "fetch", len(model.waits.pop(one))) for one in sorted(over)]
    elif act in ("fetch", "ahead"):
        viewings.record_fetch(session, MESSAGE, "html", by=by, now=now, ahead=act == "ahead")
        model.fetched[who] = model.fetched.get(who, 0) + 1
        if act == "ahead" and by is not TOKEN:
            model.waits.setdefault(who, []).append(now)
        else:
            model.record.append((who, "fetch", 1))
    elif act == "view":
        view(session, model, by, now)


def view(session: Session, model: ExpectedEntries, by: Actor, now: datetime) -> None:
    """The same of a view, which may be refused."""
    who = str(by)
    if by is TOKEN or who not in model.fetched:
        with pytest.raises(NotAllowed if by is TOKEN else NotAllowedNow):
            viewings.record_view(session, MESSAGE, by=by, now=now)
        return
    anew = who not in model.viewed or now - model.viewed[who] >= viewings.AGAIN
    assert viewings.record_view(session, MESSAGE, by=by, now=now) is anew
    model.waits.pop(who, None)
    if anew:
        model.viewed[who] = now
        model.record.append((who, "viewed", 1))


def test_a_read_ahead_keeps_where_from_and_for_whom(known: Engine) -> None:
    stands_in = replace(ANA, place="192.0.2.9", stands_in_for=("ben",))
    with transaction(known) as session:
        viewings.record_fetch(session, MESSAGE, "html", by=stands_in, now=NOW, ahead=True)
        viewings.record_fetch(session, MESSAGE, "html", by=replace(ANA, place="192.0.2.10"), now=NOW + MINUTE, ahead=True)
    with transaction(known) as session:
        settle(session, NOW + 10 * MINUTE)
        ((by, _, detail),) = records(session)
    assert (by, detail) == (
        "person:ana",
        {
            "what": "ahead",
            "times": 2,
            "since": NOW.isoformat(),
            "until": (NOW + MINUTE).isoformat(),
            "from": "192.0.2.9",
            "stands_in_for": ["ben"],
        },
    )


def test_a_clock_that_was_ahead_keeps_nothing_back(known: Engine) -> None:
    for by, ahead in ((ANA, True), (BEN, False)):
        with transaction(known) as session:
            viewings.record_fetch(session, MESSAGE, "html", by=by, now=NOW + timedelta(days=400), ahead=ahead)
    with transaction(known) as session:
        viewings.record_view(session, MESSAGE, by=BEN, now=NOW + timedelta(days=400))
        assert viewings.record_view(session, MESSAGE, by=BEN, now=NOW)
        settle(session, NOW)
        assert [(by, act) for by, act, _ in records(session)][-1] == ("person:ana", "fetch")
        settle(session, NOW + viewings.AGAIN)
        assert session.scalars(select(Viewing)).all() == []


@pytest.mark.parametrize("by", [TOKEN, ROOT, Actor.system("relay")])
def test_what_no_console_says_is_fetched_at_once_and_never_viewed(known: Engine, by: Actor) -> None:
    with transaction(known) as session:
        viewings.record_fetch(session, MESSAGE, "text", by=by, now=NOW, ahead=True)
        assert records(session) == [(str(by), "fetch", {"what": "text"})]
    with pytest.raises(NotAllowed, match="only the console reports what was on a screen"), transaction(known) as session:
        viewings.record_view(session, MESSAGE, by=by, now=NOW)


@pytest.fixture
def viewed(known: Engine, settings: Settings) -> int:
    """A message to Joe that Ana viewed, Sam's console read ahead and the machine's administrator fetched; the id of its delivery."""
    with transaction(known) as session:
        (joe,) = arrive(session, settings, JOE)
        message = session.get_one(Delivery, joe).message_id
        for by in (ANA, ROOT, TOKEN):
            viewings.record_fetch(session, message, "html", by=by, now=NOW)
        viewings.record_fetch(session, message, "html", by=SAM, now=NOW, ahead=True)
        viewings.record_view(session, message, by=ANA, now=NOW)
        settle(session, NOW + 10 * MINUTE)
        session.get_one(Person, "joe.fern").login = "jfern"
    return joe


JOE_HIMSELF = Actor.person("jfern", Role.TRIAGE, EVERYTHING, "Joe Fern")
ALL = ["fetch", "fetch", "fetch", "viewed", "fetch"]


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (ANA, ["fetch", "viewed"]),  # what she did herself
        (SAM, ["fetch"]),
        (IDA, []),
        (TOKEN, ["fetch"]),
        (OTTO, ALL),
        (DORA, ALL),
        (replace(IDA, rights=ALL_RIGHTS), ALL),
        (ROOT, ALL),
        (JOE_HIMSELF, ALL),
    ],
)
def test_who_viewed_is_told_to_auditors_data_protection_and_the_person(known: Engine, viewed: int, by: Actor, told: list[str]) -> None:
    with read_transaction(known) as session:
        history = delivery_history.get_delivery(session, viewed, by=by).history
    assert [past.act for past in history] == ["receive", *told]
    assert ("Viewed by Ana Roth." in [past.sentence for past in history]) is ("viewed" in told)
    assert "Viewed by Sam Reed." not in [past.sentence for past in history]
    if told == ALL:
        assert history[-1].sentence == "Fetched in advance by the console of person:sam, and not shown."


@pytest.mark.parametrize("by", [ANA, OTTO, DORA, JOE_HIMSELF, ROOT])
def test_who_looked_for_a_copy_in_a_confidential_folder_is_told_to_nobody_else(known: Engine, settings: Settings, by: Actor) -> None:
    hana = Actor.person("hana", Role.TRIAGE, EVERYTHING, "Hana Novak")
    with transaction(known) as session:
        directory.apply_directory(
            session, replace(COMPANY, sealed=(ConfidentialEntry("person:mara.berg", ("hana",)),)), settings.company, by=SYNC, now=NOW
        )
        session.get_one(Person, "joe.fern").login = "jfern"
        joe, _mara = arrive(session, settings, JOE, MARA)
        message = session.get_one(Delivery, joe).message_id
        viewings.record_fetch(session, message, "html", by=hana, now=NOW)
        viewings.record_view(session, message, by=hana, now=NOW)
        assert viewings.list_viewers(session, [message], "joe.fern") == {}
        assert list(viewings.export_viewings(session, [message], "joe.fern")) == []
        assert [one.by for one in viewings.list_viewers(session, [message], "mara.berg")[message]] == ["person:hana"]
        assert [past.act for past in delivery_history.get_delivery(session, joe, by=by).history] == ["receive"]


def test_the_record_names_who_viewed_to_auditors_and_data_protection_only(known: Engine, viewed: int) -> None:
    admin, officer = replace(IDA, rights=frozenset()), replace(IDA, rights=frozenset({Right.DATA_PROTECTION}))
    looks = ("fetch", "viewed")
    with read_transaction(known) as session:

        def names(by: Actor, who: str = "", act: str = "") -> list[str]:
            return [one.by for one in audit_log.list_entries(session, by=by, who=who, act=act).items if one.act in looks][::-1]

        everybody = ["person:ana", "shell:root", "token:0000000000001", "person:ana", "person:sam"]
        assert names(OTTO) == names(officer) == names(ROOT) == everybody
        assert names(admin) == ["withheld", "withheld", "token:0000000000001", "withheld", "withheld"]
        assert names(OTTO, who="ana", act="viewed") == ["person:ana"]
        assert names(admin, who="ana") == names(admin, who="shell:root") == []
        assert audit_log.list_entries(session, by=admin, act="fetch").items[0].detail["times"] == 1


def test_who_viewed_does_not_show_by_where_it_was_from(known: Engine) -> None:
    with transaction(known) as session:
        viewings.record_fetch(session, MESSAGE, "html", by=replace(ANA, place="192.0.2.9", stands_in_for=("ben",)), now=NOW)
        (told,) = audit_log.list_entries(session, by=replace(IDA, rights=frozenset()), act="fetch").items
        (whole,) = audit_log.list_entries(session, by=OTTO, act="fetch").items
    assert (told.detail, whole.detail) == ({"what": "html"}, {"what": "html", "from": "192.0.2.9", "stands_in_for": ["ben"]})


@pytest.mark.parametrize(
    ("by", "may"), [(ANA, False), (IDA, False), (TOKEN, False), (OTTO, True), (DORA, True), (ROOT, True), (Actor.system("relay"), False)]
)
def test_who_may_see_viewers(by: Actor, may: bool) -> None:
    assert access.may_see_viewers(by) is may


def test_what_an_earlier_version_called_a_view_was_a_fetch(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        (joe,) = arrive(session, settings, JOE)
        subject = viewings.subject_of(session.get_one(Delivery, joe).message_id)
        session.add(AuditRecord(id=ids.new_id(), at=NOW, by="person:ana", act="view", subject=subject))
        session.flush()
        assert delivery_history.get_delivery(session, joe, by=OTTO).history[-1].sentence == "Fetched by Ana Roth."
        assert [past.act for past in delivery_history.get_delivery(session, joe, by=SAM).history] == ["receive"]
