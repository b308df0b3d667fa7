"""The recaller's verbs: claimed by mailbox and once, secured before taken, settled once, tried again in time, given up in the end."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.compliance.retention import expire as retention
from triage.config.settings import Recall, Relay, Settings
from triage.delivery import queue
from triage.delivery.queue import Outcome
from triage.delivery.recall import recall_jobs
from triage.delivery.recall.recall_jobs import Ending, RecallJob
from triage.delivery.recalled_copies import Copy, shared_tail
from triage.errors import NothingDone
from triage.quarantine import delivery_history
from triage.quarantine.decisions import decide as decisions, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Content

SALES = Selection.of(sender="sales@supplier.example")
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
DATE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
TAKEN, MISSING, LATER, BACK = Ending("taken"), Ending("missing"), Ending("deferred", "no answer"), Ending("restored", "Back in INBOX.")
STORED = Outcome("delivered", "250 ok", "lmtp://127.0.0.1:24")


@dataclass
class Office:
    """A company with mail that was delivered, and a recaller that a test plays."""

    engine: Engine
    settings: Settings
    now: datetime = NOW

    def delivered(self, *recipients: str) -> list[int]:
        """Mail that was released and has arrived."""
        found = self.released(*recipients)
        with db.transaction(self.engine) as session:
            for claim in queue.claim_deliveries(session, limit=50, settings=self.settings, now=self.now):
                queue.settle_claim(session, claim, STORED, settings=self.settings, now=self.now)
        return found

    def released(self, *recipients: str) -> list[int]:
        """Mail that is due to leave."""
        with db.transaction(self.engine) as session:
            found = [one for to in recipients or (JOE,) for one in arrive(session, self.settings, to)]
            ledger.record_many(
                session, col(Delivery.id).in_(found), Event.RELEASE, by=ANA, now=self.now, due_at=self.now, queued_at=self.now
            )
        return found

    def on_its_way(self) -> queue.Claim:
        """The only mail that is due, in the relay's hands."""
        with db.transaction(self.engine) as session:
            (claim,) = queue.claim_deliveries(session, limit=5, settings=self.settings, now=self.now)
        return claim

    def lands(self, claim: queue.Claim, outcome: Outcome = STORED) -> None:
        with db.transaction(self.engine) as session:
            queue.settle_claim(session, claim, outcome, settings=self.settings, now=self.now)

    def decides(self, verb: Verb, selected: Selection = SALES, to: str = "") -> DecisionReport:
        with db.transaction(self.engine) as session:
            return decisions.decide_messages(session, DecisionRequest(selected, verb, to=to), by=ANA, now=self.now, settings=self.settings)

    def undoes(self, decision: DecisionReport) -> DecisionReport:
        with db.transaction(self.engine) as session:
            return undoing.undo_decision(session, decision.id, by=ANA, reason="", now=self.now, settings=self.settings)

    def claims(self, mailboxes: int = 10, **more: object) -> list[list[RecallJob]]:
        with db.transaction(self.engine) as session:
            return recall_jobs.claim_mailboxes(session, mailboxes=mailboxes, settings=self.settings, now=self.now, **more)  # type: ignore[arg-type]

    def secures(self, job: RecallJob, *copies: Copy) -> bool:
        with db.transaction(self.engine) as session:
            return bool(recall_jobs.secure_copies(session, [(job, copies)], now=self.now))

    def settles(self, job: RecallJob, ending: Ending) -> bool:
        with db.transaction(self.engine) as session:
            return bool(recall_jobs.settle_jobs(session, [(job, ending)], settings=self.settings, now=self.now))

    def takes(self, *copies: Callable[[RecallJob], Copy]) -> None:
        """Take all recalls that are due, with these copies of each."""
        for job in [job for some in self.claims() for job in some]:
            self.secures(job, *(make(job) for make in copies))
            self.settles(job, TAKEN)

    def delivery(self, one: int) -> Delivery:
        with db.read_transaction(self.engine) as session:
            return session.get_one(Delivery, one)

    def states(self, *some: int) -> list[str]:
        return [self.delivery(one).state for one in some]

    def report(self, decision: DecisionReport) -> dict[int, tuple[str, str]]:
        with db.read_transaction(self.engine) as session:
            return {item.delivery_id: (item.outcome, item.why) for item in outcomes.get_decision(session, decision.id, by=ANA).items}

    def acts(self) -> list[str]:
        with db.read_transaction(self.engine) as session:
            return list(session.scalars(select(col(AuditRecord.act)).order_by(col(AuditRecord.id))))

    def kept(self) -> list[Recalled]:
        with db.read_transaction(self.engine) as session:
            return list(session.scalars(select(Recalled).order_by(col(Recalled.id))))


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    settings = replace(settings, relay=Relay(next_hop="lmtp://127.0.0.1:24"), recall=Recall(imap="imap://127.0.0.1"))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return Office(engine, settings)


