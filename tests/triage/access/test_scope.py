"""Access to messages and acts by scope, confidential folder, role and token, as tables."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import ColumnElement, Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive
from triage import ids
from triage.access import scope as access
from triage.actor import Actor, Grant, Role, Scope
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import NotAllowed
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import StaffMember

LEGAL, JOES, INFOS = "legal+mara.berg@company.example", "it+joe.fern@company.example", "info@company.example"
JOES_TRIAGE = Actor.person("eva", Role.TRIAGE, Scope(persons=frozenset({"joe.fern"})))
BOTH = Actor.person("eva", Role.TRIAGE, Scope(departments=frozenset({"legal"}), persons=frozenset({"joe.fern"})))
NOBODY = Actor.person("eva", Role.TRIAGE, Scope())
LEGAL_ADMIN = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})))
IT_ADMIN = Actor.person("lea", Role.ADMIN, Scope(departments=frozenset({"it"})))
SHELL = Actor.shell("root", "")
TOKEN = replace(ANA, kind="token", name="1", grants=frozenset({Grant.READ}))
DECIDER = replace(TOKEN, grants=frozenset({Grant.READ, Grant.DECIDE}))
RULER = replace(TOKEN, grants=frozenset({Grant.RULES}))
RELAY = Actor.system("relay")
DIRECTIONS = ("in", "bounce", "notice", "outbound", "report", "journal")


class House:
    """A company with a message in each folder, and one of each direction that lies in the IT department's."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self.session, self.settings = session, settings
        arriving.set_up(session, settings)
        self.names = {arrive(session, settings, to)[0]: name for to, name in ((LEGAL, "mara"), (JOES, "joe"), (INFOS, "info"))}
        joes = session.get_one(Delivery, next(one for one, name in self.names.items() if name == "joe"))
        for direction in DIRECTIONS[1:]:
            copy = Delivery(**joes.model_dump() | {"id": ids.new_id(), "recipient": f"{direction}@company.example", "direction": direction})
            session.add(copy)
            self.names[copy.id] = direction
        session.flush()

    def seal(self, folder: str, *staff: str) -> None:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry(folder, staff),))
        directory.apply_directory(self.session, sealed, self.settings.company, by=SYNC, now=NOW)

    def seen(self, where: ColumnElement[bool]) -> set[str]:
        return {self.names[one] for one in self.session.scalars(select(col(Delivery.id)).where(where))}


FOLDERS, READ, FLOWS = {"mara", "joe", "info"}, {"bounce", "notice"}, {"outbound", "report", "journal"}
IN_IT = {"joe", "info"}


@pytest.fixture
def house(sqlite_engine: Engine, settings: Settings) -> Iterator[House]:
    with db.transaction(sqlite_engine) as session:
        yield House(session, settings)


@pytest.mark.parametrize(
    ("by", "decides", "reads", "sees_waiting"),
    [
        (ANA, FOLDERS, FOLDERS | READ, FOLDERS | READ),
        (OTTO, FOLDERS, FOLDERS | READ, FOLDERS | READ),
        (IDA, FOLDERS, FOLDERS | READ, FOLDERS | READ | FLOWS),
        (SHELL, FOLDERS, FOLDERS | READ | FLOWS, FOLDERS | READ | FLOWS),
        (BEN, {"mara"}, {"mara"}, {"mara"}),
        (LEGAL_ADMIN, {"mara"}, {"mara"}, {"mara"}),
        (IT_ADMIN, IN_IT, IN_IT | READ, IN_IT | READ),
        (JOES_TRIAGE, {"joe"}, {"joe"} | READ, {"joe"} | READ),
        (BOTH, {"joe", "mara"}, {"joe", "mara"} | READ, {"joe", "mara"} | READ),
        (NOBODY, set(), set(), set()),
    ],
)
def test_what_one_sees(house: House, by: Actor, decides: set[str], reads: set[str], sees_waiting: set[str]) -> None:
    assert house.seen(access.visible_deliveries(by)) == decides
    assert house.seen(access.readable_deliveries(by)) == reads
    assert house.seen(access.sent_by(by)) == sees_waiting
    assert house.seen(access.countable_deliveries(by)) == decides
    assert house.seen(access.beyond_scope(by)) == FOLDERS - decides


@pytest.mark.parametrize("folder", ["department:it", "person:joe.fern"])
@pytest.mark.parametrize("by", [ANA, BEN, IDA, OTTO, SHELL, DECIDER, JOES_TRIAGE, IT_ADMIN, RELAY])
def test_what_is_sealed_is_counted_and_nothing_else(house: House, folder: str, by: Actor) -> None:
    scope = house.seen(access.visible_deliveries(by))
    house.seal(folder, "hana")
    away = IN_IT if folder == "department:it" else {"joe"}
    closed = set() if by is RELAY else away
    assert house.seen(access.visible_deliveries(by)) == scope - closed
    assert house.seen(access.readable_deliveries(by)) & away == scope & away - closed
    assert house.seen(access.countable_deliveries(by)) == scope
    assert house.seen(access.beyond_scope(by)) == FOLDERS - scope - away
    hana = replace(by, name="hana")
    assert house.seen(access.visible_deliveries(hana)) == scope


SCOPED = "your scope is department:legal: you cannot create a rule for "


