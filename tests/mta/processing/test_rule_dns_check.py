"""DNS check of a rule's domain: looked up once, with a warning for a rule that no message can match."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mail_auth.dns.resolver_factory import open_resolver
from mta.processing.rule_dns_check import Surveyor
from tests.triage import arriving
from tests.triage.arriving import ANA, NOW
from triage.config.settings import Settings
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db
from triage.store.models.rules import Rule

ZONE = """$ORIGIN .
$TTL 300
. 300 IN SOA ns.outside.example. hostmaster.outside.example. 1 3600 600 86400 300
. 300 IN NS ns.outside.example.
strict.example. 300 IN TXT "v=spf1 -all"
_dmarc.strict.example. 300 IN TXT "v=DMARC1; p=reject"
plain.example. 300 IN TXT "v=spf1 -all"
bare.example. 300 IN A 192.0.2.1
"""


@pytest.mark.parametrize(
    ("value", "proof", "says"),
    [
        ("a@strict.example", "dmarc", ""),
        ("a@sub.strict.example", "dmarc", ""),
        ("a@plain.example", "dmarc", "plain.example publishes no DMARC record, so no message can pass DMARC. “aligned” may work."),
        ("a@plain.example", "aligned", ""),
        ("a@bare.example", "dmarc", "no message can pass DMARC, and only signed ones “aligned” or “dkim:DOMAIN”."),
        ("a@bare.example", "aligned", "bare.example publishes neither DMARC nor SPF: only messages that it signs can pass."),
        ("a@bare.example", "dkim:forwarder.example", ""),
    ],
)
def test_a_rule_that_nothing_can_meet_says_so(
    engine: Engine, settings: Settings, tmp_path: Path, value: str, proof: str, says: str
) -> None:
    (tmp_path / "outside.zone").write_text(ZONE)
    resolver = open_resolver(replace(settings.dns, zone_file=str(tmp_path / "outside.zone")))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        order = RuleOrder("allow", "address", value, "company", proof)
        rule = rules.add_rule(session, order, by=ANA, now=NOW, settings=settings).id
    surveyor = Surveyor(engine, resolver)
    assert surveyor.check_new() is bool(says)
    assert surveyor.check_new() is False
    with db.read_transaction(engine) as session:
        found = session.get_one(Rule, rule)
        assert says in found.doubt
        assert bool(found.doubt) is bool(says)
        assert (found.looked_at is None) is proof.startswith("dkim")
