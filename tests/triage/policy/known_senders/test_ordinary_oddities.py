"""Known senders whose messages look suspicious for honest reasons: forwarders, lists, services for many senders, a DNS that is down."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from tests.triage.arriving import ANA, DMARC_PASS, IDA, NOW, UNKNOWN, authentication, envelope, summary
from triage.config.settings import Settings
from triage.errors import NotYet
from triage.intake import receive as intake
from triage.message.authentication import Authentication, Dkim, Dmarc, Result
from triage.message.summary import Link
from triage.policy.decide import UNLIKE
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import SenderChecked

SALES, INVOICES = "sales@supplier.example", "billing@invoices.example"
CHANGED = "Our bank details have changed, pay today."
INVOICE = "Your invoice 4711 is attached. Please pay EUR 120.00 to DE02 1005 0000 0054 5404 02 (BFSWDE33BER) within 14 days."


@pytest.fixture
def holding(settings: Settings) -> Settings:
    """Checks hold from the first message on."""
    return replace(settings, policy=replace(settings.policy, hold_known_trial_days=0))


def allow(engine: Engine, settings: Settings, match: str, value: str, **more: object) -> None:
    """A sender is known."""
    with db.transaction(engine) as session:
        rules.add_rule(session, RuleOrder("allow", match, value, "company", **more), by=IDA, now=NOW, settings=settings, second=ANA)  # type: ignore[arg-type]


def judged(
    engine: Engine,
    settings: Settings,
    author: str,
    *,
    proof: Authentication | None = None,
    reverse_path: str = "",
    patient: bool = False,
    **said: Any,
) -> str:
    """By which rule a message is decided."""
    domain = author.rpartition("@")[2]
    proof = proof or authentication(author, Dmarc(Result.PASS, domain, domain, "reject", ("dkim",)))
    with db.transaction(engine) as session:
        (delivery,) = intake.receive_message(
            session,
            envelope(reverse_path=reverse_path or author),
            f"From: {author}\r\n\r\n{said}\r\n".encode(),
            proof,
            summary(author, **said),
            settings=settings,
            now=NOW,
            patient=patient,
        )
        return session.get_one(Delivery, delivery).rule


def test_what_a_forwarder_brings_flows_and_a_fraud_that_it_brings_does_not(known: Engine, holding: Settings) -> None:
    allow(known, holding, "address", SALES)
    wrapped = Link(
        "www.partner.example", "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.partner.example%2F&data=05"
    )
    by: dict[str, Any] = {"reverse_path": "SRS0=abcd=supplier.example=sales@alumni.example"}
    assert judged(known, holding, SALES, **by, text="As agreed.", links=(wrapped,)) == "allowed-sender"
    assert judged(known, holding, SALES, **by, text=CHANGED, reply_to=("pay@elsewhere.example",)) == UNLIKE


def test_posts_of_a_known_list_flow_whoever_wrote_them(known: Engine, holding: Settings) -> None:
    """Replies go to the list, and the footer shows another address than its tracker opens."""
    allow(known, holding, "list", "trade.lists.example", proof="dkim:lists.example")
    signed = (Dkim(Result.PASS, "lists.example", "s1", "rsa-sha256", "", signs_list=True),)
    of_list: dict[str, Any] = {
        "list_id": "trade.lists.example",
        "list_post": "trade@lists.example",
        "automatic": "list-id",
        "reply_to": ("trade@lists.example",),
        "links": (Link("https://lists.example/options", "https://lists.example/options/trade"),),
    }
    for author in ("ann@one.example", "bob@two.example", "cem@three.example"):
        proof = replace(authentication(author), dkim=signed)
        found = judged(known, holding, author, proof=proof, reverse_path="bounce@lists.example", text=f"{author}: {CHANGED}", **of_list)
        assert found == "allowed-sender"


def test_a_service_that_sends_invoices_for_many_flows_until_bank_details_change(known: Engine, holding: Settings) -> None:
    allow(known, holding, "domain", "invoices.example")
    for number in range(12):
        company = f"company{number}.example"
        found = judged(
            known,
            holding,
            INVOICES,
            author_name=f"Company {number} via Invoices",
            text=INVOICE,
            reply_to=(f"accounts@{company}",),
            links=(Link("View your invoice", f"https://pay.invoices.example/{company}"),),
        )
        assert found == "allowed-sender"
    assert judged(known, holding, INVOICES, text=CHANGED, reply_to=("accounts@company3.example",)) == UNLIKE


def test_while_dns_is_down_a_known_sender_waits_and_is_not_called_unlike(known: Engine, holding: Settings) -> None:
    """The fuse counts nothing, and the same message passes when DNS answers again."""
    allow(known, holding, "address", SALES)
    down = authentication(SALES, UNKNOWN)
    with pytest.raises(NotYet):
        judged(known, holding, SALES, proof=down, patient=True, text="As agreed.")
    assert judged(known, holding, SALES, proof=down, text=CHANGED, reply_to=("pay@elsewhere.example",)) == "proof-unknown"
    with db.read_transaction(known) as session:
        assert session.scalar(select(func.count()).select_from(SenderChecked)) == 0
    assert judged(known, holding, SALES, proof=authentication(SALES, DMARC_PASS), text="As agreed.") == "allowed-sender"
