"""Audit log for its readers: who may read it, in which order, and without details about confidential folders."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, not_, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive, set_up
from triage import ids
from triage.access import api_tokens
from triage.access.api_tokens import TokenOrder
from triage.actor import EVERYTHING, Actor, Role, Scope
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.compliance.audit import audit_log, hash_chain, search_entries
from triage.compliance.retention import delete_records, legal_holds
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import NotAllowed, NotFound
from triage.policy.contacts import contact_review
from triage.policy.learning import learn_contacts
from triage.policy.learning.learn_contacts import Announced
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine import assignment
from triage.quarantine.decisions import decide as decisions, mailbox_sweep, outcomes
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import announce_sender
from triage.quarantine.rules import rule_confirmation
from triage.quarantine.search.selection import Selection
from triage.store import ledger
from triage.store.db import read_transaction, transaction
from triage.store.models.contacts import Contact
from triage.store.models.mailboxes import SweptMailbox

EVA = Actor.person("eva", Role.TRIAGE, Scope(persons=frozenset({"mara.berg"})))
SALES = "sales@supplier.example"
HANA = Actor.person("hana", Role.ADMIN, EVERYTHING, "Hana Novak")


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company."""
    with transaction(engine) as session:
        set_up(session, settings)
    return engine


def came(company: Engine, settings: Settings) -> int:
    """A message comes in for Joe."""
    with transaction(company) as session:
        return arrive(session, settings, "it+joe.fern@company.example")[0]


@pytest.mark.parametrize("by", [BEN, ANA, EVA, Actor.person("al", Role.AUDITOR, Scope(departments=frozenset({"it"})))])
def test_the_record_is_for_those_who_may_read_all_of_it(company: Engine, by: Actor) -> None:
    with read_transaction(company) as session, pytest.raises(NotAllowed):
        audit_log.list_entries(session, by=by)


