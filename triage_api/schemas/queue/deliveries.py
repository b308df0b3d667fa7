"""Deliveries: a list, and one with its history."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, model_validator

from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.quarantine.suggested_act import SuggestedAct
from triage.store.delivery_state import State
from triage.store.queue.flood_names import FloodOf
from triage_api.schemas.escalated import EscalatedTo, Suggested
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence, with_form
from triage_api.schemas.pagination import Cursor, Limit
from triage_api.schemas.second_looks import Names
from triage_api.schemas.vocabulary import DecisionVerb, Severity

MOST_LISTED = 200  # by id


class Signal(Shape):
    """A fact about a message that staff should know."""

    with_form = model_validator(mode="before")(with_form)

    name: str
    sentence: Sentence
    risk: Annotated[int, Field(validation_alias="weight", description="What it adds to the message's risk.")]
    evidence: Annotated[list[str], Field(description="Evidence: addresses, hosts, words of the message.")] = []


class WhyHere(Shape):
    """Reason that moves a row up (positive points) or down in the queue."""

    with_form = model_validator(mode="before")(with_form)

    name: str
    points: int
    sentence: Sentence


class Verdict(Shape):
    """The policy's decision, and its reason."""

    disposition: str
    rule: str
    reason: Sentence


class Decided(Shape):
    """The last decision about a delivery."""

    decision: Id
    verb: DecisionVerb
    by: str
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    at: datetime
    undone: bool


class Assignment(Shape):
    """A colleague to whom a held message is assigned, with a note."""

    to: Annotated[str, Field(description="login")]
    to_name: Annotated[str, Field(validation_alias="to_shown")]
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    at: datetime
    note: str


class Delivery(Shape):
    """A message for one recipient."""

    id: Id
    message_id: Id
    state: State
    received_at: datetime
    recipient: str
    department: str
    department_name: str
    person: str
    person_name: str
    mailbox: str
    note: Annotated[Sentence, Field(description="How it was addressed, where that is worth a sentence.")]
    author: str
    author_name: str
    author_domain: str
    claimed: Annotated[bool, Field(description="Its author is unclear: `author` is whom it claims to be from, and proves nothing.")]
    subject: str
    size: int
    attachments: int
    proof: str
    proven_as: Annotated[str, Field(description="Who proves to have sent it: a domain, at a free-mail provider an address; empty: nobody.")]
    risk: Annotated[int, Field(validation_alias="weight", description="0-100: the sum of the signals' risks.")]
    severity: Annotated[Severity, Field(description="How bad it looks: by its risk and by dangers found in it.")]
    second_look: Names
    is_copy: Annotated[bool, Field(description="One of the copies of its campaign, which are decided about together.")]
    priority: Annotated[int, Field(validation_alias="urgency", description="0-100. It sorts the queue and decides nothing.")]
    why_here: Annotated[list[WhyHere], Field(description="What changes the priority, the greatest change first. It starts at 50.")]
    time_limited_until: Annotated[
        datetime | None,
        Field(
            description="When its code or link expires, also when that is over. Null: it has no deadline, or none that counts, because the "
            "sender's own domain is not verified, does not fit what the message says, or the message looks suspicious.",
        ),
    ]
    lifetime_assumed: Annotated[bool, Field(description="The message does not say when that is: it is what is usual.")]
    verdict: Verdict
    withheld: str
    campaign: Annotated[Id | None, Field(description="the same mail sent many times; null: like no other")]
    flood: Annotated[
        FloodOf,
        Field(
            description="The campaign is a mail bomb, whose messages differ. crowd: of many senders to one folder; sender: of one sender; "
            "alerts: verified messages that came during a mail bomb. Empty: it is none."
        ),
    ]
    signals: list[Signal]
    due_at: datetime | None
    attempts: int
    last_reply: Sentence
    decided: Decided | None
    assigned: Annotated[Assignment | None, Field(description="While it is held.")]
    escalated: Annotated[EscalatedTo | None, Field(description="The last escalation that was not undone.")]
    escalation: Annotated[Suggested | None, Field(description="Escalate it rather than remove it; null for most messages.")]
    suggested_act: Annotated[
        SuggestedAct,
        Field(
            description="The act that the evidence speaks for, to offer it first. It decides nothing. Empty: the evidence conflicts, or it "
            "is not held."
        ),
    ]
    confidential: Annotated[bool, Field(validation_alias="sealed", description="Only named staff see it; opening it needs a reason.")]
    legal_hold: Annotated[bool, Field(description="It must be kept: it is neither expired nor erased.")]
    expires_at: Annotated[datetime | None, Field(description="when held mail is put away because nobody decided; null: it is not")]
    comments: Annotated[int, Field(description="number of comments of staff about this copy")]


