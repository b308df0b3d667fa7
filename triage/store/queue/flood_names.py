"""Names of mail bombs: what the campaign that stands for one is about, and which kind of flood that is."""

from enum import StrEnum

from sqlalchemy import ScalarSelect, select
from sqlmodel import col

from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery
from triage.store.new_rows import NewDelivery


class FloodOf(StrEnum):
    """Kinds of mail bombs; the row of each has a title of its own."""

    NONE = ""  # no mail bomb
    CROWD = "crowd"  # strangers' and programs' messages to one folder
    SENDER = "sender"  # messages of one sender to one folder
    ALERTS = "alerts"  # verified messages that came during a flood of a crowd


def folder_name(one: NewDelivery | Delivery) -> str:
    """Returns the name of a flood of many senders: the folder as triage addresses write it."""
    return f"{one.department}+{one.person}"


def sender_name(one: NewDelivery) -> str:
    """Returns the name of a flood of one sender, with who proves to have sent it."""
    return f"{folder_name(one)} {one.author} {one.proven_as or ''}".strip()


def alerts_name(one: NewDelivery | Delivery) -> str:
    """Returns the name of the row of messages beyond MOST_LIFTED that arrive during a flood and are not part of it."""
    return f"{folder_name(one)} {FloodOf.ALERTS}"


def named_flood() -> ScalarSelect[str | None]:
    """Column: the name of the mail bomb that a delivery is part of."""
    is_named = (col(Campaign.id) == col(Delivery.campaign_id)) & col(Delivery.flood)
    return select(col(Campaign.about)).where(is_named).correlate(Delivery).scalar_subquery()


def flood_of(one: Delivery, name: str | None) -> FloodOf:
    """Returns the kind of the mail bomb with this name that a delivery is part of; erasure takes the name of a sender's flood."""
    if not one.flood:
        return FloodOf.NONE
    return {folder_name(one): FloodOf.CROWD, alerts_name(one): FloodOf.ALERTS}.get(name or "", FloodOf.SENDER)
