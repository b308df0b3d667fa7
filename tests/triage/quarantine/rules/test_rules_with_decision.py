"""Rules that go along with a decision: for a list that writes in its authors' place, a rule for the list."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, NOW, authentication, summary
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.message.authentication import Dkim, Result
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery

LIST = "dev@lists.example"
ALLOW, BLOCK = RuleOrder("allow", "address", "", "company"), RuleOrder("block", "address", "", "company")
SIGNED = (Dkim(Result.PASS, "lists.example", signs_list=True), Dkim(Result.PASS, "mailer.example", signs_list=True))


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


def posted(
    session: Session, settings: Settings, name: str, signatures: tuple[Dkim, ...] = SIGNED, list_id: str = "dev.lists.example"
) -> int:
    """A post comes in; its delivery."""
    envelope = arriving.envelope()
    found = replace(authentication(LIST, replace(DMARC_PASS, domain="lists.example")), dkim=signatures)
    said = summary(LIST, author_name=name, list_id=list_id, reply_to=("anna@sender.example",))
    return intake.receive_message(session, envelope, f"{envelope.spool_id}".encode(), found, said, settings=settings, now=NOW)[0]


def approve(session: Session, settings: Settings, order: RuleOrder, verb: Verb, *ids: int) -> list[tuple[str, str, str]]:
    """Decide about mail and its senders; the rules that were made."""
    made = decisions.decide_messages(session, DecisionRequest(Selection.of(ids=ids), verb, rule=order), by=ANA, now=NOW, settings=settings)
    return [(rule.match, rule.value, rule.proof) for rule in rules.list_rules(session, NOW, by=ANA) if rule.decision_id == made.id]


def test_approving_a_post_lets_the_list_in_and_the_next_post_passes(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        first, second = posted(session, settings, "Anna via Dev"), posted(session, settings, "Bo via Dev")
        assert approve(session, settings, ALLOW, Verb.RELEASE, first, second) == [("list", "dev.lists.example", "dkim:lists.example")]
        third = session.get_one(Delivery, posted(session, settings, "Cleo via Dev"))
        assert (third.state, third.rule, third.author_name) == (State.QUEUED, "allowed-sender", "Cleo via Dev")
        for signatures in ((), (Dkim(Result.PASS, "lists.example"),)):  # which list it is, anybody could have written
            unsigned = session.get_one(Delivery, posted(session, settings, "Eve via Dev", signatures))
            assert (unsigned.state, unsigned.rule) == (State.HELD, "unproven-known-sender")


def test_a_list_without_a_signature_of_its_own_is_let_in_by_no_rule(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        one = posted(session, settings, "Anna via Dev", (*SIGNED[1:], Dkim(Result.FAIL, "lists.example", signs_list=True)))
        with pytest.raises(BadInput, match=r"the mailing list dev\.lists\.example replaces its authors' addresses"):
            approve(session, settings, ALLOW, Verb.RELEASE, one)


def test_what_all_posts_bear_is_asked_for_and_another_proof_when_staff_says_so(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        one = posted(session, settings, "Anna via Dev", (*SIGNED, Dkim(Result.PASS, "a.lists.example", signs_list=True)))
        two = posted(session, settings, "Bo via Dev", (Dkim(Result.PASS, "a.lists.example", signs_list=True),))
        assert approve(session, settings, ALLOW, Verb.RELEASE, one, two) == [("list", "dev.lists.example", "dkim:a.lists.example")]
        three = posted(session, settings, "Cleo via Ops", list_id="ops.lists.example")
        order = replace(ALLOW, proof="dkim:mailer.example")
        assert approve(session, settings, order, Verb.RELEASE, three) == [("list", "ops.lists.example", "dkim:mailer.example")]


def test_what_the_list_says_itself_and_blocks_are_about_its_address(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        own = posted(session, settings, "Dev", list_id="announce.lists.example")
        assert approve(session, settings, ALLOW, Verb.RELEASE, own) == [("address", LIST, "dmarc")]
        post = posted(session, settings, "Anna via Dev")
        assert approve(session, settings, BLOCK, Verb.PURGE, post) == [("address", LIST, "")]