class HistoryEntry(Shape):
    """Event in the history of a delivery."""

    at: datetime
    by: str
    act: str
    detail: dict[str, Any]
    sentence: Sentence


class Attempt(Shape):
    """Attempt to deliver a message."""

    number: int
    started_at: datetime
    outcome: str
    next_hop: str
    reply: Sentence


class DeliveryDetail(Delivery):
    """A delivery with everything that happened to it, oldest first."""

    history: list[HistoryEntry]
    attempts_made: list[Attempt]


class Deliveries(Shape):
    """Page of deliveries, newest first."""

    items: list[Delivery]
    next_cursor: str | None
    total_estimate: int
    total_is_at_least: Annotated[bool, Field(description="A search counts no further than it looks: there may be more.")]
    looked_back_to: Annotated[
        datetime | None,
        Field(description="A search that ran out of time has looked at everything that came since then; `next_cursor` looks further."),
    ]


LINK = "a link of the message opens this domain or one below it"
ATTACHED = "the digest of an attachment's bytes, in hexadecimal digits"


class DeliveryQuery(Order):
    """Filter and page of the list of deliveries."""

    id: Annotated[list[GivenId], Field(max_length=MOST_LISTED)] = []
    state: list[State] = []
    department: Word | None = None
    person: Annotated[Word | None, Field(description="uid; empty: the department's shared folder")] = None
    sender: Word = ""
    domain: Word = ""
    campaign: GivenId | None = None
    proof: Annotated[Word, Field(description="`any`, `none`, `copies`, `claimed`, `forged`, or the proven sender, as `proven_as` says")] = (
        ""
    )
    assigned_to: Annotated[Word, Field(description="login of a colleague to whom it is assigned")] = ""
    q: Text = ""
    link_domain: Annotated[Word, Field(description=LINK)] = ""
    attachment_sha256: Annotated[Word, Field(description=ATTACHED)] = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    rule_id: GivenId | None = None
    rule: Annotated[Word, Field(description="name of the policy's rule, such as listed-client")] = ""
    expiring: Annotated[bool, Field(description="Only held messages that expire within a day.")] = False
    reported: Annotated[bool, Field(description="Only messages that somebody reported and nobody has reviewed since.")] = False
    decision: Annotated[GivenId | None, Field(description="only deliveries of this decision")] = None
    limit: Limit = 50
    cursor: Cursor = None

    def selection(self) -> Selection:
        """Converts it to the core's value; empty means everything. BadInput for a field that does not exist."""
        features = {"department", "person", "sender", "domain", "campaign", "q", "since", "until", "reported"}
        given = self.model_dump(include=features | {"link_domain", "attachment_sha256"})
        return Selection(
            **given,
            assigned_to=self.assigned_to,
            ids=tuple(self.id),
            proof=self.proof or (ANY_PROOF if self.campaign else ""),
            states=tuple(self.state),
        ).with_known_fields()


class Arrivals(Shape):
    """The deliveries of one day about which one rule decided the same."""

    day: date
    rule: str
    disposition: str
    withheld: Annotated[str, Field(description="in record-only mode: the rule that would have held them")]
    count: int


class ArrivalsReport(Shape):
    """Messages received a day, the newest day first."""

    items: list[Arrivals]
