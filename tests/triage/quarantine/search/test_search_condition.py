"""Results of searches, on each kind of database."""

import base64
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, NOW, arrive, authentication
from tests.triage.messages import mail
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.message import summary
from triage.message.authentication import Dmarc
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing, selection
from triage.quarantine.search.selection import Selection
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department
from triage.store.models.messages import Message

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
PAGE = "<p>Look <a href='https://portal.evil.example/x'>here</a></p>"


def proven(domain: str) -> Dmarc:
    """A domain proves to have sent it."""
    return replace(DMARC_PASS, domain=domain, organisational_domain=domain)


@pytest.fixture
def full(known: Engine, settings: Settings) -> Engine:
    """Three messages: held with a link, purged without proof, to legal."""
    with transaction(known) as session:
        raw = mail("From: DHL Express <post@dhl.example>\nSubject: Your Parcel\nContent-Type: text/html", PAGE)
        proof = authentication("post@dhl.example", proven("dhl.example"))
        envelope = arriving.envelope(JOE, reverse_path="post@dhl.example")
        intake.receive_message(session, envelope, raw, proof, summary.make_summary(raw), settings=settings, now=NOW)
        (gone,) = arrive(session, settings, JOE, author="kim@free.example", subject="Offer 100% free")
        arrive(session, settings, MARA, author="kim@law.example", subject="The contract", dmarc=proven("law.example"))
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(gone,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
    return known


FOUND = {
    "kim": "free law",
    "from:kim contract": "law",
    'from:"dhl express"': "dhl",
    "from:@law.example": "law",
    "from:contract": "",
    "to:mara": "law",
    'to:"joe fern"': "dhl free",
    "to:legal": "law",
    "dept:it": "dhl free",
    "dept:leg": "law",
    "subject:parcel": "dhl",
    "has:link": "dhl",
    "has:attachment": "",
    "link:evil.example": "dhl",
    "link:100%": "",
    "100%": "free",
    "state:held": "dhl law",
    "state:decided": "free",
    "state:released": "",
    "by:ana": "free",
    'by:"ana roth"': "free",
    "by:ben": "",
    "proof:none": "free",
    "-proof:none": "dhl law",
    "severity:none": "law",
    "risk:none": "dhl free law",
    "risk:dangerous": "",
    "is:held": "dhl law",
    "is:decided": "free",
    "is:delivered risk:suspicious": "",
    "rule:first-contact": "dhl free law",
    "rule:unlike-themselves": "",
    "signal:first-contact": "dhl free law",
    "signal:unproven": "free",
    "-signal:unproven": "dhl law",
    "signal:first": "",
    "after:2026-11-24": "dhl free law",
    "before:2026-11-24": "",
    "-kim": "dhl",
    "verified:dhl.example": "dhl",
    "verified:@hl.example": "",
    "verified:example": "dhl law",
    "ip:192.0.2.1": "dhl free law",
    "ip:192.0.2.10": "",
    "reply-to:kim": "",
    "file:pdf": "",
    "campaign:0000000000000": "",
    "message-id:nothing@nowhere.example": "",
}


def test_what_is_found(full: Engine) -> None:
    with transaction(full) as session:

        def authors(text: str) -> list[str]:
            """Domains that the condition finds alone, and those of the list, which reads the other tables too."""
            alone = session.scalars(select(col(Delivery.author_domain)).where(selection.selection_condition(Selection(q=text))))
            listed = [one.author_domain for one in listing.list_deliveries(session, Selection(q=text), by=ANA).items]
            return [" ".join(sorted(one.removesuffix(".example") for one in found)) for found in (alone, listed)]

        assert {text: authors(text) for text in FOUND} == {text: [found, found] for text, found in FOUND.items()}


def test_a_message_is_found_by_its_message_id(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        for named in ("A.1@Mail.example", "A.10@Mail.example"):
            raw = mail(f"From: kim@free.example\nMessage-ID: <{named}>", "x")
            proof = authentication("kim@free.example")
            intake.receive_message(session, arriving.envelope(JOE), raw, proof, summary.make_summary(raw), settings=settings, now=NOW)
        for text in ("message-id:<A.1@Mail.example>", "message-id:a.1@mail.example", "Message-ID:A.1@MAIL.example"):
            (found,) = listing.list_deliveries(session, Selection(q=text), by=ANA).items
            assert session.get_one(Message, found.message_id).summary["message_id"] == "A.1@Mail.example"


LETTER = """From: kim@free.example
Reply-To: Ärger <other@else.example>, second@third.example
Content-Type: multipart/mixed; boundary=b"""
BODY = """--b
Content-Type: text/plain

name: "file.pdf"
--b
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="Rechnung \\"Ä\\".pdf"

%PDF
--b
Content-Type: application/zip; name=bilder.zip
Content-Disposition: attachment; filename=bilder.zip
Content-Transfer-Encoding: base64

{archive}
--b--
"""
DIGEST = sha256(b"%PDF").hexdigest()


HAS = {
    "file:.pdf": True,
    "file:RECHNUNG": True,
    'file:"Rechnung \\"ä"': False,  # a quote ends the phrase
    "file:ä": True,
    "file:urlaub": True,
    "file:Übung": True,
    "file:.exe": False,
    "file:%PDF": False,
    "file:third": False,
    f"hash:{DIGEST}": True,
    f"hash:{DIGEST[:8].upper()}": True,
    f"hash:{DIGEST[8:20]}": False,
    "reply-to:@else.example": True,
    "reply-to:THIRD": True,
    "reply-to:free": False,
    "reply-to:pdf": False,
}


def test_files_and_where_answers_go(known: Engine, settings: Settings) -> None:
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        for name in ("Urlaub.jpg", "übung.txt"):
            archive.writestr(name, "x")
    raw = mail(LETTER, BODY.format(archive=base64.b64encode(made.getvalue()).decode()))
    with transaction(known) as session:
        proof = authentication("kim@free.example")
        intake.receive_message(session, arriving.envelope(JOE), raw, proof, summary.make_summary(raw), settings=settings, now=NOW)
        assert {text: bool(listing.list_deliveries(session, Selection(q=text), by=ANA).items) for text in HAS} == HAS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hash:abc", "hash: takes the first 8"),
        ("hash:zzzzzzzzzz", "hash: takes the first 8"),
        ("ip:nowhere", "ip: takes an address"),
        ("verified:a..b", "a..b"),
    ],
)
def test_what_no_such_value_can_be_is_told(sqlite_engine: Engine, text: str, told: str) -> None:
    with transaction(sqlite_engine) as session, pytest.raises(BadInput, match=told):
        listing.list_deliveries(session, Selection(q=text), by=ANA)


