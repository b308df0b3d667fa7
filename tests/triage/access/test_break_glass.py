"""Break-glass: the printed code opens a break-glass account once, for an hour; nothing else does, and administrators get a notice."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import IDA, NOW
from triage.access import accounts, api_tokens, break_glass, external_accounts, staff_login
from triage.access.accounts import Account
from triage.access.api_tokens import TokenOrder
from triage.access.external_accounts import Proof
from triage.access.staff_login import TooManyFailures
from triage.actor import EVERYTHING, Actor, Role
from triage.config.identity_providers import Provider
from triage.errors import BadInput, NotAllowed
from triage.notifications.break_glass_alerts import find_opened_accounts
from triage.store.db import read_transaction, transaction
from triage.store.models.sign_in import ExternalIdentity

PROVIDER = Provider("company", "https://id.company.example", "mailroom", groups=("crew => triage company",), link_by_login=True)
PROOF = Proof(PROVIDER.issuer, "sub-rescue", "rescue", "Rescue", frozenset({"crew"}))
LASTS, IDLE = timedelta(hours=12), timedelta(hours=10)


def open_with(engine: Engine, first: str, second: str, client: str = "192.0.2.1") -> str:
    """The key of the session; "" when the code is wrong."""
    with transaction(engine) as session:
        attempt = staff_login.begin_attempt(session, "rescue", client, now=NOW, by_code=True)
        opened = break_glass.open_account(session, attempt, first, second, lasts=LASTS, now=NOW)
        return opened[1] if opened else ""


@pytest.fixture
def halves(sqlite_engine: Engine) -> tuple[str, str]:
    """The code of a break-glass account."""
    with transaction(sqlite_engine) as session:
        accounts.add_account(session, Account("rescue", "", "admin", ("company",)), "a hash", by=IDA, now=NOW)
        return break_glass.prepare_break_glass(session, "rescue", by=IDA, now=NOW)


def test_both_halves_open_it_once_in_any_order_and_administrators_are_told(sqlite_engine: Engine, halves: tuple[str, str]) -> None:
    first, second = halves
    for wrong in ((first, first), (first, ""), ("", ""), (second.upper(), "x")):
        assert open_with(sqlite_engine, *wrong) == ""
    key = open_with(sqlite_engine, second.upper().replace("-", " "), first)
    assert key
    assert open_with(sqlite_engine, first, second) == "", "it is good once"
    with read_transaction(sqlite_engine) as session:
        assert [one.words for one in find_opened_accounts(session, NOW)] == [
            "Somebody opened the break-glass account rescue with its printed code, from 192.0.2.1."
        ]
        assert list(find_opened_accounts(session, NOW + timedelta(days=2))) == []
        for after, good in ((timedelta(minutes=59), True), (timedelta(minutes=60), False)):
            found = staff_login.resume_session(session, key, lasts=LASTS, idle=IDLE, now=NOW + after)
            assert (found is not None) is good


def test_no_password_counts_for_it(sqlite_engine: Engine, halves: tuple[str, str]) -> None:
    with transaction(sqlite_engine) as session:
        attempt = staff_login.begin_attempt(session, "rescue", "192.0.2.1", now=NOW)
    assert not staff_login.verify_password(attempt, "".join(halves))
    assert not staff_login.verify_password(attempt, "")


def test_only_who_administers_the_company_can_have_a_code(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        accounts.add_account(session, Account("nora", "", "triage", ("company",)), "a hash", by=IDA, now=NOW)
        with pytest.raises(BadInput, match="does not administer the whole company"):
            break_glass.prepare_break_glass(session, "nora", by=IDA, now=NOW)


def test_no_provider_opens_it_even_after_its_code_was_used(sqlite_engine: Engine, halves: tuple[str, str]) -> None:
    assert open_with(sqlite_engine, *halves)
    with transaction(sqlite_engine) as session:
        with pytest.raises(NotAllowed, match="only its printed code opens it"):
            external_accounts.admit_identity(session, PROVIDER, PROOF, now=NOW)
        with pytest.raises(BadInput, match="only its printed code opens it"):
            external_accounts.link_identity(session, "rescue", PROVIDER, "sub-rescue", by=IDA, now=NOW)
        session.add(ExternalIdentity(issuer=PROVIDER.issuer, sub=PROOF.sub, provider="company", login="rescue", linked_at=NOW, seen_at=NOW))
    with transaction(sqlite_engine) as session:
        assert "only its printed code opens it" in external_accounts.admit_identity(session, PROVIDER, PROOF, now=NOW).refusal


def test_nobody_gives_it_a_password(sqlite_engine: Engine, halves: tuple[str, str]) -> None:
    open_with(sqlite_engine, *halves)
    with transaction(sqlite_engine) as session, pytest.raises(BadInput, match="print a new code"):
        accounts.set_password(session, "rescue", "a hash", by=IDA, now=NOW)


def test_identities_and_tokens_of_before_end(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        accounts.add_account(session, Account("rescue", "", "admin", ("company",)), "a hash", by=IDA, now=NOW)
        external_accounts.link_identity(session, "rescue", PROVIDER, "sub-rescue", by=IDA, now=NOW)
        by = Actor.person("rescue", Role.ADMIN, EVERYTHING, "Rescue")
        _, key = api_tokens.create_token(session, TokenOrder("nightly export", ("read",)), by=by, now=NOW)
        break_glass.prepare_break_glass(session, "rescue", by=IDA, now=NOW)
        assert api_tokens.find_token_holder(session, key, NOW) is None
        assert session.get(ExternalIdentity, (PROVIDER.issuer, "sub-rescue")) is None


def test_who_fails_elsewhere_does_not_keep_it_shut(sqlite_engine: Engine, halves: tuple[str, str]) -> None:
    for number in range(30):
        assert open_with(sqlite_engine, "wrong", "code", client=f"198.51.{number}.1") == ""
    for _ in range(staff_login.TRIES):
        assert open_with(sqlite_engine, "wrong", "code", client="203.0.113.1") == ""
    with pytest.raises(TooManyFailures):
        open_with(sqlite_engine, *halves, client="203.0.113.1")
    assert open_with(sqlite_engine, *halves)


def test_its_session_makes_no_token(sqlite_engine: Engine, halves: tuple[str, str]) -> None:
    open_with(sqlite_engine, *halves)
    by = Actor.person("rescue", Role.ADMIN, EVERYTHING, "Rescue")
    with transaction(sqlite_engine) as session, pytest.raises(NotAllowed, match="cannot create tokens"):
        api_tokens.create_token(session, TokenOrder("nightly export", ("read",)), by=by, now=NOW)
