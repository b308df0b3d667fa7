"""The demo's morning as a contract of the queue's order: what must be acted on now, what expires soon, the rest."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from demo import company
from demo.correspondence import write_morning
from demo.keys import Key
from demo.regulars import address_person
from demo.sample_messages import Draft, SampleMessage, compose_message
from directory_sync.toml import toml_reader
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.triage import arriving
from triage.actor import EVERYTHING, Actor, Role
from triage.addressing.envelope import Envelope
from triage.config import settings_loader
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.ids import format_id, new_id
from triage.intake import receive as intake
from triage.intake.stages import Arrival
from triage.message.forwarded import Pointed
from triage.message.summary import Summary, make_summary
from triage.policy.rules import store as rules
from triage.quarantine.requests import suspicion_reports
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.quarantine.triage_items import fold_counts, item_list
from triage.quarantine.triage_items.item_list import TriageItem
from triage.store import ledger
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery
from triage.store.queue.sections import Section

SYSTEM = Actor.system("demo")
IDA = Actor.person("ida", Role.ADMIN, EVERYTHING)
HELD = Selection(proof=ANY_PROOF, states=(State.HELD,))
ONE_MINUTE = Draft(
    "one-minute-code",
    "Docuhaven <no-reply@docuhaven.example>",
    address_person("mateo.quirogas"),
    "481434 is your Docuhaven sign-in code",
    "Your Docuhaven sign-in code is 481434.\n\nIt expires in 1 minute.\n",
)
LIAR = "alerts@passwort-center.test"
HURRY = Draft(
    "hurry",
    f"Docuhaven <{LIAR}>",
    (),
    "Your Docuhaven account will be closed",
    "Dear user,\n\nsomebody signed in to your Docuhaven account from a new device. Confirm your account with your user name and your\n"
    "password, or it will be closed. The link expires in 1 minute:\n\nhttps://portal.passwort-center.test/3f9a\n\nDocuhaven Security\n",
)
VICTIMS = ("mateo.quirogas", "priya.raghunath", "keisha.thornbury", "graham.pettifer", "noor.vandalen", "viktor.stoychev", "luc.tremblaux")


@pytest.fixture
def demo_settings(demo_directory: Path) -> Settings:
    """The demo's own settings."""
    return settings_loader.read_settings(str(demo_directory / "mailroom.toml"), {})


class Morning:
    """The whole morning has come in, then seven copies of a phish that presses for time, and a code that is good for one minute."""

    def __init__(self, engine: Engine, settings: Settings, signing: dict[str, Key]) -> None:
        self.engine, self.settings = engine, settings
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)  # samples are signed by the real clock
        samples = write_morning(seed=1, start=start, pace_seconds=2.0)
        samples += [compose_message(replace(HURRY, to=address_person(uid)), random.Random(uid), start) for uid in VICTIMS]
        self.now = start + timedelta(seconds=2 * len(samples))
        samples.append(compose_message(ONE_MINUTE, random.Random(1), self.now))
        people = toml_reader.read_directory(Path(settings.directory.file), settings.company.domains)
        resolver = ZoneFileResolver(Path(settings.dns.zone_file))
        with transaction(engine) as session:
            directory.apply_directory(session, people, settings.company, by=SYSTEM, now=start)
            for order in company.RULES:
                rules.add_rule(session, order, by=IDA, now=start, settings=settings)
        for place, sample in enumerate(samples):
            at = start + timedelta(seconds=2 * place)
            with transaction(engine) as session:
                (entered,) = intake.receive_all(session, [arrival(sample, at, signing, resolver)], settings=settings, now=at)
                assert not isinstance(entered, Exception), entered
        fold_counts.build_views(engine, now=self.now)

    def rows(self, later: timedelta = timedelta(), **more: object) -> list[TriageItem]:
        """The queue as the console shows it, similar messages together."""
        with read_transaction(self.engine) as session:
            asked = {"by": IDA, "now": self.now + later, "group": "campaign", "limit": 200} | more
            return list(item_list.list_items(session, HELD, **asked).items)  # type: ignore[arg-type]


