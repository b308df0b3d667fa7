"""The demo's morning at a desk where time stands still: the same messages at the same minutes, and the same decisions about them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from uvicorn import server

from demo import company
from demo.correspondence import write_morning
from demo.sample_messages import SampleMessage
from tests.conftest import settings_in
from tests.triage.arriving import SYNC
from tests.triage_api.conftest import PASSWORD
from tests.webui.site import Site, running
from triage import ids, times
from triage.actor import EVERYTHING, Actor, Role
from triage.config.settings import Notices, Settings
from triage.directory import apply as directory
from triage.message import summary
from triage.message.authentication import Authentication, Dkim, Dmarc, Result
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db

BEGAN = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
PACE = timedelta(seconds=30)  # from one message to the next
LOOKED_AT = datetime(2026, 11, 24, 9, 46, tzinfo=UTC)
NOBODY = "helpdesk@company.example"  # the SMTP server refuses it
ANA, IDA = (Actor.person(one.login, Role(one.role), EVERYTHING, one.name) for one in company.STAFF if one.login in ("ana", "ida"))


@dataclass(slots=True)
class Clock:
    """Time of day that the company sees."""

    now: datetime = BEGAN


@contextlib.contextmanager
def standing() -> Iterator[Clock]:
    """A clock for the house that moves when it is told to; what ids hold of chance is gone too."""
    clock = Clock()
    still = type("Still", (datetime,), {"now": classmethod(lambda cls, zone=None: clock.now)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(times, "datetime", still)
        patch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: times.to_micros(clock.now) * 1000))
        patch.setattr(ids, "secrets", SimpleNamespace(randbits=lambda _: 0))
        patch.setattr(ids, "_last", 0)
        patch.setattr(server, "formatdate", lambda *_, **__: format_datetime(LOOKED_AT, usegmt=True))  # what answers say of the time
        yield clock


@contextlib.contextmanager
def desk(directory: Path, template: Path) -> Iterator[Site]:
    """The demo company at 9:46, when some of the morning is decided."""
    with standing() as clock, running(directory, template, settings_of(directory), lambda login, password: password == PASSWORD) as site:
        move_in(site, clock.now)
        samples = [one for one in write_morning(seed=1, start=BEGAN, pace_seconds=PACE.total_seconds()) if NOBODY not in one.recipients]
        for number, sample in enumerate(samples):
            clock.now = BEGAN + number * PACE
            said = summary.make_summary(sample.raw)
            site.receive(sample.recipients, sample.reverse_path, sample.raw, said, proof_of(sample, said.author))
        decide(site, clock)
        clock.now = LOOKED_AT
        yield site


def settings_of(directory: Path) -> Settings:
    """As the demo has them; and employees may ask."""
    settings = settings_in(directory)
    policy = replace(settings.policy, freemail_domains=(*settings.policy.freemail_domains, *company.FREEMAIL))
    return replace(settings, policy=policy, notices=Notices(requests=True, digest_at="16:00"))


def move_in(site: Site, now: datetime) -> None:
    """The demo's people, and the rules that they have."""
    with db.transaction(site.engine) as session:
        directory.apply_directory(session, company.make_directory(), site.settings.company, by=SYNC, now=now, confirmed=True)
        for order in company.RULES:
            rules.add_rule(session, order, by=IDA, now=now, settings=site.settings)


def proof_of(sample: SampleMessage, author: str) -> Authentication:
    """Authentication of a sample without DNS: its signature is valid, and the signing domain publishes DMARC."""
    if not sample.signer:
        return Authentication(author)
    domain = author.rpartition("@")[2]
    signed = Dkim(Result.PASS, sample.signer, signs_list=True)
    dmarc = Dmarc(Result.PASS, domain, domain, "reject", ("dkim",)) if sample.signer == domain else Dmarc(Result.NONE)
    return Authentication(author, dkim=(signed,), dmarc=dmarc)


def decide(site: Site, clock: Clock) -> None:
    """Make the decisions so far."""
    allow, block = (RuleOrder(effect, "address", "", "company") for effect in ("allow", "block"))
    done = (
        (4, ANA, Verb.RELEASE, "b.jansohn@stadtwerke-hollersund.example", "the tender", allow),
        (3, IDA, Verb.PURGE, "brad@leadsprout.test", "", block),
        (2, ANA, Verb.PURGE, "angebote@werkbedarf.example", "", None),
        (1, ANA, Verb.RELEASE, "e.lindgreen@uni-hollersund.example", "", None),
    )
    for minutes, by, verb, sender, reason, rule in done:
        clock.now = LOOKED_AT - timedelta(minutes=minutes)
        with db.transaction(site.engine) as session:
            selected = Selection.of(sender=sender)
            made = decisions.decide_messages(
                session, DecisionRequest(selected, verb, reason, rule=rule), by=by, now=clock.now, settings=site.settings
            )
            if verb is Verb.PURGE and rule is None:
                undoing.undo_decision(session, made.id, by=by, reason="wanted after all", now=clock.now, settings=site.settings)
