"""The recaller with a real Dovecot: what is purged is gone from the mailbox, and comes back as it was."""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]
from sqlalchemy import Engine, exists, select, update
from sqlmodel import col

from mailboxes.mailbox import Unreachable
from mailboxes.recall.imap_mailbox import ImapMailbox
from tests.mailboxes.delivering import ANA, ANNA, BOB, CARL, OLD, House, behind_dovecot, letter, lying, recalling, relaying
from tests.peers import gate, processes
from tests.peers.mail import dovecot
from triage.access import confidential_folders
from triage.actor import EVERYTHING, Actor, Role, Scope
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, DepartmentEntry, PersonEntry
from triage.config.settings import Recall, Settings
from triage.delivery.recall import recall_jobs
from triage.delivery.recalled_copies import Copy
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.policy.contacts.sender_history import ACCEPTED
from triage.quarantine.decisions import mailbox_sweep, related_mail
from triage.quarantine.decisions.decision_request import Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.directory import KnownRecipient, MailGroup
from triage.store.models.mailboxes import RelatedMail, SweptMailbox
from triage.store.models.messages import Content

pytestmark = pytest.mark.peers
FRIEND = "friend@other.example"
_numbers = itertools.count(1)


@dataclass
class Town(House):
    """A house behind Dovecot, and three people with mailboxes that nobody has used before."""

    server: dovecot.Server
    anna: str
    bob: str
    carl: str

    def attempted(self, mail: int) -> list[str]:
        """Outcomes of the attempts to send a message again."""
        with db.read_transaction(self.engine) as session:
            ended = select(col(Attempt.outcome)).where(col(Attempt.delivery_id) == mail, col(Attempt.ended_at).is_not(None))
            return list(session.scalars(ended.order_by(col(Attempt.number))))

    def found(self) -> list[State]:
        """The states of what sweeps found."""
        with db.read_transaction(self.engine) as session:
            return sorted(map(State, session.scalars(select(col(Delivery.state)).where(col(Delivery.rule) == "sweep"))))

    def beside(self, decision: DecisionReport) -> list[RelatedMail]:
        """Related messages that were seen in the mailboxes and left alone."""
        with db.read_transaction(self.engine) as session:
            return related_mail.list_offered(session, decision.id, by=ANA)

    def takes(self, decision: DecisionReport, *copies: int) -> DecisionReport:
        """Ana wants these too."""
        with db.transaction(self.engine) as session:
            return related_mail.take_related(session, decision.id, copies, by=ANA, reason="", now=datetime.now(UTC), settings=self.settings)

    def lying(self) -> dict[str, list[tuple[str, bytes, tuple[str, ...], datetime]]]:
        """Content of the three mailboxes."""
        return {mailbox: lying(self.server, mailbox) for mailbox in (self.anna, self.bob, self.carl)}


@pytest.fixture
def town(sqlite_engine: Engine, settings: Settings, server: dovecot.Server, tmp_path: Path) -> Town:
    number = next(_numbers)
    people = [f"{name}{number}@company.example" for name in ("anna", "bob", "carl")]
    return Town(sqlite_engine, behind_dovecot(settings, server, tmp_path), server, *people)


def with_next_hop(settings: Settings, port: int) -> Settings:
    """Mail goes to this port by LMTP."""
    return replace(settings, relay=replace(settings.relay, next_hop=f"lmtp://127.0.0.1:{port}"))


def uids(client: IMAPClient, folder: str = "INBOX") -> list[int]:
    client.select_folder(folder)
    found: list[int] = client.search()
    return found


