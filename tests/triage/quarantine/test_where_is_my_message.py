"""Search for a missing message: a sentence for each place within the scope, and refusals for those concerned."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage.arriving import ANA, BEN, NOW, arrive
from triage.actor import Actor
from triage.addressing.refused_message import Refused
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.queue import Outcome
from triage.errors import BadInput
from triage.quarantine import refused_at_smtp
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.quarantine.where_is_my_message import Answer, where_is
from triage.store import db
from triage.store.models.directory import ConfidentialFolder

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
HOP = "smtp://mail.company.example:25"


def ask(engine: Engine, to: str, words: str = "", *, by: Actor = ANA, at: datetime = NOW + timedelta(hours=2), **more: datetime) -> Answer:
    with db.read_transaction(engine) as session:
        return where_is(session, to, words, refused_days=14, by=by, now=at, **more)


def refuse(session: Session, settings: Settings, recipient: str, reply: str, sender: str = "shop@outside.example", times: int = 1) -> None:
    one = Refused(recipient, sender, "192.0.2.7", reply, NOW, NOW + timedelta(minutes=1), times)
    refused_at_smtp.record_refused(session, [one], settings.company)


def test_held_decided_and_delivered(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, JOE, author="kim@free.example", subject="Offer")
        (gone,) = arrive(session, settings, JOE, author="tom@free.example", subject="Casino")
        (out,) = arrive(session, settings, JOE, author="lea@free.example", subject="Contract")
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(gone,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(out,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
    with db.transaction(known) as session:
        later = NOW + timedelta(hours=1)
        (claim,) = queue.claim_deliveries(session, limit=9, settings=settings, now=later)
        queue.settle_many(session, [(claim, Outcome("delivered", "250 2.0.0 Ok: queued as 4XYZ", HOP))], settings=settings, now=later)
    told = {place.subject: place.sentence for place in ask(known, "joe").places}
    assert told.keys() == {"Offer", "Casino", "Contract"}
    assert told["Offer"].startswith("It is held: ")
    assert told["Casino"] == "Decided by Ana Roth on 24 Nov 2026, 09:30. It was removed."
    assert told["Contract"].endswith(". It was delivered to joe.fern@company.example: 250 2.0.0 Ok: queued as 4XYZ")


@pytest.mark.parametrize(
    ("to", "words", "found"),
    [
        ("joe.fern@company.example", "", 1),
        ("Joe Fern", "offer", 1),
        ("joe", "KIM", 1),
        ("joe", "somebody else", 0),
        ("mara", "", 0),
    ],
)
def test_by_recipient_and_a_piece_of_sender_or_subject(known: Engine, settings: Settings, to: str, words: str, found: int) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, "joe.fern@company.example", author="kim@free.example", subject="Offer of the day")
    answer = ask(known, to, words)
    assert len(answer.places) == found
    assert answer.sentence == ("Found 1 message." if found else NEVER)


NEVER = "No such message reached Mailroom, as far as you may see: it was neither accepted nor refused."


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("550 5.1.1 Nobody here has that address", "Refused: nobody here has the address jo.fern@company.example."),
        ("450 4.1.1 Nobody here is known", "Deferred: nobody here has the address jo.fern@company.example yet."),
        ("552 5.3.4 The message is too large", "Refused: the message is too large."),
        ("554 5.4.6 The message goes round", "Refused: the message was in a mail loop."),
        ("450 4.7.1 Too many messages", "Deferred: the client 192.0.2.7 sent too many messages."),
        ("550 5.7.1 Blocked here", "Refused: the sender is blocked, or may not write to this address."),
        ("451 4.3.0 Not ready", "Refused."),
    ],
)
def test_what_was_refused_says_why_and_how_often(known: Engine, settings: Settings, reply: str, said: str) -> None:
    with db.transaction(known) as session:
        refuse(session, settings, "jo.fern@company.example", reply, times=3)
    (place,) = ask(known, "fern", "shop@").places
    assert place.sentence == f"{said} The sender got this reply 3 times: {reply}"
    assert (place.state, place.delivery, place.sender) == ("refused", None, "shop@outside.example")


def test_refusals_are_told_within_the_scope(known: Engine, settings: Settings) -> None:
    too_large = "552 5.3.4 The message is too large"
    with db.transaction(known) as session:
        for recipient in ("joe.fern@company.example", "m.berg@company.example", "nobody@company.example", ""):
            refuse(session, settings, recipient, too_large)
        refuse(session, settings, "mara.berg+news@company.example", too_large)
    assert {place.recipient for place in ask(known, "@company", by=ANA).places} == {
        *("joe.fern@company.example", "m.berg@company.example", "nobody@company.example", ""),
        "mara.berg+news@company.example",
    }
    legal = {place.recipient for place in ask(known, "@company", by=BEN).places}
    assert "m.berg@company.example" in legal
    assert not legal & {"joe.fern@company.example", "nobody@company.example", ""}


def test_a_confidential_folder_is_not_told_of(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        session.add(ConfidentialFolder(kind="person", name="mara.berg", login=""))
        arrive(session, settings, MARA, subject="Secret plan")
        refuse(session, settings, "mara.berg@company.example", "552 5.3.4 The message is too large")
    assert ask(known, "mara").places == ()


def test_times_and_what_is_not_known_any_more(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, JOE)
        refuse(session, settings, "joe.fern@company.example", "552 5.3.4 The message is too large")
        assert refused_at_smtp.forget_refused(session, settings=settings, now=NOW + timedelta(days=10)) == 0
    assert len(ask(known, "joe").places) == 2
    assert ask(known, "joe", since=NOW + timedelta(minutes=5)).places == ()
    assert ask(known, "joe", until=NOW - timedelta(minutes=5)).places == ()
    assert "14 days" in ask(known, "nobody", since=NOW - timedelta(days=30)).sentence
    with db.transaction(known) as session:
        assert refused_at_smtp.forget_refused(session, settings=settings, now=NOW + timedelta(days=15)) == 1
    assert len(ask(known, "joe").places) == 1


def test_a_recipient_is_needed(known: Engine) -> None:
    with pytest.raises(BadInput, match="name the recipient"):
        ask(known, " ")
