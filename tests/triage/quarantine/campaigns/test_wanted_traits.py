"""Traits that wanted messages share relate nothing to a wave; they are learned and forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW
from tests.triage.throwaways import proven
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.message.summary import Link
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.campaigns.find_related import Related, find_related
from triage.quarantine.campaigns.traits import Kind, trait_number
from triage.quarantine.campaigns.wanted_traits import ENOUGH, forget_wanted, learn_wanted, weigh_trait, weigh_traits
from triage.store import db
from triage.store.models.campaigns import WantedTrait
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import ConfidentialFolder

JOE = "it+joe.fern@company.example"
BOARD = "jobs@jobboard.example"
DAY = timedelta(days=1)


def come(session: Session, settings: Settings, author: str, *hosts: str, skeleton: str = "", mailer: str = "", number: int = 0) -> int:
    """Receives a proven message with links; its delivery."""
    links = tuple(Link("Open", f"https://{host}/x") for host in hosts)
    said = arriving.summary(author, f"{number}", text="", links=links, skeleton=skeleton, mailer=mailer)
    raw = f"From: {author}\r\nSubject: {number}\r\n\r\n{hosts} {number}\r\n".encode()
    proof = arriving.authentication(author, proven(author.partition("@")[2]))
    (came,) = intake.receive_message(session, arriving.envelope(JOE, reverse_path=author), raw, proof, said, settings=settings, now=NOW)
    return came


def related_to(session: Session, delivery: int) -> Related:
    """Messages related to one delivery."""
    return find_related(session, col(Delivery.id) == delivery, by=ANA, now=NOW)


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The company, which lets a job board in."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    arriving.add_rules(engine, settings, RuleOrder("allow", "address", BOARD, "company"))
    return engine


def test_a_host_that_wanted_messages_use_joins_nothing(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        first = come(session, settings, "x@one.example", "apply.jobboard.example", "go.evil.example", number=1)
        come(session, settings, "y@two.example", "apply.jobboard.example", number=2)
        evil = come(session, settings, "z@three.example", "www.evil.example", number=3)
        assert related_to(session, first).by_kind == {"link": 2, "host": 1}
        come(session, settings, BOARD, "apply.jobboard.example", skeleton="0123456789abcdef")
        assert (related_to(session, first).examples, related_to(session, first).by_kind) == ((evil,), {"link": 1})


def test_weak_traits_count_together(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        first = come(session, settings, "x@one.example", mailer="Bulk 1")
        come(session, settings, "y@two.example", mailer="Bulk 2", number=2)
        assert related_to(session, first).count == 0


@pytest.mark.parametrize(("author", "sealed"), [("x@one.example", ()), (BOARD, ("", "ana"))], ids=["held", "confidential"])
def test_what_is_held_or_confidential_is_not_learned(company: Engine, settings: Settings, author: str, sealed: tuple[str, ...]) -> None:
    with db.transaction(company) as session:
        session.add_all(ConfidentialFolder(kind="person", name="joe.fern", login=login) for login in sealed)
        came = come(session, settings, author, "go.evil.example")
        message = session.get_one(Delivery, came).message_id
        learn_wanted(session, {message: {trait_number(Kind.HOST, "go.evil.example")}}, now=NOW)
        assert session.scalar(select(func.count()).select_from(WantedTrait)) == 0


def test_days_are_counted_and_what_is_old_is_forgotten(company: Engine, settings: Settings) -> None:
    trait = trait_number(Kind.NETWORK, "198.51.100.0/24")
    with db.transaction(company) as session:
        message = session.get_one(Delivery, come(session, settings, BOARD)).message_id
        for day in (0, 0, 1):
            learn_wanted(session, {message: {trait, trait_number(Kind.SUBJECT, "salary of ida")}}, now=NOW + day * DAY)
        assert {one.trait: one.days for one in session.scalars(select(WantedTrait))}[trait] == 2
        assert trait_number(Kind.SUBJECT, "salary of ida") not in set(session.scalars(select(col(WantedTrait.trait))))
        assert weigh_traits(session, {trait}) == {trait: weigh_trait(Kind.NETWORK, 2)}
        forget_wanted(session, now=NOW + 150 * DAY)
        assert weigh_traits(session, {trait}) == {trait: weigh_trait(Kind.NETWORK, 2)}
        forget_wanted(session, now=NOW + 200 * DAY)
        assert session.scalar(select(func.count()).select_from(WantedTrait)) == 0


@pytest.mark.parametrize("kind", Kind)
def test_a_trait_weighs_less_the_more_wanted_messages_have_it(kind: Kind) -> None:
    weights = [weigh_trait(kind, days) for days in range(5)]
    assert weights == sorted(weights, reverse=True)
    assert 0 < weights[0] <= ENOUGH
    assert weights[1] <= weights[0] // 2