def test_what_is_purged_comes_back_as_it_was(town: Town) -> None:
    town.delivered(letter(1), town.anna, town.bob)
    town.delivered(letter(2, FRIEND), town.anna, town.carl, author=FRIEND)
    town.delivered(letter(3), town.bob)
    with town.server.client(town.anna) as client:
        client.add_flags(uids(client)[:1], ["\\Seen", "\\Answered", "\\Flagged", "$Label1", "Project"])
        client.append("INBOX", letter(9, "old@other.example"), ["\\Seen"], datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC))
    with town.server.client(town.bob) as client:
        client.create_folder("Archiv/Räume")
        client.move(uids(client)[:1], "Archiv/Räume")
    before = town.lying()

    purge = town.decides(Verb.PURGE)
    assert (purge.count, purge.recalling) == (3, 3)
    assert purge.sentence.startswith("Removing; 3 being removed from mailboxes; late copies from wave@phisher.example are caught")
    done = town.recalled(purge)
    assert (done.done, done.sentence.partition(";")[0]) == (3, "Removed 3 messages")
    assert sorted(item.why for item in done.items) == [
        "It was in Archiv/Räume, unread.",
        "It was in INBOX, read and answered.",
        "It was in INBOX, unread.",
    ]
    wave = [copy for copies in before.values() for copy in copies if b"From: Pay <wave@" in copy[1]]
    assert len(wave) == 3
    assert town.lying() == {mailbox: [copy for copy in copies if copy not in wave] for mailbox, copies in before.items()}

    undone = town.recalled(town.undoes(purge))
    assert (undone.done, undone.count) == (3, 3)
    assert town.lying() == before
    assert town.recalled(town.decides(Verb.PURGE)).done == 3
    assert town.recalled(town.decides(Verb.RESTORE)).done == 3
    assert town.lying() == before


def test_every_copy_that_its_owner_made_is_taken_and_comes_back(town: Town) -> None:
    town.delivered(letter(1), town.anna)
    with town.server.client(town.anna) as client:
        client.create_folder("Keep")
        client.copy(uids(client), "Keep")
        client.add_flags(uids(client, "Keep"), ["\\Seen"])
    before = town.lying()
    purge = town.recalled(town.decides(Verb.PURGE))
    assert town.outcome(purge) == ("done", "It was in INBOX, unread; in Keep, read.")
    assert town.lying()[town.anna] == []
    town.recalled(town.undoes(purge))
    assert town.lying() == before


def test_a_forged_mail_that_reuses_a_message_id_takes_no_genuine_mail_away(town: Town) -> None:
    genuine = letter(1, FRIEND, message_id="<one@other.example>")
    town.delivered(genuine, town.anna, author=FRIEND)
    town.delivered(letter(2, message_id="<one@other.example>"), town.anna)
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(3, FRIEND, message_id="<one@other.example>"))  # mail that never came through us
        client.create_folder("Sent")
        client.append("Sent", letter(4, "anna@company.example", more="In-Reply-To: <one@other.example>\r\n"))
    before = town.lying()[town.anna]
    purge = town.recalled(town.decides(Verb.PURGE))
    outcome, why = town.outcome(purge)
    assert outcome == "done"
    assert why == (
        "It was in INBOX, unread. Left alone: 3 related messages with its Message-ID or about it (replies, forwarded or copied), "
        "in INBOX (2), Sent (1)."
    )
    (taken,) = [copy for copy in before if copy not in town.lying()[town.anna]]
    assert b"Pay 2." in taken[1]

    left = town.lying()
    seen = town.beside(purge)
    assert town.report(purge).related == 2
    assert [(one.folder, one.bears, one.ours, one.author, one.subject) for one in seen] == [
        ("INBOX", True, True, FRIEND, "invoice 1"),
        ("INBOX", True, False, FRIEND, "invoice 3"),
        ("Sent", False, False, "anna@company.example", "invoice 4"),
    ]
    with pytest.raises(NotAllowedNow, match="came through Mailroom"):
        town.takes(purge, seen[0].id)
    take = town.recalled(town.takes(purge, seen[1].id))
    assert (take.sentence, town.report(purge).related) == ("Removed 1 of 1 related message from 1 mailbox.", 1)
    (taken,) = [copy for copy in left[town.anna] if copy not in town.lying()[town.anna]]
    assert b"Pay 3." in taken[1]
    assert [(item.outcome, item.why) for item in take.items] == [("done", "It was in INBOX, unread.")]
    with pytest.raises(NotAllowedNow, match="already removed"):
        town.takes(purge, seen[1].id)
    assert town.recalled(town.undoes(take)).done == 1
    assert town.lying() == left


def test_folders_and_keywords_with_a_bracket_are_names_like_others(town: Town) -> None:
    town.delivered(letter(1), town.anna)
    with town.server.client(town.anna) as client:
        client.create_folder("[odd")
        client.move(uids(client), "[odd")
        client.select_folder("[odd")
        client._imap.uid("STORE", "1", "+FLAGS", "([key \\Seen)")
        assert b"[key" in client._imap.uid("FETCH", "1", "(FLAGS)")[1][0]
    purge = town.recalled(town.decides(Verb.PURGE))
    assert town.outcome(purge) == ("done", "It was in [odd, read.")
    assert town.recalled(town.undoes(purge)).done == 1
    with town.server.client(town.anna) as client:
        client.select_folder("[odd")
        (flags,) = client._imap.uid("FETCH", "1:*", "(FLAGS)")[1]
    assert b"[key" in flags
    assert b"\\Seen" in flags


