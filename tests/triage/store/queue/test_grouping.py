"""Rows by campaign: a wave is one row whoever sent it; what proves differently who sent it is not decided along with it."""

import pytest
from sqlalchemy import Engine, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NO_DMARC, NOW
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.message.authentication import Dmarc, Result
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing, selection, selection_summary
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.queue.grouping import Group

JOE, MARA, INFO = "it+joe.fern@company.example", "legal+mara.berg@company.example", "info@company.example"
WAVE = "Your parcel could not be handed over because the address was incomplete. Settle the customs charge and choose a new slot."
OTHER = "The harvest festival opens on Saturday with cider, music and forty growers from the valley."
HELD = Selection(states=(State.HELD,))


def proven(domain: str) -> Dmarc:
    """Mail of a domain that proves itself."""
    return Dmarc(Result.PASS, domain, domain, "reject", ("dkim",))


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """A database with the small company."""
    with transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


def came(engine: Engine, settings: Settings, recipient: str, author: str, text: str, dmarc: Dmarc = NO_DMARC) -> int:
    """A message has come in; its delivery."""
    with transaction(engine) as session:
        return arriving.arrive(session, settings, recipient, author=author, text=text, dmarc=dmarc)[0]


def shown(engine: Engine, group: Group, wanted: Selection = HELD) -> tuple[item_list.TriageItem, ...]:
    """The rows of the whole company."""
    with read_transaction(engine) as session:
        return item_list.list_items(session, wanted, by=ANA, now=NOW, group=group).items


@pytest.fixture
def wave(company: Engine, settings: Settings) -> dict[str, int]:
    """Three unproven copies of the same thing, one that its domain has proven, and another message."""
    return {
        "one": came(company, settings, JOE, "a@first.example", WAVE),
        "two": came(company, settings, MARA, "b@second.example", f"Dear Mara,\n\n{WAVE}"),
        "three": came(company, settings, INFO, "post@parcel.example", f"Hello,\n{WAVE}"),
        "real": came(company, settings, JOE, "post@parcel.example", WAVE, proven("parcel.example")),
        "other": came(company, settings, JOE, "c@third.example", OTHER),
    }


def test_a_wave_is_one_row_and_what_is_proven_is_another(company: Engine, wave: dict[str, int]) -> None:
    found = {frozenset(item.ids): item for item in shown(company, "campaign")}
    forged, real, other = (frozenset(wave[name] for name in names) for names in (("one", "two", "three"), ("real",), ("other",)))
    assert set(found) == {forged, real, other}
    assert (found[forged].count, found[forged].people, found[forged].apart) == (3, 3, 1)
    assert (found[real].count, found[real].apart, found[other].apart) == (1, 3, 0)
    assert found[forged].select == Selection(campaign=found[real].lead.campaign, proof="none")
    assert found[real].select == Selection(campaign=found[forged].lead.campaign, proof="parcel.example")


def test_a_sender_and_who_forges_them_are_two_rows(company: Engine, wave: dict[str, int]) -> None:
    found = {frozenset(item.ids): item for item in shown(company, "sender")}
    real, forged = found[frozenset([wave["real"]])], found[frozenset([wave["three"]])]
    assert (real.apart, forged.apart, len(found)) == (1, 1, 5)
    assert real.select == Selection(sender="post@parcel.example", proof="parcel.example")
    assert forged.select == Selection(sender="post@parcel.example", proof="none")


@pytest.mark.parametrize("group", ["campaign", "sender"])
def test_claims_to_be_a_sender_are_a_row_of_their_own(company: Engine, settings: Settings, group: Group) -> None:
    some = [came(company, settings, JOE, "a@first.example", text) for text in ("Lunch on Friday?", "The minutes", "Pay this at once")]
    with transaction(company) as session:
        where = col(Delivery.id).in_(some)
        session.execute(update(Delivery).where(where).values(campaign_id=None))
        session.execute(update(Delivery).where(col(Delivery.id) == some[2]).values(claimed=True))
    found = {frozenset(item.ids): item for item in shown(company, group)}
    assert set(found) == {frozenset(some[:2]), frozenset(some[2:])}
    assert found[frozenset(some[2:])].select == Selection(sender="a@first.example", proof="claimed")
    for ids, item in found.items():
        with read_transaction(company) as session:
            assert {one.id for one in listing.list_deliveries(session, item.select, by=ANA).items} == set(ids)