SUBJECTS = ("Ärger mit MÜLLER", "Straße gesperrt", "Große Änderung über Übung", "Mueller")


FOLDED: dict[str, tuple[str, ...]] = {
    "subject:müller": SUBJECTS[:1],
    "subject:MÜLLER": SUBJECTS[:1],
    "subject:ärger": SUBJECTS[:1],
    "subject:Straße": SUBJECTS[1:2],
    "subject:STRASSE": SUBJECTS[1:2],
    "subject:GROSSE subject:änderung subject:ÜBER": SUBJECTS[2:3],
    "to:österreich": SUBJECTS,
    "dept:österreich": SUBJECTS,
    "to:osterreich": (),
}


def test_letters_beyond_ascii_are_folded_too(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        for subject in SUBJECTS:
            arrive(session, settings, JOE, subject=subject)
        session.execute(update(Department).where(col(Department.code) == "it").values(name="IT Österreich"))

        def subjects(text: str) -> tuple[str, ...]:
            where = selection.selection_condition(Selection(q=text))
            return tuple(session.scalars(select(col(Delivery.subject)).where(where).order_by(col(Delivery.id))))

        assert {text: subjects(text) for text in FOLDED} == FOLDED


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("has:legs", "has: takes attachment or link"),
        ("state:gone", "state: takes held, queued"),
        ("is:gone", "is: takes held, queued"),
        ("risk:40", "risk: takes none, unclear, suspicious, dangerous"),
        ('signal:"100%"', "signal: takes a name"),
        ("severity:40", "severity: takes none, unclear, suspicious, dangerous"),
        ("proof:spf", "proof: takes none, any"),
        ("campaign:x", "campaign: takes the id"),
        ("queue-id:x", "queue-id: takes the id"),
        ("after:soon", "after: takes a day"),
    ],
)
def test_what_cannot_be_meant_is_said(text: str, fault: str) -> None:
    with pytest.raises(BadInput, match=fault):
        selection.selection_condition(Selection(q=text))
