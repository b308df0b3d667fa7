"""Routes: each delivery has exactly one way, the same in Python and in SQL."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.effort import examples
from tests.triage import arriving
from triage.config.settings import Settings
from triage.delivery import routes
from triage.errors import BadInput
from triage.store import db
from triage.store.models.deliveries import Delivery

IT, LEGAL, PARTNER, OUT, REST = "lmtp://it:24", "lmtp://legal:24", "smtp://partner:25", "smtp://out:25", "lmtp://rest:24"


def routed(settings: Settings, *lines: str, smarthost: str = "") -> Settings:
    return replace(settings, relay=replace(settings.relay, next_hop=REST, routes=lines, smarthost=smarthost))


@pytest.mark.parametrize(
    ("department", "mailbox", "direction", "next_hop"),
    [
        ("it", "joe@company.example", "in", IT),
        ("it", "joe@partner.example", "in", IT),  # the first that fits
        ("legal", "joe@partner.example", "in", PARTNER),
        ("legal", "joe@sub.partner.example", "in", REST),
        ("legal", "joe@company.example", "in", REST),
        ("it", "ruth@stranger.example", "notice", OUT),
        ("", "ruth@partner.example", "out", OUT),
    ],
)
def test_where_a_delivery_goes(settings: Settings, department: str, mailbox: str, direction: str, next_hop: str) -> None:
    company = routed(settings, f"department:it={IT}", f"domain:Partner.example = {PARTNER}", smarthost=OUT)
    assert routes.next_hop_of(company, department=department, mailbox=mailbox, direction=direction) == next_hop


def test_without_a_smarthost_notices_take_the_next_hop_not_a_departments(settings: Settings) -> None:
    company = routed(settings, f"department:it={IT}")
    assert routes.next_hop_of(company, department="it", mailbox="ruth@stranger.example", direction="notice") == REST


@pytest.mark.parametrize(
    "line", ["", "it=lmtp://it:24", "department:=x", "department:it", "department:it=", "person:joe=x", "domain:a b=x"]
)
def test_what_is_no_route_is_said(settings: Settings, line: str) -> None:
    with pytest.raises(BadInput, match=r"relay\.routes"):
        routes.list_destinations(routed(settings, line))


def test_one_next_hop_needs_no_condition(settings: Settings) -> None:
    (only,) = routes.list_destinations(routed(settings, f"department:it={REST}"))
    assert (only.next_hop, only.condition) == (REST, None)


def test_a_destination_that_is_none_is_named(settings: Settings) -> None:
    with pytest.raises(BadInput, match=r"there is no next hop “lmtp://elsewhere:24”; there are .*lmtp://rest:24"):
        routes.find_destination(routed(settings), "lmtp://elsewhere:24", by=arriving.IDA)


def test_whoever_administers_nothing_is_told_no_paths_of_the_server(settings: Settings) -> None:
    for actor in (arriving.ANA, arriving.BEN, arriving.OTTO):
        with pytest.raises(BadInput, match=r"^next_hop: there is no next hop “lmtp://elsewhere:24”$"):
            routes.find_destination(routed(settings), "lmtp://elsewhere:24", by=actor)


LINES = st.lists(
    st.tuples(
        st.sampled_from(["department:it", "department:legal", "domain:company.example", "domain:x_y.example"]),
        st.sampled_from([IT, LEGAL, PARTNER]),
    ).map("=".join),
    max_size=4,
)


@given(
    LINES,
    st.sampled_from(["", OUT]),
    st.sampled_from(["it", "legal", ""]),
    st.sampled_from(["company.example", "x_y.example", "xzy.example", "sub.company.example"]),
    st.sampled_from(["in", "notice", "out"]),
)
@hypothesis_settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_and_python_agree(
    settings: Settings, one_delivery: Engine, lines: list[str], smarthost: str, department: str, domain: str, direction: str
) -> None:
    company, mailbox = routed(settings, *lines, smarthost=smarthost), f"joe@{domain}"
    with db.transaction(one_delivery) as session:
        session.execute(update(Delivery).values(department=department, mailbox=mailbox, direction=direction))
        taken = [
            one.next_hop
            for one in routes.list_destinations(company)
            if one.condition is None or session.scalar(select(col(Delivery.id)).where(one.condition)) is not None
        ]
    assert taken == [routes.next_hop_of(company, department=department, mailbox=mailbox, direction=direction)]


@pytest.fixture
def one_delivery(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        arriving.arrive(session, settings)
    return engine
