"""The real app with its console on a free port of this machine, a small company behind it, and mail that comes in as it does there."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import FastAPI
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from tests.peers import processes
from tests.triage import arriving
from tests.triage_api.conftest import PASSWORD, opened, session_key
from triage import ids
from triage.access.staff_login import Prover
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.message import summary
from triage.message.authentication import Dmarc
from triage.message.summary import Summary
from triage.store import db
from triage.times import utcnow
from triage_api import app as api

__all__ = ["PASSWORD", "Site", "running"]
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


@dataclass(frozen=True, slots=True)
class Site:
    """A running console and what is behind it."""

    url: str
    engine: Engine
    settings: Settings
    app: FastAPI

    def come(
        self,
        *recipients: str,
        author: str = "sales@supplier.example",
        subject: str = "Your order",
        dmarc: Dmarc = arriving.DMARC_PASS,
        text: str = "Hello",
        raw: bytes | None = None,
    ) -> tuple[str, ...]:
        """A message comes in now; the ids of its deliveries. A text of its own may make it part of a campaign."""
        raw = raw or f"From: Sales <{author}>\r\nTo: {', '.join(recipients)}\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()
        said = summary.make_summary(raw)
        if text == "Hello":
            said = replace(said, fingerprint="")
        proof = arriving.authentication(author, replace(dmarc, domain=author.rpartition("@")[2]) if dmarc.domain else dmarc)
        return self.receive(recipients or (JOE,), author, raw, said, proof)

    def receive(self, recipients: tuple[str, ...], author: str, raw: bytes, said: Summary, proof: object) -> tuple[str, ...]:
        """As the judge enters it."""
        with db.transaction(self.engine) as session:
            came = replace(arriving.envelope(*recipients, reverse_path=author), received_at=utcnow())
            made = intake.receive_message(session, came, raw, proof, said, settings=self.settings, now=utcnow())  # type: ignore[arg-type]
            return tuple(ids.format_id(one) for one in made)

    def open_console(self, page: Page, login: str = "ana", path: str = "/", *, is_new: bool = False) -> Page:
        """Open the console with a session of this login; where they are not new to it, without its first steps."""
        if not is_new:
            page.add_init_script("if (window === top && location.origin !== 'null') localStorage.setItem('mailroom.first-run', '*')")
        page.context.add_cookies([{"name": "mailroom", "value": session_key(self.engine, login), "url": self.url}])
        page.goto(self.url + path)
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        return page


def undo_by_name(page: Page) -> None:
    """A decision of before is undone as a whole: it is named first."""
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Undo all of it").click()


@contextlib.contextmanager
def running(
    directory: Path, template: Path, settings: Settings, prover: Prover | None = None, database: str = "", listen: str = "127.0.0.1:0"
) -> Iterator[Site]:
    """The console of a company in this directory, on a copy of an empty database with the schema, or on this `database.url`."""
    if not database:
        shutil.copyfile(template, directory / "mailroom.db")
        database = f"sqlite:///{directory}/mailroom.db"
    listener = api.bind_socket(listen)
    url = "http://{}:{}".format(*listener.getsockname()[:2])
    settings = replace(
        settings,
        database=replace(settings.database, url=database),
        api=replace(settings.api, listen=url.removeprefix("http://")),
    )
    engine, stop = db.open_engine(settings.database.url), threading.Event()
    with opened(settings, engine, prover) as made:
        server = threading.Thread(target=api.serve_socket, args=(made, settings, listener, stop))
        server.start()
        try:
            yield Site(url, engine, settings, made)
        finally:
            stop.set()
            server.join(processes.HANG)
    engine.dispose()
