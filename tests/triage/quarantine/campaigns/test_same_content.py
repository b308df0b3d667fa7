"""Suspicious messages with the same link or attachment are copies, whatever they say; what wanted messages have joins nothing."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving, waves
from tests.triage.arriving import NO_DMARC, NOW
from tests.triage.throwaways import proven
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.intake.stages import Arrival
from triage.message import summary as message_summary
from triage.message.fingerprint import Fingerprint
from triage.message.summary import Attachment, Link
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.campaigns.same_content import Key, keys_of
from triage.quarantine.campaigns.traits import Kind, trait_number
from triage.store import db
from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery

BOARD = "jobs@jobboard.example"
ODD = "Confirm your account with your current password, otherwise your mailbox will be closed."
TOKEN = "https://login.pay-here.example/s/9f3a77c1"
BILL = Attachment(1, "bill.pdf", "application/pdf", 9_000, "ab" * 32)


def arrival(author: str, place: int, target: str = "", file: Attachment | None = None, *, odd: bool = True) -> Arrival:
    """A message that says something of its own, in which the link says one thing and opens another."""
    text = f"{waves.TEXTS[place][1]} {ODD if odd else ''}"
    links = (Link("https://bank.example/account" if odd else "Open", target),) if target else ()
    said = arriving.summary(author, waves.TEXTS[place][0], text=text, links=links, attachments=(file,) if file else ())
    found = message_summary.fingerprint_of(said)
    said = replace(said, fingerprint=found.as_text() if found else "")
    raw = f"From: {author}\r\nSubject: x\r\n\r\n{text}\r\n{target}\r\n".encode()
    proof = arriving.authentication(author, NO_DMARC if odd else proven(author.partition("@")[2]))
    return Arrival(arriving.envelope("it+joe.fern@company.example", reverse_path=author), raw, proof, said)


def come(session: Session, settings: Settings, *some: Arrival) -> list[int | None]:
    """Messages that come in together; their campaigns."""
    entered = [one for one in intake.receive_all(session, some, settings=settings, now=NOW) if not isinstance(one, Exception)]
    return [session.get_one(Delivery, ids[0]).campaign_id for ids in entered]


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The company, which lets a job board in."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    arriving.add_rules(engine, settings, RuleOrder("allow", "address", BOARD, "company"))
    return engine


@pytest.mark.parametrize(("target", "file"), [(TOKEN, None), ("", BILL)], ids=["link", "attachment"])
def test_suspicious_messages_with_the_same_are_copies(company: Engine, settings: Settings, target: str, file: Attachment | None) -> None:
    target_of = target or "https://login.pay-here.example/"
    some = [arrival(f"x@throw-away-{place}.example", place, target_of, file) for place in range(5)]
    with db.transaction(company) as session:
        first = come(session, settings, some[0])
        assert {*come(session, settings, *some[1:4]), *come(session, settings, some[4])} == {*first}
        assert session.scalars(select(col(Delivery.is_copy))).all() == [True] * 5


def test_what_looks_harmless_stays_apart(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        odd = come(session, settings, *(arrival("x@one.example", place, TOKEN) for place in range(2)))
        assert len({*odd}) == 1
        assert come(session, settings, arrival("y@two.example", 2, TOKEN, odd=False)) != odd[:1]


@pytest.mark.parametrize(("target", "file"), [("https://login.pay-here.example/s/another1", None), ("", BILL)], ids=["host", "attachment"])
def test_what_wanted_messages_have_too_joins_nothing(company: Engine, settings: Settings, target: str, file: Attachment | None) -> None:
    with db.transaction(company) as session:
        come(session, settings, arrival(BOARD, 7, target, file, odd=False))
        shared = TOKEN if target else "https://login.evil.example/"
        assert len({*come(session, settings, *(arrival("x@one.example", place, shared, file) for place in range(3)))}) == 3


@pytest.mark.parametrize(
    ("said", "count"),
    [
        (arriving.summary("x@a.example", links=(Link("", "https://evil.example/confirm"),)), 0),  # anybody may have such a link
        (arriving.summary("x@a.example", links=(Link("", "https://evil.example/8fa0"),)), 1),
        (arriving.summary("x@a.example", links=(Link("", "https://www.company.example/8fa0"),)), 0),
        (arriving.summary("x@a.example", attachments=(BILL, replace(BILL, media_type="image/png"), replace(BILL, size=0))), 1),
    ],
)
def test_keys(said: message_summary.Summary, count: int) -> None:
    assert len(keys_of(said, ("company.example",))) == count


def test_nothing_is_put_into_a_campaign_that_was_taken_back(engine: Engine) -> None:
    keys = {place: [Key(trait_number(Kind.FILE, "x"), ())] for place in range(2)}
    with db.transaction(engine) as session:
        sorting = campaigns.Sorting(session, [Fingerprint((place,), frozenset({place})) for place in range(2)], keys)
        sorting.assign(0)
        sorting.take_back(0)
        second = sorting.assign(1)
        sorting.write(NOW)
        assert session.scalars(select(col(Campaign.id))).all() == [second]
