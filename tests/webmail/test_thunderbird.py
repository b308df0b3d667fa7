"""The add-on in the real Thunderbird, before the real API: linked by a key, it reports the shown message and requests held ones."""

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from tests.conftest import settings_in
from tests.peers.mail import thunderbird
from tests.webui.site import JOE, Site, running
from triage.access.webmail import webmail_links
from triage.actor import Actor
from triage.config.settings import Notices
from triage.ids import format_id, parse_id
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport, MailRequest
from triage.times import utcnow
from webmail.thunderbird.build_xpi import ADDON, build_xpi

ROOT = Path(__file__).parents[2]
EMPLOYEE = Actor.employee("joe.fern", "Joe Fern")
FILL = (
    "document.getElementById('address').value = {url}; document.getElementById('key').value = {key};"
    " document.querySelector('#form button').click()"
)
PRESS = "document.getElementById('{name}').click()"
ASK = (
    "const line = [...document.querySelectorAll('#messages li')].find(one => one.textContent.includes({subject}));"
    " line.querySelector('input').value = {comment}; line.querySelector('button').click()"
)
IS_SHOWN = "return !document.getElementById('{name}').hidden"


@dataclass(frozen=True, slots=True)
class Company:
    """A company whose employee uses Thunderbird with the add-on."""

    site: Site
    program: thunderbird.Thunderbird

    def key(self) -> str:
        """A key as the page of held messages shows it once."""
        with db.transaction(self.site.engine) as session:
            return webmail_links.create_link(session, "Thunderbird", by=EMPLOYEE, now=utcnow())[1]

    def revoke(self) -> None:
        """The employee revokes all keys."""
        with db.transaction(self.site.engine) as session:
            for link in webmail_links.list_links(session, by=EMPLOYEE, now=utcnow()):
                webmail_links.revoke_link(session, link.id, by=EMPLOYEE, now=utcnow())

    def link(self, key: str, sentence: str = "Create a key in Mailroom") -> None:
        """Paste a key into the add-on's settings, once they show this sentence."""
        self.program.open_options()
        self.program.says("link.html", sentence)
        self.program.page("link.html", FILL.format(url=json.dumps(self.site.url), key=json.dumps(key)))

    def reports(self) -> list[str]:
        """The subjects that were reported."""
        with db.read_transaction(self.site.engine) as session:
            return list(session.scalars(select(col(MailReport.subject))))

    def requests(self) -> list[tuple[str, str]]:
        """The deliveries that were requested, and the comments."""
        with db.read_transaction(self.site.engine) as session:
            return [(format_id(one.delivery_id), one.words) for one in session.scalars(select(MailRequest))]

    def number(self, mail: str) -> str:
        """Number of a message, as its field says it."""
        with db.read_transaction(self.site.engine) as session:
            return format_id(session.get_one(Delivery, parse_id(mail)).message_id)


@contextlib.contextmanager
def open_company(directory: Path, sqlite_template: Path, language: str) -> Iterator[Company]:
    """The company, and Thunderbird in this language."""
    build_xpi(directory / "mailroom.xpi")
    settings = replace(settings_in(directory), notices=Notices(requests=True))
    with running(directory, sqlite_template, settings) as site, thunderbird.start_thunderbird() as program:
        program.speak(language)
        program.install(directory / "mailroom.xpi")
        yield Company(site, program)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Company]:
    with open_company(tmp_path_factory.mktemp("thunderbird"), sqlite_template, "en-US") as opened:
        yield opened


def message(subject: str, number: str, identifier: str = "") -> bytes:
    """A message as it lies in the mailbox."""
    field = f"X-Mailroom-Message: {number}\r\n" if number else ""
    head = f"{field}Message-ID: <{identifier or subject}@inn.example>\r\nFrom: hotel@inn.example\r\nTo: {JOE}\r\nSubject: {subject}\r\n"
    return f"{head}\r\nHello\r\n".encode()