def test_a_view_of_what_lies_elsewhere_is_not_counted_twice(settings: Settings, sqlite_engine: Engine, tmp_path: Path) -> None:
    """RFC 6154: a folder that the server names \\All shows every message; what it alone holds is found there."""
    with dovecot.running(more="namespace inbox {\n  mailbox Everything {\n    special_use = \\All\n    auto = create\n  }\n}\n") as server:
        town = Town(sqlite_engine, behind_dovecot(settings, server, tmp_path), server, ANNA, BOB, CARL)
        town.delivered(letter(1), ANNA)
        town.delivered(letter(2), BOB)
        with server.client(ANNA) as client:
            client.append("INBOX", letter(8, OLD))
            client.copy(uids(client), "Everything")
        with server.client(BOB) as client:
            client.move(uids(client), "Everything")
        purge = town.recalled(town.decides(Verb.PURGE))
        assert sorted(item.why for item in purge.items) == ["It was in Everything, unread.", "It was in INBOX, unread."]
        assert swept(town, dry_run=True).sentence == f"Counted 1 message from {OLD} in 3 mailboxes."


def test_a_groups_mail_is_taken_from_each_member_and_comes_back(town: Town) -> None:
    everybody = f"all{next(_numbers)}@company.example"
    people = (town.anna, town.bob, town.carl)
    with db.transaction(town.engine) as session:
        for mailbox in people:
            session.merge(KnownRecipient(address=mailbox, kind="legacy", department="it", person="", mailbox=mailbox))
        session.merge(MailGroup(address=everybody, name="All", department="it", members=list(people)))
    (parent,) = town.delivered(letter(1), everybody)
    with db.read_transaction(town.engine) as session:
        copies = list(session.scalars(select(col(Delivery.id)).where(col(Delivery.parent_id) == parent)))
    town.relayed(copies)
    before = town.lying()
    assert [len(messages) for messages in before.values()] == [1, 1, 1]
    purge = town.recalled(town.decides(Verb.PURGE, Selection.of(ids=(parent,))))
    assert (purge.done, set(town.states([parent, *copies]))) == (4, {State.PURGED})
    assert not any(town.lying().values())
    assert town.recalled(town.undoes(purge)).done == 4
    assert (town.lying(), set(town.states([parent, *copies]))) == (before, {State.DELIVERED})


def test_what_its_owner_moved_since_is_not_taken(town: Town) -> None:
    town.delivered(letter(1), town.anna)
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, FRIEND, more="In-Reply-To: <1.wave@phisher.example>\r\n"))
    purge = town.recalled(town.decides(Verb.PURGE))
    (reply,) = town.beside(purge)
    assert not reply.bears
    with town.server.client(town.anna) as client:
        client.create_folder("Keep")
        client.move(uids(client), "Keep")
    before = town.lying()
    take = town.recalled(town.takes(purge, reply.id))
    assert take.sentence == "Removed 0 of 1 related message from 1 mailbox; 1 no longer there."
    assert town.lying() == before


def test_what_was_to_be_taken_along_is_free_again_when_that_is_undone_before(town: Town) -> None:
    town.delivered(letter(1), town.anna)
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, FRIEND, more="References: <1.wave@phisher.example>\r\n"))
    purge = town.recalled(town.decides(Verb.PURGE))
    (reply,) = town.beside(purge)
    take = town.takes(purge, reply.id)
    assert (take.mailboxes_left, town.report(purge).related) == (1, 0)
    town.undoes(take)
    before = town.lying()
    town.recalled(take)
    assert (town.report(purge).related, town.lying()) == (1, before)


