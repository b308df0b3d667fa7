"""Details behind the delimiter: which address `anna+shop@` belongs to, and what becomes of the detail (RFC 5233).

docs/reference/addresses.md says which meaning an address has when it could have several.
"""

from collections.abc import Iterator

from triage.addressing.envelope import LONGEST_LOCAL, Address

DELIMITERS = ("+", "-", "=", "_")
ROUTES = frozenset("%!")  # Postfix and Sendmail take anna+x%elsewhere@ and elsewhere!x@ for mail to another server


def base_addresses(address: Address, delimiter: str) -> Iterator[Address]:
    """The addresses that this one is a sub-address of if they are somebody's, the longest first.

    A detail is never empty, and never a route: a server behind that trusts us would relay it to wherever the sender likes.
    """
    local = address.local
    place = local.rfind(delimiter, 0, len(local) - 1)
    while place > 0 and ROUTES.isdisjoint(local[place:]):
        yield Address(local[:place], address.domain)
        place = local.rfind(delimiter, 0, place)


def detail_of(spelled: str, base: Address, delimiter: str) -> str:
    """The detail as the sender spelled it, of an address whose `base_addresses` hold `base`."""
    local = spelled.strip().rpartition("@")[0]
    return local.split(delimiter, base.local.count(delimiter) + 1)[-1]


def with_detail(mailbox: str, detail: str, delimiter: str) -> str:
    """The mailbox's address with the detail; without it where the local part would get longer than SMTP allows (RFC 5321, 4.5.3.1.1)."""
    local, _, domain = mailbox.rpartition("@")
    longer = f"{local}{delimiter}{detail}"
    return f"{longer}@{domain}" if detail and len(longer.encode()) <= LONGEST_LOCAL else mailbox
