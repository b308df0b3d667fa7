"""A database in which staff did every kind of act that makes or changes a rule, a token, an account or a mode."""

from datetime import timedelta

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import COMPANY, IDA, NOW, set_up
from triage.access import accounts, api_tokens, break_glass
from triage.access.accounts import Account
from triage.access.api_tokens import TokenOrder
from triage.access.staff_login import hash_password
from triage.actor import Actor
from triage.addressing.company import StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory, enforcement
from triage.policy import emergency
from triage.policy.rules import content_store, restore_rules, store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.store import db
from triage.store.models.rules import Rule

DAY = timedelta(days=1)
SHELL = Actor.shell("root", "")
SYNC = Actor.system("sync")
HASH = hash_password("correct horse")


def allow(value: str, **more: object) -> RuleOrder:
    """An allow rule for the whole company."""
    return RuleOrder("allow", "address", value, "company", "dmarc", **more)  # type: ignore[arg-type]


def work(engine: Engine, settings: Settings) -> None:
    """Does everything once."""
    with db.transaction(engine) as session:
        set_up(session, settings)
    for act in (make_rules, change_rules, manage_accounts, manage_tokens, set_modes, sync_again):
        with db.transaction(engine) as session:
            act(session, settings)


def make_rules(session: Session, settings: Settings) -> None:
    """Rules of each effect, some of them of one person or with an end."""
    for order in (
        allow("one@supplier.example"),
        allow("two@supplier.example", lapse_days=30),
        allow("three@supplier.example", until=NOW + 9 * DAY),
        allow("four@supplier.example"),
        RuleOrder("block", "domain", "bad.example", "company"),
        RuleOrder("block", "address", "x@bad.example", "person:joe.fern"),
        RuleOrder("hold", "address", "watch@supplier.example", "company", note="a case is open"),
        RuleOrder("redirect", "address", "bills@supplier.example", "company", to="department:it"),
        RuleOrder("hold", "content", "wires", "company", note="look twice", conditions=(("link_domain", ("pay.example",)),)),
    ):
        rules.add_rule(session, order, by=IDA, now=NOW, settings=settings)


def rule_of(session: Session, value: str) -> Rule:
    """The rule about a sender."""
    return session.scalars(select(Rule).where(col(Rule.value) == value)).one()


def change_rules(session: Session, settings: Settings) -> None:
    """Rules are changed, widened, paused, resumed, removed, restored and used."""
    one, two, four = (rule_of(session, f"{name}@supplier.example").id for name in ("one", "two", "four"))
    how = {"by": IDA, "now": NOW, "settings": settings}
    changes = {"note": "asked by phone"}
    rules.write_change(session, *rules.plan_change(session, one, changes, **how), changes, by=IDA, now=NOW)  # type: ignore[arg-type]
    rules.add_rule(session, allow("three@supplier.example"), **how)  # type: ignore[arg-type]
    wires = rule_of(session, "wires").id
    for paused in (True, False, True):
        content_store.pause_rule(session, wires, paused=paused, **how)  # type: ignore[arg-type]
    for number in (one, four):
        rules.remove_rule(session, number, by=IDA, now=NOW)
    planned = restore_rules.plan_restore(session, [one], **how)  # type: ignore[arg-type]
    restore_rules.write_restore(session, planned, confirmed=(), **how)  # type: ignore[arg-type]
    rules.count_uses(session, [one, two, two], NOW + DAY)
    rules.prolong_rules(session, ["two@supplier.example"], NOW + DAY)


def manage_accounts(session: Session, settings: Settings) -> None:
    """Accounts are added, changed, prepared as break-glass accounts and removed."""
    for login in ("ida", "lea", "max", "eve"):
        accounts.add_account(session, Account(login, login.title(), "admin", ("company",)), HASH, by=SHELL, now=NOW)
    accounts.set_password(session, "lea", hash_password("another horse"), by=SHELL, now=NOW)
    accounts.give_rights(session, "lea", ("hunt",), by=SHELL, now=NOW)
    accounts.remove_account(session, "max", by=SHELL, now=NOW)
    break_glass.prepare_break_glass(session, "eve", by=SHELL, now=NOW)


def manage_tokens(session: Session, settings: Settings) -> None:
    """Makes three tokens: one is revoked, one used."""
    made = [
        api_tokens.create_token(session, TokenOrder(name, ("read",), ("company",), None), by=SHELL, now=NOW)[0].id
        for name in ("monitoring", "old", "tickets")
    ]
    api_tokens.revoke_token(session, made[1], by=SHELL, now=NOW)
    api_tokens.touch_token(session, made[2], "192.0.2.7", now=NOW)


def set_modes(session: Session, settings: Settings) -> None:
    """Steps now and later, one forgotten again; an emergency that was closed, and one that is open."""
    for scope, step in (
        ("", "hold-dangerous"),
        ("", "hold-unknown"),
        ("department:it", "record-only"),
        ("person:joe.fern", "hold-everything"),
    ):
        enforcement.set_step(session, scope, step, by=SHELL, reason="roll-out", now=NOW)
    enforcement.set_step(session, "department:legal", "hold-unknown", by=SHELL, reason="next week", now=NOW, starts_at=NOW + 7 * DAY)
    enforcement.set_step(session, "department:it", None, by=SHELL, reason="as before", now=NOW)
    emergency.open_emergency(session, NOW + DAY, by=SHELL, reason="storm", now=NOW)
    emergency.close_emergency(session, by=SHELL, now=NOW)
    emergency.open_emergency(session, NOW + DAY, by=SHELL, reason="storm again", now=NOW)


def sync_again(session: Session, settings: Settings) -> None:
    """The directory names another staff member, and one of before no more."""
    staff = (COMPANY.staff[0], StaffEntry("tom", "Tom Reed", "triage", ("department:legal",)))
    wanted = type(COMPANY)(COMPANY.departments, COMPANY.people, staff=staff, postmaster=COMPANY.postmaster)
    directory.apply_directory(session, wanted, settings.company, by=SYNC, now=NOW, confirmed=True)
