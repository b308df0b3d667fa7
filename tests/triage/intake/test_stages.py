"""Facts of the message itself are found once, before the transaction, with the same result as within it."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import NOW
from tests.triage.message.signals.seeing import ANN, OURS, PEOPLE, PROVEN, named, to
from triage.config.settings import Settings
from triage.intake import lookups, receive as intake
from triage.intake.stages import Arrival, with_first_look
from triage.message.signals import find_signals
from triage.message.signals.signal_context import Met, Seen, SimilarContacts
from triage.message.summary import Summary
from triage.store import bodies, db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

AUTHOR = "eve@c0mpany.example"
RECIPIENTS = ("joe.fern@company.example", "m.berg@company.example", "info@company.example")
LETTER = arriving.summary(AUTHOR, attachments=named("invoice.exe"), text="Your sign-in code is 481516. It expires in 5 minutes.")


def entered(session: Session, settings: Settings, arrival: Arrival) -> list[Any]:
    """Audit entries about an arrival, without ids."""
    (ids,) = intake.receive_all(session, [arrival], settings=settings, now=NOW)
    assert not isinstance(ids, Exception)
    rows = [session.get_one(Delivery, one) for one in ids]
    message = session.get_one(Message, rows[0].message_id)
    kept = bodies.load_body(session, message.content_id or 0)
    return [
        message.signals,
        message.summary,
        kept,
        *((row.rule, row.reason, row.weight, row.why_here, row.time_limited_until) for row in rows),
    ]


def arrival() -> Arrival:
    """A message for three people."""
    return Arrival(
        arriving.envelope(*RECIPIENTS, reverse_path=AUTHOR), b"Subject: Hello\r\n\r\nHello", arriving.authentication(AUTHOR), LETTER
    )


def test_within_the_transaction_nobody_looks_again(known: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = with_first_look(arrival(), settings=settings, now=NOW)

    def again(*_: object) -> None:
        raise AssertionError("whoever writes keeps others waiting")

    with monkeypatch.context() as patched:
        for module, name in ((find_signals, "of_itself"), (lookups, "deadline_of"), (bodies, "compress_body"), (lookups, "find_danger")):
            patched.setattr(module, name, again)
        with db.transaction(known) as session:
            found = entered(session, settings, before)
    assert [one[0] for one in found[3:]] == ["dangerous-attachment"] * len(RECIPIENTS)
    assert {one["name"] for one in found[0]} >= {"look-alike-domain", "attachment-runs", "time-limited", "first-contact"}


def test_what_nobody_has_looked_at_is_entered_alike(known: Engine, settings: Settings) -> None:
    found = []
    for looked in (True, False):
        one = arrival()
        with Session(known) as session:
            found.append(entered(session, settings, with_first_look(one, settings=settings, now=NOW) if looked else one))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("changes", "beside"),
    [
        ({}, {}),
        ({"author_name": "Rosa Dahl", "subject": "Urgent payment", "links": to("https://bit.ly/1")}, {"met": Met(), "recipients": 12}),
        ({"reply_to": ("ann@n0rthwind.example",)}, {"known": SimilarContacts(("ann.lee@x.example",), ("northwind.example",))}),
        ({"reply_to": ("ann@c0mpany.example",)}, {"known": SimilarContacts((), ("c0mpamy.example",))}),
        ({"parsed": False, "attachments": named("a.pdf.exe")}, {"listed": "it is on a list"}),
    ],
)
def test_signals_come_in_the_same_order_whether_they_were_found_before_or_not(changes: dict[str, Any], beside: dict[str, Any]) -> None:
    alone = Seen(Summary(**ANN | changes), PROVEN, NOW, OURS, listed=beside.get("listed", ""))
    whole = replace(alone, people=PEOPLE, **beside)
    assert find_signals.find_signals(whole, find_signals.of_itself(alone)) == find_signals.find_signals(whole)
    assert find_signals.find_signals(whole) != ()