def test_a_copy_whose_trace_field_a_server_took_out_is_known_by_what_it_says(town: Town) -> None:
    raw = letter(1, more="Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")
    town.delivered(raw, town.anna)
    with town.server.client(town.anna) as client:
        client.delete_messages(uids(client))
        client.expunge()
        rewritten = raw.replace(b"8bit", b"quoted-printable").replace(b"Pay 1.", b"P=61y 1.  ")
        client.append("INBOX", rewritten, ["\\Seen"])
        client.append("INBOX", raw.replace(b"Pay 1.", b"Pay 7."))  # says something else
    purge = town.recalled(town.decides(Verb.PURGE))
    assert town.outcome(purge)[0] == "done"
    assert [b"Pay 7." in copy[1] for copy in town.lying()[town.anna]] == [True]


def test_what_its_owner_deleted_is_already_gone_and_is_not_put_back(town: Town) -> None:
    (mail,) = town.delivered(letter(1), town.anna)
    with town.server.client(town.anna) as client:
        client.delete_messages(uids(client))
        client.expunge()
    purge = town.recalled(town.decides(Verb.PURGE))
    assert purge.already_gone == 1
    assert purge.sentence.startswith("Removed 0 messages; 1 not there any more")
    assert town.outcome(purge) == ("already gone", "It was not in the mailbox any more.")
    assert town.states([mail]) == [State.PURGED]
    undone = town.recalled(town.undoes(purge))
    assert town.outcome(undone) == ("done", "Its owner had deleted it before; nothing was put back.")
    assert (town.states([mail]), town.lying()[town.anna]) == ([State.DELIVERED], [])


def test_bytes_are_secured_where_our_own_are_erased(town: Town) -> None:
    (mail,) = town.delivered(letter(1), town.anna)
    with db.transaction(town.engine) as session:
        session.execute(update(Content).values(zstd=None))
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(erased_at=datetime.now(UTC)))
    before = town.lying()
    purge = town.recalled(town.decides(Verb.PURGE))
    assert town.lying()[town.anna] == []
    town.recalled(town.undoes(purge))
    assert town.lying() == before


def test_a_folder_that_vanished_gives_way_to_the_inbox(town: Town) -> None:
    town.delivered(letter(1), town.anna)
    with town.server.client(town.anna) as client:
        client.create_folder("Old")
        client.move(uids(client), "Old")
    purge = town.recalled(town.decides(Verb.PURGE))
    with town.server.client(town.anna) as client:
        client.delete_folder("Old")
    undone = town.recalled(town.undoes(purge))
    assert town.outcome(undone) == ("done", "Back in INBOX.")
    assert [copy[0] for copy in town.lying()[town.anna]] == ["INBOX"]


def test_undoing_a_release_takes_the_mail_back_out_of_the_mailbox(town: Town) -> None:
    (mail,) = town.delivered(letter(1), town.anna)
    with db.transaction(town.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(state=State.HELD))
    release = town.decides(Verb.RELEASE, Selection.of(ids=(mail,)))
    with db.transaction(town.engine) as session:
        session.execute(update(Delivery).values(due_at=datetime.now(UTC)))
    town.relayed([mail])
    assert len(town.lying()[town.anna]) == 2
    undone = town.undoes(release)
    assert (undone.recalling, undone.sentence) == (1, "Undoing; 1 being removed from mailboxes.")
    assert town.recalled(undone).done == 1
    assert (town.states([mail]), town.lying()[town.anna]) == ([State.HELD], [])


def test_a_mailbox_that_cannot_be_entered_is_tried_again_and_given_up_in_the_end(town: Town) -> None:
    (mail,) = town.delivered(letter(1), town.anna)
    password = Path(town.settings.recall.password_file)
    password.write_text("wrong")
    purge = town.decides(Verb.PURGE)
    with recalling(town.settings):
        processes.until(lambda: town.outcome(purge)[1], "the first attempt is over")
    outcome, why = town.outcome(purge)
    assert (outcome, town.states([mail])) == ("recalling", [State.RECALLING])
    assert why.startswith("Will be tried again: the IMAP server refuses our sign-in: ")
    town.settings = replace(town.settings, recall=replace(town.settings.recall, give_up_after=0))
    town.due_now()
    assert town.recalled(purge).out_of_reach == 1
    assert (town.states([mail]), len(town.lying()[town.anna])) == ([State.DELIVERED], 1)

    password.write_text(dovecot.MASTER_PASSWORD)
    assert town.recalled(town.decides(Verb.PURGE)).done == 1
    assert town.lying()[town.anna] == []


