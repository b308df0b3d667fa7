"""Selections of deliveries, and their previews."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from triage.quarantine.search.selection import MOST_IDS, MOST_ITEMS, Selection
from triage.store.delivery_state import State
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.policy.consent import Allow, AlongRule
from triage_api.schemas.policy.rules import Rule
from triage_api.schemas.queue.deliveries import ATTACHED, LINK, Delivery
from triage_api.schemas.second_looks import NotAllowed, SecondLook
from triage_api.schemas.vocabulary import BlockKind, Severity

KNOWN = "a purge also removes messages of contacts, allowed senders and senders of released messages"
PROOF = (
    "`any`, `none`, `copies` (of a campaign: suspicious messages of senders that nobody here has allowed, released or written to), "
    "`claimed` (without a clear author), `forged` (of a sender: what a block of forgeries stops), or the proven sender, "
    "as `proven_as` says: a domain, at a free-mail provider an address. Empty: "
    "any; of a campaign its copies or, without copies, its most common proof."
)


class Selected(Shape):
    """Content of a row, as a selection: only the features that make it."""

    ids: list[Id] = []
    sender: str = ""
    campaign: Id | None = None
    proof: str = ""


class SelectItem(Order):
    """Content of a row, as its `select` says; with `until` only messages that arrived before."""

    ids: Annotated[list[GivenId], Field(max_length=MOST_IDS)] = []
    sender: Word = ""
    campaign: GivenId | None = None
    proof: Annotated[Word, Field(description=PROOF)] = ""
    until: AwareDatetime | None = None

    def selection(self) -> Selection:
        """Converts it to the core's value; BadInput when it is empty."""
        return Selection.of(**self.model_dump() | {"ids": tuple(self.ids)})


class Select(Order):
    """Selection of deliveries by `ids` or other features; all that are given must match."""

    ids: Annotated[list[GivenId], Field(max_length=MOST_IDS)] = []
    sender: Word = ""
    domain: Word = ""
    campaign: GivenId | None = None
    proof: Annotated[Word, Field(description=PROOF)] = ""
    department: Word | None = None
    person: Word | None = None
    assigned_to: Annotated[Word, Field(description="login of a colleague to whom it is assigned")] = ""
    q: Text = ""
    link_domain: Annotated[Word, Field(description=LINK)] = ""
    attachment_sha256: Annotated[Word, Field(description=ATTACHED)] = ""
    states: list[State] = []
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    delivered_since: Annotated[AwareDatetime | None, Field(description="only what is delivered, and was so then or later")] = None
    any_of: Annotated[list[SelectItem], Field(max_length=MOST_ITEMS, description="only messages of these rows")] = []
    known: Annotated[bool, Field(description=KNOWN)] = False

    def selection(self) -> Selection:
        """Converts it to the core's value; BadInput when it is empty."""
        given = self.model_dump(exclude={"any_of"})
        several = tuple(item.selection() for item in self.any_of)
        return Selection.of(**given | {"ids": tuple(given["ids"]), "states": tuple(given["states"]), "any_of": several})


class PreviewOrder(Order):
    """A selection to be looked at."""

    select: Select
    verb: Annotated[
        Literal["purge", "release", "redirect", "redeliver", "restore"] | None,
        Field(description="purge: what a removal of it would do, in `removal`. The others: why it needs a second look, in `second_look`"),
    ] = None
    rule: Annotated[
        AlongRule | None,
        Field(
            description="to go along; an allow says in `not_allowed` whom it cannot be about, and with release in `allow` whom it allows"
        ),
    ] = None


class SenderCount(Shape):
    """Number of messages of an author."""

    author: str
    count: int


class SubjectCount(Shape):
    """Number of messages with a subject."""

    subject: str
    count: int


class NotIncluded(Shape):
    """Messages that a removal leaves alone, because their sender is wanted."""

    sender: str
    proven: Annotated[bool, Field(description="it is proven that they sent it")]
    count: int
    why: Annotated[
        Literal["contact", "allowed", "released"],
        Field(description="allowed: by a rule of staff; released: earlier messages from there were released"),
    ]
    of: Annotated[str, Field(description="whose contact they are: a department")]


class PlannedBlock(Shape):
    """A block that goes along with a removal."""

    match: BlockKind
    value: str
    count: Annotated[int, Field(description="messages of the removal that it is about")]
    unproven_only: bool
    claimed_only: Annotated[bool, Field(description="it stops only messages without a clear author that claim to be from this sender")]
    stopped: Annotated[int, Field(description="other messages of the last 30 days that it would have stopped")]
    released: Annotated[int, Field(description="those of them that staff released")]
    ticked: Annotated[bool, Field(description="made unless it is named in `block.without`; the others are if named in `block.also`")]


class NotBlocked(Shape):
    """A sender who is not blocked along."""

    value: str
    why: Annotated[
        Literal["own", "contact", "allowed", "released", "none", "impossible", "flood"],
        Field(description="own: our domain; none: no address; flood: all senders of a mail bomb together, without a value"),
    ]
    of: str
    count: int


