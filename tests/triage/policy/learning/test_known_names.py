"""Look-alikes of known senders: found by name and by domain, forgotten with the sender."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, NOW
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.message.signals.signal_context import SimilarContacts
from triage.policy.contacts import store as contacts
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import known_names, learn_contacts
from triage.policy.learning.known_names import Stranger
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.store import db
from triage.store.models.contacts import FamiliarDomain, FamiliarName
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import Rule

KNOWN, JOE = "ann.lee@northwind.example", "joe.fern@company.example"


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company, which knows Ann Lee of Northwind and has had mail from her."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        rules.add_rule(session, RuleOrder("allow", "address", KNOWN, "company"), by=ANA, now=NOW, settings=settings)
        rules.add_rule(session, RuleOrder("allow", "domain", "supplier.example", "company"), by=ANA, now=NOW, settings=settings)
        follow(session, settings)
        assert came(session, settings, KNOWN, "Ann Lee")[1] == "queued"
    return engine


def follow(session: Session, settings: Settings) -> tuple[list[str], list[str]]:
    """Update the known names and domains as upkeep does."""
    found = known_names.find_changes(session, settings=settings, now=NOW)
    known_names.change_domains(session, *found)
    return found


def came(
    session: Session, settings: Settings, author: str, name: str, proven: bool = True, reply_to: str = ""
) -> tuple[dict[str, str], str]:
    """Proven mail comes: its signals, and its state."""
    (one,) = intake.receive_message(
        session,
        arriving.envelope(JOE),
        f"From: {name} <{author}>\r\n\r\n{NOW}\r\n".encode(),
        arriving.authentication(author, DMARC_PASS if proven else arriving.DMARC_FAIL),
        arriving.summary(author, author_name=name, reply_to=(reply_to,) if reply_to else ()),
        settings=settings,
        now=NOW,
    )
    delivery = session.get_one(Delivery, one)
    found = session.get_one(Message, delivery.message_id).signals
    return {signal["name"]: signal["sentence"] for signal in found}, delivery.state


def test_the_same_name_with_another_address(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        found, state = came(session, settings, "ann.lee@gmail.com", "Lee, Ann")
        assert found["name-of-known"] == (
            "Display name is that of your contact ann.lee@northwind.example, address is another one: ann.lee@gmail.com."
        )
        assert state == "held"
        assert "name-of-known" not in came(session, settings, "x@other.example", "Ann Lee-Smith")[0]


@pytest.mark.parametrize(
    ("domain", "known"),
    [("n0rthwind.example", "northwind.example"), ("northwind-pay.test", "northwind.example"), ("suplier.example", "supplier.example")],
)
def test_a_domain_that_looks_like_a_known_one(company: Engine, settings: Settings, domain: str, known: str) -> None:
    with db.transaction(company) as session:
        found, _ = came(session, settings, f"billing@{domain}", "Billing")
    assert found["look-alike-of-known"] == f"Domain {domain} looks like that of your contact {known}, but is another one."


def test_the_same_name_under_another_ordinary_ending_once_it_has_sent_wanted_messages(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        for domain, silent in (("northwind.de", True), ("northwind.test", False), ("n0rthwind.de", False)):
            author = f"orders@{domain}"
            assert "look-alike-of-known" in came(session, settings, author, "Orders")[0]  # nobody here wanted anything from there yet
            allow = rules.add_rule(session, RuleOrder("allow", "address", author, "company"), by=ANA, now=NOW, settings=settings)
            assert came(session, settings, author, "Orders")[1] == "queued"
            rules.remove_rule(session, allow.id, by=ANA, now=NOW)
            assert ("look-alike-of-known" not in came(session, settings, author, "Orders")[0]) is silent
        assert "look-alike-of-known" in came(session, settings, "orders@northwind.fr", "Orders")[0]


def test_the_known_sender_looks_like_nobody(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        for proven in (True, False):
            found, _ = came(session, settings, KNOWN, "Ann Lee", proven)
            assert {"name-of-known", "look-alike-of-known"}.isdisjoint(found)


def test_who_is_no_longer_known_is_forgotten(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        for one in session.scalars(select(Rule)).all():
            rules.remove_rule(session, one.id, by=ANA, now=NOW)
        assert follow(session, settings) == ([], ["northwind.example", "supplier.example"])
        assert session.scalar(select(func.count()).select_from(FamiliarDomain)) == 0
        found, _ = came(session, settings, "ann.lee@n0rthwind.example", "Ann Lee")
    assert {"name-of-known", "look-alike-of-known"}.isdisjoint(found)


def test_only_what_changed_is_written(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        assert follow(session, settings) == ([], [])
        later = NOW + timedelta(days=1)
        order = RuleOrder("allow", "address", "bo@gmail.com", "company", until=later)
        rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        assert follow(session, settings) == ([], []), "a free-mail domain says nothing"


@pytest.mark.parametrize(
    ("plain", "personal"),
    [("ann lee", True), ("ann", False), ("", False), ("customer service", False), ("northwind support team", False), ("jorg muller", True)],
)
def test_names_of_persons(plain: str, personal: bool) -> None:
    assert known_names.is_personal(plain) is personal


def test_nobody_known_nobody_like_them(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        strangers = [Stranger("", ""), Stranger("a@xn--\u00ff", "A B")]
        found = known_names.Familiar(session, strangers, settings=settings, now=NOW)
        assert [found.of(one) for one in strangers] == [SimilarContacts(), SimilarContacts()]


def wrote_to(session: Session, settings: Settings, *addresses: str, how: str = "outbound") -> None:
    """Joe wrote to these, and nobody has answered yet."""
    sent = Sent(JOE, addresses, JOE, NOW, message_id="1@company.example")
    learn_contacts.learn_many(session, [sent], how=how, settings=settings, by=arriving.SYNC, now=NOW)


@pytest.mark.parametrize("how", ["outbound", "seed"])
def test_the_first_answer_of_somebody_only_written_to(company: Engine, settings: Settings, how: str) -> None:
    """The display name is unknown before the first answer; the address and the domain spell it."""
    with db.transaction(company) as session:
        wrote_to(session, settings, "ana.ferreira@brassworks-tyne.test", how=how)
        follow(session, settings)
        found, state = came(session, settings, "sales@brassvvorks-tyne.test", "Ana Ferreira")
        assert (state, {"look-alike-of-known", "name-of-known"} <= set(found)) == ("held", True)
        found, _ = came(session, settings, "ana.ferreira@gmail.com", "A. F.")
        assert found["name-of-known"] == (
            "The address ana.ferreira@gmail.com looks like that of your contact ana.ferreira@brassworks-tyne.test, but is another one."
        )
        for author in ("ana.ferreira@brassworks-tyne.test", "ana.ferreira@uk.brassworks-tyne.test", "bo.lund@other.test"):
            assert {"look-alike-of-known", "name-of-known"}.isdisjoint(came(session, settings, author, "Sales")[0]), author


def test_answers_to_a_known_sender_go_to_a_domain_that_looks_like_theirs(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        for reply_to, silent in (("ann.lee@n0rthwind.example", False), ("ann.lee@northwind.example", True), ("x@elsewhere.test", True)):
            found, _ = came(session, settings, KNOWN, "Ann Lee", reply_to=reply_to)
            assert ("look-alike-of-known" not in found) is silent, reply_to
        assert "look-alike-of-known" in came(session, settings, "bo@other.test", "Bo", reply_to="ann.lee@n0rthwind.example")[0]


def test_answers_to_another_ending_of_the_name_that_has_sent_wanted_messages(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        rules.add_rule(session, RuleOrder("allow", "domain", "northwind.com", "company"), by=ANA, now=NOW, settings=settings)
        follow(session, settings)
        assert "look-alike-of-known" in came(session, settings, KNOWN, "Ann Lee", reply_to="ann@northwind.com")[0]
        assert came(session, settings, "ann@northwind.com", "Ann Lee")[1] == "queued"
        assert "look-alike-of-known" not in came(session, settings, KNOWN, "Ann Lee", reply_to="ann@northwind.com")[0]
        assert "look-alike-of-known" in came(session, settings, KNOWN, "Ann Lee", reply_to="ann@northwind.de")[0]


@pytest.mark.parametrize("closed", ["before", "afterwards"])
def test_whom_a_confidential_folder_wrote_to_is_told_to_nobody(company: Engine, settings: Settings, closed: str) -> None:
    """Mara of the confidential legal department wrote to somebody; a message to IT must not say so."""
    legal = [ConfidentialEntry("department:legal", ("ben",))]
    sent = Sent(
        "mara.berg@company.example", ("jane.doe@whistle-law.example",), "mara.berg@company.example", NOW, message_id="2@company.example"
    )
    with db.transaction(company) as session:
        if closed == "before":
            confidential_folders.equalise_confidential(session, legal)
        learn_contacts.learn_many(session, [sent], how="outbound", settings=settings, by=arriving.SYNC, now=NOW)
        confidential_folders.equalise_confidential(session, legal)
        follow(session, settings)
        for author, name in (("jane.doe@gmail.com", "J. D."), ("x@whistle-1aw.example", "Jane Doe")):
            assert "whistle-law" not in str(came(session, settings, author, name)[0])


def test_names_of_contacts_are_forgotten_with_them(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        wrote_to(session, settings, "ana.ferreira@brassworks-tyne.test")
        assert "ana ferreira" in session.scalars(select(col(FamiliarName.name))).all()
        contacts.forget_lapsed(session, settings=settings, now=NOW + timedelta(days=900))
        assert session.scalars(select(col(FamiliarName.name))).all() == ["ann lee"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("ana.ferreira@x.example", "ana ferreira"),
        ("bj0rn_lund@x.example", ""),
        ("j.doe@x.example", ""),
        ("sales@x.example", ""),
        ("@", ""),
    ],
)
def test_what_an_address_spells(address: str, name: str) -> None:
    assert known_names.name_in_address(address) == name