def test_an_undo_before_anything_was_taken_leaves_the_copy_where_it_is(town: Town) -> None:
    (mail,) = town.delivered(letter(1), town.anna)
    before = town.lying()
    purge = town.decides(Verb.PURGE)
    undone = town.recalled(town.undoes(purge))
    assert town.outcome(undone) == ("done", "It had not been removed yet.")
    assert (town.states([mail]), town.lying()) == ([State.DELIVERED], before)


def test_a_purge_that_meets_a_delivery_on_its_way_takes_it_when_it_has_landed(town: Town) -> None:
    with gate.open_gate(town.server.lmtp_port) as closed:
        town.settings = with_next_hop(town.settings, closed.port)
        (mail,) = town.queued(letter(1), town.anna)
        with relaying(town.settings):
            closed.arrived.wait(processes.HANG)
            purge = town.decides(Verb.PURGE)
            assert purge.in_flight == 1
            assert purge.sentence.startswith("Removed 0 messages; 1 being delivered right now")
            closed.open.set()
            processes.until(lambda: town.states([mail]) == [State.RECALLING], "once it has been delivered")
    assert town.outcome(purge) == ("recalling", "It was delivered before the removal could stop it.")
    assert len(town.lying()[town.anna]) == 1
    assert town.recalled(purge).done == 1
    assert (town.states([mail]), town.lying()[town.anna]) == ([State.PURGED], [])


@pytest.mark.parametrize("held", [False, True])
def test_a_purge_takes_out_what_arrived_without_an_answer(town: Town, held: bool) -> None:
    """Dovecot has it, and nobody heard it say so: the next attempt waits, or somebody holds the message."""
    with gate.swallow_answers(town.server.lmtp_port) as swallower, relaying(with_next_hop(town.settings, swallower.port)):
        (mail,) = town.queued(letter(1), town.anna)
        processes.until(lambda: town.attempted(mail) == ["unanswered"], "the answer is lost")
    before = town.lying()
    assert len(before[town.anna]) == 1
    if held:
        town.decides(Verb.HOLD)
    state = State.HELD if held else State.QUEUED
    assert town.states([mail]) == [state]

    early = town.decides(Verb.PURGE)
    assert (early.recalling, town.states([mail])) == (1, [State.RECALLING])
    town.undoes(early)
    assert (town.states([mail]), town.lying()) == ([state], before)

    purge = town.recalled(town.decides(Verb.PURGE))
    assert (town.outcome(purge), town.states([mail])) == (("done", "It was in INBOX, unread."), [State.PURGED])
    assert town.lying()[town.anna] == []

    undone = town.undoes(purge)
    assert town.recalled(undone).done == 1
    after = (State.HELD, []) if held else (State.DELIVERED, before[town.anna])
    assert (*town.states([mail]), town.lying()[town.anna]) == after


def test_an_undone_release_takes_out_what_arrived_without_an_answer(town: Town) -> None:
    town.settings = replace(town.settings, policy=replace(town.settings.policy, undo_seconds=0))
    (mail,) = town.queued(letter(1), town.anna)
    town.decides(Verb.HOLD)
    release = town.decides(Verb.RELEASE)
    with gate.swallow_answers(town.server.lmtp_port) as swallower, relaying(with_next_hop(town.settings, swallower.port)):
        processes.until(lambda: town.attempted(mail) == ["unanswered"], "the answer is lost")
    assert len(town.lying()[town.anna]) == 1
    undone = town.recalled(town.undoes(release))
    assert (town.outcome(undone)[0], town.states([mail]), town.lying()[town.anna]) == ("done", [State.HELD], [])


