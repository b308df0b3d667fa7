"""Attachments as pictures over HTTP: pictures and nothing else, in the audit log, and words where there is none."""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from email.message import EmailMessage

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import pdfs
from tests.triage.arriving import DMARC_PASS, NOW, authentication, envelope
from tests.triage_api.conftest import Browser, opened, session_key
from triage.config.settings import Api, Settings
from triage.ids import format_id
from triage.intake import receive as intake
from triage.message.summary import make_summary
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Overrun, Pool
from triage.store.db import transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage_api.routes.messages.attachment_pages import NO_SANDBOX, OFF, TOO_MUCH, WHY

AUTHOR = "sales@supplier.example"
PDF, PROGRAM = 1, 2  # numbers of the attachments


def letter() -> bytes:
    """A message with a PDF and a program."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = AUTHOR, "it+joe.fern@company.example", "The invoice"
    made.set_content("hello")
    made.add_attachment(pdfs.pdf(pdfs.RED, pdfs.HELLO), maintype="application", subtype="pdf", filename="invoice.pdf")
    made.add_attachment(b"MZ no picture", maintype="image", subtype="png", filename="photo.png")
    return made.as_bytes()


@pytest.fixture
def message(app: FastAPI, engine: Engine, api_settings: Settings) -> str:
    """The id of that message."""
    return received(engine, api_settings)


def received(engine: Engine, settings: Settings) -> str:
    """Receive the message with attachments."""
    raw = letter()
    with transaction(engine) as session:
        proof = authentication(AUTHOR, DMARC_PASS)
        (delivery,) = intake.receive_message(
            session, envelope(reverse_path=AUTHOR), raw, proof, make_summary(raw), settings=settings, now=NOW
        )
        return format_id(session.get_one(Delivery, delivery).message_id)


@pytest.mark.peers
def test_pages_are_pictures_and_looking_is_on_the_record(ana: Browser, engine: Engine, message: str) -> None:
    sandbox.sandbox_wrapper.cache_clear()
    assert ana.get(f"/messages/{message}/attachments/{PDF}/pages").json() == {"pages": 2}
    answer = ana.get(f"/messages/{message}/attachments/{PDF}/pages/1")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    for name, value in {
        "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
        "content-disposition": "inline",
    }.items():
        assert answer.headers[name] == value, name
    assert Image.open(io.BytesIO(answer.content)).getpixel((5, 5)) == (255, 0, 0)
    with transaction(engine) as session:
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "pages")).all()
        assert [(one.by, one.subject, one.detail["number"]) for one in acts] == [("person:ana", f"message:{message}", PDF)]
        pages = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "page")).all()
        assert [(one.by, one.detail["number"], one.detail["page"]) for one in pages] == [("person:ana", PDF, 1)]


@pytest.mark.peers
@pytest.mark.parametrize(
    ("number", "page", "status"), [(PROGRAM, "", 409), (PDF, "/3", 409), (9, "", 404), (PDF, "/0", 422), (PDF, "/51", 422)]
)
def test_what_is_not_there(ana: Browser, message: str, number: int, page: str, status: int) -> None:
    sandbox.sandbox_wrapper.cache_clear()
    answer = ana.get(f"/messages/{message}/attachments/{number}/pages{page}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert number != PROGRAM or answer.json()["detail"] == WHY["unknown"]


@pytest.mark.parametrize("works", [True, False])
def test_who_is_signed_in_learns_whether_there_are_previews(ana: Browser, monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    monkeypatch.setattr(sandbox, "can_draw", lambda: works)
    told = ana.get("/me").json()
    assert (told["previews"], told["no_previews"]) == (works, "" if works else NO_SANDBOX)


def test_without_a_sandbox_it_says_so(ana: Browser, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "can_draw", lambda: False)
    for page in ("", "/1"):
        answer = ana.get(f"/messages/{message}/attachments/{PDF}/pages{page}")
        assert (answer.status_code, answer.json()["detail"]) == (503, NO_SANDBOX)


def overrun(*_: object, **__: object) -> bytes:
    raise Overrun("it took too long")


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (b"<html><script>", 409, WHY["broken"]),
        (b'{"width": 2, "height": 2}\n<svg onload=alert(1)>', 409, WHY["broken"]),
        (b'{"why": "locked"}', 409, WHY["locked"]),
        (b'{"why": "no-program"}', 503, WHY["no-program"]),
        (None, 409, TOO_MUCH),
    ],
    ids=["html", "no-pixels", "locked", "no-poppler", "too-much"],
)
def test_whatever_the_sandbox_says_only_pictures_leave(
    ana: Browser, message: str, monkeypatch: pytest.MonkeyPatch, answer: bytes | None, status: int, says: str
) -> None:
    taken = Pool.run
    monkeypatch.setattr(sandbox, "can_draw", lambda: True)

    def run(pool: Pool, raw: bytes, **options: int) -> bytes:
        if not pool.function.startswith("triage.message.preview.render_pages"):
            return taken(pool, raw, **options)
        return answer if answer is not None else overrun()

    monkeypatch.setattr(Pool, "run", run)
    for page in ("", "/1"):
        got = ana.get(f"/messages/{message}/attachments/{PDF}/pages{page}")
        assert (got.status_code, got.headers["content-type"], got.json()["detail"]) == (status, "application/problem+json", says)


@pytest.fixture
def without(api_settings: Settings, engine: Engine) -> Iterator[tuple[Browser, str]]:
    """The same company with previews switched off."""
    settings = replace(api_settings, api=Api(previews=False))
    with opened(settings, engine) as made, start_blocking_portal() as portal, ExitStack() as stack:
        browser = Browser(portal, made, "192.0.2.9")
        stack.callback(browser.close)
        browser.client.cookies.set("mailroom", session_key(engine, "ana"), domain="127.0.0.1")
        yield browser, received(engine, settings)


def test_switched_off_it_says_so(without: tuple[Browser, str]) -> None:
    browser, message = without
    assert [browser.get("/me").json()[name] for name in ("previews", "no_previews")] == [False, OFF]
    for page in ("", "/1"):
        answer = browser.get(f"/messages/{message}/attachments/{PDF}/pages{page}")
        assert (answer.status_code, answer.json()["detail"]) == (409, OFF)
