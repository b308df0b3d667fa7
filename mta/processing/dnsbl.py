"""Whether the client is that a message came from known as bad.

By the DNS lists that the company has chosen, and by what Rspamd would reject.
"""

import ipaddress

from mail_auth.dns import dns_lists
from mail_auth.dns.dns_lists import Client, DnsList, Resting
from mail_auth.dns.query_budget import Resolver
from mta.peer.trusted_edges import Edges
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.message.signals.scan_results import Opinion

NO_EDGES = Edges()


class Listing:
    """DNS lists that are asked about clients; safe for several threads."""

    def __init__(self, lists: tuple[DnsList, ...] = (), edges: Edges = NO_EDGES) -> None:
        self.lists, self.edges = lists, edges
        self.resting = Resting()

    def about(self, envelope: Envelope, opinion: Opinion | None, resolver: Resolver) -> str:
        """Returns who lists the client, as a sentence without its end; "" when nobody does, nobody is asked, or nobody answers."""
        client = public_client(envelope)
        if client is None or self.edges.are(str(client)):
            return ""
        listed = dns_lists.find_listing(client, self.lists, resolver, self.resting) if self.lists else ""
        return listed or describe_rejection(opinion)


def describe_rejection(opinion: Opinion | None) -> str:
    """Describes Rspamd's rejection of a message: only "reject" counts, everything softer is for people to look at."""
    if opinion is None or opinion.action != "reject":
        return ""
    known = opinion.score is not None and opinion.limit is not None
    return "Rspamd would reject it" + (f" (score {opinion.score:.1f}, its limit is {opinion.limit:.0f})" if known else "")


def asked_about_clients(settings: Settings) -> Listing:
    """Returns the DNS lists that the settings name. BadInput says what is wrong with them."""
    policy, smtp = settings.policy, settings.smtp
    return Listing(dns_lists.read_lists(policy.dns_lists), Edges(smtp.trusted_edges, smtp.edge_protocol))


def public_client(envelope: Envelope) -> Client | None:
    """The client, if others can know it: not the edge or proxy itself, no private, loopback or otherwise special address."""
    try:
        client = ipaddress.ip_address(envelope.client)
    except ValueError:
        return None
    mapped = client.ipv4_mapped if isinstance(client, ipaddress.IPv6Address) else None
    client = mapped or client
    ours = envelope.client in (envelope.edge, envelope.proxy)
    return client if client.is_global and not client.is_multicast and not ours else None
