"""Mail bombs: thousands of messages to one folder become one row, and the message that they are to bury stays where it is seen."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings as checking, strategies as st
from sqlalchemy import Engine, event, select, update
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ANA, IDA, NO_DMARC, NOW
from triage.config.settings import Floods, Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.intake.stages import Arrival
from triage.message.authentication import Dmarc, Result
from triage.notifications import alerts
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.campaigns import mail_bombs
from triage.quarantine.decisions import consent, decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.removal import removal_plan
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.queue.flood_names import FloodOf

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
HELD = Selection(states=(State.HELD,))
CAPS = Floods(per_sender=5, per_folder=12)


def proven(domain: str) -> Dmarc:
    """Mail of a domain that proves itself."""
    return Dmarc(Result.PASS, domain, domain, "reject", ("dkim",))


class House:
    """The small company under a bomb."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, replace(settings, floods=CAPS)
        with transaction(engine) as session:
            arriving.set_up(session, settings)

    def came(
        self, author: str, *, to: str = JOE, robot: bool = True, dmarc: Dmarc = NO_DMARC, minutes: float = 0, subject: str = "Welcome"
    ) -> int:
        """A message has come in so many minutes after NOW; its delivery."""
        said = arriving.summary(author, f"{subject} {author}", automatic="list-id" if robot else "")
        at = NOW + timedelta(minutes=minutes)
        envelope = replace(arriving.envelope(to, reverse_path=author), received_at=at)
        found = arriving.authentication(author, dmarc)
        raw = f"From: {author}\r\nSubject: {subject} {author} {envelope.spool_id}\r\n\r\nHello\r\n".encode()
        with transaction(self.engine) as session:
            return intake.receive_message(session, envelope, raw, found, said, settings=self.settings, now=at)[0]

    def rows(self) -> dict[frozenset[int], item_list.TriageItem]:
        """The queue."""
        with read_transaction(self.engine) as session:
            page = item_list.list_items(session, HELD, by=ANA, now=NOW, group="campaign", limit=100)
        return {frozenset(item.ids): item for item in page.items}


@pytest.fixture
def house(engine: Engine, settings: Settings) -> House:
    """The small company."""
    return House(engine, settings)


def test_a_subscription_bomb_is_one_row_and_wanted_mail_is_not_in_it(house: House) -> None:
    friend = house.came("friend@old.example", robot=False, dmarc=proven("old.example"), subject="Lunch")
    with transaction(house.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == friend).values(state=State.DELIVERED, settled_at=NOW))
    bomb = {house.came(f"news@list{number}.example", dmarc=proven(f"list{number}.example")) for number in range(20)}
    known = house.came("friend@old.example", robot=True, subject="Invitation")
    written = house.came("new.customer@buyer.example", robot=False, dmarc=proven("buyer.example"), subject="Enquiry")
    bomb |= {house.came("nobody@nowhere.example", robot=False)}
    elsewhere = house.came("news@list1.example", to=MARA, dmarc=proven("list1.example"))
    found = house.rows()
    assert set(found) == {frozenset(bomb), frozenset([known]), frozenset([written]), frozenset([elsewhere])}
    item = found[frozenset(bomb)]
    assert (item.count, item.apart, item.lead.flood) == (21, 0, FloodOf.CROWD)
    with transaction(house.engine) as session:
        sheet = selection_summary.selection_evidence(session, item.select, by=ANA, now=NOW)
        held = replace(item.select, states=("held",))
        for selected in (item.select, held, Selection.of(department="it", states=("held",)), Selection.of(any_of=(item.select,))):
            blocks = removal_plan.plan_removal(session, selected, by=IDA, settings=house.settings, now=NOW).blocks
            assert not [one for one in blocks.made if one.value.endswith("example") and one.value.startswith(("list", "news@"))]
            assert [(one.value, one.count) for one in blocks.not_made if one.why == "flood"] == [("", 21)]
        one = Selection.of(ids=(min(bomb),))
        assert removal_plan.plan_removal(session, one, by=IDA, settings=house.settings, now=NOW).blocks.made  # it was picked
        request = DecisionRequest(held, Verb.PURGE, block=removal_plan.BlockWish())
        done = decisions.decide_messages(session, request, by=ANA, now=NOW, settings=house.settings)
        assert session.scalars(select(Rule)).all() == []  # none could catch what comes late: that is of other campaigns
    assert (sheet.count, sheet.apart, done.done, done.rules) == (21, 0, 21, ())
    assert set(house.rows()) == {frozenset([known]), frozenset([written]), frozenset([elsewhere])}


