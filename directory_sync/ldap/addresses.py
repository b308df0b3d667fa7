"""The addresses that an LDAP entry gives, in the order in which they count, and what kind of entry it is."""

from collections.abc import Iterator

from directory_sync.ldap.ldap_connection import Entry
from directory_sync.ldap.schema import THE_SERVERS_OWN, Schema
from triage.addressing.envelope import Address

MAIL_PREFIX = "smtp:"  # of proxyAddresses; the ordinary one in capitals ([MS-OXOABK] 2.2.3.23)


class Outside(ValueError):
    """An address in no domain of ours."""

    def __init__(self, address: Address) -> None:
        super().__init__(f"{address} is outside the company's domains")
        self.address = address


def parse_address(text: str) -> Address:
    """An address. ValueError when it is none, or has a space of another width in it."""
    if not text.isprintable():
        raise ValueError(f"“{text[:80]}” is not a mail address")
    return Address.parse(text)


def has_address(entry: Entry, schema: Schema) -> bool:
    """Whether an entry says any address, right or wrong."""
    return any(entry.get(name) for name in (schema.mailbox, *schema.aliases))


def list_addresses(entry: Entry, schema: Schema) -> Iterator[str]:
    """Yields an entry's addresses, the most ordinary one first."""
    yield from filter(None, entry.texts(schema.mailbox))
    yield from primary_addresses(entry, schema)
    yield from further_addresses(entry, schema)


def object_classes(entry: Entry) -> set[str]:
    """The object classes of an entry."""
    return {name.casefold() for name in entry.texts("objectClass")}


def is_the_servers_own(entry: Entry) -> bool:
    """Whether only the server behind us knows where messages for this address go."""
    return not THE_SERVERS_OWN.isdisjoint(object_classes(entry))


def primary_addresses(entry: Entry, schema: Schema) -> Iterator[str]:
    """Addresses that are marked as the ordinary one: `SMTP:` in capitals."""
    for name in schema.aliases:
        yield from (text[len(MAIL_PREFIX) :] for text in entry.texts(name) if text.startswith(MAIL_PREFIX.upper()))


def further_addresses(entry: Entry, schema: Schema) -> Iterator[str]:
    """Yields further addresses; skips other kinds (`X500:`, `sip:`)."""
    for name in schema.aliases:
        for text in entry.texts(name):
            kind, colon, address = text.partition(":")
            if not colon or kind.lower() + colon == MAIL_PREFIX:
                yield address if colon else text