def inbox(job: RecallJob) -> Copy:
    """The copy as it was delivered, read."""
    assert job.content
    return Copy("INBOX", ("\\Seen",), DATE, b"Return-Path: <>\r\nX-Mailroom-Message: x\r\n" + job.content, 7, 1)


def archive(job: RecallJob) -> Copy:
    """A second copy that its owner made."""
    return replace(inbox(job), folder="Archive", flags=("\\Seen", "\\Answered", "$Forwarded"), uid=4)


def test_what_is_due_is_claimed_once_and_by_mailbox(office: Office) -> None:
    first, second, third = *office.delivered(JOE), *office.delivered(MARA), *office.delivered(JOE)
    office.decides(Verb.PURGE)
    (joe,) = office.claims(mailboxes=1)
    assert ([one.delivery_id for one in joe], joe[0].mailbox) == ([first, third], "joe.fern@company.example")
    assert office.claims(busy=["mara.berg@company.example"]) == []
    ((mara,),) = office.claims(busy=["joe.fern@company.example"])
    assert (mara.delivery_id, mara.number, mara.place, mara.restoring, mara.sure) == (second, 2, "imap://127.0.0.1", False, True)
    assert mara.content is not None
    assert mara.content.endswith(b"\r\n\r\nHello\r\n")
    assert office.claims() == []
    with db.read_transaction(office.engine) as session:
        assert recall_jobs.next_due(session) == NOW + recall_jobs.LEASE
        begun = session.scalars(select(col(Attempt.number)).where(col(Attempt.delivery_id) == first, col(Attempt.outcome) == ""))
        assert list(begun) == [2]


def test_what_went_to_many_is_held_in_memory_once(office: Office) -> None:
    with db.transaction(office.engine) as session:
        arrive(session, office.settings, JOE, MARA)
    office.decides(Verb.RELEASE)
    office.now += timedelta(seconds=11)
    with db.transaction(office.engine) as session:
        ended = [(one, STORED) for one in queue.claim_deliveries(session, limit=5, settings=office.settings, now=office.now)]
        queue.settle_many(session, ended, settings=office.settings, now=office.now)
    office.decides(Verb.PURGE)
    first, second = [job for some in office.claims() for job in some]
    assert first.mailbox != second.mailbox
    assert first.content is second.content


def test_a_dead_workers_word_no_longer_counts(office: Office) -> None:
    (mail,) = office.delivered()
    office.decides(Verb.PURGE)
    ((dead,),) = office.claims()
    office.now += recall_jobs.LEASE
    ((alive,),) = office.claims()
    assert (dead.number, alive.number) == (2, 3)
    assert not office.secures(dead, inbox(dead))
    assert not office.settles(dead, TAKEN)
    office.settles(alive, TAKEN)
    assert (office.states(mail), office.kept()[0].gone) == ([State.PURGED], True)


