"""Traits: what messages of one maker share beside their text, such as the pattern of a subject, the domain of a link, the network."""

import re
from collections.abc import Collection, Iterable, Iterator
from enum import IntEnum
from hashlib import blake2b
from itertools import islice

from sqlalchemy import ColumnElement, delete
from sqlmodel import Session

from triage.addressing.networks import network_neighbourhood
from triage.addressing.public_suffix import is_shared
from triage.message.fingerprint import shape_of
from triage.message.mime.links import link_destination, registered_organisation
from triage.message.summary import Attachment, Link, Summary
from triage.store import db
from triage.store.models.campaigns import MessageTrait

LINKS = 5  # domains, hosts, links or files of one message
HOSTS, LOOKED_AT = 40, 12  # links of which the hosts, and all, are looked at
FILE_SIZE = 200  # bytes of an attachment that is looked at by itself
FEWEST_WORDS = 3  # of a subject that says something
NUMBERS = re.compile(r"\S*\d\S*")
PIECE = re.compile(r"[^\W_]+")  # of a Message-ID
WORD = re.compile(r"[^\W\d_]{2,}")


class Kind(IntEnum):
    """Kind of a trait: the last four bits of its number."""

    SUBJECT = 0  # its words
    LINK = 1  # the domain that somebody registered
    NETWORK = 2
    SKELETON = 3  # of a page
    HOST = 4  # of a link, below that domain
    SIGNATURE = 5  # the domain of a DKIM signature
    MESSAGE_ID = 6  # its shape
    MAILER = 7
    ATTACHMENTS = 8  # their endings and magnitudes
    TARGET = 9  # a link as it is, where a piece of its path or a value is its own
    FILE = 10  # an attachment by its bytes, but for pictures

    @property
    def word(self) -> str:
        """The word that the API uses."""
        return self.name.lower()


def traits_of(summary: Summary, client: str, signers: Collection[str], apart: Collection[str]) -> set[int]:
    """The traits of one message.

    `client`: the address it came from. `signers`: domains whose DKIM signatures pass. `apart`: domains that say nothing, since they are
    our own or anybody's.
    """
    return {trait_number(kind, value) for kind, value in list_traits(summary, client, signers, apart) if value}


def list_traits(summary: Summary, client: str, signers: Collection[str], apart: Collection[str]) -> Iterator[tuple[Kind, str]]:
    """The traits in words; "" where a message has none of a kind."""
    words = WORD.findall(NUMBERS.sub(" ", summary.subject.casefold()))
    yield Kind.SUBJECT, " ".join(words) if len(words) >= FEWEST_WORDS else ""
    hosts = dict.fromkeys(host for link in summary.links[:HOSTS] if (host := link_destination(link.target).host))
    outside = [host for host in hosts if registered_organisation(host) not in apart]
    domains = dict.fromkeys(domain for host in outside if not is_shared(domain := registered_organisation(host)))
    yield from ((Kind.LINK, domain) for domain in [*domains][:LINKS])
    yield from ((Kind.HOST, host) for host in outside[:LINKS] if host.removeprefix("www.") not in domains)
    yield Kind.NETWORK, network_neighbourhood(client)
    yield Kind.SKELETON, summary.skeleton
    yield from ((Kind.SIGNATURE, domain) for domain in signers if domain not in apart)
    yield Kind.MESSAGE_ID, shape_of_id(summary.message_id)
    yield Kind.MAILER, NUMBERS.sub("*", summary.mailer.casefold())
    yield Kind.ATTACHMENTS, " ".join(sorted(map(shape_of_attachment, summary.attachments)))
    yield from ((Kind.TARGET, link.target) for link in distinctive_links(summary, apart))
    yield from ((Kind.FILE, one.sha256) for one in distinctive_files(summary))


def distinctive_links(summary: Summary, apart: Collection[str]) -> list[Link]:
    """The first links that no two makers have by chance: with a token in them, and not to `apart`."""
    found = (link for link in summary.links[:LOOKED_AT] if is_distinctive(link.target))
    outside = (link for link in found if registered_organisation(link_destination(link.target).host) not in apart)
    return [*islice(outside, LINKS)]


def is_distinctive(target: str) -> bool:
    """Whether a link has a token below its host."""
    return "*" in shape_of(target).partition("/")[2]


def distinctive_files(summary: Summary) -> list[Attachment]:
    """The first attachments that say something by their bytes."""
    return [one for one in summary.attachments if one.size >= FILE_SIZE and not one.media_type.startswith("image/")][:LINKS]


def shape_of_attachment(attachment: Attachment) -> str:
    """The ending of its name, and how large it is to a power of two."""
    return f"{attachment.name.rpartition('.')[2].casefold()} {attachment.size.bit_length()}"


def shape_of_id(message_id: str) -> str:
    """Returns the shape of a Message-ID before its @: the lengths of its pieces and the separators, the same for one mail program."""
    return PIECE.sub(lambda found: f"{len(found[0])}", message_id.rpartition("@")[0])


def trait_number(kind: Kind, value: str) -> int:
    """A trait as a number that databases hold."""
    digest = int.from_bytes(blake2b(value.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return (digest >> 5 << 4) | kind


def kind_of(trait: int) -> Kind:
    """Returns the kind of a trait."""
    return Kind(trait & 15)


def store_traits(session: Session, found: Iterable[tuple[int, Collection[int]]]) -> None:
    """Write down the traits of messages that are held, each with its id."""
    db.insert_all(session, MessageTrait, [{"trait": one, "message_id": message} for message, traits in found for one in sorted(traits)])


def forget_traits(session: Session, messages: ColumnElement[bool]) -> None:
    """The content of messages is erased, and so are their traits. `messages`: a condition on MessageTrait.message_id."""
    session.execute(delete(MessageTrait).where(messages))
