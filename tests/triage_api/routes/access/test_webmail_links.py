"""Webmail acts for the person who linked it: with their rights of that moment, for what webmail does, and until they revoke it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage import ids
from triage.access.webmail import webmail_links
from triage.actor import Actor
from triage.config.settings import Notices, Settings
from triage.ids import format_id, parse_id
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.mailboxes import MirrorCopy
from triage.store.models.sign_in import WebmailLink
from triage.store.models.staff import StaffMember
from triage.times import utcnow

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
Linked = Callable[[str], Browser]


@pytest.fixture
def api_settings(settings: Settings, sqlite_url: str) -> Settings:
    """A company whose employees may ask, on SQLite."""
    return replace(settings, database=replace(settings.database, url=sqlite_url), notices=Notices(requests=True))


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


@pytest.fixture
def linked(new_browser: NewBrowser, engine: Engine) -> Linked:
    """Webmail of a member of staff, or of an employee (`employee:UID`)."""

    def link(who: str) -> Browser:
        if not who.startswith("employee:"):
            made = new_browser(who).post("/webmail-links", {"name": "Roundcube"})
            return new_browser().with_token(made.json()["key"])
        with db.transaction(engine) as session:
            _, key = webmail_links.create_link(
                session, "Roundcube", by=Actor.employee(who.removeprefix("employee:"), "Joe Fern"), now=utcnow()
            )
        return new_browser().with_token(key)

    return link


def test_webmail_decides_and_undoes_as_who_linked_it(linked: Linked, came: Came) -> None:
    webmail, (mail,) = linked("ana"), came(JOE)
    assert webmail.get("/me").json()["login"] == "ana"
    select = {"ids": [mail]}
    sheet = webmail.post("/selections/preview", {"select": select, "verb": "release"}).json()
    made = webmail.post("/decisions", {"verb": "release", "select": select, "expect": 1, "fence": sheet["fence"]}).json()
    assert (made["by"], made["sentence"]) == ("person:ana", "Released “Your order”.")
    assert webmail.post(f"/decisions/{made['id']}/undo").json()["verb"] == "undo"


def test_webmail_does_nothing_else(linked: Linked, came: Came) -> None:
    webmail, (mail,) = linked("ida"), came(JOE)
    message = linked("ana").get("/deliveries").status_code, webmail.get(f"/deliveries/{mail}").status_code
    assert message == (403, 403)
    refused = {
        (method, path): webmail.request(method, path, json={"name": "x"} if method == "POST" else None).status_code
        for method, path in (
            ("GET", "/staff"), ("GET", "/audit"), ("POST", "/tokens"), ("POST", "/webmail-links"), ("GET", "/webmail-links"),
            ("DELETE", "/session"), ("POST", "/rules"), ("POST", "/session/lock"), ("GET", "/events"),
            ("GET", "/messages/0000000000000/source"),
        )
    }  # fmt: skip
    assert set(refused.values()) == {403}, refused


@pytest.mark.parametrize("how", ["revoked", "expired", "left", "signed out everywhere"])
def test_a_link_that_is_over_says_what_to_do(how: str, linked: Linked, new_browser: NewBrowser, engine: Engine) -> None:
    webmail, console = linked("ana"), new_browser("ana")
    (link,) = console.get("/webmail-links").json()["items"]
    with db.transaction(engine) as session:
        if how == "expired":
            session.execute(update(WebmailLink).values(expires_at=utcnow() - timedelta(seconds=1)))
        if how == "left":
            session.execute(update(StaffMember).where(col(StaffMember.login) == "ana").values(active=False))
    if how == "revoked":
        assert console.delete(f"/webmail-links/{link['id']}").status_code == 204
    if how == "signed out everywhere":
        assert console.delete("/sessions").status_code == 200
    answer = webmail.get("/me")
    assert (answer.status_code, answer.json()["detail"]) == (
        401, "This webmail is not linked to Mailroom any more: the link was revoked or has expired. Create a new one in Mailroom.",
    )  # fmt: skip


def test_one_sees_and_revokes_only_ones_own_links(linked: Linked, new_browser: NewBrowser, engine: Engine) -> None:
    linked("ana")
    ana, ida = new_browser("ana"), new_browser("ida")
    (link,) = ana.get("/webmail-links").json()["items"]
    assert (link["name"], ida.get("/webmail-links").json()["items"], "key" in link) == ("Roundcube", [], False)
    assert ida.delete(f"/webmail-links/{link['id']}").status_code == 404
    assert [ana.post("/webmail-links", {"name": "x"}).status_code for _ in range(webmail_links.MOST)] == [201] * 9 + [409]
    assert ida.post("/webmail-links", {"name": " "}).status_code == 422
    with db.read_transaction(engine) as session:
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "webmail-link")).all()
    assert {(one.by, one.detail["what"]) for one in acts} == {("person:ana", "create")}


def test_a_copy_shows_its_own_delivery_and_nothing_out_of_scope(linked: Linked, came: Came, engine: Engine) -> None:
    first, second = came(JOE, MARA, subject="To both")
    copies = {}
    with db.transaction(engine) as session:
        for one in (first, second):
            row = MirrorCopy(id=ids.new_id(), account="a", delivery_id=parse_id(one), folder="f", digest=one, alike="", placed_at=utcnow())
            session.add(row)
            copies[one] = format_id(row.id)
        message = format_id(session.get_one(Delivery, parse_id(first)).message_id)
    ana, ben = linked("ana"), linked("ben")
    shown = {
        who: [one["id"] for one in who.get(f"/webmail/messages/{message}?copy={copies[second]}").json()["deliveries"]] for who in (ana, ben)
    }
    assert list(shown.values()) == [[second], [second]]
    whole = ana.get(f"/webmail/messages/{message}").json()
    assert ([one["id"] for one in whole["deliveries"]], whole["proof_sentence"], whole["group"]) == (
        [first, second],
        whole["proof_sentence"],
        0,
    )
    assert ben.get(f"/webmail/messages/{message}?copy={copies[first]}").status_code == 404
    assert ana.get(f"/webmail/messages/{message}?copy={format_id(1)}").status_code == 404


def test_an_employees_webmail_reports_asks_and_expects(linked: Linked, came: Came, engine: Engine) -> None:
    webmail, (mail,), (foreign,) = linked("employee:joe.fern"), came(JOE, subject="Odd"), came(MARA)
    with db.read_transaction(engine) as session:
        message, other = (format_id(session.get_one(Delivery, parse_id(one)).message_id) for one in (mail, foreign))
    assert webmail.get("/me/name").json() == {"name": "Joe Fern"}
    assert webmail.get("/me").status_code == 403, "staff's"
    assert webmail.get(f"/me/deliveries?message={message}").json()["reported_at"] is None
    made = [webmail.post("/me/reports", {"message": message}) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json() == made[1].json()
    assert webmail.get(f"/me/deliveries?message={message}").json()["reported_at"]
    assert [webmail.post("/me/reports", {"message": other}).status_code, webmail.get(f"/me/deliveries?message={other}").status_code] == [
        404,
        404,
    ]
    assert webmail.post("/me/requests", {"delivery": mail, "comment": "mine"}).status_code == 201
    expected = webmail.post("/me/expected-senders", {"sender": "ann@supplier.example"}).json()["id"]
    assert [webmail.delete(f"/me/expected-senders/{expected}").status_code for _ in range(2)] == [204, 404]
    assert [webmail.delete("/me/session").status_code, webmail.post("/me/webmail-links", {"name": "x"}).status_code] == [403, 403]
    with db.read_transaction(engine) as session:
        (report,) = session.scalars(select(MailReport)).all()
    assert (report.person, report.how) == ("joe.fern", "trace field")
