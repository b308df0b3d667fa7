"""A message comes in: gather facts, decide for each recipient, enter. Also what the door is told."""

import zlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage import (
    background,
    bounces,
    campaigns,
    contents,
    correspondents,
    cover,
    directory,
    door_rules,
    emergency,
    entries,
    familiar,
    floods,
    journal,
    leavers,
    ledger,
    markers,
    matches,
    modes,
    recipients,
    redirects,
    rules,
    sent_mails,
    signals,
    standing,
    strays,
)
from triage.actor import Actor
from triage.authentication import Authentication, Result
from triage.content import Summary
from triage.door import DoorSnapshot
from triage.envelope import Address, Envelope, folded
from triage.errors import NotYet
from triage.facts import Facts, OurMail, Recipient
from triage.fingerprint import Fingerprint
from triage.ids import new_id
from triage.links import related
from triage.mailing_lists import rewritten, shown_name
from triage.models import Delivery, KnownRecipient, Message, Rule
from triage.policy import Disposition, Verdict, decide
from triage.proofs import proof_of_author, proven_as
from triage.scan import NOT_ASKED, Scan
from triage.settings import Company, Settings
from triage.states import State
from triage.visible import visible

JUDGE = Actor.system("judge")
ENTRY_STATE = {Disposition.RELAY: State.QUEUED, Disposition.QUARANTINE: State.HELD, Disposition.PURGE: State.PURGED}


def receive(
    session: Session,
    envelope: Envelope,
    raw: bytes,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
    listed: str = "",
    scan: Scan = NOT_ASKED,
    patient: bool = False,
) -> tuple[int, ...]:
    """Enter a message, one delivery a mailbox; the delivery ids.

    Idempotent by `envelope.spool_id`: a second call changes nothing and returns the same ids. `listed`: who lists the client
    as bad, in words. `scan`: what scanners said. `patient`: there is time to judge it again; NotYet, and nothing is entered,
    when a verdict rests on a DNS that did not answer.
    """
    envelope, entered = entries.identified(session, envelope)
    if entered is not None:
        judged = (col(Delivery.message_id) == entered, col(Delivery.direction) != journal.JOURNAL)
        return tuple(session.scalars(select(col(Delivery.id)).where(*judged).order_by(col(Delivery.id))))
    campaign_id = campaigns.assign(session, Fingerprint.from_text(summary.fingerprint), now=now)
    known_bad = {"listed": listed, "virus": scan.virus}
    gathered = evidence(session, envelope, authentication, summary, settings=settings, now=now, campaign_id=campaign_id, **known_bad)
    verdicts = redirects.once([(facts, decide(facts)) for facts in gathered])
    waiting = next((verdict.reason for _, verdict in verdicts if verdict.unknown), "")
    if patient and waiting:
        raise NotYet(f"{waiting} ({visible(authentication.dmarc.reason)})" if authentication.unknown else waiting)
    content_id, content = contents.keep(session, raw)
    proven, freemail = bool(authentication.proof), settings.policy.freemail_domains
    known = standing.of_sender(session, summary.author, proven=proven, freemail=freemail, campaign=campaign_id)
    stranger = not any(rule.effect == "allow" for facts in gathered for rule in facts.rules)
    seen = background.seen(
        session, envelope, authentication, summary, known, settings, len(gathered), stranger=stranger, listed=listed, scan=scan, now=now
    )
    found = signals.signals(seen)
    message = Message(
        id=new_id(),
        spool_id=envelope.spool_id,
        content_id=content_id,
        received_at=envelope.received_at,
        envelope=envelope.as_json(),
        authentication=authentication.as_json(),
        summary=summary.as_json() | {"text": "", "fingerprint": ""},
        signals=[signal.as_json() for signal in found],
        text=summary.text,
    )
    deliveries = [delivery(message, facts, verdict, campaign_id, freemail, now) for facts, verdict in verdicts]
    for one in deliveries:
        background.place(session, one, summary, found, known)
        floods.place(session, one, bool(summary.automatic), caps=settings.floods)
    ledger.enter(session, message, content, deliveries + journal.copies(message, envelope, settings), by=JUDGE, now=now)
    for one in deliveries:
        if one.direction == "bounce":
            bounces.come_back(session, envelope, one, summary, now=now)
    at_work = [one for facts, verdict in verdicts for one in (verdict.rule_id, facts.recipient.redirected_by) if one is not None]
    rules.used(session, at_work, now)
    correspondents.heard(session, heard_from(gathered), now)
    if authentication.proof and any(verdict.rule == "allowed-sender" for _, verdict in verdicts):
        familiar.meet(session, summary.author, summary.author_name)
    note_list(session, authentication, summary)
    return tuple(one.id for one in deliveries)


