"""Mail of a domain is found by an index, with what lies below it, and whatever else is asked about it reads no other messages."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, NOW, arrive
from tests.triage.plans import explained
from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.rules import rule_warnings
from triage.policy.rules.store import RuleOrder
from triage.quarantine import sender_profile
from triage.quarantine.rules import rule_trial
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.domain_index import names_of, of_domain
from triage.store.models.deliveries import Delivery

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
SALES, DOMAIN = "sales@supplier.example", "supplier.example"
AUTHORS = (
    SALES,
    "post@mail.supplier.example",
    "a@upplier.example",
    "a@thesupplier.example",
    "a@supplier.example.org",
    "a@mail_supplier.example",
)


@pytest.fixture
def mail(engine: Engine, settings: Settings) -> Engine:
    """Messages of the domain, of a subdomain, and of look-alikes."""
    filled(engine, settings)
    return engine


def filled(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        for author in (*AUTHORS, SALES):
            arrive(session, settings, JOE, MARA, author=author, dmarc=DMARC_PASS)


def test_a_domain_and_those_below_it(mail: Engine) -> None:
    with db.read_transaction(mail) as session:
        assert set(session.scalars(names_of(DOMAIN))) == {DOMAIN, "mail.supplier.example"}
        authors = session.scalars(select(col(Delivery.author)).where(of_domain(DOMAIN)))
        assert sorted(authors) == sorted([SALES] * 4 + ["post@mail.supplier.example"] * 2)
        assert session.scalars(select(col(Delivery.id)).where(of_domain("nowhere.example"))).all() == []


def test_postgresql_looks_for_the_names_once_and_joins_nothing(postgresql_engine: Engine) -> None:
    asked = select(col(Delivery.id)).where(of_domain(DOMAIN), col(Delivery.state) == "held")
    words = asked.compile(postgresql_engine, compile_kwargs={"literal_binds": True})
    with db.read_transaction(postgresql_engine) as session:
        plan = "\n".join(session.connection().exec_driver_sql(f"EXPLAIN {words}").scalars())
    assert "InitPlan" in plan
    assert "Join" not in plan
    assert "Nested" not in plan


def page(name: str) -> Callable[[Session, Actor, Settings], Any]:
    return lambda session, by, _: sender_profile.get_sender(session, name, freemail=(), by=by)


def sheet(session: Session, by: Actor, _: Settings) -> Any:
    return selection_summary.selection_evidence(session, Selection(domain=DOMAIN), by=by, now=NOW)


def tried(effect: str, match: str, value: str, scope: str = "company") -> Callable[[Session, Actor, Settings], Any]:
    order = RuleOrder(effect, match, value, scope)
    return lambda session, by, settings: rule_trial.try_rule(session, order, by=by, settings=settings, now=NOW)


ASKED: dict[str, Callable[[Session, Actor, Settings], Any]] = {
    "the page of an address": page(SALES),
    "the page of a domain": page(DOMAIN),
    "an allow of an address": tried("allow", "address", SALES, "department:legal"),
    "an allow of a domain": tried("allow", "domain", DOMAIN),
    "a block of a domain": tried("block", "domain", DOMAIN),
    "what proves a domain": lambda session, by, _: rule_warnings.no_proof(
        session, RuleOrder("allow", "subdomains", DOMAIN, "company"), by=by
    ),
    "offers": lambda session, by, settings: rule_trial.offer_rules(session, Selection(sender=SALES), by=by, settings=settings, now=NOW),
}


@pytest.mark.parametrize("by", [ANA, BEN], ids=lambda by: by.name)
@pytest.mark.parametrize("asked", [page(DOMAIN), sheet], ids=["a page", "an evidence sheet"])
def test_the_names_are_looked_for_once(
    mail: Engine, settings: Settings, by: Actor, asked: Callable[[Session, Actor, Settings], Any]
) -> None:
    looked: list[str] = []

    def note(_connection: Any, _cursor: Any, words: str, *_: Any) -> None:
        looked.extend(re.findall(r"author_domain LIKE", words))

    event.listen(mail, "before_cursor_execute", note)
    with db.read_transaction(mail) as session:
        asked(session, by, settings)
    beyond = by is BEN and asked is sheet  # counts what others' folders have of it, by itself
    assert len(looked) == 1 + beyond


@pytest.mark.parametrize("by", [ANA, BEN], ids=lambda by: by.name)
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_no_other_mail_is_read(
    sqlite_engine: Engine, settings: Settings, by: Actor, asked: Callable[[Session, Actor, Settings], Any]
) -> None:
    filled(sqlite_engine, settings)
    steps = explained(sqlite_engine)
    with db.read_transaction(sqlite_engine) as session:
        asked(session, by, settings)
    read = [step for step in steps if re.match(r"(SEARCH|SCAN) delivery\b", step)]
    assert read
    assert not [step for step in read if not re.search(r"\((author_domain|author|id|message_id)=\?", step.partition(" of ")[0])]


def test_the_newest_of_a_domain_are_not_sorted_out_of_all_its_mail(sqlite_engine: Engine, settings: Settings) -> None:
    filled(sqlite_engine, settings)
    steps = explained(sqlite_engine)
    with db.read_transaction(sqlite_engine) as session:
        rule_trial.try_rule(session, RuleOrder("allow", "domain", DOMAIN, "company"), by=BEN, settings=settings, now=NOW)
    ways = [step.partition(" of ")[0] for step in steps if "author_domain = ?" in step]
    assert [step for step in ways if "delivery_of_domain (author_domain=?)" in step]
    assert not [step for step in ways if "ORDER BY" in step]