def test_what_was_secured_before_a_crash_is_taken_not_already_gone(office: Office) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    ((dead,),) = office.claims()
    office.secures(dead, inbox(dead))
    office.now += recall_jobs.LEASE
    ((alive,),) = office.claims()
    office.secures(alive, replace(inbox(alive), flags=("\\Seen", "\\Deleted")))  # marked by the one who died
    office.settles(alive, TAKEN)
    assert office.report(purge) == {mail: ("done", "It was in INBOX, read.")}
    (kept,) = office.kept()
    assert kept.flags == ["\\Seen"]


@pytest.mark.parametrize(
    ("secured", "ending", "became", "act"),
    [
        ("now", TAKEN, "done", Event.RECALL),
        ("now", MISSING, "already gone", Event.MISS),  # its owner was faster
        ("before", MISSING, "done", Event.RECALL),  # a worker who died may have removed it
        ("never", MISSING, "already gone", Event.MISS),
    ],
)
def test_removed_is_said_only_of_what_was_removed(office: Office, secured: str, ending: Ending, became: str, act: Event) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    if secured != "never":
        office.secures(job, inbox(job))
    if secured == "before":
        office.now += recall_jobs.LEASE
        ((job,),) = office.claims()
    office.settles(job, ending)
    assert (office.states(mail), office.report(purge)[mail][0]) == ([State.PURGED], became)
    assert office.acts()[-1] == act


def test_every_copy_is_kept_beside_the_content_and_comes_back_byte_for_byte(office: Office) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    office.takes(inbox, archive)
    assert office.report(purge) == {mail: ("done", "It was in INBOX, read; in Archive, read, answered and forwarded.")}
    assert [len(row.head or b"") < 100 and row.tail > 60 for row in office.kept()] == [True, True]
    undone = office.undoes(purge)
    assert (undone.restoring, undone.sentence) == (1, "Undoing; 1 being put back into mailboxes.")
    ((job,),) = office.claims()
    assert job.restoring
    assert job.copies == (inbox(job), archive(job))
    office.settles(job, BACK)
    assert (office.states(mail), office.report(undone)) == ([State.DELIVERED], {mail: ("done", "Back in INBOX.")})
    assert [(row.head, row.ended_at) for row in office.kept()] == [(None, NOW), (None, NOW)]


def test_an_unreachable_mailbox_is_tried_again_later_and_later_and_given_up(office: Office) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    pauses = []
    while office.states(mail) == [State.RECALLING]:
        ((job,),) = office.claims()
        office.settles(job, LATER)
        if due := office.delivery(mail).due_at:
            assert office.report(purge) == {mail: ("recalling", "Will be tried again: no answer")}
            pauses.append(due - office.now)
            office.now = due
    assert timedelta(seconds=8) <= pauses[0] <= timedelta(seconds=12)
    assert timedelta(minutes=48) <= pauses[-1] <= timedelta(minutes=72)
    assert timedelta(hours=48) <= office.now - NOW < timedelta(hours=50)
    assert (office.states(mail), office.report(purge)) == ([State.DELIVERED], {mail: ("out of reach", "no answer")})
    assert office.kept() == []


def test_undoing_a_purge_puts_each_mail_back_to_what_it_was(office: Office) -> None:
    (delivered,) = office.delivered()
    (queued,) = office.released()
    with db.transaction(office.engine) as session:
        (held,) = arrive(session, office.settings)
    purge = office.decides(Verb.PURGE)
    assert (purge.done, purge.recalling) == (2, 1)
    office.takes(inbox)
    assert office.states(held, queued, delivered) == [State.PURGED] * 3
    undone = office.undoes(purge)
    assert (undone.done, undone.restoring) == (2, 1)
    assert office.states(held, queued, delivered) == [State.HELD, State.QUEUED, State.RESTORING]
    ((job,),) = office.claims()
    office.settles(job, BACK)
    assert office.states(delivered) == [State.DELIVERED]


def test_a_mailbox_that_refuses_gets_it_delivered_anew(office: Office) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    office.takes(inbox)
    undone = office.undoes(purge)
    ((job,),) = office.claims()
    office.settles(job, Ending("absent", "over quota; it is delivered again."))
    assert (office.states(mail), office.report(undone)) == ([State.QUEUED], {mail: ("done", "over quota; it is delivered again.")})
    assert office.delivery(mail).due_at == NOW


