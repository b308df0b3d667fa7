"""Coverage of folders: absences, substitutes, nights, confidential folders, and the alert when nobody is on duty."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, DMARC_PASS, IDA, NOW, SYNC
from triage.access import staff_members, substitutes
from triage.actor import Actor, Role, Scope
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, StaffEntry
from triage.config.settings import Company, Coverage, Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotFound
from triage.intake import receive as intake
from triage.quarantine import coverage
from triage.store import db
from triage.store.models.deliveries import Delivery

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
ITA = StaffEntry("ita", "Ita Moss", "triage", ("department:it",))
STAFFED = replace(COMPANY, staff=(ITA, StaffEntry("ben", "Ben Okafor", "triage", ("department:legal",))))
ALWAYS = Coverage()
NIGHT = Coverage(hours=("mon-fri 20:00-21:00",))  # NOW is out of them
LATER = NOW + timedelta(days=1)


@pytest.fixture
def known(engine: Engine) -> Engine:
    with db.transaction(engine) as session:
        take_over(session, STAFFED)
    return engine


def take_over(session: Session, company: CompanyDirectory) -> None:
    directory.apply_directory(session, company, HOUSE, by=SYNC, now=NOW)


def on_duty(session: Session, settings: Coverage = ALWAYS, now: datetime = NOW) -> dict[str, tuple[str, ...]]:
    return {one.code: one.on_duty for one in coverage.list_coverage(session, settings, now)}


def folders_without_staff(session: Session, settings: Coverage = ALWAYS, now: datetime = NOW) -> list[str]:
    return [one.code for one in coverage.uncovered_folders(session, settings, now)]


def test_who_is_away_looks_after_nothing_until_they_are_back(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arriving.arrive(session, settings, "it+joe.fern@company.example")
        assert on_duty(session) == {"it": ("ita",), "legal": ("ben",)}
        assert folders_without_staff(session) == []
        coverage.set_away(session, "ita", LATER, by=IDA, now=NOW)
        (nobody,) = coverage.uncovered_folders(session, ALWAYS, NOW)
        assert (nobody.code, nobody.held, nobody.on_duty) == ("it", 1, ())
        assert coverage.away_until(session, "ita", NOW) == LATER
        assert folders_without_staff(session, now=LATER) == [], "it ends by itself"
        take_over(session, replace(STAFFED, staff=(replace(ITA, name="Ita Marsh"), STAFFED.staff[1])))
        assert folders_without_staff(session) == ["it"], "a sync brings nobody back"
        coverage.set_away(session, "ita", None, by=IDA, now=NOW)
        assert folders_without_staff(session) == []


def test_a_substitute_looks_after_what_the_absent_one_does(known: Engine) -> None:
    with db.transaction(known) as session:
        substitutes.arrange_substitute(session, "ita", "ben", starts_at=NOW, ends_at=LATER, reason="", by=IDA, now=NOW)
        assert on_duty(session) == {"it": ("ben",), "legal": ("ben",)}
        coverage.set_away(session, "ben", LATER, by=BEN, now=NOW)
        assert folders_without_staff(session) == ["it", "legal"]


def test_auditors_do_not_count_and_seals_keep_away(known: Engine) -> None:
    with db.transaction(known) as session:
        take_over(session, replace(STAFFED, staff=(*STAFFED.staff, StaffEntry("otto", "Otto", "auditor", ("company",)))))
        coverage.set_away(session, "ita", LATER, by=IDA, now=NOW)
        assert folders_without_staff(session) == ["it"]
        take_over(session, replace(STAFFED, sealed=(ConfidentialEntry("department:legal", ("nobody.here",)),)))
        assert folders_without_staff(session) == ["it", "legal"]


@pytest.mark.parametrize(
    ("out_of_hours", "named"),
    [("wait", []), ("pass-time-limited", []), ("substitute:ben", []), ("substitute:gone", ["it"])],
)
def test_out_of_hours_a_folder_may_wait_but_a_missing_substitute_is_told(known: Engine, out_of_hours: str, named: list[str]) -> None:
    with db.transaction(known) as session:
        coverage.set_away(session, "ita", LATER, by=IDA, now=NOW)
        assert folders_without_staff(session, replace(NIGHT, departments=(f"it={out_of_hours}",))) == named


def test_the_night_duty_reaches_the_folder_out_of_hours_only(known: Engine) -> None:
    night = replace(NIGHT, out_of_hours="substitute:ben")
    evening = NOW.replace(hour=20, minute=30)
    with db.read_transaction(known) as session:
        assert coverage.with_night_duty(session, BEN, night, NOW).scope.words() == ["department:it", "department:legal"]
        assert coverage.with_night_duty(session, BEN, night, evening) == BEN
        assert coverage.with_night_duty(session, ANA, night, NOW) == ANA


def test_a_person_s_folder_may_have_a_policy_of_its_own(known: Engine) -> None:
    night = replace(NIGHT, departments=("it=pass-time-limited",), people=("Joe.Fern = wait", "mara.berg=substitute:ita"))
    passes = {
        (department, person): coverage.passes_time_limited(night, department, person, NOW)
        for department, person in (("it", ""), ("it", "ann"), ("it", "joe.fern"), ("legal", "mara.berg"))
    }
    assert passes == {("it", ""): True, ("it", "ann"): True, ("it", "joe.fern"): False, ("legal", "mara.berg"): False}
    with db.read_transaction(known) as session:
        ita = staff_members.find_staff_actor(session, "ita", NOW)
        assert ita
        assert coverage.with_night_duty(session, ita, night, NOW).scope.words() == ["department:it", "person:mara.berg"]


def test_only_administrators_say_that_somebody_else_is_away(known: Engine) -> None:
    with db.transaction(known) as session:
        coverage.set_away(session, "ben", LATER, by=BEN, now=NOW)
        with pytest.raises(NotAllowed):
            coverage.set_away(session, "ita", LATER, by=BEN, now=NOW)
        of_legal, of_it = (Actor.person("ines", Role.ADMIN, Scope(departments=frozenset({code}))) for code in ("legal", "it"))
        with pytest.raises(NotAllowed, match="an administrator whose scope covers theirs"):
            coverage.set_away(session, "ita", LATER, by=of_legal, now=NOW)
        coverage.set_away(session, "ita", LATER, by=of_it, now=NOW)
        with pytest.raises(NotFound):
            coverage.set_away(session, "nobody", LATER, by=IDA, now=NOW)
        with pytest.raises(BadInput, match="until: name a time in the future"):
            coverage.set_away(session, "ben", NOW, by=BEN, now=NOW)


def test_what_perishes_passes_out_of_hours_where_the_folder_says_so(known: Engine, settings: Settings) -> None:
    author = "login@supplier.example"
    said = arriving.summary(author, "Your Supplier sign-in code", text="Your code is 123456. It expires in 10 minutes.")
    settings = replace(settings, coverage=replace(NIGHT, departments=("it=pass-time-limited",)))
    with db.transaction(known) as session:
        envelope = arriving.envelope("it+joe.fern@company.example", "legal+mara.berg@company.example", reverse_path=author)
        proven = arriving.authentication(author, DMARC_PASS)
        for one in intake.receive_message(session, envelope, b"a code", proven, said, settings=settings, now=NOW):
            row = session.get_one(Delivery, one)
            assert (row.rule, row.state) == (("out-of-hours", "queued") if row.department == "it" else ("first-contact", "held"))
