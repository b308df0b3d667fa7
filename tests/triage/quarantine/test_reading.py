"""Views of staff within their scope: lists, rows, folders, histories, messages, the audit log."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import (
    ALIGNED,
    ANA,
    BEN,
    COMPANY,
    DMARC_FAIL,
    DMARC_PASS,
    IDA,
    NO_DMARC,
    NOW,
    OTTO,
    SYNC,
    UNKNOWN,
    arrive,
    authentication,
    set_up,
)
from triage.actor import Actor, Role, Scope
from triage.compliance.audit import audit_log, hash_chain
from triage.compliance.retention import expire as retention
from triage.config.settings import Settings
from triage.delivery import queue, queue_admin
from triage.directory import apply as directory
from triage.errors import Erased, NotFound
from triage.ids import format_id
from triage.message.authentication import Arc, Authentication, Dmarc, Result, Stated, proof_sentence
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine import delivery_history, folders, open_message
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store import ledger
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person

JOE, MARA, INFO = "it+joe.fern@company.example", "legal+mara.berg@company.example", "info@company.example"
NOTHING = Actor.person("zoe", Role.TRIAGE, Scope(), "Zoe")
MARAS = Actor.person("eva", Role.TRIAGE, Scope(persons=frozenset({"mara.berg"})), "Eva")
ALL = Selection()


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """A database with the small company."""
    with transaction(engine) as session:
        set_up(session, settings)
    return engine


def came(engine: Engine, settings: Settings, *recipients: str, **more: object) -> tuple[int, ...]:
    """A message has come in; its deliveries."""
    with transaction(engine) as session:
        return arrive(session, settings, *recipients, **more)  # type: ignore[arg-type]


def decided(session: Session, settings: Settings, verb: Verb, *ids: int, by: Actor, reason: str = "", now: datetime = NOW) -> None:
    """Decide about these deliveries."""
    decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), verb, reason), by=by, now=now, settings=settings)


def change(engine: Engine, delivery_id: int, **values: object) -> None:
    """Set what the generator of test mail leaves alone."""
    with transaction(engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == delivery_id).values(**values))


def test_a_list_is_newest_first_and_pages_meet(company: Engine, settings: Settings) -> None:
    ids = [came(company, settings, JOE)[0] for _ in range(7)]
    change(company, ids[2], received_at=NOW + timedelta(seconds=5))
    change(company, ids[4], received_at=NOW - timedelta(seconds=5))
    expected = [ids[2], ids[6], ids[5], ids[3], ids[1], ids[0], ids[4]]
    found, after = [], None
    with read_transaction(company) as session:
        while True:
            page = listing.list_deliveries(session, ALL, by=ANA, limit=3, after=after)
            found += [one.id for one in page.items]
            assert page.total == 7
            if page.following is None:
                break
            after = page.following
    assert found == expected


@pytest.mark.parametrize(
    ("by", "seen"),
    [(ANA, {JOE, MARA, INFO}), (BEN, {MARA}), (MARAS, {MARA}), (NOTHING, set()), (OTTO, {JOE, MARA, INFO})],
    ids=["company", "department", "person", "empty", "auditor"],
)
def test_nobody_reads_beyond_their_scope(company: Engine, settings: Settings, by: Actor, seen: set[str]) -> None:
    ids = {recipient: one for recipient in (JOE, MARA, INFO) for one in came(company, settings, recipient)}
    with read_transaction(company) as session:
        assert {one.recipient for one in listing.list_deliveries(session, ALL, by=by).items} == seen
        assert {one.lead.recipient for one in item_list.list_items(session, ALL, by=by, now=NOW, group="none").items} == seen
        assert sum(folder.held for folder in folders.list_folders(session, by=by, now=NOW).items) == len(seen)
        for recipient, delivery_id in ids.items():
            if recipient in seen:
                message_id = delivery_history.get_delivery(session, delivery_id, by=by).listed.message_id
                assert open_message.open_message(session, message_id, by=by).deliveries[0].id == delivery_id
                assert open_message.read_raw(session, message_id, by=by).startswith(b"From: ")
            else:
                message_id = session.get_one(Delivery, delivery_id).message_id
                for read in (open_message.open_message, open_message.read_raw):
                    with pytest.raises(NotFound):
                        read(session, message_id, by=by)
                with pytest.raises(NotFound):
                    delivery_history.get_delivery(session, delivery_id, by=by)
                assert listing.list_some(session, [delivery_id], by=by) == ()


def test_a_delivery_says_whose_it_is_and_what_it_is(company: Engine, settings: Settings) -> None:
    (delivery_id,) = came(company, settings, MARA, dmarc=DMARC_PASS)
    with read_transaction(company) as session:
        one = delivery_history.get_delivery(session, delivery_id, by=ANA).listed
        raw = open_message.read_raw(session, one.message_id, by=ANA)
    assert (one.department, one.department_name, one.person, one.person_name) == ("legal", "Legal", "mara.berg", "Mara Berg")
    assert (one.state, one.mailbox, one.proof, one.attachments, one.decided) == ("held", "mara.berg@company.example", "dmarc", 0, None)
    assert one.verdict.rule == "first-contact"
    assert one.size == len(raw)


def test_rows_group_by_sender(company: Engine, settings: Settings) -> None:
    wave = [came(company, settings, JOE, MARA, author="wave@bad.example") for _ in range(2)]
    (single,) = came(company, settings, INFO, author="one@good.example")
    with read_transaction(company) as session:
        page = item_list.list_items(session, ALL, by=ANA, now=NOW)
        own = item_list.list_items(session, ALL, by=BEN, now=NOW)
    found = {item.key: item for item in page.items}
    assert (page.rows, page.deliveries) == (2, 5)
    assert (found["wave@bad.example"].count, found["wave@bad.example"].people, found["wave@bad.example"].departments) == (4, 2, 2)
    assert found["wave@bad.example"].ids == tuple(sorted((one for pair in wave for one in pair), reverse=True))
    assert found["wave@bad.example"].lead.id == max(wave[1])
    assert found["one@good.example"].ids == (single,)
    assert [(item.key, item.count, item.departments) for item in own.items] == [("wave@bad.example", 2, 1)]


def test_rows_are_ordered_by_clock_then_urgency_then_time_and_pages_meet(company: Engine, settings: Settings) -> None:
    rows: dict[str, dict[str, Any]] = {
        "soonest": {"time_limited_until": NOW + timedelta(minutes=1), "urgency": 49},
        "soon": {"time_limited_until": NOW + timedelta(minutes=5), "urgency": 50},
        "later": {"time_limited_until": NOW + timedelta(minutes=9), "urgency": 75},
        "usually": {"time_limited_until": NOW + timedelta(minutes=2), "lifetime_assumed": True, "urgency": 90},
        "heavy": {"urgency": 80},
        "light new": {"urgency": 60, "received_at": NOW + timedelta(minutes=1)},
        "light": {"urgency": 60},
        "passed": {"time_limited_until": NOW - timedelta(minutes=1), "urgency": 50},
        "surely not wanted": {"urgency": 49},
    }
    for name in sorted(rows):
        (one,) = came(company, settings, JOE, author=f"{name.replace(' ', '.')}@s.example", subject=name)
        change(company, one, **rows[name])
    for group in ("sender", "none", "campaign"):
        found, after = [], None
        with read_transaction(company) as session:
            while True:
                page = item_list.list_items(session, ALL, by=ANA, now=NOW, group=group, limit=2, after=after)
                found += [item.lead.subject for item in page.items]
                assert page.rows == 9
                if page.following is None:
                    break
                after = page.following
        assert found == list(rows)


def test_a_clock_that_has_run_out_is_not_shown(company: Engine, settings: Settings) -> None:
    (one,) = came(company, settings, JOE)
    change(company, one, time_limited_until=NOW)
    with read_transaction(company) as session:
        assert item_list.list_items(session, ALL, by=ANA, now=NOW).items[0].time_limited_until is None
        assert item_list.list_items(session, ALL, by=ANA, now=NOW - timedelta(seconds=1)).items[0].time_limited_until == NOW


def test_mail_without_an_author_is_never_one_row(company: Engine, settings: Settings) -> None:
    for _ in range(2):
        (one,) = came(company, settings, JOE)
        change(company, one, author="")
    with read_transaction(company) as session:
        assert [item.count for item in item_list.list_items(session, ALL, by=ANA, now=NOW).items] == [1, 1]


def test_a_large_row_carries_the_id_of_its_lead_alone(company: Engine, settings: Settings) -> None:
    ids = [came(company, settings, JOE)[0] for _ in range(5)]
    with read_transaction(company) as session:
        carried = {most: item_list.list_items(session, ALL, by=ANA, now=NOW, most_ids=most).items[0].ids for most in (0, 4, 5)}
    assert carried == {0: (ids[-1],), 4: (ids[-1],), 5: tuple(reversed(ids))}


def test_folders_count_what_is_held_and_keep_who_has_left_while_mail_is_there(company: Engine, settings: Settings) -> None:
    came(company, settings, JOE, INFO)
    came(company, settings, JOE)
    came(company, settings, MARA)
    with transaction(company) as session:
        session.get_one(Person, "mara.berg").active = False
    with read_transaction(company) as session:
        everything, legal = (folders.list_folders(session, by=by, now=NOW).items for by in (ANA, MARAS))
    assert [(one.code, one.name, one.held, one.shared_held) for one in everything] == [("it", "IT", 3, 1), ("legal", "Legal", 1, 0)]
    assert [(person.uid, person.held) for folder in everything for person in folder.people] == [("joe.fern", 2), ("mara.berg", 1)]
    assert [(folder.code, folder.held) for folder in legal] == [("legal", 1)]


def test_a_person_moves_with_their_held_mail(company: Engine, settings: Settings) -> None:
    came(company, settings, JOE)
    people = tuple(replace(one, department="legal") if one.uid == "joe.fern" else one for one in COMPANY.people)
    with transaction(company) as session:
        directory.apply_directory(session, replace(COMPANY, people=people), settings.company, by=SYNC, now=NOW)
    with read_transaction(company) as session:
        assert {folder.code: folder.held for folder in folders.list_folders(session, by=ANA, now=NOW).items} == {"it": 0, "legal": 1}


@pytest.mark.parametrize(
    ("q", "found"), [("", ["joe.fern", "mara.berg"]), ("BERG", ["mara.berg"]), ("fern it", ["joe.fern"]), ("old", []), ("%", [])]
)
def test_people_are_found_by_words(company: Engine, q: str, found: list[str]) -> None:
    with read_transaction(company) as session:
        assert [one.uid for one in folders.list_people(session, q, by=ANA)] == found


def test_a_history_tells_all_in_order(company: Engine, settings: Settings) -> None:
    (one,) = came(company, settings, JOE)
    with transaction(company) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection(ids=(one,)), Verb.RELEASE, "she called"), by=ANA, now=NOW + timedelta(1), settings=settings
        )
    with transaction(company) as session:
        (claim,) = queue.claim_deliveries(session, limit=5, settings=settings, now=NOW + timedelta(2))
        queue.settle_claim(
            session, claim, queue.Outcome("deferred", "451 busy {x}", "smtp://inner"), settings=settings, now=NOW + timedelta(2, 1)
        )
    with transaction(company) as session:
        queue_admin.retry_deliveries(session, [one], settings=settings, by=IDA, now=NOW + timedelta(3))
        (claim,) = queue.claim_deliveries(session, limit=5, settings=settings, now=NOW + timedelta(3))
        delivered = queue.Outcome("delivered", "250 ok", "smtp://inner")
        queue.settle_claim(session, claim, delivered, settings=settings, now=NOW + timedelta(3, 1))
    with read_transaction(company) as session:
        told = delivery_history.get_delivery(session, one, by=ANA)
    assert [past.act for past in told.history] == ["receive", "release", "defer", "retry", "deliver"]
    assert [past.sentence for past in told.history][1:] == [
        "Ana Roth: release: she called",
        "Deferred by the next hop: 451 busy {x}",
        "Retried at once by person:ida.",
        "Delivered to joe.fern@company.example: 250 ok",
    ]
    assert [(tried.number, tried.outcome, tried.reply) for tried in told.attempts_made] == [
        (1, "deferred", "451 busy {x}"),
        (2, "delivered", "250 ok"),
    ]
    assert told.listed.decided is not None
    assert (told.listed.decided.by_shown, told.listed.decided.undone) == ("Ana Roth", False)
    json.dumps([past.detail for past in told.history])


def test_a_history_tells_nothing_of_copies_beyond_the_scope(company: Engine, settings: Settings) -> None:
    joes, maras = came(company, settings, JOE, MARA)
    with transaction(company) as session:
        message_id = session.get_one(Delivery, maras).message_id
        for by, act, detail in ((ANA, "open", {"reason": "the works council asked"}), (ANA, "view", {}), (BEN, "source", {})):
            ledger.write_act(session, act, f"message:{format_id(message_id)}", by=replace(by, place="192.0.2.77"), now=NOW, detail=detail)
        record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "receive")).one()
        assert delivery_history.detail_about(
            AuditRecord(**record.model_dump() | {"detail": {"notes": {format_id(joes): "To a leaver.", format_id(maras): "To an alias."}}}),
            listing.list_some(session, [maras], by=BEN)[0],
        ) == {"notes": {format_id(maras): "To an alias."}}
    with read_transaction(company) as session:
        bens = delivery_history.get_delivery(session, maras, by=BEN).history
        anas = delivery_history.get_delivery(session, joes, by=ANA).history
    assert [past.act for past in bens] == ["receive", "source"]
    assert [past.act for past in anas] == ["receive", "open", "view", "source"]
    assert "192.0.2.77" not in json.dumps([past.detail for past in (*bens, *anas)])


def test_what_the_sender_was_told_is_of_the_copies_that_ended_so(company: Engine, settings: Settings) -> None:
    joes, maras = came(company, settings, JOE, MARA)
    with transaction(company) as session:
        message = f"message:{format_id(session.get_one(Delivery, joes).message_id)}"
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(joes,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
        for kind in ("rejection", "expiry"):
            ledger.write_act(
                session, "notice", message, by=SYNC, now=NOW, detail={"kind": kind, "to": "a@b.example", "said": f"Of {MARA}."}
            )
        ledger.write_act(session, "not_told", message, by=SYNC, now=NOW, detail={"why": "the message names no sender"})
        session.execute(update(Delivery).where(col(Delivery.id) == maras).values(state=State.REJECTED))
    with read_transaction(company) as session:
        bens = [past for past in delivery_history.get_delivery(session, maras, by=BEN).history if past.act in ("notice", "not_told")]
        it = Actor.person("kim", Role.TRIAGE, Scope(departments=frozenset({"it"})))
        kims = delivery_history.get_delivery(session, joes, by=it).history
        anas = delivery_history.get_delivery(session, joes, by=ANA).history
    assert [(past.act, past.detail.get("kind"), past.detail.get("said")) for past in bens] == [
        ("notice", "rejection", None),
        ("not_told", None, None),
    ]
    assert [past.act for past in kims] == ["receive", "purge"]
    assert [past.detail.get("said") for past in anas if past.act == "notice"] == [f"Of {MARA}."] * 2


def test_an_expiry_is_told_although_its_record_is_about_many(company: Engine, settings: Settings) -> None:
    ids = [came(company, settings, JOE)[0] for _ in range(2)]
    later = NOW + timedelta(days=31)
    with transaction(company) as session:
        assert retention.expire_messages(session, settings=arriving.expire_unseen(settings), now=later) == 2
    with read_transaction(company) as session:
        told = [delivery_history.get_delivery(session, one, by=ANA).history for one in ids]
    assert [[past.act for past in history] for history in told] == [["receive", "expire"]] * 2
    assert told[0][-1].at == later


def test_what_a_decision_could_not_do_is_told(company: Engine, settings: Settings) -> None:
    (one,), (other,) = came(company, settings, JOE), came(company, settings, JOE)
    with transaction(company) as session:
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(one,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
        decisions.decide_messages(
            session, DecisionRequest(Selection(ids=(one, other)), Verb.RELEASE), by=IDA, now=NOW + timedelta(seconds=4), settings=settings
        )
    with read_transaction(company) as session:
        assert (
            delivery_history.get_delivery(session, one, by=ANA).history[-1].sentence
            == "Ida Lind: release, not done. Removed by Ana Roth 4 seconds ago."
        )


def test_erased_content_is_gone_and_the_record_stays(company: Engine, settings: Settings) -> None:
    (one,) = came(company, settings, JOE)
    with transaction(company) as session:
        ledger.record_event(session, one, Event.PURGE, by=ANA, now=NOW)
        assert arriving.erase(session, settings=settings, now=NOW + timedelta(days=31)) == 1
    with read_transaction(company) as session:
        message_id = delivery_history.get_delivery(session, one, by=ANA).listed.message_id
        assert open_message.open_message(session, message_id, by=ANA).erased
        with pytest.raises(Erased):
            open_message.read_raw(session, message_id, by=ANA)
        with pytest.raises(NotFound):
            open_message.read_raw(session, message_id, by=BEN)


def test_a_message_shows_only_the_reader_s_deliveries(company: Engine, settings: Settings) -> None:
    ids = came(company, settings, JOE, MARA)
    with read_transaction(company) as session:
        message_id = session.get_one(Delivery, ids[0]).message_id
        assert {one.recipient for one in open_message.open_message(session, message_id, by=ANA).deliveries} == {JOE, MARA}
        assert {one.recipient for one in open_message.open_message(session, message_id, by=BEN).deliveries} == {MARA}


SUPPLIER = "sales@supplier.example"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (authentication(SUPPLIER, DMARC_PASS), "Really from supplier.example: DMARC passes (DKIM)."),
        (
            authentication(SUPPLIER, replace(DMARC_PASS, origin="mx.edge.example")),
            "Really from supplier.example: DMARC passes, as the edge server mx.edge.example found.",
        ),
        (
            authentication(SUPPLIER, replace(DMARC_FAIL, origin="mx.edge.example")),
            "Not from supplier.example: DMARC fails, as the edge server mx.edge.example found.",
        ),
        (
            replace(
                authentication(SUPPLIER, DMARC_FAIL),
                arc=Arc(Result.PASS, "lists.example", 1, stated=(Stated("dmarc", "pass", "supplier.example"),)),
            ),
            "Not proven to be from supplier.example, but the forwarder lists.example vouches for it (ARC).",
        ),
        (authentication(SUPPLIER, ALIGNED), "Really from supplier.example (SPF); the domain has no DMARC record."),
        (authentication(SUPPLIER, DMARC_FAIL), "Not from supplier.example: DMARC fails; the policy of the domain is reject."),
        (authentication(SUPPLIER, UNKNOWN), "Unknown whether it is from supplier.example: DNS did not answer."),
        (authentication(SUPPLIER, NO_DMARC), "supplier.example publishes neither SPF, DKIM nor DMARC, so nothing can prove its messages."),
        (authentication(SUPPLIER, NO_DMARC, Result.FAIL), "Not proven to be from supplier.example."),
        (Authentication("", dmarc=Dmarc(Result.NONE)), "It does not name exactly one author, so nothing can prove who sent it."),
    ],
)
def test_proof_in_words(found: Authentication, sentence: str) -> None:
    assert proof_sentence(found) == sentence


def test_the_number_of_acts_grows_with_each_commit_and_not_with_sealing(company: Engine, settings: Settings) -> None:
    before, numbers = number(company), []
    for _ in range(3):
        came(company, settings, JOE)
        numbers.append(number(company))
        with transaction(company) as session:
            hash_chain.seal_entries(session)
        numbers.append(number(company))
    assert [one - before for one in numbers] == [1, 1, 2, 2, 3, 3]


def number(engine: Engine) -> int:
    """Number of committed acts."""
    with read_transaction(engine) as session:
        return audit_log.number_of_acts(session)


def test_rules_of_another_scope_are_not_shown(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        scopes = ("company", "department:it", "department:legal", "person:mara.berg")
        orders = [RuleOrder("block", "domain", f"s{number}.example", scope) for number, scope in enumerate(scopes)]
        made = [rules.add_rule(session, order, by=ANA, now=NOW, settings=settings).id for order in orders]
    with read_transaction(company) as session:
        assert {one.scope for one in rules.known_to(session, made, by=BEN)} == {"company", "department:legal"}
        assert len(rules.known_to(session, made, by=ANA)) == 4


def test_reading_waits_for_no_writer(company: Engine, settings: Settings) -> None:
    (one,) = came(company, settings, JOE)
    with transaction(company) as writing, read_transaction(company) as session:
        ledger.record_event(writing, one, Event.PURGE, by=ANA, now=NOW)
        assert isinstance(session, Session)
        assert delivery_history.get_delivery(session, one, by=ANA).listed.state == "held"
