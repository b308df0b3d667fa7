"""Whether a message was sent from inside the company: by a machine of its own networks, or by somebody who signed in. Pure.

Only a trusted edge is believed about it. A stranger writes HELO, host name and recipient into the edge's Received field, but no line of
it: Postfix puts "by … with …" on a line of its own.
"""

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache

from triage.addressing.envelope import Envelope
from triage.say import say

MOST = 32 * 1024  # bytes of a header that are looked at
RECEIVED = re.compile(rb"^received:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE)
SIGNED_IN = re.compile(rb"^[ \t]+by (\S+) \([^()\r\n]*\) with (?:UTF8SMTPS?A|ESMTPS?A) id \w+", re.MULTILINE)  # RFC 3848, 6531
LOCAL = re.compile(rb"^received: by (\S+) \([^()\r\n]*, from userid \d+\)", re.IGNORECASE)


def inside_sender(envelope: Envelope, raw: bytes, networks: Collection[str], hosts: Collection[str]) -> str:
    """Says who of ours gave the message to the edge, as a sentence without its end; "" when it came from outside or nobody knows.

    `networks`: of our own machines, as far as the edge names the client. `hosts`: edges whose Received field says who signed in.
    """
    if not envelope.edge:
        return ""
    if envelope.client_protocol and envelope.client and is_within(envelope.client, tuple(networks)):
        return say("{client}, a machine of the company, sent it", client=envelope.client)
    field = RECEIVED.search(raw[:MOST].partition(b"\r\n\r\n")[0])
    ours = {one.lower() for one in hosts}
    if field and named_host(SIGNED_IN, field[0]) in ours:
        return say("{host} took it from somebody who signed in", host=named_host(SIGNED_IN, field[0]))
    if field and named_host(LOCAL, field[0]) in ours:
        return say("{host} took it from a program on the mail server", host=named_host(LOCAL, field[0]))
    return ""


def named_host(pattern: re.Pattern[bytes], received: bytes) -> str:
    """The host that a Received field of this form names, "" for another form."""
    found = pattern.search(received)
    return found[1].decode("ascii", "replace").lower() if found else ""


@lru_cache(4096)
def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the address is in one of these networks."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(one, strict=False) for one in networks)