def test_a_filter_looks_no_longer_than_a_search_may_and_goes_on_where_it_stopped(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters for every third entry; each page reads one batch."""
    monkeypatch.setattr(search_entries, "PATIENCE", 0)
    monkeypatch.setattr(search_entries, "PATIENCE_FURTHER", 0)
    monkeypatch.setattr(search_entries, "LEAST", 0)
    monkeypatch.setattr(search_entries, "AT_ONCE", 4)
    with transaction(company) as session:
        for number in range(21):
            ledger.write_act(session, "note" if number % 3 else "purge", f"thing:{number}", by=IDA, now=NOW, detail={"why": f"nr {number}"})
    every = ["thing:18", "thing:15", "thing:12", "thing:9", "thing:6", "thing:3", "thing:0"]
    filters: tuple[dict[str, Any], ...] = ({"act": "purge"}, {"words": "purge"}, {"act": "purge", "words": "NR", "who": "ida"})
    for asked in filters:
        found, before, stops = [], None, 0
        with read_transaction(company) as session:
            while True:
                page = audit_log.list_entries(session, by=OTTO, limit=2, before=before, **asked)
                found += [one.subject for one in page.items]
                stops += page.looked_back_to is not None
                assert len(page.items) <= 2
                if page.following is None:
                    break
                (before,) = page.following
                assert page.looked_back_to in (None, ids.made_at(before))
        assert (found, stops > 2) == (every, True), asked
    with read_transaction(company) as session:
        whole = audit_log.list_entries(session, by=OTTO, limit=50)
    assert (len(whole.items) >= 21, whole.looked_back_to) == (True, None)


def test_the_record_is_newest_first_and_its_pages_meet(company: Engine, settings: Settings) -> None:
    for _ in range(3):
        came(company, settings)
    with transaction(company) as session:
        hash_chain.seal_entries(session)
    came(company, settings)
    found, before = [], None
    with read_transaction(company) as session:
        while True:
            page = audit_log.list_entries(session, by=OTTO, limit=2, before=before)
            found += [(one.act, one.sequence) for one in page.items]
            if page.following is None:
                break
            (before,) = page.following
    chained = [("receive", number) for number in (6, 5, 4)]
    assert found == [("receive", None), *chained, ("directory", 3), ("sync-staff", 2), ("sync-staff", 1)]


def test_what_tells_of_sealed_mail_is_named_and_not_told(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:joe.fern", ("hana",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    mail = came(company, settings)
    with transaction(company) as session:
        more = {"now": NOW, "settings": settings}
        order = RuleOrder("block", "address", "", "person:joe.fern")
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(mail,)), Verb.PURGE, "a secret", rule=order), by=HANA, **more)  # type: ignore[arg-type]
        rules.add_rule(session, RuleOrder("block", "domain", "plain.example", "company"), by=ANA, **more)  # type: ignore[arg-type]
    for by, told in ((HANA, True), (IDA, False), (OTTO, False)):
        with read_transaction(company) as session:
            acts = [(one.act, one.detail) for one in audit_log.list_entries(session, by=by).items]
        for act in ("purge", "receive"):
            assert (dict(acts)[act] != audit_log.HIDDEN) is told
        assert ("a secret" in str(acts), "supplier.example" in str(acts)) == (told, told)
        assert "plain.example" in str(acts)


def test_what_told_of_sealed_mail_is_not_told_when_the_mail_is_forgotten(company: Engine, settings: Settings) -> None:
    later = NOW + timedelta(days=settings.retention.record_days + 1)
    with transaction(company) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:joe.fern", ("hana",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    mail = came(company, settings)
    with transaction(company) as session:
        order = RuleOrder("block", "address", "", "company")
        request = DecisionRequest(Selection(ids=(mail,)), Verb.PURGE, "a secret", rule=order)
        decisions.decide_messages(session, request, by=HANA, now=NOW, settings=settings)
        arriving.erase(session, settings=settings, now=later)
        assert arriving.forget(session, settings=settings, now=later) == 1
    for decision_is_there in (True, False):
        with transaction(company) as session:
            found, _ = delete_records.decisions_due(session, settings=settings, now=NOW if decision_is_there else later)
            delete_records.forget_decisions(session, found, settings=settings, now=later)
            told = [[(one.act, one.detail) for one in audit_log.list_entries(session, by=by).items] for by in (HANA, IDA)]
            assert ["a secret" in str(acts) and "supplier.example" in str(acts) for acts in told] == [True, False]
            assert [dict(acts)[act] for acts in told[1:] for act in ("receive", "purge", "rule")] == [audit_log.HIDDEN] * 3
            assert [len(outcomes.list_decisions(session, by=by)) for by in (HANA, IDA)] == [int(decision_is_there), 0]


def test_a_decision_is_not_told_when_the_sealed_part_of_its_mail_is_forgotten(company: Engine, settings: Settings) -> None:
    later = NOW + timedelta(days=settings.retention.record_days + 1)
    with transaction(company) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:joe.fern", ("hana",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
        (open_one,) = arrive(session, settings, "legal+mara.berg@company.example")
    mail = came(company, settings)
    with transaction(company) as session:
        request = DecisionRequest(Selection(ids=(mail, open_one)), Verb.PURGE, "a secret")
        decisions.decide_messages(session, request, by=HANA, now=NOW, settings=settings)
        legal_holds.add_hold(session, by=HANA, reason="the other one stays", now=NOW, person="mara.berg")
        arriving.erase(session, settings=settings, now=later)
        assert arriving.forget(session, settings=settings, now=later) == 1
        told = ["a secret" in str(audit_log.list_entries(session, by=by).items) for by in (HANA, IDA)]
        assert told == [True, False]


@pytest.mark.parametrize("gives_way", [False, True])
def test_what_is_on_record_of_sealed_people_is_not_told_when_they_have_another_name(
    company: Engine, settings: Settings, gives_way: bool
) -> None:
    """The record has the name that they had: somebody else may have it now, whose folder is not confidential."""
    mara, joe, ines = COMPANY.people
    joe = replace(joe, identity="J")
    with transaction(company) as session:
        seal = replace(COMPANY, people=(mara, joe, ines), sealed=(ConfidentialEntry("person:joe.fern", ("hana",)),))
        directory.apply_directory(session, seal, settings.company, by=SYNC, now=NOW)
        announce_sender.expect_sender(session, "b@secret.example", by=Actor.employee("joe.fern", "Joe Fern"), settings=settings, now=NOW)
        legal_holds.add_hold(session, by=HANA, reason="a secret", now=NOW, person="joe.fern")
        other: dict[str, Any] = {"identity": "K", "name": "Joseph Fernandez"} if gives_way else {"uid": "joe.fir"}
        seal = replace(seal, people=(mara, replace(joe, **other), ines))
        directory.apply_directory(session, seal, settings.company, by=SYNC, now=NOW)
        for by, told in ((HANA, True), (IDA, False)):
            acts = {one.act: "secret" in str(one.detail) for one in audit_log.list_entries(session, by=by).items}
            assert (acts["expect"], acts["legal-hold"]) == (told, told)


@pytest.mark.parametrize(("folder", "told"), [("person:joe.fern", False), ("department:it", False), ("person:mara.berg", True)])
def test_what_a_sweep_has_counted_in_sealed_mailboxes_is_not_told(company: Engine, settings: Settings, folder: str, told: bool) -> None:
    reaching = replace(settings, recall=replace(settings.recall, imap="imaps://mail.company.example"))
    with transaction(company) as session:
        more = {"by": HANA, "reason": "", "now": NOW, "settings": reaching}
        made = mailbox_sweep.begin_sweep(session, SALES, dry_run=True, **more)  # type: ignore[arg-type]
        where = col(SweptMailbox.mailbox).in_(["joe.fern@company.example", "it@company.example"])
        session.execute(update(SweptMailbox).where(where).values(found=3, due_at=None, why="Nobody gets in."))
        session.execute(delete(SweptMailbox).where(not_(where)))
        seal = replace(COMPANY, sealed=(ConfidentialEntry(folder, ("hana",)),))
        directory.apply_directory(session, seal, settings.company, by=SYNC, now=NOW)
        for by in (HANA, IDA):
            seen = by is HANA or told
            assert [one.sentence for one in outcomes.list_decisions(session, by=by)] == [
                f"Counted 6 messages from {SALES} in 2 mailboxes."
            ] * seen
            with nullcontext() if seen else pytest.raises(NotFound):
                assert len(outcomes.get_decision(session, made.id, by=by).list_unsearched) == 2


@pytest.mark.parametrize("folder", ["person:joe.fern", "department:it"])
def test_notes_and_names_of_a_sealed_folder_are_not_told(company: Engine, settings: Settings, folder: str) -> None:
    with transaction(company) as session:
        seal = replace(COMPANY, sealed=(ConfidentialEntry(folder, ("hana", "ana")),))
        directory.apply_directory(session, seal, settings.company, by=SYNC, now=NOW)
    mail = came(company, settings)
    with transaction(company) as session:
        assignment.assign_messages(session, Selection(ids=(mail,)), "ana", "her secret illness", by=HANA, now=NOW)
        rule = rules.add_rule(
            session, RuleOrder("block", "address", "a@secret.example", "person:joe.fern"), by=HANA, now=NOW, settings=settings
        )
        rule_confirmation.change_rule(session, rule.id, {"note": "the secret husband"}, by=HANA, now=NOW, settings=settings)
        announce_sender.expect_sender(session, "b@secret.example", by=Actor.employee("joe.fern", "Joe Fern"), settings=settings, now=NOW)
        learned = [Announced("joe.fern", "c@secret.example")]
        learn_contacts.announce_contacts(session, learned, settings=settings, by=HANA, now=NOW)
        known = session.scalars(select(col(Contact.id))).all()
        contact_review.drop_contacts(session, known, by=HANA, now=NOW)
    for by, told in ((HANA, True), (IDA, False), (OTTO, False)):
        with read_transaction(company) as session:
            acts = {one.act: "secret" in str(one.detail) for one in audit_log.list_entries(session, by=by).items}
        assert {name: acts[name] for name in ("hand-over", "change-rule", "expect", "review-contacts")} == dict.fromkeys(
            ("hand-over", "change-rule", "expect", "review-contacts"), told
        )


def test_what_names_several_folders_is_silent_when_one_of_them_is_sealed(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        hana = StaffEntry("hana", "Hana Novak", "admin", ("company",))
        sealed = replace(COMPANY, staff=(*COMPANY.staff, hana), sealed=(ConfidentialEntry("person:joe.fern", ("hana",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
        for name, scope in (("open", ("department:legal",)), ("closed", ("department:legal", "person:joe.fern"))):
            api_tokens.create_token(session, TokenOrder(name, ("read",), scope), by=HANA, now=NOW)
        shown = [one.detail for one in audit_log.list_entries(session, by=IDA).items if one.act == "token"]
        assert [one == audit_log.HIDDEN for one in shown] == [True, False]