def test_what_a_lost_mailbox_held_is_delivered_again_unless_it_is_still_there(town: Town) -> None:
    lost, kept = town.delivered(letter(1), town.anna), town.delivered(letter(2), town.anna)
    (other,) = town.delivered(letter(3), town.bob)
    with town.server.client(town.anna) as client:
        client.delete_messages(uids(client)[:1])
        client.expunge()
    since = datetime.now(UTC) - timedelta(minutes=5)
    again = town.decides(Verb.REDELIVER, Selection.of(person=town.anna.partition("@")[0], delivered_since=since))
    assert (again.count, again.sentence) == (2, "Delivering again; 2 being put back into mailboxes.")
    looked = town.recalled(again)
    assert {item.delivery_id: (item.outcome, item.why) for item in looked.items} == {
        lost[0]: ("done", "It is not there any more, so it is delivered again."),
        kept[0]: ("still there", "It is still there."),
    }
    town.relayed(lost)
    assert [sum(text in copy[1] for copy in town.lying()[town.anna]) for text in (b"Pay 1.", b"Pay 2.")] == [1, 1]
    with pytest.raises(NotAllowedNow, match="purge the second copy"):
        town.undoes(again)
    later = Selection.of(person="anna", delivered_since=datetime.now(UTC) + timedelta(minutes=1))
    with pytest.raises(NotFound):
        town.decides(Verb.REDELIVER, later)

    unchecked = town.decides(Verb.REDELIVER, Selection.of(ids=(other,)), look_first=False)
    assert (unchecked.done, town.states([other])) == (1, [State.QUEUED])


def employs(town: Town, *people: PersonEntry) -> None:
    """The directory says so, from now on."""
    boss = PersonEntry("boss", "Boss", "it", "boss@company.example")
    said = CompanyDirectory((DepartmentEntry("it", "IT"),), (boss, *people), (), boss.mailbox)
    with db.transaction(town.engine) as session:
        directory.apply_directory(session, said, town.settings.company, by=Actor.system("sync"), now=datetime.now(UTC))


@pytest.mark.parametrize("renamed_there", [True, False], ids=["the server has renamed it", "the server has made another one"])
def test_what_lies_in_a_mailbox_that_is_called_otherwise_now_is_found_and_comes_back(town: Town, renamed_there: bool) -> None:
    uid = town.bob.partition("@")[0]
    bob = PersonEntry(uid, "Bob", "it", town.bob, identity=uid)
    robin = replace(bob, uid=f"robin.{uid}", mailbox=f"robin.{uid}@company.example")
    employs(town, bob)
    (mail,) = town.delivered(letter(), town.bob)
    there = lying(town.server, town.bob)
    employs(town, robin)
    if renamed_there:
        homes = town.server.directory / "mail"
        (homes / town.bob).rename(homes / robin.mailbox)
    purge = town.recalled(town.decides(Verb.PURGE))
    assert town.outcome(purge)[0] == "done"
    assert [lying(town.server, mailbox) for mailbox in (town.bob, robin.mailbox)] == [[], []]
    town.recalled(town.undoes(purge))
    assert (town.states([mail]), lying(town.server, robin.mailbox)) == ([State.DELIVERED], there)


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_leavers_mailbox_that_is_somebody_elses_now_is_no_proof_that_it_is_gone(town: Town, handed_over: bool) -> None:
    uid = town.bob.partition("@")[0]
    employs(town, PersonEntry(uid, "Bob", "it", town.bob))
    (mail,) = town.delivered(letter(), town.bob)
    employs(town)
    employs(town, PersonEntry(f"mo.{uid}", "Mo", "it", town.bob))
    if not handed_over:
        with town.server.client(town.bob) as client:
            client.delete_messages(uids(client))
            client.expunge()
    purge = town.recalled(town.decides(Verb.PURGE))
    expected = ("done", State.PURGED) if handed_over else ("out of reach", State.DELIVERED)
    assert (town.outcome(purge)[0], *town.states([mail])) == expected
    assert handed_over or town.outcome(purge)[1] == recall_jobs.ANOTHERS
    if handed_over:
        town.undoes(purge)
        assert town.states([mail]) == [State.HELD], "it is Bob's, and no mail of Mo's"


def swept(town: Town, *, dry_run: bool = False, ahead: timedelta = timedelta()) -> DecisionReport:
    """A sweep for the old sender, carried out."""
    return town.recalled(town.sweeps(town.anna, town.bob, town.carl, dry_run=dry_run, ahead=ahead))


