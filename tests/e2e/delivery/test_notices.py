"""Bounces of a real Postfix behind Mailroom, and the notices that real senders get or must never get."""

import email
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import policy
from email.message import Message
from pathlib import Path
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, choose, sign_in
from tests.e2e.console.test_main_job import unique
from tests.peers import company, outside, processes
from tests.peers.mail import dovecot as dovecot_peer, next_hop, postfix
from tests.peers.outside import OutsideMessage

pytestmark = [pytest.mark.peers, pytest.mark.long]

SEAL = outside.Domain(company.DOMAIN)
INNER = """
transport_maps = regexp:{{
  {{ /^bounce\\+/ smtp:[127.0.0.1]:{door} }}
  {{ /^ada\\.byron@/ smtp:[127.0.0.1]:{refuser} }}
  {{ /./ lmtp:inet:127.0.0.1:{store} }} }}
smtpd_recipient_restrictions =
  check_recipient_access inline:{{ {{ hanne.dahl@company.example = 550 5.1.1 unknown at store.inner.company.example }} }},
  permit
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A company whose inner Postfix takes mail for everybody, and the supplier's Postfix, which gets what we send out."""

    house: House
    supplier: postfix.Server

    def find_notices(self, marker: str) -> list[Message]:
        """Messages that the supplier got about a subject."""
        return [email.message_from_bytes(raw, policy=policy.SMTP) for raw in self.supplier.bounces() if marker.encode() in raw]

    def wait_for_notice(self, marker: str) -> Message:
        """The one message that the supplier got about a subject, once it is there."""
        (found,) = processes.until(lambda: self.find_notices(marker), "the sender is told", log=self.house.company.log)
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, dovecot: dovecot_peer.Server) -> Iterator[Site]:
    directory: Path = tmp_path_factory.mktemp("notices")
    door = processes.free_port()
    (directory / "arc.pem").write_bytes(outside.private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with (
        pytest.MonkeyPatch.context() as patch,
        next_hop.next_hop() as refuser,
        postfix.start_postfix(door, outside.SUPPLIER.name) as supplier,
        postfix.start_postfix(
            door, company.DOMAIN, INNER.format(door=door, refuser=refuser.url.rpartition(":")[2], store=dovecot.lmtp_port)
        ) as inner,
    ):
        refuser.answer("RCPT", *["550 5.2.1 the mailbox is closed"] * 50)
        for name, value in {
            "SMARTHOST": f"smtp://127.0.0.1:{supplier.port}",
            "ARC_DOMAIN": company.DOMAIN,
            "ARC_SELECTOR": outside.SELECTOR,
            "ARC_KEY_FILE": str(directory / "arc.pem"),
        }.items():
            patch.setenv(f"MAILROOM_RELAY__{name}", value)
        patch.setenv("MAILROOM_NOTICES__DELAY", "1")
        where = f"smtp://127.0.0.1:{inner.port}"
        with company.running(directory, f"sqlite:///{directory}/mailroom.db", where, undo_seconds=1, smtp_port=door) as running:
            yield Site(House(running, dovecot), supplier)


def released(site: Site, letter: OutsideMessage, *, reverse_path: str | None = None) -> str:
    """A letter that was held and is released now; its delivery."""
    site.house.company.take(letter, reverse_path=reverse_path)
    with site.house.company.signed_in() as desk:
        (held,) = desk.wait_for(q=letter.subject, state="held")
        assert desk.decide("release", {"ids": [held["id"]]}).status_code == 201
    delivery: str = held["id"]
    return delivery


def story(site: Site, delivery: str, state: str) -> dict[str, Any]:
    """The delivery with its history, once it is in this state."""
    with site.house.company.signed_in() as desk:

        def found() -> dict[str, Any]:
            seen: dict[str, Any] = desk.client.get(f"/deliveries/{delivery}").json()
            return seen if seen["state"] == state else {}

        return processes.until(found, f"the delivery is {state}", log=site.house.company.log)


def test_what_the_inner_server_takes_and_refuses_later_comes_back_to_us(site: Site) -> None:
    letter = OutsideMessage(f"una@{outside.SUPPLIER.name}", f"ada.byron@{company.DOMAIN}", unique("Taken and refused"))
    delivery = released(site, letter, reverse_path="una@forged.example")  # SPF says nothing about this one
    seen = story(site, delivery, "bounced")
    assert "550 5.2.1 the mailbox is closed" in seen["last_reply"]
    acts = [one["act"] for one in seen["history"]]
    assert acts.index("deliver") < acts.index("come_back")
    (came_back,) = [one for one in seen["history"] if one["act"] == "come_back"]
    with site.house.company.signed_in() as desk:
        source = desk.client.get(f"/messages/{came_back['detail']['bounce']}/source").content
        assert b"report-type=delivery-status" in source
        assert letter.subject.encode() in source
        assert [one["id"] for one in desk.deliveries(q=letter.subject)] == [delivery]  # the bounce is no messages to triage
        assert desk.deliveries(q="Undelivered", state="held") == []
    assert site.find_notices(letter.subject) == []  # and nobody outside hears of it


def test_through_postfix_and_dovecot_signature_and_seal_verify(site: Site) -> None:
    letter = OutsideMessage(f"vic@{outside.SUPPLIER.name}", f"russell.coker@{company.DOMAIN}", unique("Signed and sealed"))
    released(site, letter)
    arrived = site.house.arrived("russell.coker", letter.subject)
    assert outside.has_signature(arrived)
    verdict, _, _ = dkim.arc_verify(arrived, dnsfunc=lambda name, timeout=5: outside.key_record().encode())
    assert verdict == b"pass"
    top = email.message_from_bytes(arrived, policy=policy.SMTP)
    assert "dmarc=pass" in str(top["ARC-Authentication-Results"])
    assert top["X-Mailroom-Message"]
    assert top["X-Mailroom-Verdict"] == "first-contact"


def test_a_proven_sender_is_told_what_a_stranger_may_know(site: Site) -> None:
    letter = OutsideMessage(f"wes@{outside.SUPPLIER.name}", f"hanne.dahl@{company.DOMAIN}", unique("Refused at once"))
    seen = story(site, released(site, letter), "bounced")
    assert seen["last_reply"].startswith("550 5.1.1")
    notice = site.wait_for_notice(letter.subject)
    assert notice["Return-Path"] == "<>"
    assert notice["Auto-Submitted"] == "auto-replied"
    assert notice.get_content_type() == "multipart/report"
    assert "Status: 5.1.1" in notice.as_string()
    assert "inner" not in notice.as_string()


def test_a_forged_sender_is_never_told(site: Site) -> None:
    forged = OutsideMessage(f"xia@{outside.SUPPLIER.name}", f"hanne.dahl@{company.DOMAIN}", unique("Forged"))
    raw = forged.raw(signed=False)
    with site.house.company.smtp() as client:
        client.sendmail(f"xia@{outside.SUPPLIER.name}.evil.example", [forged.to], raw)
    with site.house.company.signed_in() as desk:
        (held,) = desk.wait_for(q=forged.subject, state="held")
        assert desk.decide("release", {"ids": [held["id"]]}).status_code == 201
    story(site, held["id"], "bounced")
    find_notices = OutsideMessage(f"yan@{outside.SUPPLIER.name}", forged.to, unique("Proven, and later"))
    released(site, find_notices)
    site.wait_for_notice(find_notices.subject)  # whatever was to be told of the forged one would be there by now
    assert site.find_notices(forged.subject) == []


def test_rejected_in_the_browser_the_sender_reads_the_words(site: Site, page: Page) -> None:
    letter = OutsideMessage(f"zoe@{outside.SUPPLIER.name}", f"luc.moreau@{company.DOMAIN}", unique("A one-time offer"))
    site.house.company.take(letter)
    with site.house.company.signed_in() as desk:
        desk.wait_for(q=letter.subject, state="held")
    sign_in(page, site.house)
    choose(page, letter.subject)
    page.keyboard.press("n")
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("radio", name="wrong address").check()
    expect(sheet.get_by_label("Preview for the sender")).to_contain_text(f"luc.moreau@{company.DOMAIN} is not the right address")
    sheet.get_by_role("button", name="Reject 1 message").click()
    expect(page.get_by_role("status").filter(has_text="Rejected")).to_be_visible()
    notice = site.wait_for_notice(letter.subject)
    assert f"luc.moreau@{company.DOMAIN} is not the right address" in "".join(notice.as_string().split("=\n"))
    assert notice["To"] == letter.author
    with site.house.company.signed_in() as desk:
        (rejected,) = desk.wait_for(q=letter.subject, state="rejected")
        assert desk.decide("restore", {"ids": [rejected["id"]]}).status_code == 409  # told is told


def test_an_unproven_sender_cannot_be_told_no(site: Site, page: Page) -> None:
    letter = replace(OutsideMessage(f"abe@{outside.STRANGER.name}", f"luc.moreau@{company.DOMAIN}", unique("Unproven offer")))
    site.house.company.take(letter)
    with site.house.company.signed_in() as desk:
        desk.wait_for(q=letter.subject, state="held")
    sign_in(page, site.house)
    choose(page, letter.subject)
    page.keyboard.press("n")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("None of these senders can get a notice.")).to_be_visible()
    expect(sheet.get_by_text("the sender is not proven")).to_be_visible()
    expect(sheet.get_by_role("button", name="Reject 0 messages")).to_be_disabled()
