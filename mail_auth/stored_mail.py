"""Authenticates stored messages: DKIM verified again while keys are published, else the results of the receiving server.

The servers of the company wrote their results (RFC 8601) into the message and put fields of their own above them. Only the
topmost field in a trusted name counts, and those beside it up to the next Received: what a stranger wrote stands below.
"""

from collections.abc import Collection
from datetime import datetime

from mail_auth import authentication_results, message
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.query_budget import Resolver
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication

RESULTS = b"authentication-results"


def authenticate_past(
    envelope: Envelope, raw: bytes, resolver: Resolver, now: datetime, trusted_authserv_ids: Collection[str]
) -> Authentication:
    """As `authenticate`, for a message as it lies in a mailbox; `envelope.edge` must be set, `envelope.received_at` is when it arrived."""
    return authenticate_message(envelope, as_handed_over(raw, trusted_authserv_ids), resolver, now, trusted_authserv_ids, past=True)


def as_handed_over(raw: bytes, trusted: Collection[str]) -> bytes:
    """The message with the results of our own server on top, and without what was put above them later; unchanged without any."""
    mail = message.read_message(raw)
    names = {name.lower() for name in trusted}
    ids = [authentication_results.authserv_id(one.value) if one.name == RESULTS else "" for one in mail.fields]
    first = next((place for place, name in enumerate(ids) if name in names), None)
    if mail.fault or first is None:
        return raw
    end = next((place for place, one in enumerate(mail.fields) if place > first and one.name == b"received"), len(mail.fields))
    own = [place for place in range(first, end) if ids[place] == ids[first]]
    below = [one for place, one in enumerate(mail.fields) if place > first and place not in own]
    return b"".join(one.raw for one in [*(mail.fields[place] for place in own), *below]) + b"\r\n" + mail.body
