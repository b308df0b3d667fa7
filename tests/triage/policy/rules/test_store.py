"""Sender rules: whom they match, who may make them, and which of them the SMTP server enforces."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, NOW, OTTO, summary
from triage.actor import Actor
from triage.addressing.freemail_domains import PROVIDERS
from triage.addressing.recipient import Recipient
from triage.config.settings import Company, Settings
from triage.errors import BadInput, NotAllowed, NotFound
from triage.intake.build_recipient_map import recipient_map_version
from triage.policy.proof import rule_precision
from triage.policy.rules import matching_rules, rule_request, smtp_blocks, store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.rules import rule_confirmation
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

JOE = Recipient("it+joe.fern@company.example", "it", "joe.fern", "joe.fern@company.example")
ALLOW = RuleOrder("allow", "address", "Sales@Supplier.example", "company")
BLOCK = RuleOrder("block", "domain", "supplier.example", "company")
HOLD = RuleOrder("hold", "domain", "supplier.example", "company", note="their mailbox was hacked")


def add(engine: Engine, settings: Settings, order: RuleOrder, by: Actor = ANA) -> int:
    with db.transaction(engine) as session:
        return rules.add_rule(session, order, by=by, now=NOW, settings=settings).id


def matching(engine: Engine, author: str, recipient: Recipient = JOE, **more: object) -> list[tuple[str, str]]:
    with db.read_transaction(engine) as session:
        found = matching_rules.rules_for_recipient(arriving.rules_about(session, summary(author, **more)), recipient)  # type: ignore[arg-type]
    return [(rule.effect, rule.value) for rule in found]


@pytest.mark.parametrize(
    ("order", "author", "matches"),
    [
        (ALLOW, "sales@supplier.example", True),
        (ALLOW, "other@supplier.example", False),
        (replace(ALLOW, match="domain", value="supplier.example"), "other@supplier.example", True),
        (replace(ALLOW, match="domain", value="supplier.example"), "other@deep.supplier.example", False),
        (replace(ALLOW, match="domain", value=".supplier.example"), "a@supplier.example", True),
        (replace(ALLOW, match="domain", value=".supplier.example"), "other@deep.supplier.example", True),
        (replace(ALLOW, match="subdomains", value="supplier.example"), "other@very.deep.supplier.example", True),
        (replace(ALLOW, match="subdomains", value="supplier.example"), "a@evil-supplier.example", False),
        (BLOCK, "other@deep.supplier.example", True),
        (HOLD, "sales@supplier.example", True),
        (HOLD, "other@deep.supplier.example", True),
        (HOLD, "a@evil-supplier.example", False),
        (replace(HOLD, match="address", value="Sales@Supplier.example"), "sales@supplier.example", True),
        (replace(HOLD, match="address", value="Sales@Supplier.example"), "other@supplier.example", False),
        (replace(HOLD, scope="department:legal"), "sales@supplier.example", False),
        (replace(ALLOW, match="domain", value="supplier.example"), "a@evil-supplier.example", False),
        (replace(ALLOW, match="domain", value="supplier.example"), "a@supplier.example.evil.test", False),
        (replace(ALLOW, scope="person:joe.fern"), "sales@supplier.example", True),
        (replace(ALLOW, scope="person:mara.berg"), "sales@supplier.example", False),
        (replace(ALLOW, scope="department:it"), "sales@supplier.example", True),
        (replace(ALLOW, scope="department:legal"), "sales@supplier.example", False),
        (replace(ALLOW, until=NOW - timedelta(seconds=1)), "sales@supplier.example", False),
        (replace(ALLOW, until=NOW + timedelta(days=1)), "sales@supplier.example", True),
    ],
)
def test_whom_a_rule_matches(known: Engine, settings: Settings, order: RuleOrder, author: str, matches: bool) -> None:
    add(known, settings, order)
    assert bool(matching(known, author)) is matches


def test_a_list_is_known_by_its_id(known: Engine, settings: Settings) -> None:
    add(known, settings, RuleOrder("allow", "list", "<Dev.Lists.example>", "company", "dkim:lists.example"))
    assert matching(known, "somebody@else.example", list_id="dev.lists.example") == [("allow", "dev.lists.example")]
    assert matching(known, "somebody@else.example") == []


def test_a_list_that_writes_in_place_of_its_authors_is_let_in_as_a_list_only(known: Engine, settings: Settings) -> None:
    add(known, settings, RuleOrder("allow", "list", "dev.lists.example", "company", "dkim:lists.example"))
    add(known, settings, RuleOrder("allow", "address", "dev@lists.example", "company"))
    add(known, settings, RuleOrder("allow", "domain", "lists.example", "company"))
    add(known, settings, RuleOrder("block", "domain", "lists.example", "person:joe.fern"))
    post = matching(known, "dev@lists.example", list_id="dev.lists.example", author_name="Anna via Dev")
    assert post == [("allow", "dev.lists.example"), ("block", "lists.example")]
    own_words = matching(known, "dev@lists.example", list_id="dev.lists.example", author_name="Dev")
    assert ("allow", "dev@lists.example") in own_words


def test_a_hold_is_about_everybody_whom_the_from_field_names(known: Engine, settings: Settings) -> None:
    add(known, settings, HOLD)
    assert matching(known, "", authors=("a@other.example", "b@supplier.example")) == [("hold", "supplier.example")]
    assert matching(known, "", authors=("a@other.example", "b@third.example")) == []
    listed = matching(known, "dev@supplier.example", list_id="dev.supplier.example", author_name="Anna via Dev")
    assert listed == [("hold", "supplier.example")]


def test_a_hold_always_ends_and_says_why(known: Engine, settings: Settings) -> None:
    made = add(known, settings, replace(HOLD, note=" their  mailbox\nwas hacked "))
    with db.transaction(known) as session:
        found = session.get_one(Rule, made)
        assert (found.until, found.note, found.proof) == (NOW + timedelta(days=14), "their mailbox was hacked", "")
        (seen,) = rules.list_rules(session, NOW, by=BEN)  # who decides about its messages reads why
        assert (seen.note, bool(seen.used)) == ("their mailbox was hacked", False)
        later = rule_confirmation.change_rule(session, made, {"until": NOW + timedelta(days=30)}, by=ANA, now=NOW, settings=settings)
        assert later.until == NOW + timedelta(days=30)
        with pytest.raises(BadInput, match="note: say why"):
            rule_confirmation.change_rule(session, made, {"note": ""}, by=ANA, now=NOW, settings=settings)
    assert matching(known, "sales@supplier.example") == [("hold", "supplier.example")]
    with db.transaction(known) as session:
        rules.remove_rule(session, made, by=ANA, now=NOW)
    assert matching(known, "sales@supplier.example") == []


def test_what_is_held_from_now_on_comes_in_held(known: Engine, settings: Settings) -> None:
    add(known, settings, ALLOW)
    made = add(known, settings, HOLD)
    with db.transaction(known) as session:
        arriving.arrive(session, settings, "it+joe.fern@company.example", dmarc=arriving.DMARC_PASS)
        (delivery,) = session.scalars(select(Delivery))
        assert (delivery.state, delivery.rule, delivery.rule_id) == ("held", "held-sender", made)
        assert session.get_one(Rule, made).used == 1


@pytest.mark.parametrize(
    ("match", "value"), [("address", "sales@supplier.example"), ("domain", "supplier.example"), ("list", "<Dev.Forwarder.example>")]
)
def test_a_seal_is_a_proof_where_the_sealer_is_trusted(sqlite_engine: Engine, settings: Settings, match: str, value: str) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    order = RuleOrder("allow", match, value, "company", "arc:Forwarder.example")
    with pytest.raises(BadInput, match=r"forwarder\.example is not a trusted forwarder"):
        add(sqlite_engine, settings, order)
    trusting = replace(settings, policy=replace(settings.policy, trusted_arc_sealers=("forwarder.example",)))
    made = add(sqlite_engine, trusting, order)
    with db.read_transaction(sqlite_engine) as session:
        assert session.get_one(Rule, made).proof == "arc:forwarder.example"


def test_the_most_precise_comes_first(known: Engine, settings: Settings) -> None:
    add(known, settings, BLOCK)
    add(known, settings, ALLOW)
    add(known, settings, replace(BLOCK, match="address", value="sales@supplier.example"))
    add(known, settings, replace(ALLOW, scope="person:joe.fern"))
    assert [effect for effect, _ in matching(known, "sales@supplier.example")] == ["allow", "block", "allow", "block"]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (replace(ALLOW, effect="maybe"), "effect: a rule allows, blocks, redirects or holds"),
        (replace(ALLOW, value="nonsense"), "value: “nonsense” is not an email address"),
        (replace(ALLOW, match="domain", value="example"), "is a whole top-level domain"),
        (replace(ALLOW, match="domain", value="gmail.com"), "anybody can get an address at gmail.com"),
        (replace(ALLOW, match="subject"), "match: a rule matches an address, a domain, subdomains or a list"),
        (replace(ALLOW, match="list", value="dev lists"), "is not a List-Id"),
        (replace(ALLOW, match="list", value="dev.lists.example"), "proof: a mailing list needs dkim:DOMAIN"),
        (replace(ALLOW, match="list", value="dev.lists.example", proof="arc:forwarder.example"), "seals messages of anybody"),
        (replace(ALLOW, proof="trust"), "proof: dmarc, aligned, dkim:DOMAIN or arc:DOMAIN"),
        (replace(ALLOW, proof="dkim:"), "proof: “” is not a domain"),
        (replace(ALLOW, proof="arc:"), "proof: “” is not a domain"),
        (replace(ALLOW, proof="dkim"), "proof: dmarc, aligned, dkim:DOMAIN or arc:DOMAIN"),
        (replace(ALLOW, scope="everybody"), "scope: “everybody” is not a scope"),
        (replace(ALLOW, scope="department:sales"), "scope: there is no department “sales”"),
        (replace(ALLOW, scope="person:nobody"), "scope: there is no person “nobody”"),
        (replace(BLOCK, value="company.example"), "company.example is your company's own domain"),
        (replace(BLOCK, match="address", value="boss@company.example"), "boss@company.example is your company's own domain"),
        (replace(ALLOW, value="boss@company.example", proof="dkim:lists.example"), "proof: messages from your own domains pass only"),
        (
            replace(ALLOW, match="domain", value="sub.company.example", proof="dkim:lists.example"),
            "messages from your own domains pass only",
        ),
        (replace(ALLOW, match="domain", value=".co.uk"), "anybody can register a domain under co.uk"),
        (replace(ALLOW, match="domain", value="github.io"), "anybody can register a domain under github.io"),
        (replace(ALLOW, match="domain", value=".onmicrosoft.us"), "anybody can register a domain under onmicrosoft.us"),
        (replace(BLOCK, value="co.uk"), "anybody can register a domain under co.uk"),
        (replace(ALLOW, proof="dkim:gmail.com"), "gmail.com signs for anybody"),
        (replace(ALLOW, value="a@-‍ß.example"), "value: "),
        (replace(ALLOW, lapse_days=-1), "lapse_days: between 0"),
        (replace(HOLD, note="  "), "note: say why messages from them are held"),
        (replace(HOLD, until=NOW), "until: 24 Nov 2026 is in the past"),
        (replace(HOLD, match="list", value="dev.lists.example"), "match: a hold matches an address or a domain, not a list"),
        (replace(HOLD, proof="dmarc"), "effect: a hold takes neither proof"),
        (replace(HOLD, lapse_days=9), "effect: a hold takes neither proof"),
        (replace(HOLD, to="person:joe.fern"), "effect: only a redirect can match a recipient"),
        (replace(HOLD, value="co.uk"), "anybody can register a domain under co.uk"),
    ],
)
def test_mistakes_are_named(sqlite_engine: Engine, settings: Settings, order: RuleOrder, says: str) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    settings = replace(settings, policy=replace(settings.policy, trusted_arc_sealers=("forwarder.example",)))
    with pytest.raises(BadInput, match=says):
        add(sqlite_engine, settings, order)


@pytest.mark.parametrize(
    ("by", "scope", "may"),
    [
        (ANA, "company", True),
        (BEN, "company", False),
        (BEN, "department:legal", True),
        (BEN, "department:it", False),
        (BEN, "person:joe.fern", False),
        (OTTO, "company", False),
    ],
)
def test_a_rule_reaches_as_far_as_its_maker(sqlite_engine: Engine, settings: Settings, by: Actor, scope: str, may: bool) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    if may:
        add(sqlite_engine, settings, replace(ALLOW, scope=scope), by)
    else:
        with pytest.raises(NotAllowed):
            add(sqlite_engine, settings, replace(ALLOW, scope=scope), by)


def test_the_same_rule_twice_is_one_rule_with_the_later_end(known: Engine, settings: Settings) -> None:
    soon, later = NOW + timedelta(days=1), NOW + timedelta(days=9)
    first = add(known, settings, replace(ALLOW, until=soon))
    assert add(known, settings, replace(ALLOW, until=later)) == first
    with db.read_transaction(known) as session:
        assert session.get_one(Rule, first).until == later
    add(known, settings, ALLOW)
    with db.read_transaction(known) as session:
        assert session.get_one(Rule, first).until is None


def test_staff_make_a_rule_of_their_own_beside_a_learned_one(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        learned = rules.add_rule(session, replace(ALLOW, lapse_days=400), by=ANA, now=NOW, settings=settings, origin=rules.LEARNED).id
        assert (
            rules.add_rule(session, replace(ALLOW, lapse_days=400), by=ANA, now=NOW, settings=settings, origin=rules.LEARNED).id == learned
        )
    made = add(known, settings, ALLOW)
    assert made != learned
    with db.transaction(known) as session:
        assert rules.add_rule(session, replace(ALLOW, lapse_days=400), by=ANA, now=NOW, settings=settings, origin=rules.LEARNED).id in (
            made,
            learned,
        )


def test_a_rule_lapses_so_many_days_after_the_last_mail_either_way(known: Engine, settings: Settings) -> None:
    rule = add(known, settings, replace(ALLOW, lapse_days=10))
    other = add(known, settings, replace(ALLOW, value="b@supplier.example", until=NOW + timedelta(days=10)))

    def ends() -> list[object]:
        with db.read_transaction(known) as session:
            return [session.get_one(Rule, one).until for one in (rule, other)]

    day = timedelta(days=1)
    assert ends() == [NOW + 10 * day, NOW + 10 * day]
    with db.transaction(known) as session:
        rules.count_uses(session, [rule, other], NOW + 5 * day)
    assert ends() == [NOW + 15 * day, NOW + 10 * day]
    with db.transaction(known) as session:
        rules.prolong_rules(session, ["sales@supplier.example", "b@supplier.example"], NOW + 9 * day)
    assert ends() == [NOW + 19 * day, NOW + 10 * day]
    with db.transaction(known) as session:
        rules.prolong_rules(session, ["sales@supplier.example"], NOW + 20 * day)
    assert ends()[0] == NOW + 19 * day  # over is over


def test_uses_are_counted_with_the_first_and_the_last(known: Engine, settings: Settings) -> None:
    rule = add(known, settings, ALLOW)
    for day in (1, 2, 3):
        with db.transaction(known) as session:
            rules.count_uses(session, [rule], NOW + timedelta(days=day))
    with db.read_transaction(known) as session:
        found = session.get_one(Rule, rule)
        assert (found.used, found.first_used_at, found.last_used_at) == (3, NOW + timedelta(days=1), NOW + timedelta(days=3))


def test_widening_a_rule_is_on_the_record(known: Engine, settings: Settings) -> None:
    add(known, settings, replace(ALLOW, until=NOW + timedelta(days=1)))
    add(known, settings, ALLOW, IDA)
    add(known, settings, ALLOW, IDA)
    with db.read_transaction(known) as session:
        acts = session.execute(select(col(AuditRecord.act), col(AuditRecord.by)).order_by(col(AuditRecord.id))).all()
    assert [tuple(one) for one in acts][-2:] == [("rule", "person:ana"), ("widen-rule", "person:ida")]


def test_two_who_ask_for_the_same_rule_at_once_make_one(known: Engine, settings: Settings) -> None:
    with ThreadPoolExecutor(4) as several:
        made = list(several.map(lambda _: add(known, settings, ALLOW), range(4)))
    assert len(set(made)) == 1


def test_a_removed_rule_matches_nobody(known: Engine, settings: Settings) -> None:
    rule = add(known, settings, ALLOW)
    with db.transaction(known) as session:
        rules.remove_rule(session, rule, by=ANA, now=NOW)
    assert matching(known, "sales@supplier.example") == []
    with pytest.raises(NotFound), db.transaction(known) as session:
        rules.remove_rule(session, 7, by=ANA, now=NOW)


PRECISE = replace(ALLOW, value="one@supplier.example")
UNSIGNED = replace(BLOCK, unproven_only=True, unsigned_only=True)


@pytest.mark.parametrize(
    ("orders", "always", "unsigned"),
    [
        ([BLOCK], {"supplier.example"}, set()),
        ([HOLD], set(), set()),
        ([replace(BLOCK, scope="department:it")], set(), set()),
        ([replace(BLOCK, until=NOW - timedelta(seconds=1))], set(), set()),
        ([replace(BLOCK, unproven_only=True)], set(), set()),
        ([UNSIGNED], set(), {"supplier.example"}),
        ([UNSIGNED, replace(PRECISE, proof="dkim:esp.example", note="why")], set(), set()),
        (
            [replace(UNSIGNED, match="address", value="one@supplier.example"), replace(ALLOW, match="domain", value="supplier.example")],
            set(),
            set(),
        ),
        ([UNSIGNED, RuleOrder("allow", "list", "dev.lists.example", "company", "dkim:lists.example")], set(), set()),
        ([BLOCK, PRECISE], set(), set()),
        ([BLOCK, RuleOrder("allow", "list", "dev.lists.example", "company", "dkim:lists.example")], set(), set()),
        ([BLOCK, replace(ALLOW, match="domain", value="deep.supplier.example")], set(), set()),
        ([replace(BLOCK, match="subdomains")], {"supplier.example"}, set()),
        ([replace(BLOCK, match="address", value="sales@supplier.example"), PRECISE], {"sales@supplier.example"}, set()),
        ([replace(BLOCK, match="address", value="one@supplier.example"), PRECISE], {"one@supplier.example"}, set()),
        ([replace(BLOCK, match="address", value="one@supplier.example"), replace(PRECISE, scope="department:it")], set(), set()),
    ],
)
def test_what_the_door_enforces(known: Engine, settings: Settings, orders: list[RuleOrder], always: set[str], unsigned: set[str]) -> None:
    for order in orders:
        add(known, settings, order)
    with db.read_transaction(known) as session:
        assert smtp_blocks.list_smtp_blocks(session, NOW) == smtp_blocks.SmtpBlocks(frozenset(always), frozenset(unsigned))


def test_the_door_hears_of_every_change(known: Engine, settings: Settings) -> None:
    versions = []

    def look(later: timedelta = timedelta()) -> None:
        with db.read_transaction(known) as session:
            versions.append(recipient_map_version(session, NOW + later))

    look()
    rule = add(known, settings, replace(BLOCK, until=NOW + timedelta(hours=1)))
    look()
    look(timedelta(hours=2))  # it has run out
    with db.transaction(known) as session:
        rules.remove_rule(session, rule, by=ANA, now=NOW)
    look()
    assert len(set(versions)) == len(versions)


LABELS = st.sampled_from(["shop", "deep", "evil-shop", "co"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join((*labels, "example")))
SCOPES = st.sampled_from(["company", "department:it", "person:joe.fern", "person:mara.berg", "department:legal"])
MADE = st.tuples(st.sampled_from(["allow", "block"]), st.sampled_from(["address", "domain", "subdomains"]), DOMAINS, SCOPES)


def row(number: int, effect: str, match: str, domain: str, scope: str) -> Rule:
    """A rule about a domain, or somebody there."""
    value = f"a@{domain}" if match == "address" else domain
    return Rule(id=number, effect=effect, match=match, value=value, scope=scope, author="Ana", created_at=NOW)


@given(MADE, DOMAINS)
def test_whom_rules_match_said_once_more(made: tuple[str, str, str, str], domain: str) -> None:
    rule = row(1, *made)
    below = f".{domain}".endswith(f".{rule.value}")
    by_hand = {
        "address": rule.value == f"a@{domain}",
        "subdomains": below,
        "domain": below if rule.effect == "block" else rule.value == domain,
    }
    said = summary(f"a@{domain}")
    assert matching_rules.reaches_sender(rule, matching_rules.sender_values(said), domain, set()) == by_hand[rule.match]


@given(st.lists(MADE, max_size=6), st.randoms())
def test_the_order_in_which_rules_were_read_does_not_matter(made: list[tuple[str, str, str, str]], chance: Random) -> None:
    rows = [matching_rules.rule_of_row(row(number, *one)) for number, one in enumerate(made)]
    mixed = list(rows)
    chance.shuffle(mixed)
    found = matching_rules.rules_for_recipient(rows, JOE)
    assert found == matching_rules.rules_for_recipient(mixed, JOE)
    assert all(one.scope in ("company", "department:it", "person:joe.fern") for one in found)
    assert [rule_precision(one) for one in found] == sorted((rule_precision(one) for one in found), reverse=True)
    assert all(
        (one.effect, other.effect) != ("allow", "block") or rule_precision(one) > rule_precision(other)
        for one, other in itertools.pairwise(found)
    )


@given(
    st.sampled_from(PROVIDERS),
    st.sampled_from(["domain", "subdomains"]),
    st.sampled_from(["{}", ".{}", " {} ", "@{}", "{}."]),
    st.booleans(),
    st.sampled_from(["", "dmarc", "aligned", "dkim:supplier.example"]),
)
def test_nobody_allows_a_free_mail_provider_as_a_whole(provider: str, match: str, form: str, loud: bool, proof: str) -> None:
    value = form.format(provider.upper() if loud else provider)
    settings = Settings(company=Company(domains=("company.example",), hostname="mx.company.example"))
    with pytest.raises(BadInput, match=r"anybody can get an address at|is not a domain|anybody can register a domain under"):
        rule_request.check_order(Session(), RuleOrder("allow", match, value, "company", proof), settings)
    assert rule_request.check_order(Session(), RuleOrder("allow", "address", f"pal@{provider}", "company"), settings).proof == "dmarc"
