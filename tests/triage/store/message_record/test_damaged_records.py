"""A damaged record among many: facts are collected without it, and consent counts it as the worse case. No reader fails for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text, true, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW
from tests.triage.policy.known_senders import test_domain_proofs as supplier
from triage.access import dual_control
from triage.compliance.privacy import person_erasure
from triage.compliance.privacy.data_subject import Whose
from triage.config.settings import Settings
from triage.delivery import outbound_notices, sender_notices, templates
from triage.message.summary import Attachment
from triage.policy.known_senders import domain_proofs, renew_proofs
from triage.policy.learning import decision_feedback, learn_order
from triage.policy.rules import rule_warnings
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import training
from triage.quarantine.campaigns import backfill, mail_bombs
from triage.quarantine.decisions import consent, decide, regroup
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.mail_moves import mirror_copies
from triage.quarantine.removal import removal_blocks
from triage.quarantine.removal.removal_blocks import Block
from triage.quarantine.rules import content_trial, rule_confirmation, rule_trial, rules_with_decision
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.message_record.record_codec import DAMAGED
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import DomainProof

SALES, JOE = "sales@supplier.example", "it+joe.fern@company.example"
ALLOW = RuleOrder("allow", "address", SALES, "company", "dmarc")
OF_CONTENT = RuleOrder("mark", "content", "asked", "company", note="why", conditions=(("author", (SALES,)),))
PROGRAM = (Attachment(1, "setup.exe", "application/octet-stream", 9, "0f" * 32),)
CONFIRM = "Confirm your subscription"
TEXTS = ("The garden letter comes every spring.", "Harbour works send an invoice.", "Our choir sings on Friday evening.")
NO_PROOF = "messages from there fail dmarc: this rule would have allowed nothing. The domain publishes neither SPF nor DMARC."


@dataclass
class Three:
    """Three held messages of one sender, the last of which has a damaged record."""

    session: Session
    settings: Settings
    ids: list[int]  # deliveries

    @property
    def bad(self) -> int:
        return self.ids[-1]

    @property
    def messages(self) -> list[int]:
        return list(self.session.scalars(select(col(Delivery.message_id)).order_by(col(Delivery.id))))

    def damaged_message(self) -> Message:
        return self.session.get_one(Message, self.messages[-1])

    def decide(self, verb: Verb) -> Decision:
        """Staff has decided about all three an hour ago."""
        request = DecisionRequest(Selection.of(ids=tuple(self.ids)), verb)
        earlier = NOW - timedelta(hours=2)
        made = decide.decide_messages(self.session, request, by=ANA, now=earlier, settings=self.settings)
        return self.session.get_one(Decision, made.id)


def damage_records(session: Session, *messages: int) -> None:
    """Cut these records off."""
    for one in messages:
        session.execute(text("UPDATE message SET record = :cut WHERE id = :id"), {"cut": b"\x28\xb5", "id": one})
    session.expire_all()


@pytest.fixture
def three(known: Engine, settings: Settings) -> Any:
    with db.transaction(known) as session:
        said: dict[str, Any] = {"author": SALES, "subject": CONFIRM, "attachments": PROGRAM}
        ids = [arriving.arrive(session, settings, JOE, text=one, **said)[0] for one in TEXTS]
        found = Three(session, settings, ids)
        damage_records(session, found.messages[-1])
        yield found
        session.rollback()


def warn(three: Three) -> str:
    return rule_warnings.no_proof(three.session, ALLOW, by=ANA)


def list_decided(three: Three) -> int:
    three.decide(Verb.PURGE)
    return len(list(learn_order.list_decided(three.session, three.settings, NOW)))


def signatures(three: Three) -> list[bool]:
    blocks = [Block("address", SALES, 3, unproven_only=True)]
    return [one.unsigned_only for one in removal_blocks.with_signatures(three.session, true(), blocks)]


def try_content(three: Three) -> tuple[int, int, bool]:
    (found,) = content_trial.try_contents(three.session, [OF_CONTENT], by=ANA, now=NOW, settings=three.settings).values()
    return found.counts.came, found.counts.changed, found.counts.partial


def try_contents_of_none(three: Three) -> tuple[int, int]:
    damage_records(three.session, *three.messages)
    return try_content(three)[:2]


def refuse_allow(three: Three) -> list[tuple[str, int]]:
    refused = rules_with_decision.not_allowed(three.session, replace(ALLOW, value=""), three.ids, ["company.example"])
    return [(one.why, one.count) for one in refused]


def show_consent(three: Three) -> list[bool]:
    wanted = Selection.of(ids=tuple(three.ids))
    order = RuleOrder("allow", "address", "", "")
    sheet = consent.preview_consent(three.session, wanted, order, three.ids, by=ANA, settings=three.settings, now=NOW)
    return ["damaged in the database" in one.why_not for one in sheet.senders]


def block_senders(three: Three) -> list[tuple[str, bool]]:
    order, wanted = RuleOrder("block", "address", "", "company"), Selection.of(ids=tuple(three.ids))
    made = rules_with_decision.rule_orders(three.session, order, wanted, three.ids, by=ANA, own_domains=["company.example"])
    return [(one.value, one.unsigned_only) for one in made]


def sort_late(three: Three) -> list[bool]:
    three.session.execute(update(Delivery).values(campaign_id=None))
    while backfill.catch_up(three.session, now=NOW):
        pass
    return [bool(one) for one in three.session.scalars(select(col(Delivery.campaign_id)).order_by(col(Delivery.id)))]


def say_to_senders(three: Three) -> tuple[object, ...]:
    message, concerned = three.damaged_message(), [three.session.get_one(Delivery, three.bad)]
    return (
        sender_notices.why_not(three.session, message, three.settings),
        outbound_notices.why_not(message, three.settings),
        templates.fill_notice(message, concerned, "rejection", "No.", three.settings),
    )


def show_in_mirror(three: Three) -> bool:
    return mirror_copies.find_held(three.session, three.bad, NOW) is not None


def teach_scanner(three: Three) -> int:
    three.session.execute(update(Delivery).values(campaign_id=None))
    return len(list(decision_feedback.list_examples(three.session, three.decide(Verb.PURGE))))


def deal_training(three: Three) -> int:
    three.decide(Verb.PURGE)
    return len(training.deal_messages(three.session, tuple, by=ANA, now=NOW, limit=10))


def erase(three: Three) -> tuple[object, bool]:
    three.decide(Verb.PURGE)
    person_erasure.erase_deliveries(three.session, Whose(SALES, ""), "erased-1", three.ids, now=NOW)
    record = three.damaged_message().record
    return record.fault, record.summary["parsed"]


READERS: list[tuple[Callable[[Three], Any], Any]] = [
    (warn, f"All of the last 2 {NO_PROOF}"),
    (list_decided, 2),
    (lambda three: len(mail_bombs.subscriptions_among(three.session, three.messages)), 2),
    (lambda three: len(regroup.stored_fingerprints(three.session, three.messages)), 2),
    (signatures, [False]),
    (try_content, (2, 2, True)),
    (try_contents_of_none, (0, 0)),
    (lambda three: rule_confirmation.released_by(three.session, ALLOW, by=ANA) == [three.bad], True),
    (lambda three: rule_trial.count_allowed(three.session, replace(ALLOW, risky=True), ["company"], by=ANA, now=NOW), {"company": 1}),
    (refuse_allow, [("damaged", 3)]),
    (show_consent, [True]),
    (block_senders, [(SALES, False)]),
    (lambda three: dual_control.of_release(three.session, three.ids[:2]), []),
    (lambda three: dual_control.of_release(three.session, three.ids), [dual_control.RISKY_RELEASE]),
    (sort_late, [True, True, False]),
    (say_to_senders, (DAMAGED, DAMAGED, None)),
    (show_in_mirror, True),
    (teach_scanner, 2),
    (deal_training, 2),
    (erase, (None, False)),
]


@pytest.mark.parametrize(("read", "found"), READERS)
def test_what_is_found_beside_a_damaged_record(three: Three, read: Callable[[Three], Any], found: Any) -> None:
    assert read(three) == found


def test_a_removed_message_of_unknown_proof_refuses_each_new_proof_of_its_domain(known: Engine, settings: Settings) -> None:
    supplier.allow(known, settings)
    supplier.came(known, settings, supplier.SIGNED)
    supplier.came(known, settings, supplier.BY_SERVER, **supplier.ODD)
    with db.transaction(known) as session:
        damage_records(session, session.scalar(select(func.max(col(Message.id)))) or 0)
        (held,) = session.scalars(select(col(Delivery.id)).where(col(Delivery.state) == "held"))
        assert [(one.domain, one.held) for one in renew_proofs.list_changed(session, by=ANA, now=NOW)] == [(supplier.DOMAIN, 1)]
        domain_proofs.refuse_ways(session, [held], NOW)
        session.expire_all()
        refused = {row.way: row.refused_at is not None for row in session.scalars(select(DomainProof))}
    assert refused == {supplier.SIGNATURE: False, supplier.SERVER: True}
