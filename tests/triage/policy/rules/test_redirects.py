"""Redirect rules: whose mail goes to whom, that they let nothing in, and that a seal keeps them out."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, DMARC_PASS, NOW, SYNC, add_rules, arrive
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed
from triage.intake import receive as intake
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

SALES, INFO = "sales@supplier.example", "info@company.example"
JOE, MARA, IT = "joe.fern@company.example", "mara.berg@company.example", "it@company.example"
BILLS = RuleOrder("redirect", "address", SALES, "company", recipient=INFO, to="mara.berg")


def came(session: Session, settings: Settings, *to: str, **more: object) -> list[tuple[str, str, str, str]]:
    ids = arrive(session, settings, *to, **more)  # type: ignore[arg-type]
    found = [session.get_one(Delivery, one) for one in ids]
    return [(one.state, one.department, one.person, one.mailbox) for one in found]


@pytest.mark.parametrize(
    ("order", "author", "to", "goes"),
    [
        (BILLS, SALES, INFO, MARA),
        (BILLS, SALES, JOE, JOE),
        (BILLS, "other@supplier.example", INFO, IT),
        (replace(BILLS, recipient=""), SALES, JOE, MARA),
        (replace(BILLS, recipient="", scope="department:legal"), SALES, JOE, JOE),
        (replace(BILLS, match="domain", value="supplier.example"), "x@supplier.example", INFO, MARA),
        (replace(BILLS, match="domain", value=".supplier.example"), "x@deep.supplier.example", INFO, MARA),
        (RuleOrder("redirect", "recipient", INFO, "company", to=JOE), SALES, INFO, JOE),
        (RuleOrder("redirect", "recipient", "it+joe.fern@company.example", "company", to="department:it"), SALES, JOE, JOE),
        (RuleOrder("redirect", "recipient", JOE, "company", to="department:it"), SALES, JOE, IT),
        (RuleOrder("redirect", "recipient", INFO, "company", to="mara.berg"), SALES, "postmaster@company.example", JOE),
    ],
)
def test_whose_mail_goes_where(known: Engine, settings: Settings, order: RuleOrder, author: str, to: str, goes: str) -> None:
    add_rules(known, settings, order)
    with db.transaction(known) as session:
        ((_, _, _, mailbox),) = came(session, settings, to, author=author)
    assert mailbox == goes


def test_mail_of_a_list_goes_where_the_rule_says_whoever_wrote_it(known: Engine, settings: Settings) -> None:
    add_rules(known, settings, RuleOrder("redirect", "list", "dev.lists.example", "company", to="mara.berg"))
    author = "anna@else.example"
    found: list[int] = []
    with db.transaction(known) as session:
        for list_id in ("dev.lists.example", ""):
            said = arriving.summary(author, list_id=list_id)
            post = b"Subject: a post\r\n\r\n" + list_id.encode()
            found += intake.receive_message(
                session, arriving.envelope(JOE), post, arriving.authentication(author), said, settings=settings, now=NOW
            )
        assert [session.get_one(Delivery, one).mailbox for one in found] == [MARA, JOE]


def test_it_lets_nothing_in_and_stays_in_the_folder(known: Engine, settings: Settings) -> None:
    (rule,) = add_rules(known, settings, BILLS)
    with db.transaction(known) as session:
        assert came(session, settings, INFO, dmarc=DMARC_PASS) == [("held", "it", "", MARA)]
        row = session.scalars(select(Delivery)).one()
        assert (row.redirected, row.note) == (True, f"A rule of Ana Roth redirects it to {MARA}.")
        assert session.get_one(Rule, rule).used == 1
        note = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "receive")).one()
        assert MARA in str(note)
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(row.id,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        session.refresh(row)
        assert (row.state, row.mailbox) == ("queued", MARA)
    add_rules(known, settings, RuleOrder("allow", "address", SALES, "company"))
    with db.transaction(known) as session:
        assert came(session, settings, INFO, dmarc=DMARC_PASS) == [("queued", "it", "", MARA)]


def test_the_most_precise_rule_sends_it(known: Engine, settings: Settings) -> None:
    add_rules(known, settings, RuleOrder("redirect", "recipient", INFO, "company", to=JOE), BILLS)
    with db.transaction(known) as session:
        assert [mailbox for *_, mailbox in came(session, settings, INFO)] == [MARA]
        assert [mailbox for *_, mailbox in came(session, settings, INFO, author="x@other.example")] == [JOE]


def test_who_gets_it_anyway_gets_it_once(known: Engine, settings: Settings) -> None:
    add_rules(known, settings, BILLS)
    with db.transaction(known) as session:
        assert came(session, settings, INFO, MARA) == [("held", "legal", "mara.berg", MARA)]


def test_who_gets_it_by_two_rules_gets_it_once(known: Engine, settings: Settings) -> None:
    add_rules(known, settings, replace(BILLS, recipient=""))
    with db.transaction(known) as session:
        both = [("held", "it", "joe.fern", MARA), ("held", "it", "", MARA)]
        assert came(session, settings, JOE, INFO) == both, "each folder decides"
    scopes = {"allow": "department:it", "block": "person:joe.fern"}
    add_rules(known, settings, *(RuleOrder(effect, "address", SALES, scope) for effect, scope in scopes.items()))
    with db.transaction(known) as session:
        assert came(session, settings, JOE, INFO, dmarc=DMARC_PASS) == [("queued", "it", "", MARA)]


def test_what_somebody_blocked_for_themselves_still_comes_for_others(known: Engine, settings: Settings) -> None:
    add_rules(
        known, settings, BILLS, RuleOrder("block", "address", SALES, "person:mara.berg"), RuleOrder("allow", "address", SALES, "company")
    )
    with db.transaction(known) as session:
        assert set(came(session, settings, INFO, MARA, dmarc=DMARC_PASS)) == {
            ("queued", "it", "", MARA),
            ("purged", "legal", "mara.berg", MARA),
        }


def test_a_target_that_is_gone_moves_nothing_and_says_so(known: Engine, settings: Settings) -> None:
    add_rules(known, settings, BILLS)
    people = tuple(replace(one, active=False) if one.uid == "mara.berg" else one for one in COMPANY.people)
    with db.transaction(known) as session:
        directory.apply_directory(session, replace(COMPANY, people=people), settings.company, by=SYNC, now=NOW, confirmed=True)
        assert [mailbox for *_, mailbox in came(session, settings, INFO)] == [IT]
        assert "who is no longer here" in session.scalars(select(col(Delivery.note))).one()


def test_a_seal_keeps_others_rules_out(known: Engine, settings: Settings) -> None:
    add_rules(known, settings, replace(BILLS, recipient="", to=JOE))
    with db.transaction(known) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:mara.berg", ("hana",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
        assert [mailbox for *_, mailbox in came(session, settings, MARA)] == [MARA]
    with pytest.raises(NotAllowed, match="is a confidential folder"):
        add_rules(known, settings, replace(BILLS, scope="person:mara.berg"))


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (replace(BILLS, to="nobody"), "to: the directory has no “nobody”"),
        (replace(BILLS, to="joe@elsewhere.example"), "the directory has no"),
        (replace(BILLS, to=""), "the directory has no"),
        (replace(BILLS, to="department:legal"), "has no mailbox"),
        (replace(BILLS, recipient="nobody@company.example"), "recipient: nobody here has the address"),
        (RuleOrder("redirect", "recipient", "x@elsewhere.example", "company", to=JOE), "recipient: nobody here has the address"),
        (replace(BILLS, effect="allow"), "effect: only a redirect can match a recipient"),
        (RuleOrder("block", "recipient", INFO, "company"), "effect: only a redirect can match a recipient"),
    ],
)
def test_mistakes_are_named(sqlite_engine: Engine, settings: Settings, order: RuleOrder, says: str) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    with pytest.raises(BadInput, match=says):
        add_rules(sqlite_engine, settings, order)


def test_always_from_now_on_along_with_a_redirect_and_undone_with_it(known: Engine, settings: Settings) -> None:
    always = RuleOrder("redirect", "address", "", "company")
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, INFO)
        made = decisions.decide_messages(
            session,
            DecisionRequest(Selection.of(ids=(mail,)), Verb.REDIRECT, to="mara.berg", rule=always),
            by=ANA,
            now=NOW,
            settings=settings,
        )
        assert "messages from sales@supplier.example always go to mara.berg" in made.sentence
        assert [mailbox for *_, mailbox in came(session, settings, INFO)] == [MARA]
    with db.transaction(known) as session:
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
        assert [mailbox for *_, mailbox in came(session, settings, INFO)] == [IT]


def test_a_rule_reaches_as_far_as_its_maker(known: Engine, settings: Settings) -> None:
    with pytest.raises(NotAllowed), db.transaction(known) as session:
        rules.add_rule(session, BILLS, by=BEN, now=NOW, settings=settings)
