"""Plan of the mirror: desired and actual messages of an account, as a table, and a model with random changes."""

import pytest
from hypothesis import given, settings as hypothesis_settings, strategies as st

from mailboxes.mirror.plan import KnownCopy, Place, Plan, Seen, plan_mirror
from tests.effort import examples

APART = frozenset({"Done"})
JOE, MARA, TRASH = "joe.fern", "mara.berg", "Trash"


def at(folder: str, uid: int, validity: int = 1) -> Place:
    return Place(folder, validity, uid)


@pytest.mark.parametrize(
    ("kept", "wanted", "seen", "made"),
    [
        pytest.param([], {7: JOE}, [], Plan(new=[(7, JOE)]), id="held, and not there yet"),
        pytest.param(
            [KnownCopy(1, 7, JOE, None)], {7: JOE}, [], Plan(put=[(KnownCopy(1, 7, JOE, None), JOE)]), id="never arrived, or was deleted"
        ),
        pytest.param(
            [KnownCopy(1, 7, JOE, None)],
            {7: JOE},
            [(JOE, 5, 1)],
            Plan(found=[(KnownCopy(1, 7, JOE, None), at(JOE, 5))]),
            id="arrived, nobody noted where",
        ),
        pytest.param([KnownCopy(1, 7, JOE, at(JOE, 5))], {7: JOE}, [(JOE, 5, 1)], Plan(), id="there"),
        pytest.param(
            [KnownCopy(1, 7, JOE, at(JOE, 5))], {7: JOE}, [(JOE, 5, 1), (JOE, 6, 1)], Plan(take=[at(JOE, 6)]), id="copied within its folder"
        ),
        pytest.param([KnownCopy(1, 7, JOE, at(JOE, 5))], {7: JOE}, [(JOE, 5, 1), ("Later", 6, 1)], Plan(), id="copied elsewhere"),
        pytest.param(
            [KnownCopy(1, 7, JOE, at(JOE, 5))],
            {7: JOE},
            [(TRASH, 6, 1)],
            Plan(move=[(KnownCopy(1, 7, JOE, at(JOE, 5)), at(TRASH, 6), JOE)]),
            id="thrown away, or its folder renamed",
        ),
        pytest.param(
            [KnownCopy(1, 7, JOE, at(JOE, 5))],
            {7: MARA},
            [(JOE, 5, 1)],
            Plan(move=[(KnownCopy(1, 7, JOE, at(JOE, 5)), at(JOE, 5), MARA)]),
            id="of somebody else now",
        ),
        pytest.param(
            [KnownCopy(1, 7, JOE, at(JOE, 5))],
            {},
            [(JOE, 5, 1), ("Later", 6, 1)],
            Plan(end=[1], take=[at("Later", 6), at(JOE, 5)]),
            id="decided",
        ),
        pytest.param([], {}, [(JOE, 5, 1), ("Done", 6, 1)], Plan(take=[at(JOE, 5)]), id="over, and brought back by a late program"),
        pytest.param(
            [KnownCopy(1, 7, JOE, at(JOE, 5)), KnownCopy(2, 7, JOE, at(JOE, 6))],
            {7: JOE},
            [(JOE, 5, 1), (JOE, 6, 2)],
            Plan(end=[2], take=[at(JOE, 6)]),
            id="two mirrors put it there",
        ),
    ],
)
def test_plan(kept: list[KnownCopy], wanted: dict[int, str], seen: list[tuple[str, int, int]], made: Plan) -> None:
    places = [Seen(at(folder, uid), copy) for folder, uid, copy in seen]
    assert plan_mirror(kept, wanted, places, apart=APART) == made


