"""Addresses from the SMTP server to the mailbox: details, old departments, roles, lists, any script."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from tests.peers import company, outside, processes
from tests.peers.company import DOMAIN, Company, Desk
from tests.peers.mail.next_hop import Peer, next_hop
from tests.peers.outside import OutsideMessage

pytestmark = pytest.mark.long

MORE = f"""
[[person]]
uid = "søren"
name = "Søren Groß"
department = "sales"
mailbox = "søren@{DOMAIN}"

[[group]]
address = "all@{DOMAIN}"
name = "Everybody"
department = "it"
members = ["ada.byron", "desk@{DOMAIN}", "info@{DOMAIN}", "rc@{DOMAIN}"]
external = ["agency@partner.example"]

[[group]]
address = "desk@{DOMAIN}"
name = "The desk"
department = "it"
members = ["all@{DOMAIN}", "russell.coker"]

[[group]]
address = "far@{DOMAIN}"
name = "Far away"
department = "sales"
expand = false
"""
ADA, RUSSELL, INFO, AGENCY = (f"ada.byron@{DOMAIN}", f"russell.coker@{DOMAIN}", f"sales-desk@{DOMAIN}", "agency@partner.example")


@dataclass
class Site:
    """A running company, the next hop behind it, and somebody at the desk."""

    company: Company
    hop: Peer
    desk: Desk

    def letter(self) -> OutsideMessage:
        return OutsideMessage(f"ana@{outside.STRANGER.name}", ADA, f"Addressed {uuid4().hex[:8]}")

    def got(self, letter: OutsideMessage, count: int) -> list[str]:
        """The envelope recipients at the next hop, once there are so many."""

        def seen() -> list[str]:
            return [one.mailbox for one in self.hop.taken if letter.subject.encode() in one.raw]

        processes.until(lambda: len(seen()) >= count, f"{count} copies arrive", log=self.company.log)
        return sorted(seen())

    def comes(self, letter: OutsideMessage, *recipients: str, count: int = 0) -> list[dict[str, Any]]:
        """The held deliveries of a letter to these."""
        raw = letter.raw()
        with self.company.smtp() as client:
            client.ehlo()
            options = ["SMTPUTF8"] if not all(one.isascii() for one in recipients) else []
            client.command_encoding = "utf-8"
            client.mail(letter.author, options)
            for one in recipients:
                assert client.rcpt(one)[0] == 250, one
            assert client.data(raw)[0] == 250
        return self.desk.wait_for(count or len(recipients), q=letter.subject)

    def releases(self, letter: OutsideMessage) -> dict[str, Any]:
        held = [one["id"] for one in self.desk.deliveries(q=letter.subject, state="held")]
        answer = self.desk.decide("release", {"ids": held})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("addresses")
    with next_hop() as hop:
        made = Company(directory, f"sqlite:///{directory}/mailroom.db", hop.url)
        made.lay_out()
        settings = directory / "mailroom.toml"
        settings.write_text(settings.read_text("utf-8").replace(f'domains = ["{DOMAIN}"]', f'domains = ["{DOMAIN}", "groß.example"]'))
        (directory / "company.toml").write_text(company.DIRECTORY + MORE, "utf-8")
        try:
            made.start()
            with made.signed_in() as desk:
                yield Site(made, hop, desk)
        finally:
            made.stop()


WAYS = {  # as a stranger writes it, and where it arrives
    "Ada.Byron@Company.Example": ADA,
    "ada.byron+Shop@company.example": f"ada.byron+Shop@{DOMAIN}",
    "RC+News@company.example": f"russell.coker+News@{DOMAIN}",
    "it+russell.coker+bills+2026@company.example": f"russell.coker+bills+2026@{DOMAIN}",
    "sales+hanne.dahl@GROẞ.example": f"hanne.dahl@{DOMAIN}",
    "sales+luc.moreau@xn--gro-7ka.example": f"luc.moreau@{DOMAIN}",
    "SØREN@company.example": f"søren@{DOMAIN}",
    "søren+Hjælp@company.example": f"søren+Hjælp@{DOMAIN}",
    "INFO@company.example": INFO,
    "helpdesk@company.example": f"it-desk@{DOMAIN}",
    "far@company.example": f"far@{DOMAIN}",
}


def test_each_way_leads_to_its_mailbox_with_the_detail_as_it_was_spelled(site: Site) -> None:
    letter = site.letter()
    site.comes(letter, *WAYS)
    site.releases(letter)
    assert site.got(letter, len(WAYS)) == sorted(WAYS.values())


def test_postmaster_and_abuse_arrive_whatever_the_rules_say(site: Site) -> None:
    letter = replace(site.letter(), author=f"pest@{outside.STRANGER.name}")
    assert site.company.run("block", letter.author, "--scope", "company").returncode == 0
    processes.until(lambda: answer(site, letter.author, ADA) == 550, "the block is known")
    with site.company.smtp() as client:
        client.ehlo()
        client.mail(letter.author)
        for address in ("Postmaster", "abuse@company.example", "ABUSE@xn--gro-7ka.example"):
            assert client.rcpt(address)[0] == 250, address
        assert client.data(letter.raw())[0] == 250
    assert site.got(letter, 1) == [RUSSELL]


def answer(site: Site, author: str, recipient: str) -> int:
    """Reply code of the SMTP server to a recipient of a message from this author."""
    with site.company.smtp() as client:
        client.ehlo()
        client.mail(author)
        return client.rcpt(recipient)[0]


def test_a_group_is_held_once_and_reaches_each_member_once(site: Site) -> None:
    letter = site.letter()
    (held,) = site.comes(letter, f"All@{DOMAIN}")
    assert (held["recipient"], held["department"], held["person"]) == (f"all@{DOMAIN}", "it", "")
    assert held["note"] == "It is for the distribution list Everybody: each member gets a copy when it is delivered."
    site.releases(letter)
    assert site.got(letter, 4) == sorted([ADA, RUSSELL, INFO, AGENCY])
    copies = [one for one in site.desk.wait_for(5, q=letter.subject, state="delivered") if one["id"] != held["id"]]
    assert {one["note"] for one in copies} == {"Addressed to the distribution list Everybody."}
    listed = site.desk.client.get("/distribution-lists?q=everybody").json()["items"]
    assert listed[0]["members"] == [ADA, INFO, RUSSELL, AGENCY]


def test_a_redirect_to_a_department_and_to_a_group_changes_no_byte(site: Site) -> None:
    letter = site.letter()
    raw = letter.raw()
    with site.company.smtp() as client:
        assert client.sendmail(letter.author, [ADA, RUSSELL], raw) == {}
    first, second = site.desk.wait_for(2, q=letter.subject)
    assert site.desk.decide("redirect", {"ids": [first["id"]]}, to="department:sales").json()["to"] == INFO
    assert site.desk.decide("redirect", {"ids": [second["id"]]}, to=f"desk@{DOMAIN}").json()["to"] == f"desk@{DOMAIN}"
    assert site.got(letter, 4) == sorted([INFO, ADA, RUSSELL, AGENCY]), "of the group's members the one who has it gets no second copy"
    assert all(one.raw.endswith(raw) for one in site.hop.taken if letter.subject.encode() in one.raw)


def test_who_moves_is_reached_under_the_old_department_and_who_comes_at_once(site: Site) -> None:
    text = (company.DIRECTORY + MORE).replace('name = "Ada Byron"\ndepartment = "it"', 'name = "Ada Byron"\ndepartment = "sales"')
    text += f'\n[[person]]\nuid = "new.here"\nname = "Nora New"\ndepartment = "it"\nmailbox = "new.here@{DOMAIN}"\n'
    (site.company.directory / "company.toml").write_text(text, "utf-8")
    assert site.company.run("sync").returncode == 0
    processes.until(lambda: answer(site, "a@stranger.example", f"new.here@{DOMAIN}") == 250, "the newcomer is known")
    letter = site.letter()
    (held,) = site.comes(letter, "IT+Ada.Byron+old@company.example")
    assert (held["department"], held["person"]) == ("sales", "ada.byron")
    assert held["note"] == "It was addressed to the former department it: Ada Byron works elsewhere now."
    site.releases(letter)
    assert site.got(letter, 1) == [f"ada.byron+old@{DOMAIN}"]