def test_ungrouped_mail_is_one_row_each(company: Engine, wave: dict[str, int]) -> None:
    found = shown(company, "none")
    assert sorted(item.ids for item in found) == sorted((one,) for one in wave.values())
    assert all(item.select == Selection(ids=item.ids) and item.apart == 0 for item in found)


def test_what_a_row_says_selects_what_is_on_it(company: Engine, wave: dict[str, int]) -> None:
    assert wave
    for group in ("campaign", "sender", "none"):
        for item in shown(company, group):
            with read_transaction(company) as session:
                page = listing.list_deliveries(session, item.select, by=ANA)
            assert {one.id for one in page.items} == set(item.ids)


@pytest.mark.parametrize(
    ("proof", "names", "apart"),
    [
        ("", ("one", "two", "three"), 1),  # what most of the campaign is
        ("none", ("one", "two", "three"), 1),
        ("parcel.example", ("real",), 3),
        ("any", ("one", "two", "three", "real"), 0),
        ("elsewhere.example", (), 4),
    ],
)
def test_a_selected_campaign_leaves_out_what_is_proven_differently(
    company: Engine, wave: dict[str, int], proof: str, names: tuple[str, ...], apart: int
) -> None:
    with read_transaction(company) as session:
        campaign = session.get_one(Delivery, wave["one"]).campaign_id
        assert campaign
        chosen = Selection.of(campaign=campaign, proof=proof)
        sheet = selection_summary.selection_evidence(session, chosen, by=ANA, now=NOW)
        page = listing.list_deliveries(session, chosen, by=ANA)
    assert {one.id for one in page.items} == {wave[name] for name in names}
    assert (sheet.count, sheet.apart) == (len(names), apart)


def test_a_purged_campaign_leaves_the_real_mail_where_it_is(company: Engine, settings: Settings, wave: dict[str, int]) -> None:
    with transaction(company) as session:
        campaign = session.get_one(Delivery, wave["one"]).campaign_id
        assert campaign
        done = decisions.decide_messages(
            session, DecisionRequest(Selection.of(campaign=campaign), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        assert done.done == 3
    with read_transaction(company) as session:
        states = {name: session.get_one(Delivery, one).state for name, one in wave.items()}
    assert states == {"one": "purged", "two": "purged", "three": "purged", "real": "held", "other": "held"}


def test_nobody_sees_or_counts_beyond_their_scope(company: Engine, wave: dict[str, int]) -> None:
    with read_transaction(company) as session:
        (only,) = item_list.list_items(session, HELD, by=BEN, now=NOW, group="campaign").items
        sheet = selection_summary.selection_evidence(session, only.select, by=BEN, now=NOW)
    assert (only.ids, only.apart, sheet.count, sheet.apart, sheet.outside) == ((wave["two"],), 0, 1, 0, 2)


def test_pages_of_rows_by_campaign_meet(company: Engine, wave: dict[str, int]) -> None:
    found, after = [], None
    with read_transaction(company) as session:
        while True:
            page = item_list.list_items(session, HELD, by=ANA, now=NOW, group="campaign", limit=1, after=after)
            found += [one for item in page.items for one in item.ids]
            assert (page.rows, page.deliveries) == (3, 5)
            if page.following is None:
                break
            after = page.following
    assert sorted(found) == sorted(wave.values())


def test_mail_like_no_other_is_grouped_by_its_sender(company: Engine, settings: Settings) -> None:
    ids = {came(company, settings, place, "x@first.example", "") for place in (JOE, MARA)}
    (item,) = shown(company, "campaign")
    assert set(item.ids) == ids
    assert item.select == Selection(sender="x@first.example", proof="none")


def test_a_proof_alone_selects_nothing() -> None:
    with pytest.raises(BadInput, match="name ids"):
        Selection.of(proof="none")
    assert Selection.of(campaign=7, proof="any").as_json() == {"campaign": "0000000000007", "proof": "any"}
    assert str(selection.selection_condition(Selection(campaign=7, proof="any"))).count(str(col(Delivery.proof))) == 0
