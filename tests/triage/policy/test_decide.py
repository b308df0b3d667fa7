"""The policy read as a table: what is known of a delivery, and the rule that speaks first."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings as hypothesis_settings, strategies as st

from tests.triage import arriving
from tests.triage.arriving import ALIGNED, DMARC_FAIL, DMARC_PASS, NO_DMARC, NOW, UNKNOWN
from triage.addressing.recipient import Recipient
from triage.config.simulations import Simulation
from triage.message.authentication import GAPS, Arc, Authentication, Dkim, Dmarc, Result, Stated
from triage.message.mime.delivery_status import Status
from triage.message.sender_proof import SenderProof
from triage.message.signals.attachments import find_danger
from triage.message.signals.deviations import Deviation
from triage.message.signals.time_critical import find_deadline
from triage.message.summary import Attachment, Summary
from triage.policy.content_rules.match_content import ContentMatch, ContentRule
from triage.policy.decide import RULES, Disposition, Verdict, decide_verdict
from triage.policy.facts import Facts, MatchedRule, OurMail
from triage.policy.proof import rule_precision

SALES = "sales@supplier.example"
JOE = "Joe Fern"


def rule(effect: str, match: str = "address", value: str = SALES, scope: str = "company", **more: object) -> MatchedRule:
    made = MatchedRule(
        7, effect, match, value, scope, "dmarc" if effect == "allow" else "", False, "Ana Roth", "staff", NOW - timedelta(days=3)
    )
    return replace(made, **more)  # type: ignore[arg-type]


def by_content(effect: str) -> ContentMatch:
    made = ContentRule(8, "new-account", effect, (("wording", ("bank-details",)),), "company", "Ana Roth", "a wave of fraud", NOW)
    return ContentMatch(made, ("bank-details",))


ENDINGS = frozenset({".exe", ".docm"})


def facts(dmarc: Dmarc = NO_DMARC, *rules: MatchedRule, author: str = SALES, endings: Collection[str] = ENDINGS, **more: object) -> Facts:
    base = Facts(
        envelope=arriving.envelope(),
        authentication=arriving.authentication(author, dmarc),
        summary=arriving.summary(author),
        recipient=Recipient("it+joe.fern@company.example", "it", "joe.fern", "joe.fern@company.example"),
        own_domains=frozenset({"company.example"}),
        rules=rules,
    )
    made = replace(base, **more)  # type: ignore[arg-type]
    danger, lasts = find_danger(made.summary.attachments, endings), find_deadline(made.summary, made.envelope.received_at)
    return replace(made, danger=danger, deadline=lasts)


def in_order(rules: Iterable[MatchedRule]) -> list[MatchedRule]:
    """As `triage.policy.rules.matching_rules` hands them over: the most precise first, a block before an allow of equal precision."""
    return sorted(rules, key=lambda one: (tuple(-part for part in rule_precision(one)), one.effect != "block"))


ALLOW, BLOCK = rule("allow"), rule("block")
HOLD = rule("hold", id=9, note="their mailbox was hacked", until=NOW + timedelta(days=14))
LEARNED = rule("allow", origin="learned")
YOUNG = replace(rule("block", origin="removal"), holds_until=NOW + timedelta(hours=1))
GROWN = replace(YOUNG, holds_until=NOW - timedelta(hours=1))
WAVE = replace(rule("block", "campaign", "0APD2ZK9R1XQ3", origin="removal"), holds_until=NOW - timedelta(hours=1))
YOUNG_WAVE = replace(WAVE, holds_until=NOW + timedelta(hours=1))
ONE_DOMAIN = replace(WAVE, proof="supplier.example")
LATE = replace(WAVE, origin="standing", holds_until=None)
BY_DOMAIN = rule("block", "domain", "supplier.example")
LIST = rule("allow", "list", "dev.lists.example", proof="dkim:lists.example")
SIGNED_BY_LIST = replace(arriving.authentication(SALES, DMARC_FAIL), dkim=(Dkim(Result.PASS, "lists.example", signs_list=True),))
UNKNOWN_BUT_SIGNED = replace(SIGNED_BY_LIST, dmarc=UNKNOWN)
KEY_UNKNOWN = replace(arriving.authentication(SALES), dkim=(Dkim(Result.TEMPERROR, "lists.example"),))
KEY_AND_PROOF_FAIL = replace(KEY_UNKNOWN, dmarc=DMARC_FAIL)
FORWARDED = rule("allow", proof="arc:forwarder.example")
VOUCHED = Arc(Result.PASS, "forwarder.example", 1, "", ("forwarder.example",), (Stated("dmarc", "pass", "supplier.example"),))
SEALED = replace(arriving.authentication(SALES, DMARC_FAIL), arc=VOUCHED)
SEAL_UNKNOWN = replace(SEALED, arc=replace(VOUCHED, result=Result.TEMPERROR, stated=()))
TRUSTED = frozenset({"forwarder.example"})
FORGERIES = replace(BLOCK, unproven_only=True)
COPIES_BLOCKED = replace(WAVE, unproven_only=True)
PINNED = rule("allow", proof="dkim:lists.example")
POST = arriving.summary("dev@lists.example", list_id="dev.lists.example", author_name="Anna via Dev")
DEEPER = rule("allow", "domain", "deep.supplier.example")
OPEN = "Ida Lind opened until 18:00 because nobody is here"
LISTED = "zen.example lists the machine it came from"
POSTMASTER = Recipient("postmaster@company.example", "", "", "joe.fern@company.example", always=True)
MACRO = arriving.summary(SALES, attachments=(Attachment(1, "Invoice.DOCM", "application/msword", 10, ""),))
LOCKED = arriving.summary(SALES, attachments=(Attachment(1, "invoice.zip", "application/zip", 10, "", (), True),))
ENCRYPTED = replace(LOCKED, attachments=(replace(LOCKED.attachments[0], names=("plan.pdf",), locked=True),))
WITH_PROGRAM = replace(LOCKED, attachments=(replace(ENCRYPTED.attachments[0], names=("plan.pdf", "setup.exe")),))
WITH_PAGE = replace(LOCKED, attachments=(replace(ENCRYPTED.attachments[0], names=("plan.html",)),))
BESIDE_PROGRAM = replace(LOCKED, attachments=(*ENCRYPTED.attachments, *MACRO.attachments))
BY_PHONE = rule("allow", scope="person:joe.fern", encrypted=True)
SIGNED = arriving.summary(SALES, attachments=(Attachment(1, "smime.p7m", "application/pkcs7-mime", 10, ""),))
AMBIGUOUS = arriving.summary("", authors=("a@one.example", "b@two.example"))
UNREADABLE = replace(arriving.summary(""), parsed=False)

CODE = arriving.summary(SALES, "Your Supplier sign-in code", text="Your code is 123456. It expires in 10 minutes.")
STRAY = Recipient("it+joe.fern@company.example", "it", "joe.fern", "joe.fern@company.example", stray=True)
RETURNED = Recipient("bounce+1@company.example", "it", "joe.fern", "bounce+1@company.example", bounce="ours")


def signed_by_vendor(result: Result = Result.PASS, gaps: tuple[str, ...] = (), dmarc: Dmarc = NO_DMARC) -> Authentication:
    """Results of a message that the vendor of a simulation signed."""
    return replace(arriving.authentication(SALES, dmarc), dkim=(Dkim(result, "sim.vendor.example", gaps=gaps),))


AUTUMN = Simulation("Vendor", "sim.vendor.example", NOW - timedelta(days=1), NOW + timedelta(days=1))
SIMULATION: dict[str, Any] = {"simulations": (AUTUMN,), "authentication": signed_by_vendor()}
OURS = OurMail("reply", "Mara Berg", "mara.berg", "legal", NOW - timedelta(days=3), frozenset({"supplier.example", "pal@gmail.com"}))
TO_LIST = replace(OURS, went_to=frozenset({"lists.example"}))
INVITED = replace(OURS, named_by="calendar")
BOUNCED = replace(OURS, named_by="returned", person="joe.fern", department="it")
DAEMON = "mailer-daemon@supplier.example"
BOUNCE = arriving.summary(
    DAEMON,
    content_type="multipart/report",
    report_type="delivery-status",
    by_mail_system=True,
    statuses=(Status("ann@supplier.example", "failed", "5.1.1", ""),),
)
FORGED_BOUNCE = replace(BOUNCE, author=SALES, authors=(SALES,), by_mail_system=False)
NAMELESS_BOUNCE = replace(BOUNCE, author="", authors=())
BOUNCE_IN_WORDS = replace(BOUNCE, content_type="text/plain", report_type="", statuses=())
BOUNCE_WITH_FILE = replace(BOUNCE, added="invoice.pdf")
NULL = arriving.envelope(reverse_path="")
BY_LIST = Dmarc(Result.PASS, "lists.example", "lists.example", "none", ("dkim",))
BY_GMAIL = Dmarc(Result.PASS, "gmail.com", "gmail.com", "none", ("dkim",))
BY_DKIM = replace(DMARC_PASS, aligned=("dkim",))
OLD_SIGNATURE = replace(arriving.authentication(SALES, BY_DKIM), dkim=(Dkim(Result.PASS, "supplier.example", gaps=("age",)),))
OUR_DMARC = Dmarc(Result.PASS, "company.example", "company.example", "reject", ("dkim",))
EICAR = "Eicar-Test-Signature"
ODD = (Deviation("link-text", "a link shows a.example and opens b.example", "b.example"),)
FILE = (Deviation("attachment", "it brings a dangerous attachment", "attachment-macros"),)
OTHERWISE = SenderProof("supplier.example", ("spf:supplier.example 192.0.0.0/16",), frozenset({"dkim:supplier.example"}))
AS_USUAL = replace(OTHERWISE, ways=("dkim:supplier.example",))
UNKNOWN_YET = replace(OTHERWISE, usual=frozenset())
DNS_AWAY = replace(OTHERWISE, awaited=frozenset({"dkim:supplier.example"}))
TABLE = [
    (facts(DMARC_PASS, ALLOW, content=(by_content("hold"),)), "held-by-content", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(OURS,), content=(by_content("hold"),)), "held-by-content", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, content=(by_content("hold"),), observe=True), "held-by-content", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, content=(by_content("hold"),), emergency=OPEN), "held-by-content", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, content=(by_content("purge"),)), "purged-by-content", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW, content=(by_content("purge"),), observe=True), "purged-by-content", Disposition.PURGE),
    (facts(DMARC_PASS, rule("allow", unchecked=True), content=(by_content("purge"),)), "allowed-sender", Disposition.RELAY),
    (facts(UNKNOWN, rule("allow", unchecked=True), content=(by_content("purge"),)), "proof-unknown", Disposition.QUARANTINE),
    (facts(DMARC_PASS, LEARNED, content=(by_content("mark"), by_content("redirect"))), "allowed-sender", Disposition.RELAY),
    (facts(content=(by_content("mark"), by_content("redirect"))), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_FAIL, content=(by_content("hold"),), dmarc_reject="purge"), "dmarc-reject", Disposition.PURGE),
    (facts(inside="10.0.0.5 sent it", content=(by_content("hold"),)), "held-by-content", Disposition.QUARANTINE),
    (facts(content=(by_content("purge"),), recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, sender_proof=OTHERWISE, warned=True), "sends-differently", Disposition.QUARANTINE),
    (facts(DMARC_PASS, LEARNED, sender_proof=OTHERWISE, warned=True), "sends-differently", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(OURS,), sender_proof=OTHERWISE, warned=True), "sends-differently", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, sender_proof=OTHERWISE), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, sender_proof=AS_USUAL, warned=True), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, sender_proof=UNKNOWN_YET, warned=True), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, sender_proof=DNS_AWAY, warned=True), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, rule("allow", unchecked=True), sender_proof=OTHERWISE, warned=True), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, sender_proof=OTHERWISE, warned=True), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_FAIL, ALLOW, sender_proof=OTHERWISE, warned=True), "dmarc-reject", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, sender_proof=OTHERWISE, warned=True, observe=True), "observe", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, sender_proof=OTHERWISE, warned=True, emergency=OPEN), "emergency", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, LEARNED, unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(OURS,), unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, summary=CODE, out_of_hours=True, unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, unlike=ODD), "first-contact", Disposition.QUARANTINE),
    (facts(BY_DKIM, ALLOW, authentication=OLD_SIGNATURE), "dkim-replay", Disposition.QUARANTINE),
    (facts(BY_DKIM, ALLOW, authentication=OLD_SIGNATURE, unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(BY_DKIM, ALLOW, HOLD, authentication=OLD_SIGNATURE), "held-sender", Disposition.QUARANTINE),
    (facts(BY_DKIM, ALLOW, authentication=OLD_SIGNATURE, observe=True), "observe", Disposition.RELAY),
    (facts(BY_DKIM, ALLOW, authentication=OLD_SIGNATURE, emergency=OPEN), "emergency", Disposition.RELAY),
    (facts(BY_DKIM, author=SALES, authentication=OLD_SIGNATURE), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, unlike=ODD, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, unlike=ODD, observe=True), "observe", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, unlike=ODD, emergency=OPEN), "emergency", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, HOLD, unlike=ODD), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, unlike_reported=ODD), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, rule("allow", unchecked=True), unlike=ODD), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, rule("allow", unchecked=True, origin="learned"), unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, rule("allow", risky=True), unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, rule("allow", risky=True), unlike=FILE), "allowed-sender", Disposition.RELAY),
    (facts(NO_DMARC, YOUNG), "held-by-block", Disposition.QUARANTINE),
    (facts(author="joe@company.example", inside="10.0.0.5, a machine of the company, sent it"), "from-inside", Disposition.RELAY),
    (facts(NO_DMARC, GROWN, inside="10.0.0.5, a machine of the company, sent it"), "blocked-sender", Disposition.PURGE),
    (facts(virus=EICAR, inside="10.0.0.5, a machine of the company, sent it"), "virus", Disposition.QUARANTINE),
    (facts(NO_DMARC, YOUNG, observe=True), "held-by-block", Disposition.QUARANTINE),
    (facts(NO_DMARC, YOUNG, emergency=OPEN), "held-by-block", Disposition.QUARANTINE),
    (facts(DMARC_PASS, YOUNG, ours=(OURS,)), "held-by-block", Disposition.QUARANTINE),
    (facts(NO_DMARC, YOUNG, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(DMARC_PASS, replace(YOUNG, unproven_only=True)), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, YOUNG, virus=EICAR, virus_found="purge"), "virus", Disposition.PURGE),
    (facts(NO_DMARC, GROWN), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, GROWN), "blocked-sender", Disposition.PURGE),
    (facts(NO_DMARC, YOUNG_WAVE), "held-by-block", Disposition.QUARANTINE),
    (facts(NO_DMARC, WAVE), "blocked-sender", Disposition.PURGE),
    (facts(NO_DMARC, replace(YOUNG, holds_until=NOW)), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_FAIL, LIST, authentication=SIGNED_BY_LIST, summary=MACRO, emergency=OPEN), "emergency", Disposition.RELAY),
    (facts(DMARC_PASS, replace(WAVE, origin="staff")), "blocked-sender", Disposition.PURGE),  # somebody blocked this very campaign
    (facts(DMARC_FAIL, WAVE, LIST, authentication=SIGNED_BY_LIST), "held-by-block", Disposition.QUARANTINE),
    (facts(NO_DMARC, WAVE, wanted=True), "held-by-block", Disposition.QUARANTINE),
    (facts(DMARC_PASS, WAVE), "held-by-block", Disposition.QUARANTINE),  # it may be what was copied
    (facts(DMARC_PASS, WAVE, ALLOW), "held-by-block", Disposition.QUARANTINE),
    (facts(DMARC_PASS, WAVE, ours=(OURS,)), "held-by-block", Disposition.QUARANTINE),
    (facts(DMARC_PASS, WAVE, GROWN), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, YOUNG, BY_DOMAIN), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, ONE_DOMAIN), "blocked-sender", Disposition.PURGE),
    (facts(NO_DMARC, LATE), "blocked-sender", Disposition.PURGE),
    (facts(NO_DMARC, LATE, wanted=True), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, HOLD), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, LEARNED, HOLD), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, replace(ALLOW, scope="person:joe.fern"), replace(HOLD, match="domain")), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, replace(ALLOW, risky=True), HOLD, summary=MACRO), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD, ours=(OURS,)), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD, ours=(INVITED,)), "held-sender", Disposition.QUARANTINE),
    (facts(NO_DMARC, HOLD, author=DAEMON, summary=BOUNCE, envelope=NULL, ours=(BOUNCED,)), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD, summary=CODE, out_of_hours=True), "held-sender", Disposition.QUARANTINE),
    (facts(NO_DMARC, HOLD), "held-sender", Disposition.QUARANTINE),
    (facts(NO_DMARC, ALLOW, HOLD), "held-sender", Disposition.QUARANTINE),
    (facts(UNKNOWN, HOLD), "proof-unknown", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD, summary=MACRO), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_FAIL, HOLD, dmarc_reject="purge"), "dmarc-reject", Disposition.PURGE),
    (facts(DMARC_PASS, BLOCK, HOLD), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, replace(BLOCK, unproven_only=True), HOLD), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD, virus=EICAR, virus_found="purge"), "virus", Disposition.PURGE),
    (facts(DMARC_PASS, HOLD, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, HOLD, observe=True), "held-sender", Disposition.QUARANTINE),
    (facts(NO_DMARC, HOLD, observe=True), "held-sender", Disposition.QUARANTINE),
    (facts(UNKNOWN, HOLD, observe=True), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, HOLD, emergency=OPEN), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD, observe=True, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, virus=EICAR), "virus", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, virus=EICAR, virus_found="purge"), "virus", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW, virus=EICAR, observe=True), "virus", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, virus=EICAR, emergency=OPEN), "virus", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(OURS,), virus=EICAR), "virus", Disposition.QUARANTINE),
    (facts(virus=EICAR, author="boss@company.example", virus_found="purge"), "virus", Disposition.PURGE),
    (facts(DMARC_FAIL, BLOCK, virus=EICAR), "blocked-sender", Disposition.PURGE),
    (facts(virus=EICAR, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(DMARC_PASS, ours=(OURS,)), "reply-to-ours", Disposition.RELAY),
    (facts(ALIGNED, ours=(OURS,)), "reply-to-ours", Disposition.RELAY),
    (facts(DMARC_PASS, ours=(INVITED,)), "reply-to-ours", Disposition.RELAY),
    (facts(DMARC_PASS, ours=(OURS,), listed=LISTED), "reply-to-ours", Disposition.RELAY),
    (facts(NO_DMARC, ours=(OURS,)), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_FAIL, ours=(OURS,)), "dmarc-reject", Disposition.QUARANTINE),
    (facts(UNKNOWN, ours=(OURS,)), "proof-unknown", Disposition.QUARANTINE),
    (facts(UNKNOWN, ours=(OURS,), listed=LISTED), "proof-unknown", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BLOCK, ours=(OURS,)), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, summary=MACRO, ours=(OURS,)), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(replace(OURS, automatic=True),)), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(replace(OURS, went_to=frozenset({"other.example"})),)), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(replace(OURS, named_by="returned"),)), "first-contact", Disposition.QUARANTINE),
    (facts(BY_LIST, author=POST.author, summary=POST, ours=(TO_LIST,)), "first-contact", Disposition.QUARANTINE),
    (facts(UNKNOWN, author=POST.author, summary=POST, ours=(TO_LIST,), listed=LISTED), "listed-client", Disposition.PURGE),
    (facts(BY_GMAIL, author="pal@gmail.com", ours=(OURS,)), "reply-to-ours", Disposition.RELAY),
    (facts(BY_GMAIL, author="other@gmail.com", ours=(OURS,)), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, author=DAEMON, summary=BOUNCE, envelope=NULL, ours=(BOUNCED,)), "reply-to-ours", Disposition.RELAY),
    (facts(UNKNOWN, author=DAEMON, summary=BOUNCE, envelope=NULL, ours=(BOUNCED,), listed=LISTED), "reply-to-ours", Disposition.RELAY),
    (facts(author=DAEMON, summary=BOUNCE, ours=(BOUNCED,)), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, author=DAEMON, summary=BOUNCE_IN_WORDS, envelope=NULL, ours=(BOUNCED,)), "reply-to-ours", Disposition.RELAY),
    (facts(author=DAEMON, summary=BOUNCE_WITH_FILE, envelope=NULL, ours=(BOUNCED,)), "bounce-with-files", Disposition.QUARANTINE),
    (facts(author=DAEMON, summary=BOUNCE_WITH_FILE, envelope=NULL), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, author=DAEMON, summary=BOUNCE_WITH_FILE, envelope=NULL, ours=(BOUNCED, OURS)), "reply-to-ours", Disposition.RELAY),
    (
        facts(DMARC_PASS, rule("allow", value=DAEMON), author=DAEMON, summary=BOUNCE_WITH_FILE, envelope=NULL, ours=(BOUNCED,)),
        "allowed-sender",
        Disposition.RELAY,
    ),
    (facts(NO_DMARC, author=DAEMON, summary=BOUNCE_IN_WORDS, envelope=NULL), "first-contact", Disposition.QUARANTINE),
    (facts(summary=FORGED_BOUNCE, envelope=NULL, ours=(BOUNCED,)), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, ALLOW, summary=FORGED_BOUNCE, envelope=NULL, ours=(BOUNCED,)), "unproven-known-sender", Disposition.QUARANTINE),
    (facts(NO_DMARC, LEARNED, summary=FORGED_BOUNCE, envelope=NULL, ours=(BOUNCED,)), "unproven-known-sender", Disposition.QUARANTINE),
    (facts(summary=FORGED_BOUNCE, envelope=NULL, ours=(BOUNCED,), listed=LISTED), "listed-client", Disposition.PURGE),
    (
        facts(author=DAEMON, summary=BOUNCE, envelope=NULL, ours=(replace(BOUNCED, at=NOW - timedelta(days=14)),)),
        "first-contact",
        Disposition.QUARANTINE,
    ),
    (facts(author=DAEMON, summary=replace(BOUNCE, statuses=()), envelope=NULL, ours=(BOUNCED,)), "reply-to-ours", Disposition.RELAY),
    (
        facts(author=DAEMON, summary=replace(BOUNCE, report_type="disposition-notification"), envelope=NULL, ours=(BOUNCED,)),
        "first-contact",
        Disposition.QUARANTINE,
    ),
    (
        facts(author=DAEMON, summary=BOUNCE, envelope=NULL, ours=(replace(BOUNCED, person="mara.berg"),)),
        "first-contact",
        Disposition.QUARANTINE,
    ),
    (facts(author=DAEMON, summary=BOUNCE, envelope=NULL), "first-contact", Disposition.QUARANTINE),
    (facts(author="", summary=NAMELESS_BOUNCE, envelope=NULL, ours=(BOUNCED,)), "reply-to-ours", Disposition.RELAY),
    (facts(author="", summary=NAMELESS_BOUNCE, envelope=NULL), "ambiguous-author", Disposition.QUARANTINE),
    (facts(author="", summary=NAMELESS_BOUNCE, ours=(BOUNCED,)), "ambiguous-author", Disposition.QUARANTINE),
    (
        facts(author="", summary=replace(NAMELESS_BOUNCE, by_mail_system=False), envelope=NULL, ours=(BOUNCED,)),
        "ambiguous-author",
        Disposition.QUARANTINE,
    ),
    # what is known                                                   the rule that decides      and does
    (facts(), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS), "first-contact", Disposition.QUARANTINE),
    (facts(recipient=RETURNED), "returned-mail", Disposition.PURGE),
    (facts(UNKNOWN, recipient=RETURNED, observe=True), "returned-mail", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW, recipient=replace(RETURNED, bounce="forged")), "forged-bounce", Disposition.PURGE),
    (facts(DMARC_PASS, recipient=STRAY, dmarc_report="counted"), "dmarc-report", Disposition.PURGE),
    (facts(DMARC_PASS, recipient=STRAY, dmarc_report="foreign", observe=True), "dmarc-report", Disposition.QUARANTINE),
    (facts(DMARC_PASS, recipient=STRAY, dmarc_report="untimely", observe=True), "dmarc-report", Disposition.PURGE),
    (facts(DMARC_PASS, BLOCK, dmarc_report="counted"), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, recipient=STRAY, partner_report="taken", observe=True), "partner-report", Disposition.PURGE),
    (facts(DMARC_PASS, recipient=STRAY, partner_report="many", observe=True), "partner-report", Disposition.QUARANTINE),
    (facts(DMARC_PASS, recipient=STRAY, partner_report="taken", listed="the client is listed"), "partner-report", Disposition.PURGE),
    (facts(DMARC_PASS, recipient=STRAY, partner_report="taken", virus="Eicar"), "partner-report", Disposition.PURGE),
    (facts(DMARC_PASS, BLOCK, partner_report="taken"), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW, recipient=STRAY), "recipient-left", Disposition.QUARANTINE),
    (facts(NO_DMARC, recipient=STRAY, observe=True), "recipient-left", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BLOCK, recipient=STRAY), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, summary=CODE, out_of_hours=True), "out-of-hours", Disposition.RELAY),
    (facts(DMARC_PASS, summary=CODE), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, summary=CODE, listed_codes="supplier.example"), "listed-code", Disposition.RELAY),
    (facts(DMARC_PASS, summary=CODE, listed_codes="supplier.example", unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, HOLD, summary=CODE, listed_codes="supplier.example"), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BLOCK, summary=CODE, listed_codes="supplier.example"), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, listed_codes="supplier.example"), "first-contact", Disposition.QUARANTINE),
    (facts(ALIGNED, summary=CODE, listed_codes="supplier.example"), "first-contact", Disposition.QUARANTINE),
    (
        facts(DMARC_PASS, summary=replace(CODE, subject="Your Bank sign-in code"), out_of_hours=True),
        "first-contact",
        Disposition.QUARANTINE,
    ),
    (facts(simulations=(AUTUMN,), authentication=signed_by_vendor(dmarc=DMARC_FAIL)), "phishing-simulation", Disposition.RELAY),
    (facts(DMARC_FAIL, BLOCK, listed=LISTED, dmarc_reject="purge", **SIMULATION), "phishing-simulation", Disposition.RELAY),
    (facts(NO_DMARC, author="boss@company.example", summary=MACRO, **SIMULATION), "phishing-simulation", Disposition.RELAY),
    (facts(NO_DMARC, authentication=SIMULATION["authentication"]), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, simulations=(AUTUMN,)), "first-contact", Disposition.QUARANTINE),
    (
        facts(NO_DMARC, simulations=(replace(AUTUMN, dkim="vendor.example"),), authentication=SIMULATION["authentication"]),
        "first-contact",
        Disposition.QUARANTINE,
    ),
    (
        facts(NO_DMARC, **SIMULATION, own_domains=frozenset({"company.example", "sim.vendor.example"})),
        "first-contact",
        Disposition.QUARANTINE,
    ),
    (facts(NO_DMARC, **SIMULATION, virus="Eicar"), "virus", Disposition.QUARANTINE),
    (facts(NO_DMARC, **SIMULATION, recipient=STRAY), "recipient-left", Disposition.QUARANTINE),
    (facts(NO_DMARC, **SIMULATION, assisted=JOE), "phishing-simulation", Disposition.RELAY),
    *(
        (facts(NO_DMARC, simulations=(AUTUMN,), authentication=signed_by_vendor(gaps=(gap,))), "first-contact", Disposition.QUARANTINE)
        for gap in GAPS
    ),
    (facts(NO_DMARC, simulations=(AUTUMN,), authentication=signed_by_vendor(Result.FAIL)), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, simulations=(AUTUMN,), authentication=signed_by_vendor(Result.TEMPERROR)), "proof-unknown", Disposition.QUARANTINE),
    (facts(DMARC_PASS, out_of_hours=True), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, summary=CODE, out_of_hours=True), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BLOCK, summary=CODE, out_of_hours=True), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW), "allowed-sender", Disposition.RELAY),
    (facts(NO_DMARC, ALLOW), "unproven-known-sender", Disposition.QUARANTINE),
    (facts(ALIGNED, ALLOW), "unproven-known-sender", Disposition.QUARANTINE),
    (facts(ALIGNED, replace(ALLOW, proof="aligned")), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, replace(ALLOW, proof="aligned")), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_FAIL, ALLOW), "dmarc-reject", Disposition.QUARANTINE),
    (facts(DMARC_FAIL, ALLOW, dmarc_reject="purge"), "dmarc-reject", Disposition.PURGE),
    (facts(DMARC_FAIL, LIST, authentication=SIGNED_BY_LIST, dmarc_reject="purge"), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_FAIL, LIST, dmarc_reject="purge"), "dmarc-reject", Disposition.PURGE),
    (facts(DMARC_PASS, BY_DOMAIN, DEEPER), "allowed-sender", Disposition.RELAY),
    (facts(UNKNOWN, ALLOW), "proof-unknown", Disposition.QUARANTINE),
    (facts(UNKNOWN, LIST, authentication=UNKNOWN_BUT_SIGNED), "allowed-sender", Disposition.RELAY),
    (facts(UNKNOWN, ALLOW, replace(LIST, proof="dkim:other.example")), "proof-unknown", Disposition.QUARANTINE),
    (facts(NO_DMARC, LIST, authentication=KEY_UNKNOWN), "proof-unknown", Disposition.QUARANTINE),
    (facts(DMARC_FAIL, LIST, authentication=KEY_AND_PROOF_FAIL, dmarc_reject="purge"), "proof-unknown", Disposition.QUARANTINE),
    (facts(UNKNOWN, BLOCK), "blocked-sender", Disposition.PURGE),
    (facts(UNKNOWN, BLOCK, replace(ALLOW, scope="person:joe.fern")), "proof-unknown", Disposition.QUARANTINE),
    (facts(UNKNOWN, BLOCK, replace(LEARNED, scope="person:joe.fern")), "blocked-sender", Disposition.PURGE),
    (facts(UNKNOWN, replace(BLOCK, unproven_only=True)), "proof-unknown", Disposition.QUARANTINE),
    (facts(UNKNOWN, replace(BLOCK, unproven_only=True), LIST, authentication=UNKNOWN_BUT_SIGNED), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_FAIL, FORGERIES, LIST, authentication=SIGNED_BY_LIST), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_FAIL, FORGERIES, FORWARDED, authentication=SEALED, trusted_arc_sealers=TRUSTED), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_FAIL, FORGERIES, FORWARDED, authentication=SEALED), "blocked-sender", Disposition.PURGE),  # no longer trusted
    (facts(DMARC_FAIL, FORGERIES, PINNED, authentication=SIGNED_BY_LIST), "allowed-sender", Disposition.RELAY),
    (
        facts(DMARC_FAIL, FORGERIES, BY_DOMAIN, replace(PINNED, match="domain", value="supplier.example"), authentication=SIGNED_BY_LIST),
        "blocked-sender",
        Disposition.PURGE,
    ),
    (facts(DMARC_FAIL, FORGERIES, PINNED), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_FAIL, FORGERIES, replace(PINNED, origin="learned"), authentication=SIGNED_BY_LIST), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_FAIL, COPIES_BLOCKED, LIST, authentication=SIGNED_BY_LIST), "held-by-block", Disposition.QUARANTINE),
    (facts(UNKNOWN, author="boss@company.example", own_domain_forged="purge"), "own-domain-forged", Disposition.QUARANTINE),
    (facts(NO_DMARC, FORWARDED, authentication=SEALED, trusted_arc_sealers=TRUSTED), "allowed-sender", Disposition.RELAY),
    (facts(NO_DMARC, FORWARDED, authentication=SEALED), "dmarc-reject", Disposition.QUARANTINE),  # no longer trusted
    (facts(NO_DMARC, ALLOW, authentication=SEALED, trusted_arc_sealers=TRUSTED), "dmarc-reject", Disposition.QUARANTINE),
    (facts(DMARC_PASS, FORWARDED, trusted_arc_sealers=TRUSTED), "unproven-known-sender", Disposition.QUARANTINE),
    (facts(NO_DMARC, FORWARDED, authentication=SEAL_UNKNOWN, trusted_arc_sealers=TRUSTED), "proof-unknown", Disposition.QUARANTINE),
    (facts(NO_DMARC, FORWARDED, authentication=SEAL_UNKNOWN), "dmarc-reject", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BLOCK), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, BLOCK, LEARNED), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, BLOCK, ALLOW), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, BY_DOMAIN, ALLOW), "allowed-sender", Disposition.RELAY),
    (facts(NO_DMARC, BY_DOMAIN, ALLOW), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, BY_DOMAIN, LEARNED), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, BLOCK, replace(ALLOW, scope="person:joe.fern")), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, replace(BLOCK, unproven_only=True)), "first-contact", Disposition.QUARANTINE),
    (facts(NO_DMARC, replace(BLOCK, unproven_only=True)), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, replace(BLOCK, unproven_only=True), ALLOW), "allowed-sender", Disposition.RELAY),
    (facts(author="boss@company.example"), "own-domain-forged", Disposition.QUARANTINE),
    (facts(OUR_DMARC, author="boss@company.example"), "first-contact", Disposition.QUARANTINE),  # it does come from our own domain
    (facts(author="ann@notcompany.example"), "first-contact", Disposition.QUARANTINE),  # another company
    (facts(author="ann@company.example.net"), "first-contact", Disposition.QUARANTINE),
    (facts(author="boss@sub.company.example", observe=True), "own-domain-forged", Disposition.QUARANTINE),
    (facts(author="boss@company.example", own_domain_forged="purge"), "own-domain-forged", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW, summary=AMBIGUOUS), "ambiguous-author", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, summary=UNREADABLE), "unparsable", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, summary=MACRO), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, replace(ALLOW, risky=True), summary=MACRO), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, replace(ALLOW, risky=True, origin="import"), summary=MACRO), "allowed-sender", Disposition.RELAY),
    (facts(NO_DMARC, replace(ALLOW, risky=True), summary=MACRO), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, summary=LOCKED), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, replace(ALLOW, risky=True), summary=LOCKED), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, summary=ENCRYPTED), "encrypted-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, summary=ENCRYPTED), "encrypted-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BY_PHONE, ALLOW, summary=ENCRYPTED), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, replace(ALLOW, scope="person:joe.fern"), BY_PHONE, summary=ENCRYPTED), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, BY_PHONE), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, BY_PHONE, summary=LOCKED), "dangerous-attachment", Disposition.QUARANTINE),  # it cannot be read otherwise
    (facts(DMARC_PASS, BY_PHONE, summary=WITH_PROGRAM), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BY_PHONE, summary=WITH_PAGE), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BY_PHONE, summary=BESIDE_PROGRAM), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BY_PHONE, summary=MACRO), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, replace(BY_PHONE, origin="learned"), summary=ENCRYPTED), "encrypted-attachment", Disposition.QUARANTINE),
    (facts(NO_DMARC, BY_PHONE, summary=ENCRYPTED), "encrypted-attachment", Disposition.QUARANTINE),
    (facts(UNKNOWN, BY_PHONE, summary=ENCRYPTED), "proof-unknown", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BY_PHONE, summary=ENCRYPTED, unlike=ODD), "unlike-themselves", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BY_PHONE, summary=ENCRYPTED, content=(by_content("hold"),)), "held-by-content", Disposition.QUARANTINE),
    (facts(DMARC_PASS, replace(BLOCK, scope="person:joe.fern"), BY_PHONE, summary=ENCRYPTED), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, BY_PHONE, HOLD, summary=ENCRYPTED), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, summary=ENCRYPTED, dangerous_only=True), "encrypted-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, summary=SIGNED), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, replace(LEARNED, risky=True), summary=MACRO), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, summary=MACRO, endings=frozenset()), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_FAIL, BLOCK, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(listed=LISTED), "listed-client", Disposition.PURGE),
    (facts(DMARC_PASS, listed=LISTED), "listed-client", Disposition.PURGE),
    (facts(listed=LISTED, sample=True), "listed-sample", Disposition.QUARANTINE),
    (facts(sample=True), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, listed=LISTED), "allowed-sender", Disposition.RELAY),
    (facts(NO_DMARC, ALLOW, listed=LISTED), "listed-client", Disposition.PURGE),
    (facts(UNKNOWN, ALLOW, listed=LISTED), "proof-unknown", Disposition.QUARANTINE),
    (facts(UNKNOWN, listed=LISTED), "listed-client", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW, BLOCK, listed=LISTED), "blocked-sender", Disposition.PURGE),
    (facts(listed=LISTED, summary=UNREADABLE), "listed-client", Disposition.PURGE),
    (facts(listed=LISTED, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(listed=LISTED, observe=True), "observe", Disposition.RELAY),
    (facts(NO_DMARC, BLOCK, listed=LISTED, observe=True), "blocked-sender", Disposition.PURGE),
    (facts(listed=LISTED, observe=True, summary=UNREADABLE), "unparsable", Disposition.QUARANTINE),
    (facts(listed=LISTED, observe=True, author="boss@company.example"), "own-domain-forged", Disposition.QUARANTINE),
    (facts(emergency=OPEN), "emergency", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, summary=MACRO, emergency=OPEN), "emergency", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, emergency=OPEN), "allowed-sender", Disposition.RELAY),
    (facts(NO_DMARC, ALLOW, emergency=OPEN), "unproven-known-sender", Disposition.QUARANTINE),  # whoever borrows a known name
    (facts(NO_DMARC, LEARNED, emergency=OPEN), "unproven-known-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, BLOCK, emergency=OPEN), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_FAIL, emergency=OPEN), "dmarc-reject", Disposition.QUARANTINE),
    (facts(replace(DMARC_FAIL, policy="none"), emergency=OPEN), "forged-author", Disposition.QUARANTINE),
    (facts(DMARC_FAIL, LIST, authentication=SIGNED_BY_LIST, emergency=OPEN), "allowed-sender", Disposition.RELAY),
    (facts(UNKNOWN, emergency=OPEN), "proof-unknown", Disposition.QUARANTINE),
    (facts(summary=AMBIGUOUS, emergency=OPEN), "ambiguous-author", Disposition.QUARANTINE),
    (facts(summary=UNREADABLE, emergency=OPEN), "unparsable", Disposition.QUARANTINE),
    (facts(listed=LISTED, emergency=OPEN), "listed-client", Disposition.PURGE),
    (facts(author="boss@company.example", emergency=OPEN), "own-domain-forged", Disposition.QUARANTINE),
    (facts(NO_DMARC, recipient=STRAY, emergency=OPEN), "recipient-left", Disposition.QUARANTINE),
    (facts(observe=True), "observe", Disposition.RELAY),
    (facts(NO_DMARC, BLOCK, observe=True), "blocked-sender", Disposition.PURGE),
    (facts(observe=True, summary=UNREADABLE), "unparsable", Disposition.QUARANTINE),
    (
        facts(DMARC_PASS, ALLOW, authentication=arriving.authentication("crook@evil.test", DMARC_PASS)),
        "unproven-known-sender",
        Disposition.QUARANTINE,
    ),
    (
        facts(author="boss@company.example", authentication=arriving.authentication("crook@evil.test", DMARC_PASS)),
        "own-domain-forged",
        Disposition.QUARANTINE,
    ),
    (facts(DMARC_PASS, ALLOW, envelope=replace(arriving.envelope(), normalised=True)), "unproven-known-sender", Disposition.QUARANTINE),
    # everything for the recipient is held for their assistant
    (facts(DMARC_PASS, ALLOW, assisted=JOE), "held-for-assistant", Disposition.QUARANTINE),
    (facts(DMARC_PASS, LEARNED, assisted=JOE), "held-for-assistant", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ours=(OURS,), assisted=JOE), "held-for-assistant", Disposition.QUARANTINE),
    (facts(DMARC_PASS, summary=POST, author="dev@lists.example", assisted=JOE), "first-contact", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, assisted=JOE, emergency=OPEN), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, assisted=JOE, summary=CODE), "allowed-sender", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, assisted=JOE, inside="10.0.0.5 sent it"), "from-inside", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, assisted=JOE, recipient=POSTMASTER), "postmaster", Disposition.RELAY),
    (facts(NO_DMARC, author=DAEMON, summary=BOUNCE, envelope=NULL, ours=(BOUNCED,), assisted=JOE), "reply-to-ours", Disposition.RELAY),
    (facts(DMARC_PASS, ALLOW, BLOCK, assisted=JOE), "blocked-sender", Disposition.PURGE),
    (facts(DMARC_PASS, ALLOW, HOLD, assisted=JOE), "held-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, summary=MACRO, assisted=JOE), "dangerous-attachment", Disposition.QUARANTINE),
    (facts(NO_DMARC, ALLOW, assisted=JOE), "unproven-known-sender", Disposition.QUARANTINE),
    (facts(DMARC_PASS, ALLOW, assisted=JOE, virus=EICAR, virus_found="purge"), "virus", Disposition.PURGE),
]


@pytest.mark.parametrize(("given_facts", "name", "disposition"), TABLE)
def test_the_policy(given_facts: Facts, name: str, disposition: Disposition) -> None:
    verdict = decide_verdict(given_facts)
    assert (verdict.rule, verdict.disposition) == (name, disposition)
    assert verdict.reason


@pytest.mark.parametrize(
    ("given_facts", "reason"),
    [
        (facts(DMARC_PASS, ALLOW), "Ana Roth allowed sales@supplier.example, and it is proven to come from there"),
        (
            facts(DMARC_FAIL, LIST, authentication=SIGNED_BY_LIST),
            "Ana Roth allowed dev.lists.example, and a signature of lists.example proves that it came through there unchanged",
        ),
        (
            facts(NO_DMARC, FORWARDED, authentication=SEALED, trusted_arc_sealers=TRUSTED),
            "Ana Roth allowed sales@supplier.example, and forwarder.example, which passed it on, vouches for its sender (ARC)",
        ),
        (facts(author="dev@lists.example", summary=POST), "Anna via dev.lists.example is not a known sender yet"),
        (
            facts(DMARC_PASS, ALLOW, HOLD, ours=(OURS,)),
            f"Ana Roth decided on 21 Nov 2026 to hold every message from {SALES} until 08 Dec 2026: their mailbox was hacked",
        ),
        (facts(virus=EICAR), f"ClamAV found a virus in it: {EICAR}"),
        (facts(listed=LISTED, sample=True), f"it is a sample of what blocklists remove: {LISTED}"),
        (facts(UNKNOWN), "it is not known who sent it: the sender's DNS did not answer"),
        (
            facts(DMARC_PASS, ours=(OURS,)),
            "it answers a message that Mara Berg sent to supplier.example on 21 Nov 2026, and it is proven to come from there",
        ),
        (
            facts(DMARC_PASS, ours=(INVITED,)),
            "it answers an invitation that Mara Berg sent to supplier.example on 21 Nov 2026, and it is proven to come from there",
        ),
        (
            facts(author=DAEMON, summary=BOUNCE, envelope=NULL, ours=(BOUNCED,)),
            "it is a delivery report about a message that Mara Berg sent on 21 Nov 2026",
        ),
        (facts(NO_DMARC, BLOCK), f"Ana Roth blocked {SALES} on 21 Nov 2026"),
        (facts(NO_DMARC, GROWN), f"Ana Roth blocked {SALES} on 21 Nov 2026"),
        (facts(NO_DMARC, WAVE), "Ana Roth removed and blocked this campaign on 21 Nov 2026"),
        (facts(NO_DMARC, LATE), "it is a late copy: Ana Roth removed this campaign on 21 Nov 2026"),
        (
            facts(NO_DMARC, replace(BY_DOMAIN, origin="standing")),
            "it is a late copy: Ana Roth removed messages from supplier.example on 21 Nov 2026",
        ),
        (facts(NO_DMARC, YOUNG), f"Ana Roth blocked {SALES} on 21 Nov 2026, and late copies are held"),
        (facts(NO_DMARC, YOUNG_WAVE), "Ana Roth removed and blocked this campaign on 21 Nov 2026, and late copies are held"),
        (facts(DMARC_PASS, LEARNED), f"Ana Roth wrote to {SALES} on 21 Nov 2026, and it is proven to come from there"),
        (facts(NO_DMARC, LEARNED), f"it claims to be from {SALES}, to whom Ana Roth has written, but is not proven"),
        (facts(NO_DMARC, ALLOW), f"it claims to be from {SALES}, who is allowed, but is not proven"),
        (
            facts(NO_DMARC, replace(HOLD, until=None)),
            f"Ana Roth decided on 21 Nov 2026 to hold every message from {SALES}: their mailbox was hacked",
        ),
        (facts(recipient=POSTMASTER), "postmaster@company.example is always delivered"),
        (facts(listed=LISTED), LISTED),
        (facts(author="boss@company.example"), "it claims to come from our own domain and cannot prove it"),
        (
            facts(UNKNOWN, author="boss@company.example"),
            "it claims to come from our own domain, and DNS did not answer, so that cannot be checked",
        ),
        (facts(DMARC_FAIL), "DMARC fails for supplier.example, and the domain asks receivers to reject such messages"),
        (facts(recipient=STRAY), "nobody here has the address it+joe.fern@company.example any more"),
        (
            facts(DMARC_PASS, summary=CODE, out_of_hours=True),
            f"nobody is at work now, it is valid for 10 minutes only, and it is really from {SALES}",
        ),
        (
            facts(author=DAEMON, summary=BOUNCE_WITH_FILE, envelope=NULL, ours=(BOUNCED,)),
            "it is a delivery report about a message of ours, with the file invoice.pdf, which no mail system adds",
        ),
        (
            facts(replace(DMARC_FAIL, policy="none"), emergency=OPEN),
            "DMARC fails: it is not proven to come from supplier.example",
        ),
        (facts(observe=True), f"record only; it would have been stopped: {SALES} is not a known sender yet"),
    ],
)
def test_reasons_for_people(given_facts: Facts, reason: str) -> None:
    assert decide_verdict(given_facts).reason == reason


def test_dispositions_are_kept_by_these_words() -> None:
    assert [*Disposition] == ["relay", "quarantine", "purge"]


@pytest.mark.parametrize(
    ("given_facts", "rule_id", "withheld", "unknown"),
    [
        (facts(), None, "", False),
        (facts(DMARC_PASS, ALLOW), 7, "", False),
        (facts(DMARC_PASS, ALLOW, unlike_reported=ODD), 7, "unlike-themselves", False),
        (facts(DMARC_PASS, ALLOW, unlike_reported=ODD, assisted=JOE), 7, "unlike-themselves", False),
        (facts(NO_DMARC, BLOCK), 7, "", False),
        (facts(NO_DMARC, YOUNG), 7, "", False),
        (facts(DMARC_PASS, HOLD), 9, "", False),
        (facts(UNKNOWN), None, "", True),
        (facts(UNKNOWN, author="boss@company.example"), None, "", True),
        (facts(author="boss@company.example"), None, "", False),
        (facts(observe=True), None, "first-contact", False),
        (facts(UNKNOWN, observe=True), None, "proof-unknown", True),
        (facts(DMARC_FAIL, observe=True), None, "dmarc-reject", False),
        (facts(UNKNOWN, replace(BLOCK, unproven_only=True), observe=True), None, "proof-unknown", True),
        (facts(UNKNOWN, replace(BLOCK, unproven_only=True), observe=True, summary=MACRO), None, "proof-unknown", True),
        (facts(emergency=OPEN), None, "first-contact", False),
        (facts(UNKNOWN, replace(BLOCK, unproven_only=True), listed=LISTED, observe=True), None, "listed-client", True),
        (facts(NO_DMARC, listed=LISTED, observe=True), None, "listed-client", False),
    ],
)
def test_what_a_verdict_rests_on(given_facts: Facts, rule_id: int | None, withheld: str, unknown: bool) -> None:
    verdict = decide_verdict(given_facts)
    assert (verdict.rule_id, verdict.withheld, verdict.unknown) == (rule_id, withheld, unknown)


# for each rule that speaks of something stopped: what becomes of it in observe mode and in an emergency
WAIVED = [
    (facts(recipient=RETURNED), "returned-mail", "returned-mail"),
    (facts(recipient=replace(RETURNED, bounce="forged")), "forged-bounce", "forged-bounce"),
    (facts(DMARC_PASS, dmarc_report="counted"), "dmarc-report", "dmarc-report"),
    (facts(NO_DMARC, BLOCK), "blocked-sender", "blocked-sender"),
    (facts(NO_DMARC, YOUNG), "held-by-block", "held-by-block"),
    (facts(virus=EICAR), "virus", "virus"),
    (facts(author="boss@company.example"), "own-domain-forged", "own-domain-forged"),
    (facts(summary=UNREADABLE), "unparsable", "unparsable"),
    (facts(recipient=STRAY), "recipient-left", "recipient-left"),
    (facts(DMARC_PASS, HOLD), "held-sender", "held-sender"),
    (facts(listed=LISTED), "observe", "listed-client"),
    (facts(summary=AMBIGUOUS), "observe", "ambiguous-author"),
    (facts(UNKNOWN), "observe", "proof-unknown"),
    (facts(DMARC_FAIL), "observe", "dmarc-reject"),
    (facts(replace(DMARC_FAIL, policy="none")), "observe", "forged-author"),
    (facts(NO_DMARC, ALLOW), "observe", "unproven-known-sender"),
    (facts(summary=MACRO), "observe", "emergency"),
    (facts(), "observe", "emergency"),
    (facts(DMARC_PASS, ALLOW), "allowed-sender", "allowed-sender"),
    (facts(recipient=POSTMASTER), "postmaster", "postmaster"),
]


@pytest.mark.parametrize(("given_facts", "observed", "in_emergency"), WAIVED)
def test_what_is_never_waived(given_facts: Facts, observed: str, in_emergency: str) -> None:
    assert decide_verdict(replace(given_facts, observe=True)).rule == observed
    assert decide_verdict(replace(given_facts, emergency=OPEN)).rule == in_emergency


def test_observe_mode_remembers_what_would_have_happened() -> None:
    verdict = decide_verdict(facts(observe=True))
    assert verdict.withheld == "first-contact"
    assert verdict.reason.startswith("record only; it would have been stopped")


@pytest.mark.parametrize(
    ("given_facts", "beside"),
    [
        (facts(), []),
        (facts(DMARC_PASS, ALLOW), []),
        (
            facts(NO_DMARC, ALLOW),
            [("allow", "Ana Roth allowed sales@supplier.example, but it lacks the proof that the rule asks for (DMARC)")],
        ),
        (
            facts(DMARC_PASS, BLOCK, replace(ALLOW, id=8)),
            [("allowed-sender", "Ana Roth allowed sales@supplier.example, and it is proven to come from there")],
        ),
        (
            facts(DMARC_PASS, replace(ALLOW, id=8), BY_DOMAIN),
            [("block", "Ana Roth blocked supplier.example, but another rule takes precedence")],
        ),
        (
            facts(DMARC_PASS, replace(ALLOW, id=8), replace(BLOCK, unproven_only=True)),
            [("block", "Ana Roth blocked sales@supplier.example, but only for messages without proof of their sender")],
        ),
        (
            facts(DMARC_PASS, ALLOW, HOLD),
            [("allowed-sender", "Ana Roth allowed sales@supplier.example, and it is proven to come from there")],
        ),
        (
            facts(DMARC_PASS, BLOCK, replace(HOLD, match="domain", value="supplier.example", id=8, note="hacked"), HOLD),
            [
                ("held-sender", "Ana Roth decided on 21 Nov 2026 to hold every message from supplier.example until 08 Dec 2026: hacked"),
                ("hold", "Ana Roth holds sales@supplier.example, but another rule takes precedence"),
            ],
        ),
        (
            facts(DMARC_PASS, ALLOW, summary=MACRO),
            [("allowed-sender", "Ana Roth allowed sales@supplier.example, and it is proven to come from there")],
        ),
        (
            facts(DMARC_FAIL, replace(LIST, match="list"), replace(ALLOW, id=8)),
            [
                ("unproven-known-sender", "it claims to be from dev.lists.example, who is allowed, but is not proven"),
                (
                    "allow",
                    "Ana Roth allowed dev.lists.example, but it lacks the proof that the rule asks for (a signature of lists.example)",
                ),
                ("allow", "Ana Roth allowed sales@supplier.example, but it lacks the proof that the rule asks for (DMARC)"),
            ],
        ),
    ],
)
def test_what_matched_and_did_not_decide_is_told(given_facts: Facts, beside: list[tuple[str, str]]) -> None:
    assert [(one.rule, one.reason) for one in decide_verdict(given_facts).beside] == beside


def test_an_emergency_says_on_whose_word_and_what_would_have_been() -> None:
    verdict = decide_verdict(facts(emergency=OPEN))
    assert verdict.withheld == "first-contact"
    assert verdict.reason == f"{OPEN}; without that it would have been stopped: {SALES} is not a known sender yet"


def test_every_rule_of_the_table_is_shown_to_speak() -> None:
    spoken = {verdict.rule for given_facts, *_ in TABLE if (verdict := decide_verdict(given_facts))} - {
        "observe",
        "listed-sample",
        "emergency",
        "forged-author",
        "held-for-assistant",
    }
    assert len(spoken) == len(RULES)  # a rule on content holds in two places, and attachments hold under two names


RESULTS = st.builds(Dmarc, st.sampled_from(Result), st.just("supplier.example"), policy=st.sampled_from(["", "none", "reject"]))
SENDER_RULES = st.builds(
    rule,
    st.sampled_from(["allow", "block"]),
    match=st.sampled_from(["address", "domain"]),
    scope=st.sampled_from(["company", "department:it", "person:joe.fern"]),
    origin=st.sampled_from(["staff", "learned"]),
    unproven_only=st.booleans(),
    risky=st.booleans(),
)


@given(RESULTS, st.lists(SENDER_RULES, max_size=4), st.booleans())
def test_nothing_passes_as_known_without_proof(dmarc: Dmarc, rules: list[MatchedRule], observe: bool) -> None:
    verdict = decide_verdict(facts(dmarc, *rules, observe=observe))
    if verdict.rule == "allowed-sender":
        assert dmarc.result is Result.PASS
        assert any(one.effect == "allow" for one in rules)
    if verdict.disposition is Disposition.RELAY:
        assert verdict.rule == "allowed-sender" or observe


@given(RESULTS, st.lists(SENDER_RULES, max_size=4), st.booleans())
def test_our_own_name_is_never_believed_without_proof(dmarc: Dmarc, rules: list[MatchedRule], observe: bool) -> None:
    verdict = decide_verdict(facts(dmarc, *rules, author="boss@company.example", observe=observe))
    if dmarc.result is not Result.PASS:
        assert verdict.disposition is not Disposition.RELAY


@given(
    RESULTS,
    st.lists(SENDER_RULES, max_size=4),
    st.sampled_from([{}, {"observe": True}, {"emergency": OPEN}, {"out_of_hours": True}]),
    st.sampled_from([(), (OURS,)]),
    st.sampled_from(["", LISTED]),
)
def test_a_hold_lets_nothing_in_and_takes_nothing_away(
    dmarc: Dmarc, rules: list[MatchedRule], mode: dict[str, object], ours: tuple[OurMail, ...], listed: str
) -> None:
    more: dict[str, object] = mode | {"ours": ours, "listed": listed, "summary": CODE, "dmarc_reject": "purge"}
    without, held = decide_verdict(facts(dmarc, *in_order(rules), **more)), decide_verdict(facts(dmarc, *in_order([*rules, HOLD]), **more))  # type: ignore[arg-type]
    assert held.disposition is not Disposition.RELAY
    assert held.disposition is (Disposition.PURGE if without.disposition is Disposition.PURGE else Disposition.QUARANTINE)


PROOFS = ["dmarc", "aligned", "dkim:lists.example", "dkim:other.example", "arc:forwarder.example", "arc:lists.example"]
ANY_RULES = st.builds(
    rule,
    st.sampled_from(["allow", "block"]),
    match=st.sampled_from(["address", "domain", "subdomains", "list"]),
    value=st.sampled_from([SALES, "supplier.example", "dev.lists.example"]),
    scope=st.sampled_from(["company", "department:it", "person:joe.fern"]),
    origin=st.sampled_from(["staff", "learned", "import", "standing"]),
    proof=st.sampled_from(PROOFS),
    unproven_only=st.booleans(),
    risky=st.booleans(),
)
SIGNATURES = st.lists(st.builds(Dkim, st.sampled_from(Result), st.sampled_from(["lists.example", "supplier.example"])), max_size=3)
ANSWERS = [DMARC_PASS, DMARC_FAIL, replace(DMARC_FAIL, policy="none"), NO_DMARC, ALIGNED, Dmarc(Result.PERMERROR)]


OUR_MESSAGES = st.builds(
    OurMail,
    st.sampled_from(["reply", "calendar", "returned"]),
    st.just("Mara Berg"),
    st.sampled_from(["mara.berg", "joe.fern"]),
    st.just("it"),
    st.just(NOW),
    st.frozensets(st.sampled_from(["supplier.example", "company.example", "other.example", ""]), max_size=2),
    st.booleans(),
)


@example(
    [
        replace(ALLOW, proof="dkim:lists.example"),
        replace(BY_DOMAIN, unproven_only=True),
        BLOCK,
    ],
    [Dkim(Result.PASS, "lists.example")],
    False,
    "hold",
    SALES,
    "",
)
@given(
    st.lists(ANY_RULES, max_size=4),
    SIGNATURES,
    st.booleans(),
    st.sampled_from(["hold", "purge"]),
    st.sampled_from([SALES, "boss@company.example"]),
    st.sampled_from(["", LISTED]),
)
def test_what_dns_has_not_answered_is_neither_let_in_nor_taken_away(
    rules: list[MatchedRule], signatures: list[Dkim], observe: bool, forged: str, author: str, listed: str
) -> None:
    def under(dmarc: Dmarc) -> Verdict:
        found = replace(arriving.authentication(author, dmarc), dkim=tuple(signatures))
        more = {"author": author, "authentication": found, "observe": observe, "own_domain_forged": forged, "listed": listed}
        return decide_verdict(facts(dmarc, *in_order(rules), **more))  # type: ignore[arg-type]

    verdict = under(UNKNOWN)
    if verdict.unknown:
        assert verdict.disposition is Disposition.QUARANTINE or observe
    elif verdict.disposition is not Disposition.QUARANTINE:
        assert {under(answer).disposition for answer in ANSWERS} == {verdict.disposition}


STATED = st.builds(
    Stated, st.sampled_from(["dmarc", "spf"]), st.sampled_from(["pass", "fail"]), st.sampled_from(["supplier.example", "x.example", ""])
)
CHAINS = st.builds(
    Arc,
    st.sampled_from(Result),
    st.sampled_from(["forwarder.example", "lists.example"]),
    st.just(1),
    stated=st.lists(STATED, max_size=2).map(tuple),
)
FINDINGS = st.builds(
    Authentication,
    st.sampled_from([SALES, "crook@evil.test", ""]),
    st.just(()),
    SIGNATURES.map(tuple),
    CHAINS,
    st.one_of(RESULTS, st.just(ALIGNED)),
)
PROVEN = st.builds(replace, FINDINGS, author=st.just(SALES), dmarc=st.sampled_from([DMARC_PASS, ALIGNED]))
MANY = hypothesis_settings(max_examples=400)  # few of them pass at all, and for each reason


def proven(found: Authentication, proof: str, trusted: frozenset[str]) -> bool:
    """Whether a proof holds, computed independently."""
    kind, _, domain = proof.partition(":")
    if kind == "dkim":
        return (Result.PASS, domain) in {(one.result, one.domain) for one in found.dkim}
    if kind == "arc":
        dmarc = [(one.result, one.domain) for one in found.arc.stated if one.method == "dmarc"]
        return (
            domain in trusted and (found.arc.result, found.arc.sealer) == (Result.PASS, domain) and dmarc == [("pass", "supplier.example")]
        )
    return found.dmarc.result is Result.PASS or (kind == "aligned" and found.dmarc.result is Result.NONE and bool(found.dmarc.aligned))


@pytest.mark.parametrize("mode", ["observe", "emergency", ""])
@MANY
@given(
    st.lists(ANY_RULES, max_size=5),
    FINDINGS | PROVEN,
    st.sampled_from([SALES, SALES, "", "boss@company.example"]),
    st.sampled_from([frozenset(), TRUSTED, frozenset({"lists.example", "forwarder.example"})]),
    st.sampled_from(["", LISTED]),
    st.booleans(),
    st.lists(OUR_MESSAGES | st.just(OURS), max_size=2).map(tuple),
)
def test_no_set_of_rules_lets_an_unproven_author_pass(
    mode: str,
    rules: list[MatchedRule],
    found: Authentication,
    author: str,
    trusted: frozenset[str],
    listed: str,
    normalised: bool,
    ours: tuple[OurMail, ...],
) -> None:
    envelope = replace(arriving.envelope(), normalised=normalised)
    more = {
        "authentication": found,
        "author": author,
        "trusted_arc_sealers": trusted,
        "listed": listed,
        "envelope": envelope,
        "observe": mode == "observe",
        "emergency": OPEN if mode == "emergency" else "",
        "ours": ours,
    }
    verdict = decide_verdict(facts(NO_DMARC, *rules, **more))  # type: ignore[arg-type]
    if verdict.disposition is not Disposition.RELAY:
        return
    if verdict.rule == "observe":  # the one mode that lets strangers pass: but nobody in our name, and nobody who is blocked for sure
        assert author != "boss@company.example" or proven(found, "aligned", trusted)
        return
    if verdict.rule == "emergency":  # and this one: strangers, but nobody who fails the check that their domain publishes
        assert mode == "emergency"
        assert found.dmarc.result is not Result.FAIL
        assert author != "boss@company.example" or proven(found, "aligned", trusted)
        return
    if verdict.rule == "reply-to-ours":  # who answers a message of ours proves themselves, and is where it went
        assert not normalised
        assert proven(found, "aligned", trusted)
        assert any(author.rpartition("@")[2] in one.went_to and one.named_by != "returned" and not one.automatic for one in ours)
        return
    assert verdict.rule == "allowed-sender"
    assert author == found.author == SALES
    assert not normalised
    assert any(one.effect == "allow" and proven(found, one.proof, trusted) for one in rules)


LETTERS = st.sampled_from(
    [arriving.summary(SALES), CODE, CODE, CODE, BOUNCE, FORGED_BOUNCE, NAMELESS_BOUNCE, BOUNCE_IN_WORDS, BOUNCE_WITH_FILE]
)


@MANY
@given(
    st.lists(ANY_RULES, max_size=4),
    FINDINGS | PROVEN,
    LETTERS,
    st.booleans(),
    st.booleans(),
    st.lists(OUR_MESSAGES, max_size=2).map(tuple),
)
def test_at_night_too_nothing_passes_without_proof_but_what_returns_a_mail_to_who_sent_it(
    rules: list[MatchedRule], found: Authentication, said: Summary, out_of_hours: bool, null: bool, ours: tuple[OurMail, ...]
) -> None:
    more = {"authentication": found, "summary": said, "out_of_hours": out_of_hours, "ours": ours, "trusted_arc_sealers": TRUSTED}
    verdict = decide_verdict(facts(NO_DMARC, *in_order(rules), envelope=NULL if null else arriving.envelope(), **more))  # type: ignore[arg-type]
    if verdict.disposition is not Disposition.RELAY:
        return
    asked = ["aligned", *(one.proof for one in rules if one.effect == "allow")]
    is_proven = found.author == SALES and any(proven(found, one, TRUSTED) for one in asked)
    in_any_form = said in (BOUNCE, NAMELESS_BOUNCE, BOUNCE_IN_WORDS)
    returns_ours = null and in_any_form and any((one.named_by, one.person) == ("returned", "joe.fern") for one in ours)
    assert is_proven or (verdict.rule == "reply-to-ours" and returns_ours)
    if verdict.rule == "out-of-hours":
        assert out_of_hours
        assert said is CODE
        assert proven(found, "aligned", TRUSTED)


def walked(rules: list[MatchedRule]) -> str:
    """Effect of a set of rules on a proven sender, computed independently by walking through the precedence."""

    def narrow(one: MatchedRule) -> tuple[int, int, bool, int]:
        kind = ["domain", "list", "address"].index(one.match.replace("subdomains", "domain"))
        depth = one.value.count(".") if kind == 0 else 0
        return kind, depth, one.match != "subdomains", ["company", "department:it", "person:joe.fern"].index(one.scope)

    blocks = [one for one in rules if one.effect == "block" and not one.unproven_only]
    allows = [one for one in rules if one.effect == "allow"]
    narrowest = max(blocks, key=narrow, default=None)
    if narrowest and not any(one.origin in ("staff", "import") and narrow(one) > narrow(narrowest) for one in allows):
        return "blocked-sender"
    return "allowed-sender" if allows else "first-contact"


PRECEDENCE = st.builds(
    rule,
    st.sampled_from(["allow", "block"]),
    match=st.sampled_from(["address", "domain", "subdomains"]),
    value=st.sampled_from(["supplier.example", "deep.supplier.example"]),
    scope=st.sampled_from(["company", "department:it", "person:joe.fern"]),
    origin=st.sampled_from(["staff", "learned", "import"]),
    unproven_only=st.booleans(),
)


@given(st.lists(PRECEDENCE, max_size=6))
def test_the_precedence_of_rules(rules: list[MatchedRule]) -> None:
    assert decide_verdict(facts(DMARC_PASS, *in_order(rules))).rule == walked(rules)


NOT_READ = st.sampled_from([AMBIGUOUS, UNREADABLE, replace(AMBIGUOUS, authors=("boss@company.example", "a@one.example"))])


@given(st.lists(ANY_RULES, max_size=5), FINDINGS, NOT_READ, st.lists(OUR_MESSAGES, max_size=2).map(tuple), st.booleans())
def test_without_one_author_that_can_be_read_it_is_held_whatever_rule_exists(
    rules: list[MatchedRule], found: Authentication, said: Summary, ours: tuple[OurMail, ...], emergency: bool
) -> None:
    blocked = any(one.effect == "block" for one in rules)
    verdict = decide_verdict(facts(NO_DMARC, *rules, summary=said, authentication=found, ours=ours, emergency=OPEN if emergency else ""))
    assert verdict.disposition is not Disposition.RELAY
    assert verdict.disposition is Disposition.QUARANTINE or blocked


@given(st.lists(ANY_RULES, max_size=5), FINDINGS | PROVEN, st.sampled_from([MACRO, LOCKED]), st.lists(OUR_MESSAGES, max_size=2).map(tuple))
def test_a_risky_attachment_passes_only_for_a_staff_allow_that_is_met_and_says_so(
    rules: list[MatchedRule], found: Authentication, said: Summary, ours: tuple[OurMail, ...]
) -> None:
    more = {"authentication": replace(found, author=SALES), "ours": ours, "trusted_arc_sealers": TRUSTED}
    verdict = decide_verdict(facts(NO_DMARC, *rules, summary=said, **more))  # type: ignore[arg-type]
    if verdict.disposition is Disposition.RELAY:
        assert any(
            one.effect == "allow"
            and one.risky
            and one.origin in ("staff", "import")
            and proven(replace(found, author=SALES), one.proof, TRUSTED)
            for one in rules
        )


@given(st.lists(ANY_RULES, max_size=4), st.lists(ANY_RULES, max_size=2), st.sampled_from([DMARC_PASS, ALIGNED]), st.booleans())
def test_a_block_made_from_unproven_mail_leaves_proven_mail_alone(
    rules: list[MatchedRule], made: list[MatchedRule], dmarc: Dmarc, listed: bool
) -> None:
    blocks = [replace(one, id=8, effect="block", proof="", unproven_only=True) for one in made]

    def under(*all_of_them: MatchedRule) -> tuple[Disposition, str, int | None]:
        verdict = decide_verdict(facts(dmarc, *in_order(all_of_them), listed=LISTED if listed else ""))
        return verdict.disposition, verdict.rule, verdict.rule_id

    assert under(*rules, *blocks) == under(*rules)


@given(
    st.lists(ANY_RULES, max_size=4),
    FINDINGS,
    st.sampled_from([arriving.summary(SALES), AMBIGUOUS, UNREADABLE, MACRO, arriving.summary("boss@company.example")]),
    st.sampled_from(["", LISTED]),
    st.sampled_from(["", EICAR]),
    st.booleans(),
)
def test_postmaster_is_the_one_exception_to_all_rules(
    rules: list[MatchedRule], found: Authentication, said: Summary, listed: str, virus: str, observe: bool
) -> None:
    more = {"authentication": found, "summary": said, "listed": listed, "virus": virus, "observe": observe, "recipient": POSTMASTER}
    verdict = decide_verdict(facts(NO_DMARC, *rules, **more))  # type: ignore[arg-type]
    assert (verdict.disposition, verdict.rule) == (Disposition.RELAY, "postmaster")


@MANY
@given(st.lists(ANY_RULES, max_size=5), FINDINGS, st.sampled_from([arriving.summary(SALES), MACRO, LOCKED]))
def test_an_emergency_lets_pass_what_is_neither_blocked_nor_forged_and_nothing_else(
    rules: list[MatchedRule], found: Authentication, said: Summary
) -> None:
    found = replace(found, author=SALES)
    usual, open_door = (decide_verdict(facts(NO_DMARC, *rules, summary=said, authentication=found, emergency=one)) for one in ("", OPEN))
    if usual.disposition is not Disposition.QUARANTINE:
        assert open_door.disposition is usual.disposition  # blocks stay blocks, and who is let in is let in
        return
    known = any(one.effect == "allow" and not proven(found, one.proof, frozenset()) for one in rules)
    unsure = found.dmarc.result in (Result.FAIL, Result.TEMPERROR) or found.unknown
    if not known and not unsure and not any(one.effect == "block" for one in rules):
        assert (open_door.disposition, open_door.rule, open_door.withheld) == (Disposition.RELAY, "emergency", usual.rule)
    if found.dmarc.result is Result.FAIL:
        assert open_door.disposition is not Disposition.RELAY or any(proven(found, one.proof, frozenset()) for one in rules)


@given(st.lists(ANY_RULES, max_size=5), FINDINGS)
def test_what_is_told_beside_names_every_rule_that_matched(rules: list[MatchedRule], found: Authentication) -> None:
    numbered = [replace(one, id=number) for number, one in enumerate(rules)]
    verdict = decide_verdict(facts(NO_DMARC, *numbered, authentication=found))
    assert {one.rule_id for one in verdict.beside} - {None} | ({verdict.rule_id} - {None}) == {one.id for one in numbered}
    said = [(verdict.rule, verdict.reason), *((one.rule, one.reason) for one in verdict.beside)]
    assert all(name and reason for name, reason in said)
