"""Tokens: who may make them, what they may do, until when, and what of them is kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, IDA, NOW, arrive, set_up
from triage.access import api_tokens
from triage.access.api_tokens import LASTS, LONGEST, TokenOrder
from triage.access.scope import may_decide, may_make_rule, verbs_of
from triage.actor import EVERYTHING, Actor, Grant, Role, Scope
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotFound
from triage.ids import format_id
from triage.quarantine.decisions import decide as decisions, mailbox_sweep
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store.db import transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import ApiToken, StaffMember

JOE = "it+joe.fern@company.example"
LEO = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})), "Leo")
ORDER = TokenOrder("nightly export", ("read", "decide"))


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    """A transaction in the small company."""
    with transaction(engine) as opened:
        set_up(opened, settings)
        for one in (IDA, LEO):
            scope = one.scope.words()
            opened.add(StaffMember(login=one.name, name=one.shown, role="admin", scope=scope, password_hash="", source="local"))
        yield opened


def test_a_key_is_shown_once_and_kept_as_a_hash(session: Session) -> None:
    made, key = api_tokens.create_token(session, ORDER, by=IDA, now=NOW)
    kept = session.get_one(ApiToken, made.id)
    assert key.startswith("mailroom_")
    assert key not in repr(kept.model_dump())
    assert (kept.grants, kept.scope, kept.made_by, kept.expires_at) == (["read", "decide"], ["company"], "person:ida", NOW + LASTS)
    (record,) = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "token"))
    assert (record.by, record.subject, record.detail["what"]) == ("person:ida", f"token:{format_id(made.id)}", "create")
    assert key not in repr(record.detail)


def test_its_holder_is_an_actor_of_its_own(session: Session) -> None:
    made, key = api_tokens.create_token(session, replace(ORDER, scope=("department:it",)), by=IDA, now=NOW)
    bearer = api_tokens.find_token_holder(session, key, NOW)
    assert bearer is not None
    actor = bearer.actor
    assert (str(actor), actor.shown, actor.role) == (f"token:{format_id(made.id)}", "nightly export (token)", Role.TRIAGE)
    assert (actor.scope, actor.grants) == (Scope(departments=frozenset({"it"})), frozenset({Grant.READ, Grant.DECIDE}))
    assert api_tokens.find_token_holder(session, key + "x", NOW) is None
    assert api_tokens.find_token_holder(session, "", NOW) is None


def test_it_ends_by_itself_and_at_once_when_revoked(session: Session) -> None:
    made, key = api_tokens.create_token(session, replace(ORDER, until=NOW + timedelta(hours=1)), by=IDA, now=NOW)
    assert api_tokens.find_token_holder(session, key, NOW + timedelta(minutes=59))
    assert api_tokens.find_token_holder(session, key, NOW + timedelta(hours=1)) is None
    api_tokens.revoke_token(session, made.id, by=IDA, now=NOW)
    api_tokens.revoke_token(session, made.id, by=IDA, now=NOW)
    assert api_tokens.find_token_holder(session, key, NOW) is None
    assert api_tokens.find_token_actor(session, format_id(made.id), NOW) is None
    acts = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "token").order_by(col(AuditRecord.id))).all()
    assert [act["what"] for act in acts] == ["create", "revoke"]


GONE: dict[str, dict[str, object]] = {
    "left": {"active": False},
    "no administrator any more": {"role": "triage"},
    "somewhere else now": {"scope": ["department:legal"]},
}


@pytest.mark.parametrize("change", GONE.values(), ids=GONE)
def test_it_is_over_when_its_maker_may_no_longer_what_it_may(session: Session, change: dict[str, object]) -> None:
    made, key = api_tokens.create_token(session, ORDER, by=IDA, now=NOW)
    in_shell, other_key = api_tokens.create_token(
        session, replace(ORDER, name="other"), by=Actor("shell", "root", Role.ADMIN, EVERYTHING), now=NOW
    )
    assert api_tokens.find_orphaned_tokens(session, NOW) == []
    ida = session.get_one(StaffMember, "ida")
    ida.sqlmodel_update(change)
    session.flush()
    assert api_tokens.find_token_holder(session, key, NOW) is None
    assert api_tokens.find_token_actor(session, format_id(made.id), NOW) is None
    assert api_tokens.find_token_holder(session, other_key, NOW)
    assert (api_tokens.end_orphaned_tokens(session, now=NOW), api_tokens.end_orphaned_tokens(session, now=NOW)) == (1, 0)
    record = session.scalars(
        select(AuditRecord).where(col(AuditRecord.subject) == f"token:{format_id(made.id)}", col(AuditRecord.by) == "system:upkeep")
    ).one()
    assert (record.detail["what"], record.detail["why"]) == ("revoke", "person:ida is no administrator of its scope any more")
    ida.sqlmodel_update({"active": True, "role": "admin", "scope": ["company"]})
    session.flush()
    assert api_tokens.find_token_holder(session, key, NOW) is None  # for good: who comes back makes a new one
    assert in_shell.revoked_at is None


def test_nobody_makes_one_that_would_be_over_at_once(session: Session) -> None:
    on_duty = replace(LEO, scope=EVERYTHING)  # for this night
    with pytest.raises(NotAllowed, match="rights that you always have"):
        api_tokens.create_token(session, ORDER, by=on_duty, now=NOW)


def test_its_last_use_is_noted_at_most_every_half_minute(session: Session) -> None:
    made, key = api_tokens.create_token(session, ORDER, by=IDA, now=NOW)

    def unseen(seconds: int) -> bool:
        bearer = api_tokens.find_token_holder(session, key, NOW + timedelta(seconds=seconds))
        return bearer is not None and bearer.unseen

    assert unseen(0)
    api_tokens.touch_token(session, made.id, "192.0.2.7", now=NOW)
    session.expire_all()
    assert (unseen(29), unseen(30)) == (False, True)
    (listed,) = api_tokens.list_tokens(session, by=IDA)
    assert (listed.used_at, listed.client) == (NOW, "192.0.2.7")


@pytest.mark.parametrize("by", [ANA, BEN, Actor("token", "X", Role.ADMIN, Scope(company=True), grants=frozenset({Grant.ADMIN}))])
def test_only_administrators_who_are_people_make_them(session: Session, by: Actor) -> None:
    with pytest.raises(NotAllowed):
        api_tokens.create_token(session, ORDER, by=by, now=NOW)


def test_an_administrator_of_some_folders_makes_sees_and_ends_tokens_for_these_only(session: Session) -> None:
    other, _ = api_tokens.create_token(session, ORDER, by=IDA, now=NOW)
    with pytest.raises(NotAllowed, match="your scope is department:legal"):
        api_tokens.create_token(session, replace(ORDER, name="mine"), by=LEO, now=NOW)
    mine, _ = api_tokens.create_token(session, replace(ORDER, name="mine", scope=("department:legal",)), by=LEO, now=NOW)
    assert [one.id for one in api_tokens.list_tokens(session, by=LEO)] == [mine.id]
    assert [one.id for one in api_tokens.list_tokens(session, by=IDA)] == [mine.id, other.id]
    with pytest.raises(NotFound):
        api_tokens.revoke_token(session, other.id, by=LEO, now=NOW)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (replace(ORDER, name=" "), "name: write 1 to 64"),
        (replace(ORDER, name="a\x1b[2J"), "name: write 1 to 64"),
        (replace(ORDER, grants=()), "grants: name at least one of read, decide, rules, learn, admin"),
        (replace(ORDER, grants=("fly",)), "grants: there is no “fly”"),
        (replace(ORDER, scope=("planet",)), "scope: “planet” is not a scope"),
        (replace(ORDER, scope=("department:nowhere",)), "scope: there is no department “nowhere”"),
        (replace(ORDER, until=NOW), "until: a token expires in the future"),
        (replace(ORDER, until=NOW + LONGEST + timedelta(seconds=1)), "at most 366 days"),
    ],
)
def test_what_cannot_be_is_said(session: Session, order: TokenOrder, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        api_tokens.create_token(session, order, by=IDA, now=NOW)


def test_two_tokens_in_force_have_two_names(session: Session) -> None:
    made, _ = api_tokens.create_token(session, ORDER, by=IDA, now=NOW)
    with pytest.raises(BadInput, match="there already is a token “nightly export”"):
        api_tokens.create_token(session, ORDER, by=IDA, now=NOW)
    api_tokens.revoke_token(session, made.id, by=IDA, now=NOW)
    api_tokens.create_token(session, ORDER, by=IDA, now=NOW)


def test_the_house_itself_asks_for_the_grant(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    reader, decider, ruler = (
        api_tokens.actor_of(api_tokens.create_token(session, TokenOrder(grant, (grant,)), by=IDA, now=NOW)[0])
        for grant in ("read", "decide", "rules")
    )
    with pytest.raises(NotAllowed, match="needs a token with the scope decide; yours has read"):
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(mail,)), Verb.PURGE), by=reader, now=NOW, settings=settings)
    with pytest.raises(NotAllowed, match="scope rules; yours has decide"):
        may_make_rule(session, decider, "company")
    may_make_rule(session, ruler, "company")
    with pytest.raises(NotAllowed):
        may_decide(ruler)
    assert (verbs_of(reader), "purge" in verbs_of(decider)) == ([], True)
    made = decisions.decide_messages(
        session, DecisionRequest(Selection.of(ids=(mail,)), Verb.PURGE), by=decider, now=NOW, settings=settings
    )
    assert (made.by, made.by_shown) == (str(decider), "decide (token)")


def test_a_sweep_takes_mail_away_and_needs_more_than_administration(session: Session, settings: Settings) -> None:
    admin = api_tokens.actor_of(api_tokens.create_token(session, TokenOrder("admin", ("admin",)), by=IDA, now=NOW)[0])
    with pytest.raises(NotAllowed, match="needs a token with the scope decide; yours has admin"):
        mailbox_sweep.begin_sweep(session, "x@bad.example", by=admin, reason="", now=NOW, settings=settings)
