"""Is the client that a message came from known as bad? Asks the DNS lists and the Rspamd that the company has chosen."""

import ipaddress

from mail_auth import dns_lists
from mail_auth.dns_lists import Client, DnsList
from mail_auth.resolver import Resolver
from mta.rspamd import Rspamd
from triage.envelope import Envelope
from triage.settings import Policy


class Listing:
    """Those who are asked; safe for several threads."""

    def __init__(self, lists: tuple[DnsList, ...] = (), rspamd: Rspamd | None = None) -> None:
        self.lists, self.rspamd = lists, rspamd

    def about(self, envelope: Envelope, raw: bytes, resolver: Resolver) -> str:
        """Who lists the client, as a sentence without its end; "" when nobody does, nobody is asked, or nobody answers."""
        client = public(envelope)
        if client is None:
            return ""
        listed = dns_lists.listed(client, self.lists, resolver) if self.lists else ""
        return listed or (self.rspamd.rejects(envelope, raw) if self.rspamd else "")


def asked_about_clients(policy: Policy) -> Listing:
    """Those whom the settings name. BadInput says what is wrong with them."""
    return Listing(dns_lists.read(policy.dns_lists), Rspamd(policy.rspamd_url, policy.rspamd_timeout) if policy.rspamd_url else None)


def public(envelope: Envelope) -> Client | None:
    """The client, if others can know it: not the edge or proxy itself, no private, loopback or otherwise special address."""
    try:
        client = ipaddress.ip_address(envelope.client)
    except ValueError:
        return None
    mapped = client.ipv4_mapped if isinstance(client, ipaddress.IPv6Address) else None
    client = mapped or client
    ours = envelope.client in (envelope.edge, envelope.proxy)
    return client if client.is_global and not client.is_multicast and not ours else None
