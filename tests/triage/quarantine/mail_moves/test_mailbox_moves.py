"""A copy that was moved decides once, as the folder says and as its mover may; which copies there should be, and which message is which."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving, throwaways
from tests.triage.arriving import ANA, BEN, COMPANY, DMARC_FAIL, DMARC_PASS, IDA, NOW, OTTO, SYNC, arrive
from triage import ids
from triage.access import dual_control
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.message.authentication import Result
from triage.quarantine import selection_preview
from triage.quarantine.decisions import approvals, decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.mail_moves import mailbox_moves, mirror_copies, move_requests
from triage.quarantine.mail_moves.answer_text import sheet_lines
from triage.quarantine.mail_moves.mailbox_moves import ALREADY, ASKED, ASSIGNED, DONE, REFUSED, Outcome
from triage.quarantine.mail_moves.move_folders import move_of
from triage.quarantine.mail_moves.move_requests import Answer, RequestContext
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.assignments import Assignment
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import MirrorCopy
from triage.store.models.messages import Message
from triage.store.models.rules import Rule
from triage.store.models.staff import StaffMember

ACCOUNT = "it@company.example"
SOON, LATE = timedelta(seconds=5), timedelta(days=4)


def copied(engine: Engine, settings: Settings, **mail: Any) -> tuple[int, int]:
    """A held message that lies in the account: the delivery and the copy."""
    with db.transaction(engine) as session:
        (delivery,) = arrive(session, settings, **mail)
        return delivery, put(engine, session, delivery)


def put(engine: Engine, session: object, delivery: int, alike: str = "alike") -> int:
    copy = ids.new_id()
    row = MirrorCopy(id=copy, account=ACCOUNT, delivery_id=delivery, folder="joe.fern", digest=str(copy), alike=alike, placed_at=NOW)
    mirror_copies.begin_copy(session, row)  # type: ignore[arg-type]
    return copy


def moves(
    engine: Engine, settings: Settings, copy: int, folder: str, by: Actor = ANA, *, occasion: str = "7.1", later: timedelta = SOON
) -> Outcome:
    moved = {"occasion": occasion, "account": ACCOUNT}
    with db.transaction(engine) as session:
        return mailbox_moves.act_on_move(session, copy, move_of(folder), **moved, by=by, settings=settings, now=NOW + later)


def asks(outcome: Outcome) -> Answer:
    """The answer to a move that only asks."""
    assert (outcome.kind, outcome.why) == (ASKED, "")
    assert outcome.answer
    return outcome.answer


def says_yes(engine: Engine, settings: Settings, answer: Answer, by: Actor = ANA) -> Outcome:
    with db.transaction(engine) as session:
        return mailbox_moves.confirm_move(session, answer.request, answer.token, by=by, settings=settings, now=NOW + SOON)


def decides(engine: Engine, settings: Settings, delivery: int, verb: Verb) -> int:
    with db.transaction(engine) as session:
        return decisions.decide_messages(session, DecisionRequest(Selection(ids=(delivery,)), verb), by=ANA, now=NOW, settings=settings).id


def state(engine: Engine, delivery: int) -> str:
    with db.read_transaction(engine) as session:
        return session.get_one(Delivery, delivery).state


def number_of_decisions(engine: Engine) -> int:
    with db.read_transaction(engine) as session:
        return len(session.scalars(select(Decision)).all())


@pytest.mark.parametrize(
    ("folder", "becomes"),
    [
        ("Release", State.QUEUED),
        ("Allow sender", State.QUEUED),
        ("Remove", State.PURGED),
        ("Reject/not-wanted", State.REJECTED),
        ("Redirect/mara.berg", State.QUEUED),
        ("Redirect/mara_berg", State.QUEUED),  # where names know no dots
        ("Redirect/it", State.QUEUED),
    ],
)
def test_it_decides_once_however_often_it_is_moved(known: Engine, settings: Settings, folder: str, becomes: State) -> None:
    settings = replace(settings, relay=replace(settings.relay, next_hop="smtp://127.0.0.1:25"))  # a way out for the rejection
    dmarc = replace(DMARC_PASS, aligned=("dkim", "spf"))
    delivery, copy = copied(known, settings, dmarc=dmarc, spf=Result.PASS)
    first = moves(known, settings, copy, folder)
    assert (first.why, first.kind) == ("", DONE)
    assert moves(known, settings, copy, folder) == first  # the server had not heard of it
    other = "Remove" if becomes is State.QUEUED else "Release"
    verb = {"Remove": "Removed", "Reject": "Rejected", "Redirect": "Redirected"}.get(folder.partition("/")[0], "Released")
    assert moves(known, settings, copy, other) == Outcome(ALREADY, f"{verb} by Ana Roth 0 seconds ago.")
    assert (state(known, delivery), number_of_decisions(known)) == (becomes, 1)


def test_what_needs_a_second_look_is_asked_about_and_let_out_by_yes(known: Engine, settings: Settings) -> None:
    folder = "Release"
    delivery, copy = copied(known, settings, dmarc=DMARC_FAIL)
    asked = moves(known, settings, copy, folder)
    answer = asks(asked)
    assert (state(known, delivery), number_of_decisions(known)) == (State.HELD, 0)
    assert moves(known, settings, copy, folder, occasion="7.2") == asked  # the same question, once
    assert "Second look: " in answer.words
    assert "move this message into the folder Yes" in answer.words
    assert says_yes(known, settings, answer).kind == DONE
    with db.read_transaction(known) as session:
        (decision,) = session.scalars(select(Decision))
        assert (decision.by, bool(decision.confirmed), decision.second_by) == ("person:ana", True, "")
    assert state(known, delivery) == State.QUEUED


@pytest.mark.parametrize(
    ("folder", "becomes", "rules", "says"),
    [
        ("Allow domain", State.QUEUED, [("allow", "domain", "supplier.example", "person:joe.fern")], "for Joe Fern"),
        (
            "Block sender",
            State.PURGED,
            [("block", "address", "sales@supplier.example", "person:joe.fern")],
            "sales@supplier.example blocked for Joe Fern.",
        ),
        (
            "Remove everywhere",
            State.PURGED,
            [],
            "Late copies from sales@supplier.example are removed on arrival for 72 hours, for the whole company.",
        ),
    ],
)
def test_what_reaches_more_is_only_asked_for(
    known: Engine, settings: Settings, folder: str, becomes: State, rules: list[tuple[str, ...]], says: str
) -> None:
    delivery, copy = copied(known, settings, dmarc=DMARC_PASS)
    answer = asks(moves(known, settings, copy, folder))
    assert says in answer.words
    assert (state(known, delivery), number_of_decisions(known)) == (State.HELD, 0)
    with db.read_transaction(known) as session:
        (asked,) = session.scalars(select(PendingAct))
        assert approvals.approval_sentence(asked).startswith("Ana Roth asks in a mail program: ")
        assert approvals.list_approvals(session, by=IDA, now=NOW) == [asked]
    done = says_yes(known, settings, answer)
    assert (done.kind, state(known, delivery)) == (DONE, becomes)
    assert done.why.endswith(".")
    assert says_yes(known, settings, answer) == done  # met again, it says the same and does no more
    assert number_of_decisions(known) == 1
    with db.read_transaction(known) as session:
        found = [(one.effect, one.match, one.value, one.scope) for one in session.scalars(select(Rule).where(col(Rule.origin) == "staff"))]
    assert found == rules


def test_the_answer_says_what_the_sheet_says_and_a_changed_count_is_told_anew(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    with db.transaction(known) as session:
        (second,) = arrive(session, settings, "legal+mara.berg@company.example")
    answer = asks(moves(known, settings, copy, "Remove everywhere"))
    assert str(answer.subject) == "Confirm: remove 2 messages everywhere"
    assert "2 messages to 2 people in 2 departments (2 held)." in answer.words
    assert "Senders: sales@supplier.example (2)" in answer.words
    with db.transaction(known) as session:
        (third,) = arrive(session, settings)
    fresh = asks(says_yes(known, settings, answer))
    assert (str(fresh.subject), fresh.request) == ("Confirm: remove 3 messages everywhere", answer.request)
    assert asks(says_yes(known, settings, answer)) == fresh  # the old one says yes to nothing
    assert {state(known, one) for one in (delivery, second, third)} == {State.HELD}
    assert says_yes(known, settings, fresh).why.startswith("Removed 3 messages; late copies ")
    assert {state(known, one) for one in (delivery, second, third)} == {State.PURGED}


def test_everywhere_and_block_blocks_what_the_sheet_ticks(known: Engine, settings: Settings) -> None:
    _, copy = copied(known, settings, author="x0@hostile.example")
    answer = asks(moves(known, settings, copy, "Remove everywhere and block"))
    assert "It blocks 1 address." in answer.words
    assert says_yes(known, settings, answer).why == "Removed “Your order”; blocked 1 address."


def test_a_colleague_confirms_it_in_the_console_and_the_answer_says_so(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    answer = asks(moves(known, settings, copy, "Remove everywhere"))
    with db.transaction(known) as session:
        approvals.confirm_approval(session, answer.request, by=IDA, now=NOW, settings=settings)
        assert move_requests.list_waiting(session, [answer.request], NOW) == set()
    assert state(known, delivery) == State.PURGED
    assert says_yes(known, settings, answer) == Outcome(ALREADY, "Ida Lind already confirmed it.")


@pytest.mark.postgresql
def test_what_a_colleague_declines_this_moment_is_not_done(
    postgresql_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.transaction(postgresql_engine) as session:
        arriving.set_up(session, settings)
    delivery, copy = copied(postgresql_engine, settings)
    answer = asks(moves(postgresql_engine, settings, copy, "Remove everywhere"))

    def decline_meanwhile(made: PendingAct, token: str) -> None:
        with db.transaction(postgresql_engine) as session:
            approvals.decline_approval(session, made.id, by=IDA, now=NOW)

    monkeypatch.setattr(move_requests, "require_current", decline_meanwhile)
    assert says_yes(postgresql_engine, settings, answer) == Outcome(ALREADY, "Ida Lind already declined it.")
    assert state(postgresql_engine, delivery) == State.HELD


def test_who_asked_may_confirm_it_in_the_console_too(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    answer = asks(moves(known, settings, copy, "Remove everywhere"))
    with db.transaction(known) as session:
        approvals.confirm_approval(session, answer.request, by=ANA, now=NOW, settings=settings)
        assert [one.second_by for one in session.scalars(select(Decision))] == [""]
    assert state(known, delivery) == State.PURGED


def test_what_is_left_of_nothing_is_closed(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    answer = asks(moves(known, settings, copy, "Block sender"))
    decides(known, settings, delivery, Verb.RELEASE)
    assert says_yes(known, settings, answer).kind == ALREADY
    with db.read_transaction(known) as session:
        assert list(session.scalars(select(col(PendingAct.state)))) == ["withdrawn"]


def test_a_domain_allowed_for_one_person_needs_no_second_factor(known: Engine, settings: Settings) -> None:
    wide = replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))
    _, copy = copied(known, wide, dmarc=DMARC_PASS)
    by = replace(ANA, factor_due=True)
    answer = asks(moves(known, wide, copy, "Allow domain", by))
    assert says_yes(known, wide, answer, by).kind == DONE


@pytest.mark.parametrize("due", [True, False])
def test_an_answer_says_before_that_the_second_factor_is_given_in_the_console(known: Engine, settings: Settings, due: bool) -> None:
    reach = replace(settings.recall, imap="imaps://store.example")
    large = replace(settings, policy=replace(settings.policy, approval_purge_copies=0), recall=reach)
    delivery, copy = copied(known, large)
    with db.transaction(known) as session:
        (delivered,) = arrive(session, large, "legal+mara.berg@company.example")
        session.get_one(Delivery, delivered).state = State.DELIVERED
    by = replace(ANA, factor_due=due)
    answer = asks(moves(known, large, copy, "Remove everywhere", by))
    assert ("It needs your second factor: confirm it in the console, under Approvals, until " in answer.words) is due
    assert ("into the folder Yes" in answer.words) is not due
    outcome = says_yes(known, large, answer, by)
    assert outcome.kind == (REFUSED if due else DONE)
    if due:
        assert outcome.why == "It needs your second factor: confirm it in the console, under Approvals."
        assert (state(known, delivery), state(known, delivered)) == (State.HELD, State.DELIVERED)
        with db.transaction(known) as session:
            approvals.confirm_approval(session, answer.request, by=ANA, now=NOW, settings=large)
    assert (state(known, delivery), state(known, delivered)) == (State.PURGED, State.RECALLING)


WAVE = "Your parcel waits at our depot. Pay the customs fee of 1.99 within two days, or it goes back to its sender: http://depot.example/"


@pytest.mark.parametrize("is_shared", [True, False], ids=["a department's account", "Ana's own"])
def test_an_answer_names_only_what_lies_in_the_account(known: Engine, settings: Settings, is_shared: bool) -> None:
    pairs = {"departments": (f"it={ACCOUNT.upper()}",)} if is_shared else {"staff": (f"ana={ACCOUNT}",)}
    shared = replace(settings, mirror=replace(settings.mirror, **pairs))  # type: ignore[arg-type]
    _, copy = copied(known, shared, author="x0@hostile.example", text=WAVE)
    with db.transaction(known) as session:
        for author, subject in (("secret@merger.example", "The merger"), ("x0@hostile.example", "Your parcel")):
            arrive(session, shared, "legal+mara.berg@company.example", author=author, subject=subject, text=WAVE)
    answer = asks(moves(known, shared, copy, "Remove everywhere and block"))
    assert str(answer.subject) == "Confirm: remove 3 messages everywhere and block their senders"
    assert "3 messages to 2 people in 2 departments (3 held)." in answer.words
    hidden = ("merger", "Your parcel")
    assert [one in answer.words for one in hidden] == [not is_shared] * 2
    assert ("2 messages lie outside this account: the console shows them." in answer.words) is is_shared
    assert f"Senders: x0@hostile.example ({1 if is_shared else 2})" in answer.words
    assert not any(one in says_yes(known, shared, answer).why for one in hidden)


@pytest.mark.parametrize("is_shared", [True, False], ids=["a department's account", "Ana's own"])
@pytest.mark.parametrize("folder", ["Remove everywhere", "Remove everywhere and block"])
def test_the_note_after_yes_names_only_what_lies_in_the_account(known: Engine, settings: Settings, folder: str, is_shared: bool) -> None:
    """Confirms a fresh answer, after which one message of the wave is left: another department's."""
    pairs = {"departments": (f"it={ACCOUNT}",)} if is_shared else {"staff": (f"ana={ACCOUNT}",)}
    shared = replace(settings, mirror=replace(settings.mirror, **pairs))  # type: ignore[arg-type]
    delivery, copy = copied(known, shared, author="x0@hostile.example", text=WAVE)
    with db.transaction(known) as session:
        said: dict[str, Any] = {"author": "secret@merger.example", "subject": "The merger", "text": WAVE}
        (other,) = arrive(session, shared, "legal+mara.berg@company.example", **said)
    first = asks(moves(known, shared, copy, folder))
    decides(known, shared, delivery, Verb.RELEASE)
    fresh = asks(says_yes(known, shared, first))
    assert "1 message to 1 person in 1 department (1 held)." in fresh.words
    done, again = says_yes(known, shared, fresh), says_yes(known, shared, fresh)
    assert (done.kind, state(known, other), again) == (DONE, State.PURGED, done)
    assert not any("merger" in text.casefold() for text in (str(fresh.subject), fresh.words) if is_shared)
    assert ("Removed “The merger”" in done.why, "Removed 1 message" in done.why) == (not is_shared, is_shared)


