"""Hunts in a real Dovecot and in Maildirs: counted, shown once two people agree, removed where the server confirms it, and put back."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]
from sqlalchemy import Engine, select, update
from sqlmodel import col

from mailboxes.recall import mailbox_hunt
from tests.mailboxes.delivering import House, behind_dovecot, lying, recalling
from tests.peers import processes
from tests.peers.mail import dovecot
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.delivery.recall.hunt_criteria import Criteria
from triage.errors import NotAllowedNow
from triage.quarantine.decisions import approvals, outcomes, undo
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.hunting import hunt_removal, hunts
from triage.quarantine.hunting.hunts import Hunt
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.store.models.contacts import Contact
from triage.store.models.directory import KnownRecipient
from triage.store.models.mailboxes import HuntedMessage, SweptMailbox

pytestmark = pytest.mark.peers
ANA, BEN = Actor.shell("ana", "here"), Actor.shell("ben", "there")
EVIL, FRIEND = "pay@evil.example", "friend@good.example"
FILE = b"MZ evil"
WHOLE = (
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
    '--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D"https://login.evil.ex=\r\n'
    'ample/x">Ihre Rechnung</a>\r\n--b\r\nContent-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    "TVogZXZpbA==\r\n--b--\r\n",
)
_numbers = itertools.count(1)


def written(subject: str, author: str = EVIL, message_id: str = "<1@evil.example>", whole: bool = False) -> bytes:
    """A message that never came through us."""
    more, body = WHOLE if whole else ("", "Hello\r\n")
    return f"From: Pay <{author}>\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n{more}\r\n{body}".encode()


@dataclass
class Town(House):
    """A house where hunting is on, and three people with mailboxes that nobody has used before."""

    server: dovecot.Server
    people: list[str]

    def lies(self, place: int, raw: bytes, folder: str = "INBOX", flags: Sequence[str] = ()) -> None:
        """Puts a message into this person's mailbox."""
        with self.server.client(self.people[place]) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.append(folder, raw, flags)

    def hunts(self, **asked: str) -> Hunt:
        """Ana hunts, and the recaller counts."""
        now = datetime.now(UTC)
        with db.transaction(self.engine) as session:
            criteria = Criteria.of(None, now, **asked)
            begun = hunts.begin_hunt(session, criteria, by=ANA, reason="a wave", now=now, settings=self.settings)
        return self.searched(begun.id)

    def searched(self, hunt: int) -> Hunt:
        """Let a recaller work until the hunt waits for somebody."""
        with recalling(self.settings):
            processes.until(lambda: not self.hunt(hunt).mailboxes_left, "the mailboxes are searched")
        return self.hunt(hunt)

    def hunt(self, hunt: int) -> Hunt:
        """Returns the hunt as it is now."""
        with db.read_transaction(self.engine) as session:
            return hunts.get_hunt(session, hunt, by=ANA)

    def shown(self, hunt: Hunt) -> list[HuntedMessage]:
        """Lists the messages that it found, once Ben has agreed."""
        now = datetime.now(UTC)
        with db.transaction(self.engine) as session:
            asked = hunts.ask_to_show(session, hunt.id, by=ANA, reason="", now=now, settings=self.settings)
            self.confirmed(session, asked)
        self.searched(hunt.id)
        return self.rows(hunt)

    def rows(self, hunt: Hunt) -> list[HuntedMessage]:
        """Lists the messages that it shows now."""
        with db.read_transaction(self.engine) as session:
            return hunts.shown_messages(session, hunt.id, by=ANA)

    def confirmed(self, session: Any, asked: PendingAct) -> PendingAct:
        """Ben agrees."""
        more: dict[str, Any] = {"now": datetime.now(UTC), "settings": self.settings, "acts": hunt_removal.ACTS}
        return approvals.confirm_approval(session, asked.id, by=BEN, **more)

    def removes(self, hunt: Hunt, *rows: HuntedMessage, known: bool = False) -> DecisionReport:
        """Ana removes these, and the recaller does it."""
        now, chosen = datetime.now(UTC), [row.id for row in rows]
        with db.transaction(self.engine) as session:
            fence = hunt_removal.gather_evidence(session, hunt.id, by=ANA, known=known, chosen=chosen).fence
            order: dict[str, Any] = {"by": ANA, "reason": "evil", "fence": fence, "known": known, "now": now, "settings": self.settings}
            made = hunt_removal.remove_or_ask(session, hunt.id, chosen, **order)
            assert isinstance(made, DecisionReport)
        return self.done(made.id)

    def done(self, decision: int) -> DecisionReport:
        """Let a recaller carry it out."""
        with recalling(self.settings):
            processes.until(lambda: not self.decision(decision).under_way, "it is done")
        return self.decision(decision)

    def decision(self, decision: int) -> DecisionReport:
        with db.read_transaction(self.engine) as session:
            return outcomes.get_decision(session, decision, by=ANA)

    def lying(self) -> list[Any]:
        """Lists all messages of the mailboxes."""
        return [lying(self.server, one) for one in self.people]


