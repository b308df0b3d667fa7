"""Looks up what the database knows about messages before they are judged: one query for each kind, for all messages together."""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from sqlmodel import Session

from triage.access import confidential_folders
from triage.addressing.envelope import Address, Envelope, fold_text, parse_or_none
from triage.addressing.open_platforms import platform_of
from triage.addressing.recipient import Recipient
from triage.config.settings import Company, Settings
from triage.delivery import bounces
from triage.directory import enforcement, recipients, undeliverable
from triage.message.authentication import Authentication, Result
from triage.message.mailing_lists import rewritten_author
from triage.message.sender_proof import SenderProof
from triage.message.signals.attachments import NO_DANGER, Danger, find_danger
from triage.message.signals.deviations import Deviation, find_deviations
from triage.message.signals.find_signals import find_signals
from triage.message.signals.severity import Severity, rate_severity
from triage.message.signals.signal_context import Seen, sum_weights
from triage.message.signals.time_critical import Life, find_deadline
from triage.message.summary import Summary
from triage.policy import emergency
from triage.policy.contacts import sent_messages, store as contacts, wanted_senders
from triage.policy.content_rules.active_rules import active_rules, content_for_recipient
from triage.policy.content_rules.match_content import NO_RULES, ContentMatch, ContentRules
from triage.policy.content_rules.message_content import MessageContent
from triage.policy.facts import Facts, MatchedRule, OurMail
from triage.policy.known_senders import domain_proofs
from triage.policy.known_senders.checks import Mode, current_modes
from triage.policy.known_senders.usual_content import drop_usual
from triage.policy.rules import matching_rules, redirects
from triage.policy.start_list.sightings import listed_code_sender
from triage.quarantine import coverage


class MessageQuery(NamedTuple):
    """A message that is asked about."""

    envelope: Envelope
    summary: Summary
    campaigns: Collection[int] = ()  # of which it may be


@dataclass(frozen=True, slots=True)
class Known:
    """The answers."""

    addresses: recipients.Addresses  # of ours that the messages are for
    rules: matching_rules.ByValue  # in force, that name a sender or a recipient
    learned: Mapping[str, Sequence[MatchedRule]]  # what correspondence says about the authors
    in_force: enforcement.Enforcement
    assisted: Mapping[str, str]  # names of the people of whom everything is held, by uid
    opened: emergency.CurrentEmergency | None
    proofs: Mapping[str, domain_proofs.StoredProofs]  # of the authors' domains
    content: ContentRules = NO_RULES  # in force, whomever they are about
    sealed: frozenset[str] = frozenset()  # confidential folders, where there are such rules


def look_up(session: Session, some: Iterable[MessageQuery], *, settings: Settings, now: datetime) -> Known:
    """Loads all data that `gather_facts` needs about these messages. Writes nothing."""
    some = list(some)
    named = [address for one in some for text in one.envelope.recipients if (address := parse_or_none(text))]
    addresses = recipients.known_among(session, named, settings.company)
    values = {value for one in some for value in matching_rules.values_of(one.summary, carrier_address(one.envelope), one.campaigns)}
    authors = {one.summary.author for one in some if not rewritten_author(one.summary)}  # such a list is nobody's contact
    content = active_rules(session, now)
    in_force = enforcement.now_in_force(session, settings.company, now)
    return Known(
        addresses=addresses,
        rules=matching_rules.rules_naming(session, {*values, *map(str, named), *addresses}, now),
        learned=contacts.rules_about_all(session, authors, settings=settings, now=now),
        in_force=in_force,
        assisted=enforcement.assisted_names(session, in_force),
        opened=emergency.current_emergency(session, now),
        content=content,
        sealed=confidential_folders.list_confidential(session) if content else frozenset(),
        proofs=domain_proofs.look_up_proofs(session, {domain_proofs.compared_domain(one.summary.author, settings) for one in some}),
    )


