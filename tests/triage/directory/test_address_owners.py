"""Addresses have owners: nobody's address changes hands by what a directory says, until a person approves it."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, SYNC
from triage.actor import Actor
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, GroupEntry, PersonEntry
from triage.addressing.envelope import Address
from triage.config.settings import Company, Settings
from triage.directory import address_changes, apply as directory, recipients
from triage.directory.sync_plan import Kind
from triage.errors import NotAllowed, NotFound
from triage.notifications import alerts
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.directory import AddressChange, KnownRecipient

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
MARA, JOE = (replace(one, identity=f"id-{one.uid}") for one in COMPANY.people[:2])
THIEF = PersonEntry("thief", "Mo Oyen", "it", MARA.mailbox, identity="id-thief")
MO = replace(THIEF, mailbox="mo@company.example")
BOARD = GroupEntry("board@company.example", "Board", "legal", members=("mara.berg",))
SEAL = (ConfidentialEntry("person:mara.berg", ("ben",)),)


def take_over(session: Session, *people: PersonEntry, **more: Any) -> directory.Applied:
    said: CompanyDirectory = replace(COMPANY, people=people, **more)
    return directory.apply_directory(session, said, HOUSE, by=SYNC, now=NOW, owners_wait=True)


def approve(session: Session, *addresses: str, by: Actor = IDA) -> None:
    address_changes.answer_changes(session, addresses, approve=True, by=by, now=NOW)


def whose(session: Session, address: str) -> tuple[str, str]:
    """The folder that a message to this address is held in now."""
    found = recipients.resolve_address(session, Address.parse(address), HOUSE)
    return (found.department, found.person) if found else ("", "")


def waiting(session: Session) -> list[tuple[str, str, str, str]]:
    rows = session.exec(select(AddressChange).order_by(AddressChange.address))
    return [(row.address, row.owner_shown, row.claimant_shown, row.state) for row in rows]


HERS, ITS = ("legal", "mara.berg"), ("it", "thief")


@pytest.mark.parametrize(
    ("after", "more", "address", "stays", "goes"),
    [
        pytest.param((MARA, JOE, THIEF), {}, MARA.mailbox, HERS, ITS, id="somebody new claims the mailbox that she claims too"),
        pytest.param((THIEF, MARA, JOE), {}, MARA.mailbox, HERS, ITS, id="and stands before her"),
        pytest.param((replace(MO, aliases=MARA.aliases), MARA, JOE), {}, MARA.aliases[0], HERS, ITS, id="an alias"),
        pytest.param((replace(MARA, mailbox="m2@company.example"), JOE, THIEF), {}, MARA.mailbox, HERS, ITS, id="she has another by now"),
        pytest.param((JOE, THIEF), {}, MARA.mailbox, ("legal", ""), ITS, id="she has left: her department's folder"),
        pytest.param((JOE, THIEF), {"sealed": SEAL}, MARA.mailbox, HERS, ITS, id="she has left, and her folder is confidential"),
        pytest.param((MARA, JOE, replace(MO, aliases=(BOARD.address,))), {}, BOARD.address, ("legal", ""), ITS, id="a list"),
        pytest.param((MARA, JOE, replace(MO, aliases=("info@company.example",))), {}, "info@company.example", ("it", ""), ITS, id="a role"),
    ],
)
def test_an_address_stays_until_somebody_approves(
    sqlite_engine: Engine, after: Any, more: Any, address: str, stays: tuple[str, str], goes: tuple[str, str]
) -> None:
    groups = () if "list" in address or address == BOARD.address else (BOARD,)
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE, groups=(BOARD,), **more)
        take_over(session, *after, groups=groups, **more)
        assert whose(session, address) == stays
        assert [(one, state) for one, _, _, state in waiting(session)] == [(address, "waiting")]
        take_over(session, *after, groups=groups, **more)
        assert whose(session, address) == stays, "however often it is asked"
        approve(session, address)
        take_over(session, *after, groups=groups, **more)
        assert (whose(session, address), waiting(session)) == (goes, [])
        take_over(session, *after, groups=groups, **more)
        assert whose(session, address) == goes, "the new owner is the one who keeps it now"


def test_two_people_who_swap_their_addresses_and_back_keep_their_own(sqlite_engine: Engine) -> None:
    swapped = replace(MARA, mailbox=JOE.mailbox, aliases=()), replace(JOE, mailbox=MARA.mailbox, aliases=())
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        for _ in range(2):
            take_over(session, *swapped)
            assert (whose(session, MARA.mailbox), whose(session, JOE.mailbox)) == (HERS, ("it", "joe.fern"))
            assert len(waiting(session)) == 2
            take_over(session, MARA, JOE)
            assert (whose(session, MARA.mailbox), whose(session, JOE.mailbox), waiting(session)) == (HERS, ("it", "joe.fern"), [])
        take_over(session, *swapped)
        approve(session, MARA.mailbox, JOE.mailbox)
        take_over(session, *swapped)
        assert (whose(session, MARA.mailbox), whose(session, JOE.mailbox)) == (("it", "joe.fern"), HERS)


def test_who_gets_a_leavers_name_does_not_get_their_triage_address(sqlite_engine: Engine) -> None:
    namesake = replace(THIEF, uid=MARA.uid, department="legal", mailbox="other@company.example")
    triage = "legal+mara.berg@company.example"
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        take_over(session, JOE, namesake)
        assert whose(session, triage) == ("legal", "")
        assert waiting(session) == [(triage, "Mara Berg", "Mo Oyen", "waiting")]
        approve(session, triage)
        take_over(session, JOE, namesake)
        assert whose(session, triage) == HERS, "the new one has the name"


def test_what_is_nobodys_is_given_without_asking(sqlite_engine: Engine) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        take_over(session, replace(MARA, mailbox="m2@company.example"), JOE, MO)
        assert waiting(session) == []
        assert whose(session, "mo@company.example") == ITS


def test_somebody_new_without_an_address_of_their_own_is_not_taken_until_then(sqlite_engine: Engine) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        applied = take_over(session, MARA, JOE, THIEF)
        assert applied.people == 3 - 1
        told = [str(one) for one in applied.plan.changes if one.kind is Kind.OWNER_WAITS]
        assert told == [f"{MARA.mailbox} keeps its owner: Mo Oyen claims it from Mara Berg, who keeps it until you approve"]
        assert take_over(session, MARA, JOE, THIEF).plan.changes == (), "said once"


def test_declined_is_asked_again_only_when_it_is_claimed_anew(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        take_over(session, MARA, JOE, THIEF)
        (alert,) = address_alerts(session, settings)
        assert alert.words.startswith("1 address keeps its owner, but the directory names another.")
        address_changes.answer_changes(session, [MARA.mailbox], approve=False, by=IDA, now=NOW)
        take_over(session, MARA, JOE, THIEF)
        assert waiting(session) == [(MARA.mailbox, "Mara Berg", "Mo Oyen", "declined")]
        assert address_alerts(session, settings) == []
        take_over(session, MARA, JOE)
        take_over(session, MARA, JOE, THIEF)
        assert waiting(session) == [(MARA.mailbox, "Mara Berg", "Mo Oyen", "waiting")]


def address_alerts(session: Session, settings: Settings) -> list[Any]:
    return [one for one in alerts.find_alerts(session, settings, NOW) if one.cause == "owners"]


def test_an_approval_is_for_one_claimant_only(sqlite_engine: Engine) -> None:
    other = replace(THIEF, uid="other", name="Una Reed", identity="id-other")
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        take_over(session, MARA, JOE, THIEF)
        approve(session, MARA.mailbox)
        take_over(session, MARA, JOE, other)
        assert whose(session, MARA.mailbox) == HERS
        assert waiting(session) == [(MARA.mailbox, "Mara Berg", "Una Reed", "waiting")]


def test_only_who_administers_the_whole_company_answers_and_never_for_themselves(sqlite_engine: Engine) -> None:
    own = Actor.person("thief", IDA.role or SYNC.role, IDA.scope)  # type: ignore[arg-type]
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE, replace(MO, mailbox="mo@company.example"))
        take_over(session, MARA, JOE, replace(MO, aliases=MARA.aliases))
        for nobody in (ANA, BEN, own):
            with pytest.raises(NotAllowed):
                approve(session, MARA.aliases[0], by=nobody)
        with pytest.raises(NotFound, match="no change of owner is open for nobody@company"):
            approve(session, "nobody@company.example")
        assert address_changes.list_changes(session, by=BEN) == []
        assert len(address_changes.list_changes(session, by=IDA)) == 1
        approve(session, MARA.aliases[0])
        acts = [(one.act, one.subject, one.detail["claimant"]) for one in session.exec(select(AuditRecord)) if one.act == "approve-address"]
        assert acts == [("approve-address", MARA.aliases[0], "Mo Oyen")]


def test_it_is_noted_where_a_confidential_folder_is_concerned(sqlite_engine: Engine) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE, sealed=SEAL)
        take_over(session, MARA, JOE, THIEF, sealed=SEAL)
        assert session.get_one(AddressChange, MARA.mailbox).confidential
        assert session.get_one(KnownRecipient, MARA.mailbox).person == MARA.uid
