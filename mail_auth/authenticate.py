"""Authenticates a message: envelope and raw bytes in, one Authentication out. Never raises, nothing fails open."""

import logging
from collections.abc import Collection
from datetime import datetime

from mail_auth import arc, dkim, dmarc, message, spf, trusted_results
from mail_auth.dns.query_budget import Questions, Resolver
from triage.addressing.envelope import Address, Envelope
from triage.ids import format_id
from triage.message import authors
from triage.message.authentication import Authentication, Dmarc, Result

log = logging.getLogger(__name__)
COUNTED = (Result.PASS, Result.TEMPERROR)
KEPT = 8  # questions that an SPF record of many terms leaves for the alignment


def authenticate_message(
    envelope: Envelope, raw: bytes, resolver: Resolver, now: datetime, trusted_authserv_ids: Collection[str] = (), *, past: bool = False
) -> Authentication:
    """Authenticates the sender of `raw` by SPF, DKIM, DMARC and ARC; `raw` as received, with CRLF line ends.

    On mail that a trusted edge has handed over, results that it states under one of `trusted_authserv_ids` count too (RFC 8601).
    `past`: its signatures count too, for a message that has lain in a mailbox: keys go, and servers there rewrite bodies.

    Asks DNS at most 40 questions and waits at most `resolver.timeout` seconds in all. `now` is aware. A signature must have
    been good when the message came in (`envelope.received_at`), however long it waited for us.
    DNS that does not answer is TEMPERROR; our own fault is PERMERROR: neither is ever a proof.
    """
    try:
        return find_results(envelope, raw, Questions(resolver), min(now, envelope.received_at), trusted_authserv_ids, past)
    except Exception:
        log.exception("message %(message)s could not be authenticated", {"message": format_id(envelope.spool_id)})
        return Authentication("", dmarc=Dmarc(Result.PERMERROR, reason="it could not be authenticated"))


def find_results(
    envelope: Envelope, raw: bytes, questions: Questions, now: datetime, trusted: Collection[str], past: bool
) -> Authentication:
    """The results in an order that leaves questions for what proves: policy, keys, SPF, alignment; ARC has the rest."""
    mail = message.read_message(raw)
    author, fault = author_of(mail)
    policy = dmarc.discover_record(author.domain, questions) if author else None
    signatures = dkim.verify_signatures(mail, questions, now)
    questions.left -= KEPT
    told = trusted_results.read_trusted(mail, envelope, trusted)
    signatures = trusted_results.trusted_dkim(signatures, told, mail) if past else signatures
    sender = trusted_results.trusted_spf(spf.as_proof(spf.check_spf(envelope, questions)), told, envelope)
    questions.left += KEPT
    if policy:
        proven = [("spf", sender.domain, sender.result)] + [("dkim", one.domain, one.result) for one in signatures]
        identifiers = [dmarc.find_identifier(*one, policy, questions) for one in proven if one[1] and one[2] in COUNTED]
        outcome = trusted_results.trusted_dmarc(dmarc.evaluate_dmarc(policy, identifiers), told, author.domain if author else "")
    else:
        outcome = Dmarc(Result.PERMERROR, reason=fault)
    chain = arc.verify_chain(mail, questions, now)
    identities = (sender, *spf.check_helo(envelope, questions))
    return Authentication(str(author or ""), identities, signatures, chain, outcome, questions.asked)


def author_of(mail: message.Message) -> tuple[Address | None, str]:
    """The author, read as the whole house reads it, and ""; or None and the reason in words."""
    fields = mail.named(b"from")
    address = authors.author_of((field.value for field in fields), strict=not mail.fault).address
    if address:
        return Address.parse(address), ""
    if mail.fault or len(fields) == 1:
        return None, mail.fault or "the From field does not name exactly one author"
    return None, f"it has {len(fields)} From fields" if fields else "it has no From field"