def test_a_sweep_takes_what_was_there_before_mailroom_and_its_undo_puts_it_back(town: Town) -> None:
    town.delivered(letter(1, OLD), town.anna, author=OLD)  # came through us: left to a purge
    date = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, OLD), ["\\Seen", "\\Flagged"], date)
        client.append("INBOX", letter(3, "not-" + OLD), [], date)  # SEARCH finds parts of words
        client.append("INBOX", letter(4, OLD, more="X-Mailroom-Message: 0AMSE2P7D3DQD\r\n"), [], date)  # says that it is ours
    with town.server.client(town.bob) as client:
        client.create_folder("Old")
        client.append("Old", letter(5, OLD), ["$Label1"], date)
    before = town.lying()
    counted = swept(town, dry_run=True)
    assert (counted.sentence, counted.undoable, town.lying()) == (f"Counted 3 messages from {OLD} in 3 mailboxes.", False, before)
    with pytest.raises(NotAllowedNow, match="only counted"):
        town.undoes(counted)

    sweep = swept(town)
    assert (sweep.sentence, sweep.mailboxes, sweep.mailboxes_left) == (f"Removed 3 messages from {OLD} in 3 mailboxes.", 3, 0)
    assert sorted(item.why for item in sweep.items) == ["It was in INBOX, read.", "It was in INBOX, unread.", "It was in Old, unread."]
    assert [b"Pay 1." in copy[1] or b"not-old" in copy[1] for copies in town.lying().values() for copy in copies] == [True, True]
    assert swept(town).count == 0  # again: nothing is left

    assert town.recalled(town.undoes(sweep)).done == 3
    assert town.lying() == before


def test_a_sweep_that_a_clock_which_was_ahead_has_dated_begins_now(town: Town) -> None:
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, OLD))
    sweep = swept(town, ahead=timedelta(days=365))
    assert (sweep.done, sweep.mailboxes_left) == (1, 0)


def test_a_sweep_that_died_in_the_middle_enters_nothing_twice(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, OLD))
    taking, calls = ImapMailbox.take, itertools.count()

    def take(mailbox: ImapMailbox, copies: list[Copy]) -> list[Copy]:
        if next(calls) == 0:
            raise Unreachable("secured, and then the line was cut")
        return taking(mailbox, copies)

    monkeypatch.setattr(ImapMailbox, "take", take)
    made = town.sweeps(town.anna)
    with recalling(town.settings):
        processes.until(lambda: town.report(made).count == 1, "it is secured")
    with db.transaction(town.engine) as session:
        session.execute(update(SweptMailbox).where(col(SweptMailbox.due_at).is_not(None)).values(due_at=datetime.now(UTC)))
    done = town.recalled(made)
    assert (done.count, done.done, town.lying()[town.anna]) == (1, 1, [])


def test_what_a_sweep_removed_is_counted_and_comes_back_though_the_server_keeps_another_copy(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
    with town.server.client(town.anna) as client:
        for number in range(2, 6):
            client.append("INBOX", letter(number, OLD), [], date)
    before, expunging = town.lying(), IMAPClient.uid_expunge
    monkeypatch.setattr(IMAPClient, "uid_expunge", lambda client, uids: expunging(client, uids[1:]) if uids[1:] else None)
    made = town.sweeps(town.anna)
    with recalling(town.settings):
        processes.until(lambda: town.report(made).list_unsearched, "the first attempt is over")
    assert (town.report(made).done, town.report(made).recalling) == (3, 1)
    assert town.found() == [State.PURGED] * 3 + [State.RECALLING]
    with db.transaction(town.engine) as session:
        begun = datetime.now(UTC) - timedelta(hours=town.settings.recall.give_up_after)
        session.execute(update(SweptMailbox).values(due_at=datetime.now(UTC), begun_at=begun))
    sweep = town.recalled(made)
    assert (sweep.done, sweep.out_of_reach) == (3, 1)
    assert town.found() == [State.DELIVERED] + [State.PURGED] * 3
    with db.read_transaction(town.engine) as session:
        assert not session.scalar(select(exists().where(ACCEPTED))), "what a sweep could not remove lets nobody in"
    monkeypatch.undo()
    with town.server.client(town.anna) as client:  # in the end the server removes it: nobody could have known
        client.select_folder("INBOX")
        client.expunge()
    assert town.recalled(town.undoes(sweep)).done == 4
    assert sorted(copy[1] for copy in town.lying()[town.anna]) == sorted(copy[1] for copy in before[town.anna])


def test_what_a_sweep_removed_before_the_line_was_cut_is_said_to_be_removed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, OLD))
    taking = ImapMailbox.take

    def take(mailbox: ImapMailbox, copies: list[Copy]) -> list[Copy]:
        taking(mailbox, copies)
        raise Unreachable("removed, and then the line was cut")

    monkeypatch.setattr(ImapMailbox, "take", take)
    made = town.sweeps(town.anna)
    with recalling(town.settings):
        processes.until(lambda: town.report(made).list_unsearched, "the first attempt is over")
    with db.transaction(town.engine) as session:
        session.execute(update(SweptMailbox).where(col(SweptMailbox.due_at).is_not(None)).values(due_at=datetime.now(UTC)))
    sweep = town.recalled(made)
    assert (sweep.done, sweep.already_gone, town.lying()[town.anna]) == (1, 0, [])
    assert town.recalled(town.undoes(sweep)).done == 1


