"""A purge of a sender or campaign catches late copies for a while, as a rule that everybody sees, and is undone as a whole."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, NO_DMARC, NOW, arrive
from triage.actor import Actor
from triage.addressing.recipient import Recipient
from triage.config.settings import Settings
from triage.errors import NotYet
from triage.ids import format_id
from triage.intake import receive as intake
from triage.message.authentication import Dmarc
from triage.policy import decide as policy
from triage.policy.facts import Facts, MatchedRule
from triage.policy.rules import matching_rules, smtp_blocks, store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine import selection_preview
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

JOE = Recipient("it+joe.fern@company.example", "it", "joe.fern", "joe.fern@company.example")
CROOK, MARA = "crook@evil.example", "legal+mara.berg@company.example"


@pytest.fixture
def known(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        arrive(session, settings, author=CROOK)
        arrive(session, settings, MARA, author=CROOK)
    return engine


def purge(engine: Engine, settings: Settings, by: Actor = ANA, rule: RuleOrder | None = None, **features: object) -> DecisionReport:
    """Purges, and makes the rules that the preview named."""
    asked, said = DecisionRequest(Selection.of(**features), Verb.PURGE, "a wave", rule=rule), {"by": by, "now": NOW, "settings": settings}
    before = set(standing(engine))
    with db.transaction(engine) as session:
        late = selection_preview.preview_decision(session, asked, **said).late  # type: ignore[arg-type]
        report = decisions.decide_messages(session, asked, **said)  # type: ignore[arg-type]
    assert set(standing(engine)) - before == {(one.match, one.value, one.scope, one.unproven_only) for one in late} - before
    return report


def standing(engine: Engine) -> list[tuple[str, str, str, bool]]:
    with db.read_transaction(engine) as session:
        found = session.scalars(select(Rule).where(col(Rule.origin) == rules.STANDING, rules.in_force(NOW)).order_by(col(Rule.scope)))
        return [(one.match, one.value, one.scope, one.unproven_only) for one in found]


def late(engine: Engine, settings: Settings, *to: str, **more: object) -> tuple[str, str]:
    with db.transaction(engine) as session:
        (came,) = arrive(session, settings, *to, **{"author": CROOK, **more})  # type: ignore[arg-type]
        found = session.get_one(Delivery, came)
        return found.state, found.rule


def facts_of(author: str, dmarc: Dmarc, found: tuple[MatchedRule, ...]) -> Facts:
    summary = arriving.summary(author)
    return Facts(arriving.envelope(), arriving.authentication(author, dmarc), summary, JOE, frozenset({"company.example"}), found)


def test_late_copies_are_caught_and_come_back_when_the_purge_is_undone(known: Engine, settings: Settings) -> None:
    made = purge(known, settings, sender=CROOK)
    assert standing(known) == [("address", CROOK, "company", True)]
    assert "late copies from crook@evil.example are caught until 27 Nov 09:30 UTC for the whole company" in made.sentence
    assert late(known, settings) == ("purged", "blocked-sender")
    assert late(known, settings, author="other@evil.example") == ("held", "first-contact")
    with db.read_transaction(known) as session:
        assert smtp_blocks.list_smtp_blocks(session, NOW) == smtp_blocks.SmtpBlocks(frozenset(), frozenset())
    with db.transaction(known) as session:
        undone = undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
    assert (undone.done, undone.count) == (3, 3)
    assert standing(known) == []
    with db.read_transaction(known) as session:
        assert set(session.scalars(select(col(Delivery.state)))) == {"held"}
    assert late(known, settings) == ("held", "first-contact")


@pytest.mark.postgresql
def test_what_is_judged_while_the_purge_is_undone_is_judged_again(
    postgresql_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = db.open_engine(postgresql_url)
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        arrive(session, settings, author=CROOK)
    made = purge(engine, settings, sender=CROOK)

    def decided(facts: Facts) -> policy.Verdict:
        monkeypatch.undo()
        with db.transaction(engine) as other:
            undoing.undo_decision(other, made.id, by=ANA, reason="", now=NOW, settings=settings)
        return policy.decide_verdict(facts)

    monkeypatch.setattr(intake, "decide_verdict", decided)
    with pytest.raises(NotYet, match="was removed in the meantime"):
        late(engine, settings)
    assert late(engine, settings) == ("held", "first-contact")
    engine.dispose()


def test_it_ends_by_itself(known: Engine, settings: Settings) -> None:
    purge(known, settings, sender=CROOK)
    with db.read_transaction(known) as session:
        (rule,) = session.scalars(select(Rule)).all()
    assert (rule.until, rule.note) == (NOW + timedelta(hours=72), "late copies of what was removed")


def test_proven_mail_of_who_was_forged_is_left_alone(known: Engine, settings: Settings) -> None:
    purge(known, settings, sender=CROOK)
    assert late(known, settings, dmarc=DMARC_PASS) == ("held", "first-contact")


def test_who_proved_themselves_is_kept_out_proven_too(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, author="deal@shop.example", dmarc=DMARC_PASS)
    purge(known, settings, domain="shop.example")
    assert standing(known) == [("domain", "shop.example", "company", False)]
    assert late(known, settings, author="other@sub.shop.example", dmarc=DMARC_PASS) == ("purged", "blocked-sender")


def test_it_reaches_as_far_as_who_decided(known: Engine, settings: Settings) -> None:
    purge(known, settings, BEN, sender=CROOK)
    assert standing(known) == [("address", CROOK, "department:legal", True)]
    assert late(known, settings) == ("held", "first-contact")
    assert late(known, settings, MARA) == ("purged", "blocked-sender")


def test_a_campaign_is_caught_whoever_sends_it(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave = [session.get_one(Delivery, one) for one in session.scalars(select(col(Delivery.id)))]
        for one in wave:
            one.campaign_id = 77
    made = purge(known, settings, campaign=77)
    assert standing(known) == [("campaign", format_id(77), "company", True)]
    assert "late copies of this campaign are caught" in made.sentence

    def met(author: str, dmarc: Dmarc, campaign_id: int = 77) -> list[str]:
        with db.read_transaction(known) as session:
            found = arriving.rules_about(session, arriving.summary(author), "", campaign_id, dmarc is DMARC_PASS)
            return [policy.decide_verdict(facts_of(author, dmarc, matching_rules.rules_for_recipient(found, JOE))).rule]

    assert met("anybody@else.example", NO_DMARC) == ["blocked-sender"]
    assert met("sales@supplier.example", DMARC_PASS) == ["first-contact"]  # what is proven was left alone
    assert met("anybody@else.example", NO_DMARC, 78) == ["first-contact"]


def test_a_proven_campaign_is_caught_from_its_own_domain_only(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (came,) = arrive(session, settings, author="deal@shop.example", dmarc=DMARC_PASS)
        session.get_one(Delivery, came).campaign_id = 77
    purge(known, settings, campaign=77)
    assert standing(known) == [("campaign", format_id(77), "company", False)]
    with db.read_transaction(known) as session:
        for author, proven, caught in (("a@shop.example", True, 1), ("a@other.example", True, 0), ("a@shop.example", False, 0)):
            found = arriving.rules_about(session, arriving.summary(author), "", 77, proven)
            assert len(found) == caught


def test_at_a_free_mail_provider_a_campaign_is_caught_from_one_address_only(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        for author in ("one@gmail.com", "one@gmail.com", "two@gmail.com"):
            (came,) = arrive(session, settings, author=author, dmarc=DMARC_PASS)
            session.get_one(Delivery, came).campaign_id = 77
    assert purge(known, settings, campaign=77).count == 2
    with db.read_transaction(known) as session:
        met = {
            author: [rule.proof for rule in arriving.rules_about(session, arriving.summary(author), "", 77, True)]
            for author in ("one@gmail.com", "two@gmail.com", "three@gmail.com")
        }
    assert met == {"one@gmail.com": ["one@gmail.com"], "two@gmail.com": [], "three@gmail.com": []}


def test_who_names_a_free_mail_provider_means_everybody_there(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        for author in ("one@gmail.com", "two@gmail.com"):
            (came,) = arrive(session, settings, author=author, dmarc=DMARC_PASS)
            session.get_one(Delivery, came).campaign_id = 77
    assert purge(known, settings, campaign=77, proof="gmail.com").count == 2
    with db.read_transaction(known) as session:
        assert [len(arriving.rules_about(session, arriving.summary(f"{name}@gmail.com"), "", 77, True)) for name in ("one", "x")] == [
            1,
            1,
        ]


@pytest.mark.parametrize(
    ("features", "made"),
    [
        ({"sender": CROOK, "department": "it"}, [("address", CROOK, "department:it", True)]),
        ({"sender": CROOK, "person": "joe.fern"}, [("address", CROOK, "person:joe.fern", True)]),
        ({"sender": CROOK, "q": "order"}, []),
        ({"department": "it"}, []),
        ({"sender": CROOK, "since": NOW}, []),
    ],
)
def test_only_a_purge_of_a_sender_is_a_verdict_about_them(
    known: Engine, settings: Settings, features: dict[str, object], made: list[tuple[str, str, str, bool]]
) -> None:
    purge(known, settings, **features)  # type: ignore[arg-type]
    assert standing(known) == made


def test_what_cannot_be_a_rule_is_none(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, author="boss@company.example")
        arrive(session, settings, author="someone@gmail.com")
    purge(known, settings, sender="boss@company.example")
    purge(known, settings, domain="gmail.com")
    assert standing(known) == []


def test_the_settings_turn_it_off_and_a_block_for_good_needs_none(known: Engine, settings: Settings) -> None:
    off = replace(settings, policy=replace(settings.policy, late_copies_hours=0))
    made = purge(known, off, sender=CROOK)
    assert standing(known) == []
    with db.transaction(known) as session:
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
    purge(known, settings, sender=CROOK, rule=RuleOrder("block", "address", "", "company"))
    assert standing(known) == []


def test_two_purges_each_leave_their_own(known: Engine, settings: Settings) -> None:
    first = purge(known, settings, BEN, sender=CROOK)
    purge(known, settings, sender=CROOK)
    assert [scope for _, _, scope, _ in standing(known)] == ["company", "department:legal"]
    with db.transaction(known) as session:
        undoing.undo_decision(session, first.id, by=ANA, reason="", now=NOW, settings=settings)
    assert [scope for _, _, scope, _ in standing(known)] == ["company"]
    assert late(known, settings, MARA) == ("purged", "blocked-sender")
