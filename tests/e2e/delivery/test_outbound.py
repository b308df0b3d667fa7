"""Employees' mail from a real Postfix inside, through Mailroom, to a smarthost; and who may answer it."""

import contextlib
import email
import smtplib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, sign_in
from tests.e2e.console.test_main_job import unique
from tests.peers import company, outside, processes
from tests.peers.mail import next_hop, postfix
from tests.peers.outside import OutsideMessage

pytestmark = pytest.mark.peers

RUSSELL, ADA, HANNE = (f"{name}@{company.DOMAIN}" for name in ("russell.coker", "ada.byron", "hanne.dahl"))
UNA = f"una@{outside.SUPPLIER.name}"
JOURNAL = f"mailroom-journal@{company.DOMAIN}"
OUTBOUND = """
[outbound]
listen = "127.0.0.1:{port}"
networks = ["127.0.0.0/8"]
smarthost = "{smarthost}"
journal_address = "{journal}"
brake_trial_days = 0
brake_exempt = ["russell.coker"]
"""
COPYING = f"""
sender_bcc_maps = regexp:{{{{ {{{{ /@company\\.example$$/ {JOURNAL} }}}} }}}}
transport_maps = inline:{{{{ {JOURNAL}=smtp:[127.0.0.1]:{{port}} }}}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A company whose inner Postfix sends by Mailroom, and gets its people's mail from it."""

    company: company.Company
    inner: postfix.Server  # its mailboxes lie together
    smarthost: next_hop.Peer
    port: int  # of Mailroom's outbound listener

    def write(self, text: str = "", *, sender: str = RUSSELL, to: tuple[str, ...] = (UNA,), port: int = 0, **fields: str) -> bytes:
        """An employee writes a message in their mail program; its bytes."""
        letter = EmailMessage(policy=policy.SMTP)
        for name, value in {"From": sender, "To": ", ".join(to), **fields}.items():
            letter[name.replace("_", "-")] = value
        letter.set_content(text or "Please find our offer below.\r\n.\r\n")
        raw = letter.as_bytes()
        with smtplib.SMTP("127.0.0.1", port or self.inner.port, timeout=processes.HANG) as client:
            client.sendmail(sender, to, raw)
        return raw

    def left(self, marker: str) -> list[next_hop.Taken]:
        """Messages with this text that the smarthost accepted."""
        return [one for one in list(self.smarthost.taken) if marker.encode() in one.raw]

    def delivered(self, marker: str) -> list[bytes]:
        """Messages with this text in the employees' mailboxes."""
        return [raw for raw in self.inner.bounces() if marker.encode() in raw]

    def until(self, look: Callable[[], Any], what: str) -> Any:
        """Wait for it."""
        return processes.until(look, what, log=self.company.log)

    def known(self, address: str) -> list[dict[str, str]]:
        """Contacts of the company with this address."""
        with self.company.signed_in() as desk:
            found: list[dict[str, str]] = desk.client.get("/contacts", params={"q": address}).json()["items"]
            return found

    def verdict(self, letter: OutsideMessage, to: str, reverse_path: str | None = None) -> tuple[str, str]:
        """A letter comes in for somebody; what happens to it, and by which rule. DMARC holds for what the author signs."""
        self.company.take(letter, to, reverse_path=reverse_path)
        with self.company.signed_in() as desk:
            (one,) = desk.wait_for(q=letter.subject)
            told = desk.client.get(f"/deliveries/{one['id']}").json()
            return ("held" if told["state"] == "held" else "passed"), told["verdict"]["rule"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory: Path = tmp_path_factory.mktemp("outbound")
    port = processes.free_port()
    with next_hop.next_hop() as smarthost, postfix.start_postfix(port, company.DOMAIN) as inner:
        more = OUTBOUND.format(port=port, smarthost=smarthost.url, journal=JOURNAL)
        where = f"smtp://127.0.0.1:{inner.port}"
        with company.running(directory, f"sqlite:///{directory}/mailroom.db", where, more=more) as running:
            processes.until(processes.is_answering(port), "the outbound listener answers", running.process, running.log)
            yield Site(running, inner, smarthost, port)


def test_whom_an_employee_writes_to_is_known_and_may_answer(site: Site) -> None:
    subject = unique("Offer")
    first = OutsideMessage(UNA, RUSSELL, unique("Nobody knows me"))
    assert site.verdict(first, RUSSELL) == ("held", "first-contact")

    raw = site.write(to=(UNA, ADA), Subject=subject, Message_ID=f"<{subject.replace(' ', '.')}@company.example>")
    (left,) = site.until(lambda: site.left(subject), "the mail leaves by the smarthost")
    assert (left.reverse_path, left.mailbox) == (RUSSELL, UNA)
    assert left.raw.endswith(raw.partition(b"\r\n\r\n")[2])
    assert b"by mx.company.example" in left.raw.partition(b"\r\n\r\n")[0]
    assert b"X-Mailroom" not in left.raw
    (known,) = site.until(lambda: site.known(UNA), "the address is known")
    assert (known["person"], known["scope"], known["writer"]) == ("russell.coker", "person:russell.coker", "Russell Coker")
    assert known["provenance"].startswith(f"Russell Coker wrote to {UNA} on ")

    again = OutsideMessage(UNA, RUSSELL, unique("Straight through"))
    assert site.verdict(again, RUSSELL) == ("passed", "allowed-sender")
    site.until(lambda: site.delivered(again.subject), "it lies in the mailbox")
    forged = OutsideMessage(UNA, RUSSELL, unique("It only says so"))
    assert site.verdict(forged, RUSSELL, "crook@phisher.example")[1] == "allowed-sender"  # signed: whoever carries it
    assert site.verdict(OutsideMessage(UNA, HANNE, unique("Not written to by her")), HANNE) == ("held", "first-contact")

    answer = {"In-Reply-To": f"<{subject.replace(' ', '.')}@company.example>"}
    colleague = OutsideMessage(f"boss@{outside.SUPPLIER.name}", f"{RUSSELL}, {ADA}", unique("Re: offer"), headers=answer)
    assert site.verdict(colleague, ADA) == ("passed", "reply-to-ours")
    stranger = OutsideMessage(f"eve@{outside.PHISHER.name}", ADA, unique("Re: offer, I say"), headers=answer)
    assert site.verdict(stranger, ADA) == ("held", "first-contact")


def test_an_address_that_is_known_needs_proof(site: Site) -> None:
    subject = unique("To the stranger")
    pal = f"pal@{outside.PHISHER.name}"
    site.write(Subject=subject, to=(pal,))
    site.until(lambda: site.known(pal), "the address is known")
    letter = OutsideMessage(pal, RUSSELL, unique("Unsigned"))
    with site.company.smtp() as client:
        client.sendmail("x@nowhere.example", [RUSSELL], letter.raw(signed=False))
    with site.company.signed_in() as desk:
        (one,) = desk.wait_for(q=letter.subject)
        assert desk.client.get(f"/deliveries/{one['id']}").json()["verdict"]["rule"] == "unproven-known-sender"


@pytest.mark.long
def test_a_holiday_notice_leaves_and_teaches_nothing(site: Site) -> None:
    subject = unique("Away")
    site.write(Subject=subject, to=("nosy@other.example",), Auto_Submitted="auto-replied")
    site.until(lambda: site.left(subject), "it leaves")
    with site.company.signed_in() as desk:

        def counted() -> bool:
            return "automatic" in {one["reason"] for one in desk.client.get("/contacts/reasons").json()["items"]}

        site.until(counted, "it is counted")
    assert site.known("nosy@other.example") == []


@pytest.mark.long
def test_an_employee_is_told_what_could_not_be_delivered(site: Site) -> None:
    subject, nobody = unique("Nobody there"), "nobody@gone.example"
    site.smarthost.answer(f"RCPT {nobody}", "550 5.1.1 no such user at gone.example")
    site.write(Subject=subject, to=(nobody,))
    (raw,) = site.until(lambda: site.delivered(subject), "the report is in the mailbox")
    report = email.message_from_bytes(raw, policy=policy.SMTP)
    assert (report["Return-Path"], report["To"]) == ("<>", RUSSELL)
    assert report.get_content_type() == "multipart/report"
    assert "550 5.1.1 no such user at gone.example" in raw.decode()
    assert site.left(subject) == []


def deferred(desk: company.Desk, recipient: str) -> list[dict[str, Any]]:
    """Deferred deliveries, which have another attempt to come."""
    items: list[dict[str, Any]] = desk.client.get("/outgoing/unsent").json()["items"]
    return [one for one in items if one["mailbox"] == recipient and one["state"] == "queued" and one["last_reply"].startswith("451")]


def grown_older(house: company.Company, recipient: str, hours: int) -> None:
    """So many hours pass for what waits."""
    with contextlib.closing(sqlite3.connect(house.database.removeprefix("sqlite:///"), timeout=processes.HANG)) as database, database:
        database.execute("UPDATE delivery SET queued_at = queued_at - ? WHERE recipient = ?", (hours * 3_600_000_000, recipient))


@pytest.mark.long
def test_an_employee_hears_once_that_a_mail_is_late_and_it_leaves_all_the_same(site: Site) -> None:
    subject, busy = unique("Busy there"), "busy@slow.example"
    site.smarthost.answer(f"RCPT {busy}", "451 4.7.1 come back later")
    site.write(Subject=subject, to=(busy,))
    with site.company.signed_in() as desk:
        (mine,) = site.until(lambda: deferred(desk, busy), "it is deferred")
        grown_older(site.company, busy, hours=5)
        (raw,) = site.until(lambda: site.delivered(subject), "the word is in the mailbox")
        assert b"Action: delayed" in raw
        assert b"Will-Retry-Until: " in raw
        assert desk.client.post("/outgoing/retry", json={"ids": [mine["id"]]}).status_code == 202
    site.until(lambda: site.left(subject), "it leaves")
    assert len(site.delivered(subject)) == 1


def test_what_was_accepted_leaves_although_the_listener_is_killed(site: Site) -> None:
    subject = unique("Killed")
    for number in range(30):
        site.write(Subject=f"{subject} {number:02d}", to=(f"{number}@other.example",))
        if number % 10 == 5:
            site.company.kill_role("outbound")
    wanted = {f"{subject} {number:02d}" for number in range(30)}

    def all_left() -> bool:
        return all(site.left(one) for one in wanted)

    site.until(all_left, "all thirty leave")
    assert site.inner.waiting() == 0 or site.until(lambda: site.inner.waiting() == 0, "Postfix has handed everything over")


@pytest.mark.long
def test_staff_looks_at_what_was_parked(site: Site, page: Page) -> None:
    site.write(sender=ADA, to=tuple(f"{number}@more.example" for number in range(52)), Subject=unique("To many"))

    def parked() -> set[str]:
        with site.company.signed_in() as desk:
            found = desk.client.get("/contacts", params={"state": "pending", "q": "@more.example"}).json()["items"]
            return {one["address"] for one in found}

    first, second = sorted(site.until(lambda: found if len(found := parked()) == 2 else set(), "two are parked"))
    sign_in(page, House(site.company, None))
    page.get_by_role("link", name="Contacts").click()
    page.get_by_role("button", name="To review").click()
    page.get_by_role("button", name=f"Accept {first}").click()
    expect(page.get_by_text(f"{first} is a contact from now on.")).to_be_visible()
    page.get_by_role("button", name=f"Remove {second}").click()
    expect(page.get_by_text(f"{second} is no longer a contact.")).to_be_visible()
    site.until(lambda: not parked(), "nothing is parked any more")
    page.get_by_role("button", name="Contacts", exact=True).click()
    page.get_by_role("textbox", name="Filter").fill(first)
    expect(page.get_by_role("row").filter(has_text=f"Ada Byron wrote to {first}")).to_be_visible()


@pytest.mark.long
def test_copies_teach_where_mail_does_not_pass_through_us(site: Site) -> None:
    subject, pen_friend = unique("Past the door"), "pen@friend.example"
    direct = int(site.smarthost.url.rpartition(":")[2])
    with postfix.start_postfix(direct, "elsewhere.example", COPYING.format(port=site.port)) as other:
        site.write(Subject=subject, to=(pen_friend,), port=other.port)
        (known,) = site.until(lambda: site.known(pen_friend), "the copy teaches")
    assert (known["how"], known["person"]) == ("journal", "russell.coker")
    (left,) = site.until(lambda: site.left(subject), "the mail itself went its own way")
    assert left.mailbox == pen_friend
    assert b"by mx.company.example" not in left.raw


def test_only_our_own_servers_may_send_and_nobody_relays_by_the_front_door(site: Site) -> None:
    with site.company.smtp() as client:
        client.ehlo()
        client.mail(RUSSELL)
        assert client.rcpt("victim@other.example") == (550, b"5.7.1 Mail is accepted for our own addresses only")


@pytest.mark.long
def test_a_run_to_strangers_waits_on_one_row_and_is_released_with_one_key(site: Site, page: Page) -> None:
    subject = unique("Invitation")
    strangers = tuple(f"guest{number}@party.example" for number in range(65))
    site.write(sender=HANNE, to=strangers, Subject=subject)

    def reached() -> set[str]:
        return {one.mailbox for one in site.left(subject)}

    site.until(lambda: len(reached()) == 20, "the first ones leave")
    site.until(lambda: site.delivered("Subject: Some of your messages are held"), "the author is told")
    assert site.known("@party.example") == []
    assert subject in site.company.run("brakes", check=True).stdout
    sign_in(page, House(site.company, None))
    page.get_by_role("heading", level=1, name="Whole company").wait_for()
    page.goto(f"{site.company.url}/outgoing")
    section = page.get_by_role("region", name="Employees’ messages to many new recipients")
    waits = section.get_by_role("listitem").filter(has_text="Hanne Dahl")
    expect(waits.first).to_contain_text("45 deliveries are held.")
    expect(waits.first).to_contain_text(subject)
    page.keyboard.press("r")
    expect(page.get_by_text("Released the messages of Hanne Dahl.")).to_be_visible()
    site.until(lambda: reached() == set(strangers), "all of it has left")

    announced = site.company.run("run", "announce", "ada.byron", "--recipients", "80", "--until", "2h", check=True)
    assert "ada.byron: 80 new recipients until" in announced.stdout
    site.write(sender=ADA, to=tuple(f"reader{number}@party.example" for number in range(80)), Subject=(news := unique("News")))
    site.until(lambda: len({one.mailbox for one in site.left(news)}) == 80, "an announced run leaves at once")
