"""Selections: what they name, what they refuse, and the fence that notices a change."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, NOW, arrive
from triage import ids
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.search import selection, selection_summary
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event
from triage.store.models.deliveries import Delivery


@pytest.fixture
def mail(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        arrive(session, settings, "mara.berg@company.example", author="news@shop.example", subject="100% off_today")
        arrive(session, settings, "joe.fern@company.example", author="news@mail.shop.example", subject="Sale")
        arrive(
            session,
            settings,
            "info@company.example",
            author="ceo@evil-shop.example",
            subject="Änderung der Bankverbindung",
            dmarc=DMARC_PASS,
        )
    return engine


ITEMS = (Selection(sender="news@shop.example", proof="none"), Selection(sender="news@mail.shop.example"))


NAMED: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({"sender": "News@Shop.example"}, ["100% off_today"]),
    ({"domain": "shop.example"}, ["100% off_today", "Sale"]),
    ({"department": "it"}, ["Sale", "Änderung der Bankverbindung"]),
    ({"department": "it", "person": ""}, ["Änderung der Bankverbindung"]),
    ({"person": "mara.berg"}, ["100% off_today"]),
    ({"q": "ÄNDERUNG bank"}, ["Änderung der Bankverbindung"]),
    ({"q": "100% off_"}, ["100% off_today"]),
    ({"q": "10_% off"}, []),
    ({"q": "joe.fern sale"}, ["Sale"]),
    ({"q": "' OR 1=1 --"}, []),
    ({"domain": "shop.example", "states": ("purged",)}, []),
    ({"domain": "shop.example", "since": NOW + timedelta(seconds=1)}, []),
    ({"domain": "shop.example", "until": NOW + timedelta(seconds=1)}, ["100% off_today", "Sale"]),
    ({"any_of": ITEMS}, ["100% off_today", "Sale"]),
    ({"any_of": ITEMS, "department": "it"}, ["Sale"]),
    ({"any_of": (Selection(sender="news@shop.example", until=NOW),)}, []),
)


def test_what_a_selection_names(mail: Engine) -> None:
    with db.read_transaction(mail) as session:
        for features, subjects in NAMED:
            where = selection.selection_condition(Selection.of(**features))
            found = session.scalars(select(col(Delivery.subject)).where(where).order_by(col(Delivery.id)))
            assert (features, list(found)) == (features, subjects)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ({}, "select: name ids, a sender"),
        ({"states": ("held",)}, "select: name ids, a sender"),
        ({"sender": "", "q": ""}, "select: name ids, a sender"),
        ({"sender": "a@b.example", "states": ("gone",)}, "there is no state “gone”; there are held, queued"),
        ({"ids": tuple(range(5001))}, "at most 5,000 ids at once"),
        ({"any_of": (Selection(sender="a@b.example"),) * 501}, "at most 500 rows at once"),
    ],
)
def test_a_selection_never_means_everything_by_mistake(features: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Selection.of(**features)


def test_a_stored_selection_with_an_unknown_field_still_means_the_word() -> None:
    """Bulk decisions, approvals, legal holds and requests of staff read their selections so."""
    with pytest.raises(BadInput, match="there is no field az:"):
        Selection.of(q="az:4711")
    for stored in ({"q": "az:4711"}, {"q": "sender:x", "any_of": [{"sender": "a@b.example"}]}):
        found = selection.from_json(stored)
        assert found.as_json() == stored
        selection.selection_condition(found)
    with pytest.raises(BadInput, match="name ids, a sender"):
        selection.from_json({"states": ["held"]})


@pytest.mark.parametrize("features", [{"domain": "no domain"}, {"q": "x " * 21}])
def test_features_that_are_malformed(features: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        selection.selection_condition(Selection.of(**features))


def test_the_evidence_sheet(mail: Engine, settings: Settings) -> None:
    with db.transaction(mail) as session:
        rule = rules.add_rule(session, RuleOrder("allow", "domain", "evil-shop.example", "company"), by=ANA, now=NOW, settings=settings).id
        sheet = selection_summary.selection_evidence(session, Selection.of(department="it"), by=ANA, now=NOW)
    assert (sheet.count, sheet.people, sheet.departments, sheet.proven, sheet.in_mailboxes) == (2, 2, 1, 1, 0)
    assert sheet.by_state == {"held": 2}
    assert sheet.senders == (("ceo@evil-shop.example", 1), ("news@mail.shop.example", 1))
    assert sheet.rules_contradicted == (rule,)


def test_nobody_sees_evidence_outside_their_scope(mail: Engine) -> None:
    with db.read_transaction(mail) as session:
        assert selection_summary.selection_evidence(session, Selection.of(domain="shop.example"), by=BEN, now=NOW).count == 1
        assert selection_summary.selection_evidence(session, Selection.of(department="it"), by=BEN, now=NOW).count == 0


def test_the_fence_moves_with_the_selection(mail: Engine, settings: Settings) -> None:
    def fence() -> str:
        with db.read_transaction(mail) as session:
            return selection_summary.selection_evidence(session, Selection.of(domain="shop.example"), by=ANA, now=NOW).fence

    first = fence()
    assert fence() == first
    with db.transaction(mail) as session:
        (fresh,) = arrive(session, settings, author="other@shop.example")
    grown = fence()
    with db.transaction(mail) as session:
        ledger.record_event(session, fresh, Event.RELEASE, by=ANA, now=NOW)
    assert len({first, grown, fence()}) == 3


def test_how_a_selection_stands_on_the_record() -> None:
    assert Selection.of(sender="a@b.example", states=("held",), since=NOW).as_json() == {
        "sender": "a@b.example",
        "states": ("held",),
        "since": "2026-11-24T09:30:00+00:00",
    }
    assert Selection.of(ids=(7,)).as_json() == {"ids": [ids.format_id(7)]}


def test_several_rows_come_back_from_the_record_as_they_were() -> None:
    items = Selection.of(any_of=(Selection(ids=(7,)), Selection(sender="a@b.example", proof="none", until=NOW)), states=("held",))
    assert selection.from_json(json.loads(json.dumps(items.as_json()))) == items


def test_stored_selections_of_before_name_the_colleague_by_the_old_key() -> None:
    assert selection.from_json({"handed_to": "ben"}) == Selection(assigned_to="ben")


def test_of_several_rows_those_beyond_the_scope_are_counted_and_ids_that_there_are_not(mail: Engine) -> None:
    with db.read_transaction(mail) as session:
        (sale,) = session.scalars(select(col(Delivery.id)).where(col(Delivery.subject) == "Sale"))
        items = Selection.of(
            any_of=(Selection(ids=(sale, 1)), Selection(sender="news@shop.example"), Selection(sender="ceo@evil-shop.example"))
        )
        assert [selection_summary.selection_evidence(session, items, by=by, now=NOW).outside for by in (ANA, BEN)] == [1, 3]
