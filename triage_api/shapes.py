"""The JSON of the API: what comes in is checked, what goes out is exactly what the OpenAPI document says."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from triage import ids
from triage.actor import Role
from triage.decisions import Verb
from triage.rejections import LONGEST_TEXT
from triage.rules import RuleOrder
from triage.selection import MOST_IDS, Selection
from triage.states import State
from triage_api.pages import Cursor, Limit

ID_PATTERN = f"^[{ids.ALPHABET}]{{{ids.WIDTH}}}$"


def storable(text: str) -> str:
    """The text, if every database can hold it."""
    if "\0" in text:
        raise ValueError("must not contain NUL")
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise ValueError("must be Unicode without lone surrogates") from fault
    return text


def given_id(text: Any) -> int:
    """An id as a client writes it."""
    if not isinstance(text, str):
        raise ValueError("an id is text of 13 characters")
    return ids.read(text)


def shown(number: Any) -> Any:
    """An id of the database as the API writes it."""
    return ids.show(number) if isinstance(number, int) else number


Text = Annotated[str, Field(max_length=1000), AfterValidator(storable)]
Letter = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(storable)]
Word = Annotated[str, Field(max_length=255), AfterValidator(storable)]
GivenId = Annotated[int, BeforeValidator(given_id), WithJsonSchema({"type": "string", "pattern": ID_PATTERN})]
Id = Annotated[str, BeforeValidator(shown), Field(pattern=ID_PATTERN)]


class Order(BaseModel):
    """What a client asks for; a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shape(BaseModel):
    """What a client gets, read from the house's values."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Credentials(Order):
    """A sign-in."""

    login: Word
    password: Annotated[str, Field(max_length=1000), AfterValidator(storable)]


class Company(Shape):
    """What the console shows of the company."""

    domains: list[str]
    mode: Literal["enforce", "observe"]


class LastSignIn(Shape):
    """A sign-in."""

    at: datetime
    client: Annotated[str, Field(description="network address")]


class Me(Shape):
    """Who is signed in and what they may do."""

    login: str
    name: str
    role: Role
    scope: list[str]
    company: Company
    undo_seconds: int
    stands_in_for: Annotated[list[str], Field(description="Logins whose scope is yours too, for now.")]
    recalls: Annotated[bool, Field(description="can mail be taken back out of mailboxes?")]
    verbs: list[Verb]
    last_sign_in: Annotated[LastSignIn | None, Field(description="before this one; null at the first")] = None


class OpenSession(Shape):
    """One browser in which somebody is signed in."""

    id: str
    login: str
    started_at: datetime
    seen_at: datetime
    client: Annotated[str, Field(description="network address it was opened from")]
    current: bool


class Sessions(Shape):
    """The browsers in which one login is signed in, the youngest first."""

    items: list[OpenSession]


class CoveredFolder(Shape):
    """A department's folder and who looks after it now."""

    code: str
    name: str
    held: int
    on_duty: Annotated[list[str], Field(description="logins of staff who are here")]
    out_of_hours: Annotated[str, Field(description="wait, pass-perishable or substitute:LOGIN")]


class CoverNow(Shape):
    """Who looks after what at this moment."""

    out_of_hours: bool
    away_until: Annotated[datetime | None, Field(description="of the one who asks; null: on duty")]
    alarm: Annotated[list[CoveredFolder], Field(description="folders that nobody looks at, for administrators")]
    folders: Annotated[list[CoveredFolder], Field(description="those in scope")]


class AwayOrder(Order):
    """Somebody is away, or back."""

    login: Word = ""
    until: AwareDatetime | None = None


class Ended(Shape):
    """How many sessions were ended."""

    ended: int


class Signal(Shape):
    """Something that a trained eye wants to know."""

    name: str
    sentence: str
    weight: int


class Verdict(Shape):
    """What the policy decided, and why."""

    disposition: str
    rule: str
    reason: str


class Decided(Shape):
    """The last decision about a delivery."""

    decision: Id
    verb: str
    by: str
    by_shown: str
    at: datetime
    undone: bool


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
    note: Annotated[str, Field(description="How it was addressed, where that is worth a sentence.")]
    author: str
    author_name: str
    author_domain: str
    subject: str
    size: int
    attachments: int
    proof: str
    weight: int
    perishable_until: datetime | None
    verdict: Verdict
    withheld: str
    signals: list[Signal]
    due_at: datetime | None
    attempts: int
    last_reply: str
    decided: Decided | None
    sealed: Annotated[bool, Field(description="Only named staff sees it; opening the message asks for a reason.")]


