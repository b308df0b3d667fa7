"""Reports of partner companies: whose count, where staff see them, and what the partner hears. They never act."""

import quopri
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, OTTO
from triage import ids
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.intake.receive import receive_all
from triage.intake.stages import Arrival
from triage.message.authentication import Dmarc, Result
from triage.message.forwarded import Pointed
from triage.quarantine.requests import outside_reports, suspicion_reports
from triage.store import bodies, db
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport, OutsideReport
from triage.store.models.messages import Message

REPORT, KIM = "report@company.example", "kim@partner.example"
PASS = Dmarc(Result.PASS, "partner.example", "partner.example", "reject", ("dkim",))
JOE = "it+joe.fern@company.example"
TAKEN, UNPROVEN, TO_JOE = ("purged", "partner-report", REPORT), ("held", "partner-report", REPORT), ("held", "first-contact", JOE)
ODD = Pointed(author="pay@evil.example", subject="Your invoice at https://evil.example/x")


@pytest.fixture
def asked(settings: Settings) -> Settings:
    """A company whose partner may report, and that can answer."""
    outbound = replace(settings.outbound, report_address=REPORT, report_partners=("partner.example",))
    return replace(settings, outbound=outbound, relay=replace(settings.relay, smarthost="smtp://out.example"))


def forward(
    engine: Engine,
    settings: Settings,
    *pointed: Pointed,
    author: str = KIM,
    to: tuple[str, ...] = (REPORT,),
    dmarc: Dmarc = PASS,
    number: int | None = None,
    **more: object,
) -> list[tuple[str, str, str]]:
    """A partner's message comes in: state, rule and recipient of each delivery."""
    said = arriving.summary(author, "Fwd: is this real?", **more)
    found = arriving.authentication(author, dmarc)
    with db.transaction(engine) as session:
        arrival = Arrival(
            arriving.envelope(*to, reverse_path=author, spool_id=number), b"From: x\r\n\r\nHello\r\n", found, said, pointed=pointed
        )
        (made,) = receive_all(session, [arrival], settings=settings, now=NOW)
        assert not isinstance(made, Exception), made
        return [(one.state, one.rule, one.recipient) for one in (session.get_one(Delivery, number) for number in made)]


def rows(engine: Engine) -> list[OutsideReport]:
    with db.read_transaction(engine) as session:
        found = session.scalars(select(OutsideReport).order_by(col(OutsideReport.id))).all()
        session.expunge_all()
        return list(found)


def answers(engine: Engine) -> list[tuple[str, str]]:
    """Rule and address of each message to a partner."""
    with db.read_transaction(engine) as session:
        sent = select(Delivery).where(col(Delivery.direction) == "notice").order_by(col(Delivery.id))
        return [(one.rule, one.recipient) for one in session.scalars(sent)]


def last_text(engine: Engine) -> str:
    with db.read_transaction(engine) as session:
        message = session.scalars(select(Message).order_by(col(Message.id).desc()).limit(1)).one()
        raw = bodies.find_body(session, message.content_id) or b""
        return quopri.decodestring(raw.partition(b"text/html")[0]).decode()


def settle(engine: Engine, report: int, verdict: str = "bad", **more: object) -> int:
    with db.transaction(engine) as session:
        return outside_reports.answer_report(session, report, verdict, **{"by": ANA, "now": NOW, **more})  # type: ignore[arg-type]


def tell(engine: Engine, settings: Settings) -> int:
    with db.transaction(engine) as session:
        return outside_reports.send_verdicts(session, settings=settings, now=NOW)


def test_a_report_has_a_lane_a_receipt_and_one_answer(known: Engine, asked: Settings) -> None:
    assert forward(known, asked, ODD) == [("purged", "partner-report", REPORT)]
    (made,) = rows(known)
    assert (made.lane, made.origin, made.by, made.author, made.answer_to) == ("partners", "partner.example", KIM, "pay@evil.example", KIM)
    with db.read_transaction(known) as session:
        (shown,) = outside_reports.list_reports(session, "partners", by=ANA)
        assert (shown.lane, shown.by_shown, shown.subject) == ("partners", KIM, ODD.subject)
        assert shown.mail is not None
        assert shown.mail.campaign is None, "it is no copy of what it reports"
        assert (outside_reports.count_reports(session, by=ANA), suspicion_reports.count_reports(session, by=ANA)) == (1, 0)
        assert suspicion_reports.list_reports(session, by=ANA) == []
        assert session.scalars(select(MailReport)).all() == []
    assert answers(known) == [("partner-thanks", KIM)]
    assert "https://evil.example" not in last_text(known)
    assert tell(known, asked) == 0, "nobody has decided"
    assert settle(known, made.id, words="see http://evil.example/y") == 1
    assert tell(known, asked) == 1
    assert tell(known, asked) == 0
    assert answers(known) == [("partner-thanks", KIM), ("partner-answer", KIM)]
    text = last_text(known)
    assert "found it harmful" in text
    assert "http://evil" not in text
    assert "Ana" not in text


