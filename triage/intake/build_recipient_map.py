"""Builds the recipient map from the database: everything that the SMTP server may know, and when it has changed."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.delivery import groups
from triage.directory import apply as directory, leavers
from triage.directory.recipient_map import RecipientMap
from triage.policy.rules import smtp_blocks
from triage.store import versions
from triage.store.models.directory import KnownRecipient


def build_recipient_map(session: Session, *, settings: Settings, now: datetime) -> RecipientMap | None:
    """Builds the recipient map for the receiving daemon, as of now; None as long as no directory was read."""
    columns = col(KnownRecipient.address), col(KnownRecipient.sub_addressed), col(KnownRecipient.kind)
    rows = session.execute(select(*columns)).all()
    if not rows:
        return None
    blocks = smtp_blocks.list_smtp_blocks(session, now)
    closed = groups.closed_addresses(session)
    taken = [(address, sub_addressed) for address, sub_addressed, kind in rows if kind != leavers.GONE and address not in closed]
    return RecipientMap(
        domains=settings.own_domains,
        recipients=frozenset(address for address, sub_addressed in taken if not sub_addressed)
        | settings.dmarc_addresses
        | settings.partner_addresses,
        sub_addressed=frozenset(address for address, sub_addressed in taken if sub_addressed),
        blocked=blocks.always,
        blocked_unsigned=blocks.unsigned,
        left=frozenset(address for address, _, kind in rows if kind == leavers.GONE),
        closed=closed,
        delimiter=settings.company.delimiter,
    )


def recipient_map_version(session: Session, now: datetime) -> str:
    """Differs from every earlier one when the recipient map may have changed."""
    return f"{versions.read_version(session, directory.VERSION)}.{smtp_blocks.blocks_version(session, now)}"