def evidence(
    session: Session,
    envelope: Envelope,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
    listed: str = "",
    virus: str = "",
    campaign_id: int | None = None,
) -> list[Facts]:
    """All that is known, for each recipient. Writes nothing: a rehearsal asks for it too."""
    about = matches.about_sender(session, summary, now, carrier_of(envelope), campaign_id, bool(authentication.proof))
    about += learned_about(session, summary, settings, now)
    switched = modes.now_in_force(session, settings.company)
    opened = emergency.alarm(session, now)
    ours = sent_mails.named_in(session, envelope, summary)
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
            ours=ours,
            switched=switched,
            opened=opened,
            now=now,
        )
        for recipient in redirects.applied(session, summary, recipients_of(session, envelope, settings.company), settings.company, now)
    ]


def learned_about(session: Session, summary: Summary, settings: Settings, now: datetime) -> list[Rule]:
    """What correspondence says about the author. A list that writes in place of its authors is nobody's correspondent."""
    return [] if rewritten(summary) else correspondents.rules_about(session, summary.author, settings=settings, now=now)


def note_list(session: Session, authentication: Authentication, summary: Summary) -> None:
    """A list's post came in: from now on it is known where its posts go. Only as a signature of the list's own organisation says."""
    domain = summary.list_post.rpartition("@")[2]
    if not summary.list_id or not domain:
        return
    signers = [one.domain for one in authentication.dkim if one.result is Result.PASS and one.signs_list and related(one.domain, domain)]
    if signers:
        correspondents.seen_list(session, summary.list_post, summary.list_id, signers[0])


def heard_from(gathered: list[Facts]) -> set[int]:
    """The correspondents whose proven mail this is, for somebody whom they are known to."""
    return {rule.id for facts in gathered if proof_of_author(facts) for rule in facts.rules if rule.origin == correspondents.ORIGIN}


def carrier_of(envelope: Envelope) -> str:
    """The reverse-path as the address of a rule, "" where none could be about it."""
    try:
        return str(Address.parse(envelope.reverse_path))
    except ValueError:
        return ""


def recipients_of(session: Session, envelope: Envelope, company: Company) -> list[Recipient]:
    """Whom the message is for, one for each mailbox and detail: somebody who is named twice gets one copy.

    An address that the directory lost since RCPT is a stray, for the staff to see: it was promised.
    """
    found: dict[tuple[str, str], Recipient] = {}
    for text in envelope.recipients:
        address = Address.parse(text)
        made_by_us = bounces.recipient(session, envelope, address)
        recipient = (
            made_by_us
            or recipients.resolve(session, address, company, spelled=text)
            or bounces.forged(address)
            or strays.recipient(session, address, company)
        )
        place = recipient.mailbox, folded(recipient.detail)
        if place not in found or recipient.always:  # postmaster@ beside the postmaster's own address is postmaster@
            found[place] = recipient
    return list(found.values())


