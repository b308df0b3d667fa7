"""Preferences of staff for their own console, stored with the account."""

from dataclasses import replace
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotAllowed
from triage.say import say
from triage.store import db
from triage.store.models.staff import Preference, SavedSearch


def chosen_preferences(session: Session, login: str) -> dict[str, Any]:
    """Returns the preferences that a staff member has chosen, by name; defaults are left out."""
    row = session.get(Preference, login)
    return dict(row.chosen) if row else {}


def choose_preferences(session: Session, choices: dict[str, Any], *, by: Actor) -> dict[str, Any]:
    """Choose these, and leave the others; None is the company's own way again. All choices as they are now."""
    if by.kind != "person":
        raise NotAllowed(say("console settings belong to people: a token has none"))
    db.insert_if_missing(session, Preference, login=by.name, chosen={})
    row = session.get_one(Preference, by.name, with_for_update=True, populate_existing=True)
    row.chosen = {name: value for name, value in {**row.chosen, **choices}.items() if value is not None}
    return dict(row.chosen)


def forget_preferences(session: Session, login: str) -> None:
    """The account is gone, and its choices with it; a search that it shared stays where others use it."""
    session.execute(delete(SavedSearch).where(col(SavedSearch.owner) == f"person:{login}", col(SavedSearch.shared_with) == ""))
    if row := session.get(Preference, login):
        session.delete(row)


def settings_of(session: Session, settings: Settings, *, by: Actor) -> Settings:
    """The settings as they are for this person: what they release waits as long as they chose."""
    seconds = chosen_preferences(session, by.name).get("undo_seconds") if by.kind == "person" else None
    return settings if seconds is None else replace(settings, policy=replace(settings.policy, undo_seconds=seconds))
