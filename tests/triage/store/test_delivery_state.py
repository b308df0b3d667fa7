"""The state table: every pair of state and event either leads where it says or is refused by name."""

import pytest
from hypothesis import given, strategies as st

from triage.errors import NotAllowedNow
from triage.store.delivery_state import ENTRY, FINAL, SOURCES, TRANSITIONS, Event, State, next_state


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_pair_is_in_the_table_or_refused(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
        assert state in SOURCES[event]
    else:
        with pytest.raises(NotAllowedNow, match=f"a {state} delivery cannot be changed by {event}"):
            next_state(state, event)
        assert state not in SOURCES[event]


def test_every_state_is_reached_and_every_state_but_a_delivered_one_leads_back_to_people() -> None:
    assert {*ENTRY, *TRANSITIONS.values()} == set(State)
    reaches = {State.HELD}
    while more := {state for (state, _), after in TRANSITIONS.items() if after in reaches} - reaches:
        reaches |= more
    assert reaches == set(State)


def test_what_was_purged_is_never_sent_without_a_person_deciding_anew() -> None:
    assert TRANSITIONS[State.PURGED, Event.RESTORE] is State.HELD
    assert not {after for (state, _), after in TRANSITIONS.items() if state is State.PURGED} & {State.QUEUED, State.RELAYING}


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_no_walk_leaves_the_table(events: list[Event]) -> None:
    state, walked = State.HELD, [State.HELD]
    for event in events:
        try:
            state = next_state(state, event)
        except NotAllowedNow:
            assert (state, event) not in TRANSITIONS
        walked.append(state)
    assert set(walked) <= set(State)
    delivered = [place for place, one in enumerate(walked) if one is State.DELIVERED]
    on_its_way = {State.RELAYING, State.RESTORING, State.RECALLING}  # what is sought may have arrived on an attempt without an answer
    assert all(on_its_way & set(walked[:place]) for place in delivered), "nothing is delivered that was never on its way"


def test_final_states_wait_for_nobody() -> None:
    assert {State.HELD, State.QUEUED, State.RELAYING, State.RECALLING, State.RESTORING} == set(State) - FINAL