@pytest.mark.parametrize(
    ("settled", "found"),
    [
        ({"verdict": "perhaps"}, BadInput),
        ({"by": OTTO}, NotAllowed),
        ({"by": BEN}, NotFound),
        ({"report": 7}, NotFound),
    ],
)
def test_an_answer_is_refused(known: Engine, asked: Settings, settled: dict[str, object], found: type[Exception]) -> None:
    forward(known, asked, ODD)
    (made,) = rows(known)
    with pytest.raises(found):
        settle(known, **{"report": made.id, **settled})  # type: ignore[arg-type]
    settle(known, made.id, "good")
    with pytest.raises(NotAllowedNow):
        settle(known, made.id, "good")


@pytest.mark.parametrize(
    ("more", "deliveries", "reports", "sent"),
    [
        ({"dmarc": replace(PASS, result=Result.TEMPERROR)}, [UNPROVEN], 0, []),
        ({"to": (REPORT, JOE)}, [TAKEN, TO_JOE], 1, ["partner-thanks"]),
        ({"to": (JOE,)}, [TO_JOE], 0, []),
        ({"author": "no-reply@partner.example"}, [TAKEN], 1, []),
    ],
)
def test_what_becomes_of_it(
    known: Engine, asked: Settings, more: dict[str, object], deliveries: list[tuple[str, str, str]], reports: int, sent: list[str]
) -> None:
    assert forward(known, asked, ODD, **more) == deliveries  # type: ignore[arg-type]
    assert len(rows(known)) == reports
    assert [rule for rule, _ in answers(known)] == sent


def test_the_same_message_twice_is_one_report(known: Engine, asked: Settings) -> None:
    number = ids.new_id()
    forward(known, asked, ODD, number=number)
    forward(known, asked, ODD, number=number)
    assert len(rows(known)) == len(answers(known)) == 1


def test_too_many_of_a_domain_are_held_and_few_get_a_receipt(known: Engine, asked: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_reports, "MOST_A_DAY", 3)
    monkeypatch.setattr(outside_reports, "MOST_THANKS", 2)
    states = [forward(known, asked, ODD)[0][0] for _ in range(4)]
    assert states == ["purged", "purged", "purged", "held"]
    assert len(rows(known)) == 3
    assert [rule for rule, _ in answers(known)] == ["partner-thanks"] * 2


def test_without_a_way_out_or_a_partner_no_more_nobody_is_told(known: Engine, asked: Settings) -> None:
    forward(known, replace(asked, relay=replace(asked.relay, smarthost="", next_hop="maildir:/var/mail")), ODD)
    forward(known, asked, ODD)
    for one in rows(known):
        settle(known, one.id, "good")
    assert tell(known, replace(asked, outbound=replace(asked.outbound, report_partners=()))) == 2
    assert [rule for rule, _ in answers(known)] == ["partner-thanks"]


def test_the_language_of_the_company_comes_first(known: Engine, asked: Settings) -> None:
    german = replace(asked, company=replace(asked.company, language="de"))
    forward(known, german, Pointed())
    text = last_text(known)
    assert "Vielen Dank" in text
    assert "Thank you for forwarding" in text.split("Vielen Dank", 1)[1]


@pytest.mark.parametrize(
    ("partners", "taken"),
    [(("partner.example",), {"partner.example"}), (("company.example", "gmail.com"), set()), ((), set())],
)
def test_whose_domains_may_be_partners(asked: Settings, partners: tuple[str, ...], taken: set[str]) -> None:
    settings = replace(asked, outbound=replace(asked.outbound, report_partners=partners))
    assert settings.report_partners == taken
    assert settings.partner_addresses == ({REPORT} if taken else set())


def test_nothing_is_said_of_an_unread_message(known: Engine, asked: Settings) -> None:
    forward(known, asked, dmarc=PASS, parsed=False)
    (made,) = rows(known)
    assert (made.author, made.subject) == ("", "Fwd: is this real?")
