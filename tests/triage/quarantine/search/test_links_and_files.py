"""Search by the targets of links and by the bytes of attachments, without false hits on look-alikes."""

import hashlib
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW
from triage import ids
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.message import summary
from triage.message.mime.links import link_destination
from triage.message.summary import Link
from triage.quarantine.decisions.decide import decide_messages
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import selection, selection_summary
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
BYTES = b"%PDF-1.7 an invoice that nobody ordered"
DIGEST = hashlib.sha256(BYTES).hexdigest()
OPENS = [  # where a link leads, and whether that is evil.example or below it
    ("https://evil.example/pay", True),
    ("HTTP://EVIL.Example", True),
    ("https://login.evil.example:8443/?q=1", True),
    ("https://bank.example@evil.example/", True),
    ("//evil.example./x", True),
    ("https:\\\\evil.example\\x", True),
    ("https:evil.example", True),
    ("www.evil.example", True),
    ("ftp://evil.example#a", True),
    ("mailto:pay@evil.example?subject=x", True),
    ("https://notevil.example/", False),
    ("https://evil.example.good.example/", False),
    ("https://good.example/?to=https://evil.example/", False),
    ("https://good.example/evil.example/", False),
    ("https://evil.example@good.example/", False),
    ("mailto:evil.example@good.example", False),
    ('https://good.example/","target": "https://evil.example/', False),
    ("javascript:evil.example", False),
]


def came(
    engine: Engine, settings: Settings, *links: Link, to: tuple[str, ...] = (JOE,), attached: bytes = b"", name: str = "a.pdf"
) -> list[int]:
    """A message with these links, or with an attachment; its deliveries."""
    raw = f"From: a@shop.example\r\nSubject: {ids.new_id()}\r\n\r\nHello\r\n".encode()
    if attached:
        kind = f'MIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        raw = f"From: a@shop.example\r\nSubject: {ids.new_id()}\r\n{kind}\r\n".encode() + attached
    said = replace(summary.make_summary(raw), links=links)
    with db.transaction(engine) as session:
        mail = arriving.envelope(*to, reverse_path="a@shop.example", at=NOW)
        return list(intake.receive_message(session, mail, raw, arriving.authentication("a@shop.example"), said, settings=settings, now=NOW))


def found(engine: Engine, **features: object) -> list[int]:
    """The deliveries that a selection names."""
    with db.read_transaction(engine) as session:
        where = selection.selection_condition(Selection.of(**features))
        return list(session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.id))))


def test_by_where_a_link_really_leads(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    wanted = []
    for target, leads in OPENS:
        assert f".{link_destination(target).host}".endswith(".evil.example") is leads, target  # as it is read elsewhere
        made = came(engine, settings, Link("https://evil.example", target), Link("more", "https://good.example/"))
        wanted += made if leads else []
    assert found(engine, link_domain="Evil.example") == wanted
    assert found(engine, link_domain="ample") == []


@pytest.mark.parametrize("name", ["bücher.example", "xn--bcher-kva.example"])
def test_a_name_with_other_letters_is_the_same_however_it_is_written(engine: Engine, settings: Settings, name: str) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    made = [
        *came(engine, settings, Link("", "https://bücher.example/")),
        *came(engine, settings, Link("", "https://xn--bcher-kva.example")),
    ]
    came(engine, settings, Link("", "https://bucher.example/"))
    assert found(engine, link_domain=name) == made


def test_by_the_bytes_of_an_attachment(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    first, second = came(engine, settings, attached=BYTES), came(engine, settings, attached=BYTES, name="b.pdf", to=(JOE, MARA))
    came(engine, settings, attached=b"%PDF-1.7 another one", name=f"{DIGEST}.pdf")
    assert found(engine, attachment_sha256=DIGEST.upper()) == [*first, *second]
    assert found(engine, attachment_sha256=DIGEST, department="legal") == second[1:]


def test_it_is_decided_as_any_selection(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    came(engine, settings, attached=BYTES, to=(JOE, MARA))
    chosen = Selection.of(attachment_sha256=DIGEST)
    with db.read_transaction(engine) as session:
        sheet = selection_summary.selection_evidence(session, chosen, by=ANA, now=NOW)
        own = selection_summary.selection_evidence(session, chosen, by=BEN, now=NOW)
    assert (sheet.count, own.count) == (2, 1)
    assert own.outside == 0, "whether others got the same file is theirs"
    assert selection.from_json(chosen.as_json()) == chosen
    with db.transaction(engine) as session:
        made = decide_messages(session, DecisionRequest(chosen, Verb.PURGE, fence=sheet.fence), by=ANA, now=NOW, settings=settings)
        assert [item.outcome for item in made.items] == ["done", "done"]
        assert session.scalars(select(Rule)).all() == [], "it was not about whoever sends this"


@pytest.mark.parametrize(("features", "says"), [({"link_domain": "no domain"}, "link_domain: "), ({"attachment_sha256": "abc"}, "64 hex")])
def test_what_is_neither(features: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        selection.selection_condition(Selection.of(**features))