def test_an_undo_that_meets_a_recall_under_way_is_carried_out_when_it_is_through(office: Office) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    office.secures(job, inbox(job))
    undone = office.undoes(purge)
    assert undone.restoring == 1
    office.settles(job, TAKEN)
    assert (office.states(mail), office.report(purge)[mail][0]) == ([State.RESTORING], "done")
    ((back,),) = office.claims()
    office.settles(back, BACK)
    assert (office.states(mail), office.report(undone)[mail][0]) == ([State.DELIVERED], "done")
    row = office.delivery(mail)
    assert (row.back_wanted_by, row.back_to, row.due_at) == (None, "", None)


def test_an_undo_before_anything_was_secured_is_over_at_once(office: Office) -> None:
    """Also while the recall waits for a mailbox that did not answer; and whoever is in the mailbox takes nothing any more."""
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    undone = office.undoes(purge)
    assert (undone.sentence, office.states(mail)) == ("Undid “Your order”.", [State.DELIVERED])
    assert office.report(undone) == {mail: ("done", "It had not been removed yet.")}
    assert office.report(purge) == {mail: ("done", "Cancelled before it was removed.")}
    assert not office.secures(job, inbox(job))
    assert not office.settles(job, TAKEN)
    assert office.states(mail) == [State.DELIVERED]


def test_an_undo_that_meets_a_recall_between_two_attempts_does_not_wait_for_the_next(office: Office) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    office.secures(job, inbox(job))
    office.settles(job, LATER)
    assert office.claims() == []
    office.undoes(purge)
    office.takes(inbox)  # it goes the whole way, since it may be out of the mailbox already
    assert office.states(mail) == [State.RESTORING]


def test_a_recall_given_up_meanwhile_leaves_nothing_to_undo(office: Office) -> None:
    (mail,) = office.delivered()
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    office.secures(job, inbox(job))
    undone = office.undoes(purge)
    office.settles(job, Ending("refused", "no UIDPLUS"))
    assert office.report(purge) == {mail: ("out of reach", "no UIDPLUS")}
    assert (office.states(mail), office.report(undone)) == ([State.DELIVERED], {mail: ("done", "It never left the mailbox.")})


@pytest.mark.parametrize(
    ("ending", "state", "outcome"), [(BACK, State.RECALLING, "recalling"), (Ending("absent", "over quota"), State.PURGED, "done")]
)
def test_a_purge_that_meets_a_mail_being_put_back_is_carried_out_when_it_is_there(
    office: Office, ending: Ending, state: State, outcome: str
) -> None:
    (mail,) = office.delivered()
    first = office.decides(Verb.PURGE)
    office.takes(inbox)
    office.undoes(first)
    ((job,),) = office.claims()
    office.settles(job, LATER)
    assert office.claims() == []
    again = office.decides(Verb.PURGE)
    ((job,),) = office.claims()  # at once, not after the pause
    assert office.report(again) == {mail: ("in flight", "It is being put back right now.")}
    office.settles(job, ending)
    assert (office.states(mail), office.report(again)[mail][0]) == ([state], outcome)
    if state is State.RECALLING:
        office.takes(inbox)
    office.undoes(again)
    assert office.states(mail) == [State.RESTORING if state is State.RECALLING else State.QUEUED]


def test_undoing_a_release_on_its_way_holds_the_mail_again_when_it_has_landed(office: Office) -> None:
    with db.transaction(office.engine) as session:
        (mail,) = arrive(session, office.settings)
    release = office.decides(Verb.RELEASE)
    office.now += timedelta(seconds=11)
    with db.transaction(office.engine) as session:
        (claim,) = queue.claim_deliveries(session, limit=5, settings=office.settings, now=office.now)
    undone = office.undoes(release)
    assert office.report(undone) == {mail: ("in flight", "It will be taken back once it has been delivered.")}
    with db.transaction(office.engine) as session:
        queue.settle_claim(session, claim, STORED, settings=office.settings, now=office.now)
    assert (office.states(mail), office.report(undone)[mail][0]) == ([State.RECALLING], "recalling")
    office.takes(inbox)
    assert (office.states(mail), office.report(undone)[mail][0]) == ([State.HELD], "done")
    assert [row.ended_at is not None for row in office.kept()] == [True]


