"""A known sender's domain sends differently: one notice, harmless messages pass, days or staff make it usual."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, IDA, NOW, envelope, summary
from triage import ids
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.directory import enforcement
from triage.errors import SecondLookNeeded
from triage.intake import receive as intake
from triage.intake.stages import Arrival
from triage.message.authentication import Authentication, Dkim, Dmarc, Result, Spf
from triage.message.summary import Summary
from triage.policy.decide import DIFFERENT
from triage.policy.known_senders import domain_proofs
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions.decide import decide_messages
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import DomainProof

SALES, DOMAIN = "sales@brassworks-tyne.example", "brassworks-tyne.example"
DAY = timedelta(days=1)
ODD: dict[str, Any] = {"text": "Our bank details have changed, pay today."}
MOVED = "40.107.22.9"


def proven(author: str, *signers: str, unknown: str = "", dmarc: Result = Result.PASS) -> Authentication:
    """Signed by these domains; where by none, sent by a permitted server."""
    domain = author.rpartition("@")[2]
    found = (*(Dkim(Result.PASS, one) for one in signers), *((Dkim(Result.TEMPERROR, unknown),) if unknown else ()))
    ways = ("dkim",) if domain in signers else ("spf",)
    return Authentication(author, (Spf(Result.PASS, "mailfrom", domain),), found, dmarc=Dmarc(dmarc, domain, domain, "reject", ways))


SIGNED = proven(SALES, DOMAIN)
BY_SERVER = proven(SALES)


def allow(engine: Engine, settings: Settings, value: str = SALES, match: str = "address", **more: Any) -> None:
    with db.transaction(engine) as session:
        rules.add_rule(session, RuleOrder("allow", match, value, "company", **more), by=IDA, now=NOW, settings=settings, second=ANA)


def arrival(said: Summary, found: Authentication, at: Any, client: str, to: tuple[str, ...]) -> tuple[Envelope, bytes]:
    raw = f"From: {said.author}\r\nSubject: {ids.new_id()}\r\n\r\n{said.text}\r\n".encode()
    return replace(envelope(*to, reverse_path=said.author, at=at), client=client), raw


def came(
    engine: Engine,
    settings: Settings,
    found: Authentication,
    days: float = 0,
    *,
    client: str = MOVED,
    to: tuple[str, ...] = (),
    author: str = SALES,
    **more: Any,
) -> tuple[str, str]:
    """A message comes in, so many days from now: its state and its rule."""
    at = NOW + days * DAY
    said = summary(author, **more)
    carried, raw = arrival(said, found, at, client, to)
    with db.transaction(engine) as session:
        first, *_ = intake.receive_message(session, carried, raw, found, said, settings=settings, now=at)
        row = session.get_one(Delivery, first)
        return row.state, row.rule


def decide_newest(engine: Engine, settings: Settings, verb: Verb, *, days: float = 0, **more: Any) -> None:
    """Staff decides about the newest held message."""
    with db.transaction(engine) as session:
        held = session.scalars(select(col(Delivery.id)).where(col(Delivery.state) == "held").order_by(col(Delivery.id).desc())).first()
        assert held is not None
        request = DecisionRequest(Selection(ids=(held,)), verb, **more)
        said: dict[str, Any] = {"by": ANA, "settings": settings, "now": NOW + days * DAY}
        try:
            decide_messages(session, request, **said)
        except SecondLookNeeded as asked:
            decide_messages(session, replace(request, confirm=[one.name for one in asked.asked], fence=asked.fence), **said)


def kept(engine: Engine) -> dict[str, tuple[bool, int, int]]:
    """State of each way of proof: whether it is usual, its days of delivery while new, and the messages held."""
    with db.read_transaction(engine) as session:
        return {row.way: (row.usual_at is not None, row.days, row.held) for row in session.scalars(select(DomainProof))}


def signals_of_newest(session: Session) -> list[str]:
    row = session.scalars(select(Message).order_by(col(Message.id).desc())).first()
    assert row is not None
    return [one["name"] for one in row.signals]


SIGNATURE, SERVER = f"dkim:{DOMAIN}", f"spf:{DOMAIN} 40.107.0.0/16"


def test_the_first_message_says_what_is_usual(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    assert came(known, settings, SIGNED) == ("queued", "allowed-sender")
    assert kept(known) == {SIGNATURE: (True, 0, 0)}
    assert came(known, settings, SIGNED, client="198.51.100.7", **ODD) == ("queued", "allowed-sender")


def test_a_new_proof_passes_without_warnings_and_is_held_with_one(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    assert came(known, settings, BY_SERVER) == ("queued", "allowed-sender")
    with db.read_transaction(known) as session:
        assert "sends-differently" in signals_of_newest(session)
    assert came(known, settings, BY_SERVER, **ODD) == ("held", DIFFERENT)
    assert kept(known) == {SIGNATURE: (True, 0, 0), SERVER: (False, 1, 1)}
    assert came(known, settings, proven(SALES, dmarc=Result.FAIL))[1] == "dmarc-reject"  # nothing unproven is ever let through
    off = replace(settings, policy=replace(settings.policy, renew_proof_days=0))
    assert came(known, off, BY_SERVER, **ODD) == ("queued", "allowed-sender")


def test_after_three_days_it_is_usual_by_itself(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    for day in (1.59, 1.61, 2.61):  # three UTC dates, and little more than a day
        came(known, settings, BY_SERVER, day)
    assert kept(known)[SERVER] == (False, 3, 0)
    came(known, settings, BY_SERVER, 4.59)
    assert kept(known)[SERVER][0]
    assert came(known, settings, BY_SERVER, 5, **ODD) == ("queued", "allowed-sender")
    with db.read_transaction(known) as session:
        record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "renew-proof")).one()
        assert (record.subject, record.detail["ways"]) == (f"domain:{DOMAIN}", [SERVER])


def test_what_comes_by_way_of_an_assistant_is_remembered_too(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    with db.transaction(known) as session:
        enforcement.set_step(session, "person:joe.fern", enforcement.EVERYTHING, by=IDA, reason="", now=NOW)
    assert came(known, settings, SIGNED) == ("held", "held-for-assistant")
    assert kept(known) == {SIGNATURE: (True, 0, 0)}
    for day in (1.59, 1.61, 2.61, 4.59):
        assert came(known, settings, BY_SERVER, day) == ("held", "held-for-assistant")
    assert kept(known)[SERVER][0]


def test_while_messages_of_it_are_held_no_day_makes_it_usual(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    came(known, settings, BY_SERVER, 1, author_name="Mara Berg")
    for day in (1, 2, 3):
        came(known, settings, BY_SERVER, day)
    assert not kept(known)[SERVER][0]
    decide_newest(known, settings, Verb.RELEASE, days=3)
    came(known, settings, BY_SERVER, 4)
    assert kept(known)[SERVER][0]


def test_what_staff_removed_does_not_become_usual_by_itself(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    came(known, settings, BY_SERVER, 1, **ODD)
    decide_newest(known, settings, Verb.PURGE, days=1)
    for day in (1, 2, 3, 4, 5):
        came(known, settings, BY_SERVER, day)
    assert not kept(known)[SERVER][0]
    with db.transaction(known) as session:
        session.execute(update(DomainProof).values(held=domain_proofs.MOST_HELD))
    assert came(known, settings, BY_SERVER, 6, **ODD) == ("held", DIFFERENT)  # however many are held


def test_a_domain_has_only_so_many_ways(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    for number in range(domain_proofs.MOST_WAYS + 2):
        host = f"host{number}.{DOMAIN}"
        spf = replace(BY_SERVER, spf=(Spf(Result.PASS, "mailfrom", host),))
        came(known, settings, spf, number / 24, client=f"40.{number // 2}.22.9")
    assert len(kept(known)) == 1 + domain_proofs.MOST_WAYS // 2 + 1  # by organisation and network
    with db.transaction(known) as session:
        many = [f"spf:{DOMAIN} 41.{number}.0.0/16" for number in range(30)]
        domain_proofs.add_ways(session, DOMAIN, many, NOW, is_new=True)
    came(known, settings, BY_SERVER, 1)
    ways = kept(known)
    assert (len(ways), ways[SIGNATURE], SERVER in ways) == (1 + domain_proofs.MOST_WAYS, (True, 0, 0), True)


def test_a_whole_company_that_moves_is_one_notice(known: Engine, settings: Settings) -> None:
    """Many messages change at once, a third of them with a small warning: all but a few pass, and one domain is named."""
    allow(known, settings)
    came(known, settings, SIGNED)
    arrivals = []
    for number in range(150):
        said = summary(SALES, f"Invoice {number}", **(ODD if number % 3 == 0 else {}))
        carried, raw = arrival(said, BY_SERVER, NOW, MOVED, ())
        arrivals.append(Arrival(carried, raw, BY_SERVER, said))
    for start in range(0, len(arrivals), 30):
        with db.transaction(known) as session:
            intake.receive_all(session, arrivals[start : start + 30], settings=settings, now=NOW)
    with db.read_transaction(known) as session:
        held = session.scalar(select(func.count()).select_from(Delivery).where(col(Delivery.rule) == DIFFERENT))
        assert domain_proofs.MOST_HELD <= (held or 0) <= domain_proofs.MOST_HELD + 10
    assert {way for way, (is_usual, *_) in kept(known).items() if not is_usual} == {SERVER}


def test_what_looks_suspicious_is_held_however_many_are(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    came(known, settings, BY_SERVER)
    with db.transaction(known) as session:
        session.execute(update(DomainProof).where(col(DomainProof.way) == SERVER).values(held=domain_proofs.MOST_HELD))
    assert came(known, settings, BY_SERVER, **ODD) == ("queued", "allowed-sender")
    worse = ODD | {"reply_to": ("sales@elsewhere.example",), "subject": "Уour invоice is ready"}
    assert came(known, settings, BY_SERVER, **worse) == ("held", DIFFERENT)


def test_a_mailbox_provider_is_no_domain(known: Engine, settings: Settings) -> None:
    author = "brassworks@gmail.com"
    allow(known, settings, author)
    came(known, settings, proven(author, "gmail.com"), author=author)
    assert came(known, settings, proven(author), author=author, **ODD) == ("queued", "allowed-sender")
    assert kept(known) == {}


def test_a_forwarder_or_list_that_keeps_the_signature_changes_nothing(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    forwarded = replace(proven(SALES, DOMAIN, "forwarder.example"), spf=(Spf(Result.FAIL, "mailfrom", DOMAIN),))
    assert came(known, settings, forwarded, client="203.0.113.9", **ODD) == ("queued", "allowed-sender")
    assert set(kept(known)) == {SIGNATURE}
    allow(known, settings, "dev.lists.example", "list", proof="dkim:lists.example")
    by_list = replace(proven(SALES, dmarc=Result.FAIL), dkim=(Dkim(Result.PASS, "lists.example", signs_list=True),))
    assert came(known, settings, by_list, list_id="dev.lists.example", **ODD) == ("queued", "allowed-sender")
    assert set(kept(known)) == {SIGNATURE}


def test_an_invoicing_service_that_sends_for_many_companies_is_a_notice_for_each(known: Engine, settings: Settings) -> None:
    for name in ("one.example", "two.example"):
        author = f"billing@{name}"
        allow(known, settings, author)
        came(known, settings, proven(author, name), author=author)
        assert came(known, settings, proven(author), author=author) == ("queued", "allowed-sender")
    assert sorted(way for way, (is_usual, *_) in kept(known).items() if not is_usual) == [
        "spf:one.example 40.107.0.0/16",
        "spf:two.example 40.107.0.0/16",
    ]
    service = "invoices@service.example"  # in its own name: its own proof stays the same, whichever company it writes for
    allow(known, settings, service)
    for name in ("One Ltd", "Two Ltd"):
        assert came(known, settings, proven(service, "service.example"), author=service, author_name=name)[0] == "queued"
    assert kept(known)["dkim:service.example"] == (True, 0, 0)


def test_a_sender_whose_dns_is_down_sends_as_before(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    assert came(known, settings, proven(SALES, unknown=DOMAIN), **ODD) == ("queued", "allowed-sender")
    assert came(known, settings, proven(SALES, dmarc=Result.TEMPERROR))[1] == "proof-unknown"
    assert SERVER not in kept(known)


def test_a_signature_that_dns_could_not_check_vouches_for_no_server(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, proven(SALES, unknown=DOMAIN))  # the first message of all
    assert kept(known) == {}
    both = replace(SIGNED, dkim=(*SIGNED.dkim, Dkim(Result.TEMPERROR, "s2." + DOMAIN)))
    came(known, settings, both)
    assert kept(known) == {SIGNATURE: (True, 0, 0)}


@pytest.mark.parametrize("more", [{"author_name": "Mara Berg"}, {"author_name": "Petra Kahn"}])
def test_whom_it_could_be_taken_for_is_a_warning_too(known: Engine, settings: Settings, more: dict[str, Any]) -> None:
    """A colleague, and another known sender: what a message shows of itself says nothing of that."""
    allow(known, settings)
    allow(known, settings, "petra.kahn@kahn-law.example")
    came(
        known,
        settings,
        proven("petra.kahn@kahn-law.example", "kahn-law.example"),
        author="petra.kahn@kahn-law.example",
        author_name="Petra Kahn",
    )
    came(known, settings, SIGNED)
    assert came(known, settings, BY_SERVER, **more) == ("held", DIFFERENT)
    assert kept(known)[SERVER] == (False, 0, 1)


def test_where_only_dangerous_messages_are_held_it_is_no_harmless_day_and_not_held(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    with db.transaction(known) as session:
        enforcement.set_step(session, "", enforcement.DANGEROUS, by=IDA, reason="", now=NOW)
    for more in (ODD, {"author_name": "Mara Berg"}):
        assert came(known, settings, BY_SERVER, **more) == ("queued", "observe")
    assert kept(known)[SERVER] == (False, 0, 0)


def test_what_confidential_folders_get_is_kept_nowhere(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    with db.transaction(known) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    assert came(known, settings, SIGNED, to=("legal+mara.berg@company.example",))[0] == "queued"
    assert kept(known) == {}
    came(known, settings, SIGNED)
    came(known, settings, BY_SERVER, to=("legal+mara.berg@company.example",))
    assert kept(known) == {SIGNATURE: (True, 0, 0)}


def test_an_allow_remembers_what_proved_the_messages_that_it_was_made_on(known: Engine, settings: Settings) -> None:
    assert came(known, settings, SIGNED)[1] == "first-contact"
    allow(known, settings, DOMAIN, "domain")
    assert kept(known) == {SIGNATURE: (True, 0, 0)}
    assert came(known, settings, BY_SERVER, **ODD) == ("held", DIFFERENT)


@pytest.mark.parametrize("state", ["purged", "recalling", "rejected", "expired"])
def test_an_allow_takes_nothing_from_messages_that_staff_turned_down(known: Engine, settings: Settings, state: str) -> None:
    came(known, settings, BY_SERVER)
    with db.transaction(known) as session:
        session.execute(update(Delivery).values(state=state))
    came(known, settings, SIGNED)
    allow(known, settings, DOMAIN, "domain")
    assert kept(known) == {SIGNATURE: (True, 0, 0)}


def test_a_release_that_allows_takes_the_proof_of_its_own_messages(known: Engine, settings: Settings) -> None:
    came(known, settings, BY_SERVER)
    came(known, settings, SIGNED)
    decide_newest(known, settings, Verb.RELEASE, rule=RuleOrder("allow", "domain", DOMAIN, "company"))
    assert kept(known) == {SIGNATURE: (True, 0, 0)}


def test_earlier_messages_say_what_is_usual_after_an_upgrade(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    with db.transaction(known) as session:
        session.execute(delete(DomainProof))
    assert came(known, settings, BY_SERVER, **ODD) == ("held", DIFFERENT)
    came(known, settings, SIGNED)
    assert kept(known)[SIGNATURE] == (True, 0, 0)


def test_a_way_that_nobody_uses_is_forgotten(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    came(known, settings, SIGNED, 200)
    with db.transaction(known) as session:
        domain_proofs.add_ways(session, DOMAIN, [SERVER], NOW + 200 * DAY, is_new=True)
        assert domain_proofs.forget_proofs(session, settings=settings, now=NOW + 229 * DAY) == 0
        assert domain_proofs.forget_proofs(session, settings=settings, now=NOW + 231 * DAY) == 1
        assert set(kept(known)) == {SIGNATURE}
        assert domain_proofs.forget_proofs(session, settings=settings, now=NOW + 500 * DAY) == 0
        assert domain_proofs.forget_proofs(session, settings=settings, now=NOW + 601 * DAY) == 1