@pytest.fixture
def town(sqlite_engine: Engine, settings: Settings, server: dovecot.Server, tmp_path: Path) -> Town:
    number = next(_numbers)
    people = [f"hunt{name}{number}@company.example" for name in ("anna", "bob", "carl")]
    behind = behind_dovecot(settings, server, tmp_path)
    with db.transaction(sqlite_engine) as session:
        for one in people:
            session.merge(KnownRecipient(address=one, kind="legacy", department="it", person=one.partition("@")[0], mailbox=one))
    return Town(sqlite_engine, replace(behind, recall=replace(behind.recall, hunting=True)), server, people)


def test_a_hunt_counts_shows_removes_and_puts_back(town: Town) -> None:
    town.delivered(written("Rechnung 1"), town.people[0], author=EVIL)  # came through us: removed there
    town.lies(0, written("Rechnung 2", whole=True), flags=["\\Seen", "$Label1"])
    town.lies(1, written("AW: Rechnung 3"), "Archiv/Räume")
    town.lies(1, written("Rechnung of a friend", FRIEND))
    town.lies(2, written("Rechnungen"), "Old")
    town.lies(2, written("something else"))
    with db.transaction(town.engine) as session:
        now = datetime.now(UTC)
        moments: dict[str, Any] = dict.fromkeys(("learned_at", "first_sent_at", "last_sent_at", "last_mail_at"), now)
        session.add(Contact(address=FRIEND, person="anna", **moments))
    before = town.lying()

    hunt = town.hunts(subject="rechnung")
    assert (hunt.state, hunt.found, hunt.mailboxes, hunt.mailboxes_hit) == ("counted", 5, 3, 3)
    assert hunt.sentence == "Found 5 messages with subject “rechnung” in 3 mailboxes."
    with pytest.raises(NotAllowedNow, match="shown once a second person agrees"):
        town.rows(hunt)
    with db.read_transaction(town.engine) as session:
        assert session.scalars(select(HuntedMessage)).all() == []  # nothing is written down that nobody may see

    rows = town.shown(hunt)
    ours = [row for row in rows if row.delivery_id]
    contacts = [row for row in rows if row.known]
    assert [(row.subject, row.mailbox) for row in ours] == [("Rechnung 1", town.people[0])]
    assert [(row.author, row.subject) for row in contacts] == [(FRIEND, "Rechnung of a friend")]
    assert [row.subject for row in rows if row.read] == ["Rechnung 2"]
    for wrong, told in ((ours, "came through Mailroom"), (contacts, "is from a contact")):
        with pytest.raises(NotAllowedNow, match=told):
            town.removes(hunt, *wrong)
    wanted = [row for row in rows if row not in (*ours, *contacts)]
    with town.server.client(town.people[2]) as client:  # its owner is faster
        client.select_folder("Old")
        client.delete_messages(client.search())
        client.expunge()
    without = town.lying()
    done = town.removes(hunt, *wanted)
    assert done.sentence == "Removed 2 of 3 messages that a hunt found from 3 mailboxes; 1 no longer there."
    assert sorted(row.outcome for row in town.rows(hunt)) == ["", "", "not there", "removed", "removed"]
    assert [len(one) for one in town.lying()] == [1, 1, 1]
    assert town.lying()[1] == [one for one in before[1] if b"of a friend" in one[1]]

    with db.transaction(town.engine) as session:
        undone = undo.undo_decision(session, done.id, by=ANA, reason="", now=datetime.now(UTC), settings=town.settings)
    assert town.done(undone.id).done == 2
    assert town.lying() == without
    with db.transaction(town.engine) as session:
        hunts.close_hunt(session, hunt.id, by=ANA, now=datetime.now(UTC), settings=town.settings)
        assert session.scalars(select(HuntedMessage)).all() == []
    assert town.decision(done.id).sentence == done.sentence  # what it did is said after its messages are forgotten


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"link": "evil.example"}, ["Straße (2) {5}"]),
        ({"sha256": hashlib.sha256(FILE).hexdigest()}, ["Straße (2) {5}"]),
        ({"message_id": '<a"b\\c*@evil.example>'}, ["AW: Übel"]),
        ({"sender": "p*y@evil.example"}, ["AW: Übel", "Straße (2) {5}"]),
        ({"subject": "STRASSE (2) {5}"}, ["Straße (2) {5}"]),
        ({"subject": "Straße", "sender": "*@evil.example"}, ["Straße (2) {5}"]),
        ({"subject": '"\\Seen) BODY ('}, []),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.long