ALERTS = {
    "Your password was changed": "accounts.example",
    "A transfer of 9,800 EUR has been completed": "bank.example",
    "Ihre Überweisung wurde ausgeführt": "hausbank.example",
}


def test_what_a_subscription_flood_is_to_hide_stands_above_it(house: House) -> None:
    first, *others = ALERTS.items()
    wanted = {house.came(f"robot@{first[1]}", dmarc=proven(first[1]), subject=first[0])}
    bomb = {
        house.came(f"hello@shop{number}.example", robot=False, dmarc=proven(f"shop{number}.example"), subject="Confirm your subscription")
        for number in range(30)
    }
    wanted |= {house.came(f"robot@{domain}", dmarc=proven(domain), subject=subject) for subject, domain in others}
    found = house.rows()
    assert set(found) == {frozenset(bomb), *(frozenset([one]) for one in wanted)}
    flood = found.pop(frozenset(bomb))
    assert {[signal["name"] for signal in item.lead.signals].count("during-flood") for item in found.values()} == {1}
    assert all((item.section, item.urgency > flood.urgency) == (flood.section, True) for item in found.values())
    with transaction(house.engine) as session:
        order = RuleOrder("allow", "address", "", "company")
        with pytest.raises(BadInput, match="mail bomb"):
            decisions.decide_messages(
                session, DecisionRequest(flood.select, Verb.RELEASE, rule=order), by=ANA, now=NOW, settings=house.settings
            )
        assert "another person signed the recipient up" in consent.not_offered(session, [min(bomb)], house.settings)
        sheet = consent.preview_consent(
            session, flood.select, replace(order, scope=""), [min(bomb)], by=ANA, settings=house.settings, now=NOW
        )
        assert [one.chosen for one in sheet.senders] == [False]
        told = [(one.department, one.person, one.number) for one in alerts.find_floods(session, NOW)]
    assert told == [("it", "joe.fern", 30)]


def test_alerts_without_end_share_a_row_above_the_flood(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_bombs, "MOST_LIFTED", 3)
    friend = house.came("friend@old.example", robot=False, dmarc=proven("old.example"), subject="Lunch")
    with transaction(house.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == friend).values(state=State.DELIVERED, settled_at=NOW))
    bomb = {
        house.came(f"hello@shop{number}.example", robot=False, dmarc=proven(f"shop{number}.example"), subject="Confirm your subscription")
        for number in range(20)
    }
    alerts_sent = [
        house.came(f"robot@bank{number}.example", dmarc=proven(f"bank{number}.example"), subject="Your password was changed")
        for number in range(30)
    ]
    known = house.came("friend@old.example", robot=True, dmarc=proven("old.example"), subject="Your password was changed")
    bomb |= {house.came("hello@late.example", dmarc=proven("late.example"), subject="Confirm your subscription")}
    alerts_sent += [house.came("robot@late-bank.example", dmarc=proven("late-bank.example"), subject="Your card was blocked")]
    found = house.rows()
    single, shared = alerts_sent[:3], frozenset(alerts_sent[3:])
    assert set(found) == {frozenset(bomb), *(frozenset([one]) for one in single), frozenset([known]), shared}
    assert {ids: item.lead.flood for ids, item in found.items() if item.lead.flood} == {
        frozenset(bomb): FloodOf.CROWD,
        shared: FloodOf.ALERTS,
    }
    flood = found.pop(frozenset(bomb))
    assert all((item.section, item.urgency > flood.urgency) == (flood.section, True) for item in found.values())
    assert {[one["name"] for one in item.lead.signals].count("during-flood") for item in found.values()} == {1}
    with transaction(house.engine) as session:
        request = DecisionRequest(found[shared].select, Verb.RELEASE, rule=RuleOrder("allow", "address", "", "company"))
        with pytest.raises(BadInput, match="mail bomb"):
            decisions.decide_messages(session, request, by=ANA, now=NOW, settings=house.settings)
        done = decisions.decide_messages(
            session, DecisionRequest(replace(flood.select, states=("held",)), Verb.PURGE), by=ANA, now=NOW, settings=house.settings
        )
    assert done.done == len(bomb), "a decision about the flood is none about the alerts"
    assert set(house.rows()) == set(found)


def test_a_loop_of_one_sender_before_a_flood_is_no_part_of_it_and_lifts_nothing(house: House) -> None:
    loop = {house.came("robot@loop.example", dmarc=proven("loop.example"), subject=f"Re: {number}") for number in range(7)}
    wanted = house.came("buyer@new.example", robot=False, dmarc=proven("new.example"), subject="Enquiry")
    with read_transaction(house.engine) as session:
        assert [one["name"] for one in session.get_one(Delivery, wanted).signals].count("during-flood") == 0
        assert not list(alerts.find_floods(session, NOW))
    bomb = {
        house.came(f"hello@shop{number}.example", dmarc=proven(f"shop{number}.example"), subject="Confirm your subscription")
        for number in range(20)
    }
    assert set(house.rows()) == {frozenset(loop), frozenset([wanted]), frozenset(bomb)}


