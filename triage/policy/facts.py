"""Facts: all evidence for one verdict about one delivery, in one frozen value."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from triage.addressing.envelope import Envelope
from triage.addressing.recipient import Recipient
from triage.config.simulations import Simulation
from triage.message.authentication import Authentication
from triage.message.dmarc_reports.aggregate_report import Standing
from triage.message.sender_proof import SenderProof
from triage.message.signals.attachments import NO_DANGER, Danger
from triage.message.signals.deviations import Deviation
from triage.message.signals.time_critical import Life
from triage.message.summary import Summary
from triage.policy.content_rules.match_content import ContentMatch

PartnerReport = Literal["", "taken", "many", "unknown"]
BY_STAFF = ("staff", "import")  # origins of rules that somebody made on purpose


@dataclass(frozen=True, slots=True)
class MatchedRule:
    """A sender rule that matches this delivery."""

    id: int
    effect: str  # allow, block, hold
    match: str  # address, domain, subdomains, list, campaign
    value: str
    scope: str  # company, department:CODE, person:UID
    proof: str  # dmarc, aligned, dkim:DOMAIN, arc:DOMAIN; "" for blocks
    unproven_only: bool  # a block made from unproven mail: it leaves proven mail alone
    author: str
    origin: str  # staff, learned, import, standing, removal
    since: datetime
    risky: bool = False  # a staff allow that says "with risky attachments"
    unchecked: bool = False  # a staff allow that says "pass whatever it says"
    encrypted: bool = False  # a staff allow that says "the password was given by phone"
    holds_until: datetime | None = None  # a block: until then it only holds
    note: str = ""  # a hold: why
    until: datetime | None = None  # a hold: when it ends
    kept_out: tuple[str, ...] = ()  # confidential folders that it does not reach into

    @property
    def by_staff(self) -> bool:
        """Says whether staff made the rule on purpose; else it was learned, or came with a removal."""
        return self.origin in BY_STAFF


@dataclass(frozen=True, slots=True)
class OurMail:
    """A message of ours that a message names."""

    named_by: str  # reply, calendar, returned
    author: str  # who wrote it, as people read it
    person: str  # uid of who sent it, "" for a role address
    department: str
    at: datetime
    went_to: frozenset[str]  # domains; of free-mail providers whole addresses
    automatic: bool = False  # a program wrote it


@dataclass(frozen=True, slots=True)
class Facts:
    """Evidence for the verdict about one delivery."""

    envelope: Envelope
    authentication: Authentication
    summary: Summary
    recipient: Recipient
    own_domains: frozenset[str]
    rules: tuple[MatchedRule, ...] = ()  # every rule that matches the sender and the recipient, most precise first
    ours: tuple[OurMail, ...] = ()  # messages of ours that it names
    wanted: bool = False  # asked where a campaign is blocked: is its sender a contact, allowed, or one whose messages were released?
    freemail_domains: frozenset[str] = frozenset()  # where anybody can have an address
    trusted_arc_sealers: frozenset[str] = frozenset()  # whose seals may prove anything
    listed: str = ""  # who lists the client as bad, as a sentence without its end; "" when nobody does
    sample: bool = False  # one of those that staff look at to see what the lists take away
    virus: str = ""  # that a scanner found in it
    virus_found: str = "hold"  # hold | purge
    out_of_hours: bool = False  # nobody is at work, and time-limited messages may pass to this folder's people
    listed_codes: str = ""  # the domain of the start list whose time-limited messages pass at any hour, seen here before; "" where none is
    emergency: str = ""  # who let everything pass that is neither blocked nor forged, until when and why; "" when nobody did
    inside: str = ""  # who of ours sent it, as a sentence without its end; "" when it came from outside
    observe: bool = False  # Record only: everything passes but what no step lets pass
    dangerous_only: bool = False  # Hold dangerous: what is dangerous is held, everything else passes
    assisted: str = ""  # Hold everything: the name of the person whose known messages are held for their assistant
    own_domain_forged: str = "hold"  # hold | purge
    dmarc_reject: str = "hold"  # hold | purge: mail that the author domain's own DMARC policy would reject
    deadline: Life | None = None  # how long it is of use, where that counts if its author is verified
    unlike: tuple[Deviation, ...] = ()  # what is unlike its sender, where the check of that holds
    unlike_reported: tuple[Deviation, ...] = ()  # the same of checks that only report
    content: tuple[ContentMatch, ...] = ()  # the rules on content that it matches and that reach this recipient
    sender_proof: SenderProof | None = None  # how it proves its author's domain; None where that is not compared
    platform: str = ""  # the service that its author's domain is, where anybody can send through that
    warned: bool = False  # it has a warning beside a new proof
    dmarc_report: Standing = ""  # what becomes of a report to the address for these
    partner_report: PartnerReport = ""  # what becomes of a partner's message to the address for reports
    danger: Danger = NO_DANGER  # of its attachments
    simulations: tuple[Simulation, ...] = ()  # phishing simulations of the company's own that run

    @property
    def marked_by(self) -> tuple[int, ...]:
        """The rules on content that mark it."""
        return tuple(one.rule.id for one in self.content if one.rule.effect == "mark")

    @property
    def marks(self) -> str:
        """The names of the rules on content that mark it or redirect it, each between spaces."""
        names = [one.rule.name for one in self.content if one.rule.effect == "mark" or one.rule.id == self.recipient.redirected_by]
        return f" {' '.join(names)} " if names else ""