class RelatedDeliveries(Shape):
    """Deliveries of the last 14 days that share traits with a wave and are none of its copies: shown, never removed or blocked along."""

    count: int
    by_kind: Annotated[
        dict[
            Literal["subject", "link", "host", "target", "file", "network", "skeleton", "signature", "attachments", "message_id", "mailer"],
            int,
        ],
        Field(
            description="subject (its pattern), link (the domain of a link), host (of a link), target (a link as it is), file (an"
            " attachment), network (of the sender), skeleton (the elements of its page), signature (the domain of a DKIM signature),"
            " attachments (their endings and magnitudes), message_id (its shape), mailer (X-Mailer or User-Agent); never what wanted"
            " messages have too"
        ),
    ]
    examples: Annotated[list[Delivery], Field(description="the newest ten")]


class PassedOn(Shape):
    """Way in which copies went on to where no removal reaches, as far as Mailroom knows."""

    kind: Annotated[
        Literal["system", "list", "outside", "forwarded", "calendar"],
        Field(
            description="system: a program or a delegate named in the settings; list: another server knows its members;"
            " outside: a member outside the company; forwarded: by its recipient, as the mailbox said; calendar: invitations"
        ),
    ]
    mailbox: Annotated[str, Field(description="empty for invitations")]
    count: Annotated[int, Field(description="copies")]
    sentence: Sentence


class Removal(Shape):
    """Effect of a removal. A decision with verb `purge`, the same selection and this fence does exactly that."""

    severity: Annotated[Severity, Field(description="the worst of what goes")]
    default: Annotated[Literal["remove", "remove_and_block"], Field(description="what the console's first button does")]
    not_included: Annotated[list[NotIncluded], Field(description="the first 50; `select.known` takes them along")]
    not_included_count: Annotated[int, Field(description="messages")]
    blocks: Annotated[list[PlannedBlock], Field(description="the first 50")]
    blocked: Annotated[dict[BlockKind, int], Field(description="how many of each kind")]
    would_have_stopped: Annotated[int, Field(description="other messages of the last 30 days that ticked blocks would have stopped")]
    would_have_released: Annotated[int, Field(description="those of all blocks' that staff released")]
    not_blocked: Annotated[list[NotBlocked], Field(description="the first 50")]
    not_blocked_count: Annotated[int, Field(description="senders")]
    related: RelatedDeliveries
    passed_on: Annotated[list[PassedOn], Field(description="out of reach; the first 50")]
    scopes: Annotated[list[str], Field(description="for whom blocks are made; empty: you make no rules here")]
    hold_hours: Annotated[int, Field(description="so long blocks only hold, so that undo is whole")]
    block_days: Annotated[int, Field(description="so long blocks of addresses and domains last; a campaign's 7 days after its last copy")]
    late_hours: Annotated[int, Field(description="without blocks: so long late copies are removed on arrival too; 0: none are")]


class Evidence(Shape):
    """Content of a selection, to be checked before a decision. `fence` changes when the selection does."""

    count: int
    outside: Annotated[int, Field(description="that the selection names too, beyond your scope; a search for words is not counted")]
    apart: Annotated[int, Field(description="of the same campaign or sender, left out because their proof differs")]
    people: int
    departments: int
    by_state: dict[State, int]
    in_mailboxes: Annotated[int, Field(description="delivered already; a purge takes them out")]
    out_of_reach: Annotated[int, Field(description="delivered already, and there is no way into the mailboxes")]
    proven: int
    claimed: Annotated[int, Field(description="without a clear author: who they claim to be from proves nothing")]
    by_proof: Annotated[dict[Literal["dmarc", "aligned", "none"], int], Field(description="how it is proven who sent them")]
    opened: Annotated[int, Field(description="read or answered, as the mailbox said when a recall took the copy out")]
    answered: Annotated[int, Field(description="whose reader has written to the sender since")]
    least_risk: Annotated[int, Field(description="0 to 100: of the least suspicious of them")]
    least_severity: Annotated[Severity, Field(description="how bad the least bad of them looks")]
    senders: list[SenderCount]
    subjects: list[SubjectCount]
    examples: list[Delivery]
    least_alike: Annotated[list[Delivery], Field(description="those with least in common with the others: look at these first")]
    rules_contradicted: list[Rule]
    caution: Annotated[Sentence, Field(description="the selection is all of a public mail provider: how many people that is; empty else")]
    needs: Annotated[
        list[str], Field(description="why a removal needs a second person: large-purge, remove-delivered; empty: it needs nobody else")
    ]
    confidential: Annotated[
        Sentence, Field(description="what a removal says of confidential folders that are closed to you; empty: it reaches none of them")
    ]
    fence: str
    allow: Annotated[Allow | None, Field(description="with an allow along: whom it allows, from the code that then does it")] = None
    second_look: Annotated[
        list[SecondLook], Field(description="with a verb or an allow: what a decision has to `confirm`; empty: nothing is asked")
    ] = []
    not_allowed: Annotated[list[NotAllowed], Field(description="with an allow: senders whom it cannot be about")] = []
    removal: Annotated[Removal | None, Field(description="with `verb`: what a removal does, from the code that then does it")]
