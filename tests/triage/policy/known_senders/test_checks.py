"""The second look at known senders: what is held, what only reports, what was usual, and the fuse."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, DMARC_PASS, IDA, NOW, authentication, envelope, summary
from triage import ids
from triage.config.alert_types import FUSE, SUSPICIOUS_DELIVERED, UNLIKE as STOLEN
from triage.config.settings import Policy, Settings
from triage.errors import ApprovalNeeded, NotAllowed, NotFound, SecondLookNeeded
from triage.intake import receive as intake
from triage.intake.explain_verdict import explain_delivery
from triage.intake.simulate import simulate_message
from triage.message.signals.deviations import CHECKS
from triage.message.summary import Attachment, Link, Summary
from triage.notifications.alerts import find_alerts
from triage.policy.decide import UNLIKE
from triage.policy.known_senders import checks, delivered_risky
from triage.policy.known_senders.checks import Mode
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions.decide import decide_messages
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection, selection_condition
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import SenderCheck, SenderChecked

SALES = "sales@supplier.example"
TRACKER = Link("www.partner.example", "https://click.tracker.example/9")
BANK: dict[str, Any] = {"text": "Our bank details have changed, pay today.", "reply_to": ("sales@elsewhere.example",)}
SIGN_IN: dict[str, Any] = {
    "page_parts": ("form", "password"),
    "links": (Link("login.microsoftonline.com", "https://portal.evil.example/x"),),
}
DAY = timedelta(days=1)


@pytest.fixture
def holding(settings: Settings) -> Settings:
    """Checks hold from the first message on."""
    return replace(settings, policy=replace(settings.policy, hold_known_trial_days=0))


def allow(engine: Engine, settings: Settings, sender: str = SALES, **more: object) -> None:
    order = RuleOrder("allow", "address", sender, "company", **more)  # type: ignore[arg-type]
    with db.transaction(engine) as session:
        rules.add_rule(session, order, by=IDA, now=NOW - 90 * DAY, settings=settings, second=ANA)


def came(session: Session, settings: Settings, said: Summary, *, days: int = 0) -> Delivery:
    """A proven message of this sender comes in, so many days from now."""
    at = NOW + days * DAY
    raw = f"From: {said.author}\r\nSubject: {ids.new_id()}\r\n\r\nHello\r\n".encode()
    proven = authentication(said.author, DMARC_PASS)
    (delivery,) = intake.receive_message(session, envelope(at=at), raw, proven, said, settings=settings, now=at)
    return session.get_one(Delivery, delivery)


def judged(engine: Engine, settings: Settings, days: int = 0, sender: str = SALES, **more: Any) -> tuple[str, str, str, str]:
    with db.transaction(engine) as session:
        found = came(session, settings, summary(sender, **more), days=days)
        return found.state, found.rule, found.withheld, found.reason


def test_the_settings_name_every_check() -> None:
    named = next(one for one in fields(Policy) if one.name == "hold_known").metadata["choices"]
    assert list(named) == list(CHECKS)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (BANK, "it mentions new bank details (“bank details have changed”), and replies go to sales@elsewhere.example, not to the sender"),
        (
            SIGN_IN,
            "a form in the message asks for a password and a link shows login.microsoftonline.com and opens portal.evil.example",
        ),
        ({"attachments": (Attachment(1, "order.docm", "application/msword", 9, ""),)}, "it brings a dangerous attachment (order.docm)"),
        ({"subject": "Уour invоice is ready"}, "it uses look-alike letters (“Уour”)"),
    ],
)
def test_a_known_sender_that_is_unlike_itself_is_held(known: Engine, holding: Settings, said: dict[str, Any], reason: str) -> None:
    holding = replace(holding, policy=replace(holding.policy, dangerous_attachments=()))
    allow(known, holding)
    state, rule, withheld, why = judged(known, holding, **said)
    assert (state, rule, withheld) == ("held", UNLIKE, "")
    assert why.startswith(f"{SALES} is a known sender, but this message is unlike their others: {reason}")
    off = replace(holding, policy=replace(holding.policy, hold_known=()))
    assert judged(known, off, **said)[:3] == ("queued", "allowed-sender", "")


def test_for_the_first_days_it_only_reports(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    with db.transaction(known) as session:
        checks.begin_checks(session, settings.policy, now=NOW)
    assert judged(known, settings, 13, **BANK)[:3] == ("queued", "allowed-sender", UNLIKE)
    with db.read_transaction(known) as session:
        (first, *_) = session.scalars(select(Delivery)).one().beside
    assert (first["rule"], first["reason"].partition(":")[0]) == (UNLIKE, "it only reports for now")
    assert judged(known, settings, 14, **BANK)[:2] == ("held", UNLIKE)


def test_a_stranger_is_held_as_one(known: Engine, holding: Settings) -> None:
    assert judged(known, holding, **BANK)[1] == "first-contact"


def test_a_link_that_a_gateway_rewrote_shows_what_it_opens(known: Engine, holding: Settings) -> None:
    allow(known, holding)
    safe = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.partner.example%2Forder&data=05"
    assert judged(known, holding, links=(Link("www.partner.example", safe),))[1] == "allowed-sender"
    hidden = safe.replace("www.partner.example", "www.evil.example")
    assert judged(known, holding, links=(Link("www.partner.example", hidden),))[1] == UNLIKE


def test_what_the_sender_usually_does_is_not_unlike_them(known: Engine, holding: Settings) -> None:
    """Two messages that nobody removed for a week make a tracker usual, and so does one that somebody released."""
    allow(known, holding)
    plain = (Link("Read more", TRACKER.target),)
    for days in (0, 1):
        assert judged(known, holding, days, links=plain)[1] == "allowed-sender"
    assert judged(known, holding, 2, links=(TRACKER,))[1] == UNLIKE
    assert judged(known, holding, 9, links=(TRACKER,))[1] == "allowed-sender"


def test_one_release_makes_it_usual(known: Engine, holding: Settings) -> None:
    allow(known, holding)
    with db.transaction(known) as session:
        held = came(session, holding, summary(SALES, links=(TRACKER,)))
        told = explain_delivery(session, held.id, by=ANA, settings=holding, now=NOW)
        assert (told.then.rule, told.today and told.today.rule) == (UNLIKE, UNLIKE)
        request = DecisionRequest(Selection(ids=(held.id,)), Verb.RELEASE)
        with pytest.raises(SecondLookNeeded) as asked:
            decide_messages(session, request, by=ANA, settings=holding, now=NOW)
        request = replace(request, confirm=("suspicious",), fence=asked.value.fence)
        decide_messages(session, request, by=ANA, settings=holding, now=NOW)
    assert judged(known, holding, links=(TRACKER,))[1] == "allowed-sender"


def test_staff_lets_a_sender_pass_whatever_it_says_with_a_second_person(known: Engine, holding: Settings) -> None:
    order = RuleOrder("allow", "address", SALES, "company", unchecked=True)
    with db.transaction(known) as session, pytest.raises(ApprovalNeeded):
        rules.add_rule(session, order, by=IDA, now=NOW, settings=holding)
    allow(known, holding, unchecked=True)
    assert judged(known, holding, **BANK)[:3] == ("queued", "allowed-sender", "")


def stolen(session: Session, settings: Settings, now: datetime = NOW) -> list[int]:
    return [one.number for one in find_alerts(session, settings, now) if one.cause == STOLEN]


def test_one_sender_disarms_no_check_and_is_told_of(known: Engine, holding: Settings) -> None:
    """However many messages a stolen account sends: a fuse counts senders."""
    holding = replace(holding, policy=replace(holding.policy, hold_known_a_day=2))
    allow(known, holding)
    assert judged(known, holding, **BANK)[1] == UNLIKE
    with db.transaction(known) as session:
        assert stolen(session, holding) == []
    assert [judged(known, holding, **BANK)[1] for _ in range(3)] == [UNLIKE] * 3
    with db.transaction(known) as session:
        (state, *_) = checks.list_checks(session, holding.policy, NOW)
        assert (state.name, state.mode, state.held_today, state.senders_today) == ("bank-details", Mode.HOLDS, 4, 1)
        assert stolen(session, holding) == [4]
        assert stolen(session, holding, NOW + 2 * DAY) == []
        checks.begin_checks(session, holding.policy, now=NOW)
        assert len(list(session.scalars(select(SenderChecked)))) == 1
        checks.begin_checks(session, replace(holding.policy, hold_known=("link-text",)), now=NOW)
        assert list(session.scalars(select(SenderChecked))) == []


def test_at_a_free_mail_provider_each_address_is_a_sender() -> None:
    digests = {
        checks.sender_digest(author, {"mail.example"}) for author in ("a@mail.example", "b@mail.example", "a@x.example", "b@x.example")
    }
    assert len(digests) == 3


def test_a_check_that_holds_too_many_senders_only_reports_until_somebody_resumes_it(known: Engine, holding: Settings) -> None:
    holding = replace(holding, policy=replace(holding.policy, hold_known_a_day=2))
    other = "orders@other.example"
    allow(known, holding)
    allow(known, holding, other)
    senders = SALES, other, other
    assert [judged(known, holding, sender=one, **BANK)[1] for one in senders] == [UNLIKE, UNLIKE, "allowed-sender"]
    assert judged(known, holding, 1, **BANK)[2] == UNLIKE
    assert judged(known, holding, 1, **SIGN_IN)[1] == UNLIKE  # each has a fuse of its own
    with db.transaction(known) as session:
        (told,) = (one for one in find_alerts(session, holding, NOW) if one.cause == FUSE)
        assert told.words.startswith("The check bank-details held 2 messages of many known senders on 2026-11-24.")
        with pytest.raises(NotAllowed):
            checks.resume_check(session, "bank-details", settings=holding, by=ANA, reason="", now=NOW)
        with pytest.raises(NotFound):
            checks.resume_check(session, "account", settings=holding, by=IDA, reason="", now=NOW)
        assert checks.resume_check(session, "bank-details", settings=holding, by=IDA, reason="looked at", now=NOW).mode is Mode.HOLDS
        assert [one for one in find_alerts(session, holding, NOW) if one.cause == FUSE] == []
    assert judged(known, holding, 1, **BANK)[1] == UNLIKE


def test_a_check_that_the_settings_leave_out_is_forgotten_and_begins_anew(known: Engine, settings: Settings) -> None:
    fewer = replace(settings.policy, hold_known=("link-text",))
    with db.transaction(known) as session:
        checks.begin_checks(session, settings.policy, now=NOW)
        checks.begin_checks(session, fewer, now=NOW + 20 * DAY)
        assert list(session.scalars(select(col(SenderCheck.name)))) == ["link-text"]
        checks.begin_checks(session, settings.policy, now=NOW + 20 * DAY)
        modes = checks.current_modes(session, settings.policy, NOW + 21 * DAY)
    assert (modes["link-text"], modes["bank-details"], modes["account"]) == (Mode.HOLDS, Mode.TRIAL, Mode.OFF)


def test_what_was_let_in_and_looks_suspicious_is_told_counted_and_found(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    judged(known, settings)
    judged(known, settings, **SIGN_IN)
    with db.transaction(known) as session:
        (told,) = (one for one in find_alerts(session, settings, NOW) if one.cause == SUSPICIOUS_DELIVERED)
        assert (told.department, told.person, told.number) == ("it", "joe.fern", 1)
        assert [one.cause for one in find_alerts(session, settings, NOW + 2 * DAY) if one.cause == SUSPICIOUS_DELIVERED] == []
        counted = delivered_risky.count_by_day(session, NOW - DAY, NOW + DAY, by=ANA, zone=ZoneInfo("Europe/Berlin"))
        assert dict(counted) == {NOW.date(): 1}
        looked_for = Selection(q="is:queued risk:suspicious signal:page-password rule:unlike-themselves")
        (found,) = session.scalars(select(Delivery).where(selection_condition(looked_for)))
        request = DecisionRequest(Selection(ids=(found.id,)), Verb.PURGE)
        decide_messages(session, request, by=ANA, settings=settings, now=NOW)
        assert [one.cause for one in find_alerts(session, settings, NOW) if one.cause == SUSPICIOUS_DELIVERED] == []


@pytest.mark.parametrize("trial_days", [0, 14])
def test_a_simulation_names_the_checks_that_would_hold_a_known_sender(known: Engine, settings: Settings, trial_days: int) -> None:
    settings = replace(settings, policy=replace(settings.policy, hold_known_trial_days=trial_days))
    allow(known, settings)
    with db.read_transaction(known) as session:
        said, proven = summary(SALES, **SIGN_IN), authentication(SALES, DMARC_PASS)
        (row,) = simulate_message(session, envelope(), proven, said, settings=settings, now=NOW)
        assert (row.checks, row.held) == (("password-form", "link-text"), trial_days == 0)
