"""A department is closed or renamed: whoever runs the house is told what still names it, and nothing when nothing does."""

import re
import subprocess
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage.arriving import ANA, COMPANY, IDA, NOW, SYNC, arrive
from triage.access import accounts, api_tokens
from triage.access.accounts import Account
from triage.access.api_tokens import TokenOrder
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, DepartmentEntry, StaffEntry
from triage.compliance import orphaned_references
from triage.config.settings import Company, Settings
from triage.directory import apply as directory
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.rules import rule_import_export
from triage.store import db

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
SALES = DepartmentEntry("sales", "Sales", "desk@company.example", ("orders",))
EVA = StaffEntry("eva", "Eva", "triage", ("department:sales", "person:joe.fern"))
LEO = StaffEntry("leo", "Leo", "triage", ("department:sales",))
CHIEF = StaffEntry("ida", "Ida Lind", "admin", ("company",))
BEFORE = replace(COMPANY, departments=(*COMPANY.departments, SALES), staff=(*COMPANY.staff, CHIEF))
AFTER = replace(BEFORE, departments=COMPANY.departments)
ALLOW = RuleOrder("allow", "address", "anna@supplier.example", "department:sales")
ON = RuleOrder("redirect", "address", "anna@supplier.example", "company", to="department:sales")


def take_over(session: Session, said: CompanyDirectory) -> None:
    directory.apply_directory(session, said, HOUSE, by=SYNC, now=NOW)


def left(session: Session) -> list[orphaned_references.Left]:
    return list(orphaned_references.find_orphans(session, HOUSE, NOW))


@pytest.mark.parametrize(
    ("orders", "found"),
    [
        ((ALLOW,), "1 rule is for department:sales, which no longer exists"),
        (
            (ALLOW, replace(ALLOW, effect="block", match="domain", value="spam.example")),
            "2 rules are for department:sales, which no longer exists",
        ),
        ((ON,), r"the rule \w{13} redirects mail to department:sales, who is nobody here"),
        ((replace(ON, to="mara.berg", recipient="orders@company.example"),), r"the rule \w{13} redirects mail that comes for orders@"),
        (
            (RuleOrder("redirect", "recipient", "orders@company.example", "company", to="mara.berg"),),
            r"redirects mail that comes for orders@",
        ),
        (
            (replace(ALLOW, scope="department:it"), replace(ON, to="mara.berg"), replace(ON, to="department:it", scope="person:joe.fern")),
            "",
        ),
    ],
)
def test_rules(sqlite_engine: Engine, settings: Settings, orders: tuple[RuleOrder, ...], found: str) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, BEFORE)
        made = [rules.add_rule(session, order, by=ANA, now=NOW, settings=settings) for order in orders]
        assert left(session) == []
        take_over(session, AFTER)
        said = left(session)
        assert [bool(re.search(found, one.found)) for one in said] == [True] * bool(found)
        for rule in made:
            rules.remove_rule(session, rule.id, by=ANA, now=NOW)
        assert left(session) == [], "what is removed is said no more"


def test_what_is_said_to_do_about_rules_makes_them_for_the_department_of_today(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, replace(BEFORE, departments=(*BEFORE.departments, replace(SALES, code="sales-east", roles=()))))
        for order in (ALLOW, replace(ALLOW, scope="department:sales-east"), replace(ALLOW, scope="company")):
            rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        take_over(session, replace(AFTER, departments=(*AFTER.departments, replace(SALES, code="sales-east", roles=()))))
        (one,) = left(session)
        lines = "".join(f"{rule_import_export.write_rule_line(rule)}\n" for rule in rules.list_rules(session, NOW, by=ANA))
        (piped,) = re.findall(r"`mailroom rules export (\| .*) \| mailroom rules import -`", one.do)
        text = subprocess.run(f"cat {piped.replace('TODAY', 'legal')}", shell=True, input=lines, capture_output=True, text=True, check=True)
        loaded = rule_import_export.load_rules(session, text.stdout, by=ANA, now=NOW, settings=settings)
        assert (loaded.made, loaded.kept) == (1, 0)
        assert sorted(rule.scope for rule in rules.list_rules(session, NOW, by=ANA)) == [
            "company", "department:legal", "department:sales", "department:sales-east",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("staff", "found", "do"),
    [
        ((LEO,), "department:sales is no more, and is in the scope of leo; leo sees no mail at all", "staff_groups"),
        ((EVA,), "department:sales is no more, and is in the scope of eva", "staff_groups"),
        ((EVA, LEO), "department:sales is no more, and is in the scope of eva, leo; leo sees no mail at all", "staff_groups"),
        (
            (replace(LEO, scope=("person:nobody",)),),
            "person:nobody is no more, and is in the scope of leo; leo sees no mail at all",
            "[[staff]]",
        ),
        ((replace(LEO, scope=("person:ines.old", "department:it")),), "", ""),
        ((replace(LEO, scope=("company",)),), "", ""),
    ],
)
def test_scopes_of_staff(sqlite_engine: Engine, staff: tuple[StaffEntry, ...], found: str, do: str) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, replace(AFTER, staff=(*AFTER.staff, *staff)))
        said = left(session)
        assert [one.found for one in said] == [found] * bool(found)
        assert all(do in one.do for one in said)


def test_an_account_and_a_token_made_here(sqlite_engine: Engine) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, BEFORE)
        accounts.add_account(session, Account("mia", "Mia", "triage", ("department:sales",)), "x", by=IDA, now=NOW)
        api_tokens.create_token(session, TokenOrder("nightly", ("read",), ("department:sales",)), by=IDA, now=NOW)
        assert left(session) == []
        take_over(session, AFTER)
        mia, token = left(session)
        assert (mia.found, "mailroom staff add" in mia.do) == (
            "department:sales is no more, and is in the scope of mia; mia sees no mail at all",
            True,
        )
        assert token.found == "the token nightly is for department:sales, which no longer exists"


def test_mail_under_a_seal(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        sealed = (ConfidentialEntry("department:sales", ("ana",)),)
        take_over(session, replace(BEFORE, sealed=sealed))
        take_over(session, replace(AFTER, sealed=sealed))
        assert left(session) == []
        take_over(session, replace(BEFORE, sealed=sealed))
        arrive(session, settings, "orders@company.example")
        take_over(session, replace(AFTER, sealed=sealed))
        (one,) = left(session)
        assert (
            one.found
            == "1 message is held in the confidential folder department:sales, which no longer exists: ana may see it, within their scope"
        )
