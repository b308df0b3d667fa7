"""Web push in a browser: Firefox asks its maker's server for an endpoint, decrypts what our role sends there, and shows it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from tests.conftest import settings_in
from tests.peers import processes
from tests.peers.browsers import firefox as firefox_peer
from tests.peers.browsers.firefox import Firefox
from tests.peers.browsers.push_service import FirefoxWire, start_firefox_wire, start_push_service
from tests.triage_api.conftest import session_key
from tests.webhooks import running_role
from tests.webui.site import Site, running
from triage.ids import format_id, new_id
from triage.notifications.webhooks import push_subscriptions
from triage.notifications.webhooks.payloads import Occurrence
from triage.store import db
from triage.store.models.notifications import PushSubscription
from triage.times import utcnow

pytestmark = [pytest.mark.peers, pytest.mark.long]  # test_web_push.py of webhooks shows the same without a browser

BOX = "[...document.querySelectorAll('label')].find((one) => one.textContent.includes('web push'))?.querySelector('input')"
WORKER = "navigator.serviceWorker.getRegistration()"
SHOWN = f"{WORKER}.then((one) => one.getNotifications()).then((all) => all.map(({{ title, body }}) => [title, body]))"
ACCOUNT = "document.querySelector('[popovertarget=me]')"
SIGN_OUT = "[...document.querySelectorAll('#me button')].find((one) => one.textContent === 'Sign out')"
WORKERS = "navigator.serviceWorker.getRegistrations().then((all) => all.length)"


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[FirefoxWire]:
    """The browser maker's server."""
    with start_push_service(tmp_path) as service, start_firefox_wire(service) as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, sqlite_template: Path, wire: FirefoxWire) -> Iterator[Site]:
    """A company with web push, and its role `webhooks`."""
    with (
        running(tmp_path, sqlite_template, replace(settings_in(tmp_path), webhooks=wire.service.settings)) as made,
        running_role.running(made.settings),
    ):
        yield made


@pytest.fixture
def firefox(site: Site, wire: FirefoxWire) -> Iterator[Firefox]:
    """Firefox in which Ana has signed in."""
    with firefox_peer.start_firefox(wire.preferences) as started:
        started.cookie("mailroom", session_key(site.engine, "ana"), "127.0.0.1")
        yield started


def subscribers(site: Site) -> list[str]:
    with db.read_transaction(site.engine) as session:
        return [one.login for one in session.scalars(select(PushSubscription))]


def public_key(site: Site) -> str:
    with db.read_transaction(site.engine) as session:
        return push_subscriptions.read_public_key(session, site.settings)


def test_a_closed_console_is_told_that_something_waits_until_the_sign_out(site: Site, wire: FirefoxWire, firefox: Firefox) -> None:
    processes.until(lambda: public_key(site), "the role has published its key")
    firefox.go(f"{site.url}/settings")
    processes.until(lambda: firefox.value(f"Boolean({BOX} && !{BOX}.disabled)"), "web push can be chosen")
    firefox.value(f"{BOX}.click()")
    processes.until(lambda: subscribers(site) == ["ana"], "it is subscribed")
    firefox.go(f"{site.url}/manifest.webmanifest")  # nobody has the console open
    event = Occurrence(format_id(new_id()), "message.reported", utcnow(), 1, "", {}, frozenset({"it"}))
    with db.transaction(site.engine) as session:
        push_subscriptions.note_event(session, event, now=utcnow())
    processes.until(lambda: wire.service.receiver.came, "a push came")
    wire.pass_on(wire.service.receiver.came[0])
    processes.until(lambda: wire.acknowledged, "Firefox has decrypted it")
    assert wire.acknowledged[0]["code"] == 100
    firefox.go(f"{site.url}/settings")
    shown = processes.until(lambda: firefox.value(SHOWN), "it is shown")
    assert shown == [["Mailroom", "A message was reported as suspicious."]]
    firefox.value(f"{ACCOUNT}.click()")
    processes.until(lambda: firefox.value(f"Boolean({SIGN_OUT})"), "the account is open")
    firefox.value(f"{SIGN_OUT}.click()")
    processes.until(lambda: firefox.value("Boolean(document.querySelector('input[type=password]'))"), "the sign-in page")
    assert (subscribers(site), firefox.value(WORKERS)) == ([], 0)