def arrival(sample: SampleMessage, at: datetime, signing: dict[str, Key], resolver: ZoneFileResolver) -> Arrival:
    """Sample as the judge sees it."""
    raw = sample.signed(signing)
    envelope = Envelope(new_id(), at, sample.reverse_path, sample.recipients, "127.0.0.1", f"mail.{sample.domain}")
    return Arrival(envelope, raw, authenticate_message(envelope, raw, resolver, datetime.now(UTC)), make_summary(raw))


def list_subjects(found: Iterable[TriageItem]) -> list[str]:
    return [f"{item.section} {item.severity.word} {item.count} {item.lead.author}: {item.lead.subject}" for item in found]


def deliver(it: Morning, ids: Iterable[int]) -> None:
    """Deliver these messages to their mailboxes."""
    for one in ids:
        for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER):
            with transaction(it.engine) as session:
                ledger.record_event(session, one, event, by=SYSTEM, now=it.now)


def report(it: Morning, one: int) -> None:
    """Report a message as its recipient."""
    with transaction(it.engine) as session:
        delivery = session.get_one(Delivery, one)
        envelope = arriving.envelope("report@company.example", reverse_path=delivery.recipient)
        said = Summary(parsed=True, author=delivery.recipient, subject="Fwd: odd")
        assert (
            suspicion_reports.report_message(
                session, envelope, said, [Pointed(marker=format_id(delivery.message_id))], settings=it.settings, now=it.now
            )
            == ""
        )


def held_of(it: Morning, author: str) -> list[int]:
    """The held messages of this sender."""
    with read_transaction(it.engine) as session:
        mine = select(col(Delivery.id)).where(col(Delivery.author) == author, col(Delivery.state) == State.HELD)
        return list(session.scalars(mine.order_by(col(Delivery.id))))


CODES = [
    "time-limited none 1 no-reply@docuhaven.example: 481434 is your Docuhaven sign-in code",  # it expires in 1 minute
    "time-limited none 1 no-reply@docuhaven.example: 481434 is your Docuhaven sign-in code",
    "time-limited none 1 no-reply@cloudkettle.example: 953947 is your Cloudkettle sign-in code",
    "time-limited none 1 no-reply@parcelrun.example: 282359 is your Parcelrun sign-in code",
]
REST = """\
rest none 1 goncalo.abrantes@mailpond.example: Out of office: Re: plug test
rest none 1 e.lindgreen@uni-hollersund.example: Invitation to speak: Water Loss Forum
rest none 1 ottilie.brandner@mailpond.example: What do you have stored about me? (Art. 15)
rest none 4 b.jansohn@stadtwerke-hollersund.example: Who comes to the bidders' day?
rest none 10 kyle@leadsprout.test: 15 minutes, Helena?
rest none 1 biuro@wodomierz-serwis.test: Zapytanie o części zamienne do wodomierzy
rest none 1 sign@docuhaven.example: Helle Ravnskov sent you a document to sign
rest none 1 tarek.haddadin@funkbrief.example: Apprenticeship from September
rest none 1 b.jansohn@stadtwerke-hollersund.example: Invitation: site visit at the waterworks
rest none 1 alerts@pagerlight.example: [FIRING] Disk 91 % full on meter-gw-03
rest none 1 b.jansohn@stadtwerke-hollersund.example: Rückfrage zur Funkreichweite im Keller
rest none 1 aegir.thorsteinsson@mailpond.example: Mælar fyrir hitaveitu – fyrirspurn
rest none 1 nkechi.obiora@funkbrief.example: Distribution in Lagos and Accra
rest none 1 sam.wr@funkbrief.example: Security issue in your customer portal
rest none 1 ji.beltran@mailpond.example: Candidatura / Application: sales manager Iberia
rest none 1 x7@bulkhost.test: I have your password
rest none 1 chen.xiaomei@jiangwei-metering.test: 关于超声波水表合作的询问
rest none 1 c.winterhoff@hollersunder-bote.example: Question for tomorrow's paper: 30 apprentices
rest none 1 gerlinde.maassen@funkbrief.example: Is my meter counting double?
rest none 1 eleanor.tyndale@brassworks-tyne.example: Samples of lead-free brass housings
rest none 1 mira.holmqvist@mailpond.example: Application: firmware engineer (ref. Q-31)
rest none 1 b.jansohn@stadtwerke-hollersund.example: Tender 24/07: 4,200 household meters
rest none 1 track@parcelrun.example: Your parcel PR883187487 arrives today
rest unclear 7 alerts@passwort-center.test: Your Docuhaven account will be closed
rest unclear 1 mailer-daemon@wodomierz-serwis.test: Undelivered mail returned to sender
rest unclear 8 updates@cloudkettle.example: New in Cloudkettle: builds that explain themselves 🫖
rest unclear 3 morgen@hollersunder-bote.example: Guten Morgen, Hollersund: Brücke bleibt bis Ostern gesperrt
rest unclear 8 briefing@fluidjournal.example: Fluid Journal No. 6: What a litre of lost water costs
rest unclear 10 angebote@werkbedarf.example: Nur bis Freitag: 20 % auf Regale, Leitern und Hubwagen
rest dangerous 6 rechnung@bulkhost.test: Overdue: invoice 88213
rest unclear 1 janne.matthiesen@nordlicht-papler.example: Re: Invoice 2091-77 – please use the new account
rest unclear 1 buero@orlow-haustechnik.example: Deposit for the wash basins
rest suspicious 8 track@parcelrun-customs.test: Parcel PR627002452 held: fee of 2.49 EUR due
rest suspicious 40 no-reply@mail-notice.test: Your password expires today
rest suspicious 1 t.havranek@executive-mailbox.test: Small favour, please keep it to yourself
rest suspicious 1 buchhaltung@nordlicht-papier.example: Our bank details have changed
rest dangerous 6 helena.brandvik.ceo@mailpond.example: Confidential: payment before noon
rest dangerous 1 helpdesk@company.example: Mailbox almost full (98 %)
""".splitlines()