def test_undoing_a_release_whose_attempt_fails_holds_the_mail_again(office: Office) -> None:
    with db.transaction(office.engine) as session:
        (mail,) = arrive(session, office.settings)
    release = office.decides(Verb.RELEASE)
    office.now += timedelta(seconds=11)
    with db.transaction(office.engine) as session:
        (claim,) = queue.claim_deliveries(session, limit=5, settings=office.settings, now=office.now)
    undone = office.undoes(release)
    with db.transaction(office.engine) as session:
        queue.settle_claim(session, claim, Outcome("deferred", "451 later", "x"), settings=office.settings, now=office.now)
    assert (office.states(mail), office.report(undone)[mail][0]) == ([State.HELD], "done")


def test_a_purge_that_is_undone_before_it_landed_is_over(office: Office) -> None:
    (mail,) = office.released()
    claim = office.on_its_way()
    purge = office.decides(Verb.PURGE)
    office.undoes(purge)
    office.lands(claim)
    assert (office.states(mail), office.report(purge)) == ([State.DELIVERED], {mail: ("done", "Cancelled before it was carried out.")})


def test_of_two_purges_on_the_way_the_first_stands_and_the_second_says_so(office: Office) -> None:
    (mail,) = office.released()
    claim = office.on_its_way()
    first = office.decides(Verb.PURGE)
    with pytest.raises(NothingDone, match=r"^Removed by Ana"):
        office.decides(Verb.PURGE)
    office.lands(claim)
    office.takes(inbox)
    assert (office.states(mail), office.report(first)[mail][0]) == ([State.PURGED], "done")


@pytest.mark.parametrize("purged_first", [True, False])
def test_a_purge_and_an_undo_that_meet_on_the_way_end_in_a_purge(office: Office, purged_first: bool) -> None:
    with db.transaction(office.engine) as session:
        (mail,) = arrive(session, office.settings)
    release = office.decides(Verb.RELEASE)
    office.now += timedelta(seconds=11)
    claim = office.on_its_way()
    undone = None if purged_first else office.undoes(release)
    purge = office.decides(Verb.PURGE)
    if purged_first:
        with pytest.raises(NothingDone, match=r"^Removed by Ana"):
            office.undoes(release)
    office.lands(claim)
    office.takes(inbox)
    assert (office.states(mail), office.report(purge)[mail][0]) == ([State.PURGED], "done")
    if undone:
        assert office.report(undone) == {mail: ("refused", "It was removed in the meantime.")}


@pytest.mark.parametrize(
    ("ending", "state", "outcome"),
    [(STORED, State.DELIVERED, "out of reach"), (Outcome("deferred", "451 later", "x"), State.HELD, "done")],
)
def test_without_a_way_in_an_undo_holds_what_does_not_arrive(office: Office, ending: Outcome, state: State, outcome: str) -> None:
    office.settings = replace(office.settings, recall=Recall())
    with db.transaction(office.engine) as session:
        (mail,) = arrive(session, office.settings)
    release = office.decides(Verb.RELEASE)
    office.now += timedelta(seconds=11)
    claim = office.on_its_way()
    undone = office.undoes(release)
    office.lands(claim, ending)
    assert (office.states(mail), office.report(undone)[mail][0]) == ([state], outcome)
    assert office.delivery(mail).back_wanted_by is None