def facts_of(
    envelope: Envelope,
    authentication: Authentication,
    summary: Summary,
    recipient: Recipient,
    about: list[Rule],
    settings: Settings,
    listed: str = "",
    virus: str = "",
    *,
    now: datetime,
    ours: tuple[OurMail, ...] = (),
    switched: modes.Modes | None = None,
    opened: emergency.Alarm | None = None,
) -> Facts:
    """All evidence for one recipient."""
    policy = settings.policy
    switched = switched or modes.Modes(settings.company)
    return Facts(
        envelope=envelope,
        authentication=authentication,
        summary=summary,
        recipient=recipient,
        own_domains=settings.own_domains,
        rules=matches.fitting(about, recipient),
        ours=ours,
        trusted_arc_sealers=frozenset(policy.trusted_arc_sealers),
        listed=listed,
        sample=bool(listed) and is_sample(envelope.spool_id, policy.listed_sample),
        out_of_hours=cover.lets_perishable_pass(settings.cover, recipient.department, recipient.person, now),
        emergency=opened.sentence if opened else "",
        observe=switched.of(recipient.department) == modes.OBSERVE,
        virus=virus,
        virus_found=policy.virus,
        own_domain_forged=policy.own_domain_forged,
        dmarc_reject=policy.dmarc_reject,
        dangerous_attachments=frozenset(ending.casefold() for ending in policy.dangerous_attachments),
    )


def is_sample(spool_id: int, one_in: int) -> bool:
    """Is this message one of the few that staff look at? Always the same answer for one message; 0: never."""
    return one_in > 0 and zlib.crc32(spool_id.to_bytes(8, "big")) % one_in == 0


def delivery(
    message: Message, facts: Facts, verdict: Verdict, campaign_id: int | None, freemail: Collection[str], now: datetime
) -> Delivery:
    """The row of one recipient's copy."""
    summary, recipient = facts.summary, facts.recipient
    state = ENTRY_STATE[verdict.disposition]
    queued = now if state is State.QUEUED else None
    author = summary.author or (summary.authors[0] if summary.authors else message.envelope["reverse_path"].casefold())
    name = shown_name(summary)
    words = (summary.subject, name, author, recipient.address, recipient.person)
    minutes = signals.perishable_minutes(summary, message.received_at)
    return Delivery(
        id=new_id(),
        signals=[],
        why_here=[],
        message_id=message.id,
        campaign_id=campaign_id,
        state=state,
        received_at=message.received_at,
        recipient=recipient.address,
        department=recipient.department,
        person=recipient.person,
        mailbox=recipient.mailbox,
        listed=recipient.listed or recipient.address,
        detail=recipient.detail,
        note=recipient.note,
        redirected=recipient.redirected_by is not None,
        author=author,
        author_domain=author.rpartition("@")[2],
        author_name=name,
        subject=summary.subject,
        search=" ".join(words).casefold(),
        proof=proof_of_author(facts),
        proven_as=proven_as(facts, freemail),
        weight=0,
        perishable_until=message.received_at + timedelta(minutes=minutes) if minutes is not None else None,
        verdict=verdict.disposition,
        rule=verdict.rule,
        rule_id=verdict.rule_id,
        reason=verdict.reason,
        beside=[one.as_json() for one in verdict.beside],
        withheld=verdict.withheld,
        direction="bounce" if recipient.bounce == "ours" else "in",
        due_at=queued,
        queued_at=queued,
    )


def door_snapshot(session: Session, *, settings: Settings, now: datetime) -> DoorSnapshot | None:
    """Everything that the receiving daemon may know, as of now; None as long as no directory was taken over."""
    columns = col(KnownRecipient.address), col(KnownRecipient.sub_addressed), col(KnownRecipient.kind)
    rows = session.execute(select(*columns)).all()
    if not rows:
        return None
    blocks = door_rules.door_entries(session, now)
    return DoorSnapshot(
        domains=settings.own_domains,
        recipients=frozenset(address for address, sub_addressed, kind in rows if kind != leavers.GONE and not sub_addressed),
        sub_addressed=frozenset(address for address, sub_addressed, kind in rows if kind != leavers.GONE and sub_addressed),
        blocked=blocks.always,
        blocked_unsigned=blocks.unsigned,
        left=frozenset(address for address, _, kind in rows if kind == leavers.GONE),
        delimiter=settings.company.delimiter,
    )


def door_version(session: Session, now: datetime) -> str:
    """Differs from every earlier one when the door snapshot may have changed."""
    return f"{markers.read(session, directory.VERSION)}.{door_rules.version(session, now)}"