def test_a_flood_goes_on_after_its_row_was_removed(house: House) -> None:
    bomb = [house.came(f"hello@shop{number}.example", subject="Confirm your subscription") for number in range(20)]
    (item,) = house.rows().values()
    with transaction(house.engine) as session:
        request = DecisionRequest(replace(item.select, states=("held",)), Verb.PURGE)
        assert decisions.decide_messages(session, request, by=ANA, now=NOW, settings=house.settings).done == len(bomb)
    more = {house.came(f"hello@more{number}.example", subject="Confirm your subscription", minutes=1) for number in range(3)}
    alert = house.came("robot@bank.example", dmarc=proven("bank.example"), subject="Your password was changed", minutes=1)
    later = house.came("robot@shore.example", dmarc=proven("shore.example"), subject="Your password was changed", minutes=100)
    found = house.rows()
    assert set(found) == {frozenset(more), frozenset([alert]), frozenset([later])}
    signals = {number: [one["name"] for one in found[frozenset([number])].lead.signals] for number in (alert, later)}
    assert [names.count("during-flood") for names in signals.values()] == [1, 0]


def test_what_nobody_proves_is_not_lifted_out_of_a_flood(house: House) -> None:
    friend = house.came("friend@old.example", robot=False, dmarc=proven("old.example"), subject="Lunch")
    with transaction(house.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == friend).values(state=State.DELIVERED, settled_at=NOW))
    for number in range(20):
        house.came(f"hello@shop{number}.example", subject="Confirm your subscription")
    forged = house.came("friend@old.example", robot=False, subject="Pay this")
    assert "during-flood" not in [one["name"] for one in house.rows()[frozenset([forged])].lead.signals]


def test_a_claim_to_be_an_alert_is_buried_like_any_stranger(house: House) -> None:
    bomb = {house.came(f"news@list{number}.example") for number in range(20)} | {
        house.came("robot@bank.example", subject="Your password was changed")
    }
    assert set(house.rows()) == {frozenset(bomb)}