def test_the_last_copy_of_the_bytes_is_never_deleted(office: Office) -> None:
    """The mailbox is full, and our content was erased: to deliver it again would lose it."""
    (mail,) = office.delivered()
    with db.transaction(office.engine) as session:
        session.execute(update(Content).values(zstd=None))
        session.execute(update(Delivery).values(erased_at=office.now))
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    office.secures(job, Copy("INBOX", (), DATE, b"all of it", 7, 1))
    office.settles(job, TAKEN)
    undone = office.undoes(purge)
    for _ in range(2):
        ((job,),) = office.claims()
        assert job.irreplaceable
        office.settles(job, Ending("deferred", "over quota"))
        office.now += timedelta(hours=office.settings.recall.give_up_after + 1)
    assert (office.states(mail), office.report(undone)[mail][0]) == ([State.RESTORING], "restoring")
    ((job,),) = office.claims()
    assert [copy.raw for copy in job.copies] == [b"all of it"]
    office.settles(job, BACK)
    assert office.states(mail) == [State.DELIVERED]


def test_a_server_that_asks_for_a_pause_gets_it(office: Office) -> None:
    (mail,) = office.released()
    office.lands(office.on_its_way())
    office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    office.settles(job, Ending("deferred", "Server Busy", pause=900))
    assert office.delivery(mail).due_at == office.now + timedelta(seconds=900)


def test_a_worker_of_the_relay_that_died_leaves_it_open_whether_there_is_a_copy(office: Office) -> None:
    """No copy found means that it never arrived, so an undo sends it again."""
    (mail,) = office.released()
    with db.transaction(office.engine) as session:
        queue.claim_deliveries(session, limit=5, settings=office.settings, now=office.now)
    purge = office.decides(Verb.PURGE)
    office.now += queue.LEASE
    with db.transaction(office.engine) as session:
        assert queue.claim_deliveries(session, limit=5, settings=office.settings, now=office.now) == []
    ((job,),) = office.claims()
    assert not job.sure
    office.settles(job, TAKEN)
    assert (office.states(mail), office.report(purge)) == ([State.PURGED], {mail: ("done", "It never arrived.")})
    office.undoes(purge)
    assert office.states(mail) == [State.QUEUED]


CUT = Outcome("unanswered", "no answer after the final dot, so it may have arrived: timed out", "lmtp://127.0.0.1:24")


def in_doubt(office: Office, state: State) -> int:
    """A message that the next hop may have got, in this state."""
    (mail,) = office.released()
    office.lands(office.on_its_way(), CUT)
    if state is State.HELD:
        office.decides(Verb.HOLD)
    if state is State.BOUNCED:
        with db.transaction(office.engine) as session:
            ledger.record_event(session, mail, Event.GIVE_UP, by=ANA, now=office.now, due_at=None)
    assert office.states(mail) == [state]
    return mail


@pytest.mark.parametrize("found", [True, False])
@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.REDIRECT])
def test_an_undone_release_that_got_no_answer_is_looked_for_and_held(office: Office, verb: Verb, found: bool) -> None:
    with db.transaction(office.engine) as session:
        (mail,) = arrive(session, office.settings, JOE)
    release = office.decides(verb, to="person:mara.berg" if verb is Verb.REDIRECT else "")
    office.now += timedelta(minutes=1)
    office.lands(office.on_its_way(), CUT)
    undone = office.undoes(release)
    assert (office.states(mail), office.report(undone)) == ([State.RECALLING], {mail: ("recalling", "It may have been delivered.")})
    ((job,),) = office.claims()
    assert (job.sure, job.mailbox) == (False, "mara.berg@company.example" if verb is Verb.REDIRECT else "joe.fern@company.example")
    if found:
        office.secures(job, inbox(job))
    office.settles(job, TAKEN)
    assert (office.states(mail), office.report(undone)[mail][0], office.claims()) == ([State.HELD], "done", [])
    row = office.delivery(mail)
    assert (row.mailbox, row.back_wanted_by, row.due_at) == ("joe.fern@company.example", None, None)