@pytest.mark.peers
def test_an_employee_links_reports_and_is_told_when_the_link_ends(company: Company) -> None:
    program = company.program
    (mail,) = company.site.come(JOE, author="hotel@inn.example", raw=message("room", ""), subject="room")
    shown = message("room", company.number(mail))
    program.show(shown)
    program.says("message.html", "This Thunderbird is not linked with Mailroom.")
    assert program.hosts() == [], "no host may be reached before it is linked"
    company.link(f"{company.key()[:-4]}zzzz")
    program.says("link.html", "Mailroom does not know this key.")
    assert program.hosts() == [], "a link that failed gives the permission back"
    company.link(company.key())
    program.says("link.html", "Linked as Joe Fern")
    assert program.hosts() == ["http://127.0.0.1/*"], "only the company's address"
    program.show(shown)
    program.says("message.html", "Report as suspicious")
    program.page("message.html", PRESS.format(name="held"))
    program.says("message.html", "Request release")
    if os.environ.get("MAILROOM_PICTURES"):
        program.draw("message.html", ROOT / "docs" / "pictures" / "thunderbird.png")
    assert (company.reports(), company.requests()) == ([], []), "showing it does nothing"
    program.page("message.html", PRESS.format(name="report"))
    program.says("message.html", "Reported. Staff review it")
    assert company.reports() == ["room"]
    program.page("message.html", ASK.format(subject=json.dumps("room"), comment=json.dumps("my booking")))
    program.says("message.html", "Requested. Staff will review it.")
    assert company.requests() == [(mail, "my booking")]
    program.show(shown)
    program.says("message.html", "You have reported this message.")
    for other, says in (
        (message("another", company.number(mail)), "This is not the message that Mailroom delivered to you."),
        (message("room", ""), "This message did not come to you through Mailroom."),
        (message("room", "0000000000007"), "This message did not come to you through Mailroom."),
    ):
        program.show(other)
        program.says("message.html", says)
        assert program.page("message.html", IS_SHOWN.format(name="report")) is False
    company.revoke()
    program.show(shown)
    program.says("message.html", "The link has ended.")
    assert program.page("message.html", IS_SHOWN.format(name="link")) is True
    assert company.reports() == ["room"]


@pytest.mark.peers
@pytest.mark.long
def test_it_speaks_german(tmp_path: Path, sqlite_template: Path) -> None:
    with open_company(tmp_path, sqlite_template, "de") as company:
        program = company.program
        (mail,) = company.site.come(JOE, author="hotel@inn.example", raw=message("Zimmer", ""), subject="Zimmer")
        shown = message("Zimmer", company.number(mail))
        program.show(shown)
        program.says("message.html", "Dieses Thunderbird ist nicht mit Mailroom verbunden.")
        company.link(company.key(), "Erstellen Sie in Mailroom einen Schlüssel")
        program.says("link.html", "Verbunden als Joe Fern")
        program.show(shown)
        program.says("message.html", "Als verdächtig melden")
        program.page("message.html", PRESS.format(name="held"))
        program.says("message.html", "Freigabe anfordern")
        program.page("message.html", PRESS.format(name="report"))
        program.says("message.html", "Gemeldet. Das Team prüft sie")


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.xpi", "two.xpi"):
        build_xpi(tmp_path / name)
    assert (tmp_path / "one.xpi").read_bytes() == (tmp_path / "two.xpi").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.xpi") as archive:
        assert "manifest.json" in archive.namelist()
        assert not [one for one in archive.namelist() if one.endswith(".py")]


def words(language: str) -> dict[str, Any]:
    """The sentences of a language."""
    found: dict[str, Any] = json.loads((ADDON / "_locales" / language / "messages.json").read_text("utf-8"))
    return found


def test_each_sentence_is_there_in_german_and_used() -> None:
    assert words("en").keys() == words("de").keys()
    sources = "".join(path.read_text("utf-8") for path in ADDON.glob("*.*s*") if path.suffix in (".js", ".json", ".html"))
    sources += "".join(path.read_text("utf-8") for path in ADDON.glob("*.html"))
    unused = [name for name in words("en") if not any(form in sources for form in (f"'{name}'", f'"{name}"', f"__MSG_{name}__"))]
    assert unused == []
