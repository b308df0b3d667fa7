"""An act that changes what somebody changed by SQL before does not hide it: its entry has what it found."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import COMPANY, IDA, NOW, SYNC
from tests.triage.compliance.audit.busy_house import HASH, SHELL, rule_of
from tests.triage.compliance.audit.test_verify_state import ANA, FOUR, IT, LEA, ONE, WIRES, changed, house as house, verified
from triage.access import accounts, api_tokens
from triage.access.accounts import Account
from triage.config.settings import Settings
from triage.directory import apply as directory, enforcement
from triage.policy import emergency
from triage.policy.rules import content_store, store as rules
from triage.store import db
from triage.store.models.staff import ApiToken


def rewrite_note(session: Session, settings: Settings) -> None:
    """Changes the note of a rule, and nothing else of its terms."""
    changes = {"note": "asked again"}
    planned = rules.plan_change(session, rule_of(session, "one@supplier.example").id, changes, by=IDA, now=NOW, settings=settings)
    rules.write_change(session, *planned, changes, by=IDA, now=NOW)


def rename_ana(session: Session, settings: Settings) -> None:
    """A sync gives an account of the directory another name."""
    staff = tuple(replace(one, name="Ana Roth-Berg") if one.login == "ana" else one for one in COMPANY.staff)
    directory.apply_directory(session, replace(COMPANY, staff=staff), settings.company, by=SYNC, now=NOW, confirmed=True)


def token_of(session: Session, name: str) -> int:
    """The id of a token."""
    return session.scalars(select(col(ApiToken.id)).where(col(ApiToken.name) == name)).one()


LATER = {  # what somebody changes by SQL, an honest act that changes the same part afterwards, and what is said
    "a rule's terms, then its note": (
        changed("rule", ONE, "risky = true"),
        rewrite_note,
        "its terms had changed before entry",
    ),
    "a rule taken back into force, then removed": (
        changed("rule", FOUR, "removed_at = NULL, removed_by = ''"),
        lambda session, _: rules.remove_rule(session, rule_of(session, "four@supplier.example").id, by=IDA, now=NOW),
        "its end had changed before entry",
    ),
    "a rule taken back into force, then removed with others": (
        changed("rule", FOUR, "removed_at = NULL, removed_by = ''"),
        lambda session, _: rules.remove_all(session, [rule_of(session, "four@supplier.example")], by=IDA, now=NOW),
        "its end had changed before entry",
    ),
    "a pause that ended, then begins": (
        changed("rule", WIRES, "paused_at = NULL"),
        lambda session, settings: content_store.pause_rule(
            session, rule_of(session, "wires").id, paused=True, by=IDA, now=NOW, settings=settings
        ),
        "its pause had changed before entry",
    ),
    "a password, then another one": (
        changed("staff_member", LEA, "password_hash = (SELECT password_hash FROM staff_member WHERE login = 'ida')"),
        lambda session, _: accounts.set_password(session, "lea", HASH, by=SHELL, now=NOW),
        "its password had changed before entry",
    ),
    "rights, then other ones": (
        changed("staff_member", LEA, "rights = '[]'"),
        lambda session, _: accounts.give_rights(session, "lea", ("hunt",), by=SHELL, now=NOW),
        "its rights had changed before entry",
    ),
    "a directory's account, then a sync that changes its name": (
        changed("staff_member", ANA, "password_hash = (SELECT password_hash FROM staff_member WHERE login = 'ida')"),
        rename_ana,
        "its password had changed before entry",
    ),
    "a role, then the account is removed": (
        changed("staff_member", LEA, "role = 'triage'"),
        lambda session, _: accounts.remove_account(session, "lea", by=SHELL, now=NOW),
        "its role or scope had changed before entry",
    ),
    "an account deleted, then added": (
        "DELETE FROM staff_member WHERE login = 'lea'",
        lambda session, _: accounts.add_account(session, Account("lea", "Lea", "admin", ("company",)), HASH, by=SHELL, now=NOW),
        "had changed before entry",
    ),
    "a token that ends later, then revoked": (
        changed("api_token", "name = 'old'", "revoked_at = NULL"),
        lambda session, _: api_tokens.revoke_token(session, token_of(session, "old"), by=SHELL, now=NOW),
        "its end had changed before entry",
    ),
    "a step, then another one": (
        changed("enforcement_step", IT, "step = 'record-only'"),
        lambda session, _: enforcement.set_step(session, "person:joe.fern", "hold-unknown", by=IDA, reason="why not", now=NOW),
        "its enforcement steps had changed before entry",
    ),
    "a deleted step, then a new one": (
        "DELETE FROM enforcement_step WHERE scope = 'department:legal'",
        lambda session, _: enforcement.set_step(session, "department:legal", "hold-unknown", by=IDA, reason="why not", now=NOW),
        "its enforcement steps had changed before entry",
    ),
    "an emergency, then its end": (
        changed("emergency", "closed_at IS NULL", "reason = 'a fire drill'"),
        lambda session, _: emergency.close_emergency(session, by=IDA, now=NOW),
        "its times had changed before entry",
    ),
}


@pytest.mark.parametrize(("statement", "act", "said"), LATER.values(), ids=LATER)
def test_no_later_act_hides_a_change_of_the_same_part(
    house: Engine, settings: Settings, statement: str, act: Callable[[Session, Settings], object], said: str
) -> None:
    """An entry has what its act found, so that a change of what the act overwrites is found too."""
    with db.transaction(house) as session:
        assert session.connection().exec_driver_sql(statement).rowcount > 0
    with db.transaction(house) as session:
        act(session, settings)
    (found,) = verified(house).differences
    assert said in found


def test_what_a_savepoint_found_goes_with_it(house: Engine) -> None:
    """An act that is taken back leaves nothing in the entry of the next one."""
    with db.transaction(house) as session:
        rule = rule_of(session, "one@supplier.example")
        with contextlib.suppress(ZeroDivisionError), session.begin_nested():
            rules.remove_rule(session, rule.id, by=IDA, now=NOW)
            raise ZeroDivisionError
        rules.remove_rule(session, rule.id, by=IDA, now=NOW)
    assert verified(house).differences == ()
