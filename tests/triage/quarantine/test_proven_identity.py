"""At free-mail providers an address proves itself and nobody else: no act over a campaign touches two people there, old messages
included.
"""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings as checking, strategies as st
from sqlalchemy import ColumnElement, Engine, delete, select, update
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ANA, NOW
from tests.triage.quarantine.triage_items.test_fold_counts import STAFF, agree, counted
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.message.authentication import Dmarc, Result
from triage.quarantine import proven_identity
from triage.quarantine.decisions import decide as decisions, regroup, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.models.counts import Touched
from triage.store.models.deliveries import Delivery

TEXT = "Your parcel could not be handed over because the address was incomplete. Settle the customs charge and choose a new slot."
HELD = Selection(states=(State.HELD,))
SELDOM = st.sampled_from((False, False, False, True))
AUTHORS = ("one@gmail.com", "two@gmail.com", "one@gmx.de", "post@shop.example", "desk@shop.example")


def proven(author: str) -> Dmarc:
    """Mail that its author's domain has signed."""
    domain = author.rpartition("@")[2]
    return Dmarc(Result.PASS, domain, domain, "reject", ("dkim",))


def came(session: Session, settings: Settings, author: str, *, forged: bool = False) -> int:
    """A copy of one and the same message has come in; its delivery."""
    dmarc = arriving.NO_DMARC if forged else proven(author)
    return arriving.arrive(session, settings, author=author, text=TEXT, dmarc=dmarc)[0]


def of_settings(settings: Settings, *providers: str) -> Settings:
    """Other free-mail providers."""
    return replace(settings, policy=replace(settings.policy, freemail_domains=providers))


def whose(session: Session, where: ColumnElement[bool]) -> set[tuple[str, bool]]:
    """Authors of these deliveries, and whether each is proven."""
    rows = session.execute(select(col(Delivery.author), col(Delivery.proof)).where(where))
    return {(author, proof != "") for author, proof in rows}


def people(authors: set[tuple[str, bool]]) -> set[str]:
    """Authors with a proven address at a free-mail provider."""
    return {author for author, proof in authors if proof and not author.endswith("shop.example")}


def piles(engine: Engine) -> dict[str, int]:
    """The rows of the campaign: who proves what is on it, and how much that is."""
    with read_transaction(engine) as session:
        found = item_list.list_items(session, HELD, by=ANA, now=NOW, group="campaign").items
    return {item.select.proof: item.count for item in found}


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company with four who triage, and a campaign of proven copies."""
    with transaction(engine) as session:
        arriving.set_up(session, settings)
        directory.apply_directory(session, replace(arriving.COMPANY, staff=STAFF), settings.company, by=arriving.SYNC, now=NOW)
        for author in (*AUTHORS, "one@gmail.com"):
            came(session, settings, author)
        came(session, settings, "two@gmail.com", forged=True)
    return engine


def test_two_people_at_one_provider_are_two_rows(company: Engine) -> None:
    assert piles(company) == {"one@gmail.com": 2, "two@gmail.com": 1, "one@gmx.de": 1, "shop.example": 2, "none": 1}
    with read_transaction(company) as session:
        for item in item_list.list_items(session, HELD, by=ANA, now=NOW, group="campaign").items:
            sheet = selection_summary.selection_evidence(session, item.select, by=ANA, now=NOW)
            assert (sheet.count, sheet.apart) == (item.count, 7 - item.count)
            assert item.lead.proven_as == ("" if item.select.proof == "none" else item.select.proof)


@checking(max_examples=examples(8), phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    copies=st.lists(st.tuples(st.sampled_from(AUTHORS), SELDOM), min_size=3, max_size=8),
    joined=st.booleans(),
    unfilled=SELDOM,
)
def test_no_act_over_a_campaign_touches_two_people_at_a_free_mail_provider(
    sqlite_engine: Engine, settings: Settings, copies: list[tuple[str, bool]], joined: bool, unfilled: bool
) -> None:
    with Session(sqlite_engine) as session:
        arriving.set_up(session, settings)
        first, *_ = [came(session, settings, author, forged=forged) for author, forged in copies]
        other = arriving.arrive(session, settings, author="three@gmail.com", text=TEXT[::-1], dmarc=proven("three@gmail.com"))[0]
        if joined:
            found, mine = (session.get_one(Delivery, one).campaign_id or 0 for one in (other, first))
            regroup.join_campaigns(session, found, mine, by=ANA, reason="", now=NOW)
        if unfilled:  # as the version before left it
            session.execute(update(Delivery).values(proven_as=None))
        chosen = Selection.of(campaign=session.get_one(Delivery, first).campaign_id)
        done = decisions.decide_messages(session, DecisionRequest(chosen, Verb.PURGE), by=ANA, now=NOW, settings=settings)
        assert len(touched := whose(session, col(Delivery.decision_id) == done.id)) == 1 or not people(touched)
        for item in item_list.list_items(session, HELD, by=ANA, now=NOW, group="campaign").items:
            assert len(on_it := whose(session, col(Delivery.id).in_(item.ids))) == 1 or not people(on_it)


def test_old_mail_gets_it_slice_by_slice_and_the_rows_are_right_all_the_time(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = piles(company)
    with transaction(company) as session:
        session.execute(update(Delivery).values(proven_as=None))
    assert piles(company) == {
        "one@gmail.com": 2,
        "two@gmail.com": 1,
        "one@gmx.de": 1,
        "post@shop.example": 1,
        "desk@shop.example": 1,
        "none": 1,
    }
    counted(company)
    slices = [7]
    while slices[-1]:
        with transaction(company) as session:
            slices.append(proven_identity.catch_up(session, settings=settings, limit=3))
        agree(company, monkeypatch, (ANA,))
    assert slices == [7, 3, 3, 1, 0]
    assert piles(company) == whole


def test_a_changed_list_of_providers_counts_for_old_mail_too(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(company)
    changed = of_settings(settings, "shop.example", "gmx.de")
    for now, expected in (
        (settings, {"one@gmail.com": 2, "two@gmail.com": 1, "one@gmx.de": 1, "shop.example": 2, "none": 1}),
        (changed, {"gmail.com": 3, "one@gmx.de": 1, "post@shop.example": 1, "desk@shop.example": 1, "none": 1}),
    ):
        with transaction(company) as session:
            assert proven_identity.catch_up(session, settings=now) == 7
            assert proven_identity.catch_up(session, settings=now) == 0
        assert piles(company) == expected
        agree(company, monkeypatch, (ANA,))


def test_nothing_is_written_that_is_right_already(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        session.execute(update(Delivery).where(col(Delivery.author) == "one@gmx.de").values(proven_as="gmx.de"))
        session.execute(delete(Touched))
        proven_identity.catch_up(session, settings=settings)
        assert [one.author for one in session.scalars(select(Touched))] == ["one@gmx.de"]


def test_an_undone_purge_brings_back_what_it_took(company: Engine, settings: Settings) -> None:
    before = piles(company)
    with transaction(company) as session:
        campaign = session.scalars(select(col(Delivery.campaign_id))).first()
        chosen = Selection.of(campaign=campaign, proof="one@gmail.com")
        done = decisions.decide_messages(session, DecisionRequest(chosen, Verb.PURGE), by=ANA, now=NOW, settings=settings)
        assert done.done == 2
    assert piles(company) == {proof: count for proof, count in before.items() if proof != "one@gmail.com"}
    with transaction(company) as session:
        undoing.undo_decision(session, done.id, by=ANA, reason="", now=NOW, settings=settings)
    assert piles(company) == before