class Past(Shape):
    """Something that happened to a delivery."""

    at: datetime
    by: str
    act: str
    detail: dict[str, Any]
    sentence: str


class Attempt(Shape):
    """One attempt to send a delivery on."""

    number: int
    started_at: datetime
    outcome: str
    next_hop: str
    reply: str


class DeliveryDetail(Delivery):
    """A delivery with everything that happened to it, oldest first."""

    history: list[Past]
    attempts_made: list[Attempt]


class Deliveries(Shape):
    """One page of deliveries, newest first."""

    items: list[Delivery]
    next_cursor: str | None
    total_estimate: int


class Card(Shape):
    """Deliveries that are decided together."""

    key: str
    count: int
    people: int
    departments: int
    newest_at: datetime
    weight: int
    perishable_until: datetime | None
    lead: Delivery
    ids: list[Id]


class Cards(Shape):
    """One page of the queue's cards."""

    items: list[Card]
    next_cursor: str | None
    total_deliveries: int
    total_cards: int


class PersonFolder(Shape):
    """A person's folder."""

    uid: str
    name: str
    held: int
    sealed: Annotated[bool, Field(description="To you: you see how much waits, not what.")]


class Folder(Shape):
    """A department with the folders of its people."""

    code: str
    name: str
    held: int
    shared_held: int
    people: list[PersonFolder]
    sealed: Annotated[bool, Field(description="To you: you see how much waits, not what.")]


class Colleague(Shape):
    """Somebody who works here."""

    uid: str
    name: str
    department: str
    department_name: str
    mailbox: str


class People(Shape):
    """People found."""

    items: list[Colleague]


class Addressee(Shape):
    """Whom a mail can be redirected to; `to` is what the decision says."""

    kind: Literal["person", "department", "group"]
    to: str
    name: str
    place: Annotated[str, Field(description="A person's department, or what else it is.")]
    mailbox: str


class Addressees(Shape):
    """People, departments and groups found."""

    items: list[Addressee]


class Group(Shape):
    """A distribution list. Members: the mailboxes that get a copy when something is released to it."""

    address: str
    name: str
    department: str
    department_name: str
    expand: bool
    aliases: list[str]
    members: list[str]


class Groups(Shape):
    """One page of groups."""

    items: list[Group]
    next_cursor: str | None


class Spf(Shape):
    """One SPF result."""

    result: str
    identity: str
    domain: str
    reason: str
    origin: Annotated[str, Field(description="the trusted edge that found it; empty: we did")] = ""


class Dkim(Shape):
    """One DKIM signature."""

    result: str
    domain: str
    selector: str
    algorithm: str
    identity: str
    reason: str
    signs_list: Annotated[bool, Field(description="it covers List-Id too")] = False


class Arc(Shape):
    """The ARC chain."""

    result: str
    sealer: str
    instances: int
    reason: str


class Dmarc(Shape):
    """The DMARC result."""

    result: str
    domain: str
    organisational_domain: str
    policy: str
    aligned: list[str]
    reason: str
    origin: Annotated[str, Field(description="the trusted edge that found it; empty: we did")] = ""


class Authentication(Shape):
    """Who really sent it: the results, the proof they make, and a sentence."""

    spf: list[Spf]
    dkim: list[Dkim]
    arc: Arc
    dmarc: Dmarc
    proof: str
    sentence: str


class Link(Shape):
    """Where a link really goes, and what is odd about it."""

    number: int
    text: str
    target: str
    host: str
    warnings: list[str]


class Attachment(Shape):
    """An attachment by its description."""

    number: int
    name: str
    media_type: str
    size: int
    sha256: str


class Message(Shape):
    """A message with those of its deliveries that the asker may see."""

    id: Id
    received_at: datetime
    size: int
    subject: str
    author: str
    author_name: str
    reverse_path: str
    client: str
    helo: str
    tls: str
    to: list[str]
    reply_to: list[str]
    date: str
    message_id_field: str
    list_id: str
    authentication: Authentication
    signals: list[Signal]
    links: list[Link]
    attachments: list[Attachment]
    problems: list[str]
    hidden_pictures: int
    parsed: bool
    sealed: Annotated[bool, Field(description="Opening its content asks for a reason.")]
    deliveries: list[Delivery]


class Headers(Shape):
    """The header block as received, with control characters made visible."""

    text: str


