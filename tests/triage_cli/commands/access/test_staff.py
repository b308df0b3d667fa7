"""Accounts from a shell: made, listed, changed, and used to sign in."""

import io
import json

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import NOW
from tests.triage_cli.conftest import Shell
from triage.access import staff_login
from triage.access.second_factor import authenticator_app, factor_policy
from triage.actor import Actor
from triage.store import db

PASSWORD = "four words from nowhere"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\nnext line"))


def proves(engine: Engine, login: str, password: str) -> bool:
    with db.transaction(engine) as session:
        attempt = staff_login.begin_attempt(session, login, "192.0.2.1", now=NOW)
    return staff_login.verify_password(attempt, password)


@pytest.mark.usefixtures("typed")
def test_an_account_from_its_making_to_its_end(shell: Shell, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shell("staff", "add", "Nora", "--name", "Nora Falk", "--role", "admin", "--scope", "company", "--password-stdin")
    assert (made.code, made.out) == (0, "nora can sign in\n")
    row = next(one for one in json.loads(shell("staff", "list", "--json").out) if one["login"] == "nora")
    told = {"login": "nora", "name": "Nora Falk", "role": "admin", "scope": "company", "rights": ""}
    assert row == told | {"source": "local", "away": "", "sessions": 0}
    assert shell("staff", "rights", "nora", "remove-delivered").code == 0
    assert "remove-delivered" in shell("staff", "list").out
    assert shell("staff", "rights", "nora", "everything").code == 2
    assert proves(engine, "nora", PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO("quite another sentence\n"))
    assert shell("staff", "password", "nora", "--password-stdin").code == 0
    assert (proves(engine, "nora", PASSWORD), proves(engine, "nora", "quite another sentence")) == (False, True)
    assert shell("staff", "sign-out", "nora").out == "0 sessions ended\n"
    last = shell("staff", "remove", "nora")
    assert (last.code, "nora is the only administrator of the whole company" in last.err) == (1, True)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert shell("staff", "add", "nils", "--role", "admin", "--scope", "company", "--password-stdin").code == 0
    assert shell("staff", "remove", "nora").code == 0
    assert not proves(engine, "nora", "quite another sentence")


def test_a_lost_phone_is_forgotten(shell: Shell, engine: Engine) -> None:
    secret = authenticator_app.make_secret()
    code = authenticator_app.generator_of(secret).generate(int(NOW.timestamp())).decode()
    with db.transaction(engine) as session:
        authenticator_app.store_app(session, "ana", secret, code, by=Actor.system("test"), now=NOW)
    gone = shell("staff", "reset-second-factor", "ana")
    assert (gone.code, gone.out.startswith("1 second factor removed; ana signs in without one")) == (0, True)
    with db.read_transaction(engine) as session:
        assert not factor_policy.has_factor(session, "ana")
    assert shell("staff", "reset-second-factor", "nobody").code == 1


@pytest.mark.parametrize(
    ("words", "password", "code", "why"),
    [
        (("add", "nora", "--scope", "company"), "short", 2, "the password has fewer than 12 characters; choose another"),
        (("add", "ana", "--scope", "company"), PASSWORD, 2, "the directory already makes ana staff"),
        (("add", "nora", "--scope", "department:hr"), PASSWORD, 2, "there is no department “hr”"),
        (("password", "ana"), PASSWORD, 2, "ana comes from the directory"),
        (("password", "nobody"), PASSWORD, 1, "there is no staff account “nobody”"),
    ],
)
def test_what_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], password: str, code: int, why: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    said = shell("staff", *words, "--password-stdin")
    assert said.code == code
    assert why in said.err


def test_where_the_directorys_passwords_count_there_are_no_others(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_API__SIGN_IN", "directory")
    said = shell("staff", "add", "nora", "--scope", "company", "--password-stdin")
    assert (said.code, "staff do not sign in with passwords kept here" in said.err) == (2, True)
