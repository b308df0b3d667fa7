"""Confirmations of a second look: without one, no decision, undo, approval or rule releases the message; the audit log keeps them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings as effort, strategies as st
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ALIGNED, ANA, DMARC_FAIL, DMARC_PASS, IDA, NO_DMARC, NOW, authentication, summary
from tests.triage.looking import looked
from triage import ids
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, SecondLookNeeded, Stale
from triage.intake import receive as intake
from triage.message.authentication import Dkim, Dmarc, Result
from triage.message.signals.scan_results import Scan
from triage.message.signals.second_look import NAMES
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import approvals, decide as decisions, decision_plan, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.rules import rule_confirmation, rule_import_export
from triage.quarantine.search import confirmations, listing
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store import ledger
from triage.store.db import transaction
from triage.store.delivery_state import Event, State
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

BANK = "Please note our new bank details for all invoices."
ALLOW = RuleOrder("allow", "address", "", "company")
FORWARDED = Dkim(Result.PASS, "alumni.example")
BOTH = ("dmarc-fails", "suspicious")  # a stranger whose DMARC fails weighs 40
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


class Arrival(NamedTuple):
    """A message as the property makes it."""

    author: str = "sales@supplier.example"
    dmarc: Dmarc = DMARC_PASS
    text: str = "Hello"
    virus: bool = False
    to: str = JOE

    @property
    def names(self) -> set[str]:
        """Reasons for a second look, without severity."""
        ours, proven = self.author.endswith("@company.example"), self.dmarc.result is Result.PASS
        found = {"danger-found"} if self.virus else set()
        found |= {"own-domain-forged"} if ours and not proven else set()
        found |= {"dmarc-fails"} if self.dmarc.result is Result.FAIL and self.dmarc.policy != "none" else set()
        return found | ({"new-bank-details"} if self.text == BANK and not proven else set())


LETTERS = st.builds(
    Arrival,
    st.sampled_from(["sales@supplier.example", "ceo@company.example", "rosa@customer.example"]),
    st.sampled_from([DMARC_PASS, DMARC_FAIL, replace(DMARC_FAIL, policy="quarantine"), replace(DMARC_FAIL, policy="none"), NO_DMARC]),
    st.sampled_from(["Hello", BANK]),
    st.booleans(),
    st.sampled_from([JOE, MARA]),
)


@pytest.fixture
def house(engine: Engine, settings: Settings) -> Engine:
    with transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


def comes(
    session: Session, settings: Settings, arrival: Arrival, *, dkim: tuple[Dkim, ...] = (), list_id: str = "", days: float = 0
) -> int:
    """A message comes in; its delivery."""
    at = NOW + timedelta(days=days)
    found = replace(authentication(arrival.author, replace(arrival.dmarc, domain=arrival.author.rpartition("@")[2])), dkim=dkim)
    said, sent = summary(arrival.author, text=arrival.text, list_id=list_id), arriving.envelope(arrival.to, at=at)
    scan = Scan(virus="Eicar") if arrival.virus else Scan()
    (one,) = intake.receive_message(session, sent, f"{sent.spool_id}".encode(), found, said, settings=settings, now=at, scan=scan)
    return one


def decide(session: Session, settings: Settings, verb: Verb, *messages: int, by: Actor = ANA, days: float = 0, **more: Any) -> Any:
    """Decide about mail by id."""
    now = NOW + timedelta(days=days, minutes=1)
    return decisions.decide_messages(session, DecisionRequest(Selection.of(ids=messages), verb, **more), by=by, now=now, settings=settings)


def release(session: Session, settings: Settings, *messages: int, days: float = 0, **more: Any) -> Any:
    """Release after a look; what was decided."""
    seen = looked(session, settings, Selection.of(ids=messages), Verb.RELEASE, by=ANA)
    return decide(session, settings, Verb.RELEASE, *messages, days=days, **seen | more)


def asks(session: Session, settings: Settings, *messages: int, verb: Verb = Verb.RELEASE) -> tuple[str, ...]:
    """Confirmations that a decision asks for."""
    try:
        with session.begin_nested() as attempt:
            decide(session, settings, verb, *messages)
            attempt.rollback()
    except SecondLookNeeded as need:
        return need.names
    return ()


@effort(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(LETTERS, min_size=1, max_size=5),
    st.sampled_from([Verb.RELEASE, Verb.REDIRECT]),
    st.lists(st.sampled_from(NAMES), max_size=6),
)
def test_what_the_preview_names_is_what_the_refusal_names_and_what_the_record_keeps(
    sqlite_engine: Engine, settings: Settings, letters: list[Arrival], verb: Verb, guess: list[str]
) -> None:
    with sqlite_engine.connect() as connection, connection.begin() as attempt, Session(connection) as session:
        arriving.set_up(session, settings)
        messages = [comes(session, settings, one) for one in letters]
        held = [one for one in messages if session.get_one(Delivery, one).state == State.HELD]
        chosen = Selection.of(ids=tuple(messages))
        more: dict[str, Any] = {"to": MARA} if verb is Verb.REDIRECT else {}
        asked, _ = decision_plan.preview_decision(session, DecisionRequest(chosen, verb), by=ANA, settings=settings)
        names = {one.name for one in asked}
        stay = [arrival for arrival, one in zip(letters, messages, strict=True) if one in held]
        assert names - {"dangerous", "suspicious"} == set().union(*(one.names for one in stay))
        assert {name for one in listing.list_some(session, held, by=ANA) for name in one.second_look} == names
        found = item_list.list_items(session, Selection(states=(State.HELD,)), by=ANA, now=NOW)
        assert {name for item in found.items for name in item.second_look} == names
        seen = looked(session, settings, chosen, verb, by=ANA)
        refused: list[dict[str, Any]] = [{}, {"confirm": sorted(names)}, {"confirm": guess}, {"confirm": guess, "fence": seen.get("fence")}]
        for said in refused if names else ():
            if set(said.get("confirm", ())) == names and said.get("fence"):
                continue
            with pytest.raises(SecondLookNeeded) as need:
                decide(session, settings, verb, *messages, **more, **said)
            assert set(need.value.names) == names
            assert (list(need.value.names), need.value.fence) == (seen["confirm"], seen["fence"])
            assert {session.get_one(Delivery, one).state for one in held} == {State.HELD}
        if held:
            made = decide(session, settings, verb, *messages, **more, **seen)
            assert list(made.confirmed) == [one.name for one in asked]
            details = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == verb.value)).all()
            assert {name for one in details for name in one.get("confirmed", ())} == names
        attempt.rollback()


def test_confirming_what_nobody_asks_is_refused_too(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        mail = comes(session, settings, Arrival())
        with pytest.raises(SecondLookNeeded, match="nothing here needs a second look"):
            decide(session, settings, Verb.RELEASE, mail, confirm=list(NAMES))


def test_a_row_that_changed_meanwhile_is_stale(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        comes(session, settings, Arrival(dmarc=DMARC_FAIL))
        chosen = Selection.of(sender="sales@supplier.example")
        seen = looked(session, settings, chosen, Verb.RELEASE, by=ANA)
        comes(session, settings, Arrival(dmarc=DMARC_FAIL))
        with pytest.raises(Stale):
            decisions.decide_messages(session, DecisionRequest(chosen, Verb.RELEASE, **seen), by=ANA, now=NOW, settings=settings)


@pytest.mark.parametrize(("verb", "asked"), [(Verb.RELEASE, True), (Verb.PURGE, False), (Verb.REJECT, False)])
def test_only_what_lets_out_asks(house: Engine, settings: Settings, verb: Verb, asked: bool) -> None:
    with transaction(house) as session:
        mail = comes(session, settings, Arrival(virus=True))
        if verb is Verb.REJECT:
            assert decision_plan.releases_condition(DecisionRequest(Selection.of(ids=(mail,)), verb), settings) is None
        else:
            assert bool(asks(session, settings, mail, verb=verb)) is asked


def test_mailrooms_own_parts_are_not_asked(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        mail = comes(session, settings, Arrival(virus=True))
        assert decide(session, settings, Verb.RELEASE, mail, by=replace(IDA, kind="system", name="judge")).done == 1


# memory


@pytest.mark.parametrize(
    ("later", "names"),
    [
        ({"days": 89}, ()),
        ({"days": 91}, ("dmarc-fails",)),
        ({"days": 1, "to": MARA}, ("dmarc-fails",)),  # it forwards for one person
        ({"days": 1, "dkim": (Dkim(Result.PASS, "other.example"),)}, ("dmarc-fails",)),
        ({"days": 1, "dkim": ()}, ("dmarc-fails",)),
        ({"days": 1, "virus": True}, ("danger-found", "dangerous")),
        ({"days": 1, "text": BANK}, ("new-bank-details",)),
        ({"days": 1, "author": "rosa@customer.example"}, ()),
    ],
)
def test_a_forwarder_that_was_confirmed_does_not_ask_again(
    house: Engine, settings: Settings, later: dict[str, Any], names: tuple[str, ...]
) -> None:
    with transaction(house) as session:
        first = comes(session, settings, Arrival(dmarc=DMARC_FAIL), dkim=(FORWARDED,))
        assert release(session, settings, first).confirmed == BOTH
        dkim, days = later.get("dkim", (FORWARDED,)), later["days"]
        arrival = Arrival(dmarc=DMARC_FAIL)._replace(**{name: value for name, value in later.items() if name not in ("dkim", "days")})
        second = comes(session, settings, arrival, dkim=dkim, days=days)
        assert asks(session, settings, second) == names
        assert listing.list_some(session, [second], by=ANA)[0].second_look == names


def test_what_was_confirmed_and_undone_asks_again(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        first = comes(session, settings, Arrival(dmarc=DMARC_FAIL), dkim=(FORWARDED,))
        made = release(session, settings, first)
        second = comes(session, settings, Arrival(dmarc=DMARC_FAIL), dkim=(FORWARDED,))
        assert asks(session, settings, second) == ()
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
        assert "dmarc-fails" in asks(session, settings, second)


def test_a_list_that_was_confirmed_once_is_known_to_everybody(house: Engine, settings: Settings) -> None:
    signed = (Dkim(Result.PASS, "lists.example", signs_list=True),)
    with transaction(house) as session:
        first = comes(session, settings, Arrival(dmarc=DMARC_FAIL), dkim=signed, list_id="dev.lists.example")
        release(session, settings, first)
        post = Arrival("rosa@customer.example", DMARC_FAIL, to=MARA)
        assert asks(session, settings, comes(session, settings, post, dkim=signed, list_id="dev.lists.example")) == ()
        assert asks(session, settings, comes(session, settings, post, dkim=(), list_id="dev.lists.example")) == BOTH


# new bank details of somebody who is verified


@pytest.mark.parametrize(
    ("before", "now", "names"),
    [
        ((), DMARC_PASS, ()),
        ((DMARC_PASS,), DMARC_PASS, ()),
        ((ALIGNED,), DMARC_PASS, ("new-bank-details",)),
        ((NO_DMARC,), DMARC_PASS, ("new-bank-details",)),
        ((DMARC_PASS,), replace(DMARC_PASS, aligned=("spf",)), ("new-bank-details",)),
        ((NO_DMARC, DMARC_PASS), DMARC_PASS, ()),
        ((), NO_DMARC, ("new-bank-details", "suspicious")),
        ((DMARC_PASS,), NO_DMARC, ("new-bank-details", "no-longer-verified")),
    ],
)
def test_new_bank_details_ask_where_the_verification_changed(
    house: Engine, settings: Settings, before: tuple[Dmarc, ...], now: Dmarc, names: tuple[str, ...]
) -> None:
    with transaction(house) as session:
        for dmarc in before:
            release(session, settings, comes(session, settings, Arrival(dmarc=dmarc)))
        assert asks(session, settings, comes(session, settings, Arrival(dmarc=now, text=BANK), days=1)) == names


# an author whose earlier messages were verified


@pytest.mark.parametrize(
    ("before", "now", "names"),
    [
        ((), NO_DMARC, ()),
        ((DMARC_PASS,), NO_DMARC, ("no-longer-verified",)),
        ((ALIGNED,), NO_DMARC, ("no-longer-verified",)),
        ((DMARC_PASS,), ALIGNED, ()),
        ((NO_DMARC,), NO_DMARC, ()),
        ((DMARC_PASS, NO_DMARC), NO_DMARC, ("no-longer-verified",)),  # the one that somebody confirmed may have been a forger's
        ((DMARC_PASS, NO_DMARC, NO_DMARC), NO_DMARC, ()),  # most of their messages are not verified
        ((DMARC_PASS, NO_DMARC, NO_DMARC, ALIGNED), NO_DMARC, ("no-longer-verified",)),
    ],
)
def test_an_author_who_is_no_longer_verified_asks_while_most_of_what_was_released_was_verified(
    house: Engine, settings: Settings, before: tuple[Dmarc, ...], now: Dmarc, names: tuple[str, ...]
) -> None:
    with transaction(house) as session:
        for days, dmarc in enumerate(before):
            release(session, settings, comes(session, settings, Arrival(dmarc=dmarc), days=days), days=days)
        last = comes(session, settings, Arrival(dmarc=now), days=len(before))
        assert asks(session, settings, last) == names
        assert listing.list_some(session, [last], by=ANA)[0].second_look == names


def test_a_list_that_passes_on_what_is_no_longer_verified_asks_once(house: Engine, settings: Settings) -> None:
    signed = (Dkim(Result.PASS, "lists.example", signs_list=True),)
    with transaction(house) as session:
        for author in ("sales@supplier.example", "rosa@customer.example"):
            release(session, settings, comes(session, settings, Arrival(author)))
        post = comes(session, settings, Arrival(dmarc=NO_DMARC), dkim=signed, list_id="dev.lists.example")
        assert asks(session, settings, post) == ("no-longer-verified",)
        release(session, settings, post)
        another = Arrival("rosa@customer.example", NO_DMARC, to=MARA)
        assert asks(session, settings, comes(session, settings, another, dkim=signed, list_id="dev.lists.example")) == ()
        assert asks(session, settings, comes(session, settings, another)) == ("no-longer-verified",)


def test_what_came_in_unasked_excuses_no_forger(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        release(session, settings, comes(session, settings, Arrival()))
        for days in (1, 2, 3):  # as while everything is delivered for a while
            released = comes(session, settings, Arrival(dmarc=NO_DMARC), days=days)
            ledger.record_event(
                session, released, Event.RELEASE, by=replace(IDA, kind="system", name="judge"), now=NOW, due_at=NOW, queued_at=NOW
            )
        assert asks(session, settings, comes(session, settings, Arrival(dmarc=NO_DMARC), days=4)) == ("no-longer-verified",)


def test_the_copies_of_one_message_count_once(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        release(session, settings, comes(session, settings, Arrival()))
        sent = arriving.envelope(JOE, MARA, at=NOW + timedelta(days=1))
        found = authentication("sales@supplier.example", NO_DMARC)
        copies = intake.receive_message(
            session, sent, b"once", found, summary("sales@supplier.example"), settings=settings, now=sent.received_at
        )
        release(session, settings, *copies, days=1)
        assert asks(session, settings, comes(session, settings, Arrival(dmarc=NO_DMARC), days=2)) == ("no-longer-verified",)


# rows from before the reasons were kept


@pytest.mark.parametrize(
    "arrival",
    [
        Arrival(),
        Arrival(dmarc=DMARC_FAIL),
        Arrival(virus=True),
        Arrival("ceo@company.example", NO_DMARC),
        Arrival(dmarc=NO_DMARC, text=BANK),
        Arrival("ceo@company.example", DMARC_FAIL, BANK, virus=True),
    ],
)
def test_a_delivery_of_before_is_read_from_its_message(house: Engine, settings: Settings, arrival: Arrival) -> None:
    with transaction(house) as session:
        mail = comes(session, settings, arrival)
        kept = confirmations.reasons_by_delivery(session, [mail])[mail]
        session.execute(update(Delivery).values(second_look=None))
        assert confirmations.reasons_by_delivery(session, [mail])[mail] == kept
        assert set(kept) - {"dangerous", "suspicious"} == arrival.names


# undo


def test_undoing_a_removal_asks_where_it_lets_out_again(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        left, held = (comes(session, settings, Arrival(dmarc=DMARC_FAIL)) for _ in range(2))
        release(session, settings, left)
        removed = decide(session, settings, Verb.PURGE, left, held)
        with pytest.raises(SecondLookNeeded) as need:
            undoing.undo_decision(session, removed.id, by=ANA, reason="", now=NOW, settings=settings)
        found = [(one.name, one.count, one.example) for one in need.value.asked]
        assert found == [(name, 1, left) for name in BOTH]  # the held one is only held again
        said: dict[str, Any] = {"by": ANA, "reason": "", "now": NOW, "settings": settings, "confirm": BOTH}
        with pytest.raises(SecondLookNeeded):
            undoing.undo_decision(session, removed.id, **said)  # without the fence
        with pytest.raises(Stale):
            undoing.undo_decision(session, removed.id, **said, fence="0" * 24)
        undone = undoing.undo_decision(session, removed.id, **said, fence=need.value.fence)
        assert undone.confirmed == BOTH
        assert [session.get_one(Delivery, one).state for one in (left, held)] == [State.QUEUED, State.HELD]


def test_undoing_a_hold_asks_and_undoing_a_release_does_not(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        mail = comes(session, settings, Arrival(dmarc=DMARC_FAIL))
        release(session, settings, mail)
        stopped = decide(session, settings, Verb.HOLD, mail)
        with pytest.raises(SecondLookNeeded) as need:
            undoing.undo_decision(session, stopped.id, by=ANA, reason="", now=NOW, settings=settings)
        said: dict[str, Any] = {"confirm": need.value.names, "fence": need.value.fence}
        undoing.undo_decision(session, stopped.id, by=ANA, reason="", now=NOW, settings=settings, **said)
        again = decide(session, settings, Verb.HOLD, mail)
        assert again.done == 1
        made = release(session, settings, mail)
        assert undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings).done == 1


# allow


@pytest.mark.parametrize(
    ("arrival", "why", "instead"),
    [
        (Arrival("app@company.example", NO_DMARC), "own", "This service is not set up to send as company.example. Ask IT to add it."),
        (Arrival("app@company.example", DMARC_PASS), "own", "Release it without a rule, and ask IT to add a rule for company.example."),
        (Arrival(dmarc=NO_DMARC), "unproven", "Release it without a rule. Allow the sender once one of its messages is proven"),
        (Arrival(dmarc=DMARC_FAIL), "unproven", "Release it without a rule. Allow the sender once one of its messages is proven"),
        (Arrival(dmarc=DMARC_PASS), "", ""),
        (Arrival(dmarc=ALIGNED), "", ""),
    ],
)
def test_allow_is_not_offered_for_ourselves_and_without_a_proof(
    house: Engine, settings: Settings, arrival: Arrival, why: str, instead: str
) -> None:
    with transaction(house) as session:
        mail = comes(session, settings, arrival)
        chosen = Selection.of(ids=(mail,))
        _, refused = decision_plan.preview_decision(session, DecisionRequest(chosen, Verb.RELEASE, rule=ALLOW), by=ANA, settings=settings)
        seen = looked(session, settings, chosen, Verb.RELEASE, by=ANA, rule=ALLOW)
        if not why:
            assert refused == ()
            assert [rule.value for rule in decide(session, settings, Verb.RELEASE, mail, rule=ALLOW, **seen).rules] == [arrival.author]
            return
        assert [(one.sender, one.count, one.why) for one in refused] == [(arrival.author, 1, why)]
        assert refused[0].instead.startswith(instead)
        for order in (ALLOW, replace(ALLOW, value=arrival.author), replace(ALLOW, match="domain")):
            with pytest.raises(BadInput) as fault:
                decide(session, settings, Verb.RELEASE, mail, rule=order, **seen)
            assert refused[0].instead in str(fault.value)
        assert session.get_one(Delivery, mail).state == State.HELD


def test_a_rule_may_rest_on_the_forwarder_whom_it_names(house: Engine, settings: Settings) -> None:
    with transaction(house) as session:
        mail = comes(session, settings, Arrival(dmarc=DMARC_FAIL), dkim=(FORWARDED,))
        pinned = replace(ALLOW, proof="dkim:alumni.example")
        with pytest.raises(BadInput, match="nothing proves"):
            decide(session, settings, Verb.RELEASE, mail, rule=replace(ALLOW, proof="dkim:other.example"))
        seen = looked(session, settings, Selection.of(ids=(mail,)), Verb.RELEASE, by=ANA, rule=pinned)
        assert seen["confirm"] == list(BOTH)
        made = decide(session, settings, Verb.RELEASE, mail, rule=pinned, **seen)
        assert [(rule.value, rule.proof) for rule in made.rules] == [("sales@supplier.example", "dkim:alumni.example")]


def test_a_rule_by_itself_asks_about_what_it_would_let_in(house: Engine, settings: Settings) -> None:
    alone = replace(ALLOW, value="sales@supplier.example")
    with transaction(house) as session:
        comes(session, settings, Arrival(dmarc=DMARC_FAIL))  # somebody else in their name: the rule lets nothing of it in
        assert approvals.add_rule(session, alone, by=IDA, now=NOW, settings=settings).id
        rules.remove_rule(session, session.scalars(select(col(Rule.id))).one(), by=IDA, now=NOW)
        comes(session, settings, Arrival(virus=True))
        with pytest.raises(SecondLookNeeded) as need:
            approvals.add_rule(session, alone, by=IDA, now=NOW, settings=settings)
        assert need.value.names == ("danger-found", "dangerous")
        said: dict[str, Any] = {"confirm": need.value.names, "fence": need.value.fence}
        made = approvals.add_rule(session, alone, by=IDA, now=NOW, settings=settings, **said)
        kept = session.scalars(select(AuditRecord).where(col(AuditRecord.subject) == f"rule:{ids.format_id(made.id)}")).one()
        assert kept.detail["confirmed"] == ["danger-found", "dangerous"]


LINES = """
allow sales@supplier.example scope=department:it
allow rosa@customer.example
block spam@junk.example
"""


def test_rules_from_a_file_ask_once_and_say_which_of_them_ask(house: Engine, settings: Settings) -> None:
    more: dict[str, Any] = {"by": IDA, "now": NOW, "settings": settings}
    with transaction(house) as session:
        comes(session, settings, Arrival(virus=True))
        comes(session, settings, Arrival(virus=True))
        comes(session, settings, Arrival(virus=True, to=MARA))  # beyond the scope of the rule
        comes(session, settings, Arrival("rosa@customer.example"))
        with pytest.raises(SecondLookNeeded) as need:
            rule_import_export.load_rules(session, LINES, **more)
        assert [(one.name, one.count) for one in need.value.asked] == [("danger-found", 2), ("dangerous", 2)]
        assert [(one.value, one.scope, one.names, one.count) for one in need.value.rules] == [
            ("sales@supplier.example", "department:it", ("danger-found", "dangerous"), 2)
        ]
        assert session.scalars(select(Rule)).all() == []
        told = rule_import_export.load_rules(session, LINES.splitlines()[2], **more, asks=False)
        assert (told.made, told.looked.asked) == (1, ())
        said: dict[str, Any] = {"confirm": need.value.names, "fence": need.value.fence}
        for wrong in ({"confirm": need.value.names}, said | {"confirm": NAMES}):
            with pytest.raises(SecondLookNeeded):
                rule_import_export.load_rules(session, LINES, **more, **wrong)
        with pytest.raises(Stale):
            rule_import_export.load_rules(session, LINES, **more, **said | {"fence": "0" * 24})
        loaded = rule_import_export.load_rules(session, LINES, **more, **said)
        assert (loaded.made, loaded.kept) == (2, 1)
        details = [one.detail for one in session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "rule"))]
        assert {one["value"]: one.get("confirmed") for one in details} == {
            "rosa@customer.example": None,
            "sales@supplier.example": ["danger-found", "dangerous"],
            "spam@junk.example": None,
        }


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("allow orders@eu.supplier.example", True),
        ("allow eu.supplier.example", True),
        ("allow supplier.example", False),  # that domain alone
        ("allow .supplier.example", True),
        ("allow .eu.supplier.example", True),
        ("allow list:orders.eu.supplier.example proof=dkim:eu.supplier.example", True),
        ("allow list:other.eu.supplier.example proof=dkim:eu.supplier.example", False),
        ("hold eu.supplier.example note=hacked", False),
    ],
)
def test_every_kind_of_rule_from_a_file_asks(house: Engine, settings: Settings, line: str, asks: bool) -> None:
    signed = (Dkim(Result.PASS, "eu.supplier.example", signs_list=True),)
    with transaction(house) as session:
        author = "orders@eu.supplier.example"
        comes(session, settings, Arrival(author, virus=True), dkim=signed, list_id="orders.eu.supplier.example")
        told = rule_import_export.load_rules(session, line, by=IDA, now=NOW, settings=settings, asks=False)
        assert bool(told.looked.rules) is asks


def test_a_file_that_says_what_is_in_force_asks_nothing(house: Engine, settings: Settings) -> None:
    more: dict[str, Any] = {"by": IDA, "now": NOW, "settings": settings}
    with transaction(house) as session:
        alone = replace(ALLOW, value="sales@supplier.example", until=NOW + timedelta(days=9))
        lapsing = replace(ALLOW, value="supplier.example", match="domain", lapse_days=30)
        for order in (alone, lapsing):
            approvals.add_rule(session, order, **more)
        text = "\n".join(rule_import_export.write_rule_line(rule) for rule in session.scalars(select(Rule)))
        comes(session, settings, Arrival(virus=True))
        loaded = rule_import_export.load_rules(session, text, **more)
        assert (loaded.made, loaded.kept) == (0, 2)
        for line in ("allow sales@supplier.example", "allow sales@supplier.example until=2999-01-01", "allow supplier.example lapse=31"):
            with pytest.raises(SecondLookNeeded):
                rule_import_export.load_rules(session, line, **more)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"note": "x"}, ()),
        ({"until": NOW + timedelta(days=3)}, ()),
        ({"until": NOW + timedelta(days=30)}, ("danger-found", "dangerous")),
        ({"until": None}, ("danger-found", "dangerous")),
        ({"until": None, "lapse_days": 5}, ("danger-found", "dangerous")),  # it may go on for ever
        ({"risky": True}, ("danger-found", "dangerous")),
        ({"proof": "dmarc"}, ()),
        ({"proof": "dkim:alumni.example"}, BOTH),  # only what it lets in now and did not before
        ({"proof": "dkim:other.example"}, ()),
    ],
)
def test_a_change_asks_about_what_a_rule_lets_in_now_and_did_not_before(
    house: Engine, settings: Settings, changes: dict[str, Any], names: tuple[str, ...]
) -> None:
    more: dict[str, Any] = {"by": IDA, "now": NOW, "settings": settings}
    with transaction(house) as session:
        order = replace(ALLOW, value="sales@supplier.example", proof="aligned", until=NOW + timedelta(days=9))
        made = approvals.add_rule(session, order, **more)
        comes(session, settings, Arrival(virus=True))
        comes(session, settings, Arrival(dmarc=DMARC_FAIL), dkim=(FORWARDED,))
        said: dict[str, Any] = {}
        if names:
            with pytest.raises(SecondLookNeeded) as need:
                rule_confirmation.change_rule(session, made.id, changes, **more)
            assert (need.value.names, [one.names for one in need.value.rules]) == (names, [names])
            session.expire_all()
            assert session.get_one(Rule, made.id).until == NOW + timedelta(days=9)
            said = {"confirm": need.value.names, "fence": need.value.fence}
        rule_confirmation.change_rule(session, made.id, changes, **more, **said)
        kept = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "change-rule")).one()
        assert kept.detail.get("confirmed", []) == list(names)


def test_a_rule_that_lapses_is_not_renewed_by_another_change(house: Engine, settings: Settings) -> None:
    more: dict[str, Any] = {"by": IDA, "settings": settings}
    with transaction(house) as session:
        made = approvals.add_rule(session, replace(ALLOW, value="sales@supplier.example", lapse_days=30), **more, now=NOW)
        comes(session, settings, Arrival(virus=True))
        later: dict[str, Any] = more | {"now": NOW + timedelta(days=20)}
        same = rule_confirmation.change_rule(session, made.id, {"note": "x", "lapse_days": 30, "until": None}, **later)
        assert (same.note, same.until) == ("x", NOW + timedelta(days=30))
        assert rule_confirmation.change_rule(session, made.id, {"lapse_days": 5}, **later).until == NOW + timedelta(days=25)
        with pytest.raises(SecondLookNeeded):
            rule_confirmation.change_rule(session, made.id, {"lapse_days": 6}, **later)


# two people


def test_both_people_look(house: Engine, settings: Settings) -> None:
    careful = replace(settings, policy=replace(settings.policy, approvals=("risky-release",)))
    with transaction(house) as session:
        mail = comes(session, careful, Arrival("ceo@company.example", NO_DMARC))
        chosen = Selection.of(ids=(mail,))
        asked: dict[str, Any] = {"by": ANA, "now": NOW, "settings": careful}
        with pytest.raises(SecondLookNeeded):
            decisions.decide_or_ask(session, DecisionRequest(chosen, Verb.RELEASE), **asked)
        seen = looked(session, careful, chosen, Verb.RELEASE, by=ANA)
        waits = decisions.decide_or_ask(session, DecisionRequest(chosen, Verb.RELEASE, **seen), **asked)
        assert isinstance(waits, PendingAct)
        assert waits.order["confirmed"] == ["own-domain-forged", "dangerous"]
        with pytest.raises(SecondLookNeeded) as need:
            approvals.confirm_approval(session, waits.id, by=IDA, now=NOW, settings=careful)
        assert session.get_one(Delivery, mail).state == State.HELD
        said: dict[str, Any] = {"confirm": need.value.names, "fence": need.value.fence}
        confirmed = approvals.confirm_approval(session, waits.id, by=IDA, now=NOW, settings=careful, **said)
        assert session.get_one(Decision, confirmed.result_id).confirmed == ["own-domain-forged", "dangerous"]
        assert session.get_one(Delivery, mail).state == State.QUEUED