def test_an_answer_does_not_name_wanted_senders_of_other_departments(
    known: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    throwaways.weigh_by_subject(monkeypatch)
    shared = replace(settings, mirror=replace(settings.mirror, departments=(f"it={ACCOUNT}",)))
    with db.transaction(known) as session:
        first, *_ = throwaways.wave(session, shared, throwaways.many(4), to=["it+joe.fern@company.example"])
        throwaways.wave(session, shared, ["rosa@customer.example"], to=["legal+mara.berg@company.example"])
        throwaways.write_to(session, shared, "rosa@customer.example")
        row = Selection.of(campaign=session.get_one(Delivery, first).campaign_id, proof=ANY_PROOF)
        request = DecisionRequest(row, Verb.PURGE)
        preview = selection_preview.preview_decision(session, request, by=ANA, settings=shared, now=NOW)
        for account, words in ((ACCOUNT, "senders outside this account"), ("ana@company.example", "rosa@customer.example")):
            shown, _ = move_requests.leave_out_names(session, preview, account, RequestContext(ANA, shared, NOW))
            left = f"Left alone: 1 message from {words}, whose messages are wanted here."
            assert [str(one) for one in sheet_lines(shown, blocks=False) if "Left alone" in one] == [left]


def test_assigned_it_stays_held_and_is_a_colleagues(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (delivery,) = arrive(session, settings, "legal+mara.berg@company.example")
        copy = put(known, session, delivery)
    for _ in range(2):
        assert moves(known, settings, copy, "Assign/ben") == Outcome(ASSIGNED)
    with db.read_transaction(known) as session:
        assert [(one.delivery_id, one.to, one.by) for one in session.scalars(select(Assignment))] == [(delivery, "ben", "person:ana")]
    assert moves(known, settings, copy, "Release") == Outcome(DONE)


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("Assign/nobody", "nobody here has the login nobody."),
        (
            "Redirect/nobody",
            "the directory has no “nobody”; name a person, a department, a distribution list or an address of the company.",
        ),
        ("Reject/gone", "there is no template “gone”; there are not-wanted, wrong-address, no-such-attachments."),
    ],
)
def test_a_folder_that_names_nobody_does_nothing(known: Engine, settings: Settings, folder: str, why: str) -> None:
    delivery, copy = copied(known, settings, dmarc=DMARC_PASS)
    assert moves(known, settings, copy, folder) == Outcome(REFUSED, why)
    assert (state(known, delivery), number_of_decisions(known)) == (State.HELD, 0)