def test_the_order_of_the_morning(engine: Engine, demo_settings: Settings, signing: dict[str, Key]) -> None:
    it = Morning(engine, demo_settings, signing)
    assert list_subjects(it.rows()) == [*CODES, *REST]
    code, hurry = it.rows()[0], next(item for item in it.rows() if item.lead.author == LIAR)
    assert (code.time_limited_until, code.lifetime_assumed, code.lead.time_limited_until) == (
        it.now + timedelta(minutes=1),
        False,
        it.now + timedelta(minutes=1),
    )
    assert (hurry.count, hurry.lead.proof, hurry.time_limited_until) == (7, "dmarc", None)  # it proves a domain, and presses for time
    assert not [reason for reason in hurry.lead.why_here if reason["name"] == "time-limited"]

    late = it.rows(timedelta(minutes=1))  # the code has expired: it goes to where its priority puts it
    assert list_subjects(late)[:3] == CODES[1:]
    assert [item.section for item in late if item.lead.id == code.lead.id] == [Section.REST]
    assert sorted(list_subjects(late)[3:]) == sorted([*REST, CODES[0].replace("time-limited", "rest")])

    wave = next(item for item in it.rows() if item.lead.author == "no-reply@mail-notice.test")
    deliver(it, [*wave.ids[-7:], *held_of(it, LIAR)[:1]])  # the second one does not look suspicious
    report(it, held_of(it, "x7@bulkhost.test")[0])
    found = it.rows()
    assert list_subjects(found)[:2] == [
        "act-now none 1 x7@bulkhost.test: I have your password",
        "act-now suspicious 33 no-reply@mail-notice.test: Your password expires today",
    ]
    assert [(item.delivered, item.opened, len(item.suspected)) for item in found[:2]] == [(0, None, 1), (7, None, 0)]
    assert list_subjects(found)[2:6] == CODES
    assert [line for line in REST if line not in list_subjects(found)] == [
        "rest none 1 x7@bulkhost.test: I have your password",
        f"rest {hurry.severity.word} 7 {LIAR}: {hurry.lead.subject}",
        "rest suspicious 40 no-reply@mail-notice.test: Your password expires today",
    ]