def test_a_full_folder_asks_once_for_all_that_come_together(house: House) -> None:
    for number in range(CAPS.per_folder + 1):
        house.came(f"news@list{number}.example")
    asked: list[str] = []
    event.listen(house.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    more = [f"more@list{number}.example" for number in range(8)]
    with transaction(house.engine) as session:
        arrivals = [
            Arrival(arriving.envelope(JOE, reverse_path=author), author.encode(), arriving.authentication(author), arriving.summary(author))
            for author in more
        ]
        entered = intake.receive_all(session, arrivals, settings=house.settings, now=NOW)
    assert [len(one) for one in entered if not isinstance(one, Exception)] == [1] * len(more)
    with read_transaction(house.engine) as session:
        assert set(session.scalars(select(col(Delivery.flood)).where(col(Delivery.author).in_(more)))) == {True}
    assert [sum(words in one for one in asked) for words in ("DISTINCT delivery.author", "campaign.about =")] == [1, 1]


def test_below_the_cap_nothing_is_put_together(house: House) -> None:
    some = [house.came(f"news@list{number}.example") for number in range(CAPS.per_folder)]
    assert set(house.rows()) == {frozenset([one]) for one in some}


def test_a_loop_of_one_sender_is_one_row_and_the_forger_of_it_another(house: House) -> None:
    loop = {house.came("robot@loop.example", dmarc=proven("loop.example"), subject=f"Re: {number}") for number in range(8)}
    forged = house.came("robot@loop.example")
    other = house.came("robot@loop.example", to=MARA, dmarc=proven("loop.example"))
    found = house.rows()
    assert found[frozenset(loop)].lead.flood == FloodOf.SENDER
    assert not any(one in ids for ids in found for one in (forged, other) if len(ids) > 2)
    with read_transaction(house.engine) as session:
        assert session.get_one(Delivery, forged).flood is False
        assert session.get_one(Delivery, other).flood is False


def test_slow_mail_is_no_flood_and_a_flood_ends_with_its_hour(house: House) -> None:
    for number in range(CAPS.per_folder * 2):
        house.came(f"slow@list{number}.example", minutes=number * 10)
    with read_transaction(house.engine) as session:
        assert not session.scalar(select(col(Delivery.id)).where(col(Delivery.flood)))
    for number in range(CAPS.per_folder + 1):
        house.came(f"fast@list{number}.example", minutes=1000 + number / 10)
    late = house.came("late@list.example", minutes=1100)
    with read_transaction(house.engine) as session:
        assert session.get_one(Delivery, late).flood is False
        first = session.scalars(select(col(Delivery.campaign_id)).where(col(Delivery.flood)).distinct()).all()
    for number in range(CAPS.per_folder + 1):
        house.came(f"again@list{number}.example", minutes=2000 + number / 10)
    with read_transaction(house.engine) as session:
        assert session.scalars(select(col(Delivery.campaign_id)).where(col(Delivery.flood)).distinct()).all() == first


def test_a_cap_of_nothing_never_makes_one(house: House) -> None:
    house.settings = replace(house.settings, floods=Floods(per_sender=0, per_folder=0))
    for number in range(20):
        house.came("robot@loop.example", subject=str(number))
    with read_transaction(house.engine) as session:
        assert not session.scalar(select(col(Delivery.id)).where(col(Delivery.flood)))


def test_a_wave_is_purged_out_of_a_flood_too(house: House) -> None:
    text = "Your parcel could not be handed over because the address was incomplete. Settle the customs charge today."
    with transaction(house.engine) as session:
        (outside,) = arriving.arrive(session, house.settings, MARA, author="a@crook.example", text=text)
    for number in range(CAPS.per_folder):
        house.came(f"news@list{number}.example")
    with transaction(house.engine) as session:
        (inside,) = arriving.arrive(session, house.settings, JOE, author="b@crook.example", text=text)
    with transaction(house.engine) as session:
        campaign = session.get_one(Delivery, outside).campaign_id
        mine = session.get_one(Delivery, inside)
        assert (mine.flood, mine.wave_id, campaign is not None) == (True, campaign, True)
        done = decisions.decide_messages(
            session, DecisionRequest(Selection.of(campaign=campaign), Verb.PURGE), by=ANA, now=NOW, settings=house.settings
        )
        assert {item.delivery_id for item in done.items} == {outside, inside}


KINDS = {  # who writes: proven, a program, how many different ones
    "friend": (True, False, 2),
    "person": (True, False, 9),
    "robot": (True, True, 9),
    "stranger": (False, False, 9),
}


@checking(max_examples=examples(5), phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 8)), min_size=8, max_size=14))
def test_whatever_comes_wanted_mail_is_never_buried(sqlite_engine: Engine, settings: Settings, coming: list[tuple[str, int]]) -> None:
    caps = replace(settings, floods=Floods(per_sender=3, per_folder=5))
    with Session(sqlite_engine) as session:
        arriving.set_up(session, settings)
        written: Counter[str] = Counter()
        rows: list[tuple[str, str, Delivery]] = []
        for kind, number in coming:
            proof, robot, most = KINDS[kind]
            author = f"{kind}{number % most}@{kind}{number % most}.example"
            said = arriving.summary(author, f"{kind} {len(rows)}", automatic="list-id" if robot else "")
            found = arriving.authentication(author, proven(author.rpartition("@")[2]) if proof else NO_DMARC)
            raw = f"From: {author}\r\nSubject: {kind} {len(rows)}\r\n\r\nHello\r\n".encode()
            envelope = arriving.envelope(JOE, reverse_path=author)
            one = intake.receive_message(session, envelope, raw, found, said, settings=caps, now=NOW)[0]
            rows.append((kind, author, session.get_one(Delivery, one)))
            if kind == "friend" and not written[author]:  # what was let in before is known, and not held
                session.execute(update(Delivery).where(col(Delivery.id) == one).values(state=State.DELIVERED, settled_at=NOW))
            written[author] += 1
        session.expire_all()
        for kind, author, row in rows:
            too_many = written[author] > 3  # of one sender: their own row
            assert not row.flood or too_many or kind in ("robot", "stranger"), (kind, author)
        strangers = sum(kind in ("robot", "stranger") for kind, _, _ in rows)
        assert strangers < 6 or any(row.flood for _, _, row in rows), "the cap is reached"
        session.rollback()


@pytest.mark.parametrize(("rule", "is_welcome"), [("stranger", True), ("sweep", False), ("take", False)])
def test_an_author_whose_message_a_sweep_left_in_a_mailbox_is_not_welcome(house: House, rule: str, is_welcome: bool) -> None:
    one = house.came("crook@evil.example", robot=False)
    with transaction(house.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == one).values(state=State.DELIVERED, settled_at=NOW, rule=rule))
        assert mail_bombs.welcome_authors(session, {"crook@evil.example"}) == ({"crook@evil.example"} if is_welcome else set())
