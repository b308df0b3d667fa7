"""Chooses the next hop of a delivery: by department, by domain, or out of the house."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, not_, or_, true
from sqlmodel import col

from triage.actor import Actor, Role
from triage.addressing.envelope import ascii_domain
from triage.config.settings import Settings
from triage.delivery.journal import JOURNAL
from triage.errors import BadInput
from triage.say import quote_text, say
from triage.store.models.deliveries import Delivery

SIMULATION = "simulation"  # direction of a message of a phishing simulation: it is delivered, and in no queue, removal or statistic
INWARD = ("in", SIMULATION, "report")  # directions of what goes to somebody here
RECEIVED = ("in", SIMULATION)  # directions of messages from outside that people here get
OWN_WAYS = ("outbound", JOURNAL)  # directions that have a next hop of their own
POSSIBLE = "write department:CODE=NEXT_HOP or domain:DOMAIN=NEXT_HOP"


@dataclass(frozen=True, slots=True)
class Route:
    """Line of the settings: the recipients that it covers, and their next hop."""

    kind: str  # department, domain: of mail for people here; outbound: of employees' mail; journal; outside: everything else; rest
    value: str
    next_hop: str

    def takes(self, *, department: str, mailbox: str, direction: str) -> bool:
        """Whether this delivery goes by this route, unless an earlier route takes it."""
        if self.kind in ("department", "domain"):
            return direction in INWARD and self.value == (department if self.kind == "department" else mailbox.rpartition("@")[2])
        if self.kind in OWN_WAYS:
            return direction == self.kind
        return self.kind == "rest" or direction not in INWARD

    @property
    def condition(self) -> ColumnElement[bool]:
        """The same in SQL."""
        came_in = col(Delivery.direction).in_(INWARD)
        if self.kind == "department":
            return and_(came_in, col(Delivery.department) == self.value)
        if self.kind == "domain":
            return and_(came_in, col(Delivery.mailbox).endswith(f"@{self.value}", autoescape=True))
        if self.kind in OWN_WAYS:
            return col(Delivery.direction) == self.kind
        return true() if self.kind == "rest" else not_(came_in)


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    """A next hop and the deliveries that go there; None stands for all."""

    next_hop: str
    condition: ColumnElement[bool] | None


def list_routes(settings: Settings) -> tuple[Route, ...]:
    """The routes in their order: the first that takes a delivery is its way. BadInput names the one that is of no use."""
    outbound = [Route("outbound", "", settings.outbound.smarthost)] if settings.outbound.smarthost else []
    archive = [Route(JOURNAL, "", settings.journal.next_hop or settings.relay.next_hop)] if settings.journal.address else []
    outside = [Route("outside", "", settings.relay.smarthost)] if settings.relay.smarthost else []
    return (*outbound, *archive, *outside, *map(parse_route, settings.relay.routes), Route("rest", "", settings.relay.next_hop))


def parse_route(text: str) -> Route:
    """KIND:VALUE=NEXT_HOP; BadInput when it is no such thing."""
    chosen, separator, next_hop = text.partition("=")
    kind, colon, value = chosen.strip().partition(":")
    if not (separator and colon and value and next_hop.strip()) or kind not in ("department", "domain"):
        raise BadInput(f"relay.routes: “{text}” is no route; {POSSIBLE}")
    try:
        return Route(kind, ascii_domain(value) if kind == "domain" else value, next_hop.strip())
    except ValueError as fault:
        raise BadInput(f"relay.routes: “{text}”: {fault}") from fault


FORMER = "former-server"


def next_hop_of(settings: Settings, *, department: str, mailbox: str, direction: str) -> str:
    """Returns the next hop of a delivery."""
    return next(way.next_hop for way in list_routes(settings) if way.takes(department=department, mailbox=mailbox, direction=direction))


def place_of(next_hop: str, settings: Settings) -> str:
    """Returns the place of a delivered copy: the Maildirs that it was written into, or the IMAP server; "" without access to
    mailboxes.
    """
    return next_hop if next_hop.startswith("maildir:") else settings.recall.imap


def list_destinations(settings: Settings) -> tuple[Destination, ...]:
    """Lists each next hop once, with the condition on its deliveries; together they cover each delivery exactly once."""
    found: dict[str, list[ColumnElement[bool]]] = {}
    earlier: list[ColumnElement[bool]] = []
    for way in list_routes(settings):
        found.setdefault(way.next_hop, []).append(and_(way.condition, *(not_(one) for one in earlier)))
        earlier.append(way.condition)
    if len(found) == 1:
        return (Destination(settings.relay.next_hop, None),)
    return tuple(Destination(next_hop, or_(*conditions)) for next_hop, conditions in found.items())


def shown_hop(settings: Settings, next_hop: str, *, by: Actor) -> str:
    """Name of a next hop: its address for administrators, a number for everybody else, since some addresses are paths.

    "former-server" is one that the settings do not name any more.
    """
    if by.role is Role.ADMIN or not next_hop:
        return next_hop
    known = [one.next_hop for one in list_destinations(settings)]
    return f"server-{known.index(next_hop) + 1}" if next_hop in known else FORMER


def find_destination(settings: Settings, next_hop: str, *, by: Actor) -> Destination:
    """The destination that the actor calls so (`shown_hop`); BadInput, which names the others to administrators only."""
    known = {shown_hop(settings, one.next_hop, by=by): one for one in list_destinations(settings)}
    if next_hop not in known:
        said = say("there is no next hop {next_hop}; there are {names}", next_hop=quote_text(next_hop), names=", ".join(known))
        raise BadInput(
            said if by.role is Role.ADMIN else say("there is no next hop {next_hop}", next_hop=quote_text(next_hop)), field="next_hop"
        )
    return known[next_hop]
