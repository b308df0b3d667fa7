"""Preferences of staff for their own console: kept for the account, and deleted with it."""

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage.arriving import ANA, IDA, NOW
from triage.access import accounts, preferences
from triage.access.accounts import Account
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotAllowed
from triage.store.db import read_transaction, transaction


def test_what_is_chosen_stays_beside_what_is_chosen_later(engine: Engine) -> None:
    for choices in ({"theme": "dark", "undo_seconds": 30}, {"keys": {"release": "w"}}, {"theme": None}):
        with transaction(engine) as session:
            preferences.choose_preferences(session, choices, by=ANA)
    with read_transaction(engine) as session:
        assert preferences.chosen_preferences(session, ANA.name) == {"undo_seconds": 30, "keys": {"release": "w"}}
        assert preferences.chosen_preferences(session, IDA.name) == {}


def test_only_people_choose(engine: Engine) -> None:
    with transaction(engine) as session, pytest.raises(NotAllowed, match="console settings belong to people"):
        preferences.choose_preferences(session, {"theme": "dark"}, by=Actor("token", "7"))


def test_the_undo_time_is_ones_own(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        preferences.choose_preferences(session, {"undo_seconds": 30}, by=ANA)
    with read_transaction(engine) as session:
        assert preferences.settings_of(session, settings, by=ANA).policy.undo_seconds == 30
        assert preferences.settings_of(session, settings, by=IDA) is settings
        assert preferences.settings_of(session, settings, by=Actor("token", ANA.name)) is settings


def test_an_account_takes_its_choices_along(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        arriving.set_up(session, settings)
        accounts.add_account(session, Account("nora", "Nora Falk", "triage", ("company",)), "$argon2id$none", by=IDA, now=NOW)
        preferences.choose_preferences(session, {"theme": "dark"}, by=Actor("person", "nora"))
    with transaction(engine) as session:
        accounts.remove_account(session, "nora", by=IDA, now=NOW)
    with read_transaction(engine) as session:
        assert preferences.chosen_preferences(session, "nora") == {}
