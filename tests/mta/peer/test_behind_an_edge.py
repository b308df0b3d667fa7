"""Door and judge together: what an edge says over SMTP decides about the message as if we had seen the client ourselves."""

import smtplib
from dataclasses import replace

import pytest

from mta.processing import recipient_map_writer
from tests.mta.processing.test_processor import allow, engine_of, judging, record, set_up, waiting, write_zone
from tests.peers.receiving import start_receiver, wait_until
from tests.triage import arriving
from triage.config.settings import Settings
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.times import utcnow

THEIRS, BOTNET = "198.97.190.52", "198.97.190.53"  # public addresses: others are asked about no list
ZONE = (
    '_dmarc.supplier.example. 300 IN TXT "v=DMARC1; p=reject"\n'
    f'supplier.example. 300 IN TXT "v=spf1 ip4:{THEIRS} -all"\n'
    "53.190.97.198.zen.example. 300 IN A 127.0.0.4\n"
)
PASS = "Authentication-Results: mx.edge.example; dmarc=pass header.from=supplier.example\r\n"
HELD, KNOWN = (State.HELD, "dmarc-reject"), (State.QUEUED, "allowed-sender")


@pytest.fixture
def company(settings: Settings, sqlite_url: str) -> Settings:
    """A company with an edge on this machine, which lets the supplier in and Eve not."""
    settings = set_up(settings, sqlite_url)
    write_zone(settings, ZONE)
    policy = replace(settings.policy, dns_lists=("zen.example",), listed_sample=0)
    smtp = replace(settings.smtp, trusted_edges=("127.0.0.0/8",), trusted_authserv_ids=("mx.edge.example",))
    settings = replace(settings, policy=policy, smtp=smtp)
    allow(settings)
    with engine_of(settings) as engine:
        with transaction(engine) as session:
            order = RuleOrder("block", "address", "eve@stranger.example", "company")
            rules.add_rule(session, order, by=arriving.ANA, now=utcnow(), settings=settings)
        recipient_map_writer.write_recipient_map(settings, engine)
    return settings


@pytest.mark.parametrize(
    ("client", "top", "sender", "outcome"),
    [
        (THEIRS, "", "sales@supplier.example", KNOWN),
        (BOTNET, "", "sales@supplier.example", (State.PURGED, "listed-client")),
        ("", "", "sales@supplier.example", HELD),
        ("", PASS, "sales@supplier.example", KNOWN),
        ("", f"X-Spam: no\r\n{PASS}", "sales@supplier.example", HELD),
        (BOTNET, PASS, "sales@supplier.example", KNOWN),
        (BOTNET, "", "mallory@elsewhere.example", (State.PURGED, "listed-client")),
        (THEIRS, "", "eve@stranger.example", (State.PURGED, "blocked-sender")),
    ],
)
def test_mail_that_an_edge_hands_over(company: Settings, client: str, top: str, sender: str, outcome: tuple[State, str]) -> None:
    with start_receiver(company, None) as door, judging(company):
        with smtplib.SMTP(*door.address) as session:
            session.ehlo("mx.edge.example")
            assert session.has_extn("xforward")
            if client:
                assert session.docmd("XFORWARD", f"ADDR={client} HELO=mx.supplier.example PROTO=ESMTP")[0] == 250
            refused = session.sendmail(sender, ["it+joe.fern@company.example"], f"{top}From: {sender}\r\nSubject: hello\r\n\r\nhello\r\n")
            assert refused == {}
        wait_until(lambda: record(company) and not waiting(company))
    ((_, deliveries),) = record(company).values()
    assert deliveries == [outcome]


def test_the_same_words_from_somebody_else_are_nothing(company: Settings) -> None:
    company = replace(company, smtp=replace(company.smtp, trusted_edges=("192.0.2.0/24",)))
    with start_receiver(company, None) as door, judging(company):
        with smtplib.SMTP(*door.address) as session:
            session.ehlo("mx.edge.example")
            assert not session.has_extn("xforward")
            assert session.docmd("XFORWARD", f"ADDR={THEIRS}")[0] >= 500
            session.sendmail(
                "sales@supplier.example", ["it+joe.fern@company.example"], f"{PASS}From: sales@supplier.example\r\n\r\nhello\r\n"
            )
        wait_until(lambda: record(company) and not waiting(company))
    ((_, deliveries),) = record(company).values()
    assert deliveries == [HELD]


@pytest.mark.parametrize(
    ("client", "top", "outcome"),
    [
        ("", f"X-Mailroom-Edge: sesame\r\n{PASS}", KNOWN),
        ("", f"{PASS}x-mailroom-edge:sesame \r\n", KNOWN),
        (THEIRS, "X-Mailroom-Edge: sesame\r\n", KNOWN),
        ("", PASS, HELD),
        (THEIRS, "", HELD),
        ("", f"X-Mailroom-Edge: guess\r\n{PASS}", HELD),
        ("", f"X-Mailroom-Edge: sesame\r\nX-Mailroom-Edge: guess\r\n{PASS}", HELD),
        ("", f"X-Mailroom-Edge: \r\n sesame\r\n{PASS}", HELD),
    ],
)
def test_where_strangers_share_the_edges_machines_a_token_tells_ours(
    company: Settings, client: str, top: str, outcome: tuple[State, str]
) -> None:
    company = replace(company, smtp=replace(company.smtp, edge_token="sesame"))
    with start_receiver(company, None) as door, judging(company):
        with smtplib.SMTP(*door.address) as session:
            session.ehlo("mx.edge.example")
            if client:
                assert session.docmd("XFORWARD", f"ADDR={client} HELO=mx.supplier.example PROTO=ESMTP")[0] == 250
            message = f"{top}From: sales@supplier.example\r\nSubject: hello\r\n\r\nX-Mailroom-Edge: sesame\r\n"
            assert session.sendmail("sales@supplier.example", ["it+joe.fern@company.example"], message) == {}
        wait_until(lambda: record(company) and not waiting(company))
    ((_, deliveries),) = record(company).values()
    assert deliveries == [outcome]
