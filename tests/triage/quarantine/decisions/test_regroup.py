"""A person says what belongs together: campaigns are joined and split, new messages follows, and undo puts all of it back."""

import random
from collections.abc import Callable
from datetime import timedelta
from string import ascii_lowercase

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, OTTO
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, Conflict, NotAllowed, NotFound, NothingDone
from triage.quarantine.campaigns import assign as campaigns, campaign_list
from triage.quarantine.decisions import outcomes, regroup, undo as undoing
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import ledger
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import Event
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
PARCEL = "Your parcel could not be handed over because the address was incomplete. Settle the customs charge and choose a new slot."
VOICE = "A caller left you a voice note while you were away. Listen to the recording in the player of the communications desk."
VOICES = "A caller left you a long voice note yesterday. Listen to the whole recording in the new player of the communications desk."


class House:
    """The small company, where mail comes in."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings
        with transaction(engine) as session:
            arriving.set_up(session, settings)

    def came(self, text: str, *recipients: str, author: str = "a@sender.example") -> int:
        """A message has come in; its first delivery."""
        with transaction(self.engine) as session:
            return arriving.arrive(session, self.settings, *recipients, author=author, text=text)[0]

    def campaign(self, delivery_id: int) -> int:
        """The campaign of a delivery."""
        with read_transaction(self.engine) as session:
            return session.get_one(Delivery, delivery_id).campaign_id or 0

    def join(self, one: int, other: int, by: Actor = ANA) -> DecisionReport:
        """Join two campaigns."""
        with transaction(self.engine) as session:
            return regroup.join_campaigns(session, one, other, by=by, reason="the same crook", now=NOW)

    def split(self, campaign: int, *ids: int, by: Actor = ANA) -> DecisionReport:
        """Split these off."""
        with transaction(self.engine) as session:
            return regroup.split_campaign(session, ids, campaign, by=by, reason="", now=NOW)

    def undo(self, decision: int, by: Actor = ANA) -> DecisionReport:
        """Undo it."""
        with transaction(self.engine) as session:
            return undoing.undo_decision(session, decision, by=by, reason="", now=NOW, settings=self.settings)


@pytest.fixture
def house(engine: Engine, settings: Settings) -> House:
    """The small company."""
    return House(engine, settings)


def test_joined_campaigns_are_one_and_new_mail_comes_to_it(house: House) -> None:
    parcel, voice = house.came(PARCEL), house.came(VOICE)
    source, target = house.campaign(parcel), house.campaign(voice)
    made = house.join(source, target)
    assert (made.verb, made.count, made.done, made.sentence, made.undoable) == ("join", 1, 1, "Merged “Your order”.", True)
    assert house.campaign(parcel) == target
    assert house.campaign(house.came(PARCEL)) == target
    undone = house.undo(made.id)
    assert (undone.done, house.campaign(parcel), house.campaign(voice)) == (1, source, target)
    assert house.campaign(house.came(PARCEL)) == source
    with read_transaction(house.engine) as session:
        acts = {one.act: one for one in session.scalars(select(AuditRecord).where(col(AuditRecord.act).in_(["join", "undo"])))}
        assert (acts["join"].items, acts["undo"].items, acts["join"].detail["reason"]) == (1, 1, "the same crook")
    with pytest.raises(Conflict):
        house.undo(made.id)


def test_mail_that_was_split_off_keeps_new_mail_like_it(house: House) -> None:
    first, second, third = house.came(VOICE), house.came(VOICES, JOE, MARA), house.came(VOICES)
    source = house.campaign(first)
    assert house.campaign(second) == source == house.campaign(third)
    made = house.split(source, second, third)
    target = house.campaign(second)
    assert (made.verb, made.done, target != source, house.campaign(third), house.campaign(first)) == ("split", 3, True, target, source)
    assert (house.campaign(house.came(VOICES)), house.campaign(house.came(VOICE))) == (target, source)
    with read_transaction(house.engine) as session:
        assert campaign_list.get_campaign(session, target, by=ANA).made_by == "person:ana"
    house.undo(made.id)
    assert house.campaign(second) == source
    assert house.campaign(house.came(VOICES)) == source


def test_what_somebody_moved_since_is_left_alone(house: House) -> None:
    parcel, voice, other = house.came(PARCEL), house.came(VOICE), house.came("The harvest festival opens with cider, music and growers.")
    made = house.join(house.campaign(parcel), house.campaign(voice))
    house.join(house.campaign(parcel), house.campaign(other))
    with pytest.raises(NothingDone, match="another campaign"):
        house.undo(made.id)


def test_who_sees_a_part_moves_that_part_and_not_how_mail_is_sorted(house: House) -> None:
    mine, theirs = house.came(PARCEL, MARA), house.came(PARCEL, JOE)
    other = house.came(VOICE, MARA)
    source, target = house.campaign(mine), house.campaign(other)
    house.join(source, target, by=BEN)
    assert (house.campaign(mine), house.campaign(theirs)) == (target, source)
    assert house.campaign(house.came(PARCEL, MARA)) == source


def test_an_undo_puts_mail_back_into_a_campaign_that_was_forgotten(house: House) -> None:
    days = house.settings.retention.record_days * timedelta(days=1)
    mine, theirs, other = house.came(PARCEL, MARA), house.came(PARCEL, JOE), house.came(VOICE, MARA)
    source = house.campaign(mine)
    made = house.join(source, house.campaign(other), by=BEN)
    with transaction(house.engine) as session:
        for mail, at in ((theirs, NOW), (mine, NOW + days)):
            ledger.record_event(session, mail, Event.PURGE, by=ANA, now=at)
        later = {"settings": house.settings, "now": NOW + days + timedelta(hours=1)}
        arriving.erase(session, **later)  # type: ignore[arg-type]
        assert arriving.forget(session, **later) == 1  # type: ignore[arg-type]
    house.undo(made.id)
    with read_transaction(house.engine) as session:
        assert campaign_list.get_campaign(session, source, by=ANA).wave.messages == 1


def test_nobody_learns_by_a_split_that_others_got_of_it_too(house: House) -> None:
    mine = house.came(PARCEL, MARA)
    for _ in range(2):
        with pytest.raises(BadInput, match="all messages of the campaign that you may see"):
            house.split(house.campaign(mine), mine, by=BEN)
        house.came(PARCEL, JOE)


def test_what_cannot_be(house: House) -> None:
    parcel, voice = house.came(PARCEL), house.came(VOICE, JOE)
    source, target = house.campaign(parcel), house.campaign(voice)
    refusals: list[tuple[type[Exception], Callable[[], object]]] = [
        (BadInput, lambda: house.join(source, source)),
        (NotFound, lambda: house.join(source, 7)),
        (NotFound, lambda: house.join(source, target, by=BEN)),
        (NotAllowed, lambda: house.join(source, target, by=OTTO)),
        (BadInput, lambda: house.split(source, parcel)),
        (BadInput, lambda: house.split(target, parcel)),
        (NotFound, lambda: house.split(target, voice, by=BEN)),
        (NotFound, lambda: house.split(source, 7)),
    ]
    for refused, act in refusals:
        with pytest.raises(refused):
            act()
    assert (house.campaign(parcel), house.campaign(voice)) == (source, target)


def test_campaigns_are_listed_by_their_mail_within_the_scope(house: House) -> None:
    for number in range(3):
        house.came(PARCEL, JOE, MARA, author=f"{number}@crook.example")
    house.came(VOICE), house.came(VOICE)
    house.came("The harvest festival opens with cider, music and growers.")
    with read_transaction(house.engine) as session:
        page = campaign_list.list_campaigns(session, Selection(states=("held",)), by=ANA, limit=1)
        rest = campaign_list.list_campaigns(session, Selection(states=("held",)), by=ANA, limit=1, after=page.following)
        own = campaign_list.list_campaigns(session, Selection(states=("held",)), by=BEN)
        (wave,) = page.items
        assert (wave.messages, wave.deliveries, wave.held, wave.people, wave.departments, wave.senders) == (3, 6, 6, 2, 2, 3)
        assert [(one.messages, one.deliveries) for one in rest.items] == [(2, 2)]
        assert rest.following is None
        assert [(one.id, one.deliveries, one.people) for one in own.items] == [(wave.id, 3, 1)]
        full = campaign_list.get_campaign(session, wave.id, by=BEN)
        assert (full.by_state, full.by_proof, len(full.by_sender), len(full.examples)) == ((("held", 3),), (("", 3),), 3, 3)
        with pytest.raises(NotFound):
            campaign_list.get_campaign(session, rest.items[0].id, by=BEN)
        assert outcomes.list_decisions(session, by=ANA) == []


def test_a_campaign_of_many_kinds_gets_no_further_representatives_by_a_split(house: House) -> None:
    chance = random.Random(14)
    kinds = [" ".join("".join(chance.choices(ascii_lowercase, k=7)) for _ in range(40)) for _ in range(14)]
    *messages, last = [house.came(text) for text in kinds]
    for one in messages:
        house.join(house.campaign(one), house.campaign(last))
    like = [house.came(kinds[0].replace(kinds[0].split()[7], word)) for word in ("other", "another", "different")]
    assert {house.campaign(one) for one in like} == {house.campaign(last)}
    house.split(house.campaign(last), *messages, *like)
    with read_transaction(house.engine) as session:
        moved = house.campaign(messages[0])
        assert campaigns.count_representatives(session, [moved])[moved] == len(messages), (
            "they came along; where there are too many already none are added"
        )