def test_only_an_answer_is_confirmed_and_an_answer_is_no_message(known: Engine, settings: Settings) -> None:
    _, copy = copied(known, settings)
    with db.transaction(known) as session:
        assert mailbox_moves.confirm_move(session, copy, "", by=ANA, settings=settings, now=NOW) == Outcome(
            REFUSED, mailbox_moves.NO_ANSWER
        )
    answer = asks(moves(known, settings, copy, "Remove everywhere"))
    assert moves(known, settings, answer.request, "Release") == Outcome(REFUSED, mailbox_moves.MISPLACED)


@pytest.mark.parametrize(
    ("folder", "becomes"), [("Release", State.QUEUED), ("Remove everywhere", State.PURGED), ("Assign/ida", State.HELD)]
)
def test_very_many_moves_are_one_question(known: Engine, settings: Settings, folder: str, becomes: State) -> None:
    number = 5_000 if folder == "Release" else 30
    with db.transaction(known) as session:
        session.add(StaffMember(login="ida", name="Ida Lind", role="admin", scope=["company"], password_hash="", source="local"))
        first, *rest = [arrive(session, settings, author=f"a{one}@x.example")[0] for one in range(30)]
        session.flush()
        row = db.columns_of(session.get_one(Delivery, first))
        more = [row | {"id": ids.new_id(), "recipient": f"r{one}@company.example"} for one in range(number - 30)]
        db.insert_all(session, Delivery, more)
        copies = [put(known, session, one) for one in (first, *rest)]
        like = db.columns_of(session.get_one(MirrorCopy, copies[0]))
        made = [like | {"id": ids.new_id(), "delivery_id": one["id"], "digest": str(one["id"])} for one in more]
        db.insert_all(session, MirrorCopy, made)
        copies += [one["id"] for one in made]
    with db.transaction(known) as session:
        said = {"by": ANA, "account": ACCOUNT, "settings": settings, "now": NOW}
        (outcome,), held = mailbox_moves.ask_about_moves(session, copies, move_of(folder), **said)  # type: ignore[arg-type]
        again, _ = mailbox_moves.ask_about_moves(session, copies, move_of(folder), **said)  # type: ignore[arg-type]
    assert (again, held) == ([outcome], set(copies))
    assert number_of_decisions(known) == 0
    answer = asks(outcome)
    assert f" {number:,} messages" in str(answer.subject)
    assert says_yes(known, settings, answer).kind == DONE
    assert {state(known, one) for one in (first, rest[-1])} == {becomes}
    assert number_of_decisions(known) == (0 if becomes is State.HELD else 1)


