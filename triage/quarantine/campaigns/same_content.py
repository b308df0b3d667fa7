"""Finds suspicious messages that are copies though their texts differ: the same link with a token in it, or the same attachment."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, func, select
from sqlmodel import Session, col

from triage.message.mime.links import link_destination, registered_organisation
from triage.message.summary import Summary
from triage.quarantine.campaigns.traits import Kind, distinctive_files, distinctive_links, trait_number
from triage.quarantine.campaigns.wanted_traits import weigh_traits
from triage.store.models.campaigns import MessageTrait
from triage.store.models.deliveries import Delivery

MOST = 200  # messages with a trait that are looked at, the newest
NEWEST = (
    select(col(MessageTrait.message_id))
    .where(col(MessageTrait.trait) == bindparam("trait", type_=BigInteger))
    .order_by(col(MessageTrait.message_id).desc())
    .limit(MOST)
    .subquery()
)
OLDEST = select(func.min(col(Delivery.campaign_id))).where(
    col(Delivery.message_id).in_(select(NEWEST.c.message_id)), col(Delivery.is_copy), col(Delivery.flood).is_(False)
)


class Key(NamedTuple):
    """A trait that makes copies of suspicious messages, unless wanted messages have it, or what it stands on."""

    trait: int
    stands_on: tuple[int, ...]  # traits: of a link its host and domain


def keys_of(summary: Summary, apart: Collection[str]) -> list[Key]:
    """The keys of a message. `apart`: domains that say nothing."""
    links = ((link.target, link_destination(link.target).host) for link in distinctive_links(summary, apart))
    of_links = [
        Key(
            trait_number(Kind.TARGET, target),
            (trait_number(Kind.LINK, registered_organisation(host)), trait_number(Kind.HOST, host)),
        )
        for target, host in links
    ]
    return of_links + [Key(trait_number(Kind.FILE, one.sha256), ()) for one in distinctive_files(summary)]


def distinctive_keys(session: Session, keys: Mapping[int, Collection[Key]]) -> dict[int, list[int]]:
    """Returns the traits of each message, by its number, of which no part occurs in wanted messages."""
    if not any(keys.values()):
        return {}
    weights = weigh_traits(session, (trait for some in keys.values() for one in some for trait in (one.trait, *one.stands_on)))
    return {
        number: [one.trait for one in some if all(trait in weights for trait in (one.trait, *one.stands_on))]
        for number, some in keys.items()
        if some
    }


def campaigns_of(session: Session, keys: Mapping[int, Collection[int]]) -> dict[int, int]:
    """The oldest campaign of copies that each of these traits is in."""
    if not any(keys.values()):
        return {}
    found = ((trait, session.scalar(OLDEST, {"trait": trait})) for trait in {trait for some in keys.values() for trait in some})
    return {trait: campaign_id for trait, campaign_id in found if campaign_id is not None}
