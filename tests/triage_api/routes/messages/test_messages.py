"""A message over HTTP: what was found out, the harmless view, the headers, and downloads that go in the audit log."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage.arriving import DMARC_PASS, NOW, authentication, envelope
from tests.triage_api.conftest import Browser, NewBrowser
from triage import ids
from triage.compliance.audit.audit_log import number_of_acts
from triage.config.settings import Settings
from triage.ids import format_id
from triage.intake import receive as intake
from triage.message.codes.code_links import add_codes
from triage.message.preview.preview_document import FRAME_HEADERS
from triage.message.summary import Summary, make_summary
from triage.runtime.sandbox_pool import Overrun, Pool
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message as StoredMessage
from triage_api.routes.messages.messages import safe_name

FROM = {"from": "192.0.2.9"}
AUTHOR = "sales@supplier.example"
RAW = b"""Received: from x\r
From: "Sales \xe2\x80\xae" <sales@supplier.example>\r
To: it+joe.fern@company.example\r
Reply-To: other@else.example\r
Subject: Offer \x1b[31mred\r
Message-ID: <m1@supplier.example>\r
List-Id: <news.supplier.example>\r
Date: Tue, 24 Nov 2026 09:30:00 +0000\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/html\r
\r
<p>See <a href="http://evil.example/x">https://bank.example</a><script>alert(1)</script><img src="http://pixel.example/1.png">\r
--b\r
Content-Type: application/x-evil; name=x\r
Content-Disposition: attachment; filename="../../in\\"voice;.pdf.exe"\r
Content-Transfer-Encoding: base64\r
\r
aGVsbG8=\r
--b--\r
"""


@pytest.fixture
def message(app: FastAPI, engine: Engine, api_settings: Settings) -> str:
    """The id of a message with a lying link, a remote picture, a script and an attachment."""
    with transaction(engine) as session:
        (delivery_id,) = intake.receive_message(
            session,
            envelope(reverse_path=AUTHOR),
            RAW,
            authentication(AUTHOR, DMARC_PASS),
            make_summary(RAW),
            settings=api_settings,
            now=NOW,
        )
        return format_id(session.get_one(Delivery, delivery_id).message_id)


def acts(engine: Engine, message: str) -> list[tuple[str, str, dict[str, object]]]:
    """Entries of the audit log about the message: actor, act and details."""
    with transaction(engine) as session:
        found = session.scalars(select(AuditRecord).where(col(AuditRecord.subject) == f"message:{message}"))
        return [(one.by, one.act, one.detail) for one in found if one.act != "receive"]


def test_a_message_in_full(ana: Browser, message: str) -> None:
    found = ana.get(f"/messages/{message}").json()
    assert {name: found[name] for name in ("id", "size", "author", "reverse_path", "client", "helo", "tls", "to", "reply_to")} == {
        "id": message,
        "size": len(RAW),
        "author": AUTHOR,
        "reverse_path": AUTHOR,
        "client": "192.0.2.1",
        "helo": "mx.supplier.example",
        "tls": "",
        "to": ["it+joe.fern@company.example"],
        "reply_to": ["other@else.example"],
    }
    assert (found["message_id_field"], found["list_id"], found["date"]) == (
        "m1@supplier.example",
        "news.supplier.example",
        "Tue, 24 Nov 2026 09:30:00 +0000",
    )
    assert "\x1b" not in found["subject"]
    assert found["parsed"]
    assert (found["authentication"]["proof"], found["authentication"]["dmarc"]["policy"]) == ("dmarc", "reject")
    assert found["authentication"]["sentence"] == "Really from supplier.example: DMARC passes (DKIM)."
    (link,) = found["links"]
    assert (link["number"], link["text"], link["target"], link["host"]) == (
        1,
        "https://bank.example",
        "http://evil.example/x",
        "evil.example",
    )
    assert link["warnings"] == ["Link text and target differ: shows bank.example, opens evil.example."]
    (attachment,) = found["attachments"]
    assert (attachment["number"], attachment["size"], attachment["media_type"]) == (1, 5, "application/x-evil")
    assert found["hidden_pictures"] == 1
    assert [one["message_id"] for one in found["deliveries"]] == [message]


@pytest.mark.parametrize("mode", ["html", "text"])
def test_the_view_is_harmless_and_shut_in(ana: Browser, message: str, mode: str) -> None:
    page = ana.get(f"/messages/{message}/view?mode={mode}")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert {name: page.headers[name] for name in FRAME_HEADERS} == dict(FRAME_HEADERS)
    assert "https://bank.example" in page.text
    for word in ("<script", "alert", "http://pixel.example", "href="):
        assert word not in page.text


def test_an_unknown_mode(ana: Browser, message: str) -> None:
    assert ana.get(f"/messages/{message}/view?mode=raw").json()["field"] == "mode"


def test_a_message_that_kills_its_reader_still_has_a_page(ana: Browser, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def overrun(*_: object, **__: object) -> bytes:
        raise Overrun("it took more than 10 s")

    monkeypatch.setattr(Pool, "run", overrun)
    page = ana.get(f"/messages/{message}/view")
    assert (page.status_code, "cannot be shown" in page.text) == (200, True)
    assert page.headers["content-security-policy"] == FRAME_HEADERS["Content-Security-Policy"]
    assert [link["host"] for link in ana.get(f"/messages/{message}").json()["links"]] == ["evil.example"]
    assert ana.get(f"/messages/{message}/attachments/1").status_code == 404


def test_the_links_of_codes_stand_behind_those_of_the_text_and_name_their_picture(ana: Browser, engine: Engine, message: str) -> None:
    with transaction(engine) as session:
        stored = session.get_one(StoredMessage, ids.parse_id(message))
        summary = add_codes(Summary.from_json(stored.summary), [("scan.png", "https://login.evil.example/a")]).as_json()
        stored.record = replace(stored.record, summary=summary)
    for gone in (False, True):
        if gone:
            with transaction(engine) as session:
                session.execute(update(Content).values(zstd=None, erased_at=NOW))
        links = ana.get(f"/messages/{message}").json()["links"]
        assert [(one["number"], one["host"], one["code_in"]) for one in links] == [
            (1, "evil.example", ""),
            (2, "login.evil.example", "scan.png"),
        ]


def test_the_headers_have_no_control_characters(ana: Browser, message: str) -> None:
    text = ana.get(f"/messages/{message}/headers").json()["text"]
    assert text.splitlines()[1] == r'From: "Sales \u202e" <sales@supplier.example>'
    assert r"Subject: Offer \x1b[31mred" in text
    assert text.rstrip("\n").endswith("Content-Type: multipart/mixed; boundary=b")


def test_the_source_is_the_bytes_as_received_and_on_the_record(ana: Browser, engine: Engine, message: str) -> None:
    answer = ana.get(f"/messages/{message}/source")
    assert answer.content == RAW
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"] == f"attachment; filename=\"{message}.eml\"; filename*=UTF-8''{message}.eml"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert acts(engine, message) == [("person:ana", "source", FROM)]


def test_an_attachment_is_bytes_and_on_the_record(ana: Browser, engine: Engine, message: str) -> None:
    answer = ana.get(f"/messages/{message}/attachments/1")
    assert (answer.content, answer.headers["content-type"]) == (b"hello", "application/octet-stream")
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert "/" not in answer.headers["content-disposition"]
    ((by, act, detail),) = acts(engine, message)
    assert (by, act, detail["number"]) == ("person:ana", "attachment", 1)
    delivery = ana.get(f"/messages/{message}").json()["deliveries"][0]["id"]
    assert ana.get(f"/deliveries/{delivery}").json()["history"][-1]["sentence"] == "Attachment 1 downloaded by Ana Roth."


@pytest.mark.parametrize(("number", "status"), [("2", 404), ("0", 422), ("-1", 422), ("x", 422), ("99999999999999999999", 422)])
def test_attachments_that_are_not_there(ana: Browser, engine: Engine, message: str, number: str, status: int) -> None:
    assert ana.get(f"/messages/{message}/attachments/{number}").status_code == status
    assert acts(engine, message) == []


def test_each_fetch_is_on_the_record(ana: Browser, engine: Engine, message: str) -> None:
    with read_transaction(engine) as session:
        before = number_of_acts(session)
    assert ana.get(f"/messages/{message}").status_code == 200
    assert acts(engine, message) == []
    for path in ("/view", "/headers", "/text", "/view?mode=text"):
        assert ana.get(f"/messages/{message}{path}").status_code == 200
    assert acts(engine, message) == [("person:ana", "fetch", {"what": what} | FROM) for what in ("html", "headers", "text", "text")]
    delivery = ana.get(f"/messages/{message}").json()["deliveries"][0]["id"]
    assert ana.get(f"/deliveries/{delivery}").json()["history"][-1]["sentence"] == "Fetched by Ana Roth."
    with read_transaction(engine) as session:
        assert number_of_acts(session) == before, "nobody's screen moves for it"


def test_erased_content_is_gone(ana: Browser, engine: Engine, message: str) -> None:
    with transaction(engine) as session:
        session.execute(update(Content).values(zstd=None, erased_at=NOW))
    for path in ("/view", "/headers", "/source", "/attachments/1"):
        answer = ana.get(f"/messages/{message}{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (410, "application/problem+json")
    found = ana.get(f"/messages/{message}").json()
    assert [link["host"] for link in found["links"]] == ["evil.example"]
    assert acts(engine, message) == []


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("", "This message cannot be shown: the content of this message was erased: its retention period is over."),
        (
            "de",
            "Diese Nachricht lässt sich nicht anzeigen: der Inhalt dieser Nachricht ist gelöscht: Ihre Aufbewahrungsfrist ist abgelaufen.",
        ),
    ],
)
def test_where_a_mail_would_stand_it_is_said_why_there_is_none(
    ana: Browser, engine: Engine, message: str, language: str, says: str
) -> None:
    with transaction(engine) as session:
        session.execute(update(Content).values(zstd=None, erased_at=NOW))
    page = ana.get(f"/messages/{message}/view", params={"language": language}, headers={"Sec-Fetch-Dest": "iframe"})
    assert page.status_code == 410
    assert {name: page.headers[name] for name in FRAME_HEADERS} == dict(FRAME_HEADERS)
    assert f'<div class="note">{says}</div>' in page.text


def test_foreign_is_unknown(new_browser: NewBrowser, engine: Engine, message: str) -> None:
    ben = new_browser("ben")
    for path in ("", "/view", "/headers", "/source", "/attachments/1"):
        foreign = ben.get(f"/messages/{message}{path}")
        unknown = ben.get(f"/messages/{format_id(ids.parse_id(message) + 1)}{path}")
        assert (foreign.status_code, unknown.status_code) == (404, 404)
        assert foreign.json()["detail"].replace(message, "") == unknown.json()["detail"].replace(format_id(ids.parse_id(message) + 1), "")
    assert acts(engine, message) == []


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Übersicht 2026.xlsx", "Übersicht 2026.xlsx"),
        ("../../etc/passwd", "etc_passwd"),
        ("..", "attachment-1"),
        ("", "attachment-1"),
        ('a"b;c%d.txt', "a_b_c_d.txt"),
        (r"invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("a" * 300 + ".docx", "a" * 95 + ".docx"),
        ("C:\\x\\y.txt", "C__x_y.txt"),
        (".bashrc", "bashrc"),
    ],
)
def test_names_of_downloads(name: str, safe: str) -> None:
    assert safe_name(name, "attachment-1") == safe


def test_our_own_words_in_the_frame_are_said_in_the_language_asked_for(ana: Browser, message: str) -> None:
    for language, header in (("?language=de", "fr"), ("?language=de-AT", "en"), ("", "de")):
        asked = {"Accept-Language": header}
        assert '<span class="np">Bild nicht geladen</span>' in ana.get(f"/messages/{message}/view{language}", headers=asked).text
    for language in ("?language=en", "?language=fr"):
        assert "picture not loaded" in ana.get(f"/messages/{message}/view{language}", headers={"Accept-Language": "de"}).text


def test_the_headers_come_with_the_route_and_the_checks(ana: Browser, message: str) -> None:
    told = ana.get(f"/messages/{message}/headers").json()
    assert (told["truncated"], told["hops_left_out"], [one["ours"] for one in told["hops"]]) == (False, 0, [False, True])
    assert [one["method"] for one in told["checks"]][-1] == "DMARC"
    german = ana.get(f"/messages/{message}/headers", headers={"Accept-Language": "de"}).json()["checks"][-1]["why"]
    assert german.startswith(("Passt zum Absender", "Nichts passt"))