FOLDERS = (JOE, MARA, TRASH, "Later", "Done")
EVENT = st.one_of(
    st.tuples(st.just("held"), st.integers(1, 6), st.sampled_from((JOE, MARA))),
    st.tuples(st.just("decided"), st.integers(1, 6), st.none()),
    st.tuples(st.just("moved"), st.integers(0, 20), st.sampled_from(FOLDERS)),
    st.tuples(st.just("copied"), st.integers(0, 20), st.sampled_from(FOLDERS)),
    st.tuples(st.just("expunged"), st.integers(0, 20), st.none()),
    st.tuples(st.just("renumbered"), st.none(), st.sampled_from(FOLDERS)),
    st.tuples(st.just("forgotten"), st.integers(0, 20), st.none()),  # the answer to an APPEND got lost
)


class Model:
    """An account, the database's idea of it, and what is held."""

    def __init__(self) -> None:
        self.wanted: dict[int, str] = {}
        self.rows: dict[int, KnownCopy] = {}
        self.lying: dict[Place, int] = {at(JOE, 900): 0, at("Later", 901): 0}  # what is none of ours
        self.uid, self.copy = 0, 0
        self.validity = dict.fromkeys(FOLDERS, 1)

    def add(self, folder: str, copy: int) -> None:
        self.uid += 1
        self.lying[Place(folder, self.validity[folder], self.uid)] = copy

    def happen(self, what: str, number: int | None, folder: str | None) -> None:
        """Apply a random change."""
        chosen = sorted(self.lying)[number % len(self.lying)] if number is not None else at(JOE, 0)
        match what:
            case "held":
                self.wanted[number or 0] = folder or JOE
            case "decided":
                self.wanted.pop(number or 0, None)
            case "moved" if self.lying[chosen]:
                self.add(folder or JOE, self.lying.pop(chosen))
            case "copied":
                self.add(folder or JOE, self.lying[chosen])
            case "expunged" if self.lying[chosen]:
                del self.lying[chosen]
            case "renumbered" if folder:
                self.validity[folder] += 1
                moved = {place: copy for place, copy in self.lying.items() if place.folder == folder}
                self.lying = {place: copy for place, copy in self.lying.items() if place.folder != folder}
                self.lying |= {place._replace(validity=self.validity[folder]): copy for place, copy in moved.items()}
            case "forgotten" if row := self.rows.get(number or 0):
                self.rows[row.id] = row._replace(place=None)

    def turn(self) -> Plan:
        """The mirror puts it right."""
        seen = [Seen(place, copy) for place, copy in self.lying.items() if copy]
        made = plan_mirror(self.rows.values(), self.wanted, seen, apart=APART)
        for place in made.take:
            del self.lying[place]
        for copy in made.end:
            del self.rows[copy]
        for row, place, home in made.move:
            self.rows[row.id] = row._replace(home=home, place=None)
            self.add(home, self.lying.pop(place))
        for row, place in made.found:
            self.rows[row.id] = row._replace(home=place.folder, place=place)
        for row, home in made.put:
            self.rows[row.id] = row._replace(home=home, place=None)
            self.add(home, row.id)
        for delivery, home in made.new:
            self.copy += 1
            self.rows[self.copy] = KnownCopy(self.copy, delivery, home, None)
            self.add(home, self.copy)
        return made


@hypothesis_settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.lists(EVENT, max_size=6), max_size=8))
def test_whatever_happens_the_picture_is_put_right(days: list[list[tuple[str, int | None, str | None]]]) -> None:
    model = Model()
    for events in days:
        for what, number, folder in events:
            model.happen(what, number, folder)
        for _ in range(4):
            if not model.turn():
                break
        assert not model.turn()
        shown = sorted(
            (model.rows[copy].delivery, place.folder)
            for place, copy in model.lying.items()
            if place.folder in (JOE, MARA) and copy in model.rows and model.wanted.get(model.rows[copy].delivery) == place.folder
        )
        assert shown == sorted(model.wanted.items())
        assert all(copy == 0 or copy in model.rows for place, copy in model.lying.items() if place.folder not in APART)
        assert all(any(place.uid == uid for place in model.lying) for uid in (900, 901))  # what is none of ours stays
