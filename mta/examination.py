"""What is found out about one message before it is judged: who sent it, what it says, and who lists its client."""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from mail_auth.authenticate import authenticate
from mail_auth.resolver import Resolver
from mta import edge_token
from mta.listing import Listing
from triage.authentication import Authentication
from triage.bounded import Overrun, Pool
from triage.content import Summary
from triage.envelope import Envelope
from triage.outgoing import Journaled
from triage.times import utcnow


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was found out."""

    authentication: Authentication
    summary: Summary
    overran: bool = False  # the parser gave up
    listed: str = ""  # who lists the client as bad, as a sentence without its end
    journaled: Journaled | None = None  # of a copy of outgoing mail: the journal report that it is


NOTHING = Found(Authentication(""), Summary())


class Examiner:
    """Finds it out, with a resolver and a parser of its own; safe for several threads."""

    def __init__(
        self, resolver: Resolver, pool: Pool, listing: Listing, trusted_authserv_ids: Collection[str], edge_token: str = ""
    ) -> None:
        self.resolver, self.pool, self.listing, self.trusted_authserv_ids = resolver, pool, listing, trusted_authserv_ids
        self.edge_token = edge_token

    def believed(self, envelope: Envelope, raw: bytes) -> Envelope:
        """The envelope as far as the one who brought the message may be believed."""
        return edge_token.believed(envelope, raw, self.edge_token)

    def examine(self, envelope: Envelope, raw: bytes) -> Found:
        """Takes as long as the resolver and the parser may take."""
        authentication = authenticate(envelope, raw, self.resolver, utcnow(), self.trusted_authserv_ids)
        summary, overran = summarise(self.pool, raw)
        return Found(authentication, summary, overran, self.listing.about(envelope, raw, self.resolver))


def summarise(pool: Pool, raw: bytes) -> tuple[Summary, bool]:
    """What the message says, and whether the parser gave up over it. Then only what the header says is known."""
    try:
        return Summary.from_json(json.loads(pool.run(raw))), False
    except Overrun as fault:
        problem = f"the parser gave up: {fault}"
    try:
        summary = Summary.from_json(json.loads(pool.run(raw, headers_only=True)))
    except Overrun:
        summary = Summary()
    return replace(summary, parsed=False, problems=(*summary.problems, problem)), True