def gather_facts(
    session: Session,
    envelope: Envelope,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
    listed: str = "",
    virus: str = "",
    inside: str = "",
    campaign_id: int | None = None,
    known: Known | None = None,
    danger: Danger | None = None,
    deviations: Sequence[Deviation] | None = None,
    severity: Severity | None = None,
    lasts: Life | Literal["ask"] | None = "ask",
    signs: Collection[str] | None = None,
) -> list[Facts]:
    """All that is known, for each recipient. Writes nothing: a simulation asks for it too. `known`, `danger`, `deviations`,
    `severity`, `lasts`, `signs` (names of signals): where somebody has asked."""
    known = known or look_up(
        session, [MessageQuery(envelope, summary, () if campaign_id is None else (campaign_id,))], settings=settings, now=now
    )
    about = matching_rules.about_sender(known.rules, summary, carrier_address(envelope), campaign_id, bool(authentication.proof))
    about += () if rewritten_author(summary) else known.learned.get(summary.author, ())
    ours = sent_messages.named_in(session, envelope, summary)
    wanted = is_wanted(session, authentication, summary, about, settings=settings, now=now)
    danger = danger_of(summary, settings) if danger is None else danger
    lasts = deadline_of(summary, envelope.received_at, settings) if lasts == "ask" else lasts
    found = recipients_of(session, envelope, settings.company, known.addresses)
    compared = Compared()
    if ours or lasts or any(rule.effect == "allow" for rule in about):
        compared = compare_with_usual(
            session, known, envelope, authentication, summary, settings=settings, now=now, deviations=deviations, severity=severity
        )
    unlike = compared.unlike
    modes = current_modes(session, settings.policy, now) if unlike else {}
    content: tuple[ContentMatch, ...] = ()
    if known.content:
        shown_signs = signals_of(summary, authentication, settings, now) if signs is None else signs
        content = known.content.match(MessageContent(summary, shown_signs, bool(inside)), now)
    codes = listed_code_sender(session, authentication, settings=settings, now=now) if lasts else ""
    return [
        facts_of(
            envelope,
            authentication,
            summary,
            recipient,
            about,
            settings,
            listed,
            virus,
            inside=inside,
            ours=ours,
            in_force=known.in_force,
            assisted=known.assisted.get(recipient.person, ""),
            opened=known.opened,
            danger=danger,
            unlike=tuple(one for one in unlike if modes[one.check] is Mode.HOLDS),
            unlike_reported=tuple(one for one in unlike if modes[one.check] in (Mode.TRIAL, Mode.FUSE)),
            sender_proof=compared.proof,
            warned=compared.warned or bool(unlike),
            wanted=wanted,
            lasts=lasts,
            listed_codes=codes,
            content=content_for_recipient(content, recipient, known.sealed),
            now=now,
        )
        for recipient in redirects.apply_redirects(session, known.rules, summary, found, settings.company, content)
    ]


class Compared(NamedTuple):
    """A message of a known sender beside what is usual for them."""

    proof: SenderProof | None = None
    warned: bool = False  # its proof is new, and it looks bad enough to be held for that
    unlike: Sequence[Deviation] = ()


def compare_with_usual(
    session: Session,
    known: Known,
    envelope: Envelope,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
    deviations: Sequence[Deviation] | None,
    severity: Severity | None,
) -> Compared:
    """Compares a message with the proofs and the content that are usual for its sender. `deviations`, `severity`: None where nobody has
    asked."""
    proof = domain_proofs.compare_proof(session, known.proofs, envelope, authentication, summary, settings=settings, now=now)
    warned = False
    if proof and proof.is_new:
        looks = severity_of(summary, authentication, settings, now) if severity is None else severity
        warned = domain_proofs.is_warned(proof, looks)
    unlike = deviations_of(summary, authentication, settings, now) if deviations is None else deviations
    if not author_platform(summary, settings):  # there, what one sender usually does says nothing of the next
        unlike = drop_usual(session, unlike, summary.author, freemail=settings.policy.freemail_domains, now=now)
    return Compared(proof, warned, unlike)


def is_wanted(
    session: Session, authentication: Authentication, summary: Summary, about: Sequence[MatchedRule], *, settings: Settings, now: datetime
) -> bool:
    """Whether the sender is wanted. MessageQuery only where a block of the campaign is about the message: only that minds."""
    refuted = authentication.dmarc.result is Result.FAIL
    if refuted or not any(rule.effect == "block" and rule.match == "campaign" for rule in about):
        return False
    domain = summary.author.rpartition("@")[2]
    proven = (summary.author if domain in settings.policy.freemail_domains else domain) if authentication.proof else ""
    sender = wanted_senders.Sender(summary.author, proven)
    return sender in wanted_senders.wanted_among(session, [sender], settings=settings, now=now)


def carrier_address(envelope: Envelope) -> str:
    """The reverse-path as the address of a rule, "" where none could be about it."""
    return str(parse_or_none(envelope.reverse_path) or "")


def recipients_of(session: Session, envelope: Envelope, company: Company, ours: recipients.Addresses) -> list[Recipient]:
    """Resolves the recipients of a message, one for each mailbox and detail: somebody who is named twice gets one copy.

    An address that the directory lost since RCPT is a stray, for the staff to see: it was promised. Each is somebody else's mail,
    wherever it lies.
    """
    found: dict[tuple[str, str, str], Recipient] = {}
    for text in envelope.recipients:
        address = Address.parse(text)
        made_by_us = bounces.bounce_recipient(session, envelope, address)
        recipient = (
            made_by_us
            or recipients.resolve_address(session, address, company, spelled=text, ours=ours)
            or bounces.is_forged_bounce(address)
            or undeliverable.undeliverable_recipient(session, address, company)
        )
        place = recipient.mailbox, fold_text(recipient.detail), recipient.address if recipient.stray else ""
        if place not in found or recipient.always:  # postmaster@ beside the postmaster's own address is postmaster@
            found[place] = recipient
    return list(found.values())


