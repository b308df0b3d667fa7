"""“May I have this one?”: who may ask, what it changes, and what answers it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, OTTO, arrive
from tests.triage.notifications.test_alerts import counted
from triage import ids
from triage.actor import Actor
from triage.compliance.retention import expire as retention
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import own_mail, release_requests
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery

HELD = Selection(states=(State.HELD,))
JOE, MARA = Actor.employee("joe.fern", "Joe Fern"), Actor.employee("mara.berg", "Mara Berg")
TO_JOE = "it+joe.fern@company.example"
DAY = timedelta(days=1)


def came(engine: Engine, settings: Settings, *to: str, **mail: str) -> int:
    with db.transaction(engine) as session:
        return arrive(session, settings, *(to or (TO_JOE,)), **mail)[0]  # type: ignore[arg-type]


def ask(engine: Engine, mail: int, by: Actor = JOE, words: str = "") -> int:
    with db.transaction(engine) as session:
        return release_requests.request_release(session, mail, by=by, words=words, now=NOW)


def decide(engine: Engine, settings: Settings, verb: Verb, mail: int, now: timedelta = timedelta()) -> int:
    with db.transaction(engine) as session:
        return decisions.decide_messages(
            session, DecisionRequest(Selection(ids=(mail,)), verb), by=ANA, now=NOW + now, settings=settings
        ).id


def wanted(engine: Engine, by: Actor = ANA) -> list[tuple[str, str]]:
    """Open release requests: the employee, and the state of the message."""
    with db.read_transaction(engine) as session:
        return [(one.by_shown, one.mail.state) for one in release_requests.list_requests(session, by=by)]


def queue(engine: Engine) -> list[tuple[str, list[str]]]:
    """The rows: the sender, and who asks for something on it."""
    with db.read_transaction(engine) as session:
        found = item_list.list_items(session, HELD, by=ANA, now=NOW).items
        return [(one.lead.author, [asked.by_shown for asked in one.asked]) for one in found]


@pytest.mark.parametrize("kept", [False, True], ids=["counted now", "from the kept counts"])
def test_the_row_rises_and_says_who_asks(known: Engine, settings: Settings, kept: bool) -> None:
    mail = came(known, settings, author="zoo@inn.example")
    came(known, settings, author="news@letter.example")
    if kept:
        counted(known)
    assert [author for author, _ in queue(known)] == ["news@letter.example", "zoo@inn.example"]  # alike: by name
    ask(known, mail, words="my  booking\nfor Berlin")
    assert queue(known) == [("zoo@inn.example", ["Joe Fern"]), ("news@letter.example", [])]
    with db.read_transaction(known) as session:
        delivery = session.get_one(Delivery, mail)
        (first, *_) = delivery.why_here
        assert (first["name"], first["points"], first["sentence"]) == ("requested", 50, "Joe Fern requested it.")
        acts = select(AuditRecord).where(col(AuditRecord.act) == "ask")
        (record,) = session.scalars(acts)
        assert (record.by, record.detail) == ("employee:joe.fern", {"for": "Joe Fern", "words": "my booking for Berlin"})


def test_each_row_has_its_own_requests_and_none_that_is_answered(known: Engine, settings: Settings) -> None:
    first, second, answered = (came(known, settings, author=f"{name}@inn.example") for name in ("a", "b", "c"))
    for mail in (answered, second, first):
        ask(known, mail)
    released = decide(known, settings, Verb.RELEASE, answered, timedelta(minutes=1))
    assert sorted(queue(known)) == [("a@inn.example", ["Joe Fern"]), ("b@inn.example", ["Joe Fern"])]
    with db.transaction(known) as session:
        undoing.undo_decision(session, released, by=ANA, reason="", now=NOW + timedelta(minutes=2), settings=settings)
    assert sorted(queue(known)) == [(f"{name}@inn.example", ["Joe Fern"]) for name in "abc"]


def test_what_is_surely_odd_rises_and_stays_behind_what_is_wanted(known: Engine, settings: Settings) -> None:
    odd, good = came(known, settings, author="a@odd.example"), came(known, settings, author="b@good.example")
    with db.transaction(known) as session:
        worst = {"name": "odd", "points": -60, "sentence": "It claims to be one of us."}
        session.execute(update(Delivery).where(col(Delivery.id) == odd).values(why_here=[worst], urgency=0))
    ask(known, odd)
    ask(known, good)
    with db.read_transaction(known) as session:
        urgencies = [session.get_one(Delivery, one).urgency for one in (odd, good)]
    assert urgencies[0] == 40
    assert urgencies[1] > 80
    assert [author for author, _ in queue(known)] == ["b@good.example", "a@odd.example"]


def test_one_asks_for_ones_own_mail_only(known: Engine, settings: Settings) -> None:
    mail = came(known, settings)
    for stranger in (MARA, BEN):
        with pytest.raises(NotFound, match="there is no delivery"):
            ask(known, mail, stranger)
    with pytest.raises(NotAllowed, match="this needs the role"):
        ask(known, mail, OTTO)
    with pytest.raises(NotFound):
        ask(known, ids.new_id())
    shared = came(known, settings, "info@company.example")
    with pytest.raises(NotFound):
        ask(known, shared)
    ask(known, shared, ANA)
    assert wanted(known) == [("Ana Roth", "held")]


def test_staff_write_it_down_for_whoever_calls(known: Engine, settings: Settings) -> None:
    first = ask(known, came(known, settings), ANA, "she called")
    with db.read_transaction(known) as session:
        (one,) = release_requests.list_requests(session, by=ANA)
        assert (one.id, one.by_shown, one.recorded_by_shown, one.words) == (first, "Joe Fern", "Ana Roth", "she called")
        assert release_requests.list_requests(session, by=BEN) == []


def test_asked_for_twice_it_is_one_request(known: Engine, settings: Settings) -> None:
    mail = came(known, settings)
    assert ask(known, mail) == ask(known, mail, ANA) == ask(known, mail)


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.PURGE])
def test_a_decision_answers_and_its_undo_opens_it_again(known: Engine, settings: Settings, verb: Verb) -> None:
    mail = came(known, settings)
    ask(known, mail)
    made = decide(known, settings, verb, mail)
    assert wanted(known) == []
    with db.transaction(known) as session:
        undoing.undo_decision(session, made, by=ANA, reason="", now=NOW, settings=settings)
    assert wanted(known) == [("Joe Fern", "held")]


def test_what_was_taken_away_can_be_asked_for(known: Engine, settings: Settings) -> None:
    mail = came(known, settings)
    decide(known, settings, Verb.PURGE, mail, -DAY)
    ask(known, mail)
    assert wanted(known) == [("Joe Fern", "purged")]
    assert queue(known) == []
    decide(known, settings, Verb.RESTORE, mail)
    assert wanted(known) == [("Joe Fern", "held")]
    assert queue(known) == [("sales@supplier.example", ["Joe Fern"])]
    decide(known, settings, Verb.RELEASE, mail)
    assert wanted(known) == []


def test_no_is_an_answer_with_a_word(known: Engine, settings: Settings) -> None:
    mail = came(known, settings)
    request, before = ask(known, mail), 0
    with db.transaction(known) as session:
        before = session.get_one(Delivery, mail).urgency
        with pytest.raises(NotFound):
            release_requests.decline_request(session, request, by=BEN, reason="", now=NOW)
        with pytest.raises(NotAllowed):
            release_requests.decline_request(session, request, by=OTTO, reason="", now=NOW)
        release_requests.decline_request(session, request, by=ANA, reason="It is not from your bank.", now=NOW)
        with pytest.raises(NotAllowedNow, match="is already answered"):
            release_requests.decline_request(session, request, by=ANA, reason="", now=NOW)
        assert session.get_one(Delivery, mail).urgency == before - 50
    assert queue(known) == [("sales@supplier.example", [])]
    with pytest.raises(NotAllowedNow, match="Ana Roth declined this: It is not from your bank"):
        ask(known, mail)


def test_what_is_on_its_way_or_gone_cannot_be_asked_for(known: Engine, settings: Settings) -> None:
    mail, gone = came(known, settings), came(known, settings)
    decide(known, settings, Verb.RELEASE, mail)
    with pytest.raises(NotAllowedNow, match="it was released"):
        ask(known, mail)
    decide(known, settings, Verb.PURGE, gone)
    with db.transaction(known) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == gone).values(erased_at=NOW))
    with pytest.raises(NotAllowedNow, match="its content was erased"):
        ask(known, gone)


def test_nobody_asks_for_everything(known: Engine, settings: Settings) -> None:
    messages = [came(known, settings) for _ in range(release_requests.MOST_OPEN + 1)]
    for mail in messages[:-1]:
        ask(known, mail)
    with pytest.raises(BadInput, match="you already have 30 open requests"):
        ask(known, messages[-1])
    decide(known, settings, Verb.PURGE, messages[0])
    ask(known, messages[-1])


def test_ones_own_mail(known: Engine, settings: Settings) -> None:
    held, purged, old = (came(known, settings, subject=subject) for subject in ("held", "purged", "old"))
    came(known, settings, "legal+mara.berg@company.example", "info@company.example", subject="others'")
    decide(known, settings, Verb.PURGE, purged, 2 * DAY)
    decide(known, settings, Verb.PURGE, old, DAY + timedelta(hours=1))
    decide(known, settings, Verb.RELEASE, came(known, settings, subject="released"))
    request = ask(known, held)
    with db.transaction(known) as session:
        release_requests.decline_request(session, request, by=ANA, reason="no", now=NOW)
        now, since = NOW + 3 * DAY, NOW + 2 * DAY - timedelta(hours=1)
        mine = [
            one
            for waits in (True, False)
            for one in own_mail.list_part(session, "joe.fern", waits, settings=settings, now=now, since=since)
        ]
    assert [(one.subject, one.waits) for one in mine] == [("held", True), ("purged", False)]
    assert (mine[0].expires_at, mine[0].declined, mine[1].gone_at) == (NOW + 30 * DAY, "declined by Ana Roth: no", NOW + 2 * DAY)
    with db.transaction(known) as session:
        assert retention.expire_messages(session, settings=arriving.expire_unseen(settings), now=NOW + 31 * DAY) == 3
        everything = own_mail.list_part(session, "joe.fern", False, settings=settings, now=NOW + 31 * DAY)
    assert {one.subject for one in everything} == {"held", "purged", "old"}


def test_ones_own_mail_in_parts(known: Engine, settings: Settings) -> None:
    messages = [came(known, settings, subject=f"mail {number}") for number in range(7)]
    decide(known, settings, Verb.PURGE, messages[6])
    other = came(known, settings, "legal+mara.berg@company.example")
    with db.transaction(known) as session:
        parts: list[list[own_mail.Own]] = []
        while not parts or parts[-1]:
            after = parts[-1][-1].place if parts else None
            parts.append(own_mail.list_part(session, "joe.fern", True, settings=settings, now=NOW, after=after, limit=4))
        assert [len(one) for one in parts] == [4, 2, 0]
        assert {one.id for some in parts for one in some} == set(messages[:6])
        (gone,) = own_mail.list_part(session, "joe.fern", False, settings=settings, now=NOW)
        assert own_mail.list_part(session, "joe.fern", False, settings=settings, now=NOW, after=gone.place) == []
        for mail, found in ((messages[0], True), (messages[6], True), (other, False)):
            assert (own_mail.find_own(session, "joe.fern", mail, settings=settings, now=NOW) is not None) == found


@pytest.mark.parametrize(("days", "found"), [(6, True), (8, False)])
def test_what_was_removed_stays_on_ones_own_list_for_seven_days(known: Engine, settings: Settings, days: int, found: bool) -> None:
    short = replace(settings, retention=replace(settings.retention, held_days=1, purged_days=1))
    decide(known, short, Verb.PURGE, came(known, short), timedelta())
    with db.read_transaction(known) as session:
        gone = own_mail.list_part(session, "joe.fern", False, settings=short, now=NOW + days * DAY)
    assert bool(gone) is found
