"""Candidates for suggested rules, from the company's messages and decisions. Read-only.

Mail in confidential folders is no evidence: that it exists would show.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlmodel import Session, col

from triage.addressing.envelope import ancestor_domains
from triage.addressing.public_suffix import is_shared
from triage.config.settings import Settings
from triage.policy.contacts.store import KNOWN
from triage.policy.rules import store as rules
from triage.policy.suggestions.superseded import recent_strangers, was_removed
from triage.policy.suggestions.threshold import SHOWN, Candidate, Evidence, Kind, kind_of
from triage.store import confidential_rows
from triage.store.delivery_state import FOR_ASSISTANT
from triage.store.models.contacts import Contact, PostedList
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.rules import Rule
from triage.store.queue import grouping

WAITS = "first-contact"  # the policy's rule that an allow would go before
AT_ONCE = 1000  # contacts that are in memory together


def find_candidates(session: Session, *, settings: Settings, now: datetime) -> list[Candidate]:
    """Lists all candidates for suggested rules that no rule covers yet."""
    return [*candidate_domains(session, settings, now), *candidate_lists(session, now)]


def candidate_domains(session: Session, settings: Settings, now: datetime) -> list[Candidate]:
    """Domains that many correspond with, and those that send sign-in and password messages."""
    settled = decided_domains(session, now)
    counted = {
        domain: evidence
        for domain, evidence in count_by_domain(session, now).items()
        if "." in domain and not is_nobodys(domain, settings) and not any(one in settled for one in ancestor_domains(domain))
    }
    wrote = find_writers(session, counted.keys())
    released = released_to(session, now)
    candidates = []
    for domain, evidence in counted.items():
        people = wrote.get(domain, set()) | released.get(domain, set())
        full = replace(evidence, people=len(people), wrote=len(wrote.get(domain, set())))
        if kind := kind_of(full):
            candidates.append(Candidate(kind, "domain", domain, full.proof, replace(full, subjects=recent_subjects(session, domain, now))))
    return candidates


def is_nobodys(domain: str, settings: Settings) -> bool:
    """Whether anybody can have an address there, or the domain is our own."""
    free = settings.policy.freemail_domains
    ours = settings.own_domains
    return domain in free or is_shared(domain) or any(domain == own or domain.endswith("." + own) for own in ours)


def decided_domains(session: Session, now: datetime) -> set[str]:
    """Domains that people have said something about: blocks and holds of any scope, allows for the company."""
    stops = col(Rule.effect).in_(["block", "hold"])
    says = or_(stops, col(Rule.scope) == "company")
    rows = session.execute(select(col(Rule.value)).where(rules.in_force(now), says, col(Rule.match).in_(["domain", "subdomains"])))
    addresses = select(col(Rule.value)).where(rules.in_force(now), stops, col(Rule.match) == "address")
    return set(rows.scalars()) | {address.rpartition("@")[2] for address in session.scalars(addresses)}


def count_by_domain(session: Session, now: datetime) -> dict[str, Evidence]:
    """Counts what came in, and what became of it, for each author's domain with at least one proven message."""
    proven = col(Delivery.proof) != ""

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((and_(proven, condition), 1), else_=0))

    rows = session.execute(
        select(
            col(Delivery.author_domain),
            number(proven),
            number(col(Delivery.proof) == "dmarc"),
            func.sum(case((proven, 0), else_=1)),
            number(col(Delivery.time_limited_until).is_not(None)),
            func.count(func.distinct(case((proven, Delivery.department + "/" + Delivery.person)))),
            number(was_removed()),
            number(or_(col(Delivery.rule) == WAITS, col(Delivery.withheld) == WAITS)),
            func.max(case((proven, Delivery.weight), else_=0)),
            func.max(case((proven, grouping.severity_column()), else_=0)),
        )
        .where(recent_strangers(now))
        .group_by(col(Delivery.author_domain))
        .having(number(proven) > 0)
    )
    return {
        row[0]: Evidence(
            messages=row[1],
            dmarc=row[2],
            unproven=row[3],
            time_limited=row[4],
            recipients=row[5],
            removed=row[6],
            would_pass=row[7],
            weight=row[8],
            severity=row[9],
        )
        for row in rows
    }


def find_writers(session: Session, wanted: Collection[str]) -> dict[str, set[str]]:
    """Returns for each domain the people and departments that wrote to somebody there, outside confidential folders."""
    found: dict[str, set[str]] = {}
    closed_people, closed_departments = confidential_people(session), set(session.scalars(confidential_rows.SEALED["department"]))
    columns = col(Contact.address), col(Contact.person), col(Contact.department)
    known = select(*columns).where(col(Contact.state) == KNOWN).execution_options(yield_per=AT_ONCE)
    for address, person, department in session.execute(known):
        domain = address.rpartition("@")[2]
        if domain in wanted and person not in closed_people and department not in closed_departments:
            found.setdefault(domain, set()).add(f"{department}/{person}")
    return found


def confidential_people(session: Session) -> set[str]:
    """The people whose mail lies in confidential folders: their own, or their department's."""
    theirs = select(col(Person.uid)).where(col(Person.department).in_(confidential_rows.SEALED["department"]))
    return {*session.scalars(confidential_rows.SEALED["person"]), *session.scalars(theirs)}


def released_to(session: Session, now: datetime) -> dict[str, set[str]]:
    """Returns for each domain those to whom staff released proven messages from there."""
    found: dict[str, set[str]] = {}
    rows = session.execute(
        select(col(Delivery.author_domain), col(Delivery.person), col(Delivery.department))
        .join(Decision, col(Decision.id) == col(Delivery.decision_id))
        .where(recent_strangers(now), col(Delivery.proof) != "", col(Decision.verb) == "release", col(Delivery.rule) != FOR_ASSISTANT)
        .distinct()
    )
    for domain, person, department in rows:
        found.setdefault(domain, set()).add(f"/{person}" if person else f"{department}/")
    return found


def recent_subjects(session: Session, domain: str, now: datetime) -> tuple[str, ...]:
    """Returns subjects of the domain's last proven messages, first of those that the rule would have let through."""
    waited = case((or_(col(Delivery.rule) == WAITS, col(Delivery.withheld) == WAITS), 0), else_=1)
    last = (
        select(col(Delivery.subject))
        .where(recent_strangers(now), col(Delivery.author_domain) == domain, col(Delivery.proof) != "")
        .group_by(col(Delivery.subject))
        .order_by(func.min(waited), func.max(col(Delivery.id)).desc())
        .limit(SHOWN)
    )
    return tuple(session.scalars(last))


def candidate_lists(session: Session, now: datetime) -> list[Candidate]:
    """Mailing lists that somebody here writes to, nobody in a confidential folder as the last one, and whose posts are signed."""
    closed = confidential_people(session)
    decided = select(col(Rule.value)).where(rules.in_force(now), col(Rule.match) == "list")
    posted = select(PostedList).where(col(PostedList.posts) > 0, col(PostedList.list_id) != "", col(PostedList.signer) != "")
    return [
        Candidate(Kind.LIST, "list", one.list_id, f"dkim:{one.signer}", Evidence(posts=one.posts, people=1))
        for one in session.scalars(posted.where(col(PostedList.list_id).not_in(decided)))
        if one.person not in closed
    ]
