"""Subscribing to web push over HTTP: on only where the settings say so, for oneself, until the sign-out or the end of the account."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage_api.conftest import Browser, NewBrowser
from triage.access import accounts
from triage.config.settings import Settings
from triage.ids import format_id, new_id
from triage.notifications.webhooks import push_subscriptions
from triage.notifications.webhooks.payloads import Occurrence
from triage.store.db import read_transaction, transaction
from triage.store.models.notifications import PushSubscription
from triage.store.models.staff import StaffMember
from triage.times import utcnow

KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
HERE = "https://fcm.googleapis.com/fcm/send/one"
ORDER = {"endpoint": HERE, "p256dh": KEY, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}


@pytest.fixture
def api_settings(settings: Settings, database_url: str) -> Settings:
    """A company whose settings have a key for web push. The API never reads it."""
    database = replace(settings.database, url=database_url)
    return replace(settings, database=database, webhooks=replace(settings.webhooks, push_key_file="/not/for/the/api.pem"))


@pytest.fixture
def on(engine: Engine, ana: Browser) -> Browser:
    """Ana, once the role has run."""
    with transaction(engine) as session:
        push_subscriptions.publish_key(session, KEY)
    return ana


def subscribers(engine: Engine) -> list[str]:
    with read_transaction(engine) as session:
        return list(session.scalars(select(col(PushSubscription.login)).order_by(col(PushSubscription.id))))


def find_notified(engine: Engine, *departments: str) -> set[str]:
    """Logins of the browsers that a report in these departments goes to."""
    event = Occurrence(format_id(new_id()), "message.reported", utcnow(), 1, "", {}, frozenset(departments))
    with transaction(engine) as session:
        session.execute(update(PushSubscription).values(due_at=None))
        push_subscriptions.note_event(session, event, now=utcnow())
        return set(session.scalars(select(col(PushSubscription.login)).where(col(PushSubscription.due_at).is_not(None))))


def test_it_is_off_until_the_role_has_run(engine: Engine, ana: Browser) -> None:
    assert ana.get("/web-push").json() == {"key": "", "subscribed": False}
    assert ana.request("PUT", "/web-push", json=ORDER).status_code == 409
    with transaction(engine) as session:
        push_subscriptions.publish_key(session, KEY)
    assert ana.get("/web-push").json() == {"key": KEY, "subscribed": False}
    assert ana.request("PUT", "/web-push", json=ORDER).status_code == 204
    assert ana.get("/web-push").json() == {"key": KEY, "subscribed": True}
    assert ana.delete("/web-push").status_code == 204
    assert ana.get("/web-push").json() == {"key": KEY, "subscribed": False}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"endpoint": "https://inner.company.example/"}, "endpoint"),
        ({"endpoint": "http://fcm.googleapis.com/"}, "endpoint"),
        ({"p256dh": "AAAA"}, "p256dh"),
        ({"p256dh": "not base64!"}, "p256dh"),
        ({"auth": KEY}, "auth"),
    ],
)
def test_what_is_no_subscription_is_refused(engine: Engine, on: Browser, wrong: dict[str, str], field: str) -> None:
    answer = on.request("PUT", "/web-push", json=ORDER | wrong)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert subscribers(engine) == []


def test_a_browser_belongs_to_whom_it_was_last(engine: Engine, on: Browser, new_browser: NewBrowser) -> None:
    on.request("PUT", "/web-push", json=ORDER)
    ida = new_browser("ida")
    ida.request("PUT", "/web-push", json=ORDER)
    assert subscribers(engine) == ["ida"]
    for number in range(push_subscriptions.MOST + 2):
        on.request("PUT", "/web-push", json=ORDER | {"endpoint": f"{HERE}{number}"})
    assert subscribers(engine) == ["ida"] + ["ana"] * push_subscriptions.MOST


def test_it_ends_with_the_sign_out_of_this_session_only(engine: Engine, on: Browser, new_browser: NewBrowser) -> None:
    other = new_browser("ana")
    on.request("PUT", "/web-push", json=ORDER)
    other.request("PUT", "/web-push", json=ORDER | {"endpoint": f"{HERE}2"})
    assert on.delete("/session").status_code == 204
    assert subscribers(engine) == ["ana"]
    assert other.delete("/sessions").status_code == 200  # everywhere
    assert subscribers(engine) == []


def test_it_ends_with_the_account(engine: Engine, on: Browser) -> None:
    on.request("PUT", "/web-push", json=ORDER)
    with transaction(engine) as session:
        session.delete(session.get_one(StaffMember, "ana"))
        session.flush()
        accounts.delete_orphans(session)
    assert subscribers(engine) == []


def test_it_tells_whose_scope_has_the_department_and_who_is_here(engine: Engine, on: Browser, new_browser: NewBrowser) -> None:
    with read_transaction(engine) as session:
        scopes = {one.login: one.scope for one in session.scalars(select(StaffMember).where(col(StaffMember.active)))}
    for number, login in enumerate(scopes):
        new_browser(login).request("PUT", "/web-push", json=ORDER | {"endpoint": f"{HERE}{number}"})
    for department in ("it", "legal"):
        seeing = {login for login, scope in scopes.items() if {"company", f"department:{department}"} & set(scope)}
        assert find_notified(engine, department) == seeing
        assert seeing
    whole = {login for login, scope in scopes.items() if "company" in scope}
    assert find_notified(engine) == whole
    gone = sorted(whole)[0]
    with transaction(engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == gone).values(away_until=utcnow() + timedelta(hours=1)))
    assert find_notified(engine) == whole - {gone}
    with transaction(engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == gone).values(away_until=None, active=False))
    assert find_notified(engine) == whole - {gone}
