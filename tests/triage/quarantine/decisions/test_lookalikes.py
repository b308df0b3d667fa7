"""Wanted look-alikes: what many real senders send from one template is in no row of copies, also when a wave copies the template."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests import effort
from tests.triage import arriving
from tests.triage.arriving import ANA, NO_DMARC, NOW
from tests.triage.throwaways import proven
from triage import ids
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.message import summary
from triage.message.authentication import Dmarc
from triage.message.summary import Link
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.removal import removal_plan
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery

JOE = "it+joe.fern@company.example"
INVOICE = (
    "please find attached invoice {number} for the goods and services that we delivered last month. The amount of {number} EUR is due"
    " within thirty days to the account that you know. You can look at the invoice and download it as a document at our invoicing service"
    " at any time; nothing has to be paid there. If you have questions please answer this message or call our accounts department on"
    " weekdays."
)
TEMPLATES = tuple(
    f"{INVOICE} Our {word} customers may also order the yearly overview of all {word} deliveries with {word} quantities and dates."
    for word in ("steel", "paper", "cable", "garden", "kitchen", "office", "winter", "harbour", "marble", "timber")
)
APPLICATION = (
    "a new applicant has answered your advertisement for a firmware engineer. The applicant has seven years of experience"
    " with small machines and would like to begin in spring. Read the letter, the certificates and the curriculum in your recruiting"
    " account. Number {number}."
)
MEETING = (
    "you are invited to the meeting about the water meters of district {number}: agenda, minutes of the last time and a plan of the rooms."
)
AWAY = "thank you for your message. I am out of the office until Monday and will answer when I am back; in urgent cases call {number}."
REPORT = (
    "this is the mail system at the host. Your message number {number} could not be delivered to one of its recipients: the mailbox"
    " is full. The reason that their server gave stands below, with the first lines of your message."
)
PARCEL = "your parcel {number} arrives tomorrow between ten and noon. You need not do anything; the driver rings twice and asks for a name."


PART = 1 if effort.FULL else 4  # of what real senders send; the whole day in `make test-full`


def come(
    session: Session,
    settings: Settings,
    author: str,
    subject: str,
    text: str,
    dmarc: Dmarc | None = None,
    link: Link | None = None,
    automatic: str = "",
    path: str | None = None,
) -> int:
    """Receives a message, with the signals that it really has; its delivery."""
    said = arriving.summary(author, subject, text=text, links=(link,) if link else (), automatic=automatic)
    found = summary.fingerprint_of(said)
    said = replace(said, fingerprint=found.as_text() if found else "")
    proof = dmarc or proven(author.partition("@")[2])
    raw = f"From: {author}\r\nSubject: {subject} {ids.new_id()}\r\n\r\n{text}\r\n".encode()
    mail = arriving.envelope(JOE, reverse_path=author if path is None else path)
    (came,) = intake.receive_message(session, mail, raw, arriving.authentication(author, proof), said, settings=settings, now=NOW)
    return came


def wanted(session: Session, settings: Settings) -> Iterator[tuple[str, int]]:
    """Messages of real senders, each with its sender."""
    host = Link("the invoice", "https://view.invoicing.example/9f3a")
    for number in range(200 // PART):
        yield "job board", come(session, settings, "jobs@jobboard.example", f"Application {number}", APPLICATION.format(number=number))
    for number in range(300 // PART):
        author = f"billing@supplier-{number % 60}.example"
        yield author, come(session, settings, author, f"Invoice {number}", INVOICE.format(number=4000 + number), link=host)
    for number in range(80 // PART):
        author = f"office@partner-{number}.example"
        yield author, come(session, settings, author, f"Invitation: meeting {number}", MEETING.format(number=number))
    for number in range(100 // PART):
        author = f"person@customer-{number}.example"
        auto = "Auto-Submitted: auto-replied"
        yield author, come(session, settings, author, "Out of office", AWAY.format(number=number), automatic=auto)
    for number in range(50 // PART):
        author = f"mailer-daemon@relay-{number}.example"
        yield (
            author,
            come(session, settings, author, "Undelivered mail", REPORT.format(number=number), automatic="a delivery report", path=""),
        )
    for number in range(60 // PART):
        author = f"track@parcels-{number % 4}.example"
        yield author, come(session, settings, author, f"Your parcel {number}", PARCEL.format(number=number))
    for template in TEMPLATES:
        for number in range(20 // PART):
            author = f"accounts@maker-{number}.example"
            yield author, come(session, settings, author, f"Invoice {number}", template.format(number=number), link=host)


def imitated(session: Session, settings: Settings) -> list[int]:
    """A wave that copies one of the templates: the link says one thing and opens another."""
    link = Link("https://view.invoicing.example/9f3a", "https://login.pay-here.example/x")
    said = f"{TEMPLATES[0]} Confirm your account with your current password, otherwise your mailbox will be closed."
    return [
        come(
            session,
            settings,
            f"x{number}@pay-{number % 15}.example",
            f"Invoice {number}",
            said.format(number=number),
            dmarc=proof,
            link=link,
        )
        for number in range(30)
        for proof in [NO_DMARC if number % 2 else None]
    ]


def test_wanted_look_alikes_share_no_row_and_never_go_with_a_wave(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        real = {came: whose for whose, came in wanted(session, settings)}
        wave = imitated(session, settings)
        copies = set(session.scalars(select(col(Delivery.id)).where(col(Delivery.is_copy))))
        assert copies == set(wave)
        assert [authors for authors in authors_by_row(session, real) if len(authors) > 1] == []
        campaign = session.get_one(Delivery, wave[0]).campaign_id
        plan = removal_plan.plan_removal(session, Selection.of(campaign=campaign), by=ANA, settings=settings, now=NOW)
        assert plan.count == len(wave)
        assert not any("maker" in one.value or "supplier" in one.value for one in plan.blocks.made)
        made = decisions.decide_messages(
            session, DecisionRequest(Selection.of(campaign=campaign), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        assert made.done == len(wave)
        gone = set(session.scalars(select(col(Delivery.id)).where(col(Delivery.state) != "held")))
        assert not gone & real.keys()


def authors_by_row(session: Session, real: dict[int, str]) -> Iterable[set[str]]:
    """The domains whose messages stand in one row of the queue, row by row."""
    rows: dict[tuple[int | None, str | None], set[str]] = {}
    for one in session.scalars(select(Delivery).where(col(Delivery.id).in_(real))):
        rows.setdefault((one.campaign_id, one.proven_as), set()).add(one.author.rpartition("@")[2])
    return rows.values()