@pytest.mark.parametrize(("before", "folder"), [("Remove everywhere", "Remove"), ("Remove everywhere and block", "Remove everywhere")])
def test_a_folder_whose_name_another_one_begins_with_asks_for_itself(known: Engine, settings: Settings, before: str, folder: str) -> None:
    delivery, copy = copied(known, settings, author="x0@hostile.example")
    first = asks(moves(known, settings, copy, before))
    then = moves(known, settings, copy, folder, occasion="7.2")
    if folder == "Remove":
        assert (then, state(known, delivery)) == (Outcome(DONE), State.PURGED)
    else:
        assert asks(then).request != first.request
        assert "block" not in asks(then).words


def test_another_batch_of_as_many_is_another_question(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        copies = [put(known, session, arrive(session, settings, author=f"a{one}@x.example")[0]) for one in range(3)]
        said = {"by": ANA, "account": ACCOUNT, "settings": settings, "now": NOW}
        for some, named in ((copies[:2], "a1@x.example"), ([copies[0], copies[2]], "a2@x.example")):
            (outcome,), _ = mailbox_moves.ask_about_moves(session, some, move_of("Remove"), **said)  # type: ignore[arg-type]
            assert named in asks(outcome).words


def test_what_was_declined_before_it_was_given_back_says_so(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    answer = asks(moves(known, settings, copy, "Remove everywhere"))
    with db.transaction(known) as session:
        approvals.decline_approval(session, answer.request, by=IDA, now=NOW)
    assert moves(known, settings, copy, "Remove everywhere") == Outcome(REFUSED, "Ida Lind already declined it.")  # the account was down
    assert asks(moves(known, settings, copy, "Remove everywhere", occasion="7.2"))
    assert state(known, delivery) == State.HELD


def test_a_batch_with_rules_asks_for_each_person(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        copies = [
            put(known, session, arrive(session, settings, to, dmarc=DMARC_PASS)[0])
            for to in ("it+joe.fern@company.example", "legal+mara.berg@company.example", "it+joe.fern@company.example")
        ]
        said = {"by": ANA, "account": ACCOUNT, "settings": settings, "now": NOW}
        found, _ = mailbox_moves.ask_about_moves(session, copies, move_of("Allow sender"), **said)  # type: ignore[arg-type]
    assert sorted(str(asks(one).subject) for one in found) == [
        "Confirm: release 1 message and allow the sender",
        "Confirm: release 2 messages and allow the sender",
    ]
    assert {says_yes(known, settings, asks(one)).kind for one in found} == {DONE}


def test_the_console_was_faster(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    decides(known, settings, delivery, Verb.RELEASE)
    assert moves(known, settings, copy, "Remove") == Outcome(ALREADY, "Released by Ana Roth 5 seconds ago.")
    assert (state(known, delivery), number_of_decisions(known)) == (State.QUEUED, 1)


def test_an_old_copy_of_what_is_held_again_decides_nothing(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    decision = decides(known, settings, delivery, Verb.PURGE)
    with db.transaction(known) as session:
        mirror_copies.end_copies(session, [copy], NOW)
        undoing.undo_decision(session, decision, by=ANA, reason="", now=NOW, settings=settings)
        fresh = put(known, session, delivery)
    assert moves(known, settings, copy, "Release").kind == ALREADY
    assert state(known, delivery) == State.HELD
    assert moves(known, settings, fresh, "Release") == Outcome(DONE)


@pytest.mark.parametrize("by", [BEN, OTTO], ids=["another department's", "an auditor"])
def test_whoever_may_not_decide_does_not(known: Engine, settings: Settings, by: Actor) -> None:
    delivery, copy = copied(known, settings)
    outcome = moves(known, settings, copy, "Release", by)
    assert (outcome.kind, bool(outcome.why)) == (REFUSED, True)
    assert (state(known, delivery), number_of_decisions(known)) == (State.HELD, 0)
    assert moves(known, settings, copy, "Release") == Outcome(DONE)


def test_what_waits_for_a_second_person_is_asked_for_once_and_anew_when_that_is_over(known: Engine, settings: Settings) -> None:
    settings = replace(settings, policy=replace(settings.policy, approvals=("risky-release",)))
    delivery, copy = copied(known, settings)
    with db.transaction(known) as session:
        message = session.get_one(Message, session.get_one(Delivery, delivery).message_id)
        signals = [{"name": "name-of-ours", "sentence": "The name is one of ours.", "weight": 45}]
        message.record = replace(message.record, signals=signals)

    def asked() -> list[str]:
        with db.read_transaction(known) as session:
            return list(session.scalars(select(col(PendingAct.state)).order_by(col(PendingAct.id))))

    answers = [asks(moves(known, settings, copy, "Release", occasion=one)) for one in ("7.1", "7.1", "7.2")]
    assert (asked(), len(set(answers))) == (["waiting"], 1)
    assert "A colleague confirms it in the console" in answers[0].words
    refused = says_yes(known, settings, answers[0])
    assert refused == Outcome(REFUSED, "you asked for this: somebody else has to approve it.")
    with db.transaction(known) as session:
        approvals.decline_approval(session, session.scalars(select(col(PendingAct.id))).one(), by=ANA, now=NOW)
    assert says_yes(known, settings, answers[0]).kind == ALREADY
    assert moves(known, settings, copy, "Release", occasion="7.3").kind == ASKED
    assert moves(known, settings, copy, "Release", occasion="7.4", later=LATE).kind == ASKED  # nobody came in time
    assert asked() == ["withdrawn", "waiting", "waiting"]
    with db.transaction(known) as session:
        dual_control.lapse_approvals(session, now=NOW + LATE)
    assert (asked(), state(known, delivery)) == (["withdrawn", "lapsed", "waiting"], State.HELD)


def test_a_copy_that_nobody_remembers_decides_nothing(known: Engine, settings: Settings) -> None:
    assert moves(known, settings, 7, "Release").kind == ALREADY


def test_which_copies_there_should_be(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mine,) = arrive(session, settings, "it+joe.fern@company.example")
        (shared,) = arrive(session, settings, "info@company.example")
        (gone,) = arrive(session, settings, "it+joe.fern@company.example")
        arrive(session, settings, "legal+mara.berg@company.example")
    decides(known, settings, gone, Verb.PURGE)
    with db.transaction(known) as session:
        assert mirror_copies.wanted_copies(session, "it", by=ANA) == {mine: "joe.fern", shared: ""}
        assert mirror_copies.wanted_copies(session, "it", by=BEN) == {}
        assert mirror_copies.find_held(session, gone, NOW) is None
        held = mirror_copies.find_held(session, mine, NOW)
        assert held
        assert held.evidence.why.startswith("sales@supplier.example is not a known sender yet.")

        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:joe.fern", ("ben",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
        assert mirror_copies.wanted_copies(session, "it", by=ANA) == {shared: ""}


def test_a_rewritten_copy_that_is_over_decides_about_no_other_recipients_mail(known: Engine, settings: Settings) -> None:
    first, copy = copied(known, settings)
    with db.transaction(known) as session:
        (second,) = arrive(session, settings, "info@company.example")
        other = put(known, session, second)
    decides(known, settings, first, Verb.PURGE)
    with db.transaction(known) as session:
        mirror_copies.end_copies(session, [copy], NOW)
        assert mirror_copies.by_likeness(session, "alike") is None  # it may be the one of before
        found = {one: mirror_copies.by_likeness(session, "alike", one) for one in (copy, other, 7)}
        assert [row and row.delivery_id for row in found.values()] == [first, second, None]
        assert mirror_copies.by_likeness(session, "else", other) is None  # it only says so


def test_which_message_is_which(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    with db.transaction(known) as session:
        found = mirror_copies.by_digest(session, str(copy))
        assert found
        assert (found.id, mirror_copies.by_digest(session, "other")) == (copy, None)
        assert (mirror_copies.by_likeness(session, "alike"), mirror_copies.by_likeness(session, "")) == (found, None)
        put(known, session, delivery)
        assert mirror_copies.by_likeness(session, "alike") is None  # it could be either
        mirror_copies.end_copies(session, [copy], NOW)
        assert mirror_copies.by_likeness(session, "alike") not in (None, found)
        mirror_copies.forget_copies(session, ACCOUNT, NOW + timedelta(days=91))
        assert [one.id == copy for one in session.scalars(select(MirrorCopy))] == [False]
