"""Asks DNS what the domain of a new rule publishes: a rule that no messages could ever meet says so as soon as it is made."""

import logging

from sqlalchemy import Engine, select, update
from sqlmodel import col

from mail_auth.dmarc import discover_record
from mail_auth.dns.query_budget import Questions, Resolver, Temporary, TooManyQuestions
from triage.policy.rules.store import VERSION
from triage.policy.rules_in_force import in_force
from triage.say import form_of, say
from triage.store import versions
from triage.store.db import read_transaction, transaction
from triage.store.models.rules import Rule
from triage.text.sanitize import escape_visible
from triage.times import utcnow

AT_ONCE = 20  # rules of one look

log = logging.getLogger(__name__)


class Surveyor:
    """Looks at the rules that let somebody in and that nobody has looked at."""

    def __init__(self, engine: Engine, resolver: Resolver) -> None:
        self.engine, self.resolver = engine, resolver
        self.version: int | None = None

    def check_new(self) -> bool:
        """Look at those that were made since; True when one of them cannot work. What DNS does not answer is left as it is."""
        with read_transaction(self.engine) as session:
            version = versions.read_version(session, VERSION)
            if version == self.version:
                return False
            unseen = (col(Rule.effect) == "allow") & col(Rule.proof).in_(["dmarc", "aligned"]) & col(Rule.looked_at).is_(None)
            columns = select(col(Rule.id), col(Rule.value), col(Rule.proof), col(Rule.doubt)).where(unseen, in_force(utcnow()))
            found = session.execute(columns.order_by(col(Rule.id)).limit(AT_ONCE)).all()
        told = [(row.id, "" if row.doubt else find_dns_doubt(row.value.rpartition("@")[2], row.proof, self.resolver)) for row in found]
        with transaction(self.engine) as session:
            for rule_id, sentence in told:
                values = {"looked_at": utcnow()} | ({"doubt": str(sentence), "doubt_form": form_of(sentence)} if sentence else {})
                session.execute(update(Rule).where(col(Rule.id) == rule_id).values(**values))
        if len(found) < AT_ONCE:
            self.version = version
        if found:
            log.info("looked at what the senders of %d rules publish", len(found))
        return any(row.doubt for row in found) or any(sentence for _, sentence in told)


def find_dns_doubt(domain: str, proof: str, resolver: Resolver) -> str:
    """Returns why no messages from a domain can meet the proof, "" when some may or DNS does not say."""
    questions = Questions(resolver)
    found = discover_record(domain, questions)
    if found.record or found.result:
        return ""
    try:
        spf = any(text.lower().startswith(b"v=spf1") for text in questions.texts(domain))
    except (Temporary, TooManyQuestions):
        return ""
    name = escape_visible(domain)
    if proof == "dmarc":
        if spf:
            return say("{domain} publishes no DMARC record, so no message can pass DMARC. “aligned” may work.", domain=name)
        return say(
            "{domain} publishes neither DMARC nor SPF: no message can pass DMARC, and only signed ones “aligned” or “dkim:DOMAIN”.",
            domain=name,
        )
    return "" if spf else say("{domain} publishes neither DMARC nor SPF: only messages that it signs can pass.", domain=name)
