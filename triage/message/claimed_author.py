"""Claimed author of a message whose From is unclear: to show, search, remove and block by. It proves nothing and allows nothing."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from triage.message.authors import FIELD_LIMIT, MANY, NAMING, loose_readings, named_addresses, read_mailbox
from triage.message.mime.decoding import decode_words, text_of

ANGLES = re.compile(r"<([^<>]{3,400})>")
MOST_ANGLES = 20  # of one field that are read
LOCAL = re.compile(r"""[^\s()<>,;:@\\\[\]"']{1,128}(?=["']?\Z)""")
HOST = re.compile(r"""\A[%'"\s]{0,9}([^\s()<>,;:@\\\[\]"'%!]{1,253})""")


def authors_of(values: Iterable[bytes]) -> tuple[str, ...]:
    """Lists the addresses in From fields, folded. The first is the author or, where none is clear, the claimed one."""
    fields = list(values)
    found = named_addresses(fields)
    claim = next(claims_of(fields[:NAMING], found), "")
    return tuple(dict.fromkeys((claim, *found)))[:MANY] if claim else found


def claims_of(fields: Iterable[bytes], found: Iterable[str]) -> Iterator[str]:
    """Yields the authors that a lenient mail program would show, the likeliest first: parsed ones, those in angle brackets, any others."""
    fields = list(fields)
    read = (mailbox.address for value in fields for mailbox in read_mailbox(value).mailboxes if mailbox.address)
    whole = (one for one in found if not one.startswith("@") and "." in one.rpartition("@")[2])
    return chain(read, (one for value in fields for one in in_angles(value)), whole, found)


def in_angles(value: bytes) -> Iterator[str]:
    """The addresses in angle brackets, read as leniently as any program does; bounded."""
    text = decode_words(text_of(value[:FIELD_LIMIT]))
    for one in islice(ANGLES.finditer(text), MOST_ANGLES):
        before, _, behind = one[1].rpartition("@")
        local, host = LOCAL.search(before), HOST.match(behind)
        if local and host:
            yield from loose_readings(local[0], host[1].strip("."))