def test_an_undone_release_is_held_at_once_where_nobody_can_look(office: Office) -> None:
    with db.transaction(office.engine) as session:
        (mail,) = arrive(session, office.settings, JOE)
    release = office.decides(Verb.RELEASE)
    office.now += timedelta(minutes=1)
    office.lands(office.on_its_way(), CUT)
    office.settings = replace(office.settings, recall=Recall())
    assert (office.undoes(release).done, office.states(mail)) == (1, [State.HELD])


IN_DOUBT = (State.HELD, State.QUEUED, State.BOUNCED)


@pytest.mark.parametrize("state", IN_DOUBT)
def test_a_purge_looks_for_what_got_no_answer(office: Office, state: State) -> None:
    mail = in_doubt(office, state)
    purge = office.decides(Verb.PURGE)
    assert (purge.recalling, office.report(purge)) == (1, {mail: ("recalling", "It may have been delivered.")})
    ((job,),) = office.claims()
    assert (job.sure, job.place) == (False, "imap://127.0.0.1")
    office.secures(job, inbox(job))
    office.settles(job, TAKEN)
    assert (office.states(mail), office.report(purge)) == ([State.PURGED], {mail: ("done", "It was in INBOX, read.")})
    office.undoes(purge)
    if state is State.HELD:
        assert (office.states(mail), [one.ended_at for one in office.kept()]) == ([State.HELD], [office.now])
        return
    ((back,),) = office.claims()
    assert [copy.folder for copy in back.copies] == ["INBOX"]
    office.settles(back, BACK)
    assert office.states(mail) == [State.DELIVERED]


@pytest.mark.parametrize(("state", "after"), [(State.HELD, State.HELD), (State.QUEUED, State.QUEUED), (State.BOUNCED, State.HELD)])
@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize("looked", [False, True])
def test_undoing_that_goes_back_to_what_it_was(office: Office, state: State, after: State, claimed: bool, looked: bool) -> None:
    """Whether nothing was found or nobody has looked yet: what was held is not released."""
    mail = in_doubt(office, state)
    purge = office.decides(Verb.PURGE)
    jobs = [one for some in office.claims() for one in some] if claimed or looked else []
    if looked:
        office.settles(jobs[0], TAKEN)
        assert (office.states(mail), office.report(purge)) == ([State.PURGED], {mail: ("done", "It never arrived.")})
    undone = office.undoes(purge)
    assert (office.states(mail), undone.done, undone.under_way) == ([after], 1, 0)
    assert not jobs or not office.secures(jobs[0], inbox(jobs[0]))
    row = office.delivery(mail)
    assert (row.back_wanted_by, row.back_to, row.due_at is None) == (None, "", after is State.HELD)


def test_what_was_held_is_held_again_also_when_the_undo_meets_its_copy_being_taken(office: Office) -> None:
    mail = in_doubt(office, State.HELD)
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    office.secures(job, inbox(job))
    undone = office.undoes(purge)
    assert undone.restoring == 1
    office.settles(job, TAKEN)
    assert (office.states(mail), office.report(undone)[mail][0], office.claims()) == ([State.HELD], "done", [])


def test_a_purge_restored_by_a_person_does_not_release_what_was_held(office: Office) -> None:
    mail = in_doubt(office, State.HELD)
    office.decides(Verb.PURGE)
    office.takes(inbox)
    assert office.decides(Verb.RESTORE).done == 1
    assert (office.states(mail), office.claims()) == ([State.HELD], [])


def test_where_nobody_can_look_it_is_purged_all_the_same_and_says_so(office: Office) -> None:
    mail = in_doubt(office, State.QUEUED)
    purge = office.decides(Verb.PURGE)
    ((job,),) = office.claims()
    office.now += timedelta(hours=office.settings.recall.give_up_after)
    office.settles(job, LATER)
    assert office.states(mail) == [State.PURGED]
    assert office.report(purge) == {mail: ("done", "It may have been delivered, and the mailbox could not be checked: no answer")}