def test_each_criterion(town: Town, asked: dict[str, str], found: list[str]) -> None:
    town.lies(0, written("AW: =?utf-8?q?=C3=9Cbel?=", message_id='<a"b\\c*@evil.example>'))
    town.lies(1, written("=?utf-8?q?Stra=C3=9Fe?= (2) {5}", whole=True))
    town.lies(2, written("harmless", "a@evil.example.good.example"))
    hunt = town.hunts(**asked)
    assert (hunt.found, hunt.missed) == (len(found), ())
    assert sorted(row.subject for row in town.shown(hunt)) == found if found else True


@pytest.mark.long
def test_it_never_enters_a_confidential_folder_not_even_one_that_becomes_so(town: Town) -> None:
    for place in range(3):
        town.lies(place, written("Rechnung"))
    uids = [one.partition("@")[0] for one in town.people]
    with db.transaction(town.engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry(f"person:{uids[0]}", ("ana",))])  # ana is named for it
    hunt = town.hunts(subject="rechnung")
    assert (hunt.found, hunt.mailboxes) == (2, 2)
    with db.transaction(town.engine) as session:
        asked = hunts.ask_to_show(session, hunt.id, by=ANA, reason="", now=datetime.now(UTC), settings=town.settings)
        town.confirmed(session, asked)
        confidential_folders.equalise_confidential(session, [ConfidentialEntry(f"person:{one}", ()) for one in uids[:2]])
    town.searched(hunt.id)
    (row,) = town.rows(hunt)
    assert row.mailbox == town.people[2]
    with db.transaction(town.engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry(f"person:{one}", ()) for one in uids])
    assert town.rows(hunt) == []


@pytest.mark.long
def test_bounds_are_said_and_what_was_found_before_counts(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_hunt, "MOST_FOUND", 2)
    for number in range(3):
        town.lies(0, written(f"Rechnung {number}"))
    hunt = town.hunts(subject="rechnung")
    assert (hunt.found, hunt.missed) == (2, ((town.people[0], "only the newest 2 matching messages were counted: narrow the hunt"),))
    assert [row.subject for row in town.shown(hunt)] == ["Rechnung 2", "Rechnung 1"]
    monkeypatch.setattr(mailbox_hunt, "MOST_READ", 0)
    assert town.hunts(subject="rechnung").missed[0][1] == "only the newest 0 messages that may match were read: narrow the hunt"


@pytest.mark.long
def test_what_the_server_keeps_is_out_of_reach_and_may_be_removed_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.lies(0, written("Rechnung"))
    hunt = town.hunts(subject="rechnung")
    rows = town.shown(hunt)
    monkeypatch.setattr(IMAPClient, "uid_expunge", lambda client, uids: None)
    now = datetime.now(UTC)
    with db.transaction(town.engine) as session:
        chosen = [row.id for row in rows]
        fence = hunt_removal.gather_evidence(session, hunt.id, by=ANA, chosen=chosen).fence
        more: dict[str, Any] = {"reason": "", "fence": fence, "known": False, "now": now, "settings": town.settings}
        made = hunt_removal.remove_or_ask(session, hunt.id, chosen, by=ANA, **more)
        begun = now - timedelta(hours=town.settings.recall.give_up_after)
        session.execute(update(SweptMailbox).where(col(SweptMailbox.decision_id) == made.id).values(begun_at=begun))
    assert town.done(made.id).sentence == "Removed 0 of 1 message that a hunt found from 1 mailbox; 1 out of reach."
    monkeypatch.undo()
    with town.server.client(town.people[0]) as client:  # its owner wants it back
        client.select_folder("INBOX")
        client.remove_flags(client.search(), ["\\Deleted"])
    assert town.removes(hunt, *town.rows(hunt)).sentence.startswith("Removed 1 of 1 message ")
