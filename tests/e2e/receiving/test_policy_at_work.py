"""Standing decisions of staff, end to end: the emergency, late copies, and redirects to a colleague."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.conftest import House
from tests.peers import company as company_peer
from tests.peers.company import DOMAIN, Company, Desk
from tests.peers.outside import OutsideMessage, sign_message
from tests.triage.message.mime.test_archives import LOCKED

ADA, HANNE = f"ada.byron@{DOMAIN}", "hanne.dahl"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company on SQLite with Maildirs; each test has senders of its own."""
    directory = tmp_path_factory.mktemp("policy")
    database, next_hop = f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes"
    since = datetime.now(UTC).replace(microsecond=0)
    times = f"from = {since.isoformat()}\nuntil = {(since + timedelta(days=1)).isoformat()}\n"
    simulation = f'\n[policy.simulations.vendor]\ndkim = "supplier.example"\n{times}'
    with company_peer.running(directory, database, next_hop, undo_seconds=0, more=simulation) as running:
        yield running


@pytest.fixture(scope="module")
def desk(site: Company) -> Iterator[Desk]:
    """Maria's."""
    with site.signed_in() as opened:
        yield opened


def test_a_simulation_in_our_own_name_arrives_by_its_signature_and_is_in_no_list(site: Company, desk: Desk) -> None:
    letter = OutsideMessage(f"it-support@{DOMAIN}", ADA, "Your password ends today")
    for subject, signer in ((letter.subject, "supplier.example"), ("Your password ended", "stranger.example")):
        raw = replace(letter, subject=subject).raw(signed=False)
        with site.smtp() as client:
            client.sendmail("bounce@supplier.example", [ADA], sign_message(raw, signer) + raw)
    House(site, None).arrived("ada.byron", letter.subject)
    (held,) = desk.wait_for(1, sender=letter.author, state="held")
    assert (held["subject"], held["verdict"]["rule"]) == ("Your password ended", "own-domain-forged")
    assert len(desk.deliveries(sender=letter.author)) == 1


@pytest.mark.long
def test_in_an_emergency_strangers_mail_arrives(site: Company, desk: Desk) -> None:
    site.run("emergency", "--until", "1h", "--reason", "nobody is here", check=True)
    site.take(OutsideMessage("early@stranger.example", ADA, "Passes now"))
    House(site, None).arrived("ada.byron", "Passes now")
    site.run("emergency", "--close", check=True)
    site.take(OutsideMessage("late@stranger.example", ADA, "Waits again"))
    desk.wait_for(sender="late@stranger.example", state="held")
    (passed,) = desk.deliveries(sender="early@stranger.example")
    assert passed["verdict"]["rule"] == "emergency"
    assert passed["withheld"] == "first-contact"


@pytest.mark.long
def test_a_late_copy_is_caught_and_comes_back_with_the_undo(site: Company, desk: Desk) -> None:
    wave = OutsideMessage("wave@stranger.example", ADA, "You have won")
    site.take(wave)
    desk.wait_for(sender=wave.author, state="held")
    purged = json.loads(site.run("purge", "--sender", wave.author, "--reason", "junk", "--json", check=True).stdout)
    site.take(OutsideMessage(wave.author, ADA, "You have won again"))
    desk.wait_for(2, sender=wave.author, state="purged")
    site.run("decisions", "undo", purged["decision"], check=True)
    desk.wait_for(2, sender=wave.author, state="held")


@pytest.mark.long
def test_a_bill_always_goes_to_whom_it_concerns(site: Company) -> None:
    bills = "bills@stranger.example"
    site.run("allow", bills, "--proof", "aligned", check=True)
    site.run("rules", "redirect", bills, "--recipient", ADA, "--to", HANNE, check=True)
    told = site.run("rules", "explain", bills, "--to", ADA, check=True).stdout
    assert "allowed-sender" in told
    assert "redirects it to hanne.dahl@" in told
    site.take(OutsideMessage(bills, ADA, "Invoice 77"))
    House(site, None).arrived(HANNE, "Invoice 77")
    assert House(site, None).with_text("ada.byron", "Invoice 77") == []


@pytest.mark.long
def test_an_archive_that_nobody_can_look_into_is_held_from_a_known_sender_too(site: Company, desk: Desk) -> None:
    sales = "sales@supplier.example"
    site.run("allow", sales, check=True)
    locked = base64.b64decode(LOCKED)
    site.take(OutsideMessage(sales, ADA, "The plans", attachments=(("plans.zip", locked),)))
    (held,) = desk.wait_for(sender=sales, state="held")
    assert held["verdict"]["reason"] == "the attachment plans.zip is encrypted and cannot be scanned"
    told = json.loads(site.run("rules", "explain", held["id"], "--json", check=True).stdout)
    assert [row["rule"].partition(" ")[0] for row in told if row["what"] == "also"][:1] == ["allowed-sender"]
    refused = site.run("rules", "change", rule_of(site, sales), "--risky")
    assert (refused.returncode, "second look (danger-found, dangerous)" in refused.stderr) == (1, True)
    site.run("rules", "change", rule_of(site, sales), "--risky", "--confirm", "danger-found,dangerous", check=True)
    site.take(OutsideMessage(sales, ADA, "The plans again", attachments=(("plans.zip", locked),)))
    House(site, None).arrived("ada.byron", "The plans again")


def rule_of(site: Company, sender: str) -> str:
    """The id of the rule about this sender."""
    found = json.loads(site.run("rules", "list", "--search", sender, "--json", check=True).stdout)
    return str(found[0]["id"])