def test_an_undo_meanwhile_ends_a_sweep_and_puts_back_what_is_missing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server removes one copy without a word, and keeps the other."""
    with town.server.client(town.anna) as client:
        for number in (2, 3):
            client.append("INBOX", letter(number, OLD))
    before, taking = town.lying()[town.anna], ImapMailbox.take

    def take(mailbox: ImapMailbox, copies: list[Copy]) -> list[Copy]:
        taking(mailbox, copies[:1])
        raise Unreachable("removed, and then the line was cut")

    monkeypatch.setattr(ImapMailbox, "take", take)
    made = town.sweeps(town.anna)
    with recalling(town.settings):
        processes.until(lambda: town.report(made).list_unsearched, "the first attempt is over")
    assert town.found() == [State.RECALLING] * 2
    undone = town.recalled(town.undoes(made))
    assert (undone.done, town.found(), town.report(made).mailboxes_left) == (2, [State.DELIVERED] * 2, 0)
    assert sorted(copy[1] for copy in town.lying()[town.anna]) == sorted(copy[1] for copy in before)


def test_what_nobody_confirmed_is_not_said_to_be_removed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between our look and our hand its owner deletes it: one that came through us, and one that never did."""
    (mail,) = town.delivered(letter(1), town.anna)
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, OLD))
    taking = ImapMailbox.take

    def take(mailbox: ImapMailbox, copies: list[Copy]) -> list[Copy]:
        with town.server.client(town.anna) as client:
            client.select_folder("INBOX")
            client.delete_messages([copy.uid for copy in copies])
            client.uid_expunge([copy.uid for copy in copies])
        return taking(mailbox, copies)

    monkeypatch.setattr(ImapMailbox, "take", take)
    purge = town.recalled(town.decides(Verb.PURGE))
    assert (purge.done, purge.already_gone) == (0, 1)
    assert purge.sentence.startswith("Removed 0 messages; 1 not there any more;")
    assert town.outcome(purge) == ("already gone", "It was in INBOX, unread. It was gone before it could be removed.")
    assert town.states([mail]) == [State.PURGED]
    sweep = swept(town)
    assert (sweep.done, sweep.already_gone) == (0, 1)
    assert sweep.sentence == f"Removed 0 messages from {OLD} in 3 mailboxes; 1 not there any more."


def test_a_sweep_needs_the_whole_company_and_a_way_in(town: Town) -> None:
    def begin(sender: str = OLD, by: Actor = ANA, settings: Settings = town.settings) -> None:
        with db.transaction(town.engine) as session:
            mailbox_sweep.begin_sweep(session, sender, by=by, reason="", now=datetime.now(UTC), settings=settings)

    with pytest.raises(BadInput, match="is not an address"):
        begin("nobody")
    with pytest.raises(NotAllowed):
        begin(by=Actor.person("sam", Role.TRIAGE, EVERYTHING))
    with pytest.raises(NotAllowed, match="the scope company"):
        begin(by=Actor.person("sam", Role.ADMIN, Scope(departments=frozenset({"it"}))))
    with pytest.raises(NotAllowedNow, match="no access to mailboxes"):
        begin(settings=replace(town.settings, recall=Recall()))
    with pytest.raises(NotAllowedNow, match="needs approval"):
        begin(settings=replace(town.settings, policy=replace(town.settings.policy, approvals=("large-purge",))))


def test_a_sweep_leaves_sealed_mailboxes_alone(town: Town) -> None:
    with town.server.client(town.anna) as client:
        client.append("INBOX", letter(2, OLD))
    before, folder = town.lying(), f"person:{town.anna.partition('@')[0]}"
    with db.transaction(town.engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry(folder, ("somebody.else",))])
    assert (swept(town).count, town.lying()) == (0, before)
    with db.transaction(town.engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry(folder, ("ana",))])
    assert swept(town).count == 1
