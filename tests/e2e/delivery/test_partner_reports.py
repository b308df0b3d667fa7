"""A partner company forwards a suspicious message by SMTP, staff answer over the API, and the partner's server gets both messages."""

import email
from collections.abc import Iterator
from email import policy
from pathlib import Path

import pytest

from tests.peers import company, processes
from tests.peers.mail import next_hop
from tests.peers.mail.next_hop import Peer
from tests.peers.outside import OutsideMessage

pytestmark = pytest.mark.peers

REPORT, KIM = f"report@{company.DOMAIN}", "kim@supplier.example"
QUOTED = "Is this real?\r\n\r\nFrom: Bank <pay@phisher.example>\r\nSubject: Your account\r\n\r\nSign in at https://phisher.example/\r\n"
SETTINGS = f"""
[outbound]
report_address = "{REPORT}"
report_partners = ["supplier.example"]
"""


@pytest.fixture
def way_out() -> Iterator[Peer]:
    """The server that takes messages to the outside."""
    with next_hop.next_hop() as peer:
        yield peer


@pytest.fixture
def running(tmp_path: Path, way_out: Peer, monkeypatch: pytest.MonkeyPatch) -> Iterator[company.Company]:
    """A company with a partner."""
    monkeypatch.setenv("MAILROOM_RELAY__SMARTHOST", way_out.url)
    where = f"maildir:{tmp_path}/mailboxes"
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", where, more=SETTINGS) as made:
        yield made


def test_a_partner_hears_the_verdict_once(running: company.Company, way_out: Peer) -> None:
    running.take(OutsideMessage(KIM, REPORT, "Fwd: Your account", QUOTED))
    running.take(OutsideMessage("eve@stranger.example", REPORT, "Fwd: Your prize", QUOTED))
    running.take(OutsideMessage(KIM, REPORT, "Out of office", "Back soon", headers={"Auto-Submitted": "auto-replied"}))
    with running.signed_in() as desk:
        (report,) = processes.until(lambda: desk.client.get("/reported?lane=partners").json()["items"], "it is listed", log=running.log)
        assert (report["by_name"], report["author"], report["subject"]) == (KIM, "pay@phisher.example", "Your account")
        assert report["delivery"]["state"] == "purged"
        desk.wait_for(2, state="held")
        assert desk.client.get("/reported").json()["items"] == []
        assert desk.client.get("/requests").json()["outside"] == 1
        answered = desk.client.post(f"/reported/{report['id']}/answer", json={"verdict": "bad"})
        assert answered.json() == {"reporters": 1}
        assert desk.client.post(f"/reported/{report['id']}/answer", json={"verdict": "bad"}).status_code == 409
    processes.until(lambda: len(way_out.taken) > 1, "the partner hears of it", log=running.log)
    thanks, verdict = [email.message_from_bytes(one.raw, policy=policy.SMTP) for one in way_out.taken]
    assert [(one.mailbox, one.reverse_path) for one in way_out.taken] == [(KIM, "<>")] * 2
    assert {one["Auto-Submitted"] for one in (thanks, verdict)} == {"auto-generated"}
    assert "Thank you for forwarding" in str(thanks.get_body(("plain",)))
    assert "found it harmful" in str(verdict.get_body(("plain",)))


def test_without_partners_the_address_does_not_exist_outside(tmp_path: Path) -> None:
    more = SETTINGS.replace('["supplier.example"]', "[]")
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes", more=more) as made:
        refused = made.refusal(OutsideMessage(KIM, REPORT, "Fwd: Your account", QUOTED))
        assert refused is not None
        assert refused[0] == 550