class DeliveryQuery(Order):
    """Which deliveries to list, and which page of them."""

    state: list[State] = []
    department: Word | None = None
    person: Annotated[Word | None, Field(description="uid; empty: the department's shared folder")] = None
    sender: Word = ""
    domain: Word = ""
    q: Text = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    rule_id: GivenId | None = None
    rule: Annotated[Word, Field(description="name of the policy's rule, such as listed-client")] = ""
    limit: Limit = 50
    cursor: Cursor = None

    def selection(self) -> Selection:
        """As the house knows it; empty means everything."""
        given = self.model_dump(include={"department", "person", "sender", "domain", "q", "since", "until"})
        return Selection(**given, states=tuple(self.state))


class Arrivals(Shape):
    """The deliveries of one day about which one rule decided the same."""

    day: date
    rule: str
    disposition: str
    withheld: Annotated[str, Field(description="in observe mode: the rule that would have stopped them")]
    count: int


class ArrivalsReport(Shape):
    """What came in, the newest day first."""

    items: list[Arrivals]


class CardQuery(Order):
    """Which cards to list, and which page of them."""

    group: Literal["sender", "none"] = "sender"
    state: list[State] = [State.HELD]
    department: Word | None = None
    person: Annotated[Word | None, Field(description="uid; empty: the department's shared folder")] = None
    q: Text = ""
    limit: Limit = 50
    cursor: Cursor = None

    def selection(self) -> Selection:
        """As the house knows it."""
        return Selection(department=self.department, person=self.person, q=self.q, states=tuple(self.state))


class Select(Order):
    """Which deliveries: `ids`, or any of the other features; all that are given must fit."""

    ids: Annotated[list[GivenId], Field(max_length=MOST_IDS)] = []
    sender: Word = ""
    domain: Word = ""
    department: Word | None = None
    person: Word | None = None
    q: Text = ""
    states: list[State] = []
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def selection(self) -> Selection:
        """As the house knows it; BadInput when it is empty."""
        given = self.model_dump()
        return Selection.of(**given | {"ids": tuple(given["ids"]), "states": tuple(given["states"])})


class PreviewOrder(Order):
    """A selection to be looked at."""

    select: Select


class SenderCount(Shape):
    """How often an author occurs."""

    author: str
    count: int


class SubjectCount(Shape):
    """How often a subject occurs."""

    subject: str
    count: int


class SenderRule(Order):
    """A rule that somebody asks for. In a decision the selected mail gives the value when it is left out."""

    effect: Literal["allow", "block"]
    match: Literal["address", "domain", "list"]
    value: Word = ""
    scope: Word
    proof: Word = ""
    until: AwareDatetime | None = None
    note: Text = ""
    risky: bool = False

    def order(self) -> RuleOrder:
        """As the house knows it."""
        return RuleOrder(**self.model_dump())


class Rule(Shape):
    """A sender rule."""

    id: Id
    effect: str
    match: str
    value: str
    scope: str
    proof: str
    unproven_only: bool
    risky: bool
    author: str
    origin: str
    note: str
    created_at: datetime
    until: datetime | None
    used: Annotated[int | None, Field(description="null where that would tell of mail beyond your scope")]
    last_used_at: datetime | None


class Rules(Shape):
    """One page of rules, newest first."""

    items: list[Rule]
    next_cursor: str | None


class Evidence(Shape):
    """What a selection holds, to be looked at before it is decided. `fence` changes when the selection does."""

    count: int
    outside: Annotated[int, Field(description="that the selection names too, beyond your scope; a search for words is not counted")]
    people: int
    departments: int
    by_state: dict[str, int]
    in_mailboxes: Annotated[int, Field(description="delivered already; a purge takes them out")]
    out_of_reach: Annotated[int, Field(description="delivered already, and there is no way into the mailboxes")]
    proven: int
    senders: list[SenderCount]
    subjects: list[SubjectCount]
    examples: list[Delivery]
    rules_contradicted: list[Rule]
    fence: str


class DecisionOrder(Order):
    """One act of one person over a selection."""

    verb: Verb
    select: Select
    reason: Text = ""
    to: Annotated[Word, Field(description="Where a redirect goes.")] = ""
    template: Annotated[Word, Field(description="What a sender is told who is rejected: a name of `GET /rejections/templates`.")] = ""
    text: Annotated[Letter, Field(description="Or these words.")] = ""
    rule: SenderRule | None = None
    expect: Annotated[int, Field(ge=0)] | None = None
    fence: Word | None = None


class RejectionOrder(Order):
    """A rejection to be looked at: a template, or a text."""

    select: Select
    template: Word = ""
    text: Letter = ""