def facts_of(
    envelope: Envelope,
    authentication: Authentication,
    summary: Summary,
    recipient: Recipient,
    about: Sequence[MatchedRule],
    settings: Settings,
    listed: str = "",
    virus: str = "",
    *,
    now: datetime,
    inside: str = "",
    ours: tuple[OurMail, ...] = (),
    in_force: enforcement.Enforcement | None = None,
    assisted: str = "",
    opened: emergency.CurrentEmergency | None = None,
    danger: Danger = NO_DANGER,
    unlike: tuple[Deviation, ...] = (),
    unlike_reported: tuple[Deviation, ...] = (),
    sender_proof: SenderProof | None = None,
    warned: bool = False,
    wanted: bool = False,
    lasts: Life | None = None,
    listed_codes: str = "",
    content: tuple[ContentMatch, ...] = (),
) -> Facts:
    """All evidence for one recipient."""
    policy = settings.policy
    step = (in_force or enforcement.Enforcement(settings.company)).of(recipient.department, recipient.person)
    return Facts(
        envelope=envelope,
        authentication=authentication,
        summary=summary,
        recipient=recipient,
        own_domains=settings.own_domains,
        freemail_domains=frozenset(settings.policy.freemail_domains),
        rules=matching_rules.rules_for_recipient(about, recipient),
        ours=ours,
        wanted=wanted,
        trusted_arc_sealers=frozenset(policy.trusted_arc_sealers),
        listed=listed,
        sample=bool(listed) and is_sample(envelope.spool_id, policy.listed_sample),
        out_of_hours=lasts is not None and coverage.passes_time_limited(settings.coverage, recipient.department, recipient.person, now),
        listed_codes=listed_codes,
        emergency=opened.sentence if opened else "",
        inside=inside,
        observe=step == enforcement.RECORD,
        dangerous_only=step == enforcement.DANGEROUS,
        assisted=assisted,
        virus=virus,
        virus_found=policy.virus,
        own_domain_forged=policy.own_domain_forged,
        dmarc_reject=policy.dmarc_reject,
        unlike=unlike,
        unlike_reported=unlike_reported,
        sender_proof=sender_proof,
        platform=author_platform(summary, settings),
        warned=warned,
        danger=danger,
        deadline=lasts,
        content=content,
        simulations=tuple(one for one in policy.simulations if one.runs_at(envelope.received_at)),
    )


def deadline_of(summary: Summary, received_at: datetime, settings: Settings) -> Life | None:
    """Returns how long a message is useful, where its author must be verified for that to count: at a free-mail provider no domain is
    the author's own.
    """
    return None if summary.author.rpartition("@")[2] in settings.policy.freemail_domains else find_deadline(summary, received_at)


def deviations_of(summary: Summary, authentication: Authentication, settings: Settings, now: datetime) -> tuple[Deviation, ...]:
    """Finds features of a message that could deviate from a known sender."""
    seen = Seen(summary, authentication, now, settings.own_domains)
    return find_deviations(seen, find_signals(seen))


def signals_of(summary: Summary, authentication: Authentication, settings: Settings, now: datetime) -> frozenset[str]:
    """The names of the signals that a message shows."""
    return frozenset(one.name for one in find_signals(Seen(summary, authentication, now, settings.own_domains)))


def author_platform(summary: Summary, settings: Settings) -> str:
    """The service that the author's domain is, where anybody can send through that."""
    return platform_of(summary.author.rpartition("@")[2], settings.policy.open_platforms)


def severity_of(summary: Summary, authentication: Authentication, settings: Settings, now: datetime) -> Severity:
    """Rates the severity of a message by what it shows of itself."""
    found = find_signals(Seen(summary, authentication, now, settings.own_domains))
    return rate_severity(sum_weights(found), {one.name for one in found})


def danger_of(summary: Summary, settings: Settings) -> Danger:
    """Returns why an attachment holds a message: the same for each recipient. Takes a while where there are thousands of names."""
    return find_danger(summary.attachments, fold_endings(settings.policy.dangerous_attachments))


@lru_cache
def fold_endings(endings: tuple[str, ...]) -> frozenset[str]:
    """Endings of file names, folded: always the same ones, asked for with every message."""
    return frozenset(map(str.casefold, endings))


def is_sample(spool_id: int, one_in: int) -> bool:
    """Whether this message is one of the few that staff look at. Always the same answer for one message; 0: never."""
    return one_in > 0 and zlib.crc32(spool_id.to_bytes(8, "big")) % one_in == 0