@pytest.mark.parametrize(
    ("act", "by", "refusal"),
    [
        (access.may_decide, ANA, ""),
        (access.may_decide, IDA, ""),
        (access.may_decide, OTTO, "this needs the role admin or triage; yours is auditor"),
        (access.may_decide, DECIDER, ""),
        (access.may_decide, TOKEN, "this needs a token with the scope decide; yours has read"),
        (access.may_decide, RULER, "this needs a token with the scope decide; yours has rules"),
        (access.may_make_rules, ANA, ""),
        (access.may_make_rules, OTTO, "this needs the role admin or triage; yours is auditor"),
        (access.may_make_rules, RULER, ""),
        (access.may_make_rules, DECIDER, "this needs a token with the scope rules; yours has decide, read"),
    ],
)
def test_who_may(act: Callable[[Actor], None], by: Actor, refusal: str) -> None:
    assert refusal_of(lambda: act(by)) == refusal


def refusal_of(act: Callable[[], object]) -> str:
    """Refusal of an act; "" when it is allowed."""
    try:
        act()
    except NotAllowed as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    ("by", "refusal"),
    [
        (IDA, ""),
        (OTTO, "this needs the role admin; yours is auditor"),
        (LEGAL_ADMIN, "this is about the whole company; your scope is department:legal"),
        (replace(NOBODY, role=Role.ADMIN), "this is about the whole company; your scope is empty"),
        (replace(BOTH, role=Role.ADMIN), "this is about the whole company; your scope is department:legal, person:joe.fern"),
    ],
)
def test_over_everything(by: Actor, refusal: str) -> None:
    assert refusal_of(lambda: access.over_everything(by, Role.ADMIN)) == refusal


@pytest.mark.parametrize(
    ("by", "scope", "is_over"),
    [
        (IDA, ["company"], True),
        (IDA, [], True),
        (LEGAL_ADMIN, ["department:legal"], True),
        (LEGAL_ADMIN, ["department:it"], False),
        (LEGAL_ADMIN, ["company"], False),
        (BEN, ["department:legal"], False),
        (ANA, ["department:legal"], False),
    ],
)
def test_who_is_over_whom(by: Actor, scope: list[str], is_over: bool) -> None:
    assert access.is_administrator_over(by, StaffMember(login="x", name="X", role="triage", scope=scope, password_hash="")) is is_over


@pytest.mark.parametrize(
    ("by", "scope", "refusal"),
    [
        (ANA, "company", ""),
        (ANA, "department:nowhere", ""),
        (BEN, "department:legal", ""),
        (BEN, "Department:LEGAL", ""),
        (BEN, "department:it", f"{SCOPED}department:it"),
        (BEN, "person:legal", f"{SCOPED}person:legal"),
        (BEN, "company", f"{SCOPED}company"),
        (JOES_TRIAGE, "person:joe.fern", ""),
        (JOES_TRIAGE, "department:joe.fern", "your scope is person:joe.fern: you cannot create a rule for department:joe.fern"),
        (NOBODY, "company", "your scope is empty: you cannot create a rule for company"),
        (replace(BOTH, role=Role.AUDITOR), "department:legal", "this needs the role admin or triage; yours is auditor"),
        (BOTH, "department:it", "your scope is department:legal, person:joe.fern: you cannot create a rule for department:it"),
        (TOKEN, "company", "this needs a token with the scope rules; yours has read"),
    ],
)
def test_for_whom_one_may_make_a_rule(house: House, by: Actor, scope: str, refusal: str) -> None:
    assert refusal_of(lambda: access.may_make_rule(house.session, by, scope)) == refusal


@pytest.mark.parametrize(
    ("scope", "sealed"), [("department:legal", True), ("DEPARTMENT:Legal", True), ("person:mara.berg", True), ("company", False)]
)
def test_only_who_is_named_makes_rules_for_a_sealed_folder(house: House, scope: str, sealed: bool) -> None:
    house.seal("department:legal", "hana")
    refusal = f"{scope.casefold()} is a confidential folder: only staff named for it create rules there" if sealed else ""
    assert refusal_of(lambda: access.may_make_rule(house.session, ANA, scope)) == refusal
    assert refusal_of(lambda: access.may_make_rule(house.session, replace(ANA, name="hana"), scope)) == ""


@pytest.mark.parametrize(
    ("by", "scope", "knows", "knows_uses"),
    [
        (ANA, "company", True, True),
        (ANA, "department:it", True, True),
        (BEN, "company", True, False),
        (BEN, "department:legal", True, True),
        (BEN, "department:it", False, False),
        (NOBODY, "company", True, False),
        (ANA, "person:mara.berg", False, True),
    ],
)
def test_who_knows_of_a_rule_and_of_its_use(by: Actor, scope: str, knows: bool, knows_uses: bool) -> None:
    assert access.knows_rule(by, scope, frozenset({"person:mara.berg"})) is knows
    assert access.knows_uses(by, scope) is knows_uses


@pytest.mark.parametrize(("by", "may"), [(ANA, True), (IDA, True), (OTTO, False), (TOKEN, False), (DECIDER, True), (RULER, False)])
def test_what_the_console_offers(by: Actor, may: bool) -> None:
    assert access.verbs_of(by) == (["release", "redirect", "purge", "reject", "restore", "hold"] if may else [])


def test_a_token_is_told_what_it_was_not_made_for() -> None:
    assert (
        refusal_of(lambda: access.require_grant(DECIDER, Grant.ADMIN)) == "this needs a token with the scope admin; yours has decide, read"
    )
    assert refusal_of(lambda: access.require_grant(ANA, Grant.ADMIN)) == refusal_of(lambda: access.require_grant(DECIDER, Grant.READ)) == ""