class Template(Shape):
    """A text that a sender can be told, with its placeholders."""

    name: str
    text: str


class Templates(Shape):
    """What the settings offer."""

    items: list[Template]


class Said(Shape):
    """What one sender would be told about one message."""

    message: Id
    to: str
    text: str


class NotTold(Shape):
    """Why senders would not be told, and of how many deliveries."""

    reason: str
    count: int


class Rejection(Shape):
    """Who would be told what: the first letters, how many there are, and who would not be told."""

    letters: list[Said]
    messages: int
    deliveries: int
    refused: list[NotTold]


class UndoOrder(Order):
    """Why a decision is taken back."""

    reason: Text = ""


class Item(Shape):
    """What became of one delivery."""

    delivery: Annotated[Id, Field(validation_alias="delivery_id")]
    before: str
    outcome: str
    why: str


class DecisionSummary(Shape):
    """A decision without its items."""

    id: Id
    at: datetime
    by: str
    by_shown: str
    verb: str
    select: Annotated[dict[str, Any], Field(validation_alias="selection")]
    reason: str
    count: int
    done: int
    in_flight: int
    recalling: Annotated[int, Field(description="being taken out of mailboxes; done when this and in_flight are 0")]
    restoring: Annotated[int, Field(description="being put back into mailboxes")]
    already_gone: Annotated[int, Field(description="deleted by whom they were for before they were recalled")]
    out_of_reach: int
    refused: int
    second_by_shown: Annotated[str, Field(description="who turned the second key, where two were needed")]
    outside: Annotated[int, Field(description="that the selection names too, beyond the decider's scope: left as they are")]
    to: str
    rules: list[Rule]
    mailboxes: Annotated[int, Field(description="of a sweep: mailboxes to look through")]
    mailboxes_left: int
    undone_by: Id | None
    undoes: Id | None
    undoable: bool
    sentence: str


class Decision(DecisionSummary):
    """A decision and what became of each delivery (the first 500)."""

    items: list[Item]


class Decisions(Shape):
    """One page of decisions, newest first."""

    items: list[DecisionSummary]
    next_cursor: str | None


class Waiting(Delivery):
    """A delivery that is to be sent on, and where it goes next."""

    next_hop: str


class NextHop(Shape):
    """How it stands with the mail for one next hop."""

    next_hop: str
    waiting: int
    under_way: int
    refused: int
    unreachable: int
    last_reply: str
    next_try: datetime | None


class Queue(Shape):
    """What is to be sent on, is under way or was refused by the next hop."""

    items: list[Waiting]
    next_hops: list[NextHop]


class NextHopOrder(Order):
    """Everything that waits for one next hop."""

    next_hop: Text


class Count(Shape):
    """To how many it was done."""

    count: int


class AuditRecord(Shape):
    """One act on the record; `sequence` is null until it is sealed."""

    id: Id
    at: datetime
    by: str
    act: str
    subject: str
    detail: dict[str, Any]
    items: int
    sequence: int | None


class AuditRecords(Shape):
    """One page of the record, newest first."""

    items: list[AuditRecord]
    next_cursor: str | None


class SubstitutionOrder(Order):
    """Somebody stands in for somebody else."""

    absent: Annotated[Word, Field(description="Login; left out: you.")] = ""
    substitute: Word
    starts_at: Annotated[AwareDatetime | None, Field(description="Left out: now.")] = None
    ends_at: AwareDatetime
    reason: Text = ""


class Substitution(Shape):
    """Who stands in for whom, and how long."""

    id: Id
    absent: str
    substitute: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str


class Substitutions(Shape):
    """Those in force or to come."""

    items: list[Substitution]


class PendingAct(Shape):
    """What waits for a second person's key, or what became of it."""

    id: Id
    kind: Literal["decision", "rule"]
    needs: Annotated[list[str], Field(description="domain-allow, large-purge, risky-release")]
    items: Annotated[list[str], Field(description="ids of the deliveries")]
    reason: str
    asked_by: str
    asked_by_shown: str
    asked_at: datetime
    lapses_at: datetime
    state: Literal["waiting", "confirmed", "declined", "withdrawn", "lapsed"]
    settled_by_shown: str
    result_id: Annotated[Id | None, Field(description="of the decision or the rule, once it is confirmed")]
    sentence: str
    mine: Annotated[bool, Field(description="You asked: somebody else has to confirm it.")]


class PendingActs(Shape):
    """What waits and concerns you, the newest first."""

    items: list[PendingAct]