def test_without_a_way_into_the_mailboxes_it_is_purged_at_once(office: Office) -> None:
    mail = in_doubt(office, State.QUEUED)
    office.settings = replace(office.settings, recall=Recall())
    assert (office.decides(Verb.PURGE).done, office.states(mail)) == (1, [State.PURGED])


def test_a_purge_that_meets_an_attempt_without_an_answer_looks_for_it(office: Office) -> None:
    (mail,) = office.released()
    claim = office.on_its_way()
    purge = office.decides(Verb.PURGE)
    office.lands(claim, CUT)
    assert (office.states(mail), office.report(purge)) == ([State.RECALLING], {mail: ("recalling", "It may have been delivered.")})
    undone = office.undoes(purge)
    assert (office.states(mail), undone.done) == ([State.QUEUED], 1)


def test_what_got_no_answer_is_told_with_the_delivery_and_tried_again(office: Office) -> None:
    mail = in_doubt(office, State.QUEUED)
    with db.read_transaction(office.engine) as session:
        shown = delivery_history.get_delivery(session, mail, by=ANA)
    assert any("no answer after the final dot" in past.sentence and past.act == "defer" for past in shown.history)
    office.now += timedelta(hours=2)
    office.lands(office.on_its_way())
    purge = office.decides(Verb.PURGE)
    assert office.report(purge) == {mail: ("recalling", "")}


def test_what_was_taken_can_be_put_back_until_its_retention_time_is_over(office: Office) -> None:
    (mail,) = office.delivered()
    with db.transaction(office.engine) as session:
        session.execute(update(Content).values(zstd=None))
        session.execute(update(Delivery).values(erased_at=NOW))
    purge = office.decides(Verb.PURGE, Selection.of(ids=(mail,)))  # nothing that comes late is caught, so there is nothing else to undo
    ((job,),) = office.claims()
    assert job.content is None
    whole = Copy("INBOX", (), DATE, b"X-Mailroom-Message: x\r\n\r\nall of it\r\n", 7, 1)
    office.secures(job, whole)
    office.settles(job, TAKEN)
    for days, erased in ((29, 0), (31, 1), (31, 0)):
        with db.transaction(office.engine) as session:
            assert retention.forget_recalled_copies(session, settings=office.settings, now=NOW + timedelta(days=days)) == erased
    with pytest.raises(NothingDone, match="erased: the retention period is over"):
        office.decides(Verb.RESTORE, Selection.of(ids=(mail,)))
    with pytest.raises(NothingDone):
        office.undoes(purge)


def test_two_recallers_share_the_mailboxes(office: Office) -> None:
    office.delivered(JOE, MARA, JOE)
    office.decides(Verb.PURGE)
    with db.transaction(office.engine) as session:
        mine = recall_jobs.claim_mailboxes(session, mailboxes=1, settings=office.settings, now=NOW)
        if db.is_postgresql(session):  # another transaction passes over the locked rows; SQLite has one writer
            with db.transaction(office.engine) as other:
                theirs = recall_jobs.claim_mailboxes(other, mailboxes=5, settings=office.settings, now=NOW)
            taken = {job.delivery_id for some in mine + theirs for job in some}
            assert len(taken) == sum(len(some) for some in mine + theirs)
    assert [len(some) for some in mine] == [2]


def test_what_a_recall_did_is_told_with_the_delivery(office: Office) -> None:
    (mail,) = office.delivered()
    office.decides(Verb.PURGE)
    office.takes(inbox)
    with db.read_transaction(office.engine) as session:
        told = [past.sentence for past in delivery_history.get_delivery(session, mail, by=ANA).history]
    assert told[-1] == "Ana Roth: remove. It was in INBOX, read."


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [(b"", b"", 0), (b"abc", b"", 0), (b"xabc", b"abc", 3), (b"abc", b"abc", 3), (b"top\r\nabc", b"abx", 0), (b"1bc", b"2bc", 2)],
)
def test_the_tail_that_two_texts_share(one: bytes, other: bytes, shared: int) -> None:
    assert shared_tail(one, other) == shared_tail(other, one) == shared
