"""Time-limited messages of listed senders: none passes before a person let one in, and none without DMARC and the listed signature."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW
from triage.config.settings import Settings
from triage.intake.receive import receive_message
from triage.message.authentication import Authentication, Dkim, Dmarc, Result
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery

JOE = "it+joe.fern@company.example"
CHASE = "no.reply@alerts.chase.com"  # chase.com with what lies below


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        yield session


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, coverage=replace(settings.coverage, pass_listed_codes=True))


def proven(author: str, signer: str = "", result: Result = Result.PASS) -> Authentication:
    """Results of a message that DMARC proves, with a signature of `signer`, by default the author's domain."""
    domain = author.rpartition("@")[2]
    dmarc = Dmarc(result, domain, domain, "reject", ("dkim",) if result is Result.PASS else ())
    return replace(arriving.authentication(author, dmarc), dkim=(Dkim(Result.PASS, signer or domain),))


def code(session: Session, settings: Settings, number: int, author: str = CHASE, found: Authentication | None = None) -> Delivery:
    """A sign-in code comes in."""
    name = author.rpartition("@")[2].split(".")[-2].title()
    said = arriving.summary(author, f"Your {name} sign-in code", text=f"Your code is {100_000 + number}. It expires in 10 minutes.")
    at = NOW + timedelta(minutes=number)
    (one,) = receive_message(
        session,
        arriving.envelope(JOE, reverse_path=author, at=at),
        b"%d" % number,
        found or proven(author),
        said,
        settings=settings,
        now=at,
    )
    return session.get_one(Delivery, one)


def decide(session: Session, settings: Settings, verb: Verb, delivery: Delivery) -> None:
    """Ana decides about one delivery."""
    request = DecisionRequest(Selection(ids=(delivery.id,)), verb)
    decisions.decide_messages(session, request, by=ANA, now=delivery.received_at, settings=settings)


def test_no_code_passes_before_a_person_has_let_one_in(session: Session, settings: Settings) -> None:
    first, second = code(session, settings, 1), code(session, settings, 2)
    assert [(one.rule, one.state) for one in (first, second)] == [("first-contact", "held")] * 2
    decide(session, settings, Verb.RELEASE, first)
    third = code(session, settings, 3)
    assert (third.rule, third.state) == ("listed-code", "queued")
    assert third.reason.startswith("it is valid for 10 minutes only, chase.com is on the start list, messages from there were delivered ")
    off = replace(settings, coverage=replace(settings.coverage, pass_listed_codes=False))
    assert code(session, off, 4).rule == "first-contact"
    decide(session, settings, Verb.PURGE, second)
    assert code(session, settings, 5).rule == "first-contact"  # staff removed one: a person looks again


@pytest.mark.parametrize(
    ("author", "found"),
    [
        (CHASE, proven(CHASE, result=Result.FAIL)),
        (CHASE, proven(CHASE, "mailer.example")),  # DMARC by SPF alone: a service that others use too
        ("no.reply@alerts2.chase.com", None),  # this domain was never let in
        ("no-reply@chase.com.example", None),
        ("no-reply@unlisted.example.com", None),
    ],
)
def test_a_code_of_somebody_else_stays_held(session: Session, settings: Settings, author: str, found: Authentication | None) -> None:
    decide(session, settings, Verb.RELEASE, code(session, settings, 1))
    assert code(session, settings, 2).rule == "listed-code"
    assert code(session, settings, 3, author, found).state == "held"


def test_codes_of_platforms_never_pass_by_the_list(session: Session, settings: Settings) -> None:
    for number, author in enumerate(("noreply@github.com", "service@paypal.com", "invites@mail.slack.com")):
        decide(session, settings, Verb.RELEASE, code(session, settings, 2 * number, author))
        assert code(session, settings, 2 * number + 1, author).rule == "first-contact"
    own = replace(settings, policy=replace(settings.policy, open_platforms=("chase.com",)))
    decide(session, own, Verb.RELEASE, code(session, own, 20))
    assert code(session, own, 21).rule == "first-contact"


@pytest.mark.parametrize("step", ["record-only", "hold-unknown"])
def test_what_passed_without_anybody_is_not_let_in(session: Session, settings: Settings, step: str) -> None:
    """Record only delivers a stranger's code; afterwards the next one still waits for a person."""
    before = replace(settings, company=replace(settings.company, enforcement=step))
    first = code(session, before, 1)
    assert first.state == ("queued" if step == "record-only" else "held")
    assert code(session, settings, 2).rule == "first-contact"
    decide(session, settings, Verb.RELEASE, session.get_one(Delivery, code(session, settings, 3).id))
    assert code(session, settings, 4).rule == "listed-code"
