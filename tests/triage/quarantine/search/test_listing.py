"""Lists of deliveries: the newest first, whatever states they are of, and without walking through what is in others."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from tests.triage.plans import explained
from triage.config.settings import Settings
from triage.quarantine.campaigns import campaign_list
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing
from triage.quarantine.search.listing import Place
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery

JOE = "it+joe.fern@company.example"
DECIDED = tuple(state for state in State if state is not State.HELD)
LISTS = {"decided": DECIDED, "two states": (State.QUEUED, State.PURGED), "one": (State.PURGED,), "all": tuple(State), "any": ()}


@pytest.mark.parametrize("states", LISTS.values(), ids=LISTS)
def test_the_newest_come_first_on_every_page(engine: Engine, settings: Settings, states: tuple[State, ...]) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        for hour in range(4):
            for verb in (Verb.PURGE, Verb.RELEASE, None):
                (one,) = arrive(session, settings, JOE)
                came = NOW - timedelta(hours=hour)
                session.execute(update(Delivery).where(col(Delivery.id) == one).values(received_at=came))
                if verb:
                    decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(one,)), verb), by=ANA, now=NOW, settings=settings)
    wanted = Selection(states=states)
    with db.read_transaction(engine) as session:
        whole = listing.list_deliveries(session, wanted, by=ANA)
        places = [(one.received_at, one.id) for one in whole.items]
        assert places == sorted(places, reverse=True)
        assert {one.state for one in whole.items} <= set(states or State)
        assert len(places) == whole.total == {DECIDED: 8, LISTS["two states"]: 8, LISTS["one"]: 4}.get(states, 12)
        found: list[Place] = []
        after = None
        while len(found) < 12:
            page = listing.list_deliveries(session, wanted, by=ANA, limit=3, after=after)
            found += [(one.received_at, one.id) for one in page.items]
            if not (after := page.following):
                break
        assert found == places


def test_what_is_decided_is_not_looked_for_among_all_that_is_held(sqlite_engine: Engine) -> None:
    steps = explained(sqlite_engine)
    with db.read_transaction(sqlite_engine) as session:
        listing.list_deliveries(session, Selection(states=DECIDED), by=ANA)
    read = [step.partition(" of ")[0] for step in steps if re.match(r"(SEARCH|SCAN) delivery\b", step)]
    *walked, counted = read
    assert walked == ["SEARCH delivery USING INDEX delivery_by_time (state=?)"] * len(DECIDED)
    assert "COVERING INDEX" in counted


def test_the_largest_campaigns_are_counted_in_their_index_alone(sqlite_engine: Engine) -> None:
    steps = explained(sqlite_engine)
    with db.read_transaction(sqlite_engine) as session:
        campaign_list.list_campaigns(session, Selection(states=(State.HELD,)), by=ANA)
    first, second = [step.partition(" of ")[0] for step in steps if re.match(r"(SEARCH|SCAN) delivery\b", step)]
    assert first == "SEARCH delivery USING COVERING INDEX delivery_of_campaign (campaign_id>?)"
    assert second == "SEARCH delivery USING INDEX delivery_of_campaign (campaign_id=? AND state=?)"
